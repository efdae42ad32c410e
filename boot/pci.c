/* See pci.h. PCI Local Bus 3.0 chapter 3.2.2.3.2, PCI Express 7.2.2. */
#include "boot/pci.h"

#include "drivers/mmio.h"

enum { PORT_ADDRESS = 0xcf8, PORT_DATA = 0xcfc };

static u32 read_ports(void *ctx, struct pci_function f, u32 offset)
{
    u32 address = 0x80000000u | (u32)f.bus << 16 | (u32)f.device << 11 | (u32)f.function << 8 |
                  offset;
    u32 value;
    (void)ctx;
    /*
     * The address stays: the boot program interrupts nobody in the middle of an access, and in a virtual machine
     * each of these, for every device number there is, ends in user space.
     */
    __asm__ volatile("outl %0, %w1" : : "a"(address), "Nd"(PORT_ADDRESS));
    __asm__ volatile("inl %w1, %0" : "=a"(value) : "Nd"(PORT_DATA));
    return value;
}

static u32 read_window(void *ctx, struct pci_function f, u32 offset)
{
    const struct acpi_ecam *window = ctx;
    u64 at = window->base + ((u64)f.bus << 20 | (u64)f.device << 15 | (u64)f.function << 12 |
                             offset);
    return mmio_read32(at);
}

struct pci_config pci_by_ports(void)
{
    return (struct pci_config){.read = read_ports, .first_bus = 0, .last_bus = 0xff};
}

struct pci_config pci_by_window(struct acpi_ecam *window)
{
    return (struct pci_config){.read = read_window, .ctx = window, .segment = window->segment,
                               .first_bus = window->first_bus, .last_bus = window->last_bus, .extended = true};
}
