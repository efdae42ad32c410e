/* SPDX-License-Identifier: BSD-2-Clause */
/* Records of partitions, for status and for pages. */
#ifndef NESTOR_TOOLS_NESTORCTL_PARTITION_H
#define NESTOR_TOOLS_NESTORCTL_PARTITION_H

#include "tools/nestorctl/ctl.h"

/* Its texts end, whatever the record has. */
void partition_read_life(const struct status_record *r, struct status_life *life);
const char *partition_state(const struct status_life *life);

/* A struct status_life and a struct status_function as an item of a list. */
void partition_show_life(struct ctl *c, const struct status_record *r);
void partition_show_function(struct ctl *c, const struct status_record *r);

#endif
