/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Two partitions with a unit each behind one of the hardware's: both write entries of any kind, announce them in any
 * way, change their tables, modes and messages, and begin new lives. After each step every message of theirs comes to
 * what a unit of the specification would make of it that had only that guest's memory and had cached nothing, as far as
 * Nestor lets it: to CPUs of its own; and each refusal is that guest's fault, with its own index.
 *
 * NESTOR_SEED and NESTOR_OPS choose another run.
 */
#include "hv/device/interrupts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "hv/device/dma.h"
#include "hv/device/msi.h"
#include "hv/device/msix.h"
#include "iommu/viommu/viommu.h"
#include "tests/support/device_kit.h"
#include "tests/support/pick.h"
#include "tests/support/reader.h"
#include "tests/support/repeat.h"

enum {
    R_VER = 0, R_CAP = 8, R_ECAP = 0x10, R_GCMD = 0x18, R_GSTS = 0x1c, R_FSTS = 0x34, R_IQT = 0x88, R_IQA = 0x90,
    R_IRTA = 0xb8, R_RECORDS = 0x220, RECORDS = 4,
    GUESTS = 2, MESSAGES = 8, INDEXES = 40, TABLE = 0x10000, RING = 0x20000, EIME = 1 << 11, MSI = 0x50,
};
#define IRE (1u << 25)
#define SIRTP (1u << 24)
#define CFI (1u << 23)
#define QIE (1u << 26)

struct guest {
    struct partition *p;
    struct viommu *unit;
    struct model_unit *ref;
    u32 on;                             /* of GCMD */
    u64 irta;
    bool eime;                          /* as latched */
};
/* Of each function: what its guest has written. */
struct function {
    u32 device, guest, count;           /* its index in the handover; whose; messages that are looked at */
    u16 sid;
    bool msi;
    u64 address[MESSAGES];
    u32 data[MESSAGES];
};
static struct guest guests[GUESTS];
static struct function functions[] = {
    {.device = 0, .guest = 0, .count = 4, .sid = DEVICE_KIT_SID_A},
    {.device = 1, .guest = 1, .count = 6, .sid = DEVICE_KIT_SID_B},
    {.device = 2, .guest = 0, .count = 4, .sid = DEVICE_KIT_SID_MSI, .msi = true},
};
static struct { u64 sent, remapped, refused, withheld, faults, lives; } done;

static u64 *at(const struct guest *g, u64 gpa)
{
    return (u64 *)(void *)(hosted_memory() + g->p->spans[0].hpa + gpa);
}

/* --- the other unit's world: the guest's memory --- */

static bool ref_read(void *ctx, uint64_t addr, void *to, size_t len)
{
    const struct guest *g = ctx;
    bool ram = addr < DEVICE_KIT_BYTES && len <= DEVICE_KIT_BYTES - addr;
    if (ram) {
        memcpy(to, at(g, addr), len);
    }
    return ram;
}

/* --- registers, of both --- */

static void finish(struct guest *g)
{
    u32 budget;
    do {
        budget = 1 + pick(VIOMMU_BUDGET);
    } while (viommu_run(g->unit, &budget));
}

static u64 read(struct guest *g, u32 offset, u32 size)
{
    u64 value;
    while (viommu_mmio_read(g->unit, offset, size, &value) != VIOMMU_DONE) {
        finish(g);
    }
    return value;
}

static void write(struct guest *g, u32 offset, u32 size, u64 value)
{
    if (viommu_mmio_write(g->unit, offset, size, value)) {
        finish(g);
    }
}

static void write_both(struct guest *g, u32 offset, u32 size, u64 value)
{
    write(g, offset, size, value);
    model_write(g->ref, offset, size, value);
    assert_int_equal(read(g, R_GSTS, 4) & (IRE | CFI), model_read(g->ref, R_GSTS, 4) & (IRE | CFI));
}

static void set_table(struct guest *g, u64 irta)
{
    g->irta = irta;
    g->eime = (irta & EIME) != 0;
    write_both(g, R_IRTA, 8, irta);
    write_both(g, R_GCMD, 4, QIE | g->on | SIRTP);
}

static void begin(struct guest *g)
{
    write(g, R_IQA, 8, RING);
    write(g, R_GCMD, 4, QIE);
    model_reset(g->ref);
    g->on = 0;
    set_table(g, TABLE | EIME | 4);
    g->on = IRE;
    write_both(g, R_GCMD, 4, QIE | IRE);
}

static void announce(struct guest *g, u32 index)
{
    static const u32 masks[] = {0, 0, 1, 3, 6, 15};
    u64 tail = read(g, R_IQT, 8);
    u32 mask = masks[pick(ARRAY_LEN(masks))];
    at(g, RING + tail)[0] = pick(4) == 0 ? 4 : 0x14 | mask << 27 | (u64)index << 32;
    at(g, RING + tail)[1] = 0;
    write(g, R_IQT, 8, (tail + 16) % PAGE_SIZE);
    assert_int_equal(read(g, R_FSTS, 4) & 0x10, 0);
}

/* --- what a guest does --- */

static void new_entry(struct guest *g)
{
    static const u32 modes[] = {0, 0, 0, 1, 1, 2, 4, 5, 7};   /* the specification defines no others */
    static const u16 sids[] = {DEVICE_KIT_SID_A, DEVICE_KIT_SID_A, DEVICE_KIT_SID_B, DEVICE_KIT_SID_B,
                               DEVICE_KIT_SID_MSI, DEVICE_KIT_SID_MSI, DEVICE_KIT_SID_ROOT, 0x0001, 0x1c};
    u32 index = pick(INDEXES);
    bool good = pick(2) != 0;           /* mostly: one that a driver would write */
    u32 cpu = !good && pick(4) == 0 ? pick(7) : 2 + 2 * (u32)(g - guests) + pick(2);
    bool logical = pick(4) == 0;
    u64 dst = logical ? 1u << cpu | (pick(3) == 0 ? 1u << pick(7) : 0) : pick(20) == 0 ? 0xffffffff : cpu;
    u64 low = (pick(8) != 0) | (u64)(pick(6) == 0) << 1 | (u64)logical << 2 | (u64)pick(2) << 3 |
              (u64)(pick(8) == 0) << 4 | (u64)(good ? 0 : modes[pick(ARRAY_LEN(modes))]) << 5 | (u64)pick(16) << 8 |
              (u64)(pick(10) == 0 ? pick(20) : 0x30 + pick(0x80)) << 16 | (g->eime ? dst << 32 : (dst & 0xff) << 40);
    u64 high = sids[pick(ARRAY_LEN(sids))] | (u64)pick(4) << 16 | (u64)(!good || pick(2) == 0 ? pick(4) : 0) << 18;
    u64 *entry = at(g, (g->irta & ~PAGE_MASK) + index * 16ull);
    if ((g->irta & ~PAGE_MASK) >= DEVICE_KIT_BYTES) {
        return;
    }
    entry[0] = low ^ (!good && pick(12) == 0 ? (1ull << pick(64)) & ~0xe0ull : 0);
    entry[1] = high ^ (!good && pick(12) == 0 ? 1ull << pick(64) : 0);
    announce(g, index);
}

static u64 pick_address(u32 guest)
{
    u32 index = pick(12) == 0 ? pick(0x10000) : pick(INDEXES);
    u64 remappable = 0xfee00010 | (index & 0x7fff) << 5 | (u64)(pick(2) != 0) << 3 | index >> 15 << 2;
    u64 plain = 0xfee00000 | (pick(4) == 0 ? pick(7) : 2 + 2 * guest + pick(2)) << 12;
    return (pick(4) != 0 ? remappable : plain) ^ (pick(16) == 0 ? 1ull << (2 + pick(40)) : 0);
}

static u32 pick_data(void)
{
    return (pick(3) == 0 ? 0x40 + pick(0x40) : pick(INDEXES / 2)) | (pick(10) == 0 ? 1u << pick(32) : 0);
}

static void new_message(struct function *f)
{
    struct device *d = device_get(f->device);
    u64 address = pick_address(f->guest);
    u32 data = pick_data();
    if (f->msi) {
        f->address[0] = address;
        f->data[0] = data & 0xffff;
        msi_write(d, 4, 4, (u32)address);
        msi_write(d, 8, 4, (u32)(address >> 32));
        msi_write(d, 12, 2, data & 0xffff);
        msi_write(d, 2, 2, 0x1a1);      /* 4 messages, on */
        return;
    }
    u32 n = pick(f->count);
    f->address[n] = address;
    f->data[n] = data;
    msix_write(d, n * 16, 4, (u32)address);
    msix_write(d, n * 16 + 4, 4, (u32)(address >> 32));
    msix_write(d, n * 16 + 8, 4, data);
    msix_write(d, n * 16 + 12, 4, 0);
}

static void forget_messages(u32 guest)
{
    for (u32 i = 0; i < ARRAY_LEN(functions); i++) {
        struct function *f = &functions[i];
        if (f->guest == guest) {
            memset(f->address, 0, sizeof(f->address));
            memset(f->data, 0, sizeof(f->data));
        }
    }
}

static void new_life(u32 guest)
{
    struct guest *g = &guests[guest];
    for (u32 i = 0; i < ARRAY_LEN(functions); i++) {
        if (functions[i].guest == guest) {
            device_dma_stop(device_get(functions[i].device));
        }
    }
    assert_int_equal(viommu_reset(g->unit), OK);
    memset(at(g, TABLE), 0, 2 * PAGE_SIZE);
    forget_messages(guest);
    for (u32 i = 0; i < ARRAY_LEN(functions); i++) {
        if (functions[i].guest == guest) {
            assert_int_equal(device_dma_start(device_get(functions[i].device)), OK);
        }
    }
    begin(g);
    done.lives++;
}

static void command(struct guest *g)
{
    static const u64 tables[] = {TABLE, TABLE, TABLE + PAGE_SIZE, DEVICE_KIT_BYTES};
    switch (pick(4)) {
    case 0:
        g->on ^= IRE;
        break;
    case 1:
        g->on ^= CFI;
        break;
    default:
        set_table(g, tables[pick(ARRAY_LEN(tables))] | (pick(3) != 0 ? EIME : 0) | pick(6));
        return;
    }
    write_both(g, R_GCMD, 4, QIE | g->on);
}

/* --- what comes of it --- */

static u32 destination(u64 addr)
{
    return (u32)(addr >> 12 & 0xff) | (u32)(addr >> 32 & ~0xffull);
}

/* A message of the other unit's that Nestor lets a partition send. */
static bool may_send(const struct guest *g, const struct model_interrupt *out)
{
    u32 own = 3u << (2 + 2 * (g - guests)), dst = destination(out->addr);
    bool logical = (out->addr & 4) != 0, eime = g->eime && out->form == MODEL_FORM_REMAPPED;
    bool there = logical ? eime && dst >> 16 == 0 && (dst & 0xffff) != 0 && (dst & 0xffff & ~own) == 0
                         : dst < 32 && (own >> dst & 1) != 0;
    bool plain = out->form == MODEL_FORM_REMAPPED || ((out->addr & 0x10) == 0 && (out->data & 0x8000) == 0);
    return there && plain && (out->data >> 8 & 7) <= 1 && (out->data & 0xff) >= 16;
}

static bool take_fault(struct guest *g, u32 *reason, u32 *index, u16 *sid)
{
    struct vtd_fault host;
    while (vtd_fault_next(device_kit_unit(0), &host)) {
    }
    viommu_poll_faults(g->unit);
    u64 status = read(g, R_FSTS, 4);
    u32 record = R_RECORDS + (u32)(status >> 8 & 0xff) * 16;
    u64 high = read(g, record + 8, 8);
    *reason = (u8)(high >> 32);
    *index = (u32)(read(g, record, 8) >> 48);
    *sid = (u16)high;
    for (u32 i = 0; i < RECORDS; i++) {
        write(g, R_RECORDS + i * 16 + 12, 4, 1u << 31);
    }
    write(g, R_FSTS, 4, 0x71);
    return (status & 2) != 0;
}

static void check_fault(struct function *f, const struct model_interrupt *ref, bool withheld)
{
    struct guest *g = &guests[f->guest];
    u32 reason, index;
    u16 sid;
    bool on = (g->on & IRE) != 0;
    bool silent = withheld ? false : ref->fpd && ref->qualified;
    bool found = take_fault(g, &reason, &index, &sid);
    if (!on || silent) {
        assert_false(found);
        return;
    }
    if (withheld && ref->form != MODEL_FORM_REMAPPED) {
        return;                         /* nothing of the sort happens on hardware */
    }
    if (!found) {
        assert_true(withheld);          /* with FPD */
        return;
    }
    assert_int_equal(sid, f->sid);
    bool either = ref->reason == 0x26 && reason == 0x24;    /* both are wrong with it: either may be said */
    assert_int_equal(either ? ref->reason : reason, withheld ? 0x24 : ref->reason);
    if (ref->has_index) {
        assert_int_equal(index, ref->index & 0xffff);
    }
    done.faults++;
}

static void check_message(struct function *f, u32 n)
{
    struct guest *g = &guests[f->guest];
    u64 address = f->address[f->msi ? 0 : n];
    u32 data = f->msi ? (f->data[0] & ~3u) | n : f->data[n];
    struct model_interrupt ref, hardware;
    device_kit_interrupt(f->sid, interrupts_address(device_get(f->device), 0), n, &hardware);
    if (address >> 20 != 0xfee) {       /* no interrupt at all */
        assert_false(hardware.sent);
        (void)take_fault(g, &(u32){0}, &(u32){0}, &(u16){0});
        return;
    }
    (void)model_interrupt_ask(g->ref, f->sid, address, data, &ref);
    bool sends = ref.ok && may_send(g, &ref);
    assert_int_equal(hardware.sent, sends);
    if (sends) {
        assert_int_equal(destination(hardware.addr), destination(ref.addr));
        assert_int_equal(hardware.data & 0x7ff, ref.data & 0x7ff);
        assert_true(ref.form != MODEL_FORM_REMAPPED || hardware.addr == ref.addr);
        done.sent++;
        done.remapped += ref.form == MODEL_FORM_REMAPPED;
        return;
    }
    done.refused += !ref.ok;
    done.withheld += ref.ok;
    check_fault(f, &ref, ref.ok);
}

static void step(void)
{
    u32 guest = pick(GUESTS);
    u32 what = pick(100);
    struct function *f = &functions[pick(ARRAY_LEN(functions))];
    if (what < 50) {
        new_entry(&guests[guest]);
    } else if (what < 85) {
        new_message(f);
    } else if (what < 99) {
        command(&guests[guest]);
    } else {
        new_life(guest);
    }
    for (u32 i = 0; i < ARRAY_LEN(functions); i++) {
        for (u32 n = 0; n < functions[i].count; n++) {
            hosted_advance_us(50000);
            check_message(&functions[i], n);
        }
    }
}

static void start(void)
{
    device_kit_attach_units();
    for (u32 i = 0; i < GUESTS; i++) {
        struct guest *g = &guests[i];
        g->p = device_kit_partition(1 + i);
        g->unit = g->p->viommus[0];
        const struct model_config config = {.ver = (u32)read(g, R_VER, 4), .cap = read(g, R_CAP, 8),
                                            .ecap = read(g, R_ECAP, 8), .haw = 46};
        const struct model_ops ops = {.ctx = g, .mem_read = ref_read, .mem_write = reader_write,
                                      .mem_cmpxchg64 = reader_exchange, .interrupt = reader_interrupt};
        g->ref = model_create(&config, &ops);
        assert_non_null(g->ref);
        *device_kit_config(MSI) = 0x01860005;
        new_life(i);
    }
}

static void messages_are_what_a_unit_makes_of_them(void **state)
{
    (void)state;
    u64 ops = repeat_or("NESTOR_OPS", 100000);
    seed = pick_seed_or(20261201);
    start();
    for (u64 n = 0; n < ops; n++) {
        step();
    }
    print_message("# %llu sent, %llu of them remapped; %llu refused, %llu withheld; %llu faults told, %llu lives\n",
                  done.sent, done.remapped, done.refused, done.withheld, done.faults, done.lives);
    assert_true(done.remapped != 0 && done.sent > done.remapped && done.withheld != 0 && done.faults != 0);
    for (u32 i = 0; i < GUESTS; i++) {
        model_destroy(guests[i].ref);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_are_what_a_unit_makes_of_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
