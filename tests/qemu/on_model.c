/* SPDX-License-Identifier: BSD-2-Clause */
/* The script's machine, on the reference model: on_model VER CAP ECAP HAW [tolerate-aw] < script */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/model/model.h"
#include "tests/qemu/script.h"

static struct model_unit *unit;
static uint8_t *arena;
static uint8_t device_buffer[8];

static bool inside(uint64_t addr, size_t len)
{
    return addr >= SCRIPT_ARENA && len <= SCRIPT_ARENA_BYTES &&
           addr - SCRIPT_ARENA <= SCRIPT_ARENA_BYTES - len;
}

/* Outside the arena is ordinary memory that nobody looks at, as QEMU's guest has RAM there. */
static bool mem_read(void *ctx, uint64_t addr, void *buf, size_t len)
{
    (void)ctx;
    memset(buf, 0, len);
    if (inside(addr, len)) {
        memcpy(buf, arena + (addr - SCRIPT_ARENA), len);
    }
    return true;
}

static bool mem_write(void *ctx, uint64_t addr, const void *buf, size_t len)
{
    (void)ctx;
    if (inside(addr, len)) {
        memcpy(arena + (addr - SCRIPT_ARENA), buf, len);
    }
    return true;
}

static bool mem_cmpxchg64(void *ctx, uint64_t addr, uint64_t *expected, uint64_t desired,
                          bool *swapped)
{
    uint64_t seen;
    mem_read(ctx, addr, &seen, sizeof(seen));
    *swapped = seen == *expected;
    *expected = seen;
    return *swapped ? mem_write(ctx, addr, &desired, sizeof(desired)) : true;
}

static void interrupt(void *ctx, uint64_t addr, uint32_t data)
{
    (void)ctx;
    (void)addr;
    (void)data;
}

uint32_t script_read32(uint32_t reg) { return (uint32_t)model_read(unit, reg, 4); }
uint64_t script_read64(uint32_t reg) { return model_read(unit, reg, 8); }
void script_write32(uint32_t reg, uint32_t value) { model_write(unit, reg, 4, value); }
void script_write64(uint32_t reg, uint64_t value) { model_write(unit, reg, 8, value); }

uint64_t script_load(uint64_t addr)
{
    uint64_t value;
    mem_read(NULL, addr, &value, sizeof(value));
    return value;
}

void script_store(uint64_t addr, uint64_t value)
{
    mem_write(NULL, addr, &value, sizeof(value));
}

static void dma(uint16_t sid, enum model_op op, uint64_t addr, void *data)
{
    struct model_outcome outcome;
    const struct model_request request = {.sid = sid, .op = op, .addr = addr, .len = 8};
    if (!model_dma(unit, &request, data, &outcome) && op == MODEL_READ) {
        memset(data, 0, 8); /* what edu's buffer holds after a refused read */
    }
}

void script_dma_write(uint64_t iova)
{
    uint64_t data = 0x1122334455667788;
    dma(SCRIPT_WRITER, MODEL_WRITE, iova, &data);
}

void script_dma_read(uint64_t iova)
{
    dma(SCRIPT_READER, MODEL_READ, iova, device_buffer);
}

void script_dma_read_back(void)
{
    dma(SCRIPT_READER, MODEL_WRITE, SCRIPT_SCRATCH, device_buffer);
}

static uint32_t vector_of(uint16_t sid, uint64_t addr, uint32_t data)
{
    struct model_interrupt out;
    bool came = model_interrupt(unit, sid, addr, data, &out) && out.sent;
    return came ? out.data & 0xff : 0;
}

uint32_t script_msi(uint32_t addr, uint32_t data)
{
    return vector_of(SCRIPT_READER, addr, data);
}

/* VT-d 5.1.5.1: bit 48 makes it remappable, and its index is 63:49 and 11. */
uint32_t script_pin(uint64_t entry)
{
    uint64_t addr = 0xfee00000;
    if ((entry >> 48 & 1) != 0) {
        addr |= (entry >> 49) << 5 | 1 << 4 | (entry >> 11 & 1) << 2;
    } else {
        addr |= (entry >> 56) << 12 | (entry >> 11 & 1) << 2;
    }
    return vector_of(SCRIPT_IOAPIC, addr, entry & 0x7ff);
}

void script_print(const char *text)
{
    fputs(text, stdout);
}

void script_print_hex(uint64_t value)
{
    printf("%" PRIx64, value);
}

static char *read_all(FILE *in)
{
    size_t size = 0, room = 1 << 20;
    char *text = malloc(room);
    while (text != NULL) {
        size += fread(text + size, 1, room - 1 - size, in);
        if (size + 1 < room) {
            text[size] = 0;
            return text;
        }
        room *= 2;
        text = realloc(text, room);
    }
    abort();
}

int main(int argc, char **argv)
{
    if (argc != 5 && argc != 6) {
        fprintf(stderr, "usage: on_model VER CAP ECAP HAW [tolerate-aw] < script\n");
        return 2;
    }
    const struct model_config config = {
        .ver = (uint32_t)strtoul(argv[1], NULL, 16),
        .cap = strtoull(argv[2], NULL, 16),
        .ecap = strtoull(argv[3], NULL, 16),
        .haw = (unsigned)strtoul(argv[4], NULL, 10),
        .tolerate_linux = argc == 6,
    };
    const struct model_ops ops = {.mem_read = mem_read, .mem_write = mem_write,
                                  .mem_cmpxchg64 = mem_cmpxchg64, .interrupt = interrupt};
    unit = model_create(&config, &ops);
    arena = calloc(1, SCRIPT_ARENA_BYTES);
    if (unit == NULL || arena == NULL) {
        fprintf(stderr, "on_model: the model refuses these capabilities\n");
        return 1;
    }
    char *text = read_all(stdin);
    script_run(text);
    free(text);
    free(arena);
    model_destroy(unit);
    return 0;
}
