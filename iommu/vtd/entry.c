/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Entries from a description: PASID entries, VT-d 9.6, and context entries of legacy mode, 9.3. Pure
 * but for the console line. PWSNP, memory type and snoop fields follow from the unit alone: a guest that
 * chose PWSNP = 0 would have the hardware walk our cached EPT unsnooped.
 */
#include "iommu/vtd/state.h"

enum { PAT_OF_RESET = 0x07460746 }; /* WB, WT, UC-, UC, twice: four bits each */

static bool has(const struct vtd_unit_info *info, enum vtd_ecap_field field)
{
    return vtd_ecap_get(info->ecap, field) != 0;
}

static bool is_nested(const struct vtd_entry *e)
{
    return e->pgtt == PGTT_NESTED;
}

static bool uses_first_stage(const struct vtd_entry *e)
{
    return e->pgtt == PGTT_FIRST_STAGE || is_nested(e);
}

static bool uses_second_stage(const struct vtd_entry *e)
{
    return e->pgtt == PGTT_SECOND_STAGE || is_nested(e);
}

/* What the unit lacks for this entry, NULL when nothing. */
static const char *missing(const struct vtd_unit_info *info, const struct vtd_entry *e)
{
    if (is_nested(e) && !info->nesting) {
        return "nested translation (ECAP.NEST)";
    }
    if (uses_first_stage(e) && !has(info, VTD_ECAP_FSTS)) {
        return "first-stage translation (ECAP.FSTS)";
    }
    if (uses_second_stage(e) && !has(info, VTD_ECAP_SSTS)) {
        return "second-stage translation (ECAP.SSTS)";
    }
    if (e->pgtt == PGTT_PASS_THROUGH && !has(info, VTD_ECAP_PT)) {
        return "pass-through (ECAP.PT)";
    }
    if (uses_second_stage(e) && (e->ss_levels > 5 || (info->ss_levels >> e->ss_levels & 1) == 0)) {
        return "that many second-stage levels (CAP.SAGAW)";
    }
    if (uses_first_stage(e) && e->fs_width == 57 && (info->fs_levels >> 5 & 1) == 0) {
        return "5-level first stage (CAP.FS5LP)";
    }
    if (e->sre && !has(info, VTD_ECAP_SRS)) {
        return "supervisor requests (ECAP.SRS)";
    }
    if (e->eafe && !has(info, VTD_ECAP_EAFS)) {
        return "the extended accessed flag (ECAP.EAFS)";
    }
    return NULL;
}

/* What is wrong with the values themselves, NULL when nothing. */
static const char *wrong(const struct vtd_unit_info *info, const struct vtd_entry *e)
{
    u64 host_end = 1ull << info->haw;
    u64 fs_end = is_nested(e) ? 1ull << vtd_cap_ss_width(info->cap, e->ss_levels) : host_end;
    if (e->pgtt < PGTT_FIRST_STAGE || e->pgtt > PGTT_PASS_THROUGH) {
        return "no such translation type";
    }
    if (e->did == 0 || e->did >= info->domain_ids) {
        return "domain id out of range";
    }
    if (uses_second_stage(e) && ((e->ss_root.v & PAGE_MASK) != 0 || e->ss_root.v >= host_end)) {
        return "second-stage root out of range";
    }
    if (uses_first_stage(e) && e->fs_width != 48 && e->fs_width != 57) {
        return "first-stage width not 48 or 57";
    }
    if (uses_first_stage(e) && ((e->fs_root & PAGE_MASK) != 0 || e->fs_root >= fs_end)) {
        return "first-stage root out of range";
    }
    if ((e->sre || e->wpe || e->eafe) && !uses_first_stage(e)) {
        return "a first-stage flag without a first stage";
    }
    return NULL;
}

enum result vtd_entry_encode(const struct vtd_unit_info *info, const struct vtd_entry *entry,
                             struct pasid_entry *out)
{
    const char *lack = missing(info, entry);
    const char *bad = lack == NULL ? wrong(info, entry) : NULL;
    if (lack != NULL) {
        port_log(LOG_ERROR, "unit %u: entry refused, the unit lacks %s", info->index, lack);
        return ERR_UNSUPPORTED;
    }
    if (bad != NULL) {
        port_log(LOG_ERROR, "unit %u: entry refused: %s", info->index, bad);
        return ERR_INVALID;
    }
    *out = (struct pasid_entry){{0}};
    pasid_set(out, PASID_P, 1);
    pasid_set(out, PASID_PGTT, entry->pgtt);
    pasid_set(out, PASID_DID, entry->did);
    pasid_set(out, PASID_PWSNP, has(info, VTD_ECAP_SMPWCS));
    /* Our memory is write-back and shared with the CPU's caches: no access goes past them. */
    pasid_set(out, PASID_PGSNP, has(info, VTD_ECAP_SC));
    if (uses_second_stage(entry)) {
        /* SSADE stays 0: with it a walk of first-stage tables needs them writable (VT-d 3.8.2). */
        pasid_set(out, PASID_AW, levels_aw(entry->ss_levels));
        pasid_set(out, PASID_SSPTPTR, entry->ss_root.v >> PAGE_SHIFT);
    }
    if (uses_first_stage(entry)) {
        pasid_set(out, PASID_SRE, entry->sre);
        pasid_set(out, PASID_WPE, entry->wpe);
        pasid_set(out, PASID_EAFE, entry->eafe);
        pasid_set(out, PASID_FSPM, entry->fs_width == 57);
        pasid_set(out, PASID_FSPTPTR, entry->fs_root >> PAGE_SHIFT);
        /* Of devices in the CPU's coherency domain (VT-d 3.11): guests write page tables for the PAT of reset. */
        pasid_set(out, PASID_PAT, has(info, VTD_ECAP_MTS) ? PAT_OF_RESET : 0);
    }
    return OK;
}

enum result vtd_entry_encode_legacy(const struct vtd_unit_info *info, const struct vtd_entry *entry,
                                    u64 out[2])
{
    bool second = entry->pgtt == PGTT_SECOND_STAGE;
    bool pass = entry->pgtt == PGTT_PASS_THROUGH && vtd_ecap_get(info->ecap, VTD_ECAP_PT) != 0;
    if ((!second && !pass) ||
        (second && (entry->ss_levels > 5 || (info->ss_levels >> entry->ss_levels & 1) == 0))) {
        port_log(LOG_ERROR, "unit %u: entry refused, legacy mode has no such translation",
                 info->index);
        return ERR_UNSUPPORTED;
    }
    if (entry->did == 0 || entry->did >= info->domain_ids ||
        (second && ((entry->ss_root.v & PAGE_MASK) != 0 || entry->ss_root.v >> info->haw != 0))) {
        port_log(LOG_ERROR, "unit %u: entry refused, domain id or root is out of range", info->index);
        return ERR_INVALID;
    }
    u32 levels = entry->ss_levels;
    for (u32 n = 5; pass && n >= 3; n--) {
        if ((info->ss_levels >> n & 1) != 0) {
            levels = n; /* AW of pass-through: the largest that the unit has (VT-d 9.3) */
            break;
        }
    }
    out[0] = field_put(LEGACY_CONTEXT_P, 1) |
             (pass ? field_put(LEGACY_CONTEXT_TT, LEGACY_TT_PASS_THROUGH) : entry->ss_root.v);
    out[1] = field_put(LEGACY_CONTEXT_AW, levels_aw(levels)) | field_put(LEGACY_CONTEXT_DID, entry->did);
    return OK;
}
