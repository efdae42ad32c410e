/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One page of a request from source-id to host address: mode, IOTLB, structures, walk,
 * rights. What may be kept in the IOTLB is decided here (VT-d 6.2.4).
 */
#include "tests/model/model_internal.h"

#include <stdlib.h>

bool in_interrupt_range(uint64_t addr)
{
    return (addr & ~0xfffffull) == 0xfee00000ull;
}

bool reason_is_qualified(unsigned reason)
{
    switch (reason) { /* the "No" rows of VT-d Table 30 */
    case LRT_1: case LRT_2: case LRT_3: case LCT_1:
    case RTA_1: case RTA_2: case RTA_3: case RTA_4: case RTA_5:
    case SRT_1: case SRT_2: case SRT_3: case SCT_1: case SPD_1: case SPT_1:
        return false;
    default:
        return true;
    }
}

/* All table reads go through here, so that walks can be counted. */
bool table_read(struct walk *walk, uint64_t addr, void *buf, size_t len)
{
    struct model_unit *unit = walk->unit;
    if (!walk->fresh) {
        unit->counters.walk_reads++;
    }
    return unit->ops.mem_read(unit->ops.ctx, addr, buf, len);
}

/* Atomic OR. A fresh walk only pretends. */
enum update table_set_bits(struct walk *walk, uint64_t addr, uint64_t *entry, uint64_t set)
{
    struct model_unit *unit = walk->unit;
    if (walk->fresh) {
        *entry |= set;
        return UPDATE_DONE;
    }
    uint64_t seen = *entry;
    bool swapped = false;
    if (!unit->ops.mem_cmpxchg64(unit->ops.ctx, addr, &seen, *entry | set, &swapped)) {
        return UPDATE_FAILED;
    }
    if (!swapped) {
        *entry = seen;
        return UPDATE_RETRY;
    }
    unit->counters.ad_updates++;
    *entry |= set;
    return UPDATE_DONE;
}

void walk_begin(struct walk *walk, struct model_unit *unit, const struct model_request *request,
                bool fresh)
{
    bool data = request->at != MODEL_TRANSLATION;
    *walk = (struct walk){
        .unit = unit,
        .request = request,
        .addr = request->addr,
        .fresh = fresh,
        .want_read = data && request->op != MODEL_WRITE,
        .want_write = data && request->op != MODEL_READ,
        .zero_length = request->op == MODEL_READ && request->len == 0,
        .priv = request->has_pasid && request->priv,
        .pasid = request->pasid,
    };
}

/* --- rights --- */

bool mapping_reads(const struct walk *walk, const struct mapping *m)
{
    return m->ss_read && (m->fs_user || walk->priv);
}

bool mapping_writes(const struct walk *walk, const struct mapping *m)
{
    bool first = m->fs_write || (walk->priv && !walk->wpe); /* VT-d 3.6.1 */
    return m->ss_write && first && (m->fs_user || walk->priv);
}

unsigned permission_check(const struct walk *walk, const struct mapping *m)
{
    if (!m->fs_user && !walk->priv) {
        return SGN_2;
    }
    if (walk->want_write && !mapping_writes(walk, m)) {
        return walk->legacy ? LGN_2 : SGN_6;
    }
    if (walk->want_read && !mapping_reads(walk, m)) {
        bool exempt = walk->zero_length && m->ss_write && cap(walk->unit, CAP_ZLR);
        if (!exempt) {
            return walk->legacy ? LGN_3 : SGN_7;
        }
    }
    return 0;
}

/* --- mode, VT-d Table 30 rows RTA.1 to RTA.5 --- */

unsigned mode_check(struct walk *walk)
{
    const struct model_unit *unit = walk->unit;
    const struct model_request *request = walk->request;
    bool ssirwe = (unit->root & BIT(7)) != 0;
    switch (ttm(unit)) {
    case TTM_LEGACY:
        if (request->has_pasid) {
            return walk->page_request ? RTA_3 : RTA_2;
        }
        if (walk->page_request) {
            return RTA_3;
        }
        return ssirwe ? RTA_1 : 0;
    case TTM_SCALABLE:
        if (!ecap(unit, ECAP_SMTS)) {
            return RTA_1;
        }
        break;
    case TTM_ABORT:
        return ecap(unit, ECAP_ADMS) ? RTA_4 : RTA_1;
    default:
        return RTA_1;
    }
    if (request->has_pasid && request->exec && ver_major(unit) >= 8) {
        return RTA_5;
    }
    return 0;
}

/* --- IOTLB --- */

static const unsigned shifts[3] = {12, 21, 30};

static uint64_t iotlb_page_key(uint64_t addr, unsigned shift)
{
    return (addr & ~(BIT(shift) - 1)) | (shift - 11) / 9;
}

static uint64_t iotlb_source_key(const struct model_request *request)
{
    /* Requests without PASID hit only entries that such requests allocated (VT-d 6.2.1). */
    uint64_t key = request->sid;
    return request->has_pasid ? key | BIT(16) | (uint64_t)request->pasid << 17 : key;
}

static struct iotlb_entry *iotlb_find(const struct model_unit *unit,
                                      const struct model_request *request, uint64_t addr)
{
    uint64_t source = iotlb_source_key(request);
    for (unsigned i = 0; i < 3; i++) {
        struct node *node = cache_find(&unit->iotlb, iotlb_page_key(addr, shifts[i]), source);
        if (node != NULL) {
            return (struct iotlb_entry *)node;
        }
    }
    return NULL;
}

static struct iotlb_entry *iotlb_new(const struct walk *walk, unsigned shift)
{
    struct iotlb_entry *e = calloc(1, sizeof(*e));
    if (e == NULL) {
        abort();
    }
    e->node.k1 = iotlb_page_key(walk->addr, shift);
    e->node.k2 = iotlb_source_key(walk->request);
    e->pasid = walk->pasid;
    e->did = walk->did;
    e->kind = (uint8_t)walk->kind;
    e->shift = (uint8_t)shift;
    e->fpd = walk->fpd;
    e->sre = walk->sre;
    e->wpe = walk->wpe;
    e->rid_priv = walk->rid_priv;
    return e;
}

static void iotlb_keep(const struct walk *walk, const struct mapping *m)
{
    struct iotlb_entry *e = iotlb_new(walk, m->shift);
    e->hpa = m->hpa & ~(BIT(m->shift) - 1);
    e->fs_write = m->fs_write;
    e->fs_user = m->fs_user;
    e->ss_read = m->ss_read;
    e->ss_write = m->ss_write;
    e->dirty = m->dirty;
    e->force_snoop = m->force_snoop;
    cache_insert(&walk->unit->iotlb, &e->node);
}

static void iotlb_keep_fault(const struct walk *walk, unsigned reason)
{
    struct iotlb_entry *e = iotlb_new(walk, 12);
    e->reason = (uint8_t)reason;
    cache_insert(&walk->unit->iotlb, &e->node);
}

/* The reason for a cached "not present" of legacy mode depends on the access that hits it. */
static unsigned cached_reason(const struct walk *walk, unsigned reason)
{
    if (reason == LGN_2 || reason == LGN_3) {
        return walk->want_write ? LGN_2 : LGN_3;
    }
    return reason;
}

static bool iotlb_use(struct walk *walk, const struct iotlb_entry *e, struct mapping *out,
                      unsigned *reason)
{
    const struct model_request *request = walk->request;
    if (request->has_pasid && request->exec) {
        return false;
    }
    if (e->reason == 0 && walk->want_write && !e->dirty) {
        return false; /* D must be set first */
    }
    walk->legacy = ttm(walk->unit) == TTM_LEGACY;
    walk->fpd |= e->fpd;
    walk->did = e->did;
    walk->pasid = e->pasid;
    walk->kind = (enum model_kind)e->kind;
    walk->wpe = e->wpe;
    walk->rid_priv = e->rid_priv;
    walk->priv = request->has_pasid ? request->priv : e->rid_priv;
    if (e->reason != 0) {
        *reason = cached_reason(walk, e->reason);
        return true;
    }
    *out = (struct mapping){
        .hpa = e->hpa | (walk->addr & (BIT(e->shift) - 1)), .shift = e->shift,
        .fs_write = e->fs_write, .fs_user = e->fs_user, .ss_read = e->ss_read,
        .ss_write = e->ss_write, .dirty = e->dirty, .force_snoop = e->force_snoop,
    };
    *reason = walk->priv && !e->sre && !walk->legacy ? SPT_6 : permission_check(walk, out);
    return true;
}

/* --- the walk proper --- */

static unsigned pasid_request_check(const struct walk *walk)
{
    const struct model_request *request = walk->request;
    if (request->has_pasid && request->exec && !ecap(walk->unit, ECAP_ERS)) {
        return SPT_5;
    }
    return walk->priv && !walk->sre ? SPT_6 : 0;
}

static unsigned pass_through(struct walk *walk, struct mapping *out)
{
    if (walk->addr >> walk->unit->config.haw != 0) {
        return walk->legacy ? LGN_1 : SGN_4;
    }
    *out = (struct mapping){.hpa = walk->addr, .shift = 30, .fs_write = true, .fs_user = true,
                            .ss_read = true, .ss_write = true, .dirty = true,
                            .force_snoop = walk->pgsnp};
    return 0;
}

static unsigned second_stage_only(struct walk *walk, struct mapping *out)
{
    struct ss_result ss;
    if (walk->addr >> walk->ss_width != 0) {
        return walk->legacy ? LGN_1 : SGN_5;
    }
    bool writes = walk->want_write ||
                  (walk->request->at == MODEL_TRANSLATION && !walk->request->no_write);
    unsigned reason = second_stage_walk(walk, walk->addr, writes, &ss);
    if (reason != 0) {
        return reason;
    }
    *out = (struct mapping){.hpa = ss.hpa, .shift = ss.shift, .fs_write = true, .fs_user = true,
                            .ss_read = ss.read, .ss_write = ss.write, .dirty = ss.dirty,
                            .force_snoop = walk->pgsnp || ss.snoop};
    return 0;
}

unsigned walk_tables(struct walk *walk, struct mapping *out)
{
    out->force_snoop = walk->pgsnp;
    switch (walk->kind) {
    case MODEL_KIND_PASS_THROUGH:
        return pass_through(walk, out);
    case MODEL_KIND_SECOND_STAGE:
        return second_stage_only(walk, out);
    default:
        return first_stage_walk(walk, out);
    }
}

unsigned structures_find(struct walk *walk)
{
    unsigned reason = context_find(walk);
    if (reason == 0) {
        reason = context_check_request(walk);
    }
    if (reason != 0 || walk->legacy || walk->request->at == MODEL_TRANSLATED) {
        return reason;
    }
    reason = pasid_find(walk);
    return reason != 0 ? reason : pasid_request_check(walk);
}

/* AT=10b: the address is host physical already (VT-d 4.2.4 without HPT). */
static unsigned translated(struct walk *walk, struct mapping *out)
{
    walk->kind = MODEL_KIND_TRANSLATED;
    *out = (struct mapping){.hpa = walk->addr, .shift = 12, .fs_write = true, .fs_user = true,
                            .ss_read = true, .ss_write = true, .dirty = true};
    if (walk->addr >> walk->unit->config.haw != 0) {
        return walk->legacy ? LGN_1 : SGN_4;
    }
    return in_interrupt_range(walk->addr) ? (walk->legacy ? LGN_4 : SGN_8) : 0;
}

static unsigned walk_and_keep(struct walk *walk, struct mapping *out)
{
    struct model_unit *unit = walk->unit;
    bool keep = !walk->fresh && !unit->config.no_caches;
    unsigned reason = walk_tables(walk, out);
    if (reason != 0) {
        if (keep && walk->cache_fault && cap(unit, CAP_CM)) {
            iotlb_keep_fault(walk, reason);
        }
        return reason;
    }
    reason = permission_check(walk, out);
    /* Only a translation without a fault is kept; with CM=1 also a refusal of the second stage (VT-d 6.2.4.1). */
    bool second = walk->kind == MODEL_KIND_SECOND_STAGE;
    if (keep && (reason == 0 || (second && cap(unit, CAP_CM)))) {
        iotlb_keep(walk, out);
    }
    return reason;
}

unsigned translate_page(struct walk *walk, struct mapping *out)
{
    struct model_unit *unit = walk->unit;
    const struct model_request *request = walk->request;
    unsigned reason = mode_check(walk);
    if (reason != 0) {
        return reason;
    }
    bool fast = !walk->fresh && request->at == MODEL_UNTRANSLATED && unit->iotlb.count != 0;
    if (fast) {
        const struct iotlb_entry *e = iotlb_find(unit, request, walk->addr);
        if (e != NULL && iotlb_use(walk, e, out, &reason)) {
            unit->counters.iotlb_hits++;
            goto check_output;
        }
    }
    if (!walk->fresh) {
        unit->counters.iotlb_misses++;
    }
    reason = structures_find(walk);
    if (reason != 0) {
        return reason;
    }
    if (request->at == MODEL_TRANSLATED) {
        return translated(walk, out);
    }
    if (request->at == MODEL_TRANSLATION && !walk->fresh) {
        const struct iotlb_entry *e = iotlb_find(unit, request, walk->addr);
        if (e != NULL && (e->dirty || request->no_write) &&
            iotlb_use(walk, e, out, &reason)) {
            goto check_output;
        }
    }
    reason = walk_and_keep(walk, out);
check_output:
    if (reason == 0 && in_interrupt_range(out->hpa)) {
        return walk->legacy ? LGN_4 : SGN_8;
    }
    return reason;
}
