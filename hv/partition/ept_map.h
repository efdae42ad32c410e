/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a partition's second stage maps, as a list of runs, made of the machine's memory map, what must not be mapped,
 * what is protected, and the memory types. Pure. domain_map() chooses the page sizes; the runs are as long as
 * possible so that the pages are as large as possible.
 */
#ifndef NESTOR_HV_PARTITION_EPT_MAP_H
#define NESTOR_HV_PARTITION_EPT_MAP_H

#include "hv/guest/mtrr.h"
#include "iommu/domain/domain.h"
#include "iommu/domain/domain.h"

/*
 * What is known of a part of the address space. Where several overlap, the rights are those that all of them give;
 * without PROT_READ that is a hole, which is never mapped.
 */
enum { EPT_MAP_LISTED = 8 };    /* mapped at the start; all else is device memory, mapped on first access */
struct ept_map_range {
    u64 base, size;             /* 4 KiB granular */
    u32 prot;                   /* PROT_* and EPT_MAP_LISTED */
};

struct ept_map {
    const struct ept_map_range *ranges;
    u32 count;
    const struct mtrr *mtrr;
    u64 limit;                  /* the first address that is none: a hole from there on. At least 2^30 */
};

struct ept_map_run {
    u64 gpa, size;
    u32 prot;
    enum mem_type type;
};

/* The first run at or after `from`; false when there is none. */
must_use bool ept_map_next(const struct ept_map *map, u64 from, struct ept_map_run *out);

/*
 * For device memory that no range lists, on its first access: the largest page of page_sizes around gpa that overlaps
 * no range and no hole and has one type and protection. False: gpa is in a hole.
 */
must_use bool ept_map_around(const struct ept_map *map, u64 gpa, u64 page_sizes,
                             struct ept_map_run *out);

/* What the CPU may do at gpa, 0 in a hole. */
u32 ept_map_rights(const struct ept_map *map, u64 gpa);

/* Appends to a list, or extends its last range. */
void ept_map_add(struct ept_map_range *list, u32 *count, u64 base, u64 size, u32 prot);

/* Maps all runs, guest physical = host physical. */
must_use enum result ept_map_apply(const struct ept_map *map, struct domain *d);

#endif
