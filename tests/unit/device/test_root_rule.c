/* SPDX-License-Identifier: BSD-2-Clause */
/* What the root can change where functions are others', by each rule and by random writes that an oracle looks at. */
#include "hv/device/root_rule.h"

#include "tests/unit/device/pci_kit.h"

#include <stdlib.h>

enum { RANDOM = 100000, MEMORY = PCI_COMMAND_MEMORY, VFE = 1, MSE = 8, VF_ARI = 0x10 };

static void passes(u16 sid, u32 offset, u32 size, u32 value)
{
    assert_true(root_rule_write(sid, offset, size, value));
    assert_int_equal(pci_read(sid, offset, size), value);
}

/* And it says so. */
static void stays(u16 sid, u32 offset, u32 size, u32 value)
{
    u32 before = pci_read(sid, offset, size);
    assert_int_not_equal(before, value);
    assert_false(root_rule_write(sid, offset, size, value));
    assert_int_equal(pci_read(sid, offset, size), before);
}

/* That extended capability is another. */
static void as(u16 sid, u32 at, u32 id)
{
    set(sid, at, (pci_read(sid, at, 4) & 0xffff0000) | (id & 0xffff), 0);
}

static void finds_no_trace(void **state)
{
    (void)state;
    kit_start();
    for (u32 at = 0; at < PCI_SPACE; at += 4) {
        assert_int_equal(root_rule_read(GIVEN, at, 4), ~0u);
        assert_int_equal(root_rule_read(OTHER, at + 1, 2), 0xffff);
        assert_int_equal(root_rule_read(OTHER, at + 3, 1), 0xff);
        assert_int_equal(root_rule_read(OWN, at, 4), pci_read(OWN, at, 4));
        assert_false(root_rule_write(GIVEN, at, 4, 0x5a5a5a5a));
    }
    assert_int_equal(kit_writes, 0);
    assert_int_equal(root_rule_read(ABSENT, 0, 4), ~0u);
}

static void leaves_the_chipset(void **state)
{
    (void)state;
    kit_start();
    stays(HOST, 0x60, 4, 0xb0000001);
    stays(HOST, PCI_COMMAND, 2, 6);
    stays(MEMORY_MAP, 0x90, 4, 1);
    stays(ISA, 0x98, 4, 0xf0100001);
    stays(ISA, 0xf0, 4, 0xf0100001);
    passes(ISA, 0x60, 1, 0x0b);
    set(OWN, PCI_HEADER, 0x00030000, 0);        /* a kind of function that nobody knows */
    stays(OWN, PCI_INTERRUPT, 1, 9);
    stays(OWN, PCI_BARS, 4, 0xf2000000);
}

/* DSA, IAA and CBDMA are of the class of the memory map. */
static void leaves_accelerators_to_the_root(void **state)
{
    (void)state;
    kit_start();
    kit_bar(MEMORY_MAP, PCI_BARS, 0x5100000000ull, 0x10000, PCI_BAR_WIDE | PCI_BAR_PREFETCH);
    passes(MEMORY_MAP, PCI_COMMAND, 2, 6);
    passes(MEMORY_MAP, MSIX + 2, 2, 0x8000);
}

static void keeps_numbers_of_buses(void **state)
{
    static const u16 bridges[] = {PORT_GIVEN, PORT_ROOT, PORT_OTHER, CARDBUS, PORT_SWITCH, UP, DOWN, DOWN_ROOT};
    (void)state;
    kit_start();
    for (u32 i = 0; i < ARRAY_LEN(bridges); i++) {
        for (u32 at = 0; at < 3; at++) {
            stays(bridges[i], PCI_BUSES + at, 1, 0xee);
        }
        stays(bridges[i], PCI_BUSES, 4, 0x00efeeed);
    }
    assert_true(root_rule_write(PORT_ROOT, PCI_BUSES, 4, 0x40050400));     /* the same, and a latency */
    assert_int_equal(pci_read(PORT_ROOT, PCI_BUSES, 4), 0x40050400);
}

/* The port, and all three on the way through a switch; but not what leads to the root's devices there. */
static void keeps_bridges_above(void **state)
{
    static const u16 above[] = {PORT_GIVEN, PORT_OTHER, PORT_SWITCH, UP, DOWN};
    (void)state;
    kit_start();
    for (u32 i = 0; i < ARRAY_LEN(above); i++) {
        stays(above[i], PCI_COMMAND, 2, 0);
        stays(above[i], PCI_BARS, 4, 0xf2000000);
        stays(above[i], PCI_BRIDGE_ROM, 4, 0xf2000001);
        stays(above[i], PCI_WINDOW, 4, 0x0000fff0);
        stays(above[i], 0x3e, 2, 0x40);
        stays(above[i], EXPRESS + 0x28, 2, 0x20);           /* forwards ARI */
        stays(above[i], EXPRESS + 0x30, 2, 1);              /* another speed of the link */
        stays(above[i], MSI + 0x10, 4, 1);
        as(above[i], VENDOR, (PCI_EXT | 0x1d));
        stays(above[i], VENDOR + 4, 4, 0x00410000);         /* the link down at an error, or now */
        as(above[i], VENDOR, PCI_EXT_MULTICAST);
        stays(above[i], VENDOR + 4, 4, 0x80000000);
    }
    passes(DOWN_ROOT, 0x3e, 2, 0x40);
    passes(DOWN_ROOT, EXPRESS + 0x28, 2, 0x20);
    stays(DOWN_ROOT, PCI_WINDOW, 4, 0xe400e400);            /* DEEP's */
    kit_start();
    stays(PORT_GIVEN, PCI_COMMAND, 2, 0);
    stays(PORT_GIVEN, PCI_WINDOW, 4, 0x0000fff0);
    stays(PORT_GIVEN, PCI_WINDOW_PREFETCH, 2, 0);
    stays(PORT_GIVEN, 0x3e, 2, 0x40);           /* reset of the bus behind it */
    stays(PORT_GIVEN, PM + 4, 2, 3);
    stays(PORT_GIVEN, EXPRESS + 0x10, 2, 0x10); /* the link off */
    stays(PORT_GIVEN, EXPRESS + 0x18, 2, 0x400);
    stays(PORT_GIVEN, EXPRESS + 8, 2, 0x20);
    stays(PORT_GIVEN, ACS + 4, 4, 0x001f0000);
    stays(PORT_GIVEN, PRIVATE, 4, 1);
    stays(PORT_GIVEN, VENDOR + 4, 4, 1);
    passes(PORT_GIVEN, PCI_INTERRUPT, 1, 9);
    passes(PORT_GIVEN, MSI + 4, 4, 0xfee00018);
    passes(PORT_GIVEN, EXPRESS + 0x1c, 2, 7);
    set(PORT_GIVEN, AER + 4, 0x1000, 0);
    kit_find(PORT_GIVEN)->once[AER + 5] = 0xff;
    assert_true(root_rule_write(PORT_GIVEN, AER + 4, 4, 0x1000));
    assert_int_equal(pci_read(PORT_GIVEN, AER + 4, 4), 0);
    passes(PORT_ROOT, 0x3e, 2, 0x40);
    passes(PORT_ROOT, PM + 4, 2, 3);
    passes(PORT_ROOT, EXPRESS + 0x10, 2, 0x10);
}

static void keeps_windows_away(void **state)
{
    (void)state;
    kit_start();
    passes(PORT_ROOT, PCI_WINDOW, 4, 0xe110e100);
    stays(PORT_ROOT, PCI_WINDOW + 2, 2, 0xe200);
    stays(PORT_ROOT, PCI_WINDOW, 4, 0xfff0e300);            /* GIVEN_SMALL */
    passes(PORT_ROOT, PCI_WINDOW_BASE_HIGH, 4, 0x41);
    passes(PORT_ROOT, PCI_WINDOW_LIMIT_HIGH, 4, 0x41);
    passes(PORT_ROOT, PCI_WINDOW_PREFETCH, 4, 0x00010001);  /* 4100000000 and a MiB */
    stays(PORT_ROOT, PCI_WINDOW_BASE_HIGH, 4, 0x40);
    passes(PORT_ROOT, PCI_COMMAND, 2, 4);                   /* it forwards nothing, so they can be anything, */
    passes(PORT_ROOT, PCI_WINDOW_BASE_HIGH, 4, 0x40);
    assert_false(root_rule_write(PORT_ROOT, PCI_COMMAND, 2, 6));
    assert_int_equal(pci_read(PORT_ROOT, PCI_COMMAND, 2), 4);   /* until it should */
    passes(PORT_ROOT, PCI_WINDOW_BASE_HIGH, 4, 0x41);
    passes(PORT_ROOT, PCI_COMMAND, 2, 6);
    stays(CARDBUS, 0x1c, 4, 0xf0100000);
}

static void keeps_bars_away(void **state)
{
    (void)state;
    kit_start();
    passes(OWN, PCI_BARS, 4, 0xf0000000);                   /* decodes nothing */
    assert_false(root_rule_write(OWN, PCI_COMMAND, 2, 6));
    assert_int_equal(pci_read(OWN, PCI_COMMAND, 2), 4);
    assert_int_equal(pci_read(OWN, PCI_BARS, 4), 0xf0000000);
    passes(OWN, PCI_BARS, 4, OWN_BAR);
    passes(OWN, PCI_COMMAND, 2, 6);
    stays(OWN, PCI_BARS, 4, 0xf0000000);
    assert_int_equal(pci_read(OWN, PCI_COMMAND, 2), 6);
    passes(OWN, PCI_BARS, 4, 0xf2000000);
    stays(OWN, PCI_BARS + 8, 4, (u32)(GIVEN_WIDE >> 32));   /* and its lower half is 0 */
    passes(OWN, PCI_BARS + 8, 4, 0x51);
    passes(OWN, PCI_ROM, 4, 0xf2000001);
    stays(OWN, PCI_ROM, 4, GIVEN_SMALL | 1);
    passes(OWN, PCI_ROM, 4, GIVEN_SMALL);                   /* off */
    stays(OWN, PCI_ROM, 1, 1);
    passes(OWN, PCI_COMMAND, 2, 4);
    passes(OWN, PCI_BARS, 4, 0xff000000);                   /* a question for its size */
    passes(OWN, RESIZE + 8, 4, 0x800);
    passes(OWN, PCI_COMMAND, 2, 6);
    stays(OWN, RESIZE + 8, 4, 0x900);
}

static void keeps_source_ids(void **state)
{
    (void)state;
    kit_start();
    passes(OWN, SRIOV + 0x10, 2, 0x80);                     /* 500h to 5feh */
    passes(OWN, SRIOV + 8, 2, VFE);
    stays(OWN, SRIOV + 0x10, 2, 0x81);
    stays(OWN, SRIOV + 8, 2, VFE | MSE);                    /* their BARs' size is not known any more */
    passes(OWN, SRIOV + 8, 2, 0);
    passes(OWN, SRIOV + 0x10, 2, 0x81);                     /* 600h is OTHER */
    stays(OWN, SRIOV + 8, 2, VFE);
    set(OWN, SRIOV + 0x14, 0x00020101, 0);
    passes(OWN, SRIOV + 8, 2, VFE);
    passes(OWN, SRIOV + 8, 2, 0);
    set(OWN, SRIOV + 0x14, 0x00000200, 0);
    stays(OWN, SRIOV + 8, 2, VFE);
    set(OWN, SRIOV + 0x14, 0xffff0001, 0);
    stays(OWN, SRIOV + 8, 2, VFE);
    passes(OWN, SRIOV + 0x10, 2, 1);
    passes(OWN, SRIOV + 0x24, 4, OTHER_BAR - 0x4000);
    passes(OWN, SRIOV + 8, 2, VFE | MSE);
    stays(OWN, SRIOV + 0x24, 4, OTHER_BAR);
    passes(OWN, SRIOV + 8, 2, 0);
    set(OWN, SRIOV + 0x14, 0x00010001, 0);
    passes(OWN, SRIOV + 0x10, 2, 2);                        /* the second one's BAR would be OTHER's */
    assert_false(root_rule_write(OWN, SRIOV + 8, 2, VFE | MSE));
    assert_int_equal(pci_read(OWN, SRIOV + 8, 2), VFE);
    stays(OWN, EXPRESS + 8, 2, 0x200);                      /* phantom functions */
    passes(OWN, EXPRESS + 8, 2, 0x2810);
    stays(OWN, EA + 4, 4, 0x80000000);
}

/* Where virtual functions are may depend on whether their bus forwards ARI. */
static void move_virtual_functions(struct kit_function *f, u32 offset)
{
    if (f->sid == OWN && offset >= SRIOV + 8 && offset < SRIOV + 12) {
        set(OWN, SRIOV + 0x14, (f->config[SRIOV + 8] & VF_ARI) != 0 ? 0x00010200 : 0x00020100, 0);
    }
}

static void keeps_source_ids_with_ari(void **state)
{
    (void)state;
    kit_start();
    kit_hook = move_virtual_functions;
    passes(OWN, SRIOV + 0x10, 2, 1);
    assert_false(root_rule_write(OWN, SRIOV + 8, 2, VFE | VF_ARI));     /* would be OTHER */
    assert_int_equal(pci_read(OWN, SRIOV + 8, 2), VFE);
    stays(OWN, SRIOV + 8, 2, VFE | VF_ARI);
    stays(OWN, SRIOV + 8, 1, VF_ARI | VFE | MSE);
    passes(OWN, SRIOV + 8, 2, 0);
    passes(OWN, SRIOV + 8, 2, VF_ARI);
    stays(OWN, SRIOV + 8, 2, VF_ARI | VFE);
    passes(OWN, SRIOV + 8, 2, 0);
    passes(OWN, SRIOV + 8, 2, VFE);
}

/* Nothing may come to take in what is for another's BAR. */
static void keeps_other_decoders(void **state)
{
    static const u32 never[] = {PCI_EXT_MULTICAST, PCI_EXT_RESIZE_VF};
    static const u16 functions[] = {OWN, PORT_ROOT, DOWN_ROOT};
    (void)state;
    kit_start();
    for (u32 i = 0; i < ARRAY_LEN(never); i++) {
        for (u32 n = 0; n < ARRAY_LEN(functions); n++) {
            as(functions[n], VENDOR, never[i]);
            stays(functions[n], VENDOR + 4, 4, 0x80000001);
            stays(functions[n], VENDOR + 8, 1, 0xff);
        }
    }
    for (u32 n = 0; n < ARRAY_LEN(functions); n++) {
        set(functions[n], AF, PCI_CAP_FLATTENING | EA << 8, ~0u);
        stays(functions[n], AF + 4, 4, 0x00080001);
        as(functions[n], VENDOR, PCI_EXT_DESIGNATED);       /* CXL's: other windows and numbers of buses */
        assert_int_equal(root_rule_write(functions[n], VENDOR + 8, 4, 0x5a), functions[n] == OWN);
    }
    as(OWN, VENDOR, (PCI_EXT | 0x1d));
    passes(OWN, VENDOR + 4, 4, 0x00410000);                 /* what is not listed is its own */
}

static void turns_isolation_on_only(void **state)
{
    (void)state;
    kit_start();
    passes(PORT_ROOT, ACS + 6, 2, 0x1d);
    stays(PORT_ROOT, ACS + 6, 2, 0);
    stays(PORT_ROOT, ACS + 6, 2, 0x7d);
    passes(PORT_ROOT, ACS + 6, 2, 0x1f);
}

/* --- random writes --- */

static bool same(const struct kit_function *a, const struct kit_function *b, u32 from, u32 to)
{
    return memcmp(a->config + from, b->config + from, to - from) == 0;
}

static bool over(u64 base, u64 last)
{
    return base <= last && ((base < GIVEN_WIDE + 0x100000 && last >= GIVEN_WIDE) ||
                            (base < GIVEN_SMALL + 0x10000 && last >= GIVEN_SMALL) ||
                            (base < OTHER_BAR + 0x1000 && last >= OTHER_BAR) ||
                            (base < DEEP_BAR + 0x1000 && last >= DEEP_BAR));
}

static void look_at_own(void)
{
    const u32 vf = pci_read(OWN, SRIOV + 8, 2);
    const u32 number = pci_read(OWN, SRIOV + 0x10, 2);
    if ((pci_read(OWN, PCI_COMMAND, 2) & MEMORY) != 0) {
        u32 first = pci_read(OWN, PCI_BARS, 4);
        u64 second = pci_read(OWN, PCI_BARS + 4, 4) & ~0xfu;
        second |= (u64)pci_read(OWN, PCI_BARS + 8, 4) << 32;
        u32 rom = pci_read(OWN, PCI_ROM, 4);
        assert_false(over(first, first + (u64)BIG - 1));
        assert_false(over(second, second + BIG - 1));
        assert_false((rom & 1) != 0 && over(rom & ~1u, (rom & ~1u) + 0xffffull));
    }
    u32 places = pci_read(OWN, SRIOV + 0x14, 4);
    for (u32 n = 0; (vf & VFE) != 0 && n < number; n++) {
        u32 sid = OWN + (places & 0xffff) + n * (places >> 16);
        assert_true(sid <= 0xffff && sid != OTHER && sid != GIVEN && sid != DEEP);
    }
    if ((vf & MSE) != 0) {
        u64 base = pci_read(OWN, SRIOV + 0x24, 4);
        assert_false(number != 0 && over(base, base + 0x4000ull * number - 1));
    }
}

static void look_at_port(u16 port)
{
    if ((pci_read(port, PCI_COMMAND, 2) & MEMORY) == 0) {
        return;
    }
    u32 window = pci_read(port, PCI_WINDOW, 4);
    u32 prefetch = pci_read(port, PCI_WINDOW_PREFETCH, 4);
    u64 base = (u64)pci_read(port, PCI_WINDOW_BASE_HIGH, 4) << 32 | (prefetch & 0xfff0) << 16;
    u64 last = (u64)pci_read(port, PCI_WINDOW_LIMIT_HIGH, 4) << 32 | (prefetch & 0xfff00000) | 0xfffff;
    u32 bar = pci_read(port, PCI_BARS, 4);
    u32 rom = pci_read(port, PCI_BRIDGE_ROM, 4);
    assert_false(over((window & 0xfff0) << 16, (window & 0xfff00000) | 0xfffff));
    assert_false(over(base, last));
    assert_false(over(bar, bar + 0xffffull));
    assert_false((rom & 1) != 0 && over(rom & ~1u, (rom & ~1u) + 0x7ffull));
}

static void look(const struct kit_function *before)
{
    for (u32 i = 0; i < ARRAY_LEN(kit); i++) {
        u16 sid = kit[i].sid;
        if (sid == HOST || sid == MEMORY_MAP || sid == GIVEN || sid == OTHER || sid == DEEP) {
            assert_true(same(&kit[i], &before[i], 0, PCI_SPACE));
        } else if (sid == PORT_GIVEN || sid == PORT_OTHER || sid == PORT_SWITCH || sid == UP || sid == DOWN) {
            assert_true(same(&kit[i], &before[i], 4, 7) && same(&kit[i], &before[i], 0x0c, 0x1e) &&
                        same(&kit[i], &before[i], 0x20, 0x3c) && same(&kit[i], &before[i], 0x3d, 0x40) &&
                        same(&kit[i], &before[i], PRIVATE, AER) && same(&kit[i], &before[i], ACS, PCI_SPACE) &&
                        same(&kit[i], &before[i], EXPRESS + 0x24, MSIX) && (kit[i].config[PM + 4] & 3) == 0);
        } else if (sid == PORT_ROOT || sid == DOWN_ROOT || sid == CARDBUS) {
            assert_true(same(&kit[i], &before[i], 0x18, 0x1b));
        }
    }
    look_at_own();
    look_at_port(PORT_ROOT);
    look_at_port(DOWN_ROOT);
}

/* What would be likely to do harm, or anything. */
static u32 any_value(void)
{
    static const u32 values[] = {~0u, 0, 1, 2, 6, 9, GIVEN_SMALL, 0x40, 0x41, 0xf010f010, OTHER_BAR, 0xe210e210,
                                 0x81, 0x00010001, VF_ARI | VFE, 0xe1000000, GIVEN_SMALL | 1};
    u32 any = (u32)rand() << 16 ^ (u32)rand();
    return rand() % 2 != 0 ? values[any % ARRAY_LEN(values)] : any;
}

static void holds_against_anything(void **state)
{
    static struct kit_function before[ARRAY_LEN(kit)];
    static const u32 likely[] = {PCI_COMMAND, PCI_BARS, PCI_BARS + 4, PCI_BARS + 8, PCI_BUSES, PCI_WINDOW, 0x24, 0x28,
                                 0x2c, PCI_ROM, PCI_BRIDGE_ROM, SRIOV + 8, SRIOV + 0x10, SRIOV + 0x24, ACS + 4};
    (void)state;
    u32 kept = 0;
    srand(1);
    kit_start();
    kit_hook = move_virtual_functions;
    for (u32 n = 0; n < RANDOM; n++) {
        u16 sid = rand() % 3 == 0 ? kit_sids[(u32)rand() % ARRAY_LEN(kit_sids)]
                                  : rand() % 2 != 0 ? OWN : rand() % 2 != 0 ? DOWN_ROOT : PORT_ROOT;
        u32 size = 1u << rand() % 3;
        u32 at = rand() % 4 != 0 ? likely[(u32)rand() % ARRAY_LEN(likely)] : (u32)rand() % (PCI_SPACE / 4) * 4;
        at += (u32)rand() % 4 & ~(size - 1);
        memcpy(before, kit, sizeof(kit));
        bool done = root_rule_write(sid, at, size, any_value() & (u32)bits_of_bytes(size));
        kept += done ? 0 : 1;
        look(before);
    }
    assert_in_range(kept, RANDOM / 10, RANDOM * 9 / 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_no_trace),
        cmocka_unit_test(leaves_the_chipset),
        cmocka_unit_test(leaves_accelerators_to_the_root),
        cmocka_unit_test(keeps_numbers_of_buses),
        cmocka_unit_test(keeps_bridges_above),
        cmocka_unit_test(keeps_windows_away),
        cmocka_unit_test(keeps_bars_away),
        cmocka_unit_test(keeps_source_ids),
        cmocka_unit_test(keeps_source_ids_with_ari),
        cmocka_unit_test(keeps_other_decoders),
        cmocka_unit_test(turns_isolation_on_only),
        cmocka_unit_test(holds_against_anything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
