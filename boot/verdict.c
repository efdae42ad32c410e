/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What Nestor does on this machine, and the first reason that decides it. Some reasons leave the
 * user a choice (`without-isolation`). Those about interrupts do not: an OS that needs interrupt
 * remapping and does not find it could not start.
 */
#include "boot/machine.h"
#include "drivers/format.h"
#include "iommu/spec/regs.h"

enum { FIRST_WIDE_APIC_ID = 255 };

/* A unit that is not there reads as all ones, which does not mean that it demands anything. */
static bool is_absent(const struct unit_registers *r)
{
    return r->cap == ~0ull && r->ecap == ~0ull;
}

/* True: *out says why Nestor cannot run on this machine, whatever its units can do. */
static bool cannot_run(const struct machine *m, struct verdict *out)
{
    const char *why = cpu_missing(&m->cpu);
    if (why != NULL) {
        format_text(out->why, MACHINE_REASON, "%s", why);
    } else if (m->census.missing != NULL) {
        format_text(out->why, MACHINE_REASON, "the CPU with APIC id %u: %s", m->census.missing_id, m->census.missing);
    }
    return why != NULL || m->census.missing != NULL;
}

/*
 * Why the guest could not be shown interrupt remapping, NULL: it can. It is shown on every unit or on none. wide: with
 * destinations of 32 bits.
 */
static const char *remapping_missing(const struct machine *m, enum guest_iommu shown, bool wide)
{
    if (!m->dmar_usable || m->dmar.unit_count == 0) {
        return "there is no usable DMAR table";
    }
    if (!m->dmar.intr_remap) {
        return "the DMAR table does not offer that";
    }
    if (shown == GUEST_IOMMU_NONE) {
        return "no unit is shown to the guest";
    }
    for (u32 i = 0; i < m->dmar.unit_count; i++) {
        u64 ecap = m->units[i].ecap;
        if (vtd_ecap_get(ecap, VTD_ECAP_IR) == 0 || (wide && vtd_ecap_get(ecap, VTD_ECAP_EIM) == 0)) {
            return wide ? "not every unit has it with 32-bit destinations" : "not every unit has it";
        }
    }
    return NULL;
}

/*
 * What an OS cannot do without interrupt remapping. x2APIC mode that is on and not locked is none of it: an OS that
 * finds no remapping leaves that mode.
 */
static bool needs_interrupt_remapping(const struct machine *m, struct verdict *out)
{
    const struct census *c = &m->census;
    const char *missing = remapping_missing(m, out->guest_iommu, true);
    if (c->x2apic_locked && missing != NULL) {
        format_text(out->why, MACHINE_REASON,
                    "the firmware locked x2APIC mode, which needs interrupt remapping: %s", missing);
        return true;
    }
    if (c->highest_id >= FIRST_WIDE_APIC_ID && missing != NULL) {
        format_text(out->why, MACHINE_REASON,
                    "the CPU with APIC id %u: ids of 255 and more need interrupt remapping: %s", c->highest_id,
                    missing);
        return true;
    }
    missing = remapping_missing(m, out->guest_iommu, false);
    for (u32 i = 0; m->dmar_usable && missing != NULL && i < m->dmar.unit_count; i++) {
        bool absent = is_absent(&m->units[i]);
        /* Its I/O APICs and devices have entries in the remappable format. */
        if (!absent && (m->units[i].status & GSTS_IRES) != 0) {
            format_text(out->why, MACHINE_REASON, "unit %u at %llx remaps the firmware's interrupts: %s", i,
                        m->dmar.units[i].base.v, missing);
            return true;
        }
        if (!absent && vtd_ecap_get(m->units[i].ecap, VTD_ECAP_IRREQ) != 0) {
            format_text(out->why, MACHINE_REASON, "unit %u at %llx demands interrupt remapping (ECAP.IRREQ): %s", i,
                        m->dmar.units[i].base.v, missing);
            return true;
        }
    }
    return false;
}

/* A CPU that does not enter could do anything, whatever the units can do. */
static void weigh_cpus(const struct machine *m, struct verdict *out)
{
    if (m->census.stray) {
        out->ability = VTD_ABILITY_NONE;
        format_text(out->why, MACHINE_REASON, "the CPU with APIC id %u %s", m->census.stray_id, m->census.stray_why);
    }
}

/* A device that no unit translates is out of control, whatever the units can do. */
static void weigh_coverage(const struct machine *m, struct verdict *out)
{
    if (!m->covered) {
        out->ability = VTD_ABILITY_NONE;
        format_text(out->why, MACHINE_REASON,
                    "device %04x:%02x:%02x.%x is in the scope of no unit", m->uncovered_segment,
                    m->uncovered.bus, m->uncovered.device, m->uncovered.function);
    }
}

/* A device that reaches memory past the units is out of control, too. */
static void weigh_cached(const struct machine *m, struct verdict *out)
{
    if (m->doubts.cached) {
        out->ability = VTD_ABILITY_NONE;
        doubts_text(&m->doubts.first_cached, out->why);
    }
}

/* Most machines with such a device do better with Nestor than without; who would rather have the device says so. */
static bool prefers_native(const struct machine *m, const struct config *config, struct verdict *out)
{
    if (m->dmar_usable && m->doubts.limit_count > HANDOVER_LIMITS) {
        format_text(out->why, MACHINE_REASON, "SIDP restricts %u devices, Nestor has room for %u",
                    m->doubts.limit_count, HANDOVER_LIMITS);
        return true;
    }
    if (m->dmar_usable && config->native_if_doubtful && m->doubts.count != 0) {
        doubts_text(&m->doubts.list[0], out->why);
        return true;
    }
    return false;
}

/* The least able unit decides for all. */
static void weigh_units(const struct machine *m, struct verdict *out)
{
    out->ability = VTD_ABILITY_NESTED;
    format_text(out->why, MACHINE_REASON, "every unit has scalable mode with NEST, FSTS and SSTS");
    for (u32 i = 0; i < m->dmar.unit_count; i++) {
        const char *why;
        enum vtd_ability ability = vtd_caps_ability(m->units[i].cap, m->units[i].ecap, &why);
        if (ability < out->ability) {
            out->ability = ability;
            format_text(out->why, MACHINE_REASON, "unit %u at %llx: %s", i, m->dmar.units[i].base.v, why);
        }
    }
}

/* All of a guest's units are of one kind: the least able one decides. */
static enum guest_iommu choose_guest_iommu(enum guest_iommu asked, enum vtd_ability ability)
{
    if (ability == VTD_ABILITY_NONE) {
        return GUEST_IOMMU_NONE;
    }
    if (asked == GUEST_IOMMU_AUTO) {
        return ability == VTD_ABILITY_NESTED ? GUEST_IOMMU_NESTED : GUEST_IOMMU_SHADOW;
    }
    return asked == GUEST_IOMMU_NESTED && ability != VTD_ABILITY_NESTED ? GUEST_IOMMU_NONE : asked;
}

void verdict_reach(const struct machine *m, const struct config *config, struct verdict *out)
{
    *out = (struct verdict){.ability = VTD_ABILITY_NONE, .guest_iommu = GUEST_IOMMU_NONE};
    if (cannot_run(m, out)) {
        return;
    }
    if (m->dmar_usable) {
        weigh_units(m, out);
        out->guest_iommu = choose_guest_iommu(config->guest_iommu, out->ability);
        format_text(out->units_why, MACHINE_REASON, "%s", out->why);
        weigh_coverage(m, out);
        weigh_cached(m, out);
    } else {
        format_text(out->why, MACHINE_REASON, "%s", m->dmar_reason);
    }
    if (needs_interrupt_remapping(m, out)) {
        out->ability = VTD_ABILITY_NONE;
        return;
    }
    weigh_cpus(m, out);
    out->isolated = out->ability != VTD_ABILITY_NONE;
    out->start = (out->isolated || config->run_without_isolation) && !prefers_native(m, config, out);
}
