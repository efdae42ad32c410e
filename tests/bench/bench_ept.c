/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What building the EPT costs, and how many table pages it takes, by the hypervisor's own code for memory maps
 * of real machines (tests/support/machine_map.h).
 *
 *   bench_ept              "name ns pages" lines
 *   bench_ept count        the same work once, with a callgrind dump for each case
 */
#include "iommu/domain/domain.h"

#include "tests/bench/port.h"
#include "tests/support/machine_map.h"

#include <time.h>
#include <valgrind/callgrind.h>

#define GIB (1ull << 30)

enum { POOL_PAGES = 1 << 12, ROUNDS = 9 };

static const struct { const char *name; u64 bytes; } machines[] = {
    {"EPT build, 2 GiB", 2 * GIB}, {"EPT build, 64 GiB", 64 * GIB}, {"EPT build, 1024 GiB", 1024 * GIB}};

static struct machine_map machine;

static void must(enum result r)
{
    if (r != OK) {
        fprintf(stderr, "bench: %s\n", result_text(r));
        exit(1);
    }
}

/* As the hypervisor does it if all page sizes exist and nothing is protected: one root for CPU and DMA. */
static struct domain *prepare(u64 bytes)
{
    const struct domain_config config = {.levels = 4, .page_sizes = PAGE_SIZE | 2ull << 20 | GIB,
                                         .coherent = true};
    struct domain *d;
    bench_reset(POOL_PAGES);
    machine_map_fill(&machine, bytes);
    must(domain_create(&config, &d));
    return d;
}

static void time_build(const char *name, u64 bytes)
{
    u64 best = ~0ull;
    u32 pages = 0;
    for (u32 round = 0; round < ROUNDS; round++) {
        struct domain *d = prepare(bytes);
        struct timespec from, to;
        clock_gettime(CLOCK_MONOTONIC, &from);
        must(ept_map_apply(&machine.map, d));
        clock_gettime(CLOCK_MONOTONIC, &to);
        u64 ns = (u64)(to.tv_sec - from.tv_sec) * 1000000000 + (u64)to.tv_nsec - (u64)from.tv_nsec;
        best = ns < best ? ns : best;
        pages = domain_table_pages(d);
        must(domain_destroy(d));
    }
    printf("%s\t%llu\t%u\n", name, best, pages);
}

static void count_build(const char *name, u64 bytes)
{
    struct domain *d = prepare(bytes);
    CALLGRIND_TOGGLE_COLLECT;
    must(ept_map_apply(&machine.map, d));
    CALLGRIND_TOGGLE_COLLECT;
    CALLGRIND_DUMP_STATS_AT(name);
    must(domain_destroy(d));
}

int main(int argc, char **argv)
{
    bool count = argc > 1 && strcmp(argv[1], "count") == 0;
    for (u32 i = 0; i < ARRAY_LEN(machines); i++) {
        (count ? count_build : time_build)(machines[i].name, machines[i].bytes);
    }
    return 0;
}
