/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The world of port.h for measurements, defined here: include it once in a program. Memory is flat
 * and as large as asked for, the pool is a stack, and a remapping unit does at once what it is
 * told: registers are echoed, a queue is read up to its waits, nothing is cached. So only the code
 * above is measured.
 */
#ifndef NESTOR_BENCH_PORT_H
#define NESTOR_BENCH_PORT_H

#include "hv/machine/port.h"
#include "iommu/port.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* CAP: 16-bit domain ids, 48 bits, 2M and 1G pages, PSI. ECAP: what nesting takes, 20-bit PASID. */
#define BENCH_CAP 0x01d2078c406f0406ull
#define BENCH_ECAP 0x0003c99c84f050c3ull

enum { BENCH_UNITS = 64, BENCH_UNIT_BASE = 0x70000000, BENCH_UNIT_BYTES = 0x1000 };

static struct {
    u8 *base;
    u64 pages, fresh, used, most;
    u64 freed;                   /* pages given back, linked by their first word; 0: none */
} bench_pool;

static struct { u64 w[BENCH_UNIT_BYTES / 8]; } bench_units[BENCH_UNITS];

/* What has been asked of the world since the last look. */
static struct { u64 accesses, descriptors, pages, flushed; } bench_seen;

static inline hpa_t bench_unit_base(u32 unit)
{
    return (hpa_t){BENCH_UNIT_BASE + (u64)unit * BENCH_UNIT_BYTES};
}

/* Sets the pool up with that many pages, and resets the units. */
static inline void bench_reset(u64 pages)
{
    if (bench_pool.base != NULL) {
        munmap(bench_pool.base, bench_pool.pages * PAGE_SIZE);
    }
    memset(&bench_pool, 0, sizeof(bench_pool));
    memset(bench_units, 0, sizeof(bench_units));
    bench_pool.base = mmap(NULL, pages * PAGE_SIZE, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (bench_pool.base == MAP_FAILED) {
        abort();
    }
    bench_pool.pages = pages;
    port_init((u64)bench_pool.base);
    bench_pool.fresh = 1; /* address 0 stays unused */
    for (u32 i = 0; i < BENCH_UNITS; i++) {
        bench_units[i].w[0] = 0x10;
        bench_units[i].w[1] = BENCH_CAP;
        bench_units[i].w[2] = BENCH_ECAP;
    }
}

enum result port_pages_take(u32 count, hpa_t *out)
{
    if (count == 1 && bench_pool.freed != 0) {
        u64 *page = (u64 *)(void *)(bench_pool.base + bench_pool.freed);
        out->v = bench_pool.freed;
        bench_pool.freed = *page;
        memset(page, 0, PAGE_SIZE);
    } else if (bench_pool.fresh + count <= bench_pool.pages) {
        out->v = bench_pool.fresh * PAGE_SIZE;
        bench_pool.fresh += count;
    } else {
        return ERR_NO_MEMORY;
    }
    bench_seen.pages += count;
    bench_pool.used += count;
    bench_pool.most = bench_pool.used > bench_pool.most ? bench_pool.used : bench_pool.most;
    return OK;
}

enum result port_pages_alloc(u32 count, hpa_t *out)
{
    bench_seen.flushed += count;
    return port_pages_take(count, out);
}

void port_pages_free(hpa_t base, u32 count)
{
    for (u32 i = 0; i < count; i++) {
        u64 *page = (u64 *)(void *)(bench_pool.base + base.v + i * PAGE_SIZE);
        *page = bench_pool.freed;
        bench_pool.freed = base.v + i * PAGE_SIZE;
    }
    bench_pool.used -= count;
}

/* --- units --- */

enum { REG_GCMD = 0x18, REG_GSTS = 0x1c, REG_IQH = 0x80, REG_IQT = 0x88, REG_IQA = 0x90 };

static inline u8 *bench_register(hpa_t addr, u32 *offset)
{
    u64 at = addr.v - BENCH_UNIT_BASE;
    bench_seen.accesses++;
    if (at >= sizeof(bench_units)) {
        abort();
    }
    *offset = (u32)(at % BENCH_UNIT_BYTES);
    return (u8 *)bench_units[at / BENCH_UNIT_BYTES].w;
}

u32 port_mmio_read32(hpa_t addr)
{
    u32 offset;
    u32 value;
    memcpy(&value, bench_register(addr, &offset) + addr.v % BENCH_UNIT_BYTES, 4);
    return value;
}

u64 port_mmio_read64(hpa_t addr)
{
    u32 offset;
    u64 value;
    memcpy(&value, bench_register(addr, &offset) + addr.v % BENCH_UNIT_BYTES, 8);
    return value;
}

/* One-shot commands are done at once (GSTS 30, 24) or leave no trace (27); the other bits are as written. */
void port_mmio_write32(hpa_t addr, u32 value)
{
    u32 offset;
    u8 *regs = bench_register(addr, &offset);
    if (offset == REG_GCMD) {
        u32 done;
        memcpy(&done, regs + REG_GSTS, 4);
        value = (value & 0x97800000 & ~(1u << 27)) | (value & 0x41000000) | (done & 0x41000000);
        offset = REG_GSTS;
    }
    memcpy(regs + offset, &value, 4);
}

/* Waits (type 5, VT-d 6.5.2.8) write their status; 256-bit descriptors. */
static inline void bench_run_queue(u64 *regs)
{
    u64 base = regs[REG_IQA / 8] & ~0xfffull;
    u64 bytes = PAGE_SIZE << (regs[REG_IQA / 8] & 7);
    while (regs[REG_IQH / 8] != regs[REG_IQT / 8]) {
        const u64 *desc = (u64 *)(void *)(bench_pool.base + base + regs[REG_IQH / 8]);
        if ((desc[0] & 0x2f) == 0x25) {
            u32 status = (u32)(desc[0] >> 32);
            memcpy(bench_pool.base + desc[1], &status, 4);
        }
        bench_seen.descriptors++;
        regs[REG_IQH / 8] = (regs[REG_IQH / 8] + 32) % bytes;
    }
}

void port_mmio_write64(hpa_t addr, u64 value)
{
    u32 offset;
    u8 *regs = bench_register(addr, &offset);
    memcpy(regs + offset, &value, 8);
    if (offset == REG_IQT) {
        bench_run_queue((u64 *)(void *)regs);
    }
}

/* --- the rest --- */

u64 port_now_us(void)
{
    static u64 now;
    return ++now;
}

void port_log(enum log_level level, const char *fmt, ...)
{
    va_list args;
    if (level > LOG_ERROR) {
        return;
    }
    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);
    fputc('\n', stderr);
}

#endif
