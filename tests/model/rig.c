/* SPDX-License-Identifier: BSD-2-Clause */
/* The machine of rig.h: pages in a small hash table, two ranges that misbehave, a queue that is one page. */
#include "tests/model/rig.h"

#include <stdlib.h>
#include <string.h>

#define BUCKETS 4096u
#define FIRST_PAGE 0x100000ull

struct page {
    struct page *next;
    uint64_t addr;
    uint8_t bytes[4096];
};

struct range {
    uint64_t first, last;
    bool active;
};

struct rig {
    struct model_unit *unit;
    struct model_config config;
    struct page *pages[BUCKETS];
    uint64_t next_page;
    struct range hole, no_update;
    uint64_t queue;
    unsigned interrupts;
    uint64_t interrupt_addr;
    uint32_t interrupt_data;
};

static uint8_t *at(struct rig *rig, uint64_t addr)
{
    struct page **link = &rig->pages[(addr >> 12) % BUCKETS];
    while (*link != NULL && (*link)->addr != (addr & ~0xfffull)) {
        link = &(*link)->next;
    }
    if (*link == NULL) {
        *link = calloc(1, sizeof(**link));
        if (*link == NULL) {
            abort();
        }
        (*link)->addr = addr & ~0xfffull;
    }
    return (*link)->bytes + (addr & 0xfff);
}

static bool meets(const struct range *range, uint64_t addr, size_t len)
{
    return range->active && addr <= range->last && addr + (len - 1) >= range->first;
}

static bool answers(const struct rig *rig, uint64_t addr, size_t len)
{
    return addr >> rig->config.haw == 0 && !meets(&rig->hole, addr, len);
}

static bool mem_read(void *ctx, uint64_t addr, void *buf, size_t len)
{
    struct rig *rig = ctx;
    if (!answers(rig, addr, len)) {
        return false;
    }
    memcpy(buf, at(rig, addr), len);
    return true;
}

static bool mem_write(void *ctx, uint64_t addr, const void *buf, size_t len)
{
    struct rig *rig = ctx;
    if (!answers(rig, addr, len)) {
        return false;
    }
    memcpy(at(rig, addr), buf, len);
    return true;
}

static bool mem_cmpxchg64(void *ctx, uint64_t addr, uint64_t *expected, uint64_t desired,
                          bool *swapped)
{
    struct rig *rig = ctx;
    if (!answers(rig, addr, 8) || meets(&rig->no_update, addr, 8)) {
        return false;
    }
    uint64_t seen = rig_get(rig, addr);
    *swapped = seen == *expected;
    if (*swapped) {
        rig_put(rig, addr, desired);
    }
    *expected = seen;
    return true;
}

static void interrupt(void *ctx, uint64_t addr, uint32_t data)
{
    struct rig *rig = ctx;
    rig->interrupts++;
    rig->interrupt_addr = addr;
    rig->interrupt_data = data;
}

struct model_config rig_default_config(void)
{
    return (struct model_config){.ver = RIG_VER, .cap = RIG_CAP, .ecap = RIG_ECAP, .haw = 48};
}

struct rig *rig_create(const struct model_config *config)
{
    struct rig *rig = calloc(1, sizeof(*rig));
    if (rig == NULL) {
        abort();
    }
    rig->config = config != NULL ? *config : rig_default_config();
    rig->next_page = FIRST_PAGE;
    struct model_ops ops = {.ctx = rig, .mem_read = mem_read, .mem_write = mem_write,
                            .mem_cmpxchg64 = mem_cmpxchg64, .interrupt = interrupt};
    rig->unit = model_create(&rig->config, &ops);
    return rig;
}

void rig_destroy(struct rig *rig)
{
    model_destroy(rig->unit);
    for (unsigned i = 0; i < BUCKETS; i++) {
        while (rig->pages[i] != NULL) {
            struct page *page = rig->pages[i];
            rig->pages[i] = page->next;
            free(page);
        }
    }
    free(rig);
}

struct model_unit *rig_unit(struct rig *rig)
{
    return rig->unit;
}

uint64_t rig_pages(struct rig *rig, unsigned count)
{
    uint64_t page = rig->next_page;
    rig->next_page += count * 4096ull;
    return page;
}

uint64_t rig_page(struct rig *rig)
{
    return rig_pages(rig, 1);
}

void rig_put(struct rig *rig, uint64_t addr, uint64_t value)
{
    memcpy(at(rig, addr), &value, sizeof(value));
}

uint64_t rig_get(struct rig *rig, uint64_t addr)
{
    uint64_t value;
    memcpy(&value, at(rig, addr), sizeof(value));
    return value;
}

void rig_fill(struct rig *rig, uint64_t addr, const void *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        *at(rig, addr + i) = ((const uint8_t *)bytes)[i];
    }
}

void rig_copy(struct rig *rig, uint64_t addr, void *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        ((uint8_t *)bytes)[i] = *at(rig, addr + i);
    }
}

void rig_hole(struct rig *rig, uint64_t first, uint64_t last)
{
    rig->hole = (struct range){first, last, true};
}

void rig_no_update(struct rig *rig, uint64_t first, uint64_t last)
{
    rig->no_update = (struct range){first, last, true};
}

void rig_no_holes(struct rig *rig)
{
    rig->hole.active = false;
    rig->no_update.active = false;
}

/* --- registers and queue --- */

enum { GCMD = 0x18, GSTS = 0x1c, RTADDR = 0x20, FSTS = 0x34, IQH = 0x80, IQT = 0x88, IQA = 0x90 };

static uint32_t sticky(struct rig *rig)
{
    return (uint32_t)model_read(rig->unit, GSTS, 4) & 0x96ffffffu;
}

static void queue_enable(struct rig *rig)
{
    uint64_t wide = (rig->config.ecap >> 43 & 1) != 0 ? 1ull << 11 : 0;
    if (rig->queue != 0 || (rig->config.ecap & 2) == 0) {
        return;
    }
    rig->queue = rig_page(rig);
    model_write(rig->unit, IQA, 8, rig->queue | wide);
    model_write(rig->unit, GCMD, 4, sticky(rig) | 1u << 26);
}

void rig_enable(struct rig *rig, uint64_t rtaddr)
{
    queue_enable(rig);
    model_write(rig->unit, RTADDR, 8, rtaddr);
    model_write(rig->unit, GCMD, 4, sticky(rig) | 1u << 30);
    model_write(rig->unit, GCMD, 4, sticky(rig) | 1u << 31);
}

bool rig_submit4(struct rig *rig, const uint64_t w[4])
{
    queue_enable(rig);
    uint64_t size = (model_read(rig->unit, IQA, 8) & 1u << 11) != 0 ? 32 : 16;
    uint64_t tail = model_read(rig->unit, IQT, 8);
    for (unsigned i = 0; i < size / 8; i++) {
        rig_put(rig, rig->queue + tail + i * 8, w[i]);
    }
    tail = (tail + size) % 4096;
    model_write(rig->unit, IQT, 8, tail);
    return model_read(rig->unit, IQH, 8) == tail;
}

bool rig_submit(struct rig *rig, uint64_t w0, uint64_t w1)
{
    const uint64_t w[4] = {w0, w1, 0, 0};
    return rig_submit4(rig, w);
}

void rig_queue_recover(struct rig *rig)
{
    uint64_t head = model_read(rig->unit, IQH, 8);
    model_write(rig->unit, IQT, 8, head);
    model_write(rig->unit, FSTS, 4, 0x71);
}

void rig_invalidate_all(struct rig *rig)
{
    rig_submit(rig, 0x11, 0);
    rig_submit(rig, 0x37, 0);
    rig_submit(rig, 0x12, 0);
}

/* --- accesses and faults --- */

static unsigned rig_access(struct rig *rig, const struct model_request *request,
                           enum model_op op, uint64_t *value)
{
    struct model_request r = *request;
    struct model_outcome outcome;
    r.op = op;
    r.len = 8;
    return model_dma(rig->unit, &r, value, &outcome) ? 0 : outcome.reason;
}

unsigned rig_read(struct rig *rig, const struct model_request *request, uint64_t *value)
{
    uint64_t unused;
    return rig_access(rig, request, MODEL_READ, value != NULL ? value : &unused);
}

unsigned rig_write(struct rig *rig, const struct model_request *request, uint64_t value)
{
    return rig_access(rig, request, MODEL_WRITE, &value);
}

bool rig_take_fault(struct rig *rig, struct rig_fault *out)
{
    uint64_t status = model_read(rig->unit, FSTS, 4);
    if ((status & 2) == 0) {
        return false;
    }
    uint64_t records = (rig->config.cap >> 40 & 0xff) + 1;
    uint64_t base = (rig->config.cap >> 24 & 0x3ff) * 16;
    uint64_t first = status >> 8 & 0xff;
    for (uint64_t i = 0; i < records; i++) {
        uint64_t offset = base + (first + i) % records * 16;
        uint64_t high = model_read(rig->unit, offset + 8, 8);
        if ((high >> 63) == 0) {
            continue;
        }
        *out = (struct rig_fault){
            .addr = model_read(rig->unit, offset, 8), .sid = (uint16_t)high,
            .reason = (uint8_t)(high >> 32), .pasid = (uint32_t)(high >> 40) & 0xfffff,
            .has_pasid = (high >> 31 & 1) != 0, .exec = (high >> 30 & 1) != 0,
            .priv = (high >> 29 & 1) != 0, .t2 = (high >> 28 & 1) != 0,
            .read = (high >> 62 & 1) != 0, .at = (unsigned)(high >> 60) & 3,
        };
        model_write(rig->unit, offset + 12, 4, 1u << 31);
        return true;
    }
    return false;
}

unsigned rig_interrupts(const struct rig *rig)
{
    return rig->interrupts;
}

void rig_last_interrupt(const struct rig *rig, uint64_t *addr, uint32_t *data)
{
    *addr = rig->interrupt_addr;
    *data = rig->interrupt_data;
}
