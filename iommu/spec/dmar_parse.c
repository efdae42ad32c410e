/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Parser of the DMAR table, VT-d chapter 8 (rev 5.10). Every byte is read through one bounds-checked reader;
 * every refusal and every note names the offset. It leaves to others: finding the table, walking the PCI paths,
 * looking at the units.
 *
 * Refused is only what leaves a unit in doubt: structures that do not fit into the table, a unit without a usable
 * register address, no unit at all. All else that contradicts the text is a note, as in kernels that boot such
 * machines with a warning: Nestor translates for every device at every unit alike, so a device in two scopes, or in
 * none that can be read, is never out of control by it. No note is worth: reserved fields (they may get a meaning),
 * types of the future, and an order of structures other than ascending.
 */
#include "iommu/spec/dmar_scope.h"

enum {
    HEADER_BYTES = 48,
    STRUCTURE_BYTES = 4,
    HAW_LEAST = 12,          /* not even a page */
    HAW_MIN = 32,
    HAW_MAX = 52,            /* no physical address has more bits */
};

/* Structure types, VT-d 8.2. */
enum { DRHD, RMRR, ATSR, RHSA, ANDD, SATC, SIDP, TYPE_COUNT };

static void note_shared_device(struct dmar_parser *p, u32 at, const struct vtd_dmar_unit *unit)
{
    for (u32 i = 0; i < p->out->unit_count; i++) {
        const struct vtd_dmar_unit *other = &p->out->units[i];
        if (unit->segment != other->segment) {
            continue;
        }
        if (unit->include_all && other->include_all) {
            dmar_note(p, at + 4, "flags", dmar_get(p, at + 4, 1), "a second unit with INCLUDE_PCI_ALL in one segment");
        }
        if (dmar_units_share_device(p->out, unit, other)) {
            dmar_note(p, at + 16, "a device scope of the unit", unit->base.v, "in the scope of another unit too");
            return;
        }
    }
}

/* Firmware with two copies of a structure, or two lists that it joined: the first counts, and the larger window. */
static enum result find_copy(struct dmar_parser *p, u32 at, const struct vtd_dmar_unit *unit, bool *is_copy)
{
    *is_copy = false;
    for (u32 i = 0; i < p->out->unit_count && !*is_copy; i++) {
        struct vtd_dmar_unit *first = &p->out->units[i];
        if (unit->base.v != first->base.v) {
            continue;
        }
        if (unit->segment != first->segment) {
            return dmar_refuse(p, at + 8, "register base address", unit->base.v, "that of a unit of another segment");
        }
        dmar_note(p, at + 8, "register base address", unit->base.v, "that of a unit before: this one is ignored");
        first->window_size = unit->window_size > first->window_size ? unit->window_size : first->window_size;
        *is_copy = true;
    }
    return OK;
}

static enum result check_window(struct dmar_parser *p, u32 at, const struct vtd_dmar_unit *unit)
{
    u64 base = unit->base.v;
    if (base == 0 || (base & PAGE_MASK) != 0 || base >> HAW_MAX != 0) {
        return dmar_refuse(p, at + 8, "register base address", base,
                           "the address of a page, not 0 and below 2^52, expected");
    }
    if (base % unit->window_size != 0) {
        dmar_note(p, at + 8, "register base address", base, "not aligned to the register set's size");
    }
    if (base >> p->out->haw != 0) {
        dmar_note(p, at + 8, "register base address", base, "above the host address width");
    }
    return OK;
}

static enum result parse_drhd(struct dmar_parser *p, struct dmar_structure s)
{
    struct vtd_dmar *out = p->out;
    bool is_copy;
    struct vtd_dmar_unit unit = {
        .base = {dmar_get(p, s.at + 8, 8)}, .segment = (u16)dmar_get(p, s.at + 6, 2),
        .include_all = (dmar_get(p, s.at + 4, 1) & 1) != 0,
        .window_size = (u32)PAGE_SIZE << (dmar_get(p, s.at + 5, 1) & 0xf)};
    enum result r = find_copy(p, s.at, &unit, &is_copy);
    if (r != OK || is_copy) {
        return r;
    }
    if (out->unit_count == VTD_DMAR_UNITS) {
        return dmar_too_many(p, s.at, "number of units", out->unit_count);
    }
    r = check_window(p, s.at, &unit);
    r = r == OK ? dmar_parse_scopes(p, s.at + 16, s.end, &unit.scopes) : r;
    if (r == OK) {
        note_shared_device(p, s.at, &unit);
        out->units[out->unit_count++] = unit;
    }
    return r;
}

/*
 * Whole pages that hold all that the region names: as a kernel that maps it for its device takes it. One
 * without a byte asks for nothing; one that no address of the platform reaches cannot be meant.
 */
static enum result parse_rmrr(struct dmar_parser *p, struct dmar_structure s)
{
    struct vtd_dmar *out = p->out;
    u64 base = dmar_get(p, s.at + 8, 8);
    u64 limit = dmar_get(p, s.at + 16, 8);
    if (limit < base || limit == 0) {
        dmar_note(p, s.at + 16, "reserved region limit", limit, "nothing is above the base: the region is ignored");
        return OK;
    }
    if (limit >> out->haw != 0) {
        dmar_note(p, s.at + 16, "reserved region limit", limit, "above the host address width: the region is ignored");
        return OK;
    }
    if ((base & PAGE_MASK) != 0 || (limit & PAGE_MASK) != PAGE_MASK) {
        bool at_base = (base & PAGE_MASK) != 0;
        dmar_note(p, s.at + (at_base ? 8 : 16), at_base ? "reserved region base" : "reserved region limit",
                  at_base ? base : limit, "not whole 4 KiB pages: those that it touches are reserved");
    }
    if (out->region_count == VTD_DMAR_REGIONS) {
        return dmar_too_many(p, s.at, "number of reserved memory regions", out->region_count);
    }
    struct vtd_dmar_region *region = &out->regions[out->region_count++];
    *region = (struct vtd_dmar_region){.base = base & ~PAGE_MASK, .limit = limit | PAGE_MASK,
                                       .segment = (u16)dmar_get(p, s.at + 6, 2)};
    return dmar_parse_scopes(p, s.at + 24, s.end, &region->scopes);
}

static enum result parse_list(struct dmar_parser *p, struct dmar_structure s, const char *what,
                              struct vtd_dmar_list *lists, u32 *count)
{
    if (*count == VTD_DMAR_LISTS) {
        return dmar_too_many(p, s.at, what, *count);
    }
    struct vtd_dmar_list *list = &lists[(*count)++];
    list->segment = (u16)dmar_get(p, s.at + 6, 2);
    list->flag = (dmar_get(p, s.at + 4, 1) & 1) != 0;
    return dmar_parse_scopes(p, s.at + 8, s.end, &list->scopes);
}

static void apply_rhsa(struct dmar_parser *p, u32 at)
{
    for (u32 i = 0; i < p->out->unit_count; i++) {
        if (p->out->units[i].base.v == dmar_get(p, at + 8, 8)) {
            p->out->units[i].has_proximity = true;
            p->out->units[i].proximity = (u32)dmar_get(p, at + 16, 4);
        }
    }
}

/* Names are for people; a device's number counts, and of two devices with one number the first. */
static enum result parse_andd(struct dmar_parser *p, struct dmar_structure s)
{
    struct vtd_dmar *out = p->out;
    u8 number = (u8)dmar_get(p, s.at + 7, 1);
    u32 length = 0;
    while (s.at + 8 + length < s.end && p->bytes[s.at + 8 + length] != 0) {
        length++;
    }
    if (s.at + 8 + length == s.end) {
        dmar_note(p, s.at + 8, "length of the ACPI object name", length, "no terminating zero");
    }
    for (u32 i = 0; i < out->namespace_count; i++) {
        if (out->namespace[i].number == number) {
            dmar_note(p, s.at + 7, "ACPI device number", number, "that of a device before: this one is ignored");
            return OK;
        }
    }
    if (out->namespace_count == VTD_DMAR_NAMESPACE) {
        return dmar_too_many(p, s.at, "number of ACPI devices", out->namespace_count);
    }
    struct vtd_dmar_namespace *device = &out->namespace[out->namespace_count++];
    *device = (struct vtd_dmar_namespace){.number = number};
    for (u32 i = 0; i < length && i < VTD_DMAR_NAME - 1; i++) {
        device->name[i] = (char)p->bytes[s.at + 8 + i];
    }
    return OK;
}

static enum result parse_one(struct dmar_parser *p, u32 type, struct dmar_structure s)
{
    /* Bytes before the first scope, or in all where there is none. */
    static const u8 least[TYPE_COUNT] = {[DRHD] = 16, [RMRR] = 24, [ATSR] = 8, [RHSA] = 20,
                                         [ANDD] = 9, [SATC] = 8, [SIDP] = 8};
    struct vtd_dmar *out = p->out;
    if (type < TYPE_COUNT && s.end - s.at < least[type]) {
        if (type == DRHD) {
            return dmar_refuse(p, s.at + 2, "structure length", s.end - s.at, "too short for a unit");
        }
        dmar_note(p, s.at + 2, "structure length", s.end - s.at, "too short for its type: the structure is ignored");
        return OK;
    }
    switch (type) {
    case DRHD:
        return parse_drhd(p, s);
    case RMRR:
        return parse_rmrr(p, s);
    case ATSR:
        return parse_list(p, s, "number of ATSR structures", out->atsr, &out->atsr_count);
    case RHSA:
        return OK;           /* which unit it means is looked up when all are known */
    case ANDD:
        return parse_andd(p, s);
    case SATC:
        return parse_list(p, s, "number of SATC structures", out->satc, &out->satc_count);
    case SIDP:
        return parse_list(p, s, "number of SIDP structures", out->sidp, &out->sidp_count);
    default:
        out->unknown_structures++;
        return OK;
    }
}

/* Tables that were made longer than what they hold. */
static bool only_zeros_from(const struct dmar_parser *p, u32 at)
{
    while (at < p->size && p->bytes[at] == 0) {
        at++;
    }
    return at == p->size;
}

/* *length 0: no structure begins there, and none can follow. */
static enum result next_structure(struct dmar_parser *p, u32 at, u32 *length)
{
    *length = 0;
    if (only_zeros_from(p, at)) {
        dmar_note(p, at, "bytes after the last structure", p->size - at, "all of them 0: ignored");
        return OK;
    }
    if (p->size - at < STRUCTURE_BYTES) {
        dmar_note(p, at, "bytes after the last structure", p->size - at, "too few for another: ignored");
        return OK;
    }
    *length = (u32)dmar_get(p, at + 2, 2);
    if (*length < STRUCTURE_BYTES) {
        return dmar_refuse(p, at + 2, "structure length", *length, "4 or more expected");
    }
    if (*length > p->size - at) {
        return dmar_refuse(p, at + 2, "structure length", *length, "more than the table holds");
    }
    return OK;
}

static enum result parse_structures(struct dmar_parser *p, u32 *end)
{
    *end = HEADER_BYTES;
    for (u32 length; *end < p->size; *end += length) {
        enum result r = next_structure(p, *end, &length);
        if (r == OK && length != 0) {
            r = parse_one(p, (u32)dmar_get(p, *end, 2), (struct dmar_structure){*end, *end + length});
        }
        if (r != OK || length == 0) {
            return r;
        }
    }
    return OK;
}

/* Lengths are checked by now. */
static void parse_affinities(struct dmar_parser *p, u32 end)
{
    for (u32 at = HEADER_BYTES; at < end; at += (u32)dmar_get(p, at + 2, 2)) {
        if (dmar_get(p, at, 2) == RHSA && dmar_get(p, at + 2, 2) >= 20) {
            apply_rhsa(p, at);
        }
    }
}

/* Each address belongs to one unit: a window ends where the registers of another begin. */
static void separate_windows(struct dmar_parser *p)
{
    struct vtd_dmar *out = p->out;
    for (u32 i = 0; i < out->unit_count; i++) {
        struct vtd_dmar_unit *unit = &out->units[i];
        for (u32 j = 0; j < out->unit_count; j++) {
            u64 distance = out->units[j].base.v - unit->base.v;
            if (i != j && distance < unit->window_size) {
                dmar_note(p, HEADER_BYTES, "size of the register set", unit->window_size,
                          "reaches into those of another unit: ends there");
                unit->window_size = (u32)distance;
            }
        }
    }
}

static enum result check_header(struct dmar_parser *p, size_t size)
{
    u8 sum = 0;
    if (size < HEADER_BYTES) {
        return dmar_refuse(p, 0, "space for the table", size, "48 bytes or more expected");
    }
    if (dmar_get(p, 0, 4) != 0x52414d44) {
        return dmar_refuse(p, 0, "signature", dmar_get(p, 0, 4), "\"DMAR\" expected");
    }
    p->size = (u32)dmar_get(p, 4, 4);
    if (p->size < HEADER_BYTES || p->size > size) {
        return dmar_refuse(p, 4, "table length", p->size, "48 to the size of the mapping expected");
    }
    for (u32 i = 0; i < p->size; i++) {
        sum = (u8)(sum + p->bytes[i]);
    }
    if (sum != 0) {
        dmar_note(p, 9, "sum of all bytes", sum, "0 expected");
    }
    u32 haw = (u32)dmar_get(p, 36, 1) + 1;
    if (haw < HAW_LEAST) {
        return dmar_refuse(p, 36, "host address width", haw, "32 to 52 bits expected");
    }
    if (haw < HAW_MIN || haw > HAW_MAX) {
        dmar_note(p, 36, "host address width", haw, "32 to 52 bits expected: taken as 52");
        haw = HAW_MAX;
    }
    p->out->haw = (u8)haw;
    u64 flags = dmar_get(p, VTD_DMAR_FLAGS_AT, 1);
    p->out->intr_remap = (flags & VTD_DMAR_INTR_REMAP) != 0;
    p->out->x2apic_opt_out = (flags & VTD_DMAR_X2APIC_OPT_OUT) != 0;
    p->out->dma_opt_in = (flags & VTD_DMAR_DMA_OPT_IN) != 0;
    return OK;
}

enum result vtd_dmar_parse(const void *table, size_t size, struct vtd_dmar *out,
                           struct vtd_dmar_error *error)
{
    struct dmar_parser p = {.bytes = table, .out = out, .error = error};
    u32 end;
    out->note_count = 0;
    out->unknown_structures = 0;
    out->unit_count = out->scope_count = out->hop_count = out->region_count = 0;
    out->atsr_count = out->satc_count = out->sidp_count = out->namespace_count = 0;
    enum result r = check_header(&p, size);
    r = r == OK ? parse_structures(&p, &end) : r;
    if (r != OK) {
        return r;
    }
    if (out->unit_count == 0) {
        return dmar_refuse(&p, HEADER_BYTES, "number of units", 0, "at least one DRHD structure expected");
    }
    parse_affinities(&p, end);
    separate_windows(&p);
    return OK;
}
