/* See partition.h. */
#include "hv/partition/partition.h"

#include "hv/partition/ept.h"
#include "hv/exit/io.h"
#include "hv/exit/msr.h"
#include "hv/machine/state.h"
#include "iommu/port.h"

/* A walk of 4 levels, write-back; accessed and dirty bits off (SDM 26.6.11). */
enum { EPTP_WRITE_BACK = 6, EPTP_LEVELS_SHIFT = 3 };

_Static_assert(sizeof(struct partition) <= PAGE_SIZE, "one page each");

static enum result create_bitmaps(struct partition *p)
{
    enum result r = port_pages_alloc(1, &p->msr_bitmap);
    if (r == OK) {
        r = port_pages_alloc(2, &p->io_bitmap);
    }
    if (r == OK) {
        exit_msr_fill_bitmap(port_hpa_to_ptr(p->msr_bitmap));
        exit_io_fill_bitmaps(port_hpa_to_ptr(p->io_bitmap));
    }
    return r;
}

enum result partition_create_root(struct partition **out)
{
    struct partition *p;
    hpa_t page;
    enum result r = port_pages_alloc(1, &page);
    if (r != OK) {
        return r;
    }
    p = port_hpa_to_ptr(page);
    r = create_bitmaps(p);
    if (r == OK) {
        r = ept_build(p);
    }
    if (r != OK) {
        return r;
    }
    p->eptp = domain_cpu_root(p->domain).v |
              (u64)(domain_levels(p->domain) - 1) << EPTP_LEVELS_SHIFT | EPTP_WRITE_BACK;
    *out = p;
    return OK;
}

void partition_destroy(struct partition *p)
{
    if (domain_destroy(p->domain) != OK) {
        port_log(LOG_ERROR, "partition %u: its second stage is still in use", p->id);
    }
}

static const struct memory_range *search_range(u64 gpa)
{
    u32 low = 0;
    u32 high = handover->range_count;
    while (low < high) {
        u32 middle = (low + high) / 2;
        const struct memory_range *r = &handover->ranges[middle];
        if (gpa < r->base) {
            high = middle;
        } else if (gpa - r->base >= r->size) {
            low = middle + 1;
        } else {
            return r;
        }
    }
    return NULL;
}

/*
 * The range of the machine's map that holds gpa; NULL when none does. A guest's tables, code and queues
 * are looked at again and again: what was found last for the same part of memory is tried first. The map
 * never changes, so any CPU's find will do.
 */
static const struct memory_range *find_range(u64 gpa)
{
    static const struct memory_range *found[64];
    const struct memory_range **last = &found[gpa >> 16 & (ARRAY_LEN(found) - 1)];
    const struct memory_range *r = __atomic_load_n(last, __ATOMIC_RELAXED);
    if (r == NULL || gpa - r->base >= r->size) {
        r = search_range(gpa);
        __atomic_store_n(last, r, __ATOMIC_RELAXED);
    }
    return r;
}

/* Bytes from gpa on that are of a wanted kind and the partition's; 0 when gpa itself is not. */
static u64 span_of_kinds(u64 gpa, u32 kinds)
{
    const struct memory_range *r = find_range(gpa);
    u64 own = handover->memory_base;
    u64 end;
    if (r == NULL || !(kinds >> r->kind & 1)) {
        return 0;
    }
    end = r->base + r->size;
    if (gpa - own < handover->memory_size) {
        return 0;
    }
    return (gpa < own && own < end ? own : end) - gpa;
}

static bool all_of_kinds(u64 gpa, u64 len, u32 kinds)
{
    while (len != 0) {
        u64 span = span_of_kinds(gpa, kinds);
        if (span == 0) {
            return false;
        }
        if (span >= len) {
            return true;
        }
        gpa += span;
        len -= span;
    }
    return true;
}

/* The config's list; all other memory that is a partition's may be written to by its devices. */
static bool is_protected(u64 gpa, u64 len)
{
    for (u32 i = 0; i < handover->protect_count; i++) {
        const struct protect_range *r = &handover->protect[i];
        if (gpa < r->base + r->size && r->base < gpa + len) {
            return true;
        }
    }
    return false;
}

bool partition_is_ram(const struct partition *p, gpa_t gpa, u64 len)
{
    (void)p;
    return all_of_kinds(gpa.v, len, 1u << RANGE_RAM) && !is_protected(gpa.v, len);
}

/* The guest may write meanwhile: each byte is read once, in pieces as large as they go. */
static void copy_once(u8 *to, const volatile u8 *from, size_t len)
{
    size_t words = len / sizeof(u64);
    if (len >= 64) {
        len %= sizeof(u64);
        __asm__ volatile("rep movsq" : "+D"(to), "+S"(from), "+c"(words) : : "memory");
    }
    for (; len >= sizeof(u64); len -= sizeof(u64), to += sizeof(u64), from += sizeof(u64)) {
        *(u64 *)(void *)to = *(const volatile u64 *)(const volatile void *)from;
    }
    for (; len != 0; len--) {
        *to++ = *from++;
    }
}

const volatile void *partition_memory(const struct partition *p, gpa_t gpa, size_t len)
{
    (void)p;
    if (!all_of_kinds(gpa.v, len, 1u << RANGE_RAM | 1u << RANGE_RESERVED | 1u << RANGE_FIRMWARE)) {
        return NULL;
    }
    return port_hpa_to_ptr((hpa_t){gpa.v});
}

bool partition_read(const struct partition *p, gpa_t gpa, void *to, size_t len)
{
    const volatile void *from = partition_memory(p, gpa, len);
    if (from != NULL) {
        copy_once(to, from, len);
    }
    return from != NULL;
}
