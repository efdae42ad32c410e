/* SPDX-License-Identifier: BSD-2-Clause */
/* BARs of given-away functions: what their owner has mapped, and what the root has not. */
#include "hv/partition/ept_functions.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

enum { RUNS = 16 };
static struct { u64 at, size; } runs[RUNS];
static u32 run_count;
static struct handover handover;
static struct partition partition = {.config = &handover.partitions[1], .gpa_width = 48};

/* In place of the domain's: each page once, as it is with that. */
enum result domain_map(struct domain *d, gpa_t gpa, hpa_t hpa, u64 size, u32 prot, enum mem_type type)
{
    assert_null(d);
    assert_int_equal(gpa.v, hpa.v);
    assert_int_equal((gpa.v | size) & PAGE_MASK, 0);
    assert_int_equal(prot, PROT_READ | PROT_WRITE);
    assert_int_equal(type, MEM_UC);
    for (u32 i = 0; i < run_count; i++) {
        if (gpa.v < runs[i].at + runs[i].size && runs[i].at < gpa.v + size) {
            return ERR_EXISTS;
        }
    }
    assert_true(run_count < RUNS);
    runs[run_count].at = gpa.v;
    runs[run_count++].size = size;
    return OK;
}

static struct handover_function *add(u32 owner)
{
    struct handover_function *f = &handover.functions[handover.function_count++];
    f->partition = (u8)owner;
    return f;
}

static void start(void)
{
    memset(&handover, 0, sizeof(handover));
    run_count = 0;
}

static enum result map(void)
{
    return ept_functions_map(&partition, &handover);
}

static void expect(u32 i, u64 at, u64 size)
{
    assert_int_equal(runs[i].at, at);
    assert_int_equal(runs[i].size, size);
}

static void maps_memory_of_its_own(void **state)
{
    (void)state;
    start();
    struct handover_function *f = add(1);
    f->bars[0] = (struct handover_bar){.base = 0xf0000000, .size = 0x10000};
    f->bars[1] = (struct handover_bar){.base = 0xe000, .size = 0x100, .port = true};
    f->bars[2] = (struct handover_bar){.base = 0x4000000000, .size = 1ull << 30, .wide = true};
    add(0)->bars[0] = (struct handover_bar){.base = 0xf1000000, .size = 0x1000};
    assert_int_equal(map(), OK);
    assert_int_equal(run_count, 2);
    expect(0, 0xf0000000, 0x10000);
    expect(1, 0x4000000000, 1ull << 30);
    f->bars[2].base = 1ull << 48;
    run_count = 0;
    assert_int_equal(map(), ERR_UNSUPPORTED);
    f->bars[2].base = 0xf0008000;                           /* over another of its own */
    f->bars[2].size = 0x1000;
    run_count = 0;
    assert_int_equal(map(), ERR_EXISTS);
}

static void leaves_tables_out(void **state)
{
    (void)state;
    start();
    struct handover_function *f = add(1);
    f->bars[0] = (struct handover_bar){.base = 0xf0000000, .size = 0x10000};
    f->msix = 0x60;
    f->msix_table = 0x2ff0;
    f->msix_vectors = 3;                                    /* to 301fh: two pages */
    assert_int_equal(map(), OK);
    assert_int_equal(run_count, 2);
    expect(0, 0xf0000000, 0x2000);
    expect(1, 0xf0004000, 0xc000);
    f->msix_table = 0;
    f->msix_vectors = 2048;
    run_count = 0;
    assert_int_equal(map(), OK);
    assert_int_equal(run_count, 1);
    expect(0, 0xf0008000, 0x8000);
    f->msix_table = 0xf000;
    f->msix_vectors = 256;
    run_count = 0;
    assert_int_equal(map(), OK);
    expect(0, 0xf0000000, 0xf000);
}

/* Whose table it is does not count: a page has it or not. */
static void small_bars_share_pages(void **state)
{
    (void)state;
    start();
    struct handover_function *f = add(1);
    f->bars[0] = (struct handover_bar){.base = 0xf0000000, .size = 0x100};
    f->bars[1] = (struct handover_bar){.base = 0xf0000100, .size = 0x100};
    assert_int_equal(map(), OK);
    assert_int_equal(run_count, 1);
    expect(0, 0xf0000000, 0x1000);
    f = add(1);
    f->bars[0] = (struct handover_bar){.base = 0xf0000800, .size = 0x800};
    f->msix = 0x60;
    f->msix_vectors = 1;
    run_count = 0;
    assert_int_equal(map(), OK);
    assert_int_equal(run_count, 0);
}

static void hides_them_from_the_root(void **state)
{
    struct ept_map_range list[RUNS];
    struct mtrr mtrr = {0};
    u32 count = 0;
    (void)state;
    start();
    handover.ecam_base = 0xe0000000;
    handover.ecam_first_bus = 1;
    handover.ecam_last_bus = 2;
    ept_map_add(list, &count, 0, 1ull << 40, PROT_READ | PROT_WRITE | PROT_EXEC | EPT_MAP_LISTED);
    ept_functions_hide(list, &count, &handover);
    assert_int_equal(count, 1);                             /* costs nothing where there are none */
    struct handover_function *f = add(1);
    f->bars[0] = (struct handover_bar){.base = 0xf0000800, .size = 0x100};
    f->bars[1] = (struct handover_bar){.base = 0xf0001000, .size = 0x2000, .port = true};
    ept_functions_hide(list, &count, &handover);
    const struct ept_map m = {list, count, &mtrr, 1ull << 40};
    assert_int_equal(ept_map_rights(&m, 0xf0000000), 0);
    assert_int_equal(ept_map_rights(&m, 0xf0000fff), 0);
    assert_int_equal(ept_map_rights(&m, 0xf0001000), PROT_READ | PROT_WRITE | PROT_EXEC);
    assert_int_equal(ept_map_rights(&m, 0xe00fffff), PROT_READ | PROT_WRITE | PROT_EXEC);
    assert_int_equal(ept_map_rights(&m, 0xe0100000), 0);
    assert_int_equal(ept_map_rights(&m, 0xe02fffff), 0);
    assert_int_equal(ept_map_rights(&m, 0xe0300000), PROT_READ | PROT_WRITE | PROT_EXEC);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(maps_memory_of_its_own),
        cmocka_unit_test(leaves_tables_out),
        cmocka_unit_test(small_bars_share_pages),
        cmocka_unit_test(hides_them_from_the_root),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
