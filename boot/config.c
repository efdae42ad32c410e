/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * See config.h. The text may be anything: some other file, binary data, cut off half way. It is
 * read line by line, in place.
 */
#include "boot/config.h"
#include "boot/config_keys.h"
#include "boot/config_partition.h"
#include "boot/span.h"
#include "drivers/format.h"

struct parser {
    struct config *config;
    struct config_error *error;
    u32 line;
    struct span section;
    u32 seen;                /* bit n: key n of the table was given */
    bool in_partition;       /* the section is one of a partition */
};

/* --- values: true if accepted --- */

static bool set_image(struct config *config, struct span value)
{
    return span_copy_path(value, config->next_image, sizeof(config->next_image));
}

/* Four digits, or as efibootmgr prints it. */
static bool set_entry(struct config *config, struct span value)
{
    u64 number;
    if (value.length == 8 && span_equals((struct span){value.at, 4}, "Boot")) {
        value = (struct span){value.at + 4, 4};
    }
    if (value.length != 4 || !span_digits(value, 16, &number)) {
        return false;
    }
    config->next_entry = (int)number;
    return true;
}

static bool set_arguments(struct config *config, struct span value)
{
    return span_copy(value, config->next_arguments, sizeof(config->next_arguments));
}

static bool set_level(struct config *config, struct span value)
{
    static const char *const words[] = {
        [LOG_ERROR] = "error", [LOG_WARNING] = "warning", [LOG_INFO] = "info",
        [LOG_DEBUG] = "debug"};
    u32 level;
    bool known = span_one_of(value, words, ARRAY_LEN(words), &level);
    config->level = known ? (enum log_level)level : config->level;
    return known;
}

static bool set_serial_port(struct config *config, struct span value)
{
    if (!span_number(value, &config->serial.base)) {
        return false;
    }
    config->serial.kind = SERIAL_PORT;
    config->serial.stride = 1;
    return config->serial.base != 0 && config->serial.base <= 0xfff8;
}

static bool set_serial_mmio(struct config *config, struct span value)
{
    struct span address = span_take_word(&value);
    struct span stride = value;
    u64 bytes = 1;
    if (!span_number(address, &config->serial.base) ||
        (stride.length != 0 && !span_number(stride, &bytes))) {
        return false;
    }
    if (bytes != 1 && bytes != 2 && bytes != 4) {
        return false;
    }
    config->serial.kind = SERIAL_MMIO;
    config->serial.stride = (u8)bytes;
    return config->serial.base != 0 && config->serial.base % bytes == 0 &&
           config->serial.base >> 52 == 0;
}

static bool set_serial(struct config *config, struct span value)
{
    if (span_equals(value, "auto") || span_equals(value, "none")) {
        config->serial_choice = span_equals(value, "auto") ? CONFIG_SERIAL_AUTO : CONFIG_SERIAL_NONE;
        return true;
    }
    config->serial_choice = CONFIG_SERIAL_GIVEN;
    struct span kind = span_take_word(&value);
    if (span_equals(kind, "port")) {
        return set_serial_port(config, value);
    }
    return span_equals(kind, "mmio") && set_serial_mmio(config, value);
}

static bool set_status_port(struct config *config, struct span value)
{
    u64 port = 0;
    bool none = span_equals(value, "none");
    if (!none && (!span_number(value, &port) || port == 0 || port > 0xfff8 || port % 8 != 0)) {
        return false;
    }
    config->status_port = (u16)port;
    return true;
}

static bool set_status(struct config *config, struct span value)
{
    return span_choose(value, "own", "all", &config->status_all);
}

static bool set_fatal(struct config *config, struct span value)
{
    bool reset;
    bool known = span_choose(value, "halt", "reset", &reset);
    config->fatal = reset ? FATAL_RESET : FATAL_HALT;
    return known;
}

static bool set_without_isolation(struct config *config, struct span value)
{
    return span_choose(value, "native", "run", &config->run_without_isolation);
}

static bool set_without_interrupt_isolation(struct config *config, struct span value)
{
    return span_choose(value, "refuse", "run", &config->run_without_interrupt_isolation);
}

static bool set_rule(struct config *config, struct span value)
{
    return span_choose(value, "always", "affected-cpus", &config->rule_affected_only);
}

static bool set_doubtful_devices(struct config *config, struct span value)
{
    return span_choose(value, "run", "native", &config->native_if_doubtful);
}

static bool set_hypervisor_bit(struct config *config, struct span value)
{
    static const char *const words[] = {
        [HYPERVISOR_BIT_AUTO] = "auto", [HYPERVISOR_BIT_ON] = "on", [HYPERVISOR_BIT_OFF] = "off"};
    u32 bit;
    bool known = span_one_of(value, words, ARRAY_LEN(words), &bit);
    config->hypervisor_bit = known ? (enum hypervisor_bit)bit : config->hypervisor_bit;
    return known;
}

static bool set_guest_iommu(struct config *config, struct span value)
{
    return config_units_word(value, &config->guest_iommu);
}

static bool set_shadow_memory(struct config *config, struct span value)
{
    u64 mib = 0;
    if (!span_equals(value, "auto") &&
        (!span_number(value, &mib) || mib < CONFIG_SHADOW_MIB_MIN || mib > CONFIG_SHADOW_MIB_MAX)) {
        return false;
    }
    config->shadow_mib = (u32)mib;
    return true;
}

static bool set_host_paging(struct config *config, struct span value)
{
    return span_choose(value, "auto", "four-levels", &config->narrow_host);
}

/* CPU and DMA either share a root or have one each, so all regions must say the same about DMA. */
static bool disagrees(const struct config *config, u64 base, u64 last, bool dma_read)
{
    for (u32 i = 0; i < config->protect_count; i++) {
        const struct protect_range *p = &config->protect[i];
        if (p->dma_read != dma_read || (base < p->base + p->size && p->base <= last)) {
            return true;
        }
    }
    return false;
}

/* Whole pages: BASE is a multiple of 4 KiB, END the last byte of a page. */
static bool set_protect(struct config *config, struct span value)
{
    u64 base;
    u64 last;
    bool dma_read = false;
    struct span first = span_take_until(&value, '-');
    value = span_trim(value);
    struct span end = span_take_word(&value);
    if (config->protect_count == HANDOVER_PROTECT || !span_number(first, &base) ||
        !span_number(end, &last) ||
        (value.length != 0 && !span_choose(value, "dma=none", "dma=read", &dma_read))) {
        return false;
    }
    if ((base & PAGE_MASK) != 0 || (last & PAGE_MASK) != PAGE_MASK || last < base ||
        last >> 52 != 0 || disagrees(config, base, last, dma_read)) {
        return false;
    }
    config->protect[config->protect_count++] = (struct protect_range){base, last + 1 - base,
                                                                      dma_read};
    return true;
}

/* --- keys --- */

struct key {
    const char *section, *name;
    bool repeats;
    bool (*set)(struct config *config, struct span value);
    const char *expected;
};

#define AS_KEY(section, name, repeats, set, expected, standard, example, help) {section, name, repeats, set, expected},
static const struct key keys[] = {CONFIG_KEYS(AS_KEY)};
_Static_assert(ARRAY_LEN(keys) <= CONFIG_KEYS_MAX, "a bit, and a line, for each key");

static const struct {
    const char *name, *value;
} weak[] = {
#define AS_WEAK(name, value) {name, value},
    CONFIG_WEAK(AS_WEAK)};

static void note_weak(struct parser *p, struct span name, struct span value)
{
    for (u32 i = 0; i < ARRAY_LEN(weak) && p->config->weak_line == 0; i++) {
        if (span_equals(name, weak[i].name) && span_equals(value, weak[i].value)) {
            p->config->weak_line = p->line;
            p->config->weak_key = weak[i].name;
        }
    }
}

static enum result refuse(struct parser *p, struct span key, struct span value,
                          const char *expected)
{
    p->error->line = p->line;
    format_text(p->error->key, sizeof(p->error->key), "%.*s", (int)key.length, key.at);
    format_text(p->error->value, sizeof(p->error->value), "%.*s", (int)value.length, value.at);
    format_text(p->error->expected, sizeof(p->error->expected), "%s", expected);
    return ERR_MALFORMED;
}

static bool is_partition_key(u32 index)
{
    return span_equals(span_of(keys[index].section), "partition");
}

static bool is_section(struct span name)
{
    for (u32 i = 0; i < ARRAY_LEN(keys); i++) {
        if (span_equals(name, keys[i].section)) {
            return true;
        }
    }
    return false;
}

static enum result parse_partition(struct parser *p, struct span line, struct span name)
{
    p->in_partition = true;
    for (u32 i = 0; i < ARRAY_LEN(keys); i++) {
        p->seen &= ~((u32)is_partition_key(i) << i);
    }
    const char *expected = config_partition_add(p->config, name, p->line);
    return expected == NULL ? OK : refuse(p, line, span_of(""), expected);
}

static enum result parse_section(struct parser *p, struct span line)
{
    const struct span none = span_of("");
    struct span name = {line.at + 1, line.length - 1};
    p->in_partition = false;
    if (name.length == 0 || name.at[name.length - 1] != ']') {
        return refuse(p, line, none, "a section's name ends with ]");
    }
    name.length--;
    name = span_trim(name);
    struct span rest = name;
    p->section = span_take_word(&rest);
    if (span_equals(p->section, "partition")) {
        return parse_partition(p, line, rest);
    }
    if (rest.length != 0 || !is_section(p->section)) {
        return refuse(p, line, none, "[next], [console], [policy], [memory] or [partition NAME]");
    }
    return OK;
}

/* The next device, if there is one, will be of this line. */
static void note_partition_line(struct config_partition *partition, u32 index, u32 line)
{
    partition->key_lines[index] = line;
    if (partition->device_count < HANDOVER_FUNCTIONS) {
        partition->devices[partition->device_count].line = line;
    }
}

static enum result parse_key(struct parser *p, u32 index, struct span name, struct span value)
{
    const struct key *key = &keys[index];
    if (!key->repeats && (p->seen & 1u << index) != 0) {
        return refuse(p, name, value, "each key only once");
    }
    p->seen |= 1u << index;
    if (p->in_partition) {
        note_partition_line(&p->config->partitions[p->config->partition_count - 1], index, p->line);
    }
    if (p->config->protect_count < HANDOVER_PROTECT) {
        p->config->protect_line[p->config->protect_count] = p->line;
    }
    note_weak(p, name, value);
    return key->set(p->config, value) ? OK : refuse(p, name, value, key->expected);
}

static enum result parse_assignment(struct parser *p, struct span line)
{
    const char *elsewhere = NULL;
    struct span value = line;
    struct span name = span_take_until(&value, '=');
    if (name.length == span_trim(line).length) {
        return refuse(p, name, span_of(""), "key = value, [section] or # comment");
    }
    value = span_trim(value);
    for (u32 i = 0; i < ARRAY_LEN(keys); i++) {
        if (!span_equals(name, keys[i].name)) {
            continue;
        }
        if (span_equals(p->section, keys[i].section)) {
            return parse_key(p, i, name, value);
        }
        elsewhere = elsewhere == NULL ? keys[i].section : elsewhere;
    }
    if (elsewhere != NULL) {
        enum result r = refuse(p, name, value, "");
        format_text(p->error->expected, sizeof(p->error->expected), "the key in section [%s]",
                    elsewhere);
        return r;
    }
    return refuse(p, name, value, "a key of this section; see docs/config.md");
}

static enum result parse_line(struct parser *p, struct span line)
{
    line = span_trim(line);
    bool skipped = p->in_partition && p->config->partition_error.line != 0 && line.at[0] != '[';
    if (line.length == 0 || line.at[0] == '#' || skipped) {
        return OK;
    }
    return line.at[0] == '[' ? parse_section(p, line) : parse_assignment(p, line);
}

static void note_partition_error(struct config *config, const struct config_error *error)
{
    if (config->partition_error.line == 0) {
        config->partition_error = *error;
    }
}

void config_partition_mistake(const struct config_partition *partition, const char *key, const char *expected,
                              struct config_error *error)
{
    *error = (struct config_error){.line = partition->line};
    for (u32 i = 0; i < ARRAY_LEN(keys); i++) {
        if (is_partition_key(i) && span_equals(span_of(key), keys[i].name) && partition->key_lines[i] != 0) {
            error->line = partition->key_lines[i];
        }
    }
    format_text(error->key, sizeof(error->key), "%s", key);
    format_text(error->expected, sizeof(error->expected), "%s", expected);
}

void config_device_mistake(const struct config_device *device, const char *expected, struct config_error *error)
{
    *error = (struct config_error){.line = device->line, .key = "device"};
    format_text(error->value, sizeof(error->value), "%04x:%02x:%02x.%x", device->segment, device->source_id >> 8,
                device->source_id >> 3 & 31, device->source_id & 7);
    format_text(error->expected, sizeof(error->expected), "%s", expected);
}

static void check_partitions(struct config *config)
{
    struct config_error error;
    for (u32 i = 0; i < config->partition_count; i++) {
        const char *missing = config_partition_missing(&config->partitions[i]);
        if (missing != NULL) {
            config_partition_mistake(&config->partitions[i], missing, "the key: a partition needs it", &error);
            note_partition_error(config, &error);
        }
    }
    if (config->partition_error.line != 0) {
        config->partition_count = 0;
    }
}

static enum result parse_lines(struct parser *p, struct span text)
{
    while (text.length != 0) {
        size_t length = 0;
        while (length < text.length && text.at[length] != '\n') {
            length++;
        }
        p->line++;
        enum result r = parse_line(p, (struct span){text.at, length});
        if (r != OK && !p->in_partition) {
            return r;
        }
        if (r != OK) {
            note_partition_error(p->config, p->error);
        }
        length = length < text.length ? length + 1 : length;
        text = (struct span){text.at + length, text.length - length};
    }
    check_partitions(p->config);
    const struct span none = span_of("");
    if (p->config->next_image[0] != '\0' && p->config->next_entry >= 0) {
        return refuse(p, span_of("entry"), none, "either image or entry in [next]");
    }
    return OK;
}

void config_defaults(struct config *config)
{
    *config = (struct config){.next_entry = -1, .level = LOG_INFO,
                              .serial_choice = CONFIG_SERIAL_AUTO, .status_port = CONFIG_STATUS_PORT,
                              .fatal = FATAL_HALT};
}

enum result config_parse(const char *text, size_t size, struct config *config,
                         struct config_error *error)
{
    struct parser p = {.config = config, .error = error, .section = {"", 0}};
    struct span all = {text, size};
    static const char mark[] = "\xef\xbb\xbf";
    *error = (struct config_error){0};
    config_defaults(config);
    if (size > CONFIG_LIMIT) {
        return refuse(&p, span_of("the file"), span_of(""), "at most 64 KiB");
    }
    if (size >= 3 && text[0] == mark[0] && text[1] == mark[1] && text[2] == mark[2]) {
        all = (struct span){text + 3, size - 3};
    }
    enum result r = parse_lines(&p, all);
    if (r != OK) {
        config_defaults(config);
    }
    return r;
}

/* Bytes out of a file must not reach a console that obeys escape sequences. */
static void make_printable(char *text)
{
    for (; *text != '\0'; text++) {
        if (*text < ' ' || *text > '~') {
            *text = '?';
        }
    }
}

void config_error_text(const struct config_error *error, char text[CONFIG_ERROR_TEXT])
{
    format_text(text, CONFIG_ERROR_TEXT, "line %u: %s%s%s: expected %s", error->line, error->key,
                error->value[0] != '\0' ? " = " : "", error->value, error->expected);
    make_printable(text);
}
