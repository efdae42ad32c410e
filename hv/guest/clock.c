/* SPDX-License-Identifier: BSD-2-Clause */
/* See clock.h. Ports and bits as in the data sheets of the MC146818A and the 8254. */
#include "hv/guest/clock.h"

enum {
    COUNTER_2 = 0x42, COMMAND = 0x43, CONTROL = 0x61, RTC_INDEX = 0x70, RTC_DATA = 0x71,
    COMMAND_COUNTER_SHIFT = 6, GATE_BITS = 3, OUT = 1 << 5, COUNTER_HZ = 1193182,
};

#define NEVER (~0ull)

bool clock_read(const struct clock *c, u32 port, u64 tsc, u32 *value)
{
    if (port == RTC_DATA) {
        *value = 0;
    } else if (port == CONTROL) {
        *value = c->gate | (tsc >= c->out_at ? OUT : 0u);
    } else {
        return false;
    }
    return true;
}

/* A count of 0 is 2^16. Whatever mode is asked for, it is counted down once, as in mode 0. */
static void load(struct clock *c, u8 high, u64 tsc, u64 tsc_khz)
{
    u32 count = (u32)high << 8 | c->low;
    c->out_at = tsc + (count != 0 ? count : 1u << 16) * (tsc_khz * 1000) / COUNTER_HZ;
}

bool clock_write(struct clock *c, u32 port, u8 value, u64 tsc, u64 tsc_khz)
{
    if (port == COUNTER_2 && c->has_low) {
        load(c, value, tsc, tsc_khz);
        c->has_low = false;
    } else if (port == COUNTER_2) {
        c->low = value;
        c->has_low = true;
    } else if (port == COMMAND && value >> COMMAND_COUNTER_SHIFT == 2) {
        c->out_at = NEVER;
        c->has_low = false;
    } else if (port == CONTROL) {
        c->gate = value & GATE_BITS;
    } else {
        return port == RTC_INDEX || port == RTC_DATA || port == COMMAND;
    }
    return true;
}
