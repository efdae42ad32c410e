/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Time that no CPU makes for another. Bochs gives each CPU a turn of at most one trace, and lets time pass by what
 * all of them have executed, so that a CPU which does something moves the ticks of those that do nothing. With even
 * turns each turn counts as one of a CPU that sleeps, however it ended: what a CPU sees of time then depends on its
 * own instructions alone. String instructions take one turn, too: their fast forms, which move time on for all by the
 * bytes, find nothing that they could do.
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <string.h>

#include "tests/bochs/attach/attach.h"

/* Offsets in Bochs's CPU: instructions executed, and of these what is in time already; a turn of one that sleeps. */
enum { CPU_EXECUTED = 0x140, CPU_TIMED = 0x148, TURN = 16 };

static void (*run_trace)(void *cpu);
static jmp_buf *main_loop;

static uint64_t *count(void *cpu, size_t offset)
{
    return (uint64_t *)(void *)((uint8_t *)cpu + offset);
}

/* Faults and VM exits end a trace by a jump into the main loop, where another CPU's count would be taken for it. */
static void take_turn(void *cpu)
{
    if (setjmp(*main_loop) == 0) {
        run_trace(cpu);
    }
    *count(cpu, CPU_EXECUTED) = *count(cpu, CPU_TIMED) + TURN;
}

static unsigned none_done(void)
{
    return 0;
}

static void make_strings_slow(void)
{
    static const char *const fast[] = {"11FastRepINSWEjtj", "12FastRepOUTSWEjjtj", "12FastRepMOVSBEjjjjjj",
        "12FastRepMOVSBEmmmj", "12FastRepSTOSBEjjhj", "12FastRepSTOSBEmhj"};
    unsigned (*function)(void) = none_done;
    for (size_t i = 0; i < sizeof(fast) / sizeof(fast[0]); i++) {
        char name[64];
        snprintf(name, sizeof(name), "_ZN8BX_CPU_C%s", fast[i]);
        patches_replace(patches_needed(name), *(void **)&function);
    }
}

void turns_make_even(void)
{
    /* mov rax, [rdi + CPU_EXECUTED]; mov [rdi + CPU_TIMED], rax: before the turn */
    static const uint8_t pattern[] = {0x48, 0x8b, 0x87, CPU_EXECUTED & 0xff, CPU_EXECUTED >> 8, 0, 0,
                                      0x48, 0x89, 0x87, CPU_TIMED & 0xff, CPU_TIMED >> 8, 0, 0};
    enum { LOOP_BYTES = 0x400 };
    uint8_t *code = patches_needed("_Z19bx_begin_simulationiPPc");
    void (*function)(void *) = take_turn;
    *(void **)&run_trace = patches_needed("_ZN8BX_CPU_C13cpu_run_traceEv");
    main_loop = patches_needed("_ZN8BX_CPU_C11jmp_buf_envE");
    if (memmem(code, LOOP_BYTES, pattern, sizeof(pattern)) == NULL) {
        attach_stop("the main loop is not as it was");
    }
    make_strings_slow();
    patches_redirect(code, LOOP_BYTES, *(void **)&run_trace, *(void **)&function, "each CPU's turn counts the same");
}
