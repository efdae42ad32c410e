/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Interrupt remapping (VT-d chapter 5): what becomes of a DWORD write to FEEx_xxxxh, whether a
 * device, an I/O APIC or an HPET sends it. The entry cache, like the other caches, forgets nothing
 * by itself. Where the text leaves a choice: the source is verified before the rest of an entry is
 * judged, in the order of 5.1.4; an index mask above ECAP.MHMV reaches only 2^MHMV entries.
 */
#include "tests/model/model_internal.h"

#include <stdlib.h>
#include <string.h>

enum reason_ir {
    IR_FORMAT = 0x20, IR_INDEX = 0x21, IR_NOT_PRESENT = 0x22, IR_ACCESS = 0x23, IR_RESERVED = 0x24,
    IR_COMPATIBILITY = 0x25, IR_SOURCE = 0x26, IR_PID_ACCESS = 0x27, IR_PID_RESERVED = 0x28,
    IR_MALFORMED = 0x29, IR_EIMER = 0x2a, IR_IRREQ = 0x2b,
};

enum { DLM_FIXED = 0, DLM_LOWEST = 1, DLM_SMI = 2, DLM_NMI = 4, DLM_INIT = 5, DLM_EXTINT = 7 };

/* An interrupt on its way through the unit. */
struct passage {
    struct model_unit *unit;
    struct model_interrupt *out;
    uint16_t sid;
    bool fresh;
};

static bool is_on(const struct model_unit *unit, unsigned bit)
{
    return (reg32(unit, REG_GSTS) & (1u << bit)) != 0;
}

static bool eime(const struct model_unit *unit)
{
    return (unit->irta & BIT(11)) != 0;
}

bool interrupt_is_remapped(const struct model_unit *unit)
{
    return is_on(unit, G_IRE);
}

/* --- delivery --- */

static void send(struct model_unit *unit, uint64_t addr, uint32_t data)
{
    unit->counters.interrupts_passed++;
    if (unit->ops.interrupt != NULL) {
        unit->ops.interrupt(unit->ops.ctx, addr, data);
    }
}

/* The message of VT-d 5.1.6: a destination's upper bits travel as the upper address. */
static uint64_t message_address(uint32_t destination, bool logical, bool hint)
{
    return (uint64_t)(destination & ~0xffu) << 32 | 0xfee00000u | (uint64_t)(destination & 0xff) << 12 |
           (hint ? BIT(3) : 0) | (logical ? BIT(2) : 0);
}

/* Remapped ones can be held in flight, to be drained by a wait behind their invalidation (VT-d 6.5.5). */
static void deliver(struct passage *p)
{
    struct model_unit *unit = p->unit;
    if (p->fresh) {
        return;
    }
    if (!unit->faults.interrupts_in_flight || p->out->form == MODEL_FORM_COMPATIBILITY) {
        send(unit, p->out->addr, p->out->data);
        return;
    }
    struct held_interrupt *held = calloc(1, sizeof(*held));
    if (held == NULL) {
        abort();
    }
    *held = (struct held_interrupt){.index = p->out->index, .addr = p->out->addr, .data = p->out->data};
    struct held_interrupt **link = &unit->held;
    while (*link != NULL) {
        link = &(*link)->next;
    }
    *link = held;
}

static void deliver_held(struct model_unit *unit, bool due_only)
{
    struct held_interrupt **link = &unit->held;
    while (*link != NULL) {
        struct held_interrupt *held = *link;
        if (due_only && !held->due) {
            link = &held->next;
            continue;
        }
        *link = held->next;
        send(unit, held->addr, held->data);
        free(held);
    }
}

void interrupts_drain(struct model_unit *unit)
{
    deliver_held(unit, true);
}

void interrupts_release(struct model_unit *unit)
{
    deliver_held(unit, false);
}

void interrupts_drop(struct model_unit *unit)
{
    while (unit->held != NULL) {
        struct held_interrupt *held = unit->held;
        unit->held = held->next;
        free(held);
    }
}

/* --- entry cache, VT-d 6.5.2.7 --- */

struct index_range {
    uint64_t first, last;
};

static bool entry_in_range(const struct node *node, const void *arg)
{
    const struct index_range *range = arg;
    return node->k1 >= range->first && node->k1 <= range->last;
}

static void invalidate_range(struct model_unit *unit, uint64_t first, uint64_t last)
{
    struct index_range range = {first, last};
    cache_remove_if(&unit->irtes, entry_in_range, &range);
    for (struct held_interrupt *held = unit->held; held != NULL; held = held->next) {
        held->due |= held->index >= first && held->index <= last;
    }
}

void invalidate_interrupts_global(struct model_unit *unit)
{
    invalidate_range(unit, 0, 0xffff);
}

void invalidate_interrupts(struct model_unit *unit, const uint64_t w[4])
{
    unsigned limit = (unsigned)field(unit->config.ecap, 23, 20);
    unsigned mask = (unsigned)field(w[0], 31, 27);
    if ((w[0] & BIT(4)) == 0) {
        invalidate_interrupts_global(unit);
        return;
    }
    mask = mask < limit ? mask : limit;
    uint64_t first = field(w[0], 47, 32) & ~(BIT(mask) - 1);
    invalidate_range(unit, first, first + BIT(mask) - 1);
}

/* --- the entry, VT-d 9.9 and 9.10 --- */

static bool source_is_allowed(const uint64_t w[2], uint16_t sid)
{
    static const uint16_t ignored[] = {0, 4, 6, 7}; /* by SQ */
    uint16_t wanted = (uint16_t)field(w[1], 15, 0);
    switch (field(w[1], 19, 18)) {
    case 0:
        return true;
    case 1:
        return ((wanted ^ sid) & ~ignored[field(w[1], 17, 16)] & 0xffff) == 0;
    default:
        return sid >> 8 >= wanted >> 8 && sid >> 8 <= (wanted & 0xff);
    }
}

static bool delivery_mode_is_defined(unsigned mode)
{
    return mode != 3 && mode != 6;
}

static uint64_t reserved_w0(const struct model_unit *unit, uint64_t w0)
{
    bool posted = cap(unit, CAP_PI) && (w0 & BIT(15)) != 0;
    if (posted) {
        return bits(7, 2) | bits(13, 12) | bits(37, 24);
    }
    uint64_t reserved = bits(14, 12) | bits(31, 24) | (cap(unit, CAP_PI) ? 0 : BIT(15));
    return eime(unit) ? reserved : reserved | bits(39, 32) | bits(63, 48);
}

static uint64_t reserved_w1(const struct model_unit *unit, uint64_t w0)
{
    bool posted = cap(unit, CAP_PI) && (w0 & BIT(15)) != 0;
    if (!posted) {
        return bits(63, 20);
    }
    uint64_t above_width = bits(63, unit->config.haw > 32 ? unit->config.haw : 32);
    return bits(31, 20) | above_width;
}

/* 0 or a reason; w is as fetched in one read. */
static unsigned entry_check(const struct passage *p, const uint64_t w[2])
{
    const struct model_unit *unit = p->unit;
    if ((w[0] & 1) == 0) {
        return IR_NOT_PRESENT;
    }
    if (field(w[1], 19, 18) == 3) {
        return IR_RESERVED;
    }
    if (!source_is_allowed(w, p->sid)) {
        return IR_SOURCE;
    }
    if ((w[0] & reserved_w0(unit, w[0])) != 0 || (w[1] & reserved_w1(unit, w[0])) != 0) {
        return IR_RESERVED;
    }
    bool posted = (w[0] & BIT(15)) != 0;
    unsigned mode = (unsigned)field(w[0], 7, 5);
    bool bad_mode = !delivery_mode_is_defined(mode) || (mode == DLM_SMI && field(w[0], 23, 16) != 0);
    return !posted && bad_mode ? IR_RESERVED : 0;
}

static unsigned entry_fetch(struct passage *p, uint64_t w[2])
{
    struct model_unit *unit = p->unit;
    uint64_t index = p->out->index;
    struct irte *cached = p->fresh || unit->config.no_caches
                              ? NULL : (struct irte *)cache_find(&unit->irtes, index, 0);
    if (cached != NULL) {
        unit->counters.irte_hits++;
        memcpy(w, cached->w, sizeof(cached->w));
        return 0;
    }
    uint64_t addr = (unit->irta & ~PAGE_OFFSET) + index * 16;
    if (addr >> unit->config.haw != 0) {
        return IR_INDEX;
    }
    return unit->ops.mem_read(unit->ops.ctx, addr, w, 16) ? 0 : IR_ACCESS;
}

/* With CM=0 only a valid entry is cached, with CM=1 whatever was fetched (VT-d 6.1). */
static void entry_remember(const struct passage *p, const uint64_t w[2], unsigned reason)
{
    struct model_unit *unit = p->unit;
    bool entry_is_bad = reason == IR_NOT_PRESENT || reason == IR_RESERVED;
    if (p->fresh || unit->config.no_caches || (entry_is_bad && !cap(unit, CAP_CM)) ||
        cache_find(&unit->irtes, p->out->index, 0) != NULL) {
        return;
    }
    struct irte *entry = calloc(1, sizeof(*entry));
    if (entry == NULL) {
        abort();
    }
    entry->node.k1 = p->out->index;
    memcpy(entry->w, w, sizeof(entry->w));
    cache_insert(&unit->irtes, &entry->node);
}

/* --- remapping and posting --- */

static void remap(struct passage *p, const uint64_t w[2])
{
    uint32_t destination = (uint32_t)field(w[0], 63, 32);
    unsigned mode = (unsigned)field(w[0], 7, 5);
    bool edge_only = mode != DLM_FIXED && mode != DLM_LOWEST;
    bool level = !edge_only && (w[0] & BIT(4)) != 0;
    p->out->form = MODEL_FORM_REMAPPED;
    p->out->addr = message_address(eime(p->unit) ? destination : destination >> 8 & 0xff,
                                   (w[0] & BIT(2)) != 0, (w[0] & BIT(3)) != 0);
    p->out->data = (uint32_t)(field(w[0], 23, 16) | (uint64_t)mode << 8 | BIT(14) | (level ? BIT(15) : 0));
    if (!p->fresh) {
        p->unit->counters.interrupts_remapped++;
    }
    deliver(p);
}

static bool pid_is_valid(const struct model_unit *unit, const uint64_t d[8])
{
    uint64_t reserved = bits(15, 2) | bits(31, 24) | (eime(unit) ? 0 : bits(39, 32) | bits(63, 48));
    return (d[4] & reserved) == 0 && (d[5] | d[6] | d[7]) == 0;
}

/* Sets bits of one word of the descriptor as a locked cycle would. */
static bool pid_set(struct model_unit *unit, uint64_t addr, uint64_t set, uint64_t *old)
{
    bool swapped = false;
    while (!swapped) {
        if (!unit->ops.mem_cmpxchg64(unit->ops.ctx, addr, old, *old | set, &swapped)) {
            return false;
        }
    }
    return true;
}

/* VT-d 5.2.3. */
static unsigned post(struct passage *p, const uint64_t w[2])
{
    struct model_unit *unit = p->unit;
    uint64_t addr = (w[1] & bits(63, 32)) | (field(w[0], 63, 38) << 6);
    unsigned vector = (unsigned)field(w[0], 23, 16);
    uint64_t d[8];
    if (!unit->ops.mem_read(unit->ops.ctx, addr, d, sizeof(d))) {
        return IR_PID_ACCESS;
    }
    if (!pid_is_valid(unit, d)) {
        return IR_PID_RESERVED;
    }
    bool urgent = (w[0] & BIT(14)) != 0;
    bool notify = (d[4] & 1) == 0 && (urgent || (d[4] & 2) == 0);
    uint32_t destination = (uint32_t)field(d[4], 63, 32);
    p->out->form = MODEL_FORM_POSTED;
    p->out->addr = message_address(eime(unit) ? destination : destination >> 8 & 0xff, false, false);
    p->out->data = (uint32_t)(field(d[4], 23, 16) | BIT(14));
    p->out->sent = notify;
    if (p->fresh) {
        return 0;
    }
    if (!pid_set(unit, addr + vector / 64 * 8, BIT(vector % 64), &d[vector / 64]) ||
        (notify && !pid_set(unit, addr + 32, 1, &d[4]))) {
        return IR_PID_ACCESS;
    }
    unit->counters.interrupts_posted++;
    if (notify) {
        deliver(p);
    }
    return 0;
}

/* VT-d 5.1.3, 5.1.4: a request in remappable format. */
static unsigned remappable(struct passage *p, uint64_t addr, uint32_t data)
{
    uint64_t w[2] = {0, 0};
    bool shv = (addr & BIT(3)) != 0;
    uint32_t index = (uint32_t)(field(addr, 19, 5) | field(addr, 2, 2) << 15);
    if (shv && data >> 16 != 0) {
        return IR_FORMAT;
    }
    index += shv ? data & 0xffff : 0;
    p->out->index = index;
    p->out->has_index = true;
    if (index >= 2u << field(p->unit->irta, 3, 0)) {
        return IR_INDEX;
    }
    unsigned reason = entry_fetch(p, w);
    if (reason != 0) {
        return reason;
    }
    reason = entry_check(p, w);
    p->out->fpd = (w[0] & BIT(1)) != 0;
    entry_remember(p, w, reason);
    if (reason != 0) {
        return reason;
    }
    if ((w[0] & BIT(15)) != 0) {
        return post(p, w);
    }
    p->out->sent = true;
    remap(p, w);
    return 0;
}

static unsigned compatibility(struct passage *p, uint64_t addr, uint32_t data)
{
    p->out->form = MODEL_FORM_COMPATIBILITY;
    p->out->addr = addr;
    p->out->data = data;
    p->out->sent = true;
    if (!p->fresh) {
        p->unit->counters.interrupts_compatibility++;
    }
    deliver(p);
    return 0;
}

static unsigned pass(struct passage *p, uint64_t addr, uint32_t data)
{
    const struct model_unit *unit = p->unit;
    if (!is_on(unit, G_IRE)) {
        return ecap(unit, ECAP_IRREQ) ? IR_IRREQ : compatibility(p, addr, data);
    }
    if (ecap(unit, ECAP_EIMER) && !eime(unit)) {
        return IR_EIMER;
    }
    if ((addr & BIT(4)) != 0) {
        return remappable(p, addr, data);
    }
    return eime(unit) || !is_on(unit, G_CFI) ? IR_COMPATIBILITY : compatibility(p, addr, data);
}

static bool reason_is_qualified_by_entry(unsigned reason)
{
    switch (reason) { /* the "Yes" rows of VT-d Table 15 */
    case IR_NOT_PRESENT: case IR_RESERVED: case IR_SOURCE: case IR_PID_ACCESS: case IR_PID_RESERVED:
        return true;
    default:
        return false;
    }
}

/* FI is undefined for reasons that involve no entry (VT-d 11.4.7.4): all ones, so that nobody relies on it. */
static uint64_t fault_information(const struct model_interrupt *out, unsigned reason)
{
    bool knows = out->has_index && reason != IR_FORMAT;
    return (knows ? (uint64_t)(out->index & 0xffff) : 0xffffull) << 48;
}

static bool refuse_interrupt(struct passage *p, unsigned reason)
{
    struct model_unit *unit = p->unit;
    p->out->reason = (uint8_t)reason;
    p->out->sent = false;
    p->out->form = MODEL_FORM_REFUSED;
    p->out->qualified = reason_is_qualified_by_entry(reason);
    p->out->recorded = !(p->out->qualified && p->out->fpd);
    if (!p->fresh) {
        unit->counters.interrupts_refused++;
        unit->counters.faults++;
        sid_find(unit, p->sid)->faults++;
        fault_store(unit, p->sid, fault_information(p->out, reason), 0, reason, !p->out->recorded);
    }
    return false;
}

static bool interrupt_passes(struct model_unit *unit, uint16_t sid, uint64_t addr, uint32_t data, bool fresh,
                             struct model_interrupt *out)
{
    struct passage p = {.unit = unit, .out = out, .sid = sid, .fresh = fresh};
    *out = (struct model_interrupt){0};
    unsigned reason = pass(&p, addr, data);
    if (reason != 0) {
        return refuse_interrupt(&p, reason);
    }
    out->ok = true;
    return true;
}

bool model_interrupt(struct model_unit *unit, uint16_t sid, uint64_t addr, uint32_t data,
                     struct model_interrupt *out)
{
    struct model_interrupt unused;
    return interrupt_passes(unit, sid, addr, data, false, out != NULL ? out : &unused);
}

bool model_interrupt_ask(struct model_unit *unit, uint16_t sid, uint64_t addr, uint32_t data,
                         struct model_interrupt *out)
{
    return interrupt_passes(unit, sid, addr, data, true, out);
}

/* With translation on these are faults of DMA remapping (VT-d 3.15); with it off, the rows of Table 15 apply. */
unsigned interrupt_malformed(struct model_unit *unit, uint16_t sid, bool fresh)
{
    if (!fresh) {
        unit->counters.faults++;
        sid_find(unit, sid)->faults++;
        fault_store(unit, sid, 0xffffull << 48, 0, IR_MALFORMED, false);
    }
    return IR_MALFORMED;
}

/* --- commands --- */

void interrupt_table_set(struct model_unit *unit)
{
    uint64_t value = reg64(unit, REG_IRTA);
    if (is_on(unit, G_IRE) && ((value ^ unit->irta) & BIT(11)) != 0) {
        unit->counters.eime_changed_live++; /* VT-d 11.4.4.1: software must not */
    }
    unit->irta = value;
    if (cap(unit, CAP_ESIRTPS)) {
        invalidate_interrupts_global(unit);
    }
}

void interrupt_remapping_off(struct model_unit *unit)
{
    if (cap(unit, CAP_ESIRTPS)) {
        invalidate_interrupts_global(unit);
    }
}
