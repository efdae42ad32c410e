/* SPDX-License-Identifier: BSD-2-Clause */
/* See status_partition.h. */
#include "hv/exit/status_partition.h"

#include "hv/machine/memory_map.h"
#include "hv/machine/time.h"
#include "hv/partition/partition.h"
#include "hv/vcpu/stop.h"
#include "iommu/port.h"

enum { CONTROL_MS = 200 };          /* from one to the next */

/* --- who sees what --- */

bool exit_status_sees(const struct partition *p, const struct partition *other, enum status_sees what)
{
    return p == other || (p->config == NULL && (what == STATUS_SEES_NAME || p->sees_all));
}

static bool controls(const struct partition *p, const struct partition *other)
{
    return p->config == NULL && other->config->root_controls;
}

static bool reads_console(const struct partition *p, const struct partition *other)
{
    return other->console.ring != NULL && (exit_status_sees(p, other, STATUS_SEES_ALL) || controls(p, other));
}

/* One beside the root; NULL: none has that number. */
static struct partition *find(u64 id)
{
    return id != 0 && id <= HANDOVER_PARTITIONS ? partition_get((u32)id) : NULL;
}

/* --- records --- */

u32 exit_status_state(const struct partition *p)
{
    static const u8 states[] = {[PARTITION_WAITS] = STATUS_WAITS, [PARTITION_RUNS] = STATUS_RUNS,
                                [PARTITION_STOPPED] = STATUS_STOPPED};
    return p->config == NULL ? (u32)STATUS_RUNS : states[p->life.state];
}

u64 exit_status_memory(const struct partition *p)
{
    return p->config != NULL ? p->config->memory_size : memory_map_size(1u << RANGE_RAM);
}

static void copy_text(char *to, u32 size, const char *from)
{
    for (u32 i = 0; i + 1 < size && from[i] != 0; i++) {
        to[i] = from[i];
    }
}

bool exit_status_add_life(const struct partition *p, const struct partition *other, struct window_session *s)
{
    const struct partition_life *life = &other->life;
    const struct handover_partition *config = other->config;
    struct status_life *r = window_record(s, STATUS_LIFE, sizeof(*r));
    if (r == NULL) {
        return false;
    }
    *r = (struct status_life){
        .id = other->id, .state = exit_status_state(other), .cpus = other->cpu_total,
        .flags = (reads_console(p, other) ? STATUS_LIFE_CONSOLE : 0u) |
                 (controls(p, other) ? STATUS_LIFE_CONTROLLED : 0u) | (config->later ? STATUS_LIFE_LATER : 0u),
        .memory = exit_status_memory(other), .starts = life->starts, .ends = life->ends, .restarts = config->restarts,
        .input = other->console.input};
    copy_text(r->name, sizeof(r->name), config->name);
    copy_text(r->reason, sizeof(r->reason), life->why != NULL ? life->why : "");
    return true;
}

bool exit_status_add_function(const struct partition *p, const struct handover_function *f, struct window_session *s)
{
    const struct partition *other = partition_get(1u + f->partition);
    struct status_function *r;
    if (!exit_status_sees(p, other, STATUS_SEES_NAME)) {
        return true;
    }
    r = window_record(s, STATUS_FUNCTION, sizeof(*r));
    if (r != NULL) {
        *r = (struct status_function){.partition = other->id, .segment = f->segment, .sid = f->source_id};
    }
    return r != NULL;
}

/* --- the console --- */

bool exit_status_console(const struct partition *p, struct window_session *s)
{
    const struct partition *other = find(s->position >> 56);
    u64 offset = status_console(0, s->position);
    struct status_log *r;
    if (other == NULL || !reads_console(p, other)) {
        return true;
    }
    r = window_record(s, STATUS_CONSOLE, sizeof(*r) + STATUS_TEXT_PART);
    if (r != NULL) {
        r->bytes = partition_console_read(other, &offset, r->text, STATUS_TEXT_PART);
        r->offset = offset;
        s->position = status_console(other->id, offset + r->bytes);
    }
    s->next = s->position;
    return r == NULL || r->bytes < STATUS_TEXT_PART;
}

/* --- control --- */

static enum status_control_outcome type(struct partition *other, u32 seen, u32 character)
{
    if (other->config->uart_port == 0 || other->life.state != PARTITION_RUNS) {
        return STATUS_CONTROL_NOT_NOW;
    }
    if (seen != other->console.input) {
        return STATUS_CONTROL_STALE;
    }
    return partition_console_type(other, seen, (char)character) ? STATUS_CONTROL_DONE : STATUS_CONTROL_NOT_NOW;
}

/* What its guest has in memory goes, and its CPUs load it again: not more often than that. */
static enum status_control_outcome change(struct partition *other, u32 what, u32 seen)
{
    struct partition_life *life = &other->life;
    u64 now = tsc_read();
    u64 last = __atomic_load_n(&life->controlled_at, __ATOMIC_RELAXED);
    if (seen != life->starts + life->ends) {
        return STATUS_CONTROL_STALE;
    }
    if (now - last < CONTROL_MS * time_tsc_khz()) {
        return STATUS_CONTROL_TOO_SOON;
    }
    if (!stop_controlled(other, seen, what != STATUS_CONTROL_START, what != STATUS_CONTROL_STOP)) {
        return STATUS_CONTROL_NOT_NOW;
    }
    __atomic_store_n(&life->controlled_at, now, __ATOMIC_RELAXED);
    return STATUS_CONTROL_DONE;
}

static enum status_control_outcome control(struct partition *p, const u32 *asked)
{
    struct partition *other = find(asked[STATUS_CONTROL_PARTITION]);
    u32 what = asked[STATUS_CONTROL_WHAT];
    if (what < STATUS_CONTROL_START || what > STATUS_CONTROL_INPUT) {
        return STATUS_CONTROL_UNKNOWN;
    }
    if (other == NULL || !controls(p, other)) {
        return STATUS_CONTROL_REFUSED;
    }
    return what == STATUS_CONTROL_INPUT ? type(other, asked[STATUS_CONTROL_SEEN], asked[STATUS_CONTROL_TEXT])
                                        : change(other, what, asked[STATUS_CONTROL_SEEN]);
}

bool exit_status_control(struct partition *p, struct window_session *s)
{
    static const char *const why[] = {
        [STATUS_CONTROL_REFUSED] = "no partition that it may control",
        [STATUS_CONTROL_STALE] = "the partition has changed meanwhile",
        [STATUS_CONTROL_NOT_NOW] = "its state does not allow it",
        [STATUS_CONTROL_TOO_SOON] = "too soon after the last one",
        [STATUS_CONTROL_UNKNOWN] = "no such control",
    };
    struct status_result *r = window_record(s, STATUS_RESULT, sizeof(*r));
    enum status_control_outcome outcome = control(p, s->asked);
    if (r != NULL) {
        r->outcome = outcome;
    }
    if (outcome != STATUS_CONTROL_DONE && limit_due(&p->refused_controls)) {
        port_log(LOG_WARNING, "partition %u asks for control 0x%x of partition %u: %s", p->id,
                 s->asked[STATUS_CONTROL_WHAT], s->asked[STATUS_CONTROL_PARTITION], why[outcome]);
    }
    return true;
}
