/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Judges what cpu_read() found. The reason that the user can do least about comes first: another
 * CPU, a firmware setting, a missing control. SDM volume 3, appendix A.
 */
#include "boot/cpu.h"

#include "drivers/format.h"
#include "hv/vmx/vmcs.h"

static bool is_intel(const struct cpu_facts *cpu)
{
    static const char intel[] = "GenuineIntel";
    for (u32 i = 0; i < sizeof(intel); i++) {
        if (cpu->vendor[i] != intel[i]) {
            return false;
        }
    }
    return true;
}

u32 cpu_key_id_bits(u64 tme_activate)
{
    enum { ENABLED = 1 << 1, KEY_ID_BITS_SHIFT = 32, KEY_ID_BITS = 0xf };
    return (tme_activate & ENABLED) != 0 ? tme_activate >> KEY_ID_BITS_SHIFT & KEY_ID_BITS : 0;
}

const char *cpu_missing(const struct cpu_facts *cpu)
{
    if (!is_intel(cpu)) {
        return "not an Intel CPU";
    }
    if (!cpu->vmx) {
        return cpu->hypervisor ? "no VMX: another hypervisor is running and does not offer it"
                               : "no VMX";
    }
    if (!cpu->no_execute) {
        return "no-execute pages are turned off by the firmware";
    }
    u32 first = 0;
    return vmx_caps_missing(&cpu->caps, &first);
}

void cpu_vmx_text(const struct cpu_facts *cpu, char text[CPU_VMX_TEXT])
{
    static const struct { enum vmx_word word; u32 bits; const char *name; } list[] = {
        {VMX_WORD_CPU2, CPU2_EPT, "EPT"}, {VMX_WORD_EPT_VPID, EPT_WALK_4, "4-level"},
        {VMX_WORD_EPT_VPID, EPT_WALK_5, "5-level"}, {VMX_WORD_EPT_VPID, EPT_2M, "2M"},
        {VMX_WORD_EPT_VPID, EPT_1G, "1G"}, {VMX_WORD_EPT_VPID, EPT_ACCESSED_DIRTY, "A/D"},
        {VMX_WORD_CPU2, CPU2_VPID, "VPID"}, {VMX_WORD_CPU2, CPU2_UNRESTRICTED, "unrestricted-guest"},
        {VMX_WORD_PIN, PIN_PREEMPTION_TIMER, "preemption-timer"}, {VMX_WORD_CPU2, CPU2_RDTSCP, "RDTSCP"},
        {VMX_WORD_CPU2, CPU2_INVPCID, "INVPCID"}, {VMX_WORD_CPU2, CPU2_XSAVES, "XSAVES"},
        {VMX_WORD_CPU2, CPU2_USER_WAIT, "TPAUSE"}, {VMX_WORD_CPU2, 1 << 22, "mode-based-execute"},
    };
    size_t used = 0;
    text[0] = '\0';
    for (u32 i = 0; i < ARRAY_LEN(list) && used < CPU_VMX_TEXT; i++) {
        if (vmx_caps_has(&cpu->caps, list[i].word, list[i].bits)) {
            used += format_text(text + used, CPU_VMX_TEXT - used, "%s%s", used == 0 ? "" : " ",
                                list[i].name);
        }
    }
}
