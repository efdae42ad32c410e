/*
 * EPT violations. An access to a hole is emulated, and so is one that a present page does not allow: a write to
 * protected memory. Device memory that no list named is mapped at its first access; if another CPU has mapped it
 * meanwhile, the instruction just runs again.
 */
#include "hv/exit/handlers.h"

#include "hv/exit/mmio.h"
#include "hv/partition/partition.h"
#include "iommu/port.h"

/* The rights that the entry gave; none of them: there was no entry (SDM table 29-7). */
enum { QUALIFICATION_PRESENT = 7 << 3 };

void exit_ept_violation(struct vcpu *v)
{
    u64 gpa = vmcs_read(VMCS_GUEST_PHYSICAL);
    u32 offset = 0;
    struct viommu *unit = partition_dma_viommu_at(v->partition, gpa, &offset);
    if (unit != NULL || partition_ept_rights(v->partition, gpa) == 0 ||
        (vmcs_read(VMCS_QUALIFICATION) & QUALIFICATION_PRESENT) != 0) {
        exit_mmio(v, gpa, unit, offset);
        return;
    }
    enum result r = partition_ept_map_device(v->partition, gpa);
    if (r != OK && r != ERR_EXISTS) {
        port_log(LOG_ERROR, "CPU %u: device memory at 0x%llx cannot be mapped: %s", v->index, gpa,
                 result_text(r));
        vcpu_inject_error(VECTOR_GP, 0);
    }
}
