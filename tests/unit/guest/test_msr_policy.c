/* Every class of the MSR table, the bitmap bit by bit, and the registers that must stay hidden. */
#include "hv/guest/msr_policy.h"

#include "hv/guest/cpuid_policy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

static u8 bitmap[PAGE_SIZE];

static bool exits(u32 msr, bool write)
{
    u32 bit = (msr & 0x1fff) + (msr >= 0xc0000000 ? 8192 : 0) + (write ? 16384 : 0);
    return (bitmap[bit / 8] >> bit % 8 & 1) != 0;
}

static void check_hidden(u32 msr, enum msr_class class)
{
    u64 value = 1;
    assert_int_equal(msr_policy_find(msr)->class, class);
    assert_false(msr_policy_read(msr, &value));
    assert_false(msr_policy_reads_hardware(msr));
    assert_int_equal(msr_policy_write(msr, 0, 0), MSR_WRITE_REFUSE);
    if (msr < 0x2000 || (msr >= 0xc0000000 && msr < 0xc0002000)) {
        assert_true(exits(msr, false) && exits(msr, true));
    }
}

static void hidden_registers(void **state)
{
    static const struct { u32 first, last; } hidden[] = {
        {0x8c, 0x8f}, {0x9b, 0x9b}, {0x9e, 0x9e},         /* SGX, SMM */
        {0x1f2, 0x1f3}, {0x1f5, 0x1f6},                   /* SMRR, PRMRR */
        {0x480, 0x493}, {0x4e0, 0x4e0}, {0x500, 0x500},   /* VMX, SMM, SGX */
        {0x560, 0x561}, {0x570, 0x572}, {0x580, 0x587},   /* Intel PT */
        {0x981, 0x987}, {0x985, 0x98a},                   /* memory encryption, user interrupts */
        {0xc81, 0xc8f}, {0xc90, 0xd8f}, {0xd93, 0xd93},   /* cache allocation, PASID */
        {0x1200, 0x121f}, {0x14ce, 0x14cf},               /* architectural LBRs */
        {0x17d0, 0x17da},                                 /* hardware feedback, HRESET */
        {0x1fff, 0x1fff}, {0x2000, 0x2000}, {0x3fffffff, 0x3fffffff}, {0x40000200, 0x40000200},
        {0xc0000085, 0xc00000ff}, {0xc0010114, 0xc0010117}, {~0u, ~0u},
    };
    (void)state;
    for (u32 i = 0; i < ARRAY_LEN(hidden); i++) {
        for (u32 msr = hidden[i].first; ; msr++) {
            check_hidden(msr, MSR_CLASS_HIDE);
            if (msr == hidden[i].last) {
                break;
            }
        }
    }
}

/* Those of a hypervisor below, whatever its CPUID leaves said before Nestor came. */
static void foreign_registers(void **state)
{
    static const struct { u32 first, last; } foreign[] = {
        {0x11, 0x12}, {0x4b564d00, 0x4b564dff},           /* KVM */
        {0x40000000, 0x400001ff},                         /* Hyper-V, which KVM plays, too */
    };
    (void)state;
    for (u32 i = 0; i < ARRAY_LEN(foreign); i++) {
        for (u32 msr = foreign[i].first; msr <= foreign[i].last; msr++) {
            check_hidden(msr, MSR_CLASS_FOREIGN);
        }
    }
}

/* What a kernel uses without a guard once it has seen the feature. */
static void registers_of_shown_features(void **state)
{
    static const struct { u32 shows, msr; bool written; const char *feature; } list[] = {
        {0x179, 0x4d0, true, "MCG_CAP[27]: local machine checks"},
        {0x3a, 0x4d0, true, "FEATURE_CONTROL[20]: local machine checks are on"},
        {0x10a, 0xbd, false, "ARCH_CAPABILITIES[21]: x2APIC may be locked"},
    };
    (void)state;
    for (u32 i = 0; i < ARRAY_LEN(list); i++) {
        u64 value = ~0ull;
        assert_true(msr_policy_read(list[i].shows, &value));
        value = 0;
        if (!msr_policy_read(list[i].msr, &value) || exits(list[i].msr, false) ||
            exits(list[i].msr, true) == list[i].written) {
            fail_msg("%s, but not MSR 0x%x", list[i].feature, list[i].msr);
        }
    }
    /* CPUID.7:EDX[13] and [11] */
    struct cpuid_guest guest = {0};
    u64 leaf7[CPUID_REGS] = {[CPUID_EDX] = 1 << 13 | 1 << 11};
    cpuid_policy_apply(7, 0, &guest, leaf7);
    assert_int_equal(leaf7[CPUID_EDX], 1 << 13 | 1 << 11);
    assert_false(exits(0x10f, false) || exits(0x10f, true));
}

static void bitmap_follows_the_table(void **state)
{
    u32 passed = 0;
    (void)state;
    for (u32 i = 0; i < 2 * 8192; i++) {
        u32 msr = i < 8192 ? i : 0xc0000000 + i - 8192;
        enum msr_class class = msr_policy_find(msr)->class;
        bool reads_exit = class == MSR_CLASS_HIDE || class == MSR_CLASS_FOREIGN || class == MSR_CLASS_IGNORE ||
                          class == MSR_CLASS_EMULATE || class == MSR_CLASS_MTRR;
        assert_int_equal(exits(msr, false), reads_exit);
        assert_int_equal(exits(msr, true), class != MSR_CLASS_PASS);
        assert_non_null(msr_policy_find(msr)->reason);
        passed += class == MSR_CLASS_PASS;
    }
    assert_in_range(passed, 300, 1200);
}

static void passed_without_exits(void **state)
{
    static const u32 msrs[] = {0x10, 0x48, 0x174, 0x277, 0x6a2, 0x6e0, 0x802, 0x80b, 0x830, 0x83f,
                               0xc0000080, 0xc0000081, 0xc0000082, 0xc0000084, 0xc0000100,
                               0xc0000103};
    (void)state;
    for (u32 i = 0; i < ARRAY_LEN(msrs); i++) {
        assert_false(exits(msrs[i], false) || exits(msrs[i], true));
        assert_int_equal(msr_policy_write(msrs[i], 1, 2), MSR_WRITE_DO);
    }
}

static void read_only(void **state)
{
    (void)state;
    assert_false(exits(0x10a, false));
    assert_true(exits(0x10a, true));
    assert_int_equal(msr_policy_write(0x10a, 5, 5), MSR_WRITE_REFUSE);
    assert_int_equal(msr_policy_write(0xfe, 0, 0), MSR_WRITE_REFUSE);
}

static void local_apic_stays_where_it_is(void **state)
{
    (void)state;
    assert_int_equal(msr_policy_write(0x1b, 0xfee00900, 0xfee00900), MSR_WRITE_DO);
    assert_int_equal(msr_policy_write(0x1b, 0xfee00900, 0xfee00d00), MSR_WRITE_DO); /* x2APIC */
    assert_int_equal(msr_policy_write(0x1b, 0xfee00900, 0xfee01900), MSR_WRITE_REFUSE);
    assert_int_equal(msr_policy_write(0x1b, 0xfee00900, 0x1fee00900), MSR_WRITE_REFUSE);
    assert_int_equal(msr_policy_write(0x1b, 0xfee00900, 0xfee00800), MSR_WRITE_REFUSE); /* BSP */
    assert_int_equal(msr_policy_write(0x1b, 0xfee00900, 0xfee00100), MSR_WRITE_REFUSE); /* off */
}

static void other_filters(void **state)
{
    (void)state;
    assert_int_equal(msr_policy_write(0x1a0, 0x850089, 0x850088), MSR_WRITE_DO);
    assert_int_equal(msr_policy_write(0x1a0, 0x850089, 0x400850089), MSR_WRITE_REFUSE);
    assert_int_equal(msr_policy_write(0x1a0, 0x850089, 0xc50089), MSR_WRITE_REFUSE);
    assert_int_equal(msr_policy_write(0xda0, 0, 0x1800), MSR_WRITE_DO);
    assert_int_equal(msr_policy_write(0xda0, 0, 0x100), MSR_WRITE_REFUSE);
    assert_int_equal(msr_policy_write(0xda0, 0, 0x400), MSR_WRITE_REFUSE);
}

static void memory_types(void **state)
{
    static const u32 msrs[] = {0x200, 0x213, 0x250, 0x258, 0x259, 0x268, 0x26f, 0x2ff};
    (void)state;
    for (u32 i = 0; i < ARRAY_LEN(msrs); i++) {
        assert_true(exits(msrs[i], false) && exits(msrs[i], true));
        assert_int_equal(msr_policy_write(msrs[i], 0, 6), MSR_WRITE_MTRR);
    }
}

static void feature_control_and_microcode(void **state)
{
    u64 value = 0x16ffff; /* VMX, SMX, SGX and LMCE, all on */
    (void)state;
    assert_true(msr_policy_reads_hardware(0x3a));
    assert_true(msr_policy_read(0x3a, &value));
    assert_int_equal(value, 0x100001);
    value = 0;
    assert_true(msr_policy_read(0x3a, &value));
    assert_int_equal(value, 1);
    assert_int_equal(msr_policy_write(0x3a, 1, 5), MSR_WRITE_REFUSE);
    assert_int_equal(msr_policy_write(0x79, 0, 0x100000), MSR_WRITE_IGNORE);
    value = 7;
    assert_false(msr_policy_reads_hardware(0x79));
    assert_true(msr_policy_read(0x79, &value));
    assert_int_equal(value, 0);
}

static int fill(void **state)
{
    (void)state;
    msr_policy_fill_bitmap(bitmap);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hidden_registers),
        cmocka_unit_test(foreign_registers),
        cmocka_unit_test(registers_of_shown_features),
        cmocka_unit_test(bitmap_follows_the_table),
        cmocka_unit_test(passed_without_exits),
        cmocka_unit_test(read_only),
        cmocka_unit_test(local_apic_stays_where_it_is),
        cmocka_unit_test(other_filters),
        cmocka_unit_test(memory_types),
        cmocka_unit_test(feature_control_and_microcode),
    };
    return cmocka_run_group_tests(tests, fill, NULL);
}
