/*
 * The guest's unit against hardware with the same CAP and ECAP, case by case: what
 * every register holds after reset and keeps of what is written, at every width and
 * offset; what every descriptor does with good and bad fields; what every entry of
 * the guest's tables does to a request.
 */
#include "iommu/viommu/viommu.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "tests/support/guest_kit_pair.h"

static void finish(struct pair *p, const char *name)
{
    char text[sizeof(p->text)];
    u32 differences = p->differences;
    memcpy(text, p->text, sizeof(text));
    p->differences = 0;
    assert_true(pair_stop(p));
    if (differences != 0) {
        fail_msg("%s: %s (%u in all)", name, text, differences);
    }
}

static void reset_values(void **state)
{
    struct pair p;
    (void)state;
    pair_start(&p);
    pair_compare(&p);
    for (u32 offset = 0; offset < viommu_window_size(p.kit.v); offset += 8) {
        (void)pair_read(&p, offset, 8);
    }
    finish(&p, "reset");
}

/* Aligned or not, of every size: what the specification does not allow reads 0, writes nothing. */
static void every_offset_and_width(void **state)
{
    static const u64 patterns[] = {0, ~0ull, 0x5555555555555555ull, 0xaaaaaaaaaaaaaaaaull};
    (void)state;
    for (u32 size = 1; size <= 8; size++) {
        for (size_t i = 0; i < ARRAY_LEN(patterns); i++) {
            struct pair p;
            char name[64];
            pair_start(&p);
            u32 end = viommu_window_size(p.kit.v);
            for (u32 offset = 0; offset < end && p.differences == 0; offset++) {
                if (offset == R_GCMD || offset + size > end) {
                    continue; /* commands have cases of their own */
                }
                pair_write(&p, offset, size, patterns[i]);
                (void)pair_read(&p, offset, size);
                (void)pair_read(&p, offset & ~3u, 4);
                (void)pair_read(&p, offset & ~7u, 8);
            }
            pair_compare(&p);
            (void)snprintf(name, sizeof(name), "size %u of %llx", size,
                           (unsigned long long)patterns[i]);
            finish(&p, name);
        }
    }
}

/* Each bit of GCMD alone, from reset, with the queue on, with translation on, and all of them. */
static void global_commands(void **state)
{
    static const u32 before[] = {0, G_QIE, G_SRTP, G_QIE | G_SRTP, G_SRTP | G_TE,
                                 G_QIE | G_SRTP | G_TE};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(before); i++) {
        for (u32 bit = 0; bit <= 33; bit++) {
            struct pair p;
            char name[64];
            u32 value = bit == 32 ? 0 : bit == 33 ? ~0u : 1u << bit;
            pair_start(&p);
            pair_write(&p, R_IQA, 8, p.kit.ring | 1u << 11);
            pair_write(&p, R_RTADDR, 8, p.kit.root | 1u << 10);
            pair_write(&p, R_GCMD, 4, before[i]);
            pair_compare(&p);
            pair_write(&p, R_GCMD, 4, value);
            pair_compare(&p);
            pair_write(&p, R_GCMD, 4, (before[i] & ~G_SRTP) ^ value);
            pair_compare(&p);
            (void)snprintf(name, sizeof(name), "GCMD %08x after %08x", value, before[i]);
            finish(&p, name);
        }
    }
}

/* One register access after another, each compared; the seed is the name of the case. */
static void random_register_sequences(void **state)
{
    static const u16 interesting[] = {R_GCMD, R_GSTS, R_RTADDR, R_RTADDR + 4, R_CCMD, R_CCMD + 4,
                                      R_FSTS, R_FECTL, R_FEDATA, R_FEADDR, R_FEUADDR, R_IQH,
                                      R_IQT, R_IQA, R_ICS, R_IECTL, R_IEDATA, R_IEADDR,
                                      R_IEUADDR, R_IQERCD, 0xf0, 0xf8, 0xfc, 0x22c, 0x228};
    (void)state;
    for (u32 seed = 1; seed <= 60; seed++) {
        struct pair p;
        char name[64];
        u64 x = seed * 0x9e3779b97f4a7c15ull;
        pair_start(&p);
        pair_write(&p, R_FEADDR, 4, 0xfee00000);
        pair_write(&p, R_IEADDR, 4, 0xfee00000);
        pair_write(&p, R_FEDATA, 4, 0x20);
        pair_write(&p, R_IEDATA, 4, 0x20);
        for (u32 step = 0; step < 200 && p.differences == 0; step++) {
            x = x * 6364136223846793005ull + 1442695040888963407ull;
            u32 offset = interesting[(x >> 33) % ARRAY_LEN(interesting)];
            bool wide = offset == R_RTADDR || offset == R_CCMD || offset == R_IQT ||
                        offset == R_IQA;
            u32 size = (x >> 40 & 1) != 0 && wide ? 8 : 4;
            u64 value = x >> 20;
            if (offset == R_IQA) {
                value = p.kit.ring | (value & 1) << 11;
            } else if (offset == R_IQT) {
                value = value & 3 ? (value & 0x7f) << 5 : value;
            } else if (offset == R_GCMD) {
                value = (u32)(value << 23) & (G_TE | G_SRTP | G_QIE | 0x0b800000u);
            } else if (offset == R_RTADDR) {
                value = p.kit.root | (value & 1) << 10;
            } else if (offset == R_FEADDR || offset == R_IEADDR) {
                value = 0xfee00000 | (value & 0xff000);
            } else if (offset == R_FEDATA || offset == R_IEDATA) {
                value = 0x20 | (value & 0x1d0);
            } else if (offset == R_RTADDR + 4) {
                value = 0;
            } else if (offset == R_FEUADDR || offset == R_IEUADDR) {
                value = 0;
            }
            pair_write(&p, offset, size, value);
            pair_compare(&p);
        }
        (void)snprintf(name, sizeof(name), "seed %u", seed);
        finish(&p, name);
    }
}

/* A good descriptor of each type; every other one is made of these by one bit. */
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
 * A status write to anywhere but the page that is compared: hardware may do what it likes,
 * the guest's unit refuses it (test_viommu.c).
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
        finish(&p, name);
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

/* 128-bit descriptors exist in legacy mode alone; tails that no ring has; a ring nowhere. */
static void rings(void **state)
{
    static const struct { const char *name; u32 ttm; u64 iqa, iqt; } cases[] = {
        {"narrow, scalable", 1, 0, 0x20}, {"narrow, legacy", 0, 0, 0x20},
        {"narrow, legacy, odd tail", 0, 0, 0x30}, {"wide, legacy", 0, 1 << 11, 0x40},
        {"wide, odd tail", 1, 1 << 11, 0x30}, {"tail at the end", 1, 1 << 11, 0x1000},
        {"tail beyond", 1, 1 << 11, 0x40000}, {"two pages", 1, 1 << 11 | 1, 0x1fe0},
        {"nowhere", 1, 1ull << 40 | 1 << 11, 0x40},
        {"above the width", 1, 1ull << 60 | 1 << 11, 0x20},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct pair p;
        pair_start(&p);
        u64 ring = kit_pages(&p.kit, 2);
        for (u32 at = 0; at < 0x2000; at += 32) {
            kit_at(ring + at)[0] = 0x12;
            kit_at(ring + at)[2] = cases[i].iqa == 0 ? 0x11 : 0;
        }
        pair_write(&p, R_RTADDR, 8, p.kit.root | (u64)cases[i].ttm << 10);
        pair_write(&p, R_GCMD, 4, G_SRTP);
        pair_write(&p, R_IQT, 8, cases[i].iqt);
        pair_write(&p, R_IQA, 8, (cases[i].iqa >> 40 ? 0 : ring) | cases[i].iqa);
        pair_write(&p, R_GCMD, 4, G_QIE);
        pair_compare(&p);
        pair_write(&p, R_GCMD, 4, 0); /* off only when it is empty */
        pair_compare(&p);
        finish(&p, cases[i].name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reset_values),
        cmocka_unit_test(every_offset_and_width),
        cmocka_unit_test(global_commands),
        cmocka_unit_test(random_register_sequences),
        cmocka_unit_test(every_descriptor_bit),
        cmocka_unit_test(every_descriptor_bit_in_legacy_mode),
        cmocka_unit_test(every_descriptor_bit_in_reserved_modes),
        cmocka_unit_test(rings),
    };
    return cmocka_run_group_tests_name("viommu_conformance", tests, NULL, NULL);
}
