/* SPDX-License-Identifier: BSD-2-Clause */
/* See guest_kit_pair.h. */
#include "tests/support/guest_kit_pair.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static void differ(struct pair *p, const char *what, u64 where, u64 viommu, u64 ref)
{
    if (p->differences++ == 0) {
        (void)snprintf(p->text, sizeof(p->text), "%s %llx: vIOMMU %llx, reference %llx", what, where, viommu,
                       ref);
    }
}

static bool is_ram(u64 addr, size_t len)
{
    return addr >= KIT_RAM_BASE && addr < KIT_RAM_END && len <= KIT_RAM_END - addr;
}

static bool ref_read(void *ctx, uint64_t addr, void *buf, size_t len)
{
    (void)ctx;
    if (!is_ram(addr, len)) {
        return false;
    }
    memcpy(buf, hosted_memory() + addr, len);
    return true;
}

static bool ref_write(void *ctx, uint64_t addr, const void *buf, size_t len)
{
    (void)ctx;
    if (!is_ram(addr, len)) {
        return false;
    }
    memcpy(hosted_memory() + addr, buf, len);
    return true;
}

static bool ref_cmpxchg64(void *ctx, uint64_t addr, uint64_t *expected, uint64_t desired,
                          bool *swapped)
{
    u64 seen;
    if (!ref_read(ctx, addr, &seen, sizeof(seen))) {
        return false;
    }
    *swapped = seen == *expected;
    *expected = seen;
    return !*swapped || ref_write(ctx, addr, &desired, sizeof(desired));
}

static void ref_interrupt(void *ctx, uint64_t addr, uint32_t data)
{
    struct pair *p = ctx;
    p->ref_interrupts++;
    p->ref_addr = addr;
    p->ref_data = data;
}

void pair_start(struct pair *p)
{
    pair_start_unit(p, KIT_CAP, KIT_ECAP, NULL);
}

void pair_start_unit(struct pair *p, u64 cap, u64 ecap, const struct viommu_config *quotas)
{
    memset(p, 0, sizeof(*p));
    kit_start_unit(&p->kit, cap, ecap, quotas);
    p->status = kit_page(&p->kit);
    const struct model_config config = {
        .ver = (u32)kit_read(&p->kit, R_VER, 4), .cap = kit_read(&p->kit, R_CAP, 8),
        .ecap = kit_read(&p->kit, R_ECAP, 8), .haw = KIT_HAW, .tolerate_linux = true,
    };
    const struct model_ops ops = {.ctx = p, .mem_read = ref_read, .mem_write = ref_write,
                                  .mem_cmpxchg64 = ref_cmpxchg64, .interrupt = ref_interrupt};
    p->ref = model_create(&config, &ops);
    if (p->ref == NULL) {
        abort();
    }
}

bool pair_stop(struct pair *p)
{
    bool clean = kit_stop(&p->kit);
    model_destroy(p->ref);
    return clean && p->differences == 0;
}

void pair_finish(struct pair *p, const char *name)
{
    u32 differences = p->differences;
    p->differences = 0;
    assert_true(pair_stop(p));
    if (differences != 0) {
        fail_msg("%s: %s (%u in all)", name, p->text, differences);
    }
}

/* Both see the same memory before the write; what they leave in the status page must agree. */
void pair_write(struct pair *p, u32 offset, u32 size, u64 value)
{
    u8 before[PAGE_SIZE], after[PAGE_SIZE];
    u8 *page = hosted_memory() + p->status;
    memcpy(before, page, sizeof(before));
    kit_write(&p->kit, offset, size, value);
    memcpy(after, page, sizeof(after));
    memcpy(page, before, sizeof(before));
    model_write(p->ref, offset, size, value);
    for (u32 i = 0; i < PAGE_SIZE; i++) {
        if (page[i] != after[i]) {
            differ(p, "status page", i, after[i], page[i]);
            return;
        }
    }
}

/* FSTS.FRI means something only with PPF (VT-d 11.4.7.1). */
static u64 meaningful(u32 offset, u32 size, u64 value)
{
    u32 shift = 8 * (R_FSTS - offset);
    bool has_status = (offset == R_FSTS || offset + 4 == R_FSTS) && offset + size > R_FSTS;
    return has_status && (value >> shift & 2) == 0 ? value & ~(0xff00ull << shift) : value;
}

u64 pair_read(struct pair *p, u32 offset, u32 size)
{
    u64 viommu = kit_read(&p->kit, offset, size);
    u64 ref = model_read(p->ref, offset, size);
    if (meaningful(offset, size, viommu) != meaningful(offset, size, ref)) {
        differ(p, size == 8 ? "qword" : "register", offset, viommu, ref);
    }
    return viommu;
}

void pair_compare(struct pair *p)
{
    for (u32 offset = 0; offset < KIT_WINDOW; offset += 4) {
        (void)pair_read(p, offset, 4);
    }
    u64 addr;
    u32 data;
    u32 sent = hosted_interrupts() + p->kit.interrupts;
    if (sent != p->ref_interrupts) {
        differ(p, "interrupts", 0, sent, p->ref_interrupts);
    }
    if (hosted_interrupts() != 0 && p->kit.interrupts == 0) {
        hosted_last_interrupt(&addr, &data);
        if (addr != p->ref_addr || data != p->ref_data) {
            differ(p, "message", p->ref_addr, addr, data);
        }
    }
}

void pair_boot(struct pair *p)
{
    pair_write(p, R_IQT, 8, 0);
    pair_write(p, R_IQA, 8, p->kit.ring | 1u << 11);
    pair_write(p, R_GCMD, 4, G_QIE);
    pair_write(p, R_RTADDR, 8, p->kit.root | 1u << 10);
    pair_write(p, R_GCMD, 4, G_QIE | G_SRTP);
    pair_write(p, R_GCMD, 4, G_QIE | G_TE);
}

void pair_boot_legacy(struct pair *p)
{
    pair_write(p, R_IQT, 8, 0);
    pair_write(p, R_IQA, 8, p->kit.ring);
    pair_write(p, R_GCMD, 4, G_QIE);
    pair_write(p, R_RTADDR, 8, p->kit.root);
    pair_write(p, R_GCMD, 4, G_QIE | G_SRTP);
    pair_write(p, R_GCMD, 4, G_QIE | G_TE);
}

void pair_submit_legacy(struct pair *p, u64 w0, u64 w1)
{
    u64 tail = pair_read(p, R_IQT, 8);
    kit_at(p->kit.ring + tail)[0] = w0;
    kit_at(p->kit.ring + tail)[1] = w1;
    pair_write(p, R_IQT, 8, (tail + 16) % PAGE_SIZE);
}

void pair_submit(struct pair *p, const u64 words[4])
{
    u64 tail = pair_read(p, R_IQT, 8);
    memcpy(hosted_memory() + p->kit.ring + tail, words, 32);
    pair_write(p, R_IQT, 8, (tail + 32) % PAGE_SIZE);
}

u8 pair_dma(struct pair *p, const struct model_request *request)
{
    struct model_outcome a, b;
    u64 value_a = 0x5a5a5a5a5a5a5a5aull, value_b = value_a;
    bool ok_a = model_dma(p->kit.unit, request, &value_a, &a);
    bool ok_b = model_dma(p->ref, request, &value_b, &b);
    if (ok_a != ok_b) {
        differ(p, "access", request->addr, a.reason, b.reason);
    } else if (ok_a && (a.hpa != b.hpa || (request->op == MODEL_READ && value_a != value_b))) {
        differ(p, "place", request->addr, a.hpa, b.hpa);
    }
    return ok_b ? 0 : b.reason;
}

void pair_serve_faults(struct pair *p)
{
    u64 cap = pair_read(p, R_CAP, 8);
    u32 base = (u32)((cap >> 24) & 0x3ff) * 16;
    for (u32 i = 0; i <= ((cap >> 40) & 0xff); i++) {
        pair_write(p, base + 16 * i + 12, 4, 1u << 31);
    }
    pair_write(p, R_FSTS, 4, 0x71);
    pair_write(p, R_ICS, 4, 1);
}
