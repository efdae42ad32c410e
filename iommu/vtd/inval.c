/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which invalidations a change of the tables asks for, VT-d 6.5.3.3 (Table 28). Order within a batch:
 * context cache, PASID cache, IOTLB.
 */
#include "iommu/vtd/state.h"

static bool caching_mode(const struct vtd_unit *unit)
{
    return vtd_cap_get(unit->info.cap, VTD_CAP_CM) != 0;
}

/* What was stored into tables first leaves the unit's write buffer, VT-d 6.8. */
static enum result run(struct vtd_unit *unit, const struct vtd_desc *descs, u32 count)
{
    enum result r = vtd_regs_flush_buffer(unit);
    return r == OK ? vtd_queue_run(unit, descs, count) : r;
}

/* A descriptor of one word, which are all but those for a range of pages, behind the n in the batch; n + 1. */
static not_inlined u32 add_word(struct vtd_desc *batch, u32 n, u64 word)
{
    batch[n] = (struct vtd_desc){{word}};
    return n + 1;
}

static inline u32 add(struct vtd_desc *batch, u32 n, struct vtd_desc desc)
{
    return add_word(batch, n, desc.w[0]);
}

enum result vtd_inval_all(struct vtd_unit *unit)
{
    struct vtd_desc batch[3];
    return run(unit, batch, vtd_queue_everything(unit, batch));
}

/* A faulted context is cached under domain id 0, and only with caching mode (VT-d 6.1). */
enum result vtd_inval_new_context(struct vtd_unit *unit, u16 sid)
{
    if (!caching_mode(unit)) {
        return vtd_regs_flush_buffer(unit);
    }
    struct vtd_desc batch[3];
    u32 n = add(batch, 0, vtd_desc_context_device(0, sid));
    n = add(batch, n, vtd_desc_pasid_cache_domain(0));
    n = add(batch, n, vtd_desc_iotlb_domain(0));
    return run(unit, batch, n);
}

/*
 * A present context entry changed; dids are what it could reach. With caching mode its
 * faulted PASID entries are cached under domain id 0.
 */
enum result vtd_inval_context(struct vtd_unit *unit, u16 sid, const u16 *dids, u32 count)
{
    struct vtd_desc batch[3 * VTD_DIDS_MAX + 3];
    u32 n = 0;
    if (count > VTD_DIDS_MAX) {
        return vtd_inval_all(unit);
    }
    /* Scalable mode ignores the domain id here; legacy mode tags with it. */
    n = add(batch, n, vtd_desc_context_device(count != 0 ? dids[0] : 0, sid));
    for (u32 i = 1; i < count; i++) {
        n = add(batch, n, vtd_desc_context_device(dids[i], sid));
    }
    if (caching_mode(unit) && vtd_is_scalable(unit)) {
        n = add(batch, n, vtd_desc_pasid_cache_domain(0));
        n = add(batch, n, vtd_desc_iotlb_domain(0));
    }
    if (count == 0) {
        /* Nothing is cached then, but only an IOTLB invalidation waits for walks in flight (VT-d 6.5.4). */
        n = add(batch, n, vtd_desc_iotlb_domain(unit->def.did));
    }
    for (u32 i = 0; i < count; i++) {
        if (vtd_is_scalable(unit)) {
            n = add(batch, n, vtd_desc_pasid_cache_domain(dids[i]));
        }
        n = add(batch, n, vtd_desc_iotlb_domain(dids[i]));
    }
    return run(unit, batch, n);
}

enum result vtd_inval_entry(struct vtd_unit *unit, u32 pasid, const struct pasid_entry *old,
                            bool gone)
{
    u16 did = (u16)pasid_get(old, PASID_DID);
    u64 pgtt = pasid_get(old, PASID_PGTT);
    bool second = pgtt == PGTT_SECOND_STAGE || pgtt == PGTT_NESTED;
    struct vtd_desc batch[2];
    u32 n = add(batch, 0, vtd_desc_pasid_cache(did, pasid));
    n = add(batch, n, gone && second ? vtd_desc_iotlb_domain(did) : vtd_desc_pasid_iotlb(did, pasid));
    return run(unit, batch, n);
}

/* What was not present may be cached only with caching mode, under domain id 0. */
enum result vtd_inval_new_entry(struct vtd_unit *unit, u32 pasid, u16 did)
{
    if (!caching_mode(unit)) {
        return vtd_regs_flush_buffer(unit);
    }
    struct vtd_desc batch[4];
    u32 n = add(batch, 0, vtd_desc_pasid_cache_domain(0));
    n = add(batch, n, vtd_desc_pasid_cache(did, pasid));
    n = add(batch, n, vtd_desc_iotlb_domain(0));
    n = add(batch, n, vtd_desc_pasid_iotlb(did, pasid));
    return run(unit, batch, n);
}

/* The order of the smallest aligned block that covers the range. */
static u32 covering_order(u64 gpa, u64 size)
{
    u64 first = gpa >> PAGE_SHIFT, last = (gpa + size - 1) >> PAGE_SHIFT;
    u32 order = 0;
    while (first >> order != last >> order) {
        order++;
    }
    return order;
}

enum result vtd_inval_global(struct vtd_unit *unit)
{
    spin_lock(&unit->lock);
    enum result r = vtd_inval_all(unit);
    spin_unlock(&unit->lock);
    return r;
}

struct vtd_desc vtd_inval_second_stage_desc(const struct vtd_unit *unit, u16 did, u64 gpa, u64 size)
{
    u32 order = size != 0 ? covering_order(gpa, size) : 64;
    bool pages = vtd_cap_get(unit->info.cap, VTD_CAP_PSI) != 0 &&
                 order <= vtd_cap_get(unit->info.cap, VTD_CAP_MAMV);
    return pages ? vtd_desc_iotlb_pages(did, gpa >> (order + PAGE_SHIFT) << (order + PAGE_SHIFT), order)
                 : vtd_desc_iotlb_domain(did);
}

enum result vtd_inval_second_stage(struct vtd_unit *unit, u16 did, u64 gpa, u64 size)
{
    struct vtd_desc d = vtd_inval_second_stage_desc(unit, did, gpa, size);
    spin_lock(&unit->lock);
    /* Without a queue the unit does not walk our tables: taking it over will invalidate everything. */
    enum result r = unit->queue_size == 0 && !unit->walked ? OK : run(unit, &d, 1);
    spin_unlock(&unit->lock);
    return r;
}
