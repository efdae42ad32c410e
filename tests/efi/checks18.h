/* SPDX-License-Identifier: BSD-2-Clause */
/* Machine checks, vector 18: a gate of this program's own takes note of each and goes on where it was. */
#ifndef NESTOR_TESTS_EFI_CHECKS18_H
#define NESTOR_TESTS_EFI_CHECKS18_H

#include "hv/types.h"

extern volatile u32 checks18_came;
extern volatile u64 checks18_rip;    /* where the last one found the CPU */

void checks18_catch(void);
/* The gate is the firmware's again. */
void checks18_leave(void);

#endif
