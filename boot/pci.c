/* SPDX-License-Identifier: BSD-2-Clause */
/* See pci.h. PCI Local Bus 3.0 chapter 3.2.2.3.2, PCI Express 7.2.2. */
#include "boot/pci.h"

#include "drivers/mmio.h"

enum { PORT_ADDRESS = 0xcf8, PORT_DATA = 0xcfc };

/*
 * The address stays: the boot program interrupts nobody in the middle of an access, and in a virtual machine
 * each of these, for every device number there is, ends in user space.
 */
static void set_address(struct pci_function f, u32 offset)
{
    u32 address = 0x80000000u | (u32)f.bus << 16 | (u32)f.device << 11 | (u32)f.function << 8 |
                  offset;
    __asm__ volatile("outl %0, %w1" : : "a"(address), "Nd"(PORT_ADDRESS));
}

static u32 read_ports(void *ctx, struct pci_function f, u32 offset)
{
    u32 value;
    (void)ctx;
    set_address(f, offset);
    __asm__ volatile("inl %w1, %0" : "=a"(value) : "Nd"(PORT_DATA));
    return value;
}

static void write_ports(void *ctx, struct pci_function f, u32 offset, u32 value)
{
    (void)ctx;
    set_address(f, offset);
    __asm__ volatile("outl %0, %w1" : : "a"(value), "Nd"(PORT_DATA));
}

static u64 window_address(const struct acpi_ecam *window, struct pci_function f, u32 offset)
{
    return window->base + ((u64)f.bus << 20 | (u64)f.device << 15 | (u64)f.function << 12 | offset);
}

static u32 read_window(void *ctx, struct pci_function f, u32 offset)
{
    return mmio_read32(window_address(ctx, f, offset));
}

static void write_window(void *ctx, struct pci_function f, u32 offset, u32 value)
{
    mmio_write32(window_address(ctx, f, offset), value);
}

struct pci_config pci_by_ports(void)
{
    return (struct pci_config){.read = read_ports, .write = write_ports, .first_bus = 0, .last_bus = 0xff};
}

struct pci_config pci_by_window(struct acpi_ecam *window)
{
    return (struct pci_config){.read = read_window, .write = write_window, .ctx = window,
                               .segment = window->segment, .first_bus = window->first_bus,
                               .last_bus = window->last_bus, .extended = true};
}
