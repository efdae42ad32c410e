/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What each invalidation removes from the DMA translation caches, to the letter of VT-d
 * 6.5.2 (Tables 23 and 24) and the tags of Table 17: never more than asked for, so that
 * a request that is too narrow leaves a stale entry to be seen.
 */
#include "tests/model/model_internal.h"

/* One value for every predicate below; each reads the members it names. */
struct selector {
    uint16_t did, sid, sid_mask;
    uint32_t pasid;
    uint64_t first, last;   /* inclusive address range */
    bool scalable, with_faulted;
};

static bool is_first_stage(const struct iotlb_entry *e)
{
    return e->kind == MODEL_KIND_FIRST_STAGE || e->kind == MODEL_KIND_NESTED;
}

static bool iotlb_overlaps(const struct iotlb_entry *e, const struct selector *s)
{
    uint64_t first = e->node.k1 & ~PAGE_OFFSET;
    uint64_t last = first + (BIT(e->shift) - 1);
    return first <= s->last && last >= s->first;
}

/* Structure caches are keyed by prefix | level; an entry of level n covers 2^(12+9n) bytes. */
static bool structure_overlaps(uint64_t k1, const struct selector *s)
{
    unsigned level = (unsigned)(k1 & 7);
    uint64_t first = k1 & ~PAGE_OFFSET;
    uint64_t last = first + (BIT(12 + 9 * (level - 1)) - 1);
    return first <= s->last && last >= s->first;
}

static struct selector range_of(uint16_t did, uint64_t addr, unsigned am)
{
    uint64_t size_mask = am >= 52 ? ~0ull : BIT(am + 12) - 1;
    return (struct selector){.did = did, .first = addr & ~size_mask, .last = addr | size_mask};
}

static uint16_t did_masked(const struct model_unit *unit, uint16_t did)
{
    return (uint16_t)(did & (BIT(did_width(unit)) - 1)); /* VT-d 6.5.2.3: upper bits ignored */
}

/* --- context cache, VT-d 6.5.2.1 --- */

static bool context_of_did(const struct node *node, const void *arg)
{
    return ((const struct context_entry *)node)->did == ((const struct selector *)arg)->did;
}

static bool context_of_device(const struct node *node, const void *arg)
{
    const struct selector *s = arg;
    const struct context_entry *e = (const struct context_entry *)node;
    if (((e->node.k1 ^ s->sid) & s->sid_mask) != 0) {
        return false;
    }
    return s->scalable || e->did == s->did;
}

void invalidate_context_global(struct model_unit *unit)
{
    cache_clear(&unit->contexts);
}

void invalidate_context_domain(struct model_unit *unit, uint16_t did)
{
    if (ttm(unit) == TTM_SCALABLE) {
        invalidate_context_global(unit); /* no DID tag in scalable mode */
        return;
    }
    struct selector s = {.did = did_masked(unit, did)};
    cache_remove_if(&unit->contexts, context_of_did, &s);
}

void invalidate_context_device(struct model_unit *unit, uint16_t did, uint16_t sid, unsigned fm)
{
    static const uint16_t function_bits[4] = {0, 4, 6, 7}; /* VT-d Table 21 */
    struct selector s = {.did = did_masked(unit, did), .sid = sid,
                         .sid_mask = (uint16_t)~function_bits[fm & 3],
                         .scalable = ttm(unit) == TTM_SCALABLE};
    cache_remove_if(&unit->contexts, context_of_device, &s);
}

/* --- PASID cache, VT-d 6.5.2.2 --- */

static bool pasid_of_did(const struct node *node, const void *arg)
{
    return ((const struct pasid_entry *)node)->did == ((const struct selector *)arg)->did;
}

static bool pasid_of_did_and_pasid(const struct node *node, const void *arg)
{
    const struct selector *s = arg;
    const struct pasid_entry *e = (const struct pasid_entry *)node;
    if (e->node.k2 != s->pasid) {
        return false;
    }
    return e->did == s->did || (s->with_faulted && e->reason != 0);
}

void invalidate_pasid_global(struct model_unit *unit)
{
    cache_clear(&unit->pasids);
}

void invalidate_pasid_domain(struct model_unit *unit, uint16_t did)
{
    struct selector s = {.did = did_masked(unit, did)};
    cache_remove_if(&unit->pasids, pasid_of_did, &s);
}

void invalidate_pasid_one(struct model_unit *unit, uint16_t did, uint32_t pasid)
{
    struct selector s = {.did = did_masked(unit, did), .pasid = pasid,
                         .with_faulted = unit->config.tolerate_linux};
    cache_remove_if(&unit->pasids, pasid_of_did_and_pasid, &s);
}

/* --- IOTLB and paging-structure caches --- */

static bool iotlb_of_did(const struct node *node, const void *arg)
{
    return ((const struct iotlb_entry *)node)->did == ((const struct selector *)arg)->did;
}

static bool iotlb_page_in_domain(const struct node *node, const void *arg)
{
    const struct iotlb_entry *e = (const struct iotlb_entry *)node;
    const struct selector *s = arg;
    if (e->did != s->did) {
        return false;
    }
    return is_first_stage(e) || iotlb_overlaps(e, s);
}

static bool iotlb_of_pasid(const struct node *node, const void *arg)
{
    const struct iotlb_entry *e = (const struct iotlb_entry *)node;
    const struct selector *s = arg;
    return e->did == s->did && e->pasid == s->pasid;
}

static bool iotlb_page_in_pasid(const struct node *node, const void *arg)
{
    const struct iotlb_entry *e = (const struct iotlb_entry *)node;
    const struct selector *s = arg;
    return e->did == s->did && e->pasid == s->pasid && is_first_stage(e) && iotlb_overlaps(e, s);
}

static uint64_t fs_key(const struct selector *s)
{
    return s->did | (uint64_t)s->pasid << 16;
}

static bool fs_of_did(const struct node *node, const void *arg)
{
    return (node->k2 & 0xffff) == ((const struct selector *)arg)->did;
}

static bool fs_of_pasid(const struct node *node, const void *arg)
{
    return node->k2 == fs_key(arg);
}

static bool fs_page_in_pasid(const struct node *node, const void *arg)
{
    return node->k2 == fs_key(arg) && structure_overlaps(node->k1, arg);
}

static bool ss_of_did(const struct node *node, const void *arg)
{
    return node->k2 == ((const struct selector *)arg)->did;
}

static bool ss_page_in_domain(const struct node *node, const void *arg)
{
    return ss_of_did(node, arg) && structure_overlaps(node->k1, arg);
}

void invalidate_iotlb_global(struct model_unit *unit)
{
    cache_clear(&unit->iotlb);
    cache_clear(&unit->fs);
    cache_clear(&unit->ss);
}

void invalidate_iotlb_domain(struct model_unit *unit, uint16_t did)
{
    struct selector s = {.did = did_masked(unit, did)};
    cache_remove_if(&unit->iotlb, iotlb_of_did, &s);
    cache_remove_if(&unit->fs, fs_of_did, &s);
    cache_remove_if(&unit->ss, ss_of_did, &s);
}

void invalidate_iotlb_page(struct model_unit *unit, uint16_t did, uint64_t addr, unsigned am,
                           bool ih)
{
    struct selector s = range_of(did_masked(unit, did), addr, am);
    cache_remove_if(&unit->iotlb, iotlb_page_in_domain, &s);
    cache_remove_if(&unit->fs, fs_of_did, &s);
    if (!ih) {
        cache_remove_if(&unit->ss, ss_page_in_domain, &s);
    }
}

void invalidate_piotlb_pasid(struct model_unit *unit, uint16_t did, uint32_t pasid)
{
    struct selector s = {.did = did_masked(unit, did), .pasid = pasid};
    cache_remove_if(&unit->iotlb, iotlb_of_pasid, &s);
    cache_remove_if(&unit->fs, fs_of_pasid, &s);
}

void invalidate_piotlb_page(struct model_unit *unit, uint16_t did, uint32_t pasid, uint64_t addr,
                            unsigned am, bool ih)
{
    struct selector s = range_of(did_masked(unit, did), addr, am);
    s.pasid = pasid;
    cache_remove_if(&unit->iotlb, iotlb_page_in_pasid, &s);
    if (!ih) {
        cache_remove_if(&unit->fs, fs_page_in_pasid, &s);
    }
}

void invalidate_all(struct model_unit *unit)
{
    invalidate_context_global(unit);
    invalidate_pasid_global(unit);
    invalidate_iotlb_global(unit);
}
