/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * See doubts.h. Sources of the list of graphics: Linux's driver for remapping units leaves these alone (its
 * quirk_iommu_igfx() and quirk_calpella_no_shadow_gtt(); it names 4-series chipsets, too, whose CPUs have no EPT);
 * kernel bug 197029 and Qubes issue 2836 have what users saw. PCI Express 7.9.6 (DVSEC); CXL 3.1 8.1.3.
 */
#include "boot/doubts.h"

#include "drivers/format.h"

enum {
    ID = 0x00, INTEL = 0x8086,
    GGC = 0x50, GGC_VT_MEMORY = 1 << 27,   /* bit 11 of the upper half: firmware left room for a shadow table */
    DVSEC = 0x23, DVSEC_HEADER_1 = 4, DVSEC_HEADER_2 = 8, CXL_VENDOR = 0x1e98, CXL_DEVICE = 0,
    CACHE_CAPABLE = 1 << 16,               /* of the dword at 8: the DVSEC's id and CXL's capability */
};

void doubts_text(const struct doubtful *d, char text[static DOUBTS_TEXT])
{
    static const char *const texts[] = {
        [DOUBT_NEEDS_ATS] = "asks for a device TLB (ATC_REQUIRED), which Nestor does not give: it may not work",
        [DOUBT_GRAPHICS] = "is known to misbehave when its DMA is translated: its picture may break",
        [DOUBT_CXL_CACHE] = "reaches memory by CXL.cache, which no remapping unit sees"};
    (void)format_text(text, DOUBTS_TEXT, "device %04x:%02x:%02x.%x %s", d->segment, d->f.bus, d->f.device,
                      d->f.function, texts[d->why]);
}

static void add(struct doubts *out, u16 segment, struct pci_function f, enum doubt why)
{
    const struct doubtful d = {segment, f, why};
    if (out->count < DOUBTS) {
        out->list[out->count] = d;
    }
    out->count++;
    if (why == DOUBT_CXL_CACHE && !out->cached) {
        out->cached = true;
        out->first_cached = d;
    }
}

static void add_limit(struct doubts *out, u16 segment, struct pci_function f, u8 flags)
{
    if (out->limit_count < HANDOVER_LIMITS) {
        out->limits[out->limit_count] = (struct device_limit){
            .segment = segment, .sid = (u16)(f.bus << 8 | f.device << 3 | f.function), .flags = flags};
    }
    out->limit_count++;
}

static void note_scope(const struct vtd_dmar *dmar, const struct pci_config *c, const struct vtd_dmar_scope *scope,
                       const bool *scalable, u8 flags, struct doubts *out)
{
    enum { LIMITS = VTD_SCOPE_NO_NESTING | VTD_SCOPE_NO_PWSNP | VTD_SCOPE_NO_PGSNP };
    struct pci_function f;
    if (!coverage_named(dmar, c, scope, &f)) {
        return;
    }
    u32 unit = coverage_unit(dmar, c, f);
    if (unit == dmar->unit_count || !scalable[unit]) {
        return;
    }
    if ((flags & VTD_SCOPE_ATC_REQUIRED) != 0) {
        add(out, c->segment, f, DOUBT_NEEDS_ATS);
    }
    if ((flags & LIMITS) != 0) {
        add_limit(out, c->segment, f, flags & LIMITS);
    }
}

/* SIDP supersedes SATC, and firmware may have either. */
void doubts_listed(const struct vtd_dmar *dmar, const struct pci_config *c, const bool *scalable,
                   struct doubts *out)
{
    for (u32 i = 0; dmar->sidp_count == 0 && i < dmar->satc_count; i++) {
        const struct vtd_dmar_list *l = &dmar->satc[i];
        for (u32 k = 0; l->flag && l->segment == c->segment && k < l->scopes.count; k++) {
            note_scope(dmar, c, vtd_dmar_scope_at(dmar, l->scopes, k), scalable, VTD_SCOPE_ATC_REQUIRED, out);
        }
    }
    for (u32 i = 0; i < dmar->sidp_count; i++) {
        const struct vtd_dmar_list *l = &dmar->sidp[i];
        for (u32 k = 0; l->segment == c->segment && k < l->scopes.count; k++) {
            const struct vtd_dmar_scope *scope = vtd_dmar_scope_at(dmar, l->scopes, k);
            note_scope(dmar, c, scope, scalable, scope->flags, out);
        }
    }
}

/* Broadwell's, and the host bridges of Ironlake: there the graphics are no function with an id of their own. */
static bool is_bad_graphics(const struct pci_config *c, struct pci_function f, u32 id)
{
    u32 device = id >> 16;
    u32 sort = device & 0xf;
    if ((id & 0xffff) != INTEL) {
        return false;
    }
    if ((device & ~0x3fu) == 0x1600) {
        return sort == 0x2 || sort == 0x6 || sort == 0xa || sort == 0xb || sort == 0xd || sort == 0xe;
    }
    bool asks = device == 0x0040 || device == 0x0062 || device == 0x006a;
    return device == 0x0044 || (asks && (c->read(c->ctx, f, GGC) & GGC_VT_MEMORY) == 0);
}

static bool is_cached(const struct pci_config *c, struct pci_function f)
{
    u32 at = 0;
    while (coverage_capability(c, f, DVSEC, &at)) {
        u32 second = c->read(c->ctx, f, at + DVSEC_HEADER_2);
        if ((c->read(c->ctx, f, at + DVSEC_HEADER_1) & 0xffff) == CXL_VENDOR && (second & 0xffff) == CXL_DEVICE) {
            return (second & CACHE_CAPABLE) != 0;
        }
    }
    return false;
}

void doubts_look(void *doubts, const struct pci_config *c, struct pci_function f)
{
    if (is_bad_graphics(c, f, c->read(c->ctx, f, ID))) {
        add(doubts, c->segment, f, DOUBT_GRAPHICS);
    }
    if (is_cached(c, f)) {
        add(doubts, c->segment, f, DOUBT_CXL_CACHE);
    }
}
