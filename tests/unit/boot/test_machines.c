/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What Nestor makes of the DMAR tables in tests/unit/spec/dmar, one for each kind of mistake and form of it: the same
 * line as `make machines` prints, as the file `expected` there has it.
 */
#include "tools/dmar_line.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <dirent.h>

#define FOLDER "tests/unit/spec/dmar/"
enum { LINE = DMAR_LINE + 64 };

static FILE *open_file(const char *folder, const char *name, const char *ending)
{
    char path[LINE + 64];
    snprintf(path, sizeof(path), "%s%s%s", folder, name, ending);
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        fail_msg("%s cannot be opened; tests run in the top folder", path);
    }
    return file;
}

/* In a block of exactly its size, so that a read beyond it is seen. */
static void look_at(const char *name, char text[DMAR_LINE])
{
    static u8 bytes[1 << 16];
    FILE *file = open_file("obj/dmar/", name, ".aml");
    size_t size = fread(bytes, 1, sizeof(bytes), file);
    fclose(file);
    u8 *exact = malloc(size);
    assert_non_null(exact);
    memcpy(exact, bytes, size);
    (void)dmar_line(exact, size, text);
    free(exact);
}

static u32 count_sources(void)
{
    DIR *folder = opendir(FOLDER);
    assert_non_null(folder);
    u32 count = 0;
    for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        count += strstr(entry->d_name, ".dsl") != NULL;
    }
    closedir(folder);
    return count;
}

static void each_table_as_expected(void **state)
{
    (void)state;
    char expected[LINE];
    char found[DMAR_LINE];
    u32 count = 0;
    FILE *file = open_file(FOLDER, "expected", "");
    for (; fgets(expected, sizeof(expected), file) != NULL; count++) {
        char *text = strstr(expected, ": ");
        assert_non_null(text);
        *text = '\0';
        text += 2;
        text[strcspn(text, "\n")] = '\0';
        look_at(expected, found);
        if (strcmp(found, text) != 0) {
            fail_msg("%s:\n  %s\nexpected:\n  %s", expected, found, text);
        }
    }
    fclose(file);
    assert_int_equal(count, count_sources());
    assert_true(count > 20);
}

static void what_is_no_table(void **state)
{
    (void)state;
    char text[DMAR_LINE];
    assert_false(dmar_line((const u8 *)"", 0, text));
    assert_non_null(strstr(text, "refused"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_table_as_expected),
        cmocka_unit_test(what_is_no_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
