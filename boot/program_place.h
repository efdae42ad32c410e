/* SPDX-License-Identifier: BSD-2-Clause */
/* What the formats of programs share: files, and what of a partition's memory is taken. Pure. */
#ifndef NESTOR_BOOT_PROGRAM_PLACE_H
#define NESTOR_BOOT_PROGRAM_PLACE_H

#include "boot/partition_map.h"

enum {
    PROGRAM_PIECES = HANDOVER_PARTITION_LOADS - 2,    /* the last are ACPI tables and reset vector */
    PROGRAM_INFO = 8192,
    PROGRAM_ARGUMENTS = PROGRAM_INFO - 4096,
};

struct program_file {
    const u8 *bytes;            /* NULL: there is none */
    u64 size;
};

struct program_request {
    const struct handover_partition *partition;     /* its spans */
    struct program_file image, initrd;
    const char *arguments;
    bool raw;
    u64 raw_address;
    bool no_remapping;          /* of interrupts: Linux must then be told to use no I/O APIC */
};

/* [gpa, gpa + size) of the partition's RAM: these bytes, then zeros. */
struct program_piece {
    u64 gpa, size;
    const u8 *bytes;
    u64 file_size;
};

struct program_start {
    const char *format;         /* for people */
    struct program_piece pieces[PROGRAM_PIECES];
    u32 count;
    u32 eip, eax, ebx, esi;
    bool noapic_added;
    u8 info[PROGRAM_INFO];        /* of one piece */
};

/* A key of the partition, and what was expected of it. */
struct program_refusal {
    const char *key, *expected;
};

static inline bool program_refuse(struct program_refusal *why, const char *key, const char *expected)
{
    *why = (struct program_refusal){key, expected};
    return false;
}

/* False: not all of it is RAM, another piece is there, or there are too many. */
bool program_place(const struct program_request *request, struct program_start *out, struct program_piece piece);
/* The initrd, page-aligned, as high below `limit` as there is room; *gpa is where. */
bool program_place_initrd(const struct program_request *request, u64 limit, struct program_start *out, u64 *gpa,
                      struct program_refusal *why);

#endif
