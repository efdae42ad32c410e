/* What Nestor has done so far, on the console: at the end of a run. */
#ifndef NESTOR_HV_EXIT_REPORT_H
#define NESTOR_HV_EXIT_REPORT_H

#include "hv/partition/partition.h"

/* Exits by reason; of each unit its devices, the guest's commands, ours, and faults. */
void report_print(struct partition *p);

/* After a fatal error, with what this CPU's guest has: no lock is taken and no table read. */
void report_fatal(void);

#endif
