/*
 * What the EFI programs of the tests stand on: iommu/port.h on boot services, lines on the
 * serial port, and the way out. Nothing of it checks for memory: a test machine has enough.
 */
#ifndef NESTOR_TESTS_EFI_PORT_H
#define NESTOR_TESTS_EFI_PORT_H

#include "iommu/port.h"

#include <efi.h>
#include <efilib.h>

/* Serial port and clock; first of all. */
void efi_test_start(EFI_HANDLE self, EFI_SYSTEM_TABLE *system);
/* Says that this is the end and turns the machine off. */
void efi_test_end(void) __attribute__((noreturn));

/* One line, or part of one, on the serial port. */
void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* A file of the boot volume with a 0 behind it; NULL when it is not there. */
char *efi_test_file(CHAR16 *path, UINTN *size);

/* Idle until the firmware's next timer tick (10 ms), so that emulated time can be skipped. */
static inline void wait_tick(void)
{
    __asm__ volatile("sti; hlt" ::: "memory");
}

#endif
