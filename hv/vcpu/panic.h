/* SPDX-License-Identifier: BSD-2-Clause */
/* Fatal errors: what, where, on which CPU, the state at the last exit in words; then the configured policy. */
#ifndef NESTOR_HV_VCPU_PANIC_H
#define NESTOR_HV_VCPU_PANIC_H

#include "hv/handover.h"
#include "hv/machine/exception.h"

/* Before the first CPU enters. report: prints what Nestor has done so far, without taking a lock. */
void panic_init(enum fatal_policy policy, void (*report)(void));

_Noreturn void panic(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* An exception in root mode. */
_Noreturn void panic_exception(const struct exception_frame *frame);
/* The guest's state as the VMCS has it, in words. */
void panic_show_guest(void);

#endif
