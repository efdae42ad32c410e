/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a partition starts: a file in, pieces of its memory and the registers of its first CPU out. The formats:
 * Linux' bzImage by its 32-bit protocol, multiboot 1, static ELF files, raw bytes. All enter in flat 32-bit protected
 * mode with paging off. A file may hold anything. Pure.
 */
#ifndef NESTOR_BOOT_PROGRAM_H
#define NESTOR_BOOT_PROGRAM_H

#include "boot/program_place.h"

/* False: *why is filled in. Pieces point into the files and into *out. */
bool program_open(const struct program_request *request, struct program_start *out, struct program_refusal *why);

#endif
