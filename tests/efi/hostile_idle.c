/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An idle CPU: a device's DMA is refused, and the CPU then sleeps for a fifth of a second, woken by nothing but its own
 * timer. Whoever wants to know of the fault has to interrupt the sleep.
 */
#include "tests/efi/hostile.h"

enum { LVT_TIMER = 0xfee00320, TIMER_COUNT = 0xfee00380, TIMER_DIVIDE = 0xfee003e0, BY_ONE = 0xb, VECTOR = 0x60,
       TICKS = 10000000 /* 200 ms on the Bochs machine */, SID_FREE = 0x0250,
       PIC1 = 0x21, PIC2 = 0xa1, MONITOR = 1 << 3 };

/* The firmware's own tick, which came between the bench page's accesses and now, would end the first sleep at once. */
static void take_what_is_pending(void)
{
    __asm__ volatile("sti; nop; nop; cli" : : : "memory");
}

static void halt(void)
{
    __asm__ volatile("sti; hlt; cli" : : : "memory");
}

static void wait_for_store(void)
{
    static u64 watched;
    __asm__ volatile("monitor" : : "a"(&watched), "c"(0), "d"(0));
    __asm__ volatile("sti; mwait; cli" : : "a"(0), "c"(0) : "memory");
}

static void sleep_after_fault(const char *name, void (*sleep)(void))
{
    u8 data[8] = {0};
    print("efi: %s sleeps\n", name);
    bool let_through = bench_dma(SID_FREE, machine.unit, sizeof(data), false, data);
    write_width(TIMER_COUNT, 4, TICKS);
    u64 began = read_tsc();
    sleep();
    u64 slept = read_tsc() - began;
    result(name, !let_through && slept > TICKS / 2, "%llu ticks", slept);
}

void hostile_idle(void)
{
    u32 a = 1, b, c, d;
    __asm__ volatile("cpuid" : "+a"(a), "=b"(b), "=c"(c), "=d"(d));
    out8(PIC1, 0xff);
    out8(PIC2, 0xff);
    write_width(TIMER_COUNT, 4, 0);
    take_what_is_pending();
    write_width(TIMER_DIVIDE, 4, BY_ONE);
    write_width(LVT_TIMER, 4, VECTOR);
    sleep_after_fault("idle-hlt", halt);
    if ((c & MONITOR) != 0) {
        sleep_after_fault("idle-mwait", wait_for_store);
    }
}
