/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What this CPU is and what it offers a hypervisor. cpu_read() asks the hardware; everything that
 * judges the answers is pure.
 */
#ifndef NESTOR_BOOT_CPU_H
#define NESTOR_BOOT_CPU_H

#include "hv/vmx/caps.h"

struct cpu_facts {
    char vendor[13];
    char brand[49];
    u32 family, model, stepping;
    u32 physical_bits;        /* of an address, without key ids */
    u32 key_id_bits;          /* above these */
    bool hypervisor;          /* CPUID says that a hypervisor is running already */
    bool vmx;
    bool no_execute;          /* the no-execute bit of page tables */
    bool x2apic;
    u32 apic_id;              /* of the CPU that was asked */
    u32 core_shift;           /* its bits that tell threads of one core apart */
    u32 cache_ways;           /* of its L3 that can be kept apart, 0: none can */
    u32 cache_open;           /* of these, as bits: what devices fill, too */
    u32 cache_classes;        /* of CPUs, by the ways that they fill */
    bool x2apic_on;           /* its local APIC is in x2APIC mode */
    bool x2apic_locked;       /* xAPIC mode can no longer be entered */
    struct vmx_caps caps;     /* 0 without VMX */
};

void cpu_read(struct cpu_facts *cpu);
/* The same where RDMSR is not the caller's to execute. */
void cpu_read_by(struct cpu_facts *cpu, u64 (*read)(u32 msr));

/*
 * Bits of a physical address that are memory-encryption key ids, by IA32_TME_ACTIVATE: CPUID goes on counting them as
 * address bits, but two addresses that differ in them alone are the same memory.
 */
u32 cpu_key_id_bits(u64 tme_activate);

/* The first reason why Nestor cannot run on this CPU, in words; NULL if it can. */
const char *cpu_missing(const struct cpu_facts *cpu);

/* "EPT 4-level 2M 1G, VPID, unrestricted guest, ..."; needs vmx. */
enum { CPU_VMX_TEXT = 200 };
void cpu_vmx_text(const struct cpu_facts *cpu, char text[CPU_VMX_TEXT]);

#endif
