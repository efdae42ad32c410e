/* See bench_port.h. */
#include "tests/bench/bench_port.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static struct {
    u8 *base;
    u64 pages, fresh, used;
    u64 freed; /* stack of pages given back, linked by their first word; 0: none */
} pool;

void bench_pool_reset(u64 pages)
{
    if (pool.base != NULL) {
        munmap(pool.base, pool.pages * PAGE_SIZE);
    }
    memset(&pool, 0, sizeof(pool));
    pool.base = mmap(NULL, pages * PAGE_SIZE, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (pool.base == MAP_FAILED) {
        abort();
    }
    pool.pages = pages;
    pool.fresh = 1; /* address 0 stays unused */
}

u64 bench_pool_used(void)
{
    return pool.used;
}

void *port_hpa_to_ptr(hpa_t addr)
{
    return pool.base + addr.v;
}

enum result port_pages_alloc(u32 count, hpa_t *out)
{
    if (count == 1 && pool.freed != 0) {
        u64 *page = port_hpa_to_ptr((hpa_t){pool.freed});
        out->v = pool.freed;
        pool.freed = *page;
        memset(page, 0, PAGE_SIZE);
    } else if (pool.fresh + count <= pool.pages) {
        out->v = pool.fresh * PAGE_SIZE;
        pool.fresh += count;
    } else {
        return ERR_NO_MEMORY;
    }
    pool.used += count;
    return OK;
}

void port_pages_free(hpa_t base, u32 count)
{
    for (u32 i = 0; i < count; i++) {
        u64 *page = port_hpa_to_ptr((hpa_t){base.v + i * PAGE_SIZE});
        *page = pool.freed;
        pool.freed = base.v + i * PAGE_SIZE;
    }
    pool.used -= count;
}

void port_flush_lines(const void *p, size_t bytes)
{
    (void)p;
    (void)bytes;
}

u64 port_now_us(void)
{
    static u64 now;
    return ++now;
}

void port_relax(void)
{
}

void port_log(enum log_level level, const char *fmt, ...)
{
    va_list args;
    if (level > LOG_WARNING) {
        return;
    }
    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);
    fputc('\n', stderr);
}
