/* See coverage.h. Bus numbers are those that firmware assigned and that are in force now. */
#include "boot/coverage.h"

enum {
    CONFIG_ID = 0x00,
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

static bool unit_covers(const struct vtd_dmar *dmar, const struct pci_config *c,
                        const struct vtd_dmar_unit *unit, struct pci_function f)
{
    if (unit->segment != c->segment) {
        return false;
    }
    for (u32 i = 0; !unit->include_all && i < unit->scopes.count; i++) {
        if (scope_covers(dmar, c, vtd_dmar_scope_at(dmar, unit->scopes, i), f)) {
            return true;
        }
    }
    return unit->include_all;
}

/* Host bridges do no DMA of their own, and tables without INCLUDE_PCI_ALL leave them out. */
static bool is_covered(const struct vtd_dmar *dmar, const struct pci_config *c,
                       struct pci_function f)
{
    if (c->read(c->ctx, f, CONFIG_CLASS) >> 16 == CLASS_HOST_BRIDGE) {
        return true;
    }
    for (u32 i = 0; i < dmar->unit_count; i++) {
        if (unit_covers(dmar, c, &dmar->units[i], f)) {
            return true;
        }
    }
    return false;
}

static bool device_is_covered(const struct vtd_dmar *dmar, const struct pci_config *c,
                              struct pci_function *f)
{
    if (!is_present(c, *f)) {
        return true;
    }
    u32 functions = (header_type(c, *f) & 0x80) != 0 ? 8 : 1;
    for (u32 i = 0; i < functions; i++) {
        f->function = (u8)i;
        if (is_present(c, *f) && !is_covered(dmar, c, *f)) {
            return false;
        }
    }
    return true;
}

bool coverage_complete(const struct vtd_dmar *dmar, const struct pci_config *config,
                       struct pci_function *uncovered)
{
    for (u32 bus = config->first_bus; bus <= config->last_bus; bus++) {
        for (u32 device = 0; device < 32; device++) {
            *uncovered = (struct pci_function){(u8)bus, (u8)device, 0};
            if (!device_is_covered(dmar, config, uncovered)) {
                return false;
            }
        }
    }
    return true;
}

/* PCI Express 7.6.3: a dword of id, version and the next one's offset. */
static u32 count_vfs(const struct pci_config *c, struct pci_function f)
{
    u32 at = EXTENDED_CAPABILITIES;
    for (u32 i = 0; c->extended && i < MOST_CAPABILITIES && at >= EXTENDED_CAPABILITIES; i++) {
        u32 header = c->read(c->ctx, f, at);
        if (header == 0 || header == ~0u) {
            return 0;
        }
        if ((header & 0xffff) == CAPABILITY_SRIOV) {
            return c->read(c->ctx, f, at + SRIOV_TOTAL) >> 16;
        }
        at = header >> 20 & ~3u;
    }
    return 0;
}

u32 coverage_functions(const struct pci_config *config)
{
    u32 count = 0;
    for (u32 at = (u32)config->first_bus << 8; at <= ((u32)config->last_bus << 8 | 0xff); at++) {
        struct pci_function f = {(u8)(at >> 8), at >> 3 & 31, at & 7};
        bool present = is_present(config, f);
        if (present) {
            count += 1 + count_vfs(config, f);
        }
        if (f.function == 0 && (!present || (header_type(config, f) & 0x80) == 0)) {
            at |= 7;
        }
    }
    return count;
}
