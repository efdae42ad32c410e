/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * INIT and start-up IPI. A SIPI that arrives while the CPU is in root mode is lost (SDM 27.2), and kernels send it
 * right after INIT: so the way back to wait-for-SIPI is short, takes no lock and prints nothing. What INIT does to
 * the registers cannot be seen before the SIPI and is left to its exit.
 */
#include "hv/exit/handlers.h"

#include "hv/machine/reset.h"
#include "hv/machine/x86.h"
#include "hv/vcpu/kick.h"
#include "hv/vcpu/nmi.h"
#include "hv/vcpu/work.h"
#include "hv/vmx/vmx.h"
#include "iommu/port.h"

#define DR6_RESET 0xffff0ff0ull

enum { LIMIT = 0xffff };

/* In the order of enum segment. */
static const u8 reset_rights[SEG_COUNT] = {0x93, 0x9b, 0x93, 0x93, 0x93, 0x93, 0x82, 0x8b};

/* SDM table 11-1, column INIT, and RIP after a SIPI. CR0.CD and NW stay: VM entry does not load them. */
static const struct { u16 field; u32 value; } reset_values[] = {
    {VMCS_GUEST_GDTR_BASE, 0}, {VMCS_GUEST_GDTR_LIMIT, LIMIT},
    {VMCS_GUEST_IDTR_BASE, 0}, {VMCS_GUEST_IDTR_LIMIT, LIMIT},
    {VMCS_CR0_SHADOW, CR0_ET}, {VMCS_CR4_SHADOW, 0},
    {VMCS_GUEST_CR3, 0}, {VMCS_GUEST_EFER, 0},
    {VMCS_GUEST_DR7, 0x400}, {VMCS_GUEST_RFLAGS, RFLAGS_ONE},
    {VMCS_GUEST_RIP, 0}, {VMCS_GUEST_RSP, 0},
    {VMCS_GUEST_ACTIVITY, ACTIVITY_ACTIVE},
};

static void reset_segments(void)
{
    for (u32 s = 0; s < SEG_COUNT; s++) {
        vmcs_write(vmcs_of_segment(VMCS_GUEST_ES, (enum segment)s), 0);
        vmcs_write(vmcs_of_segment(VMCS_GUEST_ES_BASE, (enum segment)s), 0);
        vmcs_write(vmcs_of_segment(VMCS_GUEST_ES_LIMIT, (enum segment)s), LIMIT);
        vmcs_write(vmcs_of_segment(VMCS_GUEST_ES_RIGHTS, (enum segment)s), reset_rights[s]);
    }
}

static void reset_registers(struct vcpu *v)
{
    reset_segments();
/* Unrolled, as the compiler would have it, this takes 100 bytes more. */
#pragma GCC unroll 1
    for (u32 i = 0; i < ARRAY_LEN(reset_values); i++) {
        vmcs_write((enum vmcs_field)reset_values[i].field, reset_values[i].value);
    }
    *v->regs = (struct guest_regs){.gpr[REG_RDX] = v->signature};
    vmcs_write(VMCS_GUEST_CR0, CR0_ET | v->cr0_fixed);
    vmcs_write(VMCS_GUEST_CR4, v->cr4_fixed);
    vmcs_write(VMCS_ENTRY_CONTROLS, v->entry_controls);
    cr2_write(0);
    __asm__ volatile("mov %0, %%dr6" : : "r"(DR6_RESET));
    __asm__ volatile("mov %0, %%dr0; mov %0, %%dr1; mov %0, %%dr2; mov %0, %%dr3" : : "r"(0ull));
    vmx_invvpid((u16)(v->index + 1));
}

/*
 * The boot CPU would start at the firmware's reset vector again. Hardware resets the machine here; so do we.
 */
static void init_of_boot_cpu(void)
{
    port_log(LOG_ERROR, "INIT of the boot CPU, the machine resets");
    machine_reset();
}

/*
 * An INIT that arrives while the CPU waits for its SIPI has no effect on hardware, but under VMX it stays pending
 * until after the SIPI (SDM 27.2). It is told by that the guest has not run an instruction yet.
 */
static bool came_before_sipi(struct vcpu *v)
{
    bool fresh = v->fresh;
    v->fresh = false;
    return fresh && vmcs_read(VMCS_GUEST_RIP) == 0;
}

/* An event during whose delivery INIT came is gone with all else, so nothing is delivered again. */
void exit_init(struct vcpu *v)
{
    /* What is sent to a CPU without a local APIC does not arrive. */
    if (came_before_sipi(v) || v->msr.apic_off) {
        return;
    }
    vmcs_write(VMCS_ENTRY_EVENT, 0);
    vmcs_write(VMCS_GUEST_INTERRUPTIBILITY, 0);
    vmcs_write(VMCS_GUEST_PENDING_DEBUG, 0);
    nmi_forget(v);
    if (v->index == BOOT_CPU) {
        init_of_boot_cpu();
    }
    work_hand_over(v);
    vmcs_write(VMCS_GUEST_ACTIVITY, ACTIVITY_WAIT_SIPI);
    __atomic_store_n(&v->cpu->run, RUN_WAIT_SIPI, __ATOMIC_SEQ_CST);
}

/* The order that kick.c needs: first say that this CPU runs, then catch up with what it was not asked for. */
void exit_sipi(struct vcpu *v)
{
    u64 vector = vmcs_read(VMCS_QUALIFICATION) & 0xff;
    __atomic_store_n(&v->cpu->run, RUN_GUEST, __ATOMIC_SEQ_CST);
    kick_catch_up(v->cpu);
    reset_registers(v);
    vmcs_write(VMCS_GUEST_CS, vector << 8);
    vmcs_write(VMCS_GUEST_CS_BASE, vector << 12);
    v->fresh = true;
}
