/* SPDX-License-Identifier: BSD-2-Clause */
/* See world.h. */
#include "tests/fuzz/world.h"

#include "iommu/domain/domain.h"
#include "iommu/shadow/shadow.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Everything but 1 GiB first-stage pages, so that the checker's walk stays short, and interrupt remapping. */
#define WORLD_CAP (1ull << 63 | 1ull << 60 | 3ull << 54 | 18ull << 48 | 3ull << 40 | 1ull << 39 |  \
                   3ull << 34 | 0x22ull << 24 | 47ull << 16 | 0xeull << 8 | 6)
#define WORLD_ECAP (1ull << 49 | 1ull << 48 | 1ull << 47 | 1ull << 46 | 1ull << 43 | 1ull << 40 |  \
                    19ull << 35 | 1ull << 34 | 1ull << 31 | 1ull << 26 | 0xfull << 8 | 1ull << 7 | \
                    1ull << 6 | 1ull << 2 | 3ull | 15ull << 20 | 3ull << 3)

enum { SHADOW_PAGES = 24, FOREIGN_SID = 0x0210, OTHER_HPA = 0x700000 };

struct world world;
static struct shadow_memory memory; /* what the shadows of its guest's unit share */
static struct domain *other;        /* another partition's second stage: a page, which its device reaches at 0 */
const u16 world_sids[WORLD_SIDS] = {0x0000, 0x0008, 0x0010, 0x0088, FOREIGN_SID, 0xff87};
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

u64 *world_at(u64 gpa)
{
    if (!in_zone(gpa, WORLD_GPA, sizeof(u64))) {
        return NULL;
    }
    return (u64 *)(void *)(hosted_memory() + gpa - WORLD_GPA + WORLD_HPA);
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
        *world_at(world.flip_gpa & ~7ull) ^= world.flip_xor;
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
    if (addr >> 20 != 0xfee || ((data >> 8) & 7) > 1) {
        fprintf(stderr, "a message to %llx, data %x\n", addr, data);
        abort();
    }
}

/* What the unit writes for the guest's devices and for its queue stays in the partition. */
static void on_write(u64 addr, size_t len)
{
    if (!world_may_reach(addr, len) && !host_owns_status(addr, len) && !world_is_others(addr, len)) {
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

bool world_is_others(u64 hpa, u64 len)
{
    return hpa >= OTHER_HPA && hpa < OTHER_HPA + PAGE_SIZE && len <= OTHER_HPA + PAGE_SIZE - hpa;
}

hpa_t world_others_root(void)
{
    return domain_unit_root(other, domain_levels(other));
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

/* Second-stage only, whichever root the guest has its unit walk. */
static void power_on_other(void)
{
    static const struct vtd_context plain = {.pasids = 0};
    struct vtd_unit_info info;
    vtd_unit_get_info(host_unit(), &info);
    const struct domain_config config = {.levels = 4, .page_sizes = info.ss_page_sizes, .coherent = info.coherent,
                                         .partition = 1};
    enum result r = domain_create(&config, &other);
    r = r == OK ? domain_map(other, (gpa_t){0}, (hpa_t){OTHER_HPA}, PAGE_SIZE, PROT_READ | PROT_WRITE, MEM_WB) : r;
    for (u32 root = VTD_ROOT_OFF; root <= VTD_ROOT_GUEST; root++) {
        r = r == OK ? vtd_device_open(host_unit(), (enum vtd_root)root, FOREIGN_SID, &plain) : r;
        r = r == OK ? domain_attach(other, host_unit(), (enum vtd_root)root, FOREIGN_SID, VTD_NO_PASID) : r;
    }
    if (r != OK) {
        abort();
    }
}

static void power_on(void)
{
    const struct model_config config = {.ver = 0x10, .cap = WORLD_CAP, .ecap = WORLD_ECAP,
                                        .haw = WORLD_HAW};
    hosted_reset();
    world.unit = host_start(&config);
    host_map(WORLD_GPA, WORLD_HPA, WORLD_PAGES * PAGE_SIZE);
    power_on_other();
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
                                         .max_table_pages = 64, .interrupts = true};
    if (viommu_create(&config, &world.v) != OK) {
        abort();
    }
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
    viommu_destroy(world.v);
    world.v = NULL;
    leaked("entries", host_attached() - 1); /* the other's are one of each */
    leaked("domain ids", host_domain_ids_used() - 1);
    leaked("pages of shadow-memory", SHADOW_PAGES - memory.left);
    leaked("pages", hosted_pages_used() - host_pages_kept() - world.pages_idle);
}
