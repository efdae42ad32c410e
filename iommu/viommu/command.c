/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The transitions of the guest's unit, and what the devices go through after each:
 *
 *   TE 0 -> 1   scalable root   guest root, what the guest lists, all else blocked
 *               any other root  guest root, empty: every request faults
 *   SRTP, TE=1  scalable root   what differs is bound again, the rest stays
 *               any other root  everything unbound: every request faults
 *   TE 1 -> 0                   off root (second stage), then everything unbound
 *   SRTP, TE=0                  nothing; TE will read the tables
 *   reset                       as TE 1 -> 0, at once
 *
 * No transition passes through an untranslated state: both roots are the host's and
 * the unit's own TE never falls.
 */
#include "iommu/viommu/command.h"

#include "iommu/base/limit.h"
#include "iommu/port.h"
#include "iommu/spec/caps.h"
#include "iommu/viommu/desc.h"
#include "iommu/viommu/event.h"
#include "iommu/viommu/fault.h"
#include "iommu/viommu/host.h"
#include "iommu/viommu/irt.h"
#include "iommu/viommu/report.h"
#include "iommu/viommu/scan.h"

static bool root_has_tables(const struct viommu *v)
{
    return vtd_rtaddr_ttm(v->active_root) == v->kind->ttm;
}

static bool select_root(struct viommu *v, bool guest)
{
    enum result r = viommu_host_select_root(v, guest);
    if (r != OK && limit_due_at(++v->stats.host_errors)) {
        port_log(LOG_ERROR, "viommu: partition %u: the unit did not take the %s root: %s",
                 v->config.partition, guest ? "guest" : "off", result_text(r));
    }
    return r == OK;
}

/*
 * A scan of this command's own; true when it is done. One that was under way for something else is no part of it:
 * what a teardown has passed is not bound, what another root listed is not to stay.
 */
static bool scan(struct viommu *v, enum scan_kind kind)
{
    struct viommu_command *c = &v->command;
    if (!c->scanning || c->restart || c->scan_kind != kind || c->scan_root != v->active_root) {
        viommu_scan_start(v, kind);
        c->scanning = true;
        c->restart = false;
        c->scan_kind = kind;
        c->scan_root = v->active_root;
    }
    if (!viommu_scan_run(v)) {
        return false;
    }
    c->scanning = false;
    return true;
}

static bool run_translate_on(struct viommu *v)
{
    if (!scan(v, root_has_tables(v) ? SCAN_EVERYTHING : SCAN_TEARDOWN)) {
        return false;
    }
    if (!select_root(v, true)) {
        return true; /* TES stays 0: the guest sees that its unit does not answer */
    }
    v->reg[VREG_GSTS] |= GSTS_TES;
    return true;
}

static bool run_translate_off(struct viommu *v)
{
    if (viommu_translating(v)) {
        viommu_report_ending(v);
        if (!select_root(v, false)) {
            return true;
        }
        v->reg[VREG_GSTS] &= ~(u64)GSTS_TES;
        viommu_fault_restart_index(v);
    }
    return scan(v, SCAN_TEARDOWN);
}

static bool run_set_root(struct viommu *v)
{
    bool live = viommu_translating(v);
    if (live && !scan(v, root_has_tables(v) ? SCAN_EVERYTHING : SCAN_TEARDOWN)) {
        return false;
    }
    v->reg[VREG_GSTS] |= GSTS_RTPS;
    return true;
}

/* What the events' destinations mean changes with it, so they are looked at again. */
static bool run_interrupts(struct viommu *v)
{
    bool remapping = viommu_remapping(v);
    bool left = viommu_irt_command_run(v);
    if (viommu_remapping(v) != remapping) {
        viommu_event_forward(v, true);
        viommu_event_forward(v, false);
    }
    return left;
}

/* CCMD, VT-d 11.4.6.1. */
static void start_contexts(struct viommu *v)
{
    const u64 *ccmd = &v->reg[VREG_CCMD];
    if (field_get(ccmd, CCMD_CIRG) == CONTEXT_CACHE_DEVICE) {
        viommu_scan_start_device(v, (u16)field_get(ccmd, CCMD_SID), (u8)field_get(ccmd, CCMD_FM));
    } else {
        viommu_scan_start(v, SCAN_CONTEXTS);
    }
}

/* IOTLB and IVA, VT-d 11.4.6.3, with the granularity that IAIG will say. */
static void start_addresses(struct viommu *v)
{
    static const enum viommu_granularity of[] = {[IOTLB_GLOBAL] = VGRAN_GLOBAL, [IOTLB_DOMAIN] = VGRAN_DOMAIN,
                                                 [IOTLB_PAGE] = VGRAN_PAGE};
    const u64 *iotlb = &v->reg[VREG_IOTLB];
    const struct viommu_cmd cmd = {.kind = VCMD_IOTLB, .granularity = of[field_get(iotlb, IOTLB_IAIG)],
                                   .did = (u16)(field_get(iotlb, IOTLB_DID) & vtd_cap_did_mask(v->cap)),
                                   .reach = v->reg[VREG_IVA]};
    (void)v->kind->announce(v, &cmd);
}

/* Register-based invalidation of a unit whose tables are read: the command falls when all of it is done. */
static bool run_register(struct viommu *v, bool *asked, void (*start)(struct viommu *v))
{
    struct viommu_command *c = &v->command;
    if (!viommu_has_tables(v)) { /* not any more */
        v->scan.kind = SCAN_IDLE;
        c->scanning = false;
        *asked = false;
        return true;
    }
    if (!c->scanning) {
        start(v);
        c->scanning = true;
        c->scan_kind = v->scan.kind;
        c->scan_root = v->active_root;
    }
    if (!viommu_scan_run(v)) {
        return false;
    }
    c->scanning = false;
    *asked = false;
    return true;
}

static bool run_registers(struct viommu *v)
{
    struct viommu_command *c = &v->command;
    u64 *ccmd = &v->reg[VREG_CCMD];
    if (c->contexts) {
        if (!run_register(v, &c->contexts, start_contexts)) {
            return false;
        }
        field_set(ccmd, CCMD_CAIG, field_get(ccmd, CCMD_CIRG));
        field_set(ccmd, CCMD_ICC, 0);
    }
    if (c->addresses) {
        if (!run_register(v, &c->addresses, start_addresses)) {
            return false;
        }
        field_set(&v->reg[VREG_IOTLB], IOTLB_IVT, 0);
    }
    return true;
}

bool viommu_command_run(struct viommu *v)
{
    struct viommu_command *c = &v->command;
    if (v->queue.scanning) { /* the one scan there is belongs to a descriptor: it comes first */
        return viommu_command_is_asked(v) || c->queue_off;
    }
    if (c->set_root) {
        if (!run_set_root(v)) {
            return true;
        }
        c->set_root = false;
    }
    if (c->translate) {
        if (!(c->te_target ? run_translate_on(v) : run_translate_off(v))) {
            return true;
        }
        c->translate = false;
    }
    if ((c->contexts || c->addresses) && !run_registers(v)) {
        return true;
    }
    return (viommu_irt_is_asked(v) && run_interrupts(v)) || c->queue_off;
}
