/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of the attachment share. One process, one thread. */
#ifndef NESTOR_ATTACH_H
#define NESTOR_ATTACH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "tests/bochs/attach/bochs_abi.h"
#include "tests/model/model.h"

enum {
    WINDOW_BASE = 0xfed90000,   /* Bochs keeps handlers by 64 KiB: one for all */
    WINDOW_END = 0xfed9ffff,
    BENCH_BASE = 0xfed9f000,
    ECAM_BASE = 0xfe000000,     /* of bus 0 */
    ECAM_END = 0xfe0fffff,
    UNITS_MAX = 8,
    NO_PASID = 0xffffffff,
};

/* Prints to stderr and the log, ends Bochs with status 1. */
_Noreturn void attach_stop(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void attach_log(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* config.c */
struct unit_config {
    uint64_t base;
    struct model_config model;
    struct model_faults faults;
    bool stays_on;
};
struct attach_config {
    struct unit_config units[UNITS_MAX];
    unsigned unit_count;
    bool hide_fsrm, show_tme, show_hypervisor, lose_sipis, still_timer, even_turns, nmi_at_command;
    const char *fail_symbol, *report, *dump, *snapshot, *log;
    uint64_t snapshot_bytes;
    bool messages;              /* to these CPUs, see messages.c */
    uint32_t messages_first, messages_last;
    unsigned snapshot_each;
    bool ioapic;
    unsigned edus;
    uint16_t ioapic_sid;
    const char *virtio;         /* the file that is its disk */
};
extern struct attach_config attach_config;
void config_read(void);

/* units.c */
void units_create(void);
/* When Bochs registers its first memory handler, memory is ready: ours follow. */
bool units_register_handlers(void *memory, memory_handler *read, memory_handler *write,
                             void *direct, uint64_t begin, uint64_t end);
bool units_are_attached(void);
struct model_unit *units_get(unsigned index);

/* devices.c */
struct device {
    const char *plugin;         /* libbx_<plugin>.so */
    unsigned needs, bound;      /* bit masks of enum bochs_symbol: expected, found to be called */
    unsigned unit;
    bool known;                 /* has its source-id */
    bool stopped;               /* by a refused access; it does no DMA until it is reset */
    bool error;                 /* a refused access that the guest has not acknowledged */
    uint16_t sid;
    uint64_t reads, writes, refused;
};
enum device_index { DEV_IDE, DEV_E1000, DEV_XHCI, DEV_UHCI, DEV_EHCI, DEV_OHCI, DEV_ES1370, DEV_ISA_DMA, DEV_EDU,
                    DEV_EDU_MORE, DEV_VIRTIO, DEVICES };
extern struct device devices[DEVICES];
/* The replacement for a symbol in a plugin; NULL: leave it alone. */
void *devices_wrap(const char *plugin, enum bochs_symbol symbol);
/* The device's access as the unit sees it; false if it was refused. */
bool devices_dma(struct device *device, bool write, uint64_t addr, size_t len, void *data);

/* errors.c: how a refused access shows in the device. */
void errors_refused(struct device *device);
void *errors_wrap(enum device_index index, enum bochs_symbol symbol);
void errors_reset(void);
void errors_restart(struct device *device);

/* patches.c */
void patches_apply(void);
/* An exported symbol that a repair cannot do without. */
void *patches_needed(const char *name);
/* What calls that function of Bochs's calls another instead. */
void patches_replace(void *function, void *with);
/* The first call or jump in a function of Bochs's to `from` becomes one to `to`. */
void patches_redirect(void *function, size_t len, void *from, void *to, const char *what);
void patches_report(FILE *out);
/* The next NMIs that local APICs take are lost. */
void patches_lose_nmis(unsigned count);

/* turns.c */
void turns_make_even(void);

/* messages.c */
void messages_start(void);
void messages_reset(void);
void messages_report(FILE *out);

/* pull.c: takes away a page of a device's first stage, or its write permission, just as the device writes. */
void pull_arm(uint16_t sid, unsigned times, size_t least_bytes, bool read_only);
bool pull_armed(uint16_t sid);
bool pull_dma(struct model_unit *unit, const struct model_request *request, void *data,
              struct model_outcome *outcome);
void pull_report(FILE *out);

/* machine_check.c */
void machine_check_arm(uint64_t mcg_status);
/* After a write to a unit's register; does not return if it was to be the one. */
void machine_check_raise(void);
/* The CPU's next load from that page. */
void machine_check_poison(uint64_t address, uint64_t mcg_status);

/* bench.c */
uint64_t bench_read(uint64_t offset, unsigned len);
void bench_write(uint64_t offset, unsigned len, uint64_t value);

/* ioapic.c: the emulator's object and the handlers that it registers for its page at begin are changed into ours. */
void ioapic_replace(void *object, memory_handler **read, memory_handler **write, uint64_t begin);

/* edu.c, virtio.c: functions of the attachment's own (pci.h). */
enum { EDUS_MAX = 2 };
void edu_add(unsigned which);
void virtio_add(const char *path);
/* A line each: source-id, where the BAR is, and its size. */
void pci_write_functions(FILE *out);

/* report.c */
/* The last report is the one at_end; the earlier ones have their number appended to the file's name. */
void report_write(bool at_end);
/* Appends guest memory to the dump file. */
void report_dump(uint64_t addr, uint64_t len);

/* snapshot.c */
void snapshot_write(void);
/* A unit may have another root table now; after a reset, none yet. */
void snapshot_note_root(unsigned index);
void snapshot_forget_roots(void);

#endif
