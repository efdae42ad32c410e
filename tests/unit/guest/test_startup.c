/* SPDX-License-Identifier: BSD-2-Clause */
/* INIT and SIPI as a CPU latches them: all orders of sending and serving that kernels and racing CPUs make. */
#include "hv/guest/startup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

static u32 word;
static char did[64];

/* I: INIT; a, b: a SIPI with vector 0Ah or 0Bh; '.': the CPU takes one step, R or S with the vector, '-' for none. */
static const char *after(const char *events)
{
    u32 n = 0;
    word = 0;
    for (const char *e = events; *e != 0; e++) {
        u32 next;
        if (*e == 'I') {
            word = startup_after_init(word);
        } else if (*e != '.') {
            word = startup_after_sipi(word, (u32)(*e - 'a') + 0xa);
        } else {
            enum startup_step step = startup_next(word, &next);
            char started = (char)('a' + (word & STARTUP_VECTOR) - 0xa);
            did[n++] = step == STARTUP_RESET ? 'R' : step == STARTUP_NOTHING ? '-' : started;
            assert_true(step != STARTUP_NOTHING || next == word);
            word = next;
        }
    }
    did[n] = 0;
    return did;
}

static void as_hardware_does(void **state)
{
    (void)state;
    assert_string_equal(after("I.a..b."), "Ra--");          /* the second SIPI finds a CPU that runs */
    assert_string_equal(after("a."), "-");                  /* nobody waits for it */
    assert_string_equal(after("I.I.a."), "RRa");            /* INIT while it waits */
    assert_string_equal(after("I.a.I.b."), "RaRb");
}

/* What is lost where hardware, or a hypervisor below, is slower than the sender. */
static void before_the_cpu_knows(void **state)
{
    (void)state;
    assert_string_equal(after("Ia..."), "Ra-");             /* INIT and SIPI at once */
    assert_string_equal(after("Iab..."), "Rb-");
    assert_string_equal(after("I.ab.."), "Rb-");
    assert_string_equal(after("IaI..."), "R--");            /* the last INIT forgets what was before it */
    assert_string_equal(after("I.aI.."), "RR-");
    assert_string_equal(after("I.aI.b."), "RRb");
    assert_string_equal(after("IaIb..."), "Rb-");
}

static void a_cpu_that_waits_is_known(void **state)
{
    (void)state;
    (void)after("I");
    assert_int_equal(word & STARTUP_WAITS, 0);
    (void)after("I.");
    assert_int_equal(word, STARTUP_WAITS);
    (void)after("I.a.");
    assert_int_equal(word, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_hardware_does),
        cmocka_unit_test(before_the_cpu_knows),
        cmocka_unit_test(a_cpu_that_waits_is_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
