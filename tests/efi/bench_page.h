/* SPDX-License-Identifier: BSD-2-Clause */
/* The bench page of tests/bochs/attach/bench.c: DMA under any source-id and PASID. */
#ifndef NESTOR_TESTS_EFI_BENCH_PAGE_H
#define NESTOR_TESTS_EFI_BENCH_PAGE_H

#include "hv/types.h"

enum { BENCH_NO_PASID = ~0u, BENCH_DMA = 2, BENCH_SNAPSHOT = 8, BENCH_LOSE_NMIS = 9, BENCH_MACHINE_CHECK = 10,
       BENCH_POISON = 11, BENCH_BYTES = 64 };

static volatile struct {
    u64 ident;
    u32 command, reserved;
    u32 sid, pasid;
    u64 address;
    u32 length, write;
    u32 done, reason;
    u64 count;
    u32 kind, times;
    u64 data[BENCH_BYTES / 8];
} *const bench = (volatile void *)0xfed9f000ull;

/* DMA of 64 bytes, a write of one repeated word; false if the unit refuses. What was read is in bench->data. */
static inline bool bench_dma(u16 sid, u32 pasid, u64 address, bool write, u64 word)
{
    bench->sid = sid;
    bench->pasid = pasid;
    bench->address = address;
    bench->length = BENCH_BYTES;
    bench->write = write;
    for (u32 i = 0; i < BENCH_BYTES / 8; i++) {
        bench->data[i] = write ? word : 0;
    }
    bench->command = BENCH_DMA;
    return bench->done != 0;
}

/* A write of one dword, as an interrupt is; false if the unit refuses, then bench->reason says why. */
static inline bool bench_message(u16 sid, u64 address, u32 data)
{
    bench->sid = sid;
    bench->pasid = BENCH_NO_PASID;
    bench->address = address;
    bench->length = sizeof(data);
    bench->write = 1;
    bench->data[0] = data;
    bench->command = BENCH_DMA;
    return bench->done != 0;
}

#endif
