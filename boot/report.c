/* SPDX-License-Identifier: BSD-2-Clause */
/* See report.h. */
#include "boot/report.h"

#include "boot/console.h"

/*
 * A start at level info takes at most 60 lines, whatever the machine (tests/unit/boot/test_report): of each list the
 * first few are told, and what is equal to an earlier one is not decoded again. Level debug shows all.
 */
enum { UNITS_TOLD = 8, KINDS_TOLD = 3, REGIONS_TOLD = 4 };

/* Brand strings are padded on the left. */
static const char *brand_of(const struct cpu_facts *cpu)
{
    const char *brand = cpu->brand;
    while (*brand == ' ') {
        brand++;
    }
    return *brand != '\0' ? brand : cpu->vendor;
}

void report_cpu(const struct machine *m)
{
    const struct cpu_facts *cpu = &m->cpu;
    console_log(LOG_INFO, "CPU: %s, %s family %u model %u stepping %u, %u enabled, %u physical bits",
                brand_of(cpu), cpu->vendor, cpu->family, cpu->model, cpu->stepping,
                m->census.entering, cpu->physical_bits);
    if (cpu->key_id_bits != 0) {
        console_log(LOG_INFO, "memory encryption: the %u address bits above these are key ids", cpu->key_id_bits);
    }
    if (cpu->vmx) {
        char text[CPU_VMX_TEXT];
        cpu_vmx_text(cpu, text);
        console_log(LOG_INFO, "VMX: yes, %s", text);
    } else {
        console_log(LOG_INFO, "VMX: no");
    }
    if (m->census.phantoms != 0) {
        console_log(LOG_WARNING, "MADT lists %u APIC ids that no CPU can have (the first is 0x%x): ignored",
                    m->census.phantoms, m->census.phantom_id);
    }
}

static void report_wrong_sums(const struct acpi_tables *tables)
{
    char names[ACPI_WRONG_SUMS * 5 + 1] = "";
    for (u32 i = 0; i < tables->wrong_sum_count; i++) {
        for (u32 j = 0; j < 4; j++) {
            char c = (char)(tables->wrong_sums[i] >> 8 * j);
            names[5 * i + j] = c >= ' ' && c <= '~' ? c : '?';
        }
        names[5 * i + 4] = ' ';
    }
    if (tables->wrong_sum_count != 0) {
        console_log(LOG_WARNING, "ACPI tables with a wrong checksum, used all the same: %s", names);
    }
}

/* What Nestor makes of the tables that are not about units. */
void report_tables(const struct machine *m)
{
    char text[ACPI_SLEEP_TEXT];
    report_wrong_sums(&m->tables);
    acpi_sleep_text(&m->sleep, text);
    console_log(m->sleep.s5_found ? LOG_INFO : LOG_WARNING, "%s", text);
    if (m->sleep.elsewhere) {
        console_log(LOG_WARNING,
                    "FADT names a sleep register that is neither port nor memory: a sleep by it is not refused");
    }
}

static const char *scope_type_text(u8 type)
{
    static const char *const texts[] = {
        [VTD_SCOPE_ENDPOINT] = "endpoint", [VTD_SCOPE_BRIDGE] = "bridge",
        [VTD_SCOPE_IOAPIC] = "I/O APIC", [VTD_SCOPE_HPET] = "HPET",
        [VTD_SCOPE_NAMESPACE] = "ACPI device"};
    return type < ARRAY_LEN(texts) && texts[type] != NULL ? texts[type] : "unknown type";
}

static void report_scopes(const struct machine *m, struct vtd_dmar_run run)
{
    for (u32 i = 0; i < run.count; i++) {
        const struct vtd_dmar_scope *scope = vtd_dmar_scope_at(&m->dmar, run, i);
        const struct vtd_dmar_hop *hop = vtd_dmar_hop_at(&m->dmar, scope, 0);
        console_log(LOG_DEBUG, "  scope: %s %02x:%02x.%x%s", scope_type_text(scope->type),
                    scope->start_bus, hop->device, hop->function,
                    scope->hop_count > 1 ? " and further down" : "");
    }
}

/* Units of a machine are mostly alike. */
struct kinds {
    u32 first[KINDS_TOLD];
    u32 count;
};

static u32 kind_of(const struct machine *m, const struct kinds *kinds, u32 index)
{
    u32 kind = 0;
    while (kind < kinds->count && (m->units[kinds->first[kind]].cap != m->units[index].cap ||
                                   m->units[kinds->first[kind]].ecap != m->units[index].ecap)) {
        kind++;
    }
    return kind;
}

static void report_unit(const struct machine *m, struct kinds *kinds, u32 index)
{
    enum log_level level = index < UNITS_TOLD ? LOG_INFO : LOG_DEBUG;
    u32 kind = kind_of(m, kinds, index);
    const struct vtd_dmar_unit *unit = &m->dmar.units[index];
    const struct unit_registers *r = &m->units[index];
    char text[VTD_CAPS_TEXT];
    const char *why;
    enum vtd_ability ability = vtd_caps_ability(r->cap, r->ecap, &why);
    console_log(level, "unit %u: segment %u, registers %llx (%u KiB), version %u.%u, %s%s", index,
                unit->segment, unit->base.v, unit->window_size >> 10, r->version >> 4 & 0xf, r->version & 0xf,
                unit->include_all ? "all other devices" : "listed devices",
                (r->status >> 31) != 0 ? ", translating already" : "");
    if (kind < kinds->count) {
        console_log(LOG_DEBUG, "  as unit %u", kinds->first[kind]);
    } else {
        level = kind < KINDS_TOLD ? LOG_INFO : LOG_DEBUG;
        if (kind < KINDS_TOLD) {
            kinds->first[kinds->count++] = index;
        }
        vtd_cap_text(r->cap, text);
        console_log(level, "  unit %u: CAP  %016llx %s", index, r->cap, text);
        vtd_ecap_text(r->ecap, text);
        console_log(level, "  unit %u: ECAP %016llx %s", index, r->ecap, text);
        console_log(level, "  unit %u: able: %s: %s", index, vtd_ability_text(ability), why);
    }
    report_scopes(m, unit->scopes);
}

static void report_rest(u32 count, u32 told, const char *what)
{
    if (count > told) {
        console_log(LOG_INFO, "%u more %s, shown at level debug", count - told, what);
    }
}

/* Firmware's mistakes that cost nothing but a line. */
static void report_notes(const struct vtd_dmar *dmar)
{
    enum { SHOWN = 4 };
    for (u32 i = 0; i < dmar->note_count && i < SHOWN; i++) {
        const struct vtd_dmar_error *n = &dmar->notes[i];
        console_log(LOG_WARNING, "DMAR table, offset 0x%x: %s is 0x%llx: %s", n->offset, n->what, n->found,
                    n->expected);
    }
    if (dmar->note_count > SHOWN) {
        console_log(LOG_WARNING, "DMAR table: %u more mistakes of this kind", dmar->note_count - SHOWN);
    }
}

void report_units(const struct machine *m)
{
    const struct vtd_dmar *dmar = &m->dmar;
    if (!m->dmar_usable) {
        console_log(LOG_WARNING, "VT-d: %s", m->dmar_reason);
        return;
    }
    console_log(LOG_INFO, "VT-d: %u unit%s, host address width %u bits%s%s%s", dmar->unit_count,
                dmar->unit_count == 1 ? "" : "s", dmar->haw,
                dmar->intr_remap ? ", interrupt remapping" : "",
                dmar->x2apic_opt_out ? ", x2APIC opt-out" : "",
                dmar->dma_opt_in ? ", DMA opt-in" : "");
    report_notes(dmar);
    struct kinds kinds = {.count = 0};
    for (u32 i = 0; i < dmar->unit_count; i++) {
        report_unit(m, &kinds, i);
    }
    report_rest(dmar->unit_count, UNITS_TOLD, "units");
    if (m->units_may_come) {
        console_log(LOG_WARNING, "host bridges may bring units of their own later (_DSM); devices behind such a unit "
                    "would not be isolated");
    }
    for (u32 i = 0; i < dmar->region_count; i++) {
        console_log(i < REGIONS_TOLD ? LOG_INFO : LOG_DEBUG, "reserved for DMA: segment %u, %llx-%llx",
                    dmar->regions[i].segment, dmar->regions[i].base, dmar->regions[i].limit);
        report_scopes(m, dmar->regions[i].scopes);
    }
    report_rest(dmar->region_count, REGIONS_TOLD, "reserved regions");
    if (dmar->unknown_structures != 0) {
        console_log(LOG_INFO, "DMAR: %u structures of unknown type skipped",
                    dmar->unknown_structures);
    }
}

void report_doubts(const struct machine *m)
{
    const struct doubts *d = &m->doubts;
    for (u32 i = 0; m->dmar_usable && i < d->count && i < DOUBTS; i++) {
        char text[DOUBTS_TEXT];
        doubts_text(&d->list[i], text);
        console_log(LOG_WARNING, "%s", text);
    }
    if (m->dmar_usable && d->count > DOUBTS) {
        console_log(LOG_WARNING, "%u more devices of these kinds", d->count - DOUBTS);
    }
}

void report_verdict(const struct verdict *verdict)
{
    if (!verdict->start) {
        console_log(LOG_WARNING, "Nestor cannot run here: %s; booting natively", verdict->why);
    } else if (!verdict->isolated) {
        console_log(LOG_WARNING, "Nestor can run here, without DMA isolation, as configured: %s",
                    verdict->why);
    } else {
        console_log(LOG_INFO, "Nestor can run here: %s: %s", vtd_ability_text(verdict->ability),
                    verdict->why);
    }
    if (verdict->start && verdict->units_why[0] != '\0') {
        static const char *const texts[] = {[GUEST_IOMMU_NESTED] = "nested", [GUEST_IOMMU_SHADOW] = "shadowed",
                                            [GUEST_IOMMU_NONE] = "not shown"};
        console_log(LOG_INFO, "the guest's units are %s: %s", texts[verdict->guest_iommu], verdict->units_why);
    }
}
