/* SPDX-License-Identifier: BSD-2-Clause */
/* The registers of an MSI capability (PCI 7.7.1) as the guest of a given-away function has them. Pure. */
#ifndef NESTOR_HV_DEVICE_MSI_REGISTERS_H
#define NESTOR_HV_DEVICE_MSI_REGISTERS_H

#include "hv/device/message.h"
#include "hv/handover.h"

enum { MSI_ENABLE = 1 << 16, MSI_REGISTERS = 5 };

/* In their order, without the last one: which messages are pending is the function's own. */
struct msi_registers {
    u32 words[MSI_REGISTERS];
};

/* Where the function has them, in the capability; mask and pending are 0 where there are none. */
struct msi_layout {
    u32 data, mask, pending, size;
};
struct msi_layout msi_registers_layout(const struct handover_function *f);

/* As after a reset, of a function whose first register is `head`. */
void msi_registers_reset(struct msi_registers *m, u32 head);
/* A store of 1, 2 or 4 bytes, aligned: what is read-only keeps its value. */
void msi_registers_put(struct msi_registers *m, const struct handover_function *f, u32 offset, u32 size, u32 value);
/* What it sends; count 0: it is off. */
struct message msi_registers_message(const struct msi_registers *m, const struct handover_function *f);

#endif
