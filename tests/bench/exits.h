/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What bench_exit.c and bench_size.c share, defined here: a guest that has every CPU and every source-id, and a
 * measured piece of work with what is not counted in it, as instructions: register accesses, pages that are cleared
 * and flushed, guest memory that is copied. 50 us are 100,000 instructions, an uncached register access being 1,000
 * of them, a line that is flushed 100.
 */
#ifndef NESTOR_BENCH_EXITS_H
#define NESTOR_BENCH_EXITS_H

#include "iommu/domain/domain.h"
#include "iommu/viommu/viommu.h"
#include "tests/bench/port.h"

#include <time.h>
#include <valgrind/callgrind.h>

enum { EXITS_ACCESS = 1000, EXITS_FLUSH = 64 * 100, EXITS_CLEAR = 512 };

static struct {
    bool counting;               /* by callgrind */
    u64 copied, ns;
    u64 accesses, pages, flushed, copied_before;
} exits;

static void guest_interrupt(void *ctx, u64 addr, u32 data)
{
    (void)ctx, (void)addr, (void)data;
}

static bool guest_has_cpus(void *ctx, u32 cluster, u32 mask)
{
    (void)ctx, (void)cluster, (void)mask;
    return true;
}

static bool guest_has_sources(void *ctx, u16 first, u16 last)
{
    (void)ctx;
    return first <= last;
}

static u64 exits_now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (u64)t.tv_sec * 1000000000 + (u64)t.tv_nsec;
}

static void exits_begin(void)
{
    exits.accesses = bench_seen.accesses;
    exits.pages = bench_seen.pages;
    exits.flushed = bench_seen.flushed;
    exits.copied_before = exits.copied;
    exits.ns = exits_now_ns();
    if (exits.counting) {
        CALLGRIND_TOGGLE_COLLECT;
    }
}

static void exits_end(const char *name)
{
    if (exits.counting) {
        CALLGRIND_TOGGLE_COLLECT;
    }
    u64 ns = exits_now_ns() - exits.ns;
    if (exits.counting) {
        CALLGRIND_DUMP_STATS_AT(name);
    }
    printf("%s\t%llu\t%llu\n", name, ns,
           (bench_seen.accesses - exits.accesses) * EXITS_ACCESS + (bench_seen.pages - exits.pages) * EXITS_CLEAR +
               (bench_seen.flushed - exits.flushed) * EXITS_FLUSH + (exits.copied - exits.copied_before) / 8);
}

#endif
