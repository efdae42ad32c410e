/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of the tests' partition share: its machine, and what guest.c does for the others. */
#ifndef NESTOR_TESTS_PARTITION_GUEST_H
#define NESTOR_TESTS_PARTITION_GUEST_H

#include "tests/efi/msr.h"
#include "tests/efi/port_io.h"
#include "tests/efi/tsc.h"

enum {
    UART = 0x3f8, UART_RECEIVED = 1, STATUS_PORT = 0x9c0, REPORTS = 11, STATUS_HEADER = 12,
    RESET = 0xcf9, WATCHDOG = 0x602, SLEEP = 0x600, SLEEP_OFF = 5 << 2 | 1 << 5,
    VECTOR = 0x40, QUIET_VECTOR = 0x42, PERIOD = 20000,
    ICR_INIT = 0x4500, ICR_STARTUP = 0x4600, ICR_OTHERS = 3 << 18, ICR_NMI = 0x4400,
    MSR_ID = 0x802, MSR_EOI = 0x80b, MSR_IRR_64 = 0x822, MSR_SPURIOUS = 0x80f, MSR_ICR = 0x830, MSR_LVT_TIMER = 0x832,
    MSR_LVT_LINT1 = 0x836, MSR_PAT = 0x277, MSR_DEADLINE = 0x6e0, DEADLINE_MODE = 2 << 17,
    CONFIG_ADDRESS = 0xcf8, CONFIG_DATA = 0xcfc, FUNCTION = 8 << 11, WINDOW = 0xfe000000, COMMAND = 4, BAR = 0x10,
    COMPLEMENT = 4, TABLE = 0x8000,
};

enum {
    COMMAND_MEMORY_MASTER = 6, CONFIG_MSI = 0x80, CONFIG_MSIX = 0xa0, MSI_ON = 1 << 16, MSIX_ON = (int)(1u << 31),
    EDU_STATUS = 0x20, EDU_RAISE = 0x60, EDU_SNAPSHOT = 0x70, EDU_SOURCE = 0x80, EDU_DESTINATION = 0x88,
    EDU_COUNT = 0x90, EDU_COMMAND = 0x98, EDU_BUFFER = 0x40000, EDU_FROM_MEMORY = 1, EDU_TO_MEMORY = 3, EDU_REFUSED = 2,
    BEYOND = 0x1000000, HOST_MEMORY = 0x8000000, DEVICE_VECTOR = 0x51, SECOND_VECTOR = 0x52,
};

static inline u32 config_read(u32 function, u32 offset)
{
    out32(CONFIG_ADDRESS, 1u << 31 | function | offset);
    return in32(CONFIG_DATA);
}

static inline void config_write(u32 offset, u32 value)
{
    out32(CONFIG_ADDRESS, 1u << 31 | FUNCTION | offset);
    out32(CONFIG_DATA, value);
}

static inline volatile u32 *in_window(u32 function, u32 offset)
{
    return (volatile u32 *)(WINDOW + (function << 4) + offset);
}

static inline u32 window(u32 report, u32 offset)
{
    out32(STATUS_PORT, report << 24 | offset);
    return in32(STATUS_PORT + 4);
}

/* guest.c */
extern volatile u32 ticks;      /* interrupts taken */
extern void (*volatile second_job)(void);
void print(const char *text);
void print_hex(const char *text, u32 value);
/* The other CPU begins anew: it does its job, if it has one. */
void start_second(void);
void set_gate(u32 vector, void (*entry)(void));
void quiet_entry(void);
void ignore_entry(void);            /* for what is not the local APIC's to end */
volatile u32 *edu(u32 offset);
/* 0: the unit let it through. */
u32 edu_dma(u32 command, u32 address, u32 bytes);
/* A vector of its MSI-X; true if that is read back. The other says so. */
bool edu_put_message(u32 vector, u32 address, u32 data);
void edu_set_message(u32 vector, u32 cpu, u32 data);
/* Vector 0 of its MSI-X is on, and this CPU's. */
void edu_turn_on(void);
/* This CPU has the gates, and its APIC is on. An interrupt of QUIET_VECTOR is not counted. */
void take_interrupts(void);
/* How many words of a MiB of its memory are not what was put there. */
u32 words_lost(bool put);
/* Takes that report of the status window's; how many double words it has. */
u32 window_take(u32 report);

/* attack.c: what must have no effect outside, nor end this partition. */
void attack(void);
/* The function's configuration; the first life leaves all of it changed, so that the next one says if it was reset. */
void attack_configure(void);
void attack_with_faults(void);

/* unit.c */
void unit_use(void);
void unit_use_remapping(void);
void unit_flood(void);

/* exact.c */
void exact_run(void);
/* Of both CPUs, of all kinds, by the status window. */
u32 exits(void);

/* steady.c */
void steady_run(void);

#endif
