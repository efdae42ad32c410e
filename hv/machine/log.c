/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Lines for a person: formatted whole, remembered with the time, then put out under a lock so that CPUs do not mix. The
 * ring has a lock of its own: whoever reads it does not wait for the serial port.
 */
#include "hv/machine/log.h"

#include "drivers/format.h"
#include "drivers/serial.h"
#include "iommu/port.h"
#include "iommu/base/spinlock.h"

enum { LINE = 256, STAMP = 24, SECOND_US = 1000000 };

static struct {
    struct serial serial;
    struct spinlock lock;
    struct spinlock ring_lock;
    u8 level;
    bool forced;
    const void *amid;       /* whose line has no end yet, see log_amid() */
    u64 end;
    char *ring;
    struct handover_left *left;
} console;

void log_init(const struct handover *h)
{
    u64 base = h->serial_kind == SERIAL_MMIO ? h->direct_map + h->serial_base : h->serial_base;
    console.serial = (struct serial){.kind = h->serial_kind, .base = base, .stride = h->serial_stride};
    console.level = h->log_level;
    console.ring = port_hpa_to_ptr((hpa_t){h->log_base});
    console.left = (struct handover_left *)(void *)(console.ring + HANDOVER_LOG_BYTES);
}

void log_force(void)
{
    console.forced = true;
}

static void lock(struct spinlock *which)
{
    if (!console.forced) {
        spin_lock(which);
    }
}

static void unlock(struct spinlock *which)
{
    if (!console.forced) {
        spin_unlock(which);
    }
}

static void remember(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        console.ring[console.end++ % HANDOVER_LOG_BYTES] = text[i];
    }
}

static void put(enum log_level level, const char *line, size_t length)
{
    char stamp[STAMP];
    u64 now = port_now_us();
    size_t stamped = format_text(stamp, sizeof(stamp), "[%5llu.%06llu] ", now / SECOND_US, now % SECOND_US);
    lock(&console.ring_lock);
    remember(stamp, stamped < sizeof(stamp) ? stamped : sizeof(stamp) - 1);
    remember(line, length);
    unlock(&console.ring_lock);
    if ((u8)level <= console.level) {
        lock(&console.lock);
        if (console.amid != NULL) {
            serial_write(&console.serial, "\n", 1);
            console.amid = NULL;
        }
        serial_write(&console.serial, line, length);
        unlock(&console.lock);
    }
}

void port_log(enum log_level level, const char *fmt, ...)
{
    static const char *const words[] = {"error: ", "warning: ", "", ""};
    if ((u8)level > console.level && level > LOG_INFO) {
        return;
    }
    char line[LINE];
    size_t length = format_text(line, LINE - 1, "nestor: %s", words[level]);
    va_list args;
    va_start(args, fmt);
    length += format_text_v(line + length, LINE - 1 - length, fmt, args);
    va_end(args);
    length = length < LINE - 2 ? length : LINE - 2;
    line[length] = '\n';
    put(level, line, length + 1);
}

bool log_pass(const void *who, const void *amid, const char *text, u32 length)
{
    lock(&console.lock);
    bool taken = console.amid == amid && serial_offer(&console.serial, text, length);
    if (taken) {
        console.amid = text[length - 1] != '\n' ? who : NULL;
    }
    unlock(&console.lock);
    return taken;
}

const void *log_amid(void)
{
    return __atomic_load_n(&console.amid, __ATOMIC_RELAXED);
}

u64 log_end(void)
{
    return __atomic_load_n(&console.end, __ATOMIC_RELAXED);
}

static u32 copy(u64 *offset, char *to, u32 count)
{
    u64 end = console.end;
    if (end - *offset > HANDOVER_LOG_BYTES) {
        *offset = end < HANDOVER_LOG_BYTES || *offset > end ? end : end - HANDOVER_LOG_BYTES;
    }
    u32 n = 0;
    while (n < count && *offset + n < end) {
        to[n] = console.ring[(*offset + n) % HANDOVER_LOG_BYTES];
        n++;
    }
    return n;
}

u32 log_read(u64 *offset, char *to, u32 count)
{
    lock(&console.ring_lock);
    u32 n = copy(offset, to, count);
    unlock(&console.ring_lock);
    return n;
}

void log_leave(void)
{
    struct handover_left *left = console.left;
    u64 from = console.end > HANDOVER_LEFT_TEXT ? console.end - HANDOVER_LEFT_TEXT : 0;
    left->bytes = copy(&from, left->text, HANDOVER_LEFT_TEXT);
    left->told = 0;
    left->crc = handover_left_crc(left);
    left->magic = HANDOVER_LEFT_MAGIC;
    port_flush_lines(left, sizeof(*left));
}

const struct handover_left *log_left(void)
{
    return console.left;
}
