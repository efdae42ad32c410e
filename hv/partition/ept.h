/* SPDX-License-Identifier: BSD-2-Clause */
/* The partition's second stage, as the CPU sees it: what is mapped at the start. What changes later: partition.h. */
#ifndef NESTOR_HV_PARTITION_EPT_H
#define NESTOR_HV_PARTITION_EPT_H

#include "hv/partition/partition.h"

/* Creates the domain and maps all memory and the known windows, but for the holes. */
must_use enum result partition_ept_build(struct partition *p, const struct handover *h, void (*cpu_flush)(void *ctx));
/* The same for a partition that is not the root: its spans, its functions' BARs. All else is a hole. */
must_use enum result partition_ept_build_spans(struct partition *p, const struct handover *h,
                                               void (*cpu_flush)(void *ctx));

#endif
