/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Nestor as it is, with one addition: its guest can have memory of its own taken away while it runs. The product
 * never does that, so the function that makes such a change visible is tested here. This file stands for
 * hv/exit/undefined.c in the image (bochs.mk), and so VMCALL is defined; the rest are the product's objects.
 */
#include "hv/exit/handlers.h"
#include "hv/partition/state.h"
#include "hv/vcpu/kick.h"
#include "hv/vcpu/panic.h"
#include "hv/vmx/vmx.h"
#include "iommu/domain/state.h"
#include "iommu/port.h"
#include "tests/bochs/unmap/command.h"

#define ENTRY_ADDRESS 0x000ffffffffff000ull

static void must(enum result r, const char *what)
{
    if (r != OK) {
        panic("unmap: %s: %s", what, result_text(r));
    }
}

static void only_this_cpu(void *unused)
{
    (void)unused;
    vmx_invept_all();
}

/* It is a hole, both for accesses that are emulated and for those that would map it again. */
static void take_away(struct partition *p, gpa_t at, u64 size)
{
    u64 unmapped = 0;
    ept_map_add(p->ept->ranges, &p->ept->map.count, at.v, size, 0);
    must(domain_unmap(p->domain, at, size, &unmapped), "taking it away");
    if (unmapped != size) {
        panic("unmap: %llu bytes were mapped", unmapped);
    }
}

static void make_visible(struct partition *p, gpa_t at, u64 size, u32 how)
{
    struct domain_config *config = &p->domain->config;
    if (how == UNMAP_NO_UNIT) {
        kick_invalidate(p);
        return;
    }
    config->cpu_flush = how == UNMAP_THIS_CPU ? only_this_cpu : kick_invalidate;
    must(domain_flush(p->domain, at, size), "making it visible");
    config->cpu_flush = kick_invalidate;
}

static void reuse(gpa_t at, u64 size)
{
    volatile u64 *word = port_hpa_to_ptr((hpa_t){at.v});
    for (u64 i = 0; i < size / sizeof(*word); i++) {
        word[i] = UNMAP_REUSED;
    }
}

static void give_back(struct partition *p, gpa_t at, u64 size)
{
    must(domain_map(p->domain, at, (hpa_t){at.v}, size, PROT_READ | PROT_WRITE | PROT_EXEC, MEM_WB),
         "mapping it");
    must(domain_flush(p->domain, at, size), "mapping it");
    p->ept->map.count--;
}

/* Writable but not readable: an entry that is misconfigured (SDM 30.3.3.1). */
static void flip_readable(const struct partition *p, gpa_t at)
{
    u64 table = domain_cpu_root(p->domain).v;
    for (u32 shift = 39; shift > 12; shift -= 9) {
        table = ((const u64 *)port_hpa_to_ptr((hpa_t){table}))[at.v >> shift & 511] & ENTRY_ADDRESS;
    }
    ((u64 *)port_hpa_to_ptr((hpa_t){table}))[at.v >> 12 & 511] ^= PROT_READ;
    vmx_invept_all();
}

void exit_undefined(struct vcpu *v)
{
    const u64 *gpr = v->regs->gpr;
    u64 size = gpr[REG_RCX] & UNMAP_LARGE ? 2ull << 20 : PAGE_SIZE;
    u32 command = (u32)gpr[REG_RCX] & UNMAP_COMMAND;
    gpa_t at = {gpr[REG_RCX] & ~(size - 1)};
    if (vmcs_read(VMCS_EXIT_REASON) != REASON_VMCALL || gpr[REG_RAX] != UNMAP_CALL) {
        vcpu_inject(VECTOR_UD);
        return;
    }
    if (command == UNMAP_MAP) {
        give_back(v->partition, at, size);
    } else if (command == UNMAP_BREAK) {
        flip_readable(v->partition, at);
    } else {
        take_away(v->partition, at, size);
        make_visible(v->partition, at, size, command);
        reuse(at, size);
    }
    vcpu_advance();
}
