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

static const struct {
    const char *name, *value;
} weak[] = {
#define AS_WEAK(name, value) {name, value},
    CONFIG_WEAK(AS_WEAK)};

static void put_weak(FILE *out, const char *name)
{
    for (u32 i = 0; i < ARRAY_LEN(weak); i++) {
        if (strcmp(weak[i].name, name) == 0) {
            fprintf(out, "- Under Secure Boot `%s` is refused, but in a configuration that is embedded in the program\n"
                    "  and signed with it (`make sign CONFIG=`).\n", weak[i].value);
        }
    }
}

static bool opens_section(u32 i)
{
    return i == 0 || strcmp(rows[i].section, rows[i - 1].section) != 0;
}

/* As it stands between the brackets. */
static const char *section_of(u32 i)
{
    return strcmp(rows[i].section, "partition") == 0 ? "partition NAME" : rows[i].section;
}

static const char what[] =
    "An optional file on Nestor's partition, \\EFI\\nestor\\nestor.conf: sections in brackets, a key and its value "
    "a line, lines that begin with # are comments. Every key may be left out, but for three of a partition. At the "
    "first mistake nothing of the file is used, the console names line and key, and the machine boots natively; after "
    "one in a section of a partition the rest holds, and there are no partitions.";
static const char checked[] =
    "`obj/nestor-conf FILE` checks a file on a host with the same parser; `make install` brings a sample with every "
    "key as a comment, and this text as a manual page.";

void conf_text_reference(FILE *out)
{
    fputs("<!-- SPDX-License-Identifier: BSD-2-Clause -->\n"
          "<!-- Made by `make config-reference` from boot/config_keys.h, which is what the parser reads. -->\n"
          "# nestor.conf\n\n", out);
    put_wrapped(out, "", what);
    fputc('\n', out);
    put_wrapped(out, "", checked);
    for (u32 i = 0; i < ARRAY_LEN(rows); i++) {
        const struct row *r = &rows[i];
        if (opens_section(i)) {
            fprintf(out, "\n## [%s]\n", section_of(i));
        }
        fprintf(out, "\n### %s\n\n    %s = %s\n\n", r->name, r->name, r->example);
        put_wrapped(out, "", r->help);
        fprintf(out, "\n- Value: %s.%s\n", r->expected, r->repeats ? " May be repeated." : "");
        if (r->standard != NULL) {
            fprintf(out, "- Without the key: `%s`.\n", r->standard);
        }
        put_weak(out, r->name);
    }
}

/* For troff: a backslash, and a point or an apostrophe at the start of a line, are commands. */
static void put_troff(FILE *out, const char *text)
{
    fputs(*text == '.' || *text == '\'' ? "\\&" : "", out);
    for (; *text != '\0'; text++) {
        if (*text == '\\') {
            fputs("\\e", out);
        } else if (*text == '-') {
            fputs("\\-", out);
        } else {
            fputc(*text, out);
        }
    }
    fputc('\n', out);
}

void conf_text_manual(FILE *out)
{
    fputs(".TH NESTOR.CONF 5 \"\" \"Nestor\" \"File formats\"\n"
          ".SH NAME\nnestor.conf \\- what the hypervisor Nestor does at start\n.SH DESCRIPTION\n", out);
    put_troff(out, what);
    for (u32 i = 0; i < ARRAY_LEN(rows); i++) {
        const struct row *r = &rows[i];
        if (opens_section(i)) {
            fprintf(out, ".SH [%s]\n", section_of(i));
        }
        fputs(".TP\n.B ", out);
        put_troff(out, r->name);
        put_troff(out, r->help);
        fputs(".br\nValue: ", out);
        put_troff(out, r->expected);
        if (r->standard != NULL) {
            fputs(".br\nWithout the key: ", out);
            put_troff(out, r->standard);
        }
        fputs(".br\nExample: ", out);
        put_troff(out, r->example);
    }
    fputs(".SH SEE ALSO\n.BR nestor\\-install (8)\n", out);
}

void conf_text_sample(FILE *out)
{
    static const char how[] =
        "\\EFI\\nestor\\nestor.conf: what Nestor does at start. Every key is a comment here, with the value that holds "
        "without it where there is one. Take the # away in front of what you change, and of its section.";
    put_wrapped(out, "# ", how);
    for (u32 i = 0; i < ARRAY_LEN(rows); i++) {
        const struct row *r = &rows[i];
        if (opens_section(i)) {
            fprintf(out, "\n#[%s]\n", section_of(i));
        }
        fputc('\n', out);
        put_wrapped(out, "# ", r->help);
        fprintf(out, "# Value: %s.\n#%s = %s\n", r->expected, r->name, r->standard != NULL ? r->standard : r->example);
    }
}
