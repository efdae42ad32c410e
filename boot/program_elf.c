/* SPDX-License-Identifier: BSD-2-Clause */
/* See program_elf.h. System V ABI, chapters 4 and 5, and its supplements for i386 and AMD64. Both sizes of file. */
#include "boot/bytes.h"
#include "boot/program_elf.h"

enum {
    MAGIC = 0x464c457f,
    SIZE_32 = 1,
    SIZE_64 = 2,
    EXECUTABLE = 2,
    MACHINE_386 = 3,
    MACHINE_X86_64 = 62,
    LOAD = 1,
    DYNAMIC = 2,
    INTERPRETER = 3,
};

/* Where the two kinds have what, and how wide an address is. */
struct layout {
    u32 header, entry, headers, header_size, header_count;
    u32 size, offset, virtual, physical, in_file, in_memory;
    u32 address;
};
static const struct layout layouts[] = {
    [SIZE_32] = {52, 24, 28, 42, 44, 32, 4, 8, 12, 16, 20, 4},
    [SIZE_64] = {64, 24, 32, 54, 56, 56, 8, 16, 24, 32, 40, 8},
};

bool program_is_elf(const struct program_file *file)
{
    return file->size >= 64 && bytes_get(file->bytes, 0, 4) == MAGIC;
}

/* NULL: not static, or not for this machine. Little-endian, version 1. */
static const struct layout *layout_of(const struct program_file *file)
{
    u32 size = file->bytes[4];
    u64 machine = bytes_get(file->bytes, 18, 2);
    bool known = (size == SIZE_32 && machine == MACHINE_386) || (size == SIZE_64 && machine == MACHINE_X86_64);
    bool right = known && bytes_get(file->bytes, 5, 2) == 0x0101 && bytes_get(file->bytes, 16, 2) == EXECUTABLE;
    return right ? &layouts[size] : NULL;
}

/* An entry is a virtual address; some files have a physical one, which is taken where no segment has it as virtual. */
enum entered { NOWHERE, AT_PHYSICAL, AT_VIRTUAL };

static void enter(struct program_start *out, enum entered *entered, enum entered how, u64 eip)
{
    if (*entered < how) {
        *entered = how;
        out->eip = (u32)eip;
    }
}

static bool add_segment(const struct program_request *request, const struct layout *l, const u8 *header,
                        struct program_start *out, enum entered *entered, u64 entry)
{
    const struct program_file *file = &request->image;
    u64 offset = bytes_get(header, l->offset, l->address);
    u64 virtual = bytes_get(header, l->virtual, l->address);
    u64 physical = bytes_get(header, l->physical, l->address);
    u64 in_file = bytes_get(header, l->in_file, l->address);
    u64 in_memory = bytes_get(header, l->in_memory, l->address);
    if (in_memory == 0) {
        return true;
    }
    if (in_file > in_memory || offset > file->size || in_file > file->size - offset || physical >> 32 != 0 ||
        in_memory > (1ull << 32) - physical ||
        !program_place(request, out, (struct program_piece){physical, in_memory, file->bytes + offset, in_file})) {
        return false;
    }
    if (entry - virtual < in_memory) {
        enter(out, entered, AT_VIRTUAL, physical + (entry - virtual));
    } else if (entry - physical < in_memory) {
        enter(out, entered, AT_PHYSICAL, entry);
    }
    return true;
}

bool program_elf(const struct program_request *request, struct program_start *out, struct program_refusal *why)
{
    const struct program_file *file = &request->image;
    const struct layout *l = layout_of(file);
    enum entered entered = NOWHERE;
    if (l == NULL) {
        return program_refuse(why, "image", "a static ELF executable for i386 or x86-64");
    }
    u64 entry = bytes_get(file->bytes, l->entry, l->address);
    u64 headers = bytes_get(file->bytes, l->headers, l->address);
    u64 count = bytes_get(file->bytes, l->header_count, 2);
    if (bytes_get(file->bytes, l->header_size, 2) != l->size || headers > file->size ||
        count > (file->size - headers) / l->size) {
        return program_refuse(why, "image", "an ELF file whose program headers are in it");
    }
    for (u64 i = 0; i < count; i++) {
        const u8 *header = file->bytes + headers + i * l->size;
        u64 type = bytes_get(header, 0, 4);
        if (type == DYNAMIC || type == INTERPRETER) {
            return program_refuse(why, "image", "a static ELF executable for i386 or x86-64");
        }
        if (type == LOAD && !add_segment(request, l, header, out, &entered, entry)) {
            return program_refuse(why, "image", "an ELF file whose 1 to 16 segments fit file and memory");
        }
    }
    return entered != NOWHERE || program_refuse(why, "image", "an ELF file whose entry is in one of its segments");
}
