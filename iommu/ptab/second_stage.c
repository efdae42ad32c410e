/* The second stage's bits. See second_stage.h. */
#include "iommu/ptab/second_stage.h"

#include "iommu/domain/domain.h"

_Static_assert((int)PROT_READ == SECOND_STAGE_READ && (int)PROT_WRITE == SECOND_STAGE_WRITE &&
                   (int)PROT_EXEC == SECOND_STAGE_EXECUTE,
               "PROT_* are the bits of the entry");

const struct ptab_format second_stage_format = {
    .permission = SECOND_STAGE_PERMISSION,
    .write = SECOND_STAGE_WRITE,
    .large = SECOND_STAGE_LARGE,
    .address = 0x000ffffffffff000ull,
    .table = SECOND_STAGE_PERMISSION,
};
