/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A partition of the tests: two CPUs, ticks by TSC deadline, a console. In its arguments, do=LETTERS says what else it
 * does, in that order:
 *
 *   t  200 ticks between two marks
 *   x  ticks whose times, and what both CPUs did between them, must not depend on anybody else (exact.c)
 *   l  a thousand ticks a second, asleep in between, for ever (steady.c)
 *   a  tries what is not its own
 *   d  has that function do DMA and send messages, where it may and where not
 *   c  configures the function 00:08.0 (attach/edu.c), and tries what it may not
 *   u  has its unit translate that function's DMA, and lists what is not its own; leaves translation on
 *   m  has its unit remap that function's messages, behind u; refused ones fault; leaves it on
 *   p  has a snapshot of the machine's memory taken, behind d
 *   q  floods that unit, behind u, and stops a CPU with the unit at work
 *   n  has the function do nothing but DMA that is refused
 *   s  says what its status window shows it
 *   k  waits for a character from its console
 *   v  reset, as by a jump to the reset vector in real mode
 *   g  feeds its watchdog for longer than that waits
 *   e  first of all, and on one CPU: writes to a hole for ever, each of which exits
 *   f  triple fault        r  reset        o  off        i  INIT of the first CPU        w  runs for ever, with exits
 */
#include "tests/bochs/partition/guest.h"

enum { START_PAGE = 8, TICKS = 200 };

struct multiboot { u32 flags, lower, upper, boot_device, arguments; };
struct gate { u16 offset0, selector; u8 zero, type; u16 offset1; };

void first_cpu(u32 magic, const struct multiboot *info);
void second_cpu(void);
void tick_handler(void);
void tick_entry(void);
void quiet_handler(void);
void quiet_entry(void);
void load_tables(u32 idt_limit, const void *idt);
void triple_fault(void);
void reset_vector(void);
extern const u8 second_start[], second_end[];

static struct gate idt[256];
volatile u32 ticks;
void (*volatile second_job)(void);
static volatile u32 second_id, lives = 0x11111111;   /* in .data: loaded again at each start */

void print(const char *text)
{
    for (; *text != 0; text++) {
        while ((in8(UART + 5) & 0x20) == 0) {
        }
        out8(UART, (u8)*text);
    }
}

void print_hex(const char *text, u32 value)
{
    print(text);
    for (int shift = 28; shift >= 0; shift -= 4) {
        char digit[2] = {"0123456789abcdef"[value >> shift & 15], 0};
        print(digit);
    }
    print("\n");
}

void tick_handler(void)
{
    ticks = ticks + 1;
    msr_put(MSR_EOI, 0);
}

void quiet_handler(void)
{
    msr_put(MSR_EOI, 0);
}

void take_interrupts(void)
{
    load_tables(sizeof(idt) - 1, idt);
    msr_put(MSR_SPURIOUS, 0x1ff);
}

void second_cpu(void)
{
    second_id = 0x80000000 | (u32)msr_get(MSR_ID);
    if (second_job != NULL) {
        second_job();
    }
}

void start_second(void)
{
    for (const u8 *at = second_start; at != second_end; at++) {
        *(volatile u8 *)(START_PAGE * 0x1000 + (at - second_start)) = *at;
    }
    second_id = 0;
    msr_put(MSR_ICR, ICR_INIT | ICR_OTHERS);
    msr_put(MSR_ICR, ICR_STARTUP | ICR_OTHERS | START_PAGE);
    while (second_id == 0) {
        __asm__ volatile("pause");
    }
    print_hex("second CPU ", second_id & 0x7fffffff);
}

u32 words_lost(bool put)
{
    enum { KEPT = 0x200000, KEPT_BYTES = 0x100000 };
    u32 lost = 0;
    for (u32 at = KEPT; at < KEPT + KEPT_BYTES; at += 4) {
        volatile u32 *word = (volatile u32 *)at;
        *word = put ? ~at : *word;
        lost += *word != ~at ? 1 : 0;
    }
    return lost;
}

void set_gate(u32 vector, void (*entry)(void))
{
    u32 at = (u32)entry;
    idt[vector] = (struct gate){(u16)at, 8, 0, 0x8e, (u16)(at >> 16)};
}

static void run_ticks(void)
{
    u64 next = read_tsc();
    msr_put(MSR_LVT_TIMER, DEADLINE_MODE | VECTOR);
    ticks = 0;
    print("mark 1\n");
    while (ticks < TICKS) {
        next += PERIOD;
        u32 before = ticks;
        msr_put(MSR_DEADLINE, next);
        while (ticks == before) {
            __asm__ volatile("sti; hlt; cli");
        }
    }
    print("mark 2\n");
}

volatile u32 *edu(u32 offset)
{
    return (volatile u32 *)((config_read(FUNCTION, BAR) & ~15u) + offset);
}

u32 edu_dma(u32 command, u32 address, u32 bytes)
{
    *edu(EDU_SOURCE) = command == EDU_TO_MEMORY ? EDU_BUFFER : address;
    *edu(EDU_DESTINATION) = command == EDU_TO_MEMORY ? address : EDU_BUFFER;
    *edu(EDU_COUNT) = bytes;
    *edu(EDU_COMMAND) = command;
    return *edu(EDU_STATUS) & EDU_REFUSED;
}

/* Interrupts that come of these messages. */
static u32 edu_interrupt(u32 vectors)
{
    ticks = 0;
    *edu(EDU_RAISE) = vectors;
    for (u32 i = 0; i < 1000; i++) {
        __asm__ volatile("sti; nop; cli");
    }
    return ticks;
}

bool edu_put_message(u32 vector, u32 address, u32 data)
{
    volatile u32 *entry = edu(TABLE + vector * 16);
    entry[0] = address;
    entry[1] = 0;
    entry[2] = data;
    entry[3] = 0;
    return entry[0] == address && entry[2] == data;
}

void edu_set_message(u32 vector, u32 cpu, u32 data)
{
    print(edu_put_message(vector, 0xfee00000 | cpu << 12, data) ? "reads its message\n" : "reads another's\n");
}

void edu_turn_on(void)
{
    config_write(COMMAND, COMMAND_MEMORY_MASTER);
    edu_set_message(0, (u32)msr_get(MSR_ID), DEVICE_VECTOR);
    config_write(CONFIG_MSIX, config_read(FUNCTION, CONFIG_MSIX) | (u32)MSIX_ON);
}

static void use_device(void)
{
    static volatile u64 from = 0x1122334455667788, to;
    u32 self = (u32)msr_get(MSR_ID);
    config_write(COMMAND, COMMAND_MEMORY_MASTER);
    u32 refused = edu_dma(EDU_FROM_MEMORY, (u32)&from, 8) | edu_dma(EDU_TO_MEMORY, (u32)&to, 8);
    print(refused == 0 && from == to ? "DMA\n" : "no DMA\n");
    refused = edu_dma(EDU_TO_MEMORY, BEYOND, 8) & edu_dma(EDU_FROM_MEMORY, HOST_MEMORY, 8) &
              edu_dma(EDU_TO_MEMORY, (u32)edu(TABLE), 8) & edu_dma(EDU_TO_MEMORY, 0xfee00000, 4);
    print(refused != 0 ? "refused\n" : "passed\n");
    edu_set_message(0, self, DEVICE_VECTOR);
    edu_set_message(1, 0, DEVICE_VECTOR);                           /* for a CPU of the root's */
    edu_set_message(2, self, 0x400);                                /* an NMI */
    config_write(CONFIG_MSIX, config_read(FUNCTION, CONFIG_MSIX) | (u32)MSIX_ON);
    print_hex("MSI-X ", edu_interrupt(1));
    print_hex("others ", edu_interrupt(2) | edu_interrupt(4));
    config_write(CONFIG_MSIX, config_read(FUNCTION, CONFIG_MSIX) & ~(u32)MSIX_ON);
    config_write(CONFIG_MSI + 4, 0xfee00000 | self << 12);
    config_write(CONFIG_MSI + 12, DEVICE_VECTOR);
    config_write(CONFIG_MSI, config_read(FUNCTION, CONFIG_MSI) | MSI_ON);
    print_hex("MSI ", edu_interrupt(1));
}

u32 window_take(u32 report)
{
    enum { CONSOLE = 9, HIGH = 1 };
    (void)window(0, HIGH);
    out32(STATUS_PORT + 4, report == CONSOLE ? 1 << 24 : 0);
    (void)window(report, 0);
    out32(STATUS_PORT + 4, 0);
    while (window(report, 0) == 0) {
    }
    return window(report, 2) / 4;
}

/* Bytes of it are of what the log has for the root: "tables". */
static bool has_the_roots(u32 report, u32 end)
{
    const u64 marker = 0x626174 | (u64)0x73656c << 24;
    u64 last = 0;
    for (u32 at = 0; at < end * 4; at++) {
        last = last >> 8 | (u64)(window(report, at / 4) >> at % 4 * 8 & 0xff) << 40;
        if (last == marker) {
            return true;
        }
    }
    return false;
}

/* The types of the records of each report that has some; arguments of zeros, but for a partition's console. */
static void show_window(void)
{
    for (u32 report = 1; report < REPORTS; report++) {
        u32 end = window_take(report);
        print(has_the_roots(report, end) ? "the root's\n" : "");
        for (u32 at = STATUS_HEADER; at < end; at += 2 + window(report, at + 1) / 4) {
            print_hex("record ", report << 16 | window(report, at));
        }
    }
}

static void wait_for_key(void)
{
    while ((in8(UART + 5) & UART_RECEIVED) == 0) {
        __asm__ volatile("pause");
    }
    print_hex("key ", in8(UART));
}

/* What a register of the vector unit holds from before, and something for whoever comes after. */
static u32 swap_vector(u32 value)
{
    enum { OSFXSR = 1 << 9 };
    u32 cr4, before;
    __asm__ volatile("mov %%cr4, %0" : "=r"(cr4));
    __asm__ volatile("mov %0, %%cr4" : : "r"(cr4 | OSFXSR));
    __asm__ volatile("movd %%xmm7, %0; movd %1, %%xmm7" : "=&r"(before) : "r"(value));
    return before;
}

/* Five quarters of a second, on a machine of 50 million instructions a second. */
static void feed(void)
{
    enum { QUARTER = 12500000, TIMES = 5 };
    u64 next = read_tsc();
    msr_put(MSR_LVT_TIMER, DEADLINE_MODE | VECTOR);
    for (u32 i = 0; i < TIMES; i++) {
        out8(WATCHDOG, 0);
        next += QUARTER;
        msr_put(MSR_DEADLINE, next);
        __asm__ volatile("sti; hlt; cli");
    }
    print("fed\n");
}

static void storm(void)
{
    for (u32 i = 0;; i++) {
        *(volatile u32 *)0xb8000 = i;
    }
}

static void perform(char what)
{
    switch (what) {
    case 't': run_ticks(); break;
    case 'x': exact_run(); break;
    case 'l': steady_run(); break;
    case 'a': attack(); break;
    case 'c': attack_configure(); break;
    case 'd': use_device(); break;
    case 'u': unit_use(); break;
    case 'm': unit_use_remapping(); break;
    case 'q': unit_flood(); break;
    case 'n': attack_with_faults(); break;
    case 'p': *edu(EDU_SNAPSHOT) = 1; break;
    case 's': show_window(); break;
    case 'g': feed(); break;
    case 'k': wait_for_key(); break;
    case 'f': triple_fault(); break;
    case 'v': reset_vector(); break;
    case 'r': out8(RESET, 6); break;
    case 'o': out8(SLEEP, SLEEP_OFF); break;
    case 'i': msr_put(MSR_ICR, msr_get(MSR_ID) << 32 | ICR_INIT); break;
    case 'w':
        for (u32 i = 0;; i++) {
            if (i % 0x4000 == 0) {
                (void)in8(UART + 5);
            }
            __asm__ volatile("" : : "r"(i));    /* the count is what it does between them */
        }
    default: break;
    }
}

void first_cpu(u32 magic, const struct multiboot *info)
{
    print(magic == 0x2badb002 ? "begins by multiboot\n" : "begins\n");
    print_hex("lives ", lives);
    lives = 0;
    set_gate(VECTOR, tick_entry);
    set_gate(DEVICE_VECTOR, tick_entry);
    set_gate(QUIET_VECTOR, quiet_entry);
    take_interrupts();
    set_gate(SECOND_VECTOR, tick_entry);
    print_hex("vector ", swap_vector(0x5a5a5a5a));
    print_hex("first CPU ", (u32)msr_get(MSR_ID));
    const char *arguments = (info->flags & 4) != 0 ? (const char *)info->arguments : "";
    while (*arguments != 0 && *arguments != '=') {
        arguments++;
    }
    if (arguments[0] == '=' && arguments[1] == 'e') {
        storm();
    }
    start_second();
    for (; *arguments != 0; arguments++) {
        perform(*arguments);
    }
    print("end\n");
}
