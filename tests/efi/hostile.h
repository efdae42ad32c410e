/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A guest that means harm: what its subjects (hostile_*.c) share. It runs with interrupts off and
 * descriptor tables of its own, and prints a line on COM1 for each check:
 *
 *     efi: NAME ok|FAIL detail
 *
 * tests/bochs/test_hostile knows all the names, and what Nestor must have said meanwhile.
 */
#ifndef NESTOR_TESTS_EFI_HOSTILE_H
#define NESTOR_TESTS_EFI_HOSTILE_H

#include "tests/efi/port_io.h"
#include "tests/efi/tsc.h"

struct hostile_machine {
    u64 own_base, own_size;     /* Nestor's memory: the largest reserved range of the UEFI map */
    u64 unit;                   /* the first unit's registers, 0 without a DMAR table */
    u16 pm1a_control, pm1a_status;
    u8 *page, *page2;           /* a page of RAM each, below 4 GiB */
    u8 *tables;                 /* eight pages for page tables */
    u8 *unit_tables;            /* eight more, for what a unit walks */
    u8 *start;                  /* four pages below 1 MiB: where other CPUs start */
};
extern struct hostile_machine machine;

void print(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void result(const char *name, bool ok, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
void wait_ms(u32 ms);

/* --- faults, hostile_trap.c --- */

enum { NO_TRAP = 256, VECTOR_UD = 6, VECTOR_DF = 8, VECTOR_GP = 13, VECTOR_PF = 14 };
struct hostile_trap { u64 vector, error, address, rip; };
extern struct hostile_trap trap;

void trap_init(void);
/* Calls fn; the vector of the exception that ended it, or NO_TRAP. */
u64 trap_call(void (*fn)(void *arg), void *arg);
/* The exception's handler runs on a stack of its own, or on the one that is in use. */
void trap_own_stack(u32 vector, bool own);
void trap_set_idt(u64 base);
/* A 32-bit read by code in compatibility mode. */
u32 compat_read(u32 address);

/* --- linear addresses of choice, hostile_map.c --- */

enum { MAP_PAGE, MAP_TABLE };
/* A linear address that leads to that page; MAP_TABLE: one whose walk goes through that page. */
volatile u8 *map_page(u64 physical, u32 how);

/* --- accesses --- */

static inline u64 read_width(u64 at, u32 width)
{
    switch (width) {
    case 1: return *(volatile u8 *)(uintptr_t)at;
    case 2: return *(volatile u16 *)(uintptr_t)at;
    case 4: return *(volatile u32 *)(uintptr_t)at;
    default: return *(volatile u64 *)(uintptr_t)at;
    }
}

static inline void write_width(u64 at, u32 width, u64 value)
{
    switch (width) {
    case 1: *(volatile u8 *)(uintptr_t)at = (u8)value; break;
    case 2: *(volatile u16 *)(uintptr_t)at = (u16)value; break;
    case 4: *(volatile u32 *)(uintptr_t)at = (u32)value; break;
    default: *(volatile u64 *)(uintptr_t)at = value; break;
    }
}

/* --- hostile_msr.c --- */

/* Writes that register and says whether the outcome was `vector`. */
void msr_expect_write(const char *name, u32 msr, u64 value, u64 vector);

/* --- the bench page of tests/bochs/attach/bench.c --- */

/* DMA of `length` bytes, at most 64, under any source-id; true if the unit let it through. */
bool bench_dma(u16 sid, u64 address, u32 length, bool write, void *data);
u32 bench_reason(void);
void bench_report(void);
/* For a walk over what the units could reach now (tests/bochs/walk.py). */
void bench_snapshot(void);
/* Appends memory, as it really is, to the attachment's dump file. */
void bench_dump(u64 address, u32 length);
/* Changes memory behind everybody's back, like a broken chip. */
void bench_poke(u64 address, const void *bytes, u32 length);

/* --- the subjects --- */

void hostile_memory(void);
void hostile_dma(void);
void hostile_cpu(void);
void hostile_msr(void);
void hostile_sleep(void);
void hostile_status(void);
/* Prints what the window has of an earlier start that ended with a fatal error: how much, and whether it names that. */
void hostile_status_previous(void);
void hostile_keys(void);
void hostile_idle(void);
void hostile_page(void);
void hostile_code(void);
void hostile_unit(void);
void hostile_storm(void);
/* With four CPUs. */
void hostile_race(void);
void hostile_start_modes(void);
/* These end in a reset. */
void hostile_init_boot_cpu(void);
void hostile_idt_in_page(void);
void hostile_tables_in_page(void);
/* Nestor's code at that offset of its memory becomes an undefined instruction, or an endless push. */
void hostile_break_code(u64 offset, bool overflow);

#endif
