/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * See partition.h. The store of a partition has what its memory is filled from at each start:
 *
 *   image, initrd     as the files are
 *   information       of its boot protocol
 *   tables            ACPI
 *   reset             code at the reset vector
 */
#include "boot/uefi.h"

#include "boot/acpi_scopes.h"
#include "boot/cache.h"
#include "boot/console.h"
#include "boot/function.h"
#include "boot/function_path.h"
#include "boot/function_take.h"
#include "boot/program.h"
#include "boot/measure.h"
#include "boot/partition.h"
#include "boot/partition_acpi.h"
#include "boot/partition_check.h"
#include "boot/pci.h"
#include "boot/place.h"
#include "boot/room.h"
#include "boot/settings.h"
#include "boot/volume.h"
#include "drivers/format.h"
#include "iommu/spec/entries.h"

#define MIB (1ull << 20)

enum { STORE_GRANULE = 2 << 20, CPUS_TEXT = 64 };

static u32 cpu_ids[ACPI_CPUS];
static u32 cpu_count;

/* What is known of a partition while it is made. */
struct making {
    const struct config_partition *config;
    struct handover_partition *out;
    struct partition_pci pci;
    struct program_file image, initrd;
    struct program_start start;
    struct config_error *error;
};

static bool refuse(struct making *m, const char *key, const char *expected)
{
    config_partition_mistake(m->config, key, expected, m->error);
    return false;
}

/* --- files --- */

static void measure(const struct program_file *file, const char *name)
{
    EFI_STATUS status = measure_file(file->bytes, (UINTN)file->size, name);
    if (EFI_ERROR(status) && status != EFI_UNSUPPORTED) {
        console_log(LOG_WARNING, "%s is not measured, status %llx: the TPM's log does not have it", name, (u64)status);
    }
}

static bool read_file(struct making *m, EFI_HANDLE volume, const char *key, const char *path, struct program_file *out)
{
    CHAR16 name[CONFIG_IMAGE];
    char event[32];
    char expected[80];
    EFI_STATUS status;
    UINTN size = 0;
    UINTN i = 0;
    for (; path[i] != '\0'; i++) {
        name[i] = (CHAR16)(path[i] == '/' ? '\\' : path[i]);
    }
    name[i] = 0;
    out->bytes = volume_read_file(volume, name, (UINTN)m->config->memory_size, &size, &status);
    out->size = size;
    if (out->bytes == NULL) {
        format_text(expected, sizeof(expected), "a file that can be read and fits its memory (status %llx)",
                    (u64)status);
        return refuse(m, key, expected);
    }
    format_text(event, sizeof(event), "%s %s", m->config->name, key);
    measure(out, event);
    return true;
}

static void free_file(struct program_file *file)
{
    if (file->bytes != NULL) {
        FreePool((VOID *)file->bytes);
    }
}

static bool open_image(struct making *m, EFI_HANDLE volume)
{
    struct program_refusal why;
    if (!read_file(m, volume, "image", m->config->image, &m->image) ||
        (m->config->initrd[0] != '\0' && !read_file(m, volume, "initrd", m->config->initrd, &m->initrd))) {
        return false;
    }
    const struct program_request request = {
        .partition = m->out, .image = m->image, .initrd = m->initrd, .arguments = m->config->arguments,
        .raw = m->config->raw, .raw_address = m->config->raw_address, .no_remapping = !m->out->nested_units};
    return program_open(&request, &m->start, &why) || refuse(m, why.key, why.expected);
}

/* --- memory --- */

static bool reserve_memory(struct making *m, const struct areas *avoid)
{
    static struct areas around;
    char expected[80];
    struct handover_partition *p = m->out;
    u64 base = m->config->memory_at;
    bool reserved = m->config->memory_placed ? place_reserve_at(p->memory_size, base)
                                             : place_reserve(p->memory_size, avoid, &base);
    if (!reserved) {
        format_text(expected, sizeof(expected), "memory that the firmware has free, %llu MiB in one piece",
                    p->memory_size / MIB);
        return refuse(m, "memory", expected);
    }
    p->memory_base = base;
    partition_pci_areas(&m->pci, &around);
    partition_map(p, &around);
    return true;
}

static void add_load(struct handover_partition *p, u64 gpa, const void *bytes, u64 size, u64 *at)
{
    CopyMem((VOID *)(uintptr_t)*at, (VOID *)bytes, (UINTN)size);
    p->loads[p->load_count++] = (struct partition_load){.gpa = gpa, .from = *at, .size = size};
    *at = (*at + size + PAGE_MASK) & ~PAGE_MASK;
}

/*
 * mov dx, port; mov al, 6; out dx, al; again: hlt; jmp again. With reduced hardware Linux expects to be reset by EFI,
 * and where there is none goes to where a CPU begins, in real mode.
 */
static void add_reset_vector(struct handover_partition *p, u64 *at)
{
    const u8 code[] = {0xba, (u8)p->reset_port, (u8)(p->reset_port >> 8), 0xb0, 6, 0xee, 0xf4, 0xeb, 0xfd};
    add_load(p, PARTITION_RESET, code, sizeof(code), at);
}

static u64 bytes_to_store(const struct program_start *start)
{
    u64 bytes = 0;
    for (u32 i = 0; i < start->count; i++) {
        bytes += (start->pieces[i].file_size + PAGE_MASK) & ~PAGE_MASK;
    }
    return bytes;
}

static bool fill_store(struct making *m, const struct areas *avoid)
{
    static struct partition_tables tables;
    struct handover_partition *p = m->out;
    partition_acpi_build(p, cpu_ids, cpu_count, &m->pci, &tables);
    u64 size = bytes_to_store(&m->start) + sizeof(tables.bytes) + PAGE_SIZE;
    size = (size + STORE_GRANULE - 1) & ~(u64)(STORE_GRANULE - 1);
    if (!place_reserve(size, avoid, &p->store_base)) {
        return refuse(m, "image", "files for which the firmware has memory free, in one piece");
    }
    p->store_size = size;
    u64 at = p->store_base;
    for (u32 i = 0; i < m->start.count; i++) {
        const struct program_piece *piece = &m->start.pieces[i];
        if (piece->file_size != 0) {
            add_load(p, piece->gpa, piece->bytes, piece->file_size, &at);
        }
    }
    add_load(p, PARTITION_TABLES, tables.bytes, tables.size, &at);
    add_reset_vector(p, &at);
    return true;
}

/* --- one partition --- */

static struct partition_pci pci_of(const struct machine *m, const struct partitions *partitions, u32 index)
{
    return (struct partition_pci){.ecam_base = partitions->ecam_base, .functions = partitions->functions.list,
                                  .count = partitions->functions.count, .partition = (u8)index,
                                  .dmar = partitions->list[index].nested_units ? &m->dmar : NULL};
}

static void take_config(const struct config_partition *c, struct handover_partition *p)
{
    *p = (struct handover_partition){.memory_size = c->memory_size, .restarts = c->restarts, .console = c->console,
                                     .watchdog_s = c->watchdog_s, .watchdog_port = 0x602,
                                     .later = c->later, .root_controls = c->root_controls,
                                     .uart_port = c->console == PARTITION_CONSOLE_VIRTUAL ? SERIAL_PORT_COM1 : 0,
                                     .own_uart_port = c->console == PARTITION_CONSOLE_COM2 ? SERIAL_PORT_COM2 : 0,
                                     .reset_port = 0xcf9, .sleep_control_port = 0x600, .sleep_status_port = 0x601,
                                     .sleep_off = 5};
    CopyMem(p->name, (VOID *)c->name, sizeof(p->name));
    CopyMem(p->cpus, (VOID *)c->cpus, sizeof(p->cpus));
}

/* Of the units that its functions are behind, the first that cannot nest; NULL: all can, or there are none. */
static const struct handover_function *not_nesting(const struct machine *m, const struct partition_pci *pci)
{
    const char *why;
    for (u32 i = 0; i < pci->count; i++) {
        const struct handover_function *f = &pci->functions[i];
        const struct unit_registers *unit = &m->units[f->unit];
        if (partition_pci_is_meant(pci, i) && vtd_caps_ability(unit->cap, unit->ecap, &why) != VTD_ABILITY_NESTED) {
            return f;
        }
    }
    return NULL;
}

/* A partition without functions has nothing behind a unit. */
static bool choose_units(const struct machine *machine, struct making *m)
{
    char expected[80];
    const struct handover_function *f = not_nesting(machine, &m->pci);
    bool wanted = m->config->units != GUEST_IOMMU_NONE && partition_pci_count(&m->pci) != 0;
    if (wanted && f != NULL && m->config->units == GUEST_IOMMU_NESTED) {
        format_text(expected, sizeof(expected), "auto or none, as the unit of %#x cannot nest", f->source_id);
        return refuse(m, "guest-iommu", expected);
    }
    m->out->nested_units = wanted && f == NULL;
    m->pci.dmar = m->out->nested_units ? &machine->dmar : NULL;
    if (wanted && f != NULL) {
        console_log(LOG_INFO, "partition %s: no unit of its own, as that of %#x cannot nest", m->out->name,
                    f->source_id);
    }
    return true;
}

static void cpus_text(const struct handover_partition *p, char text[CPUS_TEXT])
{
    size_t length = 0;
    text[0] = '\0';
    for (u32 first = 0; first < cpu_count && length < CPUS_TEXT; first++) {
        u32 last = first;
        if (!partition_has_cpu(p->cpus, first)) {
            continue;
        }
        while (last + 1 < cpu_count && partition_has_cpu(p->cpus, last + 1)) {
            last++;
        }
        length += format_text(text + length, CPUS_TEXT - length, length == 0 ? "%u" : ",%u", first);
        if (last != first && length < CPUS_TEXT) {
            length += format_text(text + length, CPUS_TEXT - length, "-%u", last);
        }
        first = last;
    }
}

static void report(const struct making *m)
{
    const struct handover_partition *p = m->out;
    char cpus[CPUS_TEXT];
    cpus_text(p, cpus);
    console_log(LOG_INFO, "partition %s: CPUs %s, %llu MiB at %llx, %s image %s of %llu KiB enters at %x", p->name,
                cpus, p->memory_size / MIB, p->memory_base, m->start.format, m->config->image, m->image.size >> 10,
                p->eip);
    if (m->start.noapic_added) {
        console_log(LOG_INFO, "partition %s: `noapic` is added to its arguments, as it has no I/O APIC", p->name);
    }
}

static bool make(struct making *m, EFI_HANDLE volume, const struct areas *avoid)
{
    bool made = reserve_memory(m, avoid) && open_image(m, volume) && fill_store(m, avoid);
    if (made) {
        m->out->eip = m->start.eip;
        m->out->eax = m->start.eax;
        m->out->ebx = m->start.ebx;
        m->out->esi = m->start.esi;
        report(m);
    }
    free_file(&m->image);
    free_file(&m->initrd);
    return made;
}

/* --- all --- */

static void release(u64 base, u64 size)
{
    if (base != 0) {
        BS->FreePages(base, (UINTN)(size / PAGE_SIZE));
    }
}

void partition_release(struct machine *m, const struct partitions *partitions)
{
    const struct pci_config pci = pci_by_window(&m->ecam);
    for (u32 i = 0; i < partitions->functions.taken; i++) {
        function_take_back(&pci, &partitions->functions.list[i]);
    }
    for (u32 i = 0; i < partitions->count; i++) {
        const struct handover_partition *p = &partitions->list[i];
        release(p->memory_base, p->memory_size);
        release(p->store_base, p->store_size);
    }
}

/* At a level at which no driver of the firmware's runs, as BARs are sized. */
static bool check_functions(struct machine *m, const struct config *config, EFI_HANDLE volume, struct partitions *out,
                            struct config_error *error)
{
    const struct pci_config pci = pci_by_window(&m->ecam);
    struct function_machine facts = {.machine = m, .config = m->ecam.base != 0 ? &pci : NULL,
                                     .interrupts_missing = out->interrupts_missing, .serial = *console_serial()};
    facts.loaded_known = function_take_find(volume, &facts.loaded_from);
    EFI_TPL level = BS->RaiseTPL(TPL_HIGH_LEVEL);
    bool right = function_check(config, &facts, &out->functions, error);
    BS->RestoreTPL(level);
    return right;
}

static bool take_functions(struct machine *m, const struct config *config, struct functions *functions,
                           struct config_error *error)
{
    const struct pci_config pci = pci_by_window(&m->ecam);
    for (u32 i = 0; i < functions->count; i++) {
        const struct handover_function *f = &functions->list[i];
        const char *expected = function_take(&pci, f);
        functions->taken++;
        if (expected != NULL) {
            config_device_mistake(function_device(config, f), expected, error);
            return false;
        }
    }
    struct pci_function port;
    u32 unable = functions->count != 0 ? function_path_validate(&pci, &port) : 0;
    if (unable != 0) {
        console_log(LOG_WARNING, "%u root ports, %02x:%02x.%x first, do not check source-ids: devices behind them can "
                    "use those of partitions' functions", unable, port.bus, port.device, port.function);
    }
    return true;
}

static void report_function(const struct functions *functions, u32 index, const char *partition)
{
    static const char *const resets[] = {
        [HANDOVER_RESET_NONE] = "no reset", [HANDOVER_RESET_FLR] = "function-level reset",
        [HANDOVER_RESET_AF] = "function-level reset (AF)", [HANDOVER_RESET_D3HOT] = "reset by D3hot"};
    const struct handover_function *f = &functions->list[index];
    struct pci_function at = function_of(f->source_id);
    console_log(LOG_INFO, "partition %s: device %04x:%02x:%02x.%x, MSI %u, MSI-X %u, %s", partition, f->segment, at.bus,
                at.device, at.function, f->msi_vectors, f->msix_vectors, resets[f->reset]);
    if (!f->behind_port) {
        console_log(LOG_WARNING, "partition %s: %02x:%02x.%x is on a root bus, where nothing keeps other devices from "
                    "using its source-id", partition, at.bus, at.device, at.function);
    }
    const struct partition_pci pci = {.functions = functions->list, .count = functions->count,
                                      .partition = f->partition};
    if (!partition_pci_is_found(&pci, index)) {
        console_log(LOG_WARNING, "partition %s: %02x:%02x.%x comes without function 0 of its device, without which "
                    "most systems do not look for it", partition, at.bus, at.device, at.function);
    }
}

/* What answers there is left as Nestor sets its own UART up: 8 data bits, no parity, no interrupts. */
static const char *com2_missing(const struct config *config)
{
    struct serial uart = {.kind = SERIAL_PORT, .base = SERIAL_PORT_COM2, .stride = 1};
    u32 i = 0;
    while (i < config->partition_count && config->partitions[i].console != PARTITION_CONSOLE_COM2) {
        i++;
    }
    if (i == config->partition_count) {
        return NULL;
    }
    if (console_serial()->kind == SERIAL_PORT && console_serial()->base == SERIAL_PORT_COM2) {
        return "virtual or none, as Nestor speaks on COM2";
    }
    return serial_set_up(&uart, 0) ? NULL : "virtual or none, as no UART answers at port 0x2f8";
}

static bool check(const struct machine *m, const struct config *config, const char *interrupts_missing,
                  struct config_error *error)
{
    static struct ranges free_memory;
    bool read = machine_read_free(&free_memory);
    const struct partition_machine facts = {
        .apic_ids = cpu_ids, .cpus = cpu_count, .core_shift = m->cpu.core_shift, .memory = free_memory.list,
        .memory_count = read ? free_memory.count : 0, .cache_known = true, .cache_ways = m->cpu.cache_ways,
        .cache_open = m->cpu.cache_open, .cache_classes = m->cpu.cache_classes, .uart_missing = com2_missing(config),
        .interrupts_missing = interrupts_missing};
    return partition_check(config, &facts, error);
}

static void take_cache(const struct config *config, const struct config_partition *c, u32 ways,
                       struct handover_partition *p)
{
    p->cache_class = cache_class(config, c);
    p->cache_ways = c->cache_ways;
    p->cache_rest = cache_rest(config, ways);
    if (p->cache_class != 0) {
        console_log(LOG_INFO, "partition %s: ways 0x%x of the L3 cache, 0x%x are the root's", p->name, p->cache_ways,
                    p->cache_rest);
    }
}

static bool make_all(struct machine *m, const struct config *config, EFI_HANDLE volume,
                     const struct areas *avoid, struct partitions *out, struct config_error *error)
{
    static struct making making;
    if (!check(m, config, out->interrupts_missing, error) ||
        !check_functions(m, config, volume, out, error)) {
        return false;
    }
    for (u32 i = 0; i < config->partition_count; i++) {
        making = (struct making){.config = &config->partitions[i], .out = &out->list[i], .error = error};
        take_config(making.config, making.out);
        making.pci = pci_of(m, out, i);
        out->count++;
        if (!choose_units(m, &making) || !make(&making, volume, avoid)) {
            return false;
        }
        take_cache(config, &config->partitions[i], m->cpu.cache_ways, &out->list[i]);
    }
    return take_functions(m, config, &out->functions, error);
}

void partition_prepare(struct machine *m, const struct config *config, const struct verdict *verdict,
                       EFI_HANDLE volume, const struct areas *avoid, struct partitions *out)
{
    static struct areas taken;
    struct config_error error;
    char text[CONFIG_ERROR_TEXT];
    out->count = 0;
    out->functions = (struct functions){.count = 0};
    out->ecam_base = m->ecam.base;
    if (config->partition_count == 0) {
        return;
    }
    cpu_count = census_ids(&m->survey, m->cpu.apic_id, cpu_ids);
    out->interrupts_missing = partition_interrupts_missing(m, verdict->guest_iommu);
    taken = *avoid;
    partition_add_placed(config, &taken);
    if (!make_all(m, config, volume, &taken, out, &error)) {
        config_error_text(&error, text);
        console_log(LOG_ERROR, "nestor.conf, %s; the root runs without partitions", text);
        partition_release(m, out);
        out->count = out->functions.count = 0;
        return;
    }
    for (u32 i = 0; i < out->functions.count; i++) {
        report_function(&out->functions, i, out->list[out->functions.list[i].partition].name);
    }
    console_log(LOG_INFO, "partitions begin once what is started now has ended the firmware's boot services");
    if (out->interrupts_missing != NULL) {
        console_log(LOG_WARNING, "devices of the root can interrupt, and stop, CPUs of partitions: there are no %s",
                    out->interrupts_missing);
    }
}

u64 partition_bars_end(const struct partitions *partitions)
{
    u64 end = 0;
    for (u32 i = 0; i < partitions->functions.count * HANDOVER_BARS; i++) {
        const struct handover_bar *bar = &partitions->functions.list[i / HANDOVER_BARS].bars[i % HANDOVER_BARS];
        bool higher = !bar->port && bar->size != 0 && bar->base + bar->size > end;
        end = higher ? bar->base + bar->size : end;
    }
    return end;
}

u64 partition_pool(const struct machine *m, const struct partitions *partitions, u32 units, u64 page_sizes)
{
    static struct areas devices;
    u64 bytes = 0;
    for (u32 i = 0; i < partitions->count; i++) {
        const struct partition_pci pci = pci_of(m, partitions, i);
        partition_pci_areas(&pci, &devices);
        for (u32 unit = 0; unit < units; unit++) {
            bytes += partition_pci_has_unit(&pci, unit) ? HANDOVER_UNIT_PAGES * PAGE_SIZE : 0;
        }
        bytes += room_partition(&partitions->list[i], &devices, partition_pci_count(&pci) * units, page_sizes);
    }
    return bytes;
}

void partition_hide(struct machine *m, const struct partitions *partitions)
{
    static u32 hidden[ACPI_CPUS];
    const struct pci_config pci = pci_by_window(&m->ecam);
    struct acpi_memory memory = machine_memory(m);
    u32 count = 0;
    for (u32 cpu = 0; cpu < cpu_count; cpu++) {
        for (u32 i = 0; i < partitions->count; i++) {
            if (partition_has_cpu(partitions->list[i].cpus, cpu)) {
                hidden[count++] = cpu_ids[cpu];
            }
        }
    }
    acpi_hide_cpus(&memory, &m->tables, hidden, count);
    acpi_hide_functions(&memory, &m->tables, &pci, partitions->functions.list, partitions->functions.count);
}
