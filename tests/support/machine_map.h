/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The address space of a machine with a given amount of memory, with a realistic memory map, MTRRs
 * and two units: the input from which ept_map_apply() builds a second stage. Uses only the
 * hypervisor's own code.
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

/* bytes: a multiple of 2 GiB, not 0. */
void machine_map_fill(struct machine_map *m, u64 bytes);

#endif
