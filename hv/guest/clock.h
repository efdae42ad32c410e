/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a partition finds of a PC's clocks, so that software which knows nothing else goes on and can tell how fast its
 * TSC is. The real-time clock (ports 70h, 71h) reads zeros: no time, no battery, and no update that one would have to
 * wait for. Of the timer (8254) there is channel 2 (42h, 43h), whose output goes up once when its count is over; port
 * 61h shows it in bit 5. None interrupts. Pure.
 */
#ifndef NESTOR_HV_GUEST_CLOCK_H
#define NESTOR_HV_GUEST_CLOCK_H

#include "hv/types.h"

struct clock {
    u64 out_at;         /* of the TSC: when the output goes up */
    u8 low;             /* of the count, which comes as two bytes */
    bool has_low;
    u8 gate;            /* bits 1:0 of port 61h */
};

/* A byte read; false: none of its ports, and *value is as before. */
must_use bool clock_read(const struct clock *c, u32 port, u64 tsc, u32 *value);
/* A byte written; false: none of its ports. */
must_use bool clock_write(struct clock *c, u32 port, u8 value, u64 tsc, u64 tsc_khz);

#endif
