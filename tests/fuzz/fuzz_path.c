/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What Nestor reads to start the next image: a Boot#### variable with its device path, the firmware's path of another
 * image to compare with, BootOrder. The first two bytes say how long the first two are.
 */
#include "boot/device_path.h"
#include "tests/fuzz/input.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

static void check_path(const u8 *path, size_t size)
{
    static u8 longer[4096];
    size_t whole = path_size(path, size);
    if (whole == 0) {
        return;
    }
    must(whole <= size && path_body(path, size) + 4 == whole);
    must(path_equal(path, path) && path_starts_with(path, path));
    const u8 *drive = path_hard_drive(path);
    must(drive == NULL || (drive >= path && drive < path + whole && path_is_hard_drive(drive)));
    if (drive != NULL) {
        (void)path_same_partition(drive, drive);
    }
    if (whole <= sizeof(longer) / 2) {
        memcpy(longer, path, whole - 4);
        size_t file = path_put_file(longer + whole - 4, sizeof(longer) - whole, "/EFI/debian/grubx64.efi");
        must(file != 0 && path_size(longer, sizeof(longer)) == whole - 4 + file && path_starts_with(longer, path));
    }
}

/* Each entry of the order comes once, and then there is an end. */
static void check_order(const u8 *bytes, size_t size)
{
    size_t count = size / 2;
    u16 *order = malloc(count * 2 + 2);
    static bool seen[0x10000];
    must(order != NULL);
    memcpy(order, bytes, count * 2);
    memset(seen, 0, sizeof(seen));
    int at = count != 0 ? order[0] : 0;
    seen[at] = true;
    while ((at = boot_order_next(order, count, (u16)at)) >= 0) {
        must(!seen[at]);
        seen[at] = true;
    }
    for (size_t i = 0; i < count; i++) {
        must(seen[order[i]]);
    }
    free(order);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    struct input in = {data, size};
    struct load_option option;
    size_t first = input_byte(&in);
    size_t second = input_byte(&in);
    first = first < in.left ? first : in.left;
    u8 *variable = input_take(&in, first);
    second = second < in.left ? second : in.left;
    u8 *path = input_take(&in, second);
    check_path(path, second);
    if (load_option_parse(variable, first, &option)) {
        must(option.path >= variable && option.path + option.path_size <= variable + first);
        must(option.data >= option.path && option.data + option.data_size == variable + first);
        check_path(option.path, option.path_size);
        if (path_size(path, second) != 0) {
            must(path_equal(path, option.path) == path_equal(option.path, path));
        }
    }
    u8 *rest = input_take(&in, in.left);
    check_order(rest, size - 2 < size ? size - 2 - first - second : 0);
    free(rest);
    free(path);
    free(variable);
    return 0;
}
