/* SPDX-License-Identifier: BSD-2-Clause */
/* Every conversion against the host's vsnprintf, and the bounds. */
#include "drivers/format.h"

#include <limits.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#define SAME(...)                                                                     \
    do {                                                                              \
        char ours[256];                                                               \
        char theirs[256];                                                             \
        int wanted = snprintf(theirs, sizeof(theirs), __VA_ARGS__);                   \
        assert_int_equal(format_text(ours, sizeof(ours), __VA_ARGS__), (size_t)wanted); \
        assert_string_equal(ours, theirs);                                            \
    } while (0)

/* The compiler refuses misuse that it can see, and here that is the point. */
static size_t (*volatile tested)(char *, size_t, const char *, ...) = format_text;
static int (*volatile reference)(char *, size_t, const char *, ...) = snprintf;

static void decimal_numbers(void **state)
{
    (void)state;
    const int values[] = {0, 1, -1, 9, 10, -10, 12345, INT_MAX, INT_MIN};
    for (size_t i = 0; i < ARRAY_LEN(values); i++) {
        SAME("%d", values[i]);
        SAME("%u", (unsigned)values[i]);
        SAME("%8d|%-8d|%08d", values[i], values[i], values[i]);
        SAME("%.4d %8.4d", values[i], values[i]);
    }
}

static void wide_numbers(void **state)
{
    (void)state;
    const unsigned long long values[] = {0, 1, 0xf, 0x10, 0xffffffffull, 0x100000000ull,
                                         0x8000000000000000ull, ~0ull};
    for (size_t i = 0; i < ARRAY_LEN(values); i++) {
        SAME("%llu %llx %llX", values[i], values[i], values[i]);
        SAME("%016llx", values[i]);
        SAME("%lld", (long long)values[i]);
        SAME("%lx %ld %zu", (unsigned long)values[i], (long)values[i], (size_t)values[i]);
        SAME("%-20llx|%20llx", values[i], values[i]);
        SAME("%.0llu", values[i]);
    }
}

static void text_and_characters(void **state)
{
    (void)state;
    SAME("%s", "");
    SAME("%s %s", "one", "two");
    SAME("%10s|%-10s|%.2s|%10.2s", "text", "text", "text", "text");
    SAME("%.*s", 1, "cd");
    SAME("%c%c|%3c|%-3c|", 'a', 'b', 'c', 'd');
    SAME("100%%");
    char text[16];
    tested(text, sizeof(text), "%s", (const char *)NULL);
    assert_string_equal(text, "(null)");
}

static void unterminated_text_stays_in_its_precision(void **state)
{
    (void)state;
    const char four[4] = {'a', 'b', 'c', 'd'};
    char text[16];
    assert_int_equal(format_text(text, sizeof(text), "%.4s", four), 4);
    assert_string_equal(text, "abcd");
}

static void cut_as_vsnprintf_does(void **state)
{
    (void)state;
    for (size_t size = 0; size <= 12; size++) {
        char ours[16];
        char theirs[16];
        memset(ours, '#', sizeof(ours));
        memset(theirs, '#', sizeof(theirs));
        int wanted = reference(theirs, size, "%d-%s", 1234, "abcdef");
        assert_int_equal(tested(ours, size, "%d-%s", 1234, "abcdef"), (size_t)wanted);
        assert_memory_equal(ours, theirs, sizeof(ours));
    }
}

static void source_ids_by_bus_device_and_function(void **state)
{
    (void)state;
    char text[32];
    tested(text, sizeof(text), "%#x|%#x|%#x of %u", 0, 0xffff, 0x12fb, 5);
    assert_string_equal(text, "00:00.0|ff:1f.7|12:1f.3 of 5");
}

static void unknown_conversions_are_shown(void **state)
{
    (void)state;
    char text[32];
    tested(text, sizeof(text), "%q %5.1f %d", 7);
    assert_string_equal(text, "%q %5.1f 7");
    tested(text, sizeof(text), "ends in %");
    assert_string_equal(text, "ends in %");
    tested(text, sizeof(text), "ends in %08ll");
    assert_string_equal(text, "ends in %08ll");
}

static void huge_widths_are_bounded(void **state)
{
    (void)state;
    char text[8];
    assert_true(tested(text, sizeof(text), "%99999999999d", 1) <= 50000);
    assert_int_equal(tested(text, sizeof(text), "%.99999999999d", 1), 23);
    assert_string_equal(text, "0000000");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decimal_numbers),
        cmocka_unit_test(wide_numbers),
        cmocka_unit_test(text_and_characters),
        cmocka_unit_test(unterminated_text_stays_in_its_precision),
        cmocka_unit_test(cut_as_vsnprintf_does),
        cmocka_unit_test(source_ids_by_bus_device_and_function),
        cmocka_unit_test(unknown_conversions_are_shown),
        cmocka_unit_test(huge_widths_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
