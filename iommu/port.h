/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * All that iommu/ asks of the world it runs in. hv/ defines these for bare
 * metal, tests/efi/ for the firmware, tests/support/ for the host; the linker
 * chooses. Guest memory is not here: it is hostile and belongs to a partition,
 * so it is passed as a parameter (see viommu.h).
 */
#ifndef NESTOR_IOMMU_PORT_H
#define NESTOR_IOMMU_PORT_H

#include "hv/types.h"

/* Register access of exactly that width; addr is naturally aligned. */
u32 port_mmio_read32(hpa_t addr);
u64 port_mmio_read64(hpa_t addr);
void port_mmio_write32(hpa_t addr, u32 value);
void port_mmio_write64(hpa_t addr, u64 value);

/*
 * count contiguous 4 KiB pages, zeroed and (as far as caches go) written back.
 * ERR_NO_MEMORY when the bounded pool is exhausted; nothing is taken then.
 */
must_use enum result port_pages_alloc(u32 count, hpa_t *out);
/* The same, but not written back: for callers that do it only where hardware does not snoop. */
must_use enum result port_pages_take(u32 count, hpa_t *out);
void port_pages_free(hpa_t base, u32 count);

/* Host memory as a pointer; valid for pages from port_pages_alloc() and for firmware's tables. */
void *port_hpa_to_ptr(hpa_t addr);

/* Write the cache lines of [p, p + bytes) back to memory (CLFLUSH or CLWB, then a fence). */
void port_flush_lines(const void *p, size_t bytes);

/* Monotonic microseconds, for bounded waits. Each call in a test may advance it. */
u64 port_now_us(void);

/* A hint that the caller spins (PAUSE). */
void port_relax(void);

/* One line for a person; fmt is printf's, without floating point. */
enum log_level { LOG_ERROR, LOG_WARNING, LOG_INFO, LOG_DEBUG };
void port_log(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
