/*
 * See event.h. A register that holds an event message is a DMA write by itself: only an
 * edge-triggered interrupt message of fixed or lowest priority gets in; anything else leaves the
 * unit's event masked.
 */
#include "iommu/viommu/event.h"

#include "iommu/port.h"
#include "iommu/viommu/host.h"

/* VT-d 11.4.7.2 and 11.4.9.4: two groups of the same shape. */
enum { HOST_FECTL = 0x38, HOST_ICS = 0x9c, HOST_IECTL = 0xa0 };
enum { GROUP_DATA = 4, GROUP_ADDR = 8, GROUP_UPPER = 12, LINES = 8 };

static bool message_is_safe(u64 addr, u64 data)
{
    u32 delivery = (u32)(data >> 8) & 7;
    bool level = ((data >> 15) & 1) != 0;
    bool remappable = ((addr >> 4) & 1) != 0; /* means nothing without interrupt remapping */
    return (addr >> 20) == 0xfee && !remappable && delivery <= 1 && !level && (data & 0xff) >= 16;
}

static void forward(struct viommu *v, u32 control, u64 masked, u64 addr, u64 data)
{
    viommu_host_write_event(v, control, VEVENT_IM);
    if (!message_is_safe(addr, data)) {
        if ((masked & VEVENT_IM) == 0 && v->stats.event_errors++ < LINES) {
            port_log(LOG_WARNING, "viommu: partition %u: event 0x%llx, data 0x%llx stays masked: "
                     "not an edge-triggered interrupt", v->config.partition, addr, data);
        }
        return;
    }
    viommu_host_write_event(v, control + GROUP_DATA, (u32)data);
    viommu_host_write_event(v, control + GROUP_ADDR, (u32)addr);
    viommu_host_write_event(v, control + GROUP_UPPER, 0);
    if ((masked & VEVENT_IM) == 0) {
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
        forward(v, HOST_FECTL, v->reg[VREG_FECTL], fault_event_address(v), v->reg[VREG_FEDATA]);
    } else {
        forward(v, HOST_IECTL, v->reg[VREG_IECTL], done_event_address(v), v->reg[VREG_IEDATA]);
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
    return viommu_host_read_event(v, HOST_ICS) & 1;
}

void viommu_event_done_clear(struct viommu *v)
{
    viommu_host_write_event(v, HOST_ICS, 1);
}

bool viommu_event_done_pending(struct viommu *v)
{
    return (viommu_host_read_event(v, HOST_IECTL) & VEVENT_IP) != 0;
}

void viommu_event_mask_all(struct viommu *v)
{
    viommu_host_write_event(v, HOST_FECTL, VEVENT_IM);
    viommu_host_write_event(v, HOST_IECTL, VEVENT_IM);
    viommu_host_write_event(v, HOST_ICS, 1);
}
