/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Attaching devices, PASIDs and units to second-stage domains, and every way in which that is refused or fails.
 * Each case ends with all pages back in the pool.
 */
#include "unit/domain/domain_kit.h"

static void test_attach_detach(void **state)
{
    struct domain *d = plain();
    const struct vtd_entry *e;
    (void)state;
    assert_int_equal(domain_attach(d, &unit0, VTD_ROOT_OFF, 0x10, VTD_NO_PASID), OK);
    assert_int_equal(domain_attach(d, &unit0, VTD_ROOT_OFF, 0x10, 7), OK);
    assert_int_equal(domain_attach(d, &unit0, VTD_ROOT_GUEST, 0x10, 7), OK);
    assert_int_equal(domain_attach(d, &unit1, VTD_ROOT_OFF, 0x10, 7), OK);
    e = fake_entry(&unit0, VTD_ROOT_OFF, 0x10, 7);
    assert_int_equal(e->pgtt, PGTT_SECOND_STAGE);
    assert_int_equal(e->ss_root.v, domain_unit_root(d, domain_levels(d)).v);
    assert_int_equal(e->ss_levels, 4);
    assert_int_equal(e->fs_root, 0);
    assert_int_equal(e->did, fake_entry(&unit0, VTD_ROOT_OFF, 0x10, VTD_NO_PASID)->did);
    assert_null(fake_broken_rule(&unit0));
    assert_int_equal(domain_attach(d, &unit0, VTD_ROOT_OFF, 0x10, 7), ERR_EXISTS);
    assert_int_equal(domain_attach(d, &unit0, VTD_ROOT_OFF, 0x10, 1u << 20), ERR_INVALID);
    assert_int_equal(domain_destroy(d), ERR_BUSY);
    assert_int_equal(domain_detach(d, &unit0, VTD_ROOT_OFF, 0x11, 7), ERR_NOT_FOUND);
    assert_int_equal(domain_detach(d, &unit0, VTD_ROOT_OFF, 0x10, VTD_NO_PASID), OK);
    assert_int_equal(domain_detach(d, &unit0, VTD_ROOT_OFF, 0x10, 7), OK);
    assert_int_equal(domain_detach(d, &unit0, VTD_ROOT_OFF, 0x10, 7), ERR_NOT_FOUND);
    assert_int_equal(domain_destroy(d), ERR_BUSY);
    assert_int_equal(domain_detach(d, &unit0, VTD_ROOT_GUEST, 0x10, 7), OK);
    assert_int_equal(domain_detach(d, &unit1, VTD_ROOT_OFF, 0x10, 7), OK);
    assert_int_equal(fake_entries(&unit0) + fake_entries(&unit1), 0);
    end(d);
}

static void test_one_index_two_units(void **state)
{
    struct domain *d = plain();
    (void)state;
    fake_unit_init(&unit1, 0);
    assert_int_equal(domain_attach(d, &unit0, VTD_ROOT_OFF, 1, 0), OK);
    assert_int_equal(domain_attach(d, &unit1, VTD_ROOT_OFF, 1, 0), ERR_BUSY);
    assert_int_equal(domain_detach(d, &unit1, VTD_ROOT_OFF, 1, 0), ERR_BUSY);
    assert_int_equal(domain_detach(d, &unit0, VTD_ROOT_OFF, 1, 0), OK);
    assert_int_equal(domain_attach(d, &unit1, VTD_ROOT_OFF, 1, 0), OK);
    assert_int_equal(domain_detach(d, &unit1, VTD_ROOT_OFF, 1, 0), OK);
    end(d);
}

static void test_detach_of_another(void **state)
{
    struct domain *d = plain();
    struct domain_config config = config_of(false, false);
    struct domain *other = create(&config);
    (void)state;
    assert_int_equal(domain_attach(d, &unit0, VTD_ROOT_OFF, 1, 0), OK);
    assert_int_equal(domain_detach(other, &unit0, VTD_ROOT_OFF, 1, 0), ERR_NOT_FOUND);
    assert_int_equal(fake_entries(&unit0), 1);
    assert_int_equal(domain_detach(d, &unit0, VTD_ROOT_OFF, 1, 0), OK);
    destroy(other);
    end(d);
}

static void test_replace(void **state)
{
    struct domain *d = plain();
    struct domain_config config = config_of(false, false);
    struct domain *other = create(&config);
    u16 before;
    (void)state;
    assert_int_equal(domain_replace(d, &unit0, VTD_ROOT_OFF, 1, 0), ERR_NOT_FOUND);
    assert_int_equal(domain_attach(d, &unit0, VTD_ROOT_OFF, 1, 0), OK);
    assert_int_equal(domain_attach(d, &unit0, VTD_ROOT_OFF, 2, 0), OK);
    before = fake_entry(&unit0, VTD_ROOT_OFF, 1, 0)->did;
    assert_int_equal(domain_replace(other, &unit0, VTD_ROOT_OFF, 1, 0), OK);
    assert_int_equal(fake_entry(&unit0, VTD_ROOT_OFF, 1, 0)->ss_root.v,
                     domain_unit_root(other, domain_levels(other)).v);
    assert_true(fake_entry(&unit0, VTD_ROOT_OFF, 1, 0)->did != before);
    assert_null(fake_broken_rule(&unit0));
    /* A driver's refusal leaves the old attachment. */
    unit0.next_set = ERR_UNSUPPORTED;
    assert_int_equal(domain_replace(d, &unit0, VTD_ROOT_OFF, 1, 0), ERR_UNSUPPORTED);
    assert_int_equal(fake_entries(&unit0), 2);
    /* A unit that stops answering: the device is blocked, and attached to neither. */
    unit0.next_set = ERR_TIMEOUT;
    assert_int_equal(domain_replace(d, &unit0, VTD_ROOT_OFF, 1, 0), ERR_TIMEOUT);
    assert_int_equal(fake_entries(&unit0), 1);
    assert_int_equal(domain_detach(other, &unit0, VTD_ROOT_OFF, 1, 0), ERR_NOT_FOUND);
    assert_int_equal(domain_detach(d, &unit0, VTD_ROOT_OFF, 1, 0), ERR_NOT_FOUND);
    /* Nor did it let itself be cleared: both stay in use, and whoever detaches gets rid of it. */
    assert_int_equal(domain_attach(other, &unit0, VTD_ROOT_OFF, 1, 0), OK);
    unit0.next_set = ERR_TIMEOUT;
    unit0.next_clear = ERR_TIMEOUT;
    assert_int_equal(domain_replace(d, &unit0, VTD_ROOT_OFF, 1, 0), ERR_TIMEOUT);
    assert_int_equal(domain_detach(other, &unit0, VTD_ROOT_OFF, 1, 0), OK);
    assert_int_equal(fake_entries(&unit0), 1);
    assert_int_equal(domain_attach(d, &unit0, VTD_ROOT_OFF, 1, 0), OK);
    unit0.next_clear = ERR_TIMEOUT;
    assert_int_equal(domain_detach(d, &unit0, VTD_ROOT_OFF, 1, 0), ERR_TIMEOUT);
    assert_int_equal(domain_attach(other, &unit0, VTD_ROOT_OFF, 1, 0), OK);
    assert_int_equal(domain_detach(other, &unit0, VTD_ROOT_OFF, 1, 0), OK);
    assert_int_equal(domain_detach(d, &unit0, VTD_ROOT_OFF, 2, 0), OK);
    destroy(other);
    end(d);
}

static void test_driver_errors(void **state)
{
    struct domain *d = plain();
    u32 pages = hosted_pages_used();
    (void)state;
    unit0.next_set = ERR_UNSUPPORTED;
    assert_int_equal(domain_attach(d, &unit0, VTD_ROOT_OFF, 1, 0), ERR_UNSUPPORTED);
    assert_int_equal(hosted_pages_used(), pages);
    /* Written, then no answer: taken back, or else it stays counted. */
    unit0.next_set = ERR_TIMEOUT;
    assert_int_equal(domain_attach(d, &unit0, VTD_ROOT_OFF, 1, 0), ERR_TIMEOUT);
    assert_int_equal(hosted_pages_used(), pages);
    unit0.next_set = ERR_QUEUE;
    unit0.next_clear = ERR_TIMEOUT;
    assert_int_equal(domain_attach(d, &unit0, VTD_ROOT_OFF, 1, 0), ERR_QUEUE);
    assert_int_equal(domain_destroy(d), ERR_BUSY);
    assert_int_equal(domain_detach(d, &unit0, VTD_ROOT_OFF, 1, 0), OK);
    assert_int_equal(domain_attach(d, &unit0, VTD_ROOT_OFF, 1, 0), OK);
    /* Not cleared: hardware may walk the tables, so the domain must stay. */
    unit0.next_clear = ERR_TIMEOUT;
    assert_int_equal(domain_detach(d, &unit0, VTD_ROOT_OFF, 1, 0), ERR_TIMEOUT);
    assert_int_equal(domain_destroy(d), ERR_BUSY);
    assert_int_equal(domain_detach(d, &unit0, VTD_ROOT_OFF, 1, 0), OK);
    end(d);
}

static void test_units_refused(void **state)
{
    struct domain *d = plain();
    struct domain_config config = config_of(false, false);
    struct domain *deep;
    (void)state;
    unit0.info.ss_levels = 1 << 5;
    assert_int_equal(domain_attach(d, &unit0, VTD_ROOT_OFF, 1, 0), ERR_UNSUPPORTED);
    fake_unit_init(&unit0, 0);
    unit0.info.ss_page_sizes = K4 | M2;
    assert_int_equal(domain_attach(d, &unit0, VTD_ROOT_OFF, 1, 0), ERR_UNSUPPORTED);
    fake_unit_init(&unit0, 0);
    unit0.info.coherent = false;
    assert_int_equal(domain_attach(d, &unit0, VTD_ROOT_OFF, 1, 0), ERR_UNSUPPORTED);
    config.coherent = false;
    config.levels = 5;
    deep = create(&config);
    assert_int_equal(domain_attach(deep, &unit0, VTD_ROOT_OFF, 1, 0), OK);
    assert_int_equal(fake_entry(&unit0, VTD_ROOT_OFF, 1, 0)->ss_levels, 5);
    assert_int_equal(domain_detach(deep, &unit0, VTD_ROOT_OFF, 1, 0), OK);
    destroy(deep);
    fake_unit_init(&unit0, 1024);
    assert_int_equal(domain_attach(d, &unit0, VTD_ROOT_OFF, 1, 0), ERR_UNSUPPORTED);
    assert_int_equal(domain_detach(d, &unit0, VTD_ROOT_OFF, 1, 0), ERR_UNSUPPORTED);
    domain_unit_remove(d, &unit0);
    assert_int_equal(hosted_log_lines(), 6);
    end(d);
}

static void test_unit_default(void **state)
{
    struct domain *d = plain();
    struct domain_config config = config_of(true, true);
    struct domain *other = create(&config);
    struct vtd_default def;
    (void)state;
    assert_int_equal(domain_unit_add(other, &unit0, &def), OK);
    assert_int_equal(def.ss_root.v, domain_unit_root(other, domain_levels(other)).v);
    assert_int_equal(def.ss_levels, 4);
    assert_true(def.did != 0);
    assert_int_equal(domain_unit_add(other, &unit0, &def), ERR_EXISTS);
    assert_int_equal(domain_unit_add(d, &unit0, &def), ERR_EXISTS);
    assert_int_equal(domain_destroy(other), ERR_BUSY);
    /* Devices on the same domain share its id; a flush reaches the unit's default, too. */
    assert_int_equal(domain_attach(other, &unit0, VTD_ROOT_OFF, 9, VTD_NO_PASID), OK);
    assert_int_equal(fake_entry(&unit0, VTD_ROOT_OFF, 9, VTD_NO_PASID)->did, def.did);
    assert_int_equal(domain_detach(other, &unit0, VTD_ROOT_OFF, 9, VTD_NO_PASID), OK);
    unit0.invals = 0;
    assert_int_equal(domain_flush(other, (gpa_t){0x5000}, K4), OK);
    assert_int_equal(unit0.invals, 1);
    assert_int_equal(unit0.inval[0].did, def.did);
    assert_int_equal(unit0.inval[0].gpa, 0x5000);
    assert_int_equal(unit0.inval[0].size, K4);
    domain_unit_remove(d, &unit0);
    assert_int_equal(domain_destroy(other), ERR_BUSY);
    domain_unit_remove(other, &unit0);
    domain_unit_remove(other, &unit0);
    destroy(other);
    end(d);
}

/* Every allocation of attach, replace and unit_add fails once: nothing stays behind. */
static void test_every_allocation_fails(void **state)
{
    (void)state;
    for (u32 kind = 0; kind < 3; kind++) {
        enum result r = ERR_NO_MEMORY;
        u32 failures = 0;
        for (u32 n = 0; r == ERR_NO_MEMORY; n++) {
            struct domain *d = plain();
            struct domain_config config = config_of(false, false);
            struct domain *other = create(&config);
            struct vtd_default def;
            u32 pages;
            if (kind == 2) {
                assert_int_equal(domain_attach(other, &unit0, VTD_ROOT_OFF, 1, 0), OK);
            }
            pages = hosted_pages_used();
            hosted_fail_after(n);
            r = kind == 0   ? domain_attach(d, &unit0, VTD_ROOT_OFF, 1, 0)
                : kind == 1 ? domain_unit_add(d, &unit0, &def)
                            : domain_replace(d, &unit0, VTD_ROOT_OFF, 1, 0);
            hosted_fail_after(UINT32_MAX);
            if (r != OK) {
                failures++;
                assert_int_equal(hosted_pages_used(), pages);
                assert_int_equal(fake_entries(&unit0), kind == 2 ? 1 : 0);
            }
            if (kind == 2) {
                assert_int_equal(domain_detach(r == OK ? d : other, &unit0, VTD_ROOT_OFF, 1, 0),
                                 OK);
            } else if (r == OK && kind == 0) {
                assert_int_equal(domain_detach(d, &unit0, VTD_ROOT_OFF, 1, 0), OK);
            } else if (r == OK) {
                domain_unit_remove(d, &unit0);
            }
            destroy(other);
            end(d);
        }
        assert_int_equal(r, OK);
        assert_true(kind == 2 || failures >= 4);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_attach_detach), cmocka_unit_test(test_one_index_two_units),
        cmocka_unit_test(test_detach_of_another), cmocka_unit_test(test_replace),
        cmocka_unit_test(test_driver_errors), cmocka_unit_test(test_units_refused),
        cmocka_unit_test(test_unit_default), cmocka_unit_test(test_every_allocation_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
