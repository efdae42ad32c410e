/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The image's ELF file as bytes. What is accepted is loaded into a megabyte as boot/place.c and boot/page_tables.c do
 * it, whole pages a segment: each page has one owner, and none is writable and executable.
 */
#include "boot/elf.h"
#include "tests/fuzz/input.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

enum { MEGABYTE = 1 << 20 };

static void load(const struct elf_image *image)
{
    static u8 memory[MEGABYTE];
    static u8 owner[MEGABYTE / PAGE_SIZE];
    memset(owner, 0, sizeof(owner));
    must(image->segment_count != 0 && image->segment_count <= ELF_SEGMENTS);
    must(((image->base | image->size) & PAGE_MASK) == 0 && image->base <= MEGABYTE);
    must(image->size <= MEGABYTE - image->base);
    for (u32 i = 0; i < image->segment_count; i++) {
        const struct elf_segment *s = &image->segments[i];
        must(!(s->writable && s->executable) && s->size != 0 && ((s->offset | s->size) & PAGE_MASK) == 0);
        must(s->offset <= image->size && s->size <= image->size - s->offset && s->file_size <= s->size);
        memcpy(memory + image->base + s->offset, s->bytes, s->file_size);
        for (u64 at = image->base + s->offset; at < image->base + s->offset + s->size; at += PAGE_SIZE) {
            must(owner[at / PAGE_SIZE]++ == 0);
        }
    }
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    struct elf_image image;
    const char *why = NULL;
    u8 *exact = input_take(&(struct input){data, size}, size);
    if (elf_parse(exact, size, &image, &why) == OK) {
        load(&image);
    } else {
        must(why != NULL);
    }
    free(exact);
    return 0;
}
