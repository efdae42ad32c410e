/* SPDX-License-Identifier: BSD-2-Clause */
/* Accesses to configuration space by ports and by the window: which register they are, of whom, by whose rule. */
#include "hv/device/config.h"

#include "hv/device/own_rule.h"
#include "hv/device/pci.h"
#include "hv/device/root_rule.h"
#include "hv/partition/partition.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

enum { OWN = 0x0140, FOREIGN = 0x0148, ADDRESS = 0xcf8, DATA = 0xcfc, WINDOW = 0x10000000 };

/* The last access: of the root's rule, of the owner's, or neither. */
static struct { u32 rule, sid, offset, size, value, count; } seen;
enum { NONE, ROOT, OWNER };
static const struct handover_partition description;
static struct partition root, owner = {.id = 1, .config = &description, .has_configuration = true};
static const struct handover_function function = {.source_id = OWN};
static struct device device = {.owner = &owner, .function = &function};
static bool locked;

void pci_lock(void)
{
    assert_false(locked);
    locked = true;
}

void pci_unlock(void)
{
    assert_true(locked);
    locked = false;
}

bool pci_is_in_window(u64 address)
{
    return address >= WINDOW && address < WINDOW + 0x10000000;
}

u16 pci_source_at(u64 address)
{
    return (u16)((address - WINDOW) >> 12);
}

struct device *device_of(const struct partition *p, u16 source_id)
{
    return p == &owner && source_id == OWN ? &device : NULL;
}

static void see(u32 rule, u32 sid, u32 offset, u32 size, u32 value)
{
    assert_true(locked && (offset & 3) + size <= 4);
    seen.rule = rule;
    seen.sid = sid;
    seen.offset = offset;
    seen.size = size;
    seen.value = value;
    seen.count++;
}

u32 root_rule_read(u16 source_id, u32 offset, u32 size)
{
    see(ROOT, source_id, offset, size, 0);
    return 0x100 + offset;
}

bool root_rule_write(u16 source_id, u32 offset, u32 size, u32 value)
{
    see(ROOT, source_id, offset, size, value);
    return true;
}

u32 own_rule_read(const struct device *d, u32 offset, u32 size)
{
    see(OWNER, d->function->source_id, offset, size, 0);
    return 0x200 + offset;
}

bool own_rule_write(struct device *d, u32 offset, u32 size, u32 value)
{
    see(OWNER, d->function->source_id, offset, size, value);
    return true;
}

static void expect(u32 rule, u32 sid, u32 offset, u32 size, u32 value)
{
    assert_int_equal(seen.rule, rule);
    assert_int_equal(seen.sid, sid);
    assert_int_equal(seen.offset, offset);
    assert_int_equal(seen.size, size);
    assert_int_equal(seen.value, value);
    seen.rule = NONE;
    seen.count = 0;
}

static void expect_nothing(void)
{
    assert_int_equal(seen.rule, NONE);
    assert_int_equal(seen.count, 0);
}

static void knows_its_ports(void **state)
{
    (void)state;
    assert_true(config_has_port(ADDRESS, 4));
    assert_false(config_has_port(ADDRESS, 1));
    assert_false(config_has_port(ADDRESS, 2));              /* and the reset register beside it */
    assert_false(config_has_port(0xcf9, 1));
    assert_false(config_has_port(0xcf6, 4));
    assert_true(config_has_port(0xcf9, 4));                 /* a byte of the data is enough */
    assert_true(config_has_port(0xcfb, 2));
    for (u16 port = DATA; port < 0xd00; port++) {
        assert_true(config_has_port(port, 1));
    }
    assert_false(config_has_port(0xd00, 4));
    assert_true(config_has_port(0xcff, 4));
}

static void has_an_address_for_each(void **state)
{
    (void)state;
    config_out(&root, ADDRESS, 4, 0x80000000 | FOREIGN << 8 | 0x10);
    config_out(&owner, ADDRESS, 4, 0x80000000 | OWN << 8 | 0x40);
    assert_int_equal(config_in(&root, ADDRESS, 4), 0x80000000 | FOREIGN << 8 | 0x10);
    assert_int_equal(config_in(&owner, ADDRESS, 4), 0x80000000 | OWN << 8 | 0x40);
    expect_nothing();
    assert_int_equal(config_in(&root, DATA, 4), 0x110);
    expect(ROOT, FOREIGN, 0x10, 4, 0);
    assert_int_equal(config_in(&owner, DATA + 2, 2), 0x242);
    expect(OWNER, OWN, 0x42, 2, 0);
    config_out(&owner, DATA + 3, 1, 0x5a);
    expect(OWNER, OWN, 0x43, 1, 0x5a);
}

static void reads_ones_where_nothing_is(void **state)
{
    (void)state;
    config_out(&owner, ADDRESS, 4, OWN << 8);               /* not enabled */
    assert_int_equal(config_in(&owner, DATA, 4), ~0u);
    config_out(&owner, DATA, 4, 1);
    config_out(&owner, ADDRESS, 4, 0x80000000 | FOREIGN << 8);
    assert_int_equal(config_in(&owner, DATA, 4), ~0u);
    config_out(&owner, ADDRESS, 4, 0x80000000 | OWN << 8);
    assert_int_equal(config_in(&owner, DATA + 2, 4), ~0u);  /* over the end */
    config_out(&owner, 0xcfb, 2, 1);
    assert_int_equal(config_in(&owner, 0xcf9, 4), ~0u);
    expect_nothing();
}

static void decodes_the_window(void **state)
{
    (void)state;
    const u64 at = WINDOW + ((u64)OWN << 12);
    assert_true(config_is_in_window(at));
    assert_int_equal(config_load(&owner, at + 0x104, 4), 0x304);
    expect(OWNER, OWN, 0x104, 4, 0);
    assert_int_equal(config_load(&root, at + 0xfff, 1), 0x10ff);
    expect(ROOT, OWN, 0xfff, 1, 0);
    config_store(&owner, at + 6, 2, 0xbeef);
    expect(OWNER, OWN, 6, 2, 0xbeef);
    assert_int_equal(config_load(&owner, at + 0x18, 8), 0x218 | 0x21cull << 32);
    assert_int_equal(seen.count, 2);
    config_store(&owner, at + 0x18, 8, 0x1122334455667788);
    expect(OWNER, OWN, 0x1c, 4, 0x11223344);
    assert_int_equal(config_load(&owner, at + 0x1c, 8), ~0ull);
    assert_int_equal(config_load(&owner, at + 0x1e, 4), ~0u);
    assert_int_equal(config_load(&owner, at + 0xffd, 4), ~0u);
    config_store(&owner, at + 0x1c, 8, 1);
    config_store(&owner, at + 3, 2, 1);
    assert_int_equal(config_load(&owner, WINDOW + ((u64)FOREIGN << 12), 4), ~0u);
    expect_nothing();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_its_ports),
        cmocka_unit_test(has_an_address_for_each),
        cmocka_unit_test(reads_ones_where_nothing_is),
        cmocka_unit_test(decodes_the_window),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
