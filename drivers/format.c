/* SPDX-License-Identifier: BSD-2-Clause */
/* See format.h. */
#include "drivers/format.h"

enum { NO_PRECISION = -1, LIMIT = 4096, DIGITS = 24 };

struct sink {
    char *to;
    size_t size, length;
};

/* One conversion, parsed. */
struct spec {
    bool left, zero, source_id, wide;
    int width, precision;
    char conversion;
};

static void put(struct sink *s, char c)
{
    if (s->length + 1 < s->size) {
        s->to[s->length] = c;
    }
    s->length++;
}

static void put_times(struct sink *s, char c, int times)
{
    while (times-- > 0) {
        put(s, c);
    }
}

/* The text, padded to the width. */
static void put_padded(struct sink *s, const struct spec *spec, const char *text, int length)
{
    put_times(s, ' ', spec->left ? 0 : spec->width - length);
    for (int i = 0; i < length; i++) {
        put(s, text[i]);
    }
    put_times(s, ' ', spec->left ? spec->width - length : 0);
}

static void put_number(struct sink *s, const struct spec *spec, bool negative, u64 value, u32 base)
{
    const char *digits = spec->conversion == 'X' ? "0123456789ABCDEF" : "0123456789abcdef";
    char text[DIGITS];
    int at = DIGITS;
    int first = DIGITS - 1;
    if (spec->precision != NO_PRECISION) {
        first = DIGITS - spec->precision;
    } else if (spec->zero && !spec->left) {
        first = DIGITS - spec->width + negative;
    }
    while (value != 0 || (at > first && at > 1)) {
        text[--at] = digits[value % base];
        value /= base;
    }
    if (negative) {
        text[--at] = '-';
    }
    put_padded(s, spec, &text[at], DIGITS - at);
}

static void put_source_id(struct sink *s, u32 sid)
{
    const struct spec byte = {.precision = 2};
    put_number(s, &byte, false, sid >> 8 & 0xff, 16);
    put(s, ':');
    put_number(s, &byte, false, sid >> 3 & 31, 16);
    put(s, '.');
    put(s, (char)('0' + (sid & 7)));
}

static void put_string(struct sink *s, const struct spec *spec, const char *text)
{
    int length = 0;
    if (text == NULL) {
        text = "(null)";
    }
    while ((spec->precision == NO_PRECISION || length < spec->precision) && length < LIMIT &&
           text[length] != '\0') {
        length++;
    }
    put_padded(s, spec, text, length);
}

/* va_list is an array type; in a struct it does not decay when it is passed on. */
struct arguments {
    va_list list;
};

static u64 take(const struct spec *spec, struct arguments *args)
{
    return spec->wide ? va_arg(args->list, u64) : va_arg(args->list, u32);
}

/* False: not one of the conversions that are supported. */
static bool convert(struct sink *s, const struct spec *spec, struct arguments *args)
{
    char c;
    u64 value;
    switch (spec->conversion) {
    case 'd':
        value = take(spec, args);
        value = spec->wide ? value : (u64)(int)value;
        put_number(s, spec, (s64)value < 0, (s64)value < 0 ? 0 - value : value, 10);
        return true;
    case 'u':
        put_number(s, spec, false, take(spec, args), 10);
        return true;
    case 'x':
    case 'X':
        value = take(spec, args);
        if (spec->source_id) {
            put_source_id(s, (u32)value);
        } else {
            put_number(s, spec, false, value, 16);
        }
        return true;
    case 's':
        put_string(s, spec, va_arg(args->list, const char *));
        return true;
    case 'c':
        c = (char)va_arg(args->list, int);
        put_padded(s, spec, &c, 1);
        return true;
    case '%':
        put(s, '%');
        return true;
    default:
        return false;
    }
}

static const char *parse_flags(const char *p, struct spec *spec)
{
    for (;; p++) {
        if (*p == '-') {
            spec->left = true;
        } else if (*p == '0') {
            spec->zero = true;
        } else if (*p == '#') {
            spec->source_id = true;
        } else {
            return p;
        }
    }
}

static const char *parse_amount(const char *p, int *amount)
{
    *amount = 0;
    while (*p >= '0' && *p <= '9') {
        *amount = *amount < LIMIT ? *amount * 10 + (*p - '0') : LIMIT;
        p++;
    }
    return p;
}

static const char *parse(const char *p, struct spec *spec, struct arguments *args)
{
    *spec = (struct spec){.precision = NO_PRECISION};
    p = parse_flags(p, spec);
    p = parse_amount(p, &spec->width);
    if (p[0] == '.' && p[1] == '*') {
        spec->precision = va_arg(args->list, int);
        p += 2;
    } else if (p[0] == '.') {
        p = parse_amount(p + 1, &spec->precision);
    }
    while (*p == 'l' || *p == 'z') {
        spec->wide = true;
        p++;
    }
    spec->conversion = *p;
    return *p != '\0' ? p + 1 : p;
}

size_t format_text_v(char *to, size_t size, const char *fmt, va_list list)
{
    struct sink s = {to, size, 0};
    struct arguments args;
    va_copy(args.list, list);
    while (*fmt != '\0') {
        struct spec spec;
        const char *start = fmt++;
        if (*start != '%') {
            put(&s, *start);
            continue;
        }
        fmt = parse(fmt, &spec, &args);
        if (!convert(&s, &spec, &args)) {
            while (start < fmt) {
                put(&s, *start++);
            }
        }
    }
    va_end(args.list);
    if (size != 0) {
        to[s.length < size ? s.length : size - 1] = '\0';
    }
    return s.length;
}

size_t format_text(char *to, size_t size, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    size_t length = format_text_v(to, size, fmt, args);
    va_end(args);
    return length;
}
