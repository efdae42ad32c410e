/* SPDX-License-Identifier: BSD-2-Clause */
/* The program, whatever it runs on. */
#ifndef NESTOR_TOOLS_NESTORCTL_MAIN_H
#define NESTOR_TOOLS_NESTORCTL_MAIN_H

#include "tools/nestorctl/ctl.h"

/* What only one of the programs has: the platform says so. NULL: this one has it not. */
struct main_more {
    enum ctl_status (*top)(struct ctl *c, u32 times);
    enum ctl_status (*page_of_dump)(struct ctl *c, const struct ctl_dump *dump);
    enum ctl_status (*page_of_report)(struct ctl *c, bool with_entries);
    bool follows;           /* somebody can end a command that goes on */
};
extern const struct main_more main_more;

/* words[0] is the program's own name. The exit status is an enum ctl_status. */
int ctl_main(int count, const char *const *words);

#endif
