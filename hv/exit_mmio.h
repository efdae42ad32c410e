/* Accesses of a guest to pages that are in no mapping: remapping units and Nestor's own memory. */
#ifndef NESTOR_EXIT_MMIO_H
#define NESTOR_EXIT_MMIO_H

#include "hv/vcpu.h"

/* gpa is a hole of the EPT; the instruction is completed, or the guest gets a fault and the console a line. */
void exit_mmio(struct vcpu *v, u64 gpa);

#endif
