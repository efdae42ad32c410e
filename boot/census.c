/* SPDX-License-Identifier: BSD-2-Clause */
/* See census.h. */
#include "boot/census.h"

enum { FIRST_WIDE_APIC_ID = 255 };

static const struct surveyed_cpu *find(const struct survey *s, u32 apic_id)
{
    for (u32 i = 0; i < s->count && i < ACPI_CPUS; i++) {
        if (s->list[i].apic_id == apic_id) {
            return &s->list[i];
        }
    }
    return NULL;
}

u32 census_ids(const struct survey *survey, u32 boot_id, u32 ids[ACPI_CPUS])
{
    u32 count = 0;
    ids[count++] = boot_id;
    for (u32 i = 0; i < survey->count && i < ACPI_CPUS && count < ACPI_CPUS; i++) {
        if (survey->list[i].enabled && survey->list[i].apic_id != boot_id) {
            ids[count++] = survey->list[i].apic_id;
        }
    }
    return count;
}

static void note_stray(struct census *out, u32 apic_id, const char *why)
{
    if (!out->stray) {
        out->stray = true;
        out->stray_id = apic_id;
        out->stray_why = why;
    }
}

static void look_at_survey(const struct survey *s, struct census *out)
{
    for (u32 i = 0; i < s->count && i < ACPI_CPUS; i++) {
        const struct surveyed_cpu *c = &s->list[i];
        if (!c->enabled) {
            continue;
        }
        out->entering++;
        out->highest_id = c->apic_id > out->highest_id ? c->apic_id : out->highest_id;
        if (!c->answered) {
            note_stray(out, c->apic_id, "does not run what the firmware gives it to run");
            continue;
        }
        out->x2apic_on = out->x2apic_on || c->x2apic_on || c->x2apic_locked;
        out->x2apic_locked = out->x2apic_locked || c->x2apic_locked;
        if (c->missing != NULL && out->missing == NULL) {
            out->missing = c->missing;
            out->missing_id = c->apic_id;
        }
    }
}

/*
 * An id of 255 or more belongs to a CPU that the firmware has put into x2APIC mode. If no CPU is in
 * that mode, no CPU has such an id, and kernels skip the entry as well. A CPU with a smaller id
 * that the firmware does not reach may be there.
 */
static void look_at_madt(const struct acpi_cpus *madt, const struct survey *s, struct census *out)
{
    for (u32 i = 0; i < madt->count && i < ACPI_CPUS; i++) {
        u32 id = madt->ids[i];
        const struct surveyed_cpu *known = find(s, id);
        if (known != NULL && !known->enabled) {
            note_stray(out, id, "is listed in MADT and turned off by the firmware's MP services");
        } else if (known == NULL && id >= FIRST_WIDE_APIC_ID && !out->x2apic_on) {
            out->phantom_id = out->phantoms == 0 ? id : out->phantom_id;
            out->phantoms++;
        } else if (known == NULL) {
            note_stray(out, id, s->services ? "is listed in MADT and unknown to the firmware's MP services"
                                            : "cannot be reached, as the firmware has no MP services");
        }
    }
}

void census_take(const struct acpi_cpus *madt, const struct survey *survey, struct census *out)
{
    *out = (struct census){.entering = 0};
    look_at_survey(survey, out);
    look_at_madt(madt, survey, out);
    if (survey->count > ACPI_CPUS || madt->count > ACPI_CPUS) {
        note_stray(out, 0, "is one of more than Nestor has room for");
    }
}
