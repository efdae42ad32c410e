/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Taking over what a firmware's own driver leaves: translation on with tables of its own, in either
 * mode, with or without a queue, faults that nobody took, a queue that stopped. The firmware's
 * tables and ours both map the window at IOVA_BASE, where there is no memory: a disk that keeps
 * reading into it shows whether its DMA was translated at every instant.
 *
 * The tables are plain words here and not made by iommu/. VT-d chapter 9, registers 11.4.
 */
#include "tests/efi/driver_test.h"

#include "tests/efi/port_efi.h"

enum {
    REG_GCMD = 0x18, REG_GSTS = 0x1c, REG_RTADDR = 0x20, REG_FSTS = 0x34, REG_IQT = 0x88,
    REG_IQA = 0x90,
    BIT_TE = 31, BIT_SRTP = 30, BIT_QIE = 26,
    FSTS_PPF = 1 << 1, FSTS_IQE = 1 << 4,
    TTM_SCALABLE = 1 << 10, QUEUE_WIDE = 1 << 11, BAD_DESCRIPTOR = 0xf,
    RW = 3, LARGE = 0x80, DID_FIRMWARE = 5, PGTT_SECOND = 2 << 6,
    SEED_DISK = 500, LIMIT_US = 5000000,
};

enum queue { QUEUE_NONE, QUEUE_128, QUEUE_256 };

struct leftover {
    const char *name;
    bool on, scalable;
    enum queue queue;
    bool pending_fault, stopped_queue;
};
static const struct leftover leftovers[] = {
    {"legacy mode on, no queue", true, false, QUEUE_NONE, false, false},
    {"legacy mode on, queue on", true, false, QUEUE_128, false, false},
    {"legacy mode on, a fault pending", true, false, QUEUE_NONE, true, false},
    {"legacy mode on, queue stopped by an error", true, false, QUEUE_128, false, true},
    {"translation off, queue on", false, false, QUEUE_128, false, false},
    {"scalable mode on, queue on", true, true, QUEUE_256, false, false},
    {"scalable mode on, a fault pending", true, true, QUEUE_256, true, false},
};

static u32 reg32(u32 reg)
{
    return port_mmio_read32((hpa_t){UNIT_BASE + reg});
}

static void set64(u32 reg, u64 value)
{
    port_mmio_write64((hpa_t){UNIT_BASE + reg}, value);
}

static void command(u32 bit)
{
    port_mmio_write32((hpa_t){UNIT_BASE + REG_GCMD}, (reg32(REG_GSTS) & 0x96ffffffu) | 1u << bit);
    while ((reg32(REG_GSTS) >> bit & 1) == 0) {
        port_relax();
    }
}

static u64 page(void)
{
    hpa_t at = {0};
    check(port_pages_alloc(1, &at) == OK, "no page");
    return at.v;
}

static u64 *words(u64 at)
{
    return (u64 *)at;
}

/* Identity below 4 GiB by 1G pages, the window by 4K pages. */
static u64 firmware_second_stage(const struct bench *b)
{
    u64 root = page();
    u64 level3 = b->levels == 4 ? page() : root;
    u64 level2 = page();
    u64 level1 = page();
    if (b->levels == 4) {
        words(root)[0] = level3 | RW;
    }
    for (u64 i = 0; i < MEMORY_END / SIZE_1G; i++) {
        words(level3)[i] = i * SIZE_1G | LARGE | RW;
    }
    words(level3)[IOVA_BASE / SIZE_1G] = level2 | RW;
    words(level2)[0] = level1 | RW;
    for (u64 i = 0; i < SLOTS; i++) {
        words(level1)[i] = (b->window.v + i * PAGE_SIZE) | RW;
    }
    return root;
}

static u64 firmware_root(const struct bench *b, bool scalable)
{
    u64 second = firmware_second_stage(b);
    u64 root = page();
    u64 context = page();
    words(root)[0] = context | 1;
    if (!scalable) {
        for (u32 i = 0; i < 256; i++) {
            words(context)[2 * i] = second | 1;
            words(context)[2 * i + 1] = DID_FIRMWARE << 8 | (b->levels - 2);
        }
        return root;
    }
    u64 directory = page();
    u64 table = page();
    words(root)[1] = context | 1;
    for (u32 i = 0; i < 128; i++) {
        words(context)[4 * i] = directory | 1;
    }
    words(directory)[0] = table | 1;
    words(table)[1] = DID_FIRMWARE;
    words(table)[0] = second | PGTT_SECOND | (b->levels - 2) << 2 | 1;
    return root | TTM_SCALABLE;
}

static void firmware_leaves(const struct bench *b, const struct leftover *l)
{
    if (l->queue != QUEUE_NONE) {
        u64 queue = page();
        set64(REG_IQT, 0);
        set64(REG_IQA, queue | (l->queue == QUEUE_256 ? QUEUE_WIDE : 0));
        command(BIT_QIE);
        if (l->stopped_queue) {
            words(queue)[0] = BAD_DESCRIPTOR;
            set64(REG_IQT, 16);
            check((reg32(REG_FSTS) & FSTS_IQE) != 0, "the queue did not stop");
        }
    }
    if (l->on) {
        set64(REG_RTADDR, firmware_root(b, l->scalable));
        command(BIT_SRTP);
        command(BIT_TE);
    }
    if (l->pending_fault) {
        testdev_write(&b->testdev, IOVA_BASE + SLOTS * PAGE_SIZE, 4);
        check((reg32(REG_FSTS) & FSTS_PPF) != 0, "no fault is pending");
    }
}

/* Blocks on the disk that say where they belong. */
static void prepare_disk(struct bench *b)
{
    u16 status = 1;
    for (u64 slot = 0; slot < SLOTS; slot++) {
        fill(b->window, SEED_DISK + slot, NVME_BLOCK);
        check(nvme_move(&b->nvme, true, slot, b->window.v, &status) && status == 0,
              "the disk cannot be written");
    }
}

static void collect(struct bench *b)
{
    u64 until = port_now_us() + LIMIT_US;
    u32 answers = 0;
    while (answers < SLOTS && port_now_us() < until) {
        u16 slot;
        u16 status;
        if (nvme_poll(&b->nvme, &slot, &status)) {
            answers++;
            check(status == 0, "a read was refused");
        }
        port_relax();
    }
    check(answers == SLOTS, "%u reads of %u were answered", answers, (u32)SLOTS);
    for (u64 slot = 0; slot < SLOTS; slot++) {
        check(is_filled((hpa_t){b->window.v + slot * PAGE_SIZE}, SEED_DISK + slot, NVME_BLOCK),
              "block %llu is not where both tables have it", slot);
    }
}

static void after(struct bench *b)
{
    check(bench_drain(b) == 0, "the firmware's fault, or one of the take-over, is still there");
    testdev_write(&b->testdev, IOVA_BASE, 4);
    check(*(volatile u32 *)b->window.v == 0x12345678, "no DMA through our tables");
    testdev_write(&b->testdev, IOVA_BASE + SLOTS * PAGE_SIZE, 4);
    check(bench_drain(b) == 1, "DMA beyond our tables is not refused");
}

static void leftover_case(struct bench *b, const struct leftover *l)
{
    case_begin("take-over from %s", l->name);
    prepare_disk(b);
    SetMem((VOID *)b->window.v, SLOTS * PAGE_SIZE, 0);
    firmware_leaves(b, l);
    /* The window exists only under translation; with translation off nothing may be in flight. */
    for (u16 slot = 0; l->on && slot < SLOTS; slot++) {
        nvme_submit(&b->nvme, false, slot, IOVA_BASE + slot * PAGE_SIZE, slot);
    }
    if (bench_take(b)) {
        if (l->on) {
            collect(b);
        }
        after(b);
        bench_release(b);
    }
    case_end();
}

void test_leftovers(struct bench *b)
{
    u64 cap = port_mmio_read64((hpa_t){UNIT_BASE + 0x08});
    u64 ecap = port_mmio_read64((hpa_t){UNIT_BASE + 0x10});
    bool second_stage = (ecap >> 43 & 1) != 0 && (ecap >> 46 & 1) != 0;
    b->levels = (cap >> 10 & 1) != 0 ? 4 : 3;
    for (u32 i = 0; i < ARRAY_LEN(leftovers); i++) {
        if (!leftovers[i].scalable || second_stage) {
            leftover_case(b, &leftovers[i]);
        }
    }
}
