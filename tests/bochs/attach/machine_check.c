/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A machine check, which Bochs has not: vector 18 right behind the next write to a unit's register, which under Nestor
 * is one of root mode, and a global status (SDM 17.3.1.2) for whoever reads it from then on.
 */
#include "tests/bochs/attach/attach.h"

enum { MCG_STATUS = 0x17a, VECTOR = 18 };

static void (*exception)(void *cpu, unsigned vector, uint16_t error);
static bool (*rdmsr)(void *cpu, uint32_t msr, uint64_t *value);
static bool armed, shown;
static uint64_t status;

static bool read_msr(void *cpu, uint32_t msr, uint64_t *value)
{
    if (shown && msr == MCG_STATUS) {
        *value = status;
        return true;
    }
    return rdmsr(cpu, msr, value);
}

void machine_check_arm(uint64_t mcg_status)
{
    bool (*function)(void *, uint32_t, uint64_t *) = read_msr;
    *(void **)&exception = patches_needed("_ZN8BX_CPU_C9exceptionEjt");
    if (rdmsr == NULL) {
        *(void **)&rdmsr = patches_needed("_ZN8BX_CPU_C5rdmsrEjPm");
        patches_redirect(patches_needed("_ZN8BX_CPU_C5RDMSREP15bxInstruction_c"), 0x100, *(void **)&rdmsr,
                         *(void **)&function, "RDMSR");
    }
    status = mcg_status;
    armed = shown = true;
}

void machine_check_raise(void)
{
    if (armed) {
        armed = false;
        void ***cpus = patches_needed("bx_cpu_array");
        exception((*cpus)[0], VECTOR, 0);
    }
}
