/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * See ids.h. A line "vvvv  name" is a vendor; below it are its devices, "\tdddd  name", and below these their
 * subsystems, with two tabs. Other lines that do not begin with a tab, but for comments, end a vendor: the next one or
 * a class.
 */
#include "tools/nestorctl/ids.h"

#include "drivers/format.h"

enum { DIGITS = 4, GAP = 2 };

static size_t line_length(const char *at, size_t left)
{
    size_t n = 0;
    while (n < left && at[n] != '\n') {
        n++;
    }
    return n;
}

/* Where the name stands in a line of that number behind so many tabs; 0: it is another line. */
static size_t name_in(const char *line, size_t length, u32 tabs, u16 number)
{
    char head[1 + DIGITS + GAP + 1];
    size_t n = format_text(head, sizeof(head), "%s%04x  ", tabs != 0 ? "\t" : "", number);
    size_t i = 0;
    while (i < n && i < length && line[i] == head[i]) {
        i++;
    }
    return i == n ? n : 0;
}

static size_t add(char *text, size_t used, size_t size, const char *before, const char *name, size_t length)
{
    size_t wanted = format_text(text + used, size - used, "%s%.*s", before, (int)length, name);
    return used + wanted < size ? used + wanted : size - 1;
}

void ids_name(const char *file, size_t bytes, u16 vendor, u16 device, char *text, size_t size)
{
    size_t used = 0;
    bool inside = false;
    text[0] = '\0';
    for (size_t at = 0, n; at < bytes; at += n + 1) {
        const char *line = file + at;
        n = line_length(line, bytes - at);
        size_t name = name_in(line, n, inside, inside ? device : vendor);
        if (name != 0) {
            used = add(text, used, size, inside ? " " : "", line + name, n - name);
        }
        if (inside && (name != 0 || (n != 0 && line[0] != '\t' && line[0] != '#'))) {
            return;
        }
        inside = inside || name != 0;
    }
}
