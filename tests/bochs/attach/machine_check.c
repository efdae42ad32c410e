/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A machine check, which Bochs has not: vector 18 right behind the next write to a unit's register, which under Nestor
 * is one of root mode, or in place of the next load from a page, as of memory that has failed; and a global status (SDM
 * 17.3.1.2) for whoever reads it from then on.
 */
#define _GNU_SOURCE 1 /* memmem */
#include <string.h>

#include "tests/bochs/attach/attach.h"

enum { MCG_STATUS = 0x17a, VECTOR = 18, CPU_RIP = 0xe8, CPU_PREVIOUS_RIP = 0x120, PAGE = 4096 };

static void (*exception)(void *cpu, unsigned vector, uint16_t error);
static bool (*rdmsr)(void *cpu, uint32_t msr, uint64_t *value);
static bool armed, poisoned, shown;
static uint64_t status;

static bool read_msr(void *cpu, uint32_t msr, uint64_t *value)
{
    if (shown && msr == MCG_STATUS) {
        *value = status;
        return true;
    }
    return rdmsr(cpu, msr, value);
}

static void prepare(uint64_t mcg_status)
{
    bool (*function)(void *, uint32_t, uint64_t *) = read_msr;
    *(void **)&exception = patches_needed("_ZN8BX_CPU_C9exceptionEjt");
    if (rdmsr == NULL) {
        *(void **)&rdmsr = patches_needed("_ZN8BX_CPU_C5rdmsrEjPm");
        patches_redirect(patches_needed("_ZN8BX_CPU_C5RDMSREP15bxInstruction_c"), 0x100, *(void **)&rdmsr,
                         *(void **)&function, "RDMSR");
    }
    status = mcg_status;
    shown = true;
}

void machine_check_arm(uint64_t mcg_status)
{
    prepare(mcg_status);
    armed = true;
}

static void raise(bool *due)
{
    if (*due) {
        *due = false;
        void ***cpus = patches_needed("bx_cpu_array");
        exception((*cpus)[0], VECTOR, 0);
    }
}

void machine_check_raise(void)
{
    raise(&armed);
}

/* The CPU is still at that load, which Bochs would see to for a fault, not for an abort. */
static void go_back(void)
{
    static const uint8_t pattern[] = {0x48, 0x8b, 0xb3, CPU_PREVIOUS_RIP & 0xff, CPU_PREVIOUS_RIP >> 8, 0, 0,
                                      0x48, 0x89, 0xb3, CPU_RIP, 0, 0, 0}; /* in exception(): RIP = prev_rip */
    uint8_t ***cpus = patches_needed("bx_cpu_array");
    if (memmem(*(void **)&exception, 0x400, pattern, sizeof(pattern)) == NULL) {
        attach_stop("%s", "the CPU's RIP is not where it is looked for");
    }
    memcpy((*cpus)[0] + CPU_RIP, (*cpus)[0] + CPU_PREVIOUS_RIP, sizeof(uint64_t));
}

/* Not handled here: the access goes on to memory. */
static bool page_read(uint64_t addr, unsigned len, void *data, void *param)
{
    (void)addr, (void)len, (void)data, (void)param;
    if (poisoned) {
        go_back();
    }
    raise(&poisoned);
    return false;
}

static bool page_write(uint64_t addr, unsigned len, void *data, void *param)
{
    (void)addr, (void)len, (void)data, (void)param;
    return false;
}

void machine_check_poison(uint64_t address, uint64_t mcg_status)
{
    prepare(mcg_status);
    poisoned = true;
    if (!bochs.register_memory(&poisoned, page_read, page_write, NULL, address, address + PAGE - 1)) {
        attach_stop("Bochs refuses a memory handler at %#lx", (unsigned long)address);
    }
}
