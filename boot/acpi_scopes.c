/* SPDX-License-Identifier: BSD-2-Clause */
/* See acpi_scopes.h. */
#include "boot/acpi_scopes.h"

#include "boot/acpi_table.h"
#include "boot/function.h"

enum {
    STRUCTURES = 48,
    STRUCTURE_BYTES = 4,                /* type, length */
    SEGMENT = 6,                        /* of all types that have scopes */
    SCOPE_BYTES = 6,                    /* then two a step of the path */
    SCOPE_BUS = 5,
};

/* Where the scopes of a structure of that type begin; 0: it has none. DRHD, RMRR, ATSR, RHSA, ANDD, SATC, SIDP. */
static u32 first_scope(u64 type)
{
    static const u8 first[] = {16, 24, 8, 0, 0, 8, 8};
    return type < ARRAY_LEN(first) ? first[type] : 0;
}

/* The function at the end of a scope's path, whatever the scope calls it. */
static u16 named(const struct pci_config *pci, const u8 *scope)
{
    struct pci_function f = {.bus = scope[SCOPE_BUS]};
    u32 hops = (scope[1] - (u32)SCOPE_BYTES) / 2;
    for (u32 i = 0; i < hops; i++) {
        if (i != 0) {
            f.bus = (u8)(pci->read(pci->ctx, f, FUNCTION_BUSES) >> 8);
        }
        f.device = scope[SCOPE_BYTES + 2 * i] & 31;
        f.function = scope[SCOPE_BYTES + 2 * i + 1] & 7;
    }
    return function_id(f);
}

static bool is_hidden(const struct pci_config *pci, const u8 *scope, const struct handover_function *functions,
                      u32 count)
{
    bool hidden = false;
    for (u32 i = 0; scope[0] == VTD_SCOPE_ENDPOINT && i < count; i++) {
        hidden |= functions[i].source_id == named(pci, scope);
    }
    return hidden;
}

/* Takes `bytes` at `at` out of the structure at `structure`. */
static void take_out(u8 *table, u32 *length, u32 structure, u32 at, u32 bytes)
{
    for (u32 i = at; i < *length; i++) {
        table[i] = i + bytes < *length ? table[i + bytes] : 0;
    }
    *length -= bytes;
    bytes_put(table + 4, *length, 4);
    bytes_put(table + structure + 2, bytes_get(table, structure + 2, 2) - bytes, 2);
}

/* The structure's length then; 0: it is malformed. */
static u32 hide_in(u8 *table, u32 *length, u32 structure, const struct pci_config *pci,
                   const struct handover_function *functions, u32 count)
{
    u32 bytes = (u32)bytes_get(table, structure + 2, 2);
    u32 scope = first_scope(bytes_get(table, structure, 2));
    if (bytes < STRUCTURE_BYTES || bytes > *length - structure) {
        return 0;
    }
    while (scope != 0 && scope + SCOPE_BYTES <= bytes && bytes_get(table, structure + SEGMENT, 2) == pci->segment) {
        u32 size = table[structure + scope + 1];
        if (size < SCOPE_BYTES + 2 || size > bytes - scope) {
            return 0;
        }
        bool hidden = is_hidden(pci, table + structure + scope, functions, count);
        if (hidden) {
            take_out(table, length, structure, structure + scope, size);
        }
        bytes -= hidden ? size : 0;
        scope += hidden ? 0 : size;
    }
    return bytes;
}

void acpi_hide_functions(const struct acpi_memory *m, const struct acpi_tables *tables, const struct pci_config *pci,
                         const struct handover_function *functions, u32 count)
{
    u32 length;
    u32 bytes;
    u8 *table = count == 0 || tables->dmar == 0 ? NULL : acpi_open(m, tables->dmar, &length);
    if (table == NULL) {
        return;
    }
    for (u32 at = STRUCTURES; at + STRUCTURE_BYTES <= length; at += bytes) {
        bytes = hide_in(table, &length, at, pci, functions, count);
        if (bytes == 0) {
            break;
        }
    }
    acpi_fix_sum(table, length);
}
