/* SPDX-License-Identifier: BSD-2-Clause */
/* See partition_window.h. */
#include "tests/efi/partition_window.h"

#include "boot/status_client.h"
#include "tests/efi/port_io.h"

enum { ID = 1, WAITS = 200, WAIT_MS = 10 };

static struct status_client client;

static u32 port_in(u16 port)
{
    return in32(port);
}

static void port_out(u16 port, u32 value)
{
    out32(port, value);
}

static bool find_window(void)
{
    u32 a, b, c, d;
    __asm__ volatile("cpuid" : "=a"(a), "=b"(b), "=c"(c), "=d"(d) : "a"(CPUID_NESTOR_FEATURES), "c"(0));
    client.in = port_in;
    client.out = port_out;
    client.port = (u16)c;
    return c != 0 && d == STATUS_PROTOCOL;
}

/* The first record of that type, and the one of that partition; NULL: there is none. */
static const struct status_record *record(u32 type)
{
    const struct status_record *r = status_client_next(&client, NULL);
    while (r != NULL && r->type != type) {
        r = status_client_next(&client, r);
    }
    return r;
}

static bool read_life(struct status_life *life)
{
    const struct status_record *r =
        status_client_take_from(&client, STATUS_REPORT_PARTITION, 0) ? record(STATUS_LIFE) : NULL;
    if (r != NULL) {
        status_client_copy(r, life, sizeof(*life));
    }
    return r != NULL && life->id == ID;
}

static u32 control(u32 what, u32 partition, u32 seen, u32 text)
{
    const u32 argument[STATUS_ARGUMENTS] = {what, partition, seen, text};
    struct status_result result = {.outcome = ~0u};
    const struct status_record *r =
        status_client_take(&client, STATUS_REPORT_CONTROL, argument) ? record(STATUS_RESULT) : NULL;
    if (r != NULL) {
        status_client_copy(r, &result, sizeof(result));
    }
    return result.outcome;
}

static bool console_begins_with(const char *text)
{
    struct { struct status_log head; char text[1024]; } log;
    const struct status_record *r = status_client_take_from(&client, STATUS_REPORT_CONSOLE, status_console(ID, 0))
                                        ? record(STATUS_CONSOLE) : NULL;
    u32 i = 0;
    if (r == NULL) {
        return false;
    }
    status_client_copy(r, &log, sizeof(log));
    while (text[i] != 0 && i < log.head.bytes && log.text[i] == text[i]) {
        i++;
    }
    return text[i] == 0 && log.head.bytes != 0;
}

bool window_controls(void)
{
    struct status_life life;
    return find_window() && read_life(&life) && (life.flags & STATUS_LIFE_CONTROLLED) != 0;
}

static u32 exit_records(void)
{
    u32 n = 0;
    const struct status_record *r = NULL;
    (void)status_client_take_from(&client, STATUS_REPORT_EXITS, 0);
    while ((r = status_client_next(&client, r)) != NULL) {
        n += r->type == STATUS_EXITS ? 1 : 0;
    }
    return n;
}

static bool snapshot_has(const char *text)
{
    u32 bytes = status_client_header(&client)->bytes;
    u32 matched = 0;
    for (u32 i = 0; i < bytes && text[matched] != 0; i++) {
        matched = client.snapshot[i] == text[matched] ? matched + 1 : client.snapshot[i] == text[0] ? 1 : 0;
    }
    return text[matched] == 0;
}

/* From its beginning to its end. */
static bool report_has(u32 report, const char *text)
{
    bool has = false;
    u64 next = report == STATUS_REPORT_CONSOLE ? status_console(ID, 0) : 0;
    u64 from;
    do {
        from = next;
        if (report == STATUS_REPORT_DUMP || !status_client_take_from(&client, report, from)) {
            break;
        }
        has = has || snapshot_has(text);
        next = status_client_header(&client)->next;
    } while (next > from);
    return has;
}

static bool window_has(const char *text)
{
    bool has = false;
    for (u32 report = STATUS_REPORT_MACHINE; report <= STATUS_REPORT_CONSOLE; report++) {
        has = report_has(report, text) || has;
    }
    return has;
}

bool window_printed(const char *text)
{
    return report_has(STATUS_REPORT_CONSOLE, text);
}

bool window_type(char c)
{
    struct status_life life;
    return read_life(&life) && control(STATUS_CONTROL_INPUT, ID, life.input, (u8)c) == STATUS_CONTROL_DONE;
}

bool window_shows(bool all)
{
    struct status_life life;
    if (!find_window() || !read_life(&life)) {
        return false;
    }
    bool controlled = (life.flags & STATUS_LIFE_CONTROLLED) != 0;
    bool right = life.name[0] == 'r' && life.name[1] == 't' && life.name[2] == 0 && life.cpus == 2 &&
                 life.starts != 0 && life.memory == 4 << 20;
    right = right && exit_records() == (all ? 4 : 2) &&
            console_begins_with("begins by multiboot\n") == (all || controlled) &&
            window_has("begins by multiboot") == (all || controlled) && window_has("pages of tables");
    right = right && control(STATUS_CONTROL | 9, ID, 0, 0) == STATUS_CONTROL_UNKNOWN &&
            control(STATUS_CONTROL_STOP, 0, 0, 0) == STATUS_CONTROL_REFUSED &&
            control(STATUS_CONTROL_STOP, ~0u, 0, 0) == STATUS_CONTROL_REFUSED &&
            control(0, ID, life.starts + life.ends, 0) == STATUS_CONTROL_UNKNOWN;
    for (u32 what = STATUS_CONTROL_START; what <= STATUS_CONTROL_INPUT; what++) {
        right = right && (controlled || control(what, ID, life.starts + life.ends, 'x') == STATUS_CONTROL_REFUSED);
    }
    return right;
}

/* Its guest comes to where it waits, and the next control is not too soon. */
static bool settles(void (*wait)(unsigned long long ms))
{
    wait(400);
    return true;
}

static bool reaches(u32 state, u32 starts, u32 ends, struct status_life *life, void (*wait)(unsigned long long ms))
{
    for (u32 i = 0; i < WAITS; i++) {
        if (read_life(life) && life->state == state && life->starts == starts && life->ends == ends) {
            return true;
        }
        wait(WAIT_MS);
    }
    return false;
}

bool window_control(void (*wait)(unsigned long long ms))
{
    struct status_life life;
    return reaches(STATUS_RUNS, 1, 0, &life, wait) && settles(wait) &&
           control(STATUS_CONTROL_START, ID, 1, 0) == STATUS_CONTROL_NOT_NOW &&
           control(STATUS_CONTROL_RESTART, ID, 0, 0) == STATUS_CONTROL_STALE &&
           control(STATUS_CONTROL_RESTART, ID, 1, 0) == STATUS_CONTROL_DONE &&
           control(STATUS_CONTROL_RESTART, ID, 1, 0) == STATUS_CONTROL_STALE &&
           reaches(STATUS_RUNS, 2, 1, &life, wait) &&
           control(STATUS_CONTROL_STOP, ID, 3, 0) == STATUS_CONTROL_TOO_SOON && settles(wait) &&
           control(STATUS_CONTROL_INPUT, ID, life.input + 1, 'x') == STATUS_CONTROL_STALE &&
           control(STATUS_CONTROL_INPUT, ID, life.input, 'x') == STATUS_CONTROL_DONE &&
           reaches(STATUS_STOPPED, 2, 2, &life, wait) &&
           control(STATUS_CONTROL_STOP, ID, 4, 0) == STATUS_CONTROL_NOT_NOW &&
           control(STATUS_CONTROL_START, ID, 4, 0) == STATUS_CONTROL_DONE &&
           reaches(STATUS_RUNS, 3, 2, &life, wait) && settles(wait) &&
           control(STATUS_CONTROL_STOP, ID, 5, 0) == STATUS_CONTROL_DONE &&
           reaches(STATUS_STOPPED, 3, 3, &life, wait);
}

bool window_ends(bool for_good, u32 seconds, void (*wait)(unsigned long long ms))
{
    struct status_life life;
    for (u32 i = 0; i < seconds * 10; i++) {
        if (read_life(&life) && life.ends != 0 && (!for_good || life.state == STATUS_STOPPED)) {
            return true;
        }
        wait(100);
    }
    return false;
}

unsigned long long window_free_pages(void)
{
    struct status_memory memory = {.free_pages = 0};
    const struct status_record *r =
        status_client_take_from(&client, STATUS_REPORT_MACHINE, 0) ? record(STATUS_MEMORY) : NULL;
    if (r != NULL) {
        status_client_copy(r, &memory, sizeof(memory));
    }
    return memory.free_pages;
}

bool window_prints(void)
{
    return console_begins_with("");
}
