/*
 * A level more on a domain in use: devices with and without entries of their own, PASIDs, nested
 * domains and a unit's default go over together, DMA at each step of it included; what cannot
 * be done leaves everything as it was.
 */
#include "iommu/domain/domain.h"

#include "tests/support/hosted.h"
#include "tests/support/vtd_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define K4 4096ull
#define SIZES (K4 | 1ull << 21 | 1ull << 30)
/* 39, 48 and 57 bits, MGAW 57, 64K domain ids. */
#define CAP 0x01d2078c40780e06ull
#define CAP_CM 0x80ull
#define CAP_ND 7ull
#define SAGAW_57 (1ull << 11)
#define SCALABLE 0x0003c99c84f050c3ull
#define LEGACY 0x00000000000050c3ull

enum {
    OWN = 0x18, PLAIN = 0x20, OPENED = 0x28, /* attached; with nothing of its own; opened only */
    PASID = 70, GPA = 0x200000, FRAME = 0x400000, GPA_FS = 0x600000, FRAME_FS = 0x800000,
    IOVA = 0x5000,
};
enum { FS_P = 1, FS_RW = 2, FS_US = 4, FS_A = 0x20, FS_D = 0x40 };

static struct {
    struct model_unit *model;
    struct vtd_unit *unit;
    struct domain *d;
    bool scalable;
    u32 mmio;
} rig;

static void map(u64 gpa, u64 hpa, u64 size, u32 prot)
{
    assert_int_equal(domain_map(rig.d, (gpa_t){gpa}, (hpa_t){hpa}, size, prot, MEM_WB), OK);
    assert_int_equal(domain_flush(rig.d, (gpa_t){gpa}, size), OK);
}

static void unmap(u64 gpa, u64 size)
{
    u64 bytes;
    assert_int_equal(domain_unmap(rig.d, (gpa_t){gpa}, size, &bytes), OK);
    assert_int_equal(bytes, size);
    assert_int_equal(domain_flush(rig.d, (gpa_t){gpa}, size), OK);
}

/* The domain is the unit's default; OWN is attached, OPENED has a directory with the default in it. */
static void begin_with(u64 cap, u64 ecap, const struct domain_config *config)
{
    const struct model_config model = {.ver = 0x10, .cap = cap, .ecap = ecap, .haw = 47};
    const struct vtd_context context = {.pasids = ecap == SCALABLE ? 1 << 13 : 0};
    struct vtd_default def;
    hosted_reset();
    rig.scalable = ecap == SCALABLE;
    rig.model = hosted_add_unit((hpa_t){VTD_RIG_BASE}, &model);
    assert_int_equal(vtd_unit_probe((hpa_t){VTD_RIG_BASE}, 0, 0, 47, &rig.unit), OK);
    assert_int_equal(domain_create(config, &rig.d), OK);
    assert_int_equal(domain_unit_add(rig.d, rig.unit, &def), OK);
    assert_int_equal(vtd_unit_take_over(rig.unit, &def), OK);
    assert_int_equal(vtd_device_open(rig.unit, VTD_ROOT_OFF, OWN, &context), OK);
    assert_int_equal(vtd_device_open(rig.unit, VTD_ROOT_OFF, OPENED, &context), OK);
    assert_int_equal(domain_attach(rig.d, rig.unit, VTD_ROOT_OFF, OWN, VTD_NO_PASID), OK);
}

static void begin(u64 cap, u64 ecap, u32 levels)
{
    const struct domain_config config = {.levels = levels, .page_sizes = SIZES, .coherent = true,
                                         .parent = ecap == SCALABLE};
    begin_with(cap, ecap, &config);
    map(GPA, FRAME, K4, PROT_READ | PROT_WRITE);
}

static void end(void)
{
    assert_int_equal(domain_detach(rig.d, rig.unit, VTD_ROOT_OFF, OWN, VTD_NO_PASID), OK);
    assert_int_equal(vtd_device_close(rig.unit, VTD_ROOT_OFF, OWN), OK);
    assert_int_equal(vtd_device_close(rig.unit, VTD_ROOT_OFF, OPENED), OK);
    domain_unit_remove(rig.d, rig.unit);
    assert_int_equal(vtd_unit_release(rig.unit), OK);
    vtd_unit_destroy(rig.unit);
    assert_int_equal(domain_destroy(rig.d), OK);
    assert_int_equal(hosted_pages_used(), 0);
}

/* Where eight bytes written end, ~0 when they are refused. */
static u64 dma(u16 sid, u32 pasid, u64 addr)
{
    const struct model_request request = {.sid = sid, .has_pasid = pasid != VTD_NO_PASID,
                                          .pasid = pasid == VTD_NO_PASID ? 0 : pasid,
                                          .op = MODEL_WRITE, .addr = addr, .len = 8};
    struct model_outcome outcome;
    u64 value = addr;
    return model_dma(rig.model, &request, &value, &outcome) ? outcome.hpa : ~0ull;
}

static void check_all(u64 addr, u64 hpa)
{
    assert_int_equal(dma(OWN, VTD_NO_PASID, addr), hpa);
    assert_int_equal(dma(PLAIN, VTD_NO_PASID, addr), hpa);
    assert_int_equal(dma(OPENED, VTD_NO_PASID, addr), hpa);
}

static void dma_meanwhile(bool enter)
{
    (void)enter;
    rig.mmio++;
    check_all(GPA + 8, FRAME + 8);
}

static void grow(void)
{
    u32 pages = domain_table_pages(rig.d);
    u32 levels = domain_levels(rig.d);
    hpa_t root = domain_dma_root(rig.d);
    struct vtd_entry before, after;
    assert_int_equal(vtd_entry_get(rig.unit, VTD_ROOT_OFF, OWN, VTD_NO_PASID, &before), OK);
    rig.mmio = 0;
    hosted_watch_mmio(dma_meanwhile);
    assert_int_equal(domain_grow(rig.d), OK);
    hosted_watch_mmio(NULL);
    assert_true(rig.mmio > 0);
    assert_int_equal(domain_levels(rig.d), levels + 1);
    assert_int_equal(domain_table_pages(rig.d), pages + 1);
    assert_int_not_equal(domain_dma_root(rig.d).v, root.v);
    assert_int_equal(vtd_entry_get(rig.unit, VTD_ROOT_OFF, OWN, VTD_NO_PASID, &after), OK);
    assert_int_equal(after.ss_root.v, domain_dma_root(rig.d).v);
    assert_int_equal(after.ss_levels, levels + 1);
    /* VT-d 6.2.3.1: a root comes with an id. */
    assert_int_not_equal(after.did, before.did);
}

static void test_in_use(void **state)
{
    static const struct { u64 cap, ecap; } units[] = {
        {CAP, SCALABLE}, {CAP | CAP_CM, SCALABLE}, {CAP, LEGACY}, {CAP | CAP_CM, LEGACY},
    };
    const struct vtd_context none = {.pasids = 0};
    (void)state;
    for (u32 i = 0; i < ARRAY_LEN(units); i++) {
        begin(units[i].cap, units[i].ecap, 3);
        for (u32 levels = 3; levels < 5; levels++) {
            u64 above = 1ull << (12 + 9 * levels);
            assert_int_equal(domain_map(rig.d, (gpa_t){above}, (hpa_t){FRAME + K4}, K4,
                                        PROT_READ | PROT_WRITE, MEM_WB), ERR_INVALID);
            check_all(GPA + 8, FRAME + 8);
            check_all(above, ~0ull);
            grow();
            map(above, FRAME + K4, K4, PROT_READ | PROT_WRITE);
            check_all(above, FRAME + K4);
            check_all(GPA + 16, FRAME + 16);
        }
        /* Who comes later finds the new root, and the old id nowhere. */
        assert_int_equal(vtd_device_open(rig.unit, VTD_ROOT_OFF, PLAIN, &none), OK);
        assert_int_equal(dma(PLAIN, VTD_NO_PASID, 1ull << 48), FRAME + K4);
        assert_int_equal(vtd_device_close(rig.unit, VTD_ROOT_OFF, PLAIN), OK);
        /* What was cached under the old ids is gone. */
        unmap(GPA, K4);
        check_all(GPA + 8, ~0ull);
        unmap(1ull << 39, K4);
        unmap(1ull << 48, K4);
        assert_int_equal(domain_table_pages(rig.d), 1);
        end();
    }
}

/* A guest's first stage, its tables and what they lead to, under two PASIDs of one guest domain. */
static void test_nested(void **state)
{
    const struct nested_config config = {.pgtbl_addr = GPA_FS, .addr_width = 48, .guest_did = 5};
    const struct vtd_context context = {.pasids = 1 << 13};
    const struct nested_inval inval = {.pasid = PASID, .addr = IOVA, .pages = 1};
    struct nested_config other_config = config;
    struct nested *n, *other;
    u16 ids[2], old[2];
    u32 done;
    (void)state;
    begin(CAP, SCALABLE, 4);
    map(GPA_FS, FRAME_FS, 4 * K4, PROT_READ | PROT_WRITE);
    u64 *table = (u64 *)(void *)(hosted_memory() + FRAME_FS);
    for (u32 level = 0; level < 3; level++) {
        table[512 * level] = (GPA_FS + (level + 1) * K4) | FS_P | FS_RW | FS_US | FS_A;
    }
    table[512 * 3 + IOVA / K4] = GPA | FS_P | FS_RW | FS_US | FS_A | FS_D;
    assert_int_equal(nested_create(rig.d, &config, &n), OK);
    assert_int_equal(vtd_device_open(rig.unit, VTD_ROOT_GUEST, OWN, &context), OK);
    assert_int_equal(nested_attach(n, rig.unit, VTD_ROOT_GUEST, OWN, PASID), OK);
    assert_int_equal(nested_attach(n, rig.unit, VTD_ROOT_GUEST, OWN, VTD_NO_PASID), OK);
    assert_int_equal(nested_attach(n, rig.unit, VTD_ROOT_OFF, OWN, PASID), OK);
    assert_int_equal(dma(OWN, PASID, IOVA + 8), FRAME + 8);
    assert_int_equal(did_of_guest(rig.unit, 0, 5, old, 2), 1);
    grow();
    assert_int_equal(did_of_guest(rig.unit, 0, 5, ids, 2), 1);
    assert_int_not_equal(ids[0], old[0]);
    assert_int_equal(dma(OWN, PASID, IOVA + 16), FRAME + 16);
    assert_int_equal(vtd_root_select(rig.unit, VTD_ROOT_GUEST), OK);
    assert_int_equal(dma(OWN, PASID, IOVA + 8), FRAME + 8);
    assert_int_equal(dma(OWN, VTD_NO_PASID, IOVA + 8), FRAME + 8);
    /* Both kinds of invalidation find the new id. */
    table[512 * 3 + IOVA / K4] = 0;
    assert_int_equal(nested_invalidate(n, &inval, 1, &done), OK);
    assert_int_equal(dma(OWN, PASID, IOVA + 8), ~0ull);
    assert_int_equal(dma(OWN, VTD_NO_PASID, IOVA + 24), FRAME + 24);
    unmap(GPA, K4);
    assert_int_equal(dma(OWN, VTD_NO_PASID, IOVA + 24), ~0ull);
    /* The table that the guest had there stays known: a second attachment is the same one. */
    assert_int_equal(nested_detach(n, rig.unit, VTD_ROOT_GUEST, OWN, PASID), OK);
    assert_int_equal(nested_attach(n, rig.unit, VTD_ROOT_GUEST, OWN, PASID), OK);
    assert_int_equal(did_of_guest(rig.unit, 0, 5, old, 2), 1);
    assert_int_equal(old[0], ids[0]);
    /* And another one under that PASID is seen to be another. */
    other_config.pgtbl_addr = GPA_FS + K4;
    assert_int_equal(nested_create(rig.d, &other_config, &other), OK);
    assert_int_equal(nested_attach(other, rig.unit, VTD_ROOT_OFF, OPENED, PASID), OK);
    assert_int_equal(did_of_guest(rig.unit, 0, 5, old, 2), 2);
    assert_int_equal(nested_detach(other, rig.unit, VTD_ROOT_OFF, OPENED, PASID), OK);
    assert_int_equal(nested_destroy(other), OK);
    assert_int_equal(vtd_root_select(rig.unit, VTD_ROOT_OFF), OK);
    assert_int_equal(nested_detach(n, rig.unit, VTD_ROOT_GUEST, OWN, PASID), OK);
    assert_int_equal(nested_detach(n, rig.unit, VTD_ROOT_GUEST, OWN, VTD_NO_PASID), OK);
    assert_int_equal(nested_detach(n, rig.unit, VTD_ROOT_OFF, OWN, PASID), OK);
    assert_int_equal(vtd_device_close(rig.unit, VTD_ROOT_GUEST, OWN), OK);
    assert_int_equal(nested_destroy(n), OK);
    end();
}

/* Two roots, read-only pages in none, one or the other part; and roots with nothing below. */
static void test_diverging(void **state)
{
    const struct domain_config config = {.levels = 3, .page_sizes = SIZES, .coherent = true,
                                         .parent = true, .dma_root = true};
    (void)state;
    for (u32 i = 0; i < 4; i++) {
        bool page = (i & 1) != 0;
        bool read_only = (i & 2) != 0;
        struct domain_mapping at;
        begin_with(CAP, SCALABLE, &config);
        if (page) {
            map(GPA, FRAME, K4, PROT_READ | PROT_WRITE);
        }
        if (read_only) {
            map(GPA + K4, FRAME + K4, K4, PROT_READ);
        }
        check_all(GPA + 8, page ? FRAME + 8 : ~0ull);
        assert_int_equal(domain_grow(rig.d), OK);
        assert_int_not_equal(domain_cpu_root(rig.d).v, domain_dma_root(rig.d).v);
        check_all(GPA + 8, page ? FRAME + 8 : ~0ull);
        check_all(GPA + K4, ~0ull);
        map(1ull << 40, FRAME + 2 * K4, K4, PROT_READ);
        map((1ull << 40) + K4, FRAME + 2 * K4, K4, PROT_READ | PROT_WRITE);
        check_all(1ull << 40, ~0ull);
        check_all((1ull << 40) + K4, FRAME + 2 * K4);
        assert_int_equal(domain_walk(rig.d, (gpa_t){1ull << 40}, &at), OK);
        assert_int_equal(at.prot, PROT_READ);
        assert_int_equal(domain_walk(rig.d, (gpa_t){GPA + K4}, &at),
                         read_only ? OK : ERR_NOT_FOUND);
        unmap(1ull << 40, 2 * K4);
        if (page) {
            unmap(GPA, K4);
        }
        if (read_only) {
            unmap(GPA + K4, K4);
        }
        assert_int_equal(domain_table_pages(rig.d), 2);
        end();
    }
}

static void test_refused(void **state)
{
    u32 pages, lines, levels;
    u64 root;
    (void)state;
    for (u32 i = 0; i < 2; i++) {
        /* No unit has six levels; this one has not even five. */
        begin(i == 0 ? CAP : CAP & ~SAGAW_57, SCALABLE, i == 0 ? 5 : 4);
        levels = domain_levels(rig.d);
        pages = hosted_pages_used();
        root = domain_dma_root(rig.d).v;
        lines = hosted_log_lines();
        assert_int_equal(domain_grow(rig.d), ERR_UNSUPPORTED);
        assert_int_equal(hosted_log_lines(), lines + 1);
        assert_int_equal(hosted_pages_used(), pages);
        assert_int_equal(domain_levels(rig.d), levels);
        assert_int_equal(domain_dma_root(rig.d).v, root);
        check_all(GPA + 8, FRAME + 8);
        end();
    }
}

/* Sixteen ids: with all of them in use the domain cannot have another one, and needs none of two. */
static void test_ids_run_out(void **state)
{
    struct domain *others[16];
    u32 count = 0;
    u32 pages;
    const struct domain_config config = {.levels = 4, .page_sizes = K4, .coherent = true};
    (void)state;
    begin(CAP & ~CAP_ND, SCALABLE, 3);
    for (enum result r = OK; r == OK; count += r == OK) {
        assert_int_equal(domain_create(&config, &others[count]), OK);
        r = domain_attach(others[count], rig.unit, VTD_ROOT_OFF, OWN, 1 + count);
        assert_true(r == OK || r == ERR_NO_DOMAIN_ID);
    }
    assert_int_equal(domain_destroy(others[count]), OK);
    assert_int_equal(count, 14);
    pages = hosted_pages_used();
    assert_int_equal(domain_grow(rig.d), ERR_NO_DOMAIN_ID);
    assert_int_equal(hosted_pages_used(), pages);
    assert_int_equal(domain_levels(rig.d), 3);
    check_all(GPA + 8, FRAME + 8);
    count--;
    assert_int_equal(domain_detach(others[count], rig.unit, VTD_ROOT_OFF, OWN, 1 + count), OK);
    assert_int_equal(domain_destroy(others[count]), OK);
    /* The first id stays with the domain as its name, the ones between are free again. */
    assert_int_equal(domain_grow(rig.d), OK);
    assert_int_equal(domain_grow(rig.d), ERR_NO_DOMAIN_ID);
    count--;
    assert_int_equal(domain_detach(others[count], rig.unit, VTD_ROOT_OFF, OWN, 1 + count), OK);
    assert_int_equal(domain_destroy(others[count]), OK);
    assert_int_equal(domain_grow(rig.d), OK);
    check_all(GPA + 8, FRAME + 8);
    while (count != 0) {
        count--;
        assert_int_equal(domain_detach(others[count], rig.unit, VTD_ROOT_OFF, OWN, 1 + count), OK);
        assert_int_equal(domain_destroy(others[count]), OK);
    }
    end();
}

static void test_every_allocation_fails(void **state)
{
    const struct domain_config config = {.levels = 4, .page_sizes = SIZES, .coherent = true,
                                         .parent = true, .dma_root = true};
    enum result r = ERR_NO_MEMORY;
    u32 failures = 0;
    (void)state;
    begin_with(CAP, SCALABLE, &config);
    map(GPA, FRAME, K4, PROT_READ | PROT_WRITE);
    map(GPA + K4, FRAME + K4, K4, PROT_READ);
    for (u32 n = 0; r == ERR_NO_MEMORY; n++) {
        u32 pages = hosted_pages_used();
        hosted_fail_after(n);
        r = domain_grow(rig.d);
        hosted_fail_after(UINT32_MAX);
        check_all(GPA + 8, FRAME + 8);
        if (r == ERR_NO_MEMORY) {
            failures++;
            assert_int_equal(hosted_pages_used(), pages);
            assert_int_equal(domain_levels(rig.d), 4);
        }
    }
    assert_int_equal(r, OK);
    assert_int_equal(failures, 3);
    assert_int_equal(domain_levels(rig.d), 5);
    end();
}

/* Said, and nothing that the unit may still walk is given back. */
static void test_hung_queue(void **state)
{
    const struct model_faults hang = {.queue_hang = true};
    const struct domain_config config = {.levels = 4, .page_sizes = SIZES, .coherent = true};
    u32 pages;
    (void)state;
    begin_with(CAP, SCALABLE, &config);
    check_all(GPA + 8, ~0ull);
    pages = hosted_pages_used();
    model_set_faults(rig.model, &hang);
    assert_int_equal(domain_grow(rig.d), ERR_TIMEOUT);
    assert_int_equal(domain_levels(rig.d), 5);
    assert_true(strstr(hosted_log(), "is lost") != NULL);
    assert_true(domain_flush(rig.d, (gpa_t){0}, 0) != OK);
    assert_int_equal(hosted_pages_used(), pages + 1);
}

/* Nobody attached: only the tables. */
static void test_not_in_use(void **state)
{
    const struct domain_config config = {.levels = 3, .page_sizes = SIZES, .coherent = false};
    struct domain *d;
    (void)state;
    hosted_reset();
    assert_int_equal(domain_create(&config, &d), OK);
    assert_int_equal(domain_grow(d), OK);
    assert_int_equal(domain_table_pages(d), 1);
    assert_int_equal(domain_map(d, (gpa_t){1ull << 39}, (hpa_t){0}, 1ull << 39,
                                PROT_READ | PROT_WRITE, MEM_WB), OK);
    assert_int_equal(domain_grow(d), OK);
    assert_int_equal(domain_table_pages(d), 3);
    assert_int_equal(domain_grow(d), ERR_UNSUPPORTED);
    assert_int_equal(domain_destroy(d), OK);
    assert_int_equal(hosted_pages_used(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_in_use), cmocka_unit_test(test_nested),
        cmocka_unit_test(test_diverging), cmocka_unit_test(test_refused),
        cmocka_unit_test(test_ids_run_out), cmocka_unit_test(test_every_allocation_fails),
        cmocka_unit_test(test_not_in_use), cmocka_unit_test(test_hung_queue),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
