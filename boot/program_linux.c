/* SPDX-License-Identifier: BSD-2-Clause */
/* See program_linux.h. Linux' Documentation/arch/x86/boot.rst, "32-bit Boot Protocol", and zero-page.rst. */
#include "boot/bytes.h"
#include "boot/program_linux.h"
#include "drivers/format.h"

enum {
    /* of the file and of the zero page alike */
    HEADER = 0x1f1,
    SETUP_SECTORS = 0x1f1,
    BOOT_FLAG = 0x1fe,
    HEADER_LENGTH = 0x201,      /* of what follows 202h */
    MAGIC = 0x202,
    VERSION = 0x206,
    LOADER = 0x210,
    LOAD_FLAGS = 0x211,
    CODE32_START = 0x214,
    RAMDISK = 0x218,
    RAMDISK_SIZE = 0x21c,
    COMMAND_LINE = 0x228,
    INITRD_MAX = 0x22c,
    COMMAND_LINE_SIZE = 0x238,
    PREFERRED = 0x258,
    INIT_SIZE = 0x260,
    HEADER_END = 0x290,
    /* of the zero page alone */
    RSDP = 0x70,
    E820_COUNT = 0x1e8,
    E820 = 0x2d0,
    E820_BYTES = 20,
    ZERO_PAGE = 4096,

    VERSION_2_10 = 0x20a,       /* preferred address and init_size */
    LOADED_HIGH = 1,
    KEEP_SEGMENTS = 1 << 6,     /* kernels before 5.7 would load theirs from a table of the loader's, else */
    LOADER_UNKNOWN = 0xff,
    E820_RAM = 1,
    E820_RESERVED = 2,
};

bool program_is_linux(const struct program_file *file)
{
    return file->size >= HEADER_END && bytes_get(file->bytes, BOOT_FLAG, 2) == 0xaa55 &&
           bytes_get(file->bytes, MAGIC, 4) == 0x53726448;
}

/* As a word of its own. */
static bool has_word(const char *text, const char *word)
{
    bool starts = true;
    for (; *text != '\0'; text++) {
        size_t i = 0;
        while (word[i] != '\0' && text[i] == word[i]) {
            i++;
        }
        if (starts && word[i] == '\0' && (text[i] == ' ' || text[i] == '\0')) {
            return true;
        }
        starts = *text == ' ';
    }
    return false;
}

/*
 * A kernel that sees no interrupt remapping leaves x2APIC mode, which is locked, as soon as it looks at I/O APICs: with
 * `noapic` it does not. In front, as what is behind `--` is for init.
 */
static bool put_arguments(const struct program_request *request, struct program_start *out, struct program_refusal *why)
{
    char *to = (char *)out->info + ZERO_PAGE;
    u64 accepted = bytes_get(request->image.bytes, COMMAND_LINE_SIZE, 4);
    size_t size = accepted < PROGRAM_ARGUMENTS - 1 ? (size_t)accepted + 1 : PROGRAM_ARGUMENTS;
    const char *given = request->arguments;
    out->noapic_added = request->no_remapping && !has_word(given, "noapic");
    const char *added = !out->noapic_added ? "" : given[0] == '\0' ? "noapic" : "noapic ";
    return format_text(to, size, "%s%s", added, given) < size ||
           program_refuse(why, "arguments", "no more than the kernel takes, with noapic in front");
}

static void put_memory(const struct handover_partition *p, u8 *page)
{
    for (u32 i = 0; i < p->span_count; i++) {
        const struct partition_span *s = &p->spans[i];
        u8 *entry = page + E820 + i * E820_BYTES;
        bytes_put(entry, s->gpa, 8);
        bytes_put(entry + 8, s->size, 8);
        bytes_put(entry + 16, partition_map_is_ram(s) ? E820_RAM : E820_RESERVED, 4);
    }
    bytes_put(page + E820_COUNT, p->span_count, 1);
}

static void put_header(const struct program_file *file, u8 *page)
{
    u32 end = MAGIC + file->bytes[HEADER_LENGTH];
    for (u32 i = HEADER; i < end && i < HEADER_END; i++) {
        page[i] = file->bytes[i];
    }
}

/* Where it wants to be: it moves itself there from anywhere else, so that there must be room in any case. */
static bool put_kernel(const struct program_request *request, struct program_start *out, struct program_refusal *why)
{
    const struct program_file *file = &request->image;
    u64 sectors = file->bytes[SETUP_SECTORS] != 0 ? file->bytes[SETUP_SECTORS] : 4;
    u64 setup = (sectors + 1) * 512;
    u64 at = bytes_get(file->bytes, PREFERRED, 8);
    u64 room = bytes_get(file->bytes, INIT_SIZE, 4);
    if (bytes_get(file->bytes, VERSION, 2) < VERSION_2_10 || (file->bytes[LOAD_FLAGS] & LOADED_HIGH) == 0 ||
        setup >= file->size || at >> 32 != 0) {
        return program_refuse(why, "image", "a bzImage with boot protocol 2.10 or later");
    }
    u64 size = file->size - setup;
    out->eip = (u32)at;
    const struct program_piece piece = {at, size > room ? size : room, file->bytes + setup, size};
    return program_place(request, out, piece) ||
           program_refuse(why, "memory", "more, for this kernel to unpack itself");
}

bool program_linux(const struct program_request *request, struct program_start *out, struct program_refusal *why)
{
    u8 *page = out->info;
    u64 initrd = 0;
    out->format = "Linux";
    out->esi = PARTITION_INFO;
    if (!program_place(request, out, (struct program_piece){PARTITION_INFO, PROGRAM_INFO, page, PROGRAM_INFO}) ||
        !put_kernel(request, out, why) || !put_arguments(request, out, why)) {
        return false;
    }
    u64 limit = bytes_get(request->image.bytes, INITRD_MAX, 4) + 1;
    if (request->initrd.bytes != NULL && !program_place_initrd(request, limit, out, &initrd, why)) {
        return false;
    }
    put_header(&request->image, page);
    put_memory(request->partition, page);
    page[LOADER] = LOADER_UNKNOWN;
    page[LOAD_FLAGS] |= KEEP_SEGMENTS;
    bytes_put(page + CODE32_START, out->eip, 4);
    bytes_put(page + RAMDISK, initrd, 4);
    bytes_put(page + RAMDISK_SIZE, request->initrd.size, 4);
    bytes_put(page + COMMAND_LINE, PARTITION_INFO + ZERO_PAGE, 4);
    bytes_put(page + RSDP, PARTITION_TABLES, 8);
    return true;
}
