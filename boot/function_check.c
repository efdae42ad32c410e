/* SPDX-License-Identifier: BSD-2-Clause */
/* See function_check.h. */
#include "boot/function_check.h"

#include "boot/function.h"
#include "boot/function_path.h"
#include "drivers/format.h"

enum {
    HEADER_TYPE = 0x7f,
    HEADER_BRIDGE = 1,
    BRIDGE_BARS = 2,
    EXPRESS_PHANTOM = 1 << 9,
    CAPABILITY_SRIOV = 0x10,
    SRIOV_CONTROL = 0x08,
    SRIOV_TOTAL = 0x0c,                 /* in its upper half, as the one behind it */
    SRIOV_FIRST = 0x14,                 /* offset of the first VF's source-id, stride in the upper half */
    SRIOV_ENABLE = 1 << 0,
    LOWEST_BAR = 2 << 20,               /* partition_map() needs it */
    EXPECTED = sizeof(((struct config_error *)NULL)->expected),
};

struct check {
    const struct config *config;
    const struct function_machine *machine;
    const struct pci_config *pci;
    struct functions *out;
    struct config_error *error;
};

static bool refuse(const struct config_device *d, const char *expected, struct config_error *error)
{
    config_device_mistake(d, expected, error);
    return false;
}

/* --- the text --- */

/* The partition that has it before this place in the file; NULL: none. */
static const struct config_partition *has_before(const struct config *config, const struct config_device *device)
{
    for (u32 i = 0; i < config->partition_count; i++) {
        const struct config_partition *p = &config->partitions[i];
        for (u32 k = 0; k < p->device_count; k++) {
            if (&p->devices[k] == device) {
                return NULL;
            }
            if (p->devices[k].source_id == device->source_id && p->devices[k].segment == device->segment) {
                return p;
            }
        }
    }
    return NULL;
}

static bool check_text(const struct config *config, const struct config_device *d, u32 count,
                       struct config_error *error)
{
    char text[EXPECTED];
    const struct config_partition *other = has_before(config, d);
    if (other != NULL) {
        format_text(text, sizeof(text), "each function only once: partition %s has it", other->name);
        return refuse(d, text, error);
    }
    if (d->segment != 0) {
        return refuse(d, "a function of segment 0, the only one of which functions are given away", error);
    }
    if (count > HANDOVER_FUNCTIONS) {
        return refuse(d, "at most 32 functions for all partitions together", error);
    }
    return true;
}

bool function_check_text(const struct config *config, struct config_error *error)
{
    u32 count = 0;
    for (u32 i = 0; i < config->partition_count; i++) {
        const struct config_partition *p = &config->partitions[i];
        for (u32 k = 0; k < p->device_count; k++) {
            if (!check_text(config, &p->devices[k], ++count, error)) {
                return false;
            }
        }
    }
    return true;
}

/* --- one function --- */

static u32 read(const struct check *c, struct pci_function f, u32 offset)
{
    return c->pci->read(c->pci->ctx, f, offset);
}

static const char *kind_expected(const struct check *c, struct pci_function f)
{
    u32 at = 0;
    struct pci_function found;
    u32 id = function_id(f);
    if (!coverage_next(c->pci, &id, &found) || function_id(found) != function_id(f)) {
        return "a function that is there (virtual functions of SR-IOV are not given away)";
    }
    if ((read(c, f, FUNCTION_HEADER) >> 16 & HEADER_TYPE) != 0) {
        return "a function of a device, no bridge";
    }
    if (coverage_capability(c->pci, f, CAPABILITY_SRIOV, &at) && (read(c, f, at + SRIOV_CONTROL) & SRIOV_ENABLE) != 0) {
        return "a function without virtual functions: those of SR-IOV are enabled";
    }
    u32 express = function_capability(c->pci, f, CAPABILITY_EXPRESS);
    if (express != 0 && (read(c, f, express + EXPRESS_CONTROL) & EXPRESS_PHANTOM) != 0) {
        return "a function that has one source-id: phantom functions are enabled";
    }
    if (c->machine->loaded_known && function_id(c->machine->loaded_from) == function_id(f)) {
        return "another device than the one that Nestor was started from";
    }
    return NULL;
}

/* SIDP supersedes SATC. */
static bool needs_ats(const struct vtd_dmar *dmar, const struct pci_config *pci, struct pci_function f)
{
    for (u32 i = 0; dmar->sidp_count == 0 && i < dmar->satc_count; i++) {
        const struct vtd_dmar_list *l = &dmar->satc[i];
        if (l->flag && l->segment == pci->segment && coverage_run(dmar, pci, l->scopes, f)) {
            return true;
        }
    }
    for (u32 i = 0; i < dmar->sidp_count; i++) {
        const struct vtd_dmar_list *l = &dmar->sidp[i];
        for (u32 k = 0; l->segment == pci->segment && k < l->scopes.count; k++) {
            const struct vtd_dmar_run one = {(u16)(l->scopes.first + k), 1};
            if ((vtd_dmar_scope_at(dmar, one, 0)->flags & VTD_SCOPE_ATC_REQUIRED) != 0 &&
                coverage_run(dmar, pci, one, f)) {
                return true;
            }
        }
    }
    return false;
}

static const char *unit_expected(const struct check *c, struct pci_function f, u32 *out)
{
    const struct machine *m = c->machine->machine;
    u32 unit = *out = m->dmar_usable ? coverage_unit(&m->dmar, c->pci, f) : 0;
    if (!m->dmar_usable || unit == m->dmar.unit_count) {
        return "a function that a remapping unit covers";
    }
    u64 ecap = m->units[unit].ecap;
    const char *why;
    if (vtd_caps_ability(m->units[unit].cap, ecap, &why) == VTD_ABILITY_NONE) {
        return "a function whose remapping unit can be used";
    }
    if (!m->dmar.intr_remap || vtd_ecap_get(ecap, VTD_ECAP_IR) == 0 || vtd_ecap_get(ecap, VTD_ECAP_EIM) == 0) {
        return "a function whose unit remaps interrupts with 32-bit ids";
    }
    for (u32 i = 0; i < m->dmar.region_count; i++) {
        const struct vtd_dmar_region *r = &m->dmar.regions[i];
        if (r->segment == c->pci->segment && coverage_run(&m->dmar, c->pci, r->scopes, f)) {
            return "a function without memory of the firmware's (RMRR)";
        }
    }
    return needs_ats(&m->dmar, c->pci, f) ? "a function that does not need ATS, which Nestor does not give" : NULL;
}

/* --- what is beside it --- */

static bool has(const struct config_partition *p, struct pci_function f)
{
    for (u32 i = 0; i < p->device_count; i++) {
        if (p->devices[i].source_id == function_id(f)) {
            return true;
        }
    }
    return false;
}

/* A bridge behind the same port sends nothing of its own accord; what is behind it is looked at, too. */
static bool check_neighbours(const struct check *c, const struct config_partition *p, const struct config_device *d,
                             const struct function_reach *reach)
{
    char text[EXPECTED];
    struct pci_function other;
    struct pci_function f = function_of(d->source_id);
    u32 at = (u32)reach->first_bus << 8;
    for (; coverage_next(c->pci, &at, &other) && other.bus <= reach->last_bus; at++) {
        bool bridge = !reach->root_bus && (read(c, other, FUNCTION_HEADER) >> 16 & HEADER_TYPE) == HEADER_BRIDGE;
        if (!bridge && !has(p, other) && function_path_shared(c->pci, f, reach, other)) {
            format_text(text, sizeof(text), "%02x:%02x.%x in this partition, too: nothing keeps the two apart",
                        other.bus, other.device, other.function);
            return refuse(d, text, c->error);
        }
    }
    return true;
}

/* --- its registers --- */

static bool is_port_of(const struct handover_bar *bar, const struct serial *serial)
{
    bool same = bar->port == (serial->kind == SERIAL_PORT) && serial->kind != SERIAL_NONE;
    return same && serial->base - bar->base < bar->size;
}

static const char *bars_expected(const struct check *c, const struct handover_function *f)
{
    const struct machine *m = c->machine->machine;
    u64 limit = 1ull << m->cpu.physical_bits;
    for (u32 i = 0; i < HANDOVER_BARS; i++) {
        const struct handover_bar *bar = &f->bars[i];
        bool beyond = bar->base < LOWEST_BAR || bar->base + bar->size > limit;
        if (bar->size != 0 && !bar->port && (beyond || ranges_meet_memory(&m->ranges, bar->base, bar->size))) {
            return "a function whose BARs are where no memory is";
        }
        if (bar->size != 0 && is_port_of(bar, &c->machine->serial)) {
            return "another device than the UART that Nestor speaks on";
        }
    }
    return NULL;
}

static bool check_function(const struct check *c, const struct config_partition *p, const struct config_device *d)
{
    struct pci_function f = function_of(d->source_id);
    struct handover_function *to = &c->out->list[c->out->count];
    const char *expected = kind_expected(c, f);
    u32 unit = 0;
    expected = expected == NULL ? unit_expected(c, f, &unit) : expected;
    expected = expected == NULL ? function_path_open(c->pci, f) : expected;
    if (expected != NULL) {
        return refuse(d, expected, c->error);
    }
    const struct function_reach reach = function_path_reach(c->pci, f);
    if (!check_neighbours(c, p, d, &reach)) {
        return false;
    }
    expected = function_read(c->pci, f, to);
    expected = expected == NULL ? bars_expected(c, to) : expected;
    if (expected == NULL && !to->interrupts && !d->without_interrupts) {
        expected = "a function with MSI or MSI-X, or interrupts=none behind it";
    }
    if (expected == NULL && to->reset == HANDOVER_RESET_NONE && (p->restarts != 0 || p->root_controls)) {
        expected = "a function that can be reset (FLR, or D3hot without No_Soft_Reset), or no restart, no control-by";
    }
    if (expected != NULL) {
        return refuse(d, expected, c->error);
    }
    to->interrupts = to->interrupts && !d->without_interrupts;
    to->partition = (u8)(p - c->config->partitions);
    to->unit = (u8)unit;
    to->behind_port = !reach.root_bus;
    to->first_bus = reach.first_bus;
    to->last_bus = reach.last_bus;
    c->out->count++;
    return true;
}

/* --- everybody else's registers and source-ids --- */

const struct config_device *function_device(const struct config *config, const struct handover_function *f)
{
    const struct config_partition *p = &config->partitions[f->partition];
    for (u32 i = 0;; i++) {
        if (p->devices[i].source_id == f->source_id) {
            return &p->devices[i];
        }
    }
}

/* In one page the two could not be kept apart. A BAR of a page and more shares none with another but by mistake. */
static bool shares_page(const struct handover_function *f, u64 address)
{
    for (u32 i = 0; i < HANDOVER_BARS; i++) {
        const struct handover_bar *bar = &f->bars[i];
        u64 first = bar->base & ~PAGE_MASK;
        u64 end = (bar->base + bar->size + PAGE_MASK) & ~PAGE_MASK;
        if (bar->size != 0 && !bar->port && address - first < end - first) {
            return true;
        }
    }
    return false;
}

static bool may_enable(const struct check *c, struct pci_function other, u16 source_id)
{
    u32 at = 0;
    if (!coverage_capability(c->pci, other, CAPABILITY_SRIOV, &at)) {
        return false;
    }
    u32 total = read(c, other, at + SRIOV_TOTAL) >> 16;
    u32 first = read(c, other, at + SRIOV_FIRST);
    for (u32 i = 0; i < total; i++) {
        if ((u16)(function_id(other) + (first & 0xffff) + i * (first >> 16)) == source_id) {
            return true;
        }
    }
    return false;
}

static bool check_against(const struct check *c, const struct handover_function *f, struct pci_function other)
{
    char text[EXPECTED];
    bool bridge = (read(c, other, FUNCTION_HEADER) >> 16 & HEADER_TYPE) == HEADER_BRIDGE;
    bool shared = !bridge && function_bar_address(c->pci, other, FUNCTION_ROM) != 0 &&
                  shares_page(f, function_bar_address(c->pci, other, FUNCTION_ROM));
    for (u32 i = 0; i < (bridge ? BRIDGE_BARS : HANDOVER_BARS); i++) {
        u64 address = function_bar_address(c->pci, other, FUNCTION_BAR + i * 4);
        shared |= address != 0 && shares_page(f, address);
    }
    if (shared) {
        format_text(text, sizeof(text), "pages of its own for its BARs: one has registers of %02x:%02x.%x", other.bus,
                    other.device, other.function);
        return refuse(function_device(c->config, f), text, c->error);
    }
    if (may_enable(c, other, f->source_id)) {
        format_text(text, sizeof(text), "a source-id of its own: a virtual function of %02x:%02x.%x can have it",
                    other.bus, other.device, other.function);
        return refuse(function_device(c->config, f), text, c->error);
    }
    return true;
}

static bool check_others(const struct check *c)
{
    struct pci_function other;
    for (u32 at = 0; coverage_next(c->pci, &at, &other); at++) {
        for (u32 i = 0; i < c->out->count; i++) {
            const struct handover_function *f = &c->out->list[i];
            if (!has(&c->config->partitions[f->partition], other) && !check_against(c, f, other)) {
                return false;
            }
        }
    }
    return true;
}

bool function_check(const struct config *config, const struct function_machine *machine, struct functions *out,
                    struct config_error *error)
{
    const struct check c = {config, machine, machine->config, out, error};
    *out = (struct functions){.count = 0};
    for (u32 i = 0; i < config->partition_count; i++) {
        const struct config_partition *p = &config->partitions[i];
        for (u32 k = 0; k < p->device_count; k++) {
            if (c.pci == NULL || machine->interrupts_missing != NULL) {
                return refuse(&p->devices[k], c.pci == NULL ? "a machine whose MCFG table has segment 0"
                                                            : machine->interrupts_missing, error);
            }
            if (!check_function(&c, p, &p->devices[k])) {
                return false;
            }
        }
    }
    return out->count == 0 || check_others(&c);
}
