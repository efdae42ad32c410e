/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The invalidation queue as a ring: when descriptors are fetched, and how it stops
 * (VT-d 6.5.2, 6.5.2.11). What a descriptor means is model_desc.c.
 */
#include "tests/model/model_internal.h"

enum iqei { IQEI_TAIL = 1, IQEI_FETCH = 2, IQEI_WIDTH = 5, IQEI_ALIGN = 6, IQEI_TTM = 7 };

static bool is_wide(const struct model_unit *unit)
{
    return (reg32(unit, REG_IQA) & (1u << 11)) != 0;
}

static void stop_with(struct model_unit *unit, unsigned info)
{
    uint64_t record = reg64(unit, REG_IQERCD) & ~0xfull;
    set_reg64(unit, REG_IQERCD, record | info);
    unit->counters.descriptors_bad++;
    fault_status_set(unit, FSTS_IQE);
}

/* Conditions that make every descriptor invalid (VT-d 11.4.9.9). */
static unsigned ring_error(const struct model_unit *unit, uint64_t tail, uint64_t ring_bytes)
{
    bool wide = is_wide(unit);
    unsigned mode = ttm(unit);
    if (mode == TTM_RESERVED || (mode == TTM_SCALABLE && !ecap(unit, ECAP_SMTS)) ||
        (mode == TTM_ABORT && !ecap(unit, ECAP_ADMS))) {
        return IQEI_TTM;
    }
    if (wide ? !ecap(unit, ECAP_SMTS) && !ecap(unit, ECAP_ADMS) : mode != TTM_LEGACY) {
        return IQEI_WIDTH;
    }
    if (wide && (tail & 0x10) != 0) {
        return IQEI_ALIGN;
    }
    return tail >= ring_bytes ? IQEI_TAIL : 0;
}

static bool may_fetch(const struct model_unit *unit)
{
    return (reg32(unit, REG_GSTS) & (1u << G_QIE)) != 0 &&
           (reg32(unit, REG_FSTS) & (FSTS_IQE | FSTS_ITE)) == 0 &&
           reg64(unit, REG_IQH) != reg64(unit, REG_IQT) && !unit->faults.queue_hang;
}

static void hang_countdown(struct model_unit *unit)
{
    if (unit->faults.hang_after > 0 && --unit->faults.hang_after == 0) {
        unit->faults.queue_hang = true;
    }
}

/*
 * A device-TLB time-out shows late: the descriptors that hardware has already fetched behind it are
 * performed, their waits dropped, up to the tail or a fence (VT-d 6.5.2.11).
 */
static void time_out(struct model_unit *unit)
{
    fault_status_set(unit, FSTS_ITE);
}

void queue_run(struct model_unit *unit)
{
    bool timed_out = false;
    bool fence = false;
    if (unit->in_queue) {
        return;
    }
    unit->in_queue = true;
    while (may_fetch(unit) && !(timed_out && fence)) {
        uint64_t w[4] = {0, 0, 0, 0};
        uint64_t iqa = reg64(unit, REG_IQA);
        uint64_t ring_bytes = 4096ull << field(iqa, 2, 0);
        uint64_t head = reg64(unit, REG_IQH);
        size_t size = is_wide(unit) ? 32 : 16;
        unsigned error = ring_error(unit, reg64(unit, REG_IQT), ring_bytes);
        if (error == 0 && !unit->ops.mem_read(unit->ops.ctx, (iqa & ~PAGE_OFFSET) + head, w,
                                              size)) {
            error = IQEI_FETCH;
        }
        if (error == 0 && unit->faults.refuses && field(w[0], 3, 0) != MODEL_DESC_WAIT) {
            error = IQEI_FETCH;
        }
        if (error == 0) {
            error = queue_perform(unit, w, &timed_out, timed_out, &fence);
        }
        if (error != 0) {
            stop_with(unit, error);
            break;
        }
        set_reg64(unit, REG_IQH, (head + size) % ring_bytes);
        hang_countdown(unit);
    }
    unit->in_queue = false;
    if (timed_out) {
        time_out(unit);
    }
}

void model_kick(struct model_unit *unit)
{
    if (unit->gcmd_is_pending && !unit->faults.gcmd_hang) {
        unit->gcmd_is_pending = false;
        set_reg32(unit, REG_GSTS, reg32(unit, REG_GSTS) & ~(1u << G_WBF));
        gcmd_perform(unit, unit->gcmd_pending);
    }
    if (!unit->faults.command_hang) {
        ccmd_written(unit);
        iotlb_written(unit);
    }
    queue_run(unit);
}
