/* SPDX-License-Identifier: BSD-2-Clause */
/* See pool.h. A bit for each page, set while it is taken; a search goes on where the last one ended. */
#include "hv/machine/pool.h"

#include "iommu/port.h"
#include "iommu/base/limit.h"
#include "iommu/base/spinlock.h"

static struct {
    struct spinlock lock;
    u64 base, pages, free, next;
    u64 *taken;
    struct limit empty;
} pool;

static bool is_taken(u64 page)
{
    return (pool.taken[page / 64] >> page % 64 & 1) != 0;
}

static void mark(u64 first, u64 count, bool taken)
{
    for (u64 i = first; i < first + count; i++) {
        u64 bit = 1ull << i % 64;
        pool.taken[i / 64] = taken ? pool.taken[i / 64] | bit : pool.taken[i / 64] & ~bit;
    }
    pool.free = taken ? pool.free - count : pool.free + count;
}

void pool_init(hpa_t base, u64 size)
{
    pool.base = base.v;
    pool.pages = size / PAGE_SIZE;
    pool.free = pool.pages;
    pool.next = 0;
    pool.taken = port_hpa_to_ptr(base);
    u64 map_bytes = (pool.pages + 63) / 64 * 8;
    for (u64 i = 0; i < map_bytes / 8; i++) {
        pool.taken[i] = 0;
    }
    mark(0, (map_bytes + PAGE_MASK) / PAGE_SIZE, true);
}

/* The first run of count free pages in [from, to); false when there is none. */
static bool find_run(u64 from, u64 to, u64 count, u64 *first)
{
    u64 run = 0;
    for (u64 i = from; i < to; i++) {
        run = is_taken(i) ? 0 : run + 1;
        if (run == count) {
            *first = i + 1 - count;
            return true;
        }
    }
    return false;
}

static bool take(u64 count, u64 *first)
{
    spin_lock(&pool.lock);
    bool found = pool.free >= count && (find_run(pool.next, pool.pages, count, first) ||
                                        find_run(0, pool.pages, count, first));
    if (found) {
        mark(*first, count, true);
        pool.next = *first + count;
    }
    spin_unlock(&pool.lock);
    return found;
}

enum result port_pages_take(u32 count, hpa_t *out)
{
    u64 first;
    if (count == 0 || !take(count, &first)) {
        if (limit_due(&pool.empty)) {
            port_log(LOG_ERROR, "page pool: %u contiguous pages wanted, %llu of %llu free (refusal %llu)", count,
                     pool.free, pool.pages, pool.empty.count);
        }
        return ERR_NO_MEMORY;
    }
    out->v = pool.base + first * PAGE_SIZE;
    void *to = port_hpa_to_ptr(*out);
    u64 words = count * PAGE_SIZE / sizeof(u64);
    __asm__ volatile("rep stosq" : "+D"(to), "+c"(words) : "a"(0ull) : "memory");
    return OK;
}

/* A call wherever it is used, as in the benchmarks, which have another pool (tests/elf/test_image compares). */
not_inlined enum result port_pages_alloc(u32 count, hpa_t *out)
{
    enum result r = port_pages_take(count, out);
    if (r == OK) {
        port_flush_lines(port_hpa_to_ptr(*out), count * PAGE_SIZE);
    }
    return r;
}

not_inlined void port_pages_free(hpa_t base, u32 count)
{
    spin_lock(&pool.lock);
    mark((base.v - pool.base) / PAGE_SIZE, count, false);
    spin_unlock(&pool.lock);
}

struct pool_counts pool_get_counts(void)
{
    return (struct pool_counts){pool.pages, pool.free};
}
