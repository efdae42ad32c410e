/* SPDX-License-Identifier: BSD-2-Clause */
/* See viommu.h, viommu_remap(): a message by the guest's own table, in the order of VT-d 5.1.4.1. */
#include "iommu/spec/message.h"
#include "iommu/viommu/irte.h"
#include "iommu/viommu/state.h"

/* What keeps a request from its entry; NONE: nothing, and this is a copy of it. */
static enum vtd_fault_reason look_up(const struct viommu *v, u64 used, u64 address, u64 data, struct irte *guest)
{
    u32 index = message_index(address, data);
    if (field_get(&address, MESSAGE_SHV) != 0 && field_get(&data, MESSAGE_SUBHANDLE_RESERVED) != 0) {
        return VTD_FAULT_IR_REQUEST_RESERVED;
    }
    if (index >= irta_entries((u32)field_get(&used, IRTA_S))) {
        return VTD_FAULT_IR_INDEX;
    }
    gpa_t at = {(used & FIELD_MASK(IRTA_IRTA)) + index * sizeof(*guest)};
    return v->config.ops->read(v->config.ctx, at, guest, sizeof(*guest)) ? VTD_FAULT_NONE : VTD_FAULT_IRTE_ACCESS;
}

bool viommu_remap(const struct viommu *v, u16 sid, u64 address, u32 data, struct irte *host, const char **why)
{
    u64 used = __atomic_load_n(&v->irt.in_force, __ATOMIC_SEQ_CST);
    struct irte guest;
    *why = NULL;
    if ((used & IRT_ON) == 0 || !message_in_range(address)) {
        return false;
    }
    enum vtd_fault_reason reason = VTD_FAULT_IR_COMPATIBILITY;
    bool eime = field_get(&used, IRTA_EIME) != 0;
    if (field_get(&address, MESSAGE_FORMAT) != 0) {
        reason = look_up(v, used, address, data, &guest);
    } else if ((used & IRT_PASS) != 0 && !eime) {
        return false;
    }
    if (reason != VTD_FAULT_NONE) {
        *host = viommu_irte_absent(reason);
        return true;
    }
    const struct irte_rules rules = {.ops = v->config.ops, .ctx = v->config.ctx, .guest_eime = eime, .host_eime = true,
                                     .single = true, .sid = sid};
    (void)viommu_irte_judge(&rules, &guest, host, why);
    return true;
}
