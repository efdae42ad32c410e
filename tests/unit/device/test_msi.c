/* SPDX-License-Identifier: BSD-2-Clause */
/* A guest's accesses to an MSI capability: what it reads again, what the function has, what its messages come to. */
#include "hv/device/msi.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "hv/device/dma.h"
#include "tests/support/device_kit.h"

enum { MSI = 0x50, ADDRESS = 4, UPPER = 8, DATA = 12, MASK = 16, PENDING = 20, INDEX = 65516 };

static struct device *d;

static u32 host(u32 offset)
{
    return *device_kit_config(MSI + offset);
}

static u32 message(u32 number)
{
    return device_kit_message(DEVICE_KIT_SID_MSI, (u64)host(UPPER) << 32 | host(ADDRESS), host(DATA) | number);
}

static void start(void)
{
    device_kit_attach();
    d = device_get(2);
    *device_kit_config(MSI) = 0x01876005;       /* on, 8 messages, 64-bit address, masking */
    assert_int_equal(device_dma_start(d), OK);
}

static void the_function_has_the_hosts_message(void **state)
{
    (void)state;
    start();
    assert_int_equal(host(0), 0x01866005);
    assert_int_equal(msi_read(d, 0, 4), 0x01866005);
    msi_write(d, ADDRESS, 4, 0xfee03000);
    msi_write(d, UPPER, 4, 0);
    msi_write(d, DATA, 2, 0x4048);
    msi_write(d, 2, 2, 0x1b7);                  /* 8 messages, on */
    assert_int_equal(host(ADDRESS), message_address(INDEX));
    assert_int_equal(host(UPPER) | host(DATA), 0);
    assert_int_equal(host(0), 0x01b76005);
    for (u32 n = 0; n < 8; n++) {
        assert_int_equal(message(n), 3 << 8 | (0x48 + n));
    }
    assert_int_equal(msi_read(d, ADDRESS, 4), 0xfee03000);
    assert_int_equal(msi_read(d, DATA, 2), 0x4048);
    assert_int_equal(msi_read(d, DATA + 1, 1), 0x40);
    assert_int_equal(msi_read(d, 2, 2), 0x1b7);
    msi_write(d, MASK, 4, 0xffffff0f);
    assert_int_equal(host(MASK), 0x0f);
    *device_kit_config(MSI + PENDING) = 5;
    assert_int_equal(msi_read(d, PENDING, 4), 5);
    msi_write(d, PENDING, 4, 0xffffffff);
    assert_int_equal(host(PENDING), 5);
    msi_write(d, 2, 2, 0x186);
    assert_int_equal(host(0) & 0x10000, 0);
}

/* Another partition's CPU, an NMI: no entry, whichever of the two is written last; then it is well again. */
static void what_is_refused_is_not_present(void **state)
{
    (void)state;
    start();
    msi_write(d, ADDRESS, 4, 0xfee03000);
    msi_write(d, DATA, 2, 0x61);
    msi_write(d, 2, 1, 1);
    assert_int_equal(message(0), 3 << 8 | 0x61);
    assert_int_equal(message(1), 0);
    msi_write(d, ADDRESS, 4, 0xfee04000);
    assert_int_equal(message(0), 0);
    msi_write(d, ADDRESS, 4, 0xfee02000);
    assert_int_equal(message(0), 2 << 8 | 0x61);
    msi_write(d, DATA, 2, 0x461);
    assert_int_equal(message(0), 0);
    msi_write(d, DATA, 2, 0x62);
    assert_int_equal(message(0), 2 << 8 | 0x62);
    msi_write(d, UPPER, 4, 1);
    assert_int_equal(message(0), 0);
    assert_int_equal(msi_read(d, UPPER, 4), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_function_has_the_hosts_message),
        cmocka_unit_test(what_is_refused_is_not_present),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
