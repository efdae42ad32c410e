/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Several CPUs at one unit, and at what Nestor reads while it serves another CPU: descriptors,
 * tables and code change between two reads of them. Whatever it sees, it must use only what it has
 * checked.
 */
#include "tests/efi/hostile_cpus.h"
#include "tests/efi/hostile_unit.h"

enum {
    REGISTER_ROUNDS = 3000, QUEUE_ROUNDS = 600, QUEUED = 2, TABLE_ROUNDS = 300, DMA_EACH = 16, CODE_CHANGES = 5000,
    POLLS = 3000, SID = 0x0450, OTHER_SID = 0x0460, DUMPED = 4096,
    DESC_CONTEXT = 1, DESC_PASID = 7, GLOBAL = 1 << 4, PASID_GLOBAL = 3 << 4, WIDE = 1 << 11,
    PASS = 4 << 6 | 1, FIRST = 1 << 6 | 1, DID = 5, LINK = 7, IOVA_RAM = 3, /* a page */
    WORDS = 512, WORDS_CONTEXT = 4, WORDS_DESC = 4,
};

static volatile u32 turns;

/* --- registers, by three CPUs at once --- */

static void drive_queue(void *seed)
{
    u64 state = (u64)(uintptr_t)seed;
    while (!cpus_end) {
        queue_put((u32)random_next(&state) % SLOTS, random_next(&state) << 20 ^ random_next(&state),
                  random_next(&state) << 20 ^ random_next(&state));
        unit_set(random_next(&state) % 4 != 0 ? IQT : FSTS, (u32)random_next(&state) & 0xfff0);
        turns++;
    }
}

static void drive_commands(void *seed)
{
    u64 state = (u64)(uintptr_t)seed;
    while (!cpus_end) {
        write_width(machine.unit + RTADDR, 8, random_next(&state));
        unit_set(GCMD, (u32)random_next(&state));
        (void)unit_get(GSTS);
        turns++;
    }
}

static void registers(void)
{
    u64 state = 1;
    u8 data[8];
    u32 through = 0;
    turns = 0;
    cpu_start(1, drive_queue, (void *)2);
    cpu_start(2, drive_queue, (void *)3);
    cpu_start(3, drive_commands, (void *)4);
    for (u32 i = 0; i < REGISTER_ROUNDS; i++) {
        unit_set(IQT, (u32)random_next(&state) & 0xfff0);
        write_width(machine.unit + IQA, 8, i % 64 == 0 ? machine.own_base : (u64)(uintptr_t)machine.page);
        unit_set((u32)random_next(&state) & 0xffc, (u32)random_next(&state));
        through += i % 128 == 0 && bench_dma(OTHER_SID, machine.own_base, 8, false, data);
    }
    cpus_stop();
    result("race-registers", through == 0 && turns > 1000, "%u turns of the others, %u through", turns, through);
    unit_set(FECTL, EVENT_MASKED);
    unit_set(IECTL, EVENT_MASKED);
    result("race-registers-after", queue_restart() && queue_refuses(0xf, 0), "FSTS 0x%x", unit_get(FSTS));
}

/* --- descriptors --- */

static void flip_address(void *unused)
{
    volatile u64 *queue = (volatile u64 *)(void *)machine.page;
    (void)unused;
    for (u32 i = 0; !cpus_end; i++) {
        queue[2 * (i % QUEUED) + 1] = i % 8 == 0 ? machine.own_base + DUMPED : (u64)(uintptr_t)machine.page2;
        turns++;
    }
}

/* Of another period than flip_address(): in step with it, one CPU could undo for good what the other does. */
static void flip_type(void *unused)
{
    volatile u64 *queue = (volatile u64 *)(void *)machine.page;
    (void)unused;
    for (u32 i = 0; !cpus_end; i++) {
        queue[2 * (i % QUEUED)] = i % 7 == 0 ? DESC_IOTLB | GLOBAL : DESC_WAIT | WAIT_STATUS | (u64)STATUS << 32;
    }
}

/* Until all are done, or the queue is in error. */
static bool polled(u32 tail)
{
    for (u32 i = 0; i < POLLS; i++) {
        if (unit_get(IQH) == tail || (unit_get(FSTS) & IQE) != 0) {
            return true;
        }
    }
    return false;
}

/* 128-bit descriptors are not for scalable mode, whose root the guest may have set. */
static void use_narrow(void)
{
    (void)queue_restart();
    write_width(machine.unit + RTADDR, 8, 0);
    unit_set(GCMD, GCMD_QIE | GCMD_SRTP);
    (void)unit_wait_for(GSTS, GCMD_SRTP, GCMD_SRTP);
}

static void descriptors(void)
{
    u64 state = 11;
    u32 refused = 0, done = 0;
    turns = 0;
    bench_dump(machine.own_base + DUMPED, DUMPED);
    use_narrow();
    cpu_start(1, flip_address, NULL);
    cpu_start(2, flip_type, NULL);
    for (u32 i = 0; i < QUEUE_ROUNDS; i++) {
        wait_ticks(50 + random_next(&state) % 100);
        unit_set(IQT, QUEUED * 16);
        bool ended = polled(QUEUED * 16);
        bool error = (unit_get(FSTS) & IQE) != 0;
        refused += error;
        done += ended && !error;
        (void)queue_restart();
    }
    cpus_stop();
    bench_dump(machine.own_base + DUMPED, DUMPED);
    result("race-descriptors", refused + done == QUEUE_ROUNDS && refused > 10 && done > 10 && turns > 1000,
           "%u refused, %u done, %u turns", refused, done, turns);
    result("race-descriptors-after", queue_refuses(0xf, 0), "FSTS 0x%x", unit_get(FSTS));
}

/* --- tables --- */

static volatile u64 *unit_table(u32 i)
{
    return (volatile u64 *)(void *)(machine.unit_tables + i * PAGE_SIZE);
}

enum { ROOT, CONTEXT, DIRECTORY, PASIDS, STAGE4, STAGE3, STAGE2, STAGE1 };

static u64 link(u32 i, u64 bits)
{
    return (u64)(uintptr_t)unit_table(i) | bits;
}

static volatile u64 *context(void)
{
    return unit_table(CONTEXT) + (SID & 0xff) * WORDS_CONTEXT;
}

static void build(u64 entry)
{
    unit_table(ROOT)[SID >> 8 << 1] = link(CONTEXT, 1);
    context()[0] = link(DIRECTORY, 1);
    unit_table(DIRECTORY)[0] = link(PASIDS, 1);
    unit_table(PASIDS)[1] = DID;
    unit_table(PASIDS)[2] = link(STAGE4, 0);
    unit_table(PASIDS)[0] = entry;
    for (u32 i = STAGE4; i < STAGE1; i++) {
        unit_table(i)[0] = link(i + 1, LINK);
    }
    /* The first stage maps Nestor's memory to its own address; still no stage may lead there. */
    unit_table(STAGE3)[machine.own_base >> 30] = link(STAGE2, LINK);
    unit_table(STAGE2)[machine.own_base >> 21 & 511] = link(STAGE1, LINK);
    unit_table(STAGE1)[machine.own_base >> 12 & 511] = machine.own_base | LINK;
    unit_table(STAGE1)[IOVA_RAM] = (u64)(uintptr_t)machine.page2 | LINK;
}

static void flip_entry(void *unused)
{
    const u64 entries[] = {PASS, FIRST, 0, 2 << 6 | 1, 7 << 6 | 1, FIRST, ~0ull};
    const u64 roots[] = {link(STAGE4, 0), machine.own_base, 0x7ffffffff000, link(STAGE4, 0xfff), machine.unit};
    const u64 ids[] = {DID, DID + 1, 0xffff, ~0ull};
    (void)unused;
    for (u32 i = 0; !cpus_end; i++) {
        unit_table(PASIDS)[0] = entries[i % ARRAY_LEN(entries)];
        unit_table(PASIDS)[2] = roots[i % ARRAY_LEN(roots)];
        unit_table(PASIDS)[1] = ids[i % ARRAY_LEN(ids)];
        turns++;
    }
}

static void flip_links(void *unused)
{
    const u64 links[] = {link(PASIDS, 1), machine.own_base | 1, machine.unit | 1, 0, link(PASIDS, 0xfff)};
    const u64 contexts[] = {link(DIRECTORY, 1), link(DIRECTORY, 9), machine.own_base | 1, ~0ull, 0};
    (void)unused;
    for (u32 i = 0; !cpus_end; i++) {
        unit_table(DIRECTORY)[0] = links[i % ARRAY_LEN(links)];
        context()[0] = contexts[i / 3 % ARRAY_LEN(contexts)];
        unit_table(ROOT)[SID >> 8 << 1] = i % 7 == 0 ? machine.own_base | 1 : link(CONTEXT, 1);
    }
}

/* Descriptors of 256 bits; each time the ring starts afresh, with the queue off meanwhile. */
static bool invalidate_all(void)
{
    volatile u64 *queue = (volatile u64 *)(void *)machine.page;
    static u32 count;
    const u64 all[] = {DESC_CONTEXT | GLOBAL, DESC_PASID | PASID_GLOBAL, DESC_IOTLB | GLOBAL,
                       DESC_WAIT | WAIT_STATUS | (u64)++count << 32};
    u32 at = unit_get(IQT) / 32;
    for (u32 i = 0; i < ARRAY_LEN(all); i++, at = (at + 1) % (SLOTS / 2)) {
        queue[at * WORDS_DESC] = all[i];
        queue[at * WORDS_DESC + 1] = all[i] == all[3] ? (u64)(uintptr_t)machine.page2 : 0;
        queue[at * WORDS_DESC + 2] = queue[at * WORDS_DESC + 3] = 0;
    }
    unit_set(IQT, at * 32);
    for (u32 i = 0; i < POLLS; i++) {
        if (*(volatile u32 *)(void *)machine.page2 == count) {
            return true;
        }
        (void)unit_get(IQH);
    }
    return false;
}

static bool translate(void)
{
    (void)queue_restart();
    unit_set(GCMD, 0);
    write_width(machine.unit + IQT, 8, 0);
    write_width(machine.unit + IQA, 8, (u64)(uintptr_t)machine.page | WIDE);
    write_width(machine.unit + RTADDR, 8, link(ROOT, TTM_SCALABLE));
    unit_set(GCMD, GCMD_QIE);
    unit_set(GCMD, GCMD_QIE | GCMD_SRTP);
    bool done = unit_wait_for(GSTS, GCMD_SRTP, GCMD_SRTP) && invalidate_all();
    unit_set(GCMD, GCMD_QIE | GCMD_TE);
    return unit_wait_for(GSTS, GCMD_TE, GCMD_TE) && done;
}

static bool reaches(u64 address)
{
    u8 data[8];
    return bench_dma(SID, address, 8, false, data);
}

static void tables(void)
{
    u32 through = 0, done = 0;
    turns = 0;
    build(PASS);
    bool on = translate();
    result("race-tables-before", on && reaches((u64)(uintptr_t)machine.page2) && !reaches(machine.own_base),
           "GSTS 0x%x", unit_get(GSTS));
    cpu_start(1, flip_entry, NULL);
    cpu_start(2, flip_links, NULL);
    for (u32 i = 0; i < TABLE_ROUNDS; i++) {
        done += invalidate_all();
        through += i % DMA_EACH == 0 && reaches(machine.own_base);
    }
    cpus_stop();
    bench_snapshot();
    result("race-tables", through == 0 && done == TABLE_ROUNDS && turns > 1000, "%u invalidations, %u through",
           done, through);
    wait_ms(1200);      /* the device's faults of this second are over */
    build(FIRST);
    done = invalidate_all();
    result("race-tables-first", done != 0 && reaches(IOVA_RAM << PAGE_SHIFT) && !reaches(machine.own_base),
           "reason 0x%x", bench_reason());
    bench_snapshot();
    unit_set(GCMD, 0);
    bool off = unit_wait_for(GSTS, GCMD_TE, 0);
    use_narrow();
    result("race-tables-off", off && reaches((u64)(uintptr_t)machine.page2) &&
           queue_refuses(0xf, 0), "FSTS 0x%x", unit_get(FSTS));
}

/* --- code --- */

/* Two bytes that change, `lock incl (%rsi)`, and back. */
static void run_changing_code(void *unused)
{
    (void)unused;
    __asm__ volatile("jmp *%0" : : "r"(machine.page2), "D"(machine.unit + FEDATA), "S"(&turns), "a"(0ull) : "memory");
}

/* What exits is a load or a store; what Nestor decodes may be another, or none at all. */
static void code(void)
{
    static const u16 all[] = {0x078b /* mov (%rdi), %eax */, 0x0789, 0x0703, 0x0731, 0x0787, 0x07ff, 0x0739,
                              0x9066, 0xc085 /* test %eax, %eax */};
    static const u8 rest[] = {0xf0, 0xff, 0x06, 0xeb, 0xf9};
    u64 state = 7;
    for (u32 i = 0; i < sizeof(rest); i++) {
        machine.page2[2 + i] = rest[i];
    }
    *(volatile u16 *)(void *)machine.page2 = all[0];
    turns = cpu_faults = 0;
    cpu_start(1, run_changing_code, NULL);
    cpu_start(2, run_changing_code, NULL);
    for (u32 i = 0; i < CODE_CHANGES; i++) {
        *(volatile u16 *)(void *)machine.page2 = all[random_next(&state) % ARRAY_LEN(all)];
        wait_ticks(random_next(&state) % 500);
    }
    *(volatile u16 *)(void *)machine.page2 = all[0];
    wait_ticks(1500000);
    u32 before = turns;
    wait_ticks(200000);
    u32 after = turns;
    *(volatile u16 *)(void *)machine.page2 = 0x9066;
    cpus_stop();
    result("race-code", after - before > 10, "%u turns, %u faults", after, cpu_faults);
    unit_set(FEDATA, 0x41);
    result("race-code-after", unit_get(FEDATA) == 0x41, "0x%x", unit_get(FEDATA));
}

void hostile_race(void)
{
    registers();
    descriptors();
    tables();
    code();
}
