/* SPDX-License-Identifier: BSD-2-Clause */
/* See device.h. */
#include "hv/device/device.h"

#include "hv/device/pci.h"
#include "hv/partition/partition.h"
#include "iommu/port.h"

static struct device all[HANDOVER_FUNCTIONS];
static u32 count;

/* What is said of it lies in its BARs, whatever boot/ has checked. */
static bool is_sound(const struct handover_function *f)
{
    bool sound = f->segment == 0 && partition_get(1 + f->partition) != NULL;
    for (u32 i = 0; i < HANDOVER_BARS; i++) {
        const struct handover_bar *b = &f->bars[i];
        sound = sound && (b->size & (b->size - 1)) == 0 && (b->size == 0 || (b->base & (b->size - 1)) == 0);
    }
    if (f->msix == 0) {
        return sound;
    }
    u64 table = f->msix_table_bar < HANDOVER_BARS ? f->bars[f->msix_table_bar].size : 0;
    u64 pending = f->msix_pending_bar < HANDOVER_BARS ? f->bars[f->msix_pending_bar].size : 0;
    return sound && table != 0 && f->msix_table + 16ull * f->msix_vectors <= table && f->msix_pending < pending;
}

/* Of the ports only those of configuration space; a partition's exit all. */
static void keep(struct partition *p)
{
    enum { ADDRESS = 0xcf8, DATA = 0xcfc, DATA_PORTS = 4 };
    p->has_configuration = true;
    partition_open_ports(p, ADDRESS, 1);
    partition_open_ports(p, DATA, DATA_PORTS);
}

enum result device_create(const struct handover *h)
{
    pci_init(h->ecam_base, h->ecam_first_bus, h->ecam_last_bus);
    for (count = 0; count < h->function_count; count++) {
        const struct handover_function *f = &h->functions[count];
        if (!is_sound(f)) {
            port_log(LOG_ERROR, "PCI function %#x is not as it should be", f->source_id);
            return ERR_INVALID;
        }
        all[count] = (struct device){.owner = partition_get(1 + f->partition), .function = f};
        keep(all[count].owner);
        keep(partition_get(0));
    }
    return OK;
}

struct device *device_get(u32 i)
{
    return i < count ? &all[i] : NULL;
}

struct device *device_of(const struct partition *p, u16 source_id)
{
    for (u32 i = 0; i < count; i++) {
        if (all[i].owner == p && all[i].function->source_id == source_id) {
            return &all[i];
        }
    }
    return NULL;
}

static bool is_at(const struct handover_function *f, u64 address)
{
    bool found = false;
    for (u32 i = 0; i < HANDOVER_BARS; i++) {
        found |= !f->bars[i].port && address - f->bars[i].base < f->bars[i].size;
    }
    return found;
}

struct device *device_at(const struct partition *p, u64 gpa)
{
    for (u32 i = 0; i < count; i++) {
        if (all[i].owner == p && is_at(all[i].function, gpa)) {
            return &all[i];
        }
    }
    return NULL;
}
