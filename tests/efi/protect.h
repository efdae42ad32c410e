/* SPDX-License-Identifier: BSD-2-Clause */
/* The region that test_protect has protected, as protect_before.c fills it and protect.c attacks it. */
#ifndef NESTOR_TESTS_EFI_PROTECT_H
#define NESTOR_TESTS_EFI_PROTECT_H

enum {
    REGION = 0x10000000, REGION_PAGES = 16, REGION_BYTES = REGION_PAGES << 12,
    REGION_DATA = REGION + 0x4000,      /* behind a first stage of four tables */
    OUTSIDE = 0x10100000,               /* a page that is not protected */
    IOVA_DATA = 0x1000, IOVA_OUTSIDE = 0x2000,
};

/* Entries of a first stage: present, writable, user; neither accessed nor dirty. */
enum { FIRST_STAGE_LINK = 7 };

/* Four tables from `at` on: IOVA_DATA leads to REGION_DATA, IOVA_OUTSIDE to OUTSIDE. */
static inline void region_tables(unsigned long long *at)
{
    enum { WORDS = 512 };
    for (int level = 0; level < 3; level++) {
        at[level * WORDS] = (unsigned long long)&at[(level + 1) * WORDS] | FIRST_STAGE_LINK;
    }
    at[3 * WORDS + (IOVA_DATA >> 12)] = REGION_DATA | FIRST_STAGE_LINK;
    at[3 * WORDS + (IOVA_OUTSIDE >> 12)] = OUTSIDE | FIRST_STAGE_LINK;
}

#endif
