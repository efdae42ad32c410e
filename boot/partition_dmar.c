/* SPDX-License-Identifier: BSD-2-Clause */
/* See partition_dmar.h. */
#include "boot/partition_dmar.h"

#include "boot/bytes.h"

enum { HEAD_BYTES = 12, UNIT_BYTES = 16, SCOPE_BYTES = 8 };

/* To the guest its bus is one of a host bridge's own, so the path is one step. */
static void put_scope(u8 *to, u16 source_id)
{
    bytes_put(to, VTD_SCOPE_ENDPOINT | SCOPE_BYTES << 8, 2);
    bytes_put(to + 2, 0, 3);
    to[5] = (u8)(source_id >> 8);
    to[6] = source_id >> 3 & 31;
    to[7] = source_id & 7;
}

static u32 put_unit(const struct partition_pci *pci, u32 index, u8 *to)
{
    const struct vtd_dmar_unit *unit = &pci->dmar->units[index];
    u32 pages = unit->window_size / (u32)PAGE_SIZE;
    u32 order = 0;
    u32 bytes = UNIT_BYTES;
    for (u32 i = 0; i < pci->count; i++) {
        const struct handover_function *f = &pci->functions[i];
        if (partition_pci_is_meant(pci, i) && f->unit == index) {
            put_scope(to + bytes, f->source_id);
            bytes += SCOPE_BYTES;
        }
    }
    while (1u << order < pages) {
        order++;
    }
    bytes_put(to, 0, 2);
    bytes_put(to + 2, bytes, 2);
    to[4] = 0;
    to[5] = (u8)order;
    bytes_put(to + 6, unit->segment, 2);
    bytes_put(to + 8, unit->base.v, 8);
    return bytes;
}

u32 partition_dmar(const struct partition_pci *pci, u8 to[PARTITION_DMAR])
{
    u32 bytes = HEAD_BYTES;
    for (u32 i = 0; pci->dmar != NULL && i < pci->dmar->unit_count; i++) {
        bytes += partition_pci_has_unit(pci, i) ? put_unit(pci, i, to + bytes) : 0;
    }
    if (bytes == HEAD_BYTES) {
        return 0;
    }
    bytes_put(to, pci->dmar->haw - 1, 1);
    bytes_put(to + 1, VTD_DMAR_INTR_REMAP, 8);
    bytes_put(to + 9, 0, 3);
    return bytes;
}
