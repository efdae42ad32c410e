/* SPDX-License-Identifier: BSD-2-Clause */
/* See machine.h. Reads only. */
#include "boot/uefi.h"

#include "boot/acpi_blocks.h"
#include "boot/base_registers.h"
#include "boot/cpus.h"
#include "boot/dmar.h"
#include "boot/machine.h"
#include "boot/pci.h"
#include "drivers/format.h"
#include "drivers/mmio.h"

static EFI_GUID acpi_20_guid = ACPI_20_TABLE_GUID;
static EFI_GUID acpi_10_guid = ACPI_TABLE_GUID;

typedef enum result (*map_reader)(const void *descriptors, size_t count, size_t stride, struct ranges *out);

/* The allocation that holds the map adds to the map. */
static bool read_map(map_reader reader, struct ranges *out)
{
    UINTN size = 0;
    UINTN key;
    UINTN stride;
    UINT32 version;
    UINT8 *map = NULL;
    EFI_STATUS status = BS->GetMemoryMap(&size, NULL, &key, &stride, &version);
    for (UINTN tries = 0; status == EFI_BUFFER_TOO_SMALL && tries < 4; tries++) {
        if (map != NULL) {
            FreePool(map);
        }
        size += 8 * stride;
        map = AllocatePool(size);
        status = map == NULL ? EFI_OUT_OF_RESOURCES
                             : BS->GetMemoryMap(&size, (EFI_MEMORY_DESCRIPTOR *)(VOID *)map, &key,
                                                &stride, &version);
    }
    bool read = !EFI_ERROR(status) && map != NULL && reader(map, size / stride, stride, out) == OK;
    if (map != NULL) {
        FreePool(map);
    }
    return read;
}

bool machine_read_ranges(struct machine *m)
{
    return read_map(ranges_from_map, &m->ranges);
}

bool machine_read_free(struct ranges *out)
{
    return read_map(ranges_free_from_map, out);
}

static void *listed_memory(void *ctx, u64 addr, u64 size)
{
    const struct machine *m = ctx;
    return ranges_cover(&m->ranges, addr, size) ? (void *)(uintptr_t)addr : NULL;
}

struct acpi_memory machine_memory(struct machine *m)
{
    return (struct acpi_memory){listed_memory, m};
}

static u64 find_rsdp(void)
{
    VOID *rsdp = NULL;
    if (EFI_ERROR(LibGetSystemConfigurationTable(&acpi_20_guid, &rsdp)) &&
        EFI_ERROR(LibGetSystemConfigurationTable(&acpi_10_guid, &rsdp))) {
        return 0;
    }
    return (u64)(uintptr_t)rsdp;
}

static void read_units(struct machine *m)
{
    enum { VER = 0x00, CAP = 0x08, ECAP = 0x10, GSTS = 0x1c };
    for (u32 i = 0; i < m->dmar.unit_count; i++) {
        u64 base = m->dmar.units[i].base.v;
        m->units[i] = (struct unit_registers){.version = mmio_read32(base + VER),
                                              .status = mmio_read32(base + GSTS),
                                              .cap = mmio_read64(base + CAP),
                                              .ecap = mmio_read64(base + ECAP)};
    }
}

static void count_functions(struct machine *m)
{
    struct acpi_memory memory = machine_memory(m);
    struct pci_config config = pci_by_ports();
    struct acpi_ecam window;
    m->functions = m->ecam.base == 0 ? coverage_functions(&config, doubts_look, &m->doubts) : 0;
    for (u32 i = 0; acpi_mcfg_window(&memory, m->tables.mcfg, i, &window); i++) {
        if (window.base != 0) {
            config = pci_by_window(&window);
            m->functions += coverage_functions(&config, doubts_look, &m->doubts);
        }
    }
}

static void read_coverage(struct machine *m, const struct pci_config *config)
{
    if (m->covered) {
        m->covered = coverage_complete(&m->dmar, config, &m->uncovered);
        m->uncovered_segment = config->segment;
    }
}

/* Segment 0 first, all its buses by ports and what is in extended space by its window, then those that MCFG lists. */
static void read_devices(struct machine *m)
{
    bool scalable[VTD_DMAR_UNITS];
    const char *why;
    struct acpi_memory memory = machine_memory(m);
    struct pci_config config = pci_by_ports();
    struct acpi_ecam window;
    for (u32 i = 0; i < m->dmar.unit_count; i++) {
        scalable[i] = vtd_caps_ability(m->units[i].cap, m->units[i].ecap, &why) > VTD_ABILITY_LEGACY;
    }
    m->covered = true;
    read_coverage(m, &config);
    config = m->ecam.base != 0 ? pci_by_window(&m->ecam) : config;
    doubts_listed(&m->dmar, &config, scalable, &m->doubts);
    for (u32 i = 0; acpi_mcfg_window(&memory, m->tables.mcfg, i, &window); i++) {
        if (window.segment != 0 && window.base != 0) {
            config = pci_by_window(&window);
            read_coverage(m, &config);
            doubts_listed(&m->dmar, &config, scalable, &m->doubts);
        }
    }
}

static void read_dmar(struct machine *m)
{
    struct acpi_memory memory = machine_memory(m);
    u32 length = m->tables.dmar == 0 ? 0 : acpi_length(&memory, m->tables.dmar);
    const void *table = length == 0 ? NULL : memory.at(memory.ctx, m->tables.dmar, length);
    m->dmar_usable = false;
    if (table == NULL && m->tables.dmar != 0) {
        format_text(m->dmar_reason, MACHINE_REASON, "the DMAR table at %llx is unreadable", m->tables.dmar);
        return;
    }
    m->dmar_usable = dmar_take(table, length, &m->dmar, m->dmar_reason, MACHINE_REASON);
    if (!m->dmar_usable) {
        return;
    }
    if (m->ecam.base != 0) {
        struct pci_config config = pci_by_window(&m->ecam);
        base_registers_widen(&m->dmar, &config);
    }
    m->units_may_come = acpi_units_may_come(&memory, &m->tables);
    read_units(m);
    read_devices(m);
}

bool machine_find_tables(struct machine *m, const char **why)
{
    struct acpi_memory memory = machine_memory(m);
    return acpi_find(&memory, find_rsdp(), &m->tables, why) == OK;
}

bool machine_read(struct machine *m, const char **why)
{
    struct acpi_memory memory = machine_memory(m);
    cpu_read(&m->cpu);
    if (!machine_read_ranges(m)) {
        *why = "the firmware's memory map is unusable";
        return false;
    }
    if (!machine_find_tables(m, why)) {
        return false;
    }
    acpi_madt_cpus(&memory, m->tables.madt, &m->cpus);
    cpus_survey(&m->survey);
    census_take(&m->cpus, &m->survey, &m->census);
    m->ecam = acpi_mcfg_segment(&memory, m->tables.mcfg, 0);
    acpi_read_sleep(&memory, &m->tables, &m->sleep);
    acpi_read_pluggable(&memory, &m->tables, &m->pluggable);
    m->doubts = (struct doubts){.count = 0};
    read_dmar(m);
    count_functions(m);
    return true;
}
