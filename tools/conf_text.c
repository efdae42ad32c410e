/* SPDX-License-Identifier: BSD-2-Clause */
/* See conf_text.h. */
#include "tools/conf_text.h"

#include "boot/config_keys.h"
#include "hv/types.h"

#include <string.h>

enum { COLUMNS = 120 };

struct row {
    const char *section, *name;
    bool repeats;
    const char *expected, *standard, *example, *help;
};

#define AS_ROW(section, name, repeats, set, expected, standard, example, help)                                         \
    {section, name, repeats, expected, standard, example, help},
static const struct row rows[] = {CONFIG_KEYS(AS_ROW)};

/* In lines of at most COLUMNS, each with the prefix in front. */
static void put_wrapped(FILE *out, const char *prefix, const char *text)
{
    size_t column = 0;
    while (*text != '\0') {
        size_t word = strcspn(text, " ");
        if (column != 0 && column + 1 + word > COLUMNS) {
            fputc('\n', out);
            column = 0;
        }
        column += (size_t)fprintf(out, "%s%.*s", column == 0 ? prefix : " ", (int)word, text);
        text += word + strspn(text + word, " ");
    }
    fputc('\n', out);
}

static bool opens_section(u32 i)
{
    return i == 0 || strcmp(rows[i].section, rows[i - 1].section) != 0;
}

void conf_text_reference(FILE *out)
{
    static const char what[] =
        "An optional file beside `nestor.efi`, `\\EFI\\nestor\\nestor.conf`: sections in brackets, a key and its "
        "value a line, lines that begin with `#` are comments. Every key may be left out. At the first mistake nothing "
        "of the file is used, the console names line and key, and the machine boots natively. `obj/nestor-conf FILE` "
        "checks a file on a host with the same parser; `obj/nestor-conf --sample` prints one with every key as a "
        "comment.";
    fputs("<!-- SPDX-License-Identifier: BSD-2-Clause -->\n"
          "<!-- Made by `make config-reference` from boot/config_keys.h, which is what the parser reads. -->\n"
          "# nestor.conf\n\n", out);
    put_wrapped(out, "", what);
    for (u32 i = 0; i < ARRAY_LEN(rows); i++) {
        const struct row *r = &rows[i];
        if (opens_section(i)) {
            fprintf(out, "\n## [%s]\n", r->section);
        }
        fprintf(out, "\n### %s\n\n    %s = %s\n\n", r->name, r->name, r->example);
        put_wrapped(out, "", r->help);
        fprintf(out, "\n- Value: %s.%s\n", r->expected, r->repeats ? " May be repeated." : "");
        if (r->standard != NULL) {
            fprintf(out, "- Without the key: `%s`.\n", r->standard);
        }
    }
}

void conf_text_sample(FILE *out)
{
    static const char what[] =
        "\\EFI\\nestor\\nestor.conf: what Nestor does at start. Every key is a comment here, with the value that holds "
        "without it where there is one. Take the # away in front of what you change, and of its section.";
    put_wrapped(out, "# ", what);
    for (u32 i = 0; i < ARRAY_LEN(rows); i++) {
        const struct row *r = &rows[i];
        if (opens_section(i)) {
            fprintf(out, "\n#[%s]\n", r->section);
        }
        fputc('\n', out);
        put_wrapped(out, "# ", r->help);
        fprintf(out, "# Value: %s.\n#%s = %s\n", r->expected, r->name, r->standard != NULL ? r->standard : r->example);
    }
}
