/*
 * See event.h. A register that holds an event message is a DMA write by itself: only an
 * edge-triggered interrupt message of fixed or lowest priority gets in; anything else leaves the
 * unit's event masked.
 */
#include "iommu/viommu/event.h"

#include "iommu/port.h"
#include "iommu/spec/message.h"
#include "iommu/viommu/host.h"

enum { LINES = 8 };

static bool message_is_safe(u64 addr, u64 data)
{
    bool remapped = field_get(&addr, MESSAGE_FORMAT) != 0; /* means nothing without interrupt remapping */
    return message_in_range(addr) && !remapped &&
           field_get(&data, MESSAGE_DELIVERY) <= DELIVERY_LOWEST_PRIORITY &&
           field_get(&data, MESSAGE_LEVEL) == 0 && field_get(&data, MESSAGE_VECTOR) >= MESSAGE_VECTOR_MIN;
}

static void forward(struct viommu *v, u32 control, u64 masked, u64 addr, u64 data)
{
    viommu_host_write_event(v, control, EVENT_IM);
    if (!message_is_safe(addr, data)) {
        if ((masked & EVENT_IM) == 0 && v->stats.event_errors++ < LINES) {
            port_log(LOG_WARNING, "viommu: partition %u: event 0x%llx, data 0x%llx stays masked: "
                     "not an edge-triggered interrupt", v->config.partition, addr, data);
        }
        return;
    }
    viommu_host_write_event(v, control + EVENT_DATA, (u32)data);
    viommu_host_write_event(v, control + EVENT_ADDR, (u32)addr);
    viommu_host_write_event(v, control + EVENT_UADDR, 0);
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

void viommu_event_forward(struct viommu *v, bool fault_event)
{
    if (fault_event) {
        forward(v, VTD_FECTL, v->reg[VREG_FECTL], fault_event_address(v), v->reg[VREG_FEDATA]);
    } else {
        forward(v, VTD_IECTL, v->reg[VREG_IECTL], done_event_address(v), v->reg[VREG_IEDATA]);
    }
}

void viommu_event_send_fault(struct viommu *v)
{
    u64 addr = fault_event_address(v);
    u64 data = v->reg[VREG_FEDATA];
    if (message_is_safe(addr, data)) {
        v->config.ops->interrupt(v->config.ctx, addr, (u32)data);
    }
}

u32 viommu_event_done_status(struct viommu *v)
{
    return viommu_host_read_event(v, VTD_ICS) & ICS_IWC;
}

void viommu_event_done_clear(struct viommu *v)
{
    viommu_host_write_event(v, VTD_ICS, ICS_IWC);
}

bool viommu_event_done_pending(struct viommu *v)
{
    return (viommu_host_read_event(v, VTD_IECTL) & EVENT_IP) != 0;
}

void viommu_event_mask_all(struct viommu *v)
{
    viommu_host_write_event(v, VTD_FECTL, EVENT_IM);
    viommu_host_write_event(v, VTD_IECTL, EVENT_IM);
    viommu_host_write_event(v, VTD_ICS, ICS_IWC);
}
