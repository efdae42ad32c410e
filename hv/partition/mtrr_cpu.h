/* The memory type range registers of the CPU that runs this, as the guest found them. */
#ifndef NESTOR_HV_PARTITION_MTRR_CPU_H
#define NESTOR_HV_PARTITION_MTRR_CPU_H

#include "hv/guest/mtrr.h"

/* ERR_UNSUPPORTED, with a line: more registers than a copy holds, or a value that hardware should refuse. */
must_use enum result mtrr_cpu_load(struct mtrr *m);

#endif
