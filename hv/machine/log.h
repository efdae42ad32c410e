/* SPDX-License-Identifier: BSD-2-Clause */
/* The console of the hypervisor: port_log() is in iommu/port.h; this is what sets it up, and what it remembers. */
#ifndef NESTOR_HV_MACHINE_LOG_H
#define NESTOR_HV_MACHINE_LOG_H

#include "hv/handover.h"

void log_init(const struct handover *h);
/* From now on lines are printed without the lock, whoever holds it. */
void log_force(void);

/* Whose line, the last one on the console, has no end yet. NULL: none has, or a line of Nestor's has ended it. */
const void *log_amid(void);
/*
 * What guest `who` prints, at most SERIAL_FIFO bytes with their carriage returns; not in the log. False: nothing was
 * taken, as the port is busy still, or as log_amid() is no more what it was when the text was made.
 */
must_use bool log_pass(const void *who, const void *amid, const char *text, u32 length);

/* Bytes ever written, which is where the next one goes. The last HANDOVER_LOG_BYTES of them are kept. */
u64 log_end(void);
/* Up to count bytes from *offset on, which moves up to the first that is kept; how many. */
u32 log_read(u64 *offset, char *to, u32 count);

/* The end of the log becomes what the next start finds; from then on log_left() is that. */
void log_leave(void);
/* What the start before this one left; bytes 0: nothing. */
const struct handover_left *log_left(void);

#endif
