/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The image's own loads of a guest's memory, with a page that cannot be read for memory that is broken: the signal
 * takes the part of the machine check, its handler that of hv/vcpu/fault.c.
 */
#define _GNU_SOURCE
#include "hv/machine/checked.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#include <cmocka.h>

enum { PAGE = 4096, LONGEST = 200 };

static u8 *page;        /* the one behind it is broken */

static void on_fault(int number, siginfo_t *info, void *context)
{
    greg_t *rip = &((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP];
    (void)number;
    (void)info;
    for (size_t i = 0; i < ARRAY_LEN(checked_loads); i++) {
        if (checked_loads[i] == (u64)*rip) {
            *rip = (greg_t)(uintptr_t)checked_fault;
            return;
        }
    }
    abort();
}

static int prepare(void **state)
{
    (void)state;
    page = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED) {
        return 1;
    }
    for (u32 i = 0; i < PAGE; i++) {
        page[i] = (u8)(i * 7 + i / 256);
    }
    return mprotect(page + PAGE, PAGE, PROT_NONE);
}

/* cmocka catches that signal as well, anew for each test. */
static void catch_faults(void)
{
    const struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
    assert_int_equal(sigaction(SIGSEGV, &action, NULL), 0);
}

static void every_length_up_to_the_break(void **state)
{
    (void)state;
    catch_faults();
    for (u32 left = 0; left < LONGEST; left++) {
        for (u32 bytes = 0; bytes < LONGEST; bytes++) {
            u8 to[LONGEST + 1];
            memset(to, 0xee, sizeof(to));
            bool whole = checked_copy(to, page + PAGE - left, bytes);
            assert_int_equal(whole, bytes <= left);
            assert_int_equal(to[bytes], 0xee);
            if (whole) {
                assert_memory_equal(to, page + PAGE - left, bytes);
            }
        }
    }
}

static void words_that_are_as_they_were(void **state)
{
    (void)state;
    catch_faults();
    struct checked_word words[3];
    for (u32 i = 0; i < ARRAY_LEN(words); i++) {
        words[i].at = page + i * 9;
        memcpy(&words[i].value, page + i * 9, sizeof(words[i].value));
    }
    assert_true(checked_equal(words, 0));
    assert_true(checked_equal(words, 3));
    for (u32 i = 0; i < ARRAY_LEN(words); i++) {
        struct checked_word good = words[i];
        words[i].value ^= 1ull << (i * 31);
        assert_false(checked_equal(words, 3));
        words[i] = (struct checked_word){page + PAGE, good.value};
        assert_false(checked_equal(words, 3));
        words[i] = good;
    }
    assert_true(checked_equal(words, 3));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_length_up_to_the_break),
        cmocka_unit_test(words_that_are_as_they_were),
    };
    return cmocka_run_group_tests(tests, prepare, NULL);
}
