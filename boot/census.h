/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Does Nestor get every CPU that the OS could start? MADT lists the CPUs that the OS will start,
 * the firmware's MP services list those that Nestor can reach, and each CPU says what it can do.
 * Pure; cpus.c does the asking.
 */
#ifndef NESTOR_BOOT_CENSUS_H
#define NESTOR_BOOT_CENSUS_H

#include "boot/acpi.h"

/* A CPU that the firmware knows of; the boot CPU is the first. */
struct surveyed_cpu {
    u32 apic_id;
    bool enabled;               /* the firmware runs code on it */
    bool answered;              /* it ran our code: what follows is valid */
    bool x2apic_on, x2apic_locked;
    const char *missing;        /* what it lacks (cpu_missing()), NULL: nothing */
};

struct survey {
    bool services;              /* the firmware has MP services; without them only the boot CPU is known */
    u32 count;                  /* above the limit: there are more than Nestor has room for */
    struct surveyed_cpu list[ACPI_CPUS];
};

struct census {
    u32 entering;               /* CPUs that enter, the boot CPU among them */
    u32 highest_id;             /* of those */
    bool x2apic_on, x2apic_locked;
    const char *missing;        /* what the first CPU that cannot enter lacks */
    u32 missing_id;
    bool stray;                 /* some CPU would stay outside; stray_why says why */
    u32 stray_id;
    const char *stray_why;
    u32 phantoms, phantom_id;   /* ids in MADT that no CPU can have; the first of them */
};

/* APIC ids by the numbers with which CPUs enter: 0 is the boot CPU, then the others as the firmware lists them. */
u32 census_ids(const struct survey *survey, u32 boot_id, u32 ids[ACPI_CPUS]);

void census_take(const struct acpi_cpus *madt, const struct survey *survey, struct census *out);

#endif
