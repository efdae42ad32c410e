/* SPDX-License-Identifier: BSD-2-Clause */
/* Nestor's own ACPI table (hv/guest/status.h): what nestorctl still shows under a kernel in lockdown. */
#ifndef NESTOR_BOOT_STATUS_TABLE_H
#define NESTOR_BOOT_STATUS_TABLE_H

#include "boot/status_client.h"

enum { STATUS_TABLE_BYTES = STATUS_TABLE_SNAPSHOT + STATUS_SNAPSHOT };

/* Pure: the table of the snapshot that c has; its length. */
u32 status_table_build(const struct status_client *c, u8 table[STATUS_TABLE_BYTES]);

/*
 * As guest code, by the status window: adds the table to the firmware's. False: the firmware adds no tables, or the
 * window did not answer. Tables that were found before may have moved.
 */
bool status_table_install(u16 port);

#endif
