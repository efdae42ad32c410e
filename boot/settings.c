/* SPDX-License-Identifier: BSD-2-Clause */
/* See settings.h. */
#include "boot/settings.h"

#include "boot/measure.h"
#include "boot/pe.h"
#include "boot/variable.h"
#include "boot/volume.h"
#include "drivers/format.h"

/* Whoever can write to the partition must not be able to give isolation up where only what is signed may run. */
static bool weakens_secure_boot(const struct settings *s)
{
    return s->config.weak_line != 0 && !s->embedded && variable_secure_boot();
}

static void take(const UINT8 *bytes, UINTN size, struct settings *out)
{
    const char *from = out->embedded ? "the embedded configuration" : SETTINGS_FILE;
    struct config_error error;
    char text[CONFIG_ERROR_TEXT];
    out->measured = measure_file(bytes, size, "nestor.conf");
    if (config_parse((const char *)bytes, size, &out->config, &error) != OK) {
        config_error_text(&error, text);
        format_text(out->why, SETTINGS_WHY, "%s, %s", from, text);
    } else if (weakens_secure_boot(out)) {
        format_text(out->why, SETTINGS_WHY, "%s, line %u: %s gives up isolation: under Secure Boot only in a "
                    "configuration that is signed with the program", from, out->config.weak_line, out->config.weak_key);
        config_defaults(&out->config);
    }
}

static void take_file(EFI_HANDLE device, struct settings *out)
{
    EFI_STATUS status;
    UINTN size;
    UINT8 *bytes = volume_read_file(device, L"\\EFI\\nestor\\nestor.conf", CONFIG_LIMIT + 1, &size, &status);
    if (bytes != NULL) {
        take(bytes, size, out);
        FreePool(bytes);
    } else if (status != EFI_NOT_FOUND) {
        format_text(out->why, SETTINGS_WHY, SETTINGS_FILE ": cannot be read, status %llx", (u64)status);
    }
}

/* One of the words of the load options, which a boot manager passes as UCS-2 text. */
static bool has_word(const CHAR16 *text, UINTN size, const CHAR16 *word)
{
    UINTN length = size / sizeof(*text);
    UINTN matched = 0;
    bool inside = false;                /* a word that is not, or no longer, the one that is looked for */
    for (UINTN i = 0; i <= length; i++) {
        bool ends = i == length || text[i] == 0 || text[i] == L' ';
        if (ends && !inside && matched != 0 && word[matched] == 0) {
            return true;
        }
        inside = !ends && (inside || text[i] != word[matched]);
        matched = ends || inside ? 0 : matched + 1;
    }
    return false;
}

void settings_read(EFI_HANDLE self, struct settings *out)
{
    EFI_LOADED_IMAGE *loaded;
    size_t size;
    *out = (struct settings){.measured = EFI_UNSUPPORTED};
    config_defaults(&out->config);
    if (EFI_ERROR(BS->HandleProtocol(self, &gEfiLoadedImageProtocolGuid, (VOID **)&loaded))) {
        return;
    }
    out->image = (UINTN)loaded->ImageBase;
    out->volume = loaded->DeviceHandle;
    const u8 *section = pe_section(loaded->ImageBase, loaded->ImageSize, SETTINGS_SECTION, &size);
    out->embedded = section != NULL;
    if (out->embedded) {
        take(section, size, out);
    } else {
        take_file(loaded->DeviceHandle, out);
    }
    out->once = has_word(loaded->LoadOptions, loaded->LoadOptionsSize, L"once");
    out->config.fatal = out->once ? FATAL_RESET : out->config.fatal;
}
