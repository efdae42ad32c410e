/* SPDX-License-Identifier: BSD-2-Clause */
/* Stacks with guard pages, in Nestor's own page tables: see stack.h. */
#include "hv/machine/stack.h"

#include "hv/machine/paging.h"
#include "hv/machine/x86.h"
#include "iommu/port.h"

#define STACKS_BASE 0xffffffffc0000000ull
#define STACK_SLOT 0x10000ull
#define PTE_PRESENT 1ull
#define PTE_WRITABLE 2ull
#define PTE_NX (1ull << 63)
#define PTE_ADDRESS 0x000ffffffffff000ull

enum { PAGE_NMI = 1, PAGE_FAULT = 3, PAGE_MAIN = 5, MAIN_PAGES = 3, PAGE_MACHINE_CHECK = 9 };

static enum result next_table(u64 *entry, u64 **out)
{
    if (!(*entry & PTE_PRESENT)) {
        hpa_t page;
        enum result r = port_pages_alloc(1, &page);
        if (r != OK) {
            return r;
        }
        *entry = page.v | PTE_PRESENT | PTE_WRITABLE;
    }
    *out = port_hpa_to_ptr((hpa_t){*entry & PTE_ADDRESS});
    return OK;
}

static enum result map_page(u64 at, hpa_t page)
{
    u64 *table = port_hpa_to_ptr((hpa_t){paging_root() & PTE_ADDRESS});
    for (int shift = cr4_read() & CR4_LA57 ? 48 : 39; shift > 12; shift -= 9) {
        enum result r = next_table(&table[at >> shift & 511], &table);
        if (r != OK) {
            return r;
        }
    }
    table[at >> 12 & 511] = page.v | PTE_PRESENT | PTE_WRITABLE | PTE_NX;
    return OK;
}

/* count pages from `first` of the slot; *end is where a stack there starts. */
static enum result map_stack(u32 index, u32 first, u32 count, u64 *end)
{
    u64 at = STACKS_BASE + index * STACK_SLOT + first * PAGE_SIZE;
    for (u32 i = 0; i < count; i++, at += PAGE_SIZE) {
        hpa_t page;
        enum result r = port_pages_alloc(1, &page);
        if (r == OK) {
            r = map_page(at, page);
        }
        if (r != OK) {
            return r;
        }
    }
    *end = at;
    return OK;
}

enum result stack_create(u32 index, struct stacks *out)
{
    enum result r = map_stack(index, PAGE_NMI, 1, &out->nmi);
    if (r == OK) {
        r = map_stack(index, PAGE_FAULT, 1, &out->fault);
    }
    if (r == OK) {
        r = map_stack(index, PAGE_MAIN, MAIN_PAGES, &out->main);
    }
    if (r == OK) {
        r = map_stack(index, PAGE_MACHINE_CHECK, 1, &out->machine_check);
    }
    return r;
}
