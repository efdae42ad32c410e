/* The configuration file on Nestor's own partition. */
#ifndef NESTOR_BOOT_SETTINGS_H
#define NESTOR_BOOT_SETTINGS_H

#include "boot/config.h"
#include "boot/uefi.h"

/*
 * Defaults without a file. False: there is a file and it is wrong; *config is then the
 * defaults, and why[] says file, line, key and what was expected.
 */
#define SETTINGS_FILE "\\EFI\\nestor\\nestor.conf"
enum { SETTINGS_WHY = CONFIG_ERROR_TEXT + 40 };
bool settings_read(EFI_HANDLE self, struct config *config, char why[SETTINGS_WHY]);

#endif
