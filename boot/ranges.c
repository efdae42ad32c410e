/* SPDX-License-Identifier: BSD-2-Clause */
/* See ranges.h. */
#include "boot/ranges.h"

#include "boot/bytes.h"

enum { DESCRIPTOR_BYTES = 40, CONVENTIONAL = 7 };

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

static enum result collect(const void *descriptors, size_t count, size_t stride, bool only_free, struct ranges *out)
{
    out->count = 0;
    if (stride < DESCRIPTOR_BYTES) {
        return ERR_MALFORMED;
    }
    for (size_t i = 0; i < count; i++) {
        const u8 *d = (const u8 *)descriptors + i * stride;
        u32 type = (u32)bytes_get(d, 0, 4);
        struct memory_range range = {.base = bytes_get(d, 8, 8), .kind = ranges_kind_of(type)};
        u64 pages = bytes_get(d, 24, 8);
        if (pages == 0 || (only_free && type != CONVENTIONAL)) {
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

enum result ranges_from_map(const void *descriptors, size_t count, size_t stride, struct ranges *out)
{
    return collect(descriptors, count, stride, false, out);
}

enum result ranges_free_from_map(const void *descriptors, size_t count, size_t stride, struct ranges *out)
{
    return collect(descriptors, count, stride, true, out);
}

enum result ranges_add(struct ranges *ranges, u64 base, u64 size, enum range_kind kind)
{
    u64 end = base + size;
    for (u32 i = 0; base < end; i++) {
        u64 next = i < ranges->count ? ranges->list[i].base : end;
        if (base < next) {
            u64 stop = next < end ? next : end;
            if (ranges->count == HANDOVER_RANGES) {
                return ERR_NO_MEMORY;
            }
            insert(ranges, (struct memory_range){base, stop - base, kind});
            base = stop;
        } else if (base < next + ranges->list[i].size) {
            base = next + ranges->list[i].size;
        }
    }
    return OK;
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

bool ranges_meet_memory(const struct ranges *ranges, u64 base, u64 size)
{
    for (u32 i = 0; i < ranges->count; i++) {
        const struct memory_range *r = &ranges->list[i];
        bool memory = r->kind == RANGE_RAM || r->kind == RANGE_FIRMWARE;
        if (memory && r->base < base + size && base < r->base + r->size) {
            return true;
        }
    }
    return false;
}
