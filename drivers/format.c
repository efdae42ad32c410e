/* SPDX-License-Identifier: BSD-2-Clause */
/* See format.h. */
#include "drivers/format.h"

enum { NO_PRECISION = -1, LIMIT = 4096 };

struct sink {
    char *to;
    size_t size, length;
};

/* One conversion, parsed. */
struct spec {
    bool left, zero, plus;
    int width, precision;
    char length;       /* 'l', 'L' (ll), 'z', 'h', 'H' (hh) or 0 */
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

/* A sign or prefix, then zeros, then the text, padded to the width. */
static void put_padded(struct sink *s, const struct spec *spec, const char *prefix, int zeros,
                       const char *text, int length)
{
    int all = length + zeros;
    for (const char *p = prefix; *p != '\0'; p++) {
        all++;
    }
    put_times(s, ' ', spec->left ? 0 : spec->width - all);
    while (*prefix != '\0') {
        put(s, *prefix++);
    }
    put_times(s, '0', zeros);
    for (int i = 0; i < length; i++) {
        put(s, text[i]);
    }
    put_times(s, ' ', spec->left ? spec->width - all : 0);
}

static void put_number(struct sink *s, const struct spec *spec, const char *prefix, u64 value,
                       u32 base)
{
    const char *digits = spec->conversion == 'X' ? "0123456789ABCDEF" : "0123456789abcdef";
    char text[24];
    int at = sizeof(text);
    while (value != 0 || (at == sizeof(text) && spec->precision != 0)) {
        text[--at] = digits[value % base];
        value /= base;
    }
    int length = (int)sizeof(text) - at;
    int wanted = spec->precision;
    if (wanted == NO_PRECISION && spec->zero && !spec->left) {
        wanted = spec->width;
        for (const char *p = prefix; *p != '\0'; p++) {
            wanted--;
        }
    }
    put_padded(s, spec, prefix, wanted > length ? wanted - length : 0, &text[at], length);
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
    put_padded(s, spec, "", 0, text, length);
}

/* va_list is an array type; in a struct it does not decay when it is passed on. */
struct arguments {
    va_list list;
};

static u64 take_unsigned(const struct spec *spec, struct arguments *args)
{
    switch (spec->length) {
    case 'l':
    case 'L':
    case 'z':
        return va_arg(args->list, u64);
    case 'h':
        return (u16)va_arg(args->list, u32);
    case 'H':
        return (u8)va_arg(args->list, u32);
    default:
        return va_arg(args->list, u32);
    }
}

static s64 take_signed(const struct spec *spec, struct arguments *args)
{
    switch (spec->length) {
    case 'l':
    case 'L':
    case 'z':
        return va_arg(args->list, s64);
    case 'h':
        return (int16_t)va_arg(args->list, int);
    case 'H':
        return (int8_t)va_arg(args->list, int);
    default:
        return va_arg(args->list, int);
    }
}

static void convert_signed(struct sink *s, const struct spec *spec, struct arguments *args)
{
    s64 value = take_signed(spec, args);
    const char *sign = value < 0 ? "-" : (spec->plus ? "+" : "");
    put_number(s, spec, sign, value < 0 ? 0 - (u64)value : (u64)value, 10);
}

/* False: not one of the conversions that are supported. */
static bool convert(struct sink *s, const struct spec *spec, struct arguments *args)
{
    char c;
    switch (spec->conversion) {
    case 'd':
    case 'i':
        convert_signed(s, spec, args);
        return true;
    case 'u':
        put_number(s, spec, "", take_unsigned(spec, args), 10);
        return true;
    case 'x':
    case 'X':
        put_number(s, spec, "", take_unsigned(spec, args), 16);
        return true;
    case 'o':
        put_number(s, spec, "", take_unsigned(spec, args), 8);
        return true;
    case 'p':
        put_number(s, spec, "0x", (u64)(uintptr_t)va_arg(args->list, void *), 16);
        return true;
    case 's':
        put_string(s, spec, va_arg(args->list, const char *));
        return true;
    case 'c':
        c = (char)va_arg(args->list, int);
        put_padded(s, spec, "", 0, &c, 1);
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
        switch (*p) {
        case '-':
            spec->left = true;
            break;
        case '0':
            spec->zero = true;
            break;
        case '+':
            spec->plus = true;
            break;
        default:
            return p;
        }
    }
}

static const char *parse_amount(const char *p, struct arguments *args, int *amount)
{
    if (*p == '*') {
        *amount = va_arg(args->list, int);
        return p + 1;
    }
    *amount = 0;
    while (*p >= '0' && *p <= '9') {
        *amount = *amount < LIMIT ? *amount * 10 + (*p - '0') : LIMIT;
        p++;
    }
    return p;
}

static const char *parse_length(const char *p, struct spec *spec)
{
    if (*p == 'z' || *p == 'l' || *p == 'h') {
        spec->length = *p;
        if (*p != 'z' && p[1] == *p) {
            spec->length = *p == 'l' ? 'L' : 'H';
            p++;
        }
        p++;
    }
    return p;
}

static const char *parse(const char *p, struct spec *spec, struct arguments *args)
{
    *spec = (struct spec){.precision = NO_PRECISION};
    p = parse_flags(p, spec);
    p = parse_amount(p, args, &spec->width);
    if (spec->width < 0) {
        spec->left = true;
        spec->width = spec->width < -LIMIT ? LIMIT : -spec->width;
    }
    if (*p == '.') {
        p = parse_amount(p + 1, args, &spec->precision);
        spec->precision = spec->precision < 0 ? NO_PRECISION : spec->precision;
    }
    p = parse_length(p, spec);
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
