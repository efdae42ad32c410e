/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What CPUID shows a guest: of the CPU's own answer the features that the table knows and Nestor does not keep, and
 * leaves of our own. Pure: the caller executes CPUID.
 */
#ifndef NESTOR_HV_GUEST_CPUID_POLICY_H
#define NESTOR_HV_GUEST_CPUID_POLICY_H

#include "hv/guest/status.h"
#include "hv/handover.h"
#include "hv/machine/x86_bits.h"
#include "hv/types.h"

enum {
    /* In the order of the register numbers, so that a guest's registers are such an array. */
    CPUID_EAX, CPUID_ECX, CPUID_EDX, CPUID_EBX, CPUID_REGS,

    CPUID_LEAF_TSC = 0x15,

    CPUID_NESTOR_VERSION = 0 << 16 | 1,
};

/* Bits of CR4 that turn on what CPUID does not show: the guest may not set them. */
#define CPUID_POLICY_CR4 (CR4_VMXE | CR4_SMXE | CR4_KL | CR4_UINTR | CR4_FRED)

struct cpuid_guest {
    u64 cr4;
    u32 controls;                         /* enum cpu_control2 that are on */
    u32 entry_controls;                   /* enum entry_control, likewise */
    u32 features;                         /* enum cpuid_nestor_feature */
    u32 status_port;                      /* 0: there is no window */
    u32 physical_width;                   /* bits of an address without key ids; 0: as the CPU says */
    enum hypervisor_bit hypervisor_bit;
    bool apic_off;
};

/* False: the guest sees what the CPU answers to this leaf, whatever the subleaf. */
must_use bool cpuid_policy_has(u32 leaf);

/*
 * Leaf 15h where the CPU does not say it: a partition beside the root has nothing to measure the TSC by. reg: as below.
 */
void cpuid_policy_fill_rate(u32 tsc_khz, u64 *reg);

/* reg: what the CPU answered, indexed by CPUID_EAX to CPUID_EBX; becomes what the guest sees. */
void cpuid_policy_apply(u32 leaf, u32 subleaf, const struct cpuid_guest *guest, u64 *reg);

#endif
