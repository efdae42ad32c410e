/* SPDX-License-Identifier: BSD-2-Clause */
/* See paging.h. */
#include "hv/machine/paging.h"

#include "hv/machine/x86.h"
#include "iommu/port.h"

enum { ENTRY_PRESENT = 1, ENTRY_WRITE = 2, LAST_ENTRY = 511 };

static u64 root;
static hpa_t wide_root;

/* The two ends of the wide address space are those of four levels. */
enum result paging_create(u64 page_table, bool narrow)
{
    root = page_table;
    if (narrow || (cr4_read() & CR4_LA57) || !(msr_read(MSR_VMX_CR4_FIXED1) & CR4_LA57)) {
        return OK;
    }
    enum result r = port_pages_alloc(1, &wide_root);
    if (r == OK) {
        u64 *table = port_hpa_to_ptr(wide_root);
        u64 entry = root | ENTRY_PRESENT | ENTRY_WRITE;
        table[0] = entry;
        table[LAST_ENTRY] = entry;
    }
    return r;
}

u64 paging_root(void)
{
    return root;
}

hpa_t paging_wide_root(void)
{
    return wide_root;
}
