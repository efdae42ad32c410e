/* SPDX-License-Identifier: BSD-2-Clause */
/* A static ELF executable of 32 or 64 bits. Pure. */
#ifndef NESTOR_BOOT_PROGRAM_ELF_H
#define NESTOR_BOOT_PROGRAM_ELF_H

#include "boot/program_place.h"

bool program_is_elf(const struct program_file *file);
/* Segments and entry. */
bool program_elf(const struct program_request *request, struct program_start *out, struct program_refusal *why);

#endif
