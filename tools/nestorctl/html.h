/* SPDX-License-Identifier: BSD-2-Clause */
/* dump --html: one page that needs nothing else: the path of one DMA, and the machine. */
#ifndef NESTOR_TOOLS_NESTORCTL_HTML_H
#define NESTOR_TOOLS_NESTORCTL_HTML_H

#include "tools/nestorctl/ctl.h"

enum ctl_status html_dump(struct ctl *c, const struct ctl_dump *dump, const u32 argument[STATUS_ARGUMENTS]);

#endif
