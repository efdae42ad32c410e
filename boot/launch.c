/* SPDX-License-Identifier: BSD-2-Clause */
/* See launch.h. */
#include "boot/uefi.h"

#include "boot/base_registers.h"
#include "boot/console.h"
#include "boot/cpus.h"
#include "boot/hand_over.h"
#include "boot/launch.h"
#include "boot/partition.h"
#include "boot/pci.h"
#include "boot/place.h"
#include "boot/protect.h"
#include "boot/report.h"
#include "boot/room.h"
#include "boot/settings.h"
#include "boot/status_port.h"
#include "boot/status_table.h"
#include "boot/windows.h"
#include "drivers/tsc.h"

enum { STALL_US = 20000 };

static struct areas avoid;      /* memory that is not Nestor's to take */
static struct partitions partitions;

#define MIB (1ull << 20)
#define GIB (1ull << 30)

static u64 measure_tsc_khz(void)
{
    u64 before = tsc_read();
    BS->Stall(STALL_US);
    return (tsc_read() - before) * 1000 / STALL_US;
}

static u64 higher(u64 a, u64 b)
{
    return a > b ? a : b;
}

/* Everything that the image touches beside memory. */
static void list_touched(const struct machine *m, struct areas *out)
{
    const struct serial *serial = console_serial();
    enum { UART_REGISTERS = 8 };
    *out = (struct areas){.count = 0};
    for (u32 i = 0; m->dmar_usable && i < m->dmar.unit_count; i++) {
        areas_add(out, m->dmar.units[i].base.v, m->dmar.units[i].window_size);
    }
    if (m->ecam.base != 0) {
        areas_add(out, m->ecam.base, ((u64)m->ecam.last_bus + 1) << 20);
    }
    u64 bars_end = partition_bars_end(&partitions);
    areas_add(out, bars_end - 1, bars_end != 0 ? 1 : 0);
    for (u32 i = 0; i < m->sleep.count; i++) {
        areas_add(out, m->sleep.list[i].address, m->sleep.list[i].memory ? 2 : 0);
    }
    if (serial->kind == SERIAL_MMIO) {
        areas_add(out, serial->base, (u64)serial->stride * UART_REGISTERS);
    }
}

/* Firmware's buffers for DMA, regions that the config names. */
static void list_avoided(const struct machine *m, const struct config *config)
{
    avoid.count = 0;
    for (u32 i = 0; m->dmar_usable && i < m->dmar.region_count; i++) {
        areas_add(&avoid, m->dmar.regions[i].base, m->dmar.regions[i].limit + 1 - m->dmar.regions[i].base);
    }
    for (u32 i = 0; i < config->protect_count; i++) {
        areas_add(&avoid, config->protect[i].base, config->protect[i].size);
    }
}

/* What the CPU's tables and those of all units have. */
static u64 page_sizes(const struct machine *m)
{
    u64 sizes = PAGE_SIZE | (vmx_caps_has(&m->cpu.caps, VMX_WORD_EPT_VPID, EPT_2M) ? 2 * MIB : 0) |
                (vmx_caps_has(&m->cpu.caps, VMX_WORD_EPT_VPID, EPT_1G) ? GIB : 0);
    for (u32 i = 0; m->dmar_usable && i < m->dmar.unit_count; i++) {
        sizes &= vtd_cap_ss_page_sizes(m->units[i].cap);
    }
    return sizes;
}

static bool list_memory(const struct machine *m, u64 sizes, struct ranges *out)
{
    static struct areas windows;
    u32 table_bits = vmx_caps_has(&m->cpu.caps, VMX_WORD_EPT_VPID, EPT_WALK_5) ? 57 : 48;
    u32 bits = least(m->cpu.physical_bits, table_bits);
    const struct room_extras extras = {.dmar = m->dmar_usable ? &m->dmar : NULL, .pluggable = &m->pluggable,
                                       .windows = &windows, .limit = 1ull << bits};
    /* Whole windows cost a table a GiB without pages of that size; then the BARs there are, others on first use. */
    if ((sizes & GIB) != 0) {
        windows_of_bridges(&windows);
    } else {
        windows_of_devices(&windows);
    }
    if (windows.lost + m->pluggable.lost != 0) {
        console_log(LOG_WARNING, "no room for %u more device windows and %u of pluggable memory: mapped at first use",
                    windows.lost, m->pluggable.lost);
    }
    return room_list(&m->ranges, &extras, out) == OK;
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
        console_log(LOG_WARNING, "the firmware will not announce the end of boot services (status %llx): writes to "
                    "MSRs that Nestor does not know go on being dropped, where an OS would get #GP", (u64)status);
    }
}

static bool refuse(const char *step, enum result r, const struct handover *h)
{
    console_log(LOG_ERROR, "%s: %s%s%s; booting natively", step, result_text(r),
                h != NULL && h->reason[0] != '\0' ? ": " : "", h != NULL ? h->reason : "");
    return false;
}

/* A unit that does not go off walks tables there for as long as the machine runs; a CPU may still run there. */
static void give_back(const struct placement *p)
{
    if (p->handover->keep_memory == 0) {
        place_release(p);
    } else {
        console_log(LOG_ERROR, "Nestor's memory is still in use and stays reserved");
    }
}

/* All CPUs enter or none does. *known is a copy of what prepare wrote to the handover, which a guest cannot read. */
static bool enter_all(const struct placement *p, struct handover *known)
{
    enum result r = cpus_prepare(p);
    if (r != OK) {
        refuse("preparing the hypervisor failed", r, p->handover);
        give_back(p);
        return false;
    }
    CopyMem(known, p->handover, sizeof(*known));
    r = cpus_enter(p);
    if (r == OK) {
        return true;
    }
    refuse("a CPU could not enter", r, p->handover);
    if (cpus_abandon(p) == OK) {
        give_back(p);
    }
    return false;
}

/* First what Nestor adds: a firmware that goes on with its own count of tables would not see that one is gone. */
static void show_guest_its_tables(struct machine *m, const struct handover *h)
{
    const char *why = "";
    struct acpi_memory memory = machine_memory(m);
    if (h->status_port != 0 && !status_table_install(h->status_port)) {
        console_log(LOG_INFO, "the firmware takes no ACPI table of Nestor's: under a kernel in lockdown nestorctl will "
                    "have nothing to show");
    } else if (!machine_find_tables(m, &why)) {
        console_log(LOG_ERROR, "%s, after Nestor's table was added", why);
    }
    if (m->tables.dmar == 0) {
        return;
    }
    if (h->offer_viommu == 0) {
        acpi_hide_dmar(&memory, &m->tables);
    } else if (h->offer_interrupts == 0) {
        acpi_clear_intr_remap(&memory, &m->tables);
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
    u64 us = (tsc_read() - h->boot_tsc) * 1000 / h->tsc_khz;
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
        .ranges = &m->ranges, .dmar = m->dmar_usable ? &m->dmar : NULL,
        .own_base = h->memory_base, .own_size = h->memory_size,
        .rule = verdict->guest_iommu == GUEST_IOMMU_NESTED && !rule_is_lifted(m, config)};
    struct config_error error;
    char text[CONFIG_ERROR_TEXT];
    if (protect_check(config, &facts, &error)) {
        return true;
    }
    config_error_text(&error, text);
    console_log(LOG_ERROR, SETTINGS_FILE ", %s; booting natively", text);
    return false;
}

/* One for each unit that can have one, where firmware says that the platform remaps interrupts. */
static u32 interrupt_tables(const struct machine *m)
{
    u32 tables = 0;
    for (u32 i = 0; m->dmar_usable && m->dmar.intr_remap && i < m->dmar.unit_count; i++) {
        tables += vtd_ecap_get(m->units[i].ecap, VTD_ECAP_IR) != 0 ? 1 : 0;
    }
    return tables;
}

static u64 shadow_bytes(const struct machine *m, const struct config *config, const struct verdict *verdict)
{
    if (verdict->guest_iommu != GUEST_IOMMU_SHADOW) {
        return 0;
    }
    return config->shadow_mib != 0 ? config->shadow_mib * MIB : room_shadows(&m->ranges);
}

/* Placed, and the memory map as it is with that. ERR_QUOTA: no room; without shadows there may be some. */
static enum result place(struct machine *m, const struct config *config, const struct verdict *verdict,
                         struct placement *p, struct ranges *listed)
{
    static struct areas touched;
    const char *why = "";
    u64 sizes = page_sizes(m);
    if (!list_memory(m, sizes, listed)) {
        refuse("the lists of memory and of windows are too long", ERR_NO_MEMORY, NULL);
        return ERR_NO_MEMORY;
    }
    list_touched(m, &touched);
    u32 units = m->dmar_usable ? m->dmar.unit_count : 0;
    const struct room_need need = {
        .list = listed, .page_sizes = sizes, .two_roots = config->protect_count != 0, .cpus = m->census.entering,
        .units = units, .interrupt_tables = interrupt_tables(m),
        .functions = m->functions, .shadow_bytes = shadow_bytes(m, config, verdict),
        .partition_bytes = partition_pool(m, &partitions, units, sizes)};
    const struct place_request request = {
        .physical_end = room_physical_end(listed, touched.list, touched.count), .pool_bytes = room_pool(&need),
        .avoid = &avoid};
    enum result r = place_image(&request, p, &why);
    if (r == ERR_NO_MEMORY && need.shadow_bytes != 0) {
        console_log(LOG_WARNING, "there is no room for %llu MiB of shadow-memory: the guest is shown no units",
                    need.shadow_bytes / MIB);
        return ERR_QUOTA;
    }
    if (r != OK) {
        refuse(why, r, NULL);
        return r;
    }
    bool read = machine_read_ranges(m) && list_memory(m, sizes, listed);
    if (!read) {
        refuse("the firmware's memory map changed and is unusable", ERR_MALFORMED, NULL);
    } else if (protected_regions_are_possible(m, config, verdict, p->handover)) {
        p->handover->physical_end = request.physical_end;
        p->handover->guest_iommu = verdict->guest_iommu;
        p->handover->shadow_bytes = need.shadow_bytes;
        return OK;
    }
    place_release(p);
    return ERR_INVALID;
}

/* As place(); the console says why it did not come to it. */
static enum result become(struct machine *m, const struct config *config, const struct verdict *verdict, u64 boot_tsc)
{
    static struct handover known;
    static struct ranges listed;
    struct placement p;
    enum result r = place(m, config, verdict, &p, &listed);
    if (r != OK) {
        return r;
    }
    hand_over(m, config, &listed, &partitions, p.handover);
    p.handover->status_port = status_port_choose(m, config);
    p.handover->status_all = config->status_all;
    p.handover->rule_lifted = rule_is_lifted(m, config);
    p.handover->cpu_count = m->census.entering;
    p.handover->boot_tsc = boot_tsc;
    p.handover->tsc_khz = higher(measure_tsc_khz(), 1);
    if (!enter_all(&p, &known)) {
        return ERR_INVALID;
    }
    tell_end_of_boot_services();
    show_guest_its_tables(m, &known);
    partition_hide(m, &partitions);
    report(&known);
    report_base_registers(m);
    return OK;
}

static enum result attempt(struct machine *m, const struct config *config, const struct verdict *verdict,
                           EFI_HANDLE volume, u64 boot_tsc)
{
    partition_prepare(m, config, verdict, volume, &avoid, &partitions);
    enum result r = become(m, config, verdict, boot_tsc);
    if (r != OK) {
        partition_release(m, &partitions);
    }
    return r;
}

/* A guest without units is still isolated; that is more than a native one. Some machines cannot do without them. */
static enum result attempt_without_units(struct machine *m, const struct config *config, EFI_HANDLE volume,
                                         u64 boot_tsc)
{
    static struct config without;
    static struct verdict verdict;
    without = *config;
    without.guest_iommu = GUEST_IOMMU_NONE;
    verdict_reach(m, &without, &verdict);
    if (!verdict.start) {
        report_verdict(&verdict);
        return ERR_UNSUPPORTED;
    }
    return attempt(m, &without, &verdict, volume, boot_tsc);
}

bool launch(struct machine *m, const struct config *config, const struct verdict *verdict, EFI_HANDLE volume,
            u64 boot_tsc)
{
    if (!verdict->start) {
        return false;
    }
    list_avoided(m, config);
    enum result r = attempt(m, config, verdict, volume, boot_tsc);
    if (r == ERR_QUOTA) {
        r = attempt_without_units(m, config, volume, boot_tsc);
    }
    return r == OK;
}
