/* The second stage's bits. See second_stage.h. */
#include "iommu/second_stage.h"

#include "iommu/domain.h"

_Static_assert((int)PROT_READ == SECOND_STAGE_READ && (int)PROT_WRITE == SECOND_STAGE_WRITE &&
                   (int)PROT_EXEC == SECOND_STAGE_EXECUTE,
               "PROT_* are the bits of the entry");

const struct ptab_format second_stage_format = {
    .present = SECOND_STAGE_PERMISSION,
    .permission = SECOND_STAGE_PERMISSION,
    .write = SECOND_STAGE_WRITE,
    .large = SECOND_STAGE_LARGE,
    .address = 0x000ffffffffff000ull,
    .table = SECOND_STAGE_PERMISSION,
};

bool second_stage_prot_is_valid(u32 prot)
{
    return (prot & PROT_READ) != 0 && (prot & ~(u32)SECOND_STAGE_PERMISSION) == 0;
}

bool second_stage_type_is_valid(u32 type)
{
    return type == MEM_UC || type == MEM_WC || type == MEM_WT || type == MEM_WP || type == MEM_WB;
}

u64 second_stage_bits(u32 prot, u32 type)
{
    return prot | (u64)type << SECOND_STAGE_TYPE_SHIFT;
}
