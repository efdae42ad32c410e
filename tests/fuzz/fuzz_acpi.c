/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The firmware's ACPI tables as bytes. An input is a list of tables, each by its kind, its length and its content;
 * root pointer, lists and headers are made for them, so that the contents are reached. Every access gets a copy of
 * exactly what was asked for, so that a read beside it is seen; what is written into it goes back.
 */
#include "boot/acpi_memory.h"
#include "boot/acpi_sleep.h"
#include "boot/acpi_table.h"
#include "tests/fuzz/input.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

enum { TABLES = 12, RSDT = 1, XSDT = 2, FIRST = 3, BLOCKS = FIRST + TABLES,
       BLOCK = 8192, RSDP = 0x1000, STEP = 0x10000 };

/* Block n is at (n + 1) * STEP, the root pointer at RSDP. */
static u8 blocks[BLOCKS][BLOCK];
static u32 block_bytes[BLOCKS];
static u8 root[ACPI_HEADER];

/* --- memory --- */

enum { COPIES = 16384 };
static struct copy {
    u8 *bytes, *original;
    u64 size;
} copies[COPIES];
static u32 copy_count;

static void write_back(void)
{
    for (u32 i = 0; i < copy_count; i++) {
        for (u64 k = 0; k < copies[i].size; k++) {
            if (copies[i].bytes[k] != copies[i].original[k]) {
                copies[i].original[k] = copies[i].bytes[k];
            }
        }
    }
}

static void forget(void)
{
    write_back();
    for (u32 i = 0; i < copy_count; i++) {
        free(copies[i].bytes);
    }
    copy_count = 0;
}

static u8 *original(u64 addr, u64 size)
{
    u64 block = addr / STEP - 1;
    if (addr == RSDP && size <= sizeof(root)) {
        return root;
    }
    if (addr < STEP || block >= BLOCKS || addr % STEP > block_bytes[block] || size > block_bytes[block] - addr % STEP) {
        return NULL;
    }
    return blocks[block] + addr % STEP;
}

static void *at(void *ctx, u64 addr, u64 size)
{
    (void)ctx;
    u8 *from = original(addr, size);
    if (from == NULL || copy_count == COPIES) {
        return NULL;
    }
    struct copy *c = &copies[copy_count++];
    *c = (struct copy){malloc(size != 0 ? size : 1), from, size};
    must(c->bytes != NULL);
    memcpy(c->bytes, from, size);
    return c->bytes;
}

static const struct acpi_memory memory = {at, NULL};

/* --- tables --- */

static void put(u8 *to, u64 value, u32 bytes)
{
    for (u32 i = 0; i < bytes; i++) {
        to[i] = (u8)(value >> (8 * i));
    }
}

static void seal(u8 *table, u32 length)
{
    table[9] = 0;
    table[9] = (u8)(0 - acpi_sum(table, length));
}

static u64 address_of(u32 block)
{
    return (u64)(block + 1) * STEP;
}

/*
 * A kind's upper bits: its length is not what the header says, its checksum is wrong, it is no DSDT's FADT, or it is an
 * SSDT or PSDT, which is always read, with a sleep object in the middle.
 */
enum { KIND = 15, BAD_LENGTH = 16, BAD_SUM = 32, OWN_DSDT = 64, WITH_OBJECT = 64, OBJECT = 12 };
static const char signatures[KIND + 1][5] = {"DSDT", "SSDT", "PSDT", "FACP", "APIC", "MCFG", "SPCR", "SRAT", "CEDT",
                                             "DMAR", "DSDT", "SSDT", "FACP", "APIC", "SRAT", "OEM1"};

/* Name (_S1_ to _S3_, Package () {a, b}), ACPI 6.5 chapters 7.4.2 and 20.2; what it takes is not to pass. */
static u8 planted[2];
static void plant(u8 *at, u8 how)
{
    const u8 object[OBJECT] = {0x08, '_', 'S', (u8)('1' + how % 3), '_', 0x12, 6, 2,
                               0x0a, how >> 2 & 7, 0x0a, how >> 5};
    memcpy(at, object, OBJECT);
    planted[0] |= (u8)(1u << (how >> 2 & 7));
    planted[1] |= (u8)(1u << (how >> 5));
}

static u32 make_table(struct input *in, u32 block)
{
    u8 kind = input_byte(in);
    u64 wanted = input_number(in, 2) % (BLOCK - ACPI_HEADER);
    u32 length = ACPI_HEADER + (u32)(wanted < in->left ? wanted : in->left);
    u8 *table = blocks[block];
    memset(table, 0, ACPI_HEADER);
    for (u32 i = ACPI_HEADER; i < length; i++) {
        table[i] = input_byte(in);
    }
    memcpy(table, signatures[kind & KIND], 4);
    bool is_block = memcmp(table + 1, "SDT", 3) == 0 && table[0] != 'D';
    if (is_block && (kind & (WITH_OBJECT | BAD_LENGTH)) == WITH_OBJECT && length + OBJECT <= BLOCK) {
        u32 middle = ACPI_HEADER + (length - ACPI_HEADER) / 2;
        memmove(table + middle + OBJECT, table + middle, length - middle);
        plant(table + middle, input_byte(in));
        length += OBJECT;
    }
    put(table + 4, (kind & BAD_LENGTH) != 0 && length >= 40 ? bytes_get(table, 36, 4) : length, 4);
    block_bytes[block] = length;
    if ((kind & BAD_SUM) == 0) {
        seal(table, length);
    }
    return kind;
}

static void make_list(u32 block, const char *signature, u32 entry_bytes, u32 count)
{
    u8 *list = blocks[block];
    u32 length = ACPI_HEADER + count * entry_bytes;
    memset(list, 0, ACPI_HEADER);
    memcpy(list, signature, 4);
    put(list + 4, length, 4);
    for (u32 i = 0; i < count; i++) {
        put(list + ACPI_HEADER + i * entry_bytes, address_of(FIRST + i), entry_bytes);
    }
    seal(list, length);
    block_bytes[block] = length;
}

static void make_root(u8 shape)
{
    memset(root, 0, sizeof(root));
    memcpy(root, "RSD PTR ", 8);
    root[15] = (shape & 1) != 0 ? 0 : 2;
    put(root + 16, (shape & 2) != 0 ? 0 : address_of(RSDT), 4);
    put(root + 24, (shape & 4) != 0 ? 0 : address_of(XSDT), 8);
    root[8] = (u8)(0 - acpi_sum(root, 20));
}

/* FADTs find the first DSDT, in one of the two fields, unless they bring an address of their own. */
static void link_dsdt(const u8 *kinds, u32 count)
{
    u32 dsdt = 0;
    while (dsdt < count && memcmp(signatures[kinds[dsdt] & KIND], "DSDT", 4) != 0) {
        dsdt++;
    }
    for (u32 i = 0; i < count && dsdt < count; i++) {
        u8 *table = blocks[FIRST + i];
        u32 length = block_bytes[FIRST + i];
        if (memcmp(table, "FACP", 4) != 0 || (kinds[i] & OWN_DSDT) != 0) {
            continue;
        }
        if (length >= 148) {
            put(table + 140, address_of(FIRST + dsdt), 8);
        } else if (length >= 44) {
            put(table + 40, address_of(FIRST + dsdt), 4);
        }
    }
}

/* --- the checks --- */

static void check_cpus(const struct acpi_tables *tables)
{
    static struct acpi_cpus cpus;
    acpi_madt_cpus(&memory, tables->madt, &cpus);
    for (u32 i = 0; i < cpus.count && i < ACPI_CPUS; i++) {
        must(cpus.ids[i] != ~0u);
        for (u32 k = 0; k < i; k++) {
            must(cpus.ids[i] != cpus.ids[k]);
        }
    }
}

static void check_mcfg(const struct acpi_tables *tables)
{
    struct acpi_ecam window;
    u32 count = 0;
    while (acpi_mcfg_window(&memory, tables->mcfg, count, &window)) {
        must(++count <= BLOCK / 16);
    }
    window = acpi_mcfg_segment(&memory, tables->mcfg, 0);
    must(window.base == 0 || count != 0);
}

static void check_sleep(const struct acpi_tables *tables)
{
    static struct acpi_sleep sleep;
    char text[ACPI_SLEEP_TEXT];
    acpi_read_sleep(&memory, tables, &sleep);
    must(sleep.count <= HANDOVER_SLEEP);
    for (u32 i = 0; i < sleep.count; i++) {
        const struct sleep_register *r = &sleep.list[i];
        must(r->address != 0 && r->port <= 1 && (r->memory || r->address < 0x10000));
        must((r->passes & sleep.types[r->port].harmful) == 0);
    }
    for (u32 i = 0; i < 2 && acpi_length(&memory, tables->fadt) != 0; i++) {
        must((planted[i] & ~sleep.types[i].harmful) == 0);
    }
    acpi_sleep_text(&sleep, text);
    must(memchr(text, '\0', sizeof(text)) != NULL);
}

static void check_memory(const struct acpi_tables *tables)
{
    static struct areas areas;
    areas.count = 0;
    areas.lost = 0;
    acpi_read_pluggable(&memory, tables, &areas);
    must(areas.count <= AREAS);
    for (u32 i = 0; i < areas.count; i++) {
        const struct area *a = &areas.list[i];
        must(a->size != 0 && ((a->base | a->size) & PAGE_MASK) == 0 && a->base + a->size - 1 >= a->base);
    }
}

static void check_list(u32 block, u32 entry_bytes, u64 hidden)
{
    const u8 *list = blocks[block];
    u32 length = (u32)bytes_get(list, 4, 4);
    must(length <= block_bytes[block] && acpi_sum(list, length) == 0);
    for (u32 i = ACPI_HEADER; i + entry_bytes <= length; i += entry_bytes) {
        must(bytes_get(list, i, entry_bytes) != hidden);
    }
}

/* Nothing but the lists, the table's name and its checksum changes. */
static void check_hidden(const struct acpi_tables *tables)
{
    static u8 before[BLOCKS][BLOCK];
    u32 block = (u32)(tables->dmar / STEP) - 1;
    u32 length = acpi_length(&memory, tables->dmar);
    forget();
    memcpy(before, blocks, sizeof(blocks));
    acpi_clear_intr_remap(&memory, tables);
    acpi_hide_dmar(&memory, tables);
    forget();
    if (tables->xsdt != 0) {
        check_list(XSDT, 8, tables->dmar);
    }
    if (tables->rsdt != 0) {
        check_list(RSDT, 4, tables->dmar);
    }
    must(length == 0 || (blocks[block][0] == 'X' && acpi_sum(blocks[block], length) == 0));
    before[block][0] = blocks[block][0];
    before[block][9] = blocks[block][9];
    before[block][37] &= (u8)~1;
    blocks[block][37] &= (u8)~1;
    must(memcmp(before[FIRST], blocks[FIRST], sizeof(blocks[0]) * TABLES) == 0);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    struct input in = {data, size};
    struct acpi_tables tables;
    const char *why = NULL;
    u8 kinds[TABLES];
    u32 count = 0;
    struct serial serial;
    u32 baud;
    u8 shape = input_byte(&in);
    memset(blocks, 0, sizeof(blocks));
    memset(block_bytes, 0, sizeof(block_bytes));
    memset(planted, 0, sizeof(planted));
    while (count < TABLES && in.left != 0) {
        kinds[count] = (u8)make_table(&in, FIRST + count);
        count++;
    }
    link_dsdt(kinds, count);
    make_list(RSDT, "RSDT", 4, count);
    make_list(XSDT, (shape & 8) != 0 ? "RSDT" : "XSDT", 8, count);
    make_root(shape);
    if (acpi_find(&memory, RSDP, &tables, &why) != OK) {
        must(why != NULL);
        forget();
        return 0;
    }
    check_cpus(&tables);
    check_mcfg(&tables);
    check_sleep(&tables);
    check_memory(&tables);
    if (acpi_spcr_serial(&memory, tables.spcr, &serial, &baud)) {
        must(serial.base != 0 && (serial.stride == 1 || serial.stride == 4));
    }
    if (tables.dmar != 0) {
        check_hidden(&tables);
    }
    forget();
    return 0;
}
