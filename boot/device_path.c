/* SPDX-License-Identifier: BSD-2-Clause */
/* See device_path.h. */
#include "boot/device_path.h"

enum {
    NODE_BYTES = 4,
    HARD_DRIVE_BYTES = 42,
    FILE_NODE_LIMIT = 1024,
    LOAD_OPTION_ACTIVE = 1,
    LOAD_OPTION_CATEGORY = 0x1f00,
    SIGNATURE_MBR = 1,
    SIGNATURE_GUID = 2,
    END_ENTIRE = 0xff,
};

static size_t node_size(const u8 *node)
{
    return (size_t)node[2] | (size_t)node[3] << 8;
}

size_t path_body(const void *path, size_t size)
{
    const u8 *at = path;
    size_t used = 0;
    while (size - used >= NODE_BYTES) {
        size_t bytes = node_size(at + used);
        if (bytes < NODE_BYTES || bytes > size - used) {
            return size;
        }
        if (at[used] == PATH_END) {
            return bytes == NODE_BYTES ? used : size;
        }
        used += bytes;
    }
    return size;
}

size_t path_size(const void *path, size_t size)
{
    size_t body = path_body(path, size);
    return body == size ? 0 : body + NODE_BYTES;
}

bool path_is_end(const void *node)
{
    return *(const u8 *)node == PATH_END;
}

static bool is_media(const u8 *node, enum path_media subtype)
{
    return node[0] == PATH_MEDIA && node[1] == subtype;
}

bool path_is_hard_drive(const void *node)
{
    return is_media(node, PATH_MEDIA_HARD_DRIVE) && node_size(node) >= HARD_DRIVE_BYTES;
}

bool path_is_file(const void *node)
{
    return is_media(node, PATH_MEDIA_FILE);
}

const u8 *path_next(const void *node)
{
    return (const u8 *)node + node_size(node);
}

const u8 *path_hard_drive(const void *path)
{
    for (const u8 *node = path; !path_is_end(node); node = path_next(node)) {
        if (path_is_hard_drive(node)) {
            return node;
        }
    }
    return NULL;
}

static bool same_bytes(const u8 *a, const u8 *b, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (a[i] != b[i]) {
            return false;
        }
    }
    return true;
}

bool path_same_partition(const void *a, const void *b)
{
    /* Partition number at 4, start at 8, size at 16, signature at 24, its type at 41. */
    enum { NUMBER = 4, SIGNATURE = 24, FORMAT = 40, SIGNATURE_TYPE = 41 };
    const u8 *x = a;
    const u8 *y = b;
    if (!same_bytes(x + FORMAT, y + FORMAT, 2)) {
        return false;
    }
    switch (x[SIGNATURE_TYPE]) {
    case SIGNATURE_GUID:
        return same_bytes(x + SIGNATURE, y + SIGNATURE, 16);
    case SIGNATURE_MBR: /* of the disk, shared by its partitions */
        return same_bytes(x + SIGNATURE, y + SIGNATURE, 4) && same_bytes(x + NUMBER, y + NUMBER, 4);
    default:
        return false;
    }
}

static u8 upper(u8 c)
{
    return c >= 'a' && c <= 'z' ? (u8)(c - 'a' + 'A') : c;
}

/* Two file nodes of equal size. Names are UCS-2, in which an ASCII character has a high byte of zero. */
static bool same_name(const u8 *a, const u8 *b, size_t size)
{
    for (size_t i = NODE_BYTES; i + 1 < size; i += 2) {
        bool ascii = a[i + 1] == 0 && b[i + 1] == 0;
        if (ascii ? upper(a[i]) != upper(b[i]) : !same_bytes(a + i, b + i, 2)) {
            return false;
        }
    }
    return true;
}

static bool same_node(const u8 *a, const u8 *b)
{
    if (!same_bytes(a, b, NODE_BYTES)) {
        return false;
    }
    if (path_is_file(a)) {
        return same_name(a, b, node_size(a));
    }
    return same_bytes(a, b, node_size(a));
}

bool path_starts_with(const void *whole, const void *head)
{
    const u8 *a = whole;
    const u8 *b = head;
    while (!path_is_end(b)) {
        if (path_is_end(a) || !same_node(a, b)) {
            return false;
        }
        a = path_next(a);
        b = path_next(b);
    }
    return true;
}

bool path_equal(const void *a, const void *b)
{
    return path_starts_with(a, b) && path_starts_with(b, a);
}

size_t path_put_file(u8 *to, size_t size, const char *name)
{
    size_t length = 0;
    while (name[length] != '\0') {
        length++;
    }
    size_t node = NODE_BYTES + 2 * (length + 1);
    if (node > FILE_NODE_LIMIT || node + NODE_BYTES > size) {
        return 0;
    }
    to[0] = PATH_MEDIA;
    to[1] = PATH_MEDIA_FILE;
    to[2] = (u8)node;
    to[3] = (u8)(node >> 8);
    for (size_t i = 0; i <= length; i++) {
        to[NODE_BYTES + 2 * i] = (u8)(name[i] == '/' ? '\\' : name[i]);
        to[NODE_BYTES + 2 * i + 1] = 0;
    }
    to[node] = PATH_END;
    to[node + 1] = END_ENTIRE;
    to[node + 2] = NODE_BYTES;
    to[node + 3] = 0;
    return node + NODE_BYTES;
}

bool load_option_parse(const void *bytes, size_t size, struct load_option *out)
{
    const u8 *b = bytes;
    enum { DESCRIPTION = 6 };
    if (size < DESCRIPTION + 2) {
        return false;
    }
    u32 attributes = (u32)b[0] | (u32)b[1] << 8 | (u32)b[2] << 16 | (u32)b[3] << 24;
    size_t list = (size_t)b[4] | (size_t)b[5] << 8;
    size_t at = DESCRIPTION;
    while (size - at >= 2 && (b[at] | b[at + 1]) != 0) {
        at += 2;
    }
    if (size - at < 2 || list > size - at - 2) {
        return false;
    }
    at += 2;
    *out = (struct load_option){
        .active = (attributes & LOAD_OPTION_ACTIVE) != 0,
        .application = (attributes & LOAD_OPTION_CATEGORY) != 0,
        .description = b + DESCRIPTION, .path = b + at, .path_size = path_size(b + at, list),
        .data = b + at + list, .data_size = size - at - list};
    return out->path_size != 0;
}

static size_t first_index(const u16 *order, size_t count, u16 number)
{
    size_t i = 0;
    while (i < count && order[i] != number) {
        i++;
    }
    return i;
}

int boot_order_next(const u16 *order, size_t count, u16 current)
{
    size_t at = first_index(order, count, current);
    for (at = at == count ? 0 : at + 1; at < count; at++) {
        if (first_index(order, count, order[at]) == at) {
            return order[at];
        }
    }
    return -1;
}
