/*
 * Faults as the guest sees them, against a unit that has one stage: the same request
 * through the same guest tables must end the same way, with the same fault record. Every
 * bit of every structure between a device and its page is turned over once; what only
 * two stages can get wrong is compared by hand.
 */
#include "iommu/viommu/fault.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "tests/support/guest_kit_pair.h"

enum { SID = 0x0210, PASID = 0x145, DID = 0x21 };
#define IOVA 0x7f12345000ull

struct place {
    const char *name;
    u64 at;     /* guest address of the entry */
    u32 words;
};
enum { ROOT, CONTEXT, DIR, ENTRY, DIR_RID, ENTRY_RID, FS4, FS3, FS2, FS1, PLACES };

struct tables {
    struct pair p;
    struct place place[PLACES];
    u64 target;
};

static u64 gpa_of(const void *entry)
{
    return (u64)((const u8 *)entry - hosted_memory());
}

/* A device with RID_PASID 0 and one more PASID on one first stage. */
static void build(struct tables *t, bool share)
{
    struct kit *kit = &t->p.kit;
    pair_start(&t->p);
    t->target = kit_page(kit);
    u64 fs_root = kit_page(kit);
    kit_map(kit, fs_root, IOVA, t->target, 6);
    kit_first_stage(kit, SID, 0, DID, fs_root);
    u64 own_root = kit_page(kit); /* with what fs_root says: FSPM and EAFE are a table's own */
    memcpy(kit_at(own_root), kit_at(fs_root), PAGE_SIZE);
    kit_first_stage(kit, SID, PASID, DID, share ? fs_root : own_root);
    u64 *context = kit_context(kit, SID, 0, 0);
    u64 directory = context[0] & ~PAGE_MASK;
    u64 level[5] = {0, 0, 0, 0, fs_root};
    for (u32 i = 4; i > 1; i--) {
        level[i - 1] = kit_at(level[i])[(IOVA >> (3 + 9 * i)) & 511] & ~PAGE_MASK;
    }
    t->place[ROOT] = (struct place){"root", kit->root + (SID >> 8) * 16, 2};
    t->place[CONTEXT] = (struct place){"context", gpa_of(context), 4};
    t->place[DIR] = (struct place){"directory", directory + (PASID >> 6) * 8, 1};
    t->place[DIR_RID] = (struct place){"directory of RID_PASID", directory, 1};
    t->place[ENTRY] = (struct place){"PASID entry", gpa_of(kit_pasid_entry(kit, SID, PASID)), 8};
    u64 rid_entry = gpa_of(kit_pasid_entry(kit, SID, 0));
    t->place[ENTRY_RID] = (struct place){"RID_PASID entry", rid_entry, 8};
    static const char *const names[] = {"", "FS-PTE", "FS-PDE", "FS-PDPTE", "FS-PML4E"};
    for (u32 i = 1; i <= 4; i++) {
        u64 at = level[i] + ((IOVA >> (3 + 9 * i)) & 511) * 8;
        t->place[FS1 + 1 - i] = (struct place){names[i], at, 1};
    }
}

static void access(struct tables *t, bool with_pasid, enum model_op op, bool priv)
{
    const struct model_request request = {.sid = SID, .has_pasid = with_pasid,
                                          .pasid = with_pasid ? PASID : 0, .priv = priv,
                                          .op = op, .addr = IOVA, .len = 8};
    (void)pair_dma(&t->p, &request);
    pair_compare(&t->p);
    pair_serve_faults(&t->p);
}

static void all_accesses(struct tables *t)
{
    access(t, false, MODEL_READ, false);
    access(t, true, MODEL_READ, false);
    access(t, false, MODEL_WRITE, false);
    access(t, true, MODEL_WRITE, false);
    access(t, true, MODEL_ATOMIC, false);
    access(t, true, MODEL_WRITE, true);
}

static void finish(struct tables *t, const char *name)
{
    char text[sizeof(t->p.text)];
    u32 differences = t->p.differences;
    memcpy(text, t->p.text, sizeof(text));
    t->p.differences = 0;
    assert_true(pair_stop(&t->p));
    if (differences != 0) {
        fail_msg("%s: %s (%u in all)", name, text, differences);
    }
}

/*
 * Hardware with one stage reports nothing for a page that is not memory: nobody answers the
 * access. The guest's unit says "not present" then; see pages_outside_the_partition().
 */
static bool leaf_leads_out(const struct tables *t)
{
    u64 leaf = kit_at(t->place[FS1].at)[0];
    u64 page = leaf & 0x000ffffffffff000ull;
    return (leaf & 1) != 0 && (page < KIT_RAM_BASE || page >= KIT_RAM_END) &&
           page < 1ull << KIT_HAW;
}

static void one_bit(u32 where, u32 bit)
{
    struct tables t;
    char name[80];
    build(&t, where != ENTRY && where != ENTRY_RID);
    kit_at(t.place[where].at)[bit / 64] ^= 1ull << bit % 64;
    pair_boot(&t.p);
    if (!leaf_leads_out(&t)) {
        all_accesses(&t);
    }
    (void)snprintf(name, sizeof(name), "%s bit %u", t.place[where].name, bit);
    finish(&t, name);
}

static void every_bit_of(u32 where, u32 words)
{
    for (u32 bit = 0; bit < 64 * words; bit++) {
        one_bit(where, bit);
    }
}

static void nothing_changed(void **state)
{
    struct tables t;
    (void)state;
    build(&t, true);
    pair_boot(&t.p);
    all_accesses(&t);
    finish(&t, "unchanged");
}

static void root_bits(void **state)
{
    (void)state;
    every_bit_of(ROOT, 2);
}

static void context_bits(void **state)
{
    (void)state;
    every_bit_of(CONTEXT, 4);
}

static void directory_bits(void **state)
{
    (void)state;
    every_bit_of(DIR, 1);
    every_bit_of(DIR_RID, 1);
}

static void pasid_entry_bits(void **state)
{
    (void)state;
    every_bit_of(ENTRY, 8);
    every_bit_of(ENTRY_RID, 8);
}

static void first_stage_bits(void **state)
{
    (void)state;
    for (u32 where = FS4; where <= FS1; where++) {
        every_bit_of(where, 1);
    }
}

/* Legacy mode on a unit without second stages: every request faults, and says why. */
static void legacy_tables(void **state)
{
    (void)state;
    for (u32 bit = 0; bit < 64 * 4; bit++) {
        struct tables t;
        char name[32];
        build(&t, true);
        u64 root = kit_page(&t.p.kit);
        u64 contexts = kit_page(&t.p.kit);
        u64 at[2] = {root + (SID >> 8) * 16, contexts + (SID & 0xff) * 16};
        kit_at(at[0])[0] = contexts | 1;
        kit_at(at[1])[0] = kit_page(&t.p.kit) | 1;
        kit_at(at[1])[1] = 2 | DID << 8;
        kit_at(at[bit / 128])[bit / 64 % 2] ^= 1ull << bit % 64;
        t.p.kit.root = root;
        pair_write(&t.p, R_RTADDR, 8, root);
        pair_write(&t.p, R_GCMD, 4, G_SRTP);
        pair_write(&t.p, R_GCMD, 4, G_TE);
        all_accesses(&t);
        (void)snprintf(name, sizeof(name), "legacy bit %u", bit);
        finish(&t, name);
    }
}

/* The same with RTADDR.TTM = 10b and, on a unit without ADMS, 11b. */
static void modes_that_do_not_exist(void **state)
{
    (void)state;
    for (u32 ttm = 2; ttm <= 3; ttm++) {
        struct tables t;
        build(&t, true);
        pair_write(&t.p, R_RTADDR, 8, t.p.kit.root | ttm << 10);
        pair_write(&t.p, R_GCMD, 4, G_SRTP);
        pair_write(&t.p, R_GCMD, 4, G_TE);
        all_accesses(&t);
        finish(&t, "reserved mode");
    }
}

static void pages_outside_the_partition(void **state)
{
    static const struct { u32 where; u64 value; u8 reason; } cases[] = {
        {FS1, HOSTED_POOL | 0x67, 0x71}, {FS1, 0x67, 0x71}, {FS1, KIT_RAM_END | 0x67, 0x71},
        {FS1, 1ull << KIT_HAW | 0x67, 0x72}, {FS1, HOST_UNIT_BASE | 0x67, 0x71},
        {FS1, 0xfee00067, 0x87}, {FS2, HOSTED_POOL | 0xe7, 0x71}, {FS2, HOSTED_POOL | 0x27, 0x70},
        {FS3, HOSTED_POOL | 0x27, 0x70}, {FS4, 1ull << KIT_HAW | 0x27, 0x72},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        for (u32 write = 0; write <= 1; write++) {
            struct kit_fault fault;
            struct tables t;
            u64 value = 0;
            build(&t, true);
            kit_at(t.place[cases[i].where].at)[0] = cases[i].value;
            kit_boot(&t.p.kit);
            assert_int_not_equal(kit_dma_pasid(&t.p.kit, SID, PASID, write, IOVA, &value), 0);
            assert_true(kit_take_fault(&t.p.kit, &fault));
            assert_int_equal(fault.reason, cases[i].reason);
            assert_int_equal(fault.sid, SID);
            assert_true(fault.has_pasid);
            assert_int_equal(fault.pasid, PASID);
            assert_int_equal(fault.addr, IOVA);
            assert_int_equal(fault.read, !write);
            assert_true(pair_stop(&t.p));
        }
    }
}

/* Codes that a unit with one stage can report; 44h, 47h and 49h refuse what DTE = 0 refuses. */
static bool one_stage_can_say(u8 reason)
{
    static const u8 said[] = {0x01, 0x02, 0x03, 0x08, 0x09, 0x0a, 0x0b, 0x30, 0x31, 0x34, 0x38,
                              0x39, 0x3a, 0x40, 0x41, 0x42, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48,
                              0x49, 0x50, 0x51, 0x52, 0x58, 0x59, 0x5a, 0x5b, 0x5c, 0x5d, 0x70,
                              0x71, 0x72, 0x73,
                              0x80, 0x81, 0x83, 0x85, 0x87, 0x89, 0x90, 0x91};
    for (size_t i = 0; i < ARRAY_LEN(said); i++) {
        if (said[i] == reason) {
            return true;
        }
    }
    return false;
}

static void every_hardware_code(void **state)
{
    (void)state;
    const struct walk_result views[] = {
        {.entry = {.present = true, .pgtt = PGTT_FIRST_STAGE},
         .first_stage = VTD_FAULT_FS_ENTRY_ACCESS},
        {.entry = {.present = true, .pgtt = PGTT_PASS_THROUGH}},
        {.reason = VTD_FAULT_PASID_ENTRY_NOT_PRESENT},
        {.reason = VTD_FAULT_PASID_ENTRY_NOT_PRESENT, .fpd = true},
        {.fpd = true, .entry = {.present = true, .pgtt = PGTT_FIRST_STAGE},
         .first_stage = VTD_FAULT_FS_ENTRY_ACCESS},
    };
    for (u32 code = 0; code < 256; code++) {
        assert_true(viommu_fault_why((u8)code)[0] != '\0');
        for (size_t i = 0; i < ARRAY_LEN(views); i++) {
            u8 reason = 0;
            if (viommu_fault_map((u8)code, &views[i], &reason) == FAULT_SHOWN) {
                assert_true(one_stage_can_say(reason));
                assert_false(views[i].fpd);
            }
        }
    }
    /* A second stage that is malformed or unreadable is never the guest's to see. */
    static const u8 hidden[] = {0x38, 0x3a, 0x40, 0x42, 0x43, 0x50, 0x52, 0x58, 0x5a, 0x78, 0x7a,
                                0x7b, 0x7c, 0x7d, 0x60, 0x00, 0xff};
    for (size_t i = 0; i < ARRAY_LEN(hidden); i++) {
        u8 reason;
        assert_int_equal(viommu_fault_map(hidden[i], &views[0], &reason), FAULT_HIDDEN);
    }
}

/* An entry that Nestor would not install, though it is valid, is Nestor's business. */
static void over_quota_is_hidden(void **state)
{
    const struct viommu_config quotas = {.max_bindings = 1};
    struct kit kit;
    struct kit_fault fault;
    u64 value = 0;
    (void)state;
    kit_start_with(&kit, &quotas);
    u64 fs_root = kit_page(&kit);
    kit_map(&kit, fs_root, IOVA, kit_page(&kit), 6);
    kit_first_stage(&kit, SID, 0, DID, fs_root);
    kit_first_stage(&kit, SID + 8, 0, DID, fs_root);
    kit_boot(&kit);
    assert_int_equal(kit_dma(&kit, SID, false, IOVA, &value), 0);
    assert_int_not_equal(kit_dma(&kit, SID + 8, false, IOVA, &value), 0);
    assert_false(kit_take_fault(&kit, &fault));
    assert_int_equal(kit_stats(&kit).hidden_faults, 1);
    assert_true(kit_stop(&kit));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_changed),
        cmocka_unit_test(root_bits),
        cmocka_unit_test(context_bits),
        cmocka_unit_test(directory_bits),
        cmocka_unit_test(pasid_entry_bits),
        cmocka_unit_test(first_stage_bits),
        cmocka_unit_test(legacy_tables),
        cmocka_unit_test(modes_that_do_not_exist),
        cmocka_unit_test(pages_outside_the_partition),
        cmocka_unit_test(every_hardware_code),
        cmocka_unit_test(over_quota_is_hidden),
    };
    return cmocka_run_group_tests_name("viommu_faults", tests, NULL, NULL);
}
