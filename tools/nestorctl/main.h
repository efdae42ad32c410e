/* SPDX-License-Identifier: BSD-2-Clause */
/* The program, whatever it runs on. */
#ifndef NESTOR_TOOLS_NESTORCTL_MAIN_H
#define NESTOR_TOOLS_NESTORCTL_MAIN_H

#include "tools/nestorctl/ctl.h"

/* words[0] is the program's own name. The exit status is an enum ctl_status. */
int ctl_main(int count, const char *const *words);

#endif
