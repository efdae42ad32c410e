/* SPDX-License-Identifier: BSD-2-Clause */
/* The guest's own unit, driven with garbage and at what is not the guest's (VT-d 6.5.2, 11.4). */
#include "tests/efi/hostile_unit.h"

enum { SID_FREE = 0x0450 };

static u64 random_state = 0x1234567;

static u64 random(void)
{
    return random_next(&random_state);
}

u32 unit_get(u32 reg)
{
    return (u32)read_width(machine.unit + reg, 4);
}

void unit_set(u32 reg, u32 value)
{
    write_width(machine.unit + reg, 4, value);
}

bool unit_wait_for(u32 reg, u32 mask, u32 value)
{
    for (u32 i = 0; i < 200; i++) {
        if ((unit_get(reg) & mask) == value) {
            return true;
        }
        wait_ms(1);
    }
    return false;
}

void queue_put(u32 slot, u64 low, u64 high)
{
    u64 *queue = (u64 *)(void *)machine.page;
    queue[2 * slot] = low;
    queue[2 * slot + 1] = high;
}

bool queue_restart(void)
{
    for (u32 i = 0; i < SLOTS; i++) {
        queue_put(i, DESC_NOTHING, 0);
    }
    unit_set(IQT, unit_get(IQH));
    unit_set(FSTS, IQE);
    unit_set(GCMD, 0);
    if (!unit_wait_for(GSTS, GCMD_QIE | GCMD_TE, 0)) {
        return false;
    }
    write_width(machine.unit + IQT, 8, 0);
    write_width(machine.unit + IQA, 8, (u64)(uintptr_t)machine.page);
    unit_set(GCMD, GCMD_QIE);
    return unit_wait_for(GSTS, GCMD_QIE, GCMD_QIE);
}

bool queue_refuses(u64 low, u64 high)
{
    bool refused;
    (void)queue_restart();
    queue_put(0, low, high);
    unit_set(IQT, 16);
    refused = unit_wait_for(FSTS, IQE, IQE);
    (void)queue_restart();
    return refused;
}

static void statuses(void)
{
    const struct { const char *name; u64 address; } bad[] = {
        {"wait-own", machine.own_base + 0x1000}, {"wait-own-end", machine.own_base + machine.own_size - 4},
        {"wait-unit", machine.unit + RTADDR}, {"wait-lapic", 0xfee00300}, {"wait-message", 0xfee00000},
        {"wait-flash", 0xffc00000}, {"wait-beyond", 0x7ffffffff000}, {"wait-vga", 0xa0000}};
    u64 status = (u64)(uintptr_t)machine.page2;
    (void)queue_restart();
    *(volatile u32 *)(void *)machine.page2 = 0;
    queue_put(0, DESC_WAIT | WAIT_STATUS | (u64)STATUS << 32, status);
    unit_set(IQT, 16);
    for (u32 i = 0; i < 200 && *(volatile u32 *)(void *)machine.page2 != STATUS; i++) {
        wait_ms(1);
    }
    result("wait-ram", *(volatile u32 *)(void *)machine.page2 == STATUS, "FSTS 0x%x", unit_get(FSTS));
    for (u32 i = 0; i < ARRAY_LEN(bad); i++) {
        bool refused = queue_refuses(DESC_WAIT | WAIT_STATUS | (u64)STATUS << 32, bad[i].address);
        result(bad[i].name, refused, "IQERCD 0x%x", unit_get(IQERCD));
    }
}

static void queue_elsewhere(const char *name, u64 base)
{
    (void)queue_restart();
    unit_set(GCMD, 0);
    (void)unit_wait_for(GSTS, GCMD_QIE, 0);
    write_width(machine.unit + IQA, 8, base);
    unit_set(GCMD, GCMD_QIE);
    (void)unit_wait_for(GSTS, GCMD_QIE, GCMD_QIE);
    unit_set(IQT, 16);
    result(name, unit_wait_for(FSTS, IQE, IQE), "FSTS 0x%x IQERCD 0x%x", unit_get(FSTS), unit_get(IQERCD));
    write_width(machine.unit + IQA, 8, (u64)(uintptr_t)machine.page);
    result("queue-again", queue_restart(), "GSTS 0x%x", unit_get(GSTS));
}

static void garbage(void)
{
    enum { ROUNDS = 3000 };
    u32 errors = 0;
    (void)queue_restart();
    for (u32 i = 0; i < ROUNDS; i++) {
        u32 slot = (u32)random() % SLOTS;
        queue_put(slot, random() << 20 ^ random(), random() << 20 ^ random());
        unit_set(IQT, (u32)random() & 0xfff0);
        if ((unit_get(FSTS) & IQE) != 0) {
            errors++;
            queue_put(unit_get(IQH) / 16 % SLOTS, DESC_NOTHING, 0);
            unit_set(IQT, 0);
            unit_set(FSTS, IQE);
        }
    }
    result("queue-garbage", queue_restart(), "%u of %u in error", errors, ROUNDS);
}

static void doorbells(void)
{
    enum { ROUNDS = 20000 };
    u64 began = read_tsc();
    (void)queue_restart();
    for (u32 i = 0; i < ROUNDS; i++) {
        unit_set(IQT, i % SLOTS * 16);
    }
    result("queue-doorbells", unit_wait_for(IQH, ~0u, unit_get(IQT)) && (unit_get(FSTS) & IQE) == 0,
           "%u, %llu ticks each", ROUNDS, (read_tsc() - began) / ROUNDS);
}

static void commands(void)
{
    enum { ROUNDS = 3000 };
    for (u32 i = 0; i < ROUNDS; i++) {
        if (i % 16 == 0) {
            write_width(machine.unit + RTADDR, 8, random());
        }
        unit_set(GCMD, (u32)random());
    }
    result("commands", queue_restart(), "GSTS 0x%x", unit_get(GSTS));
}

/* Tables in Nestor's memory, in a unit, nowhere: everything is blocked, and works again with TE off. */
static void roots(void)
{
    const u64 bad[] = {machine.own_base, machine.unit, 0x7ffffffff000, 0xfee00000};
    u8 data[8];
    u32 through = 0;
    for (u32 i = 0; i < ARRAY_LEN(bad); i++) {
        write_width(machine.unit + RTADDR, 8, bad[i] | TTM_SCALABLE);
        unit_set(GCMD, GCMD_SRTP);
        (void)unit_wait_for(GSTS, GCMD_SRTP, GCMD_SRTP);
        unit_set(GCMD, GCMD_TE);
        (void)unit_wait_for(GSTS, GCMD_TE, GCMD_TE);
        through += bench_dma(SID_FREE, (u64)(uintptr_t)machine.page, 8, false, data);
        unit_set(GCMD, 0);
        (void)unit_wait_for(GSTS, GCMD_TE, 0);
    }
    result("roots", through == 0, "%u went through", through);
    result("roots-off", bench_dma(SID_FREE, (u64)(uintptr_t)machine.page, 8, false, data), "%s", "");
}

/*
 * Event registers cause writes by the unit itself; these values would hit memory, the local APIC, or send SMI
 * or INIT.
 */
static void events(void)
{
    const struct { u64 address; u32 data; } bad[] = {
        {(u64)(uintptr_t)machine.page2, 0x41}, {machine.own_base, 0x41}, {machine.unit, 0x41},
        {0xfef00000, 0x41}, {0xfee00000, 0x200}, {0xfee00000, 0x400}, {0xfee00000, 0x500},
        {0xfee00000, 0x700}, {0xfee00000, 0x8041}, {0xfee00010, 0x41}, {0xfee00000, 0x02},
        {0x1fee00000, 0x41}};
    u8 data[8];
    *(volatile u32 *)(void *)machine.page2 = 0;
    for (u32 i = 0; i < ARRAY_LEN(bad); i++) {
        unit_set(FEDATA, bad[i].data);
        unit_set(FEADDR, (u32)bad[i].address);
        unit_set(FEUADDR, (u32)(bad[i].address >> 32));
        unit_set(FECTL, 0);
        unit_set(IEDATA, bad[i].data);
        unit_set(IEADDR, (u32)bad[i].address);
        unit_set(IEADDR + 4, (u32)(bad[i].address >> 32));
        unit_set(IECTL, 0);
        (void)bench_dma(SID_FREE, machine.own_base, 8, false, data);
        (void)queue_refuses(0xf, 0);
        bench_report();
        wait_ms(30);
        unit_set(FECTL, EVENT_MASKED);
        unit_set(IECTL, EVENT_MASKED);
    }
    result("events", *(volatile u32 *)(void *)machine.page2 == 0, "%zu addresses", ARRAY_LEN(bad));
}

void hostile_unit(void)
{
    queue_elsewhere("queue-own", machine.own_base);
    queue_elsewhere("queue-unit", machine.unit);
    queue_elsewhere("queue-beyond", 0x7ffffffff000);
    statuses();
    garbage();
    doorbells();
    commands();
    roots();
    events();
    result("unit-alive", queue_refuses(0xf, 0), "FSTS 0x%x", unit_get(FSTS));
}
