/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A device of the root's that does nothing but send interrupt messages to CPUs that are, or will be, a partition's:
 * every 1,000 ticks one. Until one is refused they are interrupts of fixed delivery, as these CPUs run something else
 * yet, to which all other kinds would be the end. From then on they come in both formats in turn: of each delivery mode
 * to each of the CPUs, and by each index of a table. Those that are let through are counted until the machine is reset.
 */
#include <inttypes.h>

#include "tests/bochs/attach/attach.h"

enum { PERIOD = 1000, SID = 0xf8, VECTOR = 0x43, LOGICAL = 3 << 2, REMAPPABLE = 1 << 4, INDEXES = 65536,
       LEVEL = 1 << 14, MODES = 8, RESERVED_MODE = 3 };
#define FEE UINT64_C(0xfee00000)

static struct { uint64_t sent, refused, passed; bool isolated; } seen;

/* VT-d 5.1.2.1 and 5.1.2.2: SHV = 0; an index of 16 bits in 19:5 and 2. */
static uint64_t remappable(uint32_t index)
{
    return FEE | REMAPPABLE | (uint64_t)(index & 0x7fff) << 5 | (uint64_t)(index >> 15) << 2;
}

static uint64_t compatible(uint32_t n, uint32_t cpu, uint32_t *data)
{
    uint32_t mode = seen.isolated ? n % MODES : 0;
    bool logical = seen.isolated && n / MODES % 2 != 0;
    *data = VECTOR | (mode != RESERVED_MODE ? mode : 0) << 8 | LEVEL;
    return FEE | (logical ? (uint64_t)1 << cpu << 12 | LOGICAL : (uint64_t)cpu << 12);
}

static void send(void *self)
{
    (void)self;
    uint32_t cpus = attach_config.messages_last - attach_config.messages_first + 1;
    uint32_t n = (uint32_t)(seen.sent / 2);
    uint32_t data = 0;
    bool by_index = seen.isolated && seen.sent % 2 != 0;
    uint64_t address = by_index ? remappable(n % INDEXES)
                                : compatible(n / cpus, attach_config.messages_first + n % cpus, &data);
    const struct model_request request = {.sid = SID, .op = MODEL_WRITE, .addr = address, .len = sizeof(data)};
    struct model_outcome outcome;
    bool passed = model_dma(units_get(attach_config.unit_count - 1), &request, &data, &outcome);
    seen.sent++;
    seen.refused += passed ? 0 : 1;
    seen.passed += passed && seen.isolated ? 1 : 0;
    seen.isolated = seen.isolated || !passed;
}

void messages_start(void)
{
    static int (*register_timer)(void *system, void *self, void (*handler)(void *self), uint64_t ticks, bool continuous,
                                 bool active, const char *name);
    *(void **)&register_timer = patches_needed("_ZN14bx_pc_system_c20register_timer_ticksEPvPFvS0_EmbbPKc");
    register_timer(patches_needed("bx_pc_system"), &seen, send, PERIOD, true, true, "messages");
}

void messages_reset(void)
{
    seen.isolated = false;
}

void messages_report(FILE *out)
{
    if (seen.sent != 0) {
        fprintf(out, "messages sent=%" PRIu64 " refused=%" PRIu64 " passed=%" PRIu64 "\n", seen.sent, seen.refused,
                seen.passed);
    }
}
