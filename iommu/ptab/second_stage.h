/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The second stage as a page-table format: one that the CPU walks as its EPT (SDM 30.3.2)
 * and a unit as its second stage (VT-d 3.7, 9.8) at the same time.
 *
 *   bit   EPT                          VT-d, SSIRWE = 0
 *   0, 1  read, write                  read, write
 *   2     execute                      ignored
 *   5:3   memory type of a leaf        ignored unless EMTE = 1
 *   6     IPAT of a leaf: 0            ignored unless EMTE = 1
 *   7     leaf above level 1           the same
 *   8, 9  accessed, dirty: 0, off      ignored, SSADE = 0
 *   11    ignored                      reserved in tables; SNP in leaves: 0, PGSNP does it
 *   61:52 ignored                      ignored: ptab counts in them (iommu/ptab/state.h)
 *   62    ignored                      reserved: 0
 *
 * Entries that point to tables give every permission: what a leaf says is what holds.
 */
#ifndef NESTOR_IOMMU_PTAB_SECOND_STAGE_H
#define NESTOR_IOMMU_PTAB_SECOND_STAGE_H

#include "iommu/ptab/ptab.h"

enum { PROT_READ = 1 << 0, PROT_WRITE = 1 << 1, PROT_EXEC = 1 << 2 };  /* EXEC matters to the CPU only */
enum mem_type { MEM_UC = 0, MEM_WC = 1, MEM_WT = 4, MEM_WP = 5, MEM_WB = 6 }; /* SDM 12.3 */

enum second_stage_bit {
    SECOND_STAGE_READ = PROT_READ,
    SECOND_STAGE_WRITE = PROT_WRITE,
    SECOND_STAGE_EXECUTE = PROT_EXEC,
    SECOND_STAGE_PERMISSION = 7 << 0,
    SECOND_STAGE_TYPE = 7 << 3,
    SECOND_STAGE_LARGE = 1 << 7,
};
enum { SECOND_STAGE_TYPE_SHIFT = 3 };

extern const struct ptab_format second_stage_format;

/* prot: PROT_*; read is not optional: the EPT knows no write-only page. */
static inline bool second_stage_prot_is_valid(u32 prot)
{
    return (prot & ~(u32)(SECOND_STAGE_WRITE | SECOND_STAGE_EXECUTE)) == SECOND_STAGE_READ;
}

/* type: enum mem_type, UC, WC, WT, WP or WB (SDM 13.11.2.1). */
static inline bool second_stage_type_is_valid(u32 type)
{
    return type < 8 && (0x73u >> type & 1) != 0;
}

static inline u64 second_stage_bits(u32 prot, u32 type)
{
    return prot | (u64)type << SECOND_STAGE_TYPE_SHIFT;
}

static inline u32 second_stage_prot(u64 entry)
{
    return (u32)entry & SECOND_STAGE_PERMISSION;
}

static inline u32 second_stage_type(u64 entry)
{
    return (u32)(entry & SECOND_STAGE_TYPE) >> SECOND_STAGE_TYPE_SHIFT;
}

/* A DMA could meet this leaf as a read-only page (Intel 772415). */
static inline bool second_stage_is_read_only(u64 entry)
{
    return (entry & (SECOND_STAGE_READ | SECOND_STAGE_WRITE)) == SECOND_STAGE_READ;
}

#endif
