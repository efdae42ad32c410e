/* See hv/vcpu/memo.h. */
#include "hv/vcpu/memo.h"

#include "hv/exit/mmio.h"
#include "hv/vcpu/vcpu.h"

/*
 * MOV between a register of 4 or 8 bytes and memory at a base register, with an index or without. Neither
 * is RSP, which the VMCS holds, and no segment has a base.
 */
static bool is_plain(const struct insn *in)
{
    const struct insn_memory *m = &in->memory;
    return in->op == INSN_MOV && in->width >= 4 && in->reg < 16 && in->reg != REG_RSP &&
           in->address_width == 8 && m->segment < INSN_FS && m->base < 16 && m->base != REG_RSP;
}

void mmio_memo_keep(struct vcpu *v, u64 rip, const struct insn_mmio *m)
{
    struct mmio_memos *all = &v->memos;
    struct mmio_memo *memo = &all->memo[all->next];
    const struct guest_paging *p = m->paging;
    if (m->mode != INSN_64 || !is_plain(&m->insn)) {
        return;
    }
    all->rip[all->next] = rip;
    all->next = (all->next + 1) % MMIO_MEMOS;
    memo->trail = m->trail;
    memo->insn = m->insn;
    memo->cr0 = p->cr0;
    memo->cr3 = p->cr3;
    memo->cr4 = p->cr4;
    memo->efer = p->efer;
    memo->cs_rights = vmcs_read(VMCS_GUEST_CS_RIGHTS);
    memo->ss_rights = vmcs_read(VMCS_GUEST_SS_RIGHTS);
}

/* Accessed bits stay set and protection keys do not rule fetches: these registers and the trail say all. */
static bool holds(const struct mmio_memo *m)
{
    u64 differs = (vmcs_read(VMCS_GUEST_CR0) ^ m->cr0) | (vmcs_read(VMCS_GUEST_CR3) ^ m->cr3) |
                  (vmcs_read(VMCS_GUEST_CR4) ^ m->cr4) | (vmcs_read(VMCS_GUEST_EFER) ^ m->efer) |
                  (vmcs_read(VMCS_GUEST_CS_RIGHTS) ^ m->cs_rights) |
                  (vmcs_read(VMCS_GUEST_SS_RIGHTS) ^ m->ss_rights);
    return differs == 0 && guest_trail_holds(&m->trail);
}

static const struct mmio_memo *find(const struct mmio_memos *all, u64 rip)
{
    for (u32 i = 0; i < MMIO_MEMOS; i++) {
        if (all->rip[i] == rip && holds(&all->memo[i])) {
            return &all->memo[i];
        }
    }
    return NULL;
}

bool mmio_memo_run(struct vcpu *v, u64 gpa, struct viommu *unit, u32 offset)
{
    u64 rip = vmcs_read(VMCS_GUEST_RIP);
    u64 *gpr = v->regs->gpr;
    const struct mmio_memo *memo = find(&v->memos, rip);
    const struct insn *in = &memo->insn;
    u64 address;
    if (memo == NULL) {
        return false;
    }
    address = (u64)in->memory.displacement + gpr[in->memory.base];
    if (in->memory.index != INSN_NONE) {
        address += gpr[in->memory.index] * in->memory.scale;
    }
    if (!insn_mmio_is_at(gpa, address, in->width)) {
        return false;
    }
    if (in->to_memory) {
        exit_mmio_write(v, unit, offset, in->width, gpr[in->reg] & in->mask);
    } else {
        gpr[in->reg] = exit_mmio_read(v, unit, offset, in->width);
    }
    vcpu_advance_to(rip + in->length);
    return true;
}
