/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The instruction decoder judged by Zydis: whatever ours accepts, Zydis decodes to the same operands; whatever Zydis
 * places in our family, ours accepts. A program that uses this is linked with Zydis.
 */
#ifndef NESTOR_SUPPORT_ZYDIS_H
#define NESTOR_SUPPORT_ZYDIS_H

#include "hv/guest/insn.h"

/* What the two disagree about, NULL if they agree. Reads exactly `length` bytes. */
const char *zydis_disagrees(const u8 *bytes, size_t length, enum insn_mode mode, bool *accepted);

#endif
