/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What nestorctl prints: the same values as lines for a person or as JSON. Numbers that are registers, entries or
 * addresses are strings in JSON, "0x...", as many readers keep no more than 53 bits of a number.
 */
#ifndef NESTOR_TOOLS_NESTORCTL_OUT_H
#define NESTOR_TOOLS_NESTORCTL_OUT_H

#include "hv/types.h"

enum { OUT_DEPTH = 8 };

struct out {
    void (*put)(const char *text, size_t length);
    bool json;
    u32 depth;
    bool list[OUT_DEPTH];
    u32 count[OUT_DEPTH];   /* of values so far */
    size_t column;
};

/* An object or a list. `name`: the key in JSON, unless in a list; the line's head in text, "" for none. */
void out_begin(struct out *o, const char *name, bool list);
void out_end(struct out *o);
/* With an end of its own: name and its number, "unit 3". */
void out_begin_numbered(struct out *o, const char *name, u64 number);

void out_number(struct out *o, const char *name, u64 value);
void out_hex(struct out *o, const char *name, u64 value);
void out_flag(struct out *o, const char *name, bool value);
void out_text(struct out *o, const char *name, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Text as it stands, in neither form's clothes. */
void out_raw(struct out *o, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
