/*
 * The address space of a machine with that much memory as a real memory map, MTRRs and two units have
 * it: what ept_map_apply() builds a second stage of. Built with the hypervisor's own code only.
 */
#ifndef NESTOR_MACHINE_MAP_H
#define NESTOR_MACHINE_MAP_H

#include "hv/partition/ept_map.h"

enum { MACHINE_MAP_RANGES = 16 };

struct machine_map {
    struct ept_map map;         /* points into the rest */
    struct mtrr mtrr;
    struct ept_map_range ranges[MACHINE_MAP_RANGES];
};

/* bytes: 2 GiB or more, a multiple of it. */
void machine_map_fill(struct machine_map *m, u64 bytes);

#endif
