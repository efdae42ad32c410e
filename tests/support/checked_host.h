/* SPDX-License-Identifier: BSD-2-Clause */
/* Broken memory for hosted tests: what hv/machine/checked.asm finds out by a machine check. */
#ifndef NESTOR_TESTS_SUPPORT_CHECKED_HOST_H
#define NESTOR_TESTS_SUPPORT_CHECKED_HOST_H

#include "hv/types.h"

/* The load of a byte there fails; NULL: none does. */
void checked_host_break(const volatile void *at);
/* How many loads have failed. */
u32 checked_host_failures(void);

#endif
