/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A device's access: split at page borders (VT-d 3.13), translate each piece, move its data. Pieces
 * before a refused one have taken effect, as with real posted writes.
 */
#include "tests/model/model_internal.h"

#include <string.h>

const char *model_kind_name(enum model_kind kind)
{
    static const char *const names[MODEL_KINDS] = {
        "blocked", "untranslated", "first-stage", "second-stage",
        "nested", "pass-through", "translated", "interrupt",
    };
    return (unsigned)kind < MODEL_KINDS ? names[kind] : "?";
}

static bool translation_is_on(const struct model_unit *unit)
{
    return (reg32(unit, REG_GSTS) & BIT(G_TE)) != 0;
}

/* Untagged access to FEEx_xxxx while translation is on (VT-d 3.15). */
static bool is_untagged_interrupt(const struct model_request *request)
{
    return !request->has_pasid && request->at == MODEL_UNTRANSLATED &&
           in_interrupt_range(request->addr);
}

static bool atomic_add(struct model_unit *unit, uint64_t hpa, void *buf, size_t len)
{
    uint64_t word_addr = hpa & ~7ull;
    unsigned shift = (unsigned)(hpa & 7) * 8;
    uint64_t mask = len == 8 ? ~0ull : 0xffffffffull << shift;
    uint64_t seen = 0;
    uint64_t operand = 0;
    bool swapped = false;
    if ((len != 4 && len != 8) || (hpa & (len - 1)) != 0) {
        return false;
    }
    memcpy(&operand, buf, len);
    if (!unit->ops.mem_read(unit->ops.ctx, word_addr, &seen, 8)) {
        return false;
    }
    while (!swapped) {
        uint64_t sum = (seen & ~mask) | ((seen + (operand << shift)) & mask);
        if (!unit->ops.mem_cmpxchg64(unit->ops.ctx, word_addr, &seen, sum, &swapped)) {
            return false;
        }
    }
    seen >>= shift;
    memcpy(buf, &seen, len);
    return true;
}

static bool move_data(struct model_unit *unit, enum model_op op, uint64_t hpa, void *buf,
                      size_t len)
{
    if (len == 0) {
        return true;
    }
    switch (op) {
    case MODEL_READ:
        unit->counters.bytes_read += len;
        return unit->ops.mem_read(unit->ops.ctx, hpa, buf, len);
    case MODEL_WRITE:
        unit->counters.bytes_written += len;
        return unit->ops.mem_write(unit->ops.ctx, hpa, buf, len);
    default:
        return atomic_add(unit, hpa, buf, len);
    }
}

static void count(struct model_unit *unit, uint16_t sid, enum model_kind kind)
{
    unit->counters.pages[kind]++;
    sid_find(unit, sid)->pages[kind]++;
}

static void note_first(struct model_outcome *outcome, const struct walk *walk,
                       const struct mapping *m)
{
    outcome->kind = walk->kind;
    outcome->hpa = m->hpa;
    outcome->page_size = BIT(m->shift);
    outcome->did = walk->did;
    outcome->pasid = walk->pasid;
    outcome->can_read = mapping_reads(walk, m);
    outcome->can_write = mapping_writes(walk, m);
    outcome->snooped = !walk->request->no_snoop || m->force_snoop;
}

static void note_fault(struct model_outcome *outcome, struct walk *walk, unsigned reason)
{
    outcome->reason = (uint8_t)reason;
    outcome->qualified = reason_is_qualified(reason);
    outcome->fpd = walk->fpd;
    outcome->recorded = !(outcome->qualified && walk->fpd);
    outcome->fault_addr = walk->addr & ~PAGE_OFFSET;
    if (outcome->done == 0) {
        outcome->kind = MODEL_KIND_BLOCKED;
    }
}

/* Fault of one piece: logged unless this is only a question. */
static void refuse(struct model_outcome *outcome, struct walk *walk, unsigned reason)
{
    struct model_unit *unit = walk->unit;
    note_fault(outcome, walk, reason);
    if (walk->fresh) {
        return;
    }
    count(unit, walk->request->sid, MODEL_KIND_BLOCKED);
    sid_find(unit, walk->request->sid)->faults++;
    unit->counters.faults++;
    fault_record(walk, reason);
}

/* Anything but a DWORD write or a zero-length read there is refused, after the tables have been checked. */
static unsigned untagged_interrupt(struct walk *walk, bool *interrupt)
{
    const struct model_request *request = walk->request;
    *interrupt = request->op == MODEL_WRITE && request->len == 4 && (request->addr & 3) == 0;
    if (*interrupt || walk->zero_length) {
        walk->kind = MODEL_KIND_INTERRUPT;
        return 0;
    }
    unsigned reason = mode_check(walk);
    if (reason == 0) {
        reason = context_find(walk);
    }
    if (reason == 0) {
        reason = context_check_request(walk);
    }
    if (reason == 0 && !walk->legacy) {
        reason = pasid_find(walk);
    }
    return reason != 0 ? reason : (walk->legacy ? LGN_4 : SGN_8);
}

/* A well-formed interrupt request; the DMA tables have no say in what becomes of it. */
static bool dma_message(struct model_unit *unit, const struct model_request *request, const void *buf,
                        struct model_outcome *outcome)
{
    struct model_interrupt interrupt;
    uint32_t data;
    memcpy(&data, buf, sizeof(data));
    outcome->ok = model_interrupt(unit, request->sid, request->addr, data, &interrupt);
    outcome->done = outcome->ok ? 4 : 0;
    outcome->reason = interrupt.reason;
    outcome->qualified = interrupt.qualified;
    outcome->fpd = interrupt.fpd;
    outcome->recorded = interrupt.recorded;
    return outcome->ok;
}

static bool dma_interrupt_range(struct walk *walk, void *buf, struct model_outcome *outcome)
{
    struct model_unit *unit = walk->unit;
    bool interrupt = false;
    unsigned reason = untagged_interrupt(walk, &interrupt);
    if (reason != 0) {
        refuse(outcome, walk, reason);
        return false;
    }
    outcome->kind = MODEL_KIND_INTERRUPT;
    outcome->hpa = walk->addr;
    outcome->page_size = PAGE;
    outcome->can_write = true;
    outcome->ok = true;
    if (walk->fresh) {
        return true;
    }
    count(unit, walk->request->sid, MODEL_KIND_INTERRUPT);
    return !interrupt || dma_message(unit, walk->request, buf, outcome);
}

static bool dma_untranslated(struct model_unit *unit, const struct model_request *request,
                             void *buf, struct model_outcome *outcome)
{
    uint64_t addr = request->addr;
    outcome->kind = MODEL_KIND_UNTRANSLATED;
    outcome->hpa = addr;
    outcome->page_size = PAGE;
    outcome->can_read = true;
    outcome->can_write = true;
    outcome->snooped = !request->no_snoop;
    if (is_untagged_interrupt(request) && request->op == MODEL_WRITE && request->len == 4 && (addr & 3) == 0) {
        outcome->kind = MODEL_KIND_INTERRUPT;
        count(unit, request->sid, MODEL_KIND_INTERRUPT);
        return dma_message(unit, request, buf, outcome);
    }
    if (is_untagged_interrupt(request) && request->len != 0 && interrupt_is_remapped(unit)) {
        outcome->kind = MODEL_KIND_BLOCKED;
        outcome->recorded = true;
        outcome->reason = (uint8_t)interrupt_malformed(unit, request->sid, false);
        return false;
    }
    while (outcome->done < request->len) {
        size_t left = request->len - outcome->done;
        size_t piece = (size_t)(PAGE - ((addr + outcome->done) & PAGE_OFFSET));
        piece = left < piece ? left : piece;
        count(unit, request->sid, MODEL_KIND_UNTRANSLATED);
        if (protected_memory(unit, addr + outcome->done, piece) ||
            !move_data(unit, request->op, addr + outcome->done, (uint8_t *)buf + outcome->done,
                       piece)) {
            outcome->fault_addr = (addr + outcome->done) & ~PAGE_OFFSET;
            return false;
        }
        outcome->done += piece;
    }
    outcome->ok = true;
    return true;
}

/* One piece within a page. */
static bool dma_piece(struct walk *walk, void *buf, size_t len, struct model_outcome *outcome)
{
    struct model_unit *unit = walk->unit;
    struct mapping m = {0};
    unsigned reason = translate_page(walk, &m);
    outcome->erratum |= walk->erratum;
    if (reason != 0) {
        refuse(outcome, walk, reason);
        return false;
    }
    if (outcome->done == 0) {
        note_first(outcome, walk, &m);
    }
    if (walk->fresh) {
        return true;
    }
    count(unit, walk->request->sid, walk->kind);
    if (protected_memory(unit, m.hpa, len) ||
        !move_data(unit, walk->request->op, m.hpa, buf, len)) {
        outcome->fault_addr = walk->addr & ~PAGE_OFFSET; /* not a remapping fault */
        return false;
    }
    return true;
}

static bool dma_translated_pages(struct model_unit *unit, const struct model_request *request,
                                 void *buf, struct model_outcome *outcome)
{
    struct walk walk;
    do {
        uint64_t addr = request->addr + outcome->done;
        size_t left = request->len - outcome->done;
        size_t piece = (size_t)(PAGE - (addr & PAGE_OFFSET));
        piece = left < piece ? left : piece;
        walk_begin(&walk, unit, request, false);
        walk.addr = addr;
        uint8_t *at = buf == NULL ? NULL : (uint8_t *)buf + outcome->done;
        if (!dma_piece(&walk, at, piece, outcome)) {
            return false;
        }
        outcome->done += piece;
    } while (outcome->done < request->len);
    outcome->ok = true;
    return true;
}

/* ATS: no data, an answer for the first page (VT-d 4.1.2). */
static bool dma_ats(struct walk *walk, struct model_outcome *outcome)
{
    struct model_unit *unit = walk->unit;
    struct mapping m = {0};
    if (!walk->request->has_pasid && in_interrupt_range(walk->addr)) {
        outcome->kind = MODEL_KIND_INTERRUPT;
        outcome->can_write = !walk->request->no_write; /* rows S.1, S.2 */
        outcome->ok = true;
        return true;
    }
    unsigned reason = translate_page(walk, &m);
    outcome->erratum |= walk->erratum;
    if (reason == 0) {
        note_first(outcome, walk, &m);
        outcome->ok = true;
        if (!walk->fresh) {
            count(unit, walk->request->sid, walk->kind);
        }
        return true;
    }
    bool record = ats_answer(reason, &outcome->ats_status);
    note_fault(outcome, walk, reason);
    outcome->recorded = outcome->recorded && record;
    outcome->ok = outcome->ats_status == 0;
    if (!walk->fresh) {
        unit->counters.faults++;
        if (record) {
            fault_record(walk, reason);
        }
    }
    return outcome->ok;
}

bool model_dma(struct model_unit *unit, const struct model_request *request, void *buf,
               struct model_outcome *outcome)
{
    struct model_outcome unused;
    if (outcome == NULL) {
        outcome = &unused;
    }
    *outcome = (struct model_outcome){0};
    if (!translation_is_on(unit)) {
        return dma_untranslated(unit, request, buf, outcome);
    }
    if (!is_untagged_interrupt(request) && request->at != MODEL_TRANSLATION) {
        return dma_translated_pages(unit, request, buf, outcome);
    }
    struct walk walk;
    walk_begin(&walk, unit, request, false);
    return request->at == MODEL_TRANSLATION ? dma_ats(&walk, outcome)
                                            : dma_interrupt_range(&walk, buf, outcome);
}

bool model_translate(struct model_unit *unit, const struct model_request *request,
                     struct model_outcome *outcome)
{
    *outcome = (struct model_outcome){0};
    if (!translation_is_on(unit)) {
        outcome->kind = MODEL_KIND_UNTRANSLATED;
        outcome->hpa = request->addr;
        outcome->page_size = PAGE;
        outcome->can_read = true;
        outcome->can_write = true;
        outcome->ok = true;
        return true;
    }
    struct walk walk;
    walk_begin(&walk, unit, request, true);
    if (is_untagged_interrupt(request)) {
        return dma_interrupt_range(&walk, NULL, outcome);
    }
    if (request->at == MODEL_TRANSLATION) {
        return dma_ats(&walk, outcome);
    }
    outcome->ok = dma_piece(&walk, NULL, 0, outcome);
    return outcome->ok;
}
