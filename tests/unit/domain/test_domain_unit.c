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
    assert_int_equal(domain_attach(d, rig.unit, VTD_ROOT_GUEST, SID, VTD_NO_PASID),
                     ERR_UNSUPPORTED);
    assert_int_equal(domain_attach(d, rig.unit, VTD_ROOT_OFF, SID, 3), ERR_UNSUPPORTED);
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
        cmocka_unit_test(test_widths_and_modes), cmocka_unit_test(test_refused_by_the_unit),
        cmocka_unit_test(test_every_allocation_fails), cmocka_unit_test(test_hung_queue),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
