/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Everything that the boot program learns about the machine before it changes anything, and what
 * follows from it. machine_read() asks the hardware; verdict.c judges and is pure.
 */
#ifndef NESTOR_BOOT_MACHINE_H
#define NESTOR_BOOT_MACHINE_H

#include "boot/acpi.h"
#include "boot/acpi_memory.h"
#include "boot/acpi_sleep.h"
#include "boot/census.h"
#include "boot/config.h"
#include "boot/coverage.h"
#include "boot/cpu.h"
#include "boot/doubts.h"
#include "boot/ranges.h"
#include "iommu/spec/caps.h"
#include "iommu/spec/dmar.h"

/* The registers that decide what a unit can be used for. */
struct unit_registers {
    u32 version, status;     /* VER, GSTS */
    u64 cap, ecap;
};

enum { MACHINE_REASON = 200 };

struct machine {
    struct cpu_facts cpu;
    struct ranges ranges;
    struct acpi_tables tables;
    struct acpi_cpus cpus;
    struct survey survey;
    struct census census;
    struct acpi_ecam ecam;
    struct acpi_sleep sleep;
    struct areas pluggable;          /* where memory may appear */
    u32 functions;                   /* PCI functions, those that SR-IOV may add among them */
    bool dmar_usable;                /* the table is there and well-formed, and dmar and units are valid */
    char dmar_reason[MACHINE_REASON]; /* else why not */
    struct vtd_dmar dmar;
    struct unit_registers units[VTD_DMAR_UNITS];
    bool covered;                    /* every PCI function is in the scope of a unit */
    u16 uncovered_segment;           /* else the first one that is not */
    struct pci_function uncovered;
    struct doubts doubts;
    bool units_may_come;             /* with host bridges that are plugged in later */
};

/* False: the memory map or the tables cannot be used. *why gives the reason; nothing else is valid. */
bool machine_read(struct machine *m, const char **why);
/* Where the tables are, again after one was added; false: as above, and nothing of m->tables is valid. */
bool machine_find_tables(struct machine *m, const char **why);
/* Reads the map again after memory was reserved. */
bool machine_read_ranges(struct machine *m);
/* Free memory alone, as it is now. */
bool machine_read_free(struct ranges *out);
/* Memory access for acpi.h, limited to what the firmware's map lists. */
struct acpi_memory machine_memory(struct machine *m);

struct verdict {
    bool start;                      /* become a hypervisor */
    bool isolated;                   /* with every DMA under control */
    enum vtd_ability ability;        /* of the weakest unit */
    enum guest_iommu guest_iommu;    /* of the guest's units, never AUTO */
    char units_why[MACHINE_REASON];  /* the unit that decides what they can be; "": there is none */
    char why[MACHINE_REASON];
};
void verdict_reach(const struct machine *m, const struct config *config, struct verdict *out);

#endif
