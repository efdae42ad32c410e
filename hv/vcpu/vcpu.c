/* See vcpu.h. */
#include "hv/vcpu/vcpu.h"

#include "hv/partition/partition.h"
#include "iommu/port.h"

enum result vcpu_create(struct partition *p, struct cpu *c, struct vcpu **out)
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
    v->signature = cpuid(1, 0).eax;
    v->vmcs.v = page.v + PAGE_SIZE;
    c->vcpu = v;
    *out = v;
    return partition_mtrr_load(&v->mtrr);
}

void vcpu_unblock(u32 what)
{
    u64 blocking = vmcs_read(VMCS_GUEST_INTERRUPTIBILITY);
    if (blocking & what) {
        vmcs_write(VMCS_GUEST_INTERRUPTIBILITY, blocking & ~(u64)what);
    }
}

void vcpu_advance_to(u64 rip)
{
    const u32 until_next = BLOCKING_STI | BLOCKING_MOV_SS;
    if (vmcs_read(VMCS_GUEST_INTERRUPTIBILITY) & until_next) {
        vcpu_unblock(until_next);
    }
    if ((vmcs_read(VMCS_GUEST_RFLAGS) & RFLAGS_TF) && !(vmcs_read(VMCS_GUEST_DEBUGCTL) & DEBUGCTL_BTF)) {
        vmcs_write(VMCS_GUEST_PENDING_DEBUG, vmcs_read(VMCS_GUEST_PENDING_DEBUG) | PENDING_DEBUG_STEP);
    }
    vmcs_write(VMCS_GUEST_RIP, rip);
}

void vcpu_advance(void)
{
    vcpu_advance_to(vmcs_read(VMCS_GUEST_RIP) + vmcs_read(VMCS_EXIT_LENGTH));
}

u64 vcpu_reg(const struct vcpu *v, u32 reg)
{
    return reg == REG_RSP ? vmcs_read(VMCS_GUEST_RSP) : v->regs->gpr[reg & 15];
}

void vcpu_inject(enum vector vector)
{
    vmcs_write(VMCS_ENTRY_EVENT, EVENT_VALID | EVENT_EXCEPTION << EVENT_TYPE_SHIFT | (u32)vector);
}

/* In real mode an exception has no error code (SDM 27.2.1.3). */
void vcpu_inject_error(enum vector vector, u32 error)
{
    u32 code = vmcs_read(VMCS_GUEST_CR0) & CR0_PE ? EVENT_ERROR_CODE : 0;
    vmcs_write(VMCS_ENTRY_ERROR_CODE, error);
    vmcs_write(VMCS_ENTRY_EVENT, EVENT_VALID | code | EVENT_EXCEPTION << EVENT_TYPE_SHIFT | (u32)vector);
}

/* VM entry ignores the error code and the length where an event has none (SDM 27.2.1.3). */
void vcpu_inject_again(u32 event, enum vmcs_field error_code)
{
    vmcs_write(VMCS_ENTRY_ERROR_CODE, vmcs_read(error_code));
    vmcs_write(VMCS_ENTRY_LENGTH, vmcs_read(VMCS_EXIT_LENGTH));
    vmcs_write(VMCS_ENTRY_EVENT, event & ~(u32)EVENT_NMI_UNBLOCKED);
}
