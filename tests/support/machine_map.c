/* SPDX-License-Identifier: BSD-2-Clause */
/* See machine_map.h. */
#include "tests/support/machine_map.h"

#define MIB (1ull << 20)
#define GIB (1ull << 30)

enum { LISTED = PROT_READ | PROT_WRITE | PROT_EXEC | EPT_MAP_LISTED };

static void fill_mtrr(struct mtrr *m)
{
    *m = (struct mtrr){.default_type = 0xc06, .variable_count = 10, .physical_width = 46};
    for (u32 i = 0; i < MTRR_FIXED; i++) {
        m->fixed[i] = 0x0606060606060606;
    }
    m->fixed[2] = 0;                            /* A0000: frame buffer */
    m->base[0] = 2 * GIB;                       /* uncacheable from 2 to 4 GiB */
    m->mask[0] = ((1ull << 46) - 2 * GIB) | 0x800;
}

void machine_map_fill(struct machine_map *m, u64 bytes)
{
    u32 *count = &m->map.count;
    *m = (struct machine_map){.map = {.ranges = m->ranges, .mtrr = &m->mtrr, .limit = 1ull << 46}};
    fill_mtrr(&m->mtrr);
    ept_map_add(m->ranges, count, 0, MIB, LISTED);
    ept_map_add(m->ranges, count, MIB, 0x6eafe000, LISTED);
    ept_map_add(m->ranges, count, 0x6ebfe000, 0x1402000, LISTED);
    ept_map_add(m->ranges, count, 0xe0000000, 256 * MIB, LISTED);
    ept_map_add(m->ranges, count, 0xfec00000, 0x1000, LISTED);
    ept_map_add(m->ranges, count, 0xfed00000, 0x1000, LISTED);
    ept_map_add(m->ranges, count, 0xff000000, 16 * MIB, LISTED);
    if (bytes > 2 * GIB) {
        ept_map_add(m->ranges, count, 4 * GIB, bytes - 2 * GIB, LISTED);
    }
    ept_map_add(m->ranges, count, 0x69e00000, 16 * MIB, 0);     /* Nestor */
    ept_map_add(m->ranges, count, 0xfed90000, 0x1000, 0);       /* the units' registers */
    ept_map_add(m->ranges, count, 0xfed91000, 0x1000, 0);
}
