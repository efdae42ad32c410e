/* SPDX-License-Identifier: BSD-2-Clause */
/* See dma.h. Every unit of its segment is told, whichever it is behind: to the others its source-id is nobody's. */
#include "hv/device/dma.h"

#include "hv/device/device.h"
#include "hv/device/msi.h"
#include "hv/device/msix.h"
#include "hv/machine/units.h"
#include "hv/partition/partition.h"
#include "iommu/port.h"

enum result device_dma_create(void)
{
    struct device *d;
    enum result r = partition_sources_attach();
    for (u32 i = 0; r == OK && (d = device_get(i)) != NULL; i++) {
        d->interrupts.first = partition_sources_entries(i);
        r = d->function->msix != 0 ? msix_create(d) : OK;
    }
    return r;
}

static enum result block(const struct device *d, bool block)
{
    enum result all = OK;
    for (u32 i = 0; i < units_count(); i++) {
        enum result r = units_has_functions(i) ? vtd_own_block(units_get(i), d->function->source_id, block) : OK;
        if (r != OK) {
            port_log(LOG_ERROR, "partition %s: unit %u does not %s DMA of %#x: %s", d->owner->config->name, i,
                     block ? "block" : "admit", d->function->source_id, result_text(r));
            all = r;
        }
    }
    return all;
}

enum result device_dma_start(struct device *d)
{
    if (d->function->msi != 0) {
        msi_begin(d);
    }
    if (d->function->msix != 0) {
        msix_begin(d);
    }
    interrupts_begin(d);
    return block(d, false);
}

void device_dma_stop(struct device *d)
{
    (void)block(d, true);
    interrupts_end(d);
}

void device_dma_stop_all(const struct partition *p)
{
    struct device *d;
    for (u32 i = 0; (d = device_get(i)) != NULL; i++) {
        if (d->owner == p) {
            device_dma_stop(d);
        }
    }
}
