/* SPDX-License-Identifier: BSD-2-Clause */
/* See config_partition.h. */
#include "boot/config_partition.h"

#include "boot/cache.h"

#define MIB (1ull << 20)

static struct config_partition *last(struct config *config)
{
    return &config->partitions[config->partition_count - 1];
}

static bool is_name(struct span name)
{
    for (size_t i = 0; i < name.length; i++) {
        char c = name.at[i];
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-')) {
            return false;
        }
    }
    return name.length != 0 && name.length < HANDOVER_PARTITION_NAME;
}

const char *config_partition_add(struct config *config, struct span name, u32 line)
{
    if (!is_name(name)) {
        return "[partition NAME], a name of 1 to 15 of a-z, 0-9 and -";
    }
    for (u32 i = 0; i < config->partition_count; i++) {
        if (span_equals(name, config->partitions[i].name)) {
            return "each name only once";
        }
    }
    if (config->partition_count == HANDOVER_PARTITIONS) {
        return "at most 7 partitions beside the root";
    }
    struct config_partition *p = &config->partitions[config->partition_count++];
    *p = (struct config_partition){.line = line, .console = PARTITION_CONSOLE_VIRTUAL};
    (void)span_copy(name, p->name, sizeof(p->name));
    return NULL;
}

const char *config_partition_missing(const struct config_partition *partition)
{
    u64 cpus = 0;
    for (u32 i = 0; i < HANDOVER_PARTITION_CPU_WORDS; i++) {
        cpus |= partition->cpus[i];
    }
    if (cpus == 0) {
        return "cpus";
    }
    if (partition->later && !partition->root_controls) {
        return "control-by";
    }
    return partition->memory_size == 0 ? "memory" : partition->image[0] == '\0' ? "image" : NULL;
}

static bool take_range(struct config_partition *p, struct span range)
{
    u64 first;
    u64 end;
    bool open = range.length != 0 && range.at[range.length - 1] == '-';
    struct span from = span_take_until(&range, '-');
    if (open || !span_number(from, &first)) {
        return false;
    }
    end = first;
    if (range.length != 0 && !span_number(span_trim(range), &end)) {
        return false;
    }
    if (end < first || end >= HANDOVER_PARTITION_CPU_WORDS * 64) {
        return false;
    }
    for (u64 cpu = first; cpu <= end; cpu++) {
        p->cpus[cpu / 64] |= 1ull << cpu % 64;
    }
    return true;
}

bool config_partition_cpus(struct config *config, struct span value)
{
    bool taken = value.length != 0;
    while (taken && value.length != 0) {
        taken = take_range(last(config), span_take_until(&value, ','));
    }
    return taken;
}

/* So much that sizes and addresses can be added. */
static bool is_memory(u64 value)
{
    return value % (2 * MIB) == 0 && value >> 52 == 0;
}

static bool take_size(struct span text, u64 *size)
{
    u32 shift = 0;
    if (text.length != 0 && (text.at[text.length - 1] == 'M' || text.at[text.length - 1] == 'G')) {
        shift = text.at[text.length - 1] == 'M' ? 20 : 30;
        text.length--;
    }
    if (shift == 0 || !span_number(text, size) || *size == 0 || *size >> (52 - shift) != 0) {
        return false;
    }
    *size <<= shift;
    return is_memory(*size);
}

bool config_partition_memory(struct config *config, struct span value)
{
    struct config_partition *p = last(config);
    if (!take_size(span_take_word(&value), &p->memory_size)) {
        return false;
    }
    p->memory_placed = value.length != 0;
    return !p->memory_placed || (span_equals(span_take_word(&value), "at") && span_number(value, &p->memory_at) &&
                                 p->memory_at != 0 && is_memory(p->memory_at));
}

bool config_partition_image(struct config *config, struct span value)
{
    struct config_partition *p = last(config);
    struct span rest = value;
    p->raw = span_equals(span_take_word(&rest), "raw");
    if (!p->raw) {
        return span_copy_path(value, p->image, CONFIG_IMAGE);
    }
    return span_number(span_take_word(&rest), &p->raw_address) && p->raw_address >> 32 == 0 &&
           span_copy_path(rest, p->image, CONFIG_IMAGE);
}

bool config_partition_initrd(struct config *config, struct span value)
{
    return span_copy_path(value, last(config)->initrd, CONFIG_IMAGE);
}

bool config_partition_arguments(struct config *config, struct span value)
{
    return span_copy(value, last(config)->arguments, CONFIG_ARGUMENTS);
}

bool config_partition_console(struct config *config, struct span value)
{
    static const char *const words[] = {[PARTITION_CONSOLE_VIRTUAL] = "virtual", [PARTITION_CONSOLE_COM2] = "com2",
                                        [PARTITION_CONSOLE_NONE] = "none"};
    u32 which;
    bool known = span_one_of(value, words, ARRAY_LEN(words), &which);
    last(config)->console = known ? (enum partition_console)which : PARTITION_CONSOLE_NONE;
    return known;
}

bool config_units_word(struct span value, enum guest_iommu *units)
{
    static const char *const words[] = {[GUEST_IOMMU_AUTO] = "auto", [GUEST_IOMMU_NESTED] = "nested",
                                        [GUEST_IOMMU_SHADOW] = "shadow", [GUEST_IOMMU_NONE] = "none"};
    u32 which;
    bool known = span_one_of(value, words, ARRAY_LEN(words), &which);
    *units = known ? (enum guest_iommu)which : *units;
    return known;
}

/* No shadow: there is none for a partition. */
bool config_partition_units(struct config *config, struct span value)
{
    enum guest_iommu units = GUEST_IOMMU_AUTO;
    bool known = config_units_word(value, &units) && units != GUEST_IOMMU_SHADOW;
    last(config)->units = known ? units : GUEST_IOMMU_AUTO;
    return known;
}

bool config_partition_cache(struct config *config, struct span value)
{
    u64 ways;
    if (!span_number(value, &ways) || ways >> 32 != 0 || !cache_is_run((u32)ways)) {
        return false;
    }
    last(config)->cache_ways = (u32)ways;
    return true;
}

bool config_partition_restart(struct config *config, struct span value)
{
    u64 times = 0;
    if (span_equals(value, "always")) {
        times = HANDOVER_PARTITION_ALWAYS;
    } else if (!span_equals(value, "never") && (!span_number(value, &times) || times >= HANDOVER_PARTITION_ALWAYS)) {
        return false;
    }
    last(config)->restarts = (u32)times;
    return true;
}

bool config_partition_watchdog(struct config *config, struct span value)
{
    u64 seconds = 0;
    if (!span_equals(value, "none") && (!span_number(value, &seconds) || seconds == 0 || seconds > 3600)) {
        return false;
    }
    last(config)->watchdog_s = (u32)seconds;
    return true;
}

bool config_partition_start(struct config *config, struct span value)
{
    return span_choose(value, "boot", "later", &last(config)->later);
}

bool config_partition_control(struct config *config, struct span value)
{
    return span_choose(value, "none", "root", &last(config)->root_controls);
}

bool config_partition_shared_core(struct config *config, struct span value)
{
    return span_choose(value, "no", "yes", &last(config)->shares_cores);
}

/* Hexadecimal digits before the separator. */
static bool take_digits(struct span *s, char separator, u64 limit, u64 *value)
{
    return span_digits(span_take_until(s, separator), 16, value) && *value < limit;
}

bool config_partition_device(struct config *config, struct span value)
{
    struct config_partition *p = last(config);
    struct span address = span_take_word(&value);
    u64 segment;
    u64 bus;
    u64 device;
    u64 function;
    if (p->device_count == HANDOVER_FUNCTIONS || !take_digits(&address, ':', 1 << 16, &segment) ||
        !take_digits(&address, ':', 1 << 8, &bus) || !take_digits(&address, '.', 1 << 5, &device) ||
        !span_digits(address, 16, &function) || function >= 8 ||
        (value.length != 0 && !span_equals(value, "interrupts=none"))) {
        return false;
    }
    struct config_device *d = &p->devices[p->device_count++];
    d->segment = (u16)segment;
    d->source_id = (u16)(bus << 8 | device << 3 | function);
    d->without_interrupts = value.length != 0;
    return true;
}
