/* SPDX-License-Identifier: BSD-2-Clause */
/* Guest entries in, host entries out: the plan, making the hardware agree with it, the sweep. */
#include "iommu/viommu/bind.h"

#include "iommu/base/limit.h"
#include "iommu/port.h"
#include "iommu/viommu/bindings.h"
#include "iommu/viommu/host.h"

void viommu_bind_plan(const struct guest_entry *entry, struct bind_plan *out)
{
    *out = (struct bind_plan){.kind = BIND_BLOCKED};
    if (!entry->present) {
        return;
    }
    out->guest_did = entry->did;
    if (entry->pgtt == PGTT_PASS_THROUGH) {
        out->kind = BIND_SECOND_STAGE;
        return;
    }
    if (entry->pgtt == PGTT_SECOND_STAGE) {
        out->kind = BIND_SHADOW;
        out->levels = entry->ss_levels;
        out->table = entry->ss_root;
        return;
    }
    out->kind = BIND_NESTED;
    out->levels = entry->five_levels ? 5 : 4;
    out->table = entry->fs_root;
    out->sre = entry->sre;
    out->wpe = entry->wpe;
    out->eafe = entry->eafe;
}

static bool same_plan(const struct bind_plan *a, const struct bind_plan *b)
{
    return a->kind == b->kind && a->guest_did == b->guest_did && a->levels == b->levels &&
           a->table.v == b->table.v && a->sre == b->sre && a->wpe == b->wpe && a->eafe == b->eafe;
}

void viommu_bind_tell_quota(struct viommu *v, u16 sid)
{
    if (limit_due_at(++v->stats.quota_refusals)) {
        port_log(LOG_WARNING, "viommu: partition %u is over its quota of table pages: an entry of %#x stays "
                 "blocked (refusal %llu)", v->config.partition, sid, v->stats.quota_refusals);
    }
}

/*
 * The entry stays blocked. Over quota is told by one line per guest, anything else where it
 * failed. Entries that exclude each other (VT-d 6.2.3.1) are the guest's mistake.
 */
static void refuse(struct viommu *v, u16 sid, enum result r)
{
    if (r == ERR_QUOTA || r == ERR_NO_MEMORY || r == ERR_NO_DOMAIN_ID) {
        viommu_bind_tell_quota(v, sid);
    } else if (r == ERR_FIRST_STAGE_CONFLICT || r == ERR_DID_CONFLICT) {
        v->stats.entry_refusals++;
    } else {
        v->stats.host_errors++;
    }
}

/* The record comes first: a host entry that could not be recorded could not be removed either. */
static void install(struct viommu *v, struct viommu_device *device, u16 sid, u32 pasid,
                    const struct bind_plan *plan)
{
    u16 index_plus_1 = viommu_bindings_spare(v);
    if (index_plus_1 == 0) {
        refuse(v, sid, ERR_QUOTA);
        return;
    }
    struct viommu_binding *b = viommu_bindings_at(v, index_plus_1);
    u16 next_free = b->next;
    *b = (struct viommu_binding){.sid = sid, .pasid = pasid, .plan = *plan, .next = next_free,
                                 .generation = v->bindings.generation};
    enum result r = viommu_host_attach(v, device, b, plan);
    if (r != OK) { /* b is still on the free list */
        refuse(v, sid, r);
        return;
    }
    viommu_bindings_add(v, device, index_plus_1);
    v->stats.binds++;
}

/* The host entry goes first: a record without an entry is harmless, the reverse is not. */
static void remove_binding(struct viommu *v, struct viommu_device *device, u16 index_plus_1)
{
    struct viommu_binding *b = viommu_bindings_at(v, index_plus_1);
    if (viommu_host_detach(v, device, b, device->count == 1) != OK) {
        v->stats.host_errors++;
    }
    viommu_bindings_remove(v, device, index_plus_1);
    v->stats.unbinds++;
}

/* The same first-stage table with another FSPM or EAFE, which are the table's own (VT-d 6.2.3.1). */
static bool changes_first_stage(const struct bind_plan *from, const struct bind_plan *to)
{
    return from->kind == BIND_NESTED && to->kind == BIND_NESTED && from->table.v == to->table.v &&
           (from->levels != to->levels || from->eafe != to->eafe);
}

/* From one valid entry to another; what cannot be changed is blocked instead. */
static void change(struct viommu *v, struct viommu_device *device, u16 index_plus_1,
                   const struct bind_plan *plan)
{
    struct viommu_binding *b = viommu_bindings_at(v, index_plus_1);
    u16 sid = b->sid;
    u32 pasid = b->pasid;
    if (changes_first_stage(&b->plan, plan)) { /* nobody may still walk it the old way */
        remove_binding(v, device, index_plus_1);
        install(v, device, sid, pasid, plan);
        return;
    }
    enum result r = viommu_host_replace(v, device, b, plan);
    if (r != OK) {
        refuse(v, sid, r);
        remove_binding(v, device, index_plus_1);
        return;
    }
    b->plan = *plan;
    b->generation = v->bindings.generation;
    v->stats.rebinds++;
}

bool viommu_bind_sync(struct viommu *v, struct viommu_device *device, u16 sid, u32 pasid,
                      const struct guest_entry *entry)
{
    struct bind_plan plan;
    viommu_bind_plan(entry, &plan);
    u16 bound = device->count != 0 ? viommu_bindings_find(v, sid, pasid) : 0;
    if (bound == 0 && plan.kind == BIND_BLOCKED) {
        return false;
    }
    if (bound != 0 && same_plan(&viommu_bindings_at(v, bound)->plan, &plan)) {
        viommu_bindings_at(v, bound)->generation = v->bindings.generation;
        return false;
    }
    if (bound == 0) {
        install(v, device, sid, pasid, &plan);
    } else if (plan.kind == BIND_BLOCKED) {
        remove_binding(v, device, bound);
    } else {
        change(v, device, bound, &plan);
    }
    return true;
}

bool viommu_bind_drop_one(struct viommu *v, struct viommu_device *device)
{
    if (device->first == 0) {
        return false;
    }
    remove_binding(v, device, device->first);
    return true;
}

void viommu_bind_start_pass(struct viommu *v)
{
    v->bindings.generation++;
}

bool viommu_bind_sweep(struct viommu *v, struct viommu_device *device, u16 *at, bool *changed)
{
    u16 index_plus_1 = *at != 0 ? *at : device->first;
    *changed = false;
    if (index_plus_1 == 0) {
        return false;
    }
    const struct viommu_binding *b = viommu_bindings_at(v, index_plus_1);
    u16 next = b->next;
    if (b->generation != v->bindings.generation) {
        remove_binding(v, device, index_plus_1);
        *changed = true;
    }
    *at = next;
    return next != 0;
}
