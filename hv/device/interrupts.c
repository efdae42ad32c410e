/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * See interrupts.h. The same entries stand in the tables of all units of the function's segment, whichever it is
 * behind: only its own source-id may use them.
 */
#include "hv/device/interrupts.h"

#include "hv/device/device.h"
#include "hv/machine/units.h"
#include "hv/partition/partition.h"
#include "iommu/port.h"
#include "iommu/spec/message.h"

enum {
    STEPS_POINT = 4, STEPS_TELL = 16,   /* of viommu.h, VIOMMU_BUDGET: an entry looked up and judged, a unit told */
    PASSED_A_STEP = 8,                  /* messages that are looked at only */
};

static bool set(struct vtd_unit *unit, u32 index, const struct irte *e)
{
    const struct irte *now = &vtd_irt_entries(unit)[index];
    bool change = now->w[0] != e->w[0] || now->w[1] != e->w[1];
    if (change) {
        vtd_irt_set(unit, index, e);
    }
    return change;
}

static bool set_all(const struct device *d, u32 number, const struct irte *e)
{
    bool changed = false;
    for (u32 i = 0; i < units_count(); i++) {
        changed |= units_has_functions(i) && set(units_get(i), d->interrupts.first + number, e);
    }
    return changed;
}

/* Invalidated and waited for (VT-d 6.5.2.7). */
static void tell(struct device *d, u32 number, u32 count)
{
    struct interrupts *s = &d->interrupts;
    for (u32 i = 0; count != 0 && i < units_count(); i++) {
        enum result r = vtd_irt_invalidate(units_get(i), s->first + number, count);
        if (r != OK && limit_due(&s->not_told)) {
            port_log(LOG_ERROR, "partition %s: unit %u may go on with interrupt entries of %#x of before: %s",
                     d->owner->config->name, i, d->function->source_id, result_text(r));
        }
    }
}

/* What message n of m comes to: by the guest's table, where it has one and uses it; else as it stands. */
static struct irte entry_of(const struct device *d, const struct message *m, u32 n, const char **why)
{
    const struct handover_function *f = d->function;
    const struct viommu *v = d->owner->has_viommus ? d->owner->viommus[f->unit] : NULL;
    struct irte e = {{0}};
    if (v != NULL && viommu_remap(v, f->source_id, m->address, message_data(m, n), &e, why)) {
        return e;
    }
    u32 apic_id;
    *why = message_judge(m, &apic_id);
    if (*why == NULL && !partition_has_targets(d->owner, apic_id / 16, 1u << apic_id % 16)) {
        *why = "destination";
    }
    return *why == NULL ? message_entry(m, f->source_id, n) : e;
}

/* True: it was another. A message that is not sent, as none is between two lives, may be refused without a word. */
static bool point(struct device *d, u32 number, const struct message *m, u32 n, bool sent)
{
    const char *why;
    const struct irte none = {{0}}, e = entry_of(d, m, n, &why);
    if (why != NULL && sent && d->interrupts.on && limit_due(&d->interrupts.refused)) {
        port_log(LOG_WARNING, "partition %s: message %u of %#x (0x%llx 0x%x) refused: %s (time %llu)",
                 d->owner->config->name, number, d->function->source_id, m->address, m->data, why,
                 d->interrupts.refused.count);
    }
    return set_all(d, number, d->interrupts.on ? &e : &none);
}

void interrupts_point(struct device *d, u32 number, const struct message *m)
{
    u32 changed = 0;
    /* What is behind its entries is another's, or behind the table: with `interrupts = none` it has none. */
    u32 end = partition_sources_messages(d->function);
    for (u32 n = 0; n < m->count && number + n < end; n++) {
        changed += point(d, number + n, m, n, true) ? 1 : 0;
    }
    tell(d, number, changed != 0 ? m->count : 0);
}

/* Message `number` as the guest has written it, one of several with this address: *n. *sent: it is turned on. */
static struct message message_of(const struct device *d, u32 number, u32 *n, bool *sent)
{
    const struct handover_function *f = d->function;
    struct message m = {.count = 0};
    if (f->msi != 0) {
        m = msi_registers_message(&d->interrupts.msi, f);
    }
    *n = number;
    *sent = number < m.count;
    if (m.count == 0 && f->msix != 0 && number < f->msix_vectors) {
        *n = 0;
        *sent = (d->interrupts.msix[number].words[MSIX_CONTROL] & MSIX_MASKED) == 0;
        m = msix_table_message(&d->interrupts.msix[number]);
    } else if (!*sent) {
        m = (struct message){.count = 0};
    }
    return m;
}

/* GUEST_INTERRUPTS: none. */
static u32 index_of(const struct message *m, u32 n)
{
    return message_in_range(m->address) && field_get(&m->address, MESSAGE_FORMAT) != 0
               ? message_index(m->address, message_data(m, n)) : GUEST_INTERRUPTS;
}

/* From *number on; false: the budget ended. */
static bool go_on(struct device *d, u32 first, u32 end, u32 *number, u32 *budget)
{
    u32 changed = 0, last = 0, count = partition_sources_messages(d->function);
    for (; *number < count && *budget != 0; ++*number) {
        u32 n;
        bool sent;
        const struct message m = message_of(d, *number, &n, &sent);
        bool meant = end - first == GUEST_INTERRUPTS || index_of(&m, n) - first < end - first;
        u32 steps = meant ? STEPS_POINT : *number % PASSED_A_STEP == 0;
        if (meant && point(d, *number, &m, n, sent)) {
            last = *number;
            changed++;
        }
        *budget -= least(*budget, steps);
    }
    tell(d, last, changed);
    *budget -= least(*budget, changed != 0 ? STEPS_TELL * units_count() : 0);
    return *number == count;
}

bool interrupts_changed(void *ctx, u32 first, u32 end, u32 *next, u32 *budget)
{
    struct device *d;
    for (u32 i = 0, base = 0; (d = device_get(i)) != NULL; i++) {
        u32 count = partition_sources_messages(d->function);
        if (d->owner == ctx && *next < base + count) {
            u32 number = *next - base;
            spin_lock(&d->interrupts.lock);
            bool done = go_on(d, first, end, &number, budget);
            spin_unlock(&d->interrupts.lock);
            *next = base + number;
            if (!done) {
                return false;
            }
        }
        base += count;
        *next = *next > base ? *next : base;
    }
    return true;
}

bool interrupts_index(void *ctx, u32 host, u32 *index)
{
    struct device *d;
    bool found = false;
    for (u32 i = 0; !found && (d = device_get(i)) != NULL; i++) {
        u32 number = host - d->interrupts.first, n;
        bool sent;
        found = d->owner == ctx && number < partition_sources_messages(d->function);
        if (found) {
            spin_lock(&d->interrupts.lock);
            const struct message m = message_of(d, number, &n, &sent);
            *index = index_of(&m, n) & 0xffff;
            spin_unlock(&d->interrupts.lock);
        }
    }
    return found;
}

void interrupts_begin(struct device *d)
{
    spin_lock(&d->interrupts.lock);
    d->interrupts.on = true;
    spin_unlock(&d->interrupts.lock);
}

void interrupts_end(struct device *d)
{
    const struct irte none = {{0}};
    bool changed = false;
    spin_lock(&d->interrupts.lock);
    d->interrupts.on = false;
    u32 count = partition_sources_messages(d->function);
    for (u32 n = 0; n < count; n++) {
        changed |= set_all(d, n, &none);
    }
    tell(d, 0, changed ? count : 0);
    spin_unlock(&d->interrupts.lock);
}

u64 interrupts_address(const struct device *d, u32 number)
{
    return message_address(d->interrupts.first + number);
}
