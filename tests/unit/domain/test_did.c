/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Domain ids: the rules of VT-d 6.2.3.1 hold for all entries together, conflicts split a bounded
 * number of times, ids run out and come back.
 */
#include "iommu/domain/did.h"

#include "unit/domain/domain_kit.h"

#define GUEST VTD_ROOT_GUEST

static struct domain *new_parent(u32 partition)
{
    const struct domain_config config = {.levels = 4, .page_sizes = K4, .coherent = true,
                                         .parent = true, .partition = partition};
    return create(&config);
}

static struct domain *fresh(void)
{
    begin();
    return new_parent(0);
}

static struct nested *nest(struct domain *d, u64 table, u16 guest_did, u32 width, u64 flags)
{
    const struct nested_config config = {.pgtbl_addr = table, .addr_width = width,
                                         .guest_did = guest_did, .flags = flags};
    struct nested *n = NULL;
    assert_int_equal(nested_create(d, &config, &n), OK);
    return n;
}

static u16 did_at(u16 sid, u32 pasid)
{
    return fake_entry(&unit0, GUEST, sid, pasid)->did;
}

static void attach_ok(struct nested *n, u16 sid, u32 pasid)
{
    assert_int_equal(nested_attach(n, &unit0, GUEST, sid, pasid), OK);
    assert_null(fake_broken_rule(&unit0));
}

static void detach_ok(struct nested *n, u16 sid, u32 pasid)
{
    assert_int_equal(nested_detach(n, &unit0, GUEST, sid, pasid), OK);
}

/* Many PASIDs, each with a table of its own, under one guest domain: one id (Linux SVA). */
static void test_one_id_for_many_pasids(void **state)
{
    struct domain *d = fresh();
    struct nested *n[32];
    (void)state;
    for (u32 i = 0; i < 32; i++) {
        n[i] = nest(d, K4 * (i + 1), 1, 48, 0);
        attach_ok(n[i], (u16)i, i);
        assert_int_equal(did_at((u16)i, i), did_at(0, 0));
    }
    for (u32 i = 0; i < 32; i++) {
        detach_ok(n[i], (u16)i, i);
        assert_int_equal(nested_destroy(n[i]), OK);
    }
    end(d);
}

/* The same table described by two objects is one table. */
static void test_same_table_twice(void **state)
{
    struct domain *d = fresh();
    struct nested *a = nest(d, K4, 1, 48, 0);
    struct nested *b = nest(d, K4, 1, 48, NESTED_SRE);
    (void)state;
    attach_ok(a, 1, 0);
    attach_ok(b, 2, 0);
    assert_int_equal(did_at(1, 0), did_at(2, 0));
    detach_ok(a, 1, 0);
    attach_ok(a, 3, 0);
    assert_int_equal(did_at(3, 0), did_at(2, 0));
    detach_ok(a, 3, 0);
    detach_ok(b, 2, 0);
    assert_int_equal(nested_destroy(a), OK);
    assert_int_equal(nested_destroy(b), OK);
    end(d);
}

/* The same PASID with another table: another id. Another PASID: the first again. */
static void test_conflicts_split(void **state)
{
    struct domain *d = fresh();
    struct nested *n[] = {nest(d, K4, 1, 48, 0), nest(d, 2 * K4, 1, 48, 0),
                          nest(d, 4 * K4, 1, 57, 0), nest(d, 5 * K4, 1, 48, NESTED_EAFE),
                          nest(d, 3 * K4, 1, 48, 0)};
    u16 ids[8];
    (void)state;
    for (u16 i = 0; i < DID_SPLITS; i++) {
        attach_ok(n[i], i, 5);
        assert_int_equal(did_of_guest(&unit0, 0, 1, ids, 8), i + 1);
    }
    assert_int_equal(did_of_guest(&unit0, 0, 1, ids, 2), 2);
    assert_int_equal(nested_attach(n[4], &unit0, GUEST, 9, 5), ERR_DID_CONFLICT);
    assert_int_equal(hosted_log_lines(), 1);
    attach_ok(n[4], 9, 6);
    attach_ok(n[2], 10, 5);
    assert_int_equal(did_at(10, 5), did_at(2, 5));
    assert_int_equal(did_at(9, 6), did_at(0, 5));
    /* A split id without users is freed; in the middle, at the front and at the end of the chain. */
    detach_ok(n[2], 10, 5);
    detach_ok(n[2], 2, 5);
    assert_int_equal(did_of_guest(&unit0, 0, 1, ids, 8), 3);
    detach_ok(n[4], 9, 6);
    detach_ok(n[0], 0, 5);
    assert_int_equal(did_of_guest(&unit0, 0, 1, ids, 8), 2);
    attach_ok(n[4], 9, 5);
    detach_ok(n[3], 3, 5);
    detach_ok(n[1], 1, 5);
    detach_ok(n[4], 9, 5);
    assert_int_equal(did_of_guest(&unit0, 0, 1, ids, 8), 0);
    for (u32 i = 0; i < ARRAY_LEN(n); i++) {
        assert_int_equal(nested_destroy(n[i]), OK);
    }
    end(d);
}

/*
 * FSPM and EAFE belong to the first-stage table: whoever comes with others is refused, under any
 * PASID, any guest domain and in a replacement, until nobody walks it. SRE and WPE do not.
 */
static void test_first_stage_properties(void **state)
{
    static const struct { u32 width; u64 flags; } others[] = {{57, 0}, {48, NESTED_EAFE}};
    struct domain *d = fresh();
    struct domain *apart = new_parent(1);
    struct nested *a = nest(d, K4, 1, 48, 0);
    struct nested *moved = nest(d, 2 * K4, 1, 48, 0);
    u32 pages;
    (void)state;
    attach_ok(a, 1, 5);
    attach_ok(moved, 4, 7);
    pages = hosted_pages_used();
    for (u32 i = 0; i < ARRAY_LEN(others); i++) {
        struct nested *b = nest(d, K4, 1, others[i].width, others[i].flags);
        struct nested *c = nest(d, K4, 2, others[i].width, others[i].flags | NESTED_SRE);
        struct nested *far = nest(apart, K4, 1, others[i].width, others[i].flags);
        u32 lines = hosted_log_lines();
        assert_int_equal(nested_attach(b, &unit0, GUEST, 2, 5), ERR_FIRST_STAGE_CONFLICT);
        assert_int_equal(nested_attach(b, &unit0, GUEST, 2, 6), ERR_FIRST_STAGE_CONFLICT);
        assert_int_equal(nested_attach(c, &unit0, GUEST, 2, 6), ERR_FIRST_STAGE_CONFLICT);
        assert_int_equal(nested_replace(b, &unit0, GUEST, 4, 7), ERR_FIRST_STAGE_CONFLICT);
        assert_int_equal(nested_replace(c, &unit0, GUEST, 4, 7), ERR_FIRST_STAGE_CONFLICT);
        assert_int_equal(nested_replace(b, &unit0, GUEST, 1, 5), ERR_FIRST_STAGE_CONFLICT);
        assert_int_equal(hosted_log_lines(), lines + (i == 0 ? 6 : 1)); /* told within bounds */
        assert_int_equal(fake_entry(&unit0, GUEST, 4, 7)->fs_root, 2 * K4);
        /* Another unit, another second stage: another table. */
        assert_int_equal(nested_attach(b, &unit1, GUEST, 2, 5), OK);
        assert_int_equal(nested_detach(b, &unit1, GUEST, 2, 5), OK);
        attach_ok(far, 2, 6);
        detach_ok(far, 2, 6);
        assert_int_equal(hosted_pages_used(), pages);
        detach_ok(a, 1, 5);
        attach_ok(c, 2, 6);
        assert_int_equal(nested_attach(a, &unit0, GUEST, 1, 5), ERR_FIRST_STAGE_CONFLICT);
        detach_ok(c, 2, 6);
        attach_ok(a, 1, 5);
        assert_int_equal(nested_destroy(b), OK);
        assert_int_equal(nested_destroy(c), OK);
        assert_int_equal(nested_destroy(far), OK);
    }
    detach_ok(a, 1, 5);
    detach_ok(moved, 4, 7);
    assert_int_equal(nested_destroy(a), OK);
    assert_int_equal(nested_destroy(moved), OK);
    assert_int_equal(domain_destroy(apart), OK);
    end(d);
}

/* In the caches a request without PASID shares entries with PASID RID_PASID of another device. */
static void test_rid_pasid_conflicts(void **state)
{
    struct domain *d = fresh();
    struct nested *a = nest(d, K4, 1, 48, 0);
    struct nested *b = nest(d, 2 * K4, 1, 48, 0);
    (void)state;
    unit0.rid_pasid = 5;
    attach_ok(a, 1, VTD_NO_PASID);
    attach_ok(b, 2, 5);
    assert_true(did_at(1, VTD_NO_PASID) != did_at(2, 5));
    detach_ok(a, 1, VTD_NO_PASID);
    detach_ok(b, 2, 5);
    assert_int_equal(nested_destroy(a), OK);
    assert_int_equal(nested_destroy(b), OK);
    end(d);
}

/* Two partitions, or two parents of one, that use the same guest domain id share nothing. */
static void test_parents_apart(void **state)
{
    struct domain *d = fresh();
    struct domain *same = new_parent(0);
    struct domain *other = new_parent(1);
    struct nested *n[] = {nest(d, K4, 1, 48, 0), nest(same, K4, 1, 48, 0),
                          nest(other, K4, 1, 48, 0)};
    u16 ids[4];
    (void)state;
    for (u16 i = 0; i < ARRAY_LEN(n); i++) {
        attach_ok(n[i], i, 0);
    }
    assert_int_equal(domain_attach(d, &unit0, GUEST, 7, 0), OK);
    assert_null(fake_broken_rule(&unit0));
    assert_int_equal(did_of_guest(&unit0, 0, 1, ids, 4), 2);
    assert_int_equal(did_of_guest(&unit0, 1, 1, ids, 4), 1);
    assert_int_equal(ids[0], did_at(2, 0));
    assert_int_equal(domain_detach(d, &unit0, GUEST, 7, 0), OK);
    for (u16 i = 0; i < ARRAY_LEN(n); i++) {
        detach_ok(n[i], i, 0);
        assert_int_equal(nested_destroy(n[i]), OK);
    }
    assert_int_equal(domain_destroy(same), OK);
    assert_int_equal(domain_destroy(other), OK);
    end(d);
}

/* All ids in use is an error; what is attached stays, and an id given back serves again. */
static void test_ids_run_out(void **state)
{
    struct domain *d = fresh();
    struct nested *n[64];
    u32 pages;
    (void)state;
    for (u16 i = 0; i < 64; i++) {
        n[i] = nest(d, K4, i, 48, 0);
    }
    pages = hosted_pages_used();
    for (u16 i = 0; i < 63; i++) {
        attach_ok(n[i], i, 0);
    }
    assert_int_equal(nested_attach(n[63], &unit0, GUEST, 63, 0), ERR_NO_DOMAIN_ID);
    assert_int_equal(domain_attach(d, &unit0, GUEST, 63, 0), ERR_NO_DOMAIN_ID);
    assert_int_equal(hosted_log_lines(), 2);
    assert_int_equal(fake_entries(&unit0), 63);
    detach_ok(n[40], 40, 0);
    attach_ok(n[63], 63, 0);
    assert_int_equal(did_at(63, 0), 41);
    detach_ok(n[63], 63, 0);
    for (u16 i = 0; i < 63; i++) {
        if (i != 40) {
            detach_ok(n[i], i, 0);
        }
    }
    assert_int_equal(hosted_pages_used(), pages);
    for (u16 i = 0; i < 64; i++) {
        assert_int_equal(nested_destroy(n[i]), OK);
    }
    end(d);
}

/* Ids stay unused as long as possible before they are given to somebody else, also among 65,536. */
static void test_ids_rest(void **state)
{
    struct domain *d = fresh();
    struct nested *n = nest(d, K4, 1, 48, 0);
    struct nested *keep = nest(d, K4, 2, 48, 0);
    (void)state;
    unit0.info.domain_ids = 1u << 16;
    attach_ok(keep, 1, 0); /* id 1 stays, and with it the unit's record */
    for (u32 i = 2; i < 200; i++) {
        attach_ok(n, 0, 0);
        assert_int_equal(did_at(0, 0), i);
        detach_ok(n, 0, 0);
    }
    detach_ok(keep, 1, 0);
    assert_int_equal(nested_destroy(n), OK);
    assert_int_equal(nested_destroy(keep), OK);
    end(d);
}

static void test_lost_id(void **state)
{
    struct domain *d = fresh();
    struct nested *n = nest(d, K4, 1, 48, 0);
    u16 first;
    (void)state;
    attach_ok(n, 1, 0);
    first = did_at(1, 0);
    unit0.next_inval = ERR_TIMEOUT;
    detach_ok(n, 1, 0);
    assert_int_equal(hosted_log_lines(), 1);
    for (u32 i = 0; i < 130; i++) {
        attach_ok(n, 1, 0);
        assert_true(did_at(1, 0) != first);
        detach_ok(n, 1, 0);
    }
    assert_int_equal(nested_destroy(n), OK);
    assert_int_equal(domain_destroy(d), OK);
    /* The unit's record remains with the id that must not be used again. */
    assert_int_equal(hosted_pages_used(), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_id_for_many_pasids), cmocka_unit_test(test_same_table_twice),
        cmocka_unit_test(test_conflicts_split),
        cmocka_unit_test(test_first_stage_properties), cmocka_unit_test(test_rid_pasid_conflicts),
        cmocka_unit_test(test_parents_apart), cmocka_unit_test(test_ids_run_out),
        cmocka_unit_test(test_ids_rest), cmocka_unit_test(test_lost_id),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
