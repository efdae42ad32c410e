/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Everything that a source-id (and PASID) can reach, for checkers: enumerates the entries
 * that are present, then asks the ordinary walk for each of them, so that a mapping is
 * reported only when a request would get it. Supervisor rights are not expanded: can_write
 * needs R/W at every level, user says whether a request without privilege gets anything.
 */
#include "tests/model/model_internal.h"

struct tour {
    struct walk walk;
    model_visit *visit;
    void *ctx;
};

static uint64_t sign_extend(uint64_t addr, unsigned width)
{
    return (addr & BIT(width - 1)) != 0 ? addr | bits(63, width) : addr;
}

static bool report(struct tour *tour, uint64_t addr, uint64_t *size)
{
    struct mapping m = {0};
    struct walk walk = tour->walk;
    walk.addr = addr;
    *size = PAGE;
    if (walk_tables(&walk, &m) != 0) {
        return true;
    }
    *size = BIT(m.shift);
    struct model_mapping mapping = {
        .iova = addr, .hpa = m.hpa, .size = *size, .can_read = m.ss_read,
        .can_write = m.ss_write && m.fs_write, .user = m.fs_user, .kind = walk.kind,
    };
    return tour->visit(tour->ctx, &mapping);
}

/* A first-stage leaf may be many second-stage pages: step by the smaller size. */
static bool report_range(struct tour *tour, uint64_t addr, uint64_t size)
{
    uint64_t step;
    for (uint64_t done = 0; done < size; done += step) {
        if (!report(tour, addr + done, &step)) {
            return false;
        }
    }
    return true;
}

static bool entry_leads_on(const struct tour *tour, uint64_t entry)
{
    if (tour->walk.kind != MODEL_KIND_SECOND_STAGE) {
        return (entry & 1) != 0;
    }
    bool io_bits = (tour->walk.unit->root & BIT(7)) != 0;
    return (entry & (io_bits ? BIT(61) | BIT(62) : 3ull)) != 0;
}

static bool resolve(struct tour *tour, uint64_t *table)
{
    struct ss_result ss;
    if (tour->walk.kind != MODEL_KIND_NESTED) {
        return true;
    }
    struct walk walk = tour->walk;
    if (*table >> walk.ss_width != 0 || second_stage_walk(&walk, *table, false, &ss) != 0) {
        return false;
    }
    *table = ss.hpa;
    return true;
}

static bool tour_table(struct tour *tour, uint64_t table, unsigned level, uint64_t base)
{
    unsigned shift = 12 + 9 * (level - 1);
    unsigned top = 12 + 9 * tour->walk.fs_levels;
    uint64_t entries[512];
    if (!resolve(tour, &table) ||
        !tour->walk.unit->ops.mem_read(tour->walk.unit->ops.ctx, table, entries, PAGE)) {
        return true;
    }
    for (uint64_t i = 0; i < 512; i++) {
        uint64_t addr = base | i << shift;
        if (!entry_leads_on(tour, entries[i])) {
            continue;
        }
        if (tour->walk.kind != MODEL_KIND_SECOND_STAGE) {
            addr = sign_extend(addr, top);
        }
        bool leaf = level == 1 || (level <= 3 && (entries[i] & BIT(7)) != 0);
        uint64_t next = entries[i] & bits(tour->walk.unit->config.haw - 1, 12);
        bool go_on = leaf ? report_range(tour, addr, BIT(shift))
                          : tour_table(tour, next, level - 1, addr);
        if (!go_on) {
            return false;
        }
    }
    return true;
}

unsigned model_walk_all(struct model_unit *unit, uint16_t sid, bool has_pasid, uint32_t pasid,
                        model_visit *visit, void *ctx)
{
    struct model_request request = {.sid = sid, .has_pasid = has_pasid, .pasid = pasid};
    struct tour tour = {.visit = visit, .ctx = ctx};
    walk_begin(&tour.walk, unit, &request, true);
    tour.walk.want_read = false;
    unsigned reason = mode_check(&tour.walk);
    if (reason == 0) {
        reason = structures_find(&tour.walk);
    }
    if (reason != 0) {
        return reason;
    }
    tour.walk.priv = true;
    if (tour.walk.kind == MODEL_KIND_PASS_THROUGH) {
        struct model_mapping all = {.size = BIT(unit->config.haw), .can_read = true,
                                    .can_write = true, .user = true,
                                    .kind = MODEL_KIND_PASS_THROUGH};
        visit(ctx, &all);
        return 0;
    }
    bool second = tour.walk.kind == MODEL_KIND_SECOND_STAGE;
    (void)tour_table(&tour, second ? tour.walk.ss_root : tour.walk.fs_root,
                     second ? tour.walk.ss_levels : tour.walk.fs_levels, 0);
    return 0;
}
