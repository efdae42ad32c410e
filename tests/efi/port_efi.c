/* SPDX-License-Identifier: BSD-2-Clause */
/* See port_efi.h. */
#include "tests/efi/port_efi.h"

#include "drivers/format.h"
#include "drivers/mmio.h"
#include "drivers/serial.h"
#include "tests/efi/tsc.h"

enum { LINE = 512, CALIBRATE_US = 10000 };

static struct serial serial = {.kind = SERIAL_PORT, .base = SERIAL_PORT_COM1, .stride = 1};
static u64 ticks_per_us = 1;
static EFI_HANDLE image;

void efi_test_start(EFI_HANDLE self, EFI_SYSTEM_TABLE *system)
{
    InitializeLib(self, system);
    image = self;
    BS->SetWatchdogTimer(0, 0, 0, NULL);
    u64 began = read_tsc();
    BS->Stall(CALIBRATE_US);
    ticks_per_us = (read_tsc() - began) / CALIBRATE_US;
    (void)serial_set_up(&serial, 0);
    say("\nefi-test: start\n");
}

void efi_test_end(void)
{
    say("efi-test: end\n");
    RT->ResetSystem(EfiResetShutdown, EFI_SUCCESS, 0, NULL);
    for (;;) {
        wait_tick();
    }
}

static void say_v(const char *fmt, va_list args)
{
    char line[LINE];
    size_t length = format_text_v(line, sizeof(line), fmt, args);
    serial_write(&serial, line, length < sizeof(line) ? length : sizeof(line) - 1);
}

void say(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    say_v(fmt, args);
    va_end(args);
}

char *efi_test_file(CHAR16 *path, UINTN *size)
{
    EFI_LOADED_IMAGE *loaded;
    EFI_FILE_HANDLE file;
    if (EFI_ERROR(BS->HandleProtocol(image, &gEfiLoadedImageProtocolGuid, (VOID **)&loaded))) {
        return NULL;
    }
    EFI_FILE_HANDLE root = LibOpenRoot(loaded->DeviceHandle);
    if (root == NULL || EFI_ERROR(root->Open(root, &file, path, EFI_FILE_MODE_READ, 0))) {
        return NULL;
    }
    EFI_FILE_INFO *info = LibFileInfo(file);
    *size = info->FileSize;
    FreePool(info);
    char *data = AllocateZeroPool(*size + 1);
    EFI_STATUS status = file->Read(file, size, data);
    file->Close(file);
    return EFI_ERROR(status) ? NULL : data;
}

u32 port_mmio_read32(hpa_t addr)
{
    return mmio_read32(addr.v);
}

u64 port_mmio_read64(hpa_t addr)
{
    return mmio_read64(addr.v);
}

void port_mmio_write32(hpa_t addr, u32 value)
{
    mmio_write32(addr.v, value);
}

void port_mmio_write64(hpa_t addr, u64 value)
{
    mmio_write64(addr.v, value);
}

enum result port_pages_alloc(u32 count, hpa_t *out)
{
    EFI_PHYSICAL_ADDRESS base;
    if (EFI_ERROR(BS->AllocatePages(AllocateAnyPages, EfiLoaderData, count, &base))) {
        return ERR_NO_MEMORY;
    }
    SetMem((VOID *)base, count * PAGE_SIZE, 0);
    out->v = base;
    return OK;
}

enum result port_pages_take(u32 count, hpa_t *out)
{
    return port_pages_alloc(count, out);
}

void port_pages_free(hpa_t base, u32 count)
{
    BS->FreePages(base.v, count);
}

void *port_hpa_to_ptr(hpa_t addr)
{
    return (void *)addr.v;
}

void port_flush_lines(const void *p, size_t bytes)
{
    enum { CACHE_LINE = 64 };
    for (u64 at = (u64)p & ~(u64)(CACHE_LINE - 1); at < (u64)p + bytes; at += CACHE_LINE) {
        __asm__ volatile("clflush (%0)" : : "r"(at) : "memory");
    }
    __asm__ volatile("mfence" ::: "memory");
}

u64 port_now_us(void)
{
    return read_tsc() / ticks_per_us;
}

void port_relax(void)
{
    __asm__ volatile("pause");
}

void port_log(enum log_level level, const char *fmt, ...)
{
    static const char *const names[] = {"error", "warning", "info", "debug"};
    va_list args;
    say("log %s: ", names[level]);
    va_start(args, fmt);
    say_v(fmt, args);
    va_end(args);
    say("\n");
}
