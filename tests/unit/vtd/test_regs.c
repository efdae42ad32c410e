/* SPDX-License-Identifier: BSD-2-Clause */
/* Access to registers: GCMD one bit at a time, waits with an end, the write buffer, event registers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "iommu/vtd/state.h"
#include "tests/support/vtd_rig.h"

#define ECAP_IR (1ull << 3)
#define CAP_RWBF (1ull << 4)

/* GSTS says what has been commanded once, too: written back as it is, SRTP would be commanded again. */
static void a_switch_repeats_no_command(void **state)
{
    (void)state;
    struct vtd_rig rig;
    struct model_config config = vtd_rig_config(VTD_RIG_SERVER);
    config.ecap |= ECAP_IR;
    vtd_rig_start_with(&rig, &config);
    assert_true((vtd_regs_read32(rig.unit, VTD_GSTS) & GSTS_RTPS) != 0);
    u64 root = vtd_regs_read64(rig.unit, VTD_RTADDR);
    vtd_regs_write64(rig.unit, VTD_RTADDR, 0x100000 | field_put(RTADDR_TTM, TTM_SCALABLE));
    for (u32 on = 2; on-- != 0;) {
        u32 before = vtd_regs_read32(rig.unit, VTD_GSTS);
        assert_int_equal(vtd_regs_switch(rig.unit, GCMD_CFI, on != 0), OK);
        assert_int_equal(vtd_regs_read32(rig.unit, VTD_GSTS) ^ before, GSTS_CFIS);
        assert_int_equal(vtd_inval_global(rig.unit), OK);
        assert_int_equal(vtd_rig_dma(&rig, 9, VTD_NO_PASID, true, VTD_RIG_GPA), 0);
    }
    vtd_regs_write64(rig.unit, VTD_RTADDR, root);
    vtd_rig_stop(&rig);
}

/* Both directions, and a register of all ones, which has every bit that is waited for: an error, with a line. */
static void no_echo(void **state)
{
    (void)state;
    const struct { struct model_faults faults; bool on; const char *text; } cases[] = {
        {{.gcmd_hang = true}, false, "GSTS is 0xc"}, {{.gone = true}, true, "GSTS is 0xffffffff"}};
    for (u32 i = 0; i < ARRAY_LEN(cases); i++) {
        struct vtd_rig rig;
        vtd_rig_start(&rig, VTD_RIG_SERVER);
        model_set_faults(rig.model, &cases[i].faults);
        hosted_clear_log();
        assert_int_equal(vtd_regs_switch(rig.unit, GCMD_TE, cases[i].on), ERR_TIMEOUT);
        assert_int_equal(hosted_log_lines(), 1);
        assert_non_null(strstr(hosted_log(), cases[i].text));
        model_set_faults(rig.model, &(struct model_faults){0});
        model_kick(rig.model);
        assert_int_equal(vtd_regs_switch(rig.unit, GCMD_TE, true), OK);
        vtd_rig_stop(&rig);
    }
}

/* A guest that asks again and again costs ten seconds once, and few lines. */
static void a_mute_unit_is_not_waited_for_again(void **state)
{
    (void)state;
    struct vtd_rig rig;
    vtd_rig_start(&rig, VTD_RIG_SERVER);
    model_set_faults(rig.model, &(struct model_faults){.gcmd_hang = true});
    u64 began = port_now_us();
    assert_int_equal(vtd_root_select(rig.unit, VTD_ROOT_GUEST), ERR_TIMEOUT);
    u64 first = port_now_us();
    assert_int_equal(vtd_root_select(rig.unit, VTD_ROOT_GUEST), ERR_TIMEOUT);
    assert_true(first - began >= 10000000);
    assert_true(port_now_us() - first < 10000);
    for (u32 i = 0; i < 1000; i++) {
        assert_int_equal(vtd_root_select(rig.unit, VTD_ROOT_GUEST), ERR_TIMEOUT);
    }
    assert_true(hosted_log_lines() >= 8 && hosted_log_lines() < 16);
    model_set_faults(rig.model, &(struct model_faults){0});
    model_kick(rig.model);
    assert_int_equal(vtd_root_select(rig.unit, VTD_ROOT_GUEST), OK);
    vtd_rig_stop(&rig);
}

/* Table stores leave a write buffer before anything relies on them; its hang is an error. */
static void the_write_buffer(void **state)
{
    (void)state;
    struct vtd_rig rig;
    struct model_config config = vtd_rig_config(VTD_RIG_LEGACY);
    const struct vtd_entry entry = {.pgtt = PGTT_SECOND_STAGE, .did = 2, .ss_levels = 4};
    config.cap |= CAP_RWBF;
    vtd_rig_start_with(&rig, &config);
    struct vtd_entry e = entry;
    e.ss_root = rig.other_root;
    assert_int_equal(vtd_device_set_entry(rig.unit, VTD_ROOT_OFF, 9, VTD_NO_PASID, &e), OK);
    assert_int_equal(vtd_rig_dma(&rig, 9, VTD_NO_PASID, true, VTD_RIG_OTHER), 0);
    model_set_faults(rig.model, &(struct model_faults){.gcmd_hang = true});
    assert_int_equal(vtd_inval_second_stage(rig.unit, 2, 0, 0), ERR_TIMEOUT);
    model_set_faults(rig.model, &(struct model_faults){0});
    model_kick(rig.model);
    vtd_rig_stop(&rig);
}

static void event_registers(void **state)
{
    (void)state;
    struct vtd_rig rig;
    vtd_rig_start(&rig, VTD_RIG_SERVER);
    vtd_regs_event_write(rig.unit, VTD_FEDATA, 0x31);
    assert_int_equal(vtd_regs_event_read(rig.unit, VTD_FEDATA), 0x31);
    struct vtd_unit_info info;
    vtd_unit_get_info(rig.unit, &info);
    assert_true(info.nesting && info.coherent && info.mode == VTD_MODE_SCALABLE);
    vtd_rig_stop(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_switch_repeats_no_command),
        cmocka_unit_test(no_echo),
        cmocka_unit_test(a_mute_unit_is_not_waited_for_again),
        cmocka_unit_test(the_write_buffer),
        cmocka_unit_test(event_registers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
