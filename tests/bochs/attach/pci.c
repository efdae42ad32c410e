/* SPDX-License-Identifier: BSD-2-Clause */
/* See pci.h. PCIe base specification 7.5 (configuration space), 7.7.1, 7.7.2 (MSI, MSI-X); PCI Firmware 4.1 (ECAM). */
#include "tests/bochs/attach/pci.h"

#include <string.h>

enum {
    COMMAND = 4, COMMAND_MEMORY = 2, COMMAND_MASTER = 4, COMMAND_NO_INTX = 0x400,
    STATUS = 6, STATUS_CAPABILITIES = 0x10, CLASS_REVISION = 8, BAR0 = 0x10, SUBSYSTEM = 0x2c, CAPABILITIES = 0x34,
    EXPRESS = 0x40, EXPRESS_DEVCTL = EXPRESS + 8, DEVCTL_FLR = 0x8000, DEVCTL_WRITABLE = 0x781f, DEVCTL_RESET = 0x2810,
    MSI = 0x80, MSI_CONTROL = MSI + 2, MSI_ENABLE = 1, MSI_ADDRESS = MSI + 4, MSI_DATA = MSI + 12,
    MSIX = 0xa0, MSIX_CONTROL = MSIX + 2, MSIX_ENABLE = 0x8000, MSIX_MASKED = 0x4000,
    SERIAL_NUMBER = 0x100, VECTOR_MASKED = 1, FUNCTIONS_MAX = 4,
    PORT_ADDRESS = 0xcf8, PORT_DATA = 0xcfc, PORT_ENABLE = 0x80000000,
};
/* Version 2, integrated endpoint, and the capability of a function-level reset; 64-bit MSI; table and PBA in BAR 0. */
static const uint32_t express[] = {0x00920010 | MSI << 8, 0x10008000}, msi[] = {0x00800005 | MSIX << 8},
                      msix[] = {0x11 | (PCI_VECTORS - 1) << 16, PCI_OWN_BYTES, PCI_PENDING},
                      serial_number[] = {0x00010003, 0x4e455354, 0x4f520000};

static struct pci_function *functions[FUNCTIONS_MAX];
static unsigned count;
static void *bochs_devices;

static uint32_t load(const struct pci_function *f, unsigned offset, unsigned len)
{
    uint32_t value = 0;
    memcpy(&value, f->config + offset, len);
    return value;
}

static void store(struct pci_function *f, unsigned offset, unsigned len, uint32_t value)
{
    memcpy(f->config + offset, &value, len);
}

static void allow(struct pci_function *f, unsigned offset, unsigned len, uint32_t mask)
{
    memcpy(f->writable + offset, &mask, len);
}

/* --- interrupts --- */

static void message(struct pci_function *f, uint64_t address, uint32_t data)
{
    pci_dma(f, true, address, sizeof(data), &data);
}

static void send_pending(struct pci_function *f)
{
    bool on = (load(f, MSIX_CONTROL, 2) & (MSIX_ENABLE | MSIX_MASKED)) == MSIX_ENABLE;
    for (unsigned i = 0; on && i < PCI_VECTORS; i++) {
        if ((f->pending & 1u << i) != 0 && (f->vectors[i].control & VECTOR_MASKED) == 0) {
            f->pending &= ~(1u << i);
            message(f, f->vectors[i].address, f->vectors[i].data);
        }
    }
}

void pci_interrupt(struct pci_function *f, unsigned vector)
{
    if ((load(f, MSIX_CONTROL, 2) & MSIX_ENABLE) != 0) {
        f->pending |= vector < PCI_VECTORS ? 1u << vector : 0;
        send_pending(f);
    } else if ((load(f, MSI_CONTROL, 2) & MSI_ENABLE) != 0) {
        uint64_t address = load(f, MSI_ADDRESS, 4) | (uint64_t)load(f, MSI_ADDRESS + 4, 4) << 32;
        message(f, address, load(f, MSI_DATA, 2));
    }
}

bool pci_dma(struct pci_function *f, bool write, uint64_t addr, size_t len, void *data)
{
    return (load(f, COMMAND, 2) & COMMAND_MASTER) != 0 && devices_dma(f->device, write, addr, len, data);
}

/* --- the BAR --- */

static uint64_t table_access(struct pci_function *f, uint64_t offset, unsigned len, const uint64_t *value)
{
    uint64_t result = 0;
    if (offset + len <= sizeof(f->vectors)) {
        uint8_t *at = (uint8_t *)f->vectors + offset;
        memcpy(value != NULL ? (void *)at : &result, value != NULL ? (const void *)value : at, len);
    }
    return result;
}

static bool bar_read(uint64_t addr, unsigned len, void *data, void *param)
{
    struct pci_function *f = param;
    uint64_t offset = addr - f->mapped, value = 0;
    if (offset < PCI_OWN_BYTES) {
        value = f->read(f, offset, len);
    } else if (offset < PCI_OWN_BYTES + PCI_TABLE_BYTES) {
        value = table_access(f, offset - PCI_OWN_BYTES, len, NULL);
    } else if (offset == PCI_PENDING) {
        value = f->pending;
    }
    memcpy(data, &value, len <= sizeof(value) ? len : sizeof(value));
    return true;
}

static bool bar_write(uint64_t addr, unsigned len, void *data, void *param)
{
    struct pci_function *f = param;
    uint64_t offset = addr - f->mapped, value = 0;
    memcpy(&value, data, len <= sizeof(value) ? len : sizeof(value));
    if (offset < PCI_OWN_BYTES) {
        f->write(f, offset, len, value);
    } else if (offset < PCI_OWN_BYTES + PCI_TABLE_BYTES) {
        table_access(f, offset - PCI_OWN_BYTES, len <= sizeof(value) ? len : sizeof(value), &value);
        send_pending(f);
    }
    return true;
}

/* The BAR answers where it was put, if the function decodes memory and it was put anywhere. */
static void map(struct pci_function *f)
{
    uint32_t at = load(f, BAR0, 4) & ~(uint32_t)(PCI_BAR_BYTES - 1);
    bool decodes = (load(f, COMMAND, 2) & COMMAND_MEMORY) != 0 && at != 0 && at != ~(uint32_t)(PCI_BAR_BYTES - 1);
    at = decodes ? at : 0;
    if (at == f->mapped) {
        return;
    }
    if (f->mapped != 0) {
        bochs.unregister_memory(f, f->mapped, f->mapped + PCI_BAR_BYTES - 1);
    }
    f->mapped = at;
    if (at != 0 && !bochs.register_memory(f, bar_read, bar_write, NULL, at, at + PCI_BAR_BYTES - 1)) {
        attach_stop("%s: Bochs refuses a memory handler at %#x", f->name, at);
    }
}

/* --- configuration space --- */

static void config_write(struct pci_function *f, unsigned offset, unsigned len, uint32_t value)
{
    for (unsigned i = 0; i < len && offset + i < PCI_CONFIG_BYTES; i++) {
        uint8_t *byte = &f->config[offset + i], mask = f->writable[offset + i];
        *byte = (uint8_t)((*byte & ~mask) | ((uint8_t)(value >> i * 8) & mask));
    }
    if ((load(f, EXPRESS_DEVCTL, 2) & DEVCTL_FLR) != 0) {
        pci_reset(f);
    }
    map(f);
    send_pending(f);
}

static uint32_t port_read(void *self, uint8_t offset, unsigned len)
{
    return load(self, offset, len <= 4 ? len : 4);
}

static void port_write(void *self, uint8_t offset, uint32_t value, unsigned len)
{
    config_write(self, offset, len, value);
}

static struct pci_function *function_at(unsigned devfn)
{
    for (unsigned i = 0; i < count; i++) {
        if (functions[i]->device->sid == devfn) {
            return functions[i];
        }
    }
    return NULL;
}

/* The emulator's functions have 256 bytes, which its ports reach; what the guest wrote to the ports stays. */
static uint32_t select_port(unsigned devfn, unsigned offset)
{
    uint32_t was = bochs.pci_read(bochs_devices, PORT_ADDRESS, 4);
    bochs.pci_write(bochs_devices, PORT_ADDRESS, PORT_ENABLE | devfn << 8 | (offset & 0xfc), 4);
    return was;
}

static bool ecam_read(uint64_t addr, unsigned len, void *data, void *param)
{
    (void)param;
    unsigned devfn = (unsigned)(addr >> 12) & 0xff, offset = addr & 0xfff;
    struct pci_function *f = function_at(devfn);
    uint32_t value = 0xffffffff;
    len = len <= sizeof(value) ? len : sizeof(value);
    if (f != NULL) {
        value = load(f, offset, len);
    } else if (offset < 256) {
        uint32_t was = select_port(devfn, offset);
        value = bochs.pci_read(bochs_devices, PORT_DATA + (offset & 3), len);
        bochs.pci_write(bochs_devices, PORT_ADDRESS, was, 4);
    }
    memcpy(data, &value, len);
    return true;
}

static bool ecam_write(uint64_t addr, unsigned len, void *data, void *param)
{
    (void)param;
    unsigned devfn = (unsigned)(addr >> 12) & 0xff, offset = addr & 0xfff;
    struct pci_function *f = function_at(devfn);
    uint32_t value = 0;
    len = len <= sizeof(value) ? len : sizeof(value);
    memcpy(&value, data, len);
    if (f != NULL) {
        config_write(f, offset, len, value);
    } else if (offset < 256) {
        uint32_t was = select_port(devfn, offset);
        bochs.pci_write(bochs_devices, PORT_DATA + (offset & 3), value, len);
        bochs.pci_write(bochs_devices, PORT_ADDRESS, was, 4);
    }
    return true;
}

/* As after power-on; a function-level reset (PCIe 6.6.2) does the same. */
void pci_reset(struct pci_function *f)
{
    for (unsigned i = 0; i < PCI_CONFIG_BYTES; i++) {
        f->config[i] &= (uint8_t)~f->writable[i];
    }
    store(f, EXPRESS_DEVCTL, 2, DEVCTL_RESET);
    for (unsigned i = 0; i < PCI_VECTORS; i++) {
        f->vectors[i] = (struct pci_vector){.control = VECTOR_MASKED};
    }
    f->pending = 0;
    errors_restart(f->device);
    f->reset(f);
    map(f);
}

void pci_add_capability(struct pci_function *f, unsigned offset, const void *text, size_t len)
{
    memcpy(f->config + offset, text, len);
}

static void nothing(void *self)
{
    (void)self;
}

static void device_reset(void *self, unsigned type)
{
    (void)type;
    pci_reset(self);
}

static void no_dump(void *self, int argc, char **argv)
{
    (void)self;
    (void)argc;
    (void)argv;
}

static const struct {
    long offset_to_top;
    void *type_info;
    struct bochs_device_vtable device;
    void (*debug_dump)(void *self, int argc, char **argv);
    uint32_t (*read)(void *self, uint8_t offset, unsigned len);
    void (*write)(void *self, uint8_t offset, uint32_t value, unsigned len);
    void (*bar_changed)(void *self);
} vtable = {0, NULL, {nothing, nothing, nothing, device_reset, nothing, nothing}, no_dump, port_read, port_write,
            nothing};

static void add_window(void)
{
    static uint8_t window;
    bochs_devices = bochs_find("bx_devices");
    if (bochs_devices == NULL) {
        attach_stop("this Bochs does not export bx_devices");
    }
    if (!bochs.register_memory(&window, ecam_read, ecam_write, NULL, ECAM_BASE, ECAM_END)) {
        attach_stop("Bochs refuses a memory handler at %#x", ECAM_BASE);
    }
}

void pci_write_functions(FILE *out)
{
    for (unsigned i = 0; i < count; i++) {
        fprintf(out, "function %#x %#x %#x\n", functions[i]->device->sid,
                load(functions[i], BAR0, 4) & ~(uint32_t)(PCI_BAR_BYTES - 1), PCI_BAR_BYTES);
    }
}

void pci_add(struct pci_function *f)
{
    /* Of Bochs's own configuration space of the function: a header type that it knows no BARs of, so it has no
     * opinion on any register. */
    enum { BOCHS_HEADER_TYPE = 0x4e };
    uint8_t devfn = (uint8_t)f->device->sid;
    if (count == 0) {
        add_window();
    }
    f->object[0] = &vtable.device;
    ((uint8_t *)f->object)[BOCHS_HEADER_TYPE] = 1;
    store(f, 0, 4, f->id);
    store(f, STATUS, 2, STATUS_CAPABILITIES);
    store(f, CLASS_REVISION, 4, f->class_revision);
    store(f, SUBSYSTEM, 4, f->subsystem);
    store(f, CAPABILITIES, 1, EXPRESS);
    pci_add_capability(f, EXPRESS, express, sizeof(express));
    pci_add_capability(f, MSI, msi, sizeof(msi));
    pci_add_capability(f, MSIX, msix, sizeof(msix));
    store(f, MSIX + 1, 1, f->config[PCI_FIRST_CAPABILITY] != 0 ? PCI_FIRST_CAPABILITY : 0);
    pci_add_capability(f, SERIAL_NUMBER, serial_number, sizeof(serial_number));
    allow(f, COMMAND, 2, COMMAND_MEMORY | COMMAND_MASTER | COMMAND_NO_INTX);
    allow(f, BAR0, 4, ~(uint32_t)(PCI_BAR_BYTES - 1));
    allow(f, EXPRESS_DEVCTL, 2, DEVCTL_WRITABLE | DEVCTL_FLR);
    allow(f, MSI_CONTROL, 2, MSI_ENABLE);
    allow(f, MSI_ADDRESS, 4, ~3u);
    allow(f, MSI_ADDRESS + 4, 4, ~0u);
    allow(f, MSI_DATA, 2, 0xffff);
    allow(f, MSIX_CONTROL, 2, MSIX_ENABLE | MSIX_MASKED);
    functions[count++] = f;
    f->device->known = true;
    if (!bochs.register_pci(bochs_devices, f, &devfn, f->name, f->name, 0)) {
        attach_stop("%s: Bochs has another function at %02x", f->name, devfn);
    }
    bochs.register_device(NULL, BOCHS_DEVICE_TYPE, f, f->name);
    pci_reset(f);
    attach_log("%s is 00:%02x.%x on unit %u", f->name, devfn >> 3, devfn & 7u, f->device->unit);
}
