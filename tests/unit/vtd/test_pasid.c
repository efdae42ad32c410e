/* SPDX-License-Identifier: BSD-2-Clause */
/* PASID directories and tables; that no state in between is seen is in test_device.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "iommu/vtd/state.h"
#include "tests/support/vtd_rig.h"

enum { SID = 9 };

static void entries_of_nobody(void **state)
{
    (void)state;
    struct vtd_rig rig;
    const struct vtd_context context = {.pasids = 64};
    vtd_rig_start(&rig, VTD_RIG_SERVER);
    struct vtd_entry entry = {.pgtt = PGTT_SECOND_STAGE, .did = 2, .ss_root = rig.root, .ss_levels = 4}, bad = entry;
    bad.did = 0;
    assert_int_equal(vtd_device_set_entry(rig.unit, VTD_ROOT_OFF, SID, VTD_NO_PASID, &entry), ERR_NOT_FOUND);
    assert_int_equal(vtd_device_clear_entry(rig.unit, VTD_ROOT_OFF, SID, VTD_NO_PASID), ERR_NOT_FOUND);
    assert_int_equal(vtd_device_close(rig.unit, VTD_ROOT_OFF, SID), ERR_NOT_FOUND);
    assert_int_equal(vtd_device_open(rig.unit, VTD_ROOT_OFF, SID, &context), OK);
    assert_int_equal(vtd_device_set_entry(rig.unit, VTD_ROOT_OFF, SID, 3, &bad), ERR_INVALID);
    assert_int_equal(vtd_device_set_entry(rig.unit, VTD_ROOT_OFF, SID, 1u << 13, &entry), ERR_INVALID);
    const u64 *of_sid = vtd_context_find(rig.unit, VTD_ROOT_OFF, SID);
    assert_null(vtd_pasid_find(of_sid, 1u << 13));
    assert_null(vtd_pasid_find(of_sid, 100));
    assert_int_equal(vtd_device_clear_entry(rig.unit, VTD_ROOT_OFF, SID, 3), ERR_NOT_FOUND);
    assert_int_equal(vtd_device_set_entry(rig.unit, VTD_ROOT_OFF, SID, 3, &entry), OK);
    assert_int_equal(pasid_get(vtd_pasid_find(of_sid, 3), PASID_DID), 2);
    vtd_rig_stop(&rig);
}

/* Against a look at each. */
static void the_next_table(void **state)
{
    (void)state;
    enum { ENTRIES = 100, ROUNDS = 2000 };
    u32 random = 1;
    for (u32 round = 0; round < ROUNDS; round++) {
        u64 directory[ENTRIES];
        u32 last = ENTRIES;
        for (u32 i = ENTRIES; i-- != 0;) {
            random = random * 1664525 + 1013904223;
            directory[i] = (random >> 8 & ~1u) | ((random >> 24) % 32 == 0);
        }
        u32 count = ENTRIES - round % 20;
        for (u32 from = count + 1; from-- != 0;) {
            last = from < count && (directory[from] & 1) != 0 ? from : from == count ? count : last;
            assert_int_equal(vtd_pasid_next_table(directory, from, count), last);
        }
    }
}

/*
 * A live entry changes by one store, or by another table page: hardware reads 16 bytes at a time, the parts in any
 * order (VT-d 6.2.3.1).
 */
static void how_a_live_entry_changes(void **state)
{
    (void)state;
    static const struct { u8 words; bool moves; } cases[] = {
        {1, false}, {2, false}, {3, false}, {4, false}, {5, true}, {6, true}, {7, true}};
    struct vtd_rig rig;
    const struct vtd_context context = {.pasids = 64};
    vtd_rig_start(&rig, VTD_RIG_SERVER);
    assert_int_equal(vtd_device_open(rig.unit, VTD_ROOT_GUEST, SID, &context), OK);
    const u64 *of_sid = vtd_context_find(rig.unit, VTD_ROOT_GUEST, SID);
    struct pasid_entry e = {{1 | PGTT_NESTED << 6 | 2 << 2 | rig.root.v, 2, 0x50000}};
    assert_int_equal(vtd_pasid_set(rig.unit, of_sid, 5, &e), OK);
    u32 pages = hosted_pages_used();
    for (u32 i = 0; i < ARRAY_LEN(cases); i++) {
        const struct pasid_entry *before = vtd_pasid_find(of_sid, 5);
        e.w[0] ^= (cases[i].words & 1) != 0 ? rig.root.v ^ rig.other_root.v : 0;
        e.w[1] ^= (cases[i].words & 2) != 0 ? 1 : 0;
        e.w[2] ^= (cases[i].words & 4) != 0 ? 0x10000 : 0;
        assert_int_equal(vtd_pasid_set(rig.unit, of_sid, 5, &e), OK);
        const struct pasid_entry *after = vtd_pasid_find(of_sid, 5);
        assert_int_equal(after != before, cases[i].moves);
        assert_memory_equal(after, &e, sizeof(e));
        assert_int_equal(hosted_pages_used(), pages);
    }
    assert_int_equal(vtd_pasid_clear(rig.unit, of_sid, 5), OK);
    assert_int_equal(vtd_pasid_clear(rig.unit, of_sid, 5), ERR_NOT_FOUND);
    vtd_rig_stop(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entries_of_nobody),
        cmocka_unit_test(the_next_table),
        cmocka_unit_test(how_a_live_entry_changes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
