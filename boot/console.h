/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Lines for the user, on the firmware's console and on the serial port. Once the firmware is gone,
 * hv/ drives the same serial port itself.
 */
#ifndef NESTOR_BOOT_CONSOLE_H
#define NESTOR_BOOT_CONSOLE_H

#include "drivers/serial.h"
#include "iommu/port.h"

/* Until it is given a port, only the firmware's console is used. */
void console_set_serial(const struct serial *serial, u32 baud);
void console_set_level(enum log_level level);

/* One line; fmt without a line feed. */
void console_log(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The UART that hv/ may drive once the firmware is gone; its kind is SERIAL_NONE if none answers. */
const struct serial *console_serial(void);

#endif
