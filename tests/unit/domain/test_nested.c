/* SPDX-License-Identifier: BSD-2-Clause */
/* Nested domains: what is refused, what gets into the entry and what never does. */
#include "unit/domain/domain_kit.h"

#define OFF VTD_ROOT_OFF
#define GUEST VTD_ROOT_GUEST

static struct domain *parent_of(u32 levels, bool parent)
{
    struct domain_config config = {.levels = levels, .page_sizes = K4 | M2 | G1, .coherent = true,
                                   .parent = parent, .partition = 5};
    return create(&config);
}

static struct domain *fresh(void)
{
    begin();
    return parent_of(4, true);
}

static struct nested *nest(struct domain *d, u64 table, u16 guest_did)
{
    const struct nested_config config = {.pgtbl_addr = table, .addr_width = 48,
                                         .guest_did = guest_did};
    struct nested *n = NULL;
    assert_int_equal(nested_create(d, &config, &n), OK);
    return n;
}

static void test_create_refused(void **state)
{
    static const struct { u64 flags, table; u32 width; enum result expected; } cases[] = {
        {0, 0x1000, 48, OK}, {7, 0x1000, 57, OK}, {0, (1ull << 48) - K4, 48, OK},
        {8, 0x1000, 48, ERR_INVALID}, {1ull << 63, 0x1000, 48, ERR_INVALID},
        {0, 0x1001, 48, ERR_INVALID}, {0, 0x1800, 48, ERR_INVALID},
        {0, 1ull << 48, 48, ERR_INVALID}, {0, ~PAGE_MASK, 48, ERR_INVALID},
        {0, 0x1000, 0, ERR_INVALID}, {0, 0x1000, 39, ERR_INVALID}, {0, 0x1000, 58, ERR_INVALID},
    };
    struct domain *d = fresh();
    struct domain *other = parent_of(4, false);
    struct nested_config config = {.pgtbl_addr = 0x1000, .addr_width = 48};
    struct nested *n;
    struct nested *over;
    (void)state;
    for (u32 i = 0; i < ARRAY_LEN(cases); i++) {
        const struct nested_config c = {.flags = cases[i].flags, .pgtbl_addr = cases[i].table,
                                        .addr_width = cases[i].width};
        enum result r = nested_create(d, &c, &n);
        assert_int_equal(r, cases[i].expected);
        if (r == OK) {
            assert_int_equal(nested_destroy(n), OK);
        }
    }
    assert_int_equal(nested_create(other, &config, &n), ERR_NOT_A_PARENT);
    assert_int_equal(domain_make_parent(other), OK);
    assert_int_equal(nested_create(other, &config, &n), OK);
    /* Nest on a nested domain: only a cast gets that far. */
    assert_int_equal(nested_create((struct domain *)n, &config, &over), ERR_NOT_A_PARENT);
    assert_int_equal(nested_destroy(n), OK);
    hosted_fail_after(0);
    assert_int_equal(nested_create(other, &config, &n), ERR_NO_MEMORY);
    hosted_fail_after(UINT32_MAX);
    assert_int_equal(domain_destroy(other), OK);
    assert_int_equal(hosted_log_lines(), 9 + 2);
    end(d);
}

static void test_parent_in_use(void **state)
{
    struct domain *d = fresh();
    struct nested *n = nest(d, 0x1000, 1);
    (void)state;
    assert_int_equal(domain_destroy(d), ERR_BUSY);
    assert_int_equal(nested_attach(n, &unit0, GUEST, 1, VTD_NO_PASID), OK);
    assert_int_equal(nested_destroy(n), ERR_BUSY);
    assert_int_equal(domain_destroy(d), ERR_BUSY);
    assert_int_equal(nested_detach(n, &unit0, GUEST, 1, VTD_NO_PASID), OK);
    assert_int_equal(nested_detach(n, &unit0, GUEST, 1, VTD_NO_PASID), ERR_NOT_FOUND);
    assert_int_equal(domain_destroy(d), ERR_BUSY);
    assert_int_equal(nested_destroy(n), OK);
    end(d);
}

/* The host's domain id is not the guest's; flags and width get into the entry, nothing else does. */
static void test_entry(void **state)
{
    struct domain *d = fresh();
    const struct nested_config config = {.flags = NESTED_SRE | NESTED_WPE, .pgtbl_addr = 0x7000,
                                         .addr_width = 57, .guest_did = 44};
    const struct vtd_entry *e;
    struct nested *n;
    u16 ids[4];
    (void)state;
    assert_int_equal(nested_create(d, &config, &n), OK);
    assert_int_equal(nested_attach(n, &unit0, GUEST, 0x123, 9), OK);
    e = fake_entry(&unit0, GUEST, 0x123, 9);
    assert_int_equal(e->pgtt, PGTT_NESTED);
    assert_int_equal(e->ss_root.v, domain_unit_root(d, domain_levels(d)).v);
    assert_int_equal(e->ss_levels, 4);
    assert_int_equal(e->fs_root, 0x7000);
    assert_int_equal(e->fs_width, 57);
    assert_true(e->sre && e->wpe && !e->eafe);
    assert_true(e->did != 44 && e->did != 0);
    assert_int_equal(did_of_guest(&unit0, 5, 44, ids, 4), 1);
    assert_int_equal(ids[0], e->did);
    assert_int_equal(did_of_guest(&unit0, 5, 44, ids, 0), 0);
    assert_int_equal(did_of_guest(&unit0, 6, 44, ids, 4), 0);
    assert_int_equal(did_of_guest(&unit1, 5, 44, ids, 4), 0);
    assert_int_equal(nested_detach(n, &unit0, GUEST, 0x123, 9), OK);
    assert_int_equal(did_of_guest(&unit0, 5, 44, ids, 4), 0);
    assert_int_equal(nested_destroy(n), OK);
    end(d);
}

static void test_attach_refused(void **state)
{
    struct domain *d = fresh();
    struct nested *n = nest(d, 1ull << 47, 1);
    u32 pages = hosted_pages_used();
    (void)state;
    unit0.info.cap = 46ull << 16; /* MGAW 47: the table is out of reach */
    assert_int_equal(nested_attach(n, &unit0, GUEST, 1, 0), ERR_INVALID);
    fake_unit_init(&unit0, 0);
    unit0.info.nesting = false;
    assert_int_equal(nested_attach(n, &unit0, GUEST, 1, 0), ERR_UNSUPPORTED);
    fake_unit_init(&unit0, 0);
    unit0.rid_pasid = VTD_NO_PASID; /* no such device */
    assert_int_equal(nested_attach(n, &unit0, GUEST, 1, VTD_NO_PASID), ERR_NOT_FOUND);
    unit0.next_set = ERR_UNSUPPORTED;
    assert_int_equal(nested_attach(n, &unit0, GUEST, 1, 0), ERR_UNSUPPORTED);
    assert_int_equal(nested_attach(n, &unit0, GUEST, 1, 1u << 20), ERR_INVALID);
    assert_int_equal(hosted_pages_used(), pages);
    assert_int_equal(nested_attach(n, &unit0, GUEST, 1, 0), OK);
    assert_int_equal(nested_attach(n, &unit0, GUEST, 1, 0), ERR_EXISTS);
    assert_int_equal(nested_replace(n, &unit0, GUEST, 2, 0), ERR_NOT_FOUND);
    assert_int_equal(domain_detach(d, &unit0, GUEST, 1, 0), ERR_NOT_FOUND);
    assert_int_equal(nested_detach(n, &unit0, GUEST, 1, 0), OK);
    assert_int_equal(nested_destroy(n), OK);
    end(d);
}

/* Second-stage-only, nested, another table, back. */
static void test_replace(void **state)
{
    struct domain *d = fresh();
    struct nested *a = nest(d, 0x1000, 1);
    struct nested *b = nest(d, 0x2000, 1);
    struct nested *c = nest(d, 0x2000, 2);
    u16 did;
    (void)state;
    assert_int_equal(domain_attach(d, &unit0, GUEST, 1, 3), OK);
    did = fake_entry(&unit0, GUEST, 1, 3)->did;
    assert_int_equal(nested_replace(a, &unit0, GUEST, 1, 3), OK);
    assert_true(fake_entry(&unit0, GUEST, 1, 3)->did != did);
    did = fake_entry(&unit0, GUEST, 1, 3)->did;
    /* The same guest domain: only the first stage changes, so that it is one store. */
    assert_int_equal(nested_replace(b, &unit0, GUEST, 1, 3), OK);
    assert_int_equal(fake_entry(&unit0, GUEST, 1, 3)->fs_root, 0x2000);
    assert_int_equal(fake_entry(&unit0, GUEST, 1, 3)->did, did);
    assert_int_equal(nested_destroy(b), ERR_BUSY);
    unit0.next_set = ERR_UNSUPPORTED;
    assert_int_equal(nested_replace(a, &unit0, GUEST, 1, 3), ERR_UNSUPPORTED);
    assert_int_equal(nested_destroy(b), ERR_BUSY);
    assert_int_equal(nested_destroy(a), OK);
    /* An id without users is invalidated as a whole before it is used for something else. */
    unit0.invals = 0;
    assert_int_equal(nested_replace(c, &unit0, GUEST, 1, 3), OK);
    assert_int_equal(unit0.invals, 1);
    assert_int_equal(unit0.inval[0].did, did);
    assert_int_equal(unit0.inval[0].size, 0);
    assert_int_equal(nested_destroy(b), OK);
    assert_int_equal(domain_replace(d, &unit0, GUEST, 1, 3), OK);
    assert_int_equal(nested_destroy(c), OK);
    assert_int_equal(domain_detach(d, &unit0, GUEST, 1, 3), OK);
    end(d);
}

/* A table that others walk under the same id and PASID is not swapped beneath them. */
static void test_replace_shared(void **state)
{
    struct domain *d = fresh();
    struct nested *a = nest(d, 0x1000, 1);
    struct nested *b = nest(d, 0x2000, 1);
    (void)state;
    assert_int_equal(nested_attach(a, &unit0, GUEST, 1, 3), OK);
    assert_int_equal(nested_attach(a, &unit0, GUEST, 2, 3), OK);
    assert_int_equal(nested_replace(b, &unit0, GUEST, 1, 3), OK);
    assert_null(fake_broken_rule(&unit0));
    assert_true(fake_entry(&unit0, GUEST, 1, 3)->did != fake_entry(&unit0, GUEST, 2, 3)->did);
    assert_int_equal(nested_replace(b, &unit0, GUEST, 2, 3), OK);
    assert_null(fake_broken_rule(&unit0));
    assert_int_equal(nested_detach(b, &unit0, GUEST, 1, 3), OK);
    assert_int_equal(nested_detach(b, &unit0, GUEST, 2, 3), OK);
    assert_int_equal(nested_destroy(a), OK);
    assert_int_equal(nested_destroy(b), OK);
    end(d);
}

/* A change of the second stage reaches the ids of every nested domain on top of it, on every unit. */
static void test_flush_reaches_nested(void **state)
{
    struct domain *d = fresh();
    struct nested *n = nest(d, 0x1000, 1);
    struct nested *m = nest(d, 0x2000, 2);
    (void)state;
    assert_int_equal(nested_attach(n, &unit0, GUEST, 1, 0), OK);
    assert_int_equal(nested_attach(n, &unit0, GUEST, 2, 0), OK);
    assert_int_equal(nested_attach(m, &unit0, GUEST, 3, 0), OK);
    assert_int_equal(nested_attach(m, &unit1, GUEST, 3, 0), OK);
    assert_int_equal(domain_attach(d, &unit1, OFF, 3, 0), OK);
    assert_int_equal(domain_flush(d, (gpa_t){M2}, M2), OK);
    assert_int_equal(unit0.invals, 2);
    assert_int_equal(unit1.invals, 2);
    assert_int_equal(unit1.inval[1].gpa, M2);
    assert_int_equal(unit1.inval[1].size, M2);
    assert_true(unit0.inval[0].did != unit0.inval[1].did);
    assert_int_equal(nested_detach(n, &unit0, GUEST, 1, 0), OK);
    assert_int_equal(nested_detach(n, &unit0, GUEST, 2, 0), OK);
    assert_int_equal(nested_detach(m, &unit0, GUEST, 3, 0), OK);
    assert_int_equal(nested_detach(m, &unit1, GUEST, 3, 0), OK);
    assert_int_equal(domain_detach(d, &unit1, OFF, 3, 0), OK);
    assert_int_equal(nested_destroy(n), OK);
    assert_int_equal(nested_destroy(m), OK);
    end(d);
}

static void test_every_allocation_fails(void **state)
{
    (void)state;
    for (u32 replace = 0; replace < 2; replace++) {
        enum result r = ERR_NO_MEMORY;
        u32 failures = 0;
        for (u32 n = 0; r == ERR_NO_MEMORY; n++) {
            struct domain *d = fresh();
            struct nested *a = nest(d, 0x1000, 1);
            u32 pages;
            if (replace) {
                assert_int_equal(domain_attach(d, &unit0, GUEST, 1, 0), OK);
            }
            pages = hosted_pages_used();
            hosted_fail_after(n);
            r = replace ? nested_replace(a, &unit0, GUEST, 1, 0)
                        : nested_attach(a, &unit0, GUEST, 1, 0);
            hosted_fail_after(UINT32_MAX);
            if (r == OK) {
                assert_int_equal(nested_detach(a, &unit0, GUEST, 1, 0), OK);
            } else {
                failures++;
                assert_int_equal(hosted_pages_used(), pages);
                assert_int_equal(fake_entries(&unit0), replace);
            }
            if (replace && r != OK) {
                assert_int_equal(domain_detach(d, &unit0, GUEST, 1, 0), OK);
            }
            assert_int_equal(nested_destroy(a), OK);
            end(d);
        }
        assert_int_equal(r, OK);
        assert_true(failures >= 2);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_create_refused), cmocka_unit_test(test_parent_in_use),
        cmocka_unit_test(test_entry), cmocka_unit_test(test_attach_refused),
        cmocka_unit_test(test_replace), cmocka_unit_test(test_replace_shared),
        cmocka_unit_test(test_flush_reaches_nested),
        cmocka_unit_test(test_every_allocation_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
