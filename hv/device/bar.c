/* SPDX-License-Identifier: BSD-2-Clause */
/* See bar.h. */
#include "hv/device/bar.h"

#include "hv/device/msix.h"
#include "hv/machine/access.h"
#include "iommu/port.h"

enum { ENTRY_BYTES = 16 };

/* Where gpa is from the beginning of the table. A function without MSI-X has one of no entries at its first BAR. */
static u64 in_table(const struct handover_function *f, u64 gpa)
{
    return gpa - f->bars[f->msix_table_bar].base - f->msix_table;
}

static bool has(const struct handover_function *f, u64 offset, u32 size)
{
    return offset < ENTRY_BYTES * (u64)f->msix_vectors && offset % ENTRY_BYTES + size <= ENTRY_BYTES;
}

/* A byte of it is in the table. */
static bool touches(const struct handover_function *f, u64 offset, u32 size)
{
    return offset < ENTRY_BYTES * (u64)f->msix_vectors || offset + (size - 1) < offset;
}

static u64 mapped(u64 gpa)
{
    return (u64)(uintptr_t)port_hpa_to_ptr((hpa_t){gpa});
}

/* What is in the table in part, or in two of its entries, is nothing. */
u64 bar_load(struct device *d, u64 gpa, u32 size)
{
    u64 at = in_table(d->function, gpa);
    if (!touches(d->function, at, size)) {
        return access_read(mapped(gpa), size);
    }
    if (!has(d->function, at, size)) {
        return bits_of_bytes(size);
    }
    u32 first = least(size, 4);
    u64 value = msix_read(d, (u32)at, first);
    return size > 4 ? value | (u64)msix_read(d, (u32)at + 4, 4) << 32 : value;
}

void bar_store(struct device *d, u64 gpa, u32 size, u64 value)
{
    u64 at = in_table(d->function, gpa);
    if (!touches(d->function, at, size)) {
        access_write(mapped(gpa), size, value);
    } else if (has(d->function, at, size)) {
        msix_write(d, (u32)at, least(size, 4), (u32)value);
        if (size > 4) {
            msix_write(d, (u32)at + 4, 4, (u32)(value >> 32));
        }
    }
}
