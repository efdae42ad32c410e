/* SPDX-License-Identifier: BSD-2-Clause */
/* See partition_pci.h. Terms whose length comes first are closed when it is known. */
#include "boot/partition_pci.h"

#include "boot/bytes.h"

enum {
    BUS_SHIFT = 20,
    BUS_BYTES = 1 << BUS_SHIFT,

    AML_NAME = 0x08,
    AML_BYTE = 0x0a,
    AML_WORD = 0x0b,
    AML_DWORD = 0x0c,
    AML_BUFFER = 0x11,
    AML_EXTENDED = 0x5b,
    AML_DEVICE = 0x82,
    AML_TWO_NAMES = 0x2e,

    ID_HOST_BRIDGE = 0x080ad041,        /* PNP0A08, as EISAID() has it */
    ID_OLD_BRIDGE = 0x030ad041,         /* PNP0A03 */
    ID_RESERVED = 0x020cd041,           /* PNP0C02 */

    RESOURCE_WORD = 0x88,
    RESOURCE_QWORD = 0x8a,
    RESOURCE_END = 0x79,
    OF_MEMORY = 0, OF_PORTS = 1, OF_BUSES = 2,
    FIXED = 3 << 2,                     /* both ends, and what is listed is passed on */
    CONSUMED = 1 << 0,
    READ_WRITE = 1 << 0,                /* memory that is not cached */
    ALL_PORTS = 3,
};

struct aml {
    u8 *bytes;
    u32 size;
};

static void put(struct aml *a, u64 value, u32 count)
{
    bytes_put(a->bytes + a->size, value, count);
    a->size += count;
}

static void put_name(struct aml *a, const char name[4])
{
    for (u32 i = 0; i < 4; i++) {
        put(a, (u8)name[i], 1);
    }
}

/* 0 and 1 are operators of their own. */
static void put_integer(struct aml *a, u32 value)
{
    if (value <= 1) {
        put(a, value, 1);
    } else {
        put(a, value <= 0xff ? AML_BYTE : AML_WORD, 1);
        put(a, value, value <= 0xff ? 1 : 2);
    }
}

static void put_named_integer(struct aml *a, const char name[4], u32 value)
{
    put(a, AML_NAME, 1);
    put_name(a, name);
    put_integer(a, value);
}

static void put_named_id(struct aml *a, const char name[4], u32 id)
{
    put(a, AML_NAME, 1);
    put_name(a, name);
    put(a, AML_DWORD, 1);
    put(a, id, 4);
}

/* Moves what is at and behind `start` on. */
static void open_gap(struct aml *a, u32 start, u32 count)
{
    for (u32 i = a->size; i-- > start;) {
        a->bytes[i + count] = a->bytes[i];
    }
    a->size += count;
}

/* Puts the length of what is behind `start` in front of it, itself included: 6 bits, or 4 and one or two bytes. */
static void close_package(struct aml *a, u32 start)
{
    u32 length = a->size - start;
    u32 more = length + 1 <= 63 ? 0 : length + 2 < 1 << 12 ? 1 : 2;
    length += 1 + more;
    open_gap(a, start, 1 + more);
    a->bytes[start] = (u8)(more == 0 ? length : more << 6 | (length & 0xf));
    bytes_put(a->bytes + start + 1, length >> 4, more);
}

static u32 begin_resources(struct aml *a)
{
    put(a, AML_NAME, 1);
    put_name(a, "_CRS");
    put(a, AML_BUFFER, 1);
    return a->size;
}

static void end_resources(struct aml *a, u32 start)
{
    u8 size[3];
    struct aml counted = {size, 0};
    put(a, RESOURCE_END, 2);
    put_integer(&counted, a->size - start);
    open_gap(a, start, counted.size);
    for (u32 i = 0; i < counted.size; i++) {
        a->bytes[start + i] = size[i];
    }
    close_package(a, start);
}

/* Granularity, first, last, translation, length, in words or quadwords. */
static void put_range(struct aml *a, u32 width, u32 kind, u32 flags, u32 own, u64 base, u64 size)
{
    put(a, width == 2 ? RESOURCE_WORD : RESOURCE_QWORD, 1);
    put(a, 3 + 5 * width, 2);
    put(a, kind, 1);
    put(a, flags, 1);
    put(a, own, 1);
    put(a, 0, width);
    put(a, base, width);
    put(a, base + size - 1, width);
    put(a, 0, width);
    put(a, size, width);
}

static u32 begin_device(struct aml *a, const char name[4])
{
    put(a, AML_EXTENDED, 1);
    put(a, AML_DEVICE, 1);
    u32 start = a->size;
    put(a, AML_TWO_NAMES, 1);
    put_name(a, "_SB_");
    put_name(a, name);
    return start;
}

/* --- what there is --- */

u32 partition_pci_count(const struct partition_pci *pci)
{
    u32 count = 0;
    for (u32 i = 0; i < pci->count; i++) {
        count += partition_pci_is_meant(pci, i) ? 1 : 0;
    }
    return count;
}

bool partition_pci_is_found(const struct partition_pci *pci, u32 index)
{
    u32 first = pci->functions[index].source_id & ~7u;
    bool found = false;
    for (u32 i = 0; i < pci->count; i++) {
        found |= partition_pci_is_meant(pci, i) && pci->functions[i].source_id == first;
    }
    return found;
}

u32 partition_pci_buses(const struct partition_pci *pci, u8 buses[HANDOVER_FUNCTIONS])
{
    u32 count = 0;
    for (u32 bus = 0; bus < 256; bus++) {
        bool holds = false;
        for (u32 i = 0; i < pci->count; i++) {
            holds |= partition_pci_is_meant(pci, i) && pci->functions[i].source_id >> 8 == bus;
        }
        if (holds) {
            buses[count++] = (u8)bus;
        }
    }
    return count;
}

bool partition_pci_has_unit(const struct partition_pci *pci, u32 unit)
{
    bool has = false;
    for (u32 i = 0; pci->dmar != NULL && i < pci->count; i++) {
        has |= partition_pci_is_meant(pci, i) && pci->functions[i].unit == unit;
    }
    return has;
}

void partition_pci_areas(const struct partition_pci *pci, struct areas *out)
{
    u8 buses[HANDOVER_FUNCTIONS];
    u32 count = partition_pci_buses(pci, buses);
    *out = (struct areas){.count = 0};
    for (u32 i = 0; i < count; i++) {
        areas_add(out, pci->ecam_base + ((u64)buses[i] << BUS_SHIFT), BUS_BYTES);
    }
    for (u32 i = 0; i < pci->count * HANDOVER_BARS; i++) {
        const struct handover_bar *bar = &pci->functions[i / HANDOVER_BARS].bars[i % HANDOVER_BARS];
        if (partition_pci_is_meant(pci, i / HANDOVER_BARS) && !bar->port) {
            areas_add(out, bar->base, bar->size);
        }
    }
    for (u32 i = 0; pci->dmar != NULL && i < pci->dmar->unit_count; i++) {
        const struct vtd_dmar_unit *unit = &pci->dmar->units[i];
        areas_add(out, unit->base.v, partition_pci_has_unit(pci, i) ? unit->window_size : 0);
    }
}

static void put_windows(const struct partition_pci *pci, u8 bus, struct aml *a)
{
    for (u32 i = 0; i < pci->count * HANDOVER_BARS; i++) {
        const struct handover_function *f = &pci->functions[i / HANDOVER_BARS];
        const struct handover_bar *bar = &f->bars[i % HANDOVER_BARS];
        if (partition_pci_is_meant(pci, i / HANDOVER_BARS) && f->source_id >> 8 == bus && bar->size != 0) {
            put_range(a, bar->port ? 2 : 8, bar->port ? OF_PORTS : OF_MEMORY, FIXED,
                      bar->port ? ALL_PORTS : READ_WRITE, bar->base, bar->size);
        }
    }
}

/*
 *  Device (\_SB.PCxx) {_HID, _CID, _UID, _BBN, _SEG, Name (_CRS, ResourceTemplate () {the bus, the windows})}
 */
static void put_bridge(const struct partition_pci *pci, u8 bus, struct aml *a)
{
    static const char digits[] = "0123456789ABCDEF";
    const char name[4] = {'P', 'C', digits[bus >> 4], digits[bus & 0xf]};
    u32 device = begin_device(a, name);
    put_named_id(a, "_HID", ID_HOST_BRIDGE);
    put_named_id(a, "_CID", ID_OLD_BRIDGE);
    put_named_integer(a, "_UID", bus);
    put_named_integer(a, "_BBN", bus);
    put_named_integer(a, "_SEG", 0);
    u32 resources = begin_resources(a);
    put_range(a, 2, OF_BUSES, FIXED, 0, bus, 1);
    put_windows(pci, bus, a);
    end_resources(a, resources);
    close_package(a, device);
}

u32 partition_pci_aml(const struct partition_pci *pci, u8 to[PARTITION_PCI_AML])
{
    u8 buses[HANDOVER_FUNCTIONS];
    struct aml a = {to, 0};
    u32 count = partition_pci_buses(pci, buses);
    if (count == 0) {
        return 0;
    }
    for (u32 i = 0; i < count; i++) {
        put_bridge(pci, buses[i], &a);
    }
    /* Systems use no configuration space that is not listed as taken (PCI Firmware 3.3, 4.1.2). */
    u32 device = begin_device(&a, "ECAM");
    put_named_id(&a, "_HID", ID_RESERVED);
    put_named_integer(&a, "_UID", 0);
    u32 resources = begin_resources(&a);
    for (u32 i = 0; i < count; i++) {
        put_range(&a, 8, OF_MEMORY, FIXED | CONSUMED, READ_WRITE,
                  pci->ecam_base + ((u64)buses[i] << BUS_SHIFT), BUS_BYTES);
    }
    end_resources(&a, resources);
    close_package(&a, device);
    return a.size;
}

u32 partition_pci_mcfg(const struct partition_pci *pci, u8 to[PARTITION_PCI_MCFG])
{
    enum { ENTRY_BYTES = 16 };
    u8 buses[HANDOVER_FUNCTIONS];
    u32 count = partition_pci_buses(pci, buses);
    for (u32 i = 0; i < count; i++) {
        u8 *entry = to + i * ENTRY_BYTES;
        bytes_put(entry, pci->ecam_base, 8);
        bytes_put(entry + 8, 0, 2);
        bytes_put(entry + 10, buses[i] | (u32)buses[i] << 8, 2);
        bytes_put(entry + 12, 0, 4);
    }
    return count * ENTRY_BYTES;
}
