/*
 * INIT and start-up IPI. A SIPI that comes while the CPU is in root mode is lost (SDM 27.2), and
 * kernels send it without a pause after INIT: so the way back to wait-for-SIPI is short, takes no
 * lock and prints nothing.
 */
#include "hv/exit.h"

#include "hv/cpu.h"
#include "hv/kick.h"
#include "hv/vmx.h"
#include "hv/work.h"
#include "hv/x86.h"

#define APIC_BASE_BSP (1ull << 8)
#define DR6_RESET 0xffff0ff0ull
#define DR7_RESET 0x400ull

enum { RIGHTS_CODE = 0x9b, RIGHTS_DATA = 0x93, RIGHTS_LDT = 0x82, RIGHTS_TSS = 0x8b };

static void reset_segment(enum segment s, u32 selector, u64 base, u32 rights)
{
    vmcs_write(vmcs_of_segment(VMCS_GUEST_ES, s), selector);
    vmcs_write(vmcs_of_segment(VMCS_GUEST_ES_BASE, s), base);
    vmcs_write(vmcs_of_segment(VMCS_GUEST_ES_LIMIT, s), 0xffff);
    vmcs_write(vmcs_of_segment(VMCS_GUEST_ES_RIGHTS, s), rights);
}

static void reset_segments(void)
{
    reset_segment(SEG_CS, 0xf000, 0xffff0000, RIGHTS_CODE);
    reset_segment(SEG_ES, 0, 0, RIGHTS_DATA);
    reset_segment(SEG_SS, 0, 0, RIGHTS_DATA);
    reset_segment(SEG_DS, 0, 0, RIGHTS_DATA);
    reset_segment(SEG_FS, 0, 0, RIGHTS_DATA);
    reset_segment(SEG_GS, 0, 0, RIGHTS_DATA);
    reset_segment(SEG_LDTR, 0, 0, RIGHTS_LDT);
    reset_segment(SEG_TR, 0, 0, RIGHTS_TSS);
    vmcs_write(VMCS_GUEST_GDTR_BASE, 0);
    vmcs_write(VMCS_GUEST_GDTR_LIMIT, 0xffff);
    vmcs_write(VMCS_GUEST_IDTR_BASE, 0);
    vmcs_write(VMCS_GUEST_IDTR_LIMIT, 0xffff);
}

/* SDM table 11-1, column INIT. CR0.CD and NW stay: VM entry does not load them. */
static void reset_registers(struct vcpu *v)
{
    for (u32 i = 0; i < 16; i++) {
        v->regs->gpr[i] = 0;
    }
    v->regs->gpr[REG_RDX] = v->signature;
    vmcs_write(VMCS_GUEST_CR0, CR0_ET | v->cr0_fixed);
    vmcs_write(VMCS_CR0_SHADOW, CR0_ET);
    vmcs_write(VMCS_GUEST_CR3, 0);
    vmcs_write(VMCS_GUEST_CR4, v->cr4_fixed);
    vmcs_write(VMCS_CR4_SHADOW, 0);
    vmcs_write(VMCS_GUEST_EFER, 0);
    vmcs_write(VMCS_ENTRY_CONTROLS, v->entry_controls);
    vmcs_write(VMCS_GUEST_DR7, DR7_RESET);
    vmcs_write(VMCS_GUEST_RIP, 0xfff0);
    vmcs_write(VMCS_GUEST_RSP, 0);
    vmcs_write(VMCS_GUEST_RFLAGS, RFLAGS_ONE);
    vmcs_write(VMCS_GUEST_INTERRUPTIBILITY, 0);
    vmcs_write(VMCS_GUEST_PENDING_DEBUG, 0);
    vmcs_write(VMCS_ENTRY_EVENT, 0);
    cr2_write(0);
    __asm__ volatile("mov %0, %%dr6" : : "r"(DR6_RESET));
}

void exit_init(struct vcpu *v)
{
    bool boot_cpu = (msr_read(MSR_APIC_BASE) & APIC_BASE_BSP) != 0;
    reset_segments();
    reset_registers(v);
    work_give_up(v);
    if (boot_cpu) {
        vmcs_write(VMCS_GUEST_ACTIVITY, ACTIVITY_ACTIVE);
        return;
    }
    vmcs_write(VMCS_GUEST_ACTIVITY, ACTIVITY_WAIT_SIPI);
    __atomic_store_n(&v->run, VCPU_WAITS_FOR_SIPI, __ATOMIC_SEQ_CST);
}

/* kick.c: first say that this CPU runs, then look whether it has missed a request. */
void exit_sipi(struct vcpu *v)
{
    u64 vector = vmcs_read(VMCS_QUALIFICATION) & 0xff;
    __atomic_store_n(&v->run, VCPU_RUNNING, __ATOMIC_SEQ_CST);
    (void)kick_answer(v->cpu);
    vmx_invvpid((u16)(v->index + 1));
    vmcs_write(VMCS_GUEST_CS, vector << 8);
    vmcs_write(VMCS_GUEST_CS_BASE, vector << 12);
    vmcs_write(VMCS_GUEST_RIP, 0);
    vmcs_write(VMCS_GUEST_ACTIVITY, ACTIVITY_ACTIVE);
}
