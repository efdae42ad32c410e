/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The page tables that the hypervisor runs on, built once by the boot program: SDM volume
 * 3, chapter 4, four levels, or five where the firmware runs with five. Pure.
 */
#ifndef NESTOR_BOOT_PAGE_TABLES_H
#define NESTOR_BOOT_PAGE_TABLES_H

#include "hv/types.h"

struct page_tables {
    u8 *memory;              /* zeroed pages for tables */
    u64 physical;            /* address of the first of them */
    u32 pages, used;
    u32 levels;              /* 4 or 5 */
    bool huge;               /* 1 GiB pages may be used */
};

enum page_rights { PAGE_READ = 0, PAGE_WRITE = 1 << 0, PAGE_EXECUTE = 1 << 1 };

/* Takes the root, which is at tables->physical. */
must_use enum result page_tables_create(struct page_tables *t);
/*
 * Maps with the largest pages that fit; everything is page-aligned. ERR_EXISTS: something is mapped
 * there already. ERR_NO_MEMORY: no table pages are left.
 */
must_use enum result page_tables_map(struct page_tables *t, u64 virtual, u64 physical, u64 size,
                                     u32 rights);
/* An upper bound of the tables that the image and a direct map of [0, end) take. */
u32 page_tables_needed(u64 end, bool huge);

#endif
