/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A function after QEMU's `edu` (its docs/specs/edu.rst): no system drives it, so whoever has it can have it do
 * anything. Registers in its BAR: 00 ident, 04 answers with the complement, 20 status (bit 1: the last DMA was
 * refused), 24 interrupts raised, 60 raises some, 64 takes them back; 80 source, 88 destination, 90 count, 98 command
 * of the DMA engine (bit 0 start, 1 to memory, 2 an interrupt at its end). The function's own 4 KiB are at 40000h of
 * the engine's addresses. Unlike there a DMA is over when the write of its command is, and bit n raised is vector n of
 * MSI-X; and a write to 70 takes a snapshot, for systems that do not reach the bench page.
 */
#include "tests/bochs/attach/pci.h"

#include <string.h>

enum { IDENT = 0x010000ed, STATUS_REFUSED = 2, BUFFER_BASE = 0x40000, BUFFER_BYTES = 4096, COMMAND_START = 1,
       COMMAND_TO_MEMORY = 2, COMMAND_INTERRUPT = 4, DMA_INTERRUPT = 0x100 };

struct edu {
    struct pci_function function;           /* first: who gets that has the rest */
    uint32_t complement, status, raised;
    uint64_t source, destination, count, command;
    uint8_t buffer[BUFFER_BYTES];
};

static uint64_t *register_at(struct edu *edu, uint64_t offset)
{
    return offset == 0x80   ? &edu->source
           : offset == 0x88 ? &edu->destination
           : offset == 0x90 ? &edu->count
           : offset == 0x98 ? &edu->command
                            : NULL;
}

static uint64_t read(struct pci_function *function, uint64_t offset, unsigned len)
{
    struct edu *edu = (struct edu *)function;
    (void)len;
    const uint64_t *value = register_at(edu, offset & ~7ull);
    return value != NULL      ? *value >> (offset & 7) * 8
           : offset == 0      ? IDENT
           : offset == 4      ? edu->complement
           : offset == 0x20   ? edu->status
           : offset == 0x24   ? edu->raised
                              : 0;
}

static void raise(struct edu *edu, uint32_t bits)
{
    unsigned vector = 0;
    edu->raised |= bits;
    while (vector < PCI_VECTORS - 1 && (bits & 1u << vector) == 0) {
        vector++;
    }
    pci_interrupt(&edu->function, vector);
}

static void perform(struct edu *edu)
{
    bool write = (edu->command & COMMAND_TO_MEMORY) != 0;
    uint64_t inside = (write ? edu->source : edu->destination) - BUFFER_BASE;
    if (inside <= BUFFER_BYTES && edu->count <= BUFFER_BYTES - inside) {
        bool ok = pci_dma(&edu->function, write, write ? edu->destination : edu->source, edu->count,
                          edu->buffer + inside);
        edu->status = ok ? edu->status & ~(uint32_t)STATUS_REFUSED : edu->status | STATUS_REFUSED;
    }
    bool interrupts = (edu->command & COMMAND_INTERRUPT) != 0;
    edu->command &= ~(uint64_t)COMMAND_START;
    if (interrupts) {
        raise(edu, DMA_INTERRUPT);
    }
}

static void write(struct pci_function *function, uint64_t offset, unsigned len, uint64_t value)
{
    struct edu *edu = (struct edu *)function;
    uint64_t *wide = register_at(edu, offset & ~7ull);
    if (wide != NULL) {
        memcpy((uint8_t *)wide + (offset & 7), &value, len <= 8 - (offset & 7) ? len : 0);
        if (wide == &edu->command && (edu->command & COMMAND_START) != 0) {
            perform(edu);
        }
    } else if (offset == 4) {
        edu->complement = ~(uint32_t)value;
    } else if (offset == 0x60) {
        raise(edu, (uint32_t)value);
    } else if (offset == 0x64) {
        edu->raised &= ~(uint32_t)value;
    } else if (offset == 0x70) {
        snapshot_write();
    }
}

static void reset(struct pci_function *function)
{
    memset((uint8_t *)function + sizeof(*function), 0, sizeof(struct edu) - sizeof(*function));
}

#define EDU(place, its_name)                                                                     \
    {.function = {.device = &devices[place], .name = (its_name), .id = 0x11e81234, .class_revision = 0x00ff0010, \
                  .subsystem = 0x11001af4, .read = read, .write = write, .reset = reset}}
static struct edu edus[EDUS_MAX] = {EDU(DEV_EDU, "edu"), EDU(DEV_EDU_MORE, "edu-more")};

void edu_add(unsigned which)
{
    pci_add(&edus[which].function);
}
