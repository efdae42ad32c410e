/* SPDX-License-Identifier: BSD-2-Clause */
/* Records of partitions, for status. */
#ifndef NESTOR_TOOLS_NESTORCTL_PARTITION_H
#define NESTOR_TOOLS_NESTORCTL_PARTITION_H

#include "tools/nestorctl/ctl.h"

/* A struct status_life and a struct status_function as an item of a list. */
void partition_show_life(struct ctl *c, const struct status_record *r);
void partition_show_function(struct ctl *c, const struct status_record *r);

#endif
