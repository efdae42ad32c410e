/* SPDX-License-Identifier: BSD-2-Clause */
/* Inside the parser of the DMAR table: what is wrong with it, and device scopes. */
#ifndef NESTOR_IOMMU_SPEC_DMAR_SCOPE_H
#define NESTOR_IOMMU_SPEC_DMAR_SCOPE_H

#include "iommu/spec/dmar.h"

struct dmar_parser {
    const u8 *bytes;
    u32 size;                /* of the table, as its header says */
    struct vtd_dmar *out;
    struct vtd_dmar_error *error;
};

/* A structure: [at, end) lies within the table. */
struct dmar_structure {
    u32 at, end;
};

/* A little-endian number of that many bytes, which the caller knows to be within the table. */
static inline u64 dmar_get(const struct dmar_parser *p, u32 offset, u32 bytes)
{
    u64 value = 0;
    for (u32 i = 0; i < bytes; i++) {
        value |= (u64)p->bytes[offset + i] << (8 * i);
    }
    return value;
}

/* The table is refused: ERR_MALFORMED, ERR_NO_MEMORY. */
enum result dmar_refuse(struct dmar_parser *p, u32 offset, const char *what, u64 found, const char *expected);
enum result dmar_too_many(struct dmar_parser *p, u32 offset, const char *what, u64 limit);
/* It is not. */
void dmar_note(struct dmar_parser *p, u32 offset, const char *what, u64 found, const char *outcome);

/* The device scopes in [at, end); ERR_NO_MEMORY only. */
enum result dmar_parse_scopes(struct dmar_parser *p, u32 at, u32 end, struct vtd_dmar_run *run);
/* Does a scope of the one name what a scope of the other does? */
bool dmar_units_share_device(const struct vtd_dmar *dmar, const struct vtd_dmar_unit *a,
                             const struct vtd_dmar_unit *b);

#endif
