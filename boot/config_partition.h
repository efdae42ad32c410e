/* SPDX-License-Identifier: BSD-2-Clause */
/* The values of a [partition NAME] section, for the parser. Pure. */
#ifndef NESTOR_BOOT_CONFIG_PARTITION_H
#define NESTOR_BOOT_CONFIG_PARTITION_H

#include "boot/config.h"
#include "boot/span.h"

/* A partition more, with what holds for keys that are not given. NULL, or what was expected instead of the name. */
const char *config_partition_add(struct config *config, struct span name, u32 line);
/* A key that must be given and was not, else NULL. */
const char *config_partition_missing(const struct config_partition *partition);

/* A value of guest-iommu, the root's or a partition's; false: it is none, and nothing changes. */
bool config_units_word(struct span value, enum guest_iommu *units);

/* Of the last partition: true if the value is accepted. */
bool config_partition_cpus(struct config *config, struct span value);
bool config_partition_memory(struct config *config, struct span value);
bool config_partition_image(struct config *config, struct span value);
bool config_partition_initrd(struct config *config, struct span value);
bool config_partition_arguments(struct config *config, struct span value);
bool config_partition_console(struct config *config, struct span value);
bool config_partition_cache(struct config *config, struct span value);
bool config_partition_restart(struct config *config, struct span value);
bool config_partition_watchdog(struct config *config, struct span value);
bool config_partition_start(struct config *config, struct span value);
bool config_partition_control(struct config *config, struct span value);
bool config_partition_shared_core(struct config *config, struct span value);
bool config_partition_units(struct config *config, struct span value);
bool config_partition_device(struct config *config, struct span value);

#endif
