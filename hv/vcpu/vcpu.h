/* SPDX-License-Identifier: BSD-2-Clause */
/* A partition's CPU: what the guest on it can see or has asked for. Runs on one struct cpu for good. */
#ifndef NESTOR_HV_VCPU_VCPU_H
#define NESTOR_HV_VCPU_VCPU_H

#include "hv/guest/breakpoint.h"
#include "hv/guest/msr_policy.h"
#include "hv/guest/mtrr.h"
#include "hv/guest/startup.h"
#include "hv/vcpu/memo.h"
#include "hv/vmx/entry.h"
#include "hv/vmx/vmcs.h"

struct partition;

/* What the end of an exit has to look at. */
enum vcpu_alert {
    ALERT_FAULT = 1,                /* the NMI has come by which remapping units tell the first CPU of faults */
    ALERT_NOT_SET_UP = 2,           /* they have not been told yet where to send it */
    ALERT_STARTUP = 4,              /* INIT or a start-up IPI, see start.h */
    ALERT_NMI = 8,                  /* an NMI of another of the guest's CPUs */
    ALERT_LIFE = 16,                /* another partition, or its end or start, see life.h */
    ALERT_SENT = 32,                /* nothing: whoever set it learns that the exit before has ended */
};

struct vcpu {
    struct partition *partition;
    struct cpu *cpu;
    struct guest_regs *regs;        /* on the CPU's main stack */
    hpa_t vmcs;
    u32 index;                      /* of the machine's CPU, plus 1 its VPID */
    u32 number;                     /* in the partition */
    u32 pin_controls, cpu_controls; /* without what work.c and nmi.c turn on and off */
    u32 cpu_controls2, exit_controls;
    u32 entry_controls;             /* without ENTRY_GUEST_64, which follows EFER.LMA */
    u32 machine_check;              /* one that came in root mode: the guest is to have it */
    u32 nmi_pending;                /* an NMI for the guest that waits for its window */
    u64 cr0_fixed, cr4_fixed;       /* bits that VMX operation holds at 1, hidden from the guest */
    u32 signature;                  /* CPUID.1:EAX, what INIT leaves in EDX */
    bool timer_on, timer_expired;   /* the VMX-preemption timer; see work.c */
    bool work_left;
    bool drains;                    /* other partitions have printed more than the console could take at once */
    u32 alert;                      /* enum vcpu_alert, bits */
    u32 startup;                    /* what other CPUs have sent, see start.h and guest/startup.h */
    u32 apic_logical, apic_format;  /* where its local APIC is trapped: the guest's LDR and DFR */
    bool fresh;                     /* no INIT has come since the start-up IPI */
    bool woken;                     /* its sleep was refused: it is shown that the machine woke, see guest/sleep.h */
    u32 status_select;              /* hv/guest/status.h */
    u64 polled_at;
    struct msr_guest msr;           /* what it has of its own of the CPU's registers */
    struct mtrr mtrr;               /* the guest's own copy */
    u64 exits[REASON_LIMIT];
    struct memos memos;
};

/* The one that the partition begins on. Its MTRRs are the partition's, and it does what is due now and then. */
static inline bool vcpu_is_first(const struct vcpu *v)
{
    return v->number == 0;
}

/* By software; see start.h. */
static inline bool vcpu_waits_for_sipi(const struct vcpu *v)
{
    return (v->startup & STARTUP_WAITS) != 0;
}

/* The vCPU that runs on c, and its VMCS page. ERR_UNSUPPORTED: see partition_mtrr_load(). */
must_use enum result vcpu_create(struct partition *p, struct cpu *c, u32 number, struct vcpu **out);

/*
 * Goes on after the instruction that exited, with what the end of an instruction brings: STI and MOV SS
 * block no longer, a single step is due (SDM 26.4.2).
 */
void vcpu_advance(void);
/* The same to a given RIP: an emulated instruction, whose length the exit does not tell. */
void vcpu_advance_to(u64 rip);

/*
 * The CPU's next VM entry is followed by an exit, by the timer, before the guest runs an instruction. From any context:
 * whatever this interrupts may write the same fields after it, but looks at alerts later than that.
 */
void vcpu_exit_at_once(const struct vcpu *v);

/* The instruction that exited runs again, now without an exit: a breakpoint on it is not met twice (SDM 29.3.3). */
void vcpu_repeat(void);

/* Nestor has done this access of the instruction that exited: breakpoints that it meets are due after it. */
void vcpu_note_breakpoints(u64 dr7, u64 address, u32 width, enum breakpoint_kind kind);
static inline __attribute__((always_inline)) void vcpu_note_access(u64 address, u32 width, enum breakpoint_kind kind)
{
    u64 dr7 = vmcs_read(VMCS_GUEST_DR7);
    if (breakpoint_any(dr7)) {
        vcpu_note_breakpoints(dr7, address, width, kind);
    }
}

/* Begins and ends blocking: bits of enum interruptibility. */
void vcpu_block(u32 what);
void vcpu_unblock(u32 what);

/* The registers of `msr` as they are when the partition begins. */
void vcpu_reset_msrs(struct vcpu *v);

/* The guest's register of that number. */
u64 vcpu_reg(const struct vcpu *v, u32 reg);

/* Events for the next VM entry; a fault takes the place of the instruction that exited. */
void vcpu_inject(enum vector vector);
void vcpu_inject_error(enum vector vector, u32 error);
/* An event as an exit told it, with the error code of that field. */
void vcpu_inject_again(u32 event, enum vmcs_field error_code);

#endif
