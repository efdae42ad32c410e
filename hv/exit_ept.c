/*
 * EPT violations: a hole is emulated, device memory that no list named is mapped at its
 * first access; what another CPU has mapped meanwhile only runs again.
 */
#include "hv/exit.h"

#include "hv/ept.h"
#include "hv/exit_mmio.h"
#include "hv/units.h"
#include "iommu/port.h"

void exit_ept_violation(struct vcpu *v)
{
    u64 gpa = vmcs_read(VMCS_GUEST_PHYSICAL);
    u32 offset;
    if (units_viommu_at(v->partition, gpa, &offset) != NULL || ept_rights(v->partition, gpa) == 0) {
        exit_mmio(v, gpa);
        return;
    }
    enum result r = ept_map_device(v->partition, gpa);
    if (r != OK && r != ERR_EXISTS) {
        port_log(LOG_ERROR, "CPU %u: device memory at 0x%llx cannot be mapped: %s", v->index,
                 (unsigned long long)gpa, result_text(r));
        vcpu_inject_error(VECTOR_GP, 0);
    }
}
