/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Interrupts of the guests of kits that share a unit: hv/device/interrupts.c with functions of the owners', and beside
 * each guest a unit of the specification that has that guest's memory only and caches nothing. What Nestor's unit sends
 * is what that one would, as far as it goes to CPUs of the guest's own by an entry that admits devices of its own. For
 * tests of one thread, which include it once: hv/ asks here whose CPUs and functions are whose.
 */
#ifndef NESTOR_GUEST_KIT_REMAP_H
#define NESTOR_GUEST_KIT_REMAP_H

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#include "hv/device/device.h"
#include "iommu/spec/caps.h"
#include "tests/support/guest_kit.h"
#include "tests/support/one_unit.h"
#include "tests/support/pick.h"
#include "tests/support/reader.h"

#define REMAP_ECAP (KIT_ECAP | 1ull << 3 | 1ull << 4 | 15ull << 20)

enum {
    REMAP_OWNERS = 2, REMAP_DEVICES = 2, REMAP_MESSAGES = 4,    /* of each owner, of each of its devices */
    REMAP_KEPT = 32, REMAP_KEPT_FIRST = 65536 - REMAP_KEPT,
    REMAP_INDEXES = 12,                                         /* that guests mostly name */
    REMAP_EIME = 1 << 11, REMAP_ALL = 15, REMAP_LOGICAL = 4, REMAP_FORMAT = 0x10,
};

/* A guest. */
struct remap {
    struct kit *kit;            /* NULL: it has no unit, and its messages are as they stand */
    struct model_unit *ref;
    u32 owner;                  /* 0: the root */
    u32 cpus;
    u64 tables[2];
    u32 pages;                  /* of each: one, or 256, for all entries that there can be */
    u64 irta;
    u32 on;                     /* of GCMD */
};
static struct remap remaps[1 + REMAP_OWNERS];
static u32 remap_count;
static struct partition remap_partitions[1 + REMAP_OWNERS];
static struct handover_function remap_functions[REMAP_OWNERS * REMAP_DEVICES];
static struct device remap_devices[REMAP_OWNERS * REMAP_DEVICES];
static struct msix_entry remap_entries[REMAP_OWNERS * REMAP_DEVICES][REMAP_MESSAGES];
static struct { u64 sent, owners, refused, withheld; } remap_done;

/* --- what hv/device/interrupts.c asks --- */

struct device *device_get(u32 i)
{
    return i < (remap_count - 1) * REMAP_DEVICES ? &remap_devices[i] : NULL;
}

bool partition_has_targets(const struct partition *p, u32 cluster, u32 mask)
{
    return cluster == 0 && mask != 0 && (mask & ~remaps[p - remap_partitions].cpus) == 0;
}

static bool remap_changed(struct kit *kit, u32 first, u32 end, u32 *next, u32 *budget)
{
    return interrupts_changed(&remap_partitions[kit->owner], first, end, next, budget);
}

static bool remap_index(struct kit *kit, u32 host, u32 *index)
{
    return interrupts_index(&remap_partitions[kit->owner], host, index);
}

/* --- the other units' world --- */

static bool remap_ref_read(void *ctx, uint64_t addr, void *to, size_t len)
{
    const struct remap *r = ctx;
    bool ram = r->kit != NULL && addr >= r->kit->ram_base && addr < r->kit->ram_end && len <= r->kit->ram_end - addr;
    if (ram) {
        memcpy(to, hosted_memory() + addr, len);
    }
    return ram;
}

/* --- guests --- */

/* Before anything else of these; then the root's, and as many others as follow are the owners'. */
static void remap_begin(void)
{
    memset(remaps, 0, sizeof(remaps));
    memset(&remap_done, 0, sizeof(remap_done));
    remap_count = 0;
}

static void remap_add(struct kit *kit, u32 cpus, const u16 *sids)
{
    const struct model_config config = {.ver = 0x10, .cap = KIT_CAP & ~(1ull << 59), .ecap = REMAP_ECAP,
                                        .haw = KIT_HAW};
    u32 owner = remap_count++;
    struct remap *r = &remaps[owner];
    const struct model_ops ops = {.ctx = r, .mem_read = remap_ref_read, .mem_write = reader_write,
                                  .mem_cmpxchg64 = reader_exchange, .interrupt = reader_interrupt};
    *r = (struct remap){.kit = kit, .ref = model_create(&config, &ops), .owner = owner, .cpus = cpus,
                        .pages = 1};
    assert_non_null(r->ref);
    remap_partitions[owner] = (struct partition){.id = owner, .has_viommus = kit != NULL};
    if (kit != NULL) {
        remap_partitions[owner].viommus[0] = kit->v;
        kit->interrupts_changed = remap_changed;
        kit->interrupt_index = remap_index;
    }
    static const struct handover_partition config_of[1 + REMAP_OWNERS] = {{.name = "root"}, {.name = "a"},
                                                                          {.name = "b"}};
    remap_partitions[owner].config = &config_of[owner];
    for (u32 i = 0; owner != 0 && i < REMAP_DEVICES; i++) {
        u32 n = (owner - 1) * REMAP_DEVICES + i;
        remap_functions[n] = (struct handover_function){.source_id = sids[i], .partition = (u8)(owner - 1),
                                                        .interrupts = true, .msix = 0x60,
                                                        .msix_vectors = REMAP_MESSAGES};
        remap_devices[n] = (struct device){.owner = &remap_partitions[owner], .function = &remap_functions[n]};
        remap_devices[n].interrupts.first = REMAP_KEPT_FIRST + n * REMAP_MESSAGES;
        remap_devices[n].interrupts.msix = remap_entries[n];
    }
}

static void remap_end(void)
{
    for (u32 i = 0; i < remap_count; i++) {
        model_destroy(remaps[i].ref);
    }
}

static bool remap_is_of(const struct device *d, const struct remap *r)
{
    return d->owner == &remap_partitions[r->owner];
}

/* As at the end of its life: nothing is sent any more. */
static inline void remap_stop(struct remap *r)
{
    struct device *d;
    for (u32 i = 0; (d = device_get(i)) != NULL; i++) {
        if (remap_is_of(d, r)) {
            interrupts_end(d);
            memset(remap_entries[i], 0, sizeof(remap_entries[i]));
        }
    }
    model_reset(r->ref);
    r->on = 0;
    r->irta = 0;
}

/* As a new life begins: no message has been written, and the guest's unit is as out of reset. */
static void remap_start(struct remap *r)
{
    struct device *d;
    for (u32 i = 0; (d = device_get(i)) != NULL; i++) {
        if (remap_is_of(d, r)) {
            interrupts_begin(d);
        }
    }
    for (u32 i = 0; r->kit != NULL && i < ARRAY_LEN(r->tables); i++) {
        r->tables[i] = kit_pages(r->kit, r->pages);
    }
}

/* --- what a guest does --- */

static void remap_command(struct remap *r, u32 once)
{
    u32 others = (u32)kit_read(r->kit, R_GSTS, 4) & 0x96ffffffu & ~(G_IRE | G_CFI);
    kit_write(r->kit, R_GCMD, 4, others | r->on | once);
    model_write(r->ref, R_GCMD, 4, r->on | once);
    assert_int_equal(kit_read(r->kit, R_GSTS, 4) & (G_IRE | G_CFI), model_read(r->ref, R_GSTS, 4) & (G_IRE | G_CFI));
}

static void remap_set_table(struct remap *r, u64 irta)
{
    r->irta = irta;
    kit_write(r->kit, R_IRTA, 8, irta);
    model_write(r->ref, R_IRTA, 8, irta);
    remap_command(r, G_SIRTP);
}

/* On, off, another table, or one that is nobody's or somebody else's memory. */
static inline void remap_switch(struct remap *r)
{
    const u64 bad[] = {r->kit->ram_end, r->kit->ram_base - PAGE_SIZE};
    u64 table = pick(6) == 0 ? bad[pick(ARRAY_LEN(bad))] : r->tables[pick(ARRAY_LEN(r->tables))];
    u32 size = pick(3) != 0 ? 5 : pick(7);
    switch (pick(8)) {
    case 0:
        r->on ^= G_IRE;
        break;
    case 1:
        r->on ^= G_CFI;
        break;
    case 2:
        r->on |= G_IRE;
        break;
    default:
        remap_set_table(r, table | (pick(4) != 0 ? REMAP_EIME : 0) |
                           (r->pages != 1 && pick(2) == 0 ? REMAP_ALL : size));
        return;
    }
    remap_command(r, 0);
}

/* What the guest's queue has stopped at becomes a wait; false: it stops at anything, as its table mode is none. */
static bool remap_has_queue(struct remap *r)
{
    static const u64 wait[4] = {5};
    if (kit_submit(r->kit, wait[0], 0)) {
        return true;
    }
    memcpy(kit_at(r->kit->ring + kit_read(r->kit, R_IQH, 8)), wait, sizeof(wait));
    kit_write(r->kit, R_FSTS, 4, 0x10);
    return kit_submit(r->kit, wait[0], 0);
}

static void remap_announce(struct remap *r, u32 index)
{
    static const u32 masks[] = {0, 0, 0, 1, 3, 6, 15};
    u64 mask = masks[pick(ARRAY_LEN(masks))];
    assert_true(kit_submit(r->kit, pick(5) == 0 ? 4 : 0x14 | mask << 27 | (u64)index << 32, 0));
}

static u16 remap_own_sid(const struct remap *r, const u16 *sids)
{
    u32 i = pick(REMAP_DEVICES);
    return r->owner == 0 ? sids[i] : remap_functions[(r->owner - 1) * REMAP_DEVICES + i].source_id;
}

/*
 * Of any kind, mostly one that a driver would write; for any CPU, from any of these, its own and others'. The first two
 * are the root's.
 */
static inline void remap_put_entry(struct remap *r, const u16 *sids, u32 sid_count)
{
    static const u32 modes[] = {0, 0, 1, 1, 2, 4, 5, 7};        /* the specification defines no others */
    u64 table = r->irta & ~PAGE_MASK;
    bool eime = (r->irta & REMAP_EIME) != 0;
    bool good = pick(2) != 0;
    u32 index = r->pages != 1 && pick(8) == 0 ? REMAP_KEPT_FIRST + pick(REMAP_KEPT) : pick(REMAP_INDEXES), cpu;
    do {
        cpu = pick(16);
    } while (good && (r->cpus >> cpu & 1) == 0);
    bool logical = pick(5) == 0;
    u64 dst = logical ? 1u << cpu | (pick(3) == 0 ? 1u << pick(16) : 0) : pick(20) == 0 ? 0xffffffff : cpu;
    u64 low = (pick(8) != 0) | (u64)(pick(6) == 0) << 1 | (u64)logical << 2 | (u64)pick(2) << 3 |
              (u64)(pick(8) == 0) << 4 | (u64)(good ? 0 : modes[pick(ARRAY_LEN(modes))]) << 5 | (u64)pick(16) << 8 |
              (u64)(pick(10) == 0 ? pick(20) : 0x30 + pick(0x80)) << 16 | (eime ? dst << 32 : (dst & 0xff) << 40);
    u64 high = (pick(3) != 0 ? remap_own_sid(r, sids) : sids[pick(sid_count)]) |
               (u64)(pick(3) == 0 ? pick(4) : 0) << 16 | (u64)(pick(6) == 0 ? pick(4) : 1) << 18;
    if ((table != r->tables[0] && table != r->tables[1]) || !remap_has_queue(r)) {
        return;
    }
    kit_at(table)[2 * index] = low ^ (!good && pick(12) == 0 ? (1ull << pick(64)) & ~0xe0ull : 0);
    kit_at(table)[2 * index + 1] = high ^ (!good && pick(12) == 0 ? 1ull << pick(64) : 0);
    remap_announce(r, index);
}

/* As its guest writes it to the function's table. */
static void remap_set_message(struct device *d, u32 n, u32 number, u64 address, u32 data)
{
    spin_lock(&d->interrupts.lock);
    remap_entries[n][number] = (struct msix_entry){{(u32)address, (u32)(address >> 32), data, 0}};
    const struct message m = msix_table_message(&remap_entries[n][number]);
    interrupts_point(d, number, &m);
    spin_unlock(&d->interrupts.lock);
}

/* A message of one of its functions, by an index or in compatibility format. */
static inline void remap_put_message(struct remap *r)
{
    u32 n = (r->owner - 1) * REMAP_DEVICES + pick(REMAP_DEVICES), number = pick(REMAP_MESSAGES);
    u32 index = pick(10) == 0 ? REMAP_KEPT_FIRST + pick(REMAP_KEPT) : pick(REMAP_INDEXES), cpu;
    do {
        cpu = pick(16);
    } while ((r->cpus >> cpu & 1) == 0 && pick(4) != 0);
    u64 named = 0xfee00000 | REMAP_FORMAT | (u64)(index & 0x7fff) << 5 | (u64)(pick(2) != 0) << 3 | index >> 15 << 2;
    u64 address = (pick(r->kit != NULL ? 4 : 8) != 0) == (r->kit != NULL) ? named : 0xfee00000 | cpu << 12;
    address ^= pick(16) == 0 ? 1ull << (2 + pick(40)) : 0;
    u32 data = (pick(3) == 0 ? 0x40 + pick(0x40) : pick(REMAP_INDEXES)) | (pick(10) == 0 ? 1u << pick(32) : 0);
    remap_set_message(&remap_devices[n], n, number, address, data);
}

/* As a driver begins. */
static inline void remap_turn_on(struct remap *r)
{
    remap_set_table(r, r->tables[0] | REMAP_EIME | 5);
    r->on = G_IRE;
    remap_command(r, 0);
}

/* --- what comes of it --- */

static u32 remap_destination(u64 addr)
{
    return (u32)(addr >> 12 & 0xff) | (u32)(addr >> 32 & ~0xffull);
}

static bool remap_has_cpu(const struct remap *r, u32 cpu)
{
    return cpu < 16 ? (r->cpus >> cpu & 1) != 0 : r->owner == 0 && cpu == KIT_WIDE_CPU;
}

static bool remap_goes_to_own_cpus(const struct remap *r, const struct model_interrupt *out)
{
    u32 dst = remap_destination(out->addr);
    bool eime = (r->irta & REMAP_EIME) != 0 && out->form == MODEL_FORM_REMAPPED;
    if ((out->addr & REMAP_LOGICAL) == 0) {
        return remap_has_cpu(r, dst);
    }
    return eime && dst >> 16 == 0 && (dst & 0xffff) != 0 && (dst & 0xffff & ~r->cpus) == 0;
}

static bool remap_is_roots(u32 sid)
{
    return sid < KIT_FOREIGN || sid >= KIT_FOREIGN_END;
}

/* An entry of the root's may let nobody else's devices through, whoever sends. */
static bool remap_admits_roots_alone(const u64 *entry)
{
    static const u32 ignored[] = {0, 4, 6, 7};
    u32 svt = entry[1] >> 18 & 3, sid = (u16)entry[1], mask = ignored[entry[1] >> 16 & 3];
    if (svt == 1) {
        return remap_is_roots(sid & ~mask) && remap_is_roots((sid & ~mask) | mask);
    }
    return svt == 2 && (sid >> 8 > (sid & 0xff) || sid >> 8 > KIT_FOREIGN >> 8 || (sid & 0xff) < KIT_FOREIGN >> 8);
}

/* What the guest's own unit makes of it, as far as Nestor lets it. */
static bool remap_sends(const struct remap *r, u16 sid, u64 address, u32 data, struct model_interrupt *out)
{
    bool ok = address >> 20 == 0xfee && model_interrupt_ask(r->ref, sid, address, data, out);
    if (!ok) {
        remap_done.refused++;
        return false;
    }
    bool own = remap_goes_to_own_cpus(r, out) && (out->data >> 8 & 7) <= 1 && (out->data & 0xff) >= 16;
    if (out->form != MODEL_FORM_REMAPPED) {
        own = own && r->owner != 0 && (out->addr & REMAP_FORMAT) == 0 && (out->data & 0x8000) == 0;
    } else if (r->owner == 0) {
        own = own && remap_admits_roots_alone(kit_at((r->irta & ~PAGE_MASK) + out->index * 16ull));
    }
    remap_done.withheld += !own;
    return own;
}

/* NULL: nobody's that has messages. */
static struct device *remap_device_of(u16 sid, u32 *n)
{
    struct device *d;
    for (*n = 0; (d = device_get(*n)) != NULL && d->function->source_id != sid; ++*n) {
    }
    return d;
}

static bool remap_expect(u16 sid, u32 index, struct model_interrupt *ref)
{
    u32 n;
    const struct device *d = remap_device_of(sid, &n);
    if (d == NULL) {
        u64 address = 0xfee00000 | REMAP_FORMAT | (u64)(index & 0x7fff) << 5 | index >> 15 << 2;
        return remap_is_roots(sid) && index < REMAP_KEPT_FIRST && remap_sends(&remaps[0], sid, address, 0, ref);
    }
    u32 number = index - d->interrupts.first;
    if (number >= REMAP_MESSAGES || !d->interrupts.on) {
        return false;
    }
    const u32 *words = remap_entries[n][number].words;
    return remap_sends(&remaps[d->owner - remap_partitions], sid, (u64)words[1] << 32 | words[0], words[2], ref);
}

/* A request of that source-id with an index of the machine's: by a function as Nestor tells it, or of its own work. */
static void remap_check_index(u16 sid, u32 index)
{
    struct model_interrupt ref, hardware;
    bool shv = pick(2) != 0;
    u32 handle = shv ? index - index % 4 : index;
    u64 address = 0xfee00000 | REMAP_FORMAT | (u64)shv << 3 | (u64)(handle & 0x7fff) << 5 | handle >> 15 << 2;
    (void)model_interrupt(remaps[0].kit->unit, sid, address, shv ? index % 4 : pick(2), &hardware);
    bool sends = remap_expect(sid, index, &ref);
    if (hardware.sent != sends) {
        fail_msg("%#x sends %#x: %d, expected %d (reason %#x)", sid, index, hardware.sent, sends, hardware.reason);
    }
    if (sends) {
        assert_int_equal(remap_destination(hardware.addr), remap_destination(ref.addr));
        assert_int_equal(hardware.addr & REMAP_LOGICAL, ref.addr & REMAP_LOGICAL);
        assert_int_equal(hardware.data & 0x7ff, ref.data & 0x7ff);
        remap_done.sent++;
        remap_done.owners += remap_is_roots(sid) ? 0 : 1;
    }
}

/* Any of these, by its own indexes, those of all others, and none; and in compatibility format, which never passes. */
static inline void remap_check(const u16 *sids, u32 sid_count)
{
    u16 sid = sids[pick(sid_count)];
    u32 n;
    const struct device *d = remap_device_of(sid, &n);
    struct model_interrupt out;
    if (pick(16) == 0) {
        (void)model_interrupt(remaps[0].kit->unit, sid, 0xfee00000 | pick(16) << 12, 0x40 + pick(16), &out);
        assert_false(out.sent);
        return;
    }
    bool own = d != NULL && pick(4) != 0;
    u32 kept = REMAP_KEPT_FIRST + pick(REMAP_KEPT);
    remap_check_index(sid, own ? d->interrupts.first + pick(REMAP_MESSAGES)
                               : pick(4) == 0 ? kept : pick(12) == 0 ? pick(65536) : pick(REMAP_INDEXES));
}

/* From a new start on a message comes, and one that another's device sends by the same index does not. */
static inline void remap_prove(struct remap *r, u16 sid, u16 others_sid)
{
    enum { INDEX = 3, CPU_VECTOR = 0x51 };
    struct model_interrupt out;
    u32 cpu = (u32)__builtin_ctz(r->cpus), n;
    struct device *d = remap_device_of(sid, &n);
    remap_turn_on(r);
    kit_at(r->tables[0])[2 * INDEX] = (u64)cpu << 32 | CPU_VECTOR << 16 | 1;
    kit_at(r->tables[0])[2 * INDEX + 1] = 1u << 18 | sid;
    assert_true(kit_submit(r->kit, 0x14 | (u64)INDEX << 32, 0));
    u64 address = 0xfee00000 | REMAP_FORMAT | INDEX << 5;
    if (d != NULL) {
        remap_set_message(d, n, 0, address, 0);
        address = interrupts_address(d, 0);
    }
    (void)model_interrupt(remaps[0].kit->unit, sid, address, 0, &out);
    assert_true(out.sent);
    assert_int_equal(remap_destination(out.addr), cpu);
    assert_int_equal(out.data & 0xff, CPU_VECTOR);
    (void)model_interrupt(remaps[0].kit->unit, others_sid, address, 0, &out);
    assert_true(!out.sent || (out.data & 0xff) != CPU_VECTOR || remap_destination(out.addr) != cpu);
}

#endif
