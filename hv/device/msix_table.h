/* SPDX-License-Identifier: BSD-2-Clause */
/* An entry of an MSI-X table (PCI 7.7.2.6) as the guest of a given-away function has it. Pure. */
#ifndef NESTOR_HV_DEVICE_MSIX_TABLE_H
#define NESTOR_HV_DEVICE_MSIX_TABLE_H

#include "hv/device/message.h"

enum { MSIX_MASKED = 1, MSIX_ADDRESS = 0, MSIX_UPPER = 1, MSIX_DATA = 2, MSIX_CONTROL = 3 };
struct msix_entry {
    u32 words[4];
};
_Static_assert(sizeof(struct msix_entry) == 16, "PCI 7.7.2.6");

/* One of its four words is stored. True: the entry counts, as it is not masked. */
bool msix_table_put(struct msix_entry *e, u32 word, u32 value);
struct message msix_table_message(const struct msix_entry *e);

#endif
