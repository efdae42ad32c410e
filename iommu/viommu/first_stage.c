/* See first_stage.h. Pure but for the reads. */
#include "iommu/viommu/first_stage.h"

/* First-stage paging entries, VT-d 9.7. */
enum { FS_P = 1 << 0, FS_PS = 1 << 7, FS_LARGEST_LEAF = 3 };
#define FS_ADDR 0x000ffffffffff000ull

static bool is_leaf(u64 entry, u32 level)
{
    return level == 1 || (level <= FS_LARGEST_LEAF && (entry & FS_PS) != 0);
}

/* A leaf that leads nowhere is as good as absent: a unit with one stage has no other reason for it. */
static enum vtd_fault_reason judge_leaf(u64 entry, u32 level, u64 addr)
{
    u64 offset_mask = (1ull << (3 + 9 * level)) - 1;
    u64 output = (entry & FS_ADDR & ~offset_mask) | (addr & offset_mask);
    return output >> 20 == 0xfee ? VTD_FAULT_INTERRUPT_RANGE : VTD_FAULT_FS_ENTRY_NOT_PRESENT;
}

enum vtd_fault_reason viommu_first_stage_judge(const struct walk_config *w,
                                               const struct guest_entry *entry, u64 addr)
{
    u32 top = entry->five_levels ? 5 : 4;
    u64 table = entry->fs_root.v;
    for (u32 level = top; level > 0; level--) {
        u64 e;
        gpa_t at = {table + ((addr >> (3 + 9 * level)) & 511) * sizeof(e)};
        if (!w->ops->read(w->ctx, at, &e, sizeof(e))) {
            return level == top ? VTD_FAULT_FS_ROOT_ACCESS : VTD_FAULT_FS_ENTRY_ACCESS;
        }
        if ((e & FS_P) != 0 && ((e & FS_ADDR) >> w->haw) != 0) {
            return VTD_FAULT_FS_ENTRY_RESERVED;
        }
        if ((e & FS_P) == 0) {
            break;
        }
        if (is_leaf(e, level)) {
            return judge_leaf(e, level, addr);
        }
        table = e & FS_ADDR;
    }
    return VTD_FAULT_FS_ENTRY_NOT_PRESENT;
}
