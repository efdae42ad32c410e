/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A CPU of the machine as Nestor uses it in root mode: its descriptor tables, its stacks, its
 * VMXON region. What its guest sees is struct vcpu.
 */
#ifndef NESTOR_HV_MACHINE_CPU_H
#define NESTOR_HV_MACHINE_CPU_H

#include "hv/handover.h"
#include "hv/machine/x86.h"

struct vcpu;

enum selector { SELECTOR_CODE = 0x08, SELECTOR_DATA = 0x10, SELECTOR_TSS = 0x18 };

/* SDM figure 9-11. */
struct __attribute__((packed)) tss64 {
    u32 reserved0;
    u64 rsp[3];
    u64 reserved1;
    u64 ist[7];
    u64 reserved2;
    u16 reserved3;
    u16 io_map;
};
_Static_assert(sizeof(struct tss64) == 104, "SDM 9.7");

enum { IST_NMI = 1, IST_FAULT = 2, IST_MACHINE_CHECK = 3, IST_COUNT = 3 };

/* Whether a CPU takes part when the others are asked for something: see vcpu/kick.c. */
enum cpu_run { RUN_NOT_ENTERED, RUN_GUEST, RUN_WAIT_SIPI };

struct cpu {
    struct cpu *self;               /* at GS:0 in root mode */
    struct vcpu *vcpu;
    struct vcpu *next;              /* of the partition that the CPU is going to be moved to, or NULL */
    u32 index;
    u32 apic_id;
    u32 run;                        /* enum cpu_run */
    bool in_vmx;
    u32 nmi_for;                    /* before it had a vcpu: an NMI has come for the CPU of that index, plus 1 */
    u32 launch_reason;              /* EXIT_REASON of a first VM entry that failed */
    u64 launch_qualification;
    u64 firmware_cr0, firmware_cr4;
    hpa_t vmxon;
    u64 stack_top;
    u64 gdt[5];
    struct tss64 tss;
    u64 launch_rsp;                 /* where a first VM entry that fails comes back */
    u32 tlb_done;                   /* the generation of vcpu/kick.c that this CPU's INVEPT has reached */
    u64 nmi_again_until;            /* until then, one more NMI may be one of those; 0: none */
    u32 nmi_owed;                   /* an NMI of vcpu/kick.c is on its way here */
};

/* BOOT_CPU: the index of the CPU that runs the firmware. It enters last and never waits for a SIPI. */
enum { BOOT_CPU = 0, CPU_MAX = 1024, CPU_APIC_IDS = 1 << 16 };

/* Nestor's own structures of a CPU: one struct cpu, stacks, VMXON region. No register is changed. */
must_use enum result cpu_create(u32 index, struct cpu **out);
/* NULL when no such CPU has entered. */
struct cpu *cpu_get(u32 index);
u32 cpu_count(void);
/* All CPUs have left non-root mode for good. */
void cpu_forget_all(void);

/* A GDT with a TSS that is not busy. */
void cpu_build_gdt(struct cpu *c);
/* Fills the IDT that all CPUs share; before anything else. */
void cpu_build_idt(void);
struct table_register cpu_idt(void);

static inline struct cpu *cpu_current(void)
{
    struct cpu *c;
    __asm__ volatile("movq %%gs:0, %0" : "=r"(c));
    return c;
}

/* Stops here for good; NMIs are still answered. */
_Noreturn void cpu_park(void);

#endif
