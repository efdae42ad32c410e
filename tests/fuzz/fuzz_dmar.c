/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Firmware's DMAR table as bytes. Length and checksum are corrected, so that the structures are
 * reached; whatever is accepted must stay within the parser's own limits.
 */
#include "iommu/spec/dmar.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

enum { LENGTH_AT = 4, CHECKSUM_AT = 9, HEADER = 48 };

static void make_whole(u8 *table, size_t size)
{
    u8 sum = 0;
    u32 length = (u32)size;
    memcpy(table, "DMAR", 4);
    memcpy(table + LENGTH_AT, &length, sizeof(length));
    table[CHECKSUM_AT] = 0;
    for (size_t i = 0; i < size; i++) {
        sum = (u8)(sum + table[i]);
    }
    table[CHECKSUM_AT] = (u8)-sum;
}

/* Every scope that a run names exists, and so does each of its hops. */
static void walk_run(const struct vtd_dmar *dmar, struct vtd_dmar_run run)
{
    for (u32 i = 0; i < run.count; i++) {
        const struct vtd_dmar_scope *scope = vtd_dmar_scope_at(dmar, run, i);
        if (scope < dmar->scopes || scope >= dmar->scopes + VTD_DMAR_SCOPES) {
            __builtin_trap();
        }
    }
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    static struct vtd_dmar dmar;
    static struct vtd_dmar_error error;
    u8 *table = malloc(size + 1); /* its own block: a read behind the table is seen */
    if (table == NULL) {
        return 0;
    }
    memcpy(table, data, size);
    bool whole = size >= HEADER && (data[0] & 1) == 0;
    if (whole) {
        make_whole(table, size);
    }
    u8 *exact = realloc(table, size != 0 ? size : 1);
    if (vtd_dmar_parse(exact, size, &dmar, &error) == OK) {
        if (!whole && (size < HEADER || memcmp(exact, "DMAR", 4) != 0)) {
            __builtin_trap();
        }
        for (u32 i = 0; i < dmar.unit_count; i++) {
            walk_run(&dmar, dmar.units[i].scopes);
        }
    }
    free(exact);
    return 0;
}
