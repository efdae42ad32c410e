/* SPDX-License-Identifier: BSD-2-Clause */
/* --html: one page that needs nothing else: the machine, and the path of one DMA or the text of a report. */
#ifndef NESTOR_TOOLS_NESTORCTL_HTML_H
#define NESTOR_TOOLS_NESTORCTL_HTML_H

#include "tools/nestorctl/ctl.h"

enum ctl_status html_dump(struct ctl *c, const struct ctl_dump *dump);

enum ctl_status html_report(struct ctl *c, bool with_entries);

/* The drawing of the machine, with one of its functions in bold. */
enum { HTML_NO_FUNCTION = 0xffffffff };
void html_machine(struct ctl *c, u32 chosen);

/* Text of others: what has a meaning in a page has none here. html_lines keeps ends of lines. */
void html_text(struct ctl *c, const char *text);
void html_lines(struct ctl *c, const char *text);

#endif
