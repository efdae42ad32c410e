/* MSR accesses by the policy table (msr_policy.h). */
#ifndef NESTOR_HV_EXIT_MSR_H
#define NESTOR_HV_EXIT_MSR_H

#include "hv/types.h"

/* One page, SDM 26.6.9. */
void exit_msr_fill_bitmap(u8 *bitmap);

#endif
