/* SPDX-License-Identifier: BSD-2-Clause */
/* See volume.h. */
#include "boot/volume.h"

#include "boot/device_path.h"

/* What firmware starts on a device if the boot option names no file. */
#define DEFAULT_FILE "\\EFI\\BOOT\\BOOTX64.EFI"

static EFI_GUID file_system_guid = EFI_SIMPLE_FILE_SYSTEM_PROTOCOL_GUID;
static EFI_GUID load_file_guid = LOAD_FILE_PROTOCOL;

enum { PATH_LIMIT = 65536 };

static UINT8 *join(const void *head, UINTN head_size, const void *tail, UINTN tail_size)
{
    UINT8 *path = AllocatePool(head_size + tail_size);
    if (path != NULL) {
        CopyMem(path, (VOID *)head, head_size);
        CopyMem(path + head_size, (VOID *)tail, tail_size);
    }
    return path;
}

/* A copy of the first instance, ending in a node that ends the whole path. */
static UINT8 *copy_instance(const UINT8 *path, UINTN size)
{
    static const UINT8 end[4] = {PATH_END, 0xff, 4, 0};
    return join(path, path_body(path, size), end, sizeof(end));
}

UINT8 *volume_path_of(EFI_HANDLE device, const char *file)
{
    static const UINT8 end[4] = {PATH_END, 0xff, 4, 0};
    UINT8 node[1100];
    EFI_DEVICE_PATH *path = DevicePathFromHandle(device);
    if (path == NULL) {
        return NULL;
    }
    UINTN body = path_body(path, PATH_LIMIT);
    if (file == NULL) {
        return join(path, body, end, sizeof(end));
    }
    size_t size = path_put_file(node, sizeof(node), file);
    return size == 0 ? NULL : join(path, body, node, size);
}

UINT8 *volume_path_of_image(EFI_LOADED_IMAGE *image)
{
    EFI_DEVICE_PATH *device = DevicePathFromHandle(image->DeviceHandle);
    if (device == NULL || image->FilePath == NULL) {
        return NULL;
    }
    return join(device, path_body(device, PATH_LIMIT), image->FilePath,
                path_size(image->FilePath, PATH_LIMIT));
}

static EFI_FILE_HANDLE open_root(EFI_HANDLE device)
{
    EFI_FILE_IO_INTERFACE *volume;
    EFI_FILE_HANDLE root;
    if (EFI_ERROR(BS->HandleProtocol(device, &file_system_guid, (VOID **)&volume)) ||
        EFI_ERROR(volume->OpenVolume(volume, &root))) {
        return NULL;
    }
    return root;
}

static bool has_file(EFI_HANDLE device, const CHAR16 *name)
{
    EFI_FILE_HANDLE root = open_root(device);
    EFI_FILE_HANDLE file;
    if (root == NULL) {
        return false;
    }
    bool found = !EFI_ERROR(root->Open(root, &file, (CHAR16 *)name, EFI_FILE_MODE_READ, 0));
    if (found) {
        file->Close(file);
    }
    root->Close(root);
    return found;
}

/* The name in a file node, which in NVRAM may be at an odd address. */
static CHAR16 *name_of(const UINT8 *node)
{
    UINTN bytes = (UINTN)(path_next(node) - node) - 4;
    CHAR16 *name = AllocateZeroPool(bytes + 2);
    if (name != NULL) {
        CopyMem(name, (VOID *)(node + 4), bytes);
    }
    return name;
}

struct volumes {
    EFI_HANDLE *handles;
    UINTN count;
};

static struct volumes all_volumes(void)
{
    struct volumes v = {0};
    if (EFI_ERROR(BS->LocateHandleBuffer(ByProtocol, &file_system_guid, NULL, &v.count,
                                         &v.handles))) {
        v.count = 0;
    }
    return v;
}

static void free_volumes(struct volumes *v)
{
    if (v->handles != NULL) {
        FreePool(v->handles);
    }
}

/* HD(...)/rest: on the volume whose own path names the same partition. */
static UINT8 *expand_hard_drive(const UINT8 *path, UINTN size)
{
    struct volumes v = all_volumes();
    UINT8 *found = NULL;
    const UINT8 *rest = path_next(path);
    UINTN rest_size = size - (UINTN)(rest - path);
    for (UINTN i = 0; i < v.count && found == NULL; i++) {
        EFI_DEVICE_PATH *device = DevicePathFromHandle(v.handles[i]);
        const UINT8 *drive = device == NULL ? NULL : path_hard_drive(device);
        if (drive == NULL || !path_same_partition(drive, path)) {
            continue;
        }
        found = path_is_end(rest) ? volume_path_of(v.handles[i], DEFAULT_FILE)
                                  : join(device, path_body(device, PATH_LIMIT), rest, rest_size);
    }
    free_volumes(&v);
    return found;
}

/* A file without a device: on the first volume that has it. */
static UINT8 *expand_file(const UINT8 *path, UINTN size)
{
    struct volumes v = all_volumes();
    CHAR16 *name = name_of(path);
    UINT8 *found = NULL;
    for (UINTN i = 0; name != NULL && i < v.count && found == NULL; i++) {
        EFI_DEVICE_PATH *device = DevicePathFromHandle(v.handles[i]);
        if (device != NULL && has_file(v.handles[i], name)) {
            found = join(device, path_body(device, PATH_LIMIT), path, size);
        }
    }
    if (name != NULL) {
        FreePool(name);
    }
    free_volumes(&v);
    return found;
}

/* A device without a file: the default file on the first volume of the device that has it. */
static UINT8 *expand_device(const UINT8 *path)
{
    struct volumes v = all_volumes();
    UINT8 *found = NULL;
    for (UINTN i = 0; i < v.count && found == NULL; i++) {
        EFI_DEVICE_PATH *device = DevicePathFromHandle(v.handles[i]);
        if (device != NULL && path_starts_with(device, path) &&
            has_file(v.handles[i], L"\\EFI\\BOOT\\BOOTX64.EFI")) {
            found = volume_path_of(v.handles[i], DEFAULT_FILE);
        }
    }
    free_volumes(&v);
    return found;
}

static bool names_a_file(const UINT8 *path)
{
    for (; !path_is_end(path); path = path_next(path)) {
        if (path[0] == PATH_MEDIA && path[1] != PATH_MEDIA_HARD_DRIVE) {
            return true;
        }
    }
    return false;
}

/* Network cards and other devices that load images themselves. */
static bool loads_by_itself(const UINT8 *path)
{
    EFI_DEVICE_PATH *rest = (EFI_DEVICE_PATH *)(VOID *)path;
    EFI_HANDLE handle;
    return !EFI_ERROR(BS->LocateDevicePath(&load_file_guid, &rest, &handle)) &&
           path_is_end(rest);
}

static UINT8 *expand_connected(const UINT8 *path, UINTN size)
{
    if (path_is_hard_drive(path)) {
        return expand_hard_drive(path, size);
    }
    if (path_is_file(path)) {
        return expand_file(path, size);
    }
    if (names_a_file(path) || loads_by_itself(path)) {
        return copy_instance(path, size);
    }
    return expand_device(path);
}

/* With fast boot, firmware connects only what its own first option needs. */
static void connect_all(void)
{
    UINTN count;
    EFI_HANDLE *handles;
    if (EFI_ERROR(BS->LocateHandleBuffer(AllHandles, NULL, NULL, &count, &handles))) {
        return;
    }
    for (UINTN i = 0; i < count; i++) {
        BS->ConnectController(handles[i], NULL, NULL, TRUE);
    }
    FreePool(handles);
}

UINT8 *volume_expand(const UINT8 *path, UINTN size)
{
    UINT8 *whole = copy_instance(path, size);
    if (whole == NULL) {
        return NULL;
    }
    UINT8 *found = expand_connected(whole, path_size(whole, size));
    if (found == NULL) {
        connect_all();
        found = expand_connected(whole, path_size(whole, size));
    }
    FreePool(whole);
    return found;
}

/* The size, by going to the end and back (UEFI 2.10, 13.5). */
static EFI_STATUS measure_file(EFI_FILE_HANDLE file, UINTN limit, UINTN *size)
{
    UINT64 end = 0;
    EFI_STATUS status = file->SetPosition(file, ~0ull);
    status = EFI_ERROR(status) ? status : file->GetPosition(file, &end);
    status = EFI_ERROR(status) ? status : file->SetPosition(file, 0);
    *size = (UINTN)end;
    return EFI_ERROR(status) || end < limit ? status : EFI_BAD_BUFFER_SIZE;
}

static UINT8 *read_all(EFI_FILE_HANDLE file, UINTN limit, UINTN *size, EFI_STATUS *status)
{
    *status = measure_file(file, limit, size);
    if (EFI_ERROR(*status)) {
        return NULL;
    }
    UINT8 *bytes = AllocateZeroPool(*size + 1);
    *status = bytes == NULL ? EFI_OUT_OF_RESOURCES : file->Read(file, size, bytes);
    if (EFI_ERROR(*status) && bytes != NULL) {
        FreePool(bytes);
        bytes = NULL;
    }
    return bytes;
}

UINT8 *volume_read_file(EFI_HANDLE device, const CHAR16 *name, UINTN limit, UINTN *size,
                        EFI_STATUS *status)
{
    EFI_FILE_HANDLE root = open_root(device);
    EFI_FILE_HANDLE file;
    if (root == NULL) {
        *status = EFI_NOT_FOUND;
        return NULL;
    }
    UINT8 *bytes = NULL;
    *status = root->Open(root, &file, (CHAR16 *)name, EFI_FILE_MODE_READ, 0);
    if (!EFI_ERROR(*status)) {
        bytes = read_all(file, limit, size, status);
        file->Close(file);
    }
    root->Close(root);
    return bytes;
}
