/* SPDX-License-Identifier: BSD-2-Clause */
/* See pe.h. Every offset is checked, although the firmware has loaded the image by the same headers. */
#include "boot/pe.h"

#include "boot/bytes.h"

enum {
    DOS_PE_AT = 0x3c,                   /* in the DOS header: where the signature is */
    COFF_SECTIONS = 4 + 2, COFF_OPTIONAL_SIZE = 4 + 16, COFF_SIZE = 4 + 20, /* from the signature on */
    SECTION_NAME = 8, SECTION_VIRTUAL_SIZE = 8, SECTION_ADDRESS = 12, SECTION_SIZE = 40,
};

static bool has_name(const u8 *section, const char *name)
{
    for (u32 i = 0; i < SECTION_NAME; i++) {
        if (section[i] != (u8)name[i]) {
            return false;
        }
        if (name[i] == '\0') {
            return true;
        }
    }
    return true;
}

const u8 *pe_section(const u8 *image, size_t image_size, const char *name, size_t *size)
{
    size_t head = image_size >= DOS_PE_AT + 4 ? bytes_get(image, DOS_PE_AT, 4) : image_size;
    if (head > image_size || image_size - head < COFF_SIZE || bytes_get(image, head, 4) != 0x4550) {
        return NULL;
    }
    size_t table = head + COFF_SIZE + bytes_get(image, head + COFF_OPTIONAL_SIZE, 2);
    size_t count = bytes_get(image, head + COFF_SECTIONS, 2);
    if (table > image_size || count > (image_size - table) / SECTION_SIZE) {
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        const u8 *section = image + table + i * SECTION_SIZE;
        size_t at = bytes_get(section, SECTION_ADDRESS, 4);
        *size = bytes_get(section, SECTION_VIRTUAL_SIZE, 4);
        if (has_name(section, name)) {
            return at <= image_size && *size <= image_size - at ? image + at : NULL;
        }
    }
    return NULL;
}
