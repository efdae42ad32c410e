/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The firmware's ACPI tables: finding them, reading the few fields that Nestor needs, and taking
 * the DMAR table away. Pure: memory is reached through a function, so tests run the same code on
 * tables of their own.
 */
#ifndef NESTOR_BOOT_ACPI_H
#define NESTOR_BOOT_ACPI_H

#include "drivers/serial.h"
#include "hv/types.h"

struct acpi_memory {
    /* [addr, addr + size) as a pointer, NULL when it is not readable memory. */
    void *(*at)(void *ctx, u64 addr, u64 size);
    void *ctx;
};

enum { ACPI_WRONG_SUMS = 8 };

/* Physical addresses of tables, readable or not; 0: not there. */
struct acpi_tables {
    u64 rsdp, rsdt, xsdt;
    u64 list;                  /* RSDT or XSDT: what the tables were found by */
    u64 dmar, spcr, mcfg, madt, fadt, srat, cedt;
    u32 wrong_sum_count;
    u32 wrong_sums[ACPI_WRONG_SUMS]; /* signatures of the first of them whose checksum is wrong */
};

/* ERR_NOT_FOUND or ERR_MALFORMED, with the reason in *why. */
must_use enum result acpi_find(const struct acpi_memory *m, u64 rsdp, struct acpi_tables *out,
                               const char **why);

/* The length that the table's header gives; 0 when it cannot be read. */
u32 acpi_length(const struct acpi_memory *m, u64 table);

/* The UART that SPCR names; false if drivers/serial.c cannot drive it. baud 0: leave the rate as it is. */
bool acpi_spcr_serial(const struct acpi_memory *m, u64 spcr, struct serial *out, u32 *baud);

struct acpi_ecam {
    u64 base;                  /* of bus 0; 0: none for that segment */
    u16 segment;
    u8 first_bus, last_bus;
};
struct acpi_ecam acpi_mcfg_segment(const struct acpi_memory *m, u64 mcfg, u16 segment);
/* Window number `index`; false past the last one. */
bool acpi_mcfg_window(const struct acpi_memory *m, u64 mcfg, u32 index, struct acpi_ecam *out);

enum { ACPI_CPUS = 1024 };

/* CPUs that MADT lists as enabled or as online-capable, each once. */
struct acpi_cpus {
    u32 count;                 /* above the limit: there are more than the list has room for */
    u32 ids[ACPI_CPUS];
};
void acpi_madt_cpus(const struct acpi_memory *m, u64 madt, struct acpi_cpus *out);

/* Says in MADT and SRAT that the CPUs with these APIC ids are neither there nor may come. Checksums are corrected. */
void acpi_hide_cpus(const struct acpi_memory *m, const struct acpi_tables *tables, const u32 *ids, u32 count);

/*
 * Takes the DMAR table out of XSDT and RSDT and renames it, so that it is found neither there nor
 * in a list that the firmware builds later. Checksums are corrected.
 */
void acpi_hide_dmar(const struct acpi_memory *m, const struct acpi_tables *tables);

/* Clears INTR_REMAP in the DMAR table. X2APIC_OPT_OUT stays: an OS may look at that alone. */
void acpi_clear_intr_remap(const struct acpi_memory *m, const struct acpi_tables *tables);

#endif
