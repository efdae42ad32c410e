/* SPDX-License-Identifier: BSD-2-Clause */
/* See nested.h. A table of the guest's is a nested domain of its own. */
#include "iommu/viommu/nested.h"

#include "iommu/port.h"
#include "iommu/spec/caps.h"
#include "iommu/viommu/fault.h"
#include "iommu/viommu/perform.h"
#include "iommu/viommu/scan.h"

/* Without these there is nothing to offer. */
static bool can_nest(const struct host_unit *unit)
{
    return unit->nesting && vtd_ecap_get(unit->ecap, VTD_ECAP_QI) != 0 &&
           vtd_ecap_get(unit->ecap, VTD_ECAP_NEST) != 0 && vtd_ecap_get(unit->ecap, VTD_ECAP_SMTS) != 0 &&
           vtd_ecap_get(unit->ecap, VTD_ECAP_FSTS) != 0;
}

enum result viommu_nested_check(const struct viommu_config *config, const struct host_unit *unit)
{
    return can_nest(unit) ? domain_make_parent(config->parent) : ERR_UNSUPPORTED;
}

static enum result make(struct viommu *v, const struct bind_plan *plan, void **host)
{
    struct nested *nested = NULL;
    const struct nested_config config = {
        .flags = (plan->sre ? NESTED_SRE : 0u) | (plan->eafe ? NESTED_EAFE : 0u) |
                 (plan->wpe ? NESTED_WPE : 0u),
        .pgtbl_addr = plan->table.v,
        .addr_width = fs_level_shift(plan->levels + 1),
        .guest_did = plan->guest_did,
    };
    enum result r = nested_create(v->config.parent, &config, &nested);
    *host = nested;
    return r;
}

/* One that something still uses is not destroyed. */
static void drop(struct viommu *v, const struct bind_plan *plan, void *host)
{
    (void)v;
    (void)plan;
    if (nested_destroy(host) != OK) {
        port_log(LOG_ERROR, "viommu: a nested domain is still in use, its memory is lost");
    }
}

static enum result attach(struct viommu *v, void *host, u16 sid, u32 pasid)
{
    return nested_attach(host, v->config.unit, v->root, sid, pasid);
}

static enum result replace(struct viommu *v, void *host, u16 sid, u32 pasid)
{
    return nested_replace(host, v->config.unit, v->root, sid, pasid);
}

static enum result detach(struct viommu *v, void *host, u16 sid, u32 pasid)
{
    return nested_detach(host, v->config.unit, v->root, sid, pasid);
}

/* There is no table that Nestor would read. */
static bool run_tables(struct viommu *v)
{
    (void)v;
    return true;
}

const struct viommu_kind viommu_nested = {
    .ttm = TTM_SCALABLE,
    .caps = &viommu_caps_nested,
    .root = viommu_walk_root,
    .context = viommu_walk_context,
    .make = make,
    .attach = attach,
    .replace = replace,
    .detach = detach,
    .drop = drop,
    .sync = viommu_scan_pasids,
    .announce = viommu_perform_iotlb,
    .run_tables = run_tables,
    .tidy = run_tables,
    .fault = viommu_fault_nested,
};
