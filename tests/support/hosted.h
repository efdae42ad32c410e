/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The world of port.h for hosted tests: flat memory from host address 0, a page pool at its upper
 * end that can be told to fail, remapping units answered by the reference model, a clock that moves
 * on with each look at it, and a log that is kept instead of printed.
 */
#ifndef NESTOR_HOSTED_H
#define NESTOR_HOSTED_H

#include "iommu/port.h"
#include "tests/model/model.h"

enum {
    HOSTED_BYTES = 64 << 20,  /* all of memory */
    HOSTED_POOL = 32 << 20,   /* the pool starts here; below is the guest's */
    HOSTED_UNITS = 4,
    HOSTED_LOG_BYTES = 4096,
};

/* Empties memory, pool, units and log. */
void hosted_reset(void);
u8 *hosted_memory(void);

/* A model unit whose registers answer at base; its DMA and tables use hosted memory. */
struct model_unit *hosted_add_unit(hpa_t base, const struct model_config *config);

/* Pages handed out and not given back. */
u32 hosted_pages_used(void);
/* After n more successful allocations all fail; UINT32_MAX: never. */
void hosted_fail_after(u32 allocations);
/* True for an address of the pool, that is, of Nestor's own memory. */
bool hosted_is_pool(u64 addr);

/* Moves the clock on. */
void hosted_advance_us(u64 us);

const char *hosted_log(void);
void hosted_clear_log(void);
u32 hosted_log_lines(void);

/* How far each look at the clock moves it, in microseconds; 100 after hosted_reset(). */
void hosted_clock_step(u64 us);

/* Called at each look at the clock, before it is read; NULL: no call. */
void hosted_watch_clock(void (*watch)(void));

/* After that many reads of memory units get no more answers; UINT64_MAX: no limit. */
void hosted_limit_reads(u64 reads);

/* Called for each write of a unit to memory (device DMA, status, access flags); NULL: no call. */
void hosted_watch_writes(void (*watch)(u64 addr, size_t len));
/* Called before and after each register write reaches the model; NULL: no call. */
void hosted_watch_mmio(void (*watch)(bool enter));
/* Called for each run of lines that is written back, a new page's included; NULL: no call. */
void hosted_watch_flushes(void (*watch)(const void *p, size_t bytes));

u32 hosted_interrupts(void);
void hosted_last_interrupt(u64 *addr, u32 *data);

#endif
