/* SPDX-License-Identifier: BSD-2-Clause */
/* The boot report: what was found, and what Nestor makes of it. */
#ifndef NESTOR_BOOT_REPORT_H
#define NESTOR_BOOT_REPORT_H

#include "boot/machine.h"

void report_cpu(const struct machine *m);
void report_tables(const struct machine *m);
void report_units(const struct machine *m);
/* Devices that may not work behind a unit, or reach memory past it. */
void report_doubts(const struct machine *m);
void report_verdict(const struct verdict *verdict);

#endif
