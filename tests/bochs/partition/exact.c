/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Time and work of this partition's CPUs to the last turn of the emulator's: one ticks by its deadline, counts until
 * each tick comes, and has its function interrupt now and then; the other counts all the while. Nothing between the
 * marks exits. What is printed afterwards is the same in any two runs in which nobody has taken time from these CPUs.
 */
#include "tests/bochs/partition/guest.h"

enum { TICKS = 2000, MESSAGE_EACH = 8, EXITS = 4, RECORD_EXITS = 9 };

static volatile bool going;
static volatile u32 second_turns;

static void count_meanwhile(void)
{
    while (!going) {
    }
    while (going) {
        second_turns = second_turns + 1;
    }
}

/* Up to when the report is taken. */
u32 exits(void)
{
    u32 sum = 0;
    u32 end = window_take(EXITS);
    for (u32 at = STATUS_HEADER; at < end; at += 2 + window(EXITS, at + 1) / 4) {
        u32 kinds = window(EXITS, at) == RECORD_EXITS ? window(EXITS, at + 3) : 0;
        for (u32 i = 0; i < kinds; i++) {
            sum += window(EXITS, at + 4 + 2 * i);
        }
    }
    return sum;
}

struct seen { u64 last; u32 least, most, turns, sum, messages; };

/* How often it looked before the interrupt had come. */
static u32 wait_from(u32 before)
{
    u32 turns = 0;
    __asm__ volatile("sti");
    while (ticks == before) {
        turns++;
    }
    __asm__ volatile("cli");
    return turns;
}

static void note(struct seen *s, u32 turns)
{
    u64 now = read_tsc();
    u32 interval = (u32)(now - s->last);
    s->last = now;
    s->least = interval < s->least ? interval : s->least;
    s->most = interval > s->most ? interval : s->most;
    s->turns += turns;
    s->sum = (s->sum * 31 + interval) * 31 + turns;
}

static void tick(struct seen *s, volatile u32 *raise)
{
    u64 next = read_tsc();
    s->last = next;
    for (u32 i = 0; i < TICKS; i++) {
        u32 before = ticks;
        next += PERIOD;
        msr_put(MSR_DEADLINE, next);
        note(s, wait_from(before));
        if (i % MESSAGE_EACH == 0) {
            before = ticks;
            *raise = 1;
            s->sum = s->sum * 31 + wait_from(before);
            s->messages++;
        }
    }
}

void exact_run(void)
{
    struct seen s = {.least = ~0u};
    volatile u32 *raise = edu(EDU_RAISE);
    edu_turn_on();
    second_job = count_meanwhile;
    start_second();
    (void)words_lost(true);
    msr_put(MSR_LVT_TIMER, DEADLINE_MODE | VECTOR);
    u32 first = exits();
    u32 before = exits();
    going = true;
    tick(&s, raise);
    going = false;
    u32 after = exits();
    print_hex("exits ", after - before - (before - first));
    print_hex("least ", s.least);
    print_hex("most ", s.most);
    print_hex("turns ", s.turns);
    print_hex("sum ", s.sum);
    print_hex("messages ", s.messages);
    print_hex("second ", second_turns);
    print_hex("lost ", words_lost(false));
}
