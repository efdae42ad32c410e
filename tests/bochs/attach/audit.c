/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The dynamic linker's audit interface: finds Bochs's exported symbols, stops if one is missing, and binds a plugin's
 * calls to wrappers. The audit library lives in a namespace with its own libc, so nothing of Bochs is linked here.
 */
#define _GNU_SOURCE
#include <elf.h>
#include <link.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/bochs/attach/attach.h"

struct bochs bochs;
static struct link_map *program;
static FILE *log_file;

static const char *const symbol_names[BOCHS_SYMBOL_COUNT] = {
#define BOCHS_NAME(id, field, name, result, args) [BOCHS_##id] = name,
    BOCHS_SYMBOLS(BOCHS_NAME)
#undef BOCHS_NAME
};

const char *bochs_symbol_name(unsigned symbol)
{
    return symbol_names[symbol];
}

void attach_log(const char *fmt, ...)
{
    if (log_file == NULL && attach_config.log != NULL) {
        log_file = fopen(attach_config.log, "w");
    }
    if (log_file != NULL) {
        va_list args;
        va_start(args, fmt);
        vfprintf(log_file, fmt, args);
        va_end(args);
        fputc('\n', log_file);
        fflush(log_file);
    }
}

void attach_stop(const char *fmt, ...)
{
    char text[512];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    attach_log("stopped: %s", text);
    fprintf(stderr, "vtdunit: %s\n", text);
    _exit(1);
}

/* A pointer of the dynamic section. Some versions of the dynamic linker relocate it, others do not. */
static void *dynamic(ElfW(Sxword) tag)
{
    for (ElfW(Dyn) *d = program->l_ld; d->d_tag != DT_NULL; d++) {
        if (d->d_tag == tag) {
            uintptr_t at = d->d_un.d_ptr;
            return (void *)(at < program->l_addr ? at + program->l_addr : at);
        }
    }
    attach_stop("Bochs has no dynamic entry %lld", (long long)tag);
}

/* The GNU hash table: header, bloom filter, buckets, chains whose last entry has bit 0 set. */
void *bochs_find(const char *name)
{
    if (attach_config.fail_symbol != NULL && strcmp(attach_config.fail_symbol, name) == 0) {
        return NULL;
    }
    const ElfW(Sym) *symbols = dynamic(DT_SYMTAB);
    const char *strings = dynamic(DT_STRTAB);
    const uint32_t *table = dynamic(DT_GNU_HASH);
    uint32_t buckets = table[0], first = table[1], bloom = table[2], hash = 5381;
    const uint32_t *bucket = table + 4 + bloom * 2, *chain = bucket + buckets;
    for (const char *c = name; *c != 0; c++) {
        hash = hash * 33 + (uint8_t)*c;
    }
    uint32_t i = bucket[hash % buckets];
    if (i < first) {
        return NULL;
    }
    for (;; i++) {
        uint32_t entry = chain[i - first];
        if ((entry | 1) == (hash | 1) && strcmp(strings + symbols[i].st_name, name) == 0) {
            return (void *)(program->l_addr + symbols[i].st_value);
        }
        if (entry & 1) {
            return NULL;
        }
    }
}

unsigned la_version(unsigned version)
{
    if (version < LAV_CURRENT) {
        attach_stop("the dynamic linker's audit version is %u, not %u", version, LAV_CURRENT);
    }
    return LAV_CURRENT;
}

unsigned la_objopen(struct link_map *map, Lmid_t id, uintptr_t *cookie)
{
    (void)id;
    *cookie = (uintptr_t)map;
    if (program == NULL) {
        program = map;
    }
    return LA_FLG_BINDTO | LA_FLG_BINDFROM;
}

static void report_at_end(void)
{
    report_write(true);
}

void la_preinit(uintptr_t *cookie)
{
    (void)cookie;
    config_read();
    void **slots = (void **)&bochs;
    for (unsigned i = 0; i < BOCHS_SYMBOL_COUNT; i++) {
        slots[i] = bochs_find(symbol_names[i]);
        if (slots[i] == NULL) {
            attach_stop("this Bochs does not export %s", symbol_names[i]);
        }
    }
    patches_apply();
    units_create();
    atexit(report_at_end);
}

/* libbx_NAME.so -> NAME, false for anything else. */
static bool plugin_name(const char *path, char *out, size_t size)
{
    const char *base = strrchr(path, '/');
    base = base != NULL ? base + 1 : path;
    const char *end = strstr(base, ".so");
    if (strncmp(base, "libbx_", 6) != 0 || end == NULL || (size_t)(end - base - 6) >= size) {
        return false;
    }
    memcpy(out, base + 6, (size_t)(end - base - 6));
    out[end - base - 6] = 0;
    return true;
}

/*
 * When all of several CPUs are halted, Bochs asks its display for an event, and the terminal
 * display waits a millisecond for a key. There is no keyboard, so time goes on at once.
 */
static int select_at_once(int count, void *read, void *write, void *except, void *timeout)
{
    (void)count;
    (void)read;
    (void)write;
    (void)except;
    (void)timeout;
    return 0;
}

/* "fail-symbol PLUGIN:NAME": as if the plugin did not call it. */
static bool plugin_is_made_to_fail(const char *plugin, const char *name)
{
    const char *wanted = attach_config.fail_symbol;
    size_t length = strlen(plugin);
    return wanted != NULL && strncmp(wanted, plugin, length) == 0 && wanted[length] == ':' &&
           strcmp(wanted + length + 1, name) == 0;
}

uintptr_t la_symbind64(ElfW(Sym) *symbol, unsigned index, uintptr_t *referer, uintptr_t *definer,
                       unsigned *flags, const char *name)
{
    (void)index;
    (void)definer;
    (void)flags;
    char plugin[32];
    if (!plugin_name(((struct link_map *)*referer)->l_name, plugin, sizeof(plugin))) {
        return symbol->st_value;
    }
    if (strcmp(plugin, "term_gui") == 0 && strcmp(name, "select") == 0) {
        return (uintptr_t)select_at_once;
    }
    for (unsigned i = 0; i < BOCHS_SYMBOL_COUNT; i++) {
        if (strcmp(name, symbol_names[i]) == 0 && !plugin_is_made_to_fail(plugin, name)) {
            void *wrapper = devices_wrap(plugin, (enum bochs_symbol)i);
            if (wrapper != NULL) {
                attach_log("%s: %s", plugin, name);
                return (uintptr_t)wrapper;
            }
        }
    }
    return symbol->st_value;
}
