/* SPDX-License-Identifier: BSD-2-Clause */
/* In which capability a register is; lists that are none. */
#include "tests/unit/device/pci_kit.h"

static void expect(u32 offset, u32 id, u32 at)
{
    u32 found;
    assert_int_equal(pci_capability_at(OWN, offset, &found), id);
    assert_int_equal(found, at);
}

static void finds_the_one_in_front(void **state)
{
    (void)state;
    kit_start();
    expect(PM, PCI_CAP_PM, PM);
    expect(PM + 4, PCI_CAP_PM, PM);
    expect(MSIX + 8, PCI_CAP_MSIX, MSIX);
    expect(0xfc, PCI_CAP_EA, EA);
    expect(AER, PCI_EXT_AER, AER);
    expect(SRIOV + 0x38, PCI_EXT_SRIOV, SRIOV);
    expect(0xffc, PCI_EXT | 3, SERIAL);
}

static void finds_nothing_without_a_list(void **state)
{
    (void)state;
    kit_start();
    set(OWN, PCI_COMMAND, 0, 0);
    expect(0xfc, 0, 0);
    kit_start();
    set(OWN, PCI_CAPABILITIES, 0x50, 0);
    expect(0x4c, 0, 0);
    set(OWN, AER, 0, 0);
    expect(0x200, PCI_EXT, AER);
}

static void ends(void **state)
{
    (void)state;
    kit_start();
    set(OWN, MSI, PCI_CAP_MSI | MSI << 8, 0);
    expect(0xfc, PCI_CAP_MSI, MSI);
    set(OWN, SERIAL, 0x10003 | AER << 20, 0);
    expect(0xffc, PCI_EXT | 3, SERIAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_the_one_in_front),
        cmocka_unit_test(finds_nothing_without_a_list),
        cmocka_unit_test(ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
