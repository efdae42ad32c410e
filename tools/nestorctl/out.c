/* SPDX-License-Identifier: BSD-2-Clause */
/* See out.h. */
#include "tools/nestorctl/out.h"

#include "drivers/format.h"

enum { WRAP = 100, INDENT = 2, VALUE = 1024 };

static void put(struct out *o, const char *text)
{
    size_t length = 0;
    while (text[length] != '\0') {
        o->column = text[length] == '\n' ? 0 : o->column + 1;
        length++;
    }
    o->put(text, length);
}

static void indent(struct out *o, u32 depth)
{
    for (u32 i = 0; i < depth * INDENT; i++) {
        put(o, " ");
    }
}

/* In quotes, with what JSON wants escaped. */
static void put_quoted(struct out *o, const char *text)
{
    char piece[8];
    put(o, "\"");
    for (; *text != '\0'; text++) {
        u8 c = (u8)*text;
        bool plain = c >= ' ' && c != '"' && c != '\\' && c < 0x7f;
        (void)format_text(piece, sizeof(piece), plain ? "%c" : c == '"' || c == '\\' ? "\\%c" : "\\u%04x", c);
        put(o, piece);
    }
    put(o, "\"");
}

/* Whatever a log or a file holds must not reach a terminal that obeys it. */
static void put_plain(struct out *o, const char *text)
{
    char piece[2] = {0};
    for (; *text != '\0'; text++) {
        piece[0] = (u8)*text >= ' ' && *text != 0x7f ? *text : '?';
        put(o, piece);
    }
}

static void separate(struct out *o)
{
    if (o->json) {
        put(o, o->count[o->depth]++ != 0 ? ",\n" : "\n");
        indent(o, o->depth);
    } else if (o->column > WRAP) {
        put(o, ",\n");
        indent(o, o->depth + 1);
        o->count[o->depth]++;
    } else {
        put(o, o->count[o->depth]++ != 0 ? ", " : o->column != 0 ? " " : "");
    }
}

static void put_name(struct out *o, const char *name)
{
    separate(o);
    if (o->json && !o->list[o->depth]) {
        put_quoted(o, name);
        put(o, ": ");
    } else if (!o->json && name[0] != '\0') {
        put(o, name);
        put(o, " ");
    }
}

void out_begin(struct out *o, const char *name, bool list)
{
    if (o->json) {
        if (o->depth != 0) {
            put_name(o, name);
        }
        put(o, list ? "[" : "{");
    } else {
        put(o, o->column != 0 ? "\n" : "");
        if (name[0] != '\0') {
            indent(o, o->depth > 1 ? o->depth - 1 : 0);
            put(o, name);
            put(o, ":");
        }
    }
    o->depth += o->depth + 1 < OUT_DEPTH ? 1 : 0;
    o->list[o->depth] = list;
    o->count[o->depth] = 0;
}

void out_begin_numbered(struct out *o, const char *name, u64 number)
{
    char text[48];
    (void)format_text(text, sizeof(text), "%s %llu", name, number);
    out_begin(o, text, false);
    if (o->json) {
        out_number(o, name, number);
    }
}

void out_end(struct out *o)
{
    bool list = o->list[o->depth];
    bool empty = o->count[o->depth] == 0;
    o->depth -= o->depth != 0 ? 1 : 0;
    if (o->json) {
        if (!empty) {
            put(o, "\n");
            indent(o, o->depth);
        }
        put(o, list ? "]" : "}");
        put(o, o->depth == 0 ? "\n" : "");
    } else if (o->column != 0) {
        put(o, "\n");
    }
}

void out_number(struct out *o, const char *name, u64 value)
{
    char text[24];
    put_name(o, name);
    (void)format_text(text, sizeof(text), "%llu", value);
    put(o, text);
}

void out_hex(struct out *o, const char *name, u64 value)
{
    char text[24];
    put_name(o, name);
    (void)format_text(text, sizeof(text), o->json ? "\"0x%llx\"" : "0x%llx", value);
    put(o, text);
}

void out_flag(struct out *o, const char *name, bool value)
{
    put_name(o, name);
    put(o, o->json ? value ? "true" : "false" : value ? "yes" : "no");
}

void out_text(struct out *o, const char *name, const char *fmt, ...)
{
    char text[VALUE];
    va_list args;
    va_start(args, fmt);
    (void)format_text_v(text, sizeof(text), fmt, args);
    va_end(args);
    put_name(o, name);
    if (o->json) {
        put_quoted(o, text);
    } else {
        put_plain(o, text);
    }
}

void out_raw(struct out *o, const char *fmt, ...)
{
    char text[VALUE];
    va_list args;
    va_start(args, fmt);
    (void)format_text_v(text, sizeof(text), fmt, args);
    va_end(args);
    put(o, text);
}
