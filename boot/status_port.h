/* SPDX-License-Identifier: BSD-2-Clause */
/* The I/O ports of the status window (hv/guest/status.h). */
#ifndef NESTOR_BOOT_STATUS_PORT_H
#define NESTOR_BOOT_STATUS_PORT_H

#include "boot/machine.h"

/* What the config says, unless the machine has something there: then 0, with a line. */
u16 status_port_choose(struct machine *m, const struct config *config);

#endif
