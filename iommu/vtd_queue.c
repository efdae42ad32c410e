/*
 * The invalidation queue, VT-d 6.5. A batch is its descriptors and one wait
 * descriptor behind them; the unit writes the wait's number into the status page. The
 * guest's batches go into the same ring without a wait of ours.
 *
 *      IQH (unit fetches here)          IQT (we put here)
 *       |                                |
 *   ... [d][d][d][wait 7][guest's][guest's] ...
 */
#include "iommu/vtd_unit.h"

enum { TYPE_WAIT = 5, WAIT_SW = 1 << 5, WAIT_FN = 1 << 6 };
enum { STATUS_OURS = 0, STATUS_SCRATCH = 8 };

static volatile u32 *status_word(const struct vtd_unit *unit)
{
    return port_hpa_to_ptr((hpa_t){unit->status.v + STATUS_OURS});
}

static u64 *slot(const struct vtd_unit *unit, u32 index)
{
    u64 *ring = port_hpa_to_ptr(unit->queue);
    return ring + (size_t)index * unit->desc_words;
}

static u32 head(const struct vtd_unit *unit)
{
    return (u32)(vtd_read64(unit, VTD_IQH) / (unit->desc_words * 8)) % unit->queue_size;
}

static struct vtd_desc wait_desc(const struct vtd_unit *unit, u32 offset, u32 value)
{
    return (struct vtd_desc){
        {TYPE_WAIT | WAIT_SW | WAIT_FN | (u64)value << 32, unit->status.v + offset, 0, 0}};
}

static void put(struct vtd_unit *unit, const struct vtd_desc *d)
{
    u64 *to = slot(unit, unit->tail);
    for (u32 i = 0; i < unit->desc_words; i++) {
        to[i] = d->w[i];
    }
    unit->tail = (unit->tail + 1) % unit->queue_size;
}

static void ring_doorbell(const struct vtd_unit *unit)
{
    /* The ring is memory that the unit snoops, always; the stores must only come first. */
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    vtd_write64(unit, VTD_IQT, (u64)unit->tail * unit->desc_words * 8);
}

static u32 room(const struct vtd_unit *unit)
{
    u32 used = (unit->tail + unit->queue_size - head(unit)) % unit->queue_size;
    return unit->queue_size - 1 - used;
}

/* The unit refuses the descriptor at its head: a harmless one takes its place. */
static void recover_iqe(struct vtd_unit *unit)
{
    u32 at = head(unit);
    struct vtd_desc harmless = wait_desc(unit, STATUS_SCRATCH, 0);
    u64 *bad = slot(unit, at);
    port_log(LOG_ERROR, "unit %u: descriptor %u (0x%016llx 0x%016llx) refused, IQERCD 0x%llx",
             unit->info.index, at, (unsigned long long)bad[0], (unsigned long long)bad[1],
             (unsigned long long)vtd_read64(unit, VTD_IQERCD));
    for (u32 i = 0; i < unit->desc_words; i++) {
        bad[i] = harmless.w[i];
    }
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    vtd_write32(unit, VTD_FSTS, FSTS_IQE);
}

/*
 * A device did not answer in time: waits that were fetched are dropped without their
 * status write. Ours is the only wait we look at; it is put again.
 */
static void recover_ite(struct vtd_unit *unit)
{
    struct vtd_desc wait = wait_desc(unit, STATUS_OURS, unit->sequence);
    port_log(LOG_ERROR, "unit %u: a device-TLB invalidation timed out, IQERCD 0x%llx",
             unit->info.index, (unsigned long long)vtd_read64(unit, VTD_IQERCD));
    if (head(unit) == unit->tail) {
        put(unit, &wait);
    }
    vtd_write32(unit, VTD_FSTS, FSTS_ITE);
    ring_doorbell(unit);
}

static enum result recover(struct vtd_unit *unit)
{
    u32 fsts = vtd_read32(unit, VTD_FSTS);
    if ((fsts & FSTS_ICE) != 0) {
        port_log(LOG_WARNING, "unit %u: unexpected device-TLB completion, IQERCD 0x%llx",
                 unit->info.index, (unsigned long long)vtd_read64(unit, VTD_IQERCD));
        vtd_write32(unit, VTD_FSTS, FSTS_ICE);
    }
    if ((fsts & FSTS_IQE) != 0) {
        recover_iqe(unit);
        return ERR_QUEUE;
    }
    if ((fsts & FSTS_ITE) != 0) {
        recover_ite(unit);
        return ERR_QUEUE;
    }
    return OK;
}

static enum result time_out(struct vtd_unit *unit)
{
    unit->queue_dead = true;
    port_log(LOG_ERROR, "unit %u: the invalidation queue hangs (IQH 0x%llx, IQT 0x%llx, FSTS 0x%x)",
             unit->info.index, (unsigned long long)vtd_read64(unit, VTD_IQH),
             (unsigned long long)vtd_read64(unit, VTD_IQT), vtd_read32(unit, VTD_FSTS));
    return ERR_TIMEOUT;
}

/* Each refused descriptor costs one round, so the rounds are bounded by the ring. */
static enum result wait_done(struct vtd_unit *unit)
{
    enum result result = OK;
    u64 end = port_now_us() + VTD_TIMEOUT_US;
    while (*status_word(unit) != unit->sequence) {
        enum result r = recover(unit);
        result = r != OK ? r : result;
        if (port_now_us() > end) {
            return time_out(unit);
        }
        port_relax();
    }
    return result;
}

static enum result wait_room(struct vtd_unit *unit, u32 count)
{
    u64 end = port_now_us() + VTD_TIMEOUT_US;
    while (room(unit) < count) {
        (void)recover(unit); /* of an earlier batch that nobody waits for; it has been said */
        if (port_now_us() > end) {
            return time_out(unit);
        }
        port_relax();
    }
    return OK;
}

/* At most half a ring at a time, so that a longer batch is several with a wait each. */
static enum result run_part(struct vtd_unit *unit, const struct vtd_desc *descs, u32 count)
{
    enum result r = wait_room(unit, count + 1);
    if (r != OK) {
        return r;
    }
    for (u32 i = 0; i < count; i++) {
        put(unit, &descs[i]);
    }
    unit->sequence++;
    struct vtd_desc wait = wait_desc(unit, STATUS_OURS, unit->sequence);
    put(unit, &wait);
    ring_doorbell(unit);
    return wait_done(unit);
}

enum result vtd_queue_run(struct vtd_unit *unit, const struct vtd_desc *descs, u32 count)
{
    enum result result = OK;
    if (unit->queue_dead || unit->queue.v == 0) {
        return ERR_TIMEOUT;
    }
    for (u32 done = 0; done < count;) {
        u32 left = count - done, part = left < unit->queue_size / 2 ? left : unit->queue_size / 2;
        enum result r = run_part(unit, descs + done, part);
        if (r == ERR_TIMEOUT) {
            return r;
        }
        result = r != OK ? r : result;
        done += part;
    }
    return result;
}

enum result vtd_queue_submit(struct vtd_unit *unit, const struct vtd_desc *descs, u32 count)
{
    spin_lock(&unit->lock);
    enum result r = vtd_queue_run(unit, descs, count);
    spin_unlock(&unit->lock);
    return r;
}

/* Two slots stay free for a wait of ours and the gap that tells full from empty. */
enum result vtd_queue_post(struct vtd_unit *unit, const struct vtd_desc *descs, u32 count)
{
    enum result r = unit->queue_dead ? ERR_TIMEOUT : OK;
    spin_lock(&unit->lock);
    if (r == OK && room(unit) < count + 2) {
        (void)recover(unit);
        r = ERR_BUSY;
    }
    for (u32 i = 0; r == OK && i < count; i++) {
        put(unit, &descs[i]);
    }
    if (r == OK && count != 0) {
        ring_doorbell(unit);
    }
    spin_unlock(&unit->lock);
    return r;
}

/* A queue that firmware left on: it may stop only when empty (VT-d 6.5.2). */
enum result vtd_queue_stop(struct vtd_unit *unit)
{
    if ((vtd_read32(unit, VTD_GSTS) & GCMD_QIE) == 0) {
        return OK;
    }
    u64 end = port_now_us() + VTD_TIMEOUT_US;
    while (vtd_read64(unit, VTD_IQH) != vtd_read64(unit, VTD_IQT)) {
        if ((vtd_read32(unit, VTD_FSTS) & (FSTS_IQE | FSTS_ITE)) != 0) {
            /* Firmware's leftover is broken. What it asked for is repeated globally later. */
            break;
        }
        if (port_now_us() > end) {
            return time_out(unit);
        }
        port_relax();
    }
    return vtd_gcmd_set(unit, GCMD_QIE, false);
}

enum result vtd_queue_start(struct vtd_unit *unit)
{
    bool wide = vtd_ecap_get(unit->info.ecap, VTD_ECAP_SMTS) != 0;
    u32 bytes = (u32)PAGE_SIZE << VTD_QUEUE_ORDER;
    if (unit->queue.v == 0) {
        enum result r = port_pages_alloc(1u << VTD_QUEUE_ORDER, &unit->queue);
        if (r != OK) {
            unit->queue.v = 0;
            return r;
        }
        r = port_pages_alloc(1, &unit->status);
        if (r != OK) {
            port_pages_free(unit->queue, 1u << VTD_QUEUE_ORDER);
            unit->queue.v = 0;
            return r;
        }
    }
    unit->desc_words = wide ? 4 : 2;
    unit->queue_size = bytes / (unit->desc_words * 8);
    unit->tail = 0;
    vtd_write32(unit, VTD_FSTS, FSTS_IQE | FSTS_ITE | FSTS_ICE);
    vtd_write64(unit, VTD_IQT, 0);
    vtd_write64(unit, VTD_IQA, unit->queue.v | (wide ? IQA_DW : 0) | VTD_QUEUE_ORDER);
    return vtd_gcmd_set(unit, GCMD_QIE, true);
}
