/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A machine of any size on port.h: units, RAM under one nesting parent, devices with a context of
 * their own, PASIDs with a first-stage table each, all in one guest domain, as Linux does it for
 * shared virtual addressing. Every step must succeed.
 */
#ifndef NESTOR_BENCH_MACHINE_H
#define NESTOR_BENCH_MACHINE_H

#include "iommu/domain/domain.h"

#include "tests/bench/port.h"

enum { MACHINE_GUEST_DID = 1, MACHINE_PASIDS = 1 << 17, MACHINE_RID = 1 << 16 };

struct machine {
    u32 units, devices, pasids;
    struct domain *parent;
    struct vtd_unit *unit[BENCH_UNITS];
    struct nested **nested;  /* one for each PASID; PASIDs 1, 2, ... are dealt out in blocks */
    struct nested *plain;    /* of the devices' requests without PASID */
};

static inline void machine_must(enum result r)
{
    if (r != OK) {
        fprintf(stderr, "machine: %s\n", result_text(r));
        abort();
    }
}

static inline struct vtd_unit *machine_unit(const struct machine *m, u32 device)
{
    return m->unit[device % m->units];
}

static inline u16 machine_sid(const struct machine *m, u32 device)
{
    return (u16)(8 + device / m->units);
}

static inline struct nested *machine_nest(const struct machine *m, u64 table)
{
    const struct nested_config config = {.pgtbl_addr = table * PAGE_SIZE, .addr_width = 48,
                                         .guest_did = MACHINE_GUEST_DID};
    struct nested *n;
    machine_must(nested_create(m->parent, &config, &n));
    return n;
}

static inline void machine_add_unit(struct machine *m, u32 i)
{
    struct vtd_default def;
    machine_must(vtd_unit_probe(bench_unit_base(i), 0, (u16)i, 47, &m->unit[i]));
    machine_must(domain_unit_add(m->parent, m->unit[i], &def));
    machine_must(vtd_takeover(m->unit[i], &def));
    machine_must(vtd_root_select(m->unit[i], VTD_ROOT_GUEST));
}

/* Units taken over and RAM mapped with the largest pages; no devices yet. */
static inline void machine_start(struct machine *m, u32 units, u64 ram)
{
    const struct domain_config config = {.levels = 4, .coherent = true, .parent = true,
                                         .page_sizes = 1ull << 12 | 1ull << 21 | 1ull << 30};
    *m = (struct machine){.units = units};
    machine_must(domain_create(&config, &m->parent));
    machine_must(domain_map(m->parent, (gpa_t){0}, (hpa_t){0}, ram,
                            PROT_READ | PROT_WRITE | PROT_EXEC, MEM_WB));
    for (u32 i = 0; i < units; i++) {
        machine_add_unit(m, i);
    }
}

static inline void machine_add_device(struct machine *m)
{
    const struct vtd_context context = {.rid_pasid = 0, .pasids = MACHINE_PASIDS};
    u32 device = m->devices++;
    machine_must(vtd_device_open(machine_unit(m, device), VTD_ROOT_GUEST, machine_sid(m, device),
                                 &context));
    machine_must(nested_attach(m->plain, machine_unit(m, device), VTD_ROOT_GUEST,
                               machine_sid(m, device), VTD_NO_PASID));
}

static inline u32 machine_device_of(const struct machine *m, u32 pasid)
{
    return (u32)((u64)(pasid - 1) * m->devices / m->pasids);
}

static inline void machine_add_devices(struct machine *m, u32 devices)
{
    m->plain = machine_nest(m, MACHINE_RID);
    while (m->devices < devices) {
        machine_add_device(m);
    }
}

static inline void machine_add_pasids(struct machine *m, u32 pasids)
{
    m->nested = calloc(pasids + 1, sizeof(struct nested *));
    m->pasids = pasids;
    for (u32 pasid = 1; pasid <= pasids; pasid++) {
        u32 device = machine_device_of(m, pasid);
        m->nested[pasid] = machine_nest(m, pasid);
        machine_must(nested_attach(m->nested[pasid], machine_unit(m, device), VTD_ROOT_GUEST,
                                   machine_sid(m, device), pasid));
    }
}

/* Takes everything down in order; afterwards every page is back in the pool. */
static inline void machine_stop(struct machine *m)
{
    for (u32 pasid = 1; pasid <= m->pasids; pasid++) {
        u32 device = machine_device_of(m, pasid);
        machine_must(nested_detach(m->nested[pasid], machine_unit(m, device), VTD_ROOT_GUEST,
                                   machine_sid(m, device), pasid));
        machine_must(nested_destroy(m->nested[pasid]));
    }
    for (u32 device = 0; device < m->devices; device++) {
        machine_must(nested_detach(m->plain, machine_unit(m, device), VTD_ROOT_GUEST,
                                   machine_sid(m, device), VTD_NO_PASID));
        machine_must(vtd_device_close(machine_unit(m, device), VTD_ROOT_GUEST,
                                      machine_sid(m, device)));
    }
    machine_must(nested_destroy(m->plain));
    for (u32 i = 0; i < m->units; i++) {
        domain_unit_remove(m->parent, m->unit[i]);
        machine_must(vtd_takeover_release(m->unit[i]));
        vtd_unit_destroy(m->unit[i]);
    }
    machine_must(domain_destroy(m->parent));
    free(m->nested);
}

#endif
