/* DMA to what no device may reach: by the bench page under any source-id, and by the IDE's bus master. */
#include "tests/efi/hostile.h"
#include "tests/efi/pci.h"

enum {
    SID_FREE = 0x0250,              /* no such device */
    SID_IDE = 0x0009, REG_BAR4 = 0x20,
    BM_COMMAND = 0, BM_STATUS = 2, BM_TABLE = 4,
    BM_START = 1, BM_TO_MEMORY = 8, BM_ERROR = 2, BM_DONE = 4,
    ATA_COUNT = 0x1f2, ATA_LBA = 0x1f3, ATA_DEVICE = 0x1f6, ATA_COMMAND = 0x1f7,
    READ_DMA = 0xc8, WRITE_DMA = 0xca,
    SECTOR = 512, LAST_SECTOR = 141311, /* of the data partition, tests/bochs/disk.py */
};

static u16 bus_master;

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
    u32 *table = (u32 *)(void *)machine.page2;
    u8 status = 0;
    table[0] = (u32)memory;
    table[1] = 0x80000000u | SECTOR;
    out8(bus_master + BM_COMMAND, 0);
    out32(bus_master + BM_TABLE, (u32)(uintptr_t)table);
    out8(bus_master + BM_STATUS, BM_ERROR | BM_DONE);
    out8(ATA_DEVICE, (u8)(0xe0 | LAST_SECTOR >> 24));
    out8(ATA_COUNT, 1);
    for (u32 i = 0; i < 3; i++) {
        out8((u16)(ATA_LBA + i), (u8)(LAST_SECTOR >> 8 * i));
    }
    out8(ATA_COMMAND, to_memory ? READ_DMA : WRITE_DMA);
    out8(bus_master + BM_COMMAND, (u8)(BM_START | (to_memory ? BM_TO_MEMORY : 0)));
    for (u32 i = 0; i < 200 && (status & (BM_ERROR | BM_DONE)) == 0; i++) {
        wait_ms(1);
        status = in8(bus_master + BM_STATUS);
    }
    out8(bus_master + BM_COMMAND, 0);
    (void)in8(ATA_COMMAND);
    return status;
}

static u32 count_ones(const u8 *page)
{
    u32 found = 0;
    for (u32 i = 0; i < SECTOR; i++) {
        found += page[i] == 0xff;
    }
    return found;
}

/* The disk reads Nestor's memory; what it got stands on the disk then. */
static void ide_checks(void)
{
    u8 status = ide_transfer((u64)(uintptr_t)machine.page, true);
    result("ide-ram", (status & BM_ERROR) == 0 && (status & BM_DONE) != 0 &&
           count_ones(machine.page) < SECTOR / 2, "status 0x%x", status);
    status = ide_transfer(machine.own_base, true);
    result("ide-writes-own", (status & BM_ERROR) != 0, "status 0x%x", status);
    wait_ms(200);
    status = ide_transfer(machine.own_base, false);
    result("ide-reads-own", (status & BM_ERROR) != 0, "status 0x%x", status);
    wait_ms(200);
    status = ide_transfer(machine.unit, true);
    result("ide-writes-unit", (status & BM_ERROR) != 0, "status 0x%x", status);
    wait_ms(200);
    for (u32 i = 0; i < SECTOR; i++) {
        machine.page[i] = 0;
    }
    status = ide_transfer((u64)(uintptr_t)machine.page, true);
    result("ide-got-ones", (status & BM_ERROR) == 0 && count_ones(machine.page) == SECTOR,
           "%u of %u bytes", count_ones(machine.page), SECTOR);
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

void hostile_dma(void)
{
    bus_master = (u16)(pci_read(SID_IDE, REG_BAR4) & 0xfffc);
    (void)pci_open(SID_IDE);
    wait_ms(1200);      /* in a second the unit's first eight faults are shown */
    bench_checks("dma-own", machine.own_base);
    wait_ms(150);
    bench_checks("dma-own-end", machine.own_base + machine.own_size - 64);
    wait_ms(150);
    bench_checks("dma-unit", machine.unit);
    wait_ms(1200);
    ide_checks();
    any_source();
}

/* Thousands of faults of one device, from its first to its being blocked, and a calm one beside it. */
void hostile_storm(void)
{
    enum { SID_STORM = 0x0358, SID_CALM = 0x0359, ROUNDS = 1600 };
    u8 data[8] = {0};
    u64 absent = 0x7f0000000ull, began = read_tsc();
    u32 done = 0;
    for (u32 i = 0; i < ROUNDS; i++) {
        for (u32 k = 0; k < 20; k++) {
            done += bench_dma(SID_STORM, absent + 4096 * k, 8, true, data);
        }
        wait_ms(10);
    }
    result("storm", done == 0, "%u faulting writes, %llu ticks", ROUNDS * 20,
           (unsigned long long)(read_tsc() - began));
    result("storm-blocked", !bench_dma(SID_STORM, (u64)(uintptr_t)machine.page, 8, false, data),
           "reason 0x%x", bench_reason());
    result("storm-calm", bench_dma(SID_CALM, (u64)(uintptr_t)machine.page, 8, false, data), "%s", "");
}
