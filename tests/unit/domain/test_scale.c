/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A large server: 64 units, 4 TiB, 4,096 devices, 100,000 PASIDs. What it takes is printed and
 * bounded; what one operation costs (table walks, register accesses, descriptors) is the same as on
 * a machine with 16 devices.
 */
#include "tests/bench/machine.h"

#include <setjmp.h>

#include <cmocka.h>

/* --- the direct map, with a count of looks at memory --- */

static u64 looks;

void port_init(u64 direct_map)
{
    (void)direct_map;
}

void *port_hpa_to_ptr(hpa_t addr)
{
    looks++;
    return bench_pool.base + addr.v;
}

void port_flush_lines(const void *p, size_t bytes)
{
    (void)p;
    (void)bytes;
}

void port_relax(void)
{
}

/* --- the machine --- */

enum { POOL_PAGES = 1 << 18, FEW = 16, MANY = 4096, PASIDS = 100000 };
#define TIB (1ull << 40)

static struct machine machine;

static void test_start_up(void **state)
{
    u64 pages;
    (void)state;
    bench_reset(POOL_PAGES);
    memset(&bench_seen, 0, sizeof(bench_seen));
    machine_start(&machine, 64, 4 * TIB);
    print_message("# 64 units, 4 TiB: %u table pages, %llu pages a unit, %llu register accesses "
                  "and %llu descriptors a unit\n", domain_table_pages(machine.parent), bench_pool.used / 64,
                  bench_seen.accesses / 64, bench_seen.descriptors / 64);
    assert_true(domain_table_pages(machine.parent) * PAGE_SIZE < 64 << 10);
    assert_true(bench_pool.used <= 64 * 16);
    assert_true(bench_seen.accesses <= 64 * 100);
    pages = bench_pool.used;
    machine_add_devices(&machine, MANY);
    print_message("# 4,096 devices: %llu KiB each\n", (bench_pool.used - pages) * 4 / MANY);
    assert_true((bench_pool.used - pages) * 4 / MANY <= 32);
    machine_stop(&machine);
    assert_int_equal(bench_pool.used, 0);
}

static void test_many_pasids(void **state)
{
    u64 pages;
    u16 ids[8];
    (void)state;
    bench_reset(POOL_PAGES);
    machine_start(&machine, 64, 4 * TIB);
    machine_add_devices(&machine, MANY);
    pages = bench_pool.used;
    machine_add_pasids(&machine, PASIDS);
    print_message("# 100,000 PASIDs: %llu bytes each with their tables of the unit\n",
                  (bench_pool.used - pages) * PAGE_SIZE / PASIDS);
    assert_true((bench_pool.used - pages) * PAGE_SIZE / PASIDS < 1024);
    /* One guest domain is one id a unit, however many PASIDs. */
    for (u32 i = 0; i < 64; i++) {
        assert_int_equal(did_of_guest(machine.unit[i], 0, MACHINE_GUEST_DID, ids, 8), 1);
    }
    machine_stop(&machine);
    assert_int_equal(bench_pool.used, 0);
}

/* --- the same work on a small and on a large machine --- */

struct cost { u64 pointers, accesses, descriptors; };
enum operation { ATTACH, REPLACE, INVALIDATE, DETACH, MAP, UNMAP, FLUSH, OPERATIONS };
static const char *const names[OPERATIONS] = {"attach", "replace", "invalidate", "detach",
                                              "map", "unmap", "flush"};

/* Of a page and of a PASID (VT-d 6.5.2.4), under every host id of the guest's domain. */
static void invalidate(struct vtd_unit *unit)
{
    u16 ids[4];
    u32 found = did_of_guest(unit, 0, MACHINE_GUEST_DID, ids, ARRAY_LEN(ids));
    for (u32 i = 0; i < found; i++) {
        u64 of = (u64)ids[i] << 16 | 77777ull << 32;
        const struct vtd_desc descs[2] = {{{0x36 | of, 0x1000}}, {{0x26 | of, 0}}};
        machine_must(vtd_queue_post(unit, descs, ARRAY_LEN(descs), NULL));
    }
}

static void operate(enum operation op, struct nested *a, struct nested *b)
{
    struct vtd_unit *unit = machine_unit(&machine, 1);
    u16 sid = machine_sid(&machine, 1);
    gpa_t gpa = {8 * TIB};
    u64 bytes;
    switch (op) {
    case ATTACH:
        machine_must(nested_attach(a, unit, VTD_ROOT_GUEST, sid, 77777));
        break;
    case REPLACE:
        machine_must(nested_replace(b, unit, VTD_ROOT_GUEST, sid, 77777));
        break;
    case INVALIDATE:
        invalidate(unit);
        break;
    case DETACH:
        machine_must(nested_detach(b, unit, VTD_ROOT_GUEST, sid, 77777));
        break;
    case MAP:
        machine_must(domain_map(machine.parent, gpa, (hpa_t){0}, PAGE_SIZE,
                                PROT_READ | PROT_WRITE, MEM_WB));
        break;
    case UNMAP:
        machine_must(domain_unmap(machine.parent, gpa, PAGE_SIZE, &bytes));
        break;
    default:
        machine_must(domain_flush(machine.parent, gpa, PAGE_SIZE));
        break;
    }
}

static void measure(u32 devices, struct cost out[OPERATIONS])
{
    struct nested *a;
    struct nested *b;
    bench_reset(POOL_PAGES);
    machine_start(&machine, 4, TIB);
    machine_add_devices(&machine, devices);
    machine_add_pasids(&machine, devices * 4);
    a = machine_nest(&machine, 77777);
    b = machine_nest(&machine, 77778);
    operate(ATTACH, a, b); /* whatever page is missing for it exists from now on */
    operate(REPLACE, a, b);
    operate(DETACH, a, b);
    for (enum operation op = ATTACH; op < OPERATIONS; op++) {
        memset(&bench_seen, 0, sizeof(bench_seen));
        looks = 0;
        operate(op, a, b);
        out[op] = (struct cost){looks, bench_seen.accesses, bench_seen.descriptors};
    }
    machine_must(nested_destroy(a));
    machine_must(nested_destroy(b));
    machine_stop(&machine);
    assert_int_equal(bench_pool.used, 0);
}

static void test_independent_of_devices(void **state)
{
    struct cost few[OPERATIONS];
    struct cost many[OPERATIONS];
    (void)state;
    measure(FEW, few);
    measure(MANY, many);
    for (enum operation op = ATTACH; op < OPERATIONS; op++) {
        print_message("# %s: %llu table steps, %llu register accesses, %llu descriptors; with "
                      "4,096 devices %llu, %llu, %llu\n", names[op], few[op].pointers, few[op].accesses,
                      few[op].descriptors, many[op].pointers, many[op].accesses, many[op].descriptors);
        assert_int_equal(few[op].accesses, many[op].accesses);
        assert_int_equal(few[op].descriptors, many[op].descriptors);
        /* One page more or less for a small object. */
        assert_true(many[op].pointers <= few[op].pointers + 2);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_start_up), cmocka_unit_test(test_many_pasids),
        cmocka_unit_test(test_independent_of_devices),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
