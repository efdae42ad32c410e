/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Two, then three partitions behind one unit, at random: the root, whose guest has a unit to see and lists whatever it
 * likes, and others with second-stage-only devices and messages of these, which change their memory, stop and start
 * again. Plain arrays say what each of the others' pages is; the root may only ever reach its own memory, and an
 * interrupt comes to what the root's own unit would make of it, or its owner's message says. The unit's caches never
 * forget by themselves, and the pool runs dry now and then.
 *
 * NESTOR_SEED and NESTOR_OPS choose another run.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "iommu/domain/domain.h"
#include "tests/support/guest_kit_remap.h"
#include "tests/support/repeat.h"

enum {
    OTHERS = REMAP_OWNERS, DEVICES = REMAP_DEVICES,   /* beside the root; of each */
    PAGES = 40,                       /* of each */
    FRAMES = 64,                      /* of the machine's memory, for each */
    OTHER_BASE = KIT_RAM_END,
    NOTHING = 0xffff,
    IOVA = 0x200000,
    PAUSE_US = 50000,                 /* twenty faults a second are no storm */
};

/* The root's own, among them the neighbours of the others', and all of the others'. */
static const u16 sids[] = {0x0108, KIT_FOREIGN - 1, KIT_FOREIGN_END, 0x8100,
                           KIT_FOREIGN, KIT_FOREIGN + 1, KIT_FOREIGN + 2, KIT_FOREIGN + 3};
enum { OWN_SIDS = 4 };
static const u32 pasids[] = {0, 5, 70};

struct other {
    struct domain *d;
    u16 frame[PAGES];                 /* NOTHING: not mapped */
    bool attached[DEVICES], blocked[DEVICES];
};

static struct kit kit;
static struct other others[OTHERS];
static u32 count;                     /* of the others */
static u64 first_stage;
static u64 ram_from;                  /* what the root's tables are made of */
static struct { u64 dma, blocked, own_dma, resets, restarts, no_memory; } done;

static u64 frame_at(u32 i, u32 frame)
{
    return OTHER_BASE + (i * FRAMES + frame) * PAGE_SIZE;
}

static u16 sid_of(u32 i, u32 device)
{
    return (u16)(KIT_FOREIGN + i * DEVICES + device);
}

/* --- the others --- */

static void map(u32 i, u32 page)
{
    u32 frame = pick(FRAMES);
    enum result r = domain_map(others[i].d, (gpa_t){page * PAGE_SIZE}, (hpa_t){frame_at(i, frame)}, PAGE_SIZE,
                               PROT_READ | PROT_WRITE, MEM_WB);
    if (r == OK) {
        others[i].frame[page] = (u16)frame;
    } else {
        assert_true(r == ERR_EXISTS || r == ERR_NO_MEMORY);
        done.no_memory += r == ERR_NO_MEMORY;
    }
}

static void unmap(u32 i, u32 page)
{
    u64 unmapped;
    if (domain_unmap(others[i].d, (gpa_t){page * PAGE_SIZE}, PAGE_SIZE, &unmapped) == OK) {
        others[i].frame[page] = NOTHING;
    }
}

static void change_memory(u32 i)
{
    u32 first = pick(PAGES), pages = 1 + pick(4);
    for (u32 page = first; page < first + pages && page < PAGES; page++) {
        if (others[i].frame[page] != NOTHING) {
            unmap(i, page);
        }
        if (pick(4) != 0) {
            map(i, page);
        }
    }
    assert_int_equal(domain_flush(others[i].d, (gpa_t){first * PAGE_SIZE}, pages * PAGE_SIZE), OK);
}

static void attach(u32 i, u32 device)
{
    enum result r = domain_attach(others[i].d, host_unit(), VTD_ROOT_OWN_OFF, sid_of(i, device), VTD_NO_PASID);
    assert_true(r == OK || r == ERR_NO_MEMORY);
    others[i].attached[device] = r == OK;
    done.no_memory += r != OK;
}

static void detach(u32 i, u32 device)
{
    assert_int_equal(domain_detach(others[i].d, host_unit(), VTD_ROOT_OWN_OFF, sid_of(i, device), VTD_NO_PASID), OK);
    others[i].attached[device] = false;
}

/* Kept away or let in, whatever the root's storms have come to. */
static void block(u32 i, u32 device)
{
    bool block = pick(2) == 0;
    enum result r = vtd_own_block(host_unit(), sid_of(i, device), block);
    assert_int_equal(r, OK);
    others[i].blocked[device] = block;
}

static void begin(u32 i)
{
    struct vtd_unit_info info;
    vtd_unit_get_info(host_unit(), &info);
    const struct domain_config config = {.levels = 4, .page_sizes = info.ss_page_sizes, .coherent = info.coherent,
                                         .partition = i + 1};
    enum result r = domain_create(&config, &others[i].d);
    if (r == ERR_NO_MEMORY) {
        done.no_memory++;
        hosted_fail_after(UINT32_MAX);
        r = domain_create(&config, &others[i].d);
    }
    assert_int_equal(r, OK);
    for (u32 page = 0; page < PAGES; page++) {
        others[i].frame[page] = NOTHING;
        map(i, page);
    }
}

static void end(u32 i)
{
    for (u32 device = 0; device < DEVICES; device++) {
        if (others[i].attached[device]) {
            detach(i, device);
        }
    }
    assert_int_equal(domain_destroy(others[i].d), OK);
}

/* Its next life has another second stage, and mostly the ids of the one before. */
static void restart(u32 i)
{
    remap_stop(&remaps[1 + i]);
    end(i);
    begin(i);
    remap_start(&remaps[1 + i]);
    done.restarts++;
}

static void check_other(u32 i, u32 device, u32 page, bool write)
{
    bool open = others[i].attached[device] && !others[i].blocked[device];
    u32 frame = page < PAGES && open ? others[i].frame[page] : NOTHING;
    u64 value = seed, at = frame_at(i, frame);
    u8 reason = kit_dma(&kit, sid_of(i, device), write, page * PAGE_SIZE, &value);
    if ((reason == 0) != (frame != NOTHING)) {
        fail_msg("partition %u device %u page %u write %d: reason %x, expected frame %x", i + 1, device, page, write,
                 reason, frame);
    }
    if (frame != NOTHING) {
        assert_int_equal(value, kit_at(at)[0]);
    }
    done.dma++;
    done.blocked += reason != 0;
}

/* --- the root --- */

static void list(u16 sid)
{
    u32 pasid = pasids[pick(ARRAY_LEN(pasids))];
    u64 *context = kit_context(&kit, sid, pick(2) != 0 ? 1u << 3 : 0, 0);
    switch (pick(5)) {
    case 0:
        context[0] ^= 1;
        break;
    case 1:
        kit_pasid_entry(&kit, sid, pasid)[0] = 0;
        break;
    case 2:
        kit_pass_through(&kit, sid, pasid, (u16)(1 + pick(5)));
        break;
    default:
        kit_first_stage(&kit, sid, pasid, (u16)(1 + pick(5)), first_stage);
    }
}

static void announce(u16 sid)
{
    static const u64 all[] = {0x11, 0x37, 0x12};
    u64 device = 0x31 | (u64)sid << 32 | (u64)pick(4) << 48;
    (void)kit_submit(&kit, pick(3) != 0 ? device : all[pick(ARRAY_LEN(all))], 0);
}

static void boot(void)
{
    memset(kit_at(ram_from), 0, KIT_RAM_END - ram_from);
    kit.next_page = ram_from;
    kit.root = kit_page(&kit);
    first_stage = kit_page(&kit);
    kit_map(&kit, first_stage, IOVA, kit_page(&kit), 6);
    remap_start(&remaps[0]);
    kit_boot(&kit);
    remap_prove(&remaps[0], sids[0], sid_of(0, 0));
}

static void reset(void)
{
    remap_stop(&remaps[0]);
    assert_int_equal(viommu_reset(kit.v), OK);
    hosted_fail_after(UINT32_MAX);
    boot();
    done.resets++;
}

static void command(u32 bit)
{
    u32 now = (u32)kit_read(&kit, R_GSTS, 4) & 0x96ffffffu;
    kit_write(&kit, R_GCMD, 4, now ^ bit);
}

/* Its own device reaches its own memory, whatever its tables say. */
static void check_own(void)
{
    u16 sid = sids[pick(OWN_SIDS)];
    u32 pasid = pasids[pick(ARRAY_LEN(pasids))];
    struct model_outcome outcome;
    u64 value = 1;
    const struct model_request request = {
        .sid = sid, .has_pasid = pasid != 0, .pasid = pasid, .op = pick(2) == 0 ? MODEL_WRITE : MODEL_READ, .len = 8,
        .addr = pick(2) == 0 ? IOVA : pick(2) == 0 ? OTHER_BASE + pick(FRAMES) * PAGE_SIZE
                                                   : KIT_RAM_END - PAGE_SIZE * (1 + pick(8))};
    if (model_dma(kit.unit, &request, &value, &outcome)) {
        assert_true(outcome.hpa >= KIT_RAM_BASE && outcome.hpa < KIT_RAM_END);
        done.own_dma++;
    }
}

static void check_faults(void)
{
    struct kit_fault fault;
    while (kit_take_fault(&kit, &fault)) {
        assert_true(fault.sid < KIT_FOREIGN || fault.sid >= KIT_FOREIGN_END);
    }
}

/* --- */

static void step(void)
{
    u32 i = pick(count), device = pick(DEVICES);
    u16 sid = sids[pick(ARRAY_LEN(sids))];
    u32 what = pick(100);
    hosted_fail_after(pick(8) == 0 ? pick(3) : UINT32_MAX);
    if (what < 15) {
        list(sid);
        announce(sid);
    } else if (what < 18) {
        command(pick(2) == 0 ? G_TE : G_SRTP);
    } else if (what < 20) {
        remap_switch(&remaps[0]);
    } else if (what < 26) {
        remap_put_entry(&remaps[0], sids, ARRAY_LEN(sids));
    } else if (what < 38) {
        change_memory(i);
    } else if (what < 41) {
        others[i].attached[device] ? detach(i, device) : attach(i, device);
    } else if (what < 46 && !others[i].attached[device]) {
        attach(i, device);
    } else if (what == 41 && pick(20) == 0) {
        reset();
    } else if (what == 42 && pick(10) == 0) {
        restart(i);
    } else if (what == 46 || what == 47) {
        remap_put_message(&remaps[1 + i]);
    } else if (what == 48) {
        block(i, device);
    } else if (what < 56) {
        assert_int_equal(model_read(kit.unit, R_GSTS, 4) & (G_IRE | G_CFI), G_IRE);
        remap_check(sids, ARRAY_LEN(sids));
    } else if (what < 68) {
        check_own();
    } else {
        check_other(i, device, pick(PAGES + 2), pick(2) == 0);
    }
    hosted_advance_us(PAUSE_US);
    check_faults();
}

static void run(u32 partitions)
{
    static const struct vtd_context plain = {.pasids = 0};
    const struct viommu_config shown = {.interrupts = true, .kept_interrupts = REMAP_KEPT};
    u64 ops = repeat_or("NESTOR_OPS", 4000000);
    seed = pick_seed_or(20261130);
    count = partitions;
    kit_start_unit(&kit, KIT_CAP, REMAP_ECAP, &shown);
    kit.shared = true;
    ram_from = kit.next_page;
    assert_int_equal(viommu_isolate_interrupts(kit.v), OK);
    remap_begin();
    remap_add(&kit, kit_cpus(&kit), NULL);
    remaps[0].pages = 256;
    for (u32 i = 0; i < count; i++) {
        const u16 own[DEVICES] = {sid_of(i, 0), sid_of(i, 1)};
        remap_add(NULL, 1u << (KIT_CPUS + 1 + i), own);
        remap_start(&remaps[1 + i]);
        begin(i);
        for (u32 device = 0; device < DEVICES; device++) {
            assert_int_equal(vtd_own_add(host_unit(), sid_of(i, device)), OK);
            assert_int_equal(vtd_device_open(host_unit(), VTD_ROOT_OWN_OFF, sid_of(i, device), &plain), OK);
            assert_int_equal(vtd_own_block(host_unit(), sid_of(i, device), false), OK);
            others[i].blocked[device] = false;
            attach(i, device);
        }
    }
    boot();
    for (u64 n = 0; n < ops; n++) {
        step();
    }
    hosted_fail_after(UINT32_MAX);
    print_message("# %u partitions: %llu DMA of the others, %llu blocked; %llu of the root's; %llu interrupts, "
                  "%llu of them the others', %llu resets, %llu restarts, %llu without memory\n", count + 1, done.dma,
                  done.blocked, done.own_dma, remap_done.sent, remap_done.owners, done.resets, done.restarts,
                  done.no_memory);
    assert_true(done.own_dma != 0 && remap_done.owners != 0 && remap_done.sent > remap_done.owners &&
                done.blocked != 0 && done.dma - done.blocked > done.dma / 8);
    assert_int_equal(model_counters(kit.unit)->eime_changed_live, 0);
    remap_end();
    memset(&done, 0, sizeof(done));
    viommu_destroy(kit.v);
    for (u32 i = 0; i < count; i++) {
        end(i);
    }
    assert_int_equal(host_domain_ids_used(), 0);
    assert_int_equal(vtd_irt_disable(host_unit()), OK);
    host_stop();
    assert_int_equal(hosted_pages_used(), 0);
}

static void two_partitions(void **state)
{
    (void)state;
    run(1);
}

static void three_partitions(void **state)
{
    (void)state;
    run(2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_partitions),
        cmocka_unit_test(three_partitions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
