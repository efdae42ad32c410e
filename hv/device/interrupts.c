/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * See interrupts.h. The same entries stand in every unit's table, whichever the function is behind: only its own
 * source-id may use them.
 */
#include "hv/device/interrupts.h"

#include "hv/device/device.h"
#include "hv/machine/units.h"
#include "hv/partition/partition.h"
#include "iommu/port.h"

static bool set(struct vtd_unit *unit, u32 index, const struct irte *e)
{
    const struct irte *now = &vtd_irt_entries(unit)[index];
    bool change = now->w[0] != e->w[0] || now->w[1] != e->w[1];
    if (change) {
        vtd_irt_set(unit, index, e);
    }
    return change;
}

/* Stored, invalidated and waited for (VT-d 6.5.2.7); NULL: not present. */
static void put(struct device *d, u32 number, u32 count, const struct message *m)
{
    struct interrupts *s = &d->interrupts;
    for (u32 i = 0; i < units_count(); i++) {
        bool changed = false;
        for (u32 n = 0; n < count; n++) {
            const struct irte e = m != NULL ? message_entry(m, d->function->source_id, n) : (struct irte){{0}};
            changed |= set(units_get(i), s->first + number + n, &e);
        }
        enum result r = changed ? vtd_irt_invalidate(units_get(i), s->first + number, count) : OK;
        if (r != OK && limit_due(&s->not_told)) {
            port_log(LOG_ERROR, "partition %s: unit %u may go on with interrupt entries of %#x of before: %s",
                     d->owner->config->name, i, d->function->source_id, result_text(r));
        }
    }
}

void interrupts_point(struct device *d, u32 number, const struct message *m)
{
    u32 apic_id;
    const char *why = message_judge(m, &apic_id);
    if (why == NULL && !partition_has_targets(d->owner, apic_id / 16, 1u << apic_id % 16)) {
        why = "destination";
    }
    if (why != NULL && limit_due(&d->interrupts.refused)) {
        port_log(LOG_WARNING, "partition %s: message %u of %#x (0x%llx 0x%x) refused: %s (time %llu)",
                 d->owner->config->name, number, d->function->source_id, m->address, m->data, why,
                 d->interrupts.refused.count);
    }
    put(d, number, m->count, why == NULL && d->interrupts.on ? m : NULL);
}

void interrupts_begin(struct device *d)
{
    spin_lock(&d->interrupts.lock);
    d->interrupts.on = true;
    spin_unlock(&d->interrupts.lock);
}

void interrupts_end(struct device *d)
{
    spin_lock(&d->interrupts.lock);
    d->interrupts.on = false;
    put(d, 0, partition_sources_messages(d->function), NULL);
    spin_unlock(&d->interrupts.lock);
}

u64 interrupts_address(const struct device *d, u32 number)
{
    return message_address(d->interrupts.first + number);
}
