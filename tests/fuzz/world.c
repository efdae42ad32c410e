/* See world.h. */
#include "tests/fuzz/world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Everything but 1 GiB first-stage pages, so that a checker's tour stays short. */
#define WORLD_CAP (1ull << 63 | 1ull << 60 | 3ull << 54 | 18ull << 48 | 3ull << 40 | 1ull << 39 |  \
                   3ull << 34 | 0x22ull << 24 | 47ull << 16 | 0xeull << 8 | 6)
#define WORLD_ECAP (1ull << 49 | 1ull << 48 | 1ull << 47 | 1ull << 46 | 1ull << 43 | 1ull << 40 |  \
                    19ull << 35 | 1ull << 34 | 1ull << 31 | 1ull << 26 | 0xfull << 8 | 1ull << 7 | \
                    1ull << 6 | 1ull << 2 | 3ull)

struct world world;
const u16 world_sids[WORLD_SIDS] = {0x0000, 0x0008, 0x0010, 0x0088, 0x0100, 0xff87};
const u32 world_pasids[WORLD_PASIDS] = {0, 1, 5, 63, 64, 0x145, 0xfffff};

static bool in_zone(u64 addr, u64 base, u64 len)
{
    u64 end = base + WORLD_PAGES * PAGE_SIZE;
    return addr >= base && addr < end && len <= end - addr;
}

static bool all_owned(u64 addr, u64 base, u64 len)
{
    if (len == 0 || !in_zone(addr, base, len)) {
        return false;
    }
    for (u64 page = (addr - base) / PAGE_SIZE; page <= (addr - base + len - 1) / PAGE_SIZE; page++) {
        if (!world.owned[page]) {
            return false;
        }
    }
    return true;
}

bool world_owns_gpa(u64 gpa, u64 len)
{
    return all_owned(gpa, WORLD_GPA, len);
}

bool world_owns_hpa(u64 hpa, u64 len)
{
    return all_owned(hpa, WORLD_HPA, len);
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
    if (!world_owns_gpa(gpa.v, len)) {
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
    if (!world_owns_gpa(gpa.v, len)) {
        return false;
    }
    out->v = gpa.v - WORLD_GPA + WORLD_HPA;
    return true;
}

static void guest_interrupt(void *ctx, u64 addr, u32 data)
{
    (void)ctx;
    if (addr >> 20 != 0xfee || ((data >> 8) & 7) > 1) {
        fprintf(stderr, "a message to %llx, data %x\n", (unsigned long long)addr, data);
        abort();
    }
}

/* What the unit writes for the guest's devices and for its queue stays in the partition. */
static void on_write(u64 addr, size_t len)
{
    if (!world_owns_hpa(addr, len) && !host_owns_status(addr, len)) {
        fprintf(stderr, "the unit writes %llx\n", (unsigned long long)addr);
        abort();
    }
}

static const struct guest_ops ops = {guest_read, guest_ram, guest_interrupt};

static void map_page(u32 page, u32 prot)
{
    u64 offset = page * PAGE_SIZE;
    host_map((gpa_t){WORLD_GPA + offset}, (hpa_t){WORLD_HPA + offset}, prot);
    world.owned[page] = prot != 0;
}

void world_give_back(u32 page)
{
    map_page(page, 0);
}

void world_take(u32 page)
{
    if (!world.owned[page]) {
        map_page(page, 3);
    }
}

static void power_on(void)
{
    const struct model_config config = {.ver = 0x10, .cap = WORLD_CAP, .ecap = WORLD_ECAP,
                                        .haw = WORLD_HAW};
    hosted_reset();
    world.unit = hosted_add_unit((hpa_t){HOST_UNIT_BASE}, &config);
    hosted_watch_writes(on_write);
    host_start(world.unit, WORLD_HAW);
    for (u32 page = 0; page < WORLD_PAGES; page++) {
        map_page(page, 3);
    }
}

void world_begin(void)
{
    if (world.unit == NULL) {
        power_on();
    }
    for (u32 page = 0; page < WORLD_PAGES; page++) {
        world_take(page);
    }
    memset(hosted_memory() + WORLD_HPA, 0, WORLD_PAGES * PAGE_SIZE);
    memset(world.used, 0, sizeof(world.used));
    world.flips = 0;
    world.work_left = false;
    hosted_fail_after(UINT32_MAX);
    host_refuse_posts(0);
    host_refuse_attaches(0, OK);
    world.pages_idle = hosted_pages_used() - host_pages_kept();
    const struct viommu_config config = {.ops = &ops, .gpa_width = 48, .max_bindings = 12,
                                         .max_domains = 4};
    if (viommu_create(&config, &world.v) != OK) {
        abort();
    }
}

void world_end(void)
{
    hosted_fail_after(UINT32_MAX);
    host_refuse_posts(0);
    viommu_destroy(world.v);
    world.v = NULL;
    if (host_attached() != 0 || host_domain_ids_used() != 0) {
        fprintf(stderr, "%u entries, %u domain ids leaked\n", host_attached(),
                host_domain_ids_used());
        abort();
    }
    u32 used = hosted_pages_used() - host_pages_kept();
    if (used != world.pages_idle) {
        fprintf(stderr, "%u pages leaked\n", used - world.pages_idle);
        abort();
    }
}
