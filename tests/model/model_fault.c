/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fault records and the three event interrupts (VT-d 7.2, 7.3, 6.5.2.10, 7.5).
 *
 * Merging: off unless config.merge_faults; then a fault whose source-id already has a
 * record with F=1 is dropped, as VT-d 7.2.1 permits.
 */
#include "tests/model/model_internal.h"

enum { EVENT_CONTROL = 0, EVENT_DATA = 4, EVENT_ADDR = 8, EVENT_UADDR = 12 };
#define EVENT_IM (1u << 31)
#define EVENT_IP (1u << 30)

unsigned fault_record_count(const struct model_unit *unit)
{
    return (unsigned)field(unit->config.cap, 47, 40) + 1;
}

unsigned fault_record_offset(const struct model_unit *unit, unsigned index)
{
    return ((unsigned)field(unit->config.cap, 33, 24) + index) * 16;
}

/* --- events --- */

static void event_send(struct model_unit *unit, unsigned control_offset)
{
    uint64_t addr = (uint64_t)reg32(unit, control_offset + EVENT_UADDR) << 32 |
                    reg32(unit, control_offset + EVENT_ADDR);
    set_reg32(unit, control_offset, reg32(unit, control_offset) & ~EVENT_IP);
    unit->counters.interrupts++;
    if (unit->ops.interrupt != NULL) {
        unit->ops.interrupt(unit->ops.ctx, addr, reg32(unit, control_offset + EVENT_DATA));
    }
}

void event_raise(struct model_unit *unit, unsigned control_offset)
{
    uint32_t control = reg32(unit, control_offset) | EVENT_IP;
    set_reg32(unit, control_offset, control);
    if ((control & EVENT_IM) == 0) {
        event_send(unit, control_offset);
    }
}

void event_unmasked(struct model_unit *unit, unsigned control_offset)
{
    uint32_t control = reg32(unit, control_offset);
    if ((control & EVENT_IP) != 0 && (control & EVENT_IM) == 0) {
        event_send(unit, control_offset);
    }
}

void event_withdraw(struct model_unit *unit, unsigned control_offset)
{
    set_reg32(unit, control_offset, reg32(unit, control_offset) & ~EVENT_IP);
}

/* --- status --- */

/* PPF is not stored: it is the OR of all F (VT-d 7.2.1). */
static bool any_record_pending(const struct model_unit *unit)
{
    for (unsigned i = 0; i < fault_record_count(unit); i++) {
        if ((reg32(unit, fault_record_offset(unit, i) + 12) & (1u << 31)) != 0) {
            return true;
        }
    }
    return false;
}

bool fault_pending(const struct model_unit *unit)
{
    const uint32_t stored = FSTS_PFO | FSTS_IQE | FSTS_ICE | FSTS_ITE;
    return (reg32(unit, REG_FSTS) & stored) != 0 || any_record_pending(unit);
}

/* Called after software cleared something: if nothing is left, IP is cleared (VT-d 7.3). */
void fault_serviced(struct model_unit *unit)
{
    uint32_t status = reg32(unit, REG_FSTS) & ~(uint32_t)FSTS_PPF;
    set_reg32(unit, REG_FSTS, status | (any_record_pending(unit) ? FSTS_PPF : 0));
    if (!fault_pending(unit)) {
        event_withdraw(unit, REG_FECTL);
    }
}

void fault_status_set(struct model_unit *unit, uint32_t status_bits)
{
    bool was_pending = fault_pending(unit);
    set_reg32(unit, REG_FSTS, reg32(unit, REG_FSTS) | status_bits);
    if (!was_pending) {
        event_raise(unit, REG_FECTL);
    }
}

/* --- records --- */

static bool source_is_pending(const struct model_unit *unit, uint16_t sid)
{
    for (unsigned i = 0; i < fault_record_count(unit); i++) {
        unsigned offset = fault_record_offset(unit, i);
        if ((reg32(unit, offset + 12) & (1u << 31)) != 0 &&
            (reg32(unit, offset + 8) & 0xffff) == sid) {
            return true;
        }
    }
    return false;
}

static uint64_t record_high(const struct walk *walk)
{
    const struct model_unit *unit = walk->unit;
    const struct model_request *request = walk->request;
    bool read = walk->want_read || request->at == MODEL_TRANSLATION;
    bool t1 = !walk->page_request && read;
    bool t2 = walk->page_request || (read && walk->want_write);
    uint64_t high = 0;
    high |= t1 ? BIT(62) : 0;
    high |= t2 ? BIT(28) : 0;
    if (ecap(unit, ECAP_DT) && !walk->page_request) {
        high |= (uint64_t)request->at << 60;
    }
    if (ecap(unit, ECAP_PASID) && request->has_pasid) {
        high |= BIT(31) | (uint64_t)(request->pasid & 0xfffff) << 40;
        high |= request->priv ? BIT(29) : 0;
        high |= request->exec && t1 && !t2 ? BIT(30) : 0;
    }
    return high;
}

void fault_store(struct model_unit *unit, uint16_t sid, uint64_t low, uint64_t high, unsigned reason,
                 bool suppressed)
{
    unit->counters.last_reason = reason;
    unit->counters.by_reason[reason & 0xff]++;
    if (suppressed) {
        unit->counters.faults_suppressed++;
        return;
    }
    if ((reg32(unit, REG_FSTS) & FSTS_PFO) != 0) {
        unit->counters.faults_lost++;
        return;
    }
    if (unit->config.merge_faults && source_is_pending(unit, sid)) {
        unit->counters.faults_merged++;
        return;
    }
    unsigned offset = fault_record_offset(unit, unit->fault_index);
    if ((reg32(unit, offset + 12) & (1u << 31)) != 0) {
        unit->counters.faults_lost++;
        fault_status_set(unit, FSTS_PFO);
        return;
    }
    bool was_pending = fault_pending(unit);
    bool had_record = (reg32(unit, REG_FSTS) & FSTS_PPF) != 0;
    set_reg64(unit, offset, low);
    set_reg64(unit, offset + 8, high | sid | (uint64_t)reason << 32 | BIT(63));
    if (!had_record) {
        uint32_t status = reg32(unit, REG_FSTS) & ~0xff00u;
        set_reg32(unit, REG_FSTS, status | FSTS_PPF | unit->fault_index << 8);
    }
    unit->fault_index = (unit->fault_index + 1) % fault_record_count(unit);
    if (!was_pending) {
        event_raise(unit, REG_FECTL);
    }
}

void fault_record(struct walk *walk, unsigned reason)
{
    fault_store(walk->unit, walk->request->sid, walk->addr & ~PAGE_OFFSET, record_high(walk), reason,
                reason_is_qualified(reason) && walk->fpd);
}
