/* SPDX-License-Identifier: BSD-2-Clause */
/* What the SDM prints of control registers, MSRs and exceptions: bits and numbers alone, for pure code, too. */
#ifndef NESTOR_HV_MACHINE_X86_BITS_H
#define NESTOR_HV_MACHINE_X86_BITS_H

enum cr0_bit {
    CR0_PE = 1 << 0,
    CR0_TS = 1 << 3,
    CR0_ET = 1 << 4,
    CR0_NE = 1 << 5,
    CR0_WP = 1 << 16,
};
#define CR0_PG (1ull << 31)

enum cr4_bit {
    CR4_DE = 1 << 3,
    CR4_PSE = 1 << 4,
    CR4_PAE = 1 << 5,
    CR4_MCE = 1 << 6,
    CR4_PGE = 1 << 7,
    CR4_LA57 = 1 << 12,
    CR4_VMXE = 1 << 13,
    CR4_SMXE = 1 << 14,
    CR4_PCIDE = 1 << 17,
    CR4_OSXSAVE = 1 << 18,
    CR4_KL = 1 << 19,
    CR4_SMEP = 1 << 20,
    CR4_SMAP = 1 << 21,
    CR4_PKE = 1 << 22,
    CR4_CET = 1 << 23,
    CR4_UINTR = 1 << 25,
};
#define CR4_FRED (1ull << 32)

enum debugctl_bit { DEBUGCTL_LBR = 1 << 0, DEBUGCTL_BTF = 1 << 1 };
enum dr6_bit { DR6_HIT = 0xf, DR6_BLD = 1 << 11, DR6_RTM = 1 << 16 };   /* BLD, RTM: 0 means yes */
enum dr7_bit { DR7_GD = 1 << 13 };
enum efer_bit { EFER_LME = 1 << 8, EFER_LMA = 1 << 10, EFER_NXE = 1 << 11 };
enum rflags_bit {
    RFLAGS_ONE = 1 << 1, RFLAGS_TF = 1 << 8, RFLAGS_IF = 1 << 9, RFLAGS_RF = 1 << 16, RFLAGS_AC = 1 << 18,
};

enum vector {
    VECTOR_DB = 1,
    VECTOR_NMI = 2,
    VECTOR_UD = 6,
    VECTOR_DE = 0,
    VECTOR_DF = 8,
    VECTOR_TS = 10,
    VECTOR_GP = 13,
    VECTOR_PF = 14,
    VECTOR_AC = 17,
    VECTOR_MC = 18,
    VECTOR_CP = 21,
};

/* The interrupt command register, SDM 12.6.1. */
enum icr_bit {
    ICR_VECTOR = 0xff, ICR_MODE_SHIFT = 8, ICR_LOGICAL = 1 << 11, ICR_PENDING = 1 << 12, ICR_ASSERT = 1 << 14,
    ICR_LEVEL = 1 << 15, ICR_SHORTHAND_SHIFT = 18,
};
enum icr_mode { ICR_FIXED = 0, ICR_LOWEST = 1, ICR_NMI = 4, ICR_INIT = 5, ICR_STARTUP = 6 };
enum icr_shorthand { ICR_TO_DESTINATION, ICR_TO_SELF, ICR_TO_ALL, ICR_TO_OTHERS };

/* Of an error code: the fault was raised while an event was delivered that is not the program's own (SDM 7.13). */
enum { ERROR_CODE_EXTERNAL = 1 };

enum msr {
    MSR_APIC_BASE = 0x1b,
    MSR_FEATURE_CONTROL = 0x3a,
    MSR_MTRR_CAP = 0xfe,
    MSR_SYSENTER_CS = 0x174,
    MSR_SYSENTER_ESP = 0x175,
    MSR_SYSENTER_EIP = 0x176,
    MSR_MCG_CAP = 0x179,
    MSR_MCG_STATUS = 0x17a,
    MSR_DEBUGCTL = 0x1d9,
    MSR_PAT = 0x277,
    MSR_MC0_CTL = 0x400,            /* four registers a bank: control, status, address, more */
    MSR_VMX_BASIC = 0x480,
    MSR_VMX_PIN = 0x481,
    MSR_VMX_CPU = 0x482,
    MSR_VMX_EXIT = 0x483,
    MSR_VMX_ENTRY = 0x484,
    MSR_VMX_MISC = 0x485,
    MSR_VMX_CR0_FIXED0 = 0x486,
    MSR_VMX_CR0_FIXED1 = 0x487,
    MSR_VMX_CR4_FIXED0 = 0x488,
    MSR_VMX_CR4_FIXED1 = 0x489,
    MSR_VMX_CPU2 = 0x48b,
    MSR_VMX_EPT_VPID = 0x48c,
    MSR_VMX_TRUE_PIN = 0x48d,
    MSR_VMX_TRUE_CPU = 0x48e,
    MSR_VMX_TRUE_EXIT = 0x48f,
    MSR_VMX_TRUE_ENTRY = 0x490,
    MSR_PERF_GLOBAL_STATUS = 0x38e,
    MSR_TSC_DEADLINE = 0x6e0,
    MSR_X2APIC_TPR = 0x808,
    MSR_X2APIC_EOI = 0x80b,
    MSR_X2APIC_SPURIOUS = 0x80f,
    MSR_X2APIC_ISR = 0x810,         /* eight words each */
    MSR_X2APIC_IRR = 0x820,
    MSR_X2APIC_ICR = 0x830,
    MSR_X2APIC_LVT_COUNTERS = 0x834,
    MSR_X2APIC_TIMER_COUNT = 0x838,
    MSR_S_CET = 0x6a2,
    MSR_SSP_TABLE = 0x6a8,
};
#define MSR_EFER 0xc0000080u
#define MSR_FS_BASE 0xc0000100u
#define MSR_GS_BASE 0xc0000101u

#endif
