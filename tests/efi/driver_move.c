/* SPDX-License-Identifier: BSD-2-Clause */
/* Data through second-stage domains of each page size, and what is refused. */
#include "tests/efi/driver_test.h"

#include "tests/efi/port_efi.h"

enum { FRAME = 1024, EDU_BYTES = 512, SEED_OUT = 11, SEED_OLD = 12, BLOCK = 100 };

/* One device's data: it is told `from` and `to`; the pages behind them are from_at and to_at. */
struct route { u64 from, to; hpa_t from_at, to_at; };

static bool by_edu(struct bench *b, const struct route *r)
{
    return edu_read(&b->edu, r->from, 0, EDU_BYTES) && edu_write(&b->edu, r->to, 0, EDU_BYTES);
}

static bool by_nvme(struct bench *b, const struct route *r)
{
    u16 first = 1;
    u16 second = 1;
    return nvme_move(&b->nvme, true, BLOCK, r->from, &first) && first == 0 &&
           nvme_move(&b->nvme, false, BLOCK, r->to, &second) && second == 0;
}

static bool by_e1000e(struct bench *b, const struct route *r)
{
    return e1000e_move(&b->nic, r->from, r->to, FRAME);
}

struct mover {
    const char *name;
    bool (*move)(struct bench *b, const struct route *route);
    u32 bytes;
};
static const struct mover movers[] = {
    {"edu", by_edu, EDU_BYTES}, {"NVMe", by_nvme, NVME_BLOCK}, {"e1000e", by_e1000e, FRAME},
};

static u16 sid_of(const struct bench *b, u32 mover)
{
    return mover == 0 ? b->edu.sid : mover == 1 ? b->nvme.sid : b->nic.sid;
}

static const char *size_name(u64 size)
{
    return size == PAGE_SIZE ? "4K" : size == SIZE_2M ? "2M" : "1G";
}

/* Maps the pool's data pages by pages of that size; the result is the route over them. */
static bool map_pool(struct bench *b, struct domain *d, u64 size, struct route *route)
{
    struct domain_mapping leaf;
    hpa_t hpa = {b->pool.v & ~(size - 1)};
    u64 gpa = IOVA_BASE + size;
    u64 bytes = size == PAGE_SIZE ? 16 * PAGE_SIZE : size;
    enum result r = domain_map(d, (gpa_t){gpa}, hpa, bytes, PROT_READ | PROT_WRITE, MEM_WB);
    r = r == OK ? domain_flush(d, (gpa_t){gpa}, bytes) : r;
    r = r == OK ? domain_walk(d, (gpa_t){gpa}, &leaf) : r;
    if (!check(r == OK, "map: %s", result_text(r)) ||
        !check(leaf.size == size, "mapped by pages of %llx", leaf.size)) {
        return false;
    }
    u64 base = gpa + (b->pool.v - hpa.v);
    *route = (struct route){base, base + 8 * PAGE_SIZE, b->pool, {b->pool.v + 8 * PAGE_SIZE}};
    return true;
}

static void move_case(struct bench *b, u64 size, u32 index)
{
    const struct mover *m = &movers[index];
    struct domain *d;
    struct route route;
    case_begin("%s moves data by %s pages", m->name, size_name(size));
    /* Only sizes up to this one, since larger ones would be used where they fit. */
    u64 sizes = b->info.ss_page_sizes & (2 * size - 1);
    bool ready = bench_domain(b, sizes | PAGE_SIZE, &d) && bench_map_rings(b, d) &&
                 map_pool(b, d, size, &route) && bench_attach(b, d, sid_of(b, index));
    if (ready) {
        fill(route.from_at, SEED_OUT, PAGE_SIZE);
        fill(route.to_at, SEED_OLD, PAGE_SIZE);
        check(m->move(b, &route), "the device does not end");
        check(is_filled(route.to_at, SEED_OUT, m->bytes), "the data is not there");
        check(bench_drain(b) == 0, "faults");
        bench_detach(b, d, sid_of(b, index));
    }
    check(domain_destroy(d) == OK, "the domain is still used");
    case_end();
}

void test_move(struct bench *b)
{
    static const u64 sizes[] = {PAGE_SIZE, SIZE_2M, SIZE_1G};
    for (u32 s = 0; s < ARRAY_LEN(sizes); s++) {
        for (u32 i = 0; i < ARRAY_LEN(movers); i++) {
            move_case(b, sizes[s], i);
        }
    }
}

/* 4K pages: one to read and write, one only to read, and nothing behind them. */
struct refusal { struct domain *d; struct route route; u64 read_only, missing; };

static bool refusal_open(struct bench *b, struct refusal *f, u16 sid)
{
    if (!bench_domain(b, PAGE_SIZE, &f->d) || !bench_map_rings(b, f->d) ||
        !map_pool(b, f->d, PAGE_SIZE, &f->route)) {
        return false;
    }
    f->read_only = f->route.from + 2 * PAGE_SIZE;
    f->missing = f->route.from + 16 * PAGE_SIZE;
    enum result r = domain_protect(f->d, (gpa_t){f->read_only}, PAGE_SIZE, PROT_READ);
    r = r == OK ? domain_flush(f->d, (gpa_t){f->read_only}, PAGE_SIZE) : r;
    fill(b->pool, SEED_OLD, 32 * PAGE_SIZE);
    (void)bench_drain(b);
    return check(r == OK, "protect: %s", result_text(r)) && bench_attach(b, f->d, sid);
}

static void refusal_close(struct bench *b, struct refusal *f, u16 sid)
{
    check(bench_drain(b) == 0, "more faults than one");
    bench_detach(b, f->d, sid);
    check(domain_destroy(f->d) == OK, "the domain is still used");
}

/* QEMU records second-stage refusals by the codes of legacy mode (VT-d table 30: 79h, 85h, 86h). */
static void expect_fault(struct bench *b, u16 sid, u64 addr, bool read)
{
    struct vtd_fault f;
    bool found = vtd_fault_next(b->unit, &f);
    if (check(found, "no fault record")) {
        check(f.sid == sid, "fault of %04x", f.sid);
        check(f.addr == (addr & ~PAGE_MASK), "fault at %llx", f.addr);
        check(f.read == read && !f.has_pasid, "the access is of another kind");
        check(f.reason == (read ? 0x06 : 0x05) || f.reason == (read ? 0x86 : 0x85) ||
              f.reason == 0x79, "reason %02x", f.reason);
    }
}

static void refuse_edu(struct bench *b, struct refusal *f, bool unmapped, bool read)
{
    const u64 offset = 0x100;
    case_begin("edu's %s of %s is refused", read ? "read" : "write",
               unmapped ? "an unmapped page" : "a read-only page");
    if (refusal_open(b, f, b->edu.sid)) {
        u64 at = (unmapped ? f->missing : f->read_only) + offset;
        check(read ? edu_read(&b->edu, at, 0, 64) : edu_write(&b->edu, at, 0, 64), "edu hangs");
        expect_fault(b, b->edu.sid, at, read);
        check(is_filled(b->pool, SEED_OLD, 32 * PAGE_SIZE), "memory changed");
        refusal_close(b, f, b->edu.sid);
    }
    case_end();
}

static void refuse_nvme(struct bench *b, struct refusal *f, bool unmapped)
{
    u16 status;
    case_begin("NVMe's write of %s is refused", unmapped ? "an unmapped page" : "a read-only page");
    if (refusal_open(b, f, b->nvme.sid)) {
        u64 at = unmapped ? f->missing : f->read_only;
        check(nvme_move(&b->nvme, false, BLOCK, at, &status), "no answer");
        expect_fault(b, b->nvme.sid, at, false);
        check(is_filled(b->pool, SEED_OLD, 32 * PAGE_SIZE), "memory changed");
        (void)bench_drain(b);
        refusal_close(b, f, b->nvme.sid);
    }
    case_end();
}

static void refuse_e1000e(struct bench *b, struct refusal *f, bool unmapped)
{
    case_begin("e1000e's write of %s is refused", unmapped ? "an unmapped page" : "a read-only page");
    if (refusal_open(b, f, b->nic.sid)) {
        u64 at = unmapped ? f->missing : f->read_only;
        (void)e1000e_move(&b->nic, f->route.from, at, FRAME);
        expect_fault(b, b->nic.sid, at, false);
        check(is_filled(b->pool, SEED_OLD, 32 * PAGE_SIZE), "memory changed");
        (void)bench_drain(b);
        refusal_close(b, f, b->nic.sid);
    }
    case_end();
}

static void read_only_is_read(struct bench *b, struct refusal *f)
{
    case_begin("a read-only page is read");
    if (refusal_open(b, f, b->edu.sid)) {
        fill((hpa_t){b->pool.v + 2 * PAGE_SIZE}, SEED_OUT, 64);
        check(edu_read(&b->edu, f->read_only, 0, 64) && edu_write(&b->edu, f->route.to, 0, 64),
              "edu hangs");
        check(is_filled(f->route.to_at, SEED_OUT, 64), "the data is not there");
        refusal_close(b, f, b->edu.sid);
    }
    case_end();
}

/* The translation is in the cache before it is removed, so a missing invalidation would show. */
static void unmap_is_visible(struct bench *b, struct refusal *f)
{
    u64 gone = 0;
    case_begin("a page is gone once its unmapping was flushed");
    if (refusal_open(b, f, b->testdev.sid)) {
        testdev_write(&b->testdev, f->route.to, 4);
        check(*(volatile u32 *)f->route.to_at.v == 0x12345678, "the first write is not there");
        fill(b->pool, SEED_OLD, 32 * PAGE_SIZE);
        enum result r = domain_unmap(f->d, (gpa_t){f->route.to}, PAGE_SIZE, &gone);
        r = r == OK ? domain_flush(f->d, (gpa_t){f->route.to}, PAGE_SIZE) : r;
        check(r == OK && gone == PAGE_SIZE, "unmap: %s", result_text(r));
        testdev_write(&b->testdev, f->route.to, 4);
        expect_fault(b, b->testdev.sid, f->route.to, false);
        check(is_filled(b->pool, SEED_OLD, 32 * PAGE_SIZE), "memory changed");
        refusal_close(b, f, b->testdev.sid);
    }
    case_end();
}

void test_faults(struct bench *b)
{
    struct refusal f;
    refuse_edu(b, &f, true, false);
    refuse_edu(b, &f, true, true);
    refuse_edu(b, &f, false, false);
    refuse_nvme(b, &f, true);
    refuse_nvme(b, &f, false);
    refuse_e1000e(b, &f, true);
    refuse_e1000e(b, &f, false);
    read_only_is_read(b, &f);
    unmap_is_visible(b, &f);
}
