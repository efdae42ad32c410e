/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which model-specific registers a guest may touch, and why. Pure: accesses are the caller's.
 * A register that holds a physical address is hidden, since hardware that uses one by itself goes around the EPT; so
 * are those that the table calls dangerous. What no rule lists can be read, and keeps its value: firmware of
 * which nothing is public goes on as the guest, and its handler of #GP is a dead loop.
 */
#ifndef NESTOR_HV_GUEST_MSR_POLICY_H
#define NESTOR_HV_GUEST_MSR_POLICY_H

#include "hv/types.h"

enum msr_class {
    /* Reads do not exit. */
    MSR_CLASS_PASS,       /* writes do not, either */
    MSR_CLASS_SHARED,     /* the same in the root; of other partitions writes have no effect, as other CPUs share it */
    MSR_CLASS_LOCAL,      /* the same in the root; others may not have the pins, nor what is neither fixed nor NMI */
    MSR_CLASS_COMMAND,    /* writes do where INIT and SIPI are delivered by software */
    MSR_CLASS_READ_ONLY,  /* a write is #GP */
    MSR_CLASS_FILTER,     /* a write must leave the fixed bits alone */
    /* Reads exit, and show what the hardware has. */
    MSR_CLASS_APIC,       /* as FILTER, and the rest are the modes of the local APIC, as the guest has them */
    MSR_CLASS_EMULATE,    /* reads are altered, a write is #GP */
    MSR_CLASS_SHOW,       /* reads show some bits, a write is #GP */
    MSR_CLASS_KEEP,       /* some bits are the guest's own and without effect, the others are written, by the root */
    MSR_CLASS_UNKNOWN,    /* read through; a write of the present value succeeds, any other has no effect until the
                             firmware's boot services end, then it is #GP. #GP for all but the root */
    /* Reads exit. */
    MSR_CLASS_HIDE,       /* #GP */
    MSR_CLASS_FOREIGN,    /* #GP: of a hypervisor below Nestor, which would write to the address in it */
    MSR_CLASS_MTRR,       /* the guest's copy (mtrr.h); a write changes the EPT's memory types */
    MSR_CLASS_IGNORE,     /* reads as 0, a write has no effect */
};

struct msr_rule {
    u32 first, last;
    enum msr_class class;
    u64 fixed;            /* FILTER, APIC: bits that keep their value; LOCAL: bits that others have set; EMULATE, SHOW:
                             those shown; KEEP: its own */
    const char *reason;
};

enum msr_write {
    MSR_WRITE_REFUSE, MSR_WRITE_DO, MSR_WRITE_IGNORE, MSR_WRITE_MTRR, MSR_WRITE_KEEP, MSR_WRITE_APIC, MSR_WRITE_COMMAND,
};

/* What a write becomes where there are several partitions. */
enum msr_shared { MSR_SHARED_AS_ALONE, MSR_SHARED_DO, MSR_SHARED_IGNORE, MSR_SHARED_DROP, MSR_SHARED_REFUSE };

/* What a guest has of its own of a CPU's registers. */
struct msr_guest {
    bool boot_services;   /* the firmware still runs as the guest; only writes depend on it */
    u64 misc_enable;      /* its bits of IA32_MISC_ENABLE, which have no effect */
    bool confined;        /* to a partition that is not the root */
    bool first;           /* of its CPUs, then */
    bool apic_off;        /* it has turned its local APIC off; see hv/machine/apic.h */
};

/* What the functions below take, found once an exit. Never NULL: there is a rule for what nobody lists. */
const struct msr_rule *msr_policy_find(u32 msr);

/* One page, SDM 26.6.9. commands_exit: writes of MSR_CLASS_COMMAND do. root: it is the root partition's. */
void msr_policy_fill_bitmap(u8 *bitmap, bool commands_exit, bool root);

/* An exit for RDMSR, MTRRs aside: what is shown of the hardware's value; false: #GP. */
must_use bool msr_policy_read(const struct msr_rule *rule, const struct msr_guest *guest, u64 *value);
/* Whether such an exit needs the hardware's value; if not, 0 will do. */
must_use bool msr_policy_reads_hardware(const struct msr_rule *rule);
/*
 * An exit for WRMSR, given the hardware's present value. DO: *value is what to write. KEEP: the same, and
 * guest->misc_enable has been changed. APIC: guest->apic_off has; *value is IA32_APIC_BASE on, in xAPIC mode.
 */
must_use enum msr_write msr_policy_write(const struct msr_rule *rule, struct msr_guest *guest, u64 present, u64 *value);

/*
 * The same where there are several partitions, looked at before. AS_ALONE, or false: as above. IGNORE, DROP: no effect,
 * and the second is to be told. *shown: the value is what is to be read, else #GP. The local APIC is shown as locked in
 * x2APIC mode, which it may not leave there, also on a CPU that has no such registers (*value is 0).
 */
must_use enum msr_shared msr_policy_write_shared(const struct msr_rule *rule, struct msr_guest *guest, u64 present,
                                                 u64 *value);
must_use bool msr_policy_read_shared(const struct msr_rule *rule, const struct msr_guest *guest, u64 *value,
                                     bool *shown);

#endif
