/* SPDX-License-Identifier: BSD-2-Clause */
/* Sleep registers of a guest, in I/O ports or in memory: hv/guest/sleep.h decides, this says so on the console. */
#ifndef NESTOR_HV_EXIT_SLEEP_H
#define NESTOR_HV_EXIT_SLEEP_H

#include "hv/vcpu/vcpu.h"

/* False: the write enters a sleep that is refused, and must not reach the register. */
must_use bool exit_sleep_write(struct vcpu *v, bool memory, u64 at, u32 size, u64 value);
/* What the guest reads where the register has `value`. */
u64 exit_sleep_read(const struct vcpu *v, bool memory, u64 at, u32 size, u64 value);

/* An access to any register on a page that has a sleep register: it reaches the hardware, but for those. */
u64 exit_sleep_load(const struct vcpu *v, u64 gpa, u32 width);
void exit_sleep_store(struct vcpu *v, u64 gpa, u32 width, u64 value);

#endif
