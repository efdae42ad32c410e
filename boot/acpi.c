/* See acpi.h. ACPI 6.5 chapters 5.2.5 to 5.2.12; SPCR and MCFG have documents of their own. */
#include "boot/acpi.h"

enum {
    HEADER_BYTES = 36,
    RSDP_BYTES_1 = 20,
    RSDP_BYTES_2 = 36,
    TABLE_LIMIT = 16 << 20,   /* no table is longer: a broken length field */
};

#define SIGNATURE(a, b, c, d) ((u32)(a) | (u32)(b) << 8 | (u32)(c) << 16 | (u32)(d) << 24)

static u64 get(const u8 *bytes, u32 offset, u32 count)
{
    u64 value = 0;
    for (u32 i = 0; i < count; i++) {
        value |= (u64)bytes[offset + i] << (8 * i);
    }
    return value;
}

static u8 sum_of(const u8 *bytes, u32 count)
{
    u8 sum = 0;
    for (u32 i = 0; i < count; i++) {
        sum = (u8)(sum + bytes[i]);
    }
    return sum;
}

static void fix_checksum(u8 *bytes, u32 count, u32 at)
{
    bytes[at] = 0;
    bytes[at] = (u8)(0 - sum_of(bytes, count));
}

static u8 *map(const struct acpi_memory *m, u64 addr, u64 size)
{
    if (addr == 0 || addr + size < addr) {
        return NULL;
    }
    return m->at(m->ctx, addr, size);
}

u32 acpi_length(const struct acpi_memory *m, u64 table)
{
    const u8 *header = map(m, table, HEADER_BYTES);
    if (header == NULL) {
        return 0;
    }
    u32 length = (u32)get(header, 4, 4);
    return length < HEADER_BYTES || length > TABLE_LIMIT ? 0 : length;
}

/* The whole table with a right checksum, or NULL. */
static u8 *open_table(const struct acpi_memory *m, u64 table, u32 *length)
{
    *length = acpi_length(m, table);
    u8 *bytes = *length == 0 ? NULL : map(m, table, *length);
    return bytes != NULL && sum_of(bytes, *length) == 0 ? bytes : NULL;
}

static void note_table(const struct acpi_memory *m, u64 table, struct acpi_tables *out)
{
    static const struct { u32 signature; size_t field; } wanted[] = {
        {SIGNATURE('S', 'P', 'C', 'R'), offsetof(struct acpi_tables, spcr)},
        {SIGNATURE('M', 'C', 'F', 'G'), offsetof(struct acpi_tables, mcfg)},
        {SIGNATURE('A', 'P', 'I', 'C'), offsetof(struct acpi_tables, madt)},
        {SIGNATURE('F', 'A', 'C', 'P'), offsetof(struct acpi_tables, fadt)},
    };
    const u8 *header = map(m, table, HEADER_BYTES);
    u32 length;
    if (header == NULL) {
        return;
    }
    u32 signature = (u32)get(header, 0, 4);
    if (signature == SIGNATURE('D', 'M', 'A', 'R') && out->dmar == 0) {
        out->dmar = table;
    }
    for (u32 i = 0; i < ARRAY_LEN(wanted); i++) {
        u64 *field = (u64 *)(void *)((u8 *)out + wanted[i].field);
        if (signature == wanted[i].signature && *field == 0 &&
            open_table(m, table, &length) != NULL) {
            *field = table;
        }
    }
}

static bool note_list(const struct acpi_memory *m, u64 list, u32 entry_bytes,
                      struct acpi_tables *out)
{
    u32 length;
    const u8 *bytes = open_table(m, list, &length);
    if (bytes == NULL) {
        return false;
    }
    for (u32 at = HEADER_BYTES; at + entry_bytes <= length; at += entry_bytes) {
        note_table(m, get(bytes, at, entry_bytes), out);
    }
    return true;
}

enum result acpi_find(const struct acpi_memory *m, u64 rsdp, struct acpi_tables *out,
                      const char **why)
{
    *out = (struct acpi_tables){.rsdp = rsdp};
    const u8 *root = map(m, rsdp, RSDP_BYTES_1);
    if (root == NULL) {
        *why = "the firmware names no ACPI tables";
        return ERR_NOT_FOUND;
    }
    if (get(root, 0, 8) != 0x2052545020445352ull || sum_of(root, RSDP_BYTES_1) != 0) {
        *why = "the ACPI root pointer has a wrong signature or checksum";
        return ERR_MALFORMED;
    }
    out->rsdt = get(root, 16, 4);
    if (root[15] >= 2) {
        const u8 *extended = map(m, rsdp, RSDP_BYTES_2);
        if (extended == NULL || sum_of(extended, RSDP_BYTES_2) != 0) {
            *why = "the ACPI root pointer has a wrong extended checksum";
            return ERR_MALFORMED;
        }
        out->xsdt = get(extended, 24, 8);
    }
    bool found = out->xsdt != 0 ? note_list(m, out->xsdt, 8, out)
                                : note_list(m, out->rsdt, 4, out);
    if (!found) {
        *why = "the list of ACPI tables is unreadable or has a wrong checksum";
        return ERR_MALFORMED;
    }
    return OK;
}

bool acpi_spcr_serial(const struct acpi_memory *m, u64 spcr, struct serial *out, u32 *baud)
{
    static const u32 bauds[] = {[3] = 9600, [4] = 19200, [6] = 57600, [7] = 115200};
    enum { SPACE_MEMORY, SPACE_PORT };
    u32 length;
    const u8 *bytes = open_table(m, spcr, &length);
    if (bytes == NULL || length < 59) {
        return false;
    }
    /* Interface types 0 and 1 are the 16550 and its subset; 12h is a 16550 whose registers the address describes. */
    u8 type = bytes[36];
    u8 space = bytes[40];
    u64 base = get(bytes, 44, 8);
    bool known = type == 0 || type == 1 || type == 0x12;
    if (!known || base == 0 || space > SPACE_PORT) {
        return false;
    }
    u8 access = bytes[43];
    u8 width = bytes[41];
    out->kind = space == SPACE_PORT ? SERIAL_PORT : SERIAL_MMIO;
    out->base = base;
    out->stride = space == SPACE_MEMORY && (access == 3 || width == 32) ? 4 : 1;
    *baud = bytes[58] < ARRAY_LEN(bauds) ? bauds[bytes[58]] : 0;
    return true;
}

bool acpi_mcfg_window(const struct acpi_memory *m, u64 mcfg, u32 index, struct acpi_ecam *out)
{
    u32 length;
    const u8 *bytes = open_table(m, mcfg, &length);
    u64 at = 44 + (u64)index * 16;
    if (bytes == NULL || at + 16 > length) {
        return false;
    }
    const u8 *window = bytes + at;
    *out = (struct acpi_ecam){.base = get(window, 0, 8), .segment = (u16)get(window, 8, 2),
                              .first_bus = window[10], .last_bus = window[11]};
    return true;
}

struct acpi_ecam acpi_mcfg_segment(const struct acpi_memory *m, u64 mcfg, u16 segment)
{
    struct acpi_ecam window;
    for (u32 i = 0; acpi_mcfg_window(m, mcfg, i, &window); i++) {
        if (window.segment == segment) {
            return window;
        }
    }
    return (struct acpi_ecam){0};
}

struct acpi_cpus acpi_madt_cpus(const struct acpi_memory *m, u64 madt)
{
    enum { LOCAL_APIC = 0, LOCAL_X2APIC = 9, ENABLED = 1 };
    struct acpi_cpus cpus = {0};
    u32 length;
    const u8 *bytes = open_table(m, madt, &length);
    for (u32 at = 44; bytes != NULL && at + 2 <= length;) {
        u32 size = bytes[at + 1];
        if (size < 2 || size > length - at) {
            break;
        }
        u32 id = 0;
        bool enabled = false;
        if (bytes[at] == LOCAL_APIC && size >= 8) {
            id = bytes[at + 3];
            enabled = (bytes[at + 4] & ENABLED) != 0;
        } else if (bytes[at] == LOCAL_X2APIC && size >= 16) {
            id = (u32)get(bytes, at + 4, 4);
            enabled = (bytes[at + 8] & ENABLED) != 0;
        }
        cpus.enabled += enabled ? 1 : 0;
        cpus.highest_apic_id = enabled && id > cpus.highest_apic_id ? id : cpus.highest_apic_id;
        at += size;
    }
    return cpus;
}

/*
 * Name(\_S3, Package { SLP_TYPa, ... }) in a definition block, ACPI 6.5 chapter 20.2:
 * NameOp, the name, PackageOp, its length in one to four bytes, the count, the first integer.
 */
static u8 find_s3_type(const u8 *aml, u32 length)
{
    enum { BYTE_PREFIX = 0x0a, PACKAGE_OP = 0x12 };
    for (u32 at = HEADER_BYTES; at + 12 < length; at++) {
        if (get(aml, at, 4) != SIGNATURE('_', 'S', '3', '_') || aml[at + 4] != PACKAGE_OP) {
            continue;
        }
        u32 value = at + 5 + 1 + (aml[at + 5] >> 6) + 1;
        if (value + 1 >= length) {
            return 0xff;
        }
        u8 type = aml[value] == BYTE_PREFIX ? aml[value + 1] : aml[value];
        return type <= 7 ? type : 0xff;
    }
    return 0xff;
}

struct acpi_sleep acpi_fadt_sleep(const struct acpi_memory *m, u64 fadt)
{
    struct acpi_sleep sleep = {.s3_type = 0xff};
    u32 length;
    const u8 *bytes = open_table(m, fadt, &length);
    if (bytes == NULL || length < 72) {
        return sleep;
    }
    sleep.pm1a_control = (u16)get(bytes, 64, 4);
    sleep.pm1b_control = (u16)get(bytes, 68, 4);
    u64 dsdt = get(bytes, 40, 4);
    if (length >= 148 && get(bytes, 140, 8) != 0) {
        dsdt = get(bytes, 140, 8);
    }
    u32 dsdt_length;
    const u8 *aml = open_table(m, dsdt, &dsdt_length);
    if (aml != NULL) {
        sleep.s3_type = find_s3_type(aml, dsdt_length);
    }
    return sleep;
}

static void remove_from_list(const struct acpi_memory *m, u64 list, u32 entry_bytes, u64 table)
{
    u32 length;
    u8 *bytes = list == 0 ? NULL : open_table(m, list, &length);
    if (bytes == NULL) {
        return;
    }
    u32 to = HEADER_BYTES;
    for (u32 at = HEADER_BYTES; at + entry_bytes <= length; at += entry_bytes) {
        if (get(bytes, at, entry_bytes) == table) {
            continue;
        }
        for (u32 i = 0; i < entry_bytes; i++) {
            bytes[to + i] = bytes[at + i];
        }
        to += entry_bytes;
    }
    for (u32 i = 0; i < 4; i++) {
        bytes[4 + i] = (u8)(to >> (8 * i));
    }
    fix_checksum(bytes, to, 9);
}

void acpi_hide_dmar(const struct acpi_memory *m, const struct acpi_tables *tables)
{
    remove_from_list(m, tables->xsdt, 8, tables->dmar);
    remove_from_list(m, tables->rsdt, 4, tables->dmar);
    u32 length;
    u8 *bytes = open_table(m, tables->dmar, &length);
    if (bytes != NULL) {
        bytes[0] = 'X';
        fix_checksum(bytes, length, 9);
    }
}

void acpi_clear_intr_remap(const struct acpi_memory *m, const struct acpi_tables *tables)
{
    enum { FLAGS = 37, INTR_REMAP = 1, X2APIC_OPT_OUT = 2 };
    u32 length;
    u8 *bytes = open_table(m, tables->dmar, &length);
    if (bytes != NULL && length > FLAGS) {
        bytes[FLAGS] &= (u8)~(INTR_REMAP | X2APIC_OPT_OUT);
        fix_checksum(bytes, length, 9);
    }
}
