/* SPDX-License-Identifier: BSD-2-Clause */
/* See vcpu.h. */
#include "hv/vcpu/vcpu.h"

#include "hv/machine/apic.h"
#include "hv/partition/partition.h"
#include "iommu/port.h"

not_inlined void vcpu_reset_msrs(struct vcpu *v)
{
    const struct partition *p = v->partition;
    v->msr = (struct msr_guest){.confined = p->config != NULL, .first = vcpu_is_first(v)};
}

enum result vcpu_create(struct partition *p, struct cpu *c, u32 number, struct vcpu **out)
{
    _Static_assert(sizeof(struct vcpu) <= PAGE_SIZE, "one page each");
    hpa_t page;
    enum result r = port_pages_alloc(2, &page);
    if (r != OK) {
        return r;
    }
    struct vcpu *v = port_hpa_to_ptr(page);
    v->partition = p;
    v->cpu = c;
    v->index = c->index;
    v->number = number;
    v->alert = vcpu_is_first(v) && p->config == NULL ? ALERT_NOT_SET_UP : 0; /* done at its first exit */
    v->signature = cpuid(1, 0).eax;
    v->apic_format = APIC_FLAT;
    if (p->apic_page != 0 && !apic_is_x2apic()) {
        v->apic_logical = port_mmio_read32((hpa_t){p->apic_page + APIC_LOGICAL});
        v->apic_format = port_mmio_read32((hpa_t){p->apic_page + APIC_FORMAT});
    }
    v->vmcs.v = page.v + PAGE_SIZE;
    vcpu_reset_msrs(v);
    *out = v;
    return partition_mtrr_begin(p, &v->mtrr);
}

void vcpu_unblock(u32 what)
{
    u64 blocking = vmcs_read(VMCS_GUEST_INTERRUPTIBILITY);
    if (blocking & what) {
        vmcs_write(VMCS_GUEST_INTERRUPTIBILITY, blocking & ~(u64)what);
    }
}

void vcpu_block(u32 what)
{
    vmcs_write(VMCS_GUEST_INTERRUPTIBILITY, vmcs_read(VMCS_GUEST_INTERRUPTIBILITY) | what);
}

static void add_pending_debug(u32 what)
{
    vmcs_write(VMCS_GUEST_PENDING_DEBUG, vmcs_read(VMCS_GUEST_PENDING_DEBUG) | what);
}

void vcpu_advance_to(u64 rip)
{
    const u32 until_next = BLOCKING_STI | BLOCKING_MOV_SS;
    u64 flags = vmcs_read(VMCS_GUEST_RFLAGS);
    if (vmcs_read(VMCS_GUEST_INTERRUPTIBILITY) & until_next) {
        vcpu_unblock(until_next);
    }
    if ((flags & RFLAGS_TF) && !(vmcs_read(VMCS_GUEST_DEBUGCTL) & DEBUGCTL_BTF)) {
        add_pending_debug(PENDING_DEBUG_STEP);
    }
    /* An exit for a fault saves RF = 1 (SDM 29.3.3). */
    if (flags & RFLAGS_RF) {
        vmcs_write(VMCS_GUEST_RFLAGS, flags & ~(u64)RFLAGS_RF);
    }
    vmcs_write(VMCS_GUEST_RIP, rip);
}

/* The breakpoint on it, if there is one, has been met before it exited: without RF it would be met again. */
void vcpu_repeat(void)
{
    vmcs_write(VMCS_GUEST_RFLAGS, vmcs_read(VMCS_GUEST_RFLAGS) | RFLAGS_RF);
}

void vcpu_exit_at_once(const struct vcpu *v)
{
    vmcs_write(VMCS_PREEMPTION_TIMER, 0);
    vmcs_write(VMCS_PIN_CONTROLS, v->pin_controls | PIN_PREEMPTION_TIMER);
}

void vcpu_note_breakpoints(u64 dr7, u64 address, u32 width, enum breakpoint_kind kind)
{
    if (kind == BREAKPOINT_PORT && !(vmcs_read(VMCS_GUEST_CR4) & CR4_DE)) {
        return;
    }
    u64 dr[4];
    dr_read(dr);
    u32 met = breakpoint_met(dr7, dr, address, width, kind);
    if (met != 0) {
        add_pending_debug(met | PENDING_DEBUG_BREAKPOINT);
    }
}

void vcpu_advance(void)
{
    vcpu_advance_to(vmcs_read(VMCS_GUEST_RIP) + vmcs_read(VMCS_EXIT_LENGTH));
}

u64 vcpu_reg(const struct vcpu *v, u32 reg)
{
    return reg == REG_RSP ? vmcs_read(VMCS_GUEST_RSP) : v->regs->gpr[reg & 15];
}

/* VM entry pushes RFLAGS as they are (SDM 28.6.1.1), hardware sets RF for every fault and abort (SDM 18.3.1.1). */
static void begin_fault(void)
{
    vcpu_repeat();
}

void vcpu_inject(enum vector vector)
{
    begin_fault();
    vmcs_write(VMCS_ENTRY_EVENT, EVENT_VALID | EVENT_EXCEPTION << EVENT_TYPE_SHIFT | (u32)vector);
}

/* In real mode an exception has no error code (SDM 27.2.1.3). */
void vcpu_inject_error(enum vector vector, u32 error)
{
    u32 code = vmcs_read(VMCS_GUEST_CR0) & CR0_PE ? EVENT_ERROR_CODE : 0;
    begin_fault();
    vmcs_write(VMCS_ENTRY_ERROR_CODE, error);
    vmcs_write(VMCS_ENTRY_EVENT, EVENT_VALID | code | EVENT_EXCEPTION << EVENT_TYPE_SHIFT | (u32)vector);
}

/* VM entry ignores the error code and the length where an event has none (SDM 27.2.1.3). */
not_inlined void vcpu_inject_again(u32 event, enum vmcs_field error_code)
{
    vmcs_write(VMCS_ENTRY_ERROR_CODE, vmcs_read(error_code));
    vmcs_write(VMCS_ENTRY_LENGTH, vmcs_read(VMCS_EXIT_LENGTH));
    vmcs_write(VMCS_ENTRY_EVENT, event & ~(u32)EVENT_NMI_UNBLOCKED);
}
