/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Interrupt remapping of the guest's unit (design, decision 12). The guest's table is in its memory; the unit uses the
 * host's, which has at each index what the guest's entry there comes to. A guest's entry is looked at when the guest
 * announces it: at IRE, at SIRTP while interrupts are remapped, and by descriptors.
 *
 * An owner's unit has no part of the host's table: what its functions' messages come to is in the entries that hv/ has
 * for them, and with each of these announcements hv/ asks again (viommu_remap()). The unit remaps with EIME = 1 for
 * good, so that is as with a root whose interrupts are isolated.
 */
#ifndef NESTOR_IOMMU_VIOMMU_IRT_H
#define NESTOR_IOMMU_VIOMMU_IRT_H

#include "iommu/viommu/irte.h"
#include "iommu/viommu/state.h"

/* Makes the table, where the unit is to have it; what firmware left on goes on. An error leaves nothing on. */
must_use enum result viommu_irt_create(struct viommu *v);
/* As out of reset. */
void viommu_irt_reset(struct viommu *v);
/*
 * From now on the unit remaps with EIME = 1 and no request passes, whatever the guest's IRE, CFI and EIME say: these
 * decide on its entries only. Entries are judged anew. ERR_UNSUPPORTED: the unit does not show EIM.
 */
must_use enum result viommu_irt_isolate(struct viommu *v);
/* Requests of devices are no longer remapped, or all are refused; for a reset. */
must_use enum result viommu_irt_stop(struct viommu *v);
/* Gives the unit back as firmware left it. */
must_use enum result viommu_irt_end(struct viommu *v);

/* GCMD was written: SIRTP, IRE and CFI of it. */
void viommu_irt_command(struct viommu *v, u32 gcmd);
/* Goes on with these within v->budget; true while something is left. */
bool viommu_irt_command_run(struct viommu *v);

/*
 * A descriptor says that 2^mask entries changed, or all (mask 16 and more). True: its successor is in the batch, or
 * none of them matters. False: viommu_irt_run() goes on with them.
 */
bool viommu_irt_announce(struct viommu *v, u16 index, u32 mask);
/* Goes on with the entries of the descriptor; true when its successor is in the batch, or there was none. */
bool viommu_irt_run(struct viommu *v);

/* How destinations of the guest's are read. */
struct irte_rules viommu_irt_rules(const struct viommu *v);

/* What the hardware's fault at an index is to the guest, and at which of its own; VTD_FAULT_NONE: it is not its. */
enum vtd_fault_reason viommu_irt_fault(const struct viommu *v, enum vtd_fault_reason hardware, u32 *index);

#endif
