/* SPDX-License-Identifier: BSD-2-Clause */
/* See vmx.h. SDM chapters 25 (VMX), 32 (instructions) and appendix A (capabilities). */
#include "hv/vmx/vmx.h"

#include "hv/vmx/caps.h"
#include "hv/vmx/vmcs.h"
#include "iommu/port.h"

#define BASIC_TRUE_CONTROLS (1ull << 55)

enum result vmx_check(u32 cpu_index)
{
    if ((cpuid(1, 0).ecx & 1 << 5) == 0) {
        port_log(LOG_ERROR, "CPU %u: no VMX", cpu_index);
        return ERR_UNSUPPORTED;
    }
    struct vmx_caps caps;
    vmx_caps_read(&caps, msr_read);
    u32 at = 0;
    enum result r = OK;
    for (const char *missing; (missing = vmx_caps_missing(&caps, &at)) != NULL; r = ERR_UNSUPPORTED) {
        port_log(LOG_ERROR, "CPU %u: %s", cpu_index, missing);
    }
    return r;
}

u32 vmx_controls(enum msr msr, enum msr true_msr, u32 want)
{
    bool has_true = (msr_read(MSR_VMX_BASIC) & BASIC_TRUE_CONTROLS) != 0 && true_msr != 0;
    u64 allowed = msr_read(has_true ? true_msr : msr);
    return (want | (u32)allowed) & (u32)(allowed >> 32);
}

static not_inlined u64 fixed(u64 value, enum msr fixed0, enum msr fixed1)
{
    return (value | msr_read(fixed0)) & msr_read(fixed1);
}

enum result vmx_on(struct cpu *c)
{
    u64 feature = msr_read(MSR_FEATURE_CONTROL);
    if (!(feature & FEATURE_LOCKED)) {
        msr_write(MSR_FEATURE_CONTROL, feature | FEATURE_LOCKED | FEATURE_VMX);
    }
    c->firmware_cr0 = cr0_read();
    c->firmware_cr4 = cr4_read();
    cr0_write(fixed(c->firmware_cr0 | CR0_WP, MSR_VMX_CR0_FIXED0, MSR_VMX_CR0_FIXED1));
    cr4_write(fixed(c->firmware_cr4 | CR4_VMXE, MSR_VMX_CR4_FIXED0, MSR_VMX_CR4_FIXED1));
    *(u32 *)port_hpa_to_ptr(c->vmxon) = (u32)msr_read(MSR_VMX_BASIC) & 0x7fffffff;
    bool failed;
    __asm__ volatile("vmxon %1" : "=@ccna"(failed) : "m"(c->vmxon.v) : "memory");
    if (failed) {
        port_log(LOG_ERROR, "CPU %u: VMXON failed", c->index);
        cr4_write(c->firmware_cr4);
        cr0_write(c->firmware_cr0);
        return ERR_UNSUPPORTED;
    }
    c->in_vmx = true;
    return OK;
}

void vmx_off(struct cpu *c)
{
    if (!c->in_vmx) {
        return;
    }
    vmx_invept_all();
    __asm__ volatile("vmxoff" : : : "cc", "memory");
    cr4_write(c->firmware_cr4 | (cr4_read() & CR4_LA57));
    cr0_write(c->firmware_cr0);
    c->in_vmx = false;
}

enum result vmx_vmcs_load(hpa_t vmcs)
{
    *(u32 *)port_hpa_to_ptr(vmcs) = (u32)msr_read(MSR_VMX_BASIC) & 0x7fffffff;
    bool failed;
    __asm__ volatile("vmclear %1" : "=@ccna"(failed) : "m"(vmcs.v) : "memory");
    if (!failed) {
        __asm__ volatile("vmptrld %1" : "=@ccna"(failed) : "m"(vmcs.v) : "memory");
    }
    if (failed) {
        port_log(LOG_ERROR, "VMCS at 0x%llx refused", vmcs.v);
        return ERR_UNSUPPORTED;
    }
    return OK;
}

void vmx_vmcs_leave(hpa_t vmcs)
{
    __asm__ volatile("vmclear %0" : : "m"(vmcs.v) : "cc", "memory");
}

void vmx_invept_all(void)
{
    const u64 descriptor[2] = {0, 0};
    __asm__ volatile("invept %0, %1" : : "m"(descriptor), "r"(2ull) : "cc", "memory");
}

void vmx_invvpid(u16 vpid)
{
    const u64 descriptor[2] = {vpid, 0};
    __asm__ volatile("invvpid %0, %1" : : "m"(descriptor), "r"(1ull) : "cc", "memory");
}
