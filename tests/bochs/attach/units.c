/* SPDX-License-Identifier: BSD-2-Clause */
/* The units' register pages, and what units need from the machine: memory and interrupt messages. */
#include <inttypes.h>
#include <string.h>

#include "tests/bochs/attach/attach.h"

static struct model_unit *units[UNITS_MAX];
static bool attached;

static bool memory_read(void *ctx, uint64_t addr, void *buf, size_t len)
{
    (void)ctx;
    bochs.dma_read(addr, (unsigned)len, buf);
    return true;
}

static bool memory_write(void *ctx, uint64_t addr, const void *buf, size_t len)
{
    (void)ctx;
    bochs.dma_write(addr, (unsigned)len, (uint8_t *)buf);
    return true;
}

/* Bochs is a single thread: nothing can come between the read and the write. */
static bool memory_cmpxchg(void *ctx, uint64_t addr, uint64_t *expected, uint64_t desired,
                           bool *swapped)
{
    uint64_t seen;
    memory_read(ctx, addr, &seen, sizeof(seen));
    *swapped = seen == *expected;
    *expected = seen;
    return *swapped ? memory_write(ctx, addr, &desired, sizeof(desired)) : true;
}

/* An interrupt message, SDM 12.11: destination in 19:12 and 63:40, logical in 2; vector, mode, level in data. */
static void interrupt(void *ctx, uint64_t addr, uint32_t data)
{
    (void)ctx;
    uint32_t destination = ((uint32_t)(addr >> 12) & 0xff) | ((uint32_t)(addr >> 32) & ~0xffu);
    bochs.deliver_interrupt((uint8_t)data, destination, (data >> 8) & 7, (addr & 4) != 0, (data >> 14) & 1,
                            (data >> 15) & 1);
}

void units_create(void)
{
    static const struct model_ops ops = {
        .mem_read = memory_read,
        .mem_write = memory_write,
        .mem_cmpxchg64 = memory_cmpxchg,
        .interrupt = interrupt,
    };
    for (unsigned i = 0; i < attach_config.unit_count; i++) {
        const struct unit_config *config = &attach_config.units[i];
        units[i] = model_create(&config->model, &ops);
        if (units[i] == NULL) {
            attach_stop("unit %u: the model refuses these capabilities", i);
        }
        for (unsigned k = 0; k < i; k++) {
            uint64_t other = attach_config.units[k].base;
            if (config->base < other + model_register_size(units[k]) &&
                other < config->base + model_register_size(units[i])) {
                attach_stop("units %u and %u overlap", k, i);
            }
        }
        attach_log("unit %u at %#" PRIx64 ": cap %#" PRIx64 " ecap %#" PRIx64, i, config->base, config->model.cap,
                   config->model.ecap);
    }
}

bool units_are_attached(void)
{
    return attached;
}

struct model_unit *units_get(unsigned index)
{
    return index < attach_config.unit_count ? units[index] : NULL;
}

static struct model_unit *unit_at(uint64_t addr, uint64_t *offset)
{
    for (unsigned i = 0; i < attach_config.unit_count; i++) {
        uint64_t base = attach_config.units[i].base;
        if (addr >= base && addr < base + model_register_size(units[i])) {
            *offset = addr - base;
            return units[i];
        }
    }
    return NULL;
}

static bool window_read(uint64_t addr, unsigned len, void *data, void *param)
{
    (void)param;
    uint64_t offset, value = ~0ull;
    struct model_unit *unit = unit_at(addr, &offset);
    if (unit != NULL) {
        value = model_read(unit, offset, len);
    } else if (addr >= BENCH_BASE) {
        value = bench_read(addr - BENCH_BASE, len);
    }
    memcpy(data, &value, len <= 8 ? len : 8);
    return true;
}

enum { GCMD = 0x18, GCMD_TE = 1u << 31, MODE_NMI = 4 };

static void note_roots(void)
{
    for (unsigned i = 0; i < attach_config.unit_count; i++) {
        snapshot_note_root(i);
    }
}

static void stay_on(struct model_unit *unit)
{
    for (unsigned i = 0; i < attach_config.unit_count; i++) {
        if (units[i] == unit && attach_config.units[i].stays_on) {
            struct model_faults faults = *model_get_faults(unit);
            faults.gcmd_hang = true;
            model_set_faults(unit, &faults);
        }
    }
}

static bool window_write(uint64_t addr, unsigned len, void *data, void *param)
{
    (void)param;
    uint64_t offset, value = 0;
    memcpy(&value, data, len <= 8 ? len : 8);
    struct model_unit *unit = unit_at(addr, &offset);
    if (unit != NULL && offset == GCMD && attach_config.nmi_at_command) {
        attach_config.nmi_at_command = false;
        bochs.deliver_interrupt(2, 0, MODE_NMI, false, true, true);
    }
    if (unit != NULL) {
        model_write(unit, offset, len, value);
        if (offset == GCMD && (value & GCMD_TE) != 0) {
            stay_on(unit);
        }
        note_roots();
        machine_check_raise();
    } else if (addr >= BENCH_BASE) {
        bench_write(addr - BENCH_BASE, len, value);
    }
    return true;
}

static void device_nothing(void *self)
{
    (void)self;
}

static void device_reset(void *self, unsigned type)
{
    (void)self;
    (void)type;
    for (unsigned i = 0; i < attach_config.unit_count; i++) {
        model_reset(units[i]);
        model_set_faults(units[i], &attach_config.units[i].faults);
    }
    snapshot_forget_roots();
    errors_reset();
    messages_reset();
    attach_log("reset");
}

/* Two words of run-time type information precede the functions. */
static const struct {
    long offset_to_top;
    void *type_info;
    struct bochs_device_vtable functions;
} device_vtable = {0, NULL, {device_nothing, device_nothing, device_nothing, device_reset,
                             device_nothing, device_nothing}};

bool units_register_handlers(void *memory, memory_handler *read, memory_handler *write,
                             void *direct, uint64_t begin, uint64_t end)
{
    static const void *device[BOCHS_DEVICE_WORDS] = {&device_vtable.functions};
    if (attach_config.ioapic) {
        ioapic_replace(memory, &read, &write, begin);
    }
    bool ok = bochs.register_memory(memory, read, write, direct, begin, end);
    if (!attached && attach_config.unit_count != 0) {
        attached = true;
        if (!bochs.register_memory(device, window_read, window_write, NULL, WINDOW_BASE,
                                   WINDOW_END)) {
            attach_stop("Bochs refuses a memory handler at %#x", WINDOW_BASE);
        }
        bochs.register_device(NULL, BOCHS_DEVICE_TYPE, device, "vtdunit");
        for (unsigned i = 0; i < attach_config.edus; i++) {
            edu_add(i);
        }
        if (attach_config.virtio != NULL) {
            virtio_add(attach_config.virtio);
        }
        if (attach_config.messages) {
            messages_start();
        }
    }
    return ok;
}
