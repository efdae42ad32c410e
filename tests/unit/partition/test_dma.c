/* SPDX-License-Identifier: BSD-2-Clause */
/* Whose CPU looks after whose unit: what it reads there may be broken memory, and the machine check is its guest's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "hv/machine/apic.h"
#include "hv/machine/cpu.h"
#include "hv/machine/pool.h"
#include "tests/support/device_kit.h"

enum { HOLE = 0x30000000 };

u32 cpu_count(void)
{
    return 1;
}

void apic_send_message(u64 address, u32 data)
{
    (void)address;
    (void)data;
    fail();
}

struct pool_counts pool_get_counts(void)
{
    return (struct pool_counts){.free = 1000};
}

bool partition_memory_read(const struct partition *p, gpa_t gpa, void *to, size_t len)
{
    (void)p;
    (void)gpa;
    (void)to;
    (void)len;
    fail();
    return false;
}

bool partition_memory_is_ram(const struct partition *p, gpa_t gpa, u64 len, hpa_t *at)
{
    (void)p;
    (void)gpa;
    (void)len;
    (void)at;
    fail();
    return false;
}

/* The root's look finds them; the unit of the other, here an address that nothing is at, is not touched. */
static void the_root_leaves_others_units_alone(void **state)
{
    (void)state;
    struct partition *root = device_kit_partition(0), *a = device_kit_partition(1), *b = device_kit_partition(2);
    struct handover *h = device_kit_start();
    struct vtd_fault fault;
    h->partitions[0].nested_units = true;
    assert_int_equal(partition_sources_init(h), OK);
    assert_int_equal(partition_sources_attach(), OK);
    root->has_interrupts = true;
    a->viommus[0] = (struct viommu *)(uintptr_t)8;
    assert_int_equal(vtd_own_block(device_kit_unit(0), DEVICE_KIT_SID_A, false), OK);
    assert_false(partition_sources_has_faults(a));
    assert_int_equal(device_kit_dma(DEVICE_KIT_SID_A, HOLE), 0);
    partition_dma_poll_faults(root);
    assert_true(partition_sources_has_faults(a));
    assert_false(partition_sources_has_faults(b));
    assert_true(vtd_fault_kept(device_kit_unit(0), DEVICE_KIT_SID_A, &fault));
    a->viommus[0] = NULL;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_root_leaves_others_units_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
