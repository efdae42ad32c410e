/* SPDX-License-Identifier: BSD-2-Clause */
/* See first_stage.h. Pure but for the reads. */
#include "iommu/viommu/first_stage.h"

#include "iommu/spec/message.h"

static bool is_leaf(u64 entry, u32 level)
{
    return level == 1 || (level <= FS_LARGEST_LEAF && field_get(&entry, FS_PS) != 0);
}

/* A leaf that leads nowhere is as good as absent: a unit with one stage has no other reason for it. */
static enum vtd_fault_reason judge_leaf(u64 entry, u32 level, u64 addr)
{
    u64 offset_mask = (1ull << fs_level_shift(level)) - 1;
    u64 output = (entry & FIELD_MASK(FS_ADDR) & ~offset_mask) | (addr & offset_mask);
    return message_in_range(output) ? VTD_FAULT_INTERRUPT_RANGE : VTD_FAULT_FS_ENTRY_NOT_PRESENT;
}

enum vtd_fault_reason viommu_first_stage_judge(const struct walk_config *w,
                                               const struct guest_entry *entry, u64 addr)
{
    u32 top = entry->five_levels ? 5 : 4;
    u64 table = entry->fs_root.v;
    for (u32 level = top; level > 0; level--) {
        u64 e;
        gpa_t at = {table + (addr >> fs_level_shift(level)) % FS_ENTRIES * sizeof(e)};
        if (!w->ops->read(w->ctx, at, &e, sizeof(e))) {
            return level == top ? VTD_FAULT_FS_ROOT_ACCESS : VTD_FAULT_FS_ENTRY_ACCESS;
        }
        bool present = field_get(&e, FS_P) != 0;
        if (present && ((e & FIELD_MASK(FS_ADDR)) >> w->haw) != 0) {
            return VTD_FAULT_FS_ENTRY_RESERVED;
        }
        if (!present) {
            break;
        }
        if (is_leaf(e, level)) {
            return judge_leaf(e, level, addr);
        }
        table = e & FIELD_MASK(FS_ADDR);
    }
    return VTD_FAULT_FS_ENTRY_NOT_PRESENT;
}
