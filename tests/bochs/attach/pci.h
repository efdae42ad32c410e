/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * PCI Express functions of the attachment's own, integrated endpoints of bus 0: configuration space of 4 KiB, by ports
 * and by the ECAM window; one BAR of memory; MSI, MSI-X, function-level reset. Their DMA and their messages go through
 * the unit like those of a plugin.
 */
#ifndef NESTOR_ATTACH_PCI_H
#define NESTOR_ATTACH_PCI_H

#include "tests/bochs/attach/attach.h"

enum { PCI_CONFIG_BYTES = 4096, PCI_OBJECT_WORDS = 96, PCI_VECTORS = 4, PCI_BAR_BYTES = 1 << 16,
       /* In the BAR: what a function has for itself ends where the table of MSI-X begins. */
       PCI_OWN_BYTES = 0x8000, PCI_TABLE_BYTES = 0x1000, PCI_PENDING = 0xc000,
       PCI_FIRST_CAPABILITY = 0xb0 };

struct pci_vector {
    uint64_t address;
    uint32_t data, control;
};

struct pci_function {
    const void *object[PCI_OBJECT_WORDS];   /* for Bochs: its first word points to functions */
    struct device *device;
    const char *name;
    uint32_t id, class_revision, subsystem;
    uint64_t (*read)(struct pci_function *function, uint64_t offset, unsigned len);
    void (*write)(struct pci_function *function, uint64_t offset, unsigned len, uint64_t value);
    void (*reset)(struct pci_function *function);
    uint8_t config[PCI_CONFIG_BYTES], writable[PCI_CONFIG_BYTES];
    uint32_t mapped;                        /* where its BAR answers, 0: nowhere */
    struct pci_vector vectors[PCI_VECTORS];
    uint32_t pending;                       /* messages that a mask holds back */
};

/* Makes it one of the machine's functions. */
void pci_add(struct pci_function *function);
/* Copies a capability to where the list of capabilities has to have it; its next pointer is that of the text. */
void pci_add_capability(struct pci_function *function, unsigned offset, const void *text, size_t len);
/* Sends the message of that number if the function may. */
void pci_interrupt(struct pci_function *function, unsigned vector);
/* A DMA access; false if the unit, or the function's own bus-master bit, refused it. */
bool pci_dma(struct pci_function *function, bool write, uint64_t addr, size_t len, void *data);
void pci_reset(struct pci_function *function);

#endif
