/* SPDX-License-Identifier: BSD-2-Clause */
/* Who asks first is served first, whoever asks again meanwhile; and the counters may wrap. */
#include "iommu/base/spinlock.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { ASKING = 6 };

static struct spinlock lock;
static u32 served[ASKING], count;

static void *ask(void *number)
{
    spin_lock(&lock);
    served[count++] = (u32)(uintptr_t)number;
    spin_unlock(&lock);
    return NULL;
}

static void in_the_order_of_asking(void **state)
{
    static const u16 begins[] = {0, 0xfffd};
    (void)state;
    for (u32 i = 0; i < ARRAY_LEN(begins); i++) {
        pthread_t threads[ASKING];
        lock = (struct spinlock){begins[i], begins[i]};
        count = 0;
        spin_lock(&lock);
        for (u32 t = 0; t < ASKING; t++) {
            assert_int_equal(pthread_create(&threads[t], NULL, ask, (void *)(uintptr_t)t), 0);
            while ((u16)(__atomic_load_n(&lock.next, __ATOMIC_ACQUIRE) - begins[i]) != t + 2) {
                sched_yield();
            }
        }
        assert_int_equal(count, 0);
        spin_unlock(&lock);
        for (u32 t = 0; t < ASKING; t++) {
            assert_int_equal(pthread_join(threads[t], NULL), 0);
        }
        for (u32 t = 0; t < ASKING; t++) {
            assert_int_equal(served[t], t);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(in_the_order_of_asking)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
