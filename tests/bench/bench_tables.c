/*
 * What a change of the second stage costs. Each case is mapped and unmapped in a region of its
 * own, next to a page that stays, so that the way down to it exists, as it does in use.
 *
 *   bench_tables           "name ns" lines
 *   bench_tables count     the same work once, with a callgrind dump for each case
 */
#include "iommu/domain/domain.h"

#include "tests/bench/port.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <valgrind/callgrind.h>

#define K4 (1ull << 12)
#define M2 (1ull << 21)
#define G1 (1ull << 30)

enum { POOL_PAGES = 1 << 17, ROUNDS = 9 };

struct bench {
    const char *name;
    u64 page_sizes, size;
    u32 batch;        /* operations timed together */
    bool diverge;
    u64 apart;        /* regions, at least */
};

static const struct bench benches[] = {
    {"4K pages, 4K", K4, K4, 512, false, M2},
    {"4K pages, 4K, not the first there", K4, K4, 512, false, M2},
    {"4K pages, 4K, first in its GiB", K4, K4, 512, false, G1},
    {"4K pages, 64K", K4, 16 * K4, 512, false, M2},
    {"4K pages, 1M", K4, 256 * K4, 512, false, M2},
    {"4K pages, 2M", K4, M2, 256, false, M2},
    {"4K pages, 64M", K4, 32 * M2, 16, false, M2},
    {"4K pages, 1G", K4, G1, 1, false, M2},
    {"2M pages, 2M", K4 | M2, M2, 256, false, M2},
    {"2M pages, 64M", K4 | M2, 32 * M2, 64, false, M2},
    {"2M pages, 1G", K4 | M2, G1, 8, false, M2},
    {"1G pages, 1G", K4 | M2 | G1, G1, 8, false, M2},
    {"4K pages, 4K, two roots", K4 | M2 | G1, K4, 512, true, M2},
    {"4K pages, 1M, two roots", K4 | M2 | G1, 256 * K4, 512, true, M2},
};

static void must(enum result r)
{
    if (r != OK) {
        fprintf(stderr, "bench: %s\n", result_text(r));
        exit(1);
    }
}

static u64 now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (u64)t.tv_sec * 1000000000 + (u64)t.tv_nsec;
}

/* Regions are further apart than their size by one page, so each has tables of its own. */
static u64 region(const struct bench *b, u32 i)
{
    u64 span = b->apart > 2 * b->size ? b->apart : 2 * b->size;
    return (i + 1) * span;
}

static u64 kept_page(const struct bench *b, u32 i)
{
    return region(b, i) + (b->size < M2 ? M2 - K4 : b->size);
}

static struct domain *prepare(const struct bench *b)
{
    const struct domain_config config = {.levels = 4, .page_sizes = b->page_sizes,
                                         .coherent = true, .dma_root = b->diverge};
    struct domain *d;
    bench_reset(POOL_PAGES);
    must(domain_create(&config, &d));
    for (u32 i = 0; i < b->batch; i++) {
        must(domain_map(d, (gpa_t){kept_page(b, i)}, (hpa_t){K4}, K4, PROT_READ | PROT_WRITE,
                        MEM_WB));
    }
    return d;
}

static void map_one(struct domain *d, const struct bench *b, u32 i)
{
    gpa_t gpa = {region(b, i)};
    must(domain_map(d, gpa, (hpa_t){gpa.v}, b->size, PROT_READ | PROT_WRITE, MEM_WB));
}

static void unmap_one(struct domain *d, const struct bench *b, u32 i)
{
    gpa_t gpa = {region(b, i)};
    u64 bytes;
    must(domain_unmap(d, gpa, b->size, &bytes));
    if (bytes != b->size) {
        must(ERR_NOT_FOUND);
    }
}

/* What an operation costs here without the call that is to be measured. */
static void nothing(struct domain *d, const struct bench *b, u32 i)
{
    must(region(b, i) != 0 && d != NULL ? OK : ERR_INVALID);
}

typedef void operation(struct domain *d, const struct bench *b, u32 i);

static double timed(struct domain *d, const struct bench *b, operation *op)
{
    u64 began = now_ns();
    for (u32 i = 0; i < b->batch; i++) {
        op(d, b, i);
    }
    return (double)(now_ns() - began) / b->batch;
}

/* The best of several rounds: the cost of the code, not of whatever else the machine does. */
static void time_bench(const struct bench *b)
{
    double map = 1e18;
    double unmap = 1e18;
    for (u32 round = 0; round < ROUNDS; round++) {
        struct domain *d = prepare(b);
        double ns = timed(d, b, map_one);
        map = ns < map ? ns : map;
        ns = timed(d, b, unmap_one);
        unmap = ns < unmap ? ns : unmap;
        must(domain_flush(d, (gpa_t){0}, 0));
        must(domain_destroy(d));
    }
    printf("map %s\t%.1f\n", b->name, map);
    printf("unmap %s\t%.1f\n", b->name, unmap);
}

static void counted(const char *verb, struct domain *d, const struct bench *b, operation *op)
{
    char name[80];
    snprintf(name, sizeof(name), "%s%s", verb, op == nothing ? "" : b->name);
    CALLGRIND_TOGGLE_COLLECT;
    op(d, b, 0);
    CALLGRIND_TOGGLE_COLLECT;
    CALLGRIND_DUMP_STATS_AT(name);
}

static void count_bench(const struct bench *b)
{
    struct bench once = *b;
    struct domain *d;
    once.batch = 2; /* the domain's last change was not in the region that counts */
    d = prepare(&once);
    if (strstr(b->name, "not the first") != NULL) {
        must(domain_map(d, (gpa_t){region(b, 0) + K4}, (hpa_t){0}, K4, PROT_READ | PROT_WRITE,
                        MEM_WB));
    }
    if (b == benches) {
        counted("nothing", d, &once, nothing);
    }
    counted("map ", d, &once, map_one);
    counted("unmap ", d, &once, unmap_one);
    must(domain_flush(d, (gpa_t){0}, 0));
    must(domain_destroy(d));
}

int main(int argc, char **argv)
{
    bool count = argc > 1 && strcmp(argv[1], "count") == 0;
    for (u32 i = 0; i < ARRAY_LEN(benches); i++) {
        if (count) {
            count_bench(&benches[i]);
        } else {
            time_bench(&benches[i]);
        }
    }
    return 0;
}
