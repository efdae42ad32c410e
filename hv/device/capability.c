/* SPDX-License-Identifier: BSD-2-Clause */
/* See pci.h. */
#include "hv/device/pci.h"

enum { CAPABILITIES_MAX = 96, HAS_LIST = 1 << 20 };

struct found { u32 id, at; };

/* One of the two lists, each entry of which may be anywhere: the last one at or in front of `offset`. */
static struct found find(u16 source_id, u32 offset, u32 next, bool extended)
{
    struct found best = {0, 0};
    u32 left = CAPABILITIES_MAX;
    while (next >= (extended ? PCI_EXTENDED : PCI_OWN) && left-- != 0) {
        u32 header = pci_read(source_id, next, 4);
        if (next <= offset && next > best.at) {
            best = (struct found){extended ? PCI_EXT | (header & 0xffff) : header & 0xff, next};
        }
        next = extended ? header >> 20 & 0xffc : header >> 8 & 0xfc;
    }
    return best;
}

u32 pci_capability_at(u16 source_id, u32 offset, u32 *at)
{
    bool extended = offset >= PCI_EXTENDED;
    u32 first = PCI_EXTENDED;
    if (!extended) {
        bool has = (pci_read(source_id, PCI_COMMAND, 4) & HAS_LIST) != 0;
        first = has ? pci_read(source_id, PCI_CAPABILITIES, 4) & 0xfc : 0;
    }
    struct found found = find(source_id, offset, first, extended);
    *at = found.at;
    return found.id;
}
