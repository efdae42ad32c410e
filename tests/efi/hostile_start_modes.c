/* SPDX-License-Identifier: BSD-2-Clause */
/* Starting and stopping a CPU as an attack: register accesses in real mode, INIT between any two instructions. */
#include "tests/efi/hostile_cpus.h"
#include "tests/efi/hostile_unit.h"
#include "tests/efi/msr.h"

enum { CAP = 0x08, A_WHILE = 100000, PRINTING = 3000000, STARTS = 100, TRIES = 20, HARASSED_CHANGES = 100 };

static volatile u32 touched, harassed;

/* Accesses of each kind, one right after another; `touched` counts the starts. */
static void touch(void *unused)
{
    (void)unused;
    touched++;
    while (!cpus_end) {
        (void)read_width(machine.unit + CAP, 8);
        wait_ticks(2000);
        unit_set(FEDATA, unit_get(GSTS));
        wait_ticks(2000);
    }
}

static bool becomes(const volatile u32 *word, u32 value)
{
    for (u64 began = read_tsc(); read_tsc() - began < A_WHILE;) {
        if (*word == value) {
            return true;
        }
    }
    return false;
}

static void real_mode(void)
{
    u64 cap = read_width(machine.unit + CAP, 8);
    volatile struct start_page *p = cpu_start_real(1);
    bool done;
    wait_ticks(PRINTING);
    done = p->done == 1;
    result("real-read", done && p->found[0] == (u32)cap && p->found[1] == (u32)(cap >> 32), "0x%x 0x%x",
           p->found[1], p->found[0]);
    result("real-narrow", p->found[2] == 0x77770000 && p->found[3] == 0, "0x%x 0x%x", p->found[2], p->found[3]);
    result("real-or", p->found[4] == 0x43, "0x%x", p->found[4]);
    result("real-fill", p->found[5] == 0x75 && p->found[6] == 0, "0x%x, %u left", p->found[5], p->found[6]);
    result("real-refused", p->faults == 2 && p->found[7] == 0, "%u faults, %u went on", p->faults, p->found[7]);
    cpus_stop();
}

static bool start_again(u32 count)
{
    for (u32 i = 0; i < TRIES; i++) {
        cpu_start(1, touch, NULL);
        if (becomes(&touched, count)) {
            return true;
        }
    }
    return false;
}

static void init_in_access(void)
{
    u64 state = 99;
    u32 good = 0;
    touched = 0;
    for (u32 i = 0; i < STARTS; i++) {
        good += start_again(i + 1);
        wait_ticks(random_next(&state) % 5000);
    }
    cpus_stop();
    result("init-in-access", good == STARTS, "%u of %u starts", good, STARTS);
}

/* CPU 1 never gets far; nobody may wait for it for ever. */
static void harass(void *unused)
{
    (void)unused;
    while (!cpus_end) {
        cpu_start(1, touch, NULL);
        harassed++;
        wait_ticks(2000);
    }
}

static void init_while_kicked(void)
{
    harassed = 0;
    cpu_start(2, harass, NULL);
    cpu_start(3, touch, NULL);
    (void)becomes(&harassed, 1);
    mtrr_change(HARASSED_CHANGES);
    result("init-while-kicked", harassed > 10, "%u starts in %u changes of the second stage", harassed,
           2 * HARASSED_CHANGES);
    cpus_stop();
}

void hostile_start_modes(void)
{

    real_mode();
    init_in_access();
    init_while_kicked();
    result("start-alive", read_width(machine.unit + CAP, 4) != 0 && queue_refuses(0xf, 0), "FSTS 0x%x",
           unit_get(FSTS));
}

static void send_init(void *cpu)
{
    print("efi: INIT for CPU 0\n");
    cpu_send((u32)(uintptr_t)cpu, IPI_INIT);
}

void hostile_init_boot_cpu(void)
{
    cpu_start(1, send_init, NULL);
    for (;;) {
    }
}
