/* SPDX-License-Identifier: BSD-2-Clause */
/* Fault records as lines and counts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "iommu/vtd/state.h"
#include "tests/support/vtd_rig.h"

enum { SECOND = 1000000, SID = 0x20 };

static void every_field_of_a_record(void **state)
{
    (void)state;
    struct vtd_rig rig;
    struct vtd_fault f;
    struct model_config config = vtd_rig_config(VTD_RIG_SERVER);
    config.ecap |= 1ull << 31;
    const struct {
        struct model_request request;
        const char *text;
        bool read, atomic, exec, priv;
    } cases[] = {
        {{.sid = SID, .op = MODEL_READ}, "00:04.0 read 0x30000: ", true, false, false, false},
        {{.sid = SID, .op = MODEL_WRITE}, "00:04.0 write 0x30000: ", false, false, false, false},
        {{.sid = SID, .op = MODEL_ATOMIC}, "00:04.0 atomic 0x30000: ", false, true, false, false},
        {{.sid = 0xfeff, .has_pasid = true, .pasid = 0xabcde, .op = MODEL_READ, .exec = true,
          .priv = true}, "fe:1f.7 pasid 0xabcde read execute supervisor 0x30000: ", true, false,
         true, true},
    };
    vtd_rig_start_with(&rig, &config);
    for (u32 i = 0; i < ARRAY_LEN(cases); i++) {
        u64 value = 0;
        struct model_outcome outcome;
        struct model_request request = cases[i].request;
        request.addr = VTD_RIG_HOLE;
        request.len = 8;
        hosted_clear_log();
        assert_false(model_dma(rig.model, &request, &value, &outcome));
        assert_true(vtd_fault_next(rig.unit, &f));
        assert_non_null(strstr(hosted_log(), cases[i].text));
        assert_non_null(strstr(hosted_log(), vtd_fault_text(outcome.reason)));
        assert_int_equal(f.sid, request.sid);
        assert_int_equal(f.reason, outcome.reason);
        assert_int_equal(f.has_pasid, request.has_pasid);
        assert_int_equal(f.pasid, request.pasid);
        assert_int_equal(f.addr, VTD_RIG_HOLE);
        assert_true(f.read == cases[i].read && f.atomic == cases[i].atomic);
        assert_true(f.exec == cases[i].exec && f.priv == cases[i].priv);
    }
    assert_int_equal(vtd_storm_faults(rig.unit, SID), 3);
    assert_int_equal(vtd_storm_faults(rig.unit, 0xfeff), 1);
    assert_int_equal(vtd_storm_faults(rig.unit, 0xfefe), 0);
    assert_int_equal(vtd_storm_faults(rig.unit, 0x100), 0);
    vtd_rig_stop(&rig);
}

static void lines_are_rationed_and_counted(void **state)
{
    (void)state;
    struct vtd_rig rig;
    struct vtd_fault_counts counts;
    vtd_rig_start(&rig, VTD_RIG_SERVER);
    hosted_clear_log();
    for (u16 i = 0; i < 50; i++) {
        (void)vtd_rig_dma(&rig, i, VTD_NO_PASID, true, VTD_RIG_HOLE);
        (void)vtd_rig_take_faults(&rig);
    }
    assert_int_equal(hosted_log_lines(), 8);
    hosted_advance_us(SECOND);
    (void)vtd_rig_dma(&rig, 0, VTD_NO_PASID, true, VTD_RIG_HOLE);
    assert_int_equal(vtd_rig_take_faults(&rig), 1);
    assert_non_null(strstr(hosted_log(), "42 more faults in that second"));
    vtd_fault_get_counts(rig.unit, &counts);
    assert_int_equal(counts.seen, 51);
    assert_int_equal(counts.silenced, 0);
    vtd_rig_stop(&rig);
}

static void faults_become_lines_and_counts(void **state)
{
    (void)state;
    struct vtd_rig rig;
    struct vtd_fault fault;
    struct vtd_fault_counts counts;
    vtd_rig_start(&rig, VTD_RIG_SERVER);
    assert_false(vtd_fault_next(rig.unit, &fault));
    assert_int_equal(vtd_rig_dma(&rig, 0x19, VTD_NO_PASID, true, VTD_RIG_HOLE), 0x79);
    assert_true(vtd_fault_next(rig.unit, &fault));
    assert_int_equal(fault.sid, 0x19);
    assert_int_equal(fault.reason, 0x79);
    assert_int_equal(fault.addr, VTD_RIG_HOLE);
    assert_false(fault.read);
    assert_non_null(strstr(hosted_log(), "unit 0: 00:03.1 write"));
    /* More than there are records: lost ones are counted. */
    for (u32 i = 0; i < 20; i++) {
        (void)vtd_rig_dma(&rig, (u16)(0x20 + i), VTD_NO_PASID, false, VTD_RIG_HOLE);
    }
    while (vtd_fault_next(rig.unit, &fault)) {
        assert_true(fault.read);
    }
    vtd_fault_get_counts(rig.unit, &counts);
    assert_int_equal(counts.lost, 1);
    assert_true(counts.seen >= 8);
    vtd_rig_stop(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(faults_become_lines_and_counts),
        cmocka_unit_test(every_field_of_a_record),
        cmocka_unit_test(lines_are_rationed_and_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
