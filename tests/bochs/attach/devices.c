/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Each plugin that does DMA gets memory functions of its own, which know the plugin's source-id.
 * Descriptors (IDE PRDs, USB schedules) and data are fetched by two different pairs of functions,
 * the former called without a CPU; both go through the unit. errors.c says how a device reacts to a
 * refused access.
 */
#include <inttypes.h>
#include <string.h>

#include "tests/bochs/attach/attach.h"

enum { ISA_BRIDGE_SID = 0x0008, EDU_SID = 0x0040, VIRTIO_SID = 0x0048, EDU_MORE_SID = 0x0050, REFUSALS_LOGGED = 40 };

enum {
    DATA = 1u << BOCHS_DMA_READ | 1u << BOCHS_DMA_WRITE,
    DESCRIPTORS = 1u << BOCHS_READ_PAGE | 1u << BOCHS_WRITE_PAGE,
    PCI = 1u << BOCHS_REGISTER_PCI,
    BAR_IO = 1u << BOCHS_INIT_BAR_IO,
    BAR_MEM = 1u << BOCHS_INIT_BAR_MEM,
};

struct device devices[DEVICES] = {
    [DEV_IDE] = {.plugin = "pci_ide", .needs = DATA | 1u << BOCHS_READ_PAGE | PCI | BAR_IO},
    [DEV_E1000] = {.plugin = "e1000", .needs = DATA | PCI | BAR_IO | BAR_MEM},
    [DEV_XHCI] = {.plugin = "usb_xhci", .needs = DATA | DESCRIPTORS | PCI | BAR_MEM},
    [DEV_UHCI] = {.plugin = "usb_uhci", .needs = DATA | DESCRIPTORS | PCI | BAR_IO},
    [DEV_EHCI] = {.plugin = "usb_ehci", .needs = DATA | DESCRIPTORS | PCI},
    [DEV_OHCI] = {.plugin = "usb_ohci", .needs = DATA | DESCRIPTORS | PCI},
    [DEV_ES1370] = {.plugin = "es1370", .needs = DATA | PCI},
    [DEV_EDU] = {.plugin = "edu", .sid = EDU_SID},
    [DEV_EDU_MORE] = {.plugin = "edu-more", .sid = EDU_MORE_SID},
    [DEV_VIRTIO] = {.plugin = "virtio-blk", .sid = VIRTIO_SID},
    [DEV_ISA_DMA] = {.plugin = "dma", .needs = DATA, .known = true, .sid = ISA_BRIDGE_SID},
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
    bool ok = false;
    if (!device->stopped) {
        *(write ? &device->writes : &device->reads) += 1;
        ok = write && pull_armed(device->sid) ? pull_dma(unit, &request, data, &outcome)
                                              : model_dma(unit, &request, data, &outcome);
        if (!ok) {
            if (outcome.kind != MODEL_KIND_INTERRUPT) { /* a message is posted: nobody tells the device */
                errors_refused(device);
            }
            if (logged++ < REFUSALS_LOGGED) {
                attach_log("%s: %s %#" PRIx64 " refused, reason %#x", device->plugin, write ? "write" : "read", addr,
                           outcome.reason);
            }
        }
    }
    if (!ok && !write) {
        /* Ones is what a PCI read that nobody answers gives; Bochs's e1000 crashes on a
         * descriptor of ones, and does nothing about one of zeros. */
        memset(data, device == &devices[DEV_E1000] ? 0 : 0xff, len);
    }
    return ok;
}

/* By now the plugin is bound, so it must be calling what it was expected to call. */
static bool register_pci(struct device *device, void *self, void *model, uint8_t *devfn,
                         const char *name, const char *descr, uint8_t bus)
{
    for (unsigned i = 0; i < BOCHS_SYMBOL_COUNT; i++) {
        if ((device->needs & ~device->bound & 1u << i) != 0) {
            attach_stop("%s does not call %s", device->plugin, bochs_symbol_name(i));
        }
    }
    if (!units_are_attached()) {
        attach_stop("the I/O APIC has registered no memory handler");
    }
    bool ok = bochs.register_pci(self, model, devfn, name, descr, bus);
    device->sid = (uint16_t)(bus << 8 | *devfn);
    device->known = true;
    attach_log("%s is %02x:%02x.%x on unit %u", device->plugin, bus, *devfn >> 3, *devfn & 7,
               device->unit);
    return ok;
}

/* A wrapper gets no argument of ours, so each device needs five functions of its own. */
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

void *devices_wrap(const char *plugin, enum bochs_symbol symbol)
{
    if (attach_config.unit_count == 0) {
        return NULL;
    }
    if (strcmp(plugin, "ioapic") == 0) {
        return symbol == BOCHS_REGISTER_MEMORY ? units_register_handlers : NULL;
    }
    for (unsigned i = 0; i < DEVICES; i++) {
        if (strcmp(plugin, devices[i].plugin) == 0) {
            void *wrapper = errors_wrap((enum device_index)i, symbol);
            wrapper = wrapper != NULL ? wrapper : wrappers[i][symbol];
            devices[i].bound |= wrapper != NULL ? 1u << symbol : 0;
            return wrapper;
        }
    }
    return NULL;
}
