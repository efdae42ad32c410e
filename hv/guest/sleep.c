/* SPDX-License-Identifier: BSD-2-Clause */
/* See sleep.h. */
#include "hv/guest/sleep.h"

enum {
    SLEEP_TYPE_SHIFT = 2,
    SLEEP_TYPES = 7,
    SLEEP_ENABLE = 1 << 5,
    WAKE_STATUS = 1 << 7,
    PORT_MASK = 0xffff,
};

static bool is_control(const struct sleep_register *r)
{
    return r->kind == SLEEP_CONTROL || r->kind == SLEEP_REDUCED_CONTROL;
}

static bool is_reduced(const struct sleep_register *r)
{
    return r->kind == SLEEP_REDUCED_CONTROL || r->kind == SLEEP_REDUCED_STATUS;
}

u64 sleep_byte(const struct sleep_register *r)
{
    return r->address + (is_reduced(r) ? 0 : 1);
}

/* Which byte of an access of `size` bytes that is; false: none of them. */
static not_inlined bool find_byte(const struct sleep_register *r, bool memory, u64 at, u32 size, u32 *shift)
{
    u64 into = sleep_byte(r) - at;
    into &= memory ? ~0ull : PORT_MASK;
    *shift = 8 * (u32)(into & 7);
    return r->memory == memory && into < size;
}

static enum sleep_write control_write(const struct sleep_register *r, u32 byte)
{
    if ((byte & SLEEP_ENABLE) == 0) {
        return SLEEP_WRITE_PASSES;
    }
    return (r->passes >> (byte >> SLEEP_TYPE_SHIFT & SLEEP_TYPES) & 1) != 0 ? SLEEP_WRITE_SLEEPS : SLEEP_WRITE_REFUSED;
}

enum sleep_write sleep_write(const struct sleep_registers *s, bool memory, u64 at, u32 size, u64 value, bool *woken)
{
    enum sleep_write what = SLEEP_WRITE_PASSES;
    for (u32 i = 0; i < s->count; i++) {
        const struct sleep_register *r = &s->list[i];
        u32 shift;
        if (!find_byte(r, memory, at, size, &shift)) {
            continue;
        }
        u32 byte = value >> shift & 0xff;
        enum sleep_write here = is_control(r) ? control_write(r, byte) : SLEEP_WRITE_PASSES;
        what = here > what ? here : what;
        *woken = *woken && (is_control(r) || (byte & WAKE_STATUS) == 0);
    }
    *woken = *woken || what == SLEEP_WRITE_REFUSED;
    return what;
}

u64 sleep_read(const struct sleep_registers *s, bool memory, u64 at, u32 size, u64 value, bool woken)
{
    for (u32 i = 0; woken && i < s->count; i++) {
        const struct sleep_register *r = &s->list[i];
        u32 shift;
        if (!is_control(r) && find_byte(r, memory, at, size, &shift)) {
            value |= (u64)WAKE_STATUS << shift;
        }
    }
    return value;
}
