/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * nestorctl's commands on records put together by hand: what is printed, that JSON is JSON, that a page needs nothing
 * else, and that nothing of others reaches a terminal or a page as more than text. `test_nestorctl page FILE` writes
 * the page of a dump, `test_nestorctl report FILE` that of a report, for tests/lint/test_page and for eyes.
 */
#include "boot/acpi_table.h"
#include "boot/status_table.h"
#include "hv/guest/window.h"
#include "iommu/spec/entries.h"
#include "iommu/viommu/viommu.h"
#include "tools/nestorctl/html.h"
#include "tools/nestorctl/main.h"
#include "tools/nestorctl/words.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { PORT = 0x9c0, OUTPUT = 1 << 20, FIRST = 0x1c26a000, SECOND = 0x10076000 };

static struct window window;
static u8 buffers[STATUS_SESSIONS][STATUS_SNAPSHOT] __attribute__((aligned(8)));
static u32 select_register;
static char output[OUTPUT];
static size_t used;
static struct ctl ctl;
static const char *name_of_all = "Wild <b>&amp; \"Network\"\x1b[2J card";
static bool no_unit_known;

static bool is_guest;
static u32 shown_port = PORT, protocol = STATUS_PROTOCOL;
static enum ctl_status ports = CTL_OK;
static u8 table[STATUS_TABLE_BYTES];
static size_t table_bytes;

/* --- the platform --- */

const struct main_more main_more = {.top = ctl_top, .page_of_dump = html_dump, .page_of_report = html_report};

void platform_put(const char *text, size_t length)
{
    assert_true(used + length < OUTPUT);
    memcpy(output + used, text, length);
    used += length;
    output[used] = '\0';
}

void platform_put_error(const char *text, size_t length)
{
    platform_put(text, length);
}

enum ctl_status platform_open_ports(u16 first, u32 count)
{
    assert_true(first == PORT && count == STATUS_PORT_BYTES);
    return ports;
}

struct cpuid_regs platform_cpuid(u32 leaf)
{
    if (leaf == CPUID_NESTOR) {
        return is_guest ? (struct cpuid_regs){CPUID_NESTOR_FEATURES, CPUID_NESTOR_EBX, CPUID_NESTOR_ECX,
                                              CPUID_NESTOR_EDX}
                        : (struct cpuid_regs){.eax = 0x16};
    }
    return (struct cpuid_regs){.ecx = shown_port, .edx = protocol};
}

size_t platform_read_table(void *to, size_t size)
{
    assert_true(size >= table_bytes);
    memcpy(to, table, table_bytes);
    return table_bytes;
}

u32 platform_in(u16 port)
{
    return window_read(&window, &select_register, port - PORT, NULL);
}

void platform_out(u16 port, u32 value)
{
    window_write(&window, &select_register, port - PORT, value, NULL);
}

void platform_wait_ms(u32 ms)
{
    (void)ms;
}

bool platform_redirect(const char *path)
{
    (void)path;
    return false;
}

static const u32 functions[] = {0x0000, 0x0008, 0x0009, 0x0018, 0x00f8};

bool platform_next_function(u32 *function)
{
    for (u32 i = 0; i < ARRAY_LEN(functions); i++) {
        if (functions[i] >= *function) {
            *function = functions[i];
            return true;
        }
    }
    return false;
}

void platform_function_name(u32 function, char *text, size_t size)
{
    (void)function;
    snprintf(text, size, "%s", name_of_all);
}

u64 platform_function_unit(u32 function)
{
    return no_unit_known ? 0 : function < 0xf0 ? 0xfed90000 : 0xfed91000;
}

void platform_read_machine(struct machine *m, struct platform_sources *sources)
{
    memset(m, 0, sizeof(*m));
    memcpy(m->cpu.vendor, "GenuineIntel", 13);
    m->cpu.vmx = m->cpu.no_execute = true;
    m->dmar_usable = m->covered = true;
    m->dmar.unit_count = 1;
    *sources = (struct platform_sources){.cpu = "CPUID", .table = "a table", .devices = "configuration space",
                                         .unknown_msrs = "load msr", .unknown_units = "turn the IOMMU on"};
}

/* --- the window --- */

#define PUT(s, kind, type, ...) (*(type *)window_record(s, kind, sizeof(type)) = (type){__VA_ARGS__})

static void put_device(struct window_session *s, u32 kind, u32 sid, u64 pgtt, u8 punishment)
{
    struct status_device *d = window_record(s, kind, sizeof(*d));
    struct pasid_entry e = {{0}};
    *d = (struct status_device){.unit = sid >> 16, .sid = sid & 0xffff, .punishment = punishment, .faults = 3,
                                .context = {pgtt != 0 ? 0x100bd001 : 0}};
    pasid_set(&e, PASID_P, pgtt != 0);
    pasid_set(&e, PASID_PGTT, pgtt);
    pasid_set(&e, PASID_DID, 7);
    pasid_set(&e, PASID_SSPTPTR, SECOND >> 12);
    pasid_set(&e, PASID_FSPTPTR, pgtt == PGTT_NESTED ? FIRST >> 12 : 0);
    memcpy(d->entry, e.w, sizeof(e.w));
}

/* Of a unit in legacy mode: a second stage that is not the partition's. */
static void put_shadow(struct window_session *s)
{
    PUT(s, STATUS_DEVICE, struct status_device, .unit = 1, .sid = 0x2345, .pasid = 0xffffffff,
        .context = {FIRST | 1, 2});
}

static void put_step(struct window_session *s, u32 kind, u32 level, u64 at, u64 w0, u64 w1)
{
    PUT(s, STATUS_STEP, struct status_step_record, .kind = kind, .level = level, .at = at, .input = 0x1234,
        .w = {w0, w1});
}

static void put_dump(struct window_session *s)
{
    PUT(s, STATUS_REQUEST, struct status_request, .sid = (u16)s->asked[0], .address = s->asked[STATUS_DUMP_LOW]);
    put_step(s, STATUS_STEP_ROOT, 0, 0x10086000, 0x100b6001, 0);
    put_step(s, STATUS_STEP_CONTEXT, 0, 0x100b6120, 0x100bd001, 0);
    put_step(s, STATUS_STEP_DIRECTORY, 0, 0x100bd000, 0x100be001, 0);
    put_step(s, STATUS_STEP_PASID, 0, 0x100be000, 0x100760c9, 0x1800003);
    for (u32 level = 4; level >= 2; level--) {
        put_step(s, STATUS_STEP_SECOND_STAGE, 4, SECOND, 0x10079007, 0);
        put_step(s, STATUS_STEP_SECOND_STAGE, 3, 0x10079000, 0x10078007, 0);
        put_step(s, STATUS_STEP_SECOND_STAGE, 2, 0x10078708, 0x1c2000b7, 0);
        put_step(s, STATUS_STEP_FIRST_STAGE, level, FIRST + 0x1000 * (4 - level), level == 2 ? 0xe7 : 0x1c26b027, 0);
    }
    put_step(s, STATUS_STEP_SECOND_STAGE, 4, SECOND, 0x10079007, 0);
    put_step(s, STATUS_STEP_SECOND_STAGE, 3, 0x10079000, 0x10078007, 0);
    put_step(s, STATUS_STEP_SECOND_STAGE, 2, 0x10078000, 0x10077007, 0);
    put_step(s, STATUS_STEP_SECOND_STAGE, 1, 0x10077008, 0x1037, 0);
    PUT(s, STATUS_END, struct status_end, .outcome = STATUS_OUTCOME_ADDRESS, .address = 0x1234);
}

static void put_log(struct window_session *s, u32 kind, u64 end)
{
    static const char line[] = "[    1.000000] nestor: a line \"quoted\"\n";
    u64 from = window_asked(s);
    u64 start = from < 100 ? 100 : from; /* the first hundred bytes are gone */
    s->next = start;
    while (s->next < end) {
        struct status_log *r = window_record(s, kind, sizeof(*r) + 48);
        r->offset = s->next;
        r->bytes = sizeof(line) - 1;
        memcpy(r->text, line, sizeof(line) - 1);
        s->next += r->bytes;
    }
}

/* What the window of the root says of two others, one of which it controls. */
static u32 controls[8][STATUS_ARGUMENTS], control_count, outcome;
static u32 input = 7;

static void put_lives(struct window_session *s)
{
    PUT(s, STATUS_LIFE, struct status_life, .id = 1, .state = STATUS_RUNS, .cpus = 2, .flags = 3, .name = "rt",
        .memory = 256 << 20, .starts = 3, .ends = 2, .restarts = ~0u, .input = input, .reason = "triple\x1b fault");
    PUT(s, STATUS_LIFE, struct status_life, .id = 2, .state = STATUS_STOPPED, .cpus = 1, .flags = STATUS_LIFE_LATER,
        .name = "other", .starts = 1, .ends = 1, .restarts = 4);
    PUT(s, STATUS_FUNCTION, struct status_function, .partition = 1, .sid = 0x0318);
}

static void put_console(struct window_session *s)
{
    u64 from = status_console(0, window_asked(s));
    s->next = window_asked(s);
    if (from < 20) {
        struct status_log *r = window_record(s, STATUS_CONSOLE, sizeof(*r) + 16);
        *r = (struct status_log){.offset = 10, .bytes = 10};
        memcpy(r->text, "line\r\n\x1b[2J", 10);
    }
}

static void put_result(struct window_session *s)
{
    memcpy(controls[control_count++ % 8], s->asked, sizeof(s->asked));
    PUT(s, STATUS_RESULT, struct status_result, .outcome = outcome);
    input += outcome == STATUS_CONTROL_DONE ? 1 : 0;
    outcome = STATUS_CONTROL_DONE;
}

static u64 cpuid_exits = 5110, new_exits;

static bool report(void *ctx, struct window_session *s)
{
    (void)ctx;
    switch (s->report) {
    case STATUS_REPORT_MACHINE:
        PUT(s, STATUS_VERSION, struct status_version, .protocol = 1, .version = 1, .features = 3, .reports = 9,
            .tsc_khz = 1);
        PUT(s, 999, struct status_version, .protocol = 77); /* of a type to come */
        PUT(s, STATUS_MACHINE, struct status_machine, .cpus = 6, .units = 2, .flags = 7, .partitions = 1);
        PUT(s, STATUS_MEMORY, struct status_memory, .base = 0x10000000, .size = 16 << 20, .pool_pages = 3993);
        PUT(s, STATUS_UNIT, struct status_unit, .base = 0xfed90000, .flags = 31, .cap = 0x1d2078c406f0406, .faults = 3);
        PUT(s, STATUS_UNIT, struct status_unit, .index = 1, .base = 0xfed91000, .flags = 7, .second_stage = SECOND);
        break;
    case STATUS_REPORT_PARTITION:
        PUT(s, STATUS_PARTITION, struct status_partition, .state = 1, .cpus = 6, .memory = 512 << 20, .sleeps = 2);
        PUT(s, STATUS_CPU, struct status_cpu, .apic_id = 4, .state = 1);
        PUT(s, STATUS_CPU, struct status_cpu, .index = 1, .state = 77);
        put_lives(s);
        break;
    case STATUS_REPORT_CONSOLE:
        put_console(s);
        break;
    case STATUS_REPORT_CONTROL:
        put_result(s);
        break;
    case STATUS_REPORT_DEVICES:
        put_device(s, STATUS_DEFAULT, 0, 0, 0);
        put_device(s, STATUS_DEFAULT, 1 << 16, PGTT_SECOND_STAGE, 0);
        put_device(s, STATUS_DEVICE, 0x0009, PGTT_NESTED, 0);
        put_device(s, STATUS_DEVICE, 0x0018, PGTT_PASS_THROUGH, 1);
        put_device(s, STATUS_DEVICE, 0x1234, PGTT_SECOND_STAGE, 2); /* that the system does not list */
        put_shadow(s);
        break;
    case STATUS_REPORT_EXITS: {
        struct status_exits *e = window_record(s, STATUS_EXITS, sizeof(*e) + 16 * 8);
        e->count = 16;
        e->exits[10] = cpuid_exits;
        cpuid_exits += new_exits;
        break;
    }
    case STATUS_REPORT_UNITS: {
        struct status_counters *e = window_record(s, STATUS_COUNTERS, sizeof(*e) + sizeof(struct viommu_stats));
        e->count = sizeof(struct viommu_stats) / 8;
        e->counters[2] = 86;
        break;
    }
    case STATUS_REPORT_DUMP:
        put_dump(s);
        break;
    default:
        put_log(s, s->report == STATUS_REPORT_LOG ? STATUS_LOG : STATUS_PREVIOUS,
                s->report == STATUS_REPORT_LOG ? 4000 : 0);
    }
    return true;
}

static u64 now(void)
{
    static u64 ticks;
    return ticks += 1000;
}

static void begin(bool json)
{
    memset(&window, 0, sizeof(window));
    window.report = report;
    window.now = now;
    for (u32 i = 0; i < STATUS_SESSIONS; i++) {
        window.sessions[i].buffer = buffers[i];
    }
    memset(&ctl, 0, sizeof(ctl));
    ctl.client = (struct status_client){.in = platform_in, .out = platform_out, .port = PORT};
    ctl.out = (struct out){.put = platform_put, .json = json};
    used = 0;
    output[0] = '\0';
}

/* --- what is printed --- */

static bool says(const char *text)
{
    return strstr(output, text) != NULL;
}

/* A value, by the grammar of RFC 8259; NULL if there is none. */
static const char *json_value(const char *c);

static const char *blanks(const char *c)
{
    return c + strspn(c, " \t\r\n");
}

static const char *json_string(const char *c)
{
    if (*c++ != '"') {
        return NULL;
    }
    for (; *c != '"'; c++) {
        if ((u8)*c < 0x20 || *c == '\0') {
            return NULL;
        }
        c += *c == '\\' ? 1 : 0;
    }
    return c + 1;
}

static const char *json_members(const char *c, char end, bool named)
{
    c = blanks(c + 1);
    if (*c == end) {
        return c + 1;
    }
    for (;; c = blanks(c + 1)) {
        if (named) {
            c = json_string(c);
            c = c != NULL ? blanks(c) : NULL;
            if (c == NULL || *c++ != ':') {
                return NULL;
            }
        }
        c = json_value(c);
        c = c != NULL ? blanks(c) : NULL;
        if (c == NULL || *c == end) {
            return c == NULL ? NULL : c + 1;
        }
        if (*c != ',') {
            return NULL;
        }
    }
}

static const char *json_value(const char *c)
{
    c = blanks(c);
    if (*c == '{' || *c == '[') {
        return json_members(c, *c == '{' ? '}' : ']', *c == '{');
    }
    if (*c == '"') {
        return json_string(c);
    }
    static const char *const words[] = {"true", "false", "null"};
    for (u32 i = 0; i < ARRAY_LEN(words); i++) {
        if (strncmp(c, words[i], strlen(words[i])) == 0) {
            return c + strlen(words[i]);
        }
    }
    size_t digits = strspn(c, "0123456789");
    return digits != 0 ? c + digits : NULL;
}

static void check_json(void)
{
    const char *end = json_value(output);
    assert_non_null(end);
    assert_int_equal(*blanks(end), '\0');
}

static enum ctl_status log_all(struct ctl *c)
{
    return ctl_log(c, false, false);
}

static enum ctl_status report_all(struct ctl *c)
{
    return ctl_report(c, true);
}

static enum ctl_status dump_one(struct ctl *c)
{
    const struct ctl_dump dump = {.function = 9, .pasid = 0xffffffff, .address = 0x1234};
    return ctl_dump(c, &dump);
}

static enum ctl_status top_once(struct ctl *c)
{
    return ctl_top(c, 1);
}

static void each_command_is_json(void **state)
{
    enum ctl_status (*const commands[])(struct ctl *c) = {ctl_status, ctl_devices, ctl_exits, ctl_counters, log_all,
                                                          report_all, dump_one, top_once};
    (void)state;
    for (u32 i = 0; i < ARRAY_LEN(commands); i++) {
        begin(true);
        assert_int_equal(commands[i](&ctl), CTL_OK);
        check_json();
        begin(false);
        assert_int_equal(commands[i](&ctl), CTL_OK);
        for (size_t k = 0; k < used; k++) {
            assert_true((u8)output[k] >= ' ' || output[k] == '\n' || (output[k] == '\x1b' && commands[i] == top_once));
        }
    }
    begin(true);
    assert_int_equal(ctl_check(&ctl), CTL_UNKNOWN);
    check_json();
}

static void status(void **state)
{
    (void)state;
    begin(false);
    assert_int_equal(ctl_status(&ctl), CTL_OK);
    assert_true(says("cpus 6, units 2") && says("unit 1:") && says("sleeps 2") && says("state unknown"));
    assert_true(says("root guest") && says("root second-stage"));
}

static void devices(void **state)
{
    (void)state;
    begin(false);
    assert_int_equal(ctl_devices(&ctl), CTL_OK);
    assert_true(says("0000:00:01.1: unit 0, state nested, faults 3, domain_id 7, second_stage 0x10076000, first_stage "
                     "0x1c26a000"));
    assert_true(says("0000:00:03.0: unit 0, state pass-through") && says("silenced yes"));
    assert_true(says("0000:12:06.4: unit 0, state blocked for a storm of faults"));
    assert_true(says("0000:00:00.0: unit 0, state blocked"));
    assert_true(says("0000:23:08.5: unit 1, state shadowed"));
    assert_true(says("0000:00:1f.0: unit 1, state second-stage"));
    begin(false);
    no_unit_known = true;
    assert_int_equal(ctl_devices(&ctl), CTL_OK);
    assert_true(says("0000:00:01.1: unit 1, unit_assumed yes"));
    no_unit_known = false;
}

/* Each time the screen anew, with what came since the last time, by the clock of the reports. */
static void top_is_refreshed(void **state)
{
    u64 total, rate, expected = cpuid_exits;
    const char *at = output;
    (void)state;
    begin(false);
    new_exits = 9000;
    assert_int_equal(ctl_top(&ctl, 3), CTL_OK);
    new_exits = 0;
    for (u32 i = 0; i < 3; i++) {
        expected += 9000;
        at = strstr(at, "\033[H\033[J");
        assert_non_null(at);
        at = strstr(at, "\nCPUID");
        assert_non_null(at);
        assert_int_equal(sscanf(at, "\nCPUID %llu %llu/s", &total, &rate), 2);
        assert_int_equal(total, expected);
        assert_int_equal(rate, 9000);   /* now() goes on by a second for each report, at 1 kHz */
    }
    assert_null(strstr(at, "\033[H\033[J"));
    cpuid_exits = 5110;
}

static void a_log_with_a_gap(void **state)
{
    (void)state;
    begin(false);
    assert_int_equal(log_all(&ctl), CTL_OK);
    assert_int_equal(strncmp(output, "... 100 bytes are gone ...\n[    1.000000]", 41), 0);
    u32 lines = 0;
    for (size_t i = 0; i < used; i++) {
        lines += output[i] == '\n' ? 1 : 0;
    }
    assert_int_equal(lines, 1 + 100); /* of 39 bytes each, up to 4000 */
    begin(false);
    assert_int_equal(ctl_log(&ctl, false, true), CTL_OK);
    assert_true(says("no earlier start left a log"));
}

static void a_report_has_no_entries_unless_asked(void **state)
{
    (void)state;
    begin(false);
    assert_int_equal(ctl_report(&ctl, false), CTL_OK);
    assert_false(says("first_stage 0x1c26a000"));
    begin(false);
    assert_int_equal(ctl_report(&ctl, true), CTL_OK);
    assert_true(says("first_stage 0x1c26a000"));
}

static void page(void)
{
    const struct ctl_dump dump = {.function = 9, .pasid = 0xffffffff, .address = 0x1234};
    begin(false);
    assert_int_equal(html_dump(&ctl, &dump), CTL_OK);
}

static void report_page(void)
{
    begin(false);
    assert_int_equal(html_report(&ctl, false), CTL_OK);
}

static void needs_nothing_else(void)
{
    static const char *const outside[] = {"http:", "https:", "src=", "@import", "url(http", "<script", "<link",
                                          "<b>&amp;amp;"};
    for (u32 i = 0; i < ARRAY_LEN(outside); i++) {
        assert_false(says(outside[i]));
    }
    assert_true(says("<!doctype html>") && says("</style>") && says("</body></html>"));
    assert_true(says("prefers-color-scheme:dark"));
}

static void a_report_as_a_page(void **state)
{
    (void)state;
    report_page();
    needs_nothing_else();
    assert_true(says("aria-label='The machine'") && says("partition 0: 512 MiB, 6 CPUs"));
    assert_true(says("partition rt: runs</text>") && says("256 MiB, 2 CPUs, 1 functions"));
    assert_true(says("=== status ===\nnestor: version") && says("=== previous ==="));
    assert_false(says("first_stage 0x1c26a000") || says("The path of one DMA"));
}

static void a_page_needs_nothing_else(void **state)
{
    (void)state;
    page();
    needs_nothing_else();
    assert_true(says("Wild &lt;b&gt;&amp;amp;"));
    assert_true(says("PASID entry") && says("first-stage entry, level 4") && says("second-stage entry, level 1"));
    assert_true(says("found by 3 second-stage entries") && says("host memory") && says("partition 0: 512 MiB, 6 CPUs"));
}

static void functions_in_words(void **state)
{
    static const char *const wrong[] = {"", "1", "00:20.0", "00:01.8", "100:00.0.0", "00:01.1x", "x:00:01.1", "00:01",
                                        "::.", "10000:00:01.1", "00:01.1:", "123456789:00:00.0"};
    u32 function;
    u64 value;
    (void)state;
    assert_true(words_parse_function("00:1f.7", &function));
    assert_int_equal(function, 0x00ff);
    assert_true(words_parse_function("0001:fe:00.1", &function));
    assert_int_equal(function, 0x1fe01);
    for (u32 i = 0; i < ARRAY_LEN(wrong); i++) {
        assert_false(words_parse_function(wrong[i], &function));
    }
    assert_true(words_parse_number("0xffffffffffffffff", &value));
    assert_true(value == ~0ull);
    assert_false(words_parse_number("0x10000000000000000", &value));
    assert_false(words_parse_number("0x", &value) || words_parse_number("", &value));
    assert_false(words_parse_number("12a", &value));
}

static int run(const char *line)
{
    static char text[256];
    const char *words[12] = {"nestorctl"};
    int count = 1;
    snprintf(text, sizeof(text), "%s", line);
    for (char *word = strtok(text, " "); word != NULL; word = strtok(NULL, " ")) {
        words[count++] = word;
    }
    used = 0;
    output[0] = '\0';
    return ctl_main(count, words);
}

static void command_lines(void **state)
{
    static const char *const wrong[] = {"", "--json", "status --what", "dump 00:01.1 0 0", "dump 00:01.1 0 --pasid",
                                        "dump 00:01.1 0 --pasid 0x100000", "log -f", "console rt -f"};
    (void)state;
    begin(false);
    for (u32 i = 0; i < ARRAY_LEN(wrong); i++) {
        assert_int_equal(run(wrong[i]), CTL_USAGE);
        assert_true(says("usage: nestorctl"));
    }
    /* This machine is no guest of Nestor's, which is found before any port is touched. */
    assert_int_equal(run("--json status"), CTL_NO_NESTOR);
    assert_true(says("does not run under Nestor"));
    assert_int_equal(run("-o /nowhere status"), CTL_FILE);
    assert_int_equal(run("check"), CTL_UNKNOWN);
    assert_true(says("unknown, source nothing, turn the IOMMU on") && says("Nestor can run here: unknown"));
}

/* Each thing that can be missing has words and a status of its own. */
static void what_is_missing(void **state)
{
    (void)state;
    begin(false);
    is_guest = true;
    assert_int_equal(run("status"), CTL_OK);
    protocol = STATUS_PROTOCOL - 1;
    assert_int_equal(run("status"), CTL_OTHER_VERSION);
    assert_true(says("another protocol"));
    protocol = STATUS_PROTOCOL;
    shown_port = 0;
    assert_int_equal(run("status"), CTL_NO_WINDOW);
    assert_true(says("has no status window"));
    shown_port = PORT;
    ports = CTL_NO_RIGHT;
    assert_int_equal(run("status"), CTL_NO_RIGHT);
    assert_true(says("run it as root"));
    ports = CTL_OK;
    is_guest = false;
}

static void partitions(void **state)
{
    (void)state;
    begin(false);
    is_guest = true;
    assert_int_equal(run("status"), CTL_OK);
    assert_true(says("partition 1: name rt, state runs, cpus 2, memory_mib 256, starts 3, ends 2, last_end triple? "
                     "fault"));
    assert_true(says("name other, state stopped") && says("starts_later yes") && says("console_readable no"));
    assert_true(says("0000:03:03.0: partition 1"));
    assert_int_equal(run("--json status"), CTL_OK);
    check_json();
    assert_int_equal(run("console rt"), CTL_OK);
    assert_string_equal(output, "... 10 bytes are gone ...\nline\n?[2J");
    assert_int_equal(run("--json console rt"), CTL_OK);
    check_json();
    assert_int_equal(run("console other"), CTL_REFUSED);
    assert_int_equal(run("console nobody"), CTL_NO_PARTITION);
    assert_true(says("no partition of that name"));
    assert_int_equal(run("console"), CTL_USAGE);
    is_guest = false;
}

/* What is sent, and what the answers make of it. */
static void control(void **state)
{
    (void)state;
    begin(false);
    is_guest = true;
    const u32 restart[] = {STATUS_CONTROL_RESTART, 1, 5, 0};
    control_count = 0;
    outcome = STATUS_CONTROL_TOO_SOON;
    assert_int_equal(run("restart rt"), CTL_OK);
    assert_true(says("partition rt, done restart"));
    assert_int_equal(control_count, 2);
    assert_memory_equal(controls[1], restart, sizeof(restart));
    outcome = STATUS_CONTROL_NOT_NOW;
    assert_int_equal(run("start rt"), CTL_NOT_NOW);
    assert_int_equal(controls[2][0], STATUS_CONTROL_START);
    outcome = STATUS_CONTROL_REFUSED;
    assert_int_equal(run("stop rt"), CTL_REFUSED);
    assert_true(says("control-by = root"));
    assert_int_equal(run("stop other"), CTL_REFUSED);
    assert_int_equal(run("stop"), CTL_USAGE);
    control_count = 0;
    outcome = STATUS_CONTROL_NOT_NOW;   /* its FIFO is full at first */
    input = 7;
    assert_int_equal(run("type rt ab"), CTL_OK);
    assert_int_equal(control_count, 4);
    const u32 sent[][STATUS_ARGUMENTS] = {{STATUS_CONTROL_INPUT, 1, 7, 'a'}, {STATUS_CONTROL_INPUT, 1, 7, 'a'},
                                          {STATUS_CONTROL_INPUT, 1, 8, 'b'}, {STATUS_CONTROL_INPUT, 1, 9, '\r'}};
    assert_memory_equal(controls, sent, sizeof(sent));
    assert_int_equal(run("type rt"), CTL_USAGE);
    is_guest = false;
}

/* Under lockdown there is the table that nestor.efi has made of a snapshot; a broken one, or none, shows nothing. */
static void locked_down(void **state)
{
    (void)state;
    begin(false);
    assert_true(status_client_take_from(&ctl.client, STATUS_REPORT_MACHINE, 0));
    table_bytes = status_table_build(&ctl.client, table);
    assert_int_equal(table_bytes, STATUS_TABLE_SNAPSHOT + status_client_header(&ctl.client)->bytes);
    assert_memory_equal(table, "OEMN", 4);
    assert_memory_equal(table + 10, "NESTORNESTOR  ", 14);
    assert_int_equal(acpi_sum(table, (u32)table_bytes), 0);
    assert_int_equal(bytes_get(table, 4, 4), table_bytes);
    is_guest = true;
    ports = CTL_LOCKDOWN;
    assert_int_equal(run("status"), CTL_LOCKDOWN);
    assert_true(says("as_at_start yes") && says("cpus 6, units 2") && says("unit 1:") && says("locked down"));
    assert_int_equal(run("devices"), CTL_LOCKDOWN);
    assert_false(says("cpus 6"));
    const size_t whole = table_bytes;
    for (size_t cut = 0; cut < whole; cut++) {
        table_bytes = cut;
        assert_int_equal(run("status"), CTL_LOCKDOWN);
        assert_false(says("cpus 6"));
    }
    table_bytes = whole;
    table[STATUS_TABLE_SNAPSHOT + 60] ^= 1;
    assert_int_equal(run("status"), CTL_LOCKDOWN);
    assert_false(says("cpus 6"));
    is_guest = false;
    ports = CTL_OK;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_command_is_json), cmocka_unit_test(status), cmocka_unit_test(devices),
        cmocka_unit_test(top_is_refreshed),
        cmocka_unit_test(a_log_with_a_gap), cmocka_unit_test(a_report_has_no_entries_unless_asked),
        cmocka_unit_test(a_page_needs_nothing_else), cmocka_unit_test(a_report_as_a_page),
        cmocka_unit_test(functions_in_words),
        cmocka_unit_test(command_lines), cmocka_unit_test(what_is_missing), cmocka_unit_test(locked_down),
        cmocka_unit_test(partitions), cmocka_unit_test(control),
    };
    if (argc == 3) {
        FILE *file = fopen(argv[2], "w");
        (strcmp(argv[1], "report") == 0 ? report_page : page)();
        return file == NULL || fwrite(output, 1, used, file) != used || fclose(file) != 0;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
