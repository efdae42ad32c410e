/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of bench.efi share: lines, and doorbells that are measured. */
#ifndef NESTOR_TESTS_EFI_BENCH_H
#define NESTOR_TESTS_EFI_BENCH_H

#include "tests/efi/guest_unit.h"

/* bench: NAME<tab>TICKS */
void bench_print(const char *name, u64 ticks);

/* Puts what `count` says on the ring; may change the tables that it is about. */
typedef void bench_fill(u32 count);

/* The lowest count for a doorbell that announces what `put` has queued; when it returns, all of it is done. */
void bench_doorbell(const char *name, bench_fill *put, u32 count, bool once);

/* A shadowed unit: pages, and tables of 1 GiB and of `gib` (0: no others) as a whole. */
void bench_shadow(u32 gib);

/* On a machine with a partition beside the root: ticks of loops. */
void bench_partition(void);

#endif
