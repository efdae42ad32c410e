/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The register engine: accesses of any size against the table of registers.h, and the side
 * effects of the registers that have one. An access the specification does not allow (11.2:
 * aligned dwords; quadwords for 64-bit registers) reads 0 and writes nothing.
 */
#include "iommu/viommu/regs.h"

#include "iommu/spec/caps.h"
#include "iommu/spec/desc.h"
#include "iommu/spec/faults.h"
#include "iommu/viommu/event.h"
#include "iommu/viommu/fault.h"
#include "iommu/viommu/irt.h"
#include "iommu/viommu/queue.h"
#include "iommu/viommu/state.h"

enum effect { EFFECT_NONE, EFFECT_GCMD, EFFECT_CCMD, EFFECT_FSTS, EFFECT_FAULT_EVENT, EFFECT_IQT,
              EFFECT_IQA, EFFECT_ICS, EFFECT_DONE_EVENT, EFFECT_IVA, EFFECT_IOTLB, EFFECT_IRTA };

struct reg_rule {
    u64 writable, w1c;
    u32 bytes;
    enum effect effect;
};

static const struct reg_rule rules[VREG_COUNT] = {
#define VIOMMU_REG_RULE(name, len, rw, clear, fx) \
    [VREG_##name] = {.bytes = (len), .writable = (rw), .w1c = (clear), .effect = EFFECT_##fx},
    VIOMMU_REGS(VIOMMU_REG_RULE)
#undef VIOMMU_REG_RULE
};

seldom void viommu_regs_reset(struct viommu *v)
{
    u64 ver = v->reg[VREG_VER];
    for (u32 i = 0; i < VREG_COUNT; i++) {
        v->reg[i] = 0;
    }
    v->reg[VREG_VER] = ver;
    v->reg[VREG_CAP] = v->cap;
    v->reg[VREG_ECAP] = v->ecap;
    v->reg[VREG_FECTL] = EVENT_IM; /* 11.4.7.2: masked out of reset */
    v->reg[VREG_IECTL] = EVENT_IM;
}

/* By the dword that a register begins at: its number plus 1. */
static const u8 begins_at[] = {
#define VIOMMU_REG_BEGINS(name, len, rw, clear, fx) [VTD_##name / 4] = VREG_##name + 1,
    VIOMMU_FIXED_REGS(VIOMMU_REG_BEGINS)
#undef VIOMMU_REG_BEGINS
};

/* The register that holds a dword, or VREG_COUNT. */
static enum viommu_reg find_reg(const struct viommu *v, u32 offset)
{
    u32 dword = offset / 4;
    if (dword < ARRAY_LEN(begins_at) && begins_at[dword] != 0) {
        return begins_at[dword] - 1u;
    }
    if (dword - 1 < ARRAY_LEN(begins_at) && begins_at[dword - 1] != 0 &&
        rules[begins_at[dword - 1] - 1].bytes == 8) {
        return begins_at[dword - 1] - 1u;
    }
    u32 moved = offset - v->iotlb_offset;
    return moved >= VTD_IOTLB_BYTES ? VREG_COUNT : moved < VTD_IOTLB ? VREG_IVA : VREG_IOTLB;
}

/* Where in its register a dword is: registers of 64 bits are aligned. */
static u32 shift_of(enum viommu_reg reg, u32 offset)
{
    return rules[reg].bytes == 8 ? 8 * (offset & 4) : 0;
}

static bool size_is_allowed(u32 offset, u32 size)
{
    return (size == 4 || size == 8) && (offset & (size - 1)) == 0;
}

static bool is_record(const struct viommu *v, u32 offset)
{
    return offset >= v->record_offset &&
           offset < v->record_offset + sizeof(struct fault_record) * v->record_count;
}

/* Some registers are computed when they are read. */
static u64 current_value(struct viommu *v, enum viommu_reg reg)
{
    switch (reg) {
    case VREG_GCMD:
    case VREG_IVA:
        return 0;
    case VREG_FSTS:
        viommu_fault_poll(v);
        return viommu_fault_status(v);
    case VREG_FECTL:
        viommu_fault_poll(v);
        return v->reg[reg] | (v->faults.event_pending ? EVENT_IP : 0);
    case VREG_ICS:
        return viommu_event_done_status(v);
    case VREG_IECTL:
        return v->reg[reg] | (viommu_event_done_pending(v) ? EVENT_IP : 0);
    case VREG_IQH:
        return viommu_queue_head(v);
    default:
        return v->reg[reg];
    }
}

static u64 read_record(struct viommu *v, u32 offset, u32 size)
{
    viommu_fault_poll(v);
    u64 word = viommu_fault_record_read(v, (offset - v->record_offset) & ~7u);
    return size == 8 ? word : (u32)(word >> 8 * (offset % 8));
}

static u32 read_dword(struct viommu *v, u32 offset)
{
    enum viommu_reg reg = find_reg(v, offset);
    return reg == VREG_COUNT ? 0 : (u32)(current_value(v, reg) >> shift_of(reg, offset));
}

/* A quadword is its two dwords, so two 32-bit registers side by side may be read as one. */
u64 viommu_regs_read(struct viommu *v, u32 offset, u32 size)
{
    if (!size_is_allowed(offset, size)) {
        return 0;
    }
    if (is_record(v, offset)) {
        return read_record(v, offset, size);
    }
    u64 value = read_dword(v, offset);
    if (size == 8) {
        value |= (u64)read_dword(v, offset + 4) << 32;
    }
    return value;
}

/* Without scalable mode its TTM is as good as the reserved one (VT-d 11.4.5). */
static void take_root(struct viommu *v)
{
    u64 root = v->reg[VREG_RTADDR];
    if (vtd_rtaddr_ttm(root) == TTM_SCALABLE && vtd_ecap_get(v->ecap, VTD_ECAP_SMTS) == 0) {
        field_set(&root, RTADDR_TTM, TTM_RESERVED);
    }
    v->active_root = root;
    v->walk.rtaddr = root;
}

/*
 * One-shot bits are commands each time they are 1; switches act on the difference to GSTS (VT-d
 * 11.4.4.1). All that takes time is left to run_pending() in viommu.c, and the status bit follows.
 */
static seldom void on_gcmd(struct viommu *v, u32 value)
{
    if (v->as_left && ((value & GCMD_TE) == 0 || (value & GCMD_SRTP) != 0)) {
        v->as_left = false;
        v->reg[VREG_GSTS] &= ~(u64)GSTS_TES;
    }
    u32 status = (u32)v->reg[VREG_GSTS];
    u32 change = value ^ status;
    v->command.asked = true;
    if (value & GCMD_SRTP) {
        v->reg[VREG_GSTS] &= ~(u64)GSTS_RTPS;
        take_root(v);
        v->command.set_root = true;
        v->command.restart = true;
    }
    if (change & GCMD_QIE) {
        if (value & GCMD_QIE) {
            viommu_queue_enable(v);
        } else {
            v->command.queue_off = true;
        }
    }
    viommu_irt_command(v, value);
    bool te = (value & GCMD_TE) != 0;
    bool te_now = v->command.translate ? v->command.te_target : (status & GSTS_TES) != 0;
    if (te != te_now) {
        v->command.translate = true;
        v->command.te_target = te;
    }
}

/*
 * Register-based invalidation acts on legacy mode alone. Where no tables are read nothing is cached: done at once, with
 * the granularity asked for; else by command.c. Ignored in every other mode and from version 6 on (VT-d 11.4.6:
 * CAIG/IAIG = 0).
 */
static bool register_invalidation_works(const struct viommu *v)
{
    return vtd_rtaddr_ttm(v->active_root) == TTM_LEGACY && field_get(&v->reg[VREG_VER], VER_MAX) < 6;
}

static seldom void on_ccmd(struct viommu *v)
{
    u64 *ccmd = &v->reg[VREG_CCMD];
    if (field_get(ccmd, CCMD_ICC) == 0) {
        return;
    }
    if (register_invalidation_works(v) && viommu_has_tables(v) && field_get(ccmd, CCMD_CIRG) != 0) {
        v->command.contexts = true;
        v->command.asked = true;
        return;
    }
    field_set(ccmd, CCMD_CAIG, register_invalidation_works(v) ? field_get(ccmd, CCMD_CIRG) : 0);
    field_set(ccmd, CCMD_ICC, 0);
}

static seldom void on_iotlb(struct viommu *v)
{
    u64 *iotlb = &v->reg[VREG_IOTLB];
    if (field_get(iotlb, IOTLB_IVT) == 0) {
        return;
    }
    u64 granularity = register_invalidation_works(v) ? field_get(iotlb, IOTLB_IIRG) : 0;
    bool page_ok = vtd_cap_get(v->cap, VTD_CAP_PSI) != 0 &&
                   field_get(&v->reg[VREG_IVA], IVA_AM) <= vtd_cap_get(v->cap, VTD_CAP_MAMV);
    if (granularity == IOTLB_PAGE && !page_ok) {
        granularity = IOTLB_DOMAIN; /* VT-d 6.5.1.2 */
    }
    field_set(iotlb, IOTLB_IAIG, granularity);
    if (granularity != 0 && viommu_has_tables(v)) {
        v->command.addresses = true;
        v->command.asked = true;
        return;
    }
    field_set(iotlb, IOTLB_IVT, 0);
}

/* written: the bits the guest wrote, in place; upper: it was the half that holds the command. */
static void take_effect(struct viommu *v, enum viommu_reg reg, u64 written, bool upper)
{
    switch (rules[reg].effect) {
    case EFFECT_NONE:
    case EFFECT_IVA:
        return;
    case EFFECT_GCMD:
        v->reg[reg] = 0;
        on_gcmd(v, (u32)written);
        return;
    case EFFECT_CCMD:
        if (upper) {
            on_ccmd(v);
        }
        return;
    case EFFECT_IOTLB:
        if (upper) {
            on_iotlb(v);
        }
        return;
    case EFFECT_FSTS:
        viommu_fault_clear(v, (u32)(written & rules[reg].w1c));
        return;
    case EFFECT_FAULT_EVENT:
        viommu_event_forward(v, true);
        viommu_fault_event_update(v);
        return;
    case EFFECT_ICS:
        if (written & rules[reg].w1c) {
            viommu_event_done_clear(v);
        }
        return;
    case EFFECT_DONE_EVENT:
        viommu_event_forward(v, false);
        return;
    case EFFECT_IQA:
        viommu_queue_moved(v);
        return;
    case EFFECT_IRTA:
        v->reg[reg] &= v->irt.irta_bits;
        return;
    case EFFECT_IQT:
        if (!upper) {
            viommu_queue_count_doorbell(v); /* run_pending() in viommu.c does the work */
        }
        return;
    }
}

static void write_dword(struct viommu *v, u32 offset, u32 value)
{
    enum viommu_reg reg = find_reg(v, offset);
    if (reg == VREG_COUNT) {
        if (is_record(v, offset)) {
            viommu_fault_record_write(v, (offset - v->record_offset) & ~7u, (u64)value << 8 * (offset % 8));
        }
        return;
    }
    u32 shift = shift_of(reg, offset);
    u64 written = (u64)value << shift;
    u64 writable = rules[reg].writable & 0xffffffffull << shift;
    v->reg[reg] = (v->reg[reg] & ~writable) | (written & writable);
    take_effect(v, reg, written, shift != 0);
}

/* Low dword first: the order that VT-d 11.2 asks of software that writes halves. */
void viommu_regs_write(struct viommu *v, u32 offset, u32 size, u64 value)
{
    if (!size_is_allowed(offset, size)) {
        return;
    }
    if (offset - VTD_FECTL <= EVENT_UADDR) {
        viommu_fault_poll(v); /* so far the event was another's: what was found belongs to the old registers */
    }
    write_dword(v, offset, (u32)value);
    if (size == 8) {
        write_dword(v, offset + 4, (u32)(value >> 32));
    }
}
