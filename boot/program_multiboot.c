/* SPDX-License-Identifier: BSD-2-Clause */
/* See program_multiboot.h. Multiboot Specification 0.6.96: 3.1 header, 3.2 machine state, 3.3 information. */
#include "boot/bytes.h"
#include "boot/program_elf.h"
#include "boot/program_multiboot.h"
#include "drivers/format.h"

enum {
    SEARCHED = 8192,
    HEADER_BYTES = 12,
    ADDRESS_BYTES = 20,         /* more, with HAS_ADDRESSES */
    HEADER_MAGIC = 0x1badb002,
    LOADER_MAGIC = 0x2badb002,

    PAGE_ALIGNED_MODULES = 1 << 0,
    WANTS_MEMORY = 1 << 1,
    DEMANDS = 0xffff,           /* a loader that does not know one of these must not start the image */
    HAS_ADDRESSES = 1 << 16,

    /* what the information has */
    HAS_MEMORY = 1 << 0,
    HAS_COMMAND_LINE = 1 << 2,
    HAS_MODULES = 1 << 3,
    HAS_MAP = 1 << 6,
    HAS_LOADER_NAME = 1 << 9,

    /* where in it the other parts are */
    MODULE = 128,
    NAME = 160,
    MAP = 192,
    MAP_BYTES = 24,
    COMMAND_LINE = 4096,

    MAP_RAM = 1,
    MAP_RESERVED = 2,
};
_Static_assert(MAP + HANDOVER_PARTITION_SPANS * MAP_BYTES <= COMMAND_LINE, "parts of the information");

static u32 word(const struct program_file *file, u64 at)
{
    return (u32)bytes_get(file->bytes, at, 4);
}

s64 program_multiboot_header(const struct program_file *file)
{
    for (u64 at = 0; at + HEADER_BYTES <= file->size && at + HEADER_BYTES <= SEARCHED; at += 4) {
        if (word(file, at) == HEADER_MAGIC && word(file, at) + word(file, at + 4) + word(file, at + 8) == 0) {
            return (s64)at;
        }
    }
    return -1;
}

bool program_multiboot_info(const struct program_request *request, struct program_start *out,
                            struct program_refusal *why)
{
    enum { LIMIT = PROGRAM_ARGUMENTS };
    const struct handover_partition *p = request->partition;
    u8 *info = out->info;
    u64 initrd = 0;
    if (!program_place(request, out, (struct program_piece){PARTITION_INFO, PROGRAM_INFO, info, PROGRAM_INFO})) {
        return program_refuse(why, "image", "one that leaves 90000h to 92000h to its loader, in up to 16 pieces");
    }
    if (request->initrd.bytes != NULL && !program_place_initrd(request, 1ull << 32, out, &initrd, why)) {
        return false;
    }
    if (format_text((char *)info + COMMAND_LINE, LIMIT, "%s", request->arguments) >= LIMIT) {
        return program_refuse(why, "arguments", "fewer");
    }
    u32 modules = initrd != 0 ? HAS_MODULES : 0;
    bytes_put(info, HAS_MEMORY | HAS_COMMAND_LINE | modules | HAS_MAP | HAS_LOADER_NAME, 4);
    bytes_put(info + 4, PARTITION_LOW_END >> 10, 4);
    bytes_put(info + 16, PARTITION_INFO + COMMAND_LINE, 4);
    bytes_put(info + 20, initrd != 0 ? 1 : 0, 4);
    bytes_put(info + 24, PARTITION_INFO + MODULE, 4);
    bytes_put(info + MODULE, initrd, 4);
    bytes_put(info + MODULE + 4, initrd + request->initrd.size, 4);
    bytes_put(info + 44, p->span_count * MAP_BYTES, 4);
    bytes_put(info + 48, PARTITION_INFO + MAP, 4);
    for (u32 i = 0; i < p->span_count; i++) {
        const struct partition_span *s = &p->spans[i];
        u8 *entry = info + MAP + i * MAP_BYTES;
        bytes_put(entry, MAP_BYTES - 4, 4);
        bytes_put(entry + 4, s->gpa, 8);
        bytes_put(entry + 12, s->size, 8);
        bytes_put(entry + 20, partition_map_is_ram(s) ? MAP_RAM : MAP_RESERVED, 4);
        if (s->gpa == PARTITION_HIGH) {
            bytes_put(info + 8, s->size >> 10, 4);
        }
    }
    bytes_put(info + 64, PARTITION_INFO + NAME, 4);
    format_text((char *)info + NAME, MAP - NAME, "Nestor");
    out->ebx = PARTITION_INFO;
    return true;
}

/* Without a format of its own the header says what goes where (3.1.3). */
static bool put_addressed(const struct program_request *request, u64 header, struct program_start *out,
                          struct program_refusal *why)
{
    static const char expected[] = "a multiboot image whose header has addresses within file and memory";
    const struct program_file *file = &request->image;
    if (header + HEADER_BYTES + ADDRESS_BYTES > file->size) {
        return program_refuse(why, "image", expected);
    }
    u64 header_at = word(file, header + 12);
    u64 load = word(file, header + 16);
    u64 load_end = word(file, header + 20);
    u64 bss_end = word(file, header + 24);
    if (load > header_at || header_at - load > header) {
        return program_refuse(why, "image", expected);
    }
    u64 offset = header - (header_at - load);
    u64 size = load_end != 0 ? load_end - load : file->size - offset;
    if (load_end < load && load_end != 0) {
        return program_refuse(why, "image", expected);
    }
    u64 end = bss_end > load + size ? bss_end : load + size;
    out->eip = word(file, header + 28);
    bool fits = size <= file->size - offset && out->eip >= load && out->eip < end &&
                program_place(request, out, (struct program_piece){load, end - load, file->bytes + offset, size});
    return fits || program_refuse(why, "image", expected);
}

bool program_multiboot(const struct program_request *request, struct program_start *out, struct program_refusal *why)
{
    u64 header = (u64)program_multiboot_header(&request->image);
    u32 flags = word(&request->image, header + 4);
    out->format = "multiboot";
    out->eax = LOADER_MAGIC;
    if ((flags & DEMANDS & ~(u32)(PAGE_ALIGNED_MODULES | WANTS_MEMORY)) != 0) {
        return program_refuse(why, "image", "a multiboot image that demands no video mode");
    }
    if ((flags & HAS_ADDRESSES) != 0) {
        return put_addressed(request, header, out, why) && program_multiboot_info(request, out, why);
    }
    if (!program_is_elf(&request->image)) {
        return program_refuse(why, "image", "a multiboot image that is an ELF file or says where it belongs");
    }
    return program_elf(request, out, why) && program_multiboot_info(request, out, why);
}
