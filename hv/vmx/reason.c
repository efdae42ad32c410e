/* SPDX-License-Identifier: BSD-2-Clause */
/* See reason.h. */
#include "hv/vmx/reason.h"

#define REASON_TEXT(name, number, words) [number] = (words),
const char *const vmx_reason_texts[REASON_LIMIT] = {EXIT_REASONS(REASON_TEXT)};
#undef REASON_TEXT

const char *vmx_reason_text(u32 reason)
{
    u32 basic = reason & 0xffff;
    return basic < REASON_LIMIT && vmx_reason_texts[basic] != NULL ? vmx_reason_texts[basic]
                                                                   : "an unknown exit";
}
