/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What becomes of a guest's accesses to the registers by which the machine is put to sleep. A machine that entered S1
 * to S3 would go on without VMX and with its remapping units off, so such a write is dropped. Whoever asked for it
 * waits for the bit that says that the machine has woken, with interrupts off and without end: that CPU is shown it.
 * Pure: the caller reads and writes the registers.
 *
 * All that counts is in one byte of each register (ACPI 4.8.3.2.1, 4.8.3.1.1, 4.8.3.7):
 *
 *     PM1 control, second byte; sleep control       SLP_EN is bit 5, SLP_TYP bits 4:2
 *     PM1 status, second byte; sleep status         WAK_STS is bit 7
 */
#ifndef NESTOR_HV_GUEST_SLEEP_H
#define NESTOR_HV_GUEST_SLEEP_H

#include "hv/handover.h"

struct sleep_registers {
    struct sleep_register list[HANDOVER_SLEEP];
    u32 count;
};

/* The address of the byte that counts. Accesses without it are nobody's business. */
u64 sleep_byte(const struct sleep_register *r);

enum sleep_write {
    SLEEP_WRITE_PASSES,
    SLEEP_WRITE_SLEEPS,     /* passes as well, and the machine sleeps: S4 or S5, or a type that nobody knows */
    SLEEP_WRITE_REFUSED,
};

/*
 * A write of `size` bytes (1 to 8) to an I/O port or to memory, and its effect on *woken, whether this CPU is shown
 * that the machine woke. Ports wrap at 2^16, as in hardware.
 */
must_use enum sleep_write sleep_write(const struct sleep_registers *s, bool memory, u64 at, u32 size, u64 value,
                                      bool *woken);

/* What a read of them shows, if hardware has `value` there. */
u64 sleep_read(const struct sleep_registers *s, bool memory, u64 at, u32 size, u64 value, bool woken);

#endif
