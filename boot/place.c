/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * See place.h.
 *
 *   base, 2 MiB aligned
 *     image         .text, .rodata, .data and .bss as linked
 *     handover
 *     page tables
 *     stack         for the calls from the bridge
 *     log           what the image says, and what it leaves for the next start
 *     pool          the rest
 */
#include "boot/uefi.h"

#include "boot/bridge.h"
#include "boot/console.h"
#include "boot/elf.h"
#include "boot/page_tables.h"
#include "boot/machine.h"
#include "boot/place.h"
#include "boot/room.h"
#include "drivers/cpuid.h"
#include "drivers/format.h"

enum {
    STACK_BYTES = 16 << 10,
    DIRECT_MAP_END = 0x80000000u, /* where the image is linked, from the end */
    GRANULE = 8 << 20,          /* of the size: what differs a little from one start to the next changes nothing */
};

extern const u8 _binary_image_bin_start[];
extern const u8 _binary_image_bin_end[];

/* Byte offsets from the start of the range. */
struct layout {
    u64 handover, tables, stack, log, pool, size;
    u32 table_count;
    bool huge;
};

static u64 round_up(u64 value, u64 to)
{
    return (value + to - 1) & ~(to - 1);
}

static bool has_huge_pages(void)
{
    return (cpuid(0x80000001, 0).edx & 1u << 26) != 0;
}

static u32 paging_levels(void)
{
    u64 cr4;
    __asm__ volatile("mov %%cr4, %0" : "=r"(cr4));
    return (cr4 & 1u << 12) != 0 ? 5 : 4;
}

/* Where physical memory appears to the image: the upper half of what the firmware's levels address, but its end. */
static u64 direct_map(void)
{
    return ~0ull << (9 * paging_levels() + PAGE_SHIFT - 1);
}

static struct layout lay_out(const struct elf_image *image, const struct place_request *request)
{
    struct layout l = {.huge = has_huge_pages()};
    l.table_count = page_tables_needed(request->physical_end, l.huge);
    l.handover = image->size;
    l.tables = l.handover + round_up(sizeof(struct handover), PAGE_SIZE);
    l.stack = l.tables + l.table_count * PAGE_SIZE;
    l.log = l.stack + STACK_BYTES;
    l.pool = l.log + round_up(HANDOVER_LOG_BYTES + sizeof(struct handover_left), PAGE_SIZE);
    l.size = round_up(l.pool + request->pool_bytes, GRANULE);
    return l;
}

bool place_reserve_at(u64 size, u64 base)
{
    EFI_PHYSICAL_ADDRESS at = base;
    return !EFI_ERROR(BS->AllocatePages(AllocateAddress, EfiReservedMemoryType, (UINTN)(size / PAGE_SIZE), &at));
}

bool place_reserve(u64 size, const struct areas *avoid, u64 *base)
{
    static struct ranges free_memory;
    if (!machine_read_free(&free_memory) || !room_find(&free_memory, avoid, size, base)) {
        return false;
    }
    return place_reserve_at(size, *base);
}

static void copy_image(const struct elf_image *image, u64 base)
{
    for (u32 i = 0; i < image->segment_count; i++) {
        const struct elf_segment *s = &image->segments[i];
        CopyMem((VOID *)(uintptr_t)(base + s->offset), (VOID *)s->bytes, s->file_size);
    }
}

/* The image where it is linked, and again in the direct map, where nothing is executable. */
static enum result map_image(struct page_tables *t, const struct elf_image *image, u64 base)
{
    for (u32 i = 0; i < image->segment_count; i++) {
        const struct elf_segment *s = &image->segments[i];
        u32 write = s->writable ? PAGE_WRITE : PAGE_READ;
        enum result r = page_tables_map(t, image->base + s->offset, base + s->offset, s->size,
                                        write | (s->executable ? PAGE_EXECUTE : 0));
        if (r == OK) {
            r = page_tables_map(t, direct_map() + base + s->offset, base + s->offset, s->size,
                                write);
        }
        if (r != OK) {
            return r;
        }
    }
    return OK;
}

static enum result map_rest(struct page_tables *t, u64 image_base, u64 image_end, u64 end)
{
    u64 bridge = (u64)(uintptr_t)bridge_begin & ~PAGE_MASK;
    u64 bridge_last = ((u64)(uintptr_t)bridge_end - 1) & ~PAGE_MASK;
    enum result r = page_tables_map(t, direct_map(), 0, image_base, PAGE_WRITE);
    if (r == OK) {
        r = page_tables_map(t, direct_map() + image_end, image_end, end - image_end,
                            PAGE_WRITE);
    }
    if (r == OK) {
        r = page_tables_map(t, bridge, bridge, bridge_last - bridge + PAGE_SIZE, PAGE_EXECUTE);
    }
    return r;
}

static enum result build_tables(const struct elf_image *image, const struct layout *l, u64 base,
                                u64 physical_end)
{
    struct page_tables t = {.memory = (u8 *)(uintptr_t)(base + l->tables),
                            .physical = base + l->tables, .pages = l->table_count,
                            .levels = paging_levels(), .huge = l->huge};
    u64 end = round_up(physical_end, 1ull << 30);
    enum result r = page_tables_create(&t);
    r = r == OK ? map_image(&t, image, base) : r;
    return r == OK ? map_rest(&t, base, base + image->size, end) : r;
}

static void fill_handover(const struct elf_image *image, const struct layout *l, u64 base,
                          struct handover *h)
{
    h->magic = HANDOVER_MAGIC;
    h->memory_base = base;
    h->memory_size = l->size;
    h->image_base = base;
    h->image_size = image->size;
    h->page_table = base + l->tables;
    h->direct_map = direct_map();
    h->log_base = base + l->log;
    h->pool_base = base + l->pool;
    h->pool_size = l->size - l->pool;
}

static bool read_entry(const struct elf_image *image, u64 base, struct image_entry *entry)
{
    CopyMem(entry, (VOID *)(uintptr_t)base, sizeof(*entry));
    return entry->prepare - image->base < image->size && entry->enter - image->base < image->size &&
           entry->abandon - image->base < image->size;
}

/*
 * What a start left that failed for good, if the image was where this one goes, is kept there and told once. The memory
 * may be anybody's: only what the CRC covers is believed.
 */
static bool find_left(const struct handover_left *at, struct handover_left *out)
{
    CopyMem(out, (VOID *)at, sizeof(*out));
    return out->magic == HANDOVER_LEFT_MAGIC && out->bytes <= HANDOVER_LEFT_TEXT && handover_left_crc(out) == out->crc;
}

static void clear(const struct placement *p, const struct layout *l)
{
    static struct handover_left left;
    struct handover_left *at = (struct handover_left *)(uintptr_t)(p->base + l->log + HANDOVER_LOG_BYTES);
    bool found = find_left(at, &left);
    ZeroMem((VOID *)(uintptr_t)p->base, l->size);
    if (!found) {
        return;
    }
    if (left.told != 1) {
        console_log(LOG_WARNING, "an earlier start of Nestor ended with a fatal error: `nestorctl log --previous` "
                    "shows the last %u bytes of its log", left.bytes);
    }
    left.told = 1;
    CopyMem(at, &left, sizeof(left));
}

enum result place_image(const struct place_request *request, struct placement *out,
                        const char **why)
{
    static char no_memory[80];
    struct elf_image image;
    if (request->physical_end > -direct_map() - DIRECT_MAP_END) {
        *why = "memory reaches beyond what the firmware's page tables can address";
        return ERR_UNSUPPORTED;
    }
    enum result r = elf_parse(_binary_image_bin_start,
                              (size_t)(_binary_image_bin_end - _binary_image_bin_start), &image,
                              why);
    if (r != OK) {
        return r;
    }
    struct layout l = lay_out(&image, request);
    *out = (struct placement){.size = l.size};
    if (!place_reserve(l.size, request->avoid, &out->base)) {
        format_text(no_memory, sizeof(no_memory), "the firmware has no memory to reserve, %llu MiB in one piece",
                    l.size >> 20);
        *why = no_memory;
        return ERR_NO_MEMORY;
    }
    clear(out, &l);
    copy_image(&image, out->base);
    out->handover = (struct handover *)(uintptr_t)(out->base + l.handover);
    out->page_table = out->base + l.tables;
    out->stack = direct_map() + out->base + l.log;
    fill_handover(&image, &l, out->base, out->handover);
    r = build_tables(&image, &l, out->base, request->physical_end);
    *why = "the hypervisor's page tables could not be built";
    if (r == OK && !read_entry(&image, out->base, &out->entry)) {
        *why = "the image does not begin with its entry points";
        r = ERR_MALFORMED;
    }
    if (r != OK) {
        place_release(out);
    }
    return r;
}

void place_release(const struct placement *placement)
{
    BS->FreePages(placement->base, (UINTN)(placement->size / PAGE_SIZE));
}
