/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The invalidation queue, VT-d 6.5. A batch is its descriptors and one wait
 * descriptor behind them; the unit writes the wait's number into the unit's own page. The
 * guest's batches go into the same ring (ring.c) without a wait of ours.
 *
 *      IQH (unit fetches here)          IQT (we put here)
 *       |                                |
 *   ... [d][d][d][wait 7][guest's][guest's] ...
 *
 * A refused descriptor (IQE) is overwritten with a harmless wait, so all others are done. A device that
 * does not answer (ITE) costs the waits that were fetched: nothing of a guest is in flight when a device
 * TLB is invalidated, and that part of the batch is done again.
 */
#include "iommu/vtd/state.h"

enum { SPARE = 3 }; /* our wait, its repetition after ITE, the gap that tells full from empty */

static volatile u32 *status_word(struct vtd_unit *unit)
{
    return &unit->status[0];
}

static struct vtd_desc wait_desc(const struct vtd_unit *unit, u32 word, u32 value)
{
    u64 at = unit->self.v + offsetof(struct vtd_unit, status) + word * sizeof(u32);
    return vtd_desc_wait(field_put(DESC_WAIT_SW, 1) | field_put(DESC_WAIT_FN, 1), value, at);
}

/* Its status goes to a word that nobody reads. */
static struct vtd_desc harmless_desc(const struct vtd_unit *unit)
{
    return wait_desc(unit, 1, 0);
}

static enum result dead(struct vtd_unit *unit)
{
    if (unit->queue_dead) {
        return ERR_TIMEOUT;
    }
    unit->queue_dead = true;
    port_log(LOG_ERROR, "unit %u: the invalidation queue hangs (IQH 0x%llx, IQT 0x%llx, FSTS 0x%x)",
             unit->info.index, vtd_regs_read64(unit, VTD_IQH), vtd_regs_read64(unit, VTD_IQT),
             vtd_regs_read32(unit, VTD_FSTS));
    return ERR_TIMEOUT;
}

/* Handles IQE: ERR_QUEUE when a descriptor at or behind slot `first` was refused. */
static enum result recover_iqe(struct vtd_unit *unit, u32 first)
{
    u32 at = vtd_ring_head(unit);
    struct vtd_desc harmless = harmless_desc(unit);
    u64 *bad = vtd_ring_slot(unit, at);
    if (bad[0] == harmless.w[0] && bad[1] == harmless.w[1]) {
        return dead(unit); /* the unit objects to something else than the descriptor */
    }
    if (limit_due(&unit->refused_lines)) {
        port_log(LOG_ERROR, "unit %u: descriptor %u (0x%016llx 0x%016llx) refused, IQERCD 0x%llx (%llu times)",
                 unit->info.index, at, bad[0], bad[1], vtd_regs_read64(unit, VTD_IQERCD), unit->refused_lines.count);
    }
    for (u32 i = 0; i < unit->desc_words; i++) {
        bad[i] = harmless.w[i];
    }
    bool ours = vtd_ring_distance(unit, first, at) < vtd_ring_distance(unit, first, unit->tail);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    vtd_regs_write32(unit, VTD_FSTS, FSTS_IQE);
    return ours ? ERR_QUEUE : OK;
}

/* Handles ITE. Waits that were fetched are dropped without their status write: ours is put once more. */
static enum result recover_ite(struct vtd_unit *unit)
{
    struct vtd_desc wait = wait_desc(unit, 0, unit->sequence);
    if (limit_due(&unit->refused_lines)) {
        port_log(LOG_ERROR, "unit %u: a device-TLB invalidation timed out, IQERCD 0x%llx", unit->info.index,
                 vtd_regs_read64(unit, VTD_IQERCD));
    }
    vtd_regs_write32(unit, VTD_FSTS, FSTS_ITE);
    if (vtd_ring_has_room(unit, 2)) {
        vtd_ring_put(unit, &wait, 1);
        vtd_ring_doorbell(unit);
    }
    return ERR_QUEUE;
}

/* Handles the error bits of FSTS. */
static enum result recover(struct vtd_unit *unit, u32 first, bool *timed_out)
{
    u32 fsts = vtd_regs_read32(unit, VTD_FSTS);
    if (vtd_regs_are_gone(unit, fsts)) {
        return dead(unit);
    }
    if ((fsts & FSTS_ICE) != 0) {
        if (limit_due(&unit->refused_lines)) {
            port_log(LOG_WARNING, "unit %u: unexpected device-TLB completion, IQERCD 0x%llx", unit->info.index,
                     vtd_regs_read64(unit, VTD_IQERCD));
        }
        vtd_regs_write32(unit, VTD_FSTS, FSTS_ICE);
    }
    if ((fsts & FSTS_IQE) != 0) {
        return recover_iqe(unit, first);
    }
    if ((fsts & FSTS_ITE) != 0) {
        *timed_out = true;
        return recover_ite(unit);
    }
    return OK;
}

/* Each refused descriptor costs one round, so the rounds are bounded by the ring. */
static enum result wait_done(struct vtd_unit *unit, u32 first, bool *timed_out)
{
    enum result result = OK;
    u64 end = port_now_us() + VTD_TIMEOUT_US;
    for (;;) {
        bool late = port_now_us() > end;
        if (*status_word(unit) == unit->sequence) {
            return result;
        }
        enum result r = recover(unit, first, timed_out);
        result = r != OK ? r : result;
        if (r == ERR_TIMEOUT || late) {
            return dead(unit);
        }
        port_relax();
    }
}

static enum result wait_room(struct vtd_unit *unit, u32 count)
{
    bool timed_out;
    u64 end = port_now_us() + VTD_TIMEOUT_US;
    for (;;) {
        bool late = port_now_us() > end;
        if (vtd_ring_has_room(unit, count + SPARE)) {
            return OK;
        }
        if (recover(unit, unit->tail, &timed_out) == ERR_TIMEOUT || late) {
            return dead(unit);
        }
        port_relax();
    }
}

static enum result run_part(struct vtd_unit *unit, const struct vtd_desc *descs, u32 count,
                            bool *timed_out)
{
    enum result r = wait_room(unit, count);
    u32 first = unit->tail;
    if (r != OK) {
        return r;
    }
    vtd_ring_put(unit, descs, count);
    unit->sequence++;
    struct vtd_desc wait = wait_desc(unit, 0, unit->sequence);
    vtd_ring_put(unit, &wait, 1);
    vtd_ring_doorbell(unit);
    return wait_done(unit, first, timed_out);
}

static bool is_device_tlb(const struct vtd_desc *d)
{
    u64 type = d->w[0] & (field_mask(DESC_TYPE) | field_mask(DESC_TYPE_HIGH));
    return type == DESC_DEVICE_TLB || type == DESC_PASID_DEVICE_TLB;
}

static u32 first_device_tlb(const struct vtd_desc *descs, u32 count)
{
    u32 i = 0;
    while (i < count && !is_device_tlb(&descs[i])) {
        i++;
    }
    return i;
}

/*
 * After a time-out nothing from the oldest device-TLB invalidation on is known to be done
 * (VT-d 6.5.2.11). One by one, so that only the device that is mute is left out.
 */
static enum result run_again(struct vtd_unit *unit, const struct vtd_desc *descs, u32 count)
{
    for (u32 i = 0; i < count; i++) {
        bool timed_out = false;
        if (run_part(unit, &descs[i], 1, &timed_out) == ERR_TIMEOUT) {
            return ERR_TIMEOUT;
        }
    }
    return ERR_QUEUE;
}

/* A part with device-TLB invalidations begins on an empty ring: no guest's wait can be lost. */
static enum result run_whole(struct vtd_unit *unit, const struct vtd_desc *descs, u32 count)
{
    bool timed_out = false;
    u32 from = first_device_tlb(descs, count);
    enum result r = from < count ? run_part(unit, NULL, 0, &timed_out) : OK;
    if (r == ERR_TIMEOUT) {
        return r;
    }
    timed_out = false;
    r = run_part(unit, descs, count, &timed_out);
    return timed_out && r != ERR_TIMEOUT ? run_again(unit, descs + from, count - from) : r;
}

/* A ring of short descriptors has no place for the upper half. */
static bool are_short(const struct vtd_unit *unit, const struct vtd_desc *descs, u32 count)
{
    for (u32 i = 0; i < count; i++) {
        if ((descs[i].w[2] | descs[i].w[3]) != 0) {
            port_log(LOG_ERROR, "unit %u: a 256-bit descriptor on a queue of 128 bits",
                     unit->info.index);
            return false;
        }
    }
    return true;
}

static inline __attribute__((always_inline)) bool fits_width(const struct vtd_unit *unit,
                                                             const struct vtd_desc *descs, u32 count)
{
    return unit->desc_words != 2 || are_short(unit, descs, count);
}

u32 vtd_queue_everything(const struct vtd_unit *unit, struct vtd_desc batch[static 3])
{
    const u64 words[] = {vtd_desc_context_global().w[0],
                         vtd_is_scalable(unit) ? vtd_desc_pasid_cache_global().w[0] : 0, vtd_desc_iotlb_global().w[0]};
    u32 n = 0;
    for (u32 i = 0; i < ARRAY_LEN(words); i++) {
        if (words[i] != 0) {
            batch[n++] = (struct vtd_desc){{words[i]}};
        }
    }
    return n;
}

/*
 * A queue that hung is used again when the unit has fetched all that stands in it. Nobody waited for that, and changes
 * went without invalidations meanwhile: so everything is invalidated first.
 */
static not_inlined bool is_back(struct vtd_unit *unit)
{
    struct vtd_desc batch[3];
    u32 fsts = vtd_regs_read32(unit, VTD_FSTS);
    if (vtd_regs_are_gone(unit, fsts)) {
        return false;
    }
    if ((fsts & (FSTS_IQE | FSTS_ITE)) != 0) {
        vtd_regs_write32(unit, VTD_FSTS, fsts & (FSTS_IQE | FSTS_ITE));
    }
    if (vtd_ring_head(unit) != unit->tail) {
        return false;
    }
    unit->queue_dead = false;
    bool done = run_whole(unit, batch, vtd_queue_everything(unit, batch)) == OK;
    unit->queue_dead = !done;
    port_log(LOG_WARNING, "unit %u: the invalidation queue is back%s", unit->info.index,
             done ? "" : ", and hangs again");
    return done;
}

/* Whether there is a queue to use. */
static inline __attribute__((always_inline)) bool is_usable(struct vtd_unit *unit)
{
    return unit->queue_size != 0 && (!unit->queue_dead || is_back(unit));
}

void vtd_queue_poll(struct vtd_unit *unit)
{
    bool timed_out;
    if (is_usable(unit)) {
        (void)recover(unit, unit->tail, &timed_out); /* has said what there is to say */
    }
}

/* At most half a ring at a time, so that a longer batch is several with a wait each. */
enum result vtd_queue_run(struct vtd_unit *unit, const struct vtd_desc *descs, u32 count)
{
    enum result result = OK;
    if (!is_usable(unit)) {
        return ERR_TIMEOUT;
    }
    if (!fits_width(unit, descs, count)) {
        return ERR_INVALID;
    }
    for (u32 done = 0; done < count;) {
        u32 left = count - done, part = left < unit->queue_size / 2 ? left : unit->queue_size / 2;
        enum result r = run_whole(unit, descs + done, part);
        if (r == ERR_TIMEOUT) {
            return r;
        }
        result = r != OK ? r : result;
        done += part;
    }
    return result;
}

/*
 * The rest is full. What was put into the reserve before is done once the head has passed it. Without vtd_ring_post(),
 * which so has one caller, and is inlined there.
 */
static not_inlined enum result post_to_reserve(struct vtd_unit *unit, const struct vtd_desc *descs, u32 count,
                                               struct vtd_share *share)
{
    vtd_queue_poll(unit); /* if it had stopped, the next try finds it running */
    if (unit->reserve == 0) {
        return ERR_BUSY;
    }
    vtd_ring_look(unit);
    if (share->used && share->end - unit->passed - 1 < unit->queue_size) {
        return ERR_BUSY;
    }
    share->used = vtd_ring_has_room(unit, count + SPARE);
    if (!share->used) {
        return ERR_BUSY;
    }
    vtd_ring_put(unit, descs, count);
    vtd_ring_doorbell(unit);
    share->end = unit->passed + vtd_ring_distance(unit, unit->head, unit->tail);
    return OK;
}

static enum result post(struct vtd_unit *unit, const struct vtd_desc *descs, u32 count, struct vtd_share *share)
{
    if (!is_usable(unit)) {
        return ERR_TIMEOUT;
    }
    if (!fits_width(unit, descs, count)) {
        return ERR_INVALID;
    }
    enum result r = vtd_ring_post(unit, descs, count, unit->reserve + SPARE);
    return r == ERR_BUSY ? post_to_reserve(unit, descs, count, share) : r;
}

enum result vtd_queue_post(struct vtd_unit *unit, const struct vtd_desc *descs, u32 count, struct vtd_share *share)
{
    spin_lock(&unit->lock);
    enum result r = post(unit, descs, count, share);
    spin_unlock(&unit->lock);
    return r;
}

static bool is_empty(const struct vtd_unit *unit)
{
    u64 at = vtd_regs_read64(unit, VTD_IQH);
    return at != ~0ull && at == vtd_regs_read64(unit, VTD_IQT);
}

/*
 * A queue that stopped at an error is dropped: what it asked for is repeated globally. Its tail
 * goes to where it stands, so that it is empty, as it has to be (VT-d 6.5.2).
 */
static void drop_rest(const struct vtd_unit *unit, u32 fsts)
{
    u32 errors = fsts & (FSTS_IQE | FSTS_ITE);
    if (errors != 0) {
        vtd_regs_write64(unit, VTD_IQT, vtd_regs_read64(unit, VTD_IQH));
        vtd_regs_write32(unit, VTD_FSTS, errors);
    }
}

static enum result drain(struct vtd_unit *unit)
{
    u64 end = port_now_us() + (unit->queue_dead ? 0 : VTD_TIMEOUT_US);
    for (;;) {
        bool late = port_now_us() > end;
        u32 fsts = vtd_regs_read32(unit, VTD_FSTS);
        if (vtd_regs_are_gone(unit, fsts)) {
            return dead(unit);
        }
        drop_rest(unit, fsts);
        if (is_empty(unit)) {
            return OK;
        }
        if (late) {
            return dead(unit);
        }
        port_relax();
    }
}

/*
 * A queue may be turned off only behind a wait (VT-d 6.5.2), even one that was never used or is
 * firmware's: its ring is where IQA says, and it is empty.
 */
static enum result end_with_wait(struct vtd_unit *unit)
{
    u64 iqa = vtd_regs_read64(unit, VTD_IQA);
    if (iqa == ~0ull) {
        return dead(unit); /* gone since it was looked at: that is no address to write to */
    }
    u64 step = (iqa & IQA_DW) != 0 ? sizeof(struct vtd_desc) : sizeof(struct vtd_desc) / 2;
    u64 bytes = PAGE_SIZE << (iqa & 7);
    u64 tail = vtd_regs_read64(unit, VTD_IQT) % bytes;
    struct vtd_desc wait = harmless_desc(unit);
    u64 *to = port_hpa_to_ptr((hpa_t){(iqa & ~PAGE_MASK) + tail});
    for (u32 i = 0; i < step / sizeof(u64); i++) {
        to[i] = wait.w[i];
    }
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    vtd_regs_write64(unit, VTD_IQT, (tail + step) % bytes);
    return OK;
}

enum result vtd_queue_stop(struct vtd_unit *unit)
{
    bool ours = unit->queue_used;
    enum result r = OK;
    if ((vtd_regs_read32(unit, VTD_GSTS) & GSTS_QIES) != 0) {
        r = drain(unit);
        r = r == OK ? end_with_wait(unit) : r;
        r = r == OK ? drain(unit) : r;
        /* Of ours, which nobody needs any more, it is tried even if it hangs. */
        r = r == OK || ours ? vtd_regs_switch(unit, GCMD_QIE, false) : r;
    }
    unit->queue_dead = ours && unit->queue_dead;
    if (r == OK) {
        unit->queue_size = 0;
        unit->queue_used = unit->queue_dead = false;
    }
    return r;
}

/* With QIES = 1 and an empty queue: nothing is fetched yet, and QEMU's unit shows an address only from then on. */
static enum result check_address(struct vtd_unit *unit, u64 iqa)
{
    u64 held = vtd_regs_read64(unit, VTD_IQA);
    if (held == iqa) {
        return OK;
    }
    port_log(LOG_ERROR, "unit %u: IQA holds 0x%llx of 0x%llx, so its queue cannot be used", unit->info.index, held,
             iqa);
    enum result r = vtd_regs_switch(unit, GCMD_QIE, false);
    unit->queue_used = r != OK;
    return ERR_INVALID;
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
    }
    vtd_regs_write32(unit, VTD_FSTS, FSTS_IQE | FSTS_ITE | FSTS_ICE);
    vtd_regs_write64(unit, VTD_IQT, 0);
    u64 iqa = unit->queue.v | (wide ? IQA_DW : 0) | VTD_QUEUE_ORDER;
    vtd_regs_write64(unit, VTD_IQA, iqa);
    unit->queue_used = true;
    enum result r = vtd_regs_switch(unit, GCMD_QIE, true);
    r = r == OK ? check_address(unit, iqa) : r;
    if (r == OK) {
        unit->desc_words = wide ? 4 : 2;
        unit->queue_size = bytes / (unit->desc_words * 8);
        unit->tail = 0;
        unit->head = 0;
        unit->queue_dead = false;
    }
    return r;
}
