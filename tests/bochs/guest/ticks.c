/* SPDX-License-Identifier: BSD-2-Clause */
/* ticks: prints the time stamp counter, which on an emulated CPU counts instructions and what it waits. */
#include "tests/bochs/guest/syscall.h"

enum { SYS_WRITE = 1, STDOUT = 1, DIGITS = 24 };

int program(int argc, const char *const *argv)
{
    unsigned low;
    unsigned high;
    char text[DIGITS];
    char *at = text + sizeof(text);
    (void)argc, (void)argv;
    __asm__ volatile("lfence; rdtsc" : "=a"(low), "=d"(high));
    *--at = '\n';
    for (unsigned long left = (unsigned long)high << 32 | low, first = 1; left != 0 || first != 0; left /= 10) {
        *--at = (char)('0' + left % 10);
        first = 0;
    }
    return must(call(SYS_WRITE, STDOUT, (long)at, text + sizeof(text) - at, 0, 0)) > 0 ? 0 : 1;
}
