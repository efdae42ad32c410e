/* SPDX-License-Identifier: BSD-2-Clause */
/* Accesses to a page with a table of MSI-X: no byte of the table is the hardware's. */
#include "hv/device/bar.h"

#include "hv/device/msix.h"
#include "hv/machine/access.h"
#include "iommu/port.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

enum { VECTORS = 3, BASE = 0xf0000000, TABLE = 0x100, END = TABLE + 16 * VECTORS };

static const struct handover_function function = {
    .msix = 0x60, .msix_vectors = VECTORS, .msix_table_bar = 2, .msix_table = TABLE,
    .bars = {{0}, {0}, {.base = BASE, .size = 0x1000}}};
static struct device device = {.function = &function};

/* Bytes of the table, and of the hardware by address, that were reached. */
static u8 table[16 * VECTORS], hardware[0x1000];
static u64 values[2];
static u32 stores;

u32 msix_read(struct device *d, u32 offset, u32 size)
{
    assert_ptr_equal(d, &device);
    assert_true(size <= 4 && offset + size <= sizeof(table) && offset % 16 + size <= 16);
    memset(table + offset, 1, size);
    return offset;
}

void msix_write(struct device *d, u32 offset, u32 size, u32 value)
{
    values[stores++ % 2] = value;
    (void)msix_read(d, offset, size);
}

void *port_hpa_to_ptr(hpa_t addr)
{
    return (void *)(uintptr_t)addr.v;
}

u64 access_read(u64 at, u32 width)
{
    assert_in_range(at, BASE, BASE + 0xfff);
    memset(hardware + (at - BASE), 1, width);
    return at;
}

void access_write(u64 at, u32 width, u64 value)
{
    values[stores++ % 2] = value;
    (void)access_read(at, width);
}

static u32 count(const u8 *bytes, u32 from, u32 to)
{
    u32 n = 0;
    for (u32 i = from; i < to; i++) {
        n += bytes[i];
    }
    return n;
}

/* Everywhere around and in the table, by every width, to or from. */
static void keeps_the_table(void **state)
{
    (void)state;
    for (u32 at = TABLE - 16; at < END + 16; at++) {
        for (u32 size = 1; size <= 8; size *= 2) {
            bool inside = at >= TABLE && at < END;
            bool touches = at + size > TABLE && at < END;
            bool whole = inside && (at - TABLE) % 16 + size <= 16;
            for (u32 writes = 0; writes < 2; writes++) {
                memset(table, 0, sizeof(table));
                memset(hardware, 0, sizeof(hardware));
                if (writes != 0) {
                    bar_store(&device, BASE + at, size, 0x1122334455667788);
                } else {
                    u64 value = bar_load(&device, BASE + at, size);
                    assert_true(!touches || whole || value == bits_of_bytes(size));
                }
                assert_int_equal(count(hardware, TABLE, END), 0);
                assert_int_equal(count(hardware, 0, sizeof(hardware)), touches ? 0 : size);
                assert_int_equal(count(table, 0, sizeof(table)), whole ? size : 0);
            }
        }
    }
}

static void splits_eight_bytes(void **state)
{
    (void)state;
    stores = 0;
    assert_int_equal(bar_load(&device, BASE + TABLE + 8, 8), 8 | 12ull << 32);
    bar_store(&device, BASE + TABLE + 16, 8, 0x1122334455667788);
    assert_int_equal(stores, 2);
    assert_int_equal(values[0], 0x55667788);
    assert_int_equal(values[1], 0x11223344);
    bar_store(&device, BASE + 0x800, 8, 0x1122334455667788);
    assert_int_equal(values[0], 0x1122334455667788);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_the_table),
        cmocka_unit_test(splits_eight_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
