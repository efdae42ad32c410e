/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The devices of a guest for a person: what each of them goes through, as the host's tables have
 * it. When the guest turns its translation off (a shutdown, a kexec) its devices go back to the
 * second stage, so the report is printed just before.
 */
#include "iommu/viommu/report.h"

#include "iommu/base/limit.h"
#include "iommu/port.h"
#include "iommu/viommu/bindings.h"
#include "iommu/viommu/host.h"

enum { DEVICES_SHOWN = 16 };

static void report(struct viommu *v)
{
    u32 shown = 0;
    for (u32 sid = viommu_bindings_next_device(v, 0); sid < VIOMMU_SIDS;
         sid = viommu_bindings_next_device(v, sid + 1)) {
        if (shown++ < DEVICES_SHOWN) {
            viommu_host_show_device(v, (u16)sid);
        }
    }
    if (shown > DEVICES_SHOWN) {
        port_log(LOG_INFO, "  and %u more devices", shown - DEVICES_SHOWN);
    }
}

void viommu_report_ending(struct viommu *v)
{
    if (limit_due_at(++v->stats.translations)) {
        port_log(LOG_INFO, "partition %u turns its translation off; its devices so far:",
                 v->config.partition);
        report(v);
    }
}

void viommu_report_devices(struct viommu *v)
{
    spin_lock(&v->lock);
    report(v);
    spin_unlock(&v->lock);
}
