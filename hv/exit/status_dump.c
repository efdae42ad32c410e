/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The dump of one request: each entry on its way from the root table to the host page, as hardware would read it now.
 * A guest's first stage is read by its unit's own reader; no other guest memory is.
 */
#include "hv/exit/status_dump.h"

#include "hv/machine/units.h"
#include "hv/partition/partition.h"
#include "iommu/spec/message.h"

/* False: the snapshot is full, which it never is: there are 40 steps at most. */
static bool add_step(struct window_session *s, u32 kind, u32 level, u64 at, u64 input, const u64 *words, u32 count)
{
    struct status_step_record *r = window_record(s, STATUS_STEP, sizeof(*r));
    if (r != NULL) {
        *r = (struct status_step_record){.kind = kind, .level = level, .at = at, .input = input};
        for (u32 i = 0; i < count; i++) {
            r->w[i] = words[i];
        }
    }
    return r != NULL;
}

static bool end(struct window_session *s, enum status_outcome outcome, u64 address)
{
    struct status_end *r = window_record(s, STATUS_END, sizeof(*r));
    if (r != NULL) {
        *r = (struct status_end){.outcome = outcome, .address = address};
    }
    return true;
}

/* Through the second stage; false: it ends before a page. */
static bool second_stage(const struct partition *p, struct window_session *s, hpa_t root, u32 levels, u64 gpa, u64 *hpa)
{
    struct ptab_step steps[PTAB_MAX_LEVELS];
    u32 count = domain_trace(p->domain, root, levels, gpa, steps);
    for (u32 i = 0; i < count; i++) {
        if (!add_step(s, STATUS_STEP_SECOND_STAGE, steps[i].level, steps[i].at.v, gpa, &steps[i].entry, 1)) {
            return false;
        }
    }
    if (count == 0 || (steps[count - 1].entry & SECOND_STAGE_READ) == 0) {
        return false;
    }
    u64 offset = ptab_span(steps[count - 1].level) - 1;
    *hpa = (steps[count - 1].entry & second_stage_format.address & ~offset) | (gpa & offset);
    return true;
}

/* Where the second stage begins, by a PASID entry or a legacy context entry. */
struct second_root {
    hpa_t root;
    u32 levels;
};

static bool through_second_stage(const struct partition *p, struct window_session *s, struct second_root second,
                                 u64 gpa)
{
    u64 hpa;
    bool its = second.levels <= domain_levels(p->domain) &&
               domain_unit_root(p->domain, second.levels).v == second.root.v;
    if (!its) {
        return end(s, STATUS_OUTCOME_SHADOW, gpa);
    }
    return second_stage(p, s, second.root, second.levels, gpa, &hpa) ? end(s, STATUS_OUTCOME_ADDRESS, hpa)
                                                                     : end(s, STATUS_OUTCOME_BLOCKED, gpa);
}

static bool nested(const struct partition *p, struct viommu *v, struct window_session *s, const struct pasid_entry *e,
                   struct second_root second, u64 addr)
{
    struct viommu_step steps[FS_LEVELS_MAX];
    bool readable = true;
    u64 table = pasid_get(e, PASID_FSPTPTR) << PAGE_SHIFT;
    u32 count = viommu_trace(v, (gpa_t){table}, pasid_get(e, PASID_FSPM) == FSPM_FIVE_LEVELS, addr, steps, &readable);
    u64 hpa;
    for (u32 i = 0; i < count; i++) {
        if (!second_stage(p, s, second.root, second.levels, steps[i].at.v, &hpa) ||
            !add_step(s, STATUS_STEP_FIRST_STAGE, steps[i].level, steps[i].at.v, addr, &steps[i].entry, 1)) {
            return end(s, STATUS_OUTCOME_BLOCKED, steps[i].at.v);
        }
    }
    if (!readable) {
        return end(s, STATUS_OUTCOME_UNREADABLE, addr);
    }
    const struct viommu_step *last = &steps[count - 1];
    if (field_get(&last->entry, FS_P) == 0 || !fs_is_leaf(last->entry, last->level)) {
        return end(s, STATUS_OUTCOME_BLOCKED, addr);
    }
    u64 offset = (1ull << fs_level_shift(last->level)) - 1;
    return through_second_stage(p, s, second, (last->entry & FIELD_MASK(FS_ADDR) & ~offset) | (addr & offset));
}

static bool by_pasid(const struct partition *p, struct viommu *v, struct window_session *s, const struct pasid_entry *e,
                     u64 addr)
{
    const struct second_root second = {{pasid_get(e, PASID_SSPTPTR) << PAGE_SHIFT},
                                       aw_levels((u32)pasid_get(e, PASID_AW))};
    if (pasid_get(e, PASID_P) == 0) {
        return end(s, STATUS_OUTCOME_BLOCKED, addr);
    }
    switch (pasid_get(e, PASID_PGTT)) {
    case PGTT_SECOND_STAGE:
        return through_second_stage(p, s, second, addr);
    case PGTT_NESTED:
        return v != NULL ? nested(p, v, s, e, second, addr) : end(s, STATUS_OUTCOME_UNREADABLE, addr);
    default:
        return end(s, STATUS_OUTCOME_UNTRANSLATED, addr);
    }
}

static bool by_legacy(const struct partition *p, struct window_session *s, const struct legacy_context_entry *e,
                      u64 addr)
{
    const struct second_root second = {{legacy_context_get(e, LEGACY_CONTEXT_SSPTPTR) << PAGE_SHIFT},
                                       aw_levels((u32)legacy_context_get(e, LEGACY_CONTEXT_AW))};
    if (legacy_context_get(e, LEGACY_CONTEXT_P) == 0) {
        return end(s, STATUS_OUTCOME_BLOCKED, addr);
    }
    return legacy_context_get(e, LEGACY_CONTEXT_TT) == LEGACY_TT_PASS_THROUGH
               ? end(s, STATUS_OUTCOME_UNTRANSLATED, addr)
               : through_second_stage(p, s, second, addr);
}

static bool follow(const struct partition *p, struct window_session *s, u32 unit, const struct vtd_path *path, u64 addr)
{
    static const u32 words[] = {2, 4, 1, 8};
    _Static_assert((u32)STATUS_STEP_PASID == VTD_PATH_STEPS - 1, "in that order");
    for (u32 i = 0; i < path->count; i++) {
        (void)add_step(s, STATUS_STEP_ROOT + i, i == STATUS_STEP_ROOT && path->upper ? 1 : 0, path->steps[i].at.v, addr,
                       path->steps[i].w, words[i]);
    }
    if (path->count != (path->legacy ? STATUS_STEP_CONTEXT + 1u : STATUS_STEP_PASID + 1u) ||
        (path->steps[STATUS_STEP_CONTEXT].w[0] & FIELD_MASK(CONTEXT_P)) == 0) {
        return end(s, STATUS_OUTCOME_BLOCKED, addr);
    }
    if (message_in_range(addr)) {
        return end(s, STATUS_OUTCOME_INTERRUPT, addr);
    }
    const u64 *w = path->steps[path->count - 1].w;
    if (path->legacy) {
        const struct legacy_context_entry e = {{w[0], w[1]}};
        return by_legacy(p, s, &e, addr);
    }
    const struct pasid_entry e = {{w[0], w[1], w[2], w[3], w[4], w[5], w[6], w[7]}};
    return by_pasid(p, p->viommus[unit], s, &e, addr);
}

bool exit_status_dump(struct partition *p, struct window_session *s)
{
    u32 unit = s->asked[STATUS_DUMP_SOURCE] >> 16;
    u16 sid = (u16)s->asked[STATUS_DUMP_SOURCE];
    u64 addr = (u64)s->asked[STATUS_DUMP_HIGH] << 32 | s->asked[STATUS_DUMP_LOW];
    struct status_request *r = window_record(s, STATUS_REQUEST, sizeof(*r));
    struct vtd_path path = {.legacy = false};
    bool its = unit < units_count() && partition_sources_has_behind(p, unit, sid);
    if (its) {
        vtd_path_get(units_get(unit), sid, s->asked[STATUS_DUMP_PASID], &path);
    }
    if (r != NULL) {
        *r = (struct status_request){.unit = unit, .sid = sid, .pasid = its ? path.pasid : s->asked[STATUS_DUMP_PASID],
                                     .legacy = path.legacy, .address = addr};
    }
    return its ? follow(p, s, unit, &path, addr) : end(s, STATUS_OUTCOME_NOT_YOURS, addr);
}
