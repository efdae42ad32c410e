/*
 * Device paths and boot options as the bytes that firmware and NVRAM hold, UEFI 2.10
 * chapters 3.1.3 and 10. Pure and distrustful: every length is checked before it is used.
 */
#ifndef NESTOR_BOOT_DEVICE_PATH_H
#define NESTOR_BOOT_DEVICE_PATH_H

#include "hv/types.h"

enum path_type { PATH_MEDIA = 4, PATH_END = 0x7f };
enum path_media { PATH_MEDIA_HARD_DRIVE = 1, PATH_MEDIA_FILE = 4 };

/* Bytes of the first instance with an end node of its own; 0 when size bytes hold none. */
size_t path_size(const void *path, size_t size);
/* Bytes before the end node: what is left when a path is continued. */
size_t path_body(const void *path, size_t size);

/* The path's first hard-drive node, NULL without; only for paths that path_size() accepts. */
const u8 *path_hard_drive(const void *path);
bool path_is_hard_drive(const void *node);
bool path_is_file(const void *node);
bool path_is_end(const void *node);
const u8 *path_next(const void *node);

/* Do two hard-drive nodes mean one partition? By its signature, UEFI 2.10 chapter 3.1.2. */
bool path_same_partition(const void *a, const void *b);
/* Is whole the same as, or a continuation of, head? */
bool path_starts_with(const void *whole, const void *head);
/* Node by node; names of files regardless of case. */
bool path_equal(const void *a, const void *b);

/* Writes a file node and an end node; name is ASCII. Returns the bytes, 0 when they do not fit. */
size_t path_put_file(u8 *to, size_t size, const char *name);

/* A Boot#### variable, pointing into its bytes. */
struct load_option {
    bool active;
    bool application;          /* in a category of its own, never part of the boot order */
    const u8 *description;     /* UCS-2 with a terminating zero, possibly not aligned */
    const u8 *path;
    size_t path_size;          /* of the first instance */
    const u8 *data;            /* what the image gets as load options */
    size_t data_size;
};
must_use bool load_option_parse(const void *bytes, size_t size, struct load_option *out);

/*
 * The entry to go on with: the first after `current` in the order, or the first of all when
 * `current` is not in it. Called again with the answer it goes on; -1 at the end.
 */
int boot_order_next(const u16 *order, size_t count, u16 current);

#endif
