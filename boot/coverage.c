/* SPDX-License-Identifier: BSD-2-Clause */
/* See coverage.h. Bus numbers are those that firmware assigned and that are in force now. */
#include "boot/coverage.h"

enum {
    CONFIG_ID = 0x00,
    CONFIG_COMMAND = 0x04,
    COMMAND_MASTER = 1 << 2,
    CONFIG_CLASS = 0x08,
    CONFIG_HEADER = 0x0c,
    CONFIG_BUSES = 0x18,
    CLASS_HOST_BRIDGE = 0x0600,
    EXTENDED_CAPABILITIES = 0x100,
    CAPABILITY_SRIOV = 0x10,
    SRIOV_TOTAL = 0x0c,      /* TotalVFs in its upper half: SR-IOV 1.1 chapter 3.3.5 */
    MOST_CAPABILITIES = 48,  /* a list that closes on itself ends here */
};

static bool is_present(const struct pci_config *c, struct pci_function f)
{
    return (c->read(c->ctx, f, CONFIG_ID) & 0xffff) != 0xffff;
}

static u32 header_type(const struct pci_config *c, struct pci_function f)
{
    return c->read(c->ctx, f, CONFIG_HEADER) >> 16 & 0xff;
}

static bool is_bridge(const struct pci_config *c, struct pci_function f)
{
    return (header_type(c, f) & 0x7f) == 1;
}

/* Follows a scope's path through the bridges. False: something on the path is not there. */
static bool resolve(const struct vtd_dmar *dmar, const struct pci_config *c,
                    const struct vtd_dmar_scope *scope, struct pci_function *out)
{
    u8 bus = scope->start_bus;
    for (u32 i = 0;; i++) {
        const struct vtd_dmar_hop *hop = vtd_dmar_hop_at(dmar, scope, i);
        *out = (struct pci_function){bus, hop->device, hop->function};
        if (i + 1 == scope->hop_count) {
            return true;
        }
        if (!is_present(c, *out) || !is_bridge(c, *out)) {
            return false;
        }
        bus = (u8)(c->read(c->ctx, *out, CONFIG_BUSES) >> 8);
    }
}

static bool scope_covers(const struct vtd_dmar *dmar, const struct pci_config *c,
                         const struct vtd_dmar_scope *scope, struct pci_function f)
{
    struct pci_function named;
    if ((scope->type != VTD_SCOPE_ENDPOINT && scope->type != VTD_SCOPE_BRIDGE) ||
        !resolve(dmar, c, scope, &named)) {
        return false;
    }
    if (named.bus == f.bus && named.device == f.device && named.function == f.function) {
        return true;
    }
    if (scope->type != VTD_SCOPE_BRIDGE || !is_present(c, named) || !is_bridge(c, named)) {
        return false;
    }
    u32 buses = c->read(c->ctx, named, CONFIG_BUSES);
    return (buses >> 8 & 0xff) <= f.bus && f.bus <= (buses >> 16 & 0xff);
}

bool coverage_named(const struct vtd_dmar *dmar, const struct pci_config *c, const struct vtd_dmar_scope *scope,
                    struct pci_function *out)
{
    return scope->type == VTD_SCOPE_ENDPOINT && resolve(dmar, c, scope, out) && is_present(c, *out);
}

bool coverage_run(const struct vtd_dmar *dmar, const struct pci_config *c, struct vtd_dmar_run scopes,
                  struct pci_function f)
{
    for (u32 i = 0; i < scopes.count; i++) {
        if (scope_covers(dmar, c, vtd_dmar_scope_at(dmar, scopes, i), f)) {
            return true;
        }
    }
    return false;
}

static bool unit_covers(const struct vtd_dmar *dmar, const struct pci_config *c,
                        const struct vtd_dmar_unit *unit, struct pci_function f)
{
    return unit->segment == c->segment && (unit->include_all || coverage_run(dmar, c, unit->scopes, f));
}

u32 coverage_unit(const struct vtd_dmar *dmar, const struct pci_config *c, struct pci_function f)
{
    u32 found = dmar->unit_count;
    for (u32 i = 0; i < dmar->unit_count; i++) {
        bool better = found == dmar->unit_count || dmar->units[found].include_all;
        found = better && unit_covers(dmar, c, &dmar->units[i], f) ? i : found;
    }
    return found;
}

/* Host bridges do no DMA of their own, and tables without INCLUDE_PCI_ALL leave them out. */
static bool is_covered(const struct vtd_dmar *dmar, const struct pci_config *c,
                       struct pci_function f)
{
    if (c->read(c->ctx, f, CONFIG_CLASS) >> 16 == CLASS_HOST_BRIDGE) {
        return true;
    }
    return coverage_unit(dmar, c, f) != dmar->unit_count;
}

bool coverage_next(const struct pci_config *c, u32 *at, struct pci_function *f)
{
    u32 first = (u32)c->first_bus << 8;
    *at = *at < first ? first : *at;
    while (*at <= ((u32)c->last_bus << 8 | 0xff)) {
        *f = (struct pci_function){(u8)(*at >> 8), *at >> 3 & 31, *at & 7};
        struct pci_function lead = {f->bus, f->device, 0};
        if (f->function != 0 && (header_type(c, lead) & 0x80) == 0) {
            *at |= 7;
        } else if (is_present(c, *f)) {
            return true;
        } else if (f->function == 0) {
            *at |= 7;
        }
        ++*at;
    }
    return false;
}

/* A function that cannot be made a master of the bus does no DMA, as the uncore functions of servers. */
static bool is_powerless(const struct pci_config *c, struct pci_function f)
{
    u32 before = c->read(c->ctx, f, CONFIG_COMMAND) & 0xffff; /* the status above it is cleared by ones */
    if (c->write == NULL || (before & COMMAND_MASTER) != 0) {
        return false;
    }
    c->write(c->ctx, f, CONFIG_COMMAND, before | COMMAND_MASTER);
    bool stays = (c->read(c->ctx, f, CONFIG_COMMAND) & COMMAND_MASTER) == 0;
    c->write(c->ctx, f, CONFIG_COMMAND, before);
    return stays;
}

bool coverage_complete(const struct vtd_dmar *dmar, const struct pci_config *config,
                       struct pci_function *uncovered)
{
    for (u32 at = 0; coverage_next(config, &at, uncovered); at++) {
        if (!is_covered(dmar, config, *uncovered) && !is_powerless(config, *uncovered)) {
            return false;
        }
    }
    return true;
}

/* PCI Express 7.6.3: a dword of id, version and the next one's offset. */
bool coverage_capability(const struct pci_config *c, struct pci_function f, u16 id, u32 *at)
{
    u32 next = *at == 0 ? EXTENDED_CAPABILITIES : c->read(c->ctx, f, *at) >> 20 & ~3u;
    for (u32 i = 0; c->extended && i < MOST_CAPABILITIES && next >= EXTENDED_CAPABILITIES; i++) {
        u32 header = c->read(c->ctx, f, next);
        if (header == 0 || header == ~0u) {
            return false;
        }
        if ((header & 0xffff) == id) {
            bool onward = next > *at; /* a list that leads back is one that closes on itself */
            *at = next;
            return onward;
        }
        next = header >> 20 & ~3u;
    }
    return false;
}

static u32 count_vfs(const struct pci_config *c, struct pci_function f)
{
    u32 at = 0;
    return coverage_capability(c, f, CAPABILITY_SRIOV, &at) ? c->read(c->ctx, f, at + SRIOV_TOTAL) >> 16 : 0;
}

u32 coverage_functions(const struct pci_config *config, coverage_visit *visit, void *ctx)
{
    u32 count = 0;
    struct pci_function f;
    for (u32 at = 0; coverage_next(config, &at, &f); at++) {
        count += 1 + count_vfs(config, f);
        if (visit != NULL) {
            visit(ctx, config, f);
        }
    }
    return count;
}
