/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Instructions that a guest may have Nestor execute with operands of the guest's: where the CPU answers with #GP,
 * the handler of exceptions goes on at checked_fault, and the function returns false.
 */
#ifndef NESTOR_HV_MACHINE_CHECKED_H
#define NESTOR_HV_MACHINE_CHECKED_H

#include "hv/types.h"

/*
 * Copies memory of a guest, each byte read once, in the largest possible pieces. False: there was a machine check, the
 * memory is broken, and the guest will hear of it.
 */
must_use bool checked_copy(void *to, const volatile void *from, size_t bytes);

/* Words of a guest's memory, and what they were. False: one is another now, or broken, as above. */
struct checked_word {
    const volatile void *at;
    u64 value;
};
must_use bool checked_equal(const struct checked_word *list, u32 count);

bool checked_msr_read(u32 msr, u64 *value);
bool checked_msr_write(u32 msr, u64 value);
bool checked_xcr_write(u32 index, u64 value);

/* For that handler: the addresses of these instructions, loads of a guest's memory apart, and the one to return to. */
extern const u64 checked_instructions[3];
extern const u64 checked_loads[5];
void checked_fault(void);

#endif
