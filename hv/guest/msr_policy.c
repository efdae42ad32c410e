/* SPDX-License-Identifier: BSD-2-Clause */
/* The table of model-specific registers (SDM volume 4). See msr_policy.h. */
#include "hv/guest/msr_policy.h"

/* IA32_APIC_BASE, SDM 12.4.4, 12.12.1. */
#define APIC_ON (1u << 11)
#define APIC_X2 (1u << 10)
#define APIC_BSP (1u << 8)
#define APIC_MODES (APIC_ON | APIC_X2)
/* An entry of the local vector table, SDM 12.5.1. */
#define LVT_MODE (7u << 8)
#define LVT_NMI (4u << 8)
#define LVT_MASKED (1u << 16)
#define XD_AND_CPUID_LIMIT (1ull << 34 | 1ull << 22)
#define XSS_CET (3ull << 11)
/* IA32_ARCH_CAPABILITIES: what is known and needs no register that is hidden. */
#define ARCH_KNOWN (0x400000003f3ef1ffull)
#define ARCH_CAPABILITIES 0x10a
#define ARCH_XAPIC_DISABLE (1u << 21)
#define XAPIC_DISABLED 1u       /* in IA32_XAPIC_DISABLE_STATUS */
#define FEATURE_LOCK_LMCE (1ull << 20 | 1u << 0)

/* Sorted by number. */
static const struct msr_rule rules[] = {
    {0x000, 0x001, MSR_CLASS_PASS, 0, "Pentium machine-check registers, aliases of bank 0"},
    {0x010, 0x010, MSR_CLASS_PASS, 0, "time-stamp counter, not offset"},
    {0x011, 0x012, MSR_CLASS_FOREIGN, 0, "KVM's clock, older numbers"},
    {0x017, 0x017, MSR_CLASS_READ_ONLY, 0, "platform id"},
    {0x01b, 0x01b, MSR_CLASS_APIC, ~(u64)APIC_MODES, "local APIC: could be moved over other memory"},
    {0x02a, 0x02c, MSR_CLASS_READ_ONLY, 0, "power-on configuration, frequency"},
    {0x033, 0x033, MSR_CLASS_PASS, 0, "split-lock detection"},
    {0x034, 0x035, MSR_CLASS_READ_ONLY, 0, "SMI count, thread count"},
    {0x03a, 0x03a, MSR_CLASS_EMULATE, FEATURE_LOCK_LMCE, "feature control: locked, no VMX, no SGX"},
    {0x03b, 0x03b, MSR_CLASS_PASS, 0, "time-stamp adjustment"},
    {0x048, 0x049, MSR_CLASS_PASS, 0, "speculation control"},
    {0x04e, 0x04f, MSR_CLASS_HIDE, 0, "PPIN: identifies the machine"},
    {0x079, 0x079, MSR_CLASS_IGNORE, 0, "microcode update: an address, and code that runs below us"},
    {0x07a, 0x07a, MSR_CLASS_HIDE, 0, "activation of features, by an address"},
    {0x087, 0x087, MSR_CLASS_HIDE, 0, "keys of memory encryption"},
    {0x08b, 0x08b, MSR_CLASS_PASS, 0, "microcode version, written before CPUID reports it"},
    {0x08c, 0x08f, MSR_CLASS_HIDE, 0, "SGX"},
    {0x09b, 0x09b, MSR_CLASS_HIDE, 0, "SMM monitor"},
    {0x09e, 0x09e, MSR_CLASS_HIDE, 0, "SMM"},
    {0x0b0, 0x0b1, MSR_CLASS_HIDE, 0, "mailbox of overclocking"},
    {0x0bd, 0x0bd, MSR_CLASS_SHOW, ~0ull, "whether x2APIC is locked, ARCH_CAPABILITIES[21]"},
    {0x0c1, 0x0c8, MSR_CLASS_PASS, 0, "performance counters"},
    {0x0ce, 0x0cf, MSR_CLASS_READ_ONLY, 0, "platform information, core capabilities"},
    {0x0e1, 0x0e1, MSR_CLASS_PASS, 0, "UMWAIT"},
    {0x0e2, 0x0e2, MSR_CLASS_SHARED, 0, "package C-state control"},
    {0x0e4, 0x0e4, MSR_CLASS_READ_ONLY, 0, "I/O port range that enters C-states"},
    {0x0e7, 0x0e8, MSR_CLASS_PASS, 0, "frequency clocks"},
    {0x0fe, 0x0fe, MSR_CLASS_READ_ONLY, 0, "MTRR capabilities"},
    {0x10a, 0x10a, MSR_CLASS_SHOW, ARCH_KNOWN, "architectural capabilities"},
    {0x10b, 0x10b, MSR_CLASS_PASS, 0, "L1D flush"},
    {0x10f, 0x10f, MSR_CLASS_PASS, 0, "forced aborts of TSX"},
    {0x122, 0x123, MSR_CLASS_PASS, 0, "TSX and microcode options"},
    {0x13c, 0x13c, MSR_CLASS_READ_ONLY, 0, "AES configuration"},
    {0x140, 0x140, MSR_CLASS_PASS, 0, "CPUID faulting, MONITOR in user mode"},
    {0x150, 0x151, MSR_CLASS_HIDE, 0, "mailbox of voltages, end of BIOS"},
    {0x174, 0x176, MSR_CLASS_PASS, 0, "SYSENTER, kept in the VMCS"},
    {0x179, 0x17a, MSR_CLASS_SHARED, 0, "machine-check global state"},
    {0x17b, 0x17b, MSR_CLASS_SHARED, 0, "machine-check global control"},
    {0x17f, 0x17f, MSR_CLASS_SHARED, 0, "corrected-error signalling"},
    {0x186, 0x18d, MSR_CLASS_PASS, 0, "performance event selection"},
    {0x195, 0x195, MSR_CLASS_HIDE, 0, "overclocking"},
    {0x198, 0x198, MSR_CLASS_READ_ONLY, 0, "performance state"},
    {0x199, 0x199, MSR_CLASS_PASS, 0, "performance state"},
    {0x19a, 0x19d, MSR_CLASS_SHARED, 0, "thermal control"},
    {0x1a0, 0x1a0, MSR_CLASS_KEEP, XD_AND_CPUID_LIMIT, "would turn off NX, which Nestor needs"},
    {0x1a1, 0x1a2, MSR_CLASS_SHARED, 0, "temperature target"},
    {0x1a4, 0x1a4, MSR_CLASS_PASS, 0, "prefetchers"},
    {0x1a6, 0x1a7, MSR_CLASS_PASS, 0, "off-core events"},
    {0x1aa, 0x1aa, MSR_CLASS_SHARED, 0, "power management options"},
    {0x1ac, 0x1af, MSR_CLASS_READ_ONLY, 0, "turbo ratios"},
    {0x1b0, 0x1b0, MSR_CLASS_PASS, 0, "energy bias"},
    {0x1b1, 0x1b2, MSR_CLASS_SHARED, 0, "package thermal state"},
    {0x1c4, 0x1c5, MSR_CLASS_PASS, 0, "extended feature disable"},
    {0x1c8, 0x1c9, MSR_CLASS_PASS, 0, "last-branch records: linear addresses"},
    {0x1cc, 0x1d4, MSR_CLASS_HIDE, 0, "FRED"},
    {0x1d9, 0x1d9, MSR_CLASS_PASS, 0, "debug control, kept in the VMCS; trace stores are linear"},
    {0x1db, 0x1de, MSR_CLASS_PASS, 0, "last branch and exception: linear addresses"},
    {0x1f2, 0x1f6, MSR_CLASS_HIDE, 0, "SMRR, PRMRR: memory ranges"},
    {0x1fb, 0x1fb, MSR_CLASS_HIDE, 0, "PRMRR"},
    {0x1fc, 0x1fc, MSR_CLASS_SHARED, 0, "power control"},
    {0x200, 0x213, MSR_CLASS_MTRR, 0, "variable-range MTRRs"},
    {0x250, 0x250, MSR_CLASS_MTRR, 0, "fixed-range MTRR"},
    {0x258, 0x259, MSR_CLASS_MTRR, 0, "fixed-range MTRRs"},
    {0x268, 0x26f, MSR_CLASS_MTRR, 0, "fixed-range MTRRs"},
    {0x277, 0x277, MSR_CLASS_PASS, 0, "PAT, kept in the VMCS"},
    {0x280, 0x29f, MSR_CLASS_SHARED, 0, "corrected machine-check interrupts"},
    {0x2a0, 0x2a8, MSR_CLASS_HIDE, 0, "PRMRR, by address"},
    {0x2c2, 0x2d9, MSR_CLASS_HIDE, 0, "scans of the CPU, by address"},
    {0x2ff, 0x2ff, MSR_CLASS_MTRR, 0, "MTRR default type"},
    {0x300, 0x303, MSR_CLASS_HIDE, 0, "SGX"},
    {0x309, 0x30c, MSR_CLASS_PASS, 0, "fixed performance counters"},
    {0x329, 0x329, MSR_CLASS_PASS, 0, "performance metrics"},
    {0x345, 0x345, MSR_CLASS_READ_ONLY, 0, "performance capabilities"},
    {0x38d, 0x393, MSR_CLASS_PASS, 0, "performance monitoring control"},
    {0x3f1, 0x3f2, MSR_CLASS_PASS, 0, "PEBS: its stores are linear"},
    {0x3f6, 0x3f7, MSR_CLASS_PASS, 0, "PEBS thresholds"},
    {0x3f8, 0x3fe, MSR_CLASS_READ_ONLY, 0, "C-state residency"},
    {0x400, 0x47f, MSR_CLASS_SHARED, 0, "machine-check banks: addresses are reports, none is used"},
    {0x480, 0x4bf, MSR_CLASS_HIDE, 0, "VMX"},
    {0x4c1, 0x4c8, MSR_CLASS_PASS, 0, "performance counters, full width"},
    {0x4d0, 0x4d0, MSR_CLASS_PASS, 0, "local machine checks, whose bits in 3Ah and 179h are shown"},
    {0x4e0, 0x4e2, MSR_CLASS_HIDE, 0, "SMM"},
    {0x500, 0x503, MSR_CLASS_HIDE, 0, "SGX"},
    {0x560, 0x58f, MSR_CLASS_HIDE, 0, "Intel PT: physical buffers"},
    {0x600, 0x600, MSR_CLASS_PASS, 0, "debug store area: a linear address"},
    {0x601, 0x601, MSR_CLASS_HIDE, 0, "voltage regulator"},
    {0x606, 0x606, MSR_CLASS_READ_ONLY, 0, "power units"},
    {0x60a, 0x60c, MSR_CLASS_SHARED, 0, "C-state latencies"},
    {0x60d, 0x60d, MSR_CLASS_READ_ONLY, 0, "C-state residency"},
    {0x610, 0x64f, MSR_CLASS_SHARED, 0, "power limits and energy counters"},
    {0x650, 0x665, MSR_CLASS_READ_ONLY, 0, "residency counters"},
    {0x680, 0x69f, MSR_CLASS_PASS, 0, "last-branch records, from: linear addresses"},
    {0x6a0, 0x6a0, MSR_CLASS_PASS, 0, "CET of user mode"},
    {0x6a2, 0x6a2, MSR_CLASS_PASS, 0, "CET of the kernel, kept in the VMCS"},
    {0x6a4, 0x6a8, MSR_CLASS_PASS, 0, "shadow stacks: linear addresses"},
    {0x6c0, 0x6df, MSR_CLASS_PASS, 0, "last-branch records, to: linear addresses"},
    {0x6e0, 0x6e1, MSR_CLASS_PASS, 0, "TSC deadline, protection keys"},
    {0x770, 0x777, MSR_CLASS_SHARED, 0, "hardware-controlled performance states"},
    {0x800, 0x82e, MSR_CLASS_PASS, 0, "x2APIC"},
    {0x82f, 0x82f, MSR_CLASS_LOCAL, 0, "x2APIC, local vector table: corrected machine checks"},
    {0x830, 0x830, MSR_CLASS_COMMAND, 0, "x2APIC, interrupt command: on hardware INIT and SIPI exit by themselves"},
    {0x831, 0x832, MSR_CLASS_PASS, 0, "x2APIC, its timer's entry, which can only be fixed"},
    {0x833, 0x834, MSR_CLASS_LOCAL, 0, "x2APIC, local vector table: thermal sensor, counters"},
    {0x835, 0x836, MSR_CLASS_LOCAL, LVT_MASKED, "x2APIC, local vector table: pins of the board's"},
    {0x837, 0x8ff, MSR_CLASS_PASS, 0, "x2APIC"},
    {0x980, 0x991, MSR_CLASS_HIDE, 0, "memory encryption, user interrupts, key locker"},
    {0x9fb, 0x9ff, MSR_CLASS_HIDE, 0, "memory encryption"},
    {0xc80, 0xd8f, MSR_CLASS_HIDE, 0, "debug interface, cache monitoring and allocation"},
    {0xd90, 0xd90, MSR_CLASS_PASS, 0, "bound configuration: a linear address"},
    {0xd93, 0xd93, MSR_CLASS_HIDE, 0, "PASID"},
    {0xda0, 0xda0, MSR_CLASS_FILTER, ~XSS_CET, "XRSTORS of trace state bypasses this table"},
    {0xdb0, 0xdb0, MSR_CLASS_SHARED, 0, "hardware duty cycling of the package"},
    {0xdb1, 0xdb2, MSR_CLASS_PASS, 0, "hardware duty cycling"},
    {0xdc0, 0xddf, MSR_CLASS_PASS, 0, "last-branch information"},
    {0x1200, 0x121f, MSR_CLASS_HIDE, 0, "architectural LBRs, without control"},
    {0x1400, 0x1407, MSR_CLASS_HIDE, 0, "SEAMRR, microcode"},
    {0x14ce, 0x14cf, MSR_CLASS_HIDE, 0, "architectural LBRs"},
    {0x17d0, 0x17db, MSR_CLASS_HIDE, 0, "hardware feedback: a physical address; HRESET"},
    {0x1900, 0x19ff, MSR_CLASS_PASS, 0, "performance counters of version 6"},
    {0x1b00, 0x1b00, MSR_CLASS_HIDE, 0, "user timer"},
    {0x1b01, 0x1b01, MSR_CLASS_PASS, 0, "data-independent timing"},
    {0x40000000, 0x400001ff, MSR_CLASS_FOREIGN, 0, "Hyper-V's"},
    {0x4b564d00, 0x4b564dff, MSR_CLASS_FOREIGN, 0, "KVM's"},
    {0xc0000080, 0xc0000084, MSR_CLASS_PASS, 0, "EFER (kept in the VMCS) and SYSCALL"},
    {0xc0000100, 0xc0000103, MSR_CLASS_PASS, 0, "FS, GS and their swap, TSC_AUX"},
};

static const struct msr_rule unlisted = {0, ~0u, MSR_CLASS_UNKNOWN, 0, "not listed"};
static const struct msr_rule outside = {0, ~0u, MSR_CLASS_HIDE, 0, "no number of Intel's"};

const struct msr_rule *msr_policy_find(u32 msr)
{
    u32 low = 0;
    u32 high = ARRAY_LEN(rules);
    while (low < high) {
        u32 middle = (low + high) / 2;
        if (msr > rules[middle].last) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (low < ARRAY_LEN(rules) && msr >= rules[low].first) {
        return &rules[low];
    }
    return (msr & ~0xc0001fffu) == 0 && msr >> 30 != 1 && msr >> 30 != 2 ? &unlisted : &outside;
}

static bool read_passes(enum msr_class class)
{
    return class <= MSR_CLASS_FILTER;
}

static bool write_passes(enum msr_class class, bool commands_exit, bool root)
{
    return class == MSR_CLASS_PASS || (class == MSR_CLASS_COMMAND && !commands_exit) ||
           (root && (class == MSR_CLASS_SHARED || class == MSR_CLASS_LOCAL));
}

/* Reads of 0 to 1FFFh, then of C0000000h to C0001FFFh; then writes. A set bit exits. */
static void pass(u8 *bitmap, u32 msr, bool write)
{
    u32 part = (msr >= 0xc0000000 ? 1024u : 0) + (write ? 2048u : 0);
    u32 bit = msr & 0x1fff;
    bitmap[part + bit / 8] &= (u8)~(1u << bit % 8);
}

void msr_policy_fill_bitmap(u8 *bitmap, bool commands_exit, bool root)
{
    for (u32 i = 0; i < PAGE_SIZE; i++) {
        bitmap[i] = 0xff;
    }
    for (u32 i = 0; i < ARRAY_LEN(rules); i++) {
        for (u32 msr = rules[i].first; msr <= rules[i].last; msr++) {
            if (read_passes(rules[i].class)) {
                pass(bitmap, msr, false);
            }
            if (write_passes(rules[i].class, commands_exit, root)) {
                pass(bitmap, msr, true);
            }
        }
    }
}

bool msr_policy_reads_hardware(const struct msr_rule *rule)
{
    return rule->class <= MSR_CLASS_UNKNOWN && rule->class != MSR_CLASS_COMMAND;
}

static u64 show_apic(const struct msr_guest *guest, u64 base)
{
    return guest->apic_off ? base & ~(u64)APIC_ON : base;
}

bool msr_policy_read(const struct msr_rule *rule, const struct msr_guest *guest, u64 *value)
{
    switch (rule->class) {
    case MSR_CLASS_HIDE:
    case MSR_CLASS_FOREIGN:
        return false;
    case MSR_CLASS_IGNORE:
        *value = 0;
        return true;
    case MSR_CLASS_EMULATE:
        /* Locked whatever the firmware did: the guest must not think that it may write. */
        *value = (*value & rule->fixed) | 1;
        return true;
    case MSR_CLASS_APIC:
        *value = show_apic(guest, *value);
        return true;
    case MSR_CLASS_SHOW:
        *value &= rule->fixed;
        return true;
    case MSR_CLASS_KEEP:
        *value = (*value & ~rule->fixed) | guest->misc_enable;
        return true;
    default:
        return true;
    }
}

/* SDM figure 12-27. From xAPIC mode to x2APIC mode hardware goes by itself. */
static enum msr_write write_apic(const struct msr_rule *rule, struct msr_guest *guest, u64 present, u64 *value)
{
    u64 shown = show_apic(guest, present);
    u32 from = (u32)shown & APIC_MODES;
    u32 to = (u32)*value & APIC_MODES;
    if (*value == shown) {
        return MSR_WRITE_IGNORE;
    }
    if (((present ^ *value) & rule->fixed) != 0 || to == APIC_X2) {
        return MSR_WRITE_REFUSE;
    }
    if (to == APIC_MODES) {
        return from == APIC_ON ? MSR_WRITE_DO : MSR_WRITE_REFUSE;
    }
    if (to == APIC_ON && from != 0) {
        return MSR_WRITE_REFUSE;
    }
    guest->apic_off = to == 0;
    *value |= APIC_ON;
    return MSR_WRITE_APIC;
}

enum msr_write msr_policy_write(const struct msr_rule *rule, struct msr_guest *guest, u64 present, u64 *value)
{
    switch (rule->class) {
    case MSR_CLASS_PASS: return MSR_WRITE_DO;
    case MSR_CLASS_COMMAND: return MSR_WRITE_COMMAND;
    case MSR_CLASS_MTRR: return MSR_WRITE_MTRR;
    case MSR_CLASS_IGNORE: return MSR_WRITE_IGNORE;
    case MSR_CLASS_FILTER:
        return ((present ^ *value) & rule->fixed) == 0 ? MSR_WRITE_DO : MSR_WRITE_REFUSE;
    case MSR_CLASS_APIC: return write_apic(rule, guest, present, value);
    case MSR_CLASS_KEEP:
        guest->misc_enable = *value & rule->fixed;
        *value = (*value & ~rule->fixed) | (present & rule->fixed);
        return MSR_WRITE_KEEP;
    case MSR_CLASS_UNKNOWN:
        return guest->boot_services || *value == present ? MSR_WRITE_IGNORE : MSR_WRITE_REFUSE;
    default: return MSR_WRITE_REFUSE;
    }
}

/* A kernel that finds itself on another than the boot CPU takes itself for one that follows a crash. */
static u64 apic_base_of(const struct msr_guest *guest, u64 base)
{
    return guest->confined ? (base & ~(u64)APIC_BSP) | (guest->first ? APIC_BSP : 0) : base;
}

bool msr_policy_read_shared(const struct msr_rule *rule, const struct msr_guest *guest, u64 *value, bool *shown)
{
    if (rule->class == MSR_CLASS_SHOW) {
        *shown = true;
        *value = (*value & rule->fixed) | (rule->first == ARCH_CAPABILITIES ? ARCH_XAPIC_DISABLE : XAPIC_DISABLED);
        return true;
    }
    *shown = rule->class == MSR_CLASS_APIC;
    *value = apic_base_of(guest, *value);
    return *shown || (rule->class == MSR_CLASS_UNKNOWN && guest->confined);
}

/* What comes from outside the CPU, or is delivered as SMI, INIT or ExtINT, is not the partition's. */
static u64 local_entry(const struct msr_rule *rule, u64 value)
{
    if ((value & LVT_MODE) != 0 && (value & LVT_MODE) != LVT_NMI) {
        value = (value & ~(u64)LVT_MODE) | LVT_MASKED;
    }
    return value | rule->fixed;
}

enum msr_shared msr_policy_write_shared(const struct msr_rule *rule, struct msr_guest *guest, u64 present, u64 *value)
{
    if (rule->class == MSR_CLASS_APIC) {
        bool harmless = guest->boot_services || *value == apic_base_of(guest, present);
        return harmless ? MSR_SHARED_IGNORE : MSR_SHARED_REFUSE;
    }
    if (!guest->confined) {
        return MSR_SHARED_AS_ALONE;
    }
    switch (rule->class) {
    case MSR_CLASS_SHARED:
        return MSR_SHARED_DROP;
    case MSR_CLASS_LOCAL:
        *value = local_entry(rule, *value);
        return MSR_SHARED_DO;
    case MSR_CLASS_UNKNOWN:
        return MSR_SHARED_REFUSE;
    case MSR_CLASS_KEEP:
        guest->misc_enable = *value & rule->fixed;
        return MSR_SHARED_IGNORE;
    default:
        return MSR_SHARED_AS_ALONE;
    }
}
