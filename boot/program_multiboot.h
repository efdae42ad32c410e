/* SPDX-License-Identifier: BSD-2-Clause */
/* An image by the Multiboot Specification, version 1. Pure. */
#ifndef NESTOR_BOOT_PROGRAM_MULTIBOOT_H
#define NESTOR_BOOT_PROGRAM_MULTIBOOT_H

#include "boot/program_place.h"

/* Offset of the header, or -1. */
s64 program_multiboot_header(const struct program_file *file);
/* Of a file that has one. */
bool program_multiboot(const struct program_request *request, struct program_start *out, struct program_refusal *why);
/* Command line, memory map and initrd: for EBX. Other images than multiboot's get them, too. */
bool program_multiboot_info(const struct program_request *request, struct program_start *out,
                            struct program_refusal *why);

#endif
