/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Makes the machine look as its firmware would have left it, then boots: installs \DMAR.BIN and \MCFG.BIN, those that
 * are there, as ACPI tables, reserves the latter's window and enters the lines of \boot.txt as boot options.
 *
 *     NAME <tab> \PATH <tab> OPTIONS
 *
 * The lines become Boot0001, Boot0002, ... in this order, with short-form device paths as operating
 * systems write them. Like the firmware's boot manager it starts them one after another until one
 * does not return with an error. It is itself the first in the boot order: after a reset, which the
 * variables of OVMF survive, it comes before them again.
 *
 * With \keep.txt it enters the lines once, and after a reset does no more than install the tables: as SysPrep0000,
 * which the firmware starts before it goes by BootNext and BootOrder. Those are then as the guest has left them.
 */
#include <efi.h>
#include <efilib.h>

enum { TEXT_MAX = 4096, OPTIONS_MAX = 20, OWN_NUMBER = 0x40 };

static EFI_GUID acpi_table_protocol = {
    0xffe06bdd, 0x6107, 0x46a6, {0x7b, 0xb2, 0x5a, 0x9c, 0x7e, 0xc5, 0x27, 0x5c}};
static EFI_GUID global_variable = EFI_GLOBAL_VARIABLE;

struct acpi_table {
    EFI_STATUS(EFIAPI *install)(struct acpi_table *self, VOID *table, UINTN size, UINTN *key);
    EFI_STATUS(EFIAPI *uninstall)(struct acpi_table *self, UINTN key);
};

struct boot_line {
    CHAR16 name[64], path[128], options[1024];
};

static struct boot_line own_line = {L"Firmware", L"\\EFI\\BOOT\\BOOTX64.EFI", L""};
static struct boot_line before_line = {L"Tables", L"\\EFI\\BOOT\\BOOTX64.EFI", L"tables"};
static EFI_HANDLE volume;
static EFI_FILE_HANDLE root;

/* A file on the volume that this program came from, followed by a 0; NULL if it is not there. */
static CHAR8 *read_file(CHAR16 *path, UINTN *size)
{
    EFI_FILE_HANDLE file;
    if (EFI_ERROR(root->Open(root, &file, path, EFI_FILE_MODE_READ, 0))) {
        return NULL;
    }
    EFI_FILE_INFO *info = LibFileInfo(file);
    *size = info->FileSize;
    CHAR8 *data = AllocateZeroPool(*size + 1);
    EFI_STATUS status = file->Read(file, size, data);
    file->Close(file);
    FreePool(info);
    return EFI_ERROR(status) ? NULL : data;
}

static CHAR8 *install(CHAR16 *path)
{
    UINTN size = 0, key = 0;
    struct acpi_table *protocol;
    CHAR8 *table = read_file(path, &size);
    if (table == NULL) {
        return NULL;
    }
    EFI_STATUS status = LibLocateProtocol(&acpi_table_protocol, (VOID **)&protocol);
    if (!EFI_ERROR(status)) {
        status = protocol->install(protocol, table, size, &key);
    }
    Print(L"dmar: %d bytes installed: %r\n", size, status);
    return table;
}

/* PI vol. 2, 7.2.4: the first service of DXE. A system uses only a window that is reserved (PCI Firmware 4.1.2). */
struct dxe_services {
    EFI_TABLE_HEADER header;
    EFI_STATUS(EFIAPI *add_memory_space)(UINTN type, UINT64 base, UINT64 length, UINT64 capabilities);
};

static void reserve_window(const CHAR8 *mcfg)
{
    enum { GCD_RESERVED = 1, WINDOW_BASE = 44, BUS_BYTES = 1 << 20 };
    static EFI_GUID dxe_services_table = {
        0x05ad34ba, 0x6f02, 0x4214, {0x95, 0x2e, 0x4d, 0xa0, 0x39, 0x8e, 0x2b, 0xb9}};
    struct dxe_services *dxe;
    UINT64 base;
    EFI_STATUS status = LibGetSystemConfigurationTable(&dxe_services_table, (VOID **)&dxe);
    CopyMem(&base, mcfg + WINDOW_BASE, sizeof(base));
    if (!EFI_ERROR(status)) {
        status = dxe->add_memory_space(GCD_RESERVED, base, BUS_BYTES, 0);
    }
    Print(L"dmar: window at %lx reserved: %r\n", base, status);
}

static void install_tables(void)
{
    if (install(L"\\DMAR.BIN") == NULL) {
        Print(L"dmar: no table to install\n");
    }
    const CHAR8 *mcfg = install(L"\\MCFG.BIN");
    if (mcfg != NULL) {
        reserve_window(mcfg);
    }
}

/* \mok.new is a signature list with a key that MokManager is to ask about, \mok.auth a hash with the password. */
static void ask_for_owners_key(void)
{
    static EFI_GUID shim_lock = {0x605dab50, 0xe046, 0x4300, {0xab, 0xb6, 0x3d, 0xd8, 0x10, 0xdd, 0x8b, 0x23}};
    static struct { CHAR16 *file, *variable; } asked[] = {{L"\\mok.new", L"MokNew"}, {L"\\mok.auth", L"MokAuth"}};
    for (UINTN i = 0; i < sizeof(asked) / sizeof(asked[0]); i++) {
        UINTN size;
        CHAR8 *value = read_file(asked[i].file, &size);
        if (value != NULL) {
            EFI_STATUS status = RT->SetVariable(asked[i].variable, &shim_lock, EFI_VARIABLE_NON_VOLATILE |
                                                EFI_VARIABLE_BOOTSERVICE_ACCESS | EFI_VARIABLE_RUNTIME_ACCESS, size,
                                                value);
            Print(L"dmar: %s: %r\n", asked[i].variable, status);
        }
    }
}

static CHAR8 *take(CHAR8 *text, CHAR16 *out, UINTN max)
{
    UINTN n = 0;
    for (; *text != 0 && *text != '\t' && *text != '\n'; text++) {
        if (n + 1 < max) {
            out[n++] = *text;
        }
    }
    out[n] = 0;
    return *text == '\t' ? text + 1 : text;
}

/* Without the nodes before the partition, as efibootmgr and installers write it. */
static EFI_DEVICE_PATH *short_form(EFI_DEVICE_PATH *path)
{
    for (EFI_DEVICE_PATH *node = path; !IsDevicePathEnd(node); node = NextDevicePathNode(node)) {
        if (DevicePathType(node) == MEDIA_DEVICE_PATH && DevicePathSubType(node) == MEDIA_HARDDRIVE_DP) {
            return node;
        }
    }
    return path;
}

static void set_variable(CHAR16 *name, VOID *data, UINTN size)
{
    EFI_STATUS status = RT->SetVariable(name, &global_variable,
                                        EFI_VARIABLE_BOOTSERVICE_ACCESS | EFI_VARIABLE_RUNTIME_ACCESS,
                                        size, data);
    if (status == EFI_INVALID_PARAMETER || status == EFI_WRITE_PROTECTED) {
        RT->SetVariable(name, &global_variable, 0, 0, NULL);
        status = RT->SetVariable(name, &global_variable,
                                 EFI_VARIABLE_NON_VOLATILE | EFI_VARIABLE_BOOTSERVICE_ACCESS |
                                     EFI_VARIABLE_RUNTIME_ACCESS,
                                 size, data);
    }
    if (EFI_ERROR(status)) {
        Print(L"dmar: %s cannot be set: %r\n", name, status);
    }
}

/* EFI_LOAD_OPTION: attributes, path length, description, path, optional data. */
static void enter_option(CHAR16 *kind, UINT16 number, struct boot_line *line)
{
    EFI_DEVICE_PATH *path = short_form(FileDevicePath(volume, line->path));
    UINTN name_size = StrSize(line->name), path_size = DevicePathSize(path);
    UINTN options_size = line->options[0] != 0 ? StrSize(line->options) : 0;
    UINT8 *option = AllocateZeroPool(6 + name_size + path_size + options_size);
    *(UINT32 *)option = LOAD_OPTION_ACTIVE;
    *(UINT16 *)(option + 4) = (UINT16)path_size;
    CopyMem(option + 6, line->name, name_size);
    CopyMem(option + 6 + name_size, path, path_size);
    CopyMem(option + 6 + name_size + path_size, line->options, options_size);
    CHAR16 name[16];
    SPrint(name, sizeof(name), L"%s%04x", kind, number);
    set_variable(name, option, 6 + name_size + path_size + options_size);
}

static EFI_STATUS start(EFI_HANDLE self, UINT16 number, struct boot_line *line)
{
    EFI_HANDLE image;
    EFI_LOADED_IMAGE *loaded;
    set_variable(L"BootCurrent", &number, sizeof(number));
    EFI_STATUS status = BS->LoadImage(TRUE, self, FileDevicePath(volume, line->path), NULL, 0, &image);
    if (EFI_ERROR(status)) {
        Print(L"dmar: %s cannot be loaded: %r\n", line->path, status);
        return status;
    }
    BS->HandleProtocol(image, &LoadedImageProtocol, (VOID **)&loaded);
    if (line->options[0] != 0) {
        loaded->LoadOptions = line->options;
        loaded->LoadOptionsSize = (UINT32)StrSize(line->options);
    }
    status = BS->StartImage(image, NULL, NULL);
    Print(L"dmar: %s returned: %r\n", line->path, status);
    return status;
}

/* What stands in the boot order before the lines: this program, or nothing if it comes before the boot order. */
static UINT16 enter_own(UINT16 *order)
{
    static UINT16 before[] = {0};
    UINTN size;
    if (read_file(L"\\keep.txt", &size) != NULL) {
        enter_option(L"SysPrep", before[0], &before_line);
        set_variable(L"SysPrepOrder", before, sizeof(before));
        return 0;
    }
    enter_option(L"Boot", OWN_NUMBER, &own_line);
    order[0] = OWN_NUMBER;
    return 1;
}

EFI_STATUS efi_main(EFI_HANDLE self, EFI_SYSTEM_TABLE *table);
EFI_STATUS efi_main(EFI_HANDLE self, EFI_SYSTEM_TABLE *table)
{
    static struct boot_line lines[OPTIONS_MAX];
    UINT16 order[OPTIONS_MAX + 1], count = 0;
    EFI_LOADED_IMAGE *loaded;
    UINTN size;
    InitializeLib(self, table);
    BS->HandleProtocol(self, &LoadedImageProtocol, (VOID **)&loaded);
    volume = loaded->DeviceHandle;
    root = LibOpenRoot(volume);
    install_tables();
    if (loaded->LoadOptionsSize == StrSize(before_line.options) &&
        CompareMem(loaded->LoadOptions, before_line.options, loaded->LoadOptionsSize) == 0) {
        return EFI_SUCCESS;
    }
    ask_for_owners_key();
    UINT16 own = enter_own(order);
    CHAR8 *text = read_file(L"\\boot.txt", &size);
    while (text != NULL && *text != 0 && count < OPTIONS_MAX) {
        struct boot_line *line = &lines[count];
        text = take(take(take(text, line->name, 64), line->path, 128), line->options, 1024);
        text += *text == '\n';
        count++;
        order[own + count - 1] = count;
        enter_option(L"Boot", count, line);
    }
    set_variable(L"BootOrder", order, (own + (UINTN)count) * sizeof(order[0]));
    for (UINT16 i = 0; i < count; i++) {
        if (!EFI_ERROR(start(self, order[own + i], &lines[i]))) {
            return EFI_SUCCESS;
        }
    }
    return EFI_NOT_FOUND;
}
