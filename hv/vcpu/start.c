/* SPDX-License-Identifier: BSD-2-Clause */
/* See start.h. */
#include "hv/vcpu/start.h"

#include "hv/machine/reset.h"
#include "hv/machine/x86.h"
#include "hv/partition/partition.h"
#include "hv/vcpu/kick.h"
#include "hv/vcpu/nmi.h"
#include "hv/vcpu/stop.h"
#include "hv/vmx/vmx.h"
#include "iommu/port.h"

#define DR6_RESET 0xffff0ff0ull

enum {
    LIMIT = 0xffff,
    FLAT_CODE = 0x10, FLAT_DATA = 0x18, FLAT_CODE_RIGHTS = 0xc09b, FLAT_DATA_RIGHTS = 0xc093,
};

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
 * The root's first CPU would start at the firmware's reset vector again. Hardware resets the machine here; so do we.
 */
static void init_of_first_cpu(struct vcpu *v)
{
    if (v->partition->config != NULL) {
        stop_partition(v, "INIT of its first CPU", true);
        return;
    }
    port_log(LOG_ERROR, "INIT of the boot CPU, the machine resets");
    machine_reset();
}

static void clear_events(struct vcpu *v)
{
    vmcs_write(VMCS_ENTRY_EVENT, 0);
    vmcs_write(VMCS_GUEST_INTERRUPTIBILITY, 0);
    vmcs_write(VMCS_GUEST_PENDING_DEBUG, 0);
    nmi_forget(v);
}

void start_init(struct vcpu *v)
{
    clear_events(v);
    if (vcpu_is_first(v)) {
        init_of_first_cpu(v);
    }
}

void start_at(struct vcpu *v, u32 vector)
{
    reset_registers(v);
    vmcs_write(VMCS_GUEST_CS, (u64)vector << 8);
    vmcs_write(VMCS_GUEST_CS_BASE, (u64)vector << 12);
}

/* Code and data of all 4 GiB; selectors as boot protocols have them. */
void start_flat(struct vcpu *v, const struct start_registers *at)
{
    clear_events(v);
    reset_registers(v);
    for (u32 s = SEG_ES; s <= SEG_GS; s++) {
        bool code = s == SEG_CS;
        vmcs_write(vmcs_of_segment(VMCS_GUEST_ES, (enum segment)s), code ? FLAT_CODE : FLAT_DATA);
        vmcs_write(vmcs_of_segment(VMCS_GUEST_ES_LIMIT, (enum segment)s), ~0u);
        vmcs_write(vmcs_of_segment(VMCS_GUEST_ES_RIGHTS, (enum segment)s), code ? FLAT_CODE_RIGHTS : FLAT_DATA_RIGHTS);
    }
    vmcs_write(VMCS_CR0_SHADOW, CR0_ET | CR0_PE);
    vmcs_write(VMCS_GUEST_CR0, CR0_ET | CR0_PE | v->cr0_fixed);
    vmcs_write(VMCS_GUEST_RIP, at->eip);
    v->regs->gpr[REG_RAX] = at->eax;
    v->regs->gpr[REG_RBX] = at->ebx;
    v->regs->gpr[REG_RSI] = at->esi;
    v->startup = 0;
}

/* Goes from one word to the next; false, with the present one in *word: another CPU was faster. */
static bool step(struct vcpu *v, u32 *word, u32 next)
{
    return __atomic_compare_exchange_n(&v->startup, word, next, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

static void tell(struct vcpu *v, enum vcpu_alert what)
{
    __atomic_fetch_or(&v->alert, what, __ATOMIC_SEQ_CST);
    if (v->cpu != cpu_current()) {
        kick_exit(v->cpu);
    }
}

void start_send_init(struct vcpu *v)
{
    u32 word = __atomic_load_n(&v->startup, __ATOMIC_SEQ_CST);
    while (!step(v, &word, startup_after_init(word))) {
    }
    tell(v, ALERT_STARTUP);
}

void start_send_sipi(struct vcpu *v, u32 vector)
{
    u32 word = __atomic_load_n(&v->startup, __ATOMIC_SEQ_CST);
    while (!step(v, &word, startup_after_sipi(word, vector))) {
    }
    if (startup_after_sipi(word, vector) != word) {
        tell(v, ALERT_STARTUP);
    }
}

/* A raw one could not be told from a kick. */
void start_send_nmi(struct vcpu *v)
{
    tell(v, ALERT_NMI);
}

/* Interrupts are off there, and NMIs are not the guest's (nmi.c). Some exits end the halt: each is followed by this. */
static void wait(struct vcpu *v)
{
    vmcs_write(VMCS_GUEST_ACTIVITY, ACTIVITY_HLT);
    __atomic_fetch_or(&v->alert, ALERT_STARTUP, __ATOMIC_SEQ_CST);
}

void start_wait(struct vcpu *v)
{
    clear_events(v);
    reset_registers(v);
    __atomic_store_n(&v->startup, STARTUP_WAITS, __ATOMIC_SEQ_CST);
    wait(v);
}

void start_serve(struct vcpu *v)
{
    u32 word = __atomic_load_n(&v->startup, __ATOMIC_SEQ_CST);
    u32 next;
    enum startup_step what;
    while ((what = startup_next(word, &next)) != STARTUP_NOTHING) {
        if (!step(v, &word, next)) {
            continue;
        }
        if (what == STARTUP_RESET) {
            start_init(v);
            reset_registers(v);
        } else {
            start_at(v, word & STARTUP_VECTOR);
        }
        word = __atomic_load_n(&v->startup, __ATOMIC_SEQ_CST);
    }
    if (vcpu_waits_for_sipi(v)) {
        wait(v);
    }
}
