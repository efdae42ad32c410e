/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * nestor.conf as bytes. What is accepted is written again from the values that it gave, and must give the same ones;
 * what is refused leaves the defaults and a line for people.
 */
#include "boot/config.h"
#include "tests/fuzz/input.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

enum { TEXT = 8192 };

struct text {
    char at[TEXT];
    size_t used;
};

static void put(struct text *t, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(t->at + t->used, TEXT - t->used, fmt, args);
    va_end(args);
    must(n >= 0 && (size_t)n < TEXT - t->used);
    t->used += (size_t)n;
}

static void put_next(struct text *t, const struct config *c)
{
    put(t, "[next]\n");
    if (c->next_image[0] != '\0') {
        put(t, "image=%s\n", c->next_image);
    }
    if (c->next_entry >= 0) {
        put(t, "entry=%04X\n", (unsigned)c->next_entry);
    }
    put(t, "arguments=%s\n", c->next_arguments);
}

static void put_console(struct text *t, const struct config *c)
{
    static const char *const levels[] = {
        [LOG_ERROR] = "error", [LOG_WARNING] = "warning", [LOG_INFO] = "info", [LOG_DEBUG] = "debug"};
    put(t, "[console]\nlevel=%s\n", levels[c->level]);
    if (c->serial_choice == CONFIG_SERIAL_NONE) {
        put(t, "serial=none\n");
    } else if (c->serial_choice == CONFIG_SERIAL_GIVEN && c->serial.kind == SERIAL_PORT) {
        put(t, "serial=port %llu\n", c->serial.base);
    } else if (c->serial_choice == CONFIG_SERIAL_GIVEN) {
        put(t, "serial=mmio 0x%llx %u\n", c->serial.base, c->serial.stride);
    }
}

static void put_policy(struct text *t, const struct config *c)
{
    static const char *const bits[] = {
        [HYPERVISOR_BIT_AUTO] = "auto", [HYPERVISOR_BIT_ON] = "on", [HYPERVISOR_BIT_OFF] = "off"};
    static const char *const kinds[] = {"auto", "nested", "shadow", "none"};
    put(t, "[policy]\nfatal=%s\n", c->fatal == FATAL_RESET ? "reset" : "halt");
    put(t, "without-isolation=%s\n", c->run_without_isolation ? "run" : "native");
    put(t, "read-only-rule=%s\n", c->rule_affected_only ? "affected-cpus" : "always");
    put(t, "hypervisor-bit=%s\n", bits[c->hypervisor_bit]);
    put(t, "guest-iommu=%s\n", kinds[c->guest_iommu]);
}

static void put_memory(struct text *t, const struct config *c)
{
    put(t, "[memory]\n");
    if (c->shadow_mib != 0) {
        put(t, "shadow-memory=%u\n", c->shadow_mib);
    }
    for (u32 i = 0; i < c->protect_count; i++) {
        const struct protect_range *p = &c->protect[i];
        must(p->size != 0 && ((p->base | p->size) & PAGE_MASK) == 0);
        put(t, "protect=0x%llx-0x%llx dma=%s\n", p->base, p->base + p->size - 1, p->dma_read ? "read" : "none");
    }
}

/* The lines of the second reading are other ones. */
static bool same(struct config a, struct config b)
{
    memset(a.protect_line, 0, sizeof(a.protect_line));
    memset(b.protect_line, 0, sizeof(b.protect_line));
    return strcmp(a.next_image, b.next_image) == 0 && strcmp(a.next_arguments, b.next_arguments) == 0 &&
           a.next_entry == b.next_entry && a.level == b.level && a.serial_choice == b.serial_choice &&
           (a.serial_choice != CONFIG_SERIAL_GIVEN ||
            (a.serial.kind == b.serial.kind && a.serial.base == b.serial.base && a.serial.stride == b.serial.stride)) &&
           a.fatal == b.fatal && a.run_without_isolation == b.run_without_isolation &&
           a.rule_affected_only == b.rule_affected_only && a.hypervisor_bit == b.hypervisor_bit &&
           a.guest_iommu == b.guest_iommu && a.shadow_mib == b.shadow_mib &&
           a.protect_count == b.protect_count &&
           memcmp(a.protect, b.protect, a.protect_count * sizeof(a.protect[0])) == 0;
}

/* What those who use it rely on. */
static void check_limits(const struct config *c)
{
    must(c->next_entry <= 0xffff && (c->next_entry < 0 || c->next_image[0] == '\0'));
    must(c->protect_count <= HANDOVER_PROTECT);
    must((c->weak_line != 0) == (c->run_without_isolation || c->rule_affected_only));
    must(c->shadow_mib == 0 || (c->shadow_mib >= CONFIG_SHADOW_MIB_MIN && c->shadow_mib <= CONFIG_SHADOW_MIB_MAX));
    if (c->serial_choice == CONFIG_SERIAL_GIVEN) {
        must(c->serial.base != 0 && c->serial.base <= (c->serial.kind == SERIAL_PORT ? 0xfff8 : (1ull << 52) - 1));
    }
    for (u32 i = 0; i < c->protect_count; i++) {
        for (u32 k = 0; k < i; k++) {
            const struct protect_range *a = &c->protect[i];
            const struct protect_range *b = &c->protect[k];
            must(a->dma_read == b->dma_read && (a->base + a->size <= b->base || b->base + b->size <= a->base));
        }
    }
}

static void check_accepted(const struct config *config)
{
    static struct config again;
    struct config_error error;
    static struct text text;
    text.used = 0;
    check_limits(config);
    put_next(&text, config);
    put_console(&text, config);
    put_policy(&text, config);
    put_memory(&text, config);
    if (config_parse(text.at, text.used, &again, &error) != OK || !same(*config, again)) {
        fprintf(stderr, "%s\n", text.at);
        abort();
    }
}

static void check_refused(const struct config *config, const struct config_error *error)
{
    struct config defaults;
    char text[CONFIG_ERROR_TEXT];
    config_defaults(&defaults);
    must(same(*config, defaults));
    config_error_text(error, text);
    must(strlen(text) < CONFIG_ERROR_TEXT && error->expected[0] != '\0');
    for (const char *c = text; *c != '\0'; c++) {
        must(*c >= ' ' && *c <= '~');
    }
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    static struct config config;
    struct config_error error;
    char *exact = input_take(&(struct input){data, size}, size);
    if (config_parse(exact, size, &config, &error) == OK) {
        check_accepted(&config);
    } else {
        check_refused(&config, &error);
    }
    free(exact);
    return 0;
}
