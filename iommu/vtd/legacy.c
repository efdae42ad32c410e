/*
 * Legacy mode, VT-d 9.1 and 9.3: 16-byte context entries that point to the second
 * stage directly. Only "requests without PASID" exist. An entry is one store.
 */
#include "iommu/vtd/state.h"

enum { TT_SHIFT = 2, TT_SECOND_STAGE = 0, TT_PASS_THROUGH = 2, DID_SHIFT = 8, AW_MASK = 7 };
enum { P = 1, FPD = 2 };

enum result vtd_legacy_encode(const struct vtd_unit_info *info, const struct vtd_entry *entry,
                              u64 out[2])
{
    bool second = entry->pgtt == PGTT_SECOND_STAGE;
    bool pass = entry->pgtt == PGTT_PASS_THROUGH && vtd_ecap_get(info->ecap, VTD_ECAP_PT) != 0;
    if ((!second && !pass) || entry->ss_ad || entry->force_snoop ||
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
    out[0] = P | (entry->fpd ? FPD : 0) |
             (pass ? (u64)TT_PASS_THROUGH << TT_SHIFT : entry->ss_root.v);
    out[1] = (levels - 2) | (u64)entry->did << DID_SHIFT;
    return OK;
}

static enum result write(struct vtd_unit *unit, u16 sid, const u64 words[2])
{
    u64 *context;
    enum result r = vtd_context_slot(unit, VTD_ROOT_OFF, sid, &context);
    if (r != OK) {
        return r;
    }
    u16 dids[2] = {(u16)(context[1] >> DID_SHIFT), (u16)(words[1] >> DID_SHIFT)};
    vtd_context_write(unit, context, vtd_storm_apply(unit, VTD_ROOT_OFF, sid, words[0]), words[1]);
    return vtd_inval_context(unit, sid, dids, dids[0] == dids[1] ? 1 : 2);
}

enum result vtd_legacy_set(struct vtd_unit *unit, u16 sid, const struct vtd_entry *entry)
{
    u64 words[2];
    enum result r = vtd_legacy_encode(&unit->info, entry, words);
    return r == OK ? write(unit, sid, words) : r;
}

enum result vtd_legacy_reset(struct vtd_unit *unit, u16 sid)
{
    const u64 *shared = port_hpa_to_ptr(unit->tables[VTD_ROOT_OFF].context);
    u64 words[2] = {shared[0], shared[1]};
    return write(unit, sid, words);
}
