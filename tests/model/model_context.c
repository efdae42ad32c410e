/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Root and context entries of both modes (VT-d 9.1 to 9.4), their cache, and the checks
 * that a context entry imposes on a request. Rows of VT-d Table 30 are named.
 */
#include "tests/model/model_internal.h"

#include <stdlib.h>
#include <string.h>

enum { CTX_P = 0, CTX_FPD = 1, SCTX_DTE = 2, SCTX_PASIDE = 3, SCTX_PRE = 4, SCTX_HPTE = 5,
       SCTX_EPTR = 6 };

static uint64_t above_haw(const struct model_unit *unit)
{
    return bits(63, unit->config.haw);
}

/* --- legacy --- */

static unsigned legacy_context_check(const struct model_unit *unit, const uint64_t w[4])
{
    unsigned tt = (unsigned)field(w[0], 3, 2);
    uint64_t reserved0 = bits(11, 4);
    uint64_t reserved1 = BIT(7) | bits(63, 8 + did_width(unit));
    if (tt != 2) {
        reserved0 |= above_haw(unit);
    }
    if ((w[0] & reserved0) != 0 || (w[1] & reserved1) != 0) {
        return LCT_3;
    }
    if (tt == 3 || (tt == 1 && !ecap(unit, ECAP_DT)) || (tt == 2 && !ecap(unit, ECAP_PT))) {
        return LCT_4;
    }
    if (!aw_is_supported(unit, (unsigned)field(w[1], 2, 0))) {
        return LCT_4;
    }
    return 0;
}

static unsigned legacy_context_read(struct walk *walk, uint64_t w[4], bool *fpd)
{
    struct model_unit *unit = walk->unit;
    uint64_t root[2];
    unsigned sid = walk->request->sid;
    if (!table_read(walk, (unit->root & ~PAGE_OFFSET) + (sid >> 8) * 16, root, sizeof(root))) {
        return LRT_1;
    }
    if ((root[0] & 1) == 0) {
        return LRT_2;
    }
    if ((root[0] & (bits(11, 1) | above_haw(unit))) != 0 || root[1] != 0) {
        return LRT_3;
    }
    if (!table_read(walk, (root[0] & ~PAGE_OFFSET) + (sid & 0xff) * 16, w, 16)) {
        return LCT_1;
    }
    *fpd = (w[0] & BIT(CTX_FPD)) != 0;
    if ((w[0] & BIT(CTX_P)) == 0) {
        return LCT_2;
    }
    return legacy_context_check(unit, w);
}

/* --- scalable --- */

static unsigned scalable_context_check(const struct model_unit *unit, const uint64_t w[4])
{
    uint64_t reserved0 = bits(8, 7) | above_haw(unit);
    uint64_t reserved1 = bits(63, 21);
    static const struct { unsigned bit, capability; } optional[] = {
        {SCTX_DTE, ECAP_DT}, {SCTX_PASIDE, ECAP_PASID}, {SCTX_PRE, ECAP_PRS},
        {SCTX_HPTE, ECAP_HPTS}, {SCTX_EPTR, ECAP_PTRS},
    };
    for (size_t i = 0; i < sizeof(optional) / sizeof(optional[0]); i++) {
        if (!ecap(unit, optional[i].capability)) {
            reserved0 |= BIT(optional[i].bit);
        }
    }
    if (!ecap(unit, ECAP_RPS)) {
        reserved1 |= bits(19, 0);
    }
    if (!ecap(unit, ECAP_RPRIVS)) {
        reserved1 |= BIT(20);
    }
    if ((w[0] & reserved0) != 0 || (w[1] & reserved1) != 0 || w[2] != 0 || w[3] != 0) {
        return SCT_3;
    }
    bool dte = (w[0] & BIT(SCTX_DTE)) != 0;
    bool pre = (w[0] & BIT(SCTX_PRE)) != 0;
    bool eptr = (w[0] & BIT(SCTX_EPTR)) != 0;
    bool paside = (w[0] & BIT(SCTX_PASIDE)) != 0;
    uint64_t pasid_limit = BIT(field(w[0], 11, 9) + 13);
    if ((pre && !dte) || (eptr && !paside) || field(w[1], 19, 0) >= pasid_limit) {
        return SCT_4;
    }
    return 0;
}

static unsigned scalable_context_read(struct walk *walk, uint64_t w[4], bool *fpd)
{
    struct model_unit *unit = walk->unit;
    uint64_t root[2];
    unsigned sid = walk->request->sid;
    if (!table_read(walk, (unit->root & ~PAGE_OFFSET) + (sid >> 8) * 16, root, sizeof(root))) {
        return SRT_1;
    }
    uint64_t half = root[(sid >> 7) & 1]; /* device 16..31: the upper half */
    if ((half & 1) == 0) {
        return SRT_2;
    }
    /* VT-d Table 30, SRT.3: either half that is present must be clean. */
    uint64_t reserved = bits(11, 1) | above_haw(unit);
    for (unsigned i = 0; i < 2; i++) {
        if ((root[i] & 1) != 0 && (root[i] & reserved) != 0) {
            return SRT_3;
        }
    }
    uint64_t entry = (half & ~PAGE_OFFSET) + (sid & 0x7f) * 32;
    if (!table_read(walk, entry, w, 16)) {
        return SCT_1;
    }
    *fpd = (w[0] & BIT(CTX_FPD)) != 0;
    if ((w[0] & BIT(CTX_P)) == 0) {
        return SCT_2;
    }
    if (!table_read(walk, entry + 16, w + 2, 16)) { /* at most 128 bits at a time, VT-d 9 */
        return SCT_1;
    }
    return scalable_context_check(unit, w);
}

static void context_keep(struct walk *walk, unsigned reason, bool fpd)
{
    struct model_unit *unit = walk->unit;
    if (walk->fresh || unit->config.no_caches || (reason != 0 && !cap(unit, CAP_CM))) {
        return;
    }
    struct context_entry *e = calloc(1, sizeof(*e));
    if (e == NULL) {
        abort();
    }
    e->node.k1 = walk->request->sid;
    memcpy(e->w, walk->context, sizeof(e->w));
    e->reason = (uint8_t)reason;
    e->fpd = fpd;
    if (reason == 0 && walk->legacy) {
        e->did = (uint16_t)field(e->w[1], 23, 8);
    }
    cache_insert(&unit->contexts, &e->node);
}

unsigned context_find(struct walk *walk)
{
    struct model_unit *unit = walk->unit;
    bool use_cache = !walk->fresh && !unit->config.no_caches;
    walk->legacy = ttm(unit) == TTM_LEGACY;
    if (use_cache) {
        const struct context_entry *e =
            (const struct context_entry *)cache_find(&unit->contexts, walk->request->sid, 0);
        if (e != NULL) {
            unit->counters.context_hits++;
            memcpy(walk->context, e->w, sizeof(walk->context));
            walk->fpd |= e->fpd;
            return e->reason;
        }
        unit->counters.context_misses++;
    }
    bool fpd = false;
    unsigned reason = walk->legacy ? legacy_context_read(walk, walk->context, &fpd)
                                   : scalable_context_read(walk, walk->context, &fpd);
    walk->fpd |= fpd;
    context_keep(walk, reason, fpd);
    return reason;
}

/* --- what the entry means for this request --- */

static unsigned legacy_check_request(struct walk *walk)
{
    const uint64_t *w = walk->context;
    unsigned tt = (unsigned)field(w[0], 3, 2);
    if (walk->request->at != MODEL_UNTRANSLATED && tt != 1) {
        return LCT_5;
    }
    walk->did = (uint16_t)field(w[1], 23, 8);
    walk->pasid = 0;
    walk->kind = tt == 2 ? MODEL_KIND_PASS_THROUGH : MODEL_KIND_SECOND_STAGE;
    if (tt != 2) {
        second_stage_select(walk, w[0] & ~PAGE_OFFSET, (unsigned)field(w[1], 2, 0));
    }
    return 0;
}

static unsigned scalable_check_request(struct walk *walk)
{
    const struct model_unit *unit = walk->unit;
    const struct model_request *request = walk->request;
    const uint64_t *w = walk->context;
    uint32_t rid_pasid = (uint32_t)field(w[1], 19, 0);
    bool ats = request->at != MODEL_UNTRANSLATED;

    walk->rid_priv = (w[1] & BIT(20)) != 0;
    walk->priv = request->has_pasid ? request->priv : walk->rid_priv;
    walk->pasid = request->has_pasid ? request->pasid : rid_pasid;
    if (ats && !walk->page_request && (w[0] & BIT(SCTX_DTE)) == 0) {
        return SCT_5;
    }
    if (walk->page_request && (w[0] & BIT(SCTX_PRE)) == 0) {
        return SCT_8;
    }
    if (!request->has_pasid) {
        return 0;
    }
    if (request->at != MODEL_TRANSLATED && (w[0] & BIT(SCTX_PASIDE)) == 0) {
        return SCT_6;
    }
    if (request->pasid >= BIT(field(unit->config.ecap, 39, 35) + 1)) {
        return SGN_10;
    }
    if (request->pasid >= BIT(field(w[0], 11, 9) + 13)) {
        return SCT_7;
    }
    if (request->pasid == rid_pasid) {
        return SCT_9;
    }
    if (request->at == MODEL_TRANSLATED && (w[0] & BIT(SCTX_EPTR)) == 0) {
        return SCT_10;
    }
    return 0;
}

unsigned context_check_request(struct walk *walk)
{
    return walk->legacy ? legacy_check_request(walk) : scalable_check_request(walk);
}
