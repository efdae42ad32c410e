/* See launch.h. */
#include "boot/uefi.h"

#include "boot/base_registers.h"
#include "boot/console.h"
#include "boot/cpus.h"
#include "boot/launch.h"
#include "boot/pci.h"
#include "boot/place.h"
#include "boot/protect.h"
#include "boot/settings.h"

enum { STALL_US = 20000 };

static u64 read_tsc(void)
{
    u32 low;
    u32 high;
    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
    return (u64)high << 32 | low;
}

static u64 measure_tsc_khz(void)
{
    u64 before = read_tsc();
    BS->Stall(STALL_US);
    return (read_tsc() - before) * 1000 / STALL_US;
}

static u64 higher(u64 a, u64 b)
{
    return a > b ? a : b;
}

/* The end of everything that the image touches: memory, units, configuration space, the first 4 GiB. */
static u64 physical_end(const struct machine *m)
{
    u64 end = higher(ranges_end(&m->ranges), 1ull << 32);
    for (u32 i = 0; m->dmar_usable && i < m->dmar.unit_count; i++) {
        end = higher(end, m->dmar.units[i].base.v + m->dmar.units[i].window_size);
    }
    if (m->ecam.base != 0) {
        end = higher(end, m->ecam.base + (((u64)m->ecam.last_bus + 1) << 20));
    }
    return end;
}

static u64 memory_bytes(const struct machine *m)
{
    u64 sum = 0;
    for (u32 i = 0; i < m->ranges.count; i++) {
        sum += m->ranges.list[i].kind != RANGE_MMIO ? m->ranges.list[i].size : 0;
    }
    return sum;
}

/* The highest of the harmful types is that of S3. */
static void hand_over_sleep(const struct acpi_sleep *sleep, struct handover *h)
{
    CopyMem(h->sleep, (VOID *)sleep->list, sizeof(h->sleep));
    h->sleep_count = sleep->count;
    for (u32 i = 0; i < sleep->count; i++) {
        const struct sleep_register *r = &sleep->list[i];
        u16 *port = r->port == 0 ? &h->pm1a_control : &h->pm1b_control;
        if (r->kind == SLEEP_CONTROL && !r->memory && *port == 0) {
            *port = (u16)r->address;
        }
    }
    h->s3_type = 0xff;
    for (u8 type = 0; type < 8; type++) {
        h->s3_type = (sleep->types[0].harmful >> type & 1) != 0 ? type : h->s3_type;
    }
}

static void hand_over_machine(const struct machine *m, u64 end, struct handover *h)
{
    CopyMem(h->ranges, (VOID *)m->ranges.list, sizeof(h->ranges));
    h->range_count = m->ranges.count;
    h->physical_end = end;
    h->dmar_present = m->dmar_usable;
    if (m->dmar_usable) {
        CopyMem(&h->dmar, (VOID *)&m->dmar, sizeof(h->dmar));
    }
    h->ecam_base = m->ecam.base;
    h->ecam_first_bus = m->ecam.first_bus;
    h->ecam_last_bus = m->ecam.last_bus;
    hand_over_sleep(&m->sleep, h);
}

static void hand_over_config(const struct config *config, struct handover *h)
{
    const struct serial *serial = console_serial();
    h->serial_kind = serial->kind;
    h->serial_base = serial->base;
    h->serial_stride = serial->stride;
    h->log_level = (u8)config->level;
    h->fatal = config->fatal;
    h->hypervisor_bit = config->hypervisor_bit;
    h->allow_no_isolation = config->run_without_isolation;
    h->protect_count = config->protect_count;
    CopyMem(h->protect, (VOID *)config->protect, sizeof(h->protect));
}

static VOID EFIAPI boot_services_end(EFI_EVENT event, VOID *context)
{
    (void)event;
    (void)context;
    __asm__ volatile("vmcall" : : "a"(HANDOVER_CALL_BOOT_SERVICES_END) : "memory");
}

/* From then on no firmware that nobody knows runs as the guest but its runtime services: Nestor may be stricter. */
static void tell_end_of_boot_services(void)
{
    EFI_EVENT event;
    EFI_STATUS status = BS->CreateEvent(EVT_SIGNAL_EXIT_BOOT_SERVICES, TPL_NOTIFY, boot_services_end, NULL, &event);
    if (EFI_ERROR(status)) {
        console_log(LOG_WARNING, "the end of boot services will not be told, status %llx: writes of unknown MSRs stay "
                    "without effect", (u64)status);
    }
}

static bool refuse(const char *step, enum result r, const struct handover *h)
{
    console_log(LOG_ERROR, "%s: %s%s%s; booting natively", step, result_text(r),
                h != NULL && h->reason[0] != '\0' ? ": " : "", h != NULL ? h->reason : "");
    return false;
}

/* All CPUs enter or none does. *known is a copy of what prepare wrote to the handover, which a guest cannot read. */
static bool enter_all(const struct placement *p, struct handover *known)
{
    enum result r = cpus_prepare(p);
    if (r != OK) {
        refuse("preparing the hypervisor failed", r, p->handover);
        place_release(p);
        return false;
    }
    CopyMem(known, p->handover, sizeof(*known));
    r = cpus_enter(p);
    if (r == OK) {
        return true;
    }
    refuse("a CPU could not enter", r, p->handover);
    if (cpus_abandon(p) == OK) {
        place_release(p);
    }
    return false;
}

static void show_guest_its_tables(struct machine *m, const struct handover *h)
{
    struct acpi_memory memory = machine_memory(m);
    if (m->tables.dmar == 0) {
        return;
    }
    if (h->offer_viommu != 0) {
        acpi_clear_intr_remap(&memory, &m->tables);
    } else {
        acpi_hide_dmar(&memory, &m->tables);
    }
}

/* Writes to these registers are not intercepted, so the console at least says which of them are locked. */
static void report_base_registers(struct machine *m)
{
    struct pci_config config = pci_by_window(&m->ecam);
    struct base_registers b;
    char text[BASE_REGISTERS_TEXT];
    if (m->dmar_usable) {
        base_registers_check(&m->dmar, m->ecam.base != 0 ? &config : NULL, &b);
        base_registers_text(&b, text);
        console_log(LOG_WARNING, "%s", text);
    }
}

static void report(const struct handover *h)
{
    u64 us = (read_tsc() - h->boot_tsc) * 1000 / h->tsc_khz;
    console_log(LOG_INFO, "Nestor runs: %u CPU%s, %llu KiB at %llx, guest IOMMU %s, after %llu.%03llu ms",
                h->cpu_count, h->cpu_count == 1 ? "" : "s", h->memory_size >> 10, h->memory_base,
                h->offer_viommu != 0 ? "offered" : "not offered", us / 1000, us % 1000);
}

static bool rule_is_lifted(const struct machine *m, const struct config *config)
{
    return config->rule_affected_only && !protect_cpu_is_affected(&m->cpu);
}

static bool protected_regions_are_possible(const struct machine *m, const struct config *config,
                                           const struct verdict *verdict,
                                           const struct handover *h)
{
    const struct protect_machine facts = {
        .ranges = &m->ranges, .own_base = h->memory_base, .own_size = h->memory_size,
        .rule = verdict->ability == VTD_ABILITY_NESTED && !rule_is_lifted(m, config)};
    struct config_error error;
    char text[CONFIG_ERROR_TEXT];
    if (protect_check(config, &facts, &error)) {
        return true;
    }
    config_error_text(&error, text);
    console_log(LOG_ERROR, SETTINGS_FILE ", %s; booting natively", text);
    return false;
}

bool launch(struct machine *m, const struct config *config, const struct verdict *verdict,
            u64 boot_tsc)
{
    static struct handover known;
    struct placement p;
    const char *why = "";
    u32 cpus = m->census.entering;
    if (!verdict->start) {
        return false;
    }
    struct place_request request = {physical_end(m), memory_bytes(m), cpus};
    enum result r = place_image(&request, &p, &why);
    if (r != OK) {
        return refuse(why, r, NULL);
    }
    if (!machine_read_ranges(m)) {
        place_release(&p);
        return refuse("the firmware's memory map changed and is unusable", ERR_MALFORMED, NULL);
    }
    if (!protected_regions_are_possible(m, config, verdict, p.handover)) {
        place_release(&p);
        return false;
    }
    hand_over_machine(m, request.physical_end, p.handover);
    hand_over_config(config, p.handover);
    p.handover->rule_lifted = rule_is_lifted(m, config);
    p.handover->cpu_count = cpus;
    p.handover->boot_tsc = boot_tsc;
    p.handover->tsc_khz = higher(measure_tsc_khz(), 1);
    if (!enter_all(&p, &known)) {
        return false;
    }
    tell_end_of_boot_services();
    show_guest_its_tables(m, &known);
    report(&known);
    report_base_registers(m);
    return true;
}
