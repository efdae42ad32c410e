/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Intel 772415 (SPR17), reproduced: the reference unit has the erratum. A first-stage table
 * lies in a page that the second stage maps read-only, and a device reads through it.
 *
 *   without the rule   the walk writes accessed and dirty bits into the read-only page
 *   with the rule      no order of events leads to a parent with such a page
 *   diverging roots    the CPU keeps the page read-only, DMA meets a hole; nothing is written
 */
#include "iommu/domain/domain.h"

#include "tests/support/hosted.h"
#include "tests/support/vtd_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define K4 4096ull
#define GPA (1ull << 30)      /* guest memory, 64 pages ... */
#define FRAME 0x800000ull     /* ... is here */
#define IOVA 0x40201000ull
#define SID 0x20

enum { PAGES = 64, PML4 = 8, PDPT = 9, PD = 10, PT = 11, DATA = 20, OTHER = 21 };
enum { P = 1, RW = 2, US = 4, A = 0x20 };

static struct {
    struct model_unit *model;
    struct vtd_unit *unit;
    struct domain *d;
} rig;

static u64 *page_words(u32 page)
{
    return (u64 *)(void *)(hosted_memory() + FRAME + page * K4);
}

static gpa_t gpa_of(u32 page)
{
    return (gpa_t){GPA + page * K4};
}

static void link_table(u32 table, u32 shift, u32 next)
{
    page_words(table)[IOVA >> shift & 511] = gpa_of(next).v | P | RW | US;
}

/* A unit with the erratum, a domain over 64 pages, a first stage with one page, unused so far. */
static void begin(bool parent, bool dma_root)
{
    const struct model_config config = {.ver = 0x10, .cap = 0x01d2078c406f0406ull,
                                        .ecap = 0x0003c99c84f050c3ull, .haw = 47,
                                        .erratum_772415 = true};
    const struct domain_config domain = {.levels = 4, .page_sizes = K4 | 1ull << 21,
                                         .coherent = true, .parent = parent,
                                         .dma_root = dma_root};
    const struct vtd_context context = {.pasids = 0};
    struct vtd_default def;
    hosted_reset();
    rig.model = hosted_add_unit((hpa_t){VTD_RIG_BASE}, &config);
    assert_int_equal(vtd_unit_probe((hpa_t){VTD_RIG_BASE}, 0, 0, 47, &rig.unit), OK);
    assert_int_equal(domain_create(&domain, &rig.d), OK);
    assert_int_equal(domain_map(rig.d, gpa_of(0), (hpa_t){FRAME}, PAGES * K4,
                                PROT_READ | PROT_WRITE, MEM_WB), OK);
    assert_int_equal(domain_unit_add(rig.d, rig.unit, &def), OK);
    assert_int_equal(vtd_takeover(rig.unit, &def), OK);
    assert_int_equal(vtd_device_open(rig.unit, VTD_ROOT_OFF, SID, &context), OK);
    link_table(PML4, 39, PDPT);
    link_table(PDPT, 30, PD);
    link_table(PD, 21, PT);
    link_table(PT, 12, DATA);
    page_words(DATA)[0] = 0x1122334455667788;
}

static void end(void)
{
    assert_int_equal(vtd_device_close(rig.unit, VTD_ROOT_OFF, SID), OK);
    domain_unit_remove(rig.d, rig.unit);
    assert_int_equal(vtd_takeover_release(rig.unit), OK);
    vtd_unit_destroy(rig.unit);
    assert_int_equal(domain_destroy(rig.d), OK);
    assert_int_equal(hosted_pages_used(), 0);
}

static enum result protect(u32 page, u32 prot)
{
    enum result r = domain_protect(rig.d, gpa_of(page), K4, prot);
    assert_int_equal(domain_flush(rig.d, gpa_of(page), K4), OK);
    return r;
}

static struct model_outcome dma(enum model_op op, u64 iova)
{
    const struct model_request request = {.sid = SID, .op = op, .addr = iova, .len = 8};
    struct model_outcome outcome;
    u64 value = 0x5555;
    (void)model_dma(rig.model, &request, &value, &outcome);
    return outcome;
}

static struct nested *nest(enum result expected)
{
    const struct nested_config config = {.pgtbl_addr = GPA + PML4 * K4, .addr_width = 48};
    struct nested *n = NULL;
    assert_int_equal(nested_create(rig.d, &config, &n), expected);
    return n;
}

/* The rule bypassed: a nested entry by hand over a domain that has a read-only page. */
static void test_without_the_rule(void **state)
{
    struct vtd_entry entry = {.pgtt = PGTT_NESTED, .did = 77, .ss_levels = 4,
                              .fs_root = GPA + PML4 * K4, .fs_width = 48};
    struct model_outcome outcome;
    (void)state;
    begin(false, false);
    assert_int_equal(protect(PT, PROT_READ), OK);
    entry.ss_root = domain_cpu_root(rig.d);
    assert_int_equal(vtd_device_set_entry(rig.unit, VTD_ROOT_OFF, SID, VTD_NO_PASID, &entry), OK);
    assert_int_equal(page_words(PT)[IOVA >> 12 & 511] & A, 0);
    outcome = dma(MODEL_READ, IOVA);
    assert_true(outcome.erratum);
    assert_int_equal(page_words(PT)[IOVA >> 12 & 511] & A, A); /* a read-only page, written */
    end();
}

static void test_with_the_rule(void **state)
{
    struct nested *n;
    (void)state;
    /* Parent first, read-only afterwards. */
    begin(true, false);
    n = nest(OK);
    assert_int_equal(nested_attach(n, rig.unit, VTD_ROOT_OFF, SID, VTD_NO_PASID), OK);
    assert_int_equal(protect(PT, PROT_READ), ERR_READ_ONLY_IN_PARENT);
    assert_true(dma(MODEL_WRITE, IOVA).ok);
    assert_int_equal(page_words(DATA)[0], 0x5555);
    assert_int_equal(nested_detach(n, rig.unit, VTD_ROOT_OFF, SID, VTD_NO_PASID), OK);
    assert_int_equal(nested_destroy(n), OK);
    end();
    /* Read-only first, parent afterwards. */
    begin(false, false);
    assert_int_equal(protect(PT, PROT_READ), OK);
    assert_int_equal(domain_make_parent(rig.d), ERR_PARENT_HAS_READ_ONLY);
    (void)nest(ERR_NOT_A_PARENT);
    assert_int_equal(page_words(PT)[IOVA >> 12 & 511] & A, 0);
    end();
    assert_int_equal(model_counters(rig.model)->erratum_writes, 0);
}

static void test_diverging_roots(void **state)
{
    struct domain_mapping m;
    struct nested *n;
    u8 before[4096];
    (void)state;
    begin(true, true);
    n = nest(OK);
    assert_int_equal(nested_attach(n, rig.unit, VTD_ROOT_OFF, SID, VTD_NO_PASID), OK);
    /* A page of data is read-only to the CPU: DMA to it faults, other DMA goes on. */
    page_words(PT)[(IOVA >> 12 & 511) + 1] = gpa_of(OTHER).v | P | RW | US;
    assert_int_equal(protect(DATA, PROT_READ | PROT_EXEC), OK);
    assert_false(dma(MODEL_READ, IOVA).ok);
    assert_false(dma(MODEL_WRITE, IOVA).ok);
    assert_true(dma(MODEL_WRITE, IOVA + K4).ok);
    assert_int_equal(page_words(DATA)[0], 0x1122334455667788);
    assert_int_equal(domain_walk(rig.d, gpa_of(DATA), &m), OK);
    assert_int_equal(m.prot, PROT_READ | PROT_EXEC);
    /* A first-stage table is: no walk writes into it. */
    assert_int_equal(protect(DATA, PROT_READ | PROT_WRITE), OK);
    page_words(PT)[IOVA >> 12 & 511] &= ~(u64)A;
    memcpy(before, page_words(PT), sizeof(before));
    assert_int_equal(protect(PT, PROT_READ), OK);
    assert_false(dma(MODEL_READ, IOVA).ok);
    assert_false(dma(MODEL_WRITE, IOVA + K4).ok);
    assert_memory_equal(before, page_words(PT), sizeof(before));
    assert_int_equal(model_counters(rig.model)->erratum_writes, 0);
    /* Writable again, it can be used again. */
    assert_int_equal(protect(PT, PROT_READ | PROT_WRITE), OK);
    assert_true(dma(MODEL_READ, IOVA).ok);
    assert_int_equal(nested_detach(n, rig.unit, VTD_ROOT_OFF, SID, VTD_NO_PASID), OK);
    assert_int_equal(nested_destroy(n), OK);
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_without_the_rule), cmocka_unit_test(test_with_the_rule),
        cmocka_unit_test(test_diverging_roots),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
