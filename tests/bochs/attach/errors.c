/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How a device reacts to a refused access. Bochs's models know no such thing: they would go on and report success,
 * with stale data. IDE reports the failed transfer (bus master status, bit 1) and can go on, as can edu (edu.c). Any
 * other device does no DMA until it is reset, as after a PCI abort; UHCI and xHCI show a host system error and that
 * they halted.
 */
#include "tests/bochs/attach/attach.h"

void errors_refused(struct device *device)
{
    device->refused++;
    device->error = true;
    device->stopped = device != &devices[DEV_IDE] && device != &devices[DEV_EDU] && device != &devices[DEV_EDU_MORE];
}

void errors_restart(struct device *device)
{
    device->error = false;
    device->stopped = false;
}

void errors_reset(void)
{
    for (unsigned i = 0; i < DEVICES; i++) {
        errors_restart(&devices[i]);
    }
}

/* The device's own handlers. */
static struct { io_read *read; io_write *write; } ide, uhci;
static struct { memory_handler *read, *write; } xhci;
static struct { io_write *write; } e1000_io;
static struct { memory_handler *write; } e1000_mem;

/* IDE bus master, BAR 4: status at offsets 2 and 10; bit 0 active, 1 error (W1C). */
enum { IDE_STATUS = 2, IDE_CHANNEL_MASK = 7, IDE_ACTIVE = 1, IDE_ERROR = 2 };

static uint32_t ide_read(void *self, uint32_t addr, unsigned len)
{
    uint32_t value = ide.read(self, addr, len);
    bool shows = devices[DEV_IDE].error && (addr & IDE_CHANNEL_MASK) == IDE_STATUS && len == 1;
    return shows ? (value | IDE_ERROR) & ~(uint32_t)IDE_ACTIVE : value;
}

static void ide_write(void *self, uint32_t addr, uint32_t value, unsigned len)
{
    if ((addr & IDE_CHANNEL_MASK) == IDE_STATUS && (value & IDE_ERROR) != 0) {
        devices[DEV_IDE].error = false;
    }
    ide.write(self, addr, value, len);
}

/* UHCI, BAR 4: command at 0 (bit 1, 2 resets), status at 2 (bit 3 host system error, 5 halted). */
enum { UHCI_MASK = 0x1f, UHCI_COMMAND = 0, UHCI_RESETS = 6, UHCI_STATUS = 2, UHCI_FAILED = 0x28 };

static uint32_t uhci_read(void *self, uint32_t addr, unsigned len)
{
    uint32_t value = uhci.read(self, addr, len);
    bool shows = devices[DEV_UHCI].stopped && (addr & UHCI_MASK) == UHCI_STATUS;
    return shows ? value | UHCI_FAILED : value;
}

static void uhci_write(void *self, uint32_t addr, uint32_t value, unsigned len)
{
    if ((addr & UHCI_MASK) == UHCI_COMMAND && (value & UHCI_RESETS) != 0) {
        errors_restart(&devices[DEV_UHCI]);
    }
    uhci.write(self, addr, value, len);
}

/* e1000: CTRL at 0, bit 26 reset; written in BAR 0, or by its offset and value in BAR 1. */
enum { E1000_MASK = 0x1ffff, E1000_CTRL = 0, E1000_RESET = 1 << 26, E1000_IO_MASK = 0x1f,
       E1000_IO_ADDR = 0, E1000_IO_DATA = 4 };

static void e1000_write_ctrl(uint32_t value)
{
    if ((value & E1000_RESET) != 0) {
        errors_restart(&devices[DEV_E1000]);
    }
}

static bool e1000_write(uint64_t addr, unsigned len, void *data, void *param)
{
    if ((addr & E1000_MASK) == E1000_CTRL && len == 4) {
        e1000_write_ctrl(*(uint32_t *)data);
    }
    return e1000_mem.write(addr, len, data, param);
}

static void e1000_io_write(void *self, uint32_t addr, uint32_t value, unsigned len)
{
    static uint32_t register_offset;
    if ((addr & E1000_IO_MASK) == E1000_IO_ADDR) {
        register_offset = value;
    } else if ((addr & E1000_IO_MASK) == E1000_IO_DATA && register_offset == E1000_CTRL) {
        e1000_write_ctrl(value);
    }
    e1000_io.write(self, addr, value, len);
}

/* xHCI, BAR 0: USBCMD at 20h (bit 1 reset), USBSTS at 24h (bit 0 halted, 2 host system error). */
enum { XHCI_MASK = 0x1fff, XHCI_USBCMD = 0x20, XHCI_RESET = 2, XHCI_USBSTS = 0x24, XHCI_FAILED = 5 };

static bool xhci_read(uint64_t addr, unsigned len, void *data, void *param)
{
    bool ok = xhci.read(addr, len, data, param);
    if ((addr & XHCI_MASK) == XHCI_USBSTS && devices[DEV_XHCI].stopped) {
        *(uint8_t *)data |= XHCI_FAILED;
    }
    return ok;
}

static bool xhci_write(uint64_t addr, unsigned len, void *data, void *param)
{
    if ((addr & XHCI_MASK) == XHCI_USBCMD && (*(uint8_t *)data & XHCI_RESET) != 0) {
        errors_restart(&devices[DEV_XHCI]);
    }
    return xhci.write(addr, len, data, param);
}

static void ide_init_bar(void *self, uint8_t number, uint16_t size, io_read *read, io_write *write,
                         const uint8_t *mask)
{
    ide.read = read;
    ide.write = write;
    bochs.init_bar_io(self, number, size, ide_read, ide_write, mask);
}

static void uhci_init_bar(void *self, uint8_t number, uint16_t size, io_read *read, io_write *write,
                          const uint8_t *mask)
{
    uhci.read = read;
    uhci.write = write;
    bochs.init_bar_io(self, number, size, uhci_read, uhci_write, mask);
}

static void e1000_init_bar_io(void *self, uint8_t number, uint16_t size, io_read *read,
                              io_write *write, const uint8_t *mask)
{
    e1000_io.write = write;
    bochs.init_bar_io(self, number, size, read, e1000_io_write, mask);
}

static void e1000_init_bar(void *self, uint8_t number, uint32_t size, memory_handler *read,
                           memory_handler *write, bool wide)
{
    e1000_mem.write = write;
    bochs.init_bar_mem(self, number, size, read, e1000_write, wide);
}

static void xhci_init_bar(void *self, uint8_t number, uint32_t size, memory_handler *read,
                          memory_handler *write, bool wide)
{
    xhci.read = read;
    xhci.write = write;
    bochs.init_bar_mem(self, number, size, xhci_read, xhci_write, wide);
}

void *errors_wrap(enum device_index index, enum bochs_symbol symbol)
{
    static void *const bar_io[DEVICES] = {
        [DEV_IDE] = ide_init_bar,
        [DEV_UHCI] = uhci_init_bar,
        [DEV_E1000] = e1000_init_bar_io,
    };
    static void *const bar_mem[DEVICES] = {
        [DEV_E1000] = e1000_init_bar,
        [DEV_XHCI] = xhci_init_bar,
    };
    return symbol == BOCHS_INIT_BAR_IO    ? bar_io[index]
           : symbol == BOCHS_INIT_BAR_MEM ? bar_mem[index]
                                          : NULL;
}
