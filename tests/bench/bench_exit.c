/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the guest's unit and the status window take of one exit, in the works that a guest can make longest.
 *
 *   bench_exit             "exit: WORK #n  ns  instructions of what is not counted" lines, see exits.h
 *   bench_exit count       the same once, with a callgrind dump for each exit
 */
#include "tests/bench/exits.h"

#include "hv/guest/window.h"
#include "iommu/shadow/shadow.h"

enum { POOL_PAGES = 1 << 18, DEVICES = 120, BUS = 0x100, GIB = 1 << 30 };
enum { R_GCMD = 0x18, R_RTADDR = 0x20, R_IQT = 0x88, R_IQA = 0x90, TE = 1u << 31, SRTP = 1 << 30, QIE = 1 << 26 };
enum { FIRST_STAGE = 1, NO_SUCH_TYPE = 5 };

static struct viommu *viommu;
static struct vtd_unit *unit;
static struct domain *parent;
static u64 root, ring, tail;

static void must(enum result r)
{
    if (r != OK) {
        fprintf(stderr, "bench: %s\n", result_text(r));
        exit(1);
    }
}

/* --- the guest: its memory is the pool's --- */

static bool guest_read(void *ctx, gpa_t gpa, void *buf, size_t len)
{
    (void)ctx;
    exits.copied += len;
    if (gpa.v >= POOL_PAGES * PAGE_SIZE || len > POOL_PAGES * PAGE_SIZE - gpa.v) {
        return false;
    }
    memcpy(buf, bench_pool.base + gpa.v, len);
    return true;
}

static bool guest_ram(void *ctx, gpa_t gpa, size_t len, hpa_t *out)
{
    (void)ctx;
    out->v = gpa.v;
    return gpa.v < POOL_PAGES * PAGE_SIZE && len <= PAGE_SIZE;
}

static const struct guest_ops ops = {.read = guest_read, .ram = guest_ram, .interrupt = guest_interrupt,
                                     .has_cpus = guest_has_cpus, .has_sources = guest_has_sources};

static u64 pages(u32 count)
{
    hpa_t at;
    must(port_pages_alloc(count, &at));
    memset(bench_pool.base + at.v, 0, count * PAGE_SIZE);
    return at.v;
}

static u64 *at(u64 gpa)
{
    return (u64 *)(void *)(bench_pool.base + gpa);
}

static void list(u16 sid, u64 directory, u64 pdts)
{
    u64 *half = &at(root)[sid >> 7];
    *half = *half != 0 ? *half : pages(1) | 1;
    at(*half & ~PAGE_MASK)[(sid & 0x7f) * 4] = directory | pdts << 9 | 1u << 3 | 1;
}

static void put(u64 table, u32 index, u64 fs_root, u64 pgtt, u64 did)
{
    u64 *e = at(table) + 8 * index;
    e[2] = fs_root;
    e[1] = 1u << 23 | did;
    e[0] = pgtt << 6 | 2 << 2 | 1;
}

/* --- one exit after the other --- */

static void end(const char *work, u32 n)
{
    char name[80];
    snprintf(name, sizeof(name), "exit: %s #%u", work, n);
    exits_end(name);
}

/* The write and all that it leaves for later. */
static void measured(const char *work, u32 offset, u64 value)
{
    u32 n = 0;
    exits_begin();
    bool left = viommu_mmio_write(viommu, offset, offset == R_GCMD ? 4 : 8, value);
    end(work, n++);
    while (left) {
        u32 budget = VIOMMU_BUDGET;
        exits_begin();
        left = viommu_run(viommu, &budget);
        end(work, n++);
    }
}

static void quiet(u32 offset, u64 value)
{
    bool left = viommu_mmio_write(viommu, offset, offset == R_GCMD ? 4 : 8, value);
    while (left) {
        u32 budget = VIOMMU_BUDGET;
        left = viommu_run(viommu, &budget);
    }
}

static void queue(u64 w0, u64 w1)
{
    at(ring + tail)[0] = w0;
    at(ring + tail)[1] = w1;
    tail = (tail + 32) % PAGE_SIZE;
}

static struct shadow_memory shadows;

static void start_as(bool shadowed)
{
    const struct domain_config config = {.levels = 4, .page_sizes = PAGE_SIZE | 2ull << 20 | GIB, .coherent = true,
                                         .parent = true};
    static u16 units;            /* each piece of work has one of its own */
    struct vtd_default def;
    must(domain_create(&config, &parent));
    must(vtd_unit_probe(bench_unit_base(units), 0, units, 47, &unit));
    units++;
    must(domain_unit_add(parent, unit, &def));
    must(vtd_takeover(unit, &def));
    const struct viommu_config viommu_config = {.unit = unit, .parent = parent, .ops = &ops, .gpa_width = 48,
                                                .max_table_pages = POOL_PAGES / 8,
                                                .shadows = shadowed ? &shadows : NULL};
    must(viommu_create(&viommu_config, &viommu));
    root = pages(1);
    ring = pages(1);
    tail = 0;
    quiet(R_IQA, ring | (shadowed ? 0 : 1u << 11));
    quiet(R_GCMD, QIE);
    quiet(R_RTADDR, root | (shadowed ? 0 : 1u << 10));
    quiet(R_GCMD, QIE | SRTP);
}

static void start(void)
{
    start_as(false);
}

/* One directory of 32 pages for all devices, with an entry at `pasid`. */
static u64 directory_with(u32 pasid, u64 pgtt)
{
    u64 directory = pages(32);
    u64 table = pages(1);
    at(directory)[pasid / 64] = table | 1;
    put(table, pasid % 64, pages(1), pgtt, 7);
    return directory;
}

static void many_devices(const char *on, const char *off, u32 pasid)
{
    start();
    u64 directory = directory_with(pasid, FIRST_STAGE);
    for (u16 i = 0; i < DEVICES; i++) {
        list((u16)(BUS + i), directory, 7);
    }
    measured(on, R_GCMD, QIE | TE);
    measured(off, R_GCMD, QIE);
}

static void refused_entries(void)
{
    start();
    u64 directory = directory_with(0, FIRST_STAGE);
    u64 table = pages(1);
    for (u32 i = 0; i < 64; i++) {
        put(table, i, pages(1), NO_SUCH_TYPE, 7);
    }
    for (u32 i = 1; i < 16384; i++) {
        at(directory)[i] = table | 1;
    }
    list(BUS, directory, 7);
    measured("16,384 tables of refused entries", R_GCMD, QIE | TE);
}

/* Each entry gets another table, under the same id and under another. */
static void other_tables(void)
{
    enum { ENTRIES = 512 };
    start();
    u64 directory = pages(32);
    for (u32 i = 0; i < ENTRIES; i++) {
        u64 *entry = &at(directory)[i / 64];
        *entry = *entry != 0 ? *entry : pages(1) | 1;
        put(*entry & ~PAGE_MASK, i % 64, pages(1), FIRST_STAGE, 7);
    }
    list(BUS, directory, 7);
    quiet(R_GCMD, QIE | TE);
    for (u32 did = 7; did < 9; did++) {
        for (u32 i = 0; i < ENTRIES; i++) {
            put(at(directory)[i / 64] & ~PAGE_MASK, i % 64, pages(1), FIRST_STAGE, did);
        }
        queue(0x37, 0);
        measured(did == 7 ? "512 entries get other tables" : "512 entries get other domain ids", R_IQT, tail);
    }
    for (u32 i = 0; i < ENTRIES; i++) {
        at(at(directory)[i / 64] & ~PAGE_MASK)[i % 64 * 8] = 0;
    }
    queue(0x37, 0);
    measured("512 entries go", R_IQT, tail);
}

/* A page of commands at once: invalidations with a wait each. */
static void full_ring(void)
{
    start();
    u64 directory = directory_with(0, FIRST_STAGE);
    list(BUS, directory, 0);
    quiet(R_GCMD, QIE | TE);
    u64 status = pages(1);
    for (u32 i = 0; i < 63; i++) {
        queue(0x26 | 7u << 16, 0);
        queue(0x25 | 1ull << 32, status);
    }
    measured("a ring of invalidations and waits", R_IQT, tail);
    for (u32 i = 0; i < 100; i++) {
        queue(0x37, 0);
    }
    measured("a ring of scans", R_IQT, tail);
}

/* --- the status window: what one access does, with the longest parts that there are --- */

static struct window window;
static u32 selected;

static void put_device(struct window_session *s, const struct vtd_device_state *d)
{
    struct status_device *r = window_record(s, STATUS_DEVICE, sizeof(*r));
    if (r != NULL) {
        *r = (struct status_device){.sid = d->sid, .pasid = d->pasid, .faults = d->faults};
        memcpy(r->context, d->context, sizeof(r->context));
        memcpy(r->entry, d->entry.w, sizeof(r->entry));
    }
}

/* As hv/exit/status.c and hv/exit/status_dump.c call them. */
static bool report_device(void *ctx, struct window_session *s)
{
    u32 sid = (u32)s->position;
    struct vtd_device_state d;
    (void)ctx;
    if (vtd_path_next(unit, &sid, &d)) {
        put_device(s, &d);
    }
    s->position = sid;
    return sid >= VTD_SIDS;
}

static bool report_dump(void *ctx, struct window_session *s)
{
    struct vtd_path path;
    struct viommu_step steps[5];
    struct ptab_step second[PTAB_MAX_LEVELS];
    bool readable;
    (void)ctx;
    vtd_path_get(unit, BUS, VTD_NO_PASID, &path);
    u32 count = viommu_trace(viommu, (gpa_t){path.steps[3].w[2] & ~PAGE_MASK}, false, 0, steps, &readable);
    for (u32 i = 0; i <= count; i++) {
        u32 levels = domain_trace(parent, domain_unit_root(parent, 4), 4, steps[i % 5].at.v, second);
        for (u32 k = 0; k <= levels; k++) {
            (void)window_record(s, STATUS_STEP, sizeof(struct status_step_record));
        }
    }
    return true;
}

static u64 no_time(void)
{
    return 0;
}

static void status_exits(const char *work, u32 report)
{
    u32 n = 0;
    window_write(&window, &selected, STATUS_SELECT, status_select(0, report, 0), NULL);
    exits_begin();
    window_write(&window, &selected, STATUS_DATA, 0, NULL);
    end(work, n++);
    for (bool busy = true; busy;) {
        exits_begin();
        busy = window_read(&window, &selected, STATUS_DATA, NULL) == STATUS_BUSY;
        end(work, n++);
    }
}

static void status_window(void)
{
    start();
    u64 directory = directory_with(0, FIRST_STAGE);
    for (u16 i = 0; i < DEVICES; i++) {
        list((u16)(BUS + i * 128 + 127), directory, 0);   /* the last of each table */
    }
    list(BUS, directory, 0);
    must(domain_map(parent, (gpa_t){0}, (hpa_t){0}, GIB, PROT_READ | PROT_WRITE | PROT_EXEC, MEM_WB));
    quiet(R_GCMD, QIE | TE);
    window.now = no_time;
    window.sessions[0].buffer = bench_pool.base + pages(STATUS_SNAPSHOT / PAGE_SIZE);
    window.report = report_device;
    status_exits("status: 121 devices, a table each", STATUS_REPORT_DEVICES);
    window.report = report_dump;
    status_exits("status: a dump", STATUS_REPORT_DUMP);
}

/* --- a shadowed unit: the guest's memory is mapped one to one --- */

enum { LEAVES = 512, MEMORY_GIB = POOL_PAGES / LEAVES / LEAVES };

static void start_shadowed(void)
{
    shadows = (struct shadow_memory){POOL_PAGES / 2, POOL_PAGES / 2};
    start_as(true);
    must(domain_map(parent, (gpa_t){0}, (hpa_t){0}, MEMORY_GIB * (u64)GIB, PROT_READ | PROT_WRITE, MEM_WB));
    must(domain_flush(parent, (gpa_t){0}, 0));
}

/* Narrow descriptors, an invalidation and its wait. */
static void announce(const char *work, u64 w0, u64 w1)
{
    static u64 status;
    status = status != 0 ? status : pages(1);
    const u64 words[4] = {w0, w1, 0x25 | 1ull << 32, status};
    for (u32 i = 0; i < 4; i++) {
        at(ring + tail)[i] = words[i];
    }
    tail = (tail + sizeof(words)) % PAGE_SIZE;
    if (work != NULL) {
        measured(work, R_IQT, tail);
    } else {
        quiet(R_IQT, tail);
    }
}

/* Tables of so many GiB from 0 on: in pages that lie the other way round than their addresses, or in 2 MiB each. */
static u64 tables_of(u32 gib, bool large)
{
    u64 top = pages(1), third = pages(1);
    at(top)[0] = third | 3;
    for (u32 i = 0; i < gib; i++) {
        u64 second = pages(1);
        at(third)[i] = second | 3;
        for (u32 k = 0; k < LEAVES; k++) {
            at(second)[k] = large ? (u64)(LEAVES - 1 - k) << 21 | 0x83 : pages(1) | 3;
            for (u32 n = 0; n < LEAVES && !large; n++) {
                at(at(second)[k] & ~PAGE_MASK)[n] = ((u64)k * LEAVES + LEAVES - 1 - n) * PAGE_SIZE | 3;
            }
        }
    }
    return top;
}

static u64 *context(u16 sid)
{
    u64 *bus = &at(root)[(sid >> 8) * 2];
    *bus = *bus != 0 ? *bus : pages(1) | 1;
    return &at(*bus & ~PAGE_MASK)[(sid & 0xff) * 2];
}

static void put_context(u16 sid, u64 table, u64 did)
{
    context(sid)[1] = did << 8 | 2;
    context(sid)[0] = table | 1;
}

static void shadowed(void)
{
    start_shadowed();
    u64 table = tables_of(1, false);
    put_context(BUS, table, 7);
    measured("shadow, 1 GiB in 4K pages", R_GCMD, QIE | TE);
    announce("shadow, 1 GiB in 4K pages, unchanged", 0x12, 0);
    u64 *second = at(at(at(table)[0] & ~PAGE_MASK)[0] & ~PAGE_MASK);
    u64 *leaf = at(second[5] & ~PAGE_MASK);
    u64 mapped = leaf[9];
    for (u32 i = 0; i < 2; i++) {
        leaf[9] = i == 0 ? 0 : mapped;
        const u64 page = 5ull << 21 | 9 << 12;
        announce(i == 0 ? "shadow, a 4K page taken away" : "shadow, a 4K page mapped", 0x32 | 7 << 16, page);
    }
    second[5] = 0;
    announce("shadow, a table taken away", 0x32 | 7 << 16, 5ull << 21 | 9);
    at(table)[0] = 0;
    announce("shadow, 1 GiB taken away", 0x22 | 7 << 16, 0);
    put_context(BUS, tables_of(32, true), 8);
    announce("shadow, 32 GiB in 2M pages, another table", 0x31 | (u64)BUS << 32, 0);
    context(BUS)[0] = 0;
    announce("shadow, a device gone", 0x31 | (u64)BUS << 32, 0);
}

/* Not counted: how long a guest waits for it. */
static void time_large(u32 gib)
{
    start_shadowed();
    put_context(BUS, tables_of(gib, false), 7);
    u64 began = exits_now_ns();
    quiet(R_GCMD, QIE | TE);
    printf("shadow of %u GiB in 4K pages\t%llu\n", gib, exits_now_ns() - began);
}

int main(int argc, char **argv)
{
    exits.counting = argc > 1 && strcmp(argv[1], "count") == 0;
    bench_reset(POOL_PAGES);
    many_devices("120 devices bound, directories of 32 pages", "and unbound", 0);
    many_devices("120 devices bound at the highest PASID", "and unbound again", (1u << 20) - 1);
    refused_entries();
    other_tables();
    full_ring();
    status_window();
    shadowed();
    if (!exits.counting) {
        time_large(1);
        time_large(64);
    }
    return 0;
}
