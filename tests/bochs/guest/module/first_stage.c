/* SPDX-License-Identifier: BSD-2-Clause */
/* See first_stage.h. Registers and entries as in VT-d 9 and 11.4, scalable mode; the one unit of the test machine. */
#include "first_stage.h"

#include <linux/io.h>

enum { UNIT = 0xfed90000, UNIT_BYTES = 4096, RTADDR = 0x20, TTM_MASK = 3 << 10, TTM_SCALABLE = 1 << 10 };
enum { PRESENT = 1, RID_PASID_MASK = 0xfffff, PGTT_SHIFT = 6, PGTT_MASK = 7, PGTT_FIRST_STAGE = 1, FSPM_MASK = 3 << 2 };
#define ADDRESS 0x000ffffffffff000ull

static u64 root_register(void)
{
    void __iomem *unit = ioremap(UNIT, UNIT_BYTES);
    u64 value = unit != NULL ? readq(unit + RTADDR) : 0;
    iounmap(unit);
    return value;
}

/* The table that an entry leads to; NULL if the entry is not present. */
static u64 *table(u64 entry)
{
    return (entry & PRESENT) != 0 ? phys_to_virt(entry & ADDRESS) : NULL;
}

u64 *first_stage_top(struct pci_dev *pci)
{
    u64 root = root_register();
    u64 *at = table((root & ADDRESS) | PRESENT);
    u32 pasid;
    if ((root & TTM_MASK) != TTM_SCALABLE) {
        return NULL;
    }
    at = table(at[pci->bus->number * 2u + pci->devfn / 128u]);
    if (at == NULL || (at[pci->devfn % 128u * 4] & PRESENT) == 0) {
        return NULL;
    }
    at += pci->devfn % 128u * 4;
    pasid = at[1] & RID_PASID_MASK;
    at = table(at[0]);
    at = table(at[pasid / 64]);
    if (at == NULL) {
        return NULL;
    }
    at += pasid % 64 * 8;
    if ((at[0] & PRESENT) == 0 || (at[0] >> PGTT_SHIFT & PGTT_MASK) != PGTT_FIRST_STAGE || (at[2] & FSPM_MASK) != 0) {
        return NULL;
    }
    return phys_to_virt(at[2] & ADDRESS);
}
