/* SPDX-License-Identifier: BSD-2-Clause */
/* Filling a VMCS: SDM 26.5 to 26.8, checks in 28.2 and 28.3. */
#include "hv/vcpu/vmcs_setup.h"

#include "hv/guest/cpuid_policy.h"
#include "hv/machine/paging.h"
#include "hv/partition/partition.h"
#include "hv/vmx/vmx.h"
#include "iommu/port.h"

#define PAT_RESET 0x0007040600070406ull  /* SDM table 13-12 */
#define RIGHTS_UNUSABLE 0x10000u
#define RIGHTS_BUSY_TSS64 0x8bu

/* A new VMCS may hold anything. The write of a field that this CPU does not have fails (SDM 26.11.1), as it may. */
static void clear_all_fields(void)
{
#define VMCS_ENCODING(name, encoding) encoding,
    static const u16 encodings[] = {VMCS_FIELDS(VMCS_ENCODING)};
#undef VMCS_ENCODING
    for (u32 i = 0; i < ARRAY_LEN(encodings); i++) {
        vmcs_write((enum vmcs_field)encodings[i], 0);
    }
}

/* Registers whose present value becomes the host's, the guest's or both. */
static void copy_msrs(void)
{
    static const struct { u16 field; u32 msr; } copies[] = {
        {VMCS_HOST_EFER, MSR_EFER}, {VMCS_GUEST_EFER, MSR_EFER},
        {VMCS_HOST_PAT, MSR_PAT}, {VMCS_GUEST_PAT, MSR_PAT},
        {VMCS_HOST_SYSENTER_CS, MSR_SYSENTER_CS}, {VMCS_GUEST_SYSENTER_CS, MSR_SYSENTER_CS},
        {VMCS_HOST_SYSENTER_ESP, MSR_SYSENTER_ESP}, {VMCS_GUEST_SYSENTER_ESP, MSR_SYSENTER_ESP},
        {VMCS_HOST_SYSENTER_EIP, MSR_SYSENTER_EIP}, {VMCS_GUEST_SYSENTER_EIP, MSR_SYSENTER_EIP},
        {VMCS_GUEST_DEBUGCTL, MSR_DEBUGCTL},
    };
    for (u32 i = 0; i < ARRAY_LEN(copies); i++) {
        vmcs_write((enum vmcs_field)copies[i].field, msr_read(copies[i].msr));
    }
}

static void set_controls(struct vcpu *v)
{
    const u32 want2 = CPU2_EPT | CPU2_RDTSCP | CPU2_VPID | CPU2_UNRESTRICTED | CPU2_INVPCID |
                      CPU2_HIDE_FROM_PT | CPU2_XSAVES | CPU2_USER_WAIT | CPU2_ENCLS_EXITING | CPU2_ENCLV_EXITING;
    const u32 exits = EXIT_SAVE_DEBUG | EXIT_HOST_64 | EXIT_SAVE_PAT | EXIT_LOAD_PAT |
                      EXIT_SAVE_EFER | EXIT_LOAD_EFER | EXIT_HIDE_FROM_PT | EXIT_LOAD_CET;
    const u32 entries = ENTRY_LOAD_DEBUG | ENTRY_LOAD_PAT | ENTRY_LOAD_EFER | ENTRY_HIDE_FROM_PT |
                        ENTRY_LOAD_CET;
    v->pin_controls = vmx_controls(MSR_VMX_PIN, MSR_VMX_TRUE_PIN, PIN_NMI_EXITING | PIN_VIRTUAL_NMIS);
    v->cpu_controls = vmx_controls(MSR_VMX_CPU, MSR_VMX_TRUE_CPU,
                                   CPU_IO_BITMAPS | CPU_MSR_BITMAPS | CPU_SECONDARY);
    v->cpu_controls2 = vmx_controls(MSR_VMX_CPU2, (enum msr)0, want2);
    v->exit_controls = vmx_controls(MSR_VMX_EXIT, MSR_VMX_TRUE_EXIT, exits);
    v->entry_controls = vmx_controls(MSR_VMX_ENTRY, MSR_VMX_TRUE_ENTRY, entries);
    vmcs_write(VMCS_PIN_CONTROLS, v->pin_controls);
    vmcs_write(VMCS_CPU_CONTROLS, v->cpu_controls);
    vmcs_write(VMCS_CPU_CONTROLS2, v->cpu_controls2);
    vmcs_write(VMCS_EXIT_CONTROLS, v->exit_controls);
    vmcs_write(VMCS_ENTRY_CONTROLS, v->entry_controls | ENTRY_GUEST_64);
    vmcs_write(VMCS_VPID, v->index + 1);
    vmcs_write(VMCS_EPTP, v->partition->eptp);
    vmcs_write(VMCS_MSR_BITMAP, v->partition->msr_bitmap.v);
    vmcs_write(VMCS_IO_BITMAP_A, v->partition->io_bitmap.v);
    vmcs_write(VMCS_IO_BITMAP_B, v->partition->io_bitmap.v + PAGE_SIZE);
    vmcs_write(VMCS_EXCEPTION_BITMAP, 1u << VECTOR_DB | 1u << VECTOR_AC);
    vmcs_write(VMCS_ENCLS_BITMAP, ~0ull);
    vmcs_write(VMCS_ENCLV_BITMAP, ~0ull);
    vmcs_write(VMCS_LINK_POINTER, ~0ull);
}

/*
 * The bits that VMX holds at 1 belong to the host; the guest reads what it wrote (SDM 26.6.6). So do those of
 * features that CPUID does not show, which the guest may not set.
 */
static void set_cr_masks(struct vcpu *v)
{
    v->cr0_fixed = msr_read(MSR_VMX_CR0_FIXED0) & ~(CR0_PE | CR0_PG);
    v->cr4_fixed = msr_read(MSR_VMX_CR4_FIXED0) | CR4_VMXE;
    vmcs_write(VMCS_CR0_MASK, v->cr0_fixed);
    vmcs_write(VMCS_CR4_MASK, v->cr4_fixed | CPUID_POLICY_CR4);
    vmcs_write(VMCS_CR0_SHADOW, v->cpu->firmware_cr0);
    vmcs_write(VMCS_CR4_SHADOW, v->cpu->firmware_cr4);
}

static u64 host_cr4(void)
{
    u32 features = cpuid(7, 0).ebx;
    u64 cr4 = (cr4_read() & ~(u64)(CR4_CET | CR4_PCIDE)) | CR4_MCE;
    cr4 |= features & 1 << 7 ? CR4_SMEP : 0;
    cr4 |= features & 1 << 20 ? CR4_SMAP : 0;
    /* Nestor executes the guest's XSETBV. */
    cr4 |= cpuid(1, 0).ecx & 1 << 26 ? CR4_OSXSAVE : 0;
    return cr4;
}

static void set_host(const struct vcpu *v)
{
    const struct cpu *c = v->cpu;
    struct vcpu **slot = (struct vcpu **)(uintptr_t)(c->stack_top - 16);
    *slot = v->cpu->vcpu;
    vmcs_write(VMCS_HOST_CR0, cr0_read());
    vmcs_write(VMCS_HOST_CR3, paging_root());
    vmcs_write(VMCS_HOST_CR4, host_cr4());
    vmcs_write(VMCS_HOST_CS, SELECTOR_CODE);
    vmcs_write(VMCS_HOST_SS, SELECTOR_DATA);
    vmcs_write(VMCS_HOST_DS, SELECTOR_DATA);
    vmcs_write(VMCS_HOST_ES, SELECTOR_DATA);
    vmcs_write(VMCS_HOST_TR, SELECTOR_TSS);
    vmcs_write(VMCS_HOST_TR_BASE, (u64)(uintptr_t)&c->tss);
    vmcs_write(VMCS_HOST_GDTR_BASE, (u64)(uintptr_t)c->gdt);
    vmcs_write(VMCS_HOST_IDTR_BASE, cpu_idt().base);
    vmcs_write(VMCS_HOST_GS_BASE, (u64)(uintptr_t)c);
    vmcs_write(VMCS_HOST_RSP, (u64)(uintptr_t)slot);
    vmcs_write(VMCS_HOST_RIP, (u64)(uintptr_t)vmx_first_exit);
}

/* A descriptor of the firmware's GDT, read through the direct map (SDM figure 3-8). */
struct descriptor { u32 limit; u32 rights; };

static struct descriptor descriptor_of(const struct table_register *gdtr, u16 selector)
{
    if ((selector & ~7u) == 0 || (selector | 7u) > gdtr->limit) {
        return (struct descriptor){0, RIGHTS_UNUSABLE};
    }
    u64 low = *(const u64 *)port_hpa_to_ptr((hpa_t){gdtr->base + (selector & ~7u)});
    u32 limit = (u32)(low & 0xffff) | (u32)(low >> 32 & 0xf0000);
    return (struct descriptor){
        .limit = low & 1ull << 55 ? limit << 12 | 0xfff : limit,
        .rights = low & 1ull << 47 ? (u32)(low >> 40) & 0xf0ff : RIGHTS_UNUSABLE,
    };
}

static void set_segment(enum segment s, u16 selector, u64 base, struct descriptor d)
{
    vmcs_write(vmcs_of_segment(VMCS_GUEST_ES, s), selector);
    vmcs_write(vmcs_of_segment(VMCS_GUEST_ES_BASE, s), base);
    vmcs_write(vmcs_of_segment(VMCS_GUEST_ES_LIMIT, s), d.limit);
    /* Loading the register has set the accessed bit, whatever the descriptor in memory says now. */
    vmcs_write(vmcs_of_segment(VMCS_GUEST_ES_RIGHTS, s), d.rights == RIGHTS_UNUSABLE ? d.rights : d.rights | 1);
}

static void set_segments(const struct tables_firmware *f)
{
    set_segment(SEG_ES, f->es, 0, descriptor_of(&f->gdtr, f->es));
    set_segment(SEG_CS, f->cs, 0, descriptor_of(&f->gdtr, f->cs));
    set_segment(SEG_SS, f->ss, 0, descriptor_of(&f->gdtr, f->ss));
    set_segment(SEG_DS, f->ds, 0, descriptor_of(&f->gdtr, f->ds));
    set_segment(SEG_FS, f->fs, f->fs_base, descriptor_of(&f->gdtr, f->fs));
    set_segment(SEG_GS, f->gs, f->gs_base, descriptor_of(&f->gdtr, f->gs));
    set_segment(SEG_LDTR, 0, 0, (struct descriptor){0, RIGHTS_UNUSABLE});
}

/* VM entry demands a busy TSS even where the firmware never loaded one (SDM 28.3.1.2). */
static void set_task_register(const struct table_register *gdtr, u16 selector)
{
    struct descriptor d = descriptor_of(gdtr, selector);
    if (d.rights == RIGHTS_UNUSABLE) {
        set_segment(SEG_TR, 0, 0, (struct descriptor){0xffff, RIGHTS_BUSY_TSS64});
        return;
    }
    const u64 *entry = port_hpa_to_ptr((hpa_t){gdtr->base + (selector & ~7u)});
    u64 base = (entry[0] >> 16 & 0xffffff) | (entry[0] >> 56) << 24 | entry[1] << 32;
    d.rights |= 2;
    set_segment(SEG_TR, selector, base, d);
}

static void set_guest(const struct vcpu *v, const struct tables_firmware *f, const struct handover_resume *resume)
{
    struct cpu *c = v->cpu;
    set_segments(f);
    set_task_register(&f->gdtr, f->tr);
    vmcs_write(VMCS_GUEST_GDTR_BASE, f->gdtr.base);
    vmcs_write(VMCS_GUEST_GDTR_LIMIT, f->gdtr.limit);
    vmcs_write(VMCS_GUEST_IDTR_BASE, f->idtr.base);
    vmcs_write(VMCS_GUEST_IDTR_LIMIT, f->idtr.limit);
    vmcs_write(VMCS_GUEST_CR0, c->firmware_cr0 | v->cr0_fixed);
    vmcs_write(VMCS_GUEST_CR3, resume->cr3);
    vmcs_write(VMCS_GUEST_CR4, c->firmware_cr4 | v->cr4_fixed);
    vmcs_write(VMCS_GUEST_DR7, dr7_read());
    vmcs_write(VMCS_GUEST_RIP, resume->rip);
    vmcs_write(VMCS_GUEST_RSP, resume->rsp);
    vmcs_write(VMCS_GUEST_RFLAGS, RFLAGS_ONE);
    if (v->entry_controls & ENTRY_LOAD_CET) {
        vmcs_write(VMCS_GUEST_S_CET, msr_read(MSR_S_CET));
        vmcs_write(VMCS_GUEST_SSP_TABLE, msr_read(MSR_SSP_TABLE));
    }
}

static void set_common(struct vcpu *v)
{
    v->regs = (struct guest_regs *)(uintptr_t)(v->cpu->stack_top - 16) - 1;
    clear_all_fields();
    copy_msrs();
    set_controls(v);
    set_cr_masks(v);
    set_host(v);
}

void vmcs_setup(struct vcpu *v, const struct tables_firmware *firmware, const struct handover_resume *resume)
{
    set_common(v);
    set_guest(v, firmware, resume);
}

void vmcs_setup_next_exits(const struct vcpu *v)
{
    vmcs_write(VMCS_HOST_RIP, (u64)(uintptr_t)(v->partition->shares ? vmx_exit_shared : vmx_exit));
    hpa_t root = paging_wide_root();
    if (root.v != 0) {
        vmcs_write(VMCS_HOST_CR3, root.v);
        vmcs_write(VMCS_HOST_CR4, vmcs_read(VMCS_HOST_CR4) | CR4_LA57);
    }
}

/* Of the MSRs that were copied the guest has those of reset. */
void vmcs_setup_fresh(struct vcpu *v)
{
    static const u16 zero[] = {VMCS_GUEST_SYSENTER_CS, VMCS_GUEST_SYSENTER_ESP, VMCS_GUEST_SYSENTER_EIP,
                               VMCS_GUEST_DEBUGCTL};
    set_common(v);
    for (u32 i = 0; i < ARRAY_LEN(zero); i++) {
        vmcs_write((enum vmcs_field)zero[i], 0);
    }
    vmcs_write(VMCS_GUEST_PAT, PAT_RESET);
    vmcs_setup_next_exits(v);
}
