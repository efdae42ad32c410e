/* SPDX-License-Identifier: BSD-2-Clause */
/* The root's status window, for partition.c and partition_root.c. No EFI types. */
#ifndef NESTOR_TESTS_EFI_PARTITION_WINDOW_H
#define NESTOR_TESTS_EFI_PARTITION_WINDOW_H

#include <stdbool.h>

/*
 * What it shows of partition 1 is as the config of that partition wants it, and all of it with status = all; nothing
 * that the config does not let is done.
 */
bool window_shows(bool all);
/* The config lets the root control it: its guest waits for a character now. */
bool window_controls(void);
/* Restarted, it waits again; a character lets it go, it is off, starts and waits, and again. wait: milliseconds. */
bool window_control(void (*wait)(unsigned long long ms));
/* A life of it has ended before so many seconds are over, or the last one. */
bool window_ends(bool for_good, unsigned int seconds, void (*wait)(unsigned long long ms));
/* Of Nestor's pool. */
unsigned long long window_free_pages(void);
/* The root may read its console, and there is something. */
bool window_prints(void);
/* This, of late; for text that is not within two answers of the window. */
bool window_printed(const char *text);
/* The character goes to its UART. */
bool window_type(char c);

#endif
