/*
 * Judges what cpu_read() found. The reason that the user can do least about comes first: another
 * CPU, a firmware setting, a missing control. SDM volume 3, appendix A.
 */
#include "boot/cpu.h"
#include "drivers/format.h"

enum {
    FEATURE_LOCKED = 1 << 0,
    FEATURE_VMX_OUTSIDE_SMX = 1 << 2,
    VMX_BASIC_WRITE_BACK = 6,
};

enum where { PIN, CPU, CPU2, EXIT, ENTRY, EPT_VPID };

/* A bit that must be there; "allowed 1" is the high half of a control register. */
struct need {
    enum where where;
    u8 bit;
    const char *missing;
};

static const struct need needs[] = {
    {CPU, 31, "no secondary processor-based controls"},
    {CPU2, 1, "no EPT"},
    {CPU2, 7, "no unrestricted guest"},
    {CPU2, 5, "no VPID"},
    {CPU, 28, "no MSR bitmaps"},
    {CPU, 25, "no I/O bitmaps"},
    {PIN, 3, "no NMI exiting"},
    {PIN, 5, "no virtual NMIs"},
    {PIN, 6, "no VMX-preemption timer"},
    {EXIT, 9, "no 64-bit host"},
    {EXIT, 20, "no save of IA32_EFER"},
    {EXIT, 21, "no load of IA32_EFER on exit"},
    {ENTRY, 15, "no load of IA32_EFER on entry"},
    {EPT_VPID, 6, "no 4-level EPT walks"},
    {EPT_VPID, 14, "no write-back EPT"},
    {EPT_VPID, 16, "no 2 MiB EPT pages"},
    {EPT_VPID, 20, "no INVEPT"},
    {EPT_VPID, 25, "no single-context INVEPT"},
};

static bool has(const struct cpu_facts *cpu, enum where where, u32 bit)
{
    switch (where) {
    case PIN:
        return (cpu->pin_controls >> 32 >> bit & 1) != 0;
    case CPU:
        return (cpu->cpu_controls >> 32 >> bit & 1) != 0;
    case CPU2:
        return (cpu->cpu_controls2 >> 32 >> bit & 1) != 0;
    case EXIT:
        return (cpu->exit_controls >> 32 >> bit & 1) != 0;
    case ENTRY:
        return (cpu->entry_controls >> 32 >> bit & 1) != 0;
    case EPT_VPID:
        return (cpu->ept_vpid >> bit & 1) != 0;
    }
    return false;
}

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
    if ((cpu->feature_control & FEATURE_LOCKED) != 0 &&
        (cpu->feature_control & FEATURE_VMX_OUTSIDE_SMX) == 0) {
        return "VMX is turned off by the firmware (IA32_FEATURE_CONTROL), look for it in its set-up";
    }
    if ((cpu->vmx_basic >> 50 & 0xf) != VMX_BASIC_WRITE_BACK) {
        return "VMCS not in write-back memory";
    }
    for (u32 i = 0; i < ARRAY_LEN(needs); i++) {
        if (!has(cpu, needs[i].where, needs[i].bit)) {
            return needs[i].missing;
        }
    }
    return NULL;
}

void cpu_vmx_text(const struct cpu_facts *cpu, char text[CPU_VMX_TEXT])
{
    static const struct { enum where where; u8 bit; const char *name; } list[] = {
        {CPU2, 1, "EPT"}, {EPT_VPID, 6, "4-level"}, {EPT_VPID, 7, "5-level"},
        {EPT_VPID, 16, "2M"}, {EPT_VPID, 17, "1G"}, {EPT_VPID, 21, "A/D"},
        {CPU2, 5, "VPID"}, {CPU2, 7, "unrestricted-guest"}, {PIN, 6, "preemption-timer"},
        {CPU2, 3, "RDTSCP"}, {CPU2, 12, "INVPCID"}, {CPU2, 20, "XSAVES"}, {CPU2, 26, "TPAUSE"},
        {CPU2, 22, "mode-based-execute"},
    };
    size_t used = 0;
    text[0] = '\0';
    for (u32 i = 0; i < ARRAY_LEN(list) && used < CPU_VMX_TEXT; i++) {
        if (has(cpu, list[i].where, list[i].bit)) {
            used += format_text(text + used, CPU_VMX_TEXT - used, "%s%s", used == 0 ? "" : " ",
                                list[i].name);
        }
    }
}
