/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The ports of the status window, used as nobody should: narrow, crooked and by strings, with nonsense selected, and
 * asked for what is not the guest's. Whatever was done, a proper reader gets its report afterwards.
 */
#include "tests/efi/hostile.h"
#include "boot/status_client.h"

enum { FLOODS = 2000, STRING_COUNT = 3 };

static struct status_client client;
static u64 strange; /* accesses so far that the window has to count */

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
    u32 a;
    u32 b;
    u32 c;
    u32 d;
    __asm__ volatile("cpuid" : "=a"(a), "=b"(b), "=c"(c), "=d"(d) : "a"(CPUID_NESTOR_FEATURES), "c"(0));
    client.in = port_in;
    client.out = port_out;
    client.port = (u16)c;
    result("status-cpuid", c != 0 && c <= 0xfff8 && d == STATUS_PROTOCOL, "port 0x%x, protocol %u", c, d);
    return c != 0;
}

static u64 counted(void)
{
    struct status_partition p = {.id = 0};
    if (!status_client_take_from(&client, STATUS_REPORT_PARTITION, 0)) {
        return ~0ull;
    }
    for (const struct status_record *r = NULL; (r = status_client_next(&client, r)) != NULL;) {
        if (r->type == STATUS_PARTITION) {
            status_client_copy(r, &p, sizeof(p));
        }
    }
    return p.status_accesses;
}

/* Every width at every place that touches one of the eight ports. */
static void crooked(void)
{
    bool ones = true;
    for (u32 i = 0; i < STATUS_PORT_BYTES; i++) {
        ones &= in8((u16)(client.port + i)) == 0xff;
        out8((u16)(client.port + i), 0);
        strange += 2;
    }
    for (u32 i = 0; i < STATUS_PORT_BYTES + 1; i++) {
        ones &= in16((u16)(client.port + i - 1)) == 0xffff;
        out16((u16)(client.port + i - 1), 0);
        strange += 2;
    }
    for (u32 i = 0; i < STATUS_PORT_BYTES + 3; i++) {
        u32 at = i + 1; /* from three ports before */
        if (at % 4 != 0 || at == 12) {
            ones &= in32((u16)(client.port + at - 4)) == 0xffffffff;
            out32((u16)(client.port + at - 4), 0);
            strange += 2;
        }
    }
    result("status-crooked", ones, "%llu accesses", strange);
}

static void string_in(void *to)
{
    u64 count = STRING_COUNT;
    __asm__ volatile("rep insl" : "+D"(to), "+c"(count) : "d"(client.port + STATUS_DATA) : "memory");
}

static void string_out(void *from)
{
    u64 count = STRING_COUNT;
    __asm__ volatile("rep outsl" : "+S"(from), "+c"(count) : "d"(client.port + STATUS_DATA) : "memory");
}

static void strings(void)
{
    u32 memory[STRING_COUNT] = {1, 2, 3};
    u64 in = trap_call(string_in, memory);
    u64 out = trap_call(string_out, memory);
    bool same = memory[0] == 1 && memory[1] == 2 && memory[2] == 3;
    strange += 2;
    result("status-string", in == VECTOR_GP && out == VECTOR_GP && same, "vectors %llu, %llu", in, out);
}

/* Every session, report and offset, written and read without an order. */
static void flood(void)
{
    u32 random = 12345;
    for (u32 i = 0; i < FLOODS; i++) {
        random = random * 1664525 + 1013904223;
        out32((u16)(client.port + STATUS_SELECT), random);
        if ((random & 0x300000) == 0) {
            out32((u16)(client.port + STATUS_DATA), random ^ i);
        }
        (void)in32((u16)(client.port + STATUS_DATA));
    }
    bool taken = status_client_take_from(&client, STATUS_REPORT_MACHINE, 0);
    result("status-flood", taken, "%u accesses", FLOODS);
}

static u32 dump(u32 unit, u16 sid, u32 pasid, u64 address, u64 *end)
{
    const u32 argument[STATUS_ARGUMENTS] = {status_source(unit, sid), pasid, (u32)address, (u32)(address >> 32)};
    struct status_end e = {.outcome = ~0u};
    if (status_client_take(&client, STATUS_REPORT_DUMP, argument)) {
        for (const struct status_record *r = NULL; (r = status_client_next(&client, r)) != NULL;) {
            if (r->type == STATUS_END) {
                status_client_copy(r, &e, sizeof(e));
            }
        }
    }
    *end = e.address;
    return e.outcome;
}

static void dumps(void)
{
    u64 end;
    u64 page = (u64)(uintptr_t)machine.page;
    u32 outcome = dump(0, 0x0008, 0xffffffff, page, &end);
    result("status-dump", outcome == STATUS_OUTCOME_ADDRESS && end == page, "outcome %u, 0x%llx", outcome, end);
    outcome = dump(0, 0x0008, 0xffffffff, machine.own_base, &end);
    result("status-dump-own", outcome == STATUS_OUTCOME_BLOCKED, "outcome %u, 0x%llx", outcome, end);
    bool refused = true;
    for (u32 unit = 1; unit < 0x10000; unit = unit * 7 + 1) {
        refused &= dump(unit, 0x0008, 0xffffffff, page, &end) == STATUS_OUTCOME_NOT_YOURS;
    }
    result("status-dump-foreign", refused, "%s", "");
    bool bounded = true;
    for (u32 i = 0; i < 64; i++) {
        outcome = dump(0, (u16)(i * 0x0411), i == 0 ? 0xffffffff : ~0u >> i % 32, ~0ull << i, &end);
        bounded &= outcome == STATUS_OUTCOME_BLOCKED || outcome == STATUS_OUTCOME_ADDRESS ||
                   outcome == STATUS_OUTCOME_INTERRUPT;
    }
    result("status-dump-any", bounded, "outcome %u", outcome);
}

void hostile_status(void)
{
    if (!find_window()) {
        return;
    }
    u64 before = counted();
    crooked();
    strings();
    flood();
    dumps();
    u64 after = counted();
    result("status-counted", after - before == strange, "%llu of %llu", after - before, strange);
}

void hostile_status_previous(void)
{
    static const char wanted[] = "exit_handle+0x0";
    u64 bytes = 0;
    u32 matched = 0;
    if (!find_window()) {
        return;
    }
    for (u64 at = 0, before = 1; at != before;) {
        static struct { struct status_log head; char text[STATUS_SNAPSHOT]; } e;
        before = at;
        if (!status_client_take_from(&client, STATUS_REPORT_PREVIOUS, at)) {
            break;
        }
        for (const struct status_record *r = NULL; (r = status_client_next(&client, r)) != NULL;) {
            status_client_copy(r, &e, sizeof(e));
            for (u64 i = 0; i < e.head.bytes && i < sizeof(e.text); i++) {
                char c = e.text[i];
                matched = wanted[matched] == '\0' ? matched : c == wanted[matched] ? matched + 1 : c == wanted[0];
            }
            bytes += e.head.bytes;
            at = e.head.offset + e.head.bytes;
        }
    }
    print("efi: previous %llu bytes, %s the place of a fatal error\n", bytes,
          wanted[matched] == '\0' ? "with" : "without");
}
