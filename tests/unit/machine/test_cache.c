/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ways of a cache on a made-up CPU: 11 of them and 4 classes (SDM 18.19.4). It refuses what hardware does: a mask with
 * no bit, with a hole or for ways that are not there, a class that is not there, a register that is not.
 */
#include "hv/machine/cache.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "boot/cache.h"
#include "hv/machine/checked.h"

enum { WAYS = 11, CLASSES = 4, PQR_ASSOC = 0xc8f, L3_MASK = 0xc90 };

static u32 masks[CLASSES];
static u32 of;              /* the class of the CPU */
static bool shared;         /* the CPU was of a class that had all ways still */

bool checked_msr_write(u32 msr, u64 value)
{
    if (msr == PQR_ASSOC && value >> 32 < CLASSES) {
        of = (u32)(value >> 32);
    } else if (msr >= L3_MASK && msr < L3_MASK + CLASSES && value >> WAYS == 0 && cache_is_run((u32)value)) {
        masks[msr - L3_MASK] = (u32)value;
    } else {
        return false;
    }
    shared = shared || (of != 0 && masks[of] == cache_all(WAYS));
    return true;
}

static void reset(void)
{
    for (u32 i = 0; i < CLASSES; i++) {
        masks[i] = cache_all(WAYS);
    }
    of = 0;
    shared = false;
}

/* The same masks by each CPU that leaves the root, whichever is the first, and again in each package. */
static void each_partition_has_its_own(void **state)
{
    (void)state;
    static struct config config = {.partition_count = 3,
                                   .partitions = {{.cache_ways = 0x00f}, {.cache_ways = 0}, {.cache_ways = 0x070}}};
    reset();
    u32 rest = cache_rest(&config, WAYS);
    assert_int_equal(rest, 0x780);
    assert_int_equal(cache_class(&config, &config.partitions[1]), 0);
    for (u32 i = 0; i < 4; i++) {
        const struct config_partition *p = &config.partitions[i % 2 == 0 ? 2 : 0];
        u32 class = cache_class(&config, p);
        assert_int_equal(class, i % 2 == 0 ? 2 : 1);
        assert_true(cache_take(class, p->cache_ways, rest));
        assert_int_equal(of, class);
        of = 0;     /* the next CPU */
    }
    assert_int_equal(masks[0], 0x780);
    assert_int_equal(masks[1], 0x00f);
    assert_int_equal(masks[2], 0x070);
    assert_int_equal(masks[3], cache_all(WAYS));
    assert_false(shared);
}

static void what_the_cpu_refuses_is_told(void **state)
{
    (void)state;
    reset();
    assert_false(cache_take(1, 0x800, 0x7f0));
    assert_false(cache_take(1, 0x00f, 0));
    assert_false(cache_take(CLASSES, 0x00f, 0x7f0));
}

static void runs(void **state)
{
    (void)state;
    assert_true(cache_is_run(1) && cache_is_run(0x7fe) && cache_is_run(0x80000000) && cache_is_run(0xffffffff));
    assert_false(cache_is_run(0) || cache_is_run(5) || cache_is_run(0x80000001) || cache_is_run(0x70f));
    assert_int_equal(cache_all(32), 0xffffffff);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_partition_has_its_own),
        cmocka_unit_test(what_the_cpu_refuses_is_told),
        cmocka_unit_test(runs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
