/* SPDX-License-Identifier: BSD-2-Clause */
/* See ept_map.h. */
#include "hv/partition/ept_map.h"

#include "iommu/port.h"

enum { ALL_RIGHTS = PROT_READ | PROT_WRITE | PROT_EXEC };

/* What all ranges together say about addr: rights and EPT_MAP_LISTED. The same holds up to *edge at least. */
static u32 look(const struct ept_map *map, u64 addr, u64 *edge)
{
    u32 rights = ALL_RIGHTS;
    u32 listed = 0;
    *edge = addr < map->limit ? map->limit : ~0ull;
    if (addr >= map->limit) {
        return 0;
    }
    for (u32 i = 0; i < map->count; i++) {
        const struct ept_map_range *r = &map->ranges[i];
        u64 change = addr < r->base ? r->base : r->base + r->size;
        if (r->size == 0 || change <= addr) {
            continue;
        }
        *edge = change < *edge ? change : *edge;
        if (addr >= r->base) {
            rights &= r->prot;
            listed |= r->prot & EPT_MAP_LISTED;
        }
    }
    /* The EPT has no page that can be written but not read. */
    return (rights & PROT_READ) != 0 ? rights | listed : 0;
}

u32 ept_map_rights(const struct ept_map *map, u64 gpa)
{
    u64 edge;
    return look(map, gpa, &edge) & ALL_RIGHTS;
}

bool ept_map_next(const struct ept_map *map, u64 from, struct ept_map_run *out)
{
    u64 edge = from;
    u32 what;
    do {
        if (edge == ~0ull) {
            return false;
        }
        out->gpa = edge;
        what = look(map, out->gpa, &edge);
    } while ((what & EPT_MAP_LISTED) == 0);
    u64 end = edge;
    while (end != ~0ull && look(map, end, &edge) == what) {
        end = edge;
    }
    out->prot = what & ALL_RIGHTS;
    out->type = mtrr_type(map->mtrr, out->gpa, end, &end);
    out->size = end - out->gpa;
    return true;
}

bool ept_map_around(const struct ept_map *map, u64 gpa, u64 page_sizes, struct ept_map_run *out)
{
    for (u64 size = 1ull << 30;; size >>= 9) {
        u64 base = gpa & ~(size - 1);
        u64 end = base + size;
        u64 edge;
        u32 what = look(map, base, &edge);
        *out = (struct ept_map_run){base, size, what & ALL_RIGHTS,
                                    mtrr_type(map->mtrr, base, end, &end)};
        if (size == PAGE_SIZE || ((page_sizes & size) != 0 && (what & EPT_MAP_LISTED) == 0 &&
                                  edge >= base + size && end == base + size)) {
            return out->prot != 0;
        }
    }
}

void ept_map_add(struct ept_map_range *list, u32 *count, u64 base, u64 size, u32 prot)
{
    struct ept_map_range *last = &list[*count - 1];
    if (*count != 0 && last->prot == prot && last->base + last->size == base) {
        last->size += size;
        return;
    }
    list[(*count)++] = (struct ept_map_range){base, size, prot};
}

enum result ept_map_apply(const struct ept_map *map, struct domain *d)
{
    struct ept_map_run run;
    for (u64 at = 0; ept_map_next(map, at, &run); at = run.gpa + run.size) {
        enum result r = domain_map(d, (gpa_t){run.gpa}, (hpa_t){run.gpa}, run.size, run.prot,
                                   run.type);
        if (r != OK) {
            port_log(LOG_ERROR, "memory at %llx, %llu KiB, cannot be mapped: %s", run.gpa, run.size >> 10,
                     result_text(r));
            return r;
        }
    }
    return OK;
}
