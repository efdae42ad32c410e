/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * \EFI\nestor\nestor.conf: text in, struct config out. Pure; tools/nestor-conf.c runs the same
 * parser on a host. Without a file the values of config_defaults() apply.
 *
 *     # a comment, on a line of its own
 *     [console]
 *     level = debug
 *
 * The keys are in boot/config_keys.h, from which docs/config.md and the sample are made.
 */
#ifndef NESTOR_BOOT_CONFIG_H
#define NESTOR_BOOT_CONFIG_H

#include "hv/handover.h"
#include "iommu/port.h"

enum { CONFIG_IMAGE = 256, CONFIG_ARGUMENTS = 1024, CONFIG_LIMIT = 64 * 1024, CONFIG_STATUS_PORT = 0x9c0 };

enum { CONFIG_SHADOW_MIB_MIN = 8, CONFIG_SHADOW_MIB_MAX = 65536 };

enum config_serial { CONFIG_SERIAL_AUTO, CONFIG_SERIAL_NONE, CONFIG_SERIAL_GIVEN };

enum { CONFIG_KEYS_MAX = 32 };

/* device = SEGMENT:BUS:DEVICE.FUNCTION */
struct config_device {
    u16 segment;
    u16 source_id;
    bool without_interrupts;                /* interrupts=none */
    u32 line;
};

/* [partition NAME] */
struct config_partition {
    char name[HANDOVER_PARTITION_NAME];
    u32 line;                               /* of the section */
    u32 key_lines[CONFIG_KEYS_MAX];         /* by the key's place in boot/config_keys.h; 0: not given */
    u64 cpus[HANDOVER_PARTITION_CPU_WORDS];
    u64 memory_size, memory_at;
    bool memory_placed;                     /* at memory_at */
    bool raw;                               /* the image has no format and belongs to raw_address */
    u64 raw_address;
    char image[CONFIG_IMAGE];
    char initrd[CONFIG_IMAGE];              /* "": none */
    char arguments[CONFIG_ARGUMENTS];
    enum partition_console console;
    u32 cache_ways;                         /* 0: those of the root */
    u32 restarts;
    u32 watchdog_s;                         /* 0: none */
    bool later;
    bool root_controls;
    bool shares_cores;
    enum guest_iommu units;                 /* AUTO, NESTED or NONE */
    struct config_device devices[HANDOVER_FUNCTIONS];
    u32 device_count;
};

/* One mistake, in words for the user: "line 3: level = loud: expected error, warning, info or debug". */
struct config_error {
    u32 line;
    char key[32];
    char value[48];
    char expected[128];
};

struct config {
    char next_image[CONFIG_IMAGE];          /* "": none configured */
    int next_entry;                         /* -1: none configured */
    char next_arguments[CONFIG_ARGUMENTS];  /* "": what the boot entry says */
    enum log_level level;
    enum config_serial serial_choice;
    struct serial serial;                   /* with CONFIG_SERIAL_GIVEN */
    u16 status_port;                        /* 0: none */
    bool status_all;
    enum fatal_policy fatal;
    bool run_without_isolation;
    bool rule_affected_only;
    bool native_if_doubtful;
    enum hypervisor_bit hypervisor_bit;
    enum guest_iommu guest_iommu;
    u32 shadow_mib;                         /* 0: by the RAM that there is */
    bool narrow_host;
    struct protect_range protect[HANDOVER_PROTECT];
    u32 protect_count;
    u32 protect_line[HANDOVER_PROTECT];     /* its line in the file */
    u32 weak_line;                          /* of the first value that gives isolation up, 0: none does */
    const char *weak_key;                   /* its key */
    bool run_without_interrupt_isolation;
    struct config_partition partitions[HANDOVER_PARTITIONS];
    u32 partition_count;
    struct config_error partition_error;    /* the first mistake in a section of a partition; then there are none */
};

void config_defaults(struct config *config);

/*
 * Stops at the first mistake with ERR_MALFORMED; then *error is filled in and *config holds the defaults. One in a
 * section of a partition takes the partitions away only, and is in *config.
 */
must_use enum result config_parse(const char *text, size_t size, struct config *config,
                                  struct config_error *error);

/* What is wrong with a key of a partition, or, if the key was not given, with its section. */
void config_partition_mistake(const struct config_partition *partition, const char *key, const char *expected,
                              struct config_error *error);
/* What is wrong with one of its devices. */
void config_device_mistake(const struct config_device *device, const char *expected, struct config_error *error);

enum { CONFIG_ERROR_TEXT = 272 };
void config_error_text(const struct config_error *error, char text[CONFIG_ERROR_TEXT]);

#endif
