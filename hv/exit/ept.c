/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * EPT violations. An access to a hole is emulated, and so is one that a present page does not allow: a write to
 * protected memory. Device memory that no list named is mapped at its first access; if another CPU has mapped it
 * meanwhile, the instruction just runs again.
 */
#include "hv/exit/handlers.h"

#include "hv/exit/mmio.h"
#include "hv/exit/pci.h"
#include "hv/partition/partition.h"
#include "iommu/port.h"

/* The rights that the entry gave; none of them: there was no entry (SDM table 29-7). */
enum { QUALIFICATION_PRESENT = 7 << 3 };

/*
 * The instruction runs again. If it is an IRET that has already ended the blocking of NMIs, that is undone first; where
 * an event was being delivered the bit says nothing (SDM 29.2.1).
 */
static void block_nmis_again(void)
{
    if ((vmcs_read(VMCS_QUALIFICATION) & QUALIFICATION_NMI_UNBLOCKED) && !(vmcs_read(VMCS_VECTORING) & EVENT_VALID)) {
        vcpu_block(BLOCKING_NMI);
    }
}

static void refuse(struct vcpu *v, u64 gpa, const char *why)
{
    struct limit *refused = &v->partition->unmapped_accesses;
    if (limit_due(refused)) {
        port_log(LOG_ERROR, "CPU %u: access to 0x%llx gets #GP, as it cannot be mapped: %s (attempt %llu)", v->index,
                 gpa, why, refused->count);
    }
    exit_fault(v, VECTOR_GP, 0);
}

void exit_ept_violation(struct vcpu *v)
{
    u64 gpa = vmcs_read(VMCS_GUEST_PHYSICAL);
    u32 offset = 0;
    struct viommu *unit = partition_dma_viommu_at(v->partition, gpa, &offset);
    if (unit != NULL || exit_pci_is_at(v->partition, gpa) || partition_ept_rights(v->partition, gpa) == 0 ||
        (vmcs_read(VMCS_QUALIFICATION) & QUALIFICATION_PRESENT) != 0) {
        exit_mmio(v, gpa, unit, offset);
        return;
    }
    enum result r = partition_ept_map_device(v->partition, gpa);
    if (r == OK || r == ERR_EXISTS) {
        block_nmis_again();
    } else {
        refuse(v, gpa, result_text(r));
    }
}

/*
 * An entry that the CPU takes for broken (SDM 30.3.3.1): Nestor makes none, but a bit of an address may mean something
 * else to a CPU than is known of it.
 */
void exit_ept_misconfig(struct vcpu *v)
{
    refuse(v, vmcs_read(VMCS_GUEST_PHYSICAL), "the CPU refuses its entry of the EPT");
}
