/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * platform.h in the firmware's shell: ports are anybody's there, and the machine is read as nestor.efi reads it. There
 * are no names of devices and no file to write to; the shell can redirect.
 */
#include "boot/uefi.h"

#include "drivers/dword_port.h"
#include "tools/nestorctl/main.h"

enum { WORDS = 12, COMMAND = 256, CHUNK = 120 };

EFI_STATUS efi_main(EFI_HANDLE self, EFI_SYSTEM_TABLE *system);

/* Nothing ends a program in the shell, and there is no browser. */
const struct main_more main_more = {.follows = false};

void platform_put(const char *text, size_t length)
{
    CHAR16 wide[CHUNK + 2];
    UINTN used = 0;
    for (size_t i = 0; i < length; i++) {
        if (text[i] == '\n') {
            wide[used++] = L'\r';
        }
        wide[used++] = (CHAR16)(UINT8)text[i];
        if (used >= CHUNK || i + 1 == length) {
            wide[used] = 0;
            ST->ConOut->OutputString(ST->ConOut, wide);
            used = 0;
        }
    }
}

void platform_put_error(const char *text, size_t length)
{
    platform_put(text, length);
}

bool platform_redirect(const char *path)
{
    (void)path;
    return false;
}

void platform_wait_ms(u32 ms)
{
    BS->Stall((UINTN)ms * 1000);
}

struct cpuid_regs platform_cpuid(u32 leaf)
{
    return cpuid(leaf, 0);
}

/* Ports are always free here, so nobody needs it. */
size_t platform_read_table(void *to, size_t size)
{
    (void)to, (void)size;
    return 0;
}

u32 platform_in(u16 port)
{
    return dword_port_in(port);
}

void platform_out(u16 port, u32 value)
{
    dword_port_out(port, value);
}

enum ctl_status platform_open_ports(u16 first, u32 count)
{
    (void)first, (void)count;
    return CTL_OK;
}

bool platform_next_function(u32 *function)
{
    (void)function;
    return false;
}

void platform_function_name(u32 function, char *text, size_t size)
{
    (void)function, (void)size;
    text[0] = '\0';
}

u64 platform_function_unit(u32 function)
{
    (void)function;
    return 0;
}

void platform_read_machine(struct machine *m, struct platform_sources *sources)
{
    const char *why = "";
    *sources = (struct platform_sources){.cpu = "CPUID", .msrs = "RDMSR", .table = "the firmware's tables",
                                         .units = "the units' registers", .devices = "configuration space"};
    if (!machine_read(m, &why)) {
        sources->table = sources->units = NULL;
        sources->unknown_table = sources->unknown_units = why;
    }
}

/* The options are the shell's command line, the program's name first. */
static int split(const CHAR16 *options, UINTN size, char *text, const char **words)
{
    int count = 0;
    bool inside = false;
    UINTN i = 0;
    for (; i < size / sizeof(*options) && i + 1 < COMMAND && options[i] != 0; i++) {
        text[i] = options[i] > L' ' && options[i] < 0x7f ? (char)options[i] : '\0';
        if (text[i] != '\0' && !inside && count < WORDS) {
            words[count++] = &text[i];
        }
        inside = text[i] != '\0';
    }
    text[i] = '\0';
    return count;
}

EFI_STATUS efi_main(EFI_HANDLE self, EFI_SYSTEM_TABLE *system)
{
    static char text[COMMAND];
    static const char *words[WORDS];
    EFI_LOADED_IMAGE *loaded;
    InitializeLib(self, system);
    int count = 0;
    if (!EFI_ERROR(BS->HandleProtocol(self, &gEfiLoadedImageProtocolGuid, (VOID **)&loaded))) {
        count = split(loaded->LoadOptions, loaded->LoadOptionsSize, text, words);
    }
    int status = ctl_main(count, words);
    return status == CTL_OK ? EFI_SUCCESS : EFIERR((UINTN)status);
}
