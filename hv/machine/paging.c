/* See paging.h. */
#include "hv/machine/paging.h"

#include "hv/machine/state.h"
#include "hv/vmx/vmcs.h"
#include "hv/machine/x86.h"
#include "iommu/port.h"

enum { ENTRY_PRESENT = 1, ENTRY_WRITE = 2, LAST_ENTRY = 511 };

static hpa_t root;

/* The two ends of the address space are those of four levels. */
enum result paging_create(void)
{
    u64 entry = handover->page_table | ENTRY_PRESENT | ENTRY_WRITE;
    u64 *table;
    enum result r;
    if ((cr4_read() & CR4_LA57) || !(msr_read(MSR_VMX_CR4_FIXED1) & CR4_LA57)) {
        return OK;
    }
    r = port_pages_alloc(1, &root);
    if (r == OK) {
        table = port_hpa_to_ptr(root);
        table[0] = entry;
        table[LAST_ENTRY] = entry;
    }
    return r;
}

void paging_widen_host(void)
{
    if (root.v != 0) {
        vmcs_write(VMCS_HOST_CR3, root.v);
        vmcs_write(VMCS_HOST_CR4, vmcs_read(VMCS_HOST_CR4) | CR4_LA57);
    }
}
