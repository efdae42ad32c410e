/* SPDX-License-Identifier: BSD-2-Clause */
/* The commands of nestorctl: each reads reports and prints them by struct out. */
#ifndef NESTOR_TOOLS_NESTORCTL_CTL_H
#define NESTOR_TOOLS_NESTORCTL_CTL_H

#include "boot/status_client.h"
#include "tools/nestorctl/out.h"
#include "tools/nestorctl/platform.h"

enum { CTL_UNITS = 128 };

struct ctl {
    struct status_client client;
    struct out out;
    struct ctl_unit {
        u64 base;
        u64 second_stage;   /* 0: this Nestor does not say */
        u32 segment;
    } units[CTL_UNITS];     /* after ctl_read_units(); they do not change while Nestor runs */
    u32 unit_count;
};

struct ctl_dump {
    u32 function;           /* segment << 16 | source-id */
    u32 pasid;              /* 0xffffffff: none */
    u64 address;
};

enum ctl_status ctl_status(struct ctl *c);
/* What of it does not change, from Nestor's ACPI table; nothing if that is not there. */
void ctl_status_at_start(struct ctl *c);
enum ctl_status ctl_devices(struct ctl *c);
enum ctl_status ctl_exits(struct ctl *c);
enum ctl_status ctl_counters(struct ctl *c);
enum ctl_status ctl_log(struct ctl *c, bool follow, bool previous);
enum ctl_status ctl_dump(struct ctl *c, const struct ctl_dump *dump);
/* What the report of that dump is asked for; false: no unit is known for the function. */
bool ctl_dump_argument(struct ctl *c, const struct ctl_dump *dump, u32 argument[STATUS_ARGUMENTS], bool *assumed);
/* times: how often it is refreshed, 0: without end. */
enum ctl_status ctl_top(struct ctl *c, u32 times);
enum ctl_status ctl_check(struct ctl *c);
/* Of a partition by its name; text: what is sent to its UART, with a carriage return. */
enum ctl_status ctl_console(struct ctl *c, const char *name, bool follow);
enum ctl_status ctl_control(struct ctl *c, const char *name, const char *what, enum status_control control);
enum ctl_status ctl_type(struct ctl *c, const char *name, const char *text);
/* All of it but dumps and check in one. */
enum ctl_status ctl_report(struct ctl *c, bool with_entries);

/* Takes a report from a position on; true with the first record at *r, or none. False ends the command. */
typedef void ctl_visit(struct ctl *c, const struct status_record *r, void *to);
/* Every record of the snapshot that is there. */
void ctl_visit_all(struct ctl *c, ctl_visit *visit, void *to);
/* Every record of a report, over as many snapshots as it takes. */
enum ctl_status ctl_each(struct ctl *c, u32 report, ctl_visit *visit, void *to);

/* The text of a struct status_log; *at: where it was expected, and then where it ended. */
void ctl_show_log(struct ctl *c, const struct status_record *r, u64 *at);

/* Where the units are; reads them once. */
enum ctl_status ctl_read_units(struct ctl *c);
/* The unit of the records that translates for a function; assumed: nobody says so, it is the last of its segment. */
bool ctl_unit_of(struct ctl *c, u32 function, u32 *unit, bool *assumed);

#endif
