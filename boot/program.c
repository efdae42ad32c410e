/* SPDX-License-Identifier: BSD-2-Clause */
/* See program.h. */
#include "boot/program.h"
#include "boot/program_elf.h"
#include "boot/program_linux.h"
#include "boot/program_multiboot.h"

static bool open_raw(const struct program_request *request, struct program_start *out, struct program_refusal *why)
{
    const struct program_file *file = &request->image;
    out->format = "raw";
    out->eip = (u32)request->raw_address;
    if (request->initrd.bytes != NULL) {
        return program_refuse(why, "initrd", "none with a raw image, which is told nothing");
    }
    if (request->arguments[0] != '\0') {
        return program_refuse(why, "arguments", "none with a raw image, which is told nothing");
    }
    const struct program_piece piece = {request->raw_address, file->size, file->bytes, file->size};
    return program_place(request, out, piece) ||
           program_refuse(why, "image", "a file that fits the partition's memory at its address");
}

bool program_open(const struct program_request *request, struct program_start *out, struct program_refusal *why)
{
    *out = (struct program_start){.count = 0};
    if (request->image.size == 0) {
        return program_refuse(why, "image", "a file that is not empty");
    }
    if (request->initrd.bytes != NULL && request->initrd.size == 0) {
        return program_refuse(why, "initrd", "a file that is not empty");
    }
    if (request->raw) {
        return open_raw(request, out, why);
    }
    if (program_is_linux(&request->image)) {
        return program_linux(request, out, why);
    }
    if (program_multiboot_header(&request->image) >= 0) {
        return program_multiboot(request, out, why);
    }
    if (!program_is_elf(&request->image)) {
        return program_refuse(why, "image", "a bzImage, a multiboot 1 image, an ELF file, or raw ADDRESS PATH");
    }
    out->format = "ELF";
    return program_elf(request, out, why) && program_multiboot_info(request, out, why);
}
