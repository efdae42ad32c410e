/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A firmware with a TPM, as far as Nestor asks: installs a TCG2 protocol that prints what it is given, then starts
 * \EFI\nestor\nestor.efi, as a boot entry before it would.
 */
#include <efi.h>
#include <efilib.h>

EFI_STATUS efi_main(EFI_HANDLE self, EFI_SYSTEM_TABLE *system);

static EFI_GUID tcg2_guid = {0x607f766c, 0x7455, 0x42be, {0x93, 0x0b, 0xe4, 0xd7, 0x6d, 0xb2, 0x72, 0x0f}};

/* TCG EFI Protocol 6.6.3: EFI_TCG2_EVENT, by its bytes. */
static UINT32 read32(const UINT8 *at)
{
    return at[0] | (UINT32)at[1] << 8 | (UINT32)at[2] << 16 | (UINT32)at[3] << 24;
}

static EFI_STATUS EFIAPI extend(VOID *protocol, UINT64 flags, EFI_PHYSICAL_ADDRESS data, UINT64 size,
                                const UINT8 *event)
{
    UINT32 sum = 0;
    (void)protocol;
    (void)flags;
    for (UINT64 i = 0; i < size; i++) {
        sum = sum * 31 + ((const UINT8 *)(UINTN)data)[i];
    }
    Print(L"tcg: event of %d bytes, header %d version %d, PCR %d, type %d, \"%a\": %d bytes, sum %08x\n", read32(event),
          read32(event + 4), event[8] | event[9] << 8, read32(event + 10), read32(event + 14), event + 18, size, sum);
    return EFI_SUCCESS;
}

/* The firmware itself asks for that before it measures what it loads; then it does not. */
static EFI_STATUS EFIAPI refuse(VOID *protocol)
{
    (void)protocol;
    return EFI_UNSUPPORTED;
}

static struct {
    EFI_STATUS(EFIAPI *get_capability)(VOID *protocol);
    EFI_STATUS(EFIAPI *get_event_log)(VOID *protocol);
    EFI_STATUS(EFIAPI *extend)(VOID *protocol, UINT64 flags, EFI_PHYSICAL_ADDRESS data, UINT64 size,
                               const UINT8 *event);
} tcg2 = {refuse, refuse, extend};

EFI_STATUS efi_main(EFI_HANDLE self, EFI_SYSTEM_TABLE *system)
{
    EFI_HANDLE handle = NULL, image;
    EFI_LOADED_IMAGE *loaded;
    InitializeLib(self, system);
    EFI_STATUS status = BS->InstallProtocolInterface(&handle, &tcg2_guid, EFI_NATIVE_INTERFACE, &tcg2);
    if (!EFI_ERROR(status)) {
        status = BS->HandleProtocol(self, &gEfiLoadedImageProtocolGuid, (VOID **)&loaded);
    }
    if (!EFI_ERROR(status)) {
        EFI_DEVICE_PATH *path = FileDevicePath(loaded->DeviceHandle, L"\\EFI\\nestor\\nestor.efi");
        status = BS->LoadImage(TRUE, self, path, NULL, 0, &image);
    }
    Print(L"tcg: Nestor is loaded: %r\n", status);
    return EFI_ERROR(status) ? status : BS->StartImage(image, NULL, NULL);
}
