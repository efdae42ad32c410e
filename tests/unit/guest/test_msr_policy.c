/* SPDX-License-Identifier: BSD-2-Clause */
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

static struct msr_guest guest = {.boot_services = true};

static bool reads(u32 msr, u64 *value)
{
    return msr_policy_read(msr_policy_find(msr), &guest, value);
}

static bool reads_hardware(u32 msr)
{
    return msr_policy_reads_hardware(msr_policy_find(msr));
}

static enum msr_write writes(u32 msr, u64 present, u64 value)
{
    return msr_policy_write(msr_policy_find(msr), &guest, present, &value);
}

/* The same where there are several partitions. */
static bool reads_shared(u32 msr, u64 *value)
{
    bool shown;
    return msr_policy_read_shared(msr_policy_find(msr), &guest, value, &shown) ? shown : reads(msr, value);
}

static enum msr_shared writes_shared(u32 msr, u64 present, u64 value)
{
    return msr_policy_write_shared(msr_policy_find(msr), &guest, present, &value);
}

static void check_hidden(u32 msr, enum msr_class class)
{
    u64 value = 1;
    assert_int_equal(msr_policy_find(msr)->class, class);
    assert_false(reads(msr, &value));
    assert_false(reads_hardware(msr));
    assert_int_equal(writes(msr, 0, 0), MSR_WRITE_REFUSE);
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
        {0x560, 0x58f},                                   /* Intel PT */
        {0x981, 0x987}, {0x985, 0x98a},                   /* memory encryption, user interrupts */
        {0xc81, 0xc8f}, {0xc90, 0xd8f}, {0xd93, 0xd93},   /* cache allocation, PASID */
        {0x1200, 0x121f}, {0x14ce, 0x14cf},               /* architectural LBRs */
        {0x17d0, 0x17da},                                 /* hardware feedback, HRESET */
        {0x2000, 0x2000}, {0x3fffffff, 0x3fffffff}, {0x40000200, 0x40000200}, {0xbfffffff, 0xbfffffff},
        {0xc0002000, 0xc0002000}, {0xc0010114, 0xc0010117}, {~0u, ~0u},
        {0x4e, 0x4f}, {0xb0, 0xb1}, {0x150, 0x150}, {0x195, 0x195}, {0xc80, 0xc80}, /* PPIN, mailboxes, debugging */
        {0x1cc, 0x1d4}, {0x2c2, 0x2c6}, {0x990, 0x991}, {0x1b00, 0x1b00},
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

/* Where CPUID or a register shows a feature its registers are there; where it hides it they are not (SDM volume 4). */
enum source { CPUID_BIT, MSR_BIT };
static const struct {
    const char *feature;
    enum source source;
    u32 number, subleaf, reg, bit;   /* leaf, or MSR */
    u32 first, last;                 /* its registers */
} features[] = {
    {"MTRRs", CPUID_BIT, 1, 0, CPUID_EDX, 12, 0x200, 0x213},
    {"PAT", CPUID_BIT, 1, 0, CPUID_EDX, 16, 0x277, 0x277},
    {"SYSENTER", CPUID_BIT, 1, 0, CPUID_EDX, 11, 0x174, 0x176},
    {"VMX", CPUID_BIT, 1, 0, CPUID_ECX, 5, 0x480, 0x493},
    {"TSC deadline", CPUID_BIT, 1, 0, CPUID_ECX, 24, 0x6e0, 0x6e0},
    {"x2APIC", CPUID_BIT, 1, 0, CPUID_ECX, 21, 0x802, 0x83f},
    {"PDCM", CPUID_BIT, 1, 0, CPUID_ECX, 15, 0x345, 0x345},
    {"thermal monitor", CPUID_BIT, 1, 0, CPUID_EDX, 22, 0x19a, 0x19c},
    {"energy bias", CPUID_BIT, 6, 0, CPUID_ECX, 3, 0x1b0, 0x1b0},
    {"APERF, MPERF", CPUID_BIT, 6, 0, CPUID_ECX, 0, 0xe7, 0xe8},
    {"package thermal", CPUID_BIT, 6, 0, CPUID_EAX, 6, 0x1b1, 0x1b2},
    {"HWP", CPUID_BIT, 6, 0, CPUID_EAX, 7, 0x770, 0x771},
    {"HWP notification", CPUID_BIT, 6, 0, CPUID_EAX, 8, 0x773, 0x773},
    {"HWP package control", CPUID_BIT, 6, 0, CPUID_EAX, 11, 0x772, 0x772},
    {"HWP control", CPUID_BIT, 6, 0, CPUID_EAX, 22, 0x776, 0x776},
    {"HDC", CPUID_BIT, 6, 0, CPUID_EAX, 13, 0xdb0, 0xdb2},
    {"hardware feedback", CPUID_BIT, 6, 0, CPUID_EAX, 19, 0x17d0, 0x17d1},
    {"thread director", CPUID_BIT, 6, 0, CPUID_EAX, 23, 0x17d2, 0x17d4},
    {"TSC_ADJUST", CPUID_BIT, 7, 0, CPUID_EBX, 1, 0x3b, 0x3b},
    {"SGX", CPUID_BIT, 7, 0, CPUID_EBX, 2, 0x500, 0x500},
    {"SGX launch control", CPUID_BIT, 7, 0, CPUID_ECX, 30, 0x8c, 0x8f},
    {"MPX", CPUID_BIT, 7, 0, CPUID_EBX, 14, 0xd90, 0xd90},
    {"cache monitoring", CPUID_BIT, 7, 0, CPUID_EBX, 12, 0xc8d, 0xc8e},
    {"cache allocation", CPUID_BIT, 7, 0, CPUID_EBX, 15, 0xc90, 0xd8f},
    {"Intel PT", CPUID_BIT, 7, 0, CPUID_EBX, 25, 0x560, 0x561},
    {"UMWAIT", CPUID_BIT, 7, 0, CPUID_ECX, 5, 0xe1, 0xe1},
    {"shadow stacks", CPUID_BIT, 7, 0, CPUID_ECX, 7, 0x6a4, 0x6a8},
    {"branch tracking", CPUID_BIT, 7, 0, CPUID_EDX, 20, 0x6a0, 0x6a0},
    {"TME", CPUID_BIT, 7, 0, CPUID_ECX, 13, 0x981, 0x984},
    {"key locker", CPUID_BIT, 7, 0, CPUID_ECX, 23, 0x990, 0x991},
    {"bus lock detection", CPUID_BIT, 7, 0, CPUID_ECX, 24, 0x1d9, 0x1d9},
    {"ENQCMD", CPUID_BIT, 7, 0, CPUID_ECX, 29, 0xd93, 0xd93},
    {"PKS", CPUID_BIT, 7, 0, CPUID_ECX, 31, 0x6e1, 0x6e1},
    {"user interrupts", CPUID_BIT, 7, 0, CPUID_EDX, 5, 0x985, 0x98a},
    {"SRBDS", CPUID_BIT, 7, 0, CPUID_EDX, 9, 0x123, 0x123},
    {"RTM_FORCE_ABORT", CPUID_BIT, 7, 0, CPUID_EDX, 13, 0x10f, 0x10f},
    {"RTM_ALWAYS_ABORT", CPUID_BIT, 7, 0, CPUID_EDX, 11, 0x10f, 0x10f},
    {"PCONFIG", CPUID_BIT, 7, 0, CPUID_EDX, 18, 0x982, 0x982},
    {"architectural LBRs", CPUID_BIT, 7, 0, CPUID_EDX, 19, 0x14ce, 0x14cf},
    {"SPEC_CTRL", CPUID_BIT, 7, 0, CPUID_EDX, 26, 0x48, 0x49},
    {"L1D_FLUSH", CPUID_BIT, 7, 0, CPUID_EDX, 28, 0x10b, 0x10b},
    {"ARCH_CAPABILITIES", CPUID_BIT, 7, 0, CPUID_EDX, 29, 0x10a, 0x10a},
    {"CORE_CAPABILITIES", CPUID_BIT, 7, 0, CPUID_EDX, 30, 0xcf, 0xcf},
    {"SSBD", CPUID_BIT, 7, 0, CPUID_EDX, 31, 0x48, 0x48},
    {"performance monitoring, extended", CPUID_BIT, 7, 1, CPUID_EAX, 8, 0x1900, 0x1903},
    {"FRED", CPUID_BIT, 7, 1, CPUID_EAX, 17, 0x1cc, 0x1d4},
    {"HRESET", CPUID_BIT, 7, 1, CPUID_EAX, 22, 0x17da, 0x17da},
    {"PPIN", CPUID_BIT, 7, 1, CPUID_EBX, 0, 0x4e, 0x4f},
    {"user timer", CPUID_BIT, 7, 1, CPUID_EDX, 13, 0x1b00, 0x1b00},
    {"XFD", CPUID_BIT, 0xd, 1, CPUID_EAX, 4, 0x1c4, 0x1c5},
    {"RDTSCP", CPUID_BIT, 0x80000001, 0, CPUID_EDX, 27, 0xc0000103, 0xc0000103},
    {"SYSCALL", CPUID_BIT, 0x80000001, 0, CPUID_EDX, 11, 0xc0000081, 0xc0000084},
    {"MCG_CAP: local machine checks", MSR_BIT, 0x179, 0, 0, 27, 0x4d0, 0x4d0},
    {"MCG_CAP: CMCI", MSR_BIT, 0x179, 0, 0, 10, 0x280, 0x29f},
    {"FEATURE_CONTROL: local machine checks", MSR_BIT, 0x3a, 0, 0, 20, 0x4d0, 0x4d0},
    {"ARCH_CAPABILITIES: TSX_CTRL", MSR_BIT, 0x10a, 0, 0, 7, 0x122, 0x122},
    {"ARCH_CAPABILITIES: MISC_PACKAGE_CTLS", MSR_BIT, 0x10a, 0, 0, 10, 0xbc, 0xbc},
    {"ARCH_CAPABILITIES: DOITM", MSR_BIT, 0x10a, 0, 0, 12, 0x1b01, 0x1b01},
    {"ARCH_CAPABILITIES: FB_CLEAR_CTRL", MSR_BIT, 0x10a, 0, 0, 18, 0x123, 0x123},
    {"ARCH_CAPABILITIES: XAPIC_DISABLE", MSR_BIT, 0x10a, 0, 0, 21, 0xbd, 0xbd},
    {"ARCH_CAPABILITIES: OVERCLOCKING", MSR_BIT, 0x10a, 0, 0, 23, 0x195, 0x195},
    {"ARCH_CAPABILITIES: GDS_CTRL", MSR_BIT, 0x10a, 0, 0, 25, 0x123, 0x123},
    {"ARCH_CAPABILITIES: MCU_CONTROL", MSR_BIT, 0x10a, 0, 0, 9, 0x1406, 0x1406},
};

static bool is_shown(u32 i)
{
    const struct cpuid_guest all = {.controls = ~0u, .entry_controls = ~0u};
    u64 reg[CPUID_REGS] = {~0u, ~0u, ~0u, ~0u};
    u64 value = ~0ull;
    if (features[i].source == MSR_BIT) {
        return reads(features[i].number, &value) && (value >> features[i].bit & 1) != 0;
    }
    cpuid_policy_apply(features[i].number, features[i].subleaf, &all, reg);
    return (reg[features[i].reg] >> features[i].bit & 1) != 0;
}

static void features_and_their_registers_go_together(void **state)
{
    (void)state;
    for (u32 i = 0; i < ARRAY_LEN(features); i++) {
        bool shown = is_shown(i);
        for (u32 msr = features[i].first; msr <= features[i].last; msr++) {
            enum msr_class class = msr_policy_find(msr)->class;
            bool there = class != MSR_CLASS_HIDE && class != MSR_CLASS_UNKNOWN && class != MSR_CLASS_FOREIGN;
            if (shown != there) {
                fail_msg("%s is %s, MSR 0x%x is %s", features[i].feature, shown ? "shown" : "hidden", msr,
                         there ? "listed" : "not");
            }
        }
    }
}

/* Read through; what is written has no effect, and fails once the firmware's boot services are over. */
static void unknown_registers(void **state)
{
    static const u32 unknown[] = {0x1d, 0xe3, 0x1fff, 0xc0000085, 0xc0001fff};
    (void)state;
    for (u32 i = 0; i < ARRAY_LEN(unknown); i++) {
        u64 value = 5;
        assert_int_equal(msr_policy_find(unknown[i])->class, MSR_CLASS_UNKNOWN);
        assert_true(exits(unknown[i], false) && exits(unknown[i], true));
        assert_true(reads_hardware(unknown[i]));
        assert_true(reads(unknown[i], &value));
        assert_int_equal(value, 5);
        assert_int_equal(writes(unknown[i], 5, 5), MSR_WRITE_IGNORE);
        assert_int_equal(writes(unknown[i], 5, 6), MSR_WRITE_IGNORE);
        guest.boot_services = false;
        assert_int_equal(writes(unknown[i], 5, 5), MSR_WRITE_IGNORE);
        assert_int_equal(writes(unknown[i], 5, 6), MSR_WRITE_REFUSE);
        guest.boot_services = true;
    }
}

/* XD disable and the limit of CPUID: taken, shown, without effect on the hardware. */
static void misc_enable_keeps_two_bits(void **state)
{
    const struct msr_rule *rule = msr_policy_find(0x1a0);
    const u64 present = 0x850089;
    const u64 xd_disable = 1ull << 34;
    const u64 limit = 1ull << 22;
    u64 value = present | xd_disable | limit | 1u << 18;
    (void)state;
    assert_int_equal(msr_policy_write(rule, &guest, present, &value), MSR_WRITE_KEEP);
    assert_int_equal(value, present | 1u << 18);
    value = present;
    assert_true(reads(0x1a0, &value));
    assert_int_equal(value, present | xd_disable | limit);
    value = present & ~1ull;
    assert_int_equal(msr_policy_write(rule, &guest, present, &value), MSR_WRITE_KEEP);
    assert_int_equal(value, present & ~1ull);
    value = present;
    assert_true(reads(0x1a0, &value));
    assert_int_equal(value, present);
    assert_true(exits(0x1a0, false) && exits(0x1a0, true));
}

static void bitmap_follows_the_table(void **state)
{
    u32 passed = 0;
    (void)state;
    for (u32 i = 0; i < 2 * 8192; i++) {
        u32 msr = i < 8192 ? i : 0xc0000000 + i - 8192;
        enum msr_class class = msr_policy_find(msr)->class;
        bool writes_pass = class == MSR_CLASS_PASS || class == MSR_CLASS_COMMAND || class == MSR_CLASS_SHARED ||
                           class == MSR_CLASS_LOCAL;
        bool reads_pass = writes_pass || class == MSR_CLASS_READ_ONLY || class == MSR_CLASS_FILTER;
        assert_int_equal(exits(msr, false), !reads_pass);
        assert_int_equal(exits(msr, true), !writes_pass);
        assert_non_null(msr_policy_find(msr)->reason);
        passed += class == MSR_CLASS_PASS;
    }
    assert_in_range(passed, 300, 1500);
}

static void passed_without_exits(void **state)
{
    static const u32 msrs[] = {0x10, 0x48, 0x174, 0x277, 0x6a2, 0x6e0, 0x802, 0x80b, 0x83f,
                               0xc0000080, 0xc0000081, 0xc0000082, 0xc0000084, 0xc0000100,
                               0xc0000103};
    (void)state;
    for (u32 i = 0; i < ARRAY_LEN(msrs); i++) {
        assert_false(exits(msrs[i], false) || exits(msrs[i], true));
        assert_int_equal(writes(msrs[i], 1, 2), MSR_WRITE_DO);
    }
}

/* The interrupt command register of x2APIC mode: only writes, and only where Nestor delivers INIT and SIPI. */
static void commands_exit_on_demand(void **state)
{
    u8 passed[PAGE_SIZE];
    u32 differ = 0;
    (void)state;
    assert_false(exits(0x830, false) || exits(0x830, true));
    memcpy(passed, bitmap, PAGE_SIZE);
    msr_policy_fill_bitmap(bitmap, true, true);
    assert_true(!exits(0x830, false) && exits(0x830, true));
    for (u32 i = 0; i < PAGE_SIZE; i++) {
        differ += (u32)__builtin_popcount(passed[i] ^ bitmap[i]);
    }
    memcpy(bitmap, passed, PAGE_SIZE);
    assert_int_equal(differ, 1);
    assert_int_equal(writes(0x830, 0, 0x4608), MSR_WRITE_COMMAND);
    assert_false(reads_hardware(0x830));
}

static void read_only(void **state)
{
    (void)state;
    u64 value = ~0ull;
    assert_true(exits(0x10a, false) && exits(0x10a, true));
    assert_true(reads(0x10a, &value));
    assert_true((value & 1u << 10) == 0 && (value & 1u << 23) == 0 && value >> 63 == 0);
    assert_int_equal(writes(0x10a, 5, 5), MSR_WRITE_REFUSE);
    assert_int_equal(writes(0xfe, 0, 0), MSR_WRITE_REFUSE);
}

static void local_apic_stays_where_it_is(void **state)
{
    (void)state;
    assert_int_equal(writes(0x1b, 0xfee00900, 0xfee00900), MSR_WRITE_IGNORE);
    assert_int_equal(writes(0x1b, 0xfee00900, 0xfee00d00), MSR_WRITE_DO); /* x2APIC */
    assert_int_equal(writes(0x1b, 0xfee00900, 0xfee01900), MSR_WRITE_REFUSE);
    assert_int_equal(writes(0x1b, 0xfee00900, 0x1fee00900), MSR_WRITE_REFUSE);
    assert_int_equal(writes(0x1b, 0xfee00900, 0xfee00800), MSR_WRITE_REFUSE); /* BSP */
}

/* SDM figure 12-27: from each mode to each, with what the hardware is in then, and what the guest reads. */
static void local_apic_goes_off_and_on(void **state)
{
    enum { OFF = 0, X2_ALONE = 1 << 10, ON = 1 << 11, X2 = ON | X2_ALONE };
    static const u64 modes[] = {OFF, X2_ALONE, ON, X2};
    (void)state;
    for (u32 from = 0; from < ARRAY_LEN(modes); from++) {
        for (u32 to = 0; to < ARRAY_LEN(modes) && modes[from] != X2_ALONE; to++) {
            struct msr_guest one = {.apic_off = modes[from] == OFF};
            u64 present = 0xfee00100 | (modes[from] == OFF ? ON : modes[from]);
            u64 value = 0xfee00100 | modes[to], read = present;
            bool valid = modes[from] == OFF ? modes[to] == ON :
                         modes[from] == ON ? modes[to] != X2_ALONE : modes[to] == OFF;
            assert_true(msr_policy_read(msr_policy_find(0x1b), &one, &read));
            assert_int_equal(read, 0xfee00100 | modes[from]);
            enum msr_write write = msr_policy_write(msr_policy_find(0x1b), &one, present, &value);
            if (from == to) {
                assert_int_equal(write, MSR_WRITE_IGNORE);
            } else if (!valid) {
                assert_int_equal(write, MSR_WRITE_REFUSE);
            } else if (modes[to] == X2) {
                assert_int_equal(write, MSR_WRITE_DO);
                assert_int_equal(value, 0xfee00d00);
            } else {
                assert_int_equal(write, MSR_WRITE_APIC);
                assert_int_equal(value, 0xfee00900);
                assert_int_equal(one.apic_off, modes[to] == OFF);
            }
        }
    }
    assert_true(exits(0x1b, false) && exits(0x1b, true));
}

static void other_filters(void **state)
{
    (void)state;
    assert_int_equal(writes(0xda0, 0, 0x1800), MSR_WRITE_DO);
    assert_int_equal(writes(0xda0, 0, 0x100), MSR_WRITE_REFUSE);
    assert_int_equal(writes(0xda0, 0, 0x400), MSR_WRITE_REFUSE);
}

static void memory_types(void **state)
{
    static const u32 msrs[] = {0x200, 0x213, 0x250, 0x258, 0x259, 0x268, 0x26f, 0x2ff};
    (void)state;
    for (u32 i = 0; i < ARRAY_LEN(msrs); i++) {
        assert_true(exits(msrs[i], false) && exits(msrs[i], true));
        assert_int_equal(writes(msrs[i], 0, 6), MSR_WRITE_MTRR);
    }
}

static void feature_control_and_microcode(void **state)
{
    u64 value = 0x16ffff; /* VMX, SMX, SGX and LMCE, all on */
    (void)state;
    assert_true(reads_hardware(0x3a));
    assert_true(reads(0x3a, &value));
    assert_int_equal(value, 0x100001);
    value = 0;
    assert_true(reads(0x3a, &value));
    assert_int_equal(value, 1);
    assert_int_equal(writes(0x3a, 1, 5), MSR_WRITE_REFUSE);
    assert_int_equal(writes(0x79, 0, 0x100000), MSR_WRITE_IGNORE);
    value = 7;
    assert_false(reads_hardware(0x79));
    assert_true(reads(0x79, &value));
    assert_int_equal(value, 0);
}

/* What a partition beside the root may do less: registers that CPUs share, and what brings foreign interrupts. */
static void partitions_are_confined(void **state)
{
    static const struct { u32 first, last; } shared[] = {
        {0xe2, 0xe2}, {0x179, 0x17b}, {0x19a, 0x19d}, {0x1a1, 0x1a2}, {0x1aa, 0x1aa}, {0x1b1, 0x1b2}, {0x1fc, 0x1fc},
        {0x280, 0x29f}, {0x400, 0x47f}, {0x610, 0x64f}, {0x770, 0x777}, {0xdb0, 0xdb0},
    };
    u8 of_root[PAGE_SIZE];
    u64 value = 0;
    (void)state;
    memcpy(of_root, bitmap, PAGE_SIZE);
    msr_policy_fill_bitmap(bitmap, true, false);
    for (u32 i = 0; i < PAGE_SIZE; i++) {
        assert_int_equal(of_root[i] & ~bitmap[i], 0);
    }
    for (u32 i = 0; i < ARRAY_LEN(shared); i++) {
        for (u32 msr = shared[i].first; msr <= shared[i].last; msr++) {
            assert_int_equal(writes_shared(msr, 1, 2), MSR_SHARED_AS_ALONE);
            guest.confined = true;
            assert_true(!exits(msr, false) && exits(msr, true));
            assert_int_equal(writes_shared(msr, 1, 2), MSR_SHARED_DROP);
            guest.confined = false;
        }
    }
    guest.confined = true;
    assert_true(exits(0x830, true) && !exits(0x832, true) && !exits(0x837, true) && !exits(0x6e0, true));
    value = 1ull << 38 | 1ull << 34;    /* turbo is the package's, XD the guest's */
    assert_int_equal(writes_shared(0x1a0, 5, value), MSR_SHARED_IGNORE);
    assert_true(guest.misc_enable == 1ull << 34);
    guest.misc_enable = 0;
    assert_int_equal(msr_policy_find(0x3)->class, MSR_CLASS_UNKNOWN);
    assert_false(reads_shared(0x3, &value));
    assert_int_equal(writes_shared(0x3, 5, 5), MSR_SHARED_REFUSE);
    guest.confined = false;
    memcpy(bitmap, of_root, PAGE_SIZE);
}

/* Each entry with each delivery mode, against a table by hand. */
static void entries_of_the_vector_table(void **state)
{
    static const u32 entries[] = {0x82f, 0x833, 0x834, 0x835, 0x836};
    (void)state;
    for (u32 i = 0; i < ARRAY_LEN(entries); i++) {
        const struct msr_rule *rule = msr_policy_find(entries[i]);
        bool pin = entries[i] >= 0x835;
        for (u32 mode = 0; mode < 8; mode++) {
            u64 value = 0x31u | mode << 8;
            assert_int_equal(msr_policy_write_shared(rule, &guest, 0, &value), MSR_SHARED_AS_ALONE);
            guest.confined = true;
            assert_int_equal(msr_policy_write_shared(rule, &guest, 0, &value), MSR_SHARED_DO);
            u32 wanted = mode == 0 || mode == 4 ? 0x31u | mode << 8 : 0x10031;
            assert_int_equal(value, wanted | (pin ? 0x10000 : 0));
            guest.confined = false;
        }
    }
}

/* With partitions x2APIC mode stays, and firmware that tries to leave it goes on. */
static void x2apic_mode_stays(void **state)
{
    static const u64 others[] = {0xfee00900, 0xfee00100, 0xfee00500, 0xfef00d00};
    (void)state;
    for (u32 i = 0; i < ARRAY_LEN(others); i++) {
        guest.boot_services = true;
        assert_int_equal(writes_shared(0x1b, 0xfee00d00, others[i]), MSR_SHARED_IGNORE);
        guest.boot_services = false;
        assert_int_equal(writes_shared(0x1b, 0xfee00d00, others[i]), MSR_SHARED_REFUSE);
    }
    assert_int_equal(writes_shared(0x1b, 0xfee00d00, 0xfee00d00), MSR_SHARED_IGNORE);
    assert_false(guest.apic_off);
    for (u32 i = 0; i < 4; i++) {       /* the boot CPU's bit is the partition's */
        u64 value = i & 1 ? 0xfee00d00 : 0xfee00c00;
        guest.confined = true;
        guest.first = (i & 2) != 0;
        assert_true(reads_shared(0x1b, &value));
        assert_int_equal(value, guest.first ? 0xfee00d00 : 0xfee00c00);
        assert_int_equal(writes_shared(0x1b, i & 1 ? 0xfee00d00 : 0xfee00c00, value), MSR_SHARED_IGNORE);
    }
    guest.confined = guest.first = false;
    guest.boot_services = true;
}

static int fill(void **state)
{
    (void)state;
    msr_policy_fill_bitmap(bitmap, false, true);
    return 0;
}

/* Beside others nobody leaves x2APIC mode, which is shown whether the CPU has these registers (SDM 12.12.6) or not. */
static void x2apic_mode_is_shown_as_locked(void **state)
{
    (void)state;
    static const struct { u32 msr; u64 has, alone, shared; } cases[] = {
        {0x10a, 0, 0, 1 << 21}, {0x10a, 1 << 21 | 1, 1 << 21 | 1, 1 << 21 | 1}, {0x10a, 1u << 31 | 2, 2, 1 << 21 | 2},
        {0xbd, 0, 0, 1}, {0xbd, 1, 1, 1}};
    for (u32 i = 0; i < ARRAY_LEN(cases); i++) {
        u64 value = cases[i].has;
        assert_true(exits(cases[i].msr, false) && reads_hardware(cases[i].msr));
        assert_true(reads(cases[i].msr, &value));
        assert_int_equal(value, cases[i].alone);
        value = cases[i].has;
        assert_true(reads_shared(cases[i].msr, &value));
        assert_int_equal(value, cases[i].shared);
        assert_int_equal(writes(cases[i].msr, cases[i].has, 0), MSR_WRITE_REFUSE);
        assert_int_equal(writes_shared(cases[i].msr, cases[i].has, 0), MSR_SHARED_AS_ALONE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hidden_registers),
        cmocka_unit_test(foreign_registers),
        cmocka_unit_test(features_and_their_registers_go_together),
        cmocka_unit_test(x2apic_mode_is_shown_as_locked),
        cmocka_unit_test(unknown_registers),
        cmocka_unit_test(misc_enable_keeps_two_bits),
        cmocka_unit_test(bitmap_follows_the_table),
        cmocka_unit_test(passed_without_exits),
        cmocka_unit_test(commands_exit_on_demand),
        cmocka_unit_test(read_only),
        cmocka_unit_test(local_apic_stays_where_it_is),
        cmocka_unit_test(local_apic_goes_off_and_on),
        cmocka_unit_test(other_filters),
        cmocka_unit_test(memory_types),
        cmocka_unit_test(feature_control_and_microcode),
        cmocka_unit_test(partitions_are_confined),
        cmocka_unit_test(entries_of_the_vector_table),
        cmocka_unit_test(x2apic_mode_stays),
    };
    return cmocka_run_group_tests(tests, fill, NULL);
}
