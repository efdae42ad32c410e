/* SPDX-License-Identifier: BSD-2-Clause */
/* See perform.h. */
#include "iommu/viommu/perform.h"

#include "iommu/base/limit.h"
#include "iommu/port.h"
#include "iommu/viommu/event.h"
#include "iommu/viommu/host.h"
#include "iommu/viommu/irt.h"
#include "iommu/viommu/scan.h"

enum { STATUS_BYTES = 4 };

/* Else gcc adds the offset to the index in an instruction of its own, for each command of a doorbell. */
_Static_assert(offsetof(struct viommu, batch) % sizeof(struct vtd_desc) != 0, "an instruction more");

/* Inline, like append_for(): it is what a doorbell is made of. */
static inline __attribute__((always_inline)) void append(struct viommu *v, struct vtd_desc d)
{
    struct vtd_desc *to = &v->batch[v->queue.count++];
    to->w[0] = d.w[0];
    to->w[1] = d.w[1];
}

/* An invalidation without DID: one for each host domain id that the guest's has. */
static inline __attribute__((always_inline)) void append_for(struct viommu *v, u16 guest_did, struct vtd_desc d)
{
    _Static_assert((int)DESC_IOTLB_DID == (int)DESC_PASID_IOTLB_DID, "one place");
    const struct viommu_host_ids *ids = viommu_host_ids(v, guest_did);
    struct vtd_desc *to = &v->batch[v->queue.count];
    v->queue.count += ids->count;
    for (u32 i = 0; i < ids->count; i++) {
        to[i].w[0] = d.w[0] | field_put(DESC_IOTLB_DID, ids->host[i]);
        to[i].w[1] = d.w[1];
    }
}

/*
 * A domain- or page-selective invalidation of the guest's means all of the domain's
 * first-stage and nested entries (table 23), so each of its host ids is flushed whole.
 * IOTLB entries of a second-stage-only host entry never change by what a guest does,
 * but the guest believes them to be pass-through and may drain with this command.
 */
bool viommu_perform_iotlb(struct viommu *v, const struct viommu_cmd *cmd)
{
    if (cmd->granularity == VGRAN_GLOBAL) {
        append(v, vtd_desc_iotlb_global());
    } else {
        append_for(v, cmd->did, vtd_desc_iotlb_domain(0));
    }
    return false;
}

/* The reach of a page-selective p_iotlb is at most the first stage's 57 bits. */
static void perform_pasid_iotlb(struct viommu *v, const struct viommu_cmd *cmd)
{
    enum { WIDEST_MASK = 57 - 12 };
    u32 mask = (u32)field_get(&cmd->reach, IVA_AM);
    if (cmd->granularity != VGRAN_PAGE || mask > WIDEST_MASK) {
        append_for(v, cmd->did, vtd_desc_pasid_iotlb(0, cmd->pasid));
        return;
    }
    u64 reach = cmd->reach & (~0ull << (PAGE_SHIFT + mask) | FIELD_MASK(IVA_IH) | FIELD_MASK(IVA_AM));
    append_for(v, cmd->did, vtd_desc_pasid_iotlb_pages(0, cmd->pasid, reach));
}

/*
 * The unit writes the status itself, into the partition's ordinary memory or nowhere.
 * An address "not routeable to memory" is undefined in VT-d 6.5.2.9: refused, visibly.
 */
static bool perform_wait(struct viommu *v, const struct viommu_cmd *cmd, enum iqei *error)
{
    hpa_t at = {0};
    u64 flags = cmd->wait_flags & v->wait_flags;
    if ((flags & FIELD_MASK(DESC_WAIT_SW)) != 0 &&
        !v->config.ops->ram(v->config.ctx, (gpa_t){cmd->status_addr}, STATUS_BYTES, &at)) {
        if (limit_due_at(v->stats.queue_errors + 1)) { /* the queue stops, which counts it */
            port_log(LOG_WARNING, "viommu: partition %u: wait status at 0x%llx is not its memory",
                     v->config.partition, cmd->status_addr);
        }
        *error = IQEI_RESERVED;
        return false;
    }
    append(v, vtd_desc_wait(flags, cmd->status_data, at.v));
    v->stats.waits++;
    /*
     * It is to interrupt a guest that is not the root's, and the unit's own event is the root's: it is done when the
     * unit has done one more wait, by which Nestor learns of it.
     */
    if (flags != cmd->wait_flags) {
        append(v, viommu_event_ask(v));
        v->queue.scanning = true;
        return false;
    }
    return true;
}

/* Guest tables matter while its translation is on; what is bound then is read again at TE. */
static void perform_context_cache(struct viommu *v, const struct viommu_cmd *cmd)
{
    if (cmd->granularity == VGRAN_DEVICE) {
        viommu_scan_start_device(v, cmd->sid, cmd->function_mask);
    } else {
        viommu_scan_start(v, SCAN_CONTEXTS);
    }
}

static void perform_pasid_cache(struct viommu *v, const struct viommu_cmd *cmd)
{
    if (cmd->granularity == VGRAN_PASID) {
        viommu_scan_start_pasid(v, cmd->pasid);
    } else {
        viommu_scan_start(v, SCAN_PASIDS);
    }
}

/* Apart, and with a copy of its own, so that commands which take no call of this kind stay in registers. */
static not_inlined bool announce(struct viommu *v, struct viommu_cmd cmd, bool tables)
{
    v->stats.iotlbs++;
    v->queue.scanning = tables && v->kind->announce(v, &cmd);
    return !v->queue.scanning;
}

/* False: the descriptor is bad, or its scan has to come before anything else. */
static bool perform(struct viommu *v, const struct viommu_cmd *cmd, bool tables, enum iqei *error)
{
    switch (cmd->kind) {
    case VCMD_WAIT:
        return perform_wait(v, cmd, error);
    case VCMD_INTERRUPT_ENTRIES:
        v->queue.scanning = !viommu_irt_announce(v, cmd->sid, cmd->function_mask);
        return !v->queue.scanning;
    case VCMD_CONTEXT_CACHE:
        v->stats.context_caches++;
        if (tables) {
            perform_context_cache(v, cmd);
            v->queue.scanning = true;
        }
        return !tables;
    case VCMD_PASID_CACHE:
        v->stats.pasid_caches++;
        if (tables) {
            perform_pasid_cache(v, cmd);
            v->queue.scanning = true;
        }
        return !tables;
    case VCMD_IOTLB:
        return announce(v, *cmd, tables);
    case VCMD_PASID_IOTLB:
        v->stats.pasid_iotlbs++;
        if (tables) {
            perform_pasid_iotlb(v, cmd);
        }
        return true;
    }
    return true;
}

void viommu_perform_advance(struct viommu *v, u32 count)
{
    struct viommu_queue *q = &v->queue;
    q->fetch += count << viommu_desc_shift(q);
    if (q->fetch >= q->bytes) {
        q->fetch = 0;
    }
    v->stats.descriptors += count;
}

enum iqei viommu_perform(struct viommu *v, const struct perform_rules *rules)
{
    struct viommu_queue *q = &v->queue;
    enum iqei error = IQEI_NONE;
    u32 shift = viommu_desc_shift(q);
    u32 first = q->fetch - q->ahead_from;
    u32 count = (q->ahead_bytes - first) >> shift;
    count = least(count, v->budget);
    const u8 *begin = (const u8 *)v->ahead + first;
    const u8 *end = begin + (count << shift);
    const u8 *at = begin;
    for (; at < end && q->count <= VIOMMU_BATCH - VIOMMU_HOST_DIDS; at += 1u << shift) {
        struct viommu_cmd cmd;
        error = viommu_desc_decode(&rules->rules, (const u64 *)(const void *)at, &cmd);
        if (error != IQEI_NONE || !perform(v, &cmd, rules->tables, &error)) {
            break;
        }
    }
    u32 done = (u32)(at - begin) >> shift;
    viommu_perform_advance(v, done);
    (void)viommu_spend(v, done + q->scanning);
    return error;
}
