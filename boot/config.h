/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * \EFI\nestor\nestor.conf: text in, struct config out. Pure; tools/nestor-conf.c runs the same
 * parser on a host. Without a file the values of config_defaults() apply.
 *
 *     # a comment, on a line of its own
 *     [next]
 *     image = \EFI\debian\grubx64.efi    file on Nestor's own partition
 *     entry = 0003                       or a Boot#### entry; default: the boot order
 *     arguments = root=/dev/sda2 quiet   load options for it
 *     [console]
 *     level = info                       error, warning, info or debug
 *     serial = auto                      auto, none, port NUMBER or mmio ADDRESS [STRIDE]; a UART on PCI must keep
 *                                        its address, as Nestor goes on writing there when the OS moves it
 *     [policy]
 *     fatal = halt                       halt or reset
 *     without-isolation = native         native or run
 *     read-only-rule = always            always or affected-cpus
 *     doubtful-devices = run             run or native, with devices that may not work behind a unit that translates
 *     hypervisor-bit = auto              CPUID.1:ECX[31] for the guest: auto (as the CPU has it), on or off
 *     host-paging = auto                 Nestor's own page tables: five levels where the CPU has them (auto), or
 *                                        four-levels, as the firmware left it
 *     [memory]
 *     protect = 0x100000-0x1fffff dma=none   read-only for the CPU, absent for DMA (dma=none, default)
 *                                            or read-only for it too (dma=read); may be repeated
 */
#ifndef NESTOR_BOOT_CONFIG_H
#define NESTOR_BOOT_CONFIG_H

#include "hv/handover.h"
#include "iommu/port.h"

enum { CONFIG_IMAGE = 256, CONFIG_ARGUMENTS = 1024, CONFIG_LIMIT = 64 * 1024 };

enum config_serial { CONFIG_SERIAL_AUTO, CONFIG_SERIAL_NONE, CONFIG_SERIAL_GIVEN };

struct config {
    char next_image[CONFIG_IMAGE];          /* "": none configured */
    int next_entry;                         /* -1: none configured */
    char next_arguments[CONFIG_ARGUMENTS];  /* "": what the boot entry says */
    enum log_level level;
    enum config_serial serial_choice;
    struct serial serial;                   /* with CONFIG_SERIAL_GIVEN */
    enum fatal_policy fatal;
    bool run_without_isolation;
    bool rule_affected_only;
    bool native_if_doubtful;
    enum hypervisor_bit hypervisor_bit;
    bool narrow_host;
    struct protect_range protect[HANDOVER_PROTECT];
    u32 protect_count;
    u32 protect_line[HANDOVER_PROTECT];     /* its line in the file */
};

/* One mistake, in words for the user: "line 3: level = loud: expected error, warning, info or debug". */
struct config_error {
    u32 line;
    char key[32];
    char value[48];
    char expected[96];
};

void config_defaults(struct config *config);

/* Stops at the first mistake with ERR_MALFORMED; then *error is filled in and *config holds the defaults. */
must_use enum result config_parse(const char *text, size_t size, struct config *config,
                                  struct config_error *error);

enum { CONFIG_ERROR_TEXT = 240 };
void config_error_text(const struct config_error *error, char text[CONFIG_ERROR_TEXT]);

#endif
