/* SPDX-License-Identifier: BSD-2-Clause */
/* See msix.h. An entry of the function's is written while it is masked, and only then. */
#include "hv/device/msix.h"

#include "drivers/mmio.h"
#include "hv/device/device.h"
#include "iommu/port.h"

static u64 word_at(const struct handover_function *f, u32 n, u32 word)
{
    u64 table = f->bars[f->msix_table_bar].base + f->msix_table;
    return (u64)(uintptr_t)port_hpa_to_ptr((hpa_t){table + n * sizeof(struct msix_entry) + word * sizeof(u32)});
}

static u32 table_pages(const struct handover_function *f)
{
    return (u32)((f->msix_vectors * sizeof(struct msix_entry) + PAGE_MASK) / PAGE_SIZE);
}

enum result msix_create(struct device *d)
{
    hpa_t pages;
    enum result r = port_pages_alloc(table_pages(d->function), &pages);
    if (r == OK) {
        d->interrupts.msix = port_hpa_to_ptr(pages);
    }
    return r;
}

void msix_begin(struct device *d)
{
    for (u32 n = 0; n < d->function->msix_vectors; n++) {
        d->interrupts.msix[n] = (struct msix_entry){{[MSIX_CONTROL] = MSIX_MASKED}};
        mmio_write32(word_at(d->function, n, MSIX_CONTROL), MSIX_MASKED);
    }
}

static bool is_word(const struct device *d, u32 offset, u32 size)
{
    return size == sizeof(u32) && offset % sizeof(u32) == 0 &&
           offset / sizeof(struct msix_entry) < d->function->msix_vectors;
}

static u32 entry_of(u32 offset)
{
    return offset / sizeof(struct msix_entry);
}

static u32 word_of(u32 offset)
{
    return offset % sizeof(struct msix_entry) / sizeof(u32);
}

u32 msix_read(struct device *d, u32 offset, u32 size)
{
    return is_word(d, offset, size) ? d->interrupts.msix[entry_of(offset)].words[word_of(offset)] : ~0u;
}

/* Read back, so that no message of before is sent once the guest goes on. */
static void set_control(const struct handover_function *f, u32 n, bool masked)
{
    mmio_write32(word_at(f, n, MSIX_CONTROL), masked ? MSIX_MASKED : 0);
    (void)mmio_read32(word_at(f, n, MSIX_CONTROL));
}

static void set_message(const struct device *d, u32 n)
{
    u64 address = interrupts_address(d, n);
    mmio_write32(word_at(d->function, n, MSIX_ADDRESS), (u32)address);
    mmio_write32(word_at(d->function, n, MSIX_UPPER), (u32)(address >> 32));
    mmio_write32(word_at(d->function, n, MSIX_DATA), 0);
}

/* The unit's entry first, then the function. */
static void store(struct device *d, u32 n, u32 word, u32 value)
{
    bool counts = msix_table_put(&d->interrupts.msix[n], word, value);
    if (counts) {
        const struct message m = msix_table_message(&d->interrupts.msix[n]);
        interrupts_point(d, n, &m);
    }
    if (word == MSIX_CONTROL) {
        if (counts) {
            set_message(d, n);
        }
        set_control(d->function, n, !counts);
    }
}

void msix_write(struct device *d, u32 offset, u32 size, u32 value)
{
    if (!is_word(d, offset, size)) {
        return;
    }
    spin_lock(&d->interrupts.lock);
    store(d, entry_of(offset), word_of(offset), value);
    spin_unlock(&d->interrupts.lock);
}
