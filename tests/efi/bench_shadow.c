/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a guest's announcements cost on a shadowed unit: of single pages, from the doorbell to the next instruction; of
 * whole tables, from the doorbell to the status, the guest's loop included.
 */
#include "tests/efi/bench.h"
#include "tests/efi/tsc.h"

enum { ENTRIES = 512, LARGE = 1 << 7, FIRST = 1 };
#define READ_WRITE 3ull
#define MEMORY 0x1000000ull     /* of the guest's, mapped and never reached: no device of the program does DMA */

static volatile u64 *leaves;
static bool lost;

/* Announces what is on the ring, and waits. */
static u64 wait_for_it(void)
{
    unit_put_wait();
    u64 began = read_tsc();
    *unit_reg32(UNIT_IQT) = unit_tail();
    while (!unit_waited()) {
    }
    return read_tsc() - began;
}

static void set_leaves(u32 count, u64 bits)
{
    for (u32 i = FIRST; i < FIRST + count; i++) {
        leaves[i] = bits != 0 ? (MEMORY + i * PAGE_SIZE) | bits : 0;
        unit_put_iotlb_legacy(i * PAGE_SIZE);
    }
}

static void put_mapped(u32 count)
{
    set_leaves(count, 0);
    (void)wait_for_it();
    set_leaves(count, READ_WRITE);
}

static void put_taken_away(u32 count)
{
    set_leaves(count, READ_WRITE);
    (void)wait_for_it();
    set_leaves(count, 0);
}

/* Tables of so many GiB; those of each GiB are the same, in pages that lie the other way round, or in 2 MiB each. */
static u64 *tables_of(u32 gib, bool large)
{
    u64 *top = unit_pages(1);
    u64 *third = unit_pages(1);
    u64 *second = unit_pages(1);
    u64 *first = unit_pages(1);
    top[0] = (u64)third | READ_WRITE;
    for (u32 i = 0; i < gib; i++) {
        third[i] = (u64)second | READ_WRITE;
    }
    for (u64 i = 0; i < ENTRIES; i++) {
        second[i] = large ? MEMORY << 1 | LARGE | READ_WRITE : (u64)first | READ_WRITE;
        first[i] = (MEMORY + (ENTRIES - 1 - i) * PAGE_SIZE) | READ_WRITE;
    }
    return top;
}

/* The device gets the table, which is then announced once more, and goes. */
static void whole(const char *name, const char *again, const void *table)
{
    lost = !unit_rewind() || lost;
    unit_context(table);
    unit_put_context();
    bench_print(name, wait_for_it());
    unit_put_iotlb_domain();
    bench_print(again, wait_for_it());
    unit_context(NULL);
    unit_put_context();
    (void)wait_for_it();
}

void bench_shadow(u32 gib)
{
    u64 *table = tables_of(1, false);
    if (!unit_start_legacy()) {
        return;
    }
    leaves = (volatile u64 *)(((u64 *)(((u64 *)(table[0] & ~PAGE_MASK))[0] & ~PAGE_MASK))[0] & ~PAGE_MASK);
    unit_context(table);
    unit_put_context();
    (void)wait_for_it();
    bench_doorbell("shadow: a page mapped", put_mapped, 1, false);
    bench_doorbell("shadow: a page taken away", put_taken_away, 1, false);
    bench_doorbell("shadow: 16 pages mapped", put_mapped, 16, false);
    unit_context(NULL);
    unit_put_context();
    (void)wait_for_it();
    whole("shadow: 1 GiB in 4K pages", "shadow: 1 GiB in 4K pages, again", tables_of(1, false));
    whole("shadow: 32 GiB in 2M pages", "shadow: 32 GiB in 2M pages, again", tables_of(32, true));
    if (gib != 0) {
        whole("shadow: 64 GiB in 4K pages", "shadow: 64 GiB in 4K pages, again", tables_of(gib, false));
    }
    if (lost) {
        say("bench: NOT DONE, the queue stands\n");
    }
}
