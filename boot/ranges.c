/* See ranges.h. */
#include "boot/ranges.h"

enum { DESCRIPTOR_BYTES = 40 };

enum range_kind ranges_kind_of(u32 efi_type)
{
    switch (efi_type) {
    case 1:  /* loader code and data */
    case 2:
    case 3:  /* boot services code and data */
    case 4:
    case 7:  /* conventional */
    case 14: /* persistent */
        return RANGE_RAM;
    case 5:  /* runtime services code and data */
    case 6:
    case 9:  /* ACPI tables, ACPI NVS */
    case 10:
        return RANGE_FIRMWARE;
    case 11: /* MMIO, MMIO ports */
    case 12:
        return RANGE_MMIO;
    default:
        return RANGE_RESERVED;
    }
}

static u64 get(const u8 *bytes, u32 count)
{
    u64 value = 0;
    for (u32 i = 0; i < count; i++) {
        value |= (u64)bytes[i] << (8 * i);
    }
    return value;
}

/* Keeps the list sorted. Firmware's maps are nearly sorted already, so the loop is short. */
static void insert(struct ranges *out, struct memory_range range)
{
    u32 at = out->count++;
    while (at > 0 && out->list[at - 1].base > range.base) {
        out->list[at] = out->list[at - 1];
        at--;
    }
    out->list[at] = range;
}

static void merge(struct ranges *out)
{
    u32 kept = 0;
    for (u32 i = 1; i < out->count; i++) {
        struct memory_range *last = &out->list[kept];
        const struct memory_range *next = &out->list[i];
        if (last->kind == next->kind && last->base + last->size == next->base) {
            last->size += next->size;
        } else {
            out->list[++kept] = *next;
        }
    }
    out->count = out->count == 0 ? 0 : kept + 1;
}

static enum result check(const struct ranges *out)
{
    for (u32 i = 1; i < out->count; i++) {
        if (out->list[i - 1].base + out->list[i - 1].size > out->list[i].base) {
            return ERR_MALFORMED;
        }
    }
    return OK;
}

enum result ranges_from_map(const void *descriptors, size_t count, size_t stride,
                            struct ranges *out)
{
    out->count = 0;
    if (stride < DESCRIPTOR_BYTES) {
        return ERR_MALFORMED;
    }
    for (size_t i = 0; i < count; i++) {
        const u8 *d = (const u8 *)descriptors + i * stride;
        struct memory_range range = {.base = get(d + 8, 8), .kind = ranges_kind_of((u32)get(d, 4))};
        u64 pages = get(d + 24, 8);
        if (pages == 0) {
            continue;
        }
        if ((range.base & PAGE_MASK) != 0 || pages > (~0ull - range.base) >> PAGE_SHIFT) {
            return ERR_MALFORMED;
        }
        range.size = pages << PAGE_SHIFT;
        if (out->count == HANDOVER_RANGES) {
            merge(out);
        }
        if (out->count == HANDOVER_RANGES) {
            return ERR_NO_MEMORY;
        }
        insert(out, range);
    }
    merge(out);
    return check(out);
}

bool ranges_cover(const struct ranges *ranges, u64 base, u64 size)
{
    u64 at = base;
    u64 end = base + size;
    for (u32 i = 0; i < ranges->count && at < end; i++) {
        const struct memory_range *r = &ranges->list[i];
        if (r->base <= at && at < r->base + r->size) {
            at = r->base + r->size;
        }
    }
    return end >= base && at >= end;
}

u64 ranges_end(const struct ranges *ranges)
{
    if (ranges->count == 0) {
        return 0;
    }
    return ranges->list[ranges->count - 1].base + ranges->list[ranges->count - 1].size;
}
