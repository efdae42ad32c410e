/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The firmware's DMAR table (VT-d chapter 8, rev 5.10) as a description of fixed
 * size: bytes in, units and their devices out. Pure: no register is read, no bus
 * number followed. A table that leaves a unit in doubt is refused as a whole, with the
 * place, and what to do then is the caller's decision; other mistakes are noted.
 */
#ifndef NESTOR_IOMMU_SPEC_DMAR_H
#define NESTOR_IOMMU_SPEC_DMAR_H

#include "hv/types.h"

enum {
    VTD_DMAR_UNITS = 128,
    VTD_DMAR_SCOPES = 1024,
    VTD_DMAR_HOPS = 2048,
    VTD_DMAR_REGIONS = 128,
    VTD_DMAR_LISTS = 32,     /* of ATSR, SATC and SIDP structures each */
    VTD_DMAR_NAMESPACE = 64,
    VTD_DMAR_NAME = 40,
    VTD_DMAR_NOTES = 16,
};

/* Flags of the table, one byte of it, VT-d 8.1. */
enum vtd_dmar_flags {
    VTD_DMAR_INTR_REMAP = 1 << 0,
    VTD_DMAR_X2APIC_OPT_OUT = 1 << 1,
    VTD_DMAR_DMA_OPT_IN = 1 << 2,
};
enum { VTD_DMAR_FLAGS_AT = 37 };

/* Device scope types, VT-d 8.3.1. Other values are kept as they are. */
enum vtd_scope_type {
    VTD_SCOPE_ENDPOINT = 1,
    VTD_SCOPE_BRIDGE = 2,    /* the bridge and all below it */
    VTD_SCOPE_IOAPIC = 3,
    VTD_SCOPE_HPET = 4,
    VTD_SCOPE_NAMESPACE = 5,
};

/* Flags of a scope, of meaning in SIDP only. */
enum vtd_scope_flags {
    VTD_SCOPE_NO_NESTING = 1 << 0,
    VTD_SCOPE_NO_PWSNP = 1 << 1,
    VTD_SCOPE_NO_PGSNP = 1 << 2,
    VTD_SCOPE_ATC_HARDENED = 1 << 3,
    VTD_SCOPE_ATC_REQUIRED = 1 << 4,
};

/*
 * One step of a path. The first is on the scope's start bus, each next one on the
 * *secondary bus* of the bridge before it, as its configuration space says now.
 */
struct vtd_dmar_hop {
    u8 device, function;
};

struct vtd_dmar_scope {
    u8 type;
    u8 flags;
    u8 enumeration_id;       /* I/O APIC id, HPET number or ANDD device number */
    u8 start_bus;
    u16 first_hop, hop_count; /* at least one */
};

/* A structure's scopes: a run in vtd_dmar.scopes. */
struct vtd_dmar_run {
    u16 first, count;
};

struct vtd_dmar_unit {
    hpa_t base;
    u32 window_size;         /* bytes of registers, whole pages, at least one; no other unit's are among them */
    u16 segment;
    bool include_all;        /* INCLUDE_PCI_ALL: what no other unit of the segment names */
    bool has_proximity;
    u32 proximity;           /* RHSA */
    struct vtd_dmar_run scopes;
};

struct vtd_dmar_region {
    u64 base, limit;         /* RMRR, whole pages; limit is the last byte */
    u16 segment;
    struct vtd_dmar_run scopes;
};

struct vtd_dmar_list {
    u16 segment;
    bool flag;               /* ATSR: ALL_PORTS, SATC: ATC_REQUIRED, SIDP: none */
    struct vtd_dmar_run scopes;
};

struct vtd_dmar_namespace {
    u8 number;               /* what a VTD_SCOPE_NAMESPACE scope calls it */
    char name[VTD_DMAR_NAME]; /* cut to fit, always terminated; for people */
};

/* "DMAR table, offset <offset>: <what> is <found>, <expected>". */
struct vtd_dmar_error {
    u32 offset;              /* of the byte that is wrong, from the start of the table */
    u64 found;
    const char *what;
    const char *expected;    /* of a note: what becomes of it */
};

struct vtd_dmar {
    u8 haw;                  /* host address width in bits */
    bool intr_remap, x2apic_opt_out, dma_opt_in;
    u32 unknown_structures;  /* of types above 6, skipped as VT-d 8.2 asks */
    u32 unit_count, scope_count, hop_count, region_count;
    u32 atsr_count, satc_count, sidp_count, namespace_count;
    struct vtd_dmar_unit units[VTD_DMAR_UNITS];
    struct vtd_dmar_region regions[VTD_DMAR_REGIONS];
    struct vtd_dmar_list atsr[VTD_DMAR_LISTS];
    struct vtd_dmar_list satc[VTD_DMAR_LISTS];
    struct vtd_dmar_list sidp[VTD_DMAR_LISTS];
    struct vtd_dmar_namespace namespace[VTD_DMAR_NAMESPACE];
    struct vtd_dmar_scope scopes[VTD_DMAR_SCOPES];
    struct vtd_dmar_hop hops[VTD_DMAR_HOPS];
    u32 note_count;          /* mistakes that refuse nothing, all of them; the list holds the first */
    struct vtd_dmar_error notes[VTD_DMAR_NOTES];
};

/*
 * size: the bytes that may be read at table. ERR_MALFORMED, or ERR_NO_MEMORY when the
 * table is larger than the description; *error says where and why, and *out is unspecified.
 */
must_use enum result vtd_dmar_parse(const void *table, size_t size, struct vtd_dmar *out,
                                    struct vtd_dmar_error *error);

static inline const struct vtd_dmar_scope *vtd_dmar_scope_at(const struct vtd_dmar *dmar,
                                                             struct vtd_dmar_run run, u32 i)
{
    return &dmar->scopes[run.first + i];
}

static inline const struct vtd_dmar_hop *vtd_dmar_hop_at(const struct vtd_dmar *dmar,
                                                         const struct vtd_dmar_scope *scope, u32 i)
{
    return &dmar->hops[scope->first_hop + i];
}

#endif
