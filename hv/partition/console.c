/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What partitions print. Their CPUs only put it into a ring; CPUs of the root pass it on to Nestor's console, a FIFO of
 * the UART's at a time, each line with the partition's name. What the ring has no room for is dropped and counted.
 */
#include "drivers/serial.h"
#include "hv/machine/log.h"
#include "hv/partition/partition.h"
#include "iommu/port.h"

enum { LONG = 16 };

static void put(struct partition *p, char c)
{
    struct partition_output *o = &p->console;
    spin_lock(&o->lock);
    bool room = o->put - __atomic_load_n(&o->taken, __ATOMIC_ACQUIRE) < PARTITION_RING;
    if (room) {
        o->ring[o->put % PARTITION_RING] = c;
        __atomic_store_n(&o->put, o->put + 1, __ATOMIC_RELEASE);
    }
    bool tell = !room && limit_due(&o->dropped);
    spin_unlock(&o->lock);
    if (tell) {
        port_log(LOG_WARNING, "partition %s prints faster than the console: %llu bytes dropped", p->config->name,
                 o->dropped.count);
    }
}

/* The last place is the one that is written. */
u32 partition_console_read(const struct partition *p, u64 *offset, char *to, u32 count)
{
    const struct partition_output *o = &p->console;
    u64 end = __atomic_load_n(&o->put, __ATOMIC_ACQUIRE);
    u32 n = 0;
    if (end - *offset >= PARTITION_RING) {
        *offset = *offset > end || end < PARTITION_RING ? end : end - PARTITION_RING + 1;
    }
    while (n < count && *offset + n != end) {
        to[n] = o->ring[(*offset + n) % PARTITION_RING];
        n++;
    }
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    return __atomic_load_n(&o->put, __ATOMIC_RELAXED) - *offset < PARTITION_RING ? n : 0;
}

u8 partition_uart_read(struct partition *p, u32 reg)
{
    spin_lock(&p->console.lock);
    u8 value = uart_read(&p->console.uart, reg);
    spin_unlock(&p->console.lock);
    return value;
}

void partition_uart_write(struct partition *p, u32 reg, u8 value)
{
    spin_lock(&p->console.lock);
    bool sent = uart_write(&p->console.uart, reg, value);
    spin_unlock(&p->console.lock);
    if (sent) {
        put(p, (char)value);
    }
}

bool partition_console_type(struct partition *p, u32 seen, char c)
{
    struct partition_output *o = &p->console;
    spin_lock(&o->lock);
    bool taken = o->input == seen && uart_receive(&o->uart, (u8)c);
    o->input += taken ? 1 : 0;
    spin_unlock(&o->lock);
    return taken;
}

/* The n-th character of "NAME: "; 0 behind it. */
static char prefix(const struct partition *p, u32 n)
{
    const char *name = p->config->name;
    u32 length = 0;
    while (name[length] != 0) {
        length++;
    }
    return n < length ? name[n] : n == length ? ':' : n == length + 1 ? ' ' : 0;
}

/* A terminal would obey what else there is. */
static char printable(char c)
{
    return (c >= ' ' && c <= '~') || c == '\n' || c == '\t' ? c : '.';
}

static bool is_waiting(const struct partition_output *o)
{
    return o->ring != NULL && __atomic_load_n(&o->put, __ATOMIC_ACQUIRE) != o->taken;
}

/* A line feed goes out as two bytes. A line that another's has cut goes on in a new one, with the name again. */
static void pass(struct partition *p)
{
    struct partition_output *o = &p->console;
    const void *amid = log_amid();
    char text[SERIAL_FIFO] = "\n";
    u32 feeds = amid != NULL && amid != p ? 1 : 0;
    u32 n = feeds;
    u64 taken = o->taken;
    u32 at = amid == p ? o->prefix : 0;
    u64 end = __atomic_load_n(&o->put, __ATOMIC_ACQUIRE);
    while (n + feeds < SERIAL_FIFO - 1 && taken != end) {
        char c = prefix(p, at);
        if (c != 0) {
            at++;
            text[n++] = c;
            continue;
        }
        c = o->ring[taken++ % PARTITION_RING];
        if (c != '\r') {
            text[n++] = printable(c);
            feeds += c == '\n' ? 1 : 0;
            at = c == '\n' ? 0 : at;
        }
    }
    if (n == 0 || log_pass(p, amid, text, n)) {
        o->prefix = at;
        __atomic_store_n(&o->taken, taken, __ATOMIC_RELEASE);
    }
}

/* A line that has come whole is ended before another partition's begins, unless it is endless. */
bool partition_console_drain(void)
{
    static u32 turn = 1, pieces;
    struct partition *p;
    for (u32 tried = 0; tried <= HANDOVER_PARTITIONS; tried++) {
        p = partition_get(turn);
        if (p != NULL && is_waiting(&p->console)) {
            pass(p);
            if (p->console.prefix == 0 || ++pieces == LONG) {
                turn++;
                pieces = 0;
            }
            return true;
        }
        turn = p == NULL ? 1 : turn + 1;
    }
    return false;
}
