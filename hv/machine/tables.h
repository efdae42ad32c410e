/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Descriptor tables in root mode. From the image's first steps to VM entry a CPU runs on Nestor's own, so that an
 * exception that is expected, an NMI or a machine check does not end in the firmware's handlers, which are not mapped
 * then. Before the image returns, the firmware's are put back. Only an NMI in the few instructions between a change of
 * CR3 (boot/bridge.asm) and that of the tables still finds none.
 */
#ifndef NESTOR_HV_MACHINE_TABLES_H
#define NESTOR_HV_MACHINE_TABLES_H

#include "hv/machine/cpu.h"

/* The firmware's, as they were when the image was called. */
struct __attribute__((packed)) tables_firmware {
    struct table_register gdtr, gdtr_mapped, idtr;
    u16 cs, ss, ds, es, fs, gs, tr;
    u64 fs_base, gs_base;
};
_Static_assert(offsetof(struct tables_firmware, gdtr_mapped) == 10, "frame.inc");
_Static_assert(offsetof(struct tables_firmware, idtr) == 20, "frame.inc");
_Static_assert(offsetof(struct tables_firmware, cs) == 30, "frame.inc");
_Static_assert(offsetof(struct tables_firmware, tr) == 42, "frame.inc");

/*
 * At the start of each call of the image. The CPU is then nobody in particular: cpu_current() is a struct cpu without a
 * vcpu, which all that start use one after the other.
 */
void tables_enter(struct tables_firmware *saved, u32 index, u64 direct_map);

/* The tables and stacks of c, which cpu_create() has made. */
void tables_use(struct cpu *c);

/* The CPU as it was before tables_enter(). */
void tables_leave(const struct tables_firmware *saved);

#endif
