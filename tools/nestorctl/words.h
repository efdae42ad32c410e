/* SPDX-License-Identifier: BSD-2-Clause */
/* Names of functions, and entries in words. */
#ifndef NESTOR_TOOLS_NESTORCTL_WORDS_H
#define NESTOR_TOOLS_NESTORCTL_WORDS_H

#include "tools/nestorctl/ctl.h"

/* segment << 16 | source-id as "0000:00:1f.2", and back; segment and its colon may be missing. */
void words_function(u32 function, char text[16]);
bool words_parse_function(const char *text, u32 *function);
/* Decimal, or hexadecimal after 0x. */
bool words_parse_number(const char *text, u64 *value);
bool words_equal(const char *a, const char *b);

/*
 * "nested", "second-stage", "blocked", ... of the requests without PASID. second_stage: the partition's own (0: not
 * known); a device that goes through another one is "shadowed".
 */
const char *words_device_state(const struct status_device *d, u64 second_stage);
/* Which tables: fields of an object. */
void words_entry(struct out *o, const struct status_device *d);

const char *words_step(u32 kind);
const char *words_outcome(u32 outcome);
/* The fields of a step's entry, "P=1 R=1 ...". */
void words_step_fields(const struct status_step_record *step, bool legacy, char *text, size_t size);

#endif
