/*
 * Each plugin that does DMA gets memory functions of its own, which know the plugin's
 * source-id. Descriptors (IDE PRDs, USB schedules) are fetched by another pair of
 * functions than data, called without a CPU; both go through the unit.
 *
 * Bochs's models know no failed access. Where the device has an error bit for one, the
 * guest's reads of that register show it: IDE bus master status bit 1, UHCI status bit
 * 3, xHCI USBSTS bit 2 (host system error).
 */
#include <string.h>

#include "tests/bochs/attach/attach.h"

enum { ISA_BRIDGE_SID = 0x0008, REFUSALS_LOGGED = 40 };

struct device devices[DEVICES] = {
    [DEV_IDE] = {.plugin = "pci_ide"},
    [DEV_E1000] = {.plugin = "e1000"},
    [DEV_XHCI] = {.plugin = "usb_xhci"},
    [DEV_UHCI] = {.plugin = "usb_uhci"},
    [DEV_EHCI] = {.plugin = "usb_ehci"},
    [DEV_OHCI] = {.plugin = "usb_ohci"},
    [DEV_ES1370] = {.plugin = "es1370"},
    [DEV_ISA_DMA] = {.plugin = "dma", .known = true, .sid = ISA_BRIDGE_SID},
};

bool devices_dma(struct device *device, bool write, uint64_t addr, size_t len, void *data)
{
    static unsigned logged;
    struct model_request request = {
        .sid = device->sid,
        .op = write ? MODEL_WRITE : MODEL_READ,
        .addr = addr,
        .len = len,
    };
    struct model_outcome outcome;
    struct model_unit *unit = units_get(device->unit);
    if (unit == NULL) {
        (write ? bochs.dma_write : bochs.dma_read)(addr, (unsigned)len, data);
        return true;
    }
    *(write ? &device->writes : &device->reads) += 1;
    bool ok = write && pull_armed(device->sid) ? pull_dma(unit, &request, data, &outcome)
                                               : model_dma(unit, &request, data, &outcome);
    if (!ok) {
        device->refused++;
        if (logged++ < REFUSALS_LOGGED) {
            attach_log("%s: %s %#llx refused, reason %#x", device->plugin, write ? "write" : "read",
                       (unsigned long long)addr, outcome.reason);
        }
        if (!write) {
            memset(data, 0xff, len);
        }
    }
    return ok;
}

static bool register_pci(struct device *device, void *self, void *model, uint8_t *devfn,
                         const char *name, const char *descr, uint8_t bus)
{
    bool ok = bochs.register_pci(self, model, devfn, name, descr, bus);
    device->sid = (uint16_t)(bus << 8 | *devfn);
    device->known = true;
    attach_log("%s is %02x:%02x.%x on unit %u", device->plugin, bus, *devfn >> 3, *devfn & 7,
               device->unit);
    return ok;
}

/* A wrapper has no argument of its own, so each device has its five functions. */
#define DEVICE_WRAPPERS(id)                                                                      \
    static void id##_dma_read(uint64_t addr, unsigned len, uint8_t *data)                        \
    {                                                                                            \
        devices_dma(&devices[DEV_##id], false, addr, len, data);                                 \
    }                                                                                            \
    static void id##_dma_write(uint64_t addr, unsigned len, uint8_t *data)                       \
    {                                                                                            \
        devices_dma(&devices[DEV_##id], true, addr, len, data);                                  \
    }                                                                                            \
    static void id##_read_page(void *cpu, uint64_t addr, unsigned len, void *data)               \
    {                                                                                            \
        if (cpu != NULL) {                                                                       \
            bochs.read_page(cpu, addr, len, data);                                               \
        } else {                                                                                 \
            devices_dma(&devices[DEV_##id], false, addr, len, data);                             \
        }                                                                                        \
    }                                                                                            \
    static void id##_write_page(void *cpu, uint64_t addr, unsigned len, void *data)              \
    {                                                                                            \
        if (cpu != NULL) {                                                                       \
            bochs.write_page(cpu, addr, len, data);                                              \
        } else {                                                                                 \
            devices_dma(&devices[DEV_##id], true, addr, len, data);                              \
        }                                                                                        \
    }                                                                                            \
    static bool id##_register_pci(void *self, void *model, uint8_t *devfn, const char *name,     \
                                  const char *descr, uint8_t bus)                                \
    {                                                                                            \
        return register_pci(&devices[DEV_##id], self, model, devfn, name, descr, bus);           \
    }
#define EVERY_DEVICE(X) X(IDE) X(E1000) X(XHCI) X(UHCI) X(EHCI) X(OHCI) X(ES1370) X(ISA_DMA)
EVERY_DEVICE(DEVICE_WRAPPERS)

static void *const wrappers[DEVICES][BOCHS_SYMBOL_COUNT] = {
#define DEVICE_ROW(id)                                                                           \
    [DEV_##id] = {                                                                               \
        [BOCHS_DMA_READ] = id##_dma_read,                                                        \
        [BOCHS_DMA_WRITE] = id##_dma_write,                                                      \
        [BOCHS_READ_PAGE] = id##_read_page,                                                      \
        [BOCHS_WRITE_PAGE] = id##_write_page,                                                    \
        [BOCHS_REGISTER_PCI] = id##_register_pci,                                                \
    },
    EVERY_DEVICE(DEVICE_ROW)
};

static bool has_error(const struct device *device)
{
    return device->refused != device->error_seen;
}

/* IDE bus master, BAR 4: status at offsets 2 and 10; bit 1 error (W1C), bit 0 active. */
static io_read *ide_read_original;
static io_write *ide_write_original;

static uint32_t ide_read(void *self, uint32_t addr, unsigned len)
{
    uint32_t value = ide_read_original(self, addr, len);
    return (addr & 7) == 2 && len == 1 && has_error(&devices[DEV_IDE]) ? (value | 2) & ~1u : value;
}

static void ide_write(void *self, uint32_t addr, uint32_t value, unsigned len)
{
    if ((addr & 7) == 2 && (value & 2) != 0) {
        devices[DEV_IDE].error_seen = devices[DEV_IDE].refused;
    }
    ide_write_original(self, addr, value, len);
}

/* UHCI, BAR 4: status at offset 2; bit 3 host system error (W1C). */
static io_read *uhci_read_original;
static io_write *uhci_write_original;

static uint32_t uhci_read(void *self, uint32_t addr, unsigned len)
{
    uint32_t value = uhci_read_original(self, addr, len);
    return (addr & 0x1f) == 2 && has_error(&devices[DEV_UHCI]) ? value | 8 : value;
}

static void uhci_write(void *self, uint32_t addr, uint32_t value, unsigned len)
{
    if ((addr & 0x1f) == 2 && (value & 8) != 0) {
        devices[DEV_UHCI].error_seen = devices[DEV_UHCI].refused;
    }
    uhci_write_original(self, addr, value, len);
}

static void init_bar_io(void *self, uint8_t number, uint16_t size, io_read *read, io_write *write,
                        const uint8_t *mask)
{
    if (number == 4 && size == 16) {
        ide_read_original = read;
        ide_write_original = write;
        bochs.init_bar_io(self, number, size, ide_read, ide_write, mask);
    } else if (number == 4 && size == 32) {
        uhci_read_original = read;
        uhci_write_original = write;
        bochs.init_bar_io(self, number, size, uhci_read, uhci_write, mask);
    } else {
        attach_stop("I/O bar %u of %u bytes is not the one of IDE or UHCI", number, size);
    }
}

/* xHCI, BAR 0: CAPLENGTH is 0x20 in Bochs, USBSTS follows at 0x24; bit 2 HSE (W1C). */
enum { XHCI_USBSTS = 0x24, XHCI_BAR_MASK = 0xfff };
static memory_handler *xhci_read_original, *xhci_write_original;

static bool xhci_read(uint64_t addr, unsigned len, void *data, void *param)
{
    bool ok = xhci_read_original(addr, len, data, param);
    if ((addr & XHCI_BAR_MASK) == XHCI_USBSTS && has_error(&devices[DEV_XHCI])) {
        *(uint8_t *)data |= 4;
    }
    return ok;
}

static bool xhci_write(uint64_t addr, unsigned len, void *data, void *param)
{
    if ((addr & XHCI_BAR_MASK) == XHCI_USBSTS && (*(uint8_t *)data & 4) != 0) {
        devices[DEV_XHCI].error_seen = devices[DEV_XHCI].refused;
    }
    return xhci_write_original(addr, len, data, param);
}

static void init_bar_mem(void *self, uint8_t number, uint32_t size, memory_handler *read,
                         memory_handler *write, bool wide)
{
    xhci_read_original = read;
    xhci_write_original = write;
    bochs.init_bar_mem(self, number, size, xhci_read, xhci_write, wide);
}

void *devices_wrap(const char *plugin, enum bochs_symbol symbol)
{
    if (attach_config.unit_count == 0) {
        return NULL;
    }
    if (strcmp(plugin, "ioapic") == 0) {
        return symbol == BOCHS_REGISTER_MEMORY ? units_register_handlers : NULL;
    }
    for (unsigned i = 0; i < DEVICES; i++) {
        if (strcmp(plugin, devices[i].plugin) != 0) {
            continue;
        }
        if (symbol == BOCHS_INIT_BAR_IO && (i == DEV_IDE || i == DEV_UHCI)) {
            return init_bar_io;
        }
        if (symbol == BOCHS_INIT_BAR_MEM && i == DEV_XHCI) {
            return init_bar_mem;
        }
        return wrappers[i][symbol];
    }
    return NULL;
}
