/* SPDX-License-Identifier: BSD-2-Clause */
/* What the root of tests/efi/partition.c does to a partition's CPUs and memory, and what it sees done to itself. */
#ifndef NESTOR_TESTS_EFI_PARTITION_ATTACK_H
#define NESTOR_TESTS_EFI_PARTITION_ATTACK_H

#include <efi.h>

/* Each kind of interrupt in each form. Vector 41h is this CPU's to take from then on. */
void attack_cpus(void);
/* As a device of the root's sends it; no device of it is told to. */
BOOLEAN message_passes(UINT64 address, UINT32 data);
/* Each delivery mode, in both formats (VT-d 5.1). */
BOOLEAN devices_are_refused(void);
/* To the partition's memory, by DMA under each source-id of the bus but its function's. */
BOOLEAN memory_is_no_devices(void);
/* What these hold that no partition is to change. */
UINT64 shared_ports(void);

#endif
