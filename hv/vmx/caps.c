/* SPDX-License-Identifier: BSD-2-Clause */
/* See caps.h. SDM appendix A: A.1 BASIC, A.3 to A.5 controls, A.6 MISC, A.10 EPT and VPID. */
#include "hv/vmx/caps.h"

#include "hv/machine/x86_bits.h"
#include "hv/vmx/vmcs.h"

#define BASIC_WRITE_BACK (6ull << 50)
#define MISC_WAIT_SIPI (1ull << 8)
#define INVVPID (1ull << 32)
#define INVVPID_ONE (1ull << 41)

/* What others depend on comes first. */
static const struct { enum vmx_word word; u64 bits; const char *missing; } needs[] = {
    {VMX_WORD_BASIC, BASIC_WRITE_BACK, "no VMCS in write-back memory"},
    {VMX_WORD_CPU, CPU_SECONDARY, "no secondary processor-based controls"},
    {VMX_WORD_CPU2, CPU2_EPT, "no EPT"},
    {VMX_WORD_CPU2, CPU2_UNRESTRICTED, "no unrestricted guest"},
    {VMX_WORD_CPU2, CPU2_VPID, "no VPID"},
    {VMX_WORD_CPU, CPU_MSR_BITMAPS, "no MSR bitmaps"},
    {VMX_WORD_CPU, CPU_IO_BITMAPS, "no I/O bitmaps"},
    {VMX_WORD_CPU, CPU_NMI_WINDOW, "no NMI-window exiting"},
    {VMX_WORD_PIN, PIN_NMI_EXITING, "no NMI exiting"},
    {VMX_WORD_PIN, PIN_VIRTUAL_NMIS, "no virtual NMIs"},
    {VMX_WORD_PIN, PIN_PREEMPTION_TIMER, "no VMX-preemption timer"},
    {VMX_WORD_EXIT, EXIT_HOST_64, "no 64-bit host"},
    {VMX_WORD_EXIT, EXIT_SAVE_EFER, "no save of IA32_EFER"},
    {VMX_WORD_EXIT, EXIT_LOAD_EFER, "no load of IA32_EFER on exit"},
    {VMX_WORD_EXIT, EXIT_SAVE_PAT, "no save of IA32_PAT"},
    {VMX_WORD_EXIT, EXIT_LOAD_PAT, "no load of IA32_PAT on exit"},
    {VMX_WORD_EXIT, EXIT_SAVE_TIMER, "no save of the VMX-preemption timer"},
    {VMX_WORD_ENTRY, ENTRY_GUEST_64, "no 64-bit guest"},
    {VMX_WORD_ENTRY, ENTRY_LOAD_EFER, "no load of IA32_EFER on entry"},
    {VMX_WORD_ENTRY, ENTRY_LOAD_PAT, "no load of IA32_PAT on entry"},
    {VMX_WORD_MISC, MISC_WAIT_SIPI, "no wait-for-SIPI state of a guest"},
    {VMX_WORD_EPT_VPID, EPT_WALK_4, "no 4-level EPT walks"},
    {VMX_WORD_EPT_VPID, EPT_WRITE_BACK, "no write-back EPT"},
    {VMX_WORD_EPT_VPID, EPT_2M, "no 2 MiB EPT pages"},
    {VMX_WORD_EPT_VPID, EPT_INVEPT, "no INVEPT"},
    {VMX_WORD_EPT_VPID, EPT_INVEPT_ALL, "no all-context INVEPT"},
    {VMX_WORD_EPT_VPID, INVVPID, "no INVVPID"},
    {VMX_WORD_EPT_VPID, INVVPID_ONE, "no single-context INVVPID"},
};

void vmx_caps_read(struct vmx_caps *caps, u64 (*read)(u32 msr))
{
    *caps = (struct vmx_caps){.feature_control = read(MSR_FEATURE_CONTROL)};
    caps->word[VMX_WORD_BASIC] = read(MSR_VMX_BASIC);
    caps->word[VMX_WORD_PIN] = read(MSR_VMX_PIN);
    caps->word[VMX_WORD_CPU] = read(MSR_VMX_CPU);
    caps->word[VMX_WORD_EXIT] = read(MSR_VMX_EXIT);
    caps->word[VMX_WORD_ENTRY] = read(MSR_VMX_ENTRY);
    caps->word[VMX_WORD_MISC] = read(MSR_VMX_MISC);
    if (vmx_caps_has(caps, VMX_WORD_CPU, CPU_SECONDARY)) {
        caps->word[VMX_WORD_CPU2] = read(MSR_VMX_CPU2);
    }
    if (vmx_caps_has(caps, VMX_WORD_CPU2, CPU2_EPT) || vmx_caps_has(caps, VMX_WORD_CPU2, CPU2_VPID)) {
        caps->word[VMX_WORD_EPT_VPID] = read(MSR_VMX_EPT_VPID);
    }
}

bool vmx_caps_has(const struct vmx_caps *caps, enum vmx_word word, u64 bits)
{
    bool is_control = word >= VMX_WORD_PIN && word <= VMX_WORD_ENTRY;
    return (bits & ~(is_control ? caps->word[word] >> 32 : caps->word[word])) == 0;
}

const char *vmx_caps_missing(const struct vmx_caps *caps, u32 *at)
{
    /* Unlocked, Nestor turns it on itself. */
    if (*at == 0 && (caps->feature_control & (FEATURE_LOCKED | FEATURE_VMX)) == FEATURE_LOCKED) {
        *at = ARRAY_LEN(needs);
        return "VMX is turned off by the firmware (IA32_FEATURE_CONTROL), look for it in its set-up";
    }
    while (*at < ARRAY_LEN(needs)) {
        u32 i = (*at)++;
        if (!vmx_caps_has(caps, needs[i].word, needs[i].bits)) {
            return needs[i].missing;
        }
    }
    return NULL;
}
