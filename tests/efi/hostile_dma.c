/* SPDX-License-Identifier: BSD-2-Clause */
/* DMA to what no device may reach: from the bench page under any source-id, and from the IDE's bus master. */
#include "tests/efi/hostile.h"
#include "tests/efi/ide.h"
#include "tests/efi/pci.h"

enum { SID_FREE = 0x0250 /* no such device */ };

static void bench_checks(const char *name, u64 address)
{
    u8 data[64] = {0};
    bool read = bench_dma(SID_FREE, address, 64, false, data);
    u32 reason = bench_reason();
    bool wrote = bench_dma(SID_FREE, address, 64, true, data);
    result(name, !read && !wrote, "reason 0x%x", reason);
}

/* One sector between disk and memory; the bus master's status. */
static u8 ide_transfer(u64 memory, bool to_memory)
{
    u8 status = 0;
    ide_start(memory, to_memory);
    for (u32 i = 0; i < 200 && status == 0; i++) {
        wait_ms(1);
        status = ide_status();
    }
    ide_stop();
    return status;
}

static u32 count_ones(const u8 *page)
{
    u32 found = 0;
    for (u32 i = 0; i < IDE_SECTOR; i++) {
        found += page[i] == 0xff;
    }
    return found;
}

/* The disk reads Nestor's memory, so that what it got is on the disk afterwards. */
static void ide_checks(void)
{
    u8 status = ide_transfer((u64)(uintptr_t)machine.page, true);
    result("ide-ram", (status & IDE_ERROR) == 0 && (status & IDE_DONE) != 0 &&
           count_ones(machine.page) < IDE_SECTOR / 2, "status 0x%x", status);
    status = ide_transfer(machine.own_base, true);
    result("ide-writes-own", (status & IDE_ERROR) != 0, "status 0x%x", status);
    wait_ms(200);
    status = ide_transfer(machine.own_base, false);
    result("ide-reads-own", (status & IDE_ERROR) != 0, "status 0x%x", status);
    wait_ms(200);
    status = ide_transfer(machine.unit, true);
    result("ide-writes-unit", (status & IDE_ERROR) != 0, "status 0x%x", status);
    wait_ms(200);
    for (u32 i = 0; i < IDE_SECTOR; i++) {
        machine.page[i] = 0;
    }
    status = ide_transfer((u64)(uintptr_t)machine.page, true);
    result("ide-got-ones", (status & IDE_ERROR) == 0 && count_ones(machine.page) == IDE_SECTOR,
           "%u of %u bytes", count_ones(machine.page), IDE_SECTOR);
}

/* Hot-plugged and virtual functions included: any source-id is under the second stage. */
static void any_source(void)
{
    u8 data[8] = {0};
    u32 wrong = 0;
    for (u32 bus = 0; bus < 256; bus += 5) {
        u16 sid = (u16)(bus << 8 | (bus * 7 & 0xff));
        wrong += !bench_dma(sid, (u64)(uintptr_t)machine.page, 8, false, data);
        if (bus % 25 == 0) {
            wrong += bench_dma(sid, machine.own_base, 8, false, data);
            wait_ms(110);
        }
    }
    result("dma-any-source", wrong == 0, "%u wrong", wrong);
}

/* The BAR of another function (the attachment's edu, where the machine has one), which no CPU has touched. */
static void peer(void)
{
    enum { VENDOR = 0x1234, DEVICE = 0x11e8, SOURCE = 0x80 };
    u64 value = 0x1122334455667788ull, back = 0;
    u16 edu = pci_find(VENDOR, DEVICE, 0);
    if (edu == PCI_NONE) {
        return;
    }
    u64 at = pci_open(edu) + SOURCE;
    bool wrote = bench_dma(SID_FREE, at, sizeof(value), true, (u8 *)&value);
    u32 reason = bench_reason();
    bool read = bench_dma(SID_FREE, at, sizeof(back), false, (u8 *)&back);
    bool right = back == value && *(volatile u64 *)(uintptr_t)at == value;
    result("dma-peer", wrote && read && right, "0x%llx at 0x%llx, reason 0x%x", back, at, reason);
}

void hostile_dma(void)
{
    peer();
    ide_open((u32 *)(void *)machine.page2);
    wait_ms(1200);      /* the first eight faults of each second are on the console */
    bench_checks("dma-own", machine.own_base);
    wait_ms(150);
    bench_checks("dma-own-end", machine.own_base + machine.own_size - 64);
    wait_ms(150);
    bench_checks("dma-unit", machine.unit);
    wait_ms(1200);
    ide_checks();
    any_source();
}

/* Thousands of faults of one device, from the first until it is blocked, and a calm device beside it. */
void hostile_storm(void)
{
    enum { SID_STORM = 0x0358, SID_CALM = 0x0359, ROUNDS = 3000 };
    u8 data[8] = {0};
    u64 absent = 0x7f0000000ull, began = read_tsc();
    u32 done = 0;
    u32 rounds = 0;
    bool blocked = false;
    for (; rounds < ROUNDS && !blocked; rounds++) {
        for (u32 k = 0; k < 20; k++) {
            done += bench_dma(SID_STORM, absent + 4096 * k, 8, true, data);
        }
        wait_ms(10);
        blocked = !bench_dma(SID_STORM, (u64)(uintptr_t)machine.page, 8, false, data);
    }
    u32 reason = bench_reason();
    result("storm", done == 0, "%u faulting writes, %llu ticks", rounds * 20, read_tsc() - began);
    result("storm-blocked", blocked, "reason 0x%x", reason);
    result("storm-calm", bench_dma(SID_CALM, (u64)(uintptr_t)machine.page, 8, false, data), "%s", "");
}
