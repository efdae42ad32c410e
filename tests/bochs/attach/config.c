/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The text file that VTDUNIT_CONFIG names, one `word value` a line:
 *
 *   unit BASE                     a unit at BASE (fed90000h to fed9e000h); the words below it are its
 *   ver, cap, ecap, haw           its registers, and its host address width in bits
 *   erratum                       it has Intel 772415
 *   no-caches                     it forgets everything at once
 *   tolerate-linux                see struct model_config
 *   hang queue, hang commands     it fetches no descriptors; it completes no GCMD command
 *   hang-after N                  it fetches no more descriptors after that many
 *   stays-on                      it completes no more commands once its translation is on
 *   device PLUGIN UNIT            this plugin's DMA goes through that unit (0, 1, ...); default: the last unit
 *   ioapic SID                    an I/O APIC of the attachment's own, whose messages have that source-id
 *   edu, virtio-blk FILE          functions 00:08.0 and 00:09.0 of its own, with an ECAM window at fe000000h; a
 *                                 second edu is 00:0a.0
 *   hide-fsrm                     clears CPUID.7.EDX[4], with which Linux does not boot on Bochs 3.1
 *   show-hypervisor               sets CPUID.1:ECX[31]
 *   lose-sipis                    no start-up IPI reaches a CPU that is in VMX operation
 *   show-tme                      sets CPUID.7.ECX[13], memory encryption
 *   still-timer                   the VMX-preemption timer stands still while a CPU sleeps
 *   even-turns                    time does not depend on what CPUs execute (turns.c)
 *   messages FIRST-LAST           a device of the root's sends interrupts to these CPUs (messages.c)
 *   nmi-at-command                the first CPU gets an NMI with the first write to a unit's command register
 *   fail-symbol NAME              as if Bochs did not have NAME, or with PLUGIN:NAME as if that plugin did not call it
 *   report FILE                   counters and state at the end; on the bench page's command 1 to FILE.1, FILE.2, ...
 *   dump FILE                     memory, on the bench page's command 6
 *   snapshot FILE, snapshot-mib N all of memory to FILE.1, FILE.2, ..., the units' registers and caches beside it, on
 *                                 the bench page's command 8 or edu's; with snapshot-each N on each N-th of these
 *   log FILE                      what was attached; the first refused accesses
 */
#include <inttypes.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bochs/attach/attach.h"

struct attach_config attach_config;

static struct unit_config *last_unit(const char *word)
{
    if (attach_config.unit_count == 0) {
        attach_stop("config: '%s' before any 'unit'", word);
    }
    return &attach_config.units[attach_config.unit_count - 1];
}

static uint64_t number(const char *word, const char *text)
{
    char *end;
    errno = 0;
    uint64_t value = strtoull(text, &end, 0);
    if (errno != 0 || end == text || *end != 0) {
        attach_stop("config: '%s %s' is not a number", word, text);
    }
    return value;
}

static void add_unit(uint64_t base)
{
    if (attach_config.unit_count == UNITS_MAX || base < WINDOW_BASE || base >= BENCH_BASE ||
        base % 4096 != 0) {
        attach_stop("config: no unit can be at %#" PRIx64, base);
    }
    attach_config.units[attach_config.unit_count++].base = base;
}

static void assign_device(char *value)
{
    char *unit = strchr(value, ' ');
    if (unit != NULL) {
        *unit++ = 0;
        for (unsigned i = 0; i < DEVICES; i++) {
            if (strcmp(devices[i].plugin, value) == 0) {
                devices[i].unit = (unsigned)number("device", unit);
                return;
            }
        }
    }
    attach_stop("config: 'device %s' names no device and unit", value);
}

static bool read_hang(struct model_faults *faults, const char *what)
{
    faults->queue_hang = strcmp(what, "queue") == 0;
    faults->gcmd_hang = strcmp(what, "commands") == 0;
    return faults->queue_hang || faults->gcmd_hang;
}

static bool read_unit_word(const char *word, const char *value)
{
    if (strcmp(word, "ver") == 0) {
        last_unit(word)->model.ver = (uint32_t)number(word, value);
    } else if (strcmp(word, "cap") == 0) {
        last_unit(word)->model.cap = number(word, value);
    } else if (strcmp(word, "ecap") == 0) {
        last_unit(word)->model.ecap = number(word, value);
    } else if (strcmp(word, "haw") == 0) {
        last_unit(word)->model.haw = (unsigned)number(word, value);
    } else if (strcmp(word, "erratum") == 0) {
        last_unit(word)->model.erratum_772415 = true;
    } else if (strcmp(word, "no-caches") == 0) {
        last_unit(word)->model.no_caches = true;
    } else if (strcmp(word, "tolerate-linux") == 0) {
        last_unit(word)->model.tolerate_linux = true;
    } else if (strcmp(word, "hang") == 0) {
        return read_hang(&last_unit(word)->faults, value);
    } else if (strcmp(word, "hang-after") == 0) {
        last_unit(word)->faults.hang_after = number(word, value);
    } else if (strcmp(word, "stays-on") == 0) {
        last_unit(word)->stays_on = true;
    } else {
        return false;
    }
    return true;
}

static void read_messages(const char *value)
{
    struct attach_config *c = &attach_config;
    c->messages = sscanf(value, "%" SCNu32 "-%" SCNu32, &c->messages_first, &c->messages_last) == 2;
    if (!c->messages || c->messages_last < c->messages_first) {
        attach_stop("config: 'messages %s' names no CPUs", value);
    }
}

static void read_word(const char *word, char *value)
{
    if (read_unit_word(word, value)) {
        return;
    }
    if (strcmp(word, "unit") == 0) {
        add_unit(number(word, value));
    } else if (strcmp(word, "device") == 0) {
        assign_device(value);
    } else if (strcmp(word, "ioapic") == 0) {
        attach_config.ioapic = true;
        attach_config.ioapic_sid = (uint16_t)number(word, value);
    } else if (strcmp(word, "edu") == 0) {
        attach_config.edus += attach_config.edus < EDUS_MAX ? 1 : 0;
    } else if (strcmp(word, "virtio-blk") == 0) {
        attach_config.virtio = strdup(value);
    } else if (strcmp(word, "hide-fsrm") == 0) {
        attach_config.hide_fsrm = true;
    } else if (strcmp(word, "show-tme") == 0) {
        attach_config.show_tme = true;
    } else if (strcmp(word, "show-hypervisor") == 0) {
        attach_config.show_hypervisor = true;
    } else if (strcmp(word, "lose-sipis") == 0) {
        attach_config.lose_sipis = true;
    } else if (strcmp(word, "still-timer") == 0) {
        attach_config.still_timer = true;
    } else if (strcmp(word, "even-turns") == 0) {
        attach_config.even_turns = true;
    } else if (strcmp(word, "messages") == 0) {
        read_messages(value);
    } else if (strcmp(word, "nmi-at-command") == 0) {
        attach_config.nmi_at_command = true;
    } else if (strcmp(word, "fail-symbol") == 0) {
        attach_config.fail_symbol = strdup(value);
    } else if (strcmp(word, "report") == 0) {
        attach_config.report = strdup(value);
    } else if (strcmp(word, "dump") == 0) {
        attach_config.dump = strdup(value);
    } else if (strcmp(word, "snapshot") == 0) {
        attach_config.snapshot = strdup(value);
    } else if (strcmp(word, "snapshot-mib") == 0) {
        attach_config.snapshot_bytes = number(word, value) << 20;
    } else if (strcmp(word, "snapshot-each") == 0) {
        attach_config.snapshot_each = (unsigned)number(word, value);
    } else if (strcmp(word, "log") == 0) {
        attach_config.log = strdup(value);
    } else {
        attach_stop("config: unknown word '%s'", word);
    }
}

void config_read(void)
{
    const char *path = getenv("VTDUNIT_CONFIG");
    FILE *file = path != NULL ? fopen(path, "r") : NULL;
    if (file == NULL) {
        attach_stop("VTDUNIT_CONFIG must name a file that can be read");
    }
    for (unsigned i = 0; i < DEVICES; i++) {
        devices[i].unit = UNITS_MAX;
    }
    char line[512];
    while (fgets(line, sizeof(line), file) != NULL) {
        line[strcspn(line, "\n")] = 0;
        char *value = strchr(line, ' ');
        if (value != NULL) {
            *value++ = 0;
        }
        if (line[0] != 0) {
            read_word(line, value != NULL ? value : line + strlen(line));
        }
    }
    fclose(file);
    for (unsigned i = 0; i < DEVICES; i++) {
        if (devices[i].unit == UNITS_MAX) {
            devices[i].unit = attach_config.unit_count - 1;
        } else if (devices[i].unit >= attach_config.unit_count) {
            attach_stop("config: device %s is on unit %u of %u", devices[i].plugin, devices[i].unit,
                        attach_config.unit_count);
        }
    }
}
