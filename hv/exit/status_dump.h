/* SPDX-License-Identifier: BSD-2-Clause */
/* The dump of one request for the status window. */
#ifndef NESTOR_HV_EXIT_STATUS_DUMP_H
#define NESTOR_HV_EXIT_STATUS_DUMP_H

#include "hv/guest/window.h"

struct partition;

/* All of it, in one part of window.h's report(). */
bool exit_status_dump(struct partition *p, struct window_session *s);

#endif
