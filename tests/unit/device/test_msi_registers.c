/* SPDX-License-Identifier: BSD-2-Clause */
/* MSI capabilities of all four shapes (PCI 3.0, 6.8.1), as software writes them. */
#include "hv/device/msi_registers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static struct msi_registers m;
static struct handover_function f;

static void put(u32 offset, u32 size, u32 value)
{
    msi_registers_put(&m, &f, offset, size, value);
}

static void start(bool wide, bool masks, u8 vectors)
{
    f = (struct handover_function){.msi = 0x50, .msi_wide = wide, .msi_masks = masks, .msi_vectors = vectors};
    msi_registers_reset(&m, 0xffff7005 | (wide ? 0x800000u : 0));
}

static void each_shape_has_its_places(void **state)
{
    (void)state;
    static const struct { bool wide, masks; u32 data, mask, pending, size; } shapes[] = {
        {false, false, 8, 0, 0, 12}, {true, false, 12, 0, 0, 16}, {false, true, 8, 12, 16, 20},
        {true, true, 12, 16, 20, 24},
    };
    for (u32 i = 0; i < ARRAY_LEN(shapes); i++) {
        start(shapes[i].wide, shapes[i].masks, 4);
        const struct msi_layout at = msi_registers_layout(&f);
        assert_int_equal(at.data, shapes[i].data);
        assert_int_equal(at.mask, shapes[i].mask);
        assert_int_equal(at.pending, shapes[i].pending);
        assert_int_equal(at.size, shapes[i].size);
        for (u32 offset = 0; offset < 32; offset += 4) {
            put(offset, 4, 0xffffffff);
        }
        assert_int_equal(m.words[0], 0x01ff7005);       /* on, 128 of as many as it has; nothing else changed */
        assert_int_equal(m.words[1], 0xfffffffc);
        assert_int_equal(m.words[at.data / 4], 0xffff);
        assert_int_equal(at.mask != 0 ? m.words[at.mask / 4] : 0xf, 0xf);
        const struct message message = msi_registers_message(&m, &f);
        assert_int_equal(message.address, shapes[i].wide ? 0xfffffffffffffffc : 0xfffffffc);
        assert_int_equal(message.data, 0xffff);
        assert_int_equal(message.count, 4);
    }
}

static void parts_of_a_register(void **state)
{
    (void)state;
    start(true, true, 32);
    put(4, 4, 0xfee01000);
    put(5, 1, 0x20);
    put(12, 2, 0x1234);
    put(13, 1, 0x56);
    put(14, 2, 0xffff);
    put(2, 2, 0x0051);
    struct message message = msi_registers_message(&m, &f);
    assert_int_equal(message.address, 0xfee02000);
    assert_int_equal(message.data, 0x5634);
    assert_int_equal(message.count, 32);
    put(2, 1, 0x21);
    assert_int_equal(msi_registers_message(&m, &f).count, 4);
    put(2, 1, 0x20);
    assert_int_equal(msi_registers_message(&m, &f).count, 0);
    msi_registers_reset(&m, m.words[0]);
    assert_int_equal(m.words[1] | m.words[2] | m.words[3] | m.words[4], 0);
    assert_int_equal(m.words[0], 0x018e7005);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_shape_has_its_places),
        cmocka_unit_test(parts_of_a_register),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
