/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Device paths and boot options as firmware and NVRAM store them, UEFI 2.10 chapters 3.1.3 and 10.
 * Pure; trusts nothing: every length is checked before it is used.
 */
#ifndef NESTOR_BOOT_DEVICE_PATH_H
#define NESTOR_BOOT_DEVICE_PATH_H

#include "hv/types.h"

enum path_type { PATH_MEDIA = 4, PATH_END = 0x7f };
enum path_media { PATH_MEDIA_HARD_DRIVE = 1, PATH_MEDIA_FILE = 4 };

/* Bytes of the first instance including its end node; 0 if there is none within `size` bytes. */
size_t path_size(const void *path, size_t size);
/* Bytes before the end node: what a longer path can be built on. */
size_t path_body(const void *path, size_t size);

/* The path's first hard-drive node, NULL if it has none; only for paths that path_size() accepts. */
const u8 *path_hard_drive(const void *path);
bool path_is_hard_drive(const void *node);
bool path_is_file(const void *node);
bool path_is_end(const void *node);
const u8 *path_next(const void *node);

/* Do two hard-drive nodes mean the same partition? Compared by signature, UEFI 2.10 chapter 3.1.2. */
bool path_same_partition(const void *a, const void *b);
/* Does `whole` begin with `head`? */
bool path_starts_with(const void *whole, const void *head);
/* Compared node by node, file names regardless of case. */
bool path_equal(const void *a, const void *b);

/* Writes a file node and an end node; name is ASCII. Returns how many bytes, 0 if they do not fit. */
size_t path_put_file(u8 *to, size_t size, const char *name);

/* A Boot#### variable, pointing into its bytes. */
struct load_option {
    bool active;
    bool application;          /* it has a category, so it is not part of the boot order */
    const u8 *description;     /* UCS-2 with a terminating zero, possibly not aligned */
    const u8 *path;
    size_t path_size;          /* of the first instance */
    const u8 *data;            /* what the image gets as load options */
    size_t data_size;
};
must_use bool load_option_parse(const void *bytes, size_t size, struct load_option *out);

/*
 * The next entry after `current` in the order that does not also come before it, or the first one
 * if `current` is not in the order; -1 at the end. Calling it with each answer goes through the
 * rest of the order.
 */
int boot_order_next(const u16 *order, size_t count, u16 current);

#endif
