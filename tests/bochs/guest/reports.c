/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * reports CPU COUNT: takes so many reports of the status window on that CPU, each checked by its CRC and by its
 * contents. Status 0: all of them were whole; 201: one was not, or none came; else the number of an error.
 */
#include "tests/bochs/guest/syscall.h"

#include "boot/status_client.h"
#include "drivers/dword_port.h"

enum { SYS_SCHED_SETAFFINITY = 203, SYS_IOPL = 172, NOT_WHOLE = 201 };

static struct status_client client;

static long number(const char *text)
{
    long value = 0;
    for (; *text >= '0' && *text <= '9'; text++) {
        value = value * 10 + *text - '0';
    }
    return value;
}

/* A record for each CPU, and counts that only grow. */
static bool is_whole(void)
{
    static u64 cpuid_exits;
    struct { struct status_exits head; u64 exits[80]; } e;
    u32 cpus = 0;
    u64 sum = 0;
    for (const struct status_record *r = 0; (r = status_client_next(&client, r)) != 0; cpus++) {
        status_client_copy(r, &e, sizeof(e));
        sum += e.exits[10];
        if (r->type != STATUS_EXITS || e.head.cpu != cpus || e.head.count != 80) {
            return false;
        }
    }
    bool grows = sum >= cpuid_exits && cpus != 0;
    cpuid_exits = sum;
    return grows;
}

int program(int argc, const char *const *argv)
{
    u32 regs[4];
    __asm__ volatile("cpuid" : "=a"(regs[0]), "=b"(regs[1]), "=c"(regs[2]), "=d"(regs[3])
                     : "a"(CPUID_NESTOR_FEATURES), "c"(0));
    if (argc != 3 || regs[2] == 0) {
        return 1;
    }
    u64 mask = 1ull << number(argv[1]);
    must(call(SYS_SCHED_SETAFFINITY, 0, sizeof(mask), (long)&mask, 0, 0));
    must(call(SYS_IOPL, 3, 0, 0, 0, 0));
    client.in = dword_port_in;
    client.out = dword_port_out;
    client.port = (u16)regs[2];
    for (long i = 0; i < number(argv[2]); i++) {
        client.session = (u32)i / 8 % 2 == 0 ? 0 : (u32)number(argv[1]) % STATUS_SESSIONS;
        if (!status_client_take_from(&client, STATUS_REPORT_EXITS, 0) || !is_whole()) {
            return NOT_WHOLE;
        }
    }
    return 0;
}
