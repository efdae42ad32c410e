/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Devices that are named at start, on a small tree of functions:
 *
 *   00:00.0 host bridge   00:02.0 graphics   00:05.0 accelerator   00:1c.0 bridge -> 01   01:00.0 accelerator
 */
#include "boot/doubts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

static struct function {
    struct pci_function f;
    u32 id, class;
    u32 ggc;                            /* the dword at 50h */
    u32 dvsec[2][3];                    /* extended capabilities at 100h and 140h */
} tree[] = {
    {.f = {0, 0, 0}, .class = 0x0600}, {.f = {0, 2, 0}, .class = 0x0300}, {.f = {0, 5, 0}, .class = 0x1200},
    {.f = {0, 0x1c, 0}, .class = 0x0604}, {.f = {1, 0, 0}, .class = 0x1200},
};
enum { HOST, GRAPHICS, NEAR, BRIDGE, FAR };

static u32 read(void *ctx, struct pci_function f, u32 offset)
{
    (void)ctx;
    for (size_t i = 0; i < ARRAY_LEN(tree); i++) {
        const struct function *t = &tree[i];
        if (memcmp(&t->f, &f, sizeof(f)) != 0) {
            continue;
        }
        if ((offset & ~0x4fu) == 0x100) {
            return t->dvsec[offset >> 6 & 1][(offset & 0xf) / 4];
        }
        switch (offset) {
        case 0x00:
            return t->id;
        case 0x08:
            return t->class << 16;
        case 0x0c:
            return i == BRIDGE ? 1u << 16 : 0;
        case 0x18:
            return i == BRIDGE ? 0x010100 : 0;
        case 0x50:
            return t->ggc;
        default:
            return 0;
        }
    }
    return ~0u;
}

static struct pci_config config;
static struct vtd_dmar dmar;
static bool scalable[VTD_DMAR_UNITS];
static struct doubts found;

/* Unit 0 has the graphics, unit 1 all else. */
static void begin(void)
{
    for (size_t i = 0; i < ARRAY_LEN(tree); i++) {
        tree[i].id = 0x12348086;
        tree[i].ggc = 0;
        memset(tree[i].dvsec, 0, sizeof(tree[i].dvsec));
    }
    config = (struct pci_config){.read = read, .last_bus = 0xff, .extended = true};
    memset(&dmar, 0, sizeof(dmar));
    dmar.unit_count = 2;
    dmar.units[0].scopes = (struct vtd_dmar_run){0, 1};
    dmar.units[1].include_all = true;
    dmar.hops[0] = dmar.hops[1] = (struct vtd_dmar_hop){2, 0};
    dmar.hops[2] = (struct vtd_dmar_hop){0x1c, 0};
    dmar.hops[3] = (struct vtd_dmar_hop){0, 0};
    dmar.scopes[0] = (struct vtd_dmar_scope){.type = VTD_SCOPE_ENDPOINT, .first_hop = 0, .hop_count = 1};
    dmar.scopes[1] = (struct vtd_dmar_scope){.type = VTD_SCOPE_ENDPOINT, .first_hop = 1, .hop_count = 1};
    dmar.scopes[2] = (struct vtd_dmar_scope){.type = VTD_SCOPE_ENDPOINT, .first_hop = 2, .hop_count = 2};
    scalable[0] = scalable[1] = true;
}

static void find(void)
{
    memset(&found, 0, sizeof(found));
    doubts_listed(&dmar, &config, scalable, &found);
    (void)coverage_functions(&config, doubts_look, &found);
}

static void expect(u32 i, struct pci_function f, enum doubt why)
{
    assert_true(i < found.count);
    assert_memory_equal(&found.list[i].f, &f, sizeof(f));
    assert_int_equal(found.list[i].why, why);
}

static void satc(void **state)
{
    (void)state;
    begin();
    dmar.satc_count = 1;
    dmar.satc[0] = (struct vtd_dmar_list){.flag = true, .scopes = {1, 2}};
    find();
    assert_int_equal(found.count, 2);
    expect(0, tree[GRAPHICS].f, DOUBT_NEEDS_ATS);
    expect(1, tree[FAR].f, DOUBT_NEEDS_ATS);
    char text[DOUBTS_TEXT];
    doubts_text(&found.list[0], text);
    assert_string_equal(text, "device 0000:00:02.0 asks for a device TLB (ATC_REQUIRED), which Nestor does not give: "
                        "it may not work");
    /* In legacy mode hardware does it by itself: each by the unit that it is in. */
    scalable[1] = false;
    find();
    assert_int_equal(found.count, 1);
    expect(0, tree[GRAPHICS].f, DOUBT_NEEDS_ATS);
    scalable[0] = false;
    find();
    assert_int_equal(found.count, 0);
    /* Not required; in another segment; nothing there. */
    scalable[0] = scalable[1] = true;
    dmar.satc[0].flag = false;
    find();
    assert_int_equal(found.count, 0);
    dmar.satc[0] = (struct vtd_dmar_list){.flag = true, .segment = 1, .scopes = {1, 2}};
    find();
    assert_int_equal(found.count, 0);
    dmar.satc[0].segment = 0;
    dmar.hops[1].device = 9;
    dmar.hops[2].device = 9;
    find();
    assert_int_equal(found.count, 0);
}

/* SIDP supersedes SATC, and has the flags in its scopes. */
static void sidp(void **state)
{
    (void)state;
    begin();
    dmar.satc_count = dmar.sidp_count = 1;
    dmar.satc[0] = (struct vtd_dmar_list){.flag = true, .scopes = {1, 1}};
    dmar.sidp[0] = (struct vtd_dmar_list){.scopes = {1, 2}};
    dmar.scopes[1].flags = VTD_SCOPE_NO_NESTING | VTD_SCOPE_ATC_HARDENED;
    dmar.scopes[2].flags = VTD_SCOPE_NO_PWSNP | VTD_SCOPE_NO_PGSNP | VTD_SCOPE_ATC_REQUIRED;
    find();
    assert_int_equal(found.count, 1);
    expect(0, tree[FAR].f, DOUBT_NEEDS_ATS);
    assert_int_equal(found.limit_count, 2);
    assert_int_equal(found.limits[0].sid, 0x10);
    assert_int_equal(found.limits[0].flags, 1);
    assert_int_equal(found.limits[1].sid, 0x100);
    assert_int_equal(found.limits[1].flags, 6);
    scalable[0] = false;
    find();
    assert_int_equal(found.limit_count, 1);
    dmar.sidp_count = VTD_DMAR_LISTS;
    for (u32 i = 0; i < VTD_DMAR_LISTS; i++) {
        dmar.sidp[i] = dmar.sidp[0];
    }
    scalable[0] = true;
    find();
    assert_int_equal(found.limit_count, 2 * VTD_DMAR_LISTS);
    assert_int_equal(found.count, VTD_DMAR_LISTS);
    assert_true(found.count > DOUBTS && found.limit_count > HANDOVER_LIMITS);
}

static void graphics(void **state)
{
    (void)state;
    static const u16 bad[] = {0x1602, 0x1606, 0x160a, 0x160b, 0x160d, 0x160e, 0x1616, 0x1626, 0x163e},
                     good[] = {0x1604, 0x1600, 0x1642, 0x1912, 0x5916, 0x0412, 0x7d55};
    begin();
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        tree[GRAPHICS].id = (u32)bad[i] << 16 | 0x8086;
        find();
        assert_int_equal(found.count, 1);
        expect(0, tree[GRAPHICS].f, DOUBT_GRAPHICS);
        tree[GRAPHICS].id = (u32)bad[i] << 16 | 0x1002;
        find();
        assert_int_equal(found.count, 0);
    }
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        tree[GRAPHICS].id = (u32)good[i] << 16 | 0x8086;
        find();
        assert_int_equal(found.count, 0);
    }
    /* Ironlake: one kind in any case, the others where firmware left no room for a shadow table (GGC bit 11). */
    tree[HOST].id = 0x00448086;
    tree[HOST].ggc = 0x0b00u << 16;
    find();
    expect(0, tree[HOST].f, DOUBT_GRAPHICS);
    tree[HOST].id = 0x00628086;
    find();
    assert_int_equal(found.count, 0);
    tree[HOST].ggc = 0x0300u << 16;
    find();
    expect(0, tree[HOST].f, DOUBT_GRAPHICS);
}

static void put_dvsec(struct function *t, u32 which, u32 next, u16 vendor, u16 id, u16 capability)
{
    const u32 words[3] = {0x23 | 1 << 16 | next << 20, vendor | 0x38u << 20, id | (u32)capability << 16};
    memcpy(t->dvsec[which], words, sizeof(words));
}

static void cxl_cache(void **state)
{
    (void)state;
    begin();
    put_dvsec(&tree[FAR], 0, 0x140, 0x8086, 0, 1);      /* another vendor's */
    put_dvsec(&tree[FAR], 1, 0, 0x1e98, 0, 1);
    put_dvsec(&tree[NEAR], 0, 0x140, 0x1e98, 8, 1);     /* CXL's, about something else */
    put_dvsec(&tree[NEAR], 1, 0x100, 0x1e98, 0, 4);     /* memory only; and the list closes on itself */
    find();
    assert_int_equal(found.count, 1);
    expect(0, tree[FAR].f, DOUBT_CXL_CACHE);
    assert_true(found.cached);
    assert_memory_equal(&found.first_cached.f, &tree[FAR].f, sizeof(struct pci_function));
    put_dvsec(&tree[NEAR], 1, 0, 0x1e98, 0, 5);
    find();
    assert_int_equal(found.count, 2);
    expect(0, tree[NEAR].f, DOUBT_CXL_CACHE);
    config.extended = false;
    find();
    assert_int_equal(found.count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(satc),
        cmocka_unit_test(sidp),
        cmocka_unit_test(graphics),
        cmocka_unit_test(cxl_cache),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
