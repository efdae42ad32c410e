/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guest table walker. What a field list of iommu/spec/entries.h does not name, what is
 * above the address width and what the guest's unit does not offer is reserved.
 */
#include "iommu/viommu/walk.h"

#include "iommu/spec/caps.h"
#include "iommu/spec/regs.h"

static bool has(const struct walk_config *w, enum vtd_ecap_field bit)
{
    return vtd_ecap_get(w->ecap, bit) != 0;
}

u32 viommu_walk_pasid_count(const struct walk_config *w, const struct guest_context *context)
{
    u32 covered = pdts_pasids(context->pdts);
    u32 width = vtd_ecap_pasid_width(w->ecap);
    return width < 20 && 1u << width < covered ? 1u << width : covered;
}

static u64 above_width(const struct walk_config *w)
{
    return ~0ull << w->haw;
}

/* Entry bits that a list names, minus those in unoffered; pointers end at the address width. */
static bool only_bits(const u64 *words, const u64 *allowed, u32 count)
{
    for (u32 i = 0; i < count; i++) {
        if ((words[i] & ~allowed[i]) != 0) {
            return false;
        }
    }
    return true;
}

static void allow(u64 *allowed, int field, bool offered)
{
    if (offered) {
        allowed[field_word(field)] |= field_mask(field);
    }
}

static void allow_pointer(const struct walk_config *w, u64 *allowed, int field)
{
    allowed[field_word(field)] |= field_mask(field) & ~above_width(w);
}

/* Bits above the width that CAP.ND reports are reserved. */
static void allow_did(const struct walk_config *w, u64 *allowed, int field)
{
    allowed[field_word(field)] |= field_mask(field) & field_put(field, vtd_cap_did_mask(w->cap));
}

static gpa_t pointer(const u64 *words, int field)
{
    return (gpa_t){words[field_word(field)] & field_mask(field)};
}

enum vtd_fault_reason viommu_walk_root(const struct walk_config *w, u16 sid, gpa_t *table)
{
    struct root_entry e;
    gpa_t at = {pointer(&w->rtaddr, RTADDR_RTA).v + (u64)(sid >> 8) * sizeof(e)};
    if (!w->ops->read(w->ctx, at, &e, sizeof(e))) {
        return VTD_FAULT_ROOT_ACCESS;
    }
    bool upper = (sid / CONTEXT_ENTRIES) % 2 != 0;
    if (root_get(&e, upper ? ROOT_UP : ROOT_LP) == 0) {
        return VTD_FAULT_ROOT_NOT_PRESENT;
    }
    u64 allowed[2] = {0, 0};
    allow(allowed, ROOT_LP, true);
    allow(allowed, ROOT_UP, true);
    allow_pointer(w, allowed, ROOT_LCTP);
    allow_pointer(w, allowed, ROOT_UCTP);
    for (u32 i = 0; i < 2; i++) { /* SRT.3: either half that is present must be clean */
        if (root_get(&e, i == 0 ? ROOT_LP : ROOT_UP) != 0 && (e.w[i] & ~allowed[i]) != 0) {
            return VTD_FAULT_ROOT_RESERVED;
        }
    }
    *table = pointer(e.w, upper ? ROOT_UCTP : ROOT_LCTP);
    return VTD_FAULT_NONE;
}

/* VT-d 9.4. DTE, PRE, HPTE, EPTR and RID_PRIV belong to what the guest's unit lacks. */
enum vtd_fault_reason viommu_walk_decode_context(const struct walk_config *w,
                                            const struct context_entry *e,
                                            struct guest_context *out)
{
    *out = (struct guest_context){.fpd = context_get(e, CONTEXT_FPD) != 0};
    if (context_get(e, CONTEXT_P) == 0) {
        return VTD_FAULT_CONTEXT_NOT_PRESENT;
    }
    u64 allowed[4] = {0, 0, 0, 0};
    allow(allowed, CONTEXT_P, true);
    allow(allowed, CONTEXT_FPD, true);
    allow(allowed, CONTEXT_PASIDE, has(w, VTD_ECAP_PASID));
    allow(allowed, CONTEXT_PDTS, true);
    allow(allowed, CONTEXT_RID_PASID, has(w, VTD_ECAP_RPS));
    allow_pointer(w, allowed, CONTEXT_PASIDDIRPTR);
    if (!only_bits(e->w, allowed, ARRAY_LEN(allowed))) {
        return VTD_FAULT_CONTEXT_RESERVED;
    }
    u8 pdts = (u8)context_get(e, CONTEXT_PDTS);
    u32 rid_pasid = (u32)context_get(e, CONTEXT_RID_PASID);
    if (rid_pasid >= pdts_pasids(pdts)) {
        return VTD_FAULT_CONTEXT_INVALID;
    }
    out->present = true;
    out->paside = context_get(e, CONTEXT_PASIDE) != 0;
    out->pdts = pdts;
    out->rid_pasid = rid_pasid;
    out->directory = pointer(e->w, CONTEXT_PASIDDIRPTR);
    return VTD_FAULT_NONE;
}

enum vtd_fault_reason viommu_walk_context(const struct walk_config *w, gpa_t table, u16 sid,
                                          struct guest_context *out)
{
    struct context_entry e;
    gpa_t at = {table.v + (u64)(sid % CONTEXT_ENTRIES) * sizeof(e)};
    if (!w->ops->read(w->ctx, at, &e, sizeof(e))) {
        *out = (struct guest_context){.present = false};
        return VTD_FAULT_CONTEXT_ACCESS;
    }
    return viommu_walk_decode_context(w, &e, out);
}

enum vtd_fault_reason viommu_walk_decode_directory(const struct walk_config *w,
                                              const struct pasid_dir_entry *e, gpa_t *table)
{
    if (pasid_dir_get(e, PASID_DIR_P) == 0) {
        return VTD_FAULT_PASID_DIR_NOT_PRESENT;
    }
    u64 allowed[1] = {0};
    allow(allowed, PASID_DIR_P, true);
    allow(allowed, PASID_DIR_FPD, true);
    allow_pointer(w, allowed, PASID_DIR_SMPTBLPTR);
    if (!only_bits(e->w, allowed, 1)) {
        return VTD_FAULT_PASID_DIR_RESERVED;
    }
    *table = pointer(e->w, PASID_DIR_SMPTBLPTR);
    return VTD_FAULT_NONE;
}

enum vtd_fault_reason viommu_walk_directory(const struct walk_config *w,
                                            const struct guest_context *context, u32 pasid,
                                            gpa_t *table, bool *fpd)
{
    struct pasid_dir_entry e;
    gpa_t at = {context->directory.v + (u64)(pasid / PASIDS_PER_TABLE) * sizeof(e)};
    *fpd = false;
    if (!w->ops->read(w->ctx, at, &e, sizeof(e))) {
        return VTD_FAULT_PASID_DIR_ACCESS;
    }
    *fpd = pasid_dir_get(&e, PASID_DIR_FPD) != 0;
    return viommu_walk_decode_directory(w, &e, table);
}

/*
 * VT-d 9.6. AW is Reserved(0) without SSTS, but Linux writes it in every entry (2),
 * so it is ignored here. IGN holds the old NXE and SMEP that Linux 6.1 still sets.
 */
static void allowed_pasid_bits(const struct walk_config *w, u64 *allowed)
{
    allow(allowed, PASID_P, true);
    allow(allowed, PASID_FPD, true);
    allow(allowed, PASID_AW, true);
    allow(allowed, PASID_PGTT, true);
    allow_did(w, allowed, PASID_DID);
    allow(allowed, PASID_PWSNP, has(w, VTD_ECAP_SMPWCS));
    allow(allowed, PASID_SRE, has(w, VTD_ECAP_SRS));
    allow(allowed, PASID_FSPM, true);
    allow(allowed, PASID_WPE, true);
    allow(allowed, PASID_IGN, true);
    allow(allowed, PASID_EAFE, has(w, VTD_ECAP_EAFS));
    allow_pointer(w, allowed, PASID_FSPTPTR);
}

enum vtd_fault_reason viommu_walk_decode_pasid(const struct walk_config *w, const struct pasid_entry *e,
                                          struct guest_entry *out)
{
    *out = (struct guest_entry){.fpd = pasid_get(e, PASID_FPD) != 0};
    if (pasid_get(e, PASID_P) == 0) {
        return VTD_FAULT_PASID_ENTRY_NOT_PRESENT;
    }
    u64 allowed[8] = {0};
    allowed_pasid_bits(w, allowed);
    if (!only_bits(e->w, allowed, ARRAY_LEN(allowed))) {
        return VTD_FAULT_PASID_ENTRY_RESERVED;
    }
    u64 pgtt = pasid_get(e, PASID_PGTT);
    u64 paging_mode = pasid_get(e, PASID_FSPM);
    bool mode_ok = paging_mode == FSPM_FOUR_LEVELS ||
                   (paging_mode == FSPM_FIVE_LEVELS && vtd_cap_get(w->cap, VTD_CAP_FS5LP) != 0);
    if ((pgtt != PGTT_FIRST_STAGE && pgtt != PGTT_PASS_THROUGH) || !mode_ok) {
        return VTD_FAULT_PASID_ENTRY_INVALID;
    }
    gpa_t fs_root = pointer(e->w, PASID_FSPTPTR);
    if (pgtt == PGTT_FIRST_STAGE) {
        if ((fs_root.v >> w->gpa_width) != 0) { /* no memory there: SFS.4 of one stage */
            return VTD_FAULT_FS_ROOT_ACCESS;
        }
        out->five_levels = paging_mode == FSPM_FIVE_LEVELS;
        out->fs_root = fs_root;
        out->sre = pasid_get(e, PASID_SRE) != 0;
        out->wpe = pasid_get(e, PASID_WPE) != 0;
        out->eafe = pasid_get(e, PASID_EAFE) != 0;
    }
    out->present = true;
    out->pgtt = (enum pgtt)pgtt;
    out->did = (u16)pasid_get(e, PASID_DID);
    return VTD_FAULT_NONE;
}

enum vtd_fault_reason viommu_walk_pasid(const struct walk_config *w,
                                        const struct guest_context *context, u32 pasid,
                                        struct guest_entry *out)
{
    gpa_t table;
    bool fpd;
    enum vtd_fault_reason reason = viommu_walk_directory(w, context, pasid, &table, &fpd);
    *out = (struct guest_entry){.fpd = fpd};
    if (reason != VTD_FAULT_NONE) {
        return reason;
    }
    struct pasid_entry e;
    gpa_t at = {table.v + (u64)(pasid % PASIDS_PER_TABLE) * sizeof(e)};
    if (!w->ops->read(w->ctx, at, &e, sizeof(e))) {
        return VTD_FAULT_PASID_ENTRY_ACCESS;
    }
    reason = viommu_walk_decode_pasid(w, &e, out);
    out->fpd = out->fpd || fpd;
    return reason;
}

enum vtd_fault_reason viommu_walk_legacy_root(const struct walk_config *w, u16 sid, gpa_t *table)
{
    struct root_entry root;
    gpa_t at = {pointer(&w->rtaddr, RTADDR_RTA).v + (u64)(sid >> 8) * sizeof(root)};
    if (!w->ops->read(w->ctx, at, &root, sizeof(root))) {
        return VTD_FAULT_LEGACY_ROOT_ACCESS;
    }
    if (root_get(&root, ROOT_LP) == 0) {
        return VTD_FAULT_LEGACY_ROOT_NOT_PRESENT;
    }
    const u64 root_bits[] = {FIELD_MASK(ROOT_LP) | (FIELD_MASK(ROOT_LCTP) & ~above_width(w)), 0};
    if (!only_bits(root.w, root_bits, ARRAY_LEN(root_bits))) {
        return VTD_FAULT_LEGACY_ROOT_RESERVED;
    }
    *table = pointer(root.w, ROOT_LCTP);
    return VTD_FAULT_NONE;
}

/*
 * VT-d 9.3. A device TLB belongs to what the guest's unit lacks. AW counts for pass-through, too, so on a unit with
 * SAGAW = 0 no request succeeds.
 */
static enum vtd_fault_reason decode_legacy_context(const struct walk_config *w, const struct legacy_context_entry *e,
                                                   struct guest_context *out)
{
    u64 tt = legacy_context_get(e, LEGACY_CONTEXT_TT);
    bool pass_through = tt == LEGACY_TT_PASS_THROUGH;
    const u64 allowed[] = {
        FIELD_MASK(LEGACY_CONTEXT_P) | FIELD_MASK(LEGACY_CONTEXT_FPD) | FIELD_MASK(LEGACY_CONTEXT_TT) |
            (FIELD_MASK(LEGACY_CONTEXT_SSPTPTR) & (pass_through ? ~0ull : ~above_width(w))),
        FIELD_MASK(LEGACY_CONTEXT_AW) | FIELD_MASK(LEGACY_CONTEXT_IGN) |
            field_put(LEGACY_CONTEXT_DID, vtd_cap_did_mask(w->cap)),
    };
    if (!only_bits(e->w, allowed, ARRAY_LEN(allowed))) {
        return VTD_FAULT_LEGACY_CONTEXT_RESERVED;
    }
    u32 levels = aw_levels((u32)legacy_context_get(e, LEGACY_CONTEXT_AW));
    if ((tt != LEGACY_TT_SECOND_STAGE && !pass_through) || (vtd_cap_ss_levels(w->cap) >> levels & 1) == 0) {
        return VTD_FAULT_LEGACY_CONTEXT_INVALID;
    }
    out->present = true;
    out->levels = pass_through ? 0 : (u8)levels;
    out->did = (u16)legacy_context_get(e, LEGACY_CONTEXT_DID);
    out->directory.v = pass_through ? 0 : pointer(e->w, LEGACY_CONTEXT_SSPTPTR).v;
    return VTD_FAULT_NONE;
}

enum vtd_fault_reason viommu_walk_legacy_context(const struct walk_config *w, gpa_t table, u16 sid,
                                                 struct guest_context *out)
{
    struct legacy_context_entry e;
    gpa_t at = {table.v + (u64)(sid % LEGACY_CONTEXT_ENTRIES) * sizeof(e)};
    *out = (struct guest_context){.present = false};
    if (!w->ops->read(w->ctx, at, &e, sizeof(e))) {
        return VTD_FAULT_LEGACY_CONTEXT_ACCESS;
    }
    out->fpd = legacy_context_get(&e, LEGACY_CONTEXT_FPD) != 0;
    return legacy_context_get(&e, LEGACY_CONTEXT_P) == 0 ? VTD_FAULT_LEGACY_CONTEXT_NOT_PRESENT
                                                         : decode_legacy_context(w, &e, out);
}

not_inlined void viommu_walk_legacy_entry(const struct guest_context *context, struct guest_entry *out)
{
    *out = (struct guest_entry){.present = context->present, .fpd = context->fpd, .did = context->did,
                                .pgtt = context->levels == 0 ? PGTT_PASS_THROUGH : PGTT_SECOND_STAGE,
                                .ss_levels = context->levels, .ss_root = context->directory};
}

static void walk_legacy(const struct walk_config *w, u16 sid, bool has_pasid, struct walk_result *out)
{
    gpa_t table;
    struct guest_context context = {.present = false};
    out->reason = has_pasid ? VTD_FAULT_LEGACY_WITH_PASID : viommu_walk_legacy_root(w, sid, &table);
    if (out->reason == VTD_FAULT_NONE) {
        out->reason = viommu_walk_legacy_context(w, table, sid, &context);
        out->fpd = context.fpd;
        viommu_walk_legacy_entry(&context, &out->entry);
    }
}

static void walk_scalable(const struct walk_config *w, u16 sid, bool has_pasid, u32 pasid,
                          struct walk_result *out)
{
    gpa_t table;
    struct guest_context context;
    u32 pasid_bits = vtd_ecap_pasid_width(w->ecap);
    out->reason = viommu_walk_root(w, sid, &table);
    if (out->reason != VTD_FAULT_NONE) {
        return;
    }
    out->reason = viommu_walk_context(w, table, sid, &context);
    out->fpd = context.fpd;
    if (out->reason != VTD_FAULT_NONE) {
        return;
    }
    if (has_pasid && !context.paside) {
        out->reason = VTD_FAULT_PASID_NOT_ENABLED;
        return;
    }
    if (has_pasid && pasid_bits < 20 && (pasid >> pasid_bits) != 0) {
        out->reason = VTD_FAULT_PASID_OVER_PSS;
        return;
    }
    if (has_pasid && pasid >= pdts_pasids(context.pdts)) {
        out->reason = VTD_FAULT_PASID_OVER_PDTS;
        return;
    }
    if (has_pasid && pasid == context.rid_pasid) {
        out->reason = VTD_FAULT_PASID_IS_RID_PASID;
        return;
    }
    out->reason = viommu_walk_pasid(w, &context, has_pasid ? pasid : context.rid_pasid,
                                    &out->entry);
    out->fpd = out->fpd || out->entry.fpd;
}

void viommu_walk_request(const struct walk_config *w, u16 sid, bool has_pasid, u32 pasid,
                         struct walk_result *out)
{
    *out = (struct walk_result){.reason = VTD_FAULT_NONE};
    switch (vtd_rtaddr_ttm(w->rtaddr)) {
    case TTM_SCALABLE:
        walk_scalable(w, sid, has_pasid, pasid, out);
        return;
    case TTM_LEGACY:
        walk_legacy(w, sid, has_pasid, out);
        return;
    case TTM_RESERVED:
    case TTM_ABORT: /* without ADMS the value is as bad as the reserved one */
        out->reason = VTD_FAULT_TTM_INVALID;
        return;
    }
}
