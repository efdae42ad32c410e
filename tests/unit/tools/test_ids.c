/* SPDX-License-Identifier: BSD-2-Clause */
/* Names out of a file pci.ids, also out of one that ends anywhere. */
#include "tools/nestorctl/ids.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static const char file[] = "# a comment\n\n"
                           "10ec  Another Vendor\n"
                           "\t100e  Not this one\n"
                           "8086  Intel Corporation\n"
                           "\t100e  82540EM Gigabit Ethernet Controller\n"
                           "\t\t8086 001e  PRO/1000 MT Desktop Adapter\n"
                           "# in between\n"
                           "\n"
                           "\t7010  82371SB PIIX3 IDE\n"
                           "C 01  Mass storage controller\n"
                           "\t1237  A subclass\n"
                           "8087  The last one";
static char text[96];

static const char *name_of(u16 vendor, u16 device)
{
    memset(text, 'x', sizeof(text));
    ids_name(file, sizeof(file) - 1, vendor, device, text, sizeof(text));
    return text;
}

static void names_of_vendor_and_device(void **state)
{
    (void)state;
    assert_string_equal(name_of(0x8086, 0x100e), "Intel Corporation 82540EM Gigabit Ethernet Controller");
    assert_string_equal(name_of(0x8086, 0x7010), "Intel Corporation 82371SB PIIX3 IDE");
    assert_string_equal(name_of(0x10ec, 0x100e), "Another Vendor Not this one");
    assert_string_equal(name_of(0x8086, 0x1237), "Intel Corporation");
    assert_string_equal(name_of(0x8087, 0x100e), "The last one");
    assert_string_equal(name_of(0x1234, 0x100e), "");
    assert_string_equal(name_of(0x001e, 0x8086), "");
}

/* What fits, always with an end. */
static void little_room(void **state)
{
    (void)state;
    for (size_t size = 1; size < sizeof(text); size++) {
        memset(text, 'x', sizeof(text));
        ids_name(file, sizeof(file) - 1, 0x8086, 0x100e, text, size);
        assert_true(strlen(text) < size);
        assert_int_equal(strncmp(text, "Intel Corporation 82540EM Gigabit Ethernet Controller", strlen(text)), 0);
    }
}

/* A file of each length, in memory that ends with it. */
static void a_file_that_ends(void **state)
{
    (void)state;
    for (size_t bytes = 0; bytes < sizeof(file); bytes++) {
        char *part = malloc(bytes + 1);
        memcpy(part + 1, file, bytes);
        ids_name(part + 1, bytes, 0x8086, 0x7010, text, sizeof(text));
        assert_true(strlen(text) < sizeof(text));
        free(part);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_of_vendor_and_device),
        cmocka_unit_test(little_room),
        cmocka_unit_test(a_file_that_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
