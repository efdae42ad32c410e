/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A partition's functions between two of its lives: quiet, then as after power-on. Only when that is done is memory
 * touched which they could have written to.
 */
#ifndef NESTOR_HV_DEVICE_RESET_H
#define NESTOR_HV_DEVICE_RESET_H

#include "hv/device/device.h"

/* Before any guest runs: how the firmware has configured them, and nothing comes from them from now on. */
void reset_init(void);

/*
 * On the partition's first CPU, when none of its CPUs runs; takes a tenth of a second and more, without a lock. False,
 * with a line: one of them has not come back.
 */
must_use bool reset_functions(const struct partition *p);

/* After that, with the partition's memory in place: its functions reach it. An error: it must not begin. */
must_use enum result reset_begin(const struct partition *p);

#endif
