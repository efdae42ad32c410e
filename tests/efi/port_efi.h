/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the EFI test programs are built on: iommu/port.h on boot services, lines on the serial port,
 * and the way to end. None of it checks whether memory runs out: a test machine has enough.
 */
#ifndef NESTOR_TESTS_EFI_PORT_H
#define NESTOR_TESTS_EFI_PORT_H

#include "iommu/port.h"

#include <efi.h>
#include <efilib.h>

/* Sets up the serial port and the clock; to be called first. */
void efi_test_start(EFI_HANDLE self, EFI_SYSTEM_TABLE *system);
/* Says that this is the end, and turns the machine off. */
void efi_test_end(void) __attribute__((noreturn));

/* One line, or part of one, on the serial port. */
void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* A file of the boot volume, followed by a 0; NULL if it is not there. */
char *efi_test_file(CHAR16 *path, UINTN *size);

/* Idles until the firmware's next timer tick (10 ms), so that emulated time can be skipped. */
static inline void wait_tick(void)
{
    __asm__ volatile("sti; hlt" ::: "memory");
}

#endif
