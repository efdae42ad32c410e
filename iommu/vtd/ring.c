/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The ring of the invalidation queue, VT-d 6.5: places in it, which counts as descriptors, and the doorbell. It has a
 * power of two of them. Built for speed: every command of a guest's goes through here.
 */
#include "iommu/vtd/state.h"

u64 *vtd_ring_slot(const struct vtd_unit *unit, u32 index)
{
    u64 *ring = port_hpa_to_ptr(unit->queue);
    return ring + (size_t)index * unit->desc_words;
}

u32 vtd_ring_head(const struct vtd_unit *unit)
{
    return (u32)(vtd_regs_read64(unit, VTD_IQH) / (unit->desc_words * 8)) & (unit->queue_size - 1);
}

u32 vtd_ring_distance(const struct vtd_unit *unit, u32 from, u32 to)
{
    return (to - from) & (unit->queue_size - 1);
}

static bool has_room_now(const struct vtd_unit *unit, u32 count)
{
    return unit->queue_size - vtd_ring_distance(unit, unit->head, unit->tail) >= count;
}

void vtd_ring_look(struct vtd_unit *unit)
{
    u32 head = vtd_ring_head(unit);
    unit->passed += vtd_ring_distance(unit, unit->head, head);
    unit->head = head;
}

/*
 * The head only moves on, so the one read last is good as long as it leaves room. Without room it is read again: never
 * more than a lap lies between two looks.
 */
bool vtd_ring_has_room(struct vtd_unit *unit, u32 count)
{
    if (has_room_now(unit, count)) {
        return true;
    }
    vtd_ring_look(unit);
    return has_room_now(unit, count);
}

/* Words 2 and 3 have no place in a ring of short descriptors. */
void vtd_ring_put(struct vtd_unit *unit, const struct vtd_desc *d, u32 count)
{
    while (count != 0) {
        u64 *to = vtd_ring_slot(unit, unit->tail);
        u32 part = least(count, unit->queue_size - unit->tail);
        if (unit->desc_words == ARRAY_LEN(d->w)) {
            __builtin_memcpy(to, d, part * sizeof(*d));
        } else {
            for (u32 i = 0; i < part; i++) {
                to[2 * i] = d[i].w[0];
                to[2 * i + 1] = d[i].w[1];
            }
        }
        unit->tail = (unit->tail + part) & (unit->queue_size - 1);
        d += part;
        count -= part;
    }
}

void vtd_ring_doorbell(const struct vtd_unit *unit)
{
    /* The ring is memory that the unit snoops, always; the stores must only come first. */
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    vtd_regs_write64(unit, VTD_IQT, (u64)unit->tail * unit->desc_words * 8);
}

enum result vtd_ring_post(struct vtd_unit *unit, const struct vtd_desc *d, u32 count, u32 spare)
{
    if (!vtd_ring_has_room(unit, count + spare)) {
        return ERR_BUSY;
    }
    if (count != 0) {
        vtd_ring_put(unit, d, count);
        vtd_ring_doorbell(unit);
    }
    return OK;
}
