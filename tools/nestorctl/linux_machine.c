/* SPDX-License-Identifier: BSD-2-Clause */
/* The machine as Linux shows it to root: CPUID, /dev/cpu/0/msr, the firmware's tables, registers of units, PCI. */
#include "tools/nestorctl/linux.h"

#include "boot/dmar.h"
#include "drivers/format.h"
#include "tools/nestorctl/words.h"

enum { TABLE = 1 << 20, CONFIG = 4096, BUSES = 256 };

static bool msrs_unknown;

/* Where a register cannot be read, the answer counts for nothing: see msrs_unknown. */
static u64 read_msr(u32 msr)
{
    u64 value = 0;
    long file = linux_call(SYS_OPEN, (long)"/dev/cpu/0/msr", 0, 0, 0, 0, 0);
    msrs_unknown |= file < 0 || linux_call(SYS_PREAD, file, (long)&value, sizeof(value), msr, 0, 0) != sizeof(value);
    if (file >= 0) {
        linux_call(SYS_CLOSE, file, 0, 0, 0, 0, 0);
    }
    return value;
}

static void read_cpu(struct machine *m, struct platform_sources *s)
{
    cpu_read_by(&m->cpu, read_msr);
    s->cpu = "CPUID";
    m->census = (struct census){.entering = 1, .highest_id = m->cpu.apic_id, .x2apic_on = m->cpu.x2apic_on,
                                .x2apic_locked = m->cpu.x2apic_locked};
    if (msrs_unknown) {
        s->unknown_msrs = "modprobe msr, as root";
    } else {
        s->msrs = "/dev/cpu/0/msr";
    }
}

/* Any other table tells whether tables can be read at all. */
static void read_table(struct machine *m, struct platform_sources *s)
{
    static u8 bytes[TABLE];
    static const char path[] = "/sys/firmware/acpi/tables/DMAR";
    u8 one;
    size_t size = linux_read_file(path, bytes, sizeof(bytes));
    if (size == 0 && linux_read_file("/sys/firmware/acpi/tables/FACP", &one, 1) == 0) {
        s->unknown_table = "read the firmware's tables as root";
        return;
    }
    s->table = path;
    m->dmar_usable = dmar_take(bytes, size, &m->dmar, m->dmar_reason, MACHINE_REASON);
}

static bool read_unit(u32 number, u64 *base, struct unit_registers *r)
{
    static const char *const names[] = {"address", "cap", "ecap"};
    u64 *const values[] = {base, &r->cap, &r->ecap};
    bool found = true;
    for (u32 i = 0; i < ARRAY_LEN(names); i++) {
        char path[96];
        (void)format_text(path, sizeof(path), "/sys/class/iommu/dmar%u/intel-iommu/%s", number, names[i]);
        found = found && linux_read_hex(path, values[i]);
    }
    return found;
}

/* dmar0, dmar1, ...: units that the kernel drives. */
static void read_units(struct machine *m, struct platform_sources *s)
{
    u32 found = 0;
    for (u32 number = 0; number < VTD_DMAR_UNITS; number++) {
        u64 base;
        struct unit_registers r = {.version = 0x10};
        for (u32 i = 0; read_unit(number, &base, &r) && i < m->dmar.unit_count; i++) {
            if (m->dmar.units[i].base.v == base) {
                m->units[i] = r;
                found++;
            }
        }
    }
    if (m->dmar_usable && found == m->dmar.unit_count) {
        s->units = "/sys/class/iommu";
    } else {
        s->unknown_units = "boot once with intel_iommu=on, or run nestorctl.efi";
    }
}

static u32 read_config(void *ctx, struct pci_function f, u32 offset)
{
    const struct pci_config *c = ctx;
    char name[16];
    char path[96];
    u32 value = ~0u;
    words_function((u32)c->segment << 16 | (u32)(f.bus << 8 | f.device << 3 | f.function), name);
    (void)format_text(path, sizeof(path), "/sys/bus/pci/devices/%s/config", name);
    long file = linux_call(SYS_OPEN, (long)path, 0, 0, 0, 0, 0);
    if (file >= 0) {
        (void)linux_call(SYS_PREAD, file, (long)&value, sizeof(value), offset, 0, 0);
        linux_call(SYS_CLOSE, file, 0, 0, 0, 0, 0);
    }
    return value;
}

void platform_read_machine(struct machine *m, struct platform_sources *sources)
{
    struct pci_config c = {.read = read_config, .last_bus = BUSES - 1};
    *sources = (struct platform_sources){.devices = "/sys/bus/pci/devices"};
    c.ctx = &c;
    read_cpu(m, sources);
    read_table(m, sources);
    m->covered = true;
    if (m->dmar_usable) {
        read_units(m, sources);
        m->covered = coverage_complete(&m->dmar, &c, &m->uncovered);
    }
}
