/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A made-up machine for the rules of configuration space. Hardware is what a mask of writable bits says; those of
 * `once` are cleared by ones.
 *
 *   00:00.0 host bridge          00:01.0 root port, 01-03: 01:00.0 is a partition's
 *   00:03.0 memory map, Intel's  00:02.0 root port, 04-05: 04:00.0 is the root's, with SR-IOV
 *   00:1f.0 ISA bridge, Intel's  00:04.0 root port, 06:    06:00.0 is a partition's
 *                                00:05.0 CardBus bridge
 *                                00:06.0 root port, 09-0c, and a switch: 09:00.0 upstream, 0a-0c;
 *                                0a:00.0 downstream, 0b: 0b:00.0 is a partition's; 0a:01.0 downstream, 0c: the root's
 */
#ifndef NESTOR_UNIT_PCI_KIT_H
#define NESTOR_UNIT_PCI_KIT_H

#include "hv/device/device.h"
#include "hv/device/pci.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

enum { HOST = 0x0000, PORT_GIVEN = 0x0008, PORT_ROOT = 0x0010, MEMORY_MAP = 0x0018, PORT_OTHER = 0x0020,
       CARDBUS = 0x0028, PORT_SWITCH = 0x0030, ISA = 0x00f8, GIVEN = 0x0100, OWN = 0x0400, OTHER = 0x0600,
       ABSENT = 0x0700, UP = 0x0900, DOWN = 0x0a00, DOWN_ROOT = 0x0a08, DEEP = 0x0b00,
       PM = 0x40, MSI = 0x50, EXPRESS = 0x70, MSIX = 0xb0, AF = 0xc0, EA = 0xd0, PRIVATE = 0xe0,
       AER = 0x100, ACS = 0x148, ARI = 0x158, SRIOV = 0x160, RESIZE = 0x1a0, VENDOR = 0x1c0, SERIAL = 0x1e0 };
#define GIVEN_WIDE 0x4000000000ull
#define GIVEN_SMALL 0xf0100000u
#define OTHER_BAR 0xe2000000u
#define DEEP_BAR 0xe4000000u
#define OWN_BAR 0xe0000000u
#define BIG 0x1000000u

struct kit_function {
    u16 sid;
    u8 config[PCI_SPACE], writable[PCI_SPACE], once[PCI_SPACE];
};

static const u16 kit_sids[] = {HOST, PORT_GIVEN, PORT_ROOT, MEMORY_MAP, PORT_OTHER, CARDBUS, ISA, PORT_SWITCH, UP,
                               DOWN, DOWN_ROOT, GIVEN, OWN, OTHER, DEEP};
static struct kit_function kit[ARRAY_LEN(kit_sids)];
static u32 kit_writes;
static void (*kit_hook)(struct kit_function *f, u32 offset);    /* after a write; NULL: nothing */

static const struct handover_function kit_given[] = {
    {.source_id = GIVEN, .interrupts = true, .reset = HANDOVER_RESET_FLR, .power = PM, .msi = MSI, .msix = MSIX,
     .pcie = EXPRESS, .af = AF, .msi_vectors = 1, .msi_wide = true, .msix_vectors = 4, .msix_table_bar = 2,
     .bars = {{.base = GIVEN_WIDE, .size = 0x100000, .wide = true, .prefetchable = true}, {0},
              {.base = GIVEN_SMALL, .size = 0x10000}, {.base = 0x3000, .size = 0x20, .port = true}}},
    {.source_id = OTHER, .partition = 1, .bars = {{.base = OTHER_BAR, .size = 0x1000}}},
    {.source_id = DEEP, .partition = 1, .bars = {{.base = DEEP_BAR, .size = 0x1000}}},
};
static struct device kit_devices[] = {{.function = &kit_given[0]}, {.function = &kit_given[1]},
                                     {.function = &kit_given[2]}};

struct device *device_get(u32 i)
{
    return i < ARRAY_LEN(kit_devices) ? &kit_devices[i] : NULL;
}

static struct kit_function *kit_find(u16 sid)
{
    for (u32 i = 0; i < ARRAY_LEN(kit); i++) {
        if (kit[i].sid == sid) {
            return &kit[i];
        }
    }
    return NULL;
}

u32 pci_read(u16 sid, u32 offset, u32 size)
{
    const struct kit_function *f = kit_find(sid);
    u32 value = (u32)bits_of_bytes(size);
    assert_true((offset & 3) + size <= 4 && offset < PCI_SPACE);
    if (f != NULL) {
        memcpy(&value, f->config + offset, size);
    }
    return value;
}

void pci_write(u16 sid, u32 offset, u32 size, u32 value)
{
    struct kit_function *f = kit_find(sid);
    assert_true((offset & 3) + size <= 4 && offset < PCI_SPACE);
    kit_writes++;
    for (u32 i = 0; f != NULL && i < size; i++) {
        u8 *byte = &f->config[offset + i];
        u8 mask = f->writable[offset + i];
        u8 cleared = f->once[offset + i];
        u8 given = (u8)(value >> i * 8);
        *byte = (u8)((*byte & ~mask & ~(cleared & given)) | (given & mask));
    }
    if (f != NULL && kit_hook != NULL) {
        kit_hook(f, offset);
    }
}

static void set(u16 sid, u32 offset, u32 value, u32 writable)
{
    struct kit_function *f = kit_find(sid);
    memcpy(f->config + offset, &value, 4);
    memcpy(f->writable + offset, &writable, 4);
}

static void kit_bar(u16 sid, u32 reg, u64 base, u64 size, u32 flags)
{
    set(sid, reg, (u32)base | flags, (u32)-size);
    if ((flags & PCI_BAR_WIDE) != 0) {
        set(sid, reg + 4, (u32)(base >> 32), (u32)(-size >> 32));
    }
}

static void kit_capabilities(u16 sid)
{
    static const struct { u16 at; u8 id; u16 next; } plain[] = {
        {PM, PCI_CAP_PM, MSI}, {MSI, PCI_CAP_MSI, EXPRESS}, {EXPRESS, PCI_CAP_PCIE, MSIX}, {MSIX, PCI_CAP_MSIX, AF},
        {AF, PCI_CAP_AF, EA}, {EA, PCI_CAP_EA, 0}},
        extended[] = {{AER, 0x01, ACS}, {ACS, 0x0d, ARI}, {ARI, 0x0e, SRIOV}, {SRIOV, 0x10, RESIZE},
                      {RESIZE, 0x15, VENDOR}, {VENDOR, 0x0b, SERIAL}, {SERIAL, 0x03, 0}};
    for (u32 at = PCI_OWN; at < SERIAL + 12; at += 4) {
        set(sid, at, 0, ~0u);
    }
    for (u32 i = 0; i < ARRAY_LEN(plain); i++) {
        set(sid, plain[i].at, plain[i].id | (u32)plain[i].next << 8, 0xffff0000);
    }
    for (u32 i = 0; i < ARRAY_LEN(extended); i++) {
        set(sid, extended[i].at, extended[i].id | 1u << 16 | (u32)extended[i].next << 20, 0);
    }
    set(sid, EXPRESS + 4, 1 << 28 | 0x8000, 0);
    set(sid, AF, PCI_CAP_AF | EA << 8 | 0x03060000u, 0);
    memset(kit_find(sid)->once + AER + 4, 0xff, 4);
    memset(kit_find(sid)->writable + AER + 4, 0, 4);
    set(sid, PCI_CAPABILITIES, PM, 0);
}

static void kit_header(u16 sid, u32 id, u32 class, u32 type)
{
    set(sid, 0, id, 0);
    set(sid, PCI_COMMAND, 0x00100000, 0x0547);
    kit_find(sid)->once[7] = 0xf9;
    set(sid, PCI_CLASS, class << 16, 0);
    set(sid, PCI_HEADER, type << 16, 0xffff);
    set(sid, PCI_INTERRUPT, 0x00000105, type == 0 ? 0xff : 0xffff00ff);
    kit_capabilities(sid);
}

static void kit_bridge(u16 sid, u32 first, u32 last, u32 window, u32 limit)
{
    kit_header(sid, 0x12348086, 0x0604, 1);
    set(sid, PCI_COMMAND, 0x00100006, 0x0547);
    set(sid, PCI_BUSES, first << 8 | last << 16, ~0u);
    set(sid, 0x1c, 0x00000101, 0xf0f0);
    set(sid, PCI_WINDOW, window >> 16 | (limit & 0xfff00000), 0xfff0fff0);
    set(sid, PCI_WINDOW_PREFETCH, 0x0001fff1, 0xfff0fff0);
    set(sid, PCI_WINDOW_BASE_HIGH, 0, ~0u);
    set(sid, PCI_WINDOW_LIMIT_HIGH, 0, ~0u);
    kit_bar(sid, PCI_BARS, 0, 0x10000, 0);
    set(sid, PCI_BRIDGE_ROM, 0, 0xfffff801);
}

static void kit_start(void)
{
    memset(kit, 0, sizeof(kit));
    for (u32 i = 0; i < ARRAY_LEN(kit); i++) {
        kit[i].sid = kit_sids[i];
    }
    kit_header(HOST, 0x12378086, 0x0600, 0);
    kit_header(MEMORY_MAP, 0x09a28086, 0x0880, 0);
    kit_header(ISA, 0x70008086, 0x0601, 0);
    kit_bridge(PORT_GIVEN, 1, 3, 0xf0000000, 0xf1ffffff);
    kit_bridge(PORT_ROOT, 4, 5, 0xe0000000, 0xe1ffffff);
    kit_bridge(PORT_OTHER, 6, 6, 0xe2000000, 0xe2ffffff);
    kit_header(CARDBUS, 0x5678104c, 0x0607, 2);
    for (u32 at = PCI_BUSES; at < PCI_INTERRUPT; at += 4) {
        set(CARDBUS, at, 0, ~0u);
    }
    set(CARDBUS, PCI_BUSES, 0x00080700, ~0u);
    kit_bar(CARDBUS, PCI_BARS, 0, 0x1000, 0);
    kit_bridge(PORT_SWITCH, 9, 12, 0xe4000000, 0xe5ffffff);
    kit_bridge(UP, 10, 12, 0xe4000000, 0xe5ffffff);
    kit_bridge(DOWN, 11, 11, 0xe4000000, 0xe4ffffff);
    kit_bridge(DOWN_ROOT, 12, 12, 0xe5000000, 0xe5ffffff);
    for (u32 i = ARRAY_LEN(kit) - 4; i < ARRAY_LEN(kit); i++) {
        kit_header(kit_sids[i], 0x11e81234, 0x0200, 0);
    }
    kit_bar(GIVEN, PCI_BARS, GIVEN_WIDE, 0x100000, PCI_BAR_WIDE | PCI_BAR_PREFETCH);
    kit_bar(GIVEN, PCI_BARS + 8, GIVEN_SMALL, 0x10000, 0);
    kit_bar(GIVEN, PCI_BARS + 12, 0x3000, 0x20, PCI_BAR_PORT);
    kit_bar(OTHER, PCI_BARS, OTHER_BAR, 0x1000, 0);
    kit_bar(DEEP, PCI_BARS, DEEP_BAR, 0x1000, 0);
    kit_bar(OWN, PCI_BARS, OWN_BAR, BIG, 0);
    kit_bar(OWN, PCI_BARS + 4, 0x5000000000ull, BIG, PCI_BAR_WIDE);
    set(OWN, PCI_ROM, 0, 0xffff0001);
    set(OWN, SRIOV + 8, 0, 0x1f);
    set(OWN, SRIOV + 0x10, 0, 0xffff);
    set(OWN, SRIOV + 0x14, 0x00020100, 0);              /* the first 100h behind it, each two behind the last */
    for (u32 i = 0; i < 6; i++) {
        set(OWN, SRIOV + 0x24 + 4 * i, 0, 0);
    }
    kit_bar(OWN, SRIOV + 0x24, 0, 0x4000, 0);
    kit_writes = 0;
    kit_hook = NULL;
}

#endif
