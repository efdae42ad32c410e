/* SPDX-License-Identifier: BSD-2-Clause */
/* The end of everything. */
#ifndef NESTOR_HV_MACHINE_RESET_H
#define NESTOR_HV_MACHINE_RESET_H

/* Resets the machine: by the chipset, and where that does nothing by a triple fault. */
_Noreturn void machine_reset(void);

#endif
