/* SPDX-License-Identifier: BSD-2-Clause */
/* See checked_host.h. */
#include "tests/support/checked_host.h"

#include "hv/machine/checked.h"

static uintptr_t broken;
static u32 failures;

void checked_host_break(const volatile void *at)
{
    broken = (uintptr_t)at;
}

u32 checked_host_failures(void)
{
    return failures;
}

static bool is_broken(const volatile void *from, size_t bytes)
{
    return broken != 0 && broken - (uintptr_t)from < bytes;
}

bool checked_copy(void *to, const volatile void *from, size_t bytes)
{
    u8 *out = to;
    const volatile u8 *in = from;
    if (is_broken(from, bytes)) {
        failures++;
        return false;
    }
    for (size_t i = 0; i < bytes; i++) {
        out[i] = in[i];
    }
    return true;
}

bool checked_equal(const struct checked_word *list, u32 count)
{
    for (u32 i = 0; i < count; i++) {
        u64 now;
        if (!checked_copy(&now, list[i].at, sizeof(now)) || now != list[i].value) {
            return false;
        }
    }
    return true;
}
