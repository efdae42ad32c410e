/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Machine checks that the host of a virtual machine sends, under a load of exits: each has its own address in the bank,
 * so one that comes twice is seen. KVM may lose one and leave only what the registers say of it; then, too, this
 * program makes room for the next. Last of all the memory of the unit's queue fails, and Nestor's load finds out.
 */
#include "tests/efi/fault.h"
#include "tests/efi/guest_unit.h"
#include "tests/efi/msr.h"

enum {
    VECTOR = 18, CR4_MCE = 1 << 6, MCIP = 4, MCG_STATUS = 0x17a, BANK_STATUS = 0x425, BANK_ADDR = 0x426,
    WANTED = 8, ROOM = 128, LOST_US = 10000, LIMIT_US = 60000000, DRAIN_US = 300000, LOADS = 5,
    AT_LOAD = 7,                /* MCG_STATUS: the CPU can go on, and the error is that of the instruction there */
    FSTS_IQE = 1 << 4, QIES = 1 << 26, WIDTHS = 0xfff,
};

static volatile u32 came;
static u32 lost;
static volatile struct { u64 global, status, address; } seen[ROOM], last_lost;

static void note(volatile u64 *global, volatile u64 *status, volatile u64 *address)
{
    *global = msr_get(MCG_STATUS);
    *status = msr_get(BANK_STATUS);
    *address = msr_get(BANK_ADDR);
    msr_put(BANK_STATUS, 0);
    msr_put(MCG_STATUS, 0);
}

static __attribute__((interrupt)) void handler(void *frame)
{
    (void)frame;
    u32 i = came < ROOM ? came : ROOM - 1;
    note(&seen[i].global, &seen[i].status, &seen[i].address);
    came++;
}

/* Exits that Nestor ends early, that it decodes an instruction for, and that read a register of the CPU. */
static void load(void)
{
    for (u32 i = 0; i < LOADS; i++) {
        u32 eax = 0, ebx, ecx = 0, edx;
        __asm__ volatile("cpuid" : "+a"(eax), "=b"(ebx), "+c"(ecx), "=d"(edx));
        (void)*unit_reg32(UNIT_GSTS);
    }
}

/* The registers speak of a check whose vector does not come. */
static void look_for_lost(void)
{
    u32 before = came;
    if (!(msr_get(MCG_STATUS) & MCIP)) {
        return;
    }
    for (u64 end = port_now_us() + LOST_US; port_now_us() < end && came == before;) {
        load();
    }
    if (came == before && (msr_get(MCG_STATUS) & MCIP)) {
        lost++;
        note(&last_lost.global, &last_lost.status, &last_lost.address);
    }
}

static void under_load(void)
{
    u64 end = port_now_us() + LIMIT_US;
    say("machine-checks: send\n");
    while (came < WANTED && port_now_us() < end) {
        load();
        look_for_lost();
    }
    say("machine-checks: enough\n");
    /* What was on its way. */
    for (end = port_now_us() + DRAIN_US; port_now_us() < end;) {
        load();
        look_for_lost();
    }
    bool right = came >= WANTED;
    for (u32 i = 0; i < came && i < ROOM; i++) {
        right &= seen[i].status == seen[0].status && seen[i].address != 0 &&
                 (i == 0 || seen[i].address > seen[i - 1].address);
    }
    say("machine-checks: load %s, %u came, %u lost, status 0x%llx\n", right ? "ok" : "FAIL", came, lost,
        seen[0].status);
}

static bool serves(void)
{
    u64 end = port_now_us() + LIMIT_US;
    unit_put_wait();
    *unit_reg32(UNIT_IQT) = unit_tail();
    while (!unit_waited() && port_now_us() < end) {
    }
    return unit_waited();
}

static void a_queue_that_fails(void)
{
    u64 page = *unit_reg64(UNIT_IQA) & ~(u64)WIDTHS, end = port_now_us() + LIMIT_US;
    unit_put_wait();
    u32 before = came;
    say("machine-checks: poison 0x%llx\n", page);
    while (came == before && last_lost.address != page && port_now_us() < end) {
        load();
        look_for_lost();
    }
    u32 told = came;
    *unit_reg32(UNIT_IQT) = unit_tail();
    u32 fsts = *unit_reg32(UNIT_FSTS);
    bool right = came == told + 1 && seen[told].global == AT_LOAD && seen[told].address == page && (fsts & FSTS_IQE) &&
                 !unit_waited();
    say("machine-checks: queue %s, %u then %u came, status 0x%llx, address 0x%llx, FSTS 0x%x\n", right ? "ok" : "FAIL",
        told - before, came - told, seen[told].global, seen[told].address, fsts);
    /* Another page serves; the queue goes off once it has nothing to do. */
    *unit_reg32(UNIT_IQT) = *unit_reg32(UNIT_IQH);
    *unit_reg32(UNIT_GCMD) = 0;
    while (*unit_reg32(UNIT_GSTS) & QIES) {
    }
    *unit_reg32(UNIT_FSTS) = FSTS_IQE;
    say("machine-checks: after it %s\n", unit_start_queue() && serves() ? "ok" : "FAIL");
}

EFI_STATUS efi_main(EFI_HANDLE self, EFI_SYSTEM_TABLE *system);
EFI_STATUS efi_main(EFI_HANDLE self, EFI_SYSTEM_TABLE *system)
{
    u64 cr4;
    efi_test_start(self, system);
    if (unit_start_queue() && serves()) {
        __asm__ volatile("cli");
        u64 firmwares = fault_gate(VECTOR, (u64)handler);
        __asm__ volatile("mov %%cr4, %0" : "=r"(cr4));
        __asm__ volatile("mov %0, %%cr4" : : "r"(cr4 | CR4_MCE));
        under_load();
        a_queue_that_fails();
        (void)fault_gate(VECTOR, firmwares);
        __asm__ volatile("sti");
    }
    efi_test_end();
}
