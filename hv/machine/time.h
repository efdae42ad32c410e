/* SPDX-License-Identifier: BSD-2-Clause */
/* Time by the TSC, which boot/ has measured. */
#ifndef NESTOR_HV_MACHINE_TIME_H
#define NESTOR_HV_MACHINE_TIME_H

#include "hv/types.h"

void time_init(u64 tsc_khz);
/* Ticks of the TSC in a millisecond. */
u64 time_tsc_khz(void);

#endif
