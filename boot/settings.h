/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the user says: the configuration, which is embedded in nestor.efi (when it was signed) or a file on Nestor's own
 * partition, and the load options of Nestor's boot entry.
 */
#ifndef NESTOR_BOOT_SETTINGS_H
#define NESTOR_BOOT_SETTINGS_H

#include "boot/config.h"
#include "boot/uefi.h"

#define SETTINGS_FILE "\\EFI\\nestor\\nestor.conf"
#define SETTINGS_SECTION ".config"      /* of nestor.efi; with it the file is not looked at */
enum { SETTINGS_WHY = CONFIG_ERROR_TEXT + 80 };

struct settings {
    struct config config;
    char why[SETTINGS_WHY];     /* what is wrong, with the source, line, key and what was expected; "": nothing */
    UINTN image;                /* where nestor.efi is */
    EFI_HANDLE volume;          /* it was started from here */
    bool embedded;
    bool once;                  /* the load option `once`: a trial, after which the machine comes back by itself */
    EFI_STATUS measured;        /* EFI_UNSUPPORTED: no TPM, or nothing to measure */
};

/* Without a configuration, or with a mistake in it, the defaults hold. */
void settings_read(EFI_HANDLE self, struct settings *out);

#endif
