/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Domains on the driver and the reference unit: every width and mode moves data, every allocation
 * on the way fails once, and a unit that stops answering weakens no isolation.
 */
#include "iommu/domain/domain.h"

#include "tests/support/hosted.h"
#include "tests/support/vtd_rig.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define K4 4096ull
#define M2 (1ull << 21)
#define SIZES (K4 | M2 | 1ull << 30)
#define SERVER_CAP 0x01d2078c406f0406ull
#define SERVER_ECAP 0x0003c99c84f050c3ull
#define LEGACY_ECAP 0x00000000000050c3ull
#define SAGAW_39 (1ull << 9)
#define SAGAW_57 (1ull << 11)
#define SRS (1ull << 31)
#define EAFS (1ull << 34)

enum { SID = 0x18, FRAME = 0x400000, FS_TABLES = 0x800000 };

static struct {
    struct model_unit *model;
    struct vtd_unit *unit;
    struct domain *d;
} rig;

static struct domain *new_domain(u32 levels, u64 sizes, bool parent)
{
    const struct domain_config config = {.levels = levels, .page_sizes = sizes, .coherent = true,
                                         .parent = parent};
    struct domain *d = NULL;
    assert_int_equal(domain_create(&config, &d), OK);
    return d;
}

/* A unit whose default is an empty domain of that many levels, with the device opened. */
static void begin(u64 cap, u64 ecap, u32 levels)
{
    const struct model_config config = {.ver = 0x10, .cap = cap, .ecap = ecap, .haw = 47};
    const struct vtd_context context = {.pasids = 0};
    struct vtd_default def;
    hosted_reset();
    rig.model = hosted_add_unit((hpa_t){VTD_RIG_BASE}, &config);
    assert_int_equal(vtd_unit_probe((hpa_t){VTD_RIG_BASE}, 0, 0, 47, &rig.unit), OK);
    rig.d = new_domain(levels, K4, false);
    assert_int_equal(domain_unit_add(rig.d, rig.unit, &def), OK);
    assert_int_equal(vtd_takeover(rig.unit, &def), OK);
    assert_int_equal(vtd_device_open(rig.unit, VTD_ROOT_OFF, SID, &context), OK);
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

/* Where a device's write of 8 bytes ends up; ~0 if it is refused. */
static u64 dma(u64 addr)
{
    const struct model_request request = {.sid = SID, .op = MODEL_WRITE, .addr = addr, .len = 8};
    struct model_outcome outcome;
    u64 value = addr;
    return model_dma(rig.model, &request, &value, &outcome) ? outcome.hpa : ~0ull;
}

static void test_widths_and_modes(void **state)
{
    static const struct { u64 cap, ecap; u32 levels; u64 gpa; } cases[] = {
        {SERVER_CAP, SERVER_ECAP, 4, (1ull << 47) - M2},
        {SERVER_CAP | SAGAW_57 | 0x380000, SERVER_ECAP, 5, (1ull << 56) - M2},
        {SERVER_CAP | SAGAW_39, SERVER_ECAP, 3, (1ull << 39) - M2},
        {SERVER_CAP, LEGACY_ECAP, 4, (1ull << 47) - M2},
        {SERVER_CAP | SAGAW_39, LEGACY_ECAP, 3, (1ull << 39) - M2},
    };
    (void)state;
    for (u32 i = 0; i < ARRAY_LEN(cases); i++) {
        u64 gpa = cases[i].gpa;
        u64 bytes;
        struct domain *d;
        begin(cases[i].cap, cases[i].ecap, cases[i].levels);
        d = new_domain(cases[i].levels, SIZES, false);
        assert_int_equal(dma(gpa), ~0ull);
        assert_int_equal(domain_map(d, (gpa_t){gpa}, (hpa_t){FRAME}, M2, PROT_READ | PROT_WRITE,
                                    MEM_WB), OK);
        assert_int_equal(domain_attach(d, rig.unit, VTD_ROOT_OFF, SID, VTD_NO_PASID), OK);
        assert_int_equal(dma(gpa + 0x5008), FRAME + 0x5008);
        assert_int_equal(domain_unmap(d, (gpa_t){gpa + 0x5000}, K4, &bytes), OK);
        assert_int_equal(domain_flush(d, (gpa_t){gpa + 0x5000}, K4), OK);
        assert_int_equal(dma(gpa + 0x5008), ~0ull);
        assert_int_equal(dma(gpa + 0x6008), FRAME + 0x6008);
        assert_int_equal(domain_replace(rig.d, rig.unit, VTD_ROOT_OFF, SID, VTD_NO_PASID), OK);
        assert_int_equal(dma(gpa + 0x6008), ~0ull);
        assert_int_equal(domain_replace(d, rig.unit, VTD_ROOT_OFF, SID, VTD_NO_PASID), OK);
        assert_int_equal(dma(gpa + 0x6008), FRAME + 0x6008);
        assert_int_equal(domain_detach(d, rig.unit, VTD_ROOT_OFF, SID, VTD_NO_PASID), OK);
        assert_int_equal(dma(gpa + 0x6008), ~0ull);
        assert_int_equal(domain_destroy(d), OK);
        end();
    }
}

/* --- units of 3, 4 and 5 levels behind one table --- */

enum { UNITS = 3 };

static struct { struct model_unit *model; struct vtd_unit *unit; } few[UNITS];

static u64 dma_of(u32 i, u64 addr)
{
    const struct model_request request = {.sid = SID, .op = MODEL_WRITE, .addr = addr, .len = 8};
    struct model_outcome outcome;
    u64 value = addr;
    return model_dma(few[i].model, &request, &value, &outcome) ? outcome.hpa : ~0ull;
}

/* Each unit sees what its width reaches of what is at gpa, and none sees more. */
static void check_reach(u64 gpa, bool mapped)
{
    for (u32 i = 0; i < UNITS; i++) {
        bool reached = mapped && gpa >> (39 + 9 * i) == 0;
        assert_true(dma_of(i, gpa + 8) == (reached ? FRAME + 8 : ~0ull));
    }
}

static void add_units(struct domain *d, u64 ecap)
{
    for (u32 i = 0; i < UNITS; i++) {
        u64 bits = 39 + 9 * i;
        const struct model_config config = {.ver = 0x10, .ecap = ecap, .haw = 47,
            .cap = (SERVER_CAP & ~(0x1full << 8 | 0x3full << 16)) | SAGAW_39 << i | (bits - 1) << 16};
        struct vtd_default def;
        hpa_t base = {VTD_RIG_BASE + i * 0x10000ull};
        few[i].model = hosted_add_unit(base, &config);
        assert_int_equal(vtd_unit_probe(base, 0, (u16)i, 47, &few[i].unit), OK);
        assert_int_equal(domain_unit_add(d, few[i].unit, &def), OK);
        assert_int_equal(def.ss_levels, 3 + i);
        assert_int_equal(vtd_takeover(few[i].unit, &def), OK);
    }
}

static void end_units(struct domain *d)
{
    for (u32 i = 0; i < UNITS; i++) {
        domain_unit_remove(d, few[i].unit);
        assert_int_equal(vtd_takeover_release(few[i].unit), OK);
        vtd_unit_destroy(few[i].unit);
    }
    assert_int_equal(domain_destroy(d), OK);
    assert_int_equal(hosted_pages_used(), 0);
}

static void flush(struct domain *d)
{
    assert_int_equal(domain_flush(d, (gpa_t){0}, 0), OK);
}

/* Everything is mapped, seen, taken out again. */
static void one_round(struct domain *d, bool diverge)
{
    static const u64 places[] = {M2, (1ull << 39) - M2, 1ull << 39, (1ull << 48) - M2, 1ull << 48, (1ull << 56) - M2};
    u64 bytes;
    for (u32 i = 0; i < ARRAY_LEN(places); i++) {
        check_reach(places[i], false);
        assert_int_equal(domain_map(d, (gpa_t){places[i]}, (hpa_t){FRAME}, M2, PROT_READ | PROT_WRITE, MEM_WB), OK);
        check_reach(places[i], true);
    }
    /* A page that becomes read-only is none for DMA where the roots diverge, whatever width a unit has. */
    assert_int_equal(domain_protect(d, (gpa_t){M2}, K4, PROT_READ), OK);
    flush(d);
    for (u32 i = 0; i < UNITS; i++) {
        const struct model_request request = {.sid = SID, .op = MODEL_READ, .addr = M2, .len = 8};
        struct model_outcome outcome;
        u64 value;
        assert_int_equal(model_dma(few[i].model, &request, &value, &outcome), !diverge);
        assert_true(dma_of(i, M2 + 8) == ~0ull);
        assert_true(dma_of(i, M2 + K4 + 8) == FRAME + K4 + 8);
    }
    assert_int_equal(domain_protect(d, (gpa_t){M2}, K4, PROT_READ | PROT_WRITE), OK);
    flush(d);
    check_reach(M2, true);
    assert_int_equal(domain_unmap(d, (gpa_t){0}, 1ull << 57, &bytes), OK);
    flush(d);
    assert_true(bytes == ARRAY_LEN(places) * M2);
    for (u32 i = 0; i < ARRAY_LEN(places); i++) {
        check_reach(places[i], false);
    }
}

static void test_units_of_fewer_levels(void **state)
{
    (void)state;
    for (u32 mode = 0; mode < 4; mode++) {
        const struct domain_config config = {.levels = 5, .fewest_levels = 3, .page_sizes = SIZES, .coherent = true,
                                             .dma_root = (mode & 1) != 0};
        struct domain *d;
        hosted_reset();
        assert_int_equal(domain_create(&config, &d), OK);
        add_units(d, (mode & 2) != 0 ? LEGACY_ECAP : SERVER_ECAP);
        one_round(d, config.dma_root);
        one_round(d, config.dma_root); /* the tables that were left are used again */
        end_units(d);
    }
}

/* The first table of a 3-level unit with all its entries in use. */
static void test_a_full_first_table(void **state)
{
    (void)state;
    const struct domain_config config = {.levels = 5, .fewest_levels = 3, .page_sizes = SIZES, .coherent = true};
    struct domain *d;
    u64 bytes;
    hosted_reset();
    assert_int_equal(domain_create(&config, &d), OK);
    add_units(d, SERVER_ECAP);
    for (u32 round = 0; round < 2; round++) {
        assert_int_equal(domain_map(d, (gpa_t){0}, (hpa_t){0}, 1ull << 39, PROT_READ | PROT_WRITE, MEM_WB), OK);
        for (u32 i = 0; i < UNITS; i++) {
            assert_true(dma_of(i, FRAME + 8) == FRAME + 8);
        }
        assert_int_equal(domain_unmap(d, (gpa_t){1ull << 30}, 1ull << 30, &bytes), OK);
        assert_int_equal(domain_map(d, (gpa_t){1ull << 30}, (hpa_t){0}, M2, PROT_READ | PROT_WRITE, MEM_WB), OK);
        assert_int_equal(domain_unmap(d, (gpa_t){0}, 1ull << 39, &bytes), OK);
        flush(d);
        for (u32 i = 0; i < UNITS; i++) {
            assert_true(dma_of(i, FRAME + 8) == ~0ull);
        }
    }
    end_units(d);
}

static void test_pins_that_fail(void **state)
{
    (void)state;
    struct domain_config config = {.levels = 5, .fewest_levels = 3, .page_sizes = SIZES, .coherent = true,
                                   .dma_root = true};
    struct domain *d;
    for (u32 n = 0; n < 7; n++) {
        hosted_reset();
        hosted_fail_after(n);
        assert_int_equal(domain_create(&config, &d), ERR_NO_MEMORY);
        assert_int_equal(hosted_pages_used(), 0);
    }
    hosted_fail_after(UINT32_MAX);
    config.fewest_levels = 2;
    assert_int_equal(domain_create(&config, &d), ERR_INVALID);
    assert_int_equal(hosted_pages_used(), 0);
}

static void test_refused_by_the_unit(void **state)
{
    struct nested_config config = {.pgtbl_addr = 0x1000, .addr_width = 48, .flags = NESTED_SRE};
    struct nested *n;
    struct domain *d;
    u32 pages, lines;
    (void)state;
    begin(SERVER_CAP, SERVER_ECAP & ~(SRS | EAFS), 4);
    lines = hosted_log_lines();
    d = new_domain(4, K4, true);
    pages = hosted_pages_used();
    for (u32 i = 0; i < 3; i++) {
        config.flags = i == 0 ? NESTED_SRE : i == 1 ? NESTED_EAFE : 0;
        config.addr_width = i == 2 ? 57 : 48;
        assert_int_equal(nested_create(d, &config, &n), OK);
        assert_int_equal(nested_attach(n, rig.unit, VTD_ROOT_OFF, SID, VTD_NO_PASID),
                         ERR_UNSUPPORTED);
        assert_int_equal(hosted_log_lines(), lines + i + 1);
        assert_int_equal(nested_destroy(n), OK);
    }
    assert_int_equal(hosted_pages_used(), pages);
    assert_int_equal(domain_destroy(d), OK);
    end();
    /* No nesting at all, and legacy mode. */
    begin(SERVER_CAP, LEGACY_ECAP, 4);
    d = new_domain(4, K4, true);
    assert_int_equal(nested_create(d, &config, &n), OK);
    assert_int_equal(nested_attach(n, rig.unit, VTD_ROOT_OFF, SID, VTD_NO_PASID),
                     ERR_UNSUPPORTED);
    assert_int_equal(domain_attach(d, rig.unit, VTD_ROOT_OFF, SID, 3), ERR_UNSUPPORTED);
    assert_int_equal(domain_attach(d, rig.unit, VTD_ROOT_GUEST, SID, 3), ERR_UNSUPPORTED);
    assert_int_equal(nested_destroy(n), OK);
    assert_int_equal(domain_destroy(d), OK);
    end();
}

/* Whatever allocation fails on the way to an entry: the device goes on as before. */
static void test_every_allocation_fails(void **state)
{
    const struct vtd_context context = {.pasids = 1 << 13};
    const struct nested_config config = {.pgtbl_addr = FS_TABLES, .addr_width = 48};
    enum result r = ERR_NO_MEMORY;
    u32 failures = 0;
    (void)state;
    for (u32 n = 0; r == ERR_NO_MEMORY; n++) {
        struct domain *d;
        struct nested *nested;
        u32 pages;
        begin(SERVER_CAP, SERVER_ECAP, 4);
        assert_int_equal(vtd_device_open(rig.unit, VTD_ROOT_GUEST, SID, &context), OK);
        d = new_domain(4, K4, true);
        assert_int_equal(domain_map(d, (gpa_t){0}, (hpa_t){FRAME}, K4, PROT_READ | PROT_WRITE,
                                    MEM_WB), OK);
        assert_int_equal(domain_attach(d, rig.unit, VTD_ROOT_OFF, SID, VTD_NO_PASID), OK);
        assert_int_equal(nested_create(d, &config, &nested), OK);
        pages = hosted_pages_used();
        hosted_fail_after(n);
        r = nested_attach(nested, rig.unit, VTD_ROOT_GUEST, SID, 4000);
        hosted_fail_after(UINT32_MAX);
        if (r == OK) {
            assert_int_equal(nested_detach(nested, rig.unit, VTD_ROOT_GUEST, SID, 4000), OK);
        } else {
            failures++;
            assert_int_equal(hosted_pages_used(), pages);
        }
        assert_int_equal(dma(8), FRAME + 8);
        assert_int_equal(nested_destroy(nested), OK);
        assert_int_equal(domain_detach(d, rig.unit, VTD_ROOT_OFF, SID, VTD_NO_PASID), OK);
        assert_int_equal(domain_destroy(d), OK);
        assert_int_equal(vtd_device_close(rig.unit, VTD_ROOT_GUEST, SID), OK);
        end();
    }
    assert_int_equal(r, OK);
    assert_true(failures >= 3);
}

/*
 * A queue that hangs: errors that name what hangs, in bounded time; tables that hardware may
 * still walk are not given back, and nobody is attached to anything new.
 */
static void test_hung_queue(void **state)
{
    const struct model_faults hang = {.queue_hang = true};
    struct domain *d;
    u64 bytes;
    u32 pages;
    (void)state;
    begin(SERVER_CAP, SERVER_ECAP, 4);
    d = new_domain(4, K4, false);
    assert_int_equal(domain_map(d, (gpa_t){0}, (hpa_t){FRAME}, K4, PROT_READ | PROT_WRITE,
                                MEM_WB), OK);
    assert_int_equal(domain_attach(d, rig.unit, VTD_ROOT_OFF, SID, VTD_NO_PASID), OK);
    assert_int_equal(dma(8), FRAME + 8);
    model_set_faults(rig.model, &hang);
    pages = hosted_pages_used();
    assert_int_equal(domain_unmap(d, (gpa_t){0}, K4, &bytes), OK);
    assert_int_equal(domain_flush(d, (gpa_t){0}, K4), ERR_TIMEOUT);
    assert_int_equal(hosted_pages_used(), pages);
    assert_int_equal(domain_replace(rig.d, rig.unit, VTD_ROOT_OFF, SID, VTD_NO_PASID),
                     ERR_TIMEOUT);
    assert_true(domain_detach(d, rig.unit, VTD_ROOT_OFF, SID, VTD_NO_PASID) != OK);
    /* Whatever happened, both domains that the entry may name are kept. */
    assert_int_equal(domain_destroy(d), ERR_BUSY);
    assert_int_equal(domain_destroy(rig.d), ERR_BUSY);
    assert_true(hosted_log_lines() >= 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_widths_and_modes), cmocka_unit_test(test_units_of_fewer_levels),
        cmocka_unit_test(test_a_full_first_table), cmocka_unit_test(test_pins_that_fail),
        cmocka_unit_test(test_refused_by_the_unit),
        cmocka_unit_test(test_every_allocation_fails), cmocka_unit_test(test_hung_queue),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
