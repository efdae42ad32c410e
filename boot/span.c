/* SPDX-License-Identifier: BSD-2-Clause */
/* See span.h. */
#include "boot/span.h"

struct span span_of(const char *text)
{
    struct span s = {text, 0};
    while (text[s.length] != '\0') {
        s.length++;
    }
    return s;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

struct span span_trim(struct span s)
{
    while (s.length != 0 && is_space(s.at[0])) {
        s.at++;
        s.length--;
    }
    while (s.length != 0 && is_space(s.at[s.length - 1])) {
        s.length--;
    }
    return s;
}

bool span_equals(struct span s, const char *text)
{
    size_t i = 0;
    while (i < s.length && text[i] == s.at[i] && text[i] != '\0') {
        i++;
    }
    return i == s.length && text[i] == '\0';
}

struct span span_take_until(struct span *s, char c)
{
    struct span head = {s->at, 0};
    while (head.length < s->length && head.at[head.length] != c) {
        head.length++;
    }
    size_t cut = head.length < s->length ? head.length + 1 : head.length;
    s->at += cut;
    s->length -= cut;
    return span_trim(head);
}

struct span span_take_word(struct span *s)
{
    struct span head = {s->at, 0};
    while (head.length < s->length && !is_space(head.at[head.length])) {
        head.length++;
    }
    *s = span_trim((struct span){s->at + head.length, s->length - head.length});
    return head;
}

static bool take_digit(char c, u32 base, u32 *digit)
{
    if (c >= '0' && c <= '9') {
        *digit = (u32)(c - '0');
    } else if (c >= 'a' && c <= 'f') {
        *digit = (u32)(c - 'a') + 10;
    } else if (c >= 'A' && c <= 'F') {
        *digit = (u32)(c - 'A') + 10;
    } else {
        return false;
    }
    return *digit < base;
}

bool span_digits(struct span s, u32 base, u64 *value)
{
    *value = 0;
    for (size_t i = 0; i < s.length; i++) {
        u32 digit;
        if (!take_digit(s.at[i], base, &digit) || *value > (~0ull - digit) / base) {
            return false;
        }
        *value = *value * base + digit;
    }
    return s.length != 0;
}

bool span_number(struct span s, u64 *value)
{
    if (s.length > 2 && s.at[0] == '0' && (s.at[1] == 'x' || s.at[1] == 'X')) {
        return span_digits((struct span){s.at + 2, s.length - 2}, 16, value);
    }
    return span_digits(s, 10, value);
}

bool span_copy(struct span s, char *to, size_t size)
{
    if (s.length + 1 > size) {
        return false;
    }
    for (size_t i = 0; i < s.length; i++) {
        if (s.at[i] < ' ' || s.at[i] > '~') {
            return false;
        }
        to[i] = s.at[i];
    }
    to[s.length] = '\0';
    return true;
}

bool span_copy_path(struct span s, char *to, size_t size)
{
    return s.length != 0 && (s.at[0] == '\\' || s.at[0] == '/') && span_copy(s, to, size);
}

bool span_one_of(struct span value, const char *const *words, u32 count, u32 *which)
{
    for (*which = 0; *which < count; ++*which) {
        if (span_equals(value, words[*which])) {
            return true;
        }
    }
    return false;
}

bool span_choose(struct span value, const char *no, const char *yes, bool *chosen)
{
    *chosen = span_equals(value, yes);
    return *chosen || span_equals(value, no);
}
