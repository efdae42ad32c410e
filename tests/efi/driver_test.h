/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The driver on QEMU's unit: what the parts of this program share. A case is a name and a
 * function that checks; the first failed check of a case is its verdict, printed as
 *
 *     ok NAME
 *     FAIL NAME: what was not
 */
#ifndef NESTOR_TESTS_EFI_DRIVER_TEST_H
#define NESTOR_TESTS_EFI_DRIVER_TEST_H

#include "iommu/domain/domain.h"
#include "tests/efi/e1000e.h"
#include "tests/efi/edu.h"
#include "tests/efi/nvme.h"

#define UNIT_BASE 0xfed90000ull     /* q35 */
/* Above all memory and below 39 bits: nothing answers there untranslated. */
#define IOVA_BASE 0x4000000000ull
#define MEMORY_END 0x100000000ull
#define SIZE_2M 0x200000ull
#define SIZE_1G 0x40000000ull

enum {
    HOST_WIDTH = 48,        /* DMAR's, on q35 */
    SLOTS = 8,              /* pages of a window under load */
    POOL_PAGES = 2048,      /* 8 MiB for data, of which 2 MiB-aligned parts are taken */
};

struct bench {
    struct vtd_unit *unit;
    struct vtd_unit_info info;
    struct domain *base;    /* identity over memory, and the load window */
    u32 levels;
    struct edu edu;
    struct testdev testdev;
    struct nvme nvme;
    struct e1000e nic;
    hpa_t pool;             /* 2 MiB aligned */
    hpa_t window;           /* SLOTS pages: where base maps IOVA_BASE to */
};

void case_begin(const char *name, ...) __attribute__((format(printf, 1, 2)));
bool check(bool good, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void case_end(void);
u32 case_failures(void);

/* Takes the unit over from whatever state it is in, with everything on an identity map; and gives it back. */
bool bench_take(struct bench *b);
void bench_release(struct bench *b);
bool bench_domain(const struct bench *b, u64 page_sizes, struct domain **out);
/* What a device needs besides its data: its rings, mapped to themselves. */
bool bench_map_rings(const struct bench *b, struct domain *d);
bool bench_attach(const struct bench *b, struct domain *d, u16 sid);
bool bench_detach(const struct bench *b, struct domain *d, u16 sid);
/* Takes all pending faults; returns how many there were. */
u32 bench_drain(const struct bench *b);

/* Words that say where they belong. */
void fill(hpa_t at, u64 seed, u64 bytes);
bool is_filled(hpa_t at, u64 seed, u64 bytes);

void test_move(struct bench *b);
void test_faults(struct bench *b);
void test_load(struct bench *b);
void test_leftovers(struct bench *b);

#endif
