/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * See event.h. A register that holds an event message is a DMA write by itself, and no table remaps it (VT-d 5.1.6):
 * only an edge-triggered interrupt message of fixed or lowest priority to CPUs of the partition gets in; anything
 * else leaves the unit's event masked. While the guest wants no fault event, and where others have devices behind the
 * unit, the register holds the host's. All this is the root's: messages of another guest are sent by software, when
 * Nestor learns what they are about.
 */
#include "iommu/viommu/event.h"

#include "iommu/base/limit.h"
#include "iommu/port.h"
#include "iommu/spec/message.h"
#include "iommu/viommu/host.h"
#include "iommu/viommu/irt.h"

/* The upper half holds 31:8 of the destination while the unit's EIME is 1, and nothing otherwise (VT-d 11.4.7.5). */
static bool message_is_safe(const struct viommu *v, u64 addr, u64 data)
{
    struct irte_rules rules = viommu_irt_rules(v);
    rules.guest_eime = rules.guest_eime && rules.host_eime && viommu_remapping(v);
    u64 upper = field_get(&addr, MESSAGE_UPPER);
    u32 dst = (u32)(field_get(&addr, MESSAGE_DESTINATION) | upper);
    bool upper_is_known = upper == 0 || ((upper & 0xff) == 0 && rules.guest_eime);
    return message_in_range((u32)addr) && upper_is_known && field_get(&addr, MESSAGE_FORMAT) == 0 &&
           viommu_irte_has_destination(&rules, field_get(&addr, MESSAGE_LOGICAL) != 0, dst) &&
           field_get(&data, MESSAGE_DELIVERY) <= DELIVERY_LOWEST_PRIORITY &&
           field_get(&data, MESSAGE_LEVEL) == 0 && field_get(&data, MESSAGE_VECTOR) >= MESSAGE_VECTOR_MIN;
}

static void forward(struct viommu *v, u32 control, u64 masked, u64 addr, u64 data)
{
    viommu_host_write_event(v, control, EVENT_IM);
    if (!message_is_safe(v, addr, data)) {
        if ((masked & EVENT_IM) == 0 && limit_due_at(++v->stats.event_errors)) {
            port_log(LOG_WARNING, "viommu: partition %u: event 0x%llx, data 0x%llx stays masked: "
                     "not an edge-triggered interrupt for its CPUs", v->config.partition, addr, data);
        }
        return;
    }
    viommu_host_write_event(v, control + EVENT_DATA, (u32)data);
    viommu_host_write_event(v, control + EVENT_ADDR, (u32)addr);
    viommu_host_write_event(v, control + EVENT_UADDR, (u32)(addr >> 32));
    if ((masked & EVENT_IM) == 0) {
        viommu_host_write_event(v, control, 0);
    }
}

static u64 fault_event_address(const struct viommu *v)
{
    return v->reg[VREG_FEADDR] | v->reg[VREG_FEUADDR] << 32;
}

static u64 done_event_address(const struct viommu *v)
{
    return v->reg[VREG_IEADDR] | v->reg[VREG_IEUADDR] << 32;
}

static void send(struct viommu *v, u64 addr, u64 data)
{
    if (message_is_safe(v, addr, data)) {
        v->config.ops->interrupt(v->config.ctx, addr, (u32)data);
    }
}

/* Of an owner's unit: sent at once, or when it is unmasked. */
static void send_done(struct viommu *v)
{
    if (v->done.pending && (v->reg[VREG_IECTL] & EVENT_IM) == 0) {
        v->done.pending = false;
        send(v, done_event_address(v), v->reg[VREG_IEDATA]);
    }
}

void viommu_event_forward(struct viommu *v, bool fault_event)
{
    if (!fault_event) {
        forward(v, VTD_IECTL, v->reg[VREG_IECTL], done_event_address(v), v->reg[VREG_IEDATA]);
        send_done(v);
        return;
    }
    if (v->config.shared_unit) { /* a fault may be another's: fault.c sends by software what is this guest's */
        return;
    }
    u64 addr = fault_event_address(v);
    viommu_host_yield_alert(v);
    forward(v, VTD_FECTL, v->reg[VREG_FECTL], addr, v->reg[VREG_FEDATA]);
    if ((v->reg[VREG_FECTL] & EVENT_IM) != 0 || !message_is_safe(v, addr, v->reg[VREG_FEDATA])) {
        viommu_host_hold_alert(v);
    }
}

void viommu_event_send_fault(struct viommu *v)
{
    send(v, fault_event_address(v), v->reg[VREG_FEDATA]);
}

struct vtd_desc viommu_event_ask(struct viommu *v)
{
    v->done.waiting = true;
    v->done.asked++;
    return vtd_desc_wait(FIELD_MASK(DESC_WAIT_SW), v->done.asked, v->memory.v + offsetof(struct viommu, done.status));
}

/* While IWC is set another completion is no event (VT-d 6.5.2.9). */
bool viommu_event_came(struct viommu *v)
{
    if (v->done.status != v->done.asked) {
        return false;
    }
    v->done.waiting = false;
    v->done.pending |= !v->done.came;
    v->done.came = true;
    send_done(v);
    return true;
}

u32 viommu_event_done_status(struct viommu *v)
{
    if (viommu_is_owners(v)) {
        return v->done.came ? ICS_IWC : 0;
    }
    return viommu_host_read_event(v, VTD_ICS) & ICS_IWC;
}

void viommu_event_done_clear(struct viommu *v)
{
    v->done.came = v->done.pending = false;
    viommu_host_write_event(v, VTD_ICS, ICS_IWC);
}

bool viommu_event_done_pending(struct viommu *v)
{
    return viommu_is_owners(v) ? v->done.pending : (viommu_host_read_event(v, VTD_IECTL) & EVENT_IP) != 0;
}

void viommu_event_mask_all(struct viommu *v)
{
    viommu_host_hold_alert(v);
    viommu_host_write_event(v, VTD_IECTL, EVENT_IM);
    v->done.waiting = false;
    viommu_event_done_clear(v);
}
