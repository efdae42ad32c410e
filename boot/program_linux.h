/* SPDX-License-Identifier: BSD-2-Clause */
/* A Linux kernel, bzImage, by its 32-bit boot protocol. Pure. */
#ifndef NESTOR_BOOT_PROGRAM_LINUX_H
#define NESTOR_BOOT_PROGRAM_LINUX_H

#include "boot/program_place.h"

bool program_is_linux(const struct program_file *file);
bool program_linux(const struct program_request *request, struct program_start *out, struct program_refusal *why);

#endif
