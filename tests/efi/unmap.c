/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A guest with four CPUs whose memory is taken away while three of them and two devices use it
 * (tests/bochs/unmap/image.c does it). When the fourth goes on, nobody may see what the memory holds for its
 * next user: CPUs find a hole that reads as ones, devices fault. The same is tried with somebody left out:
 * then somebody must see the memory, or the test would prove nothing.
 *
 *     unmap: NAME ok|FAIL detail
 */
#include "tests/bochs/unmap/command.h"
#include "tests/efi/bench_page.h"
#include "tests/efi/fault.h"
#include "tests/efi/guest_unit.h"
#include "tests/efi/ide.h"
#include "tests/efi/mp.h"

enum {
    CPUS = 4, PASID = 1, BEFORE = 200, AFTER = 30, ROUNDS = 20, LARGE_ROUNDS = 5, WEAK_ROUNDS = 3,
    LARGE_PAGES = 512, DEVICE_OFFSET = 1024, DISK_OFFSET = 2048, IDE_LIMIT_US = 200000,
    FIRST_STAGE = 7             /* present, writable, user */
};
#define IOVA 0x1000ull
#define ONES (~0ull)

EFI_STATUS efi_main(EFI_HANDLE self, EFI_SYSTEM_TABLE *system);

/* What one CPU found, by kind; it also writes the first word of its line of the page and reads the second. */
static struct watcher { volatile u64 turns, ones, reused; } watchers[CPUS];
static u64 *page;               /* in the middle of 2 MiB that are entirely ours */
static u32 watching, holding;
static volatile bool hold;

static u64 *region(void)
{
    return (u64 *)((u64)page & ~(LARGE_PAGES * PAGE_SIZE - 1));
}

static void command(u64 address, u32 what)
{
    __asm__ volatile("vmcall" : : "a"(UNMAP_CALL), "c"(address | what) : "memory");
}

static void wait_while_held(void)
{
    if (hold) {
        __atomic_add_fetch(&holding, 1, __ATOMIC_SEQ_CST);
        while (hold) {
        }
        __atomic_sub_fetch(&holding, 1, __ATOMIC_SEQ_CST);
    }
}

/* Nothing here makes the CPU look up its translation again. */
static VOID EFIAPI watch(VOID *unused)
{
    u32 index = __atomic_fetch_add(&watching, 1, __ATOMIC_SEQ_CST);
    struct watcher *w = &watchers[index];
    volatile u64 *line = page + 8 * index;
    (void)unused;
    for (;;) {
        wait_while_held();
        line[0] = w->turns;
        u64 got = line[0], beside = line[1];
        w->ones += got == ONES && beside == ONES;
        w->reused += got == UNMAP_REUSED || beside == UNMAP_REUSED;
        w->turns++;
    }
}

/* Waits until each CPU has done that many more turns. */
static void all_turn(u64 turns)
{
    for (u32 i = 0; i + 1 < CPUS; i++) {
        for (u64 end = watchers[i].turns + turns; watchers[i].turns < end;) {
        }
    }
}

static void set_hold(bool on)
{
    hold = on;
    while (__atomic_load_n(&holding, __ATOMIC_SEQ_CST) != (on ? CPUS - 1 : 0)) {
    }
}

static struct watcher sum(void)
{
    struct watcher all = {0, 0, 0};
    for (u32 i = 0; i + 1 < CPUS; i++) {
        all.turns += watchers[i].turns;
        all.ones += watchers[i].ones;
        all.reused += watchers[i].reused;
    }
    return all;
}

/* Two devices: one passes through, the other has a first stage. Returns how many of them get to the page. */
static u32 devices_reach(bool *reused)
{
    static const struct { u16 sid; u32 pasid; bool mapped; } ways[] = {
        {IDE_SID, BENCH_NO_PASID, false}, {UNIT_SID, PASID, true}};
    u32 through = 0;
    for (u32 i = 0; i < ARRAY_LEN(ways); i++) {
        u64 address = (ways[i].mapped ? IOVA : (u64)page) + DEVICE_OFFSET;
        bool done = bench_dma(ways[i].sid, ways[i].pasid, address, false, 0);
        through += done;
        *reused |= done && bench->data[0] == UNMAP_REUSED;
    }
    return through;
}

/* Waits for the end of a transfer that has been started. */
static u8 ide_end(void)
{
    u64 end = port_now_us() + IDE_LIMIT_US;
    while (ide_status() == 0 && port_now_us() < end) {
    }
    u8 status = ide_status();
    ide_stop();
    return status;
}

/* Who reached the page although it was gone, over all rounds of a case. */
struct outcome { u64 cpus_saw, cpus_no_hole; u32 devices_saw, devices_got, disk_got, changed; };

/* All translations are cached everywhere. */
static bool use_all(void)
{
    bool unused = false;
    u32 devices = devices_reach(&unused);
    all_turn(BEFORE);
    ide_start((u64)page + DISK_OFFSET, true);
    u8 status = ide_end();
    if (devices != 2 || status != IDE_DONE) {
        say("unmap: before FAIL %u devices, reason 0x%x, disk 0x%x\n", devices, bench->reason, status);
    }
    return devices == 2 && status == IDE_DONE;
}

static void look(struct outcome *o)
{
    bool reused = false;
    struct watcher before = sum(), after;
    ide_start((u64)page + DISK_OFFSET, true);
    o->devices_got += devices_reach(&reused);
    o->devices_saw += reused;
    all_turn(AFTER);
    after = sum();
    o->cpus_saw += after.reused - before.reused;
    /* Each may have been in the middle of a turn. */
    o->cpus_no_hole += after.turns - before.turns - (after.ones - before.ones) > CPUS;
    o->disk_got += (ide_end() & IDE_ERROR) == 0;
}

/* The memory now holds what its next user has written. */
static u32 count_changed(u32 large)
{
    const u64 *word = large != 0 ? region() : page;
    u32 changed = 0;
    for (u64 i = 0; i < (large != 0 ? LARGE_PAGES : 1) * PAGE_SIZE / sizeof(*word); i++) {
        changed += word[i] != UNMAP_REUSED;
    }
    return changed;
}

static struct outcome run(u32 how, u32 large, u32 rounds)
{
    struct outcome o = {0};
    for (u32 i = 0; i < rounds && use_all(); i++) {
        command((u64)page, how | large);
        look(&o);
        set_hold(true);
        command((u64)page, UNMAP_MAP | large);
        o.changed += count_changed(large) != 0;
        page[0] = page[8] = page[16] = page[1] = page[9] = page[17] = 0;
        set_hold(false);
    }
    return o;
}

static void tell(const char *name, const struct outcome *o, bool ok)
{
    say("unmap: %s %s CPUs saw it %llu times, rounds without a hole %llu; devices got there %u, saw it %u; "
        "disk %u; memory changed %u\n", name, ok ? "ok" : "FAIL", o->cpus_saw, o->cpus_no_hole,
        o->devices_got, o->devices_saw, o->disk_got, o->changed);
}

static void gone(const char *name, u32 large, u32 rounds)
{
    struct outcome o = run(UNMAP_ALL, large, rounds);
    tell(name, &o, o.cpus_saw == 0 && o.cpus_no_hole == 0 && o.devices_got == 0 && o.disk_got == 0 &&
         o.changed == 0);
}

static void not_told(void)
{
    struct outcome o = run(UNMAP_THIS_CPU, 0, WEAK_ROUNDS);
    tell("cpus-not-told", &o, o.cpus_saw != 0 && o.changed == WEAK_ROUNDS && o.devices_got == 0);
    o = run(UNMAP_NO_UNIT, 0, WEAK_ROUNDS);
    tell("units-not-told", &o, o.cpus_saw == 0 && o.devices_saw == WEAK_ROUNDS &&
         o.disk_got == WEAK_ROUNDS && o.changed == WEAK_ROUNDS);
}

/* The page behind, which nobody else uses. */
static void broken_entry(void)
{
    volatile u64 *next = page + PAGE_SIZE / sizeof(*page);
    u32 faults = 0;
    fault_catch();
    *next = 1;
    command((u64)next, UNMAP_BREAK);
    for (u32 i = 0; i < ROUNDS; i++) {
        faults += fault_store(next, 2);
    }
    command((u64)next, UNMAP_BREAK);
    bool right = faults == ROUNDS && *next == 1;
    say("unmap: broken-entry %s %u faults, then 0x%llx\n", right ? "ok" : "FAIL", faults, *next);
}

/* IOVA leads to the page. */
static void set_first_stage(void)
{
    u64 *tables = unit_pages(4);
    for (u32 level = 0; level < 3; level++) {
        tables[level * 512] = (u64)&tables[(level + 1) * 512] | FIRST_STAGE;
    }
    tables[3 * 512 + (IOVA >> 12)] = (u64)page | FIRST_STAGE;
    unit_pasid(PASID, tables);
    unit_put_pasid_cache(PASID);
    unit_put_wait();
    *unit_reg32(UNIT_IQT) = unit_tail();
    while (!unit_waited()) {
    }
}

static bool start_cpus(void)
{
    struct mp_services *mp;
    EFI_EVENT end;
    if (EFI_ERROR(BS->LocateProtocol(&mp_guid, NULL, (VOID **)&mp)) ||
        EFI_ERROR(BS->CreateEvent(0, 0, NULL, NULL, &end)) ||
        EFI_ERROR(mp->startup_all_aps(mp, watch, FALSE, end, 0, NULL, NULL))) {
        say("unmap: start FAIL no other CPUs\n");
        return false;
    }
    all_turn(1);
    return true;
}

EFI_STATUS efi_main(EFI_HANDLE self, EFI_SYSTEM_TABLE *system)
{
    efi_test_start(self, system);
    u64 twice = (u64)unit_pages(2 * LARGE_PAGES);
    u64 base = (twice + LARGE_PAGES * PAGE_SIZE - 1) & ~(LARGE_PAGES * PAGE_SIZE - 1);
    page = (u64 *)(base + LARGE_PAGES / 2 * PAGE_SIZE);
    ide_open(unit_pages(1));
    if (unit_start() && start_cpus()) {
        set_first_stage();
        __asm__ volatile("cli");
        gone("page", 0, ROUNDS);
        gone("large", UNMAP_LARGE, LARGE_ROUNDS);
        gone("page-again", 0, ROUNDS);
        not_told();
        broken_entry();
        __asm__ volatile("sti");
    }
    efi_test_end();
}
