/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A unit's registers: access, the protocol of GCMD with bounded waits, and those that carry event
 * messages. VT-d 11.4 (rev 5.10).
 */
#include "iommu/vtd/state.h"

u32 vtd_regs_read32(const struct vtd_unit *unit, enum vtd_reg32 reg)
{
    return port_mmio_read32((hpa_t){unit->info.base.v + (u32)reg});
}

u64 vtd_regs_read64(const struct vtd_unit *unit, enum vtd_reg64 reg)
{
    return port_mmio_read64((hpa_t){unit->info.base.v + (u32)reg});
}

void vtd_regs_write32(const struct vtd_unit *unit, enum vtd_reg32 reg, u32 value)
{
    port_mmio_write32((hpa_t){unit->info.base.v + (u32)reg}, value);
}

void vtd_regs_write64(const struct vtd_unit *unit, enum vtd_reg64 reg, u64 value)
{
    port_mmio_write64((hpa_t){unit->info.base.v + (u32)reg}, value);
}

bool vtd_regs_are_gone(struct vtd_unit *unit, u32 status)
{
    if (status != ~0u) {
        return false;
    }
    if (limit_due(&unit->mute_lines)) {
        port_log(LOG_ERROR, "unit %u: its registers read all ones: it does not answer any more", unit->info.index);
    }
    return true;
}

/* The register is looked at once more after the time is over: what took it may have been an SMI, not the unit. */
enum result vtd_regs_wait32(struct vtd_unit *unit, enum vtd_reg32 reg, const char *name, u32 mask, u32 want)
{
    u64 end = port_now_us() + (unit->mute ? VTD_AGAIN_US : VTD_TIMEOUT_US);
    for (;;) {
        bool late = port_now_us() > end;
        u32 value = vtd_regs_read32(unit, reg);
        if (value != ~0u && (value & mask) == want) {
            unit->mute = false;
            return OK;
        }
        if (late) {
            if (limit_due(&unit->mute_lines)) {
                port_log(LOG_ERROR, "unit %u: %s is 0x%08x, bits 0x%08x did not become 0x%08x: it does not obey",
                         unit->info.index, name, value, mask, want);
            }
            unit->mute = true;
            return ERR_TIMEOUT;
        }
        port_relax();
    }
}

enum result vtd_regs_switch(struct vtd_unit *unit, enum vtd_gcmd bit, bool on)
{
    u32 base = vtd_regs_read32(unit, VTD_GSTS) & GSTS_STICKY;
    u32 mask = (u32)bit;
    vtd_regs_write32(unit, VTD_GCMD, on ? base | mask : base & ~mask);
    return vtd_regs_wait32(unit, VTD_GSTS, "GSTS", mask, on ? mask : 0);
}

enum result vtd_regs_command(struct vtd_unit *unit, enum vtd_gcmd bit)
{
    u32 base = vtd_regs_read32(unit, VTD_GSTS) & GSTS_STICKY;
    vtd_regs_write32(unit, VTD_GCMD, base | (u32)bit);
    /* RTPS and IRTPS rise when the pointer is taken; WBFS falls when the buffer is empty. */
    return vtd_regs_wait32(unit, VTD_GSTS, "GSTS", (u32)bit, bit == GCMD_WBF ? 0 : (u32)bit);
}

enum result vtd_regs_flush_buffer(struct vtd_unit *unit)
{
    return vtd_cap_get(unit->info.cap, VTD_CAP_RWBF) != 0 ? vtd_regs_command(unit, GCMD_WBF) : OK;
}

u32 vtd_regs_event_read(struct vtd_unit *unit, u32 offset)
{
    return port_mmio_read32((hpa_t){unit->info.base.v + offset});
}

void vtd_regs_event_write(struct vtd_unit *unit, u32 offset, u32 value)
{
    port_mmio_write32((hpa_t){unit->info.base.v + offset}, value);
}
