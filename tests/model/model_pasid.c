/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * PASID directory and PASID table entries (VT-d 9.5, 9.6), the PASID cache, and the
 * translation parameters that an entry sets for the walkers.
 */
#include "tests/model/model_internal.h"

#include <stdlib.h>
#include <string.h>

enum { PE_P = 0, PE_FPD = 1, PE_SSADE = 9 };       /* in word 0 */
enum { PE_PWSNP = 23, PE_PGSNP = 24, PE_CD = 25, PE_EMTE = 26 }; /* in word 1 */
enum { PE_SRE = 0, PE_WPE = 4, PE_EAFE = 7 };      /* in word 2 */

static void reserved_masks(const struct model_unit *unit, uint64_t mask[8])
{
    uint64_t high = bits(63, unit->config.haw);
    uint64_t pointer = bits(unit->config.haw - 1, 12);
    mask[0] = BIT(5) | bits(11, 10) | high;
    mask[1] = bits(22, 16) | bits(31, 27) | bits(15, did_width(unit));
    mask[2] = BIT(1) | bits(11, 8) | high;
    mask[3] = ~0ull;
    mask[4] = ~0ull;
    mask[5] = ~0ull;
    mask[6] = ~0ull;
    mask[7] = ~0ull;
    if (!ecap(unit, ECAP_SSTS)) {
        mask[0] |= pointer | BIT(PE_SSADE) | (unit->config.tolerate_linux ? 0 : bits(4, 2));
    }
    if (!ecap(unit, ECAP_SSADS)) {
        mask[0] |= BIT(PE_SSADE);
    }
    if (!ecap(unit, ECAP_SMPWCS)) {
        mask[1] |= BIT(PE_PWSNP);
    }
    if (!ecap(unit, ECAP_SC)) {
        mask[1] |= BIT(PE_PGSNP);
    }
    if (!ecap(unit, ECAP_MTS)) {
        mask[1] |= BIT(PE_CD) | BIT(PE_EMTE) | bits(63, 32);
    }
    if (!ecap(unit, ECAP_SRS)) {
        mask[2] |= BIT(PE_SRE);
    }
    if (!ecap(unit, ECAP_FSTS)) {
        mask[2] |= bits(3, 2) | BIT(PE_WPE) | pointer;
    }
    if (!ecap(unit, ECAP_EAFS)) {
        mask[2] |= BIT(PE_EAFE);
    }
    if (ecap(unit, ECAP_HPTS)) {
        mask[4] = bits(11, 3) | high;
        mask[5] = bits(63, did_width(unit));
    }
}

static bool pgtt_is_supported(const struct model_unit *unit, unsigned pgtt)
{
    switch (pgtt) {
    case PGTT_FIRST:
        return ecap(unit, ECAP_FSTS);
    case PGTT_SECOND:
        return ecap(unit, ECAP_SSTS);
    case PGTT_NESTED:
        return ecap(unit, ECAP_NEST);
    case PGTT_PASS_THROUGH:
        return ecap(unit, ECAP_PT);
    default:
        return false;
    }
}

static unsigned pasid_entry_check(const struct model_unit *unit, const uint64_t w[8])
{
    uint64_t mask[8];
    reserved_masks(unit, mask);
    for (unsigned i = 0; i < 8; i++) {
        if ((w[i] & mask[i]) != 0) {
            return SPT_3;
        }
    }
    unsigned pgtt = (unsigned)field(w[0], 8, 6);
    unsigned aw = (unsigned)field(w[0], 4, 2);
    unsigned fspm = (unsigned)field(w[2], 3, 2);
    if (!pgtt_is_supported(unit, pgtt)) {
        return SPT_4; /* SPT.4.2 */
    }
    bool second = pgtt == PGTT_SECOND || pgtt == PGTT_NESTED;
    if (second && !aw_is_supported(unit, aw)) {
        return SPT_4; /* SPT.4.1 */
    }
    /* SPT.4.3; VT-d 9.6 calls FSPM ignored for no PGTT, unlike FSPTPTR, WPE and EAFE. */
    if (fspm > 1 || (fspm == 1 && !cap(unit, CAP_FS5LP))) {
        return SPT_4;
    }
    if (pgtt == PGTT_NESTED && (w[2] & ~PAGE_OFFSET) >> second_stage_width(unit, aw) != 0) {
        return SPT_4; /* SPT.4.4 */
    }
    return 0;
}

static unsigned pasid_entry_read(struct walk *walk, uint64_t w[8], bool *fpd)
{
    struct model_unit *unit = walk->unit;
    uint64_t directory = walk->context[0] & ~PAGE_OFFSET;
    uint64_t pde;
    if (!table_read(walk, directory + (walk->pasid >> 6) * 8ull, &pde, sizeof(pde))) {
        return SPD_1;
    }
    *fpd = (pde & BIT(1)) != 0;
    if ((pde & 1) == 0) {
        return SPD_2;
    }
    if ((pde & (bits(11, 2) | bits(63, unit->config.haw))) != 0) {
        return SPD_3;
    }
    uint64_t entry = (pde & ~PAGE_OFFSET) + (walk->pasid & 63) * 64ull;
    for (unsigned i = 0; i < 8; i += 2) {
        if (!table_read(walk, entry + i * 8, w + i, 16)) {
            return SPT_1;
        }
    }
    *fpd |= (w[0] & BIT(PE_FPD)) != 0;
    if ((w[0] & BIT(PE_P)) == 0) {
        return SPT_2;
    }
    return pasid_entry_check(unit, w);
}

static void pasid_keep(struct walk *walk, unsigned reason, bool fpd)
{
    struct model_unit *unit = walk->unit;
    if (walk->fresh || unit->config.no_caches || (reason != 0 && !cap(unit, CAP_CM))) {
        return;
    }
    struct pasid_entry *e = calloc(1, sizeof(*e));
    if (e == NULL) {
        abort();
    }
    e->node.k1 = walk->request->sid;
    e->node.k2 = walk->pasid;
    memcpy(e->w, walk->pasid_entry, sizeof(e->w));
    e->reason = (uint8_t)reason;
    e->fpd = fpd;
    e->did = reason == 0 ? (uint16_t)field(e->w[1], 15, 0) : 0;
    cache_insert(&unit->pasids, &e->node);
}

static void decode(struct walk *walk)
{
    static const enum model_kind kinds[] = {
        [PGTT_FIRST] = MODEL_KIND_FIRST_STAGE, [PGTT_SECOND] = MODEL_KIND_SECOND_STAGE,
        [PGTT_NESTED] = MODEL_KIND_NESTED, [PGTT_PASS_THROUGH] = MODEL_KIND_PASS_THROUGH,
    };
    const uint64_t *w = walk->pasid_entry;
    walk->kind = kinds[field(w[0], 8, 6)];
    walk->did = (uint16_t)field(w[1], 15, 0);
    walk->snooped_walk = ecap(walk->unit, ECAP_SMPWCS) && (w[1] & BIT(PE_PWSNP)) != 0;
    walk->pgsnp = (w[1] & BIT(PE_PGSNP)) != 0;
    walk->sre = (w[2] & BIT(PE_SRE)) != 0;
    walk->wpe = (w[2] & BIT(PE_WPE)) != 0;
    walk->eafe = (w[2] & BIT(PE_EAFE)) != 0;
    walk->fs_root = w[2] & ~PAGE_OFFSET;
    walk->fs_levels = field(w[2], 3, 2) == 1 ? 5 : 4;
    if (walk->kind == MODEL_KIND_SECOND_STAGE || walk->kind == MODEL_KIND_NESTED) {
        walk->ssade = (w[0] & BIT(PE_SSADE)) != 0;
        second_stage_select(walk, w[0] & ~PAGE_OFFSET, (unsigned)field(w[0], 4, 2));
    }
}

unsigned pasid_find(struct walk *walk)
{
    struct model_unit *unit = walk->unit;
    const struct pasid_entry *e = NULL;
    unsigned reason;
    if (!walk->fresh && !unit->config.no_caches) {
        e = (const struct pasid_entry *)cache_find(&unit->pasids, walk->request->sid,
                                                   walk->pasid);
        if (e != NULL) {
            unit->counters.pasid_hits++;
        } else {
            unit->counters.pasid_misses++;
        }
    }
    if (e != NULL) {
        memcpy(walk->pasid_entry, e->w, sizeof(walk->pasid_entry));
        walk->fpd |= e->fpd;
        reason = e->reason;
    } else {
        bool fpd = false;
        reason = pasid_entry_read(walk, walk->pasid_entry, &fpd);
        walk->fpd |= fpd;
        pasid_keep(walk, reason, fpd);
    }
    if (reason == 0) {
        decode(walk);
    }
    return reason;
}
