/* SPDX-License-Identifier: BSD-2-Clause */
/* What Nestor needs of VMX: each thing alone, and that no register is read that a CPU may not have. */
#include "hv/vmx/caps.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

/* All that is needed, by register (SDM appendix A); for controls the half that says what may be 1. */
static const struct { u32 msr; bool control; u64 bits; u32 lines; const char *one; } needed[] = {
    {0x480, false, 6ull << 50, 1, "no VMCS in write-back memory"},
    {0x481, true, 1 << 3 | 1 << 5 | 1 << 6, 3, "no virtual NMIs"},
    {0x482, true, 1ull << 22 | 1ull << 25 | 1ull << 28 | 1ull << 31, 4, "no MSR bitmaps"},
    {0x483, true, 1 << 9 | 1 << 18 | 1 << 19 | 1 << 20 | 1 << 21 | 1 << 22, 6, "no save of IA32_PAT"},
    {0x484, true, 1 << 9 | 1 << 14 | 1 << 15, 3, "no load of IA32_PAT on entry"},
    {0x485, false, 1 << 8, 1, "no wait-for-SIPI state of a guest"},
    {0x48b, true, 1 << 1 | 1 << 5 | 1 << 7, 3, "no unrestricted guest"},
    {0x48c, false, 1ull << 6 | 1ull << 14 | 1ull << 16 | 1ull << 20 | 1ull << 26 | 1ull << 32 | 1ull << 41, 7,
     "no INVVPID"},
};

static u64 feature_control;
static u64 words[ARRAY_LEN(needed)];    /* as needed[] */
static u32 reads[ARRAY_LEN(needed)];

static u64 read_msr(u32 msr)
{
    if (msr == 0x3a) {
        return feature_control;
    }
    for (u32 i = 0; i < ARRAY_LEN(needed); i++) {
        if (needed[i].msr == msr) {
            reads[i]++;
            return words[i];
        }
    }
    fail_msg("MSR 0x%x", msr);
    return 0;
}

/* A CPU that has what is needed and nothing else. */
static void build(void)
{
    feature_control = 5;
    memset(reads, 0, sizeof(reads));
    for (u32 i = 0; i < ARRAY_LEN(needed); i++) {
        words[i] = needed[i].control ? needed[i].bits << 32 : needed[i].bits;
    }
}

/* How many lines are missing; whether `one` is among them. */
static u32 count_missing(const char *one, bool *found)
{
    struct vmx_caps caps;
    vmx_caps_read(&caps, read_msr);
    u32 at = 0;
    u32 lines = 0;
    *found = false;
    for (const char *missing; (missing = vmx_caps_missing(&caps, &at)) != NULL; lines++) {
        *found |= strcmp(missing, one) == 0;
    }
    assert_null(vmx_caps_missing(&caps, &at));
    return lines;
}

static void each_bit_alone(void **state)
{
    bool found;
    (void)state;
    build();
    assert_int_equal(count_missing("", &found), 0);
    for (u32 i = 0; i < ARRAY_LEN(needed); i++) {
        u32 lines = 0;
        bool named = false;
        for (u32 bit = 0; bit < 64; bit++) {
            if ((words[i] >> bit & 1) != 0) {
                words[i] ^= 1ull << bit;
                assert_int_not_equal(count_missing(needed[i].one, &found), 0);
                named |= found;
                lines++;
                words[i] ^= 1ull << bit;
            }
        }
        /* Write-back is one thing of two bits. */
        assert_int_equal(lines, needed[i].msr == 0x480 ? 2 : needed[i].lines);
        assert_true(named);
    }
}

/* The lower half of a register of controls says what must be 1: nothing about what may. */
static void all_of_a_register(void **state)
{
    bool found;
    (void)state;
    for (u32 i = 0; i < ARRAY_LEN(needed); i++) {
        build();
        words[i] = needed[i].control ? 0xffffffff : 0;
        u32 lines = count_missing(needed[i].one, &found);
        assert_true(found);
        assert_true(lines >= needed[i].lines);
    }
}

static void registers_that_are_not_there(void **state)
{
    bool found;
    (void)state;
    build();
    words[2] &= ~(1ull << 63);
    (void)count_missing("no secondary processor-based controls", &found);
    assert_true(found);
    assert_int_equal(reads[6], 0);
    assert_int_equal(reads[7], 0);
    build();
    words[6] &= ~(1ull << 33 | 1ull << 37);
    (void)count_missing("no EPT", &found);
    assert_true(found);
    assert_int_equal(reads[6], 1);
    assert_int_equal(reads[7], 0);
}

static void turned_off_by_the_firmware(void **state)
{
    bool found;
    (void)state;
    build();
    feature_control = 1;
    const char *off = "VMX is turned off by the firmware (IA32_FEATURE_CONTROL), look for it in its set-up";
    assert_int_equal(count_missing(off, &found), 1);
    assert_true(found);
    feature_control = 0;
    assert_int_equal(count_missing("", &found), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_bit_alone),
        cmocka_unit_test(all_of_a_register),
        cmocka_unit_test(registers_that_are_not_there),
        cmocka_unit_test(turned_off_by_the_firmware),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
