/*
 * What Nestor does on this machine, and the first reason that decides it. Some reasons leave the
 * user a choice (`without-isolation`). Those about interrupts do not: an OS that needs interrupt
 * remapping and does not find it could not start.
 */
#include "boot/machine.h"
#include "drivers/format.h"

enum { FIRST_WIDE_APIC_ID = 255 };

/* NULL: this machine does not need interrupt remapping. */
static const char *needs_interrupt_remapping(const struct machine *m)
{
    if (m->cpu.x2apic_locked) {
        return "the firmware locked x2APIC mode, which needs interrupt remapping";
    }
    if (m->cpus.highest_apic_id >= FIRST_WIDE_APIC_ID) {
        return "a CPU with an APIC id of 255 or more needs interrupt remapping";
    }
    for (u32 i = 0; m->dmar_usable && i < m->dmar.unit_count; i++) {
        if (vtd_ecap_get(m->units[i].ecap, VTD_ECAP_IRREQ) != 0) {
            return "a unit demands interrupt remapping (ECAP.IRREQ)";
        }
    }
    return NULL;
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

void verdict_reach(const struct machine *m, const struct config *config, struct verdict *out)
{
    *out = (struct verdict){.ability = VTD_ABILITY_NONE};
    const char *why = cpu_missing(&m->cpu);
    why = why != NULL ? why : needs_interrupt_remapping(m);
    if (why != NULL) {
        format_text(out->why, MACHINE_REASON, "%s", why);
        return;
    }
    if (m->dmar_usable) {
        weigh_units(m, out);
        weigh_coverage(m, out);
    } else {
        format_text(out->why, MACHINE_REASON, "%s", m->dmar_reason);
    }
    out->isolated = out->ability != VTD_ABILITY_NONE;
    out->start = out->isolated || config->run_without_isolation;
}
