/*
 * Fetch, decode, perform (VT-d 6.5.2). Cache invalidations of contexts and PASIDs
 * make Nestor look at the guest's tables; IOTLB invalidations and waits go to the
 * hardware with the host's domain ids and a checked status address.
 */
#include "iommu/viommu_queue.h"

#include "iommu/port.h"
#include "iommu/viommu_state.h"

enum { STATUS_BYTES = 4, LINES = 8 /* of a guest that errs again and again */ };

/* Words of the host's descriptors, VT-d 6.5.2; 256 bits wide. */
enum { HOST_IOTLB = 2, HOST_WAIT = 5, HOST_PASID_IOTLB = 6 };
enum { HOST_G_GLOBAL = 1 << 4, HOST_G_DOMAIN = 2 << 4, HOST_G_PASID = 2 << 4, HOST_G_PAGE = 3 << 4,
       HOST_DRAIN = 3 << 6 };

void viommu_queue_reset(struct viommu *v)
{
    v->queue = (struct viommu_queue){.count = 0};
}

/* IQA may change whenever the queue is empty (VT-d 11.4.9.3). */
void viommu_queue_moved(struct viommu *v)
{
    u64 iqa = v->reg[VREG_IQA];
    v->queue.base = iqa & ~PAGE_MASK;
    v->queue.bytes = (u32)PAGE_SIZE << (iqa & 7);
    v->queue.wide = ((iqa >> 11) & 1) != 0;
    v->queue.ahead_bytes = 0;
}

/* Some guests write the tail before they enable the queue: nothing to do, run() looks at IQT. */
void viommu_queue_enable(struct viommu *v)
{
    viommu_queue_moved(v);
    v->queue.fetch = 0;
    v->queue.done = 0;
    v->reg[VREG_GSTS] |= VGSTS_QIES;
}

/* Only a quiesced queue goes off (VT-d 6.5.2); one that stopped at an error stays on. */
void viommu_queue_disable(struct viommu *v)
{
    if (v->queue.fetch != v->reg[VREG_IQT]) {
        return;
    }
    v->queue.fetch = 0;
    v->queue.done = 0;
    v->reg[VREG_GSTS] &= ~(u64)VGSTS_QIES;
}

static bool enabled(const struct viommu *v)
{
    return (v->reg[VREG_GSTS] & VGSTS_QIES) != 0;
}

static bool stopped(const struct viommu *v)
{
    return !enabled(v) || v->queue.broken ||
           (v->faults.status & ((u32)VFSTS_IQE | (u32)VFSTS_ITE)) != 0;
}

void viommu_queue_doorbell(struct viommu *v)
{
    if (!stopped(v) && v->reg[VREG_IQT] != v->queue.fetch) {
        v->stats.doorbells++;
    }
}

u32 viommu_queue_head(const struct viommu *v)
{
    return v->queue.done;
}

/*
 * Hands the batch to the unit. False while the unit's ring has no room: the batch
 * stays and so does the head.
 */
static bool flush(struct viommu *v)
{
    struct viommu_queue *q = &v->queue;
    if (q->count != 0) {
        enum result r = viommu_host_post(v, q->batch, q->count);
        if (r == ERR_BUSY) {
            return false;
        }
        if (r != OK && !q->broken) {
            q->broken = true;
            port_log(LOG_ERROR, "viommu: partition %u: the unit's queue failed: %s",
                     v->config.partition, result_text(r));
        }
        v->stats.batches++;
        v->stats.forwarded += q->count;
        q->count = 0;
    }
    if (!q->broken) {
        q->done = q->fetch;
    }
    return true;
}

/* VT-d 6.5.2.11: everything before the bad descriptor completes; the head stays at it. */
static void stop_with(struct viommu *v, enum iqei error)
{
    static const char *const texts[] = {
        [IQEI_TAIL] = "tail beyond the queue", [IQEI_FETCH] = "its memory is not the guest's",
        [IQEI_TYPE] = "no such descriptor", [IQEI_RESERVED] = "reserved bits or an address refused",
        [IQEI_WIDTH] = "narrow descriptors in scalable mode", [IQEI_TAIL_ALIGN] = "tail misaligned",
        [IQEI_TTM] = "table mode not offered"};
    if (v->stats.queue_errors++ < LINES) {
        port_log(LOG_WARNING, "viommu: partition %u: the guest's queue stops at 0x%llx: %s",
                 v->config.partition, (unsigned long long)v->queue.base + v->queue.fetch,
                 texts[error]);
    }
    v->queue.ahead_bytes = 0; /* software repairs the entry and has it fetched again */
    v->reg[VREG_IQERCD] = (v->reg[VREG_IQERCD] & ~0xfull) | (u64)error;
    viommu_fault_set_status(v, VFSTS_IQE);
}

static void append(struct viommu *v, u64 word0, u64 word1)
{
    struct viommu_queue *q = &v->queue;
    q->batch[q->count] = (struct vtd_desc){.w = {word0, word1, 0, 0}};
    q->count++;
}

/*
 * A domain- or page-selective invalidation of the guest's means all of the domain's
 * first-stage and nested entries (table 23), so each of its host ids is flushed whole.
 * IOTLB entries of a second-stage-only host entry never change by what a guest does,
 * but the guest believes them to be pass-through and may drain with this command.
 */
static void perform_iotlb(struct viommu *v, const struct viommu_cmd *cmd)
{
    u16 dids[VIOMMU_HOST_DIDS];
    if (cmd->granularity == VGRAN_GLOBAL) {
        append(v, HOST_IOTLB | HOST_G_GLOBAL | HOST_DRAIN, 0);
        return;
    }
    u32 count = viommu_host_domain_ids(v, cmd->did, dids, VIOMMU_HOST_DIDS);
    for (u32 i = 0; i < count; i++) {
        append(v, HOST_IOTLB | HOST_G_DOMAIN | HOST_DRAIN | (u64)dids[i] << 16, 0);
    }
}

/* The reach of a page-selective p_iotlb is at most the first stage's 57 bits. */
static void perform_pasid_iotlb(struct viommu *v, const struct viommu_cmd *cmd)
{
    enum { WIDEST_MASK = 57 - 12 };
    u16 dids[VIOMMU_HOST_DIDS];
    bool page = cmd->granularity == VGRAN_PAGE && cmd->addr_mask <= WIDEST_MASK;
    u64 block = page ? ~0ull << (12 + cmd->addr_mask) : 0;
    u64 word1 = page ? (cmd->addr & block) | (cmd->leaf_only ? 1u << 6 : 0) | cmd->addr_mask : 0;
    u64 word0 = HOST_PASID_IOTLB | (page ? HOST_G_PAGE : HOST_G_PASID) | (u64)cmd->pasid << 32;
    u32 count = viommu_host_domain_ids(v, cmd->did, dids, VIOMMU_HOST_DIDS);
    for (u32 i = 0; i < count; i++) {
        append(v, word0 | (u64)dids[i] << 16, word1);
    }
}

/*
 * The unit writes the status itself, into the partition's ordinary memory or nowhere.
 * An address "not routeable to memory" is undefined in VT-d 6.5.2.9: refused, visibly.
 */
static enum iqei perform_wait(struct viommu *v, const struct viommu_cmd *cmd)
{
    hpa_t at = {0};
    if (cmd->status_write &&
        !v->config.ops->ram(v->config.ctx, (gpa_t){cmd->status_addr}, STATUS_BYTES, &at)) {
        if (v->stats.queue_errors < LINES) {
            port_log(LOG_WARNING, "viommu: partition %u: wait status at 0x%llx is not its memory",
                     v->config.partition, (unsigned long long)cmd->status_addr);
        }
        return IQEI_RESERVED;
    }
    append(v, HOST_WAIT | (cmd->interrupt ? 1u << 4 : 0) | (cmd->status_write ? 1u << 5 : 0) |
                  (cmd->fence ? 1u << 6 : 0) | (u64)cmd->status_data << 32,
           at.v);
    v->stats.waits++;
    return IQEI_NONE;
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

static enum iqei perform(struct viommu *v, const struct viommu_cmd *cmd)
{
    bool tables = viommu_translating(v) && viommu_ttm_of(v->active_root) == TTM_SCALABLE;
    switch (cmd->kind) {
    case VCMD_WAIT:
        return perform_wait(v, cmd);
    case VCMD_NOTHING:
        return IQEI_NONE;
    case VCMD_CONTEXT_CACHE:
        v->stats.context_caches++;
        if (tables) {
            perform_context_cache(v, cmd);
        }
        return IQEI_NONE;
    case VCMD_PASID_CACHE:
        v->stats.pasid_caches++;
        if (tables) {
            perform_pasid_cache(v, cmd);
        }
        return IQEI_NONE;
    case VCMD_IOTLB:
        v->stats.iotlbs++;
        if (tables) {
            perform_iotlb(v, cmd);
        }
        return IQEI_NONE;
    case VCMD_PASID_IOTLB:
        v->stats.pasid_iotlbs++;
        if (tables && viommu_did_in_use(v, cmd->did)) {
            perform_pasid_iotlb(v, cmd);
        }
        return IQEI_NONE;
    }
    return IQEI_NONE;
}

static void advance(struct viommu *v)
{
    struct viommu_queue *q = &v->queue;
    q->fetch += q->wide ? 32 : 16;
    if (q->fetch >= q->bytes) {
        q->fetch = 0;
    }
    v->stats.descriptors++;
}

/*
 * Copies what lies between fetch and the tail, as far as the buffer and the page reach:
 * one look at guest memory for many descriptors. Each is copied once, whatever happens.
 */
static bool fetch_ahead(struct viommu *v)
{
    struct viommu_queue *q = &v->queue;
    if (q->fetch - q->ahead_from < q->ahead_bytes) {
        return true;
    }
    u32 tail = (u32)v->reg[VREG_IQT];
    u32 end = tail > q->fetch ? tail : q->bytes;
    u32 page_left = (u32)PAGE_SIZE - q->fetch % (u32)PAGE_SIZE;
    u32 bytes = end > q->fetch && end - q->fetch < page_left ? end - q->fetch : page_left;
    bytes = bytes < sizeof(q->ahead) ? bytes : (u32)sizeof(q->ahead);
    q->ahead_bytes = 0;
    if (!v->config.ops->read(v->config.ctx, (gpa_t){q->base + q->fetch}, q->ahead, bytes)) {
        return false;
    }
    q->ahead_from = q->fetch;
    q->ahead_bytes = bytes;
    return true;
}

/* Decodes the copy of the descriptor at fetch. */
static enum iqei fetch(struct viommu *v, struct viommu_cmd *cmd)
{
    const struct viommu_queue *q = &v->queue;
    const struct desc_rules rules = {.cap = v->cap, .ecap = v->ecap, .rtaddr = v->active_root,
                                     .haw = v->walk.haw, .wide = q->wide};
    u64 words[4] = {0, 0, 0, 0};
    enum iqei error = viommu_desc_check_mode(&rules);
    if (error != IQEI_NONE) {
        return error;
    }
    if (q->wide && (v->reg[VREG_IQT] & 0x10) != 0) {
        return IQEI_TAIL_ALIGN;
    }
    if (v->reg[VREG_IQT] >= q->bytes) {
        return IQEI_TAIL;
    }
    if (!fetch_ahead(v)) {
        return IQEI_FETCH;
    }
    for (u32 i = 0; i < (q->wide ? 4u : 2u); i++) {
        words[i] = q->ahead[(q->fetch - q->ahead_from) / 8 + i];
    }
    return viommu_desc_decode(&rules, words, cmd);
}

bool viommu_queue_run(struct viommu *v)
{
    struct viommu_queue *q = &v->queue;
    while (!stopped(v)) {
        if (q->scanning) {
            if (!viommu_scan_run(v)) {
                return true;
            }
            q->scanning = false;
            advance(v);
        }
        if (q->fetch == v->reg[VREG_IQT]) {
            break;
        }
        if (q->count + VIOMMU_HOST_DIDS > VIOMMU_BATCH && !flush(v)) {
            return true;
        }
        if (!viommu_spend(v, 1)) {
            (void)flush(v);
            return true;
        }
        struct viommu_cmd cmd;
        enum iqei error = fetch(v, &cmd);
        if (error == IQEI_NONE) {
            error = perform(v, &cmd);
        }
        if (error != IQEI_NONE) {
            if (!flush(v)) { /* the order of the guest's completions and its error is kept */
                return true;
            }
            stop_with(v, error);
            return false;
        }
        if (v->scan.kind != SCAN_IDLE) { /* earlier commands reach the unit before the scan's own */
            q->scanning = true;
            if (!flush(v)) {
                return true;
            }
        } else {
            advance(v);
        }
    }
    return !flush(v);
}
