/* SPDX-License-Identifier: BSD-2-Clause */
/* See msi.h. */
#include "hv/device/msi.h"

#include "hv/device/device.h"
#include "hv/device/pci.h"

enum { WORD = sizeof(u32) };

static u32 read(const struct device *d, u32 offset)
{
    return pci_read(d->function->source_id, d->function->msi + offset, WORD);
}

static void write(const struct device *d, u32 offset, u32 value)
{
    pci_write(d->function->source_id, d->function->msi + offset, WORD, value);
}

void msi_begin(struct device *d)
{
    pci_lock();
    u32 head = read(d, 0);
    write(d, 0, head & ~(u32)MSI_ENABLE);
    pci_unlock();
    msi_registers_reset(&d->interrupts.msi, head);
}

u32 msi_read(const struct device *d, u32 offset, u32 size)
{
    const struct msi_layout at = msi_registers_layout(d->function);
    u32 word = offset / WORD * WORD;
    u32 value = word == at.pending && word != 0 ? read(d, word)
                : word < at.size               ? d->interrupts.msi.words[word / WORD]
                                               : 0;
    return (u32)(value >> offset % WORD * 8 & ((1ull << size * 8) - 1));
}

/* The function's own message: the host's index. */
static void set_message(const struct device *d, const struct msi_layout *at)
{
    u64 address = interrupts_address(d, 0);
    write(d, WORD, (u32)address);
    if (d->function->msi_wide) {
        write(d, 2 * WORD, (u32)(address >> 32));
    }
    write(d, at->data, 0);
}

/* Turned on last, and off first; in between the guest changes what the unit's entry says. */
static void apply(struct device *d)
{
    const struct msi_layout at = msi_registers_layout(d->function);
    const struct msi_registers *m = &d->interrupts.msi;
    const struct message message = msi_registers_message(m, d->function);
    if (message.count != 0) {
        interrupts_point(d, 0, &message);
        set_message(d, &at);
    }
    if (at.mask != 0) {
        write(d, at.mask, m->words[at.mask / WORD]);
    }
    write(d, 0, m->words[0]);
}

void msi_write(struct device *d, u32 offset, u32 size, u32 value)
{
    spin_lock(&d->interrupts.lock);
    msi_registers_put(&d->interrupts.msi, d->function, offset, size, value);
    apply(d);
    spin_unlock(&d->interrupts.lock);
}
