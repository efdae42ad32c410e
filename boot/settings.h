/* SPDX-License-Identifier: BSD-2-Clause */
/* The configuration file on Nestor's own partition. */
#ifndef NESTOR_BOOT_SETTINGS_H
#define NESTOR_BOOT_SETTINGS_H

#include "boot/config.h"
#include "boot/uefi.h"

/*
 * Without a file *config holds the defaults. False: there is a file and it has a mistake; then,
 * too, *config holds the defaults, and why[] names the file, the line, the key and what was
 * expected.
 */
#define SETTINGS_FILE "\\EFI\\nestor\\nestor.conf"
enum { SETTINGS_WHY = CONFIG_ERROR_TEXT + 40 };
bool settings_read(EFI_HANDLE self, struct config *config, char why[SETTINGS_WHY]);

#endif
