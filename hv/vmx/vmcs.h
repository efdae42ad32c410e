/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The fields of a VMCS that are used, by their encodings (SDM volume 3, appendix B), and
 * what their bits mean (SDM chapters 26 to 29). X(NAME, encoding).
 */
#ifndef NESTOR_HV_VMX_VMCS_H
#define NESTOR_HV_VMX_VMCS_H

#include "hv/types.h"

#define VMCS_FIELDS(X)                                                                     \
    X(VPID, 0x0000)                                                                        \
    X(GUEST_ES, 0x0800) X(GUEST_CS, 0x0802) X(GUEST_SS, 0x0804) X(GUEST_DS, 0x0806)        \
    X(GUEST_FS, 0x0808) X(GUEST_GS, 0x080a) X(GUEST_LDTR, 0x080c) X(GUEST_TR, 0x080e)      \
    X(HOST_ES, 0x0c00) X(HOST_CS, 0x0c02) X(HOST_SS, 0x0c04) X(HOST_DS, 0x0c06)            \
    X(HOST_FS, 0x0c08) X(HOST_GS, 0x0c0a) X(HOST_TR, 0x0c0c)                               \
    X(IO_BITMAP_A, 0x2000) X(IO_BITMAP_B, 0x2002) X(MSR_BITMAP, 0x2004)                    \
    X(EPTP, 0x201a) X(XSS_BITMAP, 0x202c) X(ENCLS_BITMAP, 0x202e)\
    X(ENCLV_BITMAP, 0x2036)                                                  \
    X(GUEST_PHYSICAL, 0x2400)                                                              \
    X(LINK_POINTER, 0x2800) X(GUEST_DEBUGCTL, 0x2802) X(GUEST_PAT, 0x2804)                 \
    X(GUEST_EFER, 0x2806) X(GUEST_PDPTE0, 0x280a)                                          \
    X(HOST_PAT, 0x2c00) X(HOST_EFER, 0x2c02)                                               \
    X(PIN_CONTROLS, 0x4000) X(CPU_CONTROLS, 0x4002) X(EXCEPTION_BITMAP, 0x4004)            \
    X(PF_MASK, 0x4006) X(PF_MATCH, 0x4008) X(CR3_TARGETS, 0x400a)                          \
    X(EXIT_CONTROLS, 0x400c) X(EXIT_MSR_STORES, 0x400e) X(EXIT_MSR_LOADS, 0x4010)          \
    X(ENTRY_CONTROLS, 0x4012) X(ENTRY_MSR_LOADS, 0x4014) X(ENTRY_EVENT, 0x4016)            \
    X(ENTRY_ERROR_CODE, 0x4018) X(ENTRY_LENGTH, 0x401a) X(CPU_CONTROLS2, 0x401e)           \
    X(INSTRUCTION_ERROR, 0x4400) X(EXIT_REASON, 0x4402) X(EXIT_EVENT, 0x4404)              \
    X(EXIT_ERROR_CODE, 0x4406) X(VECTORING, 0x4408) X(VECTORING_ERROR_CODE, 0x440a)        \
    X(EXIT_LENGTH, 0x440c) X(EXIT_INSTRUCTION, 0x440e)                                     \
    X(GUEST_ES_LIMIT, 0x4800) X(GUEST_CS_LIMIT, 0x4802) X(GUEST_SS_LIMIT, 0x4804)          \
    X(GUEST_DS_LIMIT, 0x4806) X(GUEST_FS_LIMIT, 0x4808) X(GUEST_GS_LIMIT, 0x480a)          \
    X(GUEST_LDTR_LIMIT, 0x480c) X(GUEST_TR_LIMIT, 0x480e)                                  \
    X(GUEST_GDTR_LIMIT, 0x4810) X(GUEST_IDTR_LIMIT, 0x4812)                                \
    X(GUEST_ES_RIGHTS, 0x4814) X(GUEST_CS_RIGHTS, 0x4816) X(GUEST_SS_RIGHTS, 0x4818)       \
    X(GUEST_DS_RIGHTS, 0x481a) X(GUEST_FS_RIGHTS, 0x481c) X(GUEST_GS_RIGHTS, 0x481e)       \
    X(GUEST_LDTR_RIGHTS, 0x4820) X(GUEST_TR_RIGHTS, 0x4822)                                \
    X(GUEST_INTERRUPTIBILITY, 0x4824) X(GUEST_ACTIVITY, 0x4826)                            \
    X(GUEST_SYSENTER_CS, 0x482a) X(PREEMPTION_TIMER, 0x482e) X(HOST_SYSENTER_CS, 0x4c00)   \
    X(CR0_MASK, 0x6000) X(CR4_MASK, 0x6002) X(CR0_SHADOW, 0x6004) X(CR4_SHADOW, 0x6006)    \
    X(QUALIFICATION, 0x6400) X(GUEST_LINEAR, 0x640a)                                       \
    X(GUEST_CR0, 0x6800) X(GUEST_CR3, 0x6802) X(GUEST_CR4, 0x6804)                         \
    X(GUEST_ES_BASE, 0x6806) X(GUEST_CS_BASE, 0x6808) X(GUEST_SS_BASE, 0x680a)             \
    X(GUEST_DS_BASE, 0x680c) X(GUEST_FS_BASE, 0x680e) X(GUEST_GS_BASE, 0x6810)             \
    X(GUEST_LDTR_BASE, 0x6812) X(GUEST_TR_BASE, 0x6814) X(GUEST_GDTR_BASE, 0x6816)         \
    X(GUEST_IDTR_BASE, 0x6818) X(GUEST_DR7, 0x681a) X(GUEST_RSP, 0x681c)                   \
    X(GUEST_RIP, 0x681e) X(GUEST_RFLAGS, 0x6820) X(GUEST_PENDING_DEBUG, 0x6822)            \
    X(GUEST_SYSENTER_ESP, 0x6824) X(GUEST_SYSENTER_EIP, 0x6826)                            \
    X(GUEST_S_CET, 0x6828) X(GUEST_SSP, 0x682a) X(GUEST_SSP_TABLE, 0x682c)                 \
    X(HOST_CR0, 0x6c00) X(HOST_CR3, 0x6c02) X(HOST_CR4, 0x6c04) X(HOST_FS_BASE, 0x6c06)    \
    X(HOST_GS_BASE, 0x6c08) X(HOST_TR_BASE, 0x6c0a) X(HOST_GDTR_BASE, 0x6c0c)              \
    X(HOST_IDTR_BASE, 0x6c0e) X(HOST_SYSENTER_ESP, 0x6c10) X(HOST_SYSENTER_EIP, 0x6c12)    \
    X(HOST_RSP, 0x6c14) X(HOST_RIP, 0x6c16) X(HOST_S_CET, 0x6c18) X(HOST_SSP, 0x6c1a)      \
    X(HOST_SSP_TABLE, 0x6c1c)

#define VMCS_ENUM(name, encoding) VMCS_##name = encoding,
enum vmcs_field { VMCS_FIELDS(VMCS_ENUM) };
#undef VMCS_ENUM

/* Segment registers in the order of the fields: base, limit and rights are at field + 2 * segment. */
enum segment { SEG_ES, SEG_CS, SEG_SS, SEG_DS, SEG_FS, SEG_GS, SEG_LDTR, SEG_TR, SEG_COUNT };

static inline enum vmcs_field vmcs_of_segment(enum vmcs_field es_field, enum segment s)
{
    return (enum vmcs_field)(es_field + 2 * (u32)s);
}

enum pin_control { PIN_NMI_EXITING = 1 << 3, PIN_VIRTUAL_NMIS = 1 << 5, PIN_PREEMPTION_TIMER = 1 << 6 };
enum cpu_control {
    CPU_NMI_WINDOW = 1 << 22,
    CPU_IO_BITMAPS = 1 << 25,
    CPU_MSR_BITMAPS = 1 << 28,
};
#define CPU_SECONDARY (1u << 31)
enum cpu_control2 {
    CPU2_EPT = 1 << 1,
    CPU2_RDTSCP = 1 << 3,
    CPU2_VPID = 1 << 5,
    CPU2_UNRESTRICTED = 1 << 7,
    CPU2_INVPCID = 1 << 12,
    CPU2_ENCLS_EXITING = 1 << 15,
    CPU2_HIDE_FROM_PT = 1 << 19,
    CPU2_XSAVES = 1 << 20,
    CPU2_USER_WAIT = 1 << 26,
    CPU2_ENCLV_EXITING = 1 << 28,
};
enum exit_control {
    EXIT_SAVE_DEBUG = 1 << 2,
    EXIT_HOST_64 = 1 << 9,
    EXIT_SAVE_PAT = 1 << 18,
    EXIT_LOAD_PAT = 1 << 19,
    EXIT_SAVE_EFER = 1 << 20,
    EXIT_LOAD_EFER = 1 << 21,
    EXIT_SAVE_TIMER = 1 << 22,
    EXIT_HIDE_FROM_PT = 1 << 24,
    EXIT_LOAD_CET = 1 << 28,
};
enum entry_control {
    ENTRY_LOAD_DEBUG = 1 << 2,
    ENTRY_GUEST_64 = 1 << 9,
    ENTRY_LOAD_PAT = 1 << 14,
    ENTRY_LOAD_EFER = 1 << 15,
    ENTRY_HIDE_FROM_PT = 1 << 17,
    ENTRY_LOAD_CET = 1 << 20,
};

enum activity { ACTIVITY_ACTIVE = 0, ACTIVITY_HLT = 1, ACTIVITY_SHUTDOWN = 2, ACTIVITY_WAIT_SIPI = 3 };
enum interruptibility {
    BLOCKING_STI = 1 << 0,
    BLOCKING_MOV_SS = 1 << 1,
    BLOCKING_SMI = 1 << 2,
    BLOCKING_NMI = 1 << 3,
};

/* GUEST_PENDING_DEBUG: an enabled breakpoint was met (which one: bits 3:0), a single step is due (BS). */
enum { PENDING_DEBUG_BREAKPOINT = 1 << 12, PENDING_DEBUG_STEP = 1 << 14 };

/* Events as ENTRY_EVENT, EXIT_EVENT and VECTORING hold them, SDM 26.8.3. */
enum event_type { EVENT_INTERRUPT = 0, EVENT_NMI = 2, EVENT_EXCEPTION = 3, EVENT_SOFT_INTERRUPT = 4,
                  EVENT_PRIVILEGED_SOFT = 5, EVENT_SOFT_EXCEPTION = 6 };
enum { EVENT_VECTOR = 0xff, EVENT_TYPE_SHIFT = 8, EVENT_ERROR_CODE = 1 << 11, EVENT_NMI_UNBLOCKED = 1 << 12 };
#define EVENT_VALID (1u << 31)

/* QUALIFICATION of an EPT violation: IRET had ended the blocking of NMIs before it failed (SDM 29.2.3). */
enum { QUALIFICATION_NMI_UNBLOCKED = 1 << 12 };

/* EPTP, SDM 26.6.11: write-back tables of n levels; accessed and dirty bits off. */
enum { EPTP_WRITE_BACK = 6, EPTP_LEVELS_SHIFT = 3 };

/* Bits 15:0 of EXIT_REASON, SDM appendix C. X(NAME, number, words) */
#define EXIT_REASONS(X)                                                                    \
    X(EXCEPTION_NMI, 0, "exception or NMI")                                                \
    X(INTERRUPT, 1, "external interrupt")                                                  \
    X(TRIPLE_FAULT, 2, "triple fault")                                                     \
    X(INIT, 3, "INIT signal")                                                              \
    X(SIPI, 4, "start-up IPI")                                                             \
    X(NMI_WINDOW, 8, "NMI window")                                                         \
    X(TASK_SWITCH, 9, "task switch")                                                       \
    X(CPUID, 10, "CPUID")                                                                  \
    X(GETSEC, 11, "GETSEC")                                                                \
    X(INVD, 13, "INVD")                                                                    \
    X(VMCALL, 18, "VMCALL")                                                                \
    X(VMCLEAR, 19, "VMCLEAR")                                                              \
    X(VMLAUNCH, 20, "VMLAUNCH")                                                            \
    X(VMPTRLD, 21, "VMPTRLD")                                                              \
    X(VMPTRST, 22, "VMPTRST")                                                              \
    X(VMREAD, 23, "VMREAD")                                                                \
    X(VMRESUME, 24, "VMRESUME")                                                            \
    X(VMWRITE, 25, "VMWRITE")                                                              \
    X(VMXOFF, 26, "VMXOFF")                                                                \
    X(VMXON, 27, "VMXON")                                                                  \
    X(CR_ACCESS, 28, "control register access")                                            \
    X(IO, 30, "port access")                                                               \
    X(RDMSR, 31, "RDMSR")                                                                  \
    X(WRMSR, 32, "WRMSR")                                                                  \
    X(ENTRY_GUEST_STATE, 33, "VM-entry failure: invalid guest state")                      \
    X(ENTRY_MSR_LOAD, 34, "VM-entry failure: MSR loading")                                 \
    X(ENTRY_MACHINE_CHECK, 41, "VM-entry failure: machine check")                          \
    X(EPT_VIOLATION, 48, "EPT violation")                                                  \
    X(EPT_MISCONFIG, 49, "EPT misconfiguration")                                           \
    X(INVEPT, 50, "INVEPT")                                                                \
    X(PREEMPTION_TIMER, 52, "VMX-preemption timer")                                        \
    X(INVVPID, 53, "INVVPID")                                                              \
    X(XSETBV, 55, "XSETBV")                                                                \
    X(VMFUNC, 59, "VMFUNC")                                                                \
    X(ENCLS, 60, "ENCLS")                                                                  \
    X(ENCLV, 70, "ENCLV")                                                                  \
    X(SEAMCALL, 76, "SEAMCALL")                                                            \
    X(TDCALL, 77, "TDCALL")
#define EXIT_REASON_ENUM(name, number, words) REASON_##name = number,
enum exit_reason { EXIT_REASONS(EXIT_REASON_ENUM) REASON_LIMIT = 80 };
#undef EXIT_REASON_ENUM
enum { REASON_BASIC = 0xffff };     /* above: flags, such as that the CPU was in enclave mode */
#define REASON_ENTRY_FAILURE (1u << 31)

static inline u64 vmcs_read(enum vmcs_field field)
{
    u64 value;
    __asm__ volatile("vmread %1, %0" : "=r"(value) : "r"((u64)field) : "cc");
    return value;
}

static inline void vmcs_write(enum vmcs_field field, u64 value)
{
    __asm__ volatile("vmwrite %1, %0" : : "r"((u64)field), "r"(value) : "cc", "memory");
}

#endif
