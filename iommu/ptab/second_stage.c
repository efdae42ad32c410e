/* SPDX-License-Identifier: BSD-2-Clause */
/* The second stage's bits. See second_stage.h. */
#include "iommu/ptab/second_stage.h"

const struct ptab_format second_stage_format = {
    .permission = SECOND_STAGE_PERMISSION,
    .write = SECOND_STAGE_WRITE,
    .large = SECOND_STAGE_LARGE,
    .address = 0x000ffffffffff000ull,
    .table = SECOND_STAGE_PERMISSION,
};
