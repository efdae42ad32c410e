/*
 * Parser of the DMAR table, VT-d chapter 8 (rev 5.10). Every byte is read through
 * one bounds-checked reader; every refusal names the offset. It leaves to others:
 * finding the table, walking the PCI paths, looking at the units.
 *
 * What is refused: lengths that do not fit, sizes and alignments that the text
 * forbids, two units in one place or for one device. What is not: reserved fields
 * (they may get a meaning), structure and scope types of the future, and an order of
 * structures other than ascending, as none of these leaves a doubt.
 */
#include "iommu/spec/dmar.h"

enum {
    HEADER_BYTES = 48,
    STRUCTURE_BYTES = 4,
    SCOPE_BYTES = 6,
    HAW_MIN = 32,
    HAW_MAX = 64,
};

/* Structure types, VT-d 8.2. */
enum { DRHD, RMRR, ATSR, RHSA, ANDD, SATC, SIDP, TYPE_COUNT };

struct parser {
    const u8 *bytes;
    u32 size;                /* of the table, as its header says */
    struct vtd_dmar *out;
    struct vtd_dmar_error *error;
};

/* A structure: [at, end) lies within the table. */
struct structure {
    u32 at, end;
};

static enum result refuse(struct parser *p, u32 offset, const char *what, u64 found,
                          const char *expected)
{
    *p->error = (struct vtd_dmar_error){.offset = offset, .found = found, .what = what,
                                        .expected = expected};
    return ERR_MALFORMED;
}

static enum result too_many(struct parser *p, u32 offset, const char *what, u64 limit)
{
    (void)refuse(p, offset, what, limit, "more than Nestor has room for");
    return ERR_NO_MEMORY;
}

static u64 get(const struct parser *p, u32 offset, u32 bytes)
{
    u64 value = 0;
    for (u32 i = 0; i < bytes; i++) {
        value |= (u64)p->bytes[offset + i] << (8 * i);
    }
    return value;
}

static enum result parse_scope(struct parser *p, u32 at, u32 end, u32 *next)
{
    struct vtd_dmar *out = p->out;
    if (end - at < SCOPE_BYTES) {
        return refuse(p, at, "space left for a device scope", end - at, "6 bytes or more expected");
    }
    u32 length = (u32)get(p, at + 1, 1);
    if (length < SCOPE_BYTES + 2 || length % 2 != 0) {
        return refuse(p, at + 1, "device scope length", length,
                      "6 and two more for each of at least one path entry expected");
    }
    if (length > end - at) {
        return refuse(p, at + 1, "device scope length", length, "more than its structure holds");
    }
    u32 hops = (length - SCOPE_BYTES) / 2;
    if (out->scope_count == VTD_DMAR_SCOPES || hops > VTD_DMAR_HOPS - out->hop_count) {
        return too_many(p, at, "number of device scopes", out->scope_count);
    }
    out->scopes[out->scope_count++] = (struct vtd_dmar_scope){
        .type = (u8)get(p, at, 1), .flags = (u8)get(p, at + 2, 1),
        .enumeration_id = (u8)get(p, at + 4, 1), .start_bus = (u8)get(p, at + 5, 1),
        .first_hop = (u16)out->hop_count, .hop_count = (u16)hops};
    for (u32 i = 0; i < hops; i++) {
        u32 hop = at + SCOPE_BYTES + 2 * i;
        if (get(p, hop, 1) > 31) {
            return refuse(p, hop, "PCI device number", get(p, hop, 1), "0 to 31 expected");
        }
        if (get(p, hop + 1, 1) > 7) {
            return refuse(p, hop + 1, "PCI function number", get(p, hop + 1, 1), "0 to 7 expected");
        }
        out->hops[out->hop_count++] = (struct vtd_dmar_hop){(u8)get(p, hop, 1),
                                                            (u8)get(p, hop + 1, 1)};
    }
    *next = at + length;
    return OK;
}

static enum result parse_scopes(struct parser *p, u32 at, u32 end, struct vtd_dmar_run *run)
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

static enum result check_window(struct parser *p, u32 at, const struct vtd_dmar_unit *unit)
{
    u64 base = unit->base.v;
    u64 last = base + (unit->window_size - 1);
    if (base == 0 || base % unit->window_size != 0) {
        return refuse(p, at + 8, "register base address", base,
                      "an address aligned to the register set's size expected");
    }
    if (p->out->haw < 64 && last >> p->out->haw != 0) {
        return refuse(p, at + 8, "register base address", base,
                      "an address below the host address width expected");
    }
    for (u32 i = 0; i < p->out->unit_count; i++) {
        const struct vtd_dmar_unit *other = &p->out->units[i];
        if (base <= other->base.v + (other->window_size - 1) && other->base.v <= last) {
            return refuse(p, at + 8, "register base address", base,
                          "its registers overlap those of another unit");
        }
        if (unit->include_all && other->include_all && unit->segment == other->segment) {
            return refuse(p, at + 4, "flags", get(p, at + 4, 1),
                          "a second unit with INCLUDE_PCI_ALL in one segment");
        }
    }
    return OK;
}

static enum result parse_drhd(struct parser *p, struct structure s)
{
    struct vtd_dmar *out = p->out;
    if (out->unit_count == VTD_DMAR_UNITS) {
        return too_many(p, s.at, "number of units", out->unit_count);
    }
    struct vtd_dmar_unit unit = {
        .base = {get(p, s.at + 8, 8)}, .segment = (u16)get(p, s.at + 6, 2),
        .include_all = (get(p, s.at + 4, 1) & 1) != 0,
        .window_size = (u32)PAGE_SIZE << (get(p, s.at + 5, 1) & 0xf)};
    enum result r = check_window(p, s.at, &unit);
    if (r != OK) {
        return r;
    }
    r = parse_scopes(p, s.at + 16, s.end, &unit.scopes);
    out->units[out->unit_count++] = unit;
    return r;
}

static enum result parse_rmrr(struct parser *p, struct structure s)
{
    struct vtd_dmar *out = p->out;
    if (out->region_count == VTD_DMAR_REGIONS) {
        return too_many(p, s.at, "number of reserved memory regions", out->region_count);
    }
    struct vtd_dmar_region *region = &out->regions[out->region_count++];
    region->segment = (u16)get(p, s.at + 6, 2);
    region->base = get(p, s.at + 8, 8);
    region->limit = get(p, s.at + 16, 8);
    if ((region->base & PAGE_MASK) != 0) {
        return refuse(p, s.at + 8, "reserved region base", region->base,
                      "a multiple of 4 KiB expected");
    }
    if (region->limit <= region->base || (region->limit & PAGE_MASK) != PAGE_MASK) {
        return refuse(p, s.at + 16, "reserved region limit", region->limit,
                      "the last byte of a 4 KiB page above the base expected");
    }
    if (out->haw < 64 && region->limit >> out->haw != 0) {
        return refuse(p, s.at + 16, "reserved region limit", region->limit,
                      "an address below the host address width expected");
    }
    return parse_scopes(p, s.at + 24, s.end, &region->scopes);
}

static enum result parse_list(struct parser *p, struct structure s, const char *what,
                              struct vtd_dmar_list *lists, u32 *count)
{
    if (*count == VTD_DMAR_LISTS) {
        return too_many(p, s.at, what, *count);
    }
    struct vtd_dmar_list *list = &lists[(*count)++];
    list->segment = (u16)get(p, s.at + 6, 2);
    list->flag = (get(p, s.at + 4, 1) & 1) != 0;
    return parse_scopes(p, s.at + 8, s.end, &list->scopes);
}

static enum result parse_atsr(struct parser *p, struct structure s)
{
    struct vtd_dmar *out = p->out;
    u32 first = out->scope_count;
    u32 at = s.at + 8;
    enum result r = parse_list(p, s, "number of ATSR structures", out->atsr, &out->atsr_count);
    for (u32 i = first; r == OK && i < out->scope_count; i++) {
        if (out->scopes[i].type != VTD_SCOPE_BRIDGE) {
            return refuse(p, at, "device scope type", out->scopes[i].type,
                          "2 (a root port) expected in an ATSR structure");
        }
        at += SCOPE_BYTES + 2u * out->scopes[i].hop_count;
    }
    return r;
}

/* Which unit it means is looked up when all units are known. */
static enum result check_rhsa(struct parser *p, struct structure s)
{
    if (s.end - s.at != 20) {
        return refuse(p, s.at + 2, "RHSA structure length", s.end - s.at, "20 expected");
    }
    return OK;
}

static void apply_rhsa(struct parser *p, u32 at)
{
    for (u32 i = 0; i < p->out->unit_count; i++) {
        if (p->out->units[i].base.v == get(p, at + 8, 8)) {
            p->out->units[i].has_proximity = true;
            p->out->units[i].proximity = (u32)get(p, at + 16, 4);
        }
    }
}

static enum result parse_andd(struct parser *p, struct structure s)
{
    struct vtd_dmar *out = p->out;
    u8 number = (u8)get(p, s.at + 7, 1);
    u32 length = 0;
    while (s.at + 8 + length < s.end && p->bytes[s.at + 8 + length] != 0) {
        length++;
    }
    if (s.at + 8 + length == s.end || length == 0) {
        return refuse(p, s.at + 8, "length of the ACPI object name", length,
                      "a name with a terminating zero expected");
    }
    for (u32 i = 0; i < out->namespace_count; i++) {
        if (out->namespace[i].number == number) {
            return refuse(p, s.at + 7, "ACPI device number", number, "used by another device");
        }
    }
    if (out->namespace_count == VTD_DMAR_NAMESPACE) {
        return too_many(p, s.at, "number of ACPI devices", out->namespace_count);
    }
    struct vtd_dmar_namespace *device = &out->namespace[out->namespace_count++];
    *device = (struct vtd_dmar_namespace){.number = number};
    for (u32 i = 0; i < length && i < VTD_DMAR_NAME - 1; i++) {
        device->name[i] = (char)p->bytes[s.at + 8 + i];
    }
    return OK;
}

static enum result parse_one(struct parser *p, u32 type, struct structure s)
{
    /* Bytes before the first scope, or in all where there is none. */
    static const u8 least[TYPE_COUNT] = {[DRHD] = 16, [RMRR] = 24, [ATSR] = 8, [RHSA] = 20,
                                         [ANDD] = 9, [SATC] = 8, [SIDP] = 8};
    struct vtd_dmar *out = p->out;
    if (type < TYPE_COUNT && s.end - s.at < least[type]) {
        return refuse(p, s.at + 2, "structure length", s.end - s.at,
                      "too short for a structure of its type");
    }
    switch (type) {
    case DRHD:
        return parse_drhd(p, s);
    case RMRR:
        return parse_rmrr(p, s);
    case ATSR:
        return parse_atsr(p, s);
    case RHSA:
        return check_rhsa(p, s);
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

static enum result parse_structures(struct parser *p)
{
    u32 at = HEADER_BYTES;
    while (at < p->size) {
        if (p->size - at < STRUCTURE_BYTES) {
            return refuse(p, at, "space left for a structure", p->size - at,
                          "4 bytes or more expected");
        }
        u32 length = (u32)get(p, at + 2, 2);
        if (length < STRUCTURE_BYTES) {
            return refuse(p, at + 2, "structure length", length, "4 or more expected");
        }
        if (length > p->size - at) {
            return refuse(p, at + 2, "structure length", length, "more than the table holds");
        }
        enum result r = parse_one(p, (u32)get(p, at, 2), (struct structure){at, at + length});
        if (r != OK) {
            return r;
        }
        at += length;
    }
    return OK;
}

/* Lengths are checked by now. */
static void parse_affinities(struct parser *p)
{
    for (u32 at = HEADER_BYTES; at < p->size; at += (u32)get(p, at + 2, 2)) {
        if (get(p, at, 2) == RHSA) {
            apply_rhsa(p, at);
        }
    }
}

static bool same_device(const struct vtd_dmar *dmar, const struct vtd_dmar_scope *a,
                        const struct vtd_dmar_scope *b)
{
    bool pci = a->type == VTD_SCOPE_ENDPOINT || a->type == VTD_SCOPE_BRIDGE;
    if (!pci || a->type != b->type || a->start_bus != b->start_bus ||
        a->hop_count != b->hop_count) {
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

static bool units_share_device(const struct vtd_dmar *dmar, const struct vtd_dmar_unit *a,
                               const struct vtd_dmar_unit *b)
{
    for (u32 i = 0; i < a->scopes.count; i++) {
        for (u32 j = 0; j < b->scopes.count; j++) {
            if (same_device(dmar, vtd_dmar_scope_at(dmar, a->scopes, i),
                            vtd_dmar_scope_at(dmar, b->scopes, j))) {
                return true;
            }
        }
    }
    return false;
}

/* Two units for one device: nobody could say which one translates it. */
static enum result check_owners(struct parser *p)
{
    const struct vtd_dmar *out = p->out;
    u32 at = HEADER_BYTES;
    for (u32 i = 0; i < out->unit_count; at += (u32)get(p, at + 2, 2)) {
        if (get(p, at, 2) != DRHD) {
            continue;
        }
        for (u32 j = 0; j < i; j++) {
            if (out->units[i].segment == out->units[j].segment &&
                units_share_device(out, &out->units[i], &out->units[j])) {
                return refuse(p, at + 16, "a device scope of the unit", out->units[i].base.v,
                              "in the scope of another unit too");
            }
        }
        i++;
    }
    return OK;
}

static enum result check_header(struct parser *p, size_t size)
{
    u8 sum = 0;
    if (size < HEADER_BYTES) {
        return refuse(p, 0, "space for the table", size, "48 bytes or more expected");
    }
    if (get(p, 0, 4) != 0x52414d44) {
        return refuse(p, 0, "signature", get(p, 0, 4), "\"DMAR\" expected");
    }
    p->size = (u32)get(p, 4, 4);
    if (p->size < HEADER_BYTES || p->size > size) {
        return refuse(p, 4, "table length", p->size, "48 to the size of the mapping expected");
    }
    for (u32 i = 0; i < p->size; i++) {
        sum = (u8)(sum + p->bytes[i]);
    }
    if (sum != 0) {
        return refuse(p, 9, "sum of all bytes", sum, "0 expected");
    }
    u32 haw = (u32)get(p, 36, 1) + 1;
    if (haw < HAW_MIN || haw > HAW_MAX) {
        return refuse(p, 36, "host address width", haw, "32 to 64 bits expected");
    }
    p->out->haw = (u8)haw;
    p->out->intr_remap = (get(p, 37, 1) & 1) != 0;
    p->out->x2apic_opt_out = (get(p, 37, 1) & 2) != 0;
    p->out->dma_opt_in = (get(p, 37, 1) & 4) != 0;
    return OK;
}

enum result vtd_dmar_parse(const void *table, size_t size, struct vtd_dmar *out,
                           struct vtd_dmar_error *error)
{
    struct parser p = {.bytes = table, .out = out, .error = error};
    out->unknown_structures = 0;
    out->unit_count = out->scope_count = out->hop_count = out->region_count = 0;
    out->atsr_count = out->satc_count = out->sidp_count = out->namespace_count = 0;
    enum result r = check_header(&p, size);
    if (r != OK) {
        return r;
    }
    r = parse_structures(&p);
    if (r != OK) {
        return r;
    }
    if (out->unit_count == 0) {
        return refuse(&p, HEADER_BYTES, "number of units", 0, "at least one DRHD structure expected");
    }
    parse_affinities(&p);
    return check_owners(&p);
}
