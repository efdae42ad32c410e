/* SPDX-License-Identifier: BSD-2-Clause */
/* See elf.h. System V ABI, AMD64 supplement; ELF-64 object file format. */
#include "boot/elf.h"

#include "boot/bytes.h"

enum {
    HEADER_BYTES = 64,
    PROGRAM_HEADER_BYTES = 56,
    TYPE_EXECUTABLE = 2,
    MACHINE_X86_64 = 62,
    SEGMENT_LOAD = 1,
    SEGMENT_DYNAMIC = 2,
    SEGMENT_INTERPRETER = 3,
    FLAG_EXECUTE = 1,
    FLAG_WRITE = 2,
    LINK_BASE = 0x10000,        /* linker.ld */
    IMAGE_LIMIT = 512 << 10,    /* and no segment ends beyond it */
};

static enum result refuse(const char **why, const char *text)
{
    *why = text;
    return ERR_MALFORMED;
}

static enum result add_segment(const u8 *file, size_t size, u64 header, struct elf_image *out,
                               const char **why)
{
    u64 flags = bytes_get(file, header + 4, 4);
    u64 offset = bytes_get(file, header + 8, 8);
    u64 address = bytes_get(file, header + 16, 8);
    u64 file_size = bytes_get(file, header + 32, 8);
    u64 memory_size = bytes_get(file, header + 40, 8);
    u64 end = out->base + out->size;
    if (memory_size == 0) {
        return OK;
    }
    if (file_size > memory_size || offset > size || file_size > size - offset) {
        return refuse(why, "a segment lies outside the file");
    }
    if (address < LINK_BASE || address - LINK_BASE > IMAGE_LIMIT ||
        memory_size > IMAGE_LIMIT - (address - LINK_BASE) || (address & PAGE_MASK) != 0) {
        return refuse(why, "a segment is not page-aligned where the image belongs");
    }
    if ((flags & FLAG_EXECUTE) != 0 && (flags & FLAG_WRITE) != 0) {
        return refuse(why, "a segment is writable and executable");
    }
    if (out->segment_count == ELF_SEGMENTS) {
        return refuse(why, "too many segments");
    }
    if (out->segment_count == 0) {
        out->base = address;
    } else if (address < end) {
        return refuse(why, "segments overlap or are not in order");
    }
    u64 pages = (memory_size + PAGE_MASK) & ~PAGE_MASK;
    out->segments[out->segment_count++] = (struct elf_segment){
        .offset = address - out->base, .size = pages, .bytes = file + offset,
        .file_size = file_size, .writable = (flags & FLAG_WRITE) != 0,
        .executable = (flags & FLAG_EXECUTE) != 0};
    out->size = address + pages - out->base;
    return OK;
}

enum result elf_parse(const void *file, size_t size, struct elf_image *out, const char **why)
{
    const u8 *b = file;
    *out = (struct elf_image){0};
    if (size < HEADER_BYTES || bytes_get(b, 0, 4) != 0x464c457f) {
        return refuse(why, "not an ELF file");
    }
    /* 64-bit, little-endian, version 1. */
    if (bytes_get(b, 4, 3) != 0x010102 || bytes_get(b, 16, 2) != TYPE_EXECUTABLE ||
        bytes_get(b, 18, 2) != MACHINE_X86_64) {
        return refuse(why, "not a static x86-64 executable");
    }
    u64 headers = bytes_get(b, 32, 8);
    u64 count = bytes_get(b, 56, 2);
    if (bytes_get(b, 54, 2) != PROGRAM_HEADER_BYTES || headers > size ||
        count > (size - headers) / PROGRAM_HEADER_BYTES) {
        return refuse(why, "program headers outside the file");
    }
    for (u64 i = 0; i < count; i++) {
        u64 header = headers + i * PROGRAM_HEADER_BYTES;
        u64 type = bytes_get(b, header, 4);
        if (type == SEGMENT_DYNAMIC || type == SEGMENT_INTERPRETER) {
            return refuse(why, "needs relocation at load time");
        }
        if (type == SEGMENT_LOAD) {
            enum result r = add_segment(b, size, header, out, why);
            if (r != OK) {
                return r;
            }
        }
    }
    return out->segment_count == 0 ? refuse(why, "nothing to load") : OK;
}
