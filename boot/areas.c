/* SPDX-License-Identifier: BSD-2-Clause */
/* See areas.h. */
#include "boot/areas.h"

#include "boot/bytes.h"

enum {
    QWORD_ADDRESS = 0x8a,
    QWORD_BYTES = 46,
    RESOURCE_MEMORY = 0,
    RESOURCE_PORTS = 1,
    TYPE_AT = 3,
    BASE_AT = 14,
    LENGTH_AT = 38,
    MOST_DESCRIPTORS = 64,      /* a list without an end tag ends here */
};

void areas_add(struct areas *areas, u64 base, u64 size)
{
    u64 first = base & ~PAGE_MASK;
    u64 end = (base + size + PAGE_MASK) & ~PAGE_MASK;
    struct area *last = areas->count == 0 ? NULL : &areas->list[areas->count - 1];
    if (size == 0 || end <= first || base + size < base) {
        return;
    }
    if (last != NULL && last->base + last->size == first) {
        last->size += end - first;
    } else if (areas->count < AREAS) {
        areas->list[areas->count++] = (struct area){first, end - first};
    } else {
        areas->lost++;
    }
}

/* The descriptor behind d, NULL for the first; NULL at the end of the list. */
static const u8 *next_descriptor(const u8 *first, const u8 *d)
{
    d = d == NULL ? first : d + QWORD_BYTES;
    bool within = d < first + MOST_DESCRIPTORS * QWORD_BYTES;
    return within && d[0] == QWORD_ADDRESS && d[1] == QWORD_BYTES - 3 && d[2] == 0 ? d : NULL;
}

void areas_add_descriptors(struct areas *areas, const void *descriptors)
{
    for (const u8 *d = NULL; (d = next_descriptor(descriptors, d)) != NULL;) {
        if (d[TYPE_AT] == RESOURCE_MEMORY) {
            areas_add(areas, bytes_get(d, BASE_AT, 8), bytes_get(d, LENGTH_AT, 8));
        }
    }
}

bool areas_have_ports(const void *descriptors, u32 first, u32 count)
{
    bool found = false;
    for (const u8 *d = NULL; (d = next_descriptor(descriptors, d)) != NULL;) {
        u64 base = bytes_get(d, BASE_AT, 8);
        u64 size = bytes_get(d, LENGTH_AT, 8);
        bool meets = size != 0 && base < first + count && (base >= first || first - base < size);
        found |= meets && d[TYPE_AT] == RESOURCE_PORTS;
    }
    return found;
}
