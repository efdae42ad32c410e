/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A large machine: 20 units, 4 TiB, 2,000 functions of which one unit has half. What preparing it takes, and that its
 * guest meets no limit: each function in a domain of its own, on a pool as boot/room.c makes it for such a machine.
 *
 *   bench_size             "start: WORK #n  ns  instructions of what is not counted" lines, as bench_exit.c
 *   bench_size count       the same once, with a callgrind dump for each
 */
#include "tests/bench/exits.h"

#include "tests/support/machine_map.h"

#define GIB (1ull << 30)

/* The pool is what tests/unit/boot/test_room.c says, less what is 224 CPUs'. */
enum { UNITS = 20, FUNCTIONS = 2000, POOL_PAGES = (60 << 20) / 4096, GUEST_PAGES = 1 << 15 };
enum { R_GCMD = 0x18, R_RTADDR = 0x20, TE = 1u << 31, SRTP = 1 << 30 };

static struct machine_map machine;
static struct domain *domain;
static struct viommu *viommus[UNITS];
static u8 *guest;             /* its memory; gpa 0 is its begin */
static u64 guest_used = PAGE_SIZE;

static void must(bool good, const char *what)
{
    if (!good) {
        fprintf(stderr, "bench_size: %s\n", what);
        exit(1);
    }
}

static bool guest_read(void *ctx, gpa_t gpa, void *buf, size_t len)
{
    (void)ctx;
    memcpy(buf, guest + gpa.v, len);
    return true;
}

static bool guest_ram(void *ctx, gpa_t gpa, size_t len, hpa_t *out)
{
    (void)ctx, (void)len;
    out->v = gpa.v;
    return true;
}

static const struct guest_ops ops = {.read = guest_read, .ram = guest_ram, .interrupt = guest_interrupt,
                                     .has_cpus = guest_has_cpus, .has_sources = guest_has_sources};

static u64 *at(u64 gpa)
{
    return (u64 *)(void *)(guest + gpa);
}

static u64 page(void)
{
    guest_used += PAGE_SIZE;
    must(guest_used <= GUEST_PAGES * PAGE_SIZE, "guest memory");
    return guest_used - PAGE_SIZE;
}

/* --- preparation, as hv/main.c does it --- */

static struct viommu_quota quota;

static void prepare(void)
{
    const struct domain_config config = {.levels = 4, .page_sizes = PAGE_SIZE | 2ull << 20 | GIB, .coherent = true,
                                         .parent = true};
    must(domain_create(&config, &domain) == OK && ept_map_apply(&machine.map, domain) == OK, "the second stage");
    struct vtd_unit *units[UNITS];
    for (u16 i = 0; i < UNITS; i++) {
        struct vtd_default def;
        must(vtd_unit_probe(bench_unit_base(i), 0, i, 47, &units[i]) == OK, "probe");
        must(domain_unit_add(domain, units[i], &def) == OK && vtd_takeover(units[i], &def) == OK, "take over");
    }
    u32 pages = (u32)((bench_pool.pages - bench_pool.used) / 4 * 3);
    quota.pages = pages / 2;
    for (u32 i = 0; i < UNITS; i++) {
        const struct viommu_config viommu = {.unit = units[i], .parent = domain, .ops = &ops, .gpa_width = 48,
                                             .max_table_pages = pages / 2 / UNITS, .shared = &quota};
        must(viommu_create(&viommu, &viommus[i]) == OK, "the guest's unit");
    }
}

/* --- the guest --- */

static void list(u64 root, u16 sid, u16 did)
{
    u64 *half = &at(root)[sid >> 7];
    *half = *half != 0 ? *half : page() | 1;
    u64 directory = page();
    u64 table = page();
    at(*half & ~PAGE_MASK)[(sid & 0x7f) * 4] = directory | 1u << 3 | 1;
    at(directory)[0] = table | 1;
    at(table)[2] = page();
    at(table)[1] = 1u << 23 | did;
    at(table)[0] = 1 << 6 | 2 << 2 | 1;
}

static void finish(struct viommu *v, bool left)
{
    while (left) {
        u32 budget = VIOMMU_BUDGET;
        left = viommu_run(v, &budget);
    }
}

/* Half of the functions on the first unit, 16 on a bus there; the others spread, each on a bus of its own. */
static void boot(void)
{
    u64 roots[UNITS];
    for (u32 i = 0; i < UNITS; i++) {
        roots[i] = page();
    }
    for (u32 i = 0; i < FUNCTIONS; i++) {
        bool first = i < FUNCTIONS / 2;
        u32 n = first ? i : i - FUNCTIONS / 2;
        u32 unit = first ? 0 : 1 + n % (UNITS - 1);
        u16 sid = (u16)(first ? n / 16 << 8 | n % 16 : n / (UNITS - 1) << 8);
        list(roots[unit], sid, (u16)(1 + n));
    }
    for (u32 i = 0; i < UNITS; i++) {
        finish(viommus[i], viommu_mmio_write(viommus[i], R_RTADDR, 8, roots[i] | 1u << 10));
        finish(viommus[i], viommu_mmio_write(viommus[i], R_GCMD, 4, SRTP));
        finish(viommus[i], viommu_mmio_write(viommus[i], R_GCMD, 4, TE));
    }
    u64 bound = 0;
    for (u32 i = 0; i < UNITS; i++) {
        struct viommu_stats stats;
        viommu_get_stats(viommus[i], &stats);
        bound += stats.binds;
        must(stats.quota_refusals + stats.host_errors == 0, "a limit was met");
    }
    must(bound == FUNCTIONS, "a function is not bound");
}

int main(int argc, char **argv)
{
    exits.counting = argc > 1 && strcmp(argv[1], "count") == 0;
    guest = mmap(NULL, GUEST_PAGES * PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                 -1, 0);
    must(guest != MAP_FAILED, "guest memory");
    bench_reset(POOL_PAGES);
    machine_map_fill(&machine, 4096 * GIB);
    exits_begin();
    prepare();
    exits_end("start: 20 units, 4 TiB, 2,000 functions #0");
    boot();
    return 0;
}
