/* SPDX-License-Identifier: BSD-2-Clause */
/* What Nestor has done so far, on the console, at the end of a run. After a fatal error: exit.h. */
#ifndef NESTOR_HV_EXIT_REPORT_H
#define NESTOR_HV_EXIT_REPORT_H

#include "hv/partition/partition.h"

/* Exits by reason; of each unit its devices, the guest's commands, ours, and faults. */
void exit_report_print(struct partition *p);

#endif
