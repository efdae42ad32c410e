/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a change of the second stage costs, and a look at it: the table code alone (ptab_*), and with the lock and the
 * checks of a domain (domain_*). Each case has regions of its own; what is said of a table holds for all of them.
 *
 *   bench_tables           "name ns" lines, of domain_*
 *   bench_tables count     each case once, a dump of callgrind: "name" for domain_*, "name, ptab" for ptab_*
 */
#include "iommu/domain/domain.h"
#include "iommu/ptab/ptab.h"

#include "tests/bench/port.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <valgrind/callgrind.h>

#define K4 (1ull << 12)
#define M2 (1ull << 21)
#define G1 (1ull << 30)
#define G512 (1ull << 39)
#define LAST (M2 - K4)
#define NOTHING ~0ull

enum { POOL_PAGES = 1 << 17, ROUNDS = 9, RWX = PROT_READ | PROT_WRITE | PROT_EXEC };

/* A region: where the pages in question are, and one page of 4 KiB that is there before and after. */
struct layout {
    const char *name;
    u64 page_sizes, at, size;
    u64 other;        /* the page that stays, NOTHING for none */
    u64 apart;        /* regions, at least twice the size, too */
    u32 batch;        /* regions timed together */
    bool roots;       /* two, that diverge */
};

static const struct layout changes[] = {
    {"4K page", K4, 0, K4, LAST, M2, 512, false},
    {"4K page, in another GiB than the last", K4, 0, K4, LAST, G1, 128, false},
    {"4K page in slot 256, only its neighbour stays", K4, 256 * K4, K4, 257 * K4, M2, 512, false},
    {"4K page in slot 0, only slot 510 stays", K4, 0, K4, 510 * K4, M2, 512, false},
    {"4K page, alone in its table", K4, 0, K4, M2, 2 * M2, 128, false},
    {"4K page, alone in its GiB", K4, 0, K4, G1, 2 * G1, 128, false},
    {"4K page, alone in its 512 GiB", K4, 0, K4, NOTHING, G512, 128, false},
    {"16 4K pages", K4, 0, 16 * K4, LAST, M2, 512, false},
    {"256 4K pages", K4, 0, 256 * K4, LAST, M2, 512, false},
    {"2M as 4K pages, a whole table", K4, 0, M2, M2, 2 * M2, 256, false},
    {"64M as 4K pages", K4, 0, 32 * M2, 32 * M2, 64 * M2, 16, false},
    {"1G as 4K pages", K4, 0, G1, G1, 2 * G1, 1, false},
    {"2M page", K4 | M2, 0, M2, G1 - K4, G1, 128, false},
    {"2M page in slot 0, only slot 510 stays", K4 | M2, 0, M2, 510 * M2, G1, 128, false},
    {"2M page, alone in its table", K4 | M2, 0, M2, G1, 2 * G1, 128, false},
    {"64M as 2M pages", K4 | M2, 0, 32 * M2, G1 - K4, G1, 64, false},
    {"64M and 4K: 32 2M pages and a 4K page", K4 | M2, 0, 32 * M2 + K4, G1 - K4, G1, 64, false},
    {"1G as 2M pages", K4 | M2, 0, G1, G1, 2 * G1, 8, false},
    {"1G page", K4 | M2 | G1, 0, G1, G512 - K4, G512, 8, false},
    {"4K page, two roots", K4 | M2 | G1, 0, K4, LAST, M2, 512, true},
    {"256 4K pages, two roots", K4 | M2 | G1, 0, 256 * K4, LAST, M2, 512, true},
};

/* In `at` is a leaf of the largest page that fits, and is looked up or, but for a page of 4 KiB, taken away. */
static const struct layout looks[] = {
    {"walk to a 4K page", K4, 0, K4, NOTHING, M2, 512, false},
    {"walk to a 2M page", K4 | M2, 0, M2, NOTHING, G1, 128, false},
    {"walk to a 1G page", K4 | M2 | G1, 0, G1, NOTHING, G1, 128, false},
};
static const struct layout splits[] = {
    {"2M page, a 4K page in it is unmapped", K4 | M2, 0, M2, NOTHING, G1, 128, false},
};

/* One of the two: what is measured. */
struct subject {
    struct domain *domain;
    struct ptab tables;
};

static void must(enum result r)
{
    if (r != OK) {
        fprintf(stderr, "bench: %s\n", result_text(r));
        exit(1);
    }
}

static void check(bool claim, const char *what)
{
    if (!claim) {
        fprintf(stderr, "bench: %s\n", what);
        exit(1);
    }
}

static void create(struct subject *s, const struct layout *l, bool domain)
{
    const struct domain_config config = {.levels = 4, .page_sizes = l->page_sizes, .coherent = true,
                                         .dma_root = l->roots};
    bench_reset(POOL_PAGES);
    s->domain = NULL;
    if (domain) {
        must(domain_create(&config, &s->domain));
    } else {
        must(ptab_create(&s->tables, &second_stage_format, 4, l->page_sizes, true, l->roots));
    }
}

static void destroy(struct subject *s)
{
    if (s->domain != NULL) {
        must(domain_flush(s->domain, (gpa_t){0}, 0));
        must(domain_destroy(s->domain));
    } else {
        ptab_destroy(&s->tables);
    }
}

static void map(struct subject *s, u64 addr, u64 size)
{
    must(s->domain != NULL ? domain_map(s->domain, (gpa_t){addr}, (hpa_t){addr}, size, RWX, MEM_WB)
                           : ptab_map(&s->tables, addr, (hpa_t){addr}, size, second_stage_bits(RWX, MEM_WB)));
}

static void unmap(struct subject *s, u64 addr, u64 size)
{
    u64 bytes;
    must(s->domain != NULL ? domain_unmap(s->domain, (gpa_t){addr}, size, &bytes)
                           : ptab_unmap(&s->tables, addr, size, &bytes));
    check(bytes == size, "something was not mapped");
}

static void look(struct subject *s, u64 addr, u64 size)
{
    struct domain_mapping m = {.size = 0};
    struct ptab_leaf leaf = {.size = 0};
    bool found = s->domain != NULL ? domain_walk(s->domain, (gpa_t){addr}, &m) == OK
                                   : ptab_walk(&s->tables, s->tables.root, addr, &leaf);
    check(found && m.size + leaf.size == size, "no page of that size");
}

static void split(struct subject *s, u64 addr, u64 size)
{
    unmap(s, addr + size / 2, K4);
}

static u64 region(const struct layout *l, u32 i)
{
    u64 apart = l->apart > 2 * l->size ? l->apart : 2 * l->size;
    return (i + 1) * apart;
}

typedef void operation(struct subject *s, u64 addr, u64 size);
struct step { const char *verb; operation *run; };
static const struct step map_and_unmap[] = {{"map ", map}, {"unmap ", unmap}};
static const struct step look_up[] = {{"", look}};
static const struct step take_part[] = {{"", split}};

/* Regions are as the first step finds them: for a look and a split, mapped. */
static void prepare(struct subject *s, const struct layout *l, bool domain, bool mapped, u32 regions)
{
    create(s, l, domain);
    for (u32 i = 0; i < regions; i++) {
        if (l->other != NOTHING) {
            map(s, region(l, i) + l->other, K4);
        }
        if (mapped) {
            map(s, region(l, i) + l->at, l->size);
        }
    }
}

static u64 now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (u64)t.tv_sec * 1000000000 + (u64)t.tv_nsec;
}

/* The best of some rounds: what the code costs, not what else the machine does. */
static void time_layout(const struct layout *l, const struct step *steps, u32 count, bool mapped)
{
    u64 best[2] = {~0ull, ~0ull};
    for (u32 round = 0; round < ROUNDS; round++) {
        struct subject s;
        prepare(&s, l, true, mapped, l->batch);
        for (u32 k = 0; k < count; k++) {
            u64 began = now_ns();
            for (u32 i = 0; i < l->batch; i++) {
                steps[k].run(&s, region(l, i) + l->at, l->size);
            }
            u64 ns = now_ns() - began;
            best[k] = ns < best[k] ? ns : best[k];
        }
        destroy(&s);
    }
    for (u32 k = 0; k < count; k++) {
        printf("%s%s\t%.1f\n", steps[k].verb, l->name, (double)best[k] / l->batch);
    }
}

/* Of two equal operations the second: the tables' last change is in the first one's region. */
static void count_layout(const struct layout *l, const struct step *steps, u32 count, bool mapped)
{
    for (u32 domain = 0; domain < 2; domain++) {
        struct subject s;
        prepare(&s, l, domain != 0, mapped, 2);
        for (u32 k = 0; k < count; k++) {
            char name[120];
            snprintf(name, sizeof(name), "%s%s%s", steps[k].verb, l->name, domain ? "" : ", ptab");
            steps[k].run(&s, region(l, 0) + l->at, l->size);
            CALLGRIND_TOGGLE_COLLECT;
            steps[k].run(&s, region(l, 1) + l->at, l->size);
            CALLGRIND_TOGGLE_COLLECT;
            CALLGRIND_DUMP_STATS_AT(name);
        }
        destroy(&s);
    }
}

int main(int argc, char **argv)
{
    void (*each)(const struct layout *, const struct step *, u32, bool) =
        argc > 1 && strcmp(argv[1], "count") == 0 ? count_layout : time_layout;
    for (u32 i = 0; i < ARRAY_LEN(changes); i++) {
        each(&changes[i], map_and_unmap, ARRAY_LEN(map_and_unmap), false);
    }
    for (u32 i = 0; i < ARRAY_LEN(looks); i++) {
        each(&looks[i], look_up, ARRAY_LEN(look_up), true);
    }
    for (u32 i = 0; i < ARRAY_LEN(splits); i++) {
        each(&splits[i], take_part, ARRAY_LEN(take_part), true);
    }
    return 0;
}
