/* SPDX-License-Identifier: BSD-2-Clause */
/* A guest's stores to an MSI-X table: what it reads again, what the function has, what its messages come to. */
#include "hv/device/msix.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "hv/device/dma.h"
#include "tests/support/device_kit.h"

enum { ENTRY = 39 * 16, ADDRESS = ENTRY, UPPER = ENTRY + 4, DATA = ENTRY + 8, CONTROL = ENTRY + 12 };

static struct device *d;

static u32 host(u32 offset)
{
    return *(const u32 *)(const void *)(hosted_memory() + DEVICE_KIT_TABLE_B + offset);
}

static u32 message(void)
{
    return device_kit_message(DEVICE_KIT_SID_B, message_address(partition_sources_entries(1) + 39), 0);
}

static void start(void)
{
    device_kit_attach();
    d = device_get(1);
    assert_int_equal(device_dma_start(d), OK);
}

static void the_function_has_the_hosts_message(void **state)
{
    (void)state;
    start();
    assert_int_equal(host(CONTROL), 1);
    msix_write(d, ADDRESS, 4, 0xfee05000);
    msix_write(d, UPPER, 4, 0);
    msix_write(d, DATA, 4, 0x4061);
    assert_int_equal(message(), 0);
    msix_write(d, CONTROL, 4, 0);
    assert_int_equal(message(), 5 << 8 | 0x61);
    assert_int_equal(msix_read(d, ADDRESS, 4), 0xfee05000);
    assert_int_equal(msix_read(d, DATA, 4), 0x4061);
    assert_int_equal(msix_read(d, CONTROL, 4), 0);
    assert_int_equal(host(ADDRESS), message_address(65476 + 39));
    assert_int_equal(host(UPPER) | host(DATA) | host(CONTROL), 0);
    msix_write(d, DATA, 4, 0x62);                   /* while it is not masked */
    assert_int_equal(message(), 5 << 8 | 0x62);
    assert_int_equal(host(DATA), 0);
    msix_write(d, CONTROL, 4, 1);
    assert_int_equal(host(CONTROL), 1);
}

/* Another partition's CPU, an NMI, all CPUs: no entry; then it is well again. */
static void what_is_refused_is_not_present(void **state)
{
    (void)state;
    static const u32 bad[][2] = {{0xfee02000, 0x61}, {0xfee06000, 0x61}, {0xfee05000, 0x461}, {0xfeeff000, 0x61},
                                 {0xfee05004, 0x61}, {0xfee05010, 0x61}, {0xfee05000, 8}, {0, 0}};
    start();
    msix_write(d, CONTROL, 4, 0);
    for (u32 i = 0; i < ARRAY_LEN(bad); i++) {
        msix_write(d, ADDRESS, 4, 0xfee05000);
        msix_write(d, DATA, 4, 0x61);
        assert_int_equal(message(), 5 << 8 | 0x61);
        msix_write(d, ADDRESS, 4, bad[i][0]);
        msix_write(d, DATA, 4, bad[i][1]);
        assert_int_equal(message(), 0);
        assert_int_equal(msix_read(d, ADDRESS, 4), bad[i][0]);
    }
}

static void only_words_of_the_table(void **state)
{
    (void)state;
    start();
    assert_int_equal(msix_read(d, 40 * 16, 4), 0xffffffff);
    assert_int_equal(msix_read(d, ADDRESS + 2, 4), 0xffffffff);
    assert_int_equal(msix_read(d, ADDRESS, 2), 0xffffffff);
    msix_write(d, 40 * 16 + 12, 4, 0);
    msix_write(d, CONTROL, 1, 0);
    msix_write(d, CONTROL + 1, 4, 0);
    assert_int_equal(host(40 * 16 + 12), 0);
    assert_int_equal(host(CONTROL), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_function_has_the_hosts_message),
        cmocka_unit_test(what_is_refused_is_not_present),
        cmocka_unit_test(only_words_of_the_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
