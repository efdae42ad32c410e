/* SPDX-License-Identifier: BSD-2-Clause */
/* VM exits, for hv/main.c and vmx/entry.asm. */
#ifndef NESTOR_HV_EXIT_EXIT_H
#define NESTOR_HV_EXIT_EXIT_H

#include "hv/handover.h"
#include "hv/vcpu/vcpu.h"

/* Called by vmx/entry.asm. A first VM entry that fails goes back to hv_enter(); a later one is fatal. */
void exit_first(struct vcpu *v);
void exit_handle(struct vcpu *v);
/* In place of exit_handle() where there are several partitions; in shared.c. */
void exit_shared(struct vcpu *v);
_Noreturn void exit_resume_failed(struct vcpu *v);

/*
 * Opens the status window of a partition (hv/guest/status.h), where the machine has a port for it and the pool the
 * pages; before its CPUs enter.
 */
void exit_status_open(struct partition *p, const struct handover *h);

/* For panic_init(): what has happened so far to this CPU's guest; takes no lock and reads no table. Once. */
void exit_report_fatal(void);

#endif
