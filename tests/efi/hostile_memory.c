/* SPDX-License-Identifier: BSD-2-Clause */
/* Nestor's memory, touched by the CPU in every way there is: it reads as ones and never changes. */
#include "tests/efi/hostile.h"

enum { STORM = 100000, DUMPED = 4 * 4096 };

static const u32 widths[] = {1, 2, 4, 8};

static u64 ones(u32 width)
{
    return ~0ull >> (64 - 8 * width);
}

/* The image's first bytes, its table of functions, somewhere in the pool, the last bytes. */
static u64 place(u32 i)
{
    const u64 offsets[] = {0, 0x1000, 0x16000, machine.own_size / 2, machine.own_size - 8};
    return machine.own_base + offsets[i];
}
enum { PLACES = 5 };

static void read_all(void *wrong)
{
    for (u32 i = 0; i < PLACES; i++) {
        for (u32 w = 0; w < ARRAY_LEN(widths); w++) {
            *(u32 *)wrong += read_width(place(i), widths[w]) != ones(widths[w]);
        }
    }
}

static void write_all(void *unused)
{
    (void)unused;
    for (u32 i = 0; i < PLACES; i++) {
        for (u32 w = 0; w < ARRAY_LEN(widths); w++) {
            write_width(place(i), widths[w], 0xa5a5a5a5a5a5a5a5ull);
        }
    }
}

static void change_all(void *wrong)
{
    for (u32 i = 0; i < PLACES; i++) {
        volatile u64 *at = (volatile u64 *)(uintptr_t)place(i);
        *(u32 *)wrong += __atomic_fetch_add(at, 1, __ATOMIC_SEQ_CST) != ~0ull;
        *(u32 *)wrong += __atomic_exchange_n(at, 0x5a5a, __ATOMIC_SEQ_CST) != ~0ull;
        __atomic_or_fetch(at, 0x55, __ATOMIC_SEQ_CST);
        __asm__ volatile("notl (%0); incl (%0); btsl $3, (%0)" : : "r"(at) : "memory", "cc");
    }
}

static void fill(void *unused)
{
    u64 to = machine.own_base, count = 64;
    (void)unused;
    __asm__ volatile("rep stosq" : "+D"(to), "+c"(count) : "a"(0ull) : "memory");
}

static void copy_in(void *unused)
{
    u64 to = machine.own_base, from = (u64)(uintptr_t)machine.page, count = 16;
    (void)unused;
    __asm__ volatile("rep movsl" : "+D"(to), "+S"(from), "+c"(count) : : "memory");
}

static void copy_out(void *unused)
{
    u64 from = machine.own_base, to = (u64)(uintptr_t)machine.page, count = 16;
    (void)unused;
    __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(count) : : "memory");
}

static void execute(void *unused)
{
    (void)unused;
    ((void (*)(void))(uintptr_t)machine.own_base)();
}

static void through_table(void *unused)
{
    (void)unused;
    (void)*map_page(machine.own_base + 0x1000, MAP_TABLE);
}

static void through_alias(void *seen)
{
    *(u64 *)seen = *(volatile u64 *)map_page(machine.own_base + 0x1000, MAP_PAGE);
}

static void storm(void)
{
    u64 began = read_tsc();
    u32 wrong = 0;
    for (u32 i = 0; i < STORM; i++) {
        wrong += *(volatile u32 *)(uintptr_t)(machine.own_base + 4 * (i % 1024)) != ~0u;
    }
    result("memory-storm", wrong == 0, "%u reads, %llu ticks each", STORM, (read_tsc() - began) / STORM);
}

static void expect_trap(const char *name, void (*fn)(void *), u64 vector)
{
    u64 got = trap_call(fn, NULL);
    result(name, got == vector, "vector %llu, error 0x%llx", got, trap.error);
}

static void expect_values(const char *name, void (*fn)(void *))
{
    u32 wrong = 0;
    u64 got = trap_call(fn, &wrong);
    result(name, got == NO_TRAP && wrong == 0, "vector %llu, %u wrong values", got, wrong);
}

void hostile_memory(void)
{
    u64 seen = 0, got;
    result("memory-found", machine.own_size >= 8 << 20, "0x%llx bytes at 0x%llx", machine.own_size,
           machine.own_base);
    bench_dump(machine.own_base, DUMPED);
    bench_dump(machine.own_base + machine.own_size - 4096, 4096);
    expect_values("memory-read", read_all);
    expect_values("memory-write", write_all);
    expect_values("memory-change", change_all);
    expect_values("memory-fill", fill);
    expect_values("memory-copy-in", copy_in);
    expect_trap("memory-copy-out", copy_out, VECTOR_GP);
    expect_trap("memory-execute", execute, VECTOR_GP);
    expect_trap("memory-page-table", through_table, VECTOR_GP);
    got = trap_call(through_alias, &seen);
    result("memory-alias", got == NO_TRAP && seen == ~0ull, "0x%llx", seen);
    storm();
    bench_dump(machine.own_base, DUMPED);
    bench_dump(machine.own_base + machine.own_size - 4096, 4096);
}
