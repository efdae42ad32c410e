/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * See mmio.h. insn_mmio.c completes the instruction; here is what it needs to know of the CPU and of the page, and
 * what the guest gets where it cannot be completed.
 */
#include "hv/exit/mmio.h"

#include "hv/exit/apic.h"
#include "hv/exit/handlers.h"
#include "hv/exit/pci.h"
#include "hv/exit/sleep.h"
#include "hv/guest/insn_mmio.h"
#include "hv/machine/checked.h"
#include "hv/machine/x86.h"
#include "hv/partition/partition.h"
#include "hv/vcpu/work.h"
#include "iommu/port.h"

enum {
    QUALIFICATION_FETCH = 1 << 2,
    QUALIFICATION_TRANSLATED = 1 << 8,  /* the access itself, not a walk of the guest's tables */
    RIGHTS_DPL_SHIFT = 5, RIGHTS_LONG = 1 << 13, RIGHTS_BIG = 1 << 14,
};

/* What load() and store() need to know. */
struct access {
    struct vcpu *v;
    struct viommu *unit;
    u32 offset;
};

static const volatile void *find_guest(void *ctx, gpa_t gpa, size_t len)
{
    return partition_memory_at(ctx, gpa, len);
}

/* Nestor's memory and units that are not shown: reads give all ones, writes are dropped. */
static void say_not_the_guests(struct vcpu *v, u64 gpa, const char *what)
{
    struct limit *hits = &v->partition->own_memory_hits;
    if (limit_due(hits)) {
        port_log(LOG_WARNING, "CPU %u: %s of 0x%llx, which is not the guest's, at rip 0x%llx (attempt %llu)",
                 v->index, what, gpa, vmcs_read(VMCS_GUEST_RIP), hits->count);
    }
}

/* A protected page is like ROM: it can be read, and writes are dropped. */
static u64 read_protected(const struct partition *p, u64 gpa, u32 width)
{
    u64 value = 0;
    return checked_copy(&value, port_hpa_to_ptr(partition_hpa(p, (gpa_t){gpa})), width) ? value : ~0ull;
}

static void say_protected(struct vcpu *v, u64 gpa)
{
    struct limit *hits = &v->partition->protected_writes;
    if (limit_due(hits)) {
        port_log(LOG_WARNING, "CPU %u: write to 0x%llx, which is protected, dropped, at rip 0x%llx (attempt %llu)",
                 v->index, gpa, vmcs_read(VMCS_GUEST_RIP), hits->count);
    }
}

/* False: the instruction is to be executed again, with interrupts and NMIs of the guest's in between. */
static inline bool read_register(struct vcpu *v, struct viommu *unit, u32 offset, u32 width, u64 *value)
{
    enum viommu_outcome outcome = viommu_mmio_read(unit, offset, width, value);
    if (outcome != VIOMMU_DONE) {
        work_left(v);
        return outcome != VIOMMU_BUSY;
    }
    return true;
}

static void write_register(struct vcpu *v, struct viommu *unit, u32 offset, u32 width, u64 value)
{
    if (viommu_mmio_write(unit, offset, width, value)) {
        work_left(v);
    }
}

static u64 load(void *ctx, u64 gpa, u32 width)
{
    const struct access *a = ctx;
    vcpu_note_access(vmcs_read(VMCS_GUEST_LINEAR), width, BREAKPOINT_READ);
    if (a->unit != NULL) {
        u64 value;
        (void)read_register(a->v, a->unit, a->offset, width, &value); /* complete() has waited */
        return value;
    }
    if (exit_pci_is_at(a->v->partition, gpa)) {
        return exit_pci_load(a->v, gpa, width);
    }
    if (partition_is_apic_page(a->v->partition, gpa)) {
        return exit_apic_load(a->v, gpa, width);
    }
    if (partition_ept_rights(a->v->partition, gpa) != 0) {
        return read_protected(a->v->partition, gpa, width);
    }
    if (partition_is_sleep_page(a->v->partition, gpa)) {
        return exit_sleep_load(a->v, gpa, width);
    }
    say_not_the_guests(a->v, gpa, "read");
    return bits_of_bytes(width);
}

static void store(void *ctx, u64 gpa, u32 width, u64 value)
{
    const struct access *a = ctx;
    vcpu_note_access(vmcs_read(VMCS_GUEST_LINEAR), width, BREAKPOINT_WRITE);
    if (a->unit != NULL) {
        write_register(a->v, a->unit, a->offset, width, value);
    } else if (exit_pci_is_at(a->v->partition, gpa)) {
        exit_pci_store(a->v, gpa, width, value);
    } else if (partition_is_apic_page(a->v->partition, gpa)) {
        exit_apic_store(a->v, gpa, width, value);
    } else if (partition_ept_rights(a->v->partition, gpa) != 0) {
        say_protected(a->v, gpa);
    } else if (partition_is_sleep_page(a->v->partition, gpa)) {
        exit_sleep_store(a->v, gpa, width, value);
    } else {
        say_not_the_guests(a->v, gpa, "write");
    }
}

static const struct insn_mmio_ops ops = {.load = load, .store = store};

/* Only in PAE paging does the CPU hold the page-directory pointers itself. */
static void get_paging(const struct vcpu *v, u64 rflags, struct guest_paging *p)
{
    p->cr0 = vmcs_read(VMCS_GUEST_CR0);
    p->cr3 = vmcs_read(VMCS_GUEST_CR3);
    p->cr4 = vmcs_read(VMCS_GUEST_CR4);
    p->efer = vmcs_read(VMCS_GUEST_EFER);
    p->rflags = rflags;
    p->physical_width = v->partition->gpa_width;
    p->user = (vmcs_read(VMCS_GUEST_SS_RIGHTS) >> RIGHTS_DPL_SHIFT & 3) == 3;
    p->giant_pages = true;
    for (u32 i = 0; (p->efer & EFER_LMA) == 0 && i < 4; i++) {
        p->pdpte[i] = vmcs_read((enum vmcs_field)(VMCS_GUEST_PDPTE0 + 2 * i));
    }
}

static enum insn_mode mode_of_guest(u64 efer)
{
    u64 rights = vmcs_read(VMCS_GUEST_CS_RIGHTS);
    if ((efer & EFER_LMA) != 0 && (rights & RIGHTS_LONG) != 0) {
        return INSN_64;
    }
    return (rights & RIGHTS_BIG) != 0 ? INSN_32 : INSN_16;
}

/* In 64-bit mode only the bases of FS and GS count. */
static void get_state(struct vcpu *v, enum insn_mode mode, struct insn_state *s)
{
    s->gpr = v->regs->gpr;
    s->rip = vmcs_read(VMCS_GUEST_RIP);
    s->rflags = vmcs_read(VMCS_GUEST_RFLAGS);
    for (u32 i = mode == INSN_64 ? INSN_FS : INSN_ES; i < INSN_SEGMENTS; i++) {
        s->segment_base[i] = vmcs_read((enum vmcs_field)(VMCS_GUEST_ES_BASE + 2 * i));
    }
    s->gpr[REG_RSP] = vmcs_read(VMCS_GUEST_RSP);
}

static void say_refused(struct vcpu *v, const struct insn_mmio *m, const char *why)
{
    struct limit *refused = &v->partition->refused_accesses;
    u64 first = 0;
    for (u32 i = 0; i < 8; i++) {
        first = first << 8 | (i < m->byte_count ? m->bytes[i] : 0);
    }
    if (limit_due(refused)) {
        port_log(LOG_WARNING, "CPU %u: access to 0x%llx at rip 0x%llx refused, %s (%u bytes %016llx..., attempt %llu)",
                 v->index, m->gpa, vmcs_read(VMCS_GUEST_RIP), why, m->byte_count, first, refused->count);
    }
}

/* #GP, as for an address that is not canonical. */
static void refuse(struct vcpu *v, const struct insn_mmio *m, const char *why)
{
    say_refused(v, m, why);
    exit_fault(v, VECTOR_GP, 0);
}

/* Why this is not the access of an instruction that could be completed; NULL: it is. */
static const char *no_access_of_an_instruction(void)
{
    u64 qualification = vmcs_read(VMCS_QUALIFICATION);
    if (vmcs_read(VMCS_VECTORING) & EVENT_VALID) {
        return "it is the delivery of an event";
    }
    if (!(qualification & QUALIFICATION_TRANSLATED)) {
        return "the guest's page tables point there";
    }
    return qualification & QUALIFICATION_FETCH ? "it is the fetch of an instruction" : NULL;
}

/* RF stays where a repeated string instruction is not at its end. */
static void finish(const struct insn_state *s, u64 from)
{
    vmcs_write(VMCS_GUEST_RFLAGS, s->rflags);
    vmcs_write(VMCS_GUEST_RSP, s->gpr[REG_RSP]);
    vcpu_advance_to(s->rip);
    if (s->rip == from && (s->rflags & RFLAGS_RF)) {
        vcpu_repeat();
    }
}

/* Out of line, so that registers of units, whose drivers wait for them, are as near as they can be. */
static not_inlined void repeat_elsewhere(struct vcpu *v, u64 gpa, const struct insn *in)
{
    struct access access = {v, NULL, 0};
    u64 *gpr = v->regs->gpr;
    if (in->to_memory) {
        store(&access, gpa, in->width, gpr[in->reg] & in->mask);
    } else {
        gpr[in->reg] = load(&access, gpa, in->width);
    }
}

/* Does the access if it is by an instruction that was seen before (memo.h); else false. */
static bool repeat(struct vcpu *v, u64 gpa, struct viommu *unit, u32 offset)
{
    u64 rip = vmcs_read(VMCS_GUEST_RIP);
    u64 *gpr = v->regs->gpr;
    const struct memo *memo = memo_find(&v->memos, rip);
    if (memo == NULL) {
        return false;
    }
    const struct insn *in = &memo->insn;
    u64 address = (u64)in->memory.displacement + gpr[in->memory.base];
    if (in->memory.index != INSN_NONE) {
        address += gpr[in->memory.index] * in->memory.scale;
    }
    if (!insn_mmio_is_at(gpa, address, in->width)) {
        return false;
    }
    if (unit == NULL) {
        repeat_elsewhere(v, gpa, in);
        vcpu_advance_to(rip + in->length);
        return true;
    }
    if (in->to_memory) {
        write_register(v, unit, offset, in->width, gpr[in->reg] & in->mask);
        vcpu_note_access(address, in->width, BREAKPOINT_WRITE);
    } else {
        u64 value;
        if (!read_register(v, unit, offset, in->width, &value)) {
            return true;
        }
        gpr[in->reg] = value;
        vcpu_note_access(address, in->width, BREAKPOINT_READ);
    }
    vcpu_advance_to(rip + in->length);
    return true;
}

/* Out of line: what repeat() does needs none of all this. why: it is to be refused. */
static not_inlined void complete(struct vcpu *v, u64 gpa, struct viommu *unit, u32 offset,
                                               const char *why)
{
    if (why == NULL && unit != NULL && viommu_is_busy(unit, offset)) { /* before anything of it is done */
        work_left(v);
        return;
    }
    struct access access = {v, unit, offset};
    const struct guest_memory memory = {find_guest, v->partition};
    struct guest_paging paging;
    struct insn_state s;
    struct insn_mmio m;
    m.ops = &ops;
    m.ctx = &access;
    m.memory = &memory;
    m.paging = &paging;
    m.state = &s;
    m.gpa = gpa;
    m.byte_count = 0;
    if (why != NULL) {
        refuse(v, &m, why);
        return;
    }
    get_paging(v, vmcs_read(VMCS_GUEST_RFLAGS), &paging);
    m.mode = mode_of_guest(paging.efer);
    get_state(v, m.mode, &s);
    u64 rip = s.rip;
    switch (insn_mmio_run(&m)) {
    case INSN_MMIO_DONE:
        memo_keep(&v->memos, rip, &m);
        finish(&s, rip);
        break;
    case INSN_MMIO_FAULT:
        cr2_write(m.fault_address);
        vcpu_inject_error(VECTOR_PF, m.fault_error);
        break;
    case INSN_MMIO_REFUSED:
        refuse(v, &m, "the instruction is not one that is emulated");
        break;
    }
}

void exit_mmio(struct vcpu *v, u64 gpa, struct viommu *unit, u32 offset)
{
    const char *why = no_access_of_an_instruction();
    if (why != NULL || !repeat(v, gpa, unit, offset)) {
        complete(v, gpa, unit, offset, why);
    }
}
