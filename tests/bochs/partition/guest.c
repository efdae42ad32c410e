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

static void set_gate(u32 vector, void (*entry)(void))
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

/* Nothing here may have an effect outside, nor end this partition. */
static void attack(void)
{
    u32 found = *(volatile u32 *)0xfee00020;
    *(volatile u32 *)0xfee00300 = 0x000c4500;           /* INIT of all others, as in xAPIC mode */
    *(volatile u32 *)0xfee01000 = 0x4041;               /* as a device's message */
    *(volatile u32 *)0xfed90000 = 0;
    print_hex("holes read ", found & *(volatile u32 *)0xb8000 & *(volatile u32 *)0xfec00000);
    msr_put(MSR_ICR, ICR_INIT);                       /* of CPU 0, the root's */
    msr_put(MSR_ICR, 0x4041);
    msr_put(MSR_ICR, ICR_NMI);
    msr_put(MSR_ICR, 0xffffffffull << 32 | 0x4200);   /* SMI of all */
    msr_put(MSR_ICR, 1ull << 32 | 0x4700);
    msr_put(MSR_LVT_LINT1, 0x400);
    print_hex("LINT1 ", (u32)msr_get(MSR_LVT_LINT1));
    print(msr_x2apic_is_locked() ? "x2APIC is locked\n" : "x2APIC is not locked\n");
    out8(0x92, 1);
    out8(0x64, 0xfe);
    out8(0xb2, 1);
    print_hex("port ", in8(0x92));
    msr_put(0x1fc, 0);
    msr_put(0x610, 0);
    print("attacks done\n");
}

/* The first life leaves all of it changed, so that the next one says whether it was reset. */
static void configure(void)
{
    print_hex("function ", config_read(FUNCTION, 0));
    print_hex("in the window ", *in_window(FUNCTION, 0));
    print_hex("others ", config_read(0, 0) & config_read(9 << 11, 0) & *in_window(9 << 11, 0) & *in_window(1 << 11, 0));
    print_hex("command ", config_read(FUNCTION, COMMAND));
    u32 bar = config_read(FUNCTION, BAR);
    config_write(BAR, ~0u);
    print_hex("size ", config_read(FUNCTION, BAR));
    config_write(BAR, 0xe0000000);
    print(config_read(FUNCTION, BAR) == bar ? "fixed\n" : "moved\n");
    config_write(COMMAND, 0x107);
    print_hex("command ", config_read(FUNCTION, COMMAND));
    volatile u32 *registers = (volatile u32 *)bar;
    print_hex("identity ", registers[0]);
    print_hex("left ", registers[COMPLEMENT / 4]);
    registers[COMPLEMENT / 4] = 0x12345678;
    print_hex("complement ", registers[COMPLEMENT / 4]);
    print_hex("control ", registers[TABLE / 4 + 3]);
    registers[TABLE / 4 + 1] = 0xabcd;
    print_hex("address ", registers[TABLE / 4 + 1]);
    *in_window(FUNCTION, 0x48) = 0xa810;                /* FLR is not its own to ask for */
    print_hex("left ", registers[COMPLEMENT / 4]);
}

volatile u32 *edu(u32 offset)
{
    return (volatile u32 *)((config_read(FUNCTION, BAR) & ~15u) + offset);
}

/* 0: the unit let it through. */
static u32 edu_dma(u32 command, u32 address, u32 bytes)
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

static bool put_message(u32 vector, u32 address, u32 data)
{
    volatile u32 *entry = edu(TABLE + vector * 16);
    entry[0] = address;
    entry[1] = 0;
    entry[2] = data;
    entry[3] = 0;
    return entry[0] == address && entry[2] == data;
}

static void set_message(u32 vector, u32 cpu, u32 data)
{
    print(put_message(vector, 0xfee00000 | cpu << 12, data) ? "reads its message\n" : "reads another's\n");
}

void edu_turn_on(void)
{
    config_write(COMMAND, COMMAND_MEMORY_MASTER);
    set_message(0, (u32)msr_get(MSR_ID), DEVICE_VECTOR);
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
    set_message(0, self, DEVICE_VECTOR);
    set_message(1, 0, DEVICE_VECTOR);                           /* for a CPU of the root's */
    set_message(2, self, 0x400);                                /* an NMI */
    config_write(CONFIG_MSIX, config_read(FUNCTION, CONFIG_MSIX) | (u32)MSIX_ON);
    print_hex("MSI-X ", edu_interrupt(1));
    print_hex("others ", edu_interrupt(2) | edu_interrupt(4));
    config_write(CONFIG_MSIX, config_read(FUNCTION, CONFIG_MSIX) & ~(u32)MSIX_ON);
    config_write(CONFIG_MSI + 4, 0xfee00000 | self << 12);
    config_write(CONFIG_MSI + 12, DEVICE_VECTOR);
    config_write(CONFIG_MSI, config_read(FUNCTION, CONFIG_MSI) | MSI_ON);
    print_hex("MSI ", edu_interrupt(1));
}

#define UNIT 0xfed90000u
#define MESSAGE_REMAPPABLE(index) (0xfee00010u | (index) << 5)
enum {
    UNIT_CAP = 8, UNIT_ECAP = 0x10, UNIT_GCMD = 0x18, UNIT_GSTS = 0x1c, UNIT_RTADDR = 0x20,
    UNIT_FSTS = 0x34, UNIT_IQT = 0x88, UNIT_IQA = 0x90, UNIT_TE = (int)(1u << 31), UNIT_SRTP = 1 << 30,
    UNIT_QIE = 1 << 26, UNIT_IRE = 1 << 25, UNIT_SIRTP = 1 << 24, UNIT_IRTA = 0xb8, IRTA_EIME = 1 << 11, IRTA_16 = 3,
    IQA_WIDE = 1 << 11, ROOT_SCALABLE = 1 << 10, IOVA = 0x7654000, OWN_SID = 0x40, ROOTS_SID = 0x09,
    PGTT_FIRST = 1 << 6, PASID_DID = 5, UNIT_PPF = 2, READ_WRITE_USER = 7,
};
static _Alignas(4096) u64 root_table[512], contexts[512], directory[512], pasids[512], levels[4][512], ring[512];
static _Alignas(4096) volatile u64 target[512], interrupt_table[512];
static volatile u32 wait_status;

static volatile u32 *unit(u32 offset)
{
    return (volatile u32 *)(UNIT + offset);
}

static void unit_command(u32 value, u32 mask, u32 status)
{
    *unit(UNIT_GCMD) = value;
    while ((*unit(UNIT_GSTS) & mask) != status) {
    }
}

static void queue_put(u32 *tail, u64 low, u64 high)
{
    u64 *to = &ring[*tail / 8];
    to[0] = low;
    to[1] = high;
    to[2] = to[3] = 0;
    *tail = (*tail + 32) % 4096;
}

static void queue_finish(u32 tail)
{
    wait_status = 0;
    queue_put(&tail, 0x25 | 1ull << 32, (u32)&wait_status);
    *unit(UNIT_IQT) = tail;
    while (wait_status == 0) {
    }
}

/* Contexts, PASIDs and addresses, all of them. */
static void unit_forget(void)
{
    u32 tail = *unit(UNIT_IQT);
    queue_put(&tail, 0x11, 0);
    queue_put(&tail, 0x37, 0);
    queue_put(&tail, 0x12, 0);
    queue_finish(tail);
}

static void list_function(u32 source_id)
{
    contexts[source_id * 4] = (u32)directory | 1;
}

/* One page at IOVA. */
static void fill_tables(void)
{
    root_table[0] = (u32)contexts | 1;
    directory[0] = (u32)pasids | 1;
    pasids[0] = PGTT_FIRST | 1;
    pasids[1] = PASID_DID;
    pasids[2] = (u32)levels[0];
    levels[0][0] = (u32)levels[1] | READ_WRITE_USER;
    levels[1][0] = (u32)levels[2] | READ_WRITE_USER;
    levels[2][IOVA >> 21] = (u32)levels[3] | READ_WRITE_USER;
    levels[3][IOVA >> 12 & 511] = (u32)target | READ_WRITE_USER;
}

static void use_unit(void)
{
    static volatile u64 from = 0x8877665544332211;
    print_hex("unit ", (unit(UNIT_ECAP)[1] >> 11 & 1) | (unit(UNIT_ECAP)[1] >> 14 & 2) | (*unit(UNIT_ECAP) & 8));
    config_write(COMMAND, COMMAND_MEMORY_MASTER);
    fill_tables();
    *unit(UNIT_IQA) = (u32)ring | IQA_WIDE;
    unit_command(UNIT_QIE, UNIT_QIE, UNIT_QIE);
    list_function(OWN_SID);
    list_function(ROOTS_SID);
    *unit(UNIT_RTADDR) = (u32)root_table | ROOT_SCALABLE;
    unit_command(UNIT_QIE | UNIT_SRTP, UNIT_SRTP, UNIT_SRTP);
    unit_forget();
    print(edu_dma(EDU_FROM_MEMORY, (u32)&from, 8) == 0 ? "second stage\n" : "no second stage\n");
    unit_command(UNIT_QIE | UNIT_TE, (u32)UNIT_TE, (u32)UNIT_TE);
    print(edu_dma(EDU_TO_MEMORY, IOVA + 8, 8) == 0 && target[1] == from ? "nested\n" : "not nested\n");
    u32 refused = edu_dma(EDU_FROM_MEMORY, (u32)&from, 8) & edu_dma(EDU_TO_MEMORY, IOVA + 0x1000, 8);
    print(refused != 0 ? "others refused\n" : "others passed\n");
    for (u32 looks = 1; (*unit(UNIT_FSTS) & UNIT_PPF) == 0; looks++) {
        if (looks % 0x4000 == 0) {                              /* lost where the root's faults fill the records */
            (void)edu_dma(EDU_FROM_MEMORY, (u32)&from, 8);
        }
    }
    u32 record = (*unit(UNIT_CAP) >> 24 | (unit(UNIT_CAP)[1] & 3) << 8) * 16;
    print_hex("fault ", unit(record)[2]);
    print_hex("reason ", unit(record)[3] & 0x800000ff);
    levels[3][IOVA >> 12 & 511] = HOST_MEMORY | READ_WRITE_USER;
    unit_forget();
    print(edu_dma(EDU_TO_MEMORY, IOVA, 8) != 0 ? "beyond refused\n" : "beyond passed\n");
    unit_command(UNIT_QIE, (u32)UNIT_TE, 0);
    print(edu_dma(EDU_FROM_MEMORY, (u32)&from, 8) == 0 ? "second stage\n" : "no second stage\n");
    unit_command(UNIT_QIE | UNIT_TE, (u32)UNIT_TE, (u32)UNIT_TE);
    print(edu_dma(EDU_FROM_MEMORY, (u32)&from, 8) != 0 ? "left on\n" : "left off\n");
}

/* Vectors 64 to 95 that wait in the local APIC once it has sent message 0, as bits; they are taken. */
static u32 vectors_of_message(void)
{
    *edu(EDU_RAISE) = 1;
    u32 waiting = (u32)msr_get(MSR_IRR_64);
    __asm__ volatile("sti; nop; cli");
    return waiting;
}

static void set_entry(u32 index, u32 cpu, u32 low, u32 source_id)
{
    interrupt_table[index * 2] = (u64)cpu << 32 | low | 1;
    interrupt_table[index * 2 + 1] = 1u << 18 | source_id;
}

/* Of the fault at that index, after message 0 was sent; again and again, for the root's may fill the unit's records. */
static u32 reason_at(u32 index)
{
    u32 record = (*unit(UNIT_CAP) >> 24 | (unit(UNIT_CAP)[1] & 3) << 8) * 16;
    u32 records = (unit(UNIT_CAP)[1] >> 8 & 0xff) + 1;
    for (u32 looks = 0;; looks++) {
        if (looks % 0x4000 == 0) {
            *edu(EDU_RAISE) = 1;
            *unit(UNIT_FSTS) = 1;
        }
        for (u32 i = 0; (*unit(UNIT_FSTS) & UNIT_PPF) != 0 && i < records; i++) {
            volatile u32 *at = unit(record + i * 16);
            u32 high = at[3];
            bool interrupt = (high >> 31) != 0 && (high & 0xf0) == 0x20;
            bool found = interrupt && at[1] >> 16 == index && (at[2] & 0xffff) == OWN_SID;
            at[3] = 1u << 31;
            if (found) {
                return high & 0xff;
            }
        }
    }
}

static void use_remapping(void)
{
    u32 self = (u32)msr_get(MSR_ID);
    u32 on = UNIT_QIE | (u32)UNIT_TE;
    print_hex("remapping ", *unit(UNIT_ECAP) & 0x18);
    config_write(CONFIG_MSI, config_read(FUNCTION, CONFIG_MSI) & ~(u32)MSI_ON);
    config_write(CONFIG_MSIX, config_read(FUNCTION, CONFIG_MSIX) | (u32)MSIX_ON);
    set_message(0, self, DEVICE_VECTOR);
    set_entry(1, self, DEVICE_VECTOR << 16, OWN_SID);
    *unit(UNIT_IRTA) = (u32)interrupt_table | IRTA_EIME | IRTA_16;
    unit_command(on | UNIT_SIRTP, UNIT_SIRTP, UNIT_SIRTP);
    print_hex("as before ", vectors_of_message());
    unit_command(on | UNIT_IRE, UNIT_IRE, UNIT_IRE);
    print_hex("blocked ", vectors_of_message() | reason_at(0));
    print(put_message(0, MESSAGE_REMAPPABLE(1), 0) ? "" : "reads another's\n");
    print_hex("by its entry ", vectors_of_message());
    set_entry(1, self, SECOND_VECTOR << 16, OWN_SID);
    print_hex("not announced ", vectors_of_message());
    u32 tail = *unit(UNIT_IQT);
    queue_put(&tail, 0x14 | 1ull << 32, 0);
    queue_finish(tail);
    print_hex("announced ", vectors_of_message());
    set_entry(2, 0, DEVICE_VECTOR << 16, OWN_SID);              /* for a CPU of the root's */
    set_entry(3, self, 2 << 5, OWN_SID);                        /* an SMI */
    set_entry(4, self, DEVICE_VECTOR << 16, ROOTS_SID);
    for (u32 index = 2; index <= 5; index++) {
        (void)put_message(0, MESSAGE_REMAPPABLE(index), 0);
        print_hex("refused ", vectors_of_message() | reason_at(index));
    }
    (void)put_message(0, MESSAGE_REMAPPABLE(1), 0);
    print_hex("again ", vectors_of_message());
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
    case 'c': configure(); break;
    case 'd': use_device(); break;
    case 'u': use_unit(); break;
    case 'm': use_remapping(); break;
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
