/* SPDX-License-Identifier: BSD-2-Clause */
/* What a partition can read and change of its function, by each rule and by random writes that an oracle looks at. */
#include "hv/device/own_rule.h"

#include "hv/device/msi.h"

#include "tests/unit/device/pci_kit.h"

#include <stdlib.h>

enum { RANDOM = 400000 };

/* Of the message, where the rule ends. */
static u32 message_offset, message_value;

u32 msi_read(const struct device *d, u32 offset, u32 size)
{
    assert_ptr_equal(d, &kit_devices[0]);
    message_offset = offset;
    return 0x80 | size;
}

void msi_write(struct device *d, u32 offset, u32 size, u32 value)
{
    assert_ptr_equal(d, &kit_devices[0]);
    message_offset = offset | size << 8;
    message_value = value;
}

static struct device *const own = &kit_devices[0];

static u32 get(u32 offset, u32 size)
{
    return own_rule_read(own, offset, size);
}

static bool put(u32 offset, u32 size, u32 value)
{
    return own_rule_write(own, offset, size, value);
}

static void start(void)
{
    kit_start();
    own->sizing = own->power = 0;
    pci_write(GIVEN, PCI_COMMAND, 2, PCI_COMMAND_NO_INTX);
    kit_writes = 0;
}

static void shows_its_bars(void **state)
{
    (void)state;
    start();
    assert_int_equal(get(PCI_BARS, 4), (u32)GIVEN_WIDE | 0xc);
    assert_int_equal(get(PCI_BARS + 4, 4), GIVEN_WIDE >> 32);
    assert_int_equal(get(PCI_BARS + 8, 4), GIVEN_SMALL);
    assert_int_equal(get(PCI_BARS + 10, 2), GIVEN_SMALL >> 16);
    assert_int_equal(get(PCI_BARS + 12, 4), 0);             /* ports are not given */
    assert_int_equal(get(PCI_ROM, 4), 0);
    for (u32 i = 0; i < 6; i++) {
        assert_true(put(PCI_BARS + 4 * i, 4, ~0u));
    }
    assert_int_equal(get(PCI_BARS, 4), 0xfff0000c);
    assert_int_equal(get(PCI_BARS + 4, 4), ~0u);
    assert_int_equal(get(PCI_BARS + 8, 4), 0xffff0000);
    assert_int_equal(get(PCI_BARS + 12, 4), 0);
    assert_int_equal(get(PCI_BARS + 16, 4), 0);
    assert_true(put(PCI_BARS + 8, 4, GIVEN_SMALL));
    assert_false(put(PCI_BARS, 4, 0xf0200000));
    assert_false(put(PCI_BARS + 4, 2, 0xffff));
    assert_int_equal(get(PCI_BARS, 4), (u32)GIVEN_WIDE | 0xc);
    assert_int_equal(get(PCI_BARS + 4, 4), GIVEN_WIDE >> 32);
    assert_int_equal(get(PCI_BARS + 8, 4), GIVEN_SMALL);
    assert_int_equal(kit_writes, 0);
}

static void lets_it_decode_and_master(void **state)
{
    (void)state;
    start();
    assert_int_equal(get(0, 4), 0x11e81234);
    assert_int_equal(get(PCI_CLASS, 4), 0x02000000);
    assert_int_equal(get(PCI_INTERRUPT, 2), 0);             /* no pin */
    assert_true(put(PCI_COMMAND, 2, 0x406));
    assert_int_equal(pci_read(GIVEN, PCI_COMMAND, 2), 0x406);
    assert_false(put(PCI_COMMAND, 2, 0x107));               /* ports, the pin, SERR */
    assert_int_equal(pci_read(GIVEN, PCI_COMMAND, 2), 0x406);
    assert_false(put(PCI_COMMAND, 1, 1));
    assert_int_equal(pci_read(GIVEN, PCI_COMMAND, 2), 0x400);
    assert_true(put(PCI_COMMAND, 4, 0x406));                /* the list of capabilities stays, without a word */
    assert_int_equal(get(PCI_COMMAND, 4), 0x00100406);
    set(GIVEN, PCI_COMMAND, 0xf9100402, 0x547);
    assert_true(put(PCI_COMMAND, 2, 0x402));                /* clears no status */
    assert_int_equal(get(6, 2), 0xf910);
    assert_true(put(6, 2, 0x2010));
    assert_int_equal(get(6, 2), 0xd910);
}

static void knows_capabilities(void **state)
{
    (void)state;
    start();
    assert_true(put(PM + 4, 2, 0x103));
    assert_int_equal(get(PM + 4, 2), 3);
    assert_int_equal(pci_read(GIVEN, PM + 4, 2), 0);
    assert_int_equal(get(EXPRESS + 4, 4), 0x8000);          /* no reset of its own */
    assert_false(put(EXPRESS + 8, 2, 0xffff));
    assert_int_equal(get(EXPRESS + 8, 2), 0x7810);
    set(GIVEN, EXPRESS + 0x28, 2, ~0u);
    assert_false(put(EXPRESS + 0x28, 2, 0x10));             /* nor how long it waits for completions */
    assert_int_equal(pci_read(GIVEN, EXPRESS + 0x28, 2), 2);
    assert_int_equal(get(AF + 3, 1), 1);
    assert_false(put(AF + 4, 1, 1));
    assert_false(put(MSIX + 2, 2, 0xffff));
    assert_int_equal(get(MSIX, 4), 0xc0000000 | PCI_CAP_MSIX | AF << 8);
    set(GIVEN, AER + 4, 0x3000, 0);
    assert_true(put(AER + 4, 4, 0x1000));
    assert_int_equal(get(AER + 4, 4), 0x2000);
    assert_false(put(AER + 8, 4, 0x1000));
    assert_false(put(PRIVATE, 4, 1));
    assert_false(put(0xf00, 4, 1));
}

static void leaves_messages_to_others(void **state)
{
    (void)state;
    start();
    for (u32 at = 0; at < 14; at++) {                       /* 64 bits wide, without masks */
        assert_int_equal(get(MSI + at, 1), 0x81);
        assert_int_equal(message_offset, at);
        assert_true(put(MSI + at, 1, at));
        assert_int_equal(message_offset, at | 1 << 8);
        assert_int_equal(message_value, at);
    }
    assert_int_equal(get(MSI + 14, 2), 0);
    assert_false(put(MSI + 14, 2, 1));
    assert_int_equal(kit_writes, 0);
}

static void hides_capabilities(void **state)
{
    static const u32 hidden[] = {ACS, ARI, SRIOV, RESIZE, VENDOR};
    (void)state;
    start();
    for (u32 i = 0; i < ARRAY_LEN(hidden); i++) {
        set(GIVEN, hidden[i] + 4, ~0u, ~0u);
        assert_int_equal(get(hidden[i], 4), pci_read(GIVEN, hidden[i], 4) & 0xfff00000);
        assert_int_equal(get(hidden[i] + 4, 4), 0);
        assert_false(put(hidden[i] + 4, 4, 1));
    }
    assert_int_equal(get(SERIAL, 4), 0x10003);
    static const u16 others[] = {PCI_EXT_ATS & 0xff, PCI_EXT_MULTICAST & 0xff, PCI_EXT_PRI & 0xff, PCI_EXT_PASID & 0xff,
                                 PCI_EXT_DESIGNATED & 0xff, PCI_EXT_RESIZE_VF & 0xff};
    for (u32 i = 0; i < ARRAY_LEN(others); i++) {
        set(GIVEN, VENDOR, (pci_read(GIVEN, VENDOR, 4) & 0xfff00000) | others[i], 0);
        assert_int_equal(get(VENDOR, 4), SERIAL << 20);
        assert_int_equal(get(VENDOR + 4, 4), 0);
        assert_false(put(VENDOR + 4, 4, 1));
    }
    set(GIVEN, VENDOR, (pci_read(GIVEN, VENDOR, 4) & 0xfff00000) | 0x10018, 0);      /* latencies that it may have */
    assert_int_equal(get(VENDOR + 4, 4), ~0u);
    assert_false(put(VENDOR + 4, 4, 1));
}

/* All that differs from before, by bytes and bits, is what it may change. */
static void look(const struct kit_function *before)
{
    for (u32 i = 0; i < ARRAY_LEN(kit); i++) {
        for (u32 at = 0; at < PCI_SPACE; at++) {
            u8 changed = kit[i].config[at] ^ before[i].config[at];
            u8 may = at == 4 ? 6 : at == 7 ? 0xf9 : at == MSIX + 3 ? 0xc0 : at == EXPRESS + 8 ? 0x10 :
                     at == EXPRESS + 9 ? 0x78 : at == EXPRESS + 10 ? 0x0f : 0;
            may = (at >= AER + 4 && at < AER + 8) || (at >= AER + 0x10 && at < AER + 0x14) ? 0xff : may;
            assert_true((changed & ~may) == 0 && (changed == 0 || kit[i].sid == GIVEN));
        }
    }
}

static void holds_against_anything(void **state)
{
    static struct kit_function before[ARRAY_LEN(kit)];
    (void)state;
    u32 done = 0;
    srand(1);
    start();
    memcpy(before, kit, sizeof(kit));
    for (u32 n = 0; n < RANDOM; n++) {
        u32 size = 1u << rand() % 3;
        u32 at = (u32)rand() % (rand() % 2 != 0 ? 0x100 : PCI_SPACE) & ~(size - 1);
        if (put(at, size, (u32)rand() << 16 ^ (u32)rand())) {
            done++;
        }
        assert_true((get(at, size) & ~(u32)bits_of_bytes(size)) == 0);
        if (n % 64 == 0) {
            look(before);
        }
    }
    assert_in_range(done, RANDOM / 100, RANDOM * 9 / 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shows_its_bars),
        cmocka_unit_test(lets_it_decode_and_master),
        cmocka_unit_test(knows_capabilities),
        cmocka_unit_test(leaves_messages_to_others),
        cmocka_unit_test(hides_capabilities),
        cmocka_unit_test(holds_against_anything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
