/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A device is re-attached while it works. Three domains map the same addresses to three windows:
 * the identity domain and two of the device's own. So whatever is in flight has somewhere to go:
 * nothing may fault, get lost or land elsewhere.
 */
#include "tests/efi/driver_test.h"

#include "tests/efi/port_efi.h"

enum {
    TIMES = 10000, IN_FLIGHT = 4, BLOCKS = 64, WINDOWS = 3, SECTOR = 512,
    SEED_BLOCK = 1000, SEED_GUARD = 77, LIMIT_US = 5000000,
};

struct load {
    struct domain *d[WINDOWS];  /* the last one is the identity domain */
    hpa_t windows[WINDOWS];
    u64 next_block, blocks[SLOTS];
    u32 busy, answered, lost, refused;
};

/* Guard pages on both sides of each window show anything that went astray. */
static hpa_t guard_of(const struct bench *b, u32 index)
{
    return (hpa_t){b->pool.v + index * 2 * SLOTS * PAGE_SIZE};
}

static bool guards_hold(const struct bench *b)
{
    for (u32 i = 0; i < WINDOWS; i++) {
        if (!is_filled(guard_of(b, i), SEED_GUARD, SLOTS * PAGE_SIZE)) {
            return false;
        }
    }
    return true;
}

static bool open_domain(struct bench *b, struct load *l, u32 index)
{
    l->windows[index].v = guard_of(b, index).v + SLOTS * PAGE_SIZE;
    return bench_domain(b, PAGE_SIZE, &l->d[index]) && bench_map_rings(b, l->d[index]) &&
           check(domain_map(l->d[index], (gpa_t){IOVA_BASE}, l->windows[index], SLOTS * PAGE_SIZE,
                            PROT_READ | PROT_WRITE, MEM_WB) == OK, "window not mapped");
}

/* The disk's blocks get words of their own, through the identity domain. */
static bool write_disk(struct bench *b)
{
    u16 status = 1;
    for (u64 block = 0; block < BLOCKS; block++) {
        fill(b->window, SEED_BLOCK + block, NVME_BLOCK);
        if (!nvme_move(&b->nvme, true, block, IOVA_BASE, &status) || status != 0) {
            return check(false, "the disk cannot be written");
        }
    }
    return true;
}

static void submit_some(struct bench *b, struct load *l)
{
    for (u16 slot = 0; slot < IN_FLIGHT; slot++) {
        if ((l->busy >> slot & 1) == 0) {
            l->blocks[slot] = l->next_block++ % BLOCKS;
            l->busy |= 1u << slot;
            nvme_submit(&b->nvme, false, l->blocks[slot], IOVA_BASE + slot * PAGE_SIZE, slot);
        }
    }
}

static bool sector_is_there(const struct load *l, u32 slot, u64 offset)
{
    static u64 expected[NVME_BLOCK / 8];
    fill((hpa_t){(u64)expected}, SEED_BLOCK + l->blocks[slot], NVME_BLOCK);
    for (u32 w = 0; w < WINDOWS; w++) {
        const u64 *at = (const u64 *)(l->windows[w].v + slot * PAGE_SIZE + offset);
        u32 i = 0;
        while (i < SECTOR / 8 && at[i] == expected[offset / 8 + i]) {
            i++;
        }
        if (i == SECTOR / 8) {
            return true;
        }
    }
    return false;
}

/* Each sector of the block must be in one of the windows; the slot is then cleared. */
static void look_at(struct load *l, u32 slot)
{
    for (u64 offset = 0; offset < NVME_BLOCK; offset += SECTOR) {
        l->lost += !sector_is_there(l, slot, offset);
    }
    for (u32 w = 0; w < WINDOWS; w++) {
        SetMem((VOID *)(l->windows[w].v + slot * PAGE_SIZE), PAGE_SIZE, 0);
    }
}

static void take_answers(struct bench *b, struct load *l)
{
    u16 slot;
    u16 status;
    while (nvme_poll(&b->nvme, &slot, &status)) {
        l->answered++;
        l->refused += status != 0;
        look_at(l, slot);
        l->busy &= ~(1u << slot);
    }
}

static enum result re_attach(struct bench *b, struct load *l, u16 sid, u32 turn, u32 *now)
{
    *now = turn % WINDOWS;
    return domain_replace(l->d[*now], b->unit, VTD_ROOT_OFF, sid, VTD_NO_PASID);
}

/* A write right after the change goes where the device is attached now, and nowhere else. */
static bool lands_now(struct bench *b, const struct load *l, u32 now)
{
    u64 offset = (SLOTS - 1) * PAGE_SIZE;
    testdev_write(&b->testdev, IOVA_BASE + offset, 4);
    for (u32 w = 0; w < WINDOWS; w++) {
        volatile u32 *at = (volatile u32 *)(l->windows[w].v + offset);
        if ((*at == 0x12345678) != (w == now)) {
            return false;
        }
        *at = 0;
    }
    return true;
}

static void settle(struct bench *b, struct load *l)
{
    u64 until = port_now_us() + LIMIT_US;
    while (l->busy != 0 && port_now_us() < until) {
        take_answers(b, l);
        port_relax();
    }
    check(l->busy == 0, "answers are missing: slots %x", l->busy);
}

static void run(struct bench *b, struct load *l)
{
    u32 at[2] = {0, 0};
    for (u32 turn = 0; turn < TIMES; turn++) {
        submit_some(b, l);
        enum result r = re_attach(b, l, b->nvme.sid, turn, &at[0]);
        r = r == OK ? re_attach(b, l, b->testdev.sid, turn, &at[1]) : r;
        if (!check(r == OK, "turn %u: %s", turn, result_text(r)) ||
            !check(lands_now(b, l, at[1]), "turn %u: a write went elsewhere", turn)) {
            break;
        }
        take_answers(b, l);
    }
    settle(b, l);
    say("load: %u blocks read during %u re-attachments of each device\n", l->answered, TIMES);
    bench_detach(b, l->d[at[0]], b->nvme.sid);
    bench_detach(b, l->d[at[1]], b->testdev.sid);
}

void test_load(struct bench *b)
{
    struct load l = {.d = {[2] = b->base}, .windows = {[2] = b->window}};
    case_begin("re-attached %u times under load", TIMES);
    for (u32 i = 0; i < WINDOWS; i++) {
        fill(guard_of(b, i), SEED_GUARD, SLOTS * PAGE_SIZE);
    }
    if (write_disk(b) && open_domain(b, &l, 0) && open_domain(b, &l, 1) &&
        bench_attach(b, l.d[0], b->nvme.sid) && bench_attach(b, l.d[0], b->testdev.sid)) {
        for (u32 w = 0; w < WINDOWS; w++) {
            SetMem((VOID *)l.windows[w].v, SLOTS * PAGE_SIZE, 0);
        }
        run(b, &l);
        check(l.answered >= TIMES / 20, "only %u blocks were read", l.answered);
        check(l.lost == 0 && l.refused == 0, "%u sectors lost, %u reads refused", l.lost, l.refused);
        check(bench_drain(b) == 0, "faults");
        check(guards_hold(b), "memory beside the windows changed");
        check(domain_destroy(l.d[0]) == OK && domain_destroy(l.d[1]) == OK, "domains still used");
    }
    case_end();
}
