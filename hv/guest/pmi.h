/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An NMI of the guest's performance counters that came together with one of Nestor's is swallowed, and the counters'
 * entry in the local APIC, which masks itself when it sends (SDM 12.5.1), then stays masked for good: profiling and the
 * hard-lockup detector are dead on that CPU. Pure.
 */
#ifndef NESTOR_HV_GUEST_PMI_H
#define NESTOR_HV_GUEST_PMI_H

#include "hv/types.h"

/*
 * True if the counters have sent an NMI that nobody has served. entry: LVT performance monitoring register. version: of
 * CPUID leaf 0AH, 0 without counters. status: IA32_PERF_GLOBAL_STATUS, which exists from version 2 on.
 */
bool pmi_is_unserved(u32 entry, u32 version, u64 status);

#endif
