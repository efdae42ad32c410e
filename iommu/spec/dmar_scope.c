/* SPDX-License-Identifier: BSD-2-Clause */
/* See dmar_scope.h: device scopes, VT-d 8.3.1, and how mistakes are kept. */
#include "iommu/spec/dmar_scope.h"

enum { SCOPE_BYTES = 6 };

enum result dmar_refuse(struct dmar_parser *p, u32 offset, const char *what, u64 found, const char *expected)
{
    *p->error = (struct vtd_dmar_error){.offset = offset, .found = found, .what = what, .expected = expected};
    return ERR_MALFORMED;
}

enum result dmar_too_many(struct dmar_parser *p, u32 offset, const char *what, u64 limit)
{
    (void)dmar_refuse(p, offset, what, limit, "more than Nestor has room for");
    return ERR_NO_MEMORY;
}

void dmar_note(struct dmar_parser *p, u32 offset, const char *what, u64 found, const char *outcome)
{
    struct vtd_dmar *d = p->out;
    if (d->note_count < VTD_DMAR_NOTES) {
        d->notes[d->note_count] = (struct vtd_dmar_error){.offset = offset, .found = found, .what = what,
                                                          .expected = outcome};
    }
    d->note_count++;
}

/* False: the path names what PCI does not have, so the scope reaches nothing. */
static bool parse_path(struct dmar_parser *p, u32 at, u32 hops)
{
    for (u32 i = 0; i < hops; i++) {
        u64 device = dmar_get(p, at + 2 * i, 1);
        u64 function = dmar_get(p, at + 2 * i + 1, 1);
        if (device > 31 || function > 7) {
            dmar_note(p, at + 2 * i, device > 31 ? "PCI device number" : "PCI function number",
                 device > 31 ? device : function, "there is none such: the device scope is ignored");
            return false;
        }
        p->out->hops[p->out->hop_count + i] = (struct vtd_dmar_hop){(u8)device, (u8)function};
    }
    return true;
}

/* *next: the scope after it; `end` where the rest cannot be told apart any more. */
static enum result parse_scope(struct dmar_parser *p, u32 at, u32 end, u32 *next)
{
    struct vtd_dmar *out = p->out;
    u32 length = end - at < SCOPE_BYTES ? 0 : (u32)dmar_get(p, at + 1, 1);
    if (length < SCOPE_BYTES + 2 || length > end - at) {
        dmar_note(p, at, "device scope length", length, "does not fit: this scope and those behind it are ignored");
        *next = end;
        return OK;
    }
    if (length % 2 != 0) {
        dmar_note(p, at + 1, "device scope length", length, "odd: half a path entry is ignored");
    }
    *next = at + length;
    u32 hops = (length - SCOPE_BYTES) / 2;
    if (out->scope_count == VTD_DMAR_SCOPES || hops > VTD_DMAR_HOPS - out->hop_count) {
        return dmar_too_many(p, at, "number of device scopes", out->scope_count);
    }
    if (parse_path(p, at + SCOPE_BYTES, hops)) {
        out->scopes[out->scope_count++] = (struct vtd_dmar_scope){
            .type = (u8)dmar_get(p, at, 1), .flags = (u8)dmar_get(p, at + 2, 1),
            .enumeration_id = (u8)dmar_get(p, at + 4, 1),
            .start_bus = (u8)dmar_get(p, at + 5, 1), .first_hop = (u16)out->hop_count, .hop_count = (u16)hops};
        out->hop_count += hops;
    }
    return OK;
}

enum result dmar_parse_scopes(struct dmar_parser *p, u32 at, u32 end, struct vtd_dmar_run *run)
{
    run->first = (u16)p->out->scope_count;
    while (at < end) {
        enum result r = parse_scope(p, at, end, &at);
        if (r != OK) {
            return r;
        }
    }
    run->count = (u16)(p->out->scope_count - run->first);
    return OK;
}

static bool same_device(const struct vtd_dmar *dmar, const struct vtd_dmar_scope *a, const struct vtd_dmar_scope *b)
{
    bool pci = a->type == VTD_SCOPE_ENDPOINT || a->type == VTD_SCOPE_BRIDGE;
    if (!pci || a->type != b->type || a->start_bus != b->start_bus || a->hop_count != b->hop_count) {
        return false;
    }
    for (u32 i = 0; i < a->hop_count; i++) {
        const struct vtd_dmar_hop *x = vtd_dmar_hop_at(dmar, a, i);
        const struct vtd_dmar_hop *y = vtd_dmar_hop_at(dmar, b, i);
        if (x->device != y->device || x->function != y->function) {
            return false;
        }
    }
    return true;
}

bool dmar_units_share_device(const struct vtd_dmar *dmar, const struct vtd_dmar_unit *a,
                               const struct vtd_dmar_unit *b)
{
    for (u32 i = 0; i < a->scopes.count; i++) {
        for (u32 j = 0; j < b->scopes.count; j++) {
            if (same_device(dmar, vtd_dmar_scope_at(dmar, a->scopes, i), vtd_dmar_scope_at(dmar, b->scopes, j))) {
                return true;
            }
        }
    }
    return false;
}
