/* The partition's second stage, as the CPU sees it: what is mapped at start and what on first access. */
#ifndef NESTOR_HV_PARTITION_EPT_H
#define NESTOR_HV_PARTITION_EPT_H

#include "hv/guest/mtrr.h"
#include "hv/partition/partition.h"

/* Creates the domain and maps all memory and the known windows, but for the holes. */
must_use enum result ept_build(struct partition *p);

/* A part of the machine's address space that no list named: device memory. Maps what is around gpa. */
must_use enum result ept_map_device(struct partition *p, u64 gpa);

/* PROT_* of the CPU at gpa. 0: Nestor's memory or a unit's registers, in no mapping. */
u32 ept_rights(const struct partition *p, u64 gpa);

/*
 * Memory types as these registers say, on every CPU and unit. False: the time an exit may take is
 * over; call it again with the same registers.
 */
must_use bool ept_retype(struct partition *p, const struct mtrr *wanted);

#endif
