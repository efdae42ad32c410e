/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The ring and its order: what is fetched, what waits for a scan, what is handed to the unit, where
 * the head stands, errors (VT-d 6.5.2). perform.c does what the descriptors say.
 */
#include "iommu/viommu/queue.h"

#include "iommu/base/limit.h"
#include "iommu/port.h"
#include "iommu/spec/caps.h"
#include "iommu/viommu/event.h"
#include "iommu/viommu/fault.h"
#include "iommu/viommu/host.h"
#include "iommu/viommu/irt.h"
#include "iommu/viommu/perform.h"
#include "iommu/viommu/scan.h"

void viommu_queue_reset(struct viommu *v)
{
    v->queue = (struct viommu_queue){.base = 0};
}

/* IQA may change whenever the queue is empty (VT-d 11.4.9.3). */
void viommu_queue_moved(struct viommu *v)
{
    u64 iqa = v->reg[VREG_IQA];
    v->queue.base = iqa & FIELD_MASK(IQA_IQA);
    v->queue.bytes = (u32)PAGE_SIZE << field_get(&iqa, IQA_QS);
    v->queue.wide = (iqa & IQA_DW) != 0;
    v->queue.ahead_bytes = 0;
}

/* Some guests write the tail before they enable the queue: viommu_queue_run() looks at IQT anyway. */
void viommu_queue_enable(struct viommu *v)
{
    viommu_queue_enable_at(v, 0);
}

void viommu_queue_enable_at(struct viommu *v, u32 head)
{
    viommu_queue_moved(v);
    v->queue.fetch = head;
    v->queue.done = head;
    v->reg[VREG_GSTS] |= GSTS_QIES;
}

/* Only a quiesced queue goes off (VT-d 6.5.2); one that stopped at an error stays on. */
void viommu_queue_disable(struct viommu *v)
{
    if (v->queue.fetch != v->reg[VREG_IQT]) {
        return;
    }
    v->queue.fetch = 0;
    v->queue.done = 0;
    v->reg[VREG_GSTS] &= ~(u64)GSTS_QIES;
}

static bool enabled(const struct viommu *v)
{
    return (v->reg[VREG_GSTS] & GSTS_QIES) != 0;
}

static bool stopped(const struct viommu *v)
{
    return !enabled(v) || v->queue.broken ||
           (v->faults.status & (FSTS_IQE | FSTS_ITE)) != 0;
}

void viommu_queue_count_doorbell(struct viommu *v)
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
        enum result r = viommu_host_post(v, v->batch, q->count);
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
    if (limit_due_at(++v->stats.queue_errors)) {
        port_log(LOG_WARNING, "viommu: partition %u: the guest's queue stops at 0x%llx: %s",
                 v->config.partition, v->queue.base + v->queue.fetch, texts[error]);
    }
    v->queue.ahead_bytes = 0; /* software repairs the entry, which is then fetched again */
    field_set(&v->reg[VREG_IQERCD], IQERCD_IQEI, error);
    viommu_fault_set_status(v, FSTS_IQE);
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
    bytes = least(bytes, sizeof(v->ahead));
    q->ahead_bytes = 0;
    if (!v->config.ops->read(v->config.ctx, (gpa_t){q->base + q->fetch}, v->ahead, bytes)) {
        return false;
    }
    q->ahead_from = q->fetch;
    q->ahead_bytes = bytes;
    return true;
}

static enum iqei check_registers(const struct viommu *v, const struct desc_rules *rules)
{
    enum iqei error = viommu_desc_check_mode(rules, v->ecap);
    if (error != IQEI_NONE) {
        return error;
    }
    /* The head, too: IQA may have made descriptors wider between two of the narrow ones. */
    if (((v->reg[VREG_IQT] | v->queue.fetch) & (viommu_desc_bytes(&v->queue) - 1)) != 0) {
        return IQEI_TAIL_ALIGN;
    }
    return v->reg[VREG_IQT] >= v->queue.bytes ? IQEI_TAIL : IQEI_NONE;
}

static struct perform_rules current_rules(struct viommu *v)
{
    struct perform_rules now = {
        .rules = {.cap = v->cap, .rtaddr = v->active_root,
                  .did_mask = v->did_mask, .haw = v->walk.haw, .wide = v->queue.wide},
        .tables = viommu_has_tables(v),
    };
    now.error = check_registers(v, &now.rules);
    return now;
}

/*
 * The scan's own descriptor is done when the scan is. Before guest tables are read the commands in front of it reach
 * the unit; what takes little time only needs a place in the batch for what follows from it.
 */
static bool finish_scan(struct viommu *v)
{
    bool in_batch = (v->irt.announced || v->scan.kind == SCAN_TABLES) && v->queue.count < VIOMMU_BATCH;
    if (!in_batch && !flush(v)) {
        return false;
    }
    if (v->done.waiting ? !viommu_event_came(v) : !viommu_scan_run(v) || !viommu_irt_run(v)) {
        (void)flush(v);
        return false;
    }
    v->queue.scanning = false;
    viommu_perform_advance(v, 1);
    return true;
}

/* As viommu_queue_run(). */
static bool run_commands(struct viommu *v)
{
    struct viommu_queue *q = &v->queue;
    const struct perform_rules rules = current_rules(v);
    if (q->broken) { /* its descriptor never completes, and commands must not wait for it */
        q->scanning = false;
    }
    while (!stopped(v)) {
        if (q->scanning && !finish_scan(v)) {
            return true;
        }
        if (q->fetch == v->reg[VREG_IQT]) {
            break;
        }
        if (q->count + VIOMMU_HOST_DIDS > VIOMMU_BATCH && !flush(v)) {
            return true;
        }
        if (v->budget == 0) {
            (void)flush(v);
            return true;
        }
        enum iqei error = rules.error;
        if (error == IQEI_NONE) {
            error = fetch_ahead(v) ? viommu_perform(v, &rules) : IQEI_FETCH;
        }
        if (error != IQEI_NONE) {
            if (!flush(v)) { /* the order of the guest's completions and its error is kept */
                return true;
            }
            stop_with(v, error);
            return false;
        }
    }
    return !flush(v);
}

bool viommu_queue_run(struct viommu *v)
{
    const struct viommu_queue *q = &v->queue;
    bool idle = q->fetch == v->reg[VREG_IQT] && q->done == q->fetch && q->count == 0 &&
                !q->scanning;
    return idle ? false : run_commands(v);
}
