/* SPDX-License-Identifier: BSD-2-Clause */
/* What the status window shows of partitions beside the root, and what it lets the root do to them. */
#ifndef NESTOR_HV_EXIT_STATUS_PARTITION_H
#define NESTOR_HV_EXIT_STATUS_PARTITION_H

#include "hv/guest/window.h"
#include "hv/handover.h"

struct partition;

enum { STATUS_TEXT_PART = 1024 };   /* of a log or a console, in one part of window.h's report() */

/*
 * What p may see of another: of itself all, of others nothing but for the root: names, states, CPUs, devices, and where
 * the config says `status = all`, all.
 */
enum status_sees { STATUS_SEES_NAME, STATUS_SEES_ALL };
bool exit_status_sees(const struct partition *p, const struct partition *other, enum status_sees what);

/* enum status_partition_state; bytes of RAM: as the configuration has it, or what the root can reach. */
u32 exit_status_state(const struct partition *p);
u64 exit_status_memory(const struct partition *p);

/* Records, as p may see them; false: the snapshot is full. */
bool exit_status_add_life(const struct partition *p, const struct partition *other, struct window_session *s);
bool exit_status_add_function(const struct partition *p, const struct handover_function *f, struct window_session *s);

/* Reports; as struct window's report(). */
bool exit_status_console(const struct partition *p, struct window_session *s);
bool exit_status_control(struct partition *p, struct window_session *s);

#endif
