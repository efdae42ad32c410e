/* SPDX-License-Identifier: BSD-2-Clause */
/* What nestorctl asks of the system that it runs on: Linux (linux.c) or the firmware (efi.c). */
#ifndef NESTOR_TOOLS_NESTORCTL_PLATFORM_H
#define NESTOR_TOOLS_NESTORCTL_PLATFORM_H

#include "boot/machine.h"
#include "drivers/cpuid.h"
#include "hv/types.h"

/* The program's exit status, as documented in the manual page. */
enum ctl_status {
    CTL_OK = 0,
    CTL_USAGE = 1,
    CTL_NO_NESTOR = 2,      /* this system is not Nestor's guest */
    CTL_NO_WINDOW = 3,      /* Nestor is there and has no status window */
    CTL_NO_RIGHT = 4,       /* not root */
    CTL_LOCKDOWN = 5,       /* the kernel's lockdown forbids I/O ports */
    CTL_OTHER_VERSION = 6,  /* another protocol */
    CTL_SILENT = 7,         /* the window does not answer as it should */
    CTL_CANNOT = 8,         /* check: Nestor cannot run here */
    CTL_UNKNOWN = 9,        /* check: not to be told from here */
    CTL_FILE = 10,          /* a file cannot be written */
    CTL_REFUSED = 11,       /* the config does not let this partition do that */
    CTL_NO_PARTITION = 12,  /* there is none of that name, or it is not shown here */
    CTL_NOT_NOW = 13,       /* the partition is in a state in which it cannot be done */
};

void platform_put(const char *text, size_t length);
void platform_put_error(const char *text, size_t length);
/* May this program use the ports [first, first + count)? CTL_OK, CTL_NO_RIGHT or CTL_LOCKDOWN. */
enum ctl_status platform_open_ports(u16 first, u32 count);
struct cpuid_regs platform_cpuid(u32 leaf);
/* Nestor's own ACPI table, at most `size` bytes of it: how many there are, 0: it cannot be read. */
size_t platform_read_table(void *to, size_t size);
u32 platform_in(u16 port);
void platform_out(u16 port, u32 value);
void platform_wait_ms(u32 ms);
/* Everything from now on that platform_put() gets goes to that file; false: it cannot be written. */
bool platform_redirect(const char *path);

/* PCI functions, by segment << 16 | source-id: the first at or after *function; false: none, or not known here. */
bool platform_next_function(u32 *function);
/* What it is, from pci.ids; "": not known. */
void platform_function_name(u32 function, char *text, size_t size);
/* Where the registers of the unit are that translates for it; 0: not known here. */
u64 platform_function_unit(u32 function);

/* For check: the machine as far as this system tells, and where each part comes from; NULL: it does not tell that. */
struct platform_sources {
    const char *cpu, *msrs, *table, *units, *devices;
    const char *unknown_msrs, *unknown_table, *unknown_units; /* what to do about it */
};
void platform_read_machine(struct machine *m, struct platform_sources *sources);

#endif
