/* SPDX-License-Identifier: BSD-2-Clause */
/* The hypervisor image inside nestor.efi: a static ELF file with a fixed address. Pure. */
#ifndef NESTOR_BOOT_ELF_H
#define NESTOR_BOOT_ELF_H

#include "hv/types.h"

enum { ELF_SEGMENTS = 8 };

/* One loadable segment: whole pages from `offset` on, of which the first `file_size` bytes come from the file. */
struct elf_segment {
    u64 offset;              /* from the image's first byte */
    u64 size;                /* in memory, a multiple of 4 KiB */
    const u8 *bytes;
    u64 file_size;
    bool writable, executable;
};

struct elf_image {
    u64 base;                /* link address of the first byte */
    u64 size;                /* in memory, a multiple of 4 KiB */
    struct elf_segment segments[ELF_SEGMENTS];
    u32 segment_count;
};

/*
 * ERR_MALFORMED, with the reason in *why: not an x86-64 executable, or segments that overlap, reach
 * beyond the file or the image, or are both writable and executable.
 */
must_use enum result elf_parse(const void *file, size_t size, struct elf_image *out,
                               const char **why);

#endif
