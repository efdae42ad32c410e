/* SPDX-License-Identifier: BSD-2-Clause */
/* See memo.h. */
#include "hv/vcpu/memo.h"

#include "hv/vmx/entry.h"
#include "hv/vmx/vmcs.h"

/* RSP is in the VMCS and not among the registers; segments other than FS and GS have no base. */
static bool is_plain(const struct insn *in)
{
    const struct insn_memory *m = &in->memory;
    return in->op == INSN_MOV && in->width >= 4 && in->reg < 16 && in->reg != REG_RSP &&
           in->address_width == 8 && m->segment < INSN_FS && m->base < 16 && m->base != REG_RSP;
}

void memo_keep(struct memos *all, u64 rip, const struct insn_mmio *m)
{
    struct memo *memo = &all->memo[all->next];
    const struct guest_paging *p = m->paging;
    if (m->mode != INSN_64 || !is_plain(&m->insn)) {
        return;
    }
    all->rip[all->next] = rip;
    all->next = (all->next + 1) % MEMO_COUNT;
    memo->trail = m->trail;
    memo->insn = m->insn;
    memo->cr0 = p->cr0;
    memo->cr3 = p->cr3;
    memo->cr4 = p->cr4;
    memo->efer = p->efer;
    memo->cs_rights = vmcs_read(VMCS_GUEST_CS_RIGHTS);
    memo->ss_rights = vmcs_read(VMCS_GUEST_SS_RIGHTS);
}

/* Accessed bits stay set, and protection keys do not apply to fetches: these registers and the trail say all. */
static bool holds(const struct memo *m)
{
    u64 differs = (vmcs_read(VMCS_GUEST_CR0) ^ m->cr0) | (vmcs_read(VMCS_GUEST_CR3) ^ m->cr3) |
                  (vmcs_read(VMCS_GUEST_CR4) ^ m->cr4) | (vmcs_read(VMCS_GUEST_EFER) ^ m->efer) |
                  (vmcs_read(VMCS_GUEST_CS_RIGHTS) ^ m->cs_rights) |
                  (vmcs_read(VMCS_GUEST_SS_RIGHTS) ^ m->ss_rights);
    return differs == 0 && guest_walk_trail_holds(&m->trail);
}

/* From the one that was found last on: mostly it is that. */
const struct memo *memo_find(struct memos *all, u64 rip)
{
    u32 i = all->last;
    do {
        if (all->rip[i] == rip && holds(&all->memo[i])) {
            all->last = i;
            return &all->memo[i];
        }
        i = (i + 1) % MEMO_COUNT;
    } while (i != all->last);
    return NULL;
}
