/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * See hostile.h. While the firmware still serves it looks for its targets, then it goes on alone:
 * with nobody else's interrupts and with its own descriptor tables. The load options name the
 * subjects; none means all of those that return.
 */
#include <efi.h>
#include <efilib.h>
#include <stdarg.h>

#include "drivers/format.h"
#include "tests/efi/hostile.h"

enum { COM1 = 0x3f8, LINE_STATUS = 5, TRANSMIT_EMPTY = 0x20, TRANSMITTER_IDLE = 0x40, TABLE_PAGES = 8, START_PAGES = 4,
       LINE = 240, S5 = 1 << 13 /* SLP_TYP 0 of the PIIX4 */ };

#define ANYWHERE 0xffffffffull

struct hostile_machine machine;
static u64 tsc_khz;

static const struct { const char *name; void (*run)(void); bool comes_back; } subjects[] = {
    {"memory", hostile_memory, true},
    {"cpu", hostile_cpu, true},
    {"msr", hostile_msr, true},
    {"sleep", hostile_sleep, true},
    {"status", hostile_status, true},
    {"page", hostile_page, true},
    {"code", hostile_code, true},
    {"unit", hostile_unit, true},
    {"dma", hostile_dma, true},
    {"storm", hostile_storm, true},
    {"cpus", hostile_race, false},
    {"cpus", hostile_start_modes, false},
    {"init-boot-cpu", hostile_init_boot_cpu, false},
    {"keys", hostile_keys, false},
    {"idle", hostile_idle, false},
    {"idt-in-page", hostile_idt_in_page, false},
    {"tables-in-page", hostile_tables_in_page, false},
};

/* --- the serial port --- */

void print(const char *fmt, ...)
{
    char line[LINE];
    va_list args;
    va_start(args, fmt);
    (void)format_text_v(line, sizeof(line), fmt, args);
    va_end(args);
    for (const char *c = line; *c != 0; c++) {
        while ((in8(COM1 + LINE_STATUS) & TRANSMIT_EMPTY) == 0) {
        }
        out8(COM1, (u8)*c);
    }
}

void result(const char *name, bool ok, const char *fmt, ...)
{
    char detail[LINE];
    va_list args;
    va_start(args, fmt);
    (void)format_text_v(detail, sizeof(detail), fmt, args);
    va_end(args);
    print("efi: %s %s %s\n", name, ok ? "ok" : "FAIL", detail);
}

/* --- time --- */

enum { PIC_MASK = 0x21, PIC2_MASK = 0xa1, TIMER_VECTOR = 0x30, CHUNK = 5000000 };
enum { APIC_TIMER = 0xfee00320, APIC_COUNT = 0xfee00380, APIC_DIVIDE = 0xfee003e0, DIVIDE_BY_1 = 0xb };

/* HLT until the local APIC's timer: the machine lets such time pass quickly. */
void wait_ms(u32 ms)
{
    u64 until = read_tsc() + ms * tsc_khz;
    out8(PIC_MASK, 0xff);
    out8(PIC2_MASK, 0xff);
    write_width(APIC_TIMER, 4, TIMER_VECTOR);
    write_width(APIC_DIVIDE, 4, DIVIDE_BY_1);
    for (u64 now = read_tsc(); now < until; now = read_tsc()) {
        write_width(APIC_COUNT, 4, until - now < CHUNK ? until - now : CHUNK);
        __asm__ volatile("sti; hlt; cli");
    }
    write_width(APIC_COUNT, 4, 0);
}

/* --- the bench page --- */

enum { BENCH_COMMAND = 0x08, BENCH_SID = 0x10, BENCH_PASID = 0x14, BENCH_ADDRESS = 0x18,
       BENCH_LENGTH = 0x20, BENCH_WRITE = 0x24, BENCH_DONE = 0x28, BENCH_REASON = 0x2c,
       BENCH_DATA = 0x40, NO_PASID = 0xffffffff };
#define BENCH 0xfed9f000ull

static void bench_set(u32 offset, u32 value)
{
    write_width(BENCH + offset, 4, value);
}

bool bench_dma(u16 sid, u64 address, u32 length, bool write, void *data)
{
    u8 *bytes = data;
    bench_set(BENCH_SID, sid);
    bench_set(BENCH_PASID, NO_PASID);
    write_width(BENCH + BENCH_ADDRESS, 8, address);
    bench_set(BENCH_LENGTH, length);
    bench_set(BENCH_WRITE, write);
    for (u32 i = 0; write && i < length; i++) {
        write_width(BENCH + BENCH_DATA + i, 1, bytes[i]);
    }
    bench_set(BENCH_COMMAND, 2);
    for (u32 i = 0; !write && i < length; i++) {
        bytes[i] = (u8)read_width(BENCH + BENCH_DATA + i, 1);
    }
    return read_width(BENCH + BENCH_DONE, 4) != 0;
}

u32 bench_reason(void)
{
    return (u32)read_width(BENCH + BENCH_REASON, 4);
}

void bench_report(void)
{
    bench_set(BENCH_COMMAND, 1);
}

void bench_snapshot(void)
{
    bench_set(BENCH_COMMAND, 8);
}

void bench_dump(u64 address, u32 length)
{
    write_width(BENCH + BENCH_ADDRESS, 8, address);
    bench_set(BENCH_LENGTH, length);
    bench_set(BENCH_COMMAND, 6);
}

void bench_poke(u64 address, const void *bytes, u32 length)
{
    write_width(BENCH + BENCH_ADDRESS, 8, address);
    bench_set(BENCH_LENGTH, length);
    for (u32 i = 0; i < length; i++) {
        write_width(BENCH + BENCH_DATA + i, 1, ((const u8 *)bytes)[i]);
    }
    bench_set(BENCH_COMMAND, 7);
}

/* --- what the firmware knows --- */

static u8 *pages(UINTN count, EFI_PHYSICAL_ADDRESS below)
{
    EFI_PHYSICAL_ADDRESS at = below;
    if (EFI_ERROR(BS->AllocatePages(AllocateMaxAddress, EfiLoaderData, count, &at))) {
        print("efi: memory FAIL none\n");
    }
    ZeroMem((VOID *)(UINTN)at, count * PAGE_SIZE);
    return (u8 *)(UINTN)at;
}

/* The largest reserved area of cacheable memory; on some machines the ECAM window is a larger one, uncached. */
static void find_own_memory(void)
{
    UINTN count, key, stride;
    UINT32 version;
    UINT8 *map = (UINT8 *)LibMemoryMap(&count, &key, &stride, &version);
    for (UINTN i = 0; i < count; i++) {
        EFI_MEMORY_DESCRIPTOR *d = (EFI_MEMORY_DESCRIPTOR *)(VOID *)(map + i * stride);
        if (d->Type == EfiReservedMemoryType && (d->Attribute & EFI_MEMORY_WB) != 0 &&
            d->NumberOfPages * PAGE_SIZE > machine.own_size) {
            machine.own_base = d->PhysicalStart;
            machine.own_size = d->NumberOfPages * PAGE_SIZE;
        }
    }
}

/* ACPI 5.2.8: the first table with that signature in the XSDT. */
static u8 *find_table(const char *signature)
{
    EFI_GUID guid = ACPI_20_TABLE_GUID;
    VOID *rsdp;
    if (EFI_ERROR(LibGetSystemConfigurationTable(&guid, &rsdp))) {
        return NULL;
    }
    u8 *xsdt = (u8 *)(UINTN)*(u64 *)(VOID *)((u8 *)rsdp + 24);
    for (u32 at = 36; at < *(u32 *)(VOID *)(xsdt + 4); at += 8) {
        u64 table;
        CopyMem(&table, xsdt + at, sizeof(table));
        if (CompareMem((VOID *)(UINTN)table, (VOID *)(UINTN)signature, 4) == 0) {
            return (u8 *)(UINTN)table;
        }
    }
    return NULL;
}

static void find_all(void)
{
    u64 before;
    u8 *fadt = find_table("FACP");
    u8 *dmar = find_table("DMAR");
    find_own_memory();
    machine.page = pages(1, ANYWHERE);
    machine.page2 = pages(1, ANYWHERE);
    machine.tables = pages(TABLE_PAGES, ANYWHERE);
    machine.unit_tables = pages(TABLE_PAGES, ANYWHERE);
    machine.start = pages(START_PAGES, 0x90000);
    machine.pm1a_control = fadt != NULL ? (u16)*(u32 *)(VOID *)(fadt + 64) : 0;
    machine.pm1a_status = fadt != NULL ? (u16)*(u32 *)(VOID *)(fadt + 56) : 0;
    machine.unit = dmar != NULL ? *(u64 *)(VOID *)(dmar + 48 + 8) : 0;
    before = read_tsc();
    BS->Stall(10000);
    tsc_khz = (read_tsc() - before) / 10;
}

/* What follows the name in the options; NULL if they begin with something else. */
static const CHAR16 *after(const CHAR16 *options, const char *name)
{
    UINTN i = 0;
    while (name[i] != 0 && options[i] == (CHAR16)name[i]) {
        i++;
    }
    return name[i] == 0 ? options + i : NULL;
}

/* One of the options' words. */
static bool is_named(const CHAR16 *options, const char *name)
{
    while (*options != 0) {
        const CHAR16 *rest = after(options, name);
        if (rest != NULL && (*rest == 0 || *rest == ' ')) {
            return true;
        }
        while (*options != 0 && *options++ != ' ') {
        }
    }
    return false;
}

/* "break-code=OFFSET" and "overflow-code=OFFSET", hexadecimal. */
static void break_code(const CHAR16 *options)
{
    const CHAR16 *offset = after(options, "break-code=");
    const CHAR16 *overflow = after(options, "overflow-code=");
    if (offset != NULL || overflow != NULL) {
        hostile_break_code(xtoi(offset != NULL ? offset : overflow), overflow != NULL);
    }
}

EFI_STATUS efi_main(EFI_HANDLE self, EFI_SYSTEM_TABLE *system);
EFI_STATUS efi_main(EFI_HANDLE self, EFI_SYSTEM_TABLE *system)
{
    EFI_LOADED_IMAGE *loaded;
    const CHAR16 *options = L"";
    InitializeLib(self, system);
    if (!EFI_ERROR(BS->HandleProtocol(self, &gEfiLoadedImageProtocolGuid, (VOID **)&loaded)) &&
        loaded->LoadOptionsSize != 0) {
        options = loaded->LoadOptions;
    }
    find_all();
    __asm__ volatile("cli");
    trap_init();
    print("\nefi: tsc %llu kHz, unit at 0x%llx\n", tsc_khz, machine.unit);
    for (UINTN i = 0; i < ARRAY_LEN(subjects); i++) {
        if (options[0] == 0 ? subjects[i].comes_back : is_named(options, subjects[i].name)) {
            subjects[i].run();
            bench_snapshot();
        }
    }
    break_code(options);
    print("efi-test: end\n");
    while ((in8(COM1 + LINE_STATUS) & TRANSMITTER_IDLE) == 0) {
    }
    out16(machine.pm1a_control, S5);
    for (;;) {
        __asm__ volatile("cli; hlt");
    }
}
