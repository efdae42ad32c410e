/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a unit's capabilities are good for. The order of the checks is the order of
 * what is worth saying: the first reason that rules an ability out.
 */
#include "iommu/spec/caps.h"

enum { LEVELS_4_OR_5 = 1 << 4 | 1 << 5 };

static const char *why_no_translation(u64 cap, u64 ecap)
{
    if (cap == ~0ull && ecap == ~0ull) {
        return "its registers read all ones: nothing is there";
    }
    if (vtd_ecap_get(ecap, VTD_ECAP_QI) == 0) {
        return "no queued invalidation (ECAP.QI = 0)";
    }
    if (vtd_cap_domain_ids(cap) == 0) {
        return "a reserved number of domain ids (CAP.ND = 7)";
    }
    if (vtd_cap_ss_levels(cap) == 0) {
        return "no second-stage page-table depth (CAP.SAGAW = 0)";
    }
    return NULL;
}

static const char *why_no_scalable(u64 cap, u64 ecap)
{
    if (vtd_ecap_get(ecap, VTD_ECAP_SMTS) == 0) {
        return "no scalable mode (ECAP.SMTS = 0)";
    }
    if (vtd_ecap_get(ecap, VTD_ECAP_SSTS) == 0) {
        return "scalable mode without second stage (ECAP.SSTS = 0)";
    }
    if ((vtd_cap_ss_levels(cap) & LEVELS_4_OR_5) == 0) {
        return "no 4- or 5-level second stage (CAP.SAGAW)";
    }
    return NULL;
}

static const char *why_no_nesting(u64 ecap)
{
    if (vtd_ecap_get(ecap, VTD_ECAP_NEST) == 0) {
        return "no nested translation (ECAP.NEST = 0)";
    }
    if (vtd_ecap_get(ecap, VTD_ECAP_FSTS) == 0) {
        return "no first stage (ECAP.FSTS = 0)";
    }
    return NULL;
}

enum vtd_ability vtd_caps_ability(u64 cap, u64 ecap, const char **why)
{
    *why = why_no_translation(cap, ecap);
    if (*why != NULL) {
        return VTD_ABILITY_NONE;
    }
    *why = why_no_scalable(cap, ecap);
    if (*why != NULL) {
        /* Legacy entries hold the same second stage; SSTS says nothing about them. */
        return VTD_ABILITY_LEGACY;
    }
    *why = why_no_nesting(ecap);
    if (*why != NULL) {
        return VTD_ABILITY_SECOND_STAGE;
    }
    *why = "scalable mode with NEST, FSTS and SSTS";
    return VTD_ABILITY_NESTED;
}

const char *vtd_ability_text(enum vtd_ability ability)
{
    static const char *const texts[] = {
        [VTD_ABILITY_NONE] = "nothing",
        [VTD_ABILITY_LEGACY] = "second-stage only, legacy mode",
        [VTD_ABILITY_SECOND_STAGE] = "second-stage only",
        [VTD_ABILITY_NESTED] = "nested",
    };
    return (unsigned)ability < ARRAY_LEN(texts) ? texts[ability] : "unknown";
}
