/* SPDX-License-Identifier: BSD-2-Clause */
/* Text of others, pci.ids for one, is text in a page, too. */
#include "tools/nestorctl/html.h"

/* Of control characters those in `kept` stay. */
static void escaped(struct ctl *c, const char *text, char kept)
{
    char one[2] = {0};
    for (; *text != '\0'; text++) {
        one[0] = (*text >= ' ' && *text != 0x7f) || *text == kept ? *text : '?';
        out_raw(&c->out, "%s", *text == '<' ? "&lt;" : *text == '&' ? "&amp;" : *text == '>' ? "&gt;" : one);
    }
}

void html_text(struct ctl *c, const char *text)
{
    escaped(c, text, ' ');
}

void html_lines(struct ctl *c, const char *text)
{
    escaped(c, text, '\n');
}
