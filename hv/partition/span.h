/* SPDX-License-Identifier: BSD-2-Clause */
/* Guest-physical addresses of a partition that is not the root, as the list of its memory has them. Pure. */
#ifndef NESTOR_HV_PARTITION_SPAN_H
#define NESTOR_HV_PARTITION_SPAN_H

#include "hv/handover.h"

/* All of [gpa, gpa + len) is memory. */
must_use bool span_holds(const struct partition_span *spans, u32 count, gpa_t gpa, u64 len);

/* Where gpa is; all ones: there is no memory. */
hpa_t span_hpa(const struct partition_span *spans, u32 count, gpa_t gpa);

#endif
