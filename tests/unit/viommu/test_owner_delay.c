/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How long a guest waits for a unit that is shared, in the model's time: another guest's doorbells fill the queue while
 * its device withholds completions for as long as PCI Express lets it, 10 ms at most as Nestor sets it. What a guest's
 * commands cost beyond is bounded, and what it may have in the queue stays what it was.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "iommu/vtd/vtd.h"
#include "tests/support/guest_kit_remap.h"

enum {
    STALL_US = 10000,
    TICK_US = 50,                       /* a CPU with work left comes back that often */
    WORK_US = 500,                      /* what of the guest's own commands is left then */
    GUESTS = 2, DEVICES = REMAP_DEVICES, IOVA = 0x300000, INDEX = 2,
    QUEUE = 512, COMMANDS = 126,        /* places in the unit's; what a guest's takes at a time */
};
static const u16 sids[GUESTS][DEVICES] = {{0x0108, 0x0110}, {KIT_FOREIGN, KIT_FOREIGN + 1}};
static struct kit kits[GUESTS];
static struct domain *memory;
static u64 status[GUESTS];
static u32 values[GUESTS];              /* of the last wait */
static struct { u64 now, end; u32 step, commands; bool stalled; } device;

/* --- time --- */

/* Over, or after so many commands more it withholds the next one's. */
static void go_on(void)
{
    const struct model_faults none = {.queue_hang = false}, again = {.hang_after = device.commands};
    device.stalled = device.commands != 0;
    device.end = device.now + STALL_US;
    model_set_faults(kits[0].unit, device.stalled ? &again : &none);
    model_kick(kits[0].unit);
}

static void look(void)
{
    device.now += device.step;
    if (device.stalled && device.now >= device.end) {
        go_on();
    }
}

static void advance(u64 us)
{
    hosted_advance_us(us);
    device.now += us;
    if (device.stalled && device.now >= device.end) {
        go_on();
    }
}

static void withhold(u32 commands)
{
    const struct model_faults hang = {.queue_hang = true};
    device.commands = commands;
    device.stalled = true;
    device.end = device.now + STALL_US;
    model_set_faults(kits[0].unit, &hang);
}

static void let_go(void)
{
    device.commands = 0;
    go_on();
}

/* --- guests --- */

static void start(u32 step)
{
    static struct vtd_owner owners[DEVICES];
    const struct viommu_config shown = {.interrupts = true, .shared_unit = true, .kept_interrupts = REMAP_KEPT};
    kit_start_unit(&kits[0], KIT_CAP, REMAP_ECAP, &shown);
    memory = kit_own(1, sids[1], DEVICES, owners);
    vtd_fault_set_owners(host_unit(), owners, DEVICES);
    kits[0].shared = true;
    assert_int_equal(viommu_isolate_interrupts(kits[0].v), OK);
    kit_start_owner(&kits[1], &kits[0], memory, sids[1], DEVICES);
    remap_begin();
    for (u32 g = 0; g < GUESTS; g++) {
        remap_add(&kits[g], kit_cpus(&kits[g]), sids[g]);
        remap_start(&remaps[g]);
        kit_boot(&kits[g]);
        remap_prove(&remaps[g], sids[g][0], sids[1 - g][0]);
        (void)kit_device(&kits[g], sids[g][0], 0, 1, IOVA, NULL);
        kit_invalidate_all(&kits[g]);
        status[g] = kit_page(&kits[g]);
    }
    hosted_clear_log();
    hosted_clock_step(step);
    memset(&device, 0, sizeof(device));
    memset(values, 0, sizeof(values));
    device.step = step;
    hosted_watch_clock(look);
}

static void stop(void)
{
    hosted_watch_clock(NULL);
    assert_null(strstr(hosted_log(), "hangs"));
    for (u32 g = 0; g < GUESTS; g++) {
        assert_int_equal(kit_stats(&kits[g]).host_errors + kit_stats(&kits[g]).queue_errors, 0);
    }
    remap_end();
    kit_stop_owner(&kits[1]);
    kit_disown(memory, sids[1], DEVICES);
    viommu_destroy(kits[0].v);
    assert_int_equal(vtd_irt_disable(host_unit()), OK);
    host_stop();
    assert_int_equal(hosted_pages_used(), 0);
}

/* What is left over by then is not waited for. */
static u64 read(u32 g, u32 offset)
{
    u64 value;
    (void)kit_read_once(&kits[g], offset, 8, &value);
    return value;
}

/* As many of its commands as its ring holds; false: not all of those before were taken. */
static bool ring(u32 g)
{
    u64 tail = read(g, R_IQT);
    if (tail != read(g, R_IQH)) {
        return false;
    }
    for (u32 i = 0; i < COMMANDS / 2; i++) {
        tail = kit_queue(&kits[g], tail, 0x22 | 1u << 16, 0);
        tail = kit_queue(&kits[g], tail, 0x25 | (u64)++values[g] << 32, status[g]);
    }
    (void)viommu_mmio_write(kits[g].v, R_IQT, 8, tail);
    return true;
}

/* Without a pause, as far as it gets in this tick. */
static void flood(u32 g)
{
    for (u32 i = 0; i < QUEUE / COMMANDS + 2; i++) {
        (void)kit_run(&kits[g], VIOMMU_BUDGET);
        if (!ring(g)) {
            return;
        }
    }
}

/* The time from a doorbell with these commands to the wait behind them; they may take several exits. */
static u64 wait_for(u32 g, const u64 *commands, u32 count, u32 value)
{
    struct kit *kit = &kits[g];
    u64 begin = device.now, at = status[g] + 8;
    u64 tail = read(g, R_IQT);
    for (u32 i = 0; i < count; i++) {
        tail = kit_queue(kit, tail, commands[i], 0);
    }
    tail = kit_queue(kit, tail, 0x25 | (u64)value << 32, at);
    (void)viommu_mmio_write(kit->v, R_IQT, 8, tail);
    while ((u32)kit_at(at)[0] != value) {
        advance(TICK_US);
        flood(1 - g);
        (void)kit_run(kit, VIOMMU_BUDGET);
        assert_true(device.now - begin < 10000000);
    }
    return device.now - begin;
}

/* Of the guest's own: an address forgotten; an interrupt entry that is another; a PASID entry that is. */
static u64 ask(u32 g, u32 what, u32 value)
{
    static const u64 commands[][2] = {{0x22 | 1u << 16}, {0x14 | (u64)INDEX << 32}, {0x37, 0x12}};
    u64 *irte = &kit_at(remaps[g].tables[0])[2 * INDEX];
    u64 *entry = kit_pasid_entry(&kits[g], sids[g][0], 0);
    irte[0] = (u64)__builtin_ctz(remaps[g].cpus) << 32 | (0x40 + value % 64) << 16 | 1;
    irte[1] = 1u << 18 | sids[g][0];
    if (what == 2) {
        entry[1] = 1u << 23 | (1 + value % 2);
    }
    return wait_for(g, commands[what], what == 2 ? 2 : 1, value);
}

/* Its batch is taken at once, in each round, so it has not lost a place to what came before. */
static void a_guest_waits_for_one_time_out(void **state)
{
    (void)state;
    start(1);
    u64 longest = 0;
    u32 value = 0;
    for (u32 round = 0; round < 60; round++) {
        u32 victim = round % GUESTS;
        withhold(0);
        flood(1 - victim);
        assert_true(kit_run(&kits[1 - victim], VIOMMU_BUDGET));     /* it finds no more room */
        u64 tail = kit_queue(&kits[victim], read(victim, R_IQT), 0x22 | 1u << 16, 0);
        assert_false(viommu_mmio_write(kits[victim].v, R_IQT, 8, tail));
        u64 took = ask(victim, round / GUESTS % 3, ++value);
        longest = took > longest ? took : longest;
        let_go();
        kit_finish(&kits[0]);
        kit_finish(&kits[1]);
        assert_int_equal(kit_at(status[1 - victim])[0], values[1 - victim]);
    }
    print_message("# %llu us at most\n", longest);
    assert_in_range(longest, STALL_US, STALL_US + WORK_US);
    stop();
}

/* One that does so again and again, at each command: each in front costs as much, and there is no end of patience. */
static void each_command_in_front_costs_one(void **state)
{
    (void)state;
    start(TICK_US);
    for (u32 round = 0; round < 3 * GUESTS; round++) {
        u32 victim = round % GUESTS;
        withhold(1);
        flood(1 - victim);
        u64 took = ask(victim, round / GUESTS, round + 1);
        assert_in_range(took, STALL_US * (QUEUE / 2), STALL_US * QUEUE);
        let_go();
        kit_finish(&kits[0]);
        kit_finish(&kits[1]);
    }
    stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_guest_waits_for_one_time_out),
        cmocka_unit_test(each_command_in_front_costs_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
