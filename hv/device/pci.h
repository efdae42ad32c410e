/* SPDX-License-Identifier: BSD-2-Clause */
/* Configuration space as the hardware has it, and what its registers are called (PCI 3.0, PCIe 7.5 to 7.9). */
#ifndef NESTOR_HV_DEVICE_PCI_H
#define NESTOR_HV_DEVICE_PCI_H

#include "hv/types.h"

enum {
    PCI_COMMAND = 0x04, PCI_COMMAND_IO = 1, PCI_COMMAND_MEMORY = 2, PCI_COMMAND_MASTER = 4,
    PCI_COMMAND_NO_INTX = 1 << 10,
    PCI_CLASS = 0x08, PCI_HEADER = 0x0c, PCI_BARS = 0x10, PCI_BAR_PORT = 1, PCI_BAR_WIDE = 4, PCI_BAR_PREFETCH = 8,
    PCI_BUSES = 0x18, PCI_ROM = 0x30, PCI_ROM_ON = 1, PCI_BRIDGE_ROM = 0x38, PCI_INTERRUPT = 0x3c,
    PCI_WINDOW = 0x20, PCI_WINDOW_PREFETCH = 0x24, PCI_WINDOW_BASE_HIGH = 0x28, PCI_WINDOW_LIMIT_HIGH = 0x2c,
    PCI_CAPABILITIES = 0x34, PCI_OWN = 0x40, PCI_EXTENDED = 0x100, PCI_SPACE = 0x1000,

    PCI_TYPE_BRIDGE = 1, PCI_TYPE_CARDBUS = 2,

    PCI_CAP_PM = 0x01, PCI_CAP_MSI = 0x05, PCI_CAP_PCIE = 0x10, PCI_CAP_MSIX = 0x11, PCI_CAP_AF = 0x13,
    PCI_CAP_EA = 0x14, PCI_CAP_FLATTENING = 0x15,
    PCI_EXT = 0x10000,          /* an extended one */
    PCI_EXT_AER = PCI_EXT | 0x01, PCI_EXT_VENDOR = PCI_EXT | 0x0b, PCI_EXT_ACS = PCI_EXT | 0x0d,
    PCI_EXT_ARI = PCI_EXT | 0x0e, PCI_EXT_ATS = PCI_EXT | 0x0f, PCI_EXT_SRIOV = PCI_EXT | 0x10,
    PCI_EXT_MULTICAST = PCI_EXT | 0x12, PCI_EXT_PRI = PCI_EXT | 0x13, PCI_EXT_RESIZE = PCI_EXT | 0x15,
    PCI_EXT_PASID = PCI_EXT | 0x1b,
    PCI_EXT_DESIGNATED = PCI_EXT | 0x23, PCI_EXT_RESIZE_VF = PCI_EXT | 0x24,
};

/* ecam_base: where bus 0 is in the window, or would be; 0: there is none. Before anything else. */
void pci_init(u64 ecam_base, u8 first_bus, u8 last_bus);

/* The hardware is one for all CPUs: around all that belongs together, and never across a wait. */
void pci_lock(void);
void pci_unlock(void);

bool pci_is_in_window(u64 address);
u16 pci_source_at(u64 address);

/*
 * A register of 1, 2 or 4 bytes within a double word. Above PCI_EXTENDED it is in the ECAM window; where there is none,
 * reads give ones. Under the lock.
 */
u32 pci_read(u16 source_id, u32 offset, u32 size);
void pci_write(u16 source_id, u32 offset, u32 size, u32 value);

/*
 * The capability that the double word at `offset` is in: its id or PCI_EXT | its id, its place in *at. 0: in none, or
 * in a list without an end. Capabilities do not say how long they are: what follows the last belongs to it.
 */
u32 pci_capability_at(u16 source_id, u32 offset, u32 *at);

#endif
