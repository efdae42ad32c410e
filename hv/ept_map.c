/* See ept_map.h. */
#include "hv/ept_map.h"

enum { ALL_RIGHTS = PROT_READ | PROT_WRITE | PROT_EXEC };

/* The range that holds addr, or NULL; *edge moves down to the next place where that changes. */
static const struct ept_map_range *find(const struct ept_map_range *ranges, u32 count, u64 addr,
                                        u64 *edge)
{
    const struct ept_map_range *found = NULL;
    for (u32 i = 0; i < count; i++) {
        const struct ept_map_range *r = &ranges[i];
        u64 change = addr < r->base ? r->base : r->base + r->size;
        if (r->size == 0 || change <= addr) {
            continue;
        }
        *edge = change < *edge ? change : *edge;
        found = addr >= r->base ? r : found;
    }
    return found;
}

/* What overlapping limits leave. */
static u32 limit_rights(const struct ept_map *map, u64 addr, u64 *edge)
{
    u32 prot = ALL_RIGHTS;
    for (u32 i = 0; i < map->limit_count; i++) {
        const struct ept_map_range *limit = find(&map->limits[i], 1, addr, edge);
        prot &= limit != NULL ? limit->prot : ALL_RIGHTS;
    }
    return prot;
}

/* The rights at addr, 0 where nothing is mapped up front, up to *edge at least. */
static u32 rights_at(const struct ept_map *map, u64 addr, u64 *edge)
{
    const struct ept_map_range *range;
    u32 prot;
    *edge = ~0ull;
    range = find(map->ranges, map->range_count, addr, edge);
    prot = limit_rights(map, addr, edge);
    if (find(map->holes, map->hole_count, addr, edge) != NULL || range == NULL) {
        return 0;
    }
    prot &= range->prot;
    /* The EPT knows no page that cannot be read. */
    return (prot & PROT_READ) != 0 ? prot : 0;
}

bool ept_map_is_hole(const struct ept_map *map, u64 gpa)
{
    u64 edge = ~0ull;
    return find(map->holes, map->hole_count, gpa, &edge) != NULL ||
           (limit_rights(map, gpa, &edge) & PROT_READ) == 0;
}

bool ept_map_next(const struct ept_map *map, u64 from, struct ept_map_run *out)
{
    u64 at = from;
    u64 edge;
    u64 end;
    u32 prot = rights_at(map, at, &edge);
    while (prot == 0) {
        if (edge == ~0ull) {
            return false;
        }
        at = edge;
        prot = rights_at(map, at, &edge);
    }
    end = edge;
    while (end != ~0ull && rights_at(map, end, &edge) == prot) {
        end = edge;
    }
    out->gpa = at;
    out->prot = prot;
    out->type = mtrr_type(map->mtrr, at, end, &end);
    out->size = end - at;
    return true;
}

/* Nothing begins or ends inside the block, and its memory type is one. */
static bool is_uniform(const struct ept_map *map, u64 base, u64 size)
{
    u64 edge = ~0ull;
    u64 end;
    const struct ept_map_range *range = find(map->ranges, map->range_count, base, &edge);
    const struct ept_map_range *hole = find(map->holes, map->hole_count, base, &edge);
    (void)limit_rights(map, base, &edge);
    (void)mtrr_type(map->mtrr, base, base + size, &end);
    return range == NULL && hole == NULL && edge >= base + size && end == base + size;
}

bool ept_map_around(const struct ept_map *map, u64 gpa, u64 page_sizes, struct ept_map_run *out)
{
    u64 edge = ~0ull;
    u64 size = 1ull << 30;
    if (ept_map_is_hole(map, gpa)) {
        return false;
    }
    while (size > PAGE_SIZE &&
           ((page_sizes & size) == 0 || !is_uniform(map, gpa & ~(size - 1), size))) {
        size >>= 9;
    }
    out->gpa = gpa & ~(size - 1);
    out->size = size;
    out->prot = limit_rights(map, out->gpa, &edge);
    out->type = mtrr_type(map->mtrr, out->gpa, out->gpa + size, &edge);
    return true;
}
