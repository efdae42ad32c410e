/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The CPUs' stacks, each between pages that are not mapped, so that an overflow is a double
 * fault with a report and not a write into something else.
 *
 *   0xffffffffc0000000 + index * 64 KiB
 *       page 0        not mapped
 *       page 1        NMI
 *       page 2        not mapped
 *       page 3        all other exceptions
 *       page 4        not mapped
 *       pages 5..7    main: VM exits
 *       page 8        not mapped
 *       page 9        machine checks
 *       pages 10..15  not mapped
 */
#ifndef NESTOR_HV_MACHINE_STACK_H
#define NESTOR_HV_MACHINE_STACK_H

#include "hv/types.h"

/* Their ends: a stack grows down from there. */
struct stacks { u64 main, nmi, fault, machine_check; };
/* The stacks of a CPU. ERR_NO_MEMORY ends the start, so pages taken until then are not given back. */
must_use enum result stack_create(u32 index, struct stacks *out);

#endif
