/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Is every PCI device in the scope of some remapping unit? A device that is in none could do DMA
 * that Nestor does not control. Pure: configuration space is reached through a function. VT-d
 * 8.3.1.
 */
#ifndef NESTOR_BOOT_COVERAGE_H
#define NESTOR_BOOT_COVERAGE_H

#include "iommu/spec/dmar.h"

struct pci_function {
    u8 bus, device, function;
};

struct pci_config {
    /* One aligned dword of configuration space; all ones where nothing answers. */
    u32 (*read)(void *ctx, struct pci_function f, u32 offset);
    void (*write)(void *ctx, struct pci_function f, u32 offset, u32 value); /* NULL: nothing is tried out */
    void *ctx;
    u16 segment;
    u8 first_bus, last_bus;
    bool extended;           /* offsets above 255 are reached */
};

/* The first function at or behind *at (bus, device and function as in a source-id) that is there; false: none. */
bool coverage_next(const struct pci_config *config, u32 *at, struct pci_function *f);

/* The endpoint that a scope names; false: it names none, or nothing is there. */
bool coverage_named(const struct vtd_dmar *dmar, const struct pci_config *config, const struct vtd_dmar_scope *scope,
                    struct pci_function *out);

/* Does a scope of this run name a function, or a bridge above it? */
bool coverage_run(const struct vtd_dmar *dmar, const struct pci_config *config, struct vtd_dmar_run scopes,
                  struct pci_function f);

/* The unit that translates for a function; unit_count: none does. */
u32 coverage_unit(const struct vtd_dmar *dmar, const struct pci_config *config, struct pci_function f);

/*
 * The next extended capability with that id behind the one at *at, 0: the first; false: there is none, or extended
 * configuration space is not reached.
 */
bool coverage_capability(const struct pci_config *config, struct pci_function f, u16 id, u32 *at);

/* False: *uncovered is the first function that no unit has in its scope and that could do DMA. */
bool coverage_complete(const struct vtd_dmar *dmar, const struct pci_config *config,
                       struct pci_function *uncovered);

/*
 * Functions that there are, and those that they may add: VFs of SR-IOV, where extended configuration space is reached.
 * visit is called for each that there is; NULL: nothing is.
 */
typedef void coverage_visit(void *ctx, const struct pci_config *config, struct pci_function f);
u32 coverage_functions(const struct pci_config *config, coverage_visit *visit, void *ctx);

#endif
