/* SPDX-License-Identifier: BSD-2-Clause */
/* What faults.h says of each reason, by its number. */
#include "iommu/spec/faults.h"

struct fault_row {
    u8 reason;
    bool qualified;
    const char *text;
};

static const struct fault_row *find(u8 reason)
{
#define ROW(name, number, row, is_qualified, says) {(number), (is_qualified), (says)},
    static const struct fault_row rows[] = {VTD_FAULT_REASONS(ROW)};
#undef ROW
    for (u32 i = 0; i < ARRAY_LEN(rows); i++) {
        if (rows[i].reason == reason) {
            return &rows[i];
        }
    }
    return NULL;
}

const char *vtd_fault_text(u8 reason)
{
    const struct fault_row *row = find(reason);
    return row != NULL ? row->text : "reason unknown";
}

bool vtd_fault_is_qualified(u8 reason)
{
    const struct fault_row *row = find(reason);
    return row != NULL && row->qualified;
}
