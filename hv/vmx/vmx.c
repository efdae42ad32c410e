/* See vmx.h. SDM chapters 25 (VMX), 32 (instructions) and appendix A (capabilities). */
#include "hv/vmx/vmx.h"

#include "hv/vmx/vmcs.h"
#include "iommu/port.h"

/* X(the MSR whose high half says what may be 1, bits, words) */
#define NEEDED(X)                                                                          \
    X(MSR_VMX_PIN, PIN_NMI_EXITING, "NMI exiting")                                         \
    X(MSR_VMX_PIN, PIN_VIRTUAL_NMIS, "virtual NMIs")                                       \
    X(MSR_VMX_PIN, PIN_PREEMPTION_TIMER, "the VMX-preemption timer")                       \
    X(MSR_VMX_CPU, CPU_MSR_BITMAPS, "MSR bitmaps")                                         \
    X(MSR_VMX_CPU, CPU_IO_BITMAPS, "I/O bitmaps")                                          \
    X(MSR_VMX_CPU, CPU_SECONDARY, "secondary controls")                                    \
    X(MSR_VMX_EXIT, EXIT_SAVE_EFER | EXIT_LOAD_EFER, "EFER switching on exit")             \
    X(MSR_VMX_EXIT, EXIT_SAVE_PAT | EXIT_LOAD_PAT, "PAT switching on exit")                \
    X(MSR_VMX_EXIT, EXIT_SAVE_TIMER, "saving the VMX-preemption timer")                    \
    X(MSR_VMX_ENTRY, ENTRY_LOAD_EFER | ENTRY_LOAD_PAT, "EFER and PAT switching on entry")

#define NEEDED_SECONDARY(X)                                                                \
    X(MSR_VMX_CPU2, CPU2_EPT, "EPT")                                                       \
    X(MSR_VMX_CPU2, CPU2_VPID, "VPID")                                                     \
    X(MSR_VMX_CPU2, CPU2_UNRESTRICTED, "unrestricted guest")

/* IA32_VMX_EPT_VPID_CAP, SDM appendix A.10. */
#define EPT_WALK_4 (1ull << 6)
#define EPT_WB (1ull << 14)
#define EPT_2M (1ull << 16)
#define EPT_INVEPT_ALL (1ull << 20 | 1ull << 26)
#define EPT_INVVPID_ONE (1ull << 32 | 1ull << 41)
#define MISC_WAIT_SIPI (1ull << 8)
#define BASIC_TRUE_CONTROLS (1ull << 55)
#define FEATURE_LOCKED 1ull
#define FEATURE_VMX 4ull

struct needed {
    u32 msr;
    u32 bits;
    const char *words;
};

static bool check(bool present, u32 cpu_index, const char *words)
{
    if (!present) {
        port_log(LOG_ERROR, "CPU %u lacks %s", cpu_index, words);
    }
    return present;
}

static bool check_list(const struct needed *list, size_t count, u32 cpu_index)
{
    bool all = true;
    for (size_t i = 0; i < count; i++) {
        bool present = (list[i].bits & ~(u32)(msr_read(list[i].msr) >> 32)) == 0;
        all &= check(present, cpu_index, list[i].words);
    }
    return all;
}

enum result vmx_check(u32 cpu_index)
{
#define ENTRY(msr, bits, words) {msr, bits, words},
    static const struct needed primary[] = {NEEDED(ENTRY)};
    static const struct needed secondary[] = {NEEDED_SECONDARY(ENTRY)};
#undef ENTRY
    u64 ept;
    u64 feature;
    bool all;
    if (!check((cpuid(1, 0).ecx & 1 << 5) != 0, cpu_index, "VMX")) {
        return ERR_UNSUPPORTED;
    }
    feature = msr_read(MSR_FEATURE_CONTROL);
    if ((feature & FEATURE_LOCKED) && !(feature & FEATURE_VMX)) {
        port_log(LOG_ERROR, "CPU %u: the firmware has locked VMX off (IA32_FEATURE_CONTROL 0x%llx)",
                 cpu_index, feature);
        return ERR_UNSUPPORTED;
    }
    if (!check_list(primary, ARRAY_LEN(primary), cpu_index) ||
        !check_list(secondary, ARRAY_LEN(secondary), cpu_index)) {
        return ERR_UNSUPPORTED;
    }
    ept = msr_read(MSR_VMX_EPT_VPID);
    all = check((ept & EPT_WALK_4) && (ept & EPT_WB), cpu_index, "a 4-level write-back EPT");
    all &= check((ept & EPT_2M) != 0, cpu_index, "EPT pages of 2 MiB");
    all &= check((ept & EPT_INVEPT_ALL) == EPT_INVEPT_ALL, cpu_index, "INVEPT");
    all &= check((ept & EPT_INVVPID_ONE) == EPT_INVVPID_ONE, cpu_index, "INVVPID");
    all &= check((msr_read(MSR_VMX_MISC) & MISC_WAIT_SIPI) != 0, cpu_index, "wait-for-SIPI");
    return all ? OK : ERR_UNSUPPORTED;
}

u32 vmx_controls(enum msr msr, enum msr true_msr, u32 want)
{
    bool has_true = (msr_read(MSR_VMX_BASIC) & BASIC_TRUE_CONTROLS) != 0 && true_msr != 0;
    u64 allowed = msr_read(has_true ? true_msr : msr);
    return (want | (u32)allowed) & (u32)(allowed >> 32);
}

static u64 fixed(u64 value, enum msr fixed0, enum msr fixed1)
{
    return (value | msr_read(fixed0)) & msr_read(fixed1);
}

enum result vmx_on(struct cpu *c)
{
    u32 *region = port_hpa_to_ptr(c->vmxon);
    bool failed;
    u64 feature = msr_read(MSR_FEATURE_CONTROL);
    if (!(feature & FEATURE_LOCKED)) {
        msr_write(MSR_FEATURE_CONTROL, feature | FEATURE_LOCKED | FEATURE_VMX);
    }
    c->firmware_cr0 = cr0_read();
    c->firmware_cr4 = cr4_read();
    cr0_write(fixed(c->firmware_cr0 | CR0_WP, MSR_VMX_CR0_FIXED0, MSR_VMX_CR0_FIXED1));
    cr4_write(fixed(c->firmware_cr4 | CR4_VMXE, MSR_VMX_CR4_FIXED0, MSR_VMX_CR4_FIXED1));
    *region = (u32)msr_read(MSR_VMX_BASIC) & 0x7fffffff;
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
    bool failed;
    *(u32 *)port_hpa_to_ptr(vmcs) = (u32)msr_read(MSR_VMX_BASIC) & 0x7fffffff;
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
