/* SPDX-License-Identifier: BSD-2-Clause */
/* See apic.h. The interrupt command register: SDM 12.6.1, in x2APIC mode 12.12.9. */
#include "hv/machine/apic.h"

#include "hv/machine/checked.h"
#include "hv/machine/x86.h"
#include "iommu/port.h"

#define APIC_BASE_X2APIC (1ull << 10)
#define APIC_BASE_ON (1ull << 11)
#define APIC_BASE_ADDRESS 0x000ffffffffff000ull

enum {
    SPURIOUS_OFF = 0xff,
    SPURIOUS_ON = 1 << 8 | 0xff,
    VECTORS = 256,
    TPR_EXCEPTIONS = 0x1f,           /* the vectors below 32, which the IDT has for exceptions */
    LVT_MASKED = 1 << 16,
    TPR_NONE = 0xff,
    LVT_NMI = 4 << 8,
    LVT_EXTINT = 7 << 8,
    SEND_NMI = ICR_NMI << ICR_MODE_SHIFT | ICR_ASSERT,

    MESSAGE_LOGICAL = 1 << 2,        /* of the address; ICR_LOGICAL */
    MESSAGE_VECTOR_AND_MODE = 0x7ff, /* of the data, as in the ICR */
    PENDING_SPINS = 1000,
};

static hpa_t apic_register(u64 base, u32 offset)
{
    return (hpa_t){(base & APIC_BASE_ADDRESS) + offset};
}

static void wait_idle(hpa_t low)
{
    for (u32 i = 0; i < PENDING_SPINS && (port_mmio_read32(low) & ICR_PENDING); i++) {
        port_relax();
    }
}

static void send(u32 destination, u32 command)
{
    u64 base = msr_read(MSR_APIC_BASE);
    hpa_t low = apic_register(base, APIC_ICR_LOW);
    hpa_t high = apic_register(base, APIC_ICR_HIGH);
    memory_fence();
    if (base & APIC_BASE_X2APIC) {
        msr_write(MSR_X2APIC_ICR, (u64)destination << 32 | command);
        return;
    }
    wait_idle(low);
    u32 guest_high = port_mmio_read32(high);
    port_mmio_write32(high, destination << 24);
    port_mmio_write32(low, command);
    wait_idle(low);
    port_mmio_write32(high, guest_high);
}

void apic_send_nmi(u32 apic_id)
{
    send(apic_id, SEND_NMI);
}

void apic_send_nmi_to_others(void)
{
    send(0, SEND_NMI | ICR_TO_OTHERS << ICR_SHORTHAND_SHIFT);
}

u64 apic_page(void)
{
    return msr_read(MSR_APIC_BASE) & APIC_BASE_ADDRESS;
}

bool apic_is_x2apic(void)
{
    return (msr_read(MSR_APIC_BASE) & APIC_BASE_X2APIC) != 0;
}

u32 apic_counter_entry(void)
{
    u64 base = msr_read(MSR_APIC_BASE);
    return base & APIC_BASE_X2APIC ? (u32)msr_read(MSR_X2APIC_LVT_COUNTERS)
                                   : port_mmio_read32(apic_register(base, APIC_LVT_COUNTERS));
}

/* Off, and on again: x2APIC mode ends no other way (SDM 12.12.5). */
bool apic_restart(u64 base)
{
    return checked_msr_write(MSR_APIC_BASE, base & ~APIC_BASE_ON) && checked_msr_write(MSR_APIC_BASE, base);
}

/* The priority is above all vectors; ExtINT and NMIs have none (SDM 12.8.3). */
void apic_pass_pins(void)
{
    u64 base = msr_read(MSR_APIC_BASE);
    port_mmio_write32(apic_register(base, APIC_TPR), TPR_NONE);
    port_mmio_write32(apic_register(base, APIC_SPURIOUS), SPURIOUS_ON);
    port_mmio_write32(apic_register(base, APIC_LVT_LINT0), LVT_EXTINT);
    port_mmio_write32(apic_register(base, APIC_LVT_LINT1), LVT_NMI);
}

bool apic_enter_x2apic(void)
{
    u64 base = msr_read(MSR_APIC_BASE);
    return (base & APIC_BASE_X2APIC) != 0 || checked_msr_write(MSR_APIC_BASE, base | APIC_BASE_ON | APIC_BASE_X2APIC);
}

/* A guest's stores come before its IPI; WRMSR to this register waits for none (SDM 12.12.3). */
void apic_send(u64 command)
{
    memory_fence();
    msr_write(MSR_X2APIC_ICR, command);
}

void apic_send_to_cluster(u32 cluster, u32 members, u32 command)
{
    apic_send((u64)(cluster << 16 | members) << 32 | ICR_LOGICAL | ICR_ASSERT | command);
}

static bool any_of(u32 first)
{
    u64 found = 0;
    for (u32 i = 0; i < VECTORS / 32; i++) {
        found |= msr_read(first + i);
    }
    return found != 0;
}

/* Corrected machine checks, then timer to error. Not every CPU has all. */
static void mask_sources(void)
{
    static const u16 entries[] = {0x82f, 0x832, 0x833, 0x834, 0x835, 0x836, 0x837};
    for (u32 i = 0; i < ARRAY_LEN(entries); i++) {
        (void)checked_msr_write(entries[i], LVT_MASKED);
    }
    (void)checked_msr_write(MSR_TSC_DEADLINE, 0);
    msr_write(MSR_X2APIC_TIMER_COUNT, 0);
}

/* Off and on would do it, too, but is not allowed where the mode is locked, and may lose an NMI of Nestor's. */
bool apic_empty(void)
{
    mask_sources();
    msr_write(MSR_X2APIC_TPR, TPR_EXCEPTIONS);
    msr_write(MSR_X2APIC_SPURIOUS, SPURIOUS_ON);
    for (u32 i = 0; i < VECTORS && any_of(MSR_X2APIC_ISR); i++) {
        msr_write(MSR_X2APIC_EOI, 0);
    }
    for (u32 i = 0; i < VECTORS && any_of(MSR_X2APIC_IRR); i++) {
        __asm__ volatile("sti; nop; cli" : : : "memory"); /* exception.asm: interrupt_end */
    }
    msr_write(MSR_X2APIC_SPURIOUS, SPURIOUS_OFF);
    msr_write(MSR_X2APIC_TPR, 0);
    return !any_of(MSR_X2APIC_IRR);
}

void apic_send_message(u64 address, u32 data)
{
    u32 logical = address & MESSAGE_LOGICAL ? ICR_LOGICAL : 0;
    u32 destination = ((u32)(address >> 12) & 0xff) | ((u32)(address >> 32) & ~0xffu);
    send(destination, (data & MESSAGE_VECTOR_AND_MODE) | ICR_ASSERT | logical);
}
