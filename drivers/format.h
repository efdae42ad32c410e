/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * printf's formats without a C library. Everything that the boot program and the hypervisor print
 * goes through here. Pure and bounded; no floating point.
 */
#ifndef NESTOR_FORMAT_H
#define NESTOR_FORMAT_H

#include "hv/types.h"

#include <stdarg.h>

/*
 * %d %u %x %X %c %s %%, with - and 0, a width, a precision (for strings also *) up to which numbers get zeros, at most
 * 23 of them, and l, ll, z. %#x is a source-id as bus:device.function. Any other conversion is copied as it stands and
 * takes no argument. Writes at most `size` bytes including the terminating zero (nothing if size is 0) and returns the
 * length of the whole text, as vsnprintf does.
 */
size_t format_text(char *to, size_t size, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
size_t format_text_v(char *to, size_t size, const char *fmt, va_list args)
    __attribute__((format(printf, 3, 0)));

#endif
