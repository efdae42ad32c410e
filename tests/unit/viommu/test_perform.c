/* SPDX-License-Identifier: BSD-2-Clause */
/* What each descriptor does, with good and bad fields, against hardware built the way the guest sees it. */
#include "iommu/viommu/viommu.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "tests/support/guest_kit_pair.h"

enum { SID = 0x0009, PASSED = 0x0018, EMPTY = 0x0210, DID = 7 };
#define IOVA 0x7f12345000ull
static const u16 three[] = {SID, PASSED, EMPTY};

static void unmap_and_flush(void **state)
{
    (void)state;
    struct kit kit;
    u64 fs_root, value = 0;
    kit_start(&kit);
    (void)kit_device(&kit, SID, 0, DID, IOVA, &fs_root);
    kit_boot(&kit);
    assert_int_equal(kit_dma(&kit, SID, false, IOVA, &value), 0);
    kit_map(&kit, fs_root, IOVA, 0, 0);
    assert_int_equal(kit_dma(&kit, SID, false, IOVA, &value), 0); /* the IOTLB still has it */
    assert_true(kit_submit(&kit, 0x36 | (u64)DID << 16, IOVA));
    assert_int_equal(kit_dma(&kit, SID, false, IOVA, &value), 0x71);
    struct kit_fault fault;
    assert_true(kit_take_fault(&kit, &fault));
    assert_int_equal(fault.reason, 0x71);
    assert_int_equal(fault.sid, SID);
    assert_int_equal(fault.addr, IOVA);
    assert_true(fault.read);
    assert_false(kit_take_fault(&kit, &fault));
    assert_true(kit_stop(&kit));
}

static void commands_are_counted_by_kind(void **state)
{
    (void)state;
    struct kit kit;
    kit_start(&kit);
    kit_three_devices(&kit, three, DID, IOVA);
    kit_boot(&kit);
    struct viommu_stats before = kit_stats(&kit);
    assert_true(kit_submit(&kit, 0x11, 0));                      /* context cache, global */
    assert_true(kit_submit(&kit, 0x07 | 3u << 4, 0));            /* PASID cache, global */
    assert_true(kit_submit(&kit, 0x12, 0));                      /* IOTLB, global */
    assert_true(kit_submit(&kit, 0x26 | (u64)DID << 16, 0));     /* p_iotlb, all of PASID 0 */
    (void)kit_read(&kit, R_IQH, 8);
    struct viommu_stats after = kit_stats(&kit);
    assert_int_equal(after.context_caches - before.context_caches, 1);
    assert_int_equal(after.pasid_caches - before.pasid_caches, 1);
    assert_int_equal(after.iotlbs - before.iotlbs, 1);
    assert_int_equal(after.pasid_iotlbs - before.pasid_iotlbs, 1);
    assert_int_equal(after.descriptors - before.descriptors, 4);
    assert_true(after.reads > before.reads && after.reads < after.exits);
    assert_true(kit_stop(&kit));
}

/* A good descriptor of each type; every other one differs from these in one bit. */
struct good { const char *name; u64 w[4]; };
static const struct good good[] = {
    {"type 0", {0}},
    {"context global", {0x11}},
    {"context domain", {0x0000000000210021}},
    {"context device", {0x0000021800000031}},
    {"iotlb global", {0x12}},
    {"iotlb domain", {0x2122}},
    {"iotlb page", {0x210032, 0x12345000}},
    {"device TLB", {0x0000001000000003, 0x1000}},
    {"interrupt entry all", {0x04}},
    {"interrupt entry by index", {0x14}},
    {"wait status", {0x0000000700000025, 0}},
    {"wait interrupt", {0x15}},
    {"wait fence", {0x45}},
    {"PASID IOTLB all", {0x26}},
    {"PASID IOTLB page", {0x210036, 0x12345000}},
    {"PASID cache domain", {0x210007}},
    {"PASID cache PASID", {0x0000000500210017}},
    {"PASID cache global", {0x37}},
    {"PASID device TLB", {0x0000000500100008, 0x1000}},
    {"page group response", {0x09}},
    {"HPT cache", {0x0a}},
    {"type B", {0x0b}},
};

/*
 * A status write to anywhere but the page that is compared: hardware may do anything, the guest's
 * unit refuses it (test_event.c).
 */
static bool leads_elsewhere(const struct pair *p, const u64 w[4])
{
    u64 page = w[1] & ((1ull << KIT_HAW) - 1) & ~PAGE_MASK;
    return (w[0] & 0xe2f) == 0x25 && page != p->status;
}

static void descriptor(struct pair *p, const struct good *g, u32 bit)
{
    u64 w[4];
    memcpy(w, g->w, sizeof(w));
    if ((w[0] & 0xf) == 5) {
        w[1] |= p->status;
    }
    if (bit < 256) {
        w[bit / 64] ^= 1ull << bit % 64;
    }
    if (leads_elsewhere(p, w)) {
        return;
    }
    pair_submit(p, w);
    pair_compare(p);
    /* Repaired in place with a wait, as Linux does, the queue goes on. */
    static const u64 wait[4] = {0x0000000900000025};
    u64 head = pair_read(p, R_IQH, 8);
    memcpy(kit_at(p->kit.ring + head), wait, sizeof(wait));
    kit_at(p->kit.ring + head)[1] = p->status + 8;
    pair_serve_faults(p);
    pair_compare(p);
}

static void every_descriptor_bit_in(u32 ttm)
{
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        struct pair p;
        char name[64];
        u32 bit = 0;
        pair_start(&p);
        pair_write(&p, R_IEADDR, 4, 0xfee00000);
        pair_write(&p, R_IEDATA, 4, 0x20);
        pair_write(&p, R_IECTL, 4, 0);
        pair_write(&p, R_FEADDR, 4, 0xfee00000);
        pair_write(&p, R_FEDATA, 4, 0x21);
        pair_write(&p, R_FECTL, 4, 0);
        pair_boot(&p);
        pair_write(&p, R_RTADDR, 8, p.kit.root | (u64)ttm << 10);
        pair_write(&p, R_GCMD, 4, G_QIE | G_TE | G_SRTP);
        for (; bit <= 256 && p.differences == 0; bit++) {
            descriptor(&p, &good[i], bit);
        }
        (void)snprintf(name, sizeof(name), "mode %u, %s, bit %u", ttm, good[i].name, bit - 1);
        pair_finish(&p, name);
    }
}

static void every_descriptor_bit(void **state)
{
    (void)state;
    every_descriptor_bit_in(1);
}

static void every_descriptor_bit_in_legacy_mode(void **state)
{
    (void)state;
    every_descriptor_bit_in(0);
}

static void every_descriptor_bit_in_reserved_modes(void **state)
{
    (void)state;
    every_descriptor_bit_in(2);
    every_descriptor_bit_in(3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unmap_and_flush),
        cmocka_unit_test(commands_are_counted_by_kind),
        cmocka_unit_test(every_descriptor_bit),
        cmocka_unit_test(every_descriptor_bit_in_legacy_mode),
        cmocka_unit_test(every_descriptor_bit_in_reserved_modes),
    };
    return cmocka_run_group_tests_name("viommu_perform", tests, NULL, NULL);
}
