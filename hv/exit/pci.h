/* SPDX-License-Identifier: BSD-2-Clause */
/* Exits for PCI functions, where some belong to partitions: configuration space, and pages that are not mapped. */
#ifndef NESTOR_HV_EXIT_PCI_H
#define NESTOR_HV_EXIT_PCI_H

#include "hv/vcpu/vcpu.h"

/* An access to a port has exited. False: it is no matter of configuration space. */
must_use bool exit_pci_port(struct vcpu *v);

/* gpa is in the window of configuration space, or a register of the partition's functions that is not mapped. */
bool exit_pci_is_at(const struct partition *p, u64 gpa);
u64 exit_pci_load(struct vcpu *v, u64 gpa, u32 width);
void exit_pci_store(struct vcpu *v, u64 gpa, u32 width, u64 value);

#endif
