/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * See acpi_sleep.h. ACPI 6.5: FADT 5.2.9, generic addresses 5.2.3.2, PM1 registers 4.8.3, sleep objects 7.4.2, AML
 * 20.2. Definition blocks are not interpreted. Objects are found by their names wherever a block has them (at its
 * top, under a condition, returned by a method), so that none is missed, whichever the firmware would choose.
 */
#include "boot/acpi_sleep.h"

#include "boot/acpi_blocks.h"
#include "boot/acpi_table.h"
#include "drivers/format.h"

enum {
    SPACE_MEMORY = 0,
    SPACE_PORT = 1,
    PORT_LIMIT = 0x10000,

    ZERO_OP = 0x00,
    ONE_OP = 0x01,
    NAME_OP = 0x08,
    BYTE_PREFIX = 0x0a,
    WORD_PREFIX = 0x0b,
    DWORD_PREFIX = 0x0c,
    QWORD_PREFIX = 0x0e,
    PACKAGE_OP = 0x12,
    VAR_PACKAGE_OP = 0x13,
    METHOD_OP = 0x14,
    ROOT_CHAR = '\\',
    RETURN_OP = 0xa4,
    ONES_OP = 0xff,

    TYPE_BITS = 7,
    DEEPEST_HARMFUL = 3,     /* S1 to S3 */
    STATES = 5,
};

/* The bytes of a definition block, and a position in them. */
struct aml {
    const u8 *bytes;
    u32 length;
};

static u8 byte_at(const struct aml *a, u32 at)
{
    return at < a->length ? a->bytes[at] : 0;
}

/* PkgLength, 20.2.4: *end is the first byte after what it covers; returns the position after the PkgLength. */
static u32 take_length(const struct aml *a, u32 at, u32 *end)
{
    u32 more = byte_at(a, at) >> 6;
    u32 length = more == 0 ? byte_at(a, at) & 0x3f : byte_at(a, at) & 0xf;
    for (u32 i = 0; i < more; i++) {
        length |= (u32)byte_at(a, at + 1 + i) << (4 + 8 * i);
    }
    *end = at + length;
    *end = *end > a->length ? a->length : *end;
    return at + 1 + more;
}

/* A constant, 20.2.3. False: something else, which would take an interpreter. */
static bool take_integer(const struct aml *a, u32 *at, u64 *value)
{
    u32 bytes = 0;
    switch (byte_at(a, *at)) {
    case ZERO_OP:
    case ONE_OP:
        *value = byte_at(a, *at);
        break;
    case ONES_OP:
        *value = ~0ull;
        break;
    case BYTE_PREFIX:
        bytes = 1;
        break;
    case WORD_PREFIX:
        bytes = 2;
        break;
    case DWORD_PREFIX:
        bytes = 4;
        break;
    case QWORD_PREFIX:
        bytes = 8;
        break;
    default:
        return false;
    }
    if (*at >= a->length || bytes > a->length - *at - 1) {
        return false;
    }
    *value = bytes != 0 ? bytes_get(a->bytes, *at + 1, bytes) : *value;
    *at += 1 + bytes;
    return true;
}

/* The package of a sleep object: the types for PM1a and PM1b, or one element that holds both, as kernels read it. */
static bool take_types(const struct aml *a, u32 at, u8 types[static 2])
{
    u8 op = byte_at(a, at);
    u32 end;
    u64 first;
    u64 second;
    if (at >= a->length || (op != PACKAGE_OP && op != VAR_PACKAGE_OP)) {
        return false;
    }
    at = take_length(a, at + 1, &end);
    if (op == PACKAGE_OP) {
        at++;
    } else if (!take_integer(a, &at, &first)) {
        return false;
    }
    const struct aml inside = {a->bytes, end};
    if (!take_integer(&inside, &at, &first)) {
        return false;
    }
    if (!take_integer(&inside, &at, &second)) {
        second = first >> 8;
    }
    types[0] = first & TYPE_BITS;
    types[1] = second & TYPE_BITS;
    return true;
}

static void note_types(struct acpi_sleep *out, u32 state, const u8 types[static 2])
{
    for (u32 i = 0; i < ARRAY_LEN(out->types); i++) {
        u8 *set = state <= DEEPEST_HARMFUL ? &out->types[i].harmful : &out->types[i].harmless;
        *set |= (u8)(1u << types[i]);
    }
    out->s5_found = out->s5_found || state == STATES;
}

/* A method of that name: every package that it returns. `name` is where its name begins, root character included. */
static bool note_method(const struct aml *a, u32 name, u32 body, u32 state, struct acpi_sleep *out)
{
    bool found = false;
    for (u32 bytes = 1; bytes <= 4 && bytes < name; bytes++) {
        u32 end;
        if (a->bytes[name - bytes - 1] != METHOD_OP || take_length(a, name - bytes, &end) != name) {
            continue;
        }
        for (u32 at = body; at < end; at++) {
            u8 types[2];
            if (a->bytes[at] == RETURN_OP && take_types(a, at + 1, types)) {
                note_types(out, state, types);
                found = true;
            }
        }
    }
    return found;
}

/*
 * At a name _S1_ to _S5_. A type passes only if NameOp or MethodOp names it for certain; to be refused, a package after
 * the name is enough, also where the bytes before it could be read as the beginning of a method.
 */
static void note_object(const struct aml *a, u32 at, u32 state, struct acpi_sleep *out)
{
    u8 types[2];
    u32 name = at != 0 && a->bytes[at - 1] == ROOT_CHAR ? at - 1 : at;
    bool named = name != 0 && a->bytes[name - 1] == NAME_OP;
    bool method = note_method(a, name, at + 4, state, out);
    if (((named && !method) || state <= DEEPEST_HARMFUL) && take_types(a, at + 4, types)) {
        note_types(out, state, types);
    }
}

static void read_block(const struct aml *a, struct acpi_sleep *out)
{
    for (u32 at = ACPI_HEADER; at + 4 <= a->length; at++) {
        if (a->bytes[at] == '_' && a->bytes[at + 1] == 'S' && a->bytes[at + 3] == '_' && a->bytes[at + 2] > '0' &&
            a->bytes[at + 2] <= '0' + STATES) {
            note_object(a, at, a->bytes[at + 2] - '0', out);
        }
    }
}

static void add(struct acpi_sleep *out, enum sleep_kind kind, u32 port, u64 address, bool memory)
{
    if (address == 0 || (!memory && address >= PORT_LIMIT)) {
        return;
    }
    for (u32 i = 0; i < out->count; i++) {
        const struct sleep_register *r = &out->list[i];
        if (r->kind == kind && r->address == address && r->memory == memory && r->port == port) {
            return;
        }
    }
    out->list[out->count++] = (struct sleep_register){.address = address, .memory = memory, .kind = kind,
                                                      .port = (u8)port};
}

/* A generic address: the space is at 0, the address at 4. */
static void add_generic(struct acpi_sleep *out, const struct acpi_fadt *f, u32 at, enum sleep_kind kind, u32 port)
{
    u64 space = acpi_fadt_field(f, at, 1);
    u64 address = acpi_fadt_field(f, at + 4, 8);
    if (address != 0 && space != SPACE_MEMORY && space != SPACE_PORT) {
        out->elsewhere = true;
        return;
    }
    add(out, kind, port, address, space == SPACE_MEMORY);
}

static bool is_listed(const struct acpi_sleep *out, u64 address)
{
    for (u32 i = 0; i < out->count; i++) {
        if (out->list[i].address == address) {
            return true;
        }
    }
    return false;
}

/*
 * The 64-bit field counts if it is not 0; hardware may decode the other one as well. Client
 * firmware also names PM1 control as the register of reduced hardware, with the flag clear; then
 * the bits of that register mean something else.
 */
static void read_registers(const struct acpi_fadt *f, struct acpi_sleep *out)
{
    static const struct { u16 at, x_at; enum sleep_kind kind; u8 port; } pm1[] = {
        {64, 172, SLEEP_CONTROL, 0}, {68, 184, SLEEP_CONTROL, 1}, {56, 148, SLEEP_STATUS, 0},
        {60, 160, SLEEP_STATUS, 1}};
    enum { FLAGS = 112, HW_REDUCED = 1 << 20, REDUCED_CONTROL = 244, REDUCED_STATUS = 256 };
    bool reduced = (acpi_fadt_field(f, FLAGS, 4) & HW_REDUCED) != 0;
    for (u32 i = 0; i < ARRAY_LEN(pm1); i++) {
        add_generic(out, f, pm1[i].x_at, pm1[i].kind, pm1[i].port);
        add(out, pm1[i].kind, pm1[i].port, acpi_fadt_field(f, pm1[i].at, 4), false);
    }
    if (reduced || !is_listed(out, acpi_fadt_field(f, REDUCED_CONTROL + 4, 8))) {
        add_generic(out, f, REDUCED_CONTROL, SLEEP_REDUCED_CONTROL, 0);
        add_generic(out, f, REDUCED_STATUS, SLEEP_REDUCED_STATUS, 0);
    }
}

static void decide(struct acpi_sleep *out)
{
    for (u32 i = 0; i < out->count; i++) {
        const struct acpi_sleep_types *t = &out->types[out->list[i].port];
        out->list[i].passes = (u8)((out->s5_found ? t->harmless : ~0u) & ~(u32)t->harmful);
    }
}

void acpi_read_sleep(const struct acpi_memory *m, const struct acpi_tables *tables, struct acpi_sleep *out)
{
    struct acpi_fadt f = acpi_fadt_open(m, tables);
    struct aml a;
    *out = (struct acpi_sleep){.count = 0};
    if (f.bytes == NULL) {
        return;
    }
    read_registers(&f, out);
    for (u32 next = 0; (a.bytes = acpi_next_block(m, tables, &next, &a.length)) != NULL;) {
        read_block(&a, out);
    }
    decide(out);
}

/* The types that are refused, as digits. */
static void put_refused(u8 passes, char text[static 9])
{
    u32 used = 0;
    for (u32 type = 0; type < 8; type++) {
        if ((passes >> type & 1) == 0) {
            text[used++] = (char)('0' + type);
        }
    }
    text[used] = '\0';
}

void acpi_sleep_text(const struct acpi_sleep *sleep, char text[static ACPI_SLEEP_TEXT])
{
    char refused[9];
    size_t used = format_text(text, ACPI_SLEEP_TEXT, "sleep types refused:");
    for (u32 i = 0; i < sleep->count && used < ACPI_SLEEP_TEXT; i++) {
        const struct sleep_register *r = &sleep->list[i];
        if (r->kind == SLEEP_CONTROL || r->kind == SLEEP_REDUCED_CONTROL) {
            put_refused(r->passes, refused);
            used += format_text(text + used, ACPI_SLEEP_TEXT - used, " %s at %s 0x%llx;", refused,
                                r->memory ? "address" : "port", r->address);
        }
    }
    if (used < ACPI_SLEEP_TEXT) {
        (void)format_text(text + used, ACPI_SLEEP_TEXT - used, " %s",
                          sleep->s5_found ? "others are S4 or S5" : "no S5 object is found, so unknown ones pass");
    }
}
