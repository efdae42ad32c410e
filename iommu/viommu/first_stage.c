/* SPDX-License-Identifier: BSD-2-Clause */
/* See first_stage.h. Pure but for the reads. */
#include "iommu/viommu/first_stage.h"

#include "iommu/spec/message.h"

/* A leaf that leads nowhere is as good as absent: a unit with one stage has no other reason for it. */
static enum vtd_fault_reason judge_leaf(u64 entry, u32 level, u64 addr)
{
    u64 offset_mask = (1ull << fs_level_shift(level)) - 1;
    u64 output = (entry & FIELD_MASK(FS_ADDR) & ~offset_mask) | (addr & offset_mask);
    return message_in_range(output) ? VTD_FAULT_INTERRUPT_RANGE : VTD_FAULT_FS_ENTRY_NOT_PRESENT;
}

u32 viommu_first_stage_trace(const struct walk_config *w, const struct guest_entry *entry, u64 addr,
                             struct viommu_step steps[FS_LEVELS_MAX], bool *readable)
{
    u32 count = 0;
    u64 table = entry->fs_root.v;
    for (u32 level = entry->five_levels ? 5 : 4; level > 0; level--) {
        struct viommu_step *s = &steps[count];
        s->level = level;
        s->at.v = table + (addr >> fs_level_shift(level)) % FS_ENTRIES * sizeof(s->entry);
        *readable = w->ops->read(w->ctx, s->at, &s->entry, sizeof(s->entry));
        if (!*readable) {
            break;
        }
        count++;
        bool goes_on = field_get(&s->entry, FS_P) != 0 && ((s->entry & FIELD_MASK(FS_ADDR)) >> w->haw) == 0;
        if (!goes_on || fs_is_leaf(s->entry, level)) {
            break;
        }
        table = s->entry & FIELD_MASK(FS_ADDR);
    }
    return count;
}

enum vtd_fault_reason viommu_first_stage_judge(const struct walk_config *w,
                                               const struct guest_entry *entry, u64 addr)
{
    struct viommu_step steps[FS_LEVELS_MAX];
    bool readable;
    u32 count = viommu_first_stage_trace(w, entry, addr, steps, &readable);
    if (!readable) {
        return count == 0 ? VTD_FAULT_FS_ROOT_ACCESS : VTD_FAULT_FS_ENTRY_ACCESS;
    }
    const struct viommu_step *last = &steps[count - 1];
    if (field_get(&last->entry, FS_P) == 0) {
        return VTD_FAULT_FS_ENTRY_NOT_PRESENT;
    }
    if (((last->entry & FIELD_MASK(FS_ADDR)) >> w->haw) != 0) {
        return VTD_FAULT_FS_ENTRY_RESERVED;
    }
    return judge_leaf(last->entry, last->level, addr);
}
