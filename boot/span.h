/* SPDX-License-Identifier: BSD-2-Clause */
/* A part of a text that stays where it is: words, numbers and lists as nestor.conf has them. Pure. */
#ifndef NESTOR_BOOT_SPAN_H
#define NESTOR_BOOT_SPAN_H

#include "hv/types.h"

struct span {
    const char *at;
    size_t length;
};

/* A text that ends with a zero. */
struct span span_of(const char *text);
/* Without the blanks at its ends. */
struct span span_trim(struct span s);
bool span_equals(struct span s, const char *text);
/* Cuts off and returns what stands before the first c, or everything if there is none. */
struct span span_take_until(struct span *s, char c);
/* Cuts off and returns the first word: everything before a blank of any kind. */
struct span span_take_word(struct span *s);
bool span_digits(struct span s, u32 base, u64 *value);
/* Decimal, or hexadecimal after 0x. */
bool span_number(struct span s, u64 *value);
/* Printable ASCII only, with its end: anything else would come out wrong in UCS-2. */
bool span_copy(struct span s, char *to, size_t size);
/* The same for a path from the root of a volume. */
bool span_copy_path(struct span s, char *to, size_t size);
/* Which of these words it is. */
bool span_one_of(struct span value, const char *const *words, u32 count, u32 *which);
/* One of two words. */
bool span_choose(struct span value, const char *no, const char *yes, bool *chosen);

#endif
