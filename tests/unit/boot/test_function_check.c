/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which PCI functions can be given away, on a made-up tree. Configuration space is bytes with a mask of what can be
 * written.
 *
 *   00:00.0 host bridge      00:02.0 endpoint: a wide BAR, MSI-X, FLR     00:0e.0 endpoint: MSI, SR-IOV
 *   00:03.0/.1 one device    00:04.0/.1 one device, both with ACS that has nothing to redirect
 *   00:1c.0 port -> 01       01:00.0/.1 endpoint
 *   00:1c.4 port -> 02-05    02:00.0 switch -> 03-05    03:00.0 port -> 04    03:01.0 port -> 05
 *                            04:00.0 endpoint           05:00.0 endpoint
 *   00:1d.0 port -> 06       06:00.0 endpoint
 *   00:1e.0 bridge -> 07     07:01.0 endpoint
 */
#include "boot/bytes.h"
#include "boot/function.h"
#include "boot/function_check.h"
#include "boot/function_path.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

enum { ROOT = 4, UPSTREAM = 5, DOWNSTREAM = 6, ACS_AT = 0x140 };

static struct made {
    u16 id;
    u8 space[4096], writable[4096];
} made[32];
static u32 made_count;

static void put(u8 *at, u32 offset, u32 bytes, u64 value)
{
    memcpy(at + offset, &value, bytes);
}

static struct made *at(u32 bus, u32 device, u32 function)
{
    for (u32 i = 0; i < made_count; i++) {
        if (made[i].id == (bus << 8 | device << 3 | function)) {
            return &made[i];
        }
    }
    return NULL;
}

static u32 read(void *ctx, struct pci_function f, u32 offset)
{
    u32 value = ~0u;
    const struct made *m = at(f.bus, f.device, f.function);
    (void)ctx;
    assert_true(offset % 4 == 0 && offset <= 4092);
    if (m != NULL) {
        memcpy(&value, m->space + offset, 4);
    }
    return value;
}

static void write(void *ctx, struct pci_function f, u32 offset, u32 value)
{
    struct made *m = at(f.bus, f.device, f.function);
    (void)ctx;
    assert_non_null(m);
    assert_false(offset == FUNCTION_COMMAND && value >> 16 != 0);
    /* A BAR that is sized answers nowhere meanwhile. */
    bool sized = offset >= 0x10 && offset < 0x28;
    assert_true(!sized || (m->space[4] & (COMMAND_PORTS | COMMAND_MEMORY)) == 0);
    for (u32 i = 0; i < 4; i++) {
        u8 mask = m->writable[offset + i];
        m->space[offset + i] = (u8)((m->space[offset + i] & ~mask) | (value >> i * 8 & mask));
    }
}

static const struct pci_config pci = {.read = read, .write = write, .last_bus = 15, .extended = true};

static struct made *add(u32 bus, u32 device, u32 function, u8 header)
{
    struct made *m = &made[made_count++];
    memset(m, 0, sizeof(*m));
    m->id = (u16)(bus << 8 | device << 3 | function);
    put(m->space, 0, 4, 0x12348086);
    put(m->space, 6, 2, 0x10);
    put(m->space, 0x0e, 1, header);
    put(m->writable, 4, 2, 0x407);
    return m;
}

static void add_capability(struct made *m, u32 offset, u8 id, u32 upper)
{
    u8 next = m->space[0x34];
    put(m->space, offset, 4, (u32)upper << 16 | (u32)next << 8 | id);
    m->space[0x34] = (u8)offset;
}

static void add_bar(struct made *m, u32 index, u64 base, u64 size, u32 flags)
{
    bool wide = (flags & 4) != 0;
    put(m->space, 0x10 + index * 4, wide ? 8 : 4, base | flags);
    put(m->writable, 0x10 + index * 4, wide ? 8 : 4, (flags & 1) != 0 ? (0 - size) & 0xffff : 0 - size);
}

static void add_acs(struct made *m, u32 has, u32 on)
{
    put(m->space, 0x100, 4, (u32)ACS_AT << 20 | 0x10001);
    put(m->space, ACS_AT, 4, 0x1000d);
    put(m->space, ACS_AT + 4, 4, has | on << 16);
    put(m->writable, ACS_AT + 6, 2, has | 0x20);
}

/* A BAR of a page, MSI-X in it, function-level reset. */
static struct made *add_endpoint(u32 bus, u32 device, u32 function, u32 base)
{
    struct made *m = add(bus, device, function, function != 0 ? 0x80 : 0);
    add_bar(m, 0, base, 0x1000, 0);
    add_capability(m, 0x40, 0x10, 0x0002);
    put(m->space, 0x44, 4, 1u << 28);
    add_capability(m, 0x80, 0x11, 3);
    put(m->space, 0x84, 4, 0x800);
    put(m->space, 0x88, 4, 0xc00);
    return m;
}

static struct made *add_port(u32 bus, u32 device, u32 function, u32 type, u32 secondary, u32 subordinate)
{
    struct made *m = add(bus, device, function, function == 0 && device == 0x1c ? 0x81 : 1);
    put(m->space, 0x18, 4, subordinate << 16 | secondary << 8 | bus);
    if (type != 0) {
        add_capability(m, 0x40, 0x10, type << 4 | 2);
        add_acs(m, type == UPSTREAM ? 0 : 0x1f, 0);
    }
    return m;
}

static struct config config;
static struct config_error error;
static struct machine machine;
static struct function_machine facts;
static struct functions got;

static void begin(void)
{
    made_count = 0;
    add(0, 0, 0, 0);
    struct made *m = add_endpoint(0, 2, 0, 0);
    add_bar(m, 0, 0x380000000000, 0x4000, 4 | 8);
    add_bar(m, 2, 0xe000, 0x20, 1);
    add_bar(m, 3, 0xc0002000, 0x100, 0);
    m = add(0, 14, 0, 0);
    add_capability(m, 0x50, 0x05, 5 << 1 | 0x180);
    add_capability(m, 0x40, 0x10, 0x0002);
    put(m->space, 0x44, 4, 1u << 28);
    put(m->space, 0x100, 4, 0x10010);
    put(m->space, 0x10c, 4, 4u << 16);
    put(m->space, 0x114, 4, 1u << 16 | 8);
    add_endpoint(0, 3, 0, 0xc0010000)->space[0x0e] = 0x80;
    add_endpoint(0, 3, 1, 0xc0011000);
    m = add_endpoint(0, 4, 0, 0xc0012000);
    m->space[0x0e] = 0x80;
    add_acs(m, 0, 0);
    add_acs(add_endpoint(0, 4, 1, 0xc0013000), 0, 0);
    add_port(0, 0x1c, 0, ROOT, 1, 1);
    add_endpoint(1, 0, 0, 0xc0100000)->space[0x0e] = 0x80;
    add_endpoint(1, 0, 1, 0xc0101000);
    add_port(0, 0x1c, 4, ROOT, 2, 5);
    add_port(2, 0, 0, UPSTREAM, 3, 5);
    add_port(3, 0, 0, DOWNSTREAM, 4, 4);
    add_port(3, 1, 0, DOWNSTREAM, 5, 5);
    add_endpoint(4, 0, 0, 0xc0400000);
    add_endpoint(5, 0, 0, 0xc0500000);
    m = add_port(0, 0x1d, 0, ROOT, 6, 6);
    put(m->space, 0x100, 4, 0);
    add_endpoint(6, 0, 0, 0xc0600000);
    add_port(0, 0x1e, 0, 0, 7, 7);
    add_endpoint(7, 1, 0, 0xc0700000);
    machine = (struct machine){.dmar_usable = true, .dmar = {.intr_remap = true, .unit_count = 1}};
    machine.dmar.units[0].include_all = true;
    machine.cpu.physical_bits = 46;
    machine.ranges = (struct ranges){.count = 1, .list = {{0, 0x80000000, RANGE_RAM}}};
    /* The model's server: SLTS and 3-level tables, IR, EIM. */
    machine.units[0].cap = 0x00d2008c22260286ull;
    machine.units[0].ecap = 0xf020da | 1 << 3 | 1 << 4;
    facts = (struct function_machine){.machine = &machine, .config = &pci};
}

static bool check(const char *devices)
{
    char text[1024];
    snprintf(text, sizeof(text), "[partition a]\ncpus=1\nmemory=2M\nimage=\\x\n%s", devices);
    assert_int_equal(config_parse(text, strlen(text), &config, &error), OK);
    assert_int_equal(config.partition_error.line, 0);
    return function_check_text(&config, &error) && function_check(&config, &facts, &got, &error);
}

static void is_refused(const char *devices, u32 line, const char *value, const char *expected)
{
    bool right = check(devices);
    if (right || strcmp(error.expected, expected) != 0) {
        fail_msg("%s: %s, not %s", devices, right ? "accepted" : error.expected, expected);
    }
    assert_int_equal(error.line, line);
    assert_string_equal(error.key, "device");
    assert_string_equal(error.value, value);
}

static void is_accepted(const char *devices)
{
    if (!check(devices)) {
        fail_msg("%s: %s", devices, error.expected);
    }
}

static void what_is_handed_over(void **state)
{
    (void)state;
    struct made *m;
    begin();
    m = at(0, 2, 0);
    put(m->space, 4, 2, 7);
    const struct made before = *m;
    add_bar(at(5, 0, 0), 4, 0x200000000000, 0x200000000, 4);
    is_accepted("device = 0:0:2.0\ndevice = 0:0:e.0\n[partition b]\ncpus=2\nmemory=2M\nimage=\\x\ndevice = 0:5:0.0\n");
    assert_memory_equal(m, &before, sizeof(before));
    assert_int_equal(got.count, 3);
    assert_true(!got.list[0].behind_port && !got.list[1].behind_port);
    assert_true(got.list[2].behind_port && got.list[2].first_bus == 5 && got.list[2].last_bus == 5);
    const struct handover_function *f = &got.list[0];
    assert_int_equal(f->segment, 0);
    assert_int_equal(f->source_id, 2 << 3);
    assert_int_equal(f->partition, 0);
    assert_true(f->interrupts);
    assert_int_equal(f->reset, HANDOVER_RESET_FLR);
    assert_true(f->bars[0].base == 0x380000000000 && f->bars[0].size == 0x4000);
    assert_true(f->bars[0].wide && f->bars[0].prefetchable && !f->bars[0].port);
    assert_int_equal(f->bars[1].size, 0);
    assert_true(f->bars[2].port && f->bars[2].base == 0xe000 && f->bars[2].size == 0x20);
    assert_true(f->bars[3].base == 0xc0002000 && f->bars[3].size == 0x100 && !f->bars[3].wide);
    assert_true(!f->bars[3].prefetchable && !f->bars[3].port && !f->bars[2].prefetchable);
    assert_true(f->pcie == 0x40 && f->msix == 0x80 && f->msi == 0 && f->power == 0 && f->af == 0);
    assert_int_equal(f->msix_vectors, 4);
    assert_true(f->msix_table_bar == 0 && f->msix_table == 0x800 && f->msix_pending == 0xc00);
    f++;
    assert_true(f->msi == 0x50 && f->msi_vectors == 32 && f->msi_wide && f->msi_masks && f->msix == 0);
    assert_int_equal(f->bars[0].size, 0);
    f++;
    assert_int_equal(f->partition, 1);
    assert_int_equal(f->source_id, 5 << 8);
    assert_true(f->bars[4].base == 0x200000000000 && f->bars[4].size == 0x200000000);
    assert_int_equal(function_device(&config, f)->line, 11);
}

static void text_alone(void **state)
{
    (void)state;
    begin();
    is_refused("device = 1:0:2.0\n", 5, "0001:00:02.0",
               "a function of segment 0, the only one of which functions are given away");
    is_refused("device = 0:0:2.0\ndevice = 0:0:02.0\n", 6, "0000:00:02.0",
               "each function only once: partition a has it");
    is_refused("device = 0:0:2.0\n[partition b]\ncpus=2\nmemory=2M\nimage=\\x\ndevice = 0:0:2.0\n", 10,
               "0000:00:02.0", "each function only once: partition a has it");
}

static void its_kind(void **state)
{
    (void)state;
    static const char absent[] = "a function that is there (virtual functions of SR-IOV are not given away)";
    begin();
    is_refused("device = 0:0:5.0\n", 5, "0000:00:05.0", absent);
    is_refused("device = 0:0:2.1\n", 5, "0000:00:02.1", absent);
    is_refused("device = 0:10:0.0\n", 5, "0000:10:00.0", absent);
    is_refused("device = 0:0:1c.0\n", 5, "0000:00:1c.0", "a function of a device, no bridge");
    put(at(0, 14, 0)->space, 0x108, 4, 1);
    is_refused("device = 0:0:e.0\n", 5, "0000:00:0e.0",
               "a function without virtual functions: those of SR-IOV are enabled");
    put(at(0, 2, 0)->space, 0x48, 4, 1 << 9);
    is_refused("device = 0:0:2.0\n", 5, "0000:00:02.0",
               "a function that has one source-id: phantom functions are enabled");
    facts.loaded_known = true;
    facts.loaded_from = (struct pci_function){1, 0, 0};
    is_refused("device = 0:1:0.0\n", 5, "0000:01:00.0", "another device than the one that Nestor was started from");
    facts.loaded_known = false;
    is_accepted("device = 0:1:0.0\ndevice = 0:1:0.1\n");
    facts.interrupts_missing = "CPUs with x2APIC mode";
    is_refused("device = 0:0:2.0\n", 5, "0000:00:02.0", "CPUs with x2APIC mode");
    assert_true(check(""));
    facts.config = NULL;
    is_refused("device = 0:4:0.0\n", 5, "0000:04:00.0", "a machine whose MCFG table has segment 0");
    assert_true(check(""));
}

static void add_scope(u8 type, u8 bus, u8 device)
{
    struct vtd_dmar *d = &machine.dmar;
    d->hops[d->hop_count] = (struct vtd_dmar_hop){device, 0};
    d->scopes[d->scope_count++] = (struct vtd_dmar_scope){.type = type, .start_bus = bus, .hop_count = 1,
                                                          .first_hop = (u16)d->hop_count++,
                                                          .flags = VTD_SCOPE_ATC_REQUIRED};
}

static void its_unit(void **state)
{
    (void)state;
    static const char remaps[] = "a function whose unit remaps interrupts with 32-bit ids";
    begin();
    machine.dmar.units[0].include_all = false;
    is_refused("device = 0:0:2.0\n", 5, "0000:00:02.0", "a function that a remapping unit covers");
    begin();
    machine.units[0].ecap &= ~(u64)(1 << 4);
    is_refused("device = 0:0:2.0\n", 5, "0000:00:02.0", remaps);
    begin();
    machine.units[0].ecap &= ~(u64)(1 << 3);
    is_refused("device = 0:0:2.0\n", 5, "0000:00:02.0", remaps);
    begin();
    machine.dmar.intr_remap = false;
    is_refused("device = 0:0:2.0\n", 5, "0000:00:02.0", remaps);
    begin();
    machine.units[0].cap = 0;
    is_refused("device = 0:0:2.0\n", 5, "0000:00:02.0", "a function whose remapping unit can be used");
    begin();
    machine.dmar_usable = false;
    is_refused("device = 0:0:2.0\n", 5, "0000:00:02.0", "a function that a remapping unit covers");
    begin();
    add_scope(VTD_SCOPE_BRIDGE, 0, 0x1c);
    machine.dmar.region_count = 1;
    machine.dmar.regions[0].scopes = (struct vtd_dmar_run){0, 1};
    is_refused("device = 0:1:0.0\n", 5, "0000:01:00.0", "a function without memory of the firmware's (RMRR)");
    is_accepted("device = 0:0:2.0\n");
}

static void who_needs_ats(void **state)
{
    (void)state;
    static const char ats[] = "a function that does not need ATS, which Nestor does not give";
    begin();
    add_scope(VTD_SCOPE_ENDPOINT, 0, 2);
    machine.dmar.satc_count = 1;
    machine.dmar.satc[0] = (struct vtd_dmar_list){.flag = true, .scopes = {0, 1}};
    is_refused("device = 0:0:2.0\n", 5, "0000:00:02.0", ats);
    machine.dmar.satc[0].flag = false;
    is_accepted("device = 0:0:2.0\n");
    machine.dmar.sidp_count = 1;
    machine.dmar.sidp[0] = (struct vtd_dmar_list){.scopes = {0, 1}};
    is_refused("device = 0:0:2.0\n", 5, "0000:00:02.0", ats);
    machine.dmar.scopes[0].flags = 0;
    is_accepted("device = 0:0:2.0\n");
    add_scope(VTD_SCOPE_ENDPOINT, 0, 3);
    add_scope(VTD_SCOPE_ENDPOINT, 0, 2);
    machine.dmar.sidp[0].scopes = (struct vtd_dmar_run){1, 2};
    is_refused("device = 0:0:2.0\n", 5, "0000:00:02.0", ats);
    machine.dmar.sidp[0].segment = 1;
    is_accepted("device = 0:0:2.0\n");
}

/* What is behind one port, or of one device, goes together. */
static void groups(void **state)
{
    (void)state;
    begin();
    is_refused("device = 0:0:3.1\n", 5, "0000:00:03.1",
               "00:03.0 in this partition, too: nothing keeps the two apart");
    is_accepted("device = 0:0:3.1\ndevice = 0:0:3.0\n");
    is_accepted("device = 0:0:4.1\n");
    /* Redirection that is on is off after a reset. */
    put(at(0, 4, 0)->space, ACS_AT + 4, 4, 0x0c | 0x0c << 16);
    is_refused("device = 0:0:4.1\n", 5, "0000:00:04.1",
               "00:04.0 in this partition, too: nothing keeps the two apart");
    /* Who is behind a bridge of the same device could reach its registers; behind one below its port is nobody. */
    put(at(0, 3, 0)->space, 0x0e, 1, 0x81);
    is_refused("device = 0:0:3.1\n", 5, "0000:00:03.1",
               "00:03.0 in this partition, too: nothing keeps the two apart");
    put(at(1, 0, 1)->space, 0x0e, 1, 1);
    is_accepted("device = 0:1:0.0\n");
    put(at(1, 0, 1)->space, 0x0e, 1, 0);
    is_refused("device = 0:1:0.0\n", 5, "0000:01:00.0",
               "01:00.1 in this partition, too: nothing keeps the two apart");
    is_refused("device = 0:1:0.0\n[partition b]\ncpus=2\nmemory=2M\nimage=\\x\ndevice = 0:1:0.1\n", 5, "0000:01:00.0",
               "01:00.1 in this partition, too: nothing keeps the two apart");
    is_accepted("device = 0:1:0.0\ndevice = 0:1:0.1\n");
    assert_true(got.list[0].behind_port && got.list[0].first_bus == 1 && got.list[0].last_bus == 1);
    is_accepted("device = 0:4:0.0\n[partition b]\ncpus=2\nmemory=2M\nimage=\\x\ndevice = 0:5:0.0\n");
}

static void what_is_above(void **state)
{
    (void)state;
    static const char validates[] = "a function below ports with ACS source validation";
    begin();
    is_refused("device = 0:6:0.0\n", 5, "0000:06:00.0", validates);
    is_refused("device = 0:7:1.0\n", 5, "0000:07:01.0",
               "a function with PCI Express ports only above it, as requests that pass another bridge get its id");
    put(at(0, 0x1c, 4)->space, ACS_AT + 4, 4, 0x1e);
    is_refused("device = 0:5:0.0\n", 5, "0000:05:00.0", validates);
    begin();
    /* What has number 8 and up is another device's as soon as ARI is forwarded no more. */
    put(at(3, 1, 0)->space, 0x68, 4, 1 << 5);
    is_accepted("device = 0:5:0.0\n");
    add_endpoint(5, 1, 0, 0xc0501000);
    is_refused("device = 0:5:0.0\ndevice = 0:5:1.0\n", 5, "0000:05:00.0",
               "a function beside which there are none that need ARI, from number 8 on");
    put(at(3, 1, 0)->space, 0x42, 1, DOWNSTREAM << 4 | 1);
    is_accepted("device = 0:5:0.0\ndevice = 0:5:1.0\n");
}

/* What comes in at another port of the same switch, or device, is sent on by its address. */
static void what_is_beside_the_ports(void **state)
{
    (void)state;
    static const char beside[] = "a function below ports whose neighbours, in the same switch or device, have ACS";
    begin();
    put(at(3, 0, 0)->space, 0x100, 4, 0);
    is_refused("device = 0:5:0.0\n", 5, "0000:05:00.0", beside);
    put(at(3, 0, 0)->space, 0x42, 1, 2);    /* no port */
    is_accepted("device = 0:5:0.0\n");
    begin();
    put(at(0, 0x1c, 0)->space, 0x100, 4, 0);
    is_refused("device = 0:5:0.0\n", 5, "0000:05:00.0", beside);
    is_accepted("device = 0:0:2.0\n");
}

static void switches_that_can_be_managed(void **state)
{
    (void)state;
    begin();
    at(2, 0, 0)->space[0x0e] = 0x81;
    add_endpoint(2, 0, 1, 0xc0200000);
    is_refused("device = 0:5:0.0\n", 5, "0000:05:00.0",
               "a function below switches that have ports alone, and no function to manage them by");
    put(at(2, 0, 1)->space, 0x0e, 1, 0x81);
    is_accepted("device = 0:5:0.0\n");
}

/* Every port above, with what it has and nothing else. */
static void ports_are_closed(void **state)
{
    (void)state;
    begin();
    put(at(0, 0x1c, 4)->space, ACS_AT + 4, 4, 0x5 | 0x20 << 16);
    assert_true(function_path_close(&pci, (struct pci_function){5, 0, 0}));
    assert_int_equal(read(NULL, (struct pci_function){3, 1, 0}, ACS_AT + 4), 0x1d001f);
    assert_int_equal(read(NULL, (struct pci_function){0, 0x1c, 4}, ACS_AT + 4), 0x250005);
    assert_int_equal(read(NULL, (struct pci_function){3, 0, 0}, ACS_AT + 4), 0xc001f);
    assert_int_equal(read(NULL, (struct pci_function){0, 0x1c, 0}, ACS_AT + 4), 0xc001f);
    put(at(3, 0, 0)->writable, ACS_AT + 6, 2, 0x1e);
    assert_false(function_path_close(&pci, (struct pci_function){4, 0, 0}));
    begin();
    put(at(3, 0, 0)->writable, ACS_AT + 6, 2, 0x1b);
    assert_false(function_path_close(&pci, (struct pci_function){5, 0, 0}));
}

/* Not above anything that is given away; they keep what else firmware has on. */
static void all_ports_check_source_ids(void **state)
{
    struct pci_function first = {0, 0, 0};
    (void)state;
    begin();
    assert_int_equal(read(NULL, (struct pci_function){3, 0, 0}, ACS_AT + 4), 0x1f);
    u32 lacking = function_path_validate(&pci, &first);
    assert_int_equal(read(NULL, (struct pci_function){0, 0x1c, 0}, ACS_AT + 4), 0x1001f);
    assert_int_equal(read(NULL, (struct pci_function){3, 0, 0}, ACS_AT + 4), 0x1001f);
    assert_int_equal(read(NULL, (struct pci_function){3, 1, 0}, ACS_AT + 4), 0x1001f);
    assert_int_equal(lacking, 1);
    begin();
    put(at(0, 0x1c, 4)->writable, ACS_AT + 6, 2, 0x1e);
    put(at(3, 0, 0)->writable, ACS_AT + 6, 2, 0);
    assert_int_equal(function_path_validate(&pci, &first), lacking + 1);
    assert_int_equal(function_id(first), 0x1c << 3 | 4);
}

/* Firmware has it on where a device can have virtual functions. */
static void ari_is_forwarded_no_more(void **state)
{
    (void)state;
    begin();
    put(at(3, 1, 0)->space, 0x68, 4, 0x429);
    put(at(3, 1, 0)->writable, 0x68, 2, 0xffff);
    assert_true(function_path_close(&pci, (struct pci_function){5, 0, 0}));
    assert_int_equal(read(NULL, (struct pci_function){3, 1, 0}, 0x68), 0x409);
    put(at(3, 1, 0)->space, 0x68, 4, 0x20);
    put(at(3, 1, 0)->writable, 0x68, 2, 0);
    assert_false(function_path_close(&pci, (struct pci_function){5, 0, 0}));
}

/* All bridges above, and no other: firmware may have left them off. */
static void ports_let_through(void **state)
{
    (void)state;
    begin();
    put(at(2, 0, 0)->space, 4, 2, 0x400);
    assert_true(function_path_close(&pci, (struct pci_function){5, 0, 0}));
    assert_int_equal(read(NULL, (struct pci_function){3, 1, 0}, 4) & 0xffff, 6);
    assert_int_equal(read(NULL, (struct pci_function){2, 0, 0}, 4) & 0xffff, 0x406);
    assert_int_equal(read(NULL, (struct pci_function){0, 0x1c, 4}, 4) & 0xffff, 6);
    assert_int_equal(read(NULL, (struct pci_function){3, 0, 0}, 4) & 0xffff, 0);
}

static void its_registers(void **state)
{
    (void)state;
    static const char assigned[] = "a function whose BARs the firmware gave addresses";
    static const char msix[] = "a function whose MSI-X table is in its BARs";
    begin();
    put(at(0, 2, 0)->space, 0x1c, 4, 0);
    is_refused("device = 0:0:2.0\n", 5, "0000:00:02.0", assigned);
    /* But for ports, which it does not get anyway. */
    begin();
    put(at(0, 2, 0)->space, 0x18, 4, 1);
    is_accepted("device = 0:0:2.0\n");
    assert_true(got.list[0].bars[2].size == 0 && got.list[0].bars[3].size == 0x100);
    begin();
    put(at(0, 2, 0)->space, 0x10, 8, 0xf8000000000000 | 4);
    is_refused("device = 0:0:2.0\n", 5, "0000:00:02.0", assigned);
    put(at(0, 2, 0)->space, 0x10, 8, 0x400000000000 | 4);
    is_refused("device = 0:0:2.0\n", 5, "0000:00:02.0", "a function whose BARs are where no memory is");
    begin();
    put(at(0, 2, 0)->space, 0x1c, 4, 0x7ffff000);
    is_refused("device = 0:0:2.0\n", 5, "0000:00:02.0", "a function whose BARs are where no memory is");
    begin();
    put(at(0, 2, 0)->space, 0x84, 4, 0x801);
    is_refused("device = 0:0:2.0\n", 5, "0000:00:02.0", msix);
    put(at(0, 2, 0)->space, 0x84, 4, 0x802);
    is_refused("device = 0:0:2.0\n", 5, "0000:00:02.0", msix);
    put(at(0, 2, 0)->space, 0x84, 4, 0x3fc8);
    is_refused("device = 0:0:2.0\n", 5, "0000:00:02.0", msix);
    put(at(0, 2, 0)->space, 0x84, 4, 0x3fc0);
    is_accepted("device = 0:0:2.0\n");
    put(at(0, 2, 0)->space, 0x88, 4, 0x4000);
    is_refused("device = 0:0:2.0\n", 5, "0000:00:02.0", msix);
    begin();
    facts.serial = (struct serial){.kind = SERIAL_PORT, .base = 0xe018};
    is_refused("device = 0:0:2.0\n", 5, "0000:00:02.0", "another device than the UART that Nestor speaks on");
    facts.serial = (struct serial){.kind = SERIAL_MMIO, .base = 0xc00020c0};
    is_refused("device = 0:0:2.0\n", 5, "0000:00:02.0", "another device than the UART that Nestor speaks on");
    facts.serial.base = 0xe000;
    is_accepted("device = 0:0:2.0\n");
    facts.serial = (struct serial){.kind = SERIAL_PORT, .base = 0xe020};
    is_accepted("device = 0:0:2.0\n");
    add_capability(at(0, 2, 0), 0xa0, 0x14, 0);
    is_refused("device = 0:0:2.0\n", 5, "0000:00:02.0",
               "a function whose memory is in its BARs (it has Enhanced Allocation)");
}

static void interrupts_and_reset(void **state)
{
    (void)state;
    static const char reset[] =
        "a function that can be reset (FLR, or D3hot without No_Soft_Reset), or no restart, no control-by";
    begin();
    at(0, 2, 0)->space[0x34] = 0x40;
    is_refused("device = 0:0:2.0\n", 5, "0000:00:02.0", "a function with MSI or MSI-X, or interrupts=none behind it");
    is_accepted("device = 0:0:2.0 interrupts=none\n");
    assert_false(got.list[0].interrupts);
    begin();
    is_accepted("device = 0:0:2.0 interrupts=none\n");
    assert_false(got.list[0].interrupts);
    put(at(0, 2, 0)->space, 0x3d, 1, 1);
    is_accepted("device = 0:0:2.0 interrupts=none\n");
    assert_int_equal(bytes_get(at(0, 2, 0)->space, 4, 2), 0);
    put(at(0, 2, 0)->writable, 4, 2, 7);
    is_refused("device = 0:0:2.0 interrupts=none\n", 5, "0000:00:02.0",
               "a function whose interrupt pin can be turned off");
    put(at(0, 2, 0)->space, 0x3d, 1, 0);
    is_accepted("device = 0:0:2.0 interrupts=none\n");
    put(at(0, 2, 0)->space, 0x44, 4, 0);
    is_accepted("device = 0:0:2.0\n");
    assert_int_equal(got.list[0].reset, HANDOVER_RESET_NONE);
    is_refused("restart = 1\ndevice = 0:0:2.0\n", 6, "0000:00:02.0", reset);
    is_refused("control-by = root\ndevice = 0:0:2.0\n", 6, "0000:00:02.0", reset);
    add_capability(at(0, 2, 0), 0xa0, 0x01, 3);
    put(at(0, 2, 0)->space, 0xa4, 4, 1 << 3);
    is_refused("restart = always\ndevice = 0:0:2.0\n", 6, "0000:00:02.0", reset);
    put(at(0, 2, 0)->space, 0xa4, 4, 0);
    is_accepted("restart = always\ndevice = 0:0:2.0\n");
    assert_int_equal(got.list[0].reset, HANDOVER_RESET_D3HOT);
    assert_int_equal(got.list[0].power, 0xa0);
    put(at(0, 2, 0)->space, 0xa4, 4, 3);
    is_refused("device = 0:0:2.0\n", 5, "0000:00:02.0", "a function that the firmware has left awake (D0)");
    put(at(0, 2, 0)->space, 0xa4, 4, 0);
    add_capability(at(0, 2, 0), 0xb0, 0x13, 0x0306);
    is_accepted("restart = always\ndevice = 0:0:2.0\n");
    assert_int_equal(got.list[0].reset, HANDOVER_RESET_AF);
    assert_int_equal(got.list[0].af, 0xb0);
}

/* A page that has somebody else's registers, or a source-id that somebody else may get. */
static void others(void **state)
{
    (void)state;
    static const char shared[] = "pages of its own for its BARs: one has registers of 06:00.0";
    begin();
    put(at(6, 0, 0)->space, 0x10, 4, 0xc0002800);
    is_refused("device = 0:5:0.0\ndevice = 0:0:2.0\n", 6, "0000:00:02.0", shared);
    put(at(6, 0, 0)->space, 0x10, 4, 0xc0003000);
    is_accepted("device = 0:0:2.0\n");
    put(at(6, 0, 0)->space, 0x10, 8, 0x380000003ff0 | 4);
    is_refused("device = 0:0:2.0\n", 5, "0000:00:02.0", shared);
    put(at(6, 0, 0)->space, 0x10, 8, 0x380000004000 | 4);
    put(at(6, 0, 0)->space, 0x30, 4, 0xc0002800);
    is_refused("device = 0:0:2.0\n", 5, "0000:00:02.0", shared);
    begin();
    put(at(0, 0x1d, 0)->space, 0x10, 4, 0xc0002800);
    is_refused("device = 0:0:2.0\n", 5, "0000:00:02.0",
               "pages of its own for its BARs: one has registers of 00:1d.0");
    /* Ports have numbers that look like addresses, and a bridge has windows. */
    begin();
    put(at(0, 0x1d, 0)->space, 0x20, 4, 0xc0002000);
    put(at(6, 0, 0)->space, 0x14, 4, 0xc0002801);
    is_accepted("device = 0:0:2.0\n");
    begin();
    put(at(0, 14, 0)->space, 0x114, 4, 1u << 16 | (0x4fe - (14 << 3)));
    is_refused("device = 0:5:0.0\n", 5, "0000:05:00.0",
               "a source-id of its own: a virtual function of 00:0e.0 can have it");
    put(at(0, 14, 0)->space, 0x10c, 4, 2u << 16);
    is_accepted("device = 0:5:0.0\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_handed_over),
        cmocka_unit_test(text_alone),
        cmocka_unit_test(its_kind),
        cmocka_unit_test(its_unit),
        cmocka_unit_test(who_needs_ats),
        cmocka_unit_test(groups),
        cmocka_unit_test(what_is_above),
        cmocka_unit_test(what_is_beside_the_ports),
        cmocka_unit_test(switches_that_can_be_managed),
        cmocka_unit_test(ports_are_closed),
        cmocka_unit_test(all_ports_check_source_ids),
        cmocka_unit_test(ari_is_forwarded_no_more),
        cmocka_unit_test(ports_let_through),
        cmocka_unit_test(its_registers),
        cmocka_unit_test(interrupts_and_reset),
        cmocka_unit_test(others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
