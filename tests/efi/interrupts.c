/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A guest that remaps interrupts, and devices that send them: from the bench page under any source-id. The CPU holds
 * interrupts off, so what arrived stands in the local APIC's IRR. Each check is a line "interrupts: NAME ok" or
 * "interrupts: NAME FAIL"; test_interrupts knows which there must be. With the load option "before" it is firmware
 * instead, which leaves its remapping on.
 */
#include "tests/efi/bench_page.h"
#include "tests/efi/guest_unit.h"

enum {
    GCMD_QIE = 1u << 26, GCMD_IRE = 1u << 25, GCMD_SIRTP = 1u << 24, IQA_WIDE = 1 << 11,
    UNIT_CAP = 0x08, UNIT_FECTL = 0x38, UNIT_FEDATA = 0x3c, UNIT_FEADDR = 0x40,
    ECAP_IR = 3 << 3,
    SID = 0x0123, OTHER_SID = 0x0124,
    APIC_IRR = 0xfee00200,
    IEC = 0x14, IEC_ALL = 0x04, WAIT = 0x25, RING = 128,
    ENTRIES_S = 15, TABLE_PAGES = 256,
    FIRMWARE_TABLE = 0x10000000, FIRMWARE_S = 7, FIRMWARE_INDEX = 5, FIRMWARE_VECTOR = 0xd1,
    LIMIT_US = 1000000, MANY = 10000,
};

EFI_STATUS efi_main(EFI_HANDLE self, EFI_SYSTEM_TABLE *system);

static u64 *table;
static u64 *ring;
static u32 tail;
static volatile u32 status;
static u32 waits;

static void result(const char *name, bool ok, u64 detail)
{
    say("interrupts: %s %s (0x%llx)\n", name, ok ? "ok" : "FAIL", detail);
}

static bool is_pending(u32 vector)
{
    return (*(volatile u32 *)(APIC_IRR + (u64)vector / 32 * 16) >> vector % 32 & 1) != 0;
}

/* A device's write of one dword; the reason why it did not pass, or 0. */
static u32 message(u16 sid, u64 address, u32 data)
{
    return bench_message(sid, address, data) ? 0 : bench->reason;
}

static u32 request(u16 sid, u32 index)
{
    return message(sid, 0xfee00010 | (u64)(index & 0x7fff) << 5 | (u64)(index >> 15) << 2, 0);
}

static bool wait_for(u32 bits, u32 value)
{
    u64 end = port_now_us() + LIMIT_US;
    while ((*unit_reg32(UNIT_GSTS) & bits) != value) {
        if (port_now_us() > end) {
            return false;
        }
    }
    return true;
}

static bool command(u32 value, u32 bit)
{
    *unit_reg32(UNIT_GCMD) = value;
    return wait_for(bit, bit);
}

static u64 ticks(void)
{
    u32 low, high;
    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high) : : "memory");
    return (u64)high << 32 | low;
}

static void put(u64 low, u64 high)
{
    ring[tail * 4] = low;
    ring[tail * 4 + 1] = high;
    tail = (tail + 1) % RING;
}

/* A wait behind what was put, and the doorbell: the instructions of the exit, all that Nestor did included. */
static __attribute__((noinline)) u64 ring_doorbell(void)
{
    put(WAIT | (u64)++waits << 32, (u64)&status);
    u64 began = ticks();
    *unit_reg32(UNIT_IQT) = tail * (u32)sizeof(struct unit_desc);
    return ticks() - began;
}

/* The longest exit until the wait is done. */
static u64 wait_done(u64 longest)
{
    u64 end = port_now_us() + 100 * (u64)LIMIT_US;
    while (status != waits && port_now_us() < end) {
        u64 began = ticks();
        (void)*unit_reg32(UNIT_IQH);
        u64 taken = ticks() - began;
        longest = taken > longest ? taken : longest;
    }
    return longest;
}

/* One entry of the table, and the unit told about it. */
static bool announce(u32 index, u64 low, u64 high)
{
    table[index * 2 + 1] = high;
    table[index * 2] = low;
    put(IEC | (u64)index << 32, 0);
    (void)wait_done(ring_doorbell());
    return status == waits;
}

/* Fixed, physical, for SID; 32 bits of destination. */
static u64 entry(u32 cpu, u32 vector)
{
    return (u64)cpu << 32 | vector << 16 | 1;
}
#define FOR_SID (1u << 18 | SID)
#define NMI (4 << 5)

/* The oldest record that the guest has: its reason; cleared. */
static u32 take_reason(u64 *address)
{
    u32 offset = (u32)(*unit_reg64(UNIT_CAP) >> 24 & 0x3ff) * 16 + (*unit_reg32(UNIT_FSTS) >> 8 & 0xff) * 16;
    u64 high = *unit_reg64(offset + 8);
    *address = *unit_reg64(offset);
    *unit_reg32(offset + 12) = 1u << 31;
    return high >> 63 != 0 ? (u32)(high >> 32) & 0xff : 0;
}

static void expect_fault(const char *name, u16 sid, u32 index, u32 reason)
{
    u64 address;
    u32 refused = request(sid, index);
    u32 recorded = take_reason(&address);
    result(name, refused != 0 && recorded == reason && address == (u64)index << 48, recorded);
}

static void start(void)
{
    *unit_reg64(UNIT_IQT) = 0;
    *unit_reg64(UNIT_IQA) = (u64)ring | IQA_WIDE;
    result("queue", command(GCMD_QIE, GCMD_QIE), 0);
    *unit_reg64(UNIT_IRTA) = (u64)table | ENTRIES_S;
    result("table", command(GCMD_QIE | GCMD_SIRTP, GCMD_SIRTP), *unit_reg64(UNIT_IRTA));
    result("on", command(GCMD_QIE | GCMD_IRE, GCMD_IRE), *unit_reg32(UNIT_GSTS));
}

static void entries(void)
{
    u32 reason = message(SID, 0xfee00000, 0x61);
    u64 address;
    result("compatibility format is blocked", reason == 0x25 && !is_pending(0x61), reason);
    result("and recorded", take_reason(&address) == 0x25, address);
    result("not announced", request(SID, 7) == 0x22, 0);
    (void)take_reason(&address);
    bool told = announce(7, entry(0, 0x62), FOR_SID);
    result("announced", told && request(SID, 7) == 0 && is_pending(0x62), waits);
    expect_fault("another source", OTHER_SID, 7, 0x26);
    (void)announce(8, entry(0, 0x63) | NMI, FOR_SID);
    expect_fault("NMI", SID, 8, 0x24);
    (void)announce(9, (u64)77 << 40 | entry(0, 0x64), FOR_SID);
    expect_fault("a CPU that is not there", SID, 9, 0x24);
    (void)announce(10, entry(0, 0x65) | 1 << 15, FOR_SID);
    expect_fault("posted form", SID, 10, 0x24);
    result("nothing of these arrived", !is_pending(0x63) && !is_pending(0x64) && !is_pending(0x65), 0);
}

/* Delivery modes by their codes (VT-d 9.9), the undefined ones too, and a vector that is an exception's. */
static void forbidden(void)
{
    static const struct { const char *name; u32 low; } entries[] = {
        {"SMI", 2 << 5}, {"INIT", 5 << 5 | 0x67 << 16}, {"ExtINT", 7 << 5 | 0x67 << 16},
        {"mode 3", 3 << 5 | 0x67 << 16}, {"mode 6", 6 << 5 | 0x67 << 16}, {"vector 15", 15 << 16},
    };
    for (u32 i = 0; i < ARRAY_LEN(entries); i++) {
        (void)announce(20 + i, entries[i].low | 1, FOR_SID);
        expect_fault(entries[i].name, SID, 20 + i, 0x24);
    }
    result("none of these arrived", !is_pending(0x67), 0);
}

/* Its event is a message by itself. */
static void event(void)
{
    u64 address;
    *unit_reg32(UNIT_FEDATA) = 0x71;
    *unit_reg32(UNIT_FEADDR) = 0xfee00000;
    *unit_reg32(UNIT_FECTL) = 0;
    u32 refused = request(SID, 11);
    result("a fault's event", refused == 0x22 && is_pending(0x71), refused);
    (void)take_reason(&address);
    *unit_reg32(UNIT_FECTL) = 1u << 31;
}

enum { NO_EXIT = 100 }; /* instructions; the shortest exit takes more */

static void many(void)
{
    u32 lost = 0;
    u64 began = ticks();
    for (u32 i = 0; i < MANY; i++) {
        lost += request(SID, 7) != 0 ? 1 : 0;
    }
    u64 each = (ticks() - began) / MANY;
    result("ten thousand", lost == 0, lost);
    result("no exit for any of them", each < NO_EXIT, each);
}

/* Of a whole table, in instructions: the TSC of this machine counts them. */
static void costs(void)
{
    enum { ENTRIES = 65536 };
    for (u32 i = 0; i < ENTRIES; i++) {
        table[i * 2 + 1] = FOR_SID;
        table[i * 2] = entry(0, 0x80 + i % 16);
    }
    put(IEC_ALL, 0);
    u64 began = ticks();
    say("interrupts: cost, longest exit\t%llu\n", wait_done(ring_doorbell()));
    say("interrupts: cost, all entries\t%llu\n", ticks() - began);
    result("all entries", status == waits && request(SID, ENTRIES - 1) == 0 && is_pending(0x8f), waits);
}

/* The longest commands there are, one behind the other. */
static void flood(void)
{
    enum { TIMES = 4 };
    for (u32 i = 0; i < TIMES; i++) {
        put(IEC_ALL, 0);
        put(IEC | 15u << 27, 0);
    }
    say("interrupts: cost, longest exit of a flood\t%llu\n", wait_done(ring_doorbell()));
    result("a flood ends", status == waits && request(SID, 7) == 0, waits);
}

/* Requests that no entry can silence, until the unit's records are full and are left so; then many of them. */
static void storm(void)
{
    enum { FIRST = 1000 };
    for (u32 i = 0; i < FIRST; i++) {
        (void)message(SID, 0xfee00000, 0x68);
    }
    u64 began = ticks();
    for (u32 i = 0; i < MANY; i++) {
        (void)message(SID, 0xfee00000, 0x68);
    }
    u64 each = (ticks() - began) / MANY;
    result("a storm is not followed", each < NO_EXIT && !is_pending(0x68), each);
}

static void end(void)
{
    enum { S_OF_256 = 7 };
    *unit_reg64(UNIT_IRTA) = (u64)table | S_OF_256;
    result("a smaller table", command(GCMD_QIE | GCMD_IRE | GCMD_SIRTP, GCMD_SIRTP), 0);
    expect_fault("an index beyond it", SID, 256, 0x21);
    *unit_reg64(UNIT_IRTA) = UNIT_BASE | ENTRIES_S;
    result("a table that is no memory", command(GCMD_QIE | GCMD_IRE | GCMD_SIRTP, GCMD_SIRTP), 0);
    expect_fault("nothing of it is read", SID, 7, 0x23);
    storm();
    *unit_reg32(UNIT_GCMD) = GCMD_QIE;
    result("off", wait_for(GCMD_IRE, 0), *unit_reg32(UNIT_GSTS));
    result("compatibility format passes again", message(SID, 0xfee00000, 0x66) == 0 && is_pending(0x66), 0);
}

/* What firmware left: there, in a table of Nestor's. */
static void inherited(void)
{
    u64 address;
    result("IRES of firmware", (*unit_reg32(UNIT_GSTS) & GCMD_IRE) != 0, *unit_reg32(UNIT_GSTS));
    result("IRTA of firmware", *unit_reg64(UNIT_IRTA) == (FIRMWARE_TABLE | FIRMWARE_S), *unit_reg64(UNIT_IRTA));
    u64 *firmware = (u64 *)FIRMWARE_TABLE;
    firmware[FIRMWARE_INDEX * 2] = 0;
    result("its entry, copied", request(SID, FIRMWARE_INDEX) == 0 && is_pending(FIRMWARE_VECTOR), 0);
    (void)request(SID, FIRMWARE_INDEX + 1);
    u32 recorded = take_reason(&address);
    result("its NMI, refused", recorded == 0x24, recorded);
    *unit_reg32(UNIT_GCMD) = 0;
    result("off by the guest", wait_for(GCMD_IRE, 0), *unit_reg32(UNIT_GSTS));
}

static EFI_STATUS leave_on(void)
{
    EFI_PHYSICAL_ADDRESS at = FIRMWARE_TABLE;
    if (EFI_ERROR(BS->AllocatePages(AllocateAddress, EfiLoaderData, 1, &at))) {
        return EFI_OUT_OF_RESOURCES;
    }
    ZeroMem((void *)at, 4096);
    u64 *firmware = (u64 *)at;
    firmware[FIRMWARE_INDEX * 2 + 1] = FOR_SID;
    firmware[FIRMWARE_INDEX * 2] = entry(0, FIRMWARE_VECTOR);
    firmware[FIRMWARE_INDEX * 2 + 3] = FOR_SID;
    firmware[FIRMWARE_INDEX * 2 + 2] = entry(0, FIRMWARE_VECTOR) | NMI;
    *unit_reg64(UNIT_IRTA) = at | FIRMWARE_S;
    bool on = command(GCMD_SIRTP, GCMD_SIRTP) && command(GCMD_IRE, GCMD_IRE);
    say("before: remapping %s\n", on ? "is on" : "does not go on");
    return EFI_ABORTED; /* the next boot option gets its turn */
}

static bool has_option(EFI_HANDLE self)
{
    EFI_LOADED_IMAGE *loaded;
    return !EFI_ERROR(BS->HandleProtocol(self, &gEfiLoadedImageProtocolGuid, (VOID **)&loaded)) &&
           loaded->LoadOptionsSize != 0 && ((CHAR16 *)loaded->LoadOptions)[0] == 'b';
}

EFI_STATUS efi_main(EFI_HANDLE self, EFI_SYSTEM_TABLE *system)
{
    efi_test_start(self, system);
    if (has_option(self)) {
        return leave_on();
    }
    table = unit_pages(TABLE_PAGES);
    ring = unit_pages(1);
    (void)BS->RaiseTPL(TPL_HIGH_LEVEL); /* what arrives stays pending, whatever the firmware is asked for */
    say("interrupts: ECAP 0x%llx\n", *unit_reg64(UNIT_ECAP));
    if ((*unit_reg64(UNIT_ECAP) & ECAP_IR) == 0) {
        say("interrupts: not shown\n");
        efi_test_end();
    }
    if ((*unit_reg32(UNIT_GSTS) & GCMD_IRE) != 0) {
        inherited();
    } else {
        result("before, a message passes", message(SID, 0xfee00000, 0x60) == 0 && is_pending(0x60), 0);
    }
    start();
    entries();
    forbidden();
    event();
    many();
    costs();
    flood();
    end();
    efi_test_end();
}
