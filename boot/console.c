/* SPDX-License-Identifier: BSD-2-Clause */
/* See console.h. */
#include "boot/uefi.h"

#include "boot/console.h"
#include "boot/variable.h"
#include "drivers/format.h"

enum { LINE = 640, CHUNK = 120 };

static struct {
    struct serial serial;
    bool firmware_has_serial;
    enum log_level level;
} console = {.level = LOG_INFO};

/*
 * If the firmware's console already goes to a UART, each line would appear there twice. Its ConOut
 * variable is a list of device paths; a UART is messaging node 14.
 */
static bool firmware_uses_uart(void)
{
    enum { MESSAGING = 3, UART = 14 };
    UINTN size;
    UINT8 *paths = variable_read_global(L"ConOut", &size);
    bool found = false;
    for (UINTN at = 0; paths != NULL && at + 4 <= size;) {
        UINTN node = paths[at + 2] | (UINTN)paths[at + 3] << 8;
        found = found || (paths[at] == MESSAGING && paths[at + 1] == UART);
        at += node >= 4 ? node : size;
    }
    if (paths != NULL) {
        FreePool(paths);
    }
    return found;
}

void console_set_serial(const struct serial *serial, u32 baud)
{
    console.serial = *serial;
    console.firmware_has_serial = firmware_uses_uart();
    (void)serial_set_up(&console.serial, baud);
}

void console_set_level(enum log_level level)
{
    console.level = level;
}

const struct serial *console_serial(void)
{
    return &console.serial;
}

static void put_firmware(const char *text)
{
    CHAR16 wide[CHUNK + 2];
    UINTN used = 0;
    for (; *text != '\0'; text++) {
        if (*text == '\n') {
            wide[used++] = L'\r';
        }
        wide[used++] = (CHAR16)(UINT8)*text;
        if (used >= CHUNK || text[1] == '\0') {
            wide[used] = 0;
            ST->ConOut->OutputString(ST->ConOut, wide);
            used = 0;
        }
    }
}

void console_log(enum log_level level, const char *fmt, ...)
{
    char line[LINE];
    va_list args;
    if (level > console.level) {
        return;
    }
    va_start(args, fmt);
    size_t length = format_text_v(line, sizeof(line) - 1, fmt, args);
    va_end(args);
    length = length < sizeof(line) - 2 ? length : sizeof(line) - 2;
    line[length] = '\n';
    line[length + 1] = '\0';
    if (ST->ConOut != NULL) {
        put_firmware(line);
    }
    if (ST->ConOut == NULL || !console.firmware_has_serial) {
        serial_write(&console.serial, line, length + 1);
    }
}
