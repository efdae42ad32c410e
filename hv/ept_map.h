/*
 * What a partition's second stage maps, as a list of runs: from the machine's memory map, what
 * must not be in it, what is protected, and the memory types. Pure; domain_map() chooses the page
 * sizes, and the runs are as long as they can be so that the pages are as large as they can be.
 */
#ifndef NESTOR_EPT_MAP_H
#define NESTOR_EPT_MAP_H

#include "hv/mtrr.h"

struct ept_map_range {
    u64 base, size;         /* 4 KiB granular */
    u32 prot;               /* PROT_*; of a hole: unused */
};

struct ept_map {
    const struct ept_map_range *ranges;   /* to be mapped up front; sorted, not overlapping */
    u32 range_count;
    const struct ept_map_range *holes;    /* never mapped: Nestor's memory, the units' registers */
    u32 hole_count;
    const struct ept_map_range *limits;   /* protected: no more than that protection; 0 is a hole */
    u32 limit_count;
    const struct mtrr *mtrr;
};

struct ept_map_run {
    u64 gpa, size;
    u32 prot;
    enum mem_type type;
};

/* The first run at or after `from`; false when there is none. */
must_use bool ept_map_next(const struct ept_map *map, u64 from, struct ept_map_run *out);

/*
 * Device memory that no range lists, on its first access: the largest page of page_sizes around
 * gpa that meets no range and no hole and has one type and protection. False: gpa is in a hole.
 */
must_use bool ept_map_around(const struct ept_map *map, u64 gpa, u64 page_sizes,
                             struct ept_map_run *out);

must_use bool ept_map_is_hole(const struct ept_map *map, u64 gpa);

#endif
