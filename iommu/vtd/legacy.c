/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Legacy mode, VT-d 9.1 and 9.3: 16-byte context entries that point to the second
 * stage directly. Only "requests without PASID" exist. An entry is one store.
 */
#include "iommu/vtd/state.h"

static enum result write(struct vtd_unit *unit, u16 sid, const u64 words[2])
{
    u64 *context;
    enum result r = vtd_context_slot(unit, VTD_ROOT_OFF, sid, &context);
    if (r != OK) {
        return r;
    }
    const u16 dids[2] = {(u16)field_get(context, LEGACY_CONTEXT_DID), (u16)field_get(words, LEGACY_CONTEXT_DID)};
    vtd_context_write(unit, context, vtd_storm_apply(unit, VTD_ROOT_OFF, sid, words[0]), words[1]);
    return vtd_inval_context(unit, sid, dids, dids[0] == dids[1] ? 1 : 2);
}

enum result vtd_legacy_set(struct vtd_unit *unit, u16 sid, const struct vtd_entry *entry)
{
    u64 words[2];
    enum result r = vtd_entry_encode_legacy(&unit->info, entry, words);
    return r == OK ? write(unit, sid, words) : r;
}

enum result vtd_legacy_reset(struct vtd_unit *unit, u16 sid)
{
    const u64 *shared = port_hpa_to_ptr(unit->tables[VTD_ROOT_OFF].context);
    u64 words[2] = {shared[0], shared[1]};
    return write(unit, sid, words);
}
