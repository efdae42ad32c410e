/* SPDX-License-Identifier: BSD-2-Clause */
/* See dmar_line.h. */
#include "tools/dmar_line.h"

#include "boot/machine.h"

#include <stdio.h>
#include <string.h>

enum { FUNCTIONS = VTD_DMAR_HOPS + VTD_DMAR_SCOPES, BUSES = 256 };

/* A function that some path of the table names. */
struct function {
    u16 segment;
    struct pci_function at;
    bool bridge;
    u8 secondary;            /* of a bridge; 0: no bus number was left */
};

static struct machine machine;
static struct function functions[FUNCTIONS];
static u32 function_count;

static struct function *find(u16 segment, struct pci_function at)
{
    for (u32 i = 0; i < function_count; i++) {
        if (functions[i].segment == segment && memcmp(&functions[i].at, &at, sizeof(at)) == 0) {
            return &functions[i];
        }
    }
    return NULL;
}

static bool is_start_bus(u8 bus)
{
    for (u32 i = 0; i < machine.dmar.scope_count; i++) {
        if (machine.dmar.scopes[i].start_bus == bus) {
            return true;
        }
    }
    return false;
}

/* A bus number, from the top down, at which no path begins and which no bridge has; 0: there is none left. */
static u8 free_bus(u16 segment)
{
    for (u32 bus = BUSES - 1; bus != 0; bus--) {
        bool used = is_start_bus((u8)bus);
        for (u32 i = 0; i < function_count; i++) {
            used = used || (functions[i].segment == segment && functions[i].secondary == bus);
        }
        if (!used) {
            return (u8)bus;
        }
    }
    return 0;
}

static struct function *add(u16 segment, struct pci_function at)
{
    struct function *f = find(segment, at);
    if (f == NULL && function_count < FUNCTIONS) {
        f = &functions[function_count++];
        *f = (struct function){.segment = segment, .at = at};
    }
    return f;
}

/* The functions along a path, all but the last of them bridges. */
static void add_path(u16 segment, const struct vtd_dmar_scope *scope)
{
    u8 bus = scope->start_bus;
    for (u32 i = 0; i < scope->hop_count; i++) {
        const struct vtd_dmar_hop *hop = vtd_dmar_hop_at(&machine.dmar, scope, i);
        struct function *f = add(segment, (struct pci_function){bus, hop->device, hop->function});
        if (f == NULL || i + 1 == scope->hop_count) {
            return;
        }
        if (!f->bridge) {
            f->bridge = true;
            f->secondary = free_bus(segment);
        }
        bus = f->secondary;
    }
}

static void add_run(u16 segment, struct vtd_dmar_run run)
{
    for (u32 i = 0; i < run.count; i++) {
        const struct vtd_dmar_scope *scope = vtd_dmar_scope_at(&machine.dmar, run, i);
        if (scope->type == VTD_SCOPE_ENDPOINT || scope->type == VTD_SCOPE_BRIDGE) {
            add_path(segment, scope);
        }
    }
}

static void add_lists(const struct vtd_dmar_list *lists, u32 count)
{
    for (u32 i = 0; i < count; i++) {
        add_run(lists[i].segment, lists[i].scopes);
    }
}

static void make_functions(void)
{
    const struct vtd_dmar *d = &machine.dmar;
    function_count = 0;
    for (u32 i = 0; i < d->unit_count; i++) {
        add_run(d->units[i].segment, d->units[i].scopes);
    }
    for (u32 i = 0; i < d->region_count; i++) {
        add_run(d->regions[i].segment, d->regions[i].scopes);
    }
    add_lists(d->atsr, d->atsr_count);
    add_lists(d->satc, d->satc_count);
    add_lists(d->sidp, d->sidp_count);
}

static u32 read_config(void *ctx, struct pci_function at, u32 offset)
{
    const struct pci_config *c = ctx;
    const struct function *f = find(c->segment, at);
    if (f == NULL) {
        return ~0u;
    }
    switch (offset) {
    case 0x00:
        return 0x12348086;
    case 0x08:
        return f->bridge ? 0x06040000 : 0x02000000;
    case 0x0c:
        return f->bridge ? 0x00810000 : 0x00800000;
    case 0x18:
        return (u32)f->secondary << 16 | (u32)f->secondary << 8 | at.bus;
    default:
        return 0;
    }
}

static void look_at_coverage(void)
{
    machine.covered = true;
    for (u32 i = 0; machine.covered && i < function_count; i++) {
        struct pci_config c = {.read = read_config, .segment = functions[i].segment, .last_bus = BUSES - 1};
        c.ctx = &c;
        machine.covered = coverage_complete(&machine.dmar, &c, &machine.uncovered);
        machine.uncovered_segment = c.segment;
        while (i + 1 < function_count && functions[i + 1].segment == c.segment) {
            i++;
        }
    }
}

/* CPU and units have everything that a verdict could miss. */
static void make_hardware(void)
{
    struct cpu_facts *cpu = &machine.cpu;
    memcpy(cpu->vendor, "GenuineIntel", 13);
    cpu->vmx = cpu->no_execute = true;
    memset(&cpu->caps, 0xff, sizeof(cpu->caps));
    for (u32 i = 0; i < machine.dmar.unit_count; i++) {
        machine.units[i] = (struct unit_registers){.version = 0x40, .cap = 0x1000070500380e04ull,
                                                   .ecap = 0x0001c8000403ff02ull};
    }
}

static size_t put_notes(char *text, size_t size)
{
    const struct vtd_dmar *d = &machine.dmar;
    size_t used = 0;
    for (u32 i = 0; i < d->note_count && i < VTD_DMAR_NOTES && used < size; i++) {
        const struct vtd_dmar_error *n = &d->notes[i];
        used += (size_t)snprintf(text + used, size - used, "; 0x%x: %s is 0x%llx: %s", n->offset, n->what,
                                 n->found, n->expected);
    }
    if (d->note_count > VTD_DMAR_NOTES && used < size) {
        used += (size_t)snprintf(text + used, size - used, "; %u more", d->note_count - VTD_DMAR_NOTES);
    }
    return used;
}

bool dmar_line(const u8 *table, size_t size, char text[static DMAR_LINE])
{
    struct config config;
    struct verdict verdict;
    const struct vtd_dmar *d = &machine.dmar;
    memset(&machine, 0, sizeof(machine));
    config_defaults(&config);
    struct vtd_dmar_error e;
    if (vtd_dmar_parse(table, size, &machine.dmar, &e) != OK) {
        snprintf(text, DMAR_LINE, "refused: 0x%x: %s is 0x%llx, %s", e.offset, e.what, e.found, e.expected);
        return false;
    }
    machine.dmar_usable = true;
    make_functions();
    look_at_coverage();
    make_hardware();
    verdict_reach(&machine, &config, &verdict);
    bool start = verdict.start;
    size_t used = (size_t)snprintf(text, DMAR_LINE,
                                   "%u bits, units %u, regions %u, ATSR %u, SATC %u, SIDP %u, ANDD %u, scopes %u, "
                                   "unknown %u; %s%s%s", d->haw, d->unit_count, d->region_count, d->atsr_count,
                                   d->satc_count, d->sidp_count, d->namespace_count, d->scope_count,
                                   d->unknown_structures, start ? vtd_ability_text(verdict.ability) : "natively",
                                   start ? "" : ": ", start ? "" : verdict.why);
    if (used < DMAR_LINE) {
        (void)put_notes(text + used, DMAR_LINE - used);
    }
    return true;
}
