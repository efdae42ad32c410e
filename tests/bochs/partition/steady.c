/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ticks of both CPUs for as long as this life lasts, each CPU asleep in between, in stretches of two seconds. Nothing
 * within one exits, whatever others do meanwhile; at every hundredth of the first CPU's ticks its function interrupts
 * it, if it has one. After each it prints how much was otherwise: exits, words of its memory that are not as it left
 * them, messages or ticks that did not come.
 */
#include "tests/bochs/partition/guest.h"

enum { MS = 50000, TICKS = 2000, MESSAGE_EACH = 100, IDENTITY = 0x11e81234 };

static volatile u32 second_ticks;

/* Bochs measures deadlines by a clock that a reset of the machine does not turn back: then they are over at once. */
static void sleep_until(u64 next)
{
    do {
        msr_put(MSR_DEADLINE, next);
        __asm__ volatile("sti; hlt; cli");
    } while (read_tsc() < next);
}

static void tick_meanwhile(void)
{
    take_interrupts();
    msr_put(MSR_LVT_TIMER, DEADLINE_MODE | QUIET_VECTOR);
    for (u64 next = read_tsc();; second_ticks = second_ticks + 1) {
        next += MS;
        sleep_until(next);
    }
}

/* Messages of its function's that came. */
static u32 tick(volatile u32 *raise)
{
    u32 messages = 0;
    u64 next = read_tsc();
    for (u32 i = 0; i < TICKS; i++) {
        next += MS;
        sleep_until(next);
        if (raise != NULL && i % MESSAGE_EACH == 0) {
            u32 before = ticks;
            *raise = 1;
            __asm__ volatile("sti; nop; cli");
            messages += ticks - before;
        }
    }
    return messages;
}

void steady_run(void)
{
    volatile u32 *raise = config_read(FUNCTION, 0) == IDENTITY ? edu(EDU_RAISE) : NULL;
    if (raise != NULL) {
        edu_turn_on();
    }
    second_job = tick_meanwhile;
    start_second();
    msr_put(MSR_LVT_TIMER, DEADLINE_MODE | VECTOR);
    (void)words_lost(true);
    for (;;) {
        u32 first = exits();
        u32 before = exits();
        u32 second = second_ticks;
        u32 messages = tick(raise);
        second = second_ticks - second;
        u32 after = exits();
        u32 wrong = after - before - (before - first) + words_lost(false);
        wrong += raise != NULL && messages != TICKS / MESSAGE_EACH ? 1 : 0;
        print_hex("wrong ", wrong + (second < TICKS / 2 ? 1 : 0));
    }
}
