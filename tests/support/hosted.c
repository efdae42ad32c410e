/* SPDX-License-Identifier: BSD-2-Clause */
/* See hosted.h. */
#include "tests/support/hosted.h"

#include "drivers/format.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { POOL_PAGES = (HOSTED_BYTES - HOSTED_POOL) / 4096 };

static struct {
    u8 *memory;
    u8 used[POOL_PAGES];
    u32 used_count, fail_after, search;
    struct { hpa_t base; struct model_unit *unit; } units[HOSTED_UNITS];
    u32 unit_count;
    u64 now, clock_step, reads_left;
    char log[HOSTED_LOG_BYTES];
    u32 log_lines;
    u32 interrupts, interrupt_data;
    u64 interrupt_addr;
} world;

void hosted_reset(void)
{
    u8 *memory = world.memory;
    for (u32 i = 0; i < world.unit_count; i++) {
        model_destroy(world.units[i].unit);
    }
    if (memory == NULL) {
        memory = malloc(HOSTED_BYTES);
        if (memory == NULL) {
            abort();
        }
    }
    memset(&world, 0, sizeof(world));
    memset(memory, 0, HOSTED_BYTES);
    world.memory = memory;
    world.fail_after = UINT32_MAX;
    world.clock_step = 100;
    world.reads_left = UINT64_MAX;
}

void hosted_limit_reads(u64 reads)
{
    world.reads_left = reads;
}

void hosted_clock_step(u64 us)
{
    world.clock_step = us;
}

u8 *hosted_memory(void)
{
    return world.memory;
}

static bool inside(u64 addr, size_t len)
{
    return addr < HOSTED_BYTES && len <= HOSTED_BYTES - addr;
}

static bool mem_read(void *ctx, uint64_t addr, void *buf, size_t len)
{
    (void)ctx;
    if (!inside(addr, len) || world.reads_left == 0) {
        return false;
    }
    world.reads_left -= world.reads_left != UINT64_MAX ? 1 : 0;
    memcpy(buf, world.memory + addr, len);
    return true;
}

static void (*write_watch)(u64 addr, size_t len);

void hosted_watch_writes(void (*watch)(u64 addr, size_t len))
{
    write_watch = watch;
}

static bool mem_write(void *ctx, uint64_t addr, const void *buf, size_t len)
{
    (void)ctx;
    if (!inside(addr, len)) {
        return false;
    }
    if (write_watch != NULL) {
        write_watch(addr, len);
    }
    memcpy(world.memory + addr, buf, len);
    return true;
}

static bool mem_cmpxchg64(void *ctx, uint64_t addr, uint64_t *expected, uint64_t desired,
                          bool *swapped)
{
    u64 seen;
    if (!mem_read(ctx, addr, &seen, sizeof(seen))) {
        return false;
    }
    *swapped = seen == *expected;
    if (*swapped && write_watch != NULL) {
        write_watch(addr, sizeof(desired));
    }
    if (*swapped) {
        memcpy(world.memory + addr, &desired, sizeof(desired));
    }
    *expected = seen;
    return true;
}

static void interrupt(void *ctx, uint64_t addr, uint32_t data)
{
    (void)ctx;
    world.interrupts++;
    world.interrupt_addr = addr;
    world.interrupt_data = data;
}

struct model_unit *hosted_add_unit(hpa_t base, const struct model_config *config)
{
    const struct model_ops ops = {.mem_read = mem_read, .mem_write = mem_write,
                                  .mem_cmpxchg64 = mem_cmpxchg64, .interrupt = interrupt};
    struct model_unit *unit = model_create(config, &ops);
    if (unit == NULL || world.unit_count == HOSTED_UNITS) {
        abort();
    }
    world.units[world.unit_count].base = base;
    world.units[world.unit_count].unit = unit;
    world.unit_count++;
    return unit;
}

u32 hosted_pages_used(void)
{
    return world.used_count;
}

void hosted_fail_after(u32 allocations)
{
    world.fail_after = allocations;
}

bool hosted_is_pool(u64 addr)
{
    return addr >= HOSTED_POOL && addr < HOSTED_BYTES;
}

const char *hosted_log(void)
{
    return world.log;
}

void hosted_clear_log(void)
{
    world.log[0] = 0;
    world.log_lines = 0;
}

void hosted_advance_us(u64 us)
{
    world.now += us;
}

u32 hosted_log_lines(void)
{
    return world.log_lines;
}

u32 hosted_interrupts(void)
{
    return world.interrupts;
}

void hosted_last_interrupt(u64 *addr, u32 *data)
{
    *addr = world.interrupt_addr;
    *data = world.interrupt_data;
}

/* --- port.h --- */

static struct model_unit *unit_at(hpa_t addr, u64 *offset)
{
    for (u32 i = 0; i < world.unit_count; i++) {
        *offset = addr.v - world.units[i].base.v;
        if (addr.v >= world.units[i].base.v &&
            *offset < model_register_size(world.units[i].unit)) {
            return world.units[i].unit;
        }
    }
    fprintf(stderr, "no unit at %llx\n", addr.v);
    abort();
}

u32 port_mmio_read32(hpa_t addr)
{
    u64 offset;
    struct model_unit *unit = unit_at(addr, &offset);
    return (u32)model_read(unit, offset, 4);
}

u64 port_mmio_read64(hpa_t addr)
{
    u64 offset;
    struct model_unit *unit = unit_at(addr, &offset);
    return model_read(unit, offset, 8);
}

static void (*mmio_watch)(bool enter);

void hosted_watch_mmio(void (*watch)(bool enter))
{
    mmio_watch = watch;
}

static void mmio_write(hpa_t addr, unsigned size, u64 value)
{
    u64 offset;
    struct model_unit *unit = unit_at(addr, &offset);
    if (mmio_watch != NULL) {
        mmio_watch(true);
    }
    model_write(unit, offset, size, value);
    if (mmio_watch != NULL) {
        mmio_watch(false);
    }
}

void port_mmio_write32(hpa_t addr, u32 value)
{
    mmio_write(addr, 4, value);
}

void port_mmio_write64(hpa_t addr, u64 value)
{
    mmio_write(addr, 8, value);
}

static void (*flush_watch)(const void *p, size_t bytes);

void hosted_watch_flushes(void (*watch)(const void *p, size_t bytes))
{
    flush_watch = watch;
}

static bool run_is_free(u32 first, u32 count)
{
    for (u32 i = 0; i < count; i++) {
        if (world.used[first + i]) {
            return false;
        }
    }
    return true;
}

enum result port_pages_take(u32 count, hpa_t *out)
{
    if (world.fail_after == 0 || count == 0 || count > POOL_PAGES) {
        return ERR_NO_MEMORY;
    }
    for (u32 tried = 0; tried < POOL_PAGES; tried++) {
        u32 first = (world.search + tried) % POOL_PAGES;
        if (first + count > POOL_PAGES || !run_is_free(first, count)) {
            continue;
        }
        memset(world.used + first, 1, count);
        world.search = first + count;
        world.used_count += count;
        world.fail_after -= world.fail_after != UINT32_MAX ? 1 : 0;
        out->v = HOSTED_POOL + (u64)first * PAGE_SIZE;
        memset(world.memory + out->v, 0, count * PAGE_SIZE);
        return OK;
    }
    return ERR_NO_MEMORY;
}

enum result port_pages_alloc(u32 count, hpa_t *out)
{
    enum result r = port_pages_take(count, out);
    if (r == OK) {
        port_flush_lines(world.memory + out->v, count * PAGE_SIZE);
    }
    return r;
}

void port_pages_free(hpa_t base, u32 count)
{
    u64 first = (base.v - HOSTED_POOL) / PAGE_SIZE;
    for (u32 i = 0; i < count; i++) {
        if (!hosted_is_pool(base.v) || first + i >= POOL_PAGES || !world.used[first + i]) {
            fprintf(stderr, "page %llx freed twice\n", base.v);
            abort();
        }
        world.used[first + i] = 0;
        memset(world.memory + base.v + i * PAGE_SIZE, 0xdd, PAGE_SIZE);
    }
    world.used_count -= count;
}

void *port_hpa_to_ptr(hpa_t addr)
{
    if (!inside(addr.v, 1)) {
        fprintf(stderr, "no memory at %llx\n", addr.v);
        abort();
    }
    return world.memory + addr.v;
}

void port_flush_lines(const void *p, size_t bytes)
{
    if (flush_watch != NULL) {
        flush_watch(p, bytes);
    }
}

static void (*clock_watch)(void);

void hosted_watch_clock(void (*watch)(void))
{
    clock_watch = watch;
}

u64 port_now_us(void)
{
    if (clock_watch != NULL) {
        clock_watch();
    }
    return world.now += world.clock_step;
}

void port_relax(void)
{
}

void port_log(enum log_level level, const char *fmt, ...)
{
    size_t have = strlen(world.log);
    va_list args;
    (void)level;
    world.log_lines++;
    va_start(args, fmt);
    (void)format_text_v(world.log + have, sizeof(world.log) - have, fmt, args);
    va_end(args);
    have = strlen(world.log);
    if (have + 1 < sizeof(world.log)) {
        world.log[have] = '\n';
        world.log[have + 1] = '\0';
    }
}
