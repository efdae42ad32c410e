/* SPDX-License-Identifier: BSD-2-Clause */
/* See world.h. */
#include "tests/fuzz/world.h"

#include "iommu/shadow/shadow.h"
#include "iommu/vtd/vtd.h"
#include "tests/fuzz/other.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Everything but 1 GiB first-stage pages, so that the checker's walk stays short, and interrupt remapping. */
#define WORLD_CAP (1ull << 63 | 1ull << 60 | 3ull << 54 | 18ull << 48 | 3ull << 40 | 1ull << 39 |  \
                   3ull << 34 | 0x22ull << 24 | 47ull << 16 | 0xeull << 8 | 6)
#define WORLD_ECAP (1ull << 49 | 1ull << 48 | 1ull << 47 | 1ull << 46 | 1ull << 43 | 1ull << 40 |  \
                    19ull << 35 | 1ull << 34 | 1ull << 31 | 1ull << 26 | 0xfull << 8 | 1ull << 7 | \
                    1ull << 6 | 1ull << 2 | 3ull | 15ull << 20 | 3ull << 3)

enum { SHADOW_PAGES = 24 };

struct world world;
static struct shadow_memory memory; /* what the shadows of its guest's unit share */
const u16 world_sids[WORLD_SIDS] = {0x0000, 0x0008, 0x0010, 0x0088, OTHER_SID, 0xff87};
const u32 world_pasids[WORLD_PASIDS] = {0, 1, 5, 63, 64, 0x145, 0xfffff};

static bool in_zone(u64 addr, u64 base, u64 len)
{
    u64 end = base + WORLD_PAGES * PAGE_SIZE;
    return addr >= base && addr < end && len <= end - addr;
}

/* True if every page of the range is in one of the states. */
static bool all_in(u64 addr, u64 base, u64 len, u32 states)
{
    if (len == 0 || !in_zone(addr, base, len)) {
        return false;
    }
    u64 last = (addr - base + len - 1) / PAGE_SIZE;
    for (u64 page = (addr - base) / PAGE_SIZE; page <= last; page++) {
        if ((states >> world.state[page] & 1) == 0) {
            return false;
        }
    }
    return true;
}

bool world_may_reach(u64 hpa, u64 len)
{
    return all_in(hpa, WORLD_HPA, len, 1u << PAGE_OWNED | 1u << PAGE_LINGERING);
}

static u64 *at(u64 gpa, u64 memory_of)
{
    return in_zone(gpa, WORLD_GPA, sizeof(u64)) ? (u64 *)(void *)(hosted_memory() + gpa - WORLD_GPA + memory_of) : NULL;
}

u64 *world_at(u64 gpa)
{
    return at(gpa, world.turn == 0 ? WORLD_HPA : OTHER_HPA);
}

static bool guest_read(void *ctx, gpa_t gpa, void *buf, size_t len)
{
    (void)ctx;
    if (!all_in(gpa.v, WORLD_GPA, len, 1u << PAGE_OWNED | 1u << PAGE_READ_ONLY)) {
        return false;
    }
    memcpy(buf, hosted_memory() + gpa.v - WORLD_GPA + WORLD_HPA, len);
    if (world.flips != 0 && world.flip_gpa >= gpa.v && world.flip_gpa < gpa.v + len) {
        world.flips--;
        *at(world.flip_gpa & ~7ull, WORLD_HPA) ^= world.flip_xor;
    }
    return true;
}

static bool guest_ram(void *ctx, gpa_t gpa, size_t len, hpa_t *out)
{
    (void)ctx;
    if (!all_in(gpa.v, WORLD_GPA, len, 1u << PAGE_OWNED)) {
        return false;
    }
    out->v = gpa.v - WORLD_GPA + WORLD_HPA;
    return true;
}

static void guest_interrupt(void *ctx, u64 addr, u32 data)
{
    (void)ctx;
    bool own = !world.pair || (addr & 4) != 0 || world_has_cpu((u32)(addr >> 12 & 0xff) | (u32)(addr >> 32));
    if ((u32)addr >> 20 != 0xfee || (data >> 8 & 7) > 1 || !own) {
        fprintf(stderr, "a message to %llx, data %x\n", addr, data);
        abort();
    }
}

/*
 * What the unit writes for a guest's devices and for its queue stays in the partition; where a queue may hang somebody
 * else's comes late.
 */
static void on_write(u64 addr, size_t len)
{
    bool first = world_may_reach(addr, len) && (world.writer == 0 || world.may_hang);
    bool others = other_is_memory(addr, len) && (world.writer == 1 || world.may_hang);
    if (!first && !others && !host_owns_status(addr, len) && !other_owns_status(addr)) {
        fprintf(stderr, "the unit writes %llx\n", addr);
        abort();
    }
}

/* Others have CPUs and devices, too. */
bool world_has_cpu(u32 apic_id)
{
    return apic_id < 4 || apic_id == 17 || apic_id == 300;
}

bool world_has_source(u16 sid)
{
    return sid >> 8 < 2 || sid >> 8 == 0xff;
}

bool world_device_may_reach(u16 sid, u64 hpa, u64 len)
{
    return (world_has_source(sid) ? world_may_reach : other_is_memory)(hpa, len);
}

static bool guest_has_cpus(void *ctx, u32 cluster, u32 mask)
{
    (void)ctx;
    bool all = cluster != GUEST_ALL_CPUS;
    for (u32 bit = 0; bit < 16 && all; bit++) {
        all = (mask >> bit & 1) == 0 || world_has_cpu(cluster * 16 + bit);
    }
    return all;
}

static bool guest_has_sources(void *ctx, u16 first, u16 last)
{
    (void)ctx;
    bool all = true;
    for (u32 sid = first; sid <= last && all; sid++) {
        all = world_has_source((u16)sid);
    }
    return all;
}

static const struct guest_ops ops = {.read = guest_read, .ram = guest_ram, .interrupt = guest_interrupt,
                                     .has_cpus = guest_has_cpus, .has_sources = guest_has_sources};

static u64 gpa_of(u32 page)
{
    return WORLD_GPA + page * PAGE_SIZE;
}

/* An exhausted pool is not meant for the host's own changes. */
void world_give_back(u32 page)
{
    hosted_fail_after(UINT32_MAX);
    if (world.state[page] == PAGE_OWNED || world.state[page] == PAGE_READ_ONLY) {
        world.state[page] = host_unmap(gpa_of(page), PAGE_SIZE) ? PAGE_GONE : PAGE_LINGERING;
    }
}

void world_protect(u32 page)
{
    hosted_fail_after(UINT32_MAX);
    if (world.state[page] == PAGE_OWNED) {
        world.state[page] = host_protect(gpa_of(page), PAGE_SIZE) ? PAGE_READ_ONLY : PAGE_LINGERING;
    }
}

void world_take(u32 page)
{
    hosted_fail_after(UINT32_MAX);
    if (world.state[page] == PAGE_READ_ONLY) {
        world_give_back(page);
    }
    if (world.state[page] == PAGE_GONE) {
        host_map(gpa_of(page), WORLD_HPA + page * PAGE_SIZE, PAGE_SIZE);
        world.state[page] = PAGE_OWNED;
    }
}

void world_hang(bool hang)
{
    const struct model_faults faults = {.queue_hang = hang};
    if (world.may_hang) {
        world.hung |= hang;
        model_set_faults(world.unit, &faults);
        model_kick(world.unit);
    }
}

static void power_on(void)
{
    const struct model_config config = {.ver = 0x10, .cap = WORLD_CAP, .ecap = WORLD_ECAP,
                                        .haw = WORLD_HAW};
    hosted_reset();
    world.unit = host_start(&config);
    host_map(WORLD_GPA, WORLD_HPA, WORLD_PAGES * PAGE_SIZE);
    other_power_on();
    hosted_watch_writes(on_write);
    hosted_clock_step(1000); /* a hang ends soon */
}

void world_begin(void)
{
    if (world.unit == NULL) {
        power_on();
    }
    memset(hosted_memory() + WORLD_HPA, 0, WORLD_PAGES * PAGE_SIZE);
    memset(world.used, 0, sizeof(world.used));
    world.flips = 0;
    world.work_left = false;
    host_forgive_storms();
    world.pages_idle = hosted_pages_used() - host_pages_kept();
    memory = (struct shadow_memory){SHADOW_PAGES, SHADOW_PAGES};
    const struct viommu_config config = {.unit = host_unit(), .parent = host_domain(), .ops = &ops,
                                         .shadows = world.shadowed ? &memory : NULL,
                                         .gpa_width = 48, .max_bindings = 12,
                                         .max_table_pages = 64, .interrupts = true, .shared_unit = world.pair,
                                         .kept_interrupts = world.pair ? OTHER_KEPT : 0};
    world.turn = world.writer = 0;
    world.left[1] = false;
    if (viommu_create(&config, &world.v) != OK || (world.pair && viommu_isolate_interrupts(world.v) != OK)) {
        abort();
    }
    world.units[0] = world.v;
    world.units[1] = world.pair ? other_begin() : NULL;
}

void world_take_turn(u32 guest)
{
    world.left[world.turn] = world.work_left;
    world.turn = world.writer = guest;
    world.v = world.units[guest];
    world.work_left = world.left[guest];
}

static void leaked(const char *what, u32 count)
{
    if (count != 0) {
        fprintf(stderr, "%u %s leaked\n%s", count, what, hosted_log());
        abort();
    }
}

void world_end(void)
{
    hosted_fail_after(UINT32_MAX);
    for (u32 page = 0; page < WORLD_PAGES; page++) {
        world_take(page);
    }
    if (world.pair) {
        other_end();
    }
    viommu_destroy(world.units[0]);
    if (world.pair && vtd_irt_disable(host_unit()) != OK) {
        abort();
    }
    world.v = NULL;
    leaked("entries", host_attached() - 1); /* the other's are one of each */
    leaked("domain ids", host_domain_ids_used() - 1);
    leaked("pages of shadow-memory", SHADOW_PAGES - memory.left);
    leaked("pages", hosted_pages_used() - host_pages_kept() - world.pages_idle);
}
