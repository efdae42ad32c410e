/* SPDX-License-Identifier: BSD-2-Clause */
/* Lines for a person: formatted whole, then put out under a lock so that CPUs do not mix. */
#include "hv/machine/log.h"

#include "drivers/format.h"
#include "drivers/serial.h"
#include "iommu/port.h"
#include "iommu/base/spinlock.h"

enum { LINE = 256 };

static struct {
    struct serial serial;
    struct spinlock lock;
    u8 level;
    bool forced;
} console;

void log_init(const struct handover *h)
{
    u64 base = h->serial_kind == SERIAL_MMIO ? h->direct_map + h->serial_base : h->serial_base;
    console.serial = (struct serial){.kind = h->serial_kind, .base = base, .stride = h->serial_stride};
    console.level = h->log_level;
}

void log_force(void)
{
    console.forced = true;
}

void port_log(enum log_level level, const char *fmt, ...)
{
    static const char *const words[] = {"error: ", "warning: ", "", ""};
    if ((u8)level > console.level) {
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
    if (!console.forced) {
        spin_lock(&console.lock);
    }
    serial_write(&console.serial, line, length + 1);
    if (!console.forced) {
        spin_unlock(&console.lock);
    }
}
