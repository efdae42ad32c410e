/* SPDX-License-Identifier: BSD-2-Clause */
/* See settings.h. */
#include "boot/settings.h"

#include "boot/volume.h"
#include "drivers/format.h"

bool settings_read(EFI_HANDLE self, struct config *config, char why[SETTINGS_WHY])
{
    EFI_LOADED_IMAGE *loaded;
    struct config_error error;
    char text[CONFIG_ERROR_TEXT];
    UINTN size;
    EFI_STATUS status;
    config_defaults(config);
    if (EFI_ERROR(BS->HandleProtocol(self, &gEfiLoadedImageProtocolGuid, (VOID **)&loaded))) {
        return true;
    }
    UINT8 *bytes = volume_read_file(loaded->DeviceHandle, L"\\EFI\\nestor\\nestor.conf",
                                    CONFIG_LIMIT + 1, &size, &status);
    if (bytes == NULL) {
        format_text(why, SETTINGS_WHY, SETTINGS_FILE ": cannot be read, status %llx", (u64)status);
        return status == EFI_NOT_FOUND;
    }
    enum result r = config_parse((const char *)bytes, size, config, &error);
    FreePool(bytes);
    if (r != OK) {
        config_error_text(&error, text);
        format_text(why, SETTINGS_WHY, SETTINGS_FILE ", %s", text);
    }
    return r == OK;
}
