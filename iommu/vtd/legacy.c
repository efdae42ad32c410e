/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Legacy mode, VT-d 9.1 and 9.3: 16-byte context entries that point to the second
 * stage directly. Only "requests without PASID" exist. An entry is one store.
 */
#include "iommu/vtd/state.h"

static enum result write(struct vtd_unit *unit, enum vtd_root root, u16 sid, const u64 words[2])
{
    u64 *context;
    enum result r = vtd_context_slot(unit, root, sid, &context);
    if (r != OK) {
        return r;
    }
    const u16 dids[2] = {(u16)field_get(context, LEGACY_CONTEXT_DID), (u16)field_get(words, LEGACY_CONTEXT_DID)};
    vtd_own_write(unit, root, sid, context, words[0], words[1]);
    return vtd_inval_context(unit, sid, dids, dids[0] == dids[1] ? 1 : 2);
}

enum result vtd_legacy_set(struct vtd_unit *unit, enum vtd_root root, u16 sid, const struct vtd_entry *entry)
{
    u64 words[2];
    enum result r = vtd_entry_encode_legacy(&unit->info, entry, words);
    return r == OK ? write(unit, root, sid, words) : r;
}

enum result vtd_legacy_reset(struct vtd_unit *unit, enum vtd_root root, u16 sid)
{
    u64 words[2] = {0, 0};
    if (root == VTD_ROOT_OFF) {
        const u64 *shared = port_hpa_to_ptr(unit->tables[root].context);
        words[0] = shared[0];
        words[1] = shared[1];
    } else {
        const u64 *context = vtd_context_find(unit, root, sid);
        if (context == NULL || (context[0] | context[1]) == 0) {
            return OK;
        }
    }
    return write(unit, root, sid, words);
}
