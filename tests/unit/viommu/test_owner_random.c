/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Two guests, then three, with a unit each behind one of the hardware's, at random: the root's, and those of partitions
 * beside it. All list whatever they like, their own and others', turn translation and interrupt remapping on and off,
 * exchange tables, write entries and messages of any kind, start anew and run out of memory. No device ever reaches
 * what is not its own partition's, no guest learns of another's faults, and a guest that does all as it should finds
 * its device translated and its messages delivered, whatever the others have done. An interrupt comes to what that
 * guest's own unit would make of it, or to nothing. The unit's caches never forget by themselves.
 *
 * NESTOR_SEED and NESTOR_OPS choose another run.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tests/support/guest_kit_remap.h"
#include "tests/support/repeat.h"

enum {
    GUESTS = 3, DEVICES = REMAP_DEVICES,
    IOVA = 0x300000,
    PAUSE_US = 50000,                 /* twenty faults a second are no storm */
};
static const u16 sids[GUESTS][DEVICES] = {{0x0108, KIT_FOREIGN_END}, {KIT_FOREIGN, KIT_FOREIGN + 1},
                                          {KIT_FOREIGN + 2, KIT_FOREIGN + 3}};
/* And the neighbours of all, which are the root's, and one that is nobody's. */
static const u16 all_sids[] = {0x0108, KIT_FOREIGN_END, KIT_FOREIGN - 1, KIT_FOREIGN, KIT_FOREIGN + 1, KIT_FOREIGN + 2,
                               KIT_FOREIGN + 3, KIT_FOREIGN + 4};
static const u32 pasids[] = {0, 5, 70};

static struct kit kits[GUESTS];
static u32 count;                     /* of these */
static struct domain *memory[GUESTS];
static u64 first[GUESTS];             /* where a guest's tables begin */
static struct { u64 dma, refused, nested, resets, proofs, faults; } done;

static void begin(u32 g)
{
    struct kit *kit = &kits[g];
    memset(kit_at(first[g]), 0, kit->ram_end - first[g]);
    kit->next_page = first[g];
    kit->root = kit_page(kit);
    kit->ring = kit_page(kit);
    remap_start(&remaps[g]);
}

static u32 another(u32 g)
{
    return (g + 1 + pick(count - 1)) % count;
}

static void reset(u32 g)
{
    hosted_fail_after(UINT32_MAX);
    remap_stop(&remaps[g]);
    assert_int_equal(viommu_reset(kits[g].v), OK);
    begin(g);
    kit_boot(&kits[g]);
    if (pick(4) != 0) {
        remap_turn_on(&remaps[g]);
    }
    done.resets++;
}

/* Mostly one of its own; of the other's or of nobody's in particular now and then. */
static void list(u32 g)
{
    struct kit *kit = &kits[g];
    u32 whose = another(g);
    u16 sid = sids[pick(6) == 0 ? whose : g][pick(DEVICES)];
    u32 pasid = pasids[pick(ARRAY_LEN(pasids))];
    u64 *context = kit_context(kit, sid, pick(2) != 0 ? 1u << 3 : 0, 0);
    switch (pick(5)) {
    case 0:
        context[0] ^= 1;
        break;
    case 1:
        kit_pasid_entry(kit, sid, pasid)[0] = 0;
        break;
    case 2:
        kit_pass_through(kit, sid, pasid, (u16)(1 + pick(5)));
        break;
    default: {
        u64 other = kits[whose].ram_base + pick(64) * PAGE_SIZE;
        u64 root = pick(4) == 0 ? other : kit_page(kit);
        if (root != other) {
            kit_map(kit, root, IOVA, pick(3) == 0 ? other : kit_page(kit), 6);
        }
        kit_first_stage(kit, sid, pasid, (u16)(1 + pick(5)), root);
    }
    }
    static const u64 all[] = {0x11, 0x37, 0x12};
    (void)kit_submit(kit, pick(3) != 0 ? 0x31 | (u64)sid << 32 : all[pick(ARRAY_LEN(all))], 0);
}

static void command(u32 g)
{
    struct kit *kit = &kits[g];
    u32 now = (u32)kit_read(kit, R_GSTS, 4) & 0x96ffffffu;
    if (pick(3) != 0) {
        kit_translate(kit, (now & G_TE) == 0);
    } else {
        kit_set_root(kit, pick(3));
    }
}

static void check_device(u32 g)
{
    struct kit *kit = &kits[g];
    const struct kit *other = &kits[another(g)];
    u32 pasid = pasids[pick(ARRAY_LEN(pasids))];
    struct model_outcome outcome;
    u64 value = 1;
    const u64 addrs[] = {IOVA, kit->ram_base, kit->ram_end - 8, other->ram_base, other->ram_end - 8};
    const struct model_request request = {
        .sid = sids[g][pick(DEVICES)], .has_pasid = pasid != 0, .pasid = pasid, .len = 8,
        .op = pick(2) == 0 ? MODEL_WRITE : MODEL_READ, .addr = addrs[pick(ARRAY_LEN(addrs))]};
    bool through = model_dma(kit->unit, &request, &value, &outcome);
    if (through) {
        assert_true(outcome.hpa >= kit->ram_base && outcome.hpa < kit->ram_end);
        done.nested += outcome.kind == MODEL_KIND_NESTED;
    }
    done.dma += through;
    done.refused += !through;
}

static bool is_own(u32 g, u16 sid)
{
    return g == 0 ? remap_is_roots(sid) : sid == sids[g][0] || sid == sids[g][1];
}

static void check_faults(void)
{
    struct kit_fault fault;
    for (u32 g = 0; g < count; g++) {
        viommu_poll_faults(kits[g].v);
        while (kit_take_fault(&kits[g], &fault)) {
            assert_true(is_own(g, fault.sid));
            done.faults++;
        }
        kit_write(&kits[g], R_FSTS, 4, 0x71);
    }
    assert_int_equal(kits[0].interrupts, 0);
}

/* From a new start on all is as the specification has it. */
static void prove(u32 g)
{
    u64 value = 0;
    reset(g);
    (void)kit_device(&kits[g], sids[g][0], 0, 1, IOVA, NULL);
    kit_invalidate_all(&kits[g]);
    assert_int_equal(kit_dma(&kits[g], sids[g][0], false, IOVA, &value), 0);
    assert_int_equal(value, KIT_VALUE);
    assert_int_equal(kit_kind(&kits[g], sids[g][0], IOVA), MODEL_KIND_NESTED);
    kit_translate(&kits[g], false);
    assert_int_equal(kit_dma(&kits[g], sids[g][1], false, kits[g].ram_base, &value), 0);
    kit_translate(&kits[g], true);
    assert_int_not_equal(kit_dma(&kits[g], sids[g][1], false, kits[g].ram_base, &value), 0);
    remap_prove(&remaps[g], sids[g][0], sids[another(g)][0]);
    done.proofs++;
}

static void step(void)
{
    u32 g = pick(count);
    u32 what = pick(100);
    if (kits[g].next_page + 32 * PAGE_SIZE > kits[g].ram_end) {
        reset(g);
    }
    hosted_fail_after(pick(8) == 0 ? pick(4) : UINT32_MAX);
    if (what < 30) {
        list(g);
    } else if (what < 36) {
        command(g);
    } else if (what == 36) {
        pick(6) == 0 ? prove(g) : pick(3) == 0 ? reset(g) : remap_switch(&remaps[g]);
    } else if (what < 48) {
        remap_put_entry(&remaps[g], all_sids, ARRAY_LEN(all_sids));
    } else if (what < 54 && g != 0) {
        remap_put_message(&remaps[g]);
    } else if (what < 75) {
        remap_check(all_sids, ARRAY_LEN(all_sids));
    } else {
        check_device(g);
    }
    hosted_fail_after(UINT32_MAX);
    hosted_advance_us(PAUSE_US);
    check_faults();
}

static void start(u32 guests)
{
    static struct vtd_owner owners[GUESTS * DEVICES];
    const struct viommu_config shown = {.interrupts = true, .shared_unit = true, .kept_interrupts = REMAP_KEPT};
    count = guests;
    kit_start_unit(&kits[0], KIT_CAP, REMAP_ECAP, &shown);
    for (u32 g = 1; g < count; g++) {
        memory[g] = kit_own(g, sids[g], DEVICES, &owners[(g - 1) * DEVICES]);
    }
    vtd_fault_set_owners(host_unit(), owners, (count - 1) * DEVICES);
    kits[0].shared = true;
    assert_int_equal(viommu_isolate_interrupts(kits[0].v), OK);
    remap_begin();
    for (u32 g = 0; g < count; g++) {
        if (g != 0) {
            kit_start_owner(&kits[g], &kits[0], memory[g], sids[g], DEVICES);
        }
        remap_add(&kits[g], kit_cpus(&kits[g]), sids[g]);
    }
    for (u32 g = 0; g < count; g++) {
        first[g] = kits[g].next_page;
        begin(g);
        kit_boot(&kits[g]);
    }
}

static void stop(void)
{
    assert_int_equal(model_counters(kits[0].unit)->eime_changed_live, 0);
    remap_end();
    for (u32 g = 1; g < count; g++) {
        kit_stop_owner(&kits[g]);
        kit_disown(memory[g], sids[g], DEVICES);
    }
    viommu_destroy(kits[0].v);
    assert_int_equal(host_attached() + host_domain_ids_used(), 0);
    assert_int_equal(vtd_irt_disable(host_unit()), OK);
    host_stop();
    assert_int_equal(hosted_pages_used(), 0);
}

static void run(u32 guests)
{
    u64 ops = repeat_or("NESTOR_OPS", 4000000);
    seed = pick_seed_or(20261130);
    memset(&done, 0, sizeof(done));
    start(guests);
    for (u64 n = 0; n < ops; n++) {
        step();
    }
    for (u32 g = 0; g < count; g++) {
        prove(g);
    }
    print_message("# %u guests: %llu DMA, %llu of it nested, %llu refused; %llu faults told, %llu resets, %llu proofs; "
                  "%llu interrupts, %llu refused, %llu withheld\n", count, done.dma, done.nested, done.refused,
                  done.faults, done.resets, done.proofs, remap_done.sent, remap_done.refused, remap_done.withheld);
    assert_true(done.nested != 0 && done.dma > done.nested && done.refused != 0 && done.faults != 0);
    assert_true(remap_done.sent != 0 && remap_done.refused != 0 && remap_done.withheld != 0);
    stop();
}

static void two_guests(void **state)
{
    (void)state;
    run(2);
}

static void three_guests(void **state)
{
    (void)state;
    run(3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_guests),
        cmocka_unit_test(three_guests),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
