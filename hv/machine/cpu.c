/* SPDX-License-Identifier: BSD-2-Clause */
/* Descriptor tables of the CPUs in root mode: see cpu.h. */
#include "hv/machine/cpu.h"

#include "hv/machine/exception.h"
#include "hv/machine/stack.h"
#include "iommu/port.h"

struct __attribute__((packed)) idt_entry {
    u16 offset0;
    u16 selector;
    u8 ist;
    u8 type;
    u16 offset1;
    u32 offset2;
    u32 reserved;
};
_Static_assert(sizeof(struct idt_entry) == 16, "SDM 7.14.1");

enum { IDT_INTERRUPT_GATE = 0x8e };

static struct cpu *cpus[CPU_MAX];
static u32 created;
/* A VM exit sets the limit to 64 KiB. */
static struct idt_entry idt[256] __attribute__((aligned(16)));

void cpu_build_idt(void)
{
    for (u32 i = 0; i < ARRAY_LEN(idt); i++) {
        u64 at = i < EXCEPTION_STUBS ? exception_stubs[i] : (u64)(uintptr_t)interrupt_end;
        u8 stack = i == VECTOR_NMI ? IST_NMI : i == VECTOR_MC ? IST_MACHINE_CHECK : IST_FAULT;
        idt[i] = (struct idt_entry){
            .offset0 = (u16)at, .offset1 = (u16)(at >> 16), .offset2 = (u32)(at >> 32),
            .selector = SELECTOR_CODE, .type = IDT_INTERRUPT_GATE, .ist = stack};
    }
}

void cpu_forget_all(void)
{
    __atomic_store_n(&created, 0, __ATOMIC_SEQ_CST);
}

struct table_register cpu_idt(void)
{
    return (struct table_register){sizeof(idt) - 1, (u64)(uintptr_t)idt};
}

struct cpu *cpu_get(u32 index)
{
    return index < CPU_MAX ? __atomic_load_n(&cpus[index], __ATOMIC_ACQUIRE) : NULL;
}

u32 cpu_count(void)
{
    return __atomic_load_n(&created, __ATOMIC_ACQUIRE);
}

/* Leaf 0Bh has all 32 bits, and where there is none an id has eight. SDM volume 2, CPUID. */
static u32 own_apic_id(void)
{
    enum { LEAF_TOPOLOGY = 0xb };
    bool is_there = cpuid(0, 0).eax >= LEAF_TOPOLOGY && cpuid(LEAF_TOPOLOGY, 0).ebx != 0;
    return is_there ? cpuid(LEAF_TOPOLOGY, 0).edx : cpuid(1, 0).ebx >> 24;
}

void cpu_build_gdt(struct cpu *c)
{
    u64 base = (u64)(uintptr_t)&c->tss;
    u64 limit = sizeof(c->tss) - 1;
    c->gdt[0] = 0;
    c->gdt[SELECTOR_CODE / 8] = 0x00af9b000000ffffull;
    c->gdt[SELECTOR_DATA / 8] = 0x00cf93000000ffffull;
    c->gdt[SELECTOR_TSS / 8] = limit | (base & 0xffffff) << 16 | 0x89ull << 40 | (base >> 24 & 0xff) << 56;
    c->gdt[SELECTOR_TSS / 8 + 1] = base >> 32;
    c->tss.io_map = sizeof(c->tss);
}

enum result cpu_create(u32 index, struct cpu **out)
{
    _Static_assert(sizeof(struct cpu) <= PAGE_SIZE, "one page each");
    if (index >= CPU_MAX) {
        port_log(LOG_ERROR, "CPU %u: only %u are supported", index, CPU_MAX);
        return ERR_UNSUPPORTED;
    }
    u32 apic_id = own_apic_id();
    if (apic_id >= CPU_APIC_IDS) {
        port_log(LOG_ERROR, "CPU %u: its APIC id is %u, and only ids below %u are supported", index, apic_id,
                 CPU_APIC_IDS);
        return ERR_UNSUPPORTED;
    }
    hpa_t page;
    enum result r = port_pages_alloc(2, &page);
    if (r != OK) {
        return r;
    }
    struct cpu *c = port_hpa_to_ptr(page);
    c->self = c;
    c->index = index;
    c->apic_id = apic_id;
    c->vmxon.v = page.v + PAGE_SIZE;
    struct stacks stacks;
    r = stack_create(index, &stacks);
    if (r != OK) {
        port_pages_free(page, 2);
        return r;
    }
    c->stack_top = stacks.main;
    c->tss.ist[IST_NMI - 1] = stacks.nmi;
    c->tss.ist[IST_FAULT - 1] = stacks.fault;
    c->tss.ist[IST_MACHINE_CHECK - 1] = stacks.machine_check;
    __atomic_store_n(&cpus[index], c, __ATOMIC_RELEASE);
    if (index >= created) {
        __atomic_store_n(&created, index + 1, __ATOMIC_RELEASE);
    }
    *out = c;
    return OK;
}

_Noreturn void cpu_park(void)
{
    for (;;) {
        __asm__ volatile("cli; hlt");
    }
}
