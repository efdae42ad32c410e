/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * nestor-dmar FILE|FOLDER...: what Nestor makes of DMAR tables, one line each; for a folder, all
 * files in it and below (`make machines TABLES=DIR`). Exit status 1: one of them cannot be read, or
 * there is none.
 *
 * On Linux a machine's own table is /sys/firmware/acpi/tables/DMAR.
 */
#include "tools/dmar_line.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { TABLE_LIMIT = 1 << 20, PATH_BYTES = 4096 };

static struct {
    u32 accepted, refused, unreadable;
} counts;

static void look_at_file(const char *path)
{
    static u8 bytes[TABLE_LIMIT];
    char text[DMAR_LINE];
    FILE *file = fopen(path, "rb");
    size_t size = file == NULL ? 0 : fread(bytes, 1, sizeof(bytes), file);
    if (file == NULL || ferror(file) != 0) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        counts.unreadable++;
    } else if (dmar_line(bytes, size, text)) {
        counts.accepted++;
        printf("%s: %s\n", path, text);
    } else {
        counts.refused++;
        printf("%s: %s\n", path, text);
    }
    if (file != NULL) {
        fclose(file);
    }
}

static void look_at(const char *path);

static int is_no_dot(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static void look_at_folder(const char *path)
{
    struct dirent **entries;
    int count = scandir(path, &entries, is_no_dot, alphasort);
    if (count < 0) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        counts.unreadable++;
    }
    for (int i = 0; i < count; i++) {
        char inside[PATH_BYTES];
        snprintf(inside, sizeof(inside), "%s/%s", path, entries[i]->d_name);
        look_at(inside);
        free(entries[i]);
    }
    if (count >= 0) {
        free(entries);
    }
}

static void look_at(const char *path)
{
    struct stat status;
    if (stat(path, &status) == 0 && S_ISDIR(status.st_mode)) {
        look_at_folder(path);
    } else {
        look_at_file(path);
    }
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        look_at(argv[i]);
    }
    printf("%u accepted, %u refused\n", counts.accepted, counts.refused);
    if (counts.unreadable != 0 || counts.accepted + counts.refused == 0) {
        fprintf(stderr, "usage: nestor-dmar FILE|FOLDER...\n");
        return 1;
    }
    return 0;
}
