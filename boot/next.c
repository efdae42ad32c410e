/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The next boot image: the configured one, else the entry that follows our own in BootOrder. UEFI
 * 2.10 chapter 3.1: BootCurrent, the watchdog and the load options are set as a boot manager sets
 * them. Whatever is wrong with a candidate, the firmware's own boot order remains the fallback.
 */
#include "boot/next.h"

#include "boot/console.h"
#include "boot/device_path.h"
#include "boot/variable.h"
#include "boot/volume.h"
#include "drivers/format.h"

enum { NO_ENTRY = -1, WATCHDOG_SECONDS = 300, NAME = 80 };

/* What to start. All of it is allocated and freed in this file. */
struct candidate {
    int entry;               /* Boot#### or NO_ENTRY */
    char name[NAME];
    UINT8 *path;             /* complete */
    UINT8 *variable;         /* what `data` points into */
    const UINT8 *data;
    UINTN data_size;
};

static void candidate_free(struct candidate *c)
{
    if (c->path != NULL) {
        FreePool(c->path);
    }
    if (c->variable != NULL) {
        FreePool(c->variable);
    }
    *c = (struct candidate){.entry = NO_ENTRY};
}

static void copy_description(char *to, const UINT8 *text)
{
    UINTN used = 0;
    for (; (text[0] | text[1]) != 0 && used + 1 < NAME; text += 2) {
        bool plain = text[1] == 0 && text[0] >= ' ' && text[0] < 0x7f;
        to[used++] = plain ? (char)text[0] : '?';
    }
    to[used] = '\0';
}

static UINT8 *read_entry(UINT16 number, UINTN *size)
{
    static const CHAR16 digits[] = L"0123456789ABCDEF";
    CHAR16 name[] = L"Boot0000";
    for (UINTN i = 0; i < 4; i++) {
        name[7 - i] = digits[number >> (4 * i) & 0xf];
    }
    return variable_read_global(name, size);
}

/*
 * Checks all but whether the entry is wanted. False: it is missing or malformed, or its device or file is not
 * there.
 */
static bool candidate_from_entry(UINT16 number, struct candidate *c)
{
    struct load_option option;
    UINTN size;
    *c = (struct candidate){.entry = number, .variable = read_entry(number, &size)};
    if (c->variable == NULL || !load_option_parse(c->variable, size, &option)) {
        console_log(LOG_WARNING, "Boot%04X: the boot entry is missing or malformed, and passed over", number);
        return false;
    }
    copy_description(c->name, option.description);
    if (!option.active || option.application) {
        return false;
    }
    c->path = volume_expand(option.path, option.path_size);
    c->data = option.data;
    c->data_size = option.data_size;
    if (c->path == NULL) {
        console_log(LOG_INFO, "Boot%04X \"%s\": its device or file is not there, passed over", number, c->name);
    }
    return c->path != NULL;
}

static UINT16 boot_current(void)
{
    UINTN size;
    UINT8 *bytes = variable_read_global(L"BootCurrent", &size);
    UINT16 number = 0xffff;
    if (bytes != NULL && size == 2) {
        number = (UINT16)(bytes[0] | bytes[1] << 8);
    }
    if (bytes != NULL) {
        FreePool(bytes);
    }
    return number;
}

/* The first entry after ours that can be started and does not lead to Nestor again. */
static bool find_in_order(const UINT8 *self_path, struct candidate *c)
{
    UINTN size;
    UINT16 *order = (UINT16 *)(VOID *)variable_read_global(L"BootOrder", &size);
    UINTN count = order == NULL ? 0 : size / 2;
    int at = boot_order_next(order, count, boot_current());
    bool found = false;
    for (UINTN i = 0; i < count && at != NO_ENTRY && !found; i++) {
        found = candidate_from_entry((UINT16)at, c) &&
                (self_path == NULL || !path_equal(c->path, self_path));
        if (!found) {
            candidate_free(c);
            at = boot_order_next(order, count, (UINT16)at);
        }
    }
    if (order != NULL) {
        FreePool(order);
    }
    return found;
}

/* The arguments as a zero-terminated UCS-2 string, as Linux and UEFI shells expect them. */
static void put_arguments(struct candidate *c, const char *text)
{
    UINTN length = 0;
    while (text[length] != '\0') {
        length++;
    }
    UINT8 *wide = length == 0 ? NULL : AllocateZeroPool(2 * (length + 1));
    for (UINTN i = 0; wide != NULL && i < length; i++) {
        wide[2 * i] = (UINT8)text[i];
    }
    if (wide != NULL) {
        if (c->variable != NULL) {
            FreePool(c->variable);
        }
        c->variable = wide;
        c->data = wide;
        c->data_size = 2 * (length + 1);
    }
}

static bool find(EFI_LOADED_IMAGE *self, const struct config *config, struct candidate *c)
{
    bool found;
    UINT8 *self_path = volume_path_of_image(self);
    if (config->next_image[0] != '\0') {
        *c = (struct candidate){.entry = NO_ENTRY,
                                .path = volume_path_of(self->DeviceHandle, config->next_image)};
        format_text(c->name, sizeof(c->name), "%s", config->next_image);
        found = c->path != NULL;
    } else if (config->next_entry >= 0) {
        found = candidate_from_entry((UINT16)config->next_entry, c);
    } else {
        found = find_in_order(self_path, c);
    }
    if (found && self_path != NULL && path_equal(c->path, self_path)) {
        console_log(LOG_ERROR, "the next image that nestor.conf names is Nestor itself: not started");
        found = false;
    }
    if (self_path != NULL) {
        FreePool(self_path);
    }
    if (found) {
        put_arguments(c, config->next_arguments);
    }
    return found;
}

EFI_STATUS next_arm_watchdog(void)
{
    return BS->SetWatchdogTimer(WATCHDOG_SECONDS, 0, 0, NULL);
}

/* As a boot manager does. shim, which puts a LoadImage of its own in the firmware's place, knows only the other way. */
static EFI_STATUS load(EFI_HANDLE self, const struct candidate *c, EFI_HANDLE *image)
{
    EFI_DEVICE_PATH *path = (EFI_DEVICE_PATH *)(VOID *)c->path;
    EFI_STATUS status = BS->LoadImage(TRUE, self, path, NULL, 0, image);
    return status == EFI_UNSUPPORTED ? BS->LoadImage(FALSE, self, path, NULL, 0, image) : status;
}

static EFI_STATUS start(EFI_HANDLE self, const struct candidate *c)
{
    EFI_HANDLE image;
    EFI_LOADED_IMAGE *loaded;
    EFI_STATUS status = load(self, c, &image);
    if (EFI_ERROR(status)) {
        console_log(LOG_ERROR, "%s: cannot be loaded, status %llx", c->name, (u64)status);
        /* After a security violation the image is loaded all the same and has to be unloaded. */
        if (status == EFI_SECURITY_VIOLATION) {
            BS->UnloadImage(image);
        }
        return status;
    }
    status = BS->HandleProtocol(image, &gEfiLoadedImageProtocolGuid, (VOID **)&loaded);
    if (!EFI_ERROR(status)) {
        /* Even if there are none: shim's LoadImage hands on its own, which were ours. */
        loaded->LoadOptions = c->data_size != 0 ? (VOID *)c->data : NULL;
        loaded->LoadOptionsSize = (UINT32)c->data_size;
    }
    if (c->entry != NO_ENTRY) {
        (void)variable_set_boot_current((UINT16)c->entry);
    }
    (void)next_arm_watchdog();
    status = BS->StartImage(image, NULL, NULL);
    BS->SetWatchdogTimer(0, 0, 0, NULL);
    console_log(LOG_ERROR, "%s: returned with status %llx", c->name, (u64)status);
    return status;
}

EFI_STATUS next_start(EFI_HANDLE self, const struct config *config)
{
    struct candidate c = {.entry = NO_ENTRY};
    EFI_LOADED_IMAGE *loaded;
    EFI_STATUS status = BS->HandleProtocol(self, &gEfiLoadedImageProtocolGuid, (VOID **)&loaded);
    if (EFI_ERROR(status)) {
        return status;
    }
    if (!find(loaded, config, &c)) {
        console_log(LOG_ERROR, "no next boot image found; the firmware goes on");
        candidate_free(&c);
        return EFI_NOT_FOUND;
    }
    if (c.entry != NO_ENTRY) {
        console_log(LOG_INFO, "next: Boot%04X \"%s\"", (unsigned)c.entry, c.name);
    } else {
        console_log(LOG_INFO, "next: %s", c.name);
    }
    status = start(self, &c);
    candidate_free(&c);
    return status;
}
