/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What attaching costs, on a machine of 16 and of 4,096 devices on four units.
 *
 *   bench_attach           "name ns" lines
 *   bench_attach count     the same work once, with a callgrind dump for each case
 */
#include "tests/bench/machine.h"

#include <time.h>
#include <valgrind/callgrind.h>

enum { POOL_PAGES = 1 << 18, TIMED = 256, ROUNDS = 9, PASID = 77777 };

static struct machine machine;
static struct nested *first[TIMED];
static struct nested *second[TIMED];

/* Each case works on PASID + i of the second device, or on page i beyond all RAM. */
static struct vtd_unit *unit(void)
{
    return machine_unit(&machine, 1);
}

static u16 sid(void)
{
    return machine_sid(&machine, 1);
}

static gpa_t page(u32 i)
{
    return (gpa_t){(8ull << 40) + i * PAGE_SIZE};
}

static void attach_nested(u32 i)
{
    machine_must(nested_attach(first[i], unit(), VTD_ROOT_GUEST, sid(), PASID + i));
}

static void replace_nested(u32 i)
{
    machine_must(nested_replace(second[i], unit(), VTD_ROOT_GUEST, sid(), PASID + i));
}

static void detach_nested(u32 i)
{
    machine_must(nested_detach(second[i], unit(), VTD_ROOT_GUEST, sid(), PASID + i));
}

static void map_page(u32 i)
{
    machine_must(domain_map(machine.parent, page(i), (hpa_t){0}, PAGE_SIZE,
                            PROT_READ | PROT_WRITE, MEM_WB));
}

static void flush_page(u32 i)
{
    machine_must(domain_flush(machine.parent, page(i), PAGE_SIZE));
}

static void unmap_page(u32 i)
{
    u64 bytes;
    machine_must(domain_unmap(machine.parent, page(i), PAGE_SIZE, &bytes));
}

static const struct { const char *name; void (*run)(u32 i); } cases[] = {
    {"attach nested", attach_nested}, {"replace nested", replace_nested},
    {"detach nested", detach_nested}, {"map 4K", map_page},
    {"flush 4K, 4 units", flush_page}, {"unmap 4K", unmap_page},
};

static void prepare(u32 devices)
{
    bench_reset(POOL_PAGES);
    machine_start(&machine, 4, 1ull << 40);
    machine_add_devices(&machine, devices);
    machine_add_pasids(&machine, devices * 4);
    for (u32 i = 0; i < TIMED; i++) {
        first[i] = machine_nest(&machine, PASID + i);
        second[i] = machine_nest(&machine, 2 * PASID + i);
        /* By now everything that is made only once exists: the unit's tables, pages of small objects. */
        attach_nested(i);
        replace_nested(i);
        detach_nested(i);
    }
    map_page(TIMED);
    map_page(TIMED + 1);
}

static void finish(void)
{
    for (u32 i = 0; i < TIMED; i++) {
        machine_must(nested_destroy(first[i]));
        machine_must(nested_destroy(second[i]));
    }
    machine_stop(&machine);
}

static u64 now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (u64)t.tv_sec * 1000000000 + (u64)t.tv_nsec;
}

static void time_all(u32 devices)
{
    double best[ARRAY_LEN(cases)];
    for (u32 round = 0; round < ROUNDS; round++) {
        for (u32 c = 0; c < ARRAY_LEN(cases); c++) {
            u64 began = now_ns();
            for (u32 i = 0; i < TIMED; i++) {
                cases[c].run(i);
            }
            double ns = (double)(now_ns() - began) / TIMED;
            best[c] = round == 0 || ns < best[c] ? ns : best[c];
        }
    }
    for (u32 c = 0; c < ARRAY_LEN(cases); c++) {
        printf("%s, %u devices\t%.1f\n", cases[c].name, devices, best[c]);
    }
}

static void counted(const char *name, void (*run)(u32 i))
{
    CALLGRIND_TOGGLE_COLLECT;
    run(0);
    CALLGRIND_TOGGLE_COLLECT;
    CALLGRIND_DUMP_STATS_AT(name);
}

static void count_all(u32 devices)
{
    char name[80];
    for (u32 c = 0; c < ARRAY_LEN(cases); c++) {
        snprintf(name, sizeof(name), "%s, %u devices", cases[c].name, devices);
        counted(name, cases[c].run);
    }
}

int main(int argc, char **argv)
{
    static const u32 sizes[] = {16, 4096};
    for (u32 i = 0; i < ARRAY_LEN(sizes); i++) {
        prepare(sizes[i]);
        (argc > 1 && strcmp(argv[1], "count") == 0 ? count_all : time_all)(sizes[i]);
        finish();
    }
    return 0;
}
