/* SPDX-License-Identifier: BSD-2-Clause */
/* See start.h. */
#include "hv/vcpu/start.h"

#include "hv/machine/reset.h"
#include "hv/machine/x86.h"
#include "hv/vcpu/kick.h"
#include "hv/vcpu/nmi.h"
#include "hv/vmx/vmx.h"
#include "iommu/port.h"

#define DR6_RESET 0xffff0ff0ull

enum { LIMIT = 0xffff };

/* In the order of enum segment. */
static const u8 reset_rights[SEG_COUNT] = {0x93, 0x9b, 0x93, 0x93, 0x93, 0x93, 0x82, 0x8b};

/* SDM table 11-1, column INIT, and RIP after a SIPI. CR0.CD and NW stay: VM entry does not load them. */
static const struct { u16 field; u32 value; } reset_values[] = {
    {VMCS_GUEST_GDTR_BASE, 0}, {VMCS_GUEST_GDTR_LIMIT, LIMIT},
    {VMCS_GUEST_IDTR_BASE, 0}, {VMCS_GUEST_IDTR_LIMIT, LIMIT},
    {VMCS_CR0_SHADOW, CR0_ET}, {VMCS_CR4_SHADOW, 0},
    {VMCS_GUEST_CR3, 0}, {VMCS_GUEST_EFER, 0},
    {VMCS_GUEST_DR7, 0x400}, {VMCS_GUEST_RFLAGS, RFLAGS_ONE},
    {VMCS_GUEST_RIP, 0}, {VMCS_GUEST_RSP, 0},
    {VMCS_GUEST_ACTIVITY, ACTIVITY_ACTIVE},
};

static void reset_segments(void)
{
    for (u32 s = 0; s < SEG_COUNT; s++) {
        vmcs_write(vmcs_of_segment(VMCS_GUEST_ES, (enum segment)s), 0);
        vmcs_write(vmcs_of_segment(VMCS_GUEST_ES_BASE, (enum segment)s), 0);
        vmcs_write(vmcs_of_segment(VMCS_GUEST_ES_LIMIT, (enum segment)s), LIMIT);
        vmcs_write(vmcs_of_segment(VMCS_GUEST_ES_RIGHTS, (enum segment)s), reset_rights[s]);
    }
}

static void reset_registers(struct vcpu *v)
{
    reset_segments();
/* Unrolled, as the compiler would have it, this takes 100 bytes more. */
#pragma GCC unroll 1
    for (u32 i = 0; i < ARRAY_LEN(reset_values); i++) {
        vmcs_write((enum vmcs_field)reset_values[i].field, reset_values[i].value);
    }
    *v->regs = (struct guest_regs){.gpr[REG_RDX] = v->signature};
    vmcs_write(VMCS_GUEST_CR0, CR0_ET | v->cr0_fixed);
    vmcs_write(VMCS_GUEST_CR4, v->cr4_fixed);
    vmcs_write(VMCS_ENTRY_CONTROLS, v->entry_controls);
    cr2_write(0);
    __asm__ volatile("mov %0, %%dr6" : : "r"(DR6_RESET));
    __asm__ volatile("mov %0, %%dr0; mov %0, %%dr1; mov %0, %%dr2; mov %0, %%dr3" : : "r"(0ull));
    vmx_invvpid((u16)(v->index + 1));
}

/*
 * The boot CPU would start at the firmware's reset vector again. Hardware resets the machine here; so do we.
 */
static void init_of_boot_cpu(void)
{
    port_log(LOG_ERROR, "INIT of the boot CPU, the machine resets");
    machine_reset();
}

void start_init(struct vcpu *v)
{
    vmcs_write(VMCS_ENTRY_EVENT, 0);
    vmcs_write(VMCS_GUEST_INTERRUPTIBILITY, 0);
    vmcs_write(VMCS_GUEST_PENDING_DEBUG, 0);
    nmi_forget(v);
    if (vcpu_is_first(v)) {
        init_of_boot_cpu();
    }
}

void start_at(struct vcpu *v, u32 vector)
{
    reset_registers(v);
    vmcs_write(VMCS_GUEST_CS, (u64)vector << 8);
    vmcs_write(VMCS_GUEST_CS_BASE, (u64)vector << 12);
}

/* Goes from one word to the next; false, with the present one in *word: another CPU was faster. */
static bool step(struct vcpu *v, u32 *word, u32 next)
{
    return __atomic_compare_exchange_n(&v->startup, word, next, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

static void tell(struct vcpu *v)
{
    __atomic_fetch_or(&v->alert, ALERT_STARTUP, __ATOMIC_SEQ_CST);
    if (v->cpu != cpu_current()) {
        kick_exit(v->cpu);
    }
}

void start_send_init(struct vcpu *v)
{
    u32 word = __atomic_load_n(&v->startup, __ATOMIC_SEQ_CST);
    while (!step(v, &word, startup_after_init(word))) {
    }
    tell(v);
}

void start_send_sipi(struct vcpu *v, u32 vector)
{
    u32 word = __atomic_load_n(&v->startup, __ATOMIC_SEQ_CST);
    while (!step(v, &word, startup_after_sipi(word, vector))) {
    }
    if (startup_after_sipi(word, vector) != word) {
        tell(v);
    }
}

/* Interrupts are off there, and NMIs are not the guest's (nmi.c). Some exits end the halt: each is followed by this. */
static void wait(struct vcpu *v)
{
    vmcs_write(VMCS_GUEST_ACTIVITY, ACTIVITY_HLT);
    __atomic_fetch_or(&v->alert, ALERT_STARTUP, __ATOMIC_SEQ_CST);
}

bool start_serve(struct vcpu *v)
{
    u32 word = __atomic_load_n(&v->startup, __ATOMIC_SEQ_CST);
    bool stopped = false;
    u32 next;
    enum startup_step what;
    while ((what = startup_next(word, &next)) != STARTUP_NOTHING) {
        if (!step(v, &word, next)) {
            continue;
        }
        if (what == STARTUP_RESET) {
            start_init(v);
            reset_registers(v);
            stopped = true;
        } else {
            start_at(v, word & STARTUP_VECTOR);
        }
        word = __atomic_load_n(&v->startup, __ATOMIC_SEQ_CST);
    }
    if (vcpu_waits_for_sipi(v)) {
        wait(v);
    }
    return stopped;
}
