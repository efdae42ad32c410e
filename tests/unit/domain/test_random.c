/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Random operations on domains, the driver and two reference units (one with caching mode), against plain arrays that
 * say what every page of every second stage and first stage is, and what every (device, PASID) is attached to. The
 * units' caches never forget by themselves, so a missing invalidation is a wrong DMA sooner or later.
 *
 * NESTOR_SEED and NESTOR_OPS choose another run.
 */
#include "iommu/domain/domain.h"

#include "tests/support/hosted.h"
#include "tests/support/pick.h"
#include "tests/support/repeat.h"
#include "tests/support/vtd_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define K4 4096ull
#define GPA_BASE ((1ull << 30) - (1ull << 21)) /* large pages on both sides of 1 GiB */
#define IOVA_BASE 0x7f0000000ull

enum {
    UNITS = 2, DEVICES = 6, PASIDS = 4, DOMAINS = 3, FIRST_STAGES = 5, NESTED = 8,
    PAGES = 1500,                     /* of each second stage */
    TABLE_PAGE = 1400,                /* from here on: the first-stage tables, four each */
    FRAMES = 6000, TABLE_FRAME = 7000, /* host pages that DMA may reach; that hold tables */
    IOVA_PAGES = 512,
    ROUND_OPS = 50000,
};
enum { FS_BIT_P = 1, FS_BIT_RW = 2, FS_BIT_US = 4, FS_BIT_A = 0x20, FS_BIT_D = 0x40 };

static const u32 pasids[PASIDS] = {VTD_NO_PASID, 5, 70, 4097};

/* Domain 0 diverges, 1 is a parent with one root, 2 is neither. */
static struct { struct domain *d; struct { u32 frame; u32 prot; } page[PAGES]; } domains[DOMAINS];
static struct { u32 page; bool present, writable; } first[FIRST_STAGES][IOVA_PAGES];
static struct { struct nested *n; u32 parent, fs; u16 did; bool eafe; u32 users; } nested[NESTED];
enum what { NOTHING, DOMAIN, NEST };
struct place { enum what what; u32 index; };
static struct { bool open; struct place at[PASIDS]; } devices[DEVICES];
static struct { struct model_unit *model; struct vtd_unit *unit; enum vtd_root root; } units[UNITS];

static u64 done_ops;
static u64 dma_ok;
static u64 dma_refused;
static u64 refused_ops;
static u64 eafe_conflicts;

static u64 *frame_words(u32 frame)
{
    return (u64 *)(void *)(hosted_memory() + frame * K4);
}

static gpa_t gpa_of(u32 page)
{
    return (gpa_t){GPA_BASE + page * K4};
}

/* --- the oracle of one access --- */

/* Instead of a frame. */
enum { REFUSED = 1 << 20 };

static u32 second_stage_frame(u32 domain, u32 page, bool write)
{
    u32 prot = domains[domain].page[page].prot;
    if ((prot & PROT_READ) == 0 || ((prot & PROT_WRITE) == 0 && (write || domain == 0))) {
        return REFUSED;
    }
    return domains[domain].page[page].frame;
}

static u32 nested_frame(u32 index, u32 iova_page, bool write)
{
    u32 parent = nested[index].parent;
    u32 fs = nested[index].fs;
    for (u32 level = 0; level < 4; level++) {
        if (second_stage_frame(parent, TABLE_PAGE + 4 * fs + level, false) == REFUSED) {
            return REFUSED;
        }
    }
    if (!first[fs][iova_page].present || (write && !first[fs][iova_page].writable)) {
        return REFUSED;
    }
    return second_stage_frame(parent, first[fs][iova_page].page, write);
}

/* What a device is attached to; a device that was not opened has the root's default. */
static struct place effective(u32 device, u32 pasid)
{
    if (devices[device].open) {
        return devices[device].at[pasid];
    }
    return pasid == 0 && units[device % UNITS].root == VTD_ROOT_OFF ? (struct place){DOMAIN, 1}
                                                                    : (struct place){NOTHING, 0};
}

static void check_dma(u32 device, u32 pasid, u32 page, bool write)
{
    struct place at = effective(device, pasid);
    u64 value = write ? seed | 1 : 0;
    struct model_outcome outcome;
    struct model_request request = {.sid = (u16)(8 * device), .has_pasid = pasid != 0,
                                    .pasid = pasid != 0 ? pasids[pasid] : 0,
                                    .op = write ? MODEL_WRITE : MODEL_READ, .len = 8};
    u32 frame;
    if (at.what == NEST) {
        page %= IOVA_PAGES;
        frame = nested_frame(at.index, page, write);
        request.addr = IOVA_BASE + page * K4;
    } else {
        page %= TABLE_PAGE;
        frame = at.what == NOTHING ? REFUSED : second_stage_frame(at.index, page, write);
        request.addr = GPA_BASE + page * K4;
    }
    request.addr += write ? 8 : 0;
    (void)model_dma(units[device % UNITS].model, &request, &value, &outcome);
    done_ops++;
    if (outcome.ok != (frame != REFUSED)) {
        fail_msg("op %llu: device %u pasid %u page %u write %d: reason %x, expected frame %u", done_ops,
                 device, pasid, page, write, outcome.reason, frame);
    }
    if (frame == REFUSED) {
        dma_refused++;
        return;
    }
    dma_ok++;
    assert_int_equal(outcome.hpa, frame * K4 + (write ? 8 : 0));
    assert_int_equal(value, write ? frame_words(frame)[1] : frame + 1);
}

/* Mostly a place where something is attached. */
static void random_dma(void)
{
    u32 device = pick(DEVICES);
    u32 pasid = pick(PASIDS);
    for (u32 tries = 0; tries < 12 && effective(device, pasid).what == NOTHING; tries++) {
        device = pick(DEVICES);
        pasid = pick(PASIDS);
    }
    check_dma(device, pasid, pick(PAGES), pick(2) == 0);
}

/* Now and then the pool is nearly empty: then the operation must not have any effect. */
static void maybe_short(void)
{
    hosted_fail_after(pick(12) == 0 ? pick(5) : UINT32_MAX);
}

static bool was_short(enum result r)
{
    hosted_fail_after(UINT32_MAX);
    refused_ops += r == ERR_NO_MEMORY;
    return r == ERR_NO_MEMORY;
}

/* --- second stage --- */

static void flush(u32 domain, u32 page, u32 count)
{
    assert_int_equal(domain_flush(domains[domain].d, gpa_of(page), count * K4), OK);
}

static void random_range(u32 *page, u32 *count)
{
    *count = 1 + pick(pick(16) == 0 ? TABLE_PAGE : 40);
    *page = pick(TABLE_PAGE);
    if (pick(32) == 0) {
        *page &= ~511u;
        *count = 512;
    }
    if (*count > TABLE_PAGE - *page) {
        *count = TABLE_PAGE - *page;
    }
}

static u32 random_prot(void)
{
    return pick(5) == 0 ? PROT_READ : PROT_READ | PROT_WRITE;
}

/* The next hole, and not beyond it. */
static void fit_into_hole(u32 domain, u32 *page, u32 *count)
{
    u32 end;
    while (*page < TABLE_PAGE - 1 && domains[domain].page[*page].prot != 0) {
        ++*page;
    }
    end = *page + 1;
    while (end < *page + *count && end < TABLE_PAGE && domains[domain].page[end].prot == 0) {
        end++;
    }
    *count = end - *page;
}

static void do_map(u32 domain)
{
    u32 page;
    u32 count;
    u32 prot = random_prot();
    u32 shift = pick(2) == 0 ? 512 * pick(8) : pick(FRAMES - TABLE_PAGE);
    enum result expected = prot == PROT_READ && domain == 1 ? ERR_READ_ONLY_IN_PARENT : OK;
    enum result r;
    random_range(&page, &count);
    if (pick(4) != 0) {
        fit_into_hole(domain, &page, &count);
    }
    for (u32 i = page; i < page + count && expected == OK; i++) {
        expected = domains[domain].page[i].prot != 0 ? ERR_EXISTS : OK;
    }
    maybe_short();
    r = domain_map(domains[domain].d, gpa_of(page), (hpa_t){(shift + page) * K4}, count * K4, prot,
                   MEM_WB);
    if (was_short(r)) {
        return;
    }
    assert_int_equal(r, expected);
    for (u32 i = page; i < page + count && expected == OK; i++) {
        domains[domain].page[i].frame = shift + i;
        domains[domain].page[i].prot = prot;
    }
    flush(domain, page, count);
}

static void do_unmap(u32 domain)
{
    u32 page;
    u32 count;
    u64 bytes;
    u64 expected = 0;
    enum result r;
    random_range(&page, &count);
    maybe_short();
    r = domain_unmap(domains[domain].d, gpa_of(page), count * K4, &bytes);
    if (was_short(r)) {
        return;
    }
    assert_int_equal(r, OK);
    for (u32 i = page; i < page + count; i++) {
        expected += domains[domain].page[i].prot != 0 ? K4 : 0;
        domains[domain].page[i].prot = 0;
    }
    assert_int_equal(bytes, expected);
    flush(domain, page, count);
}

static void do_protect(u32 domain)
{
    u32 page;
    u32 count;
    u32 prot = random_prot();
    bool refused = prot == PROT_READ && domain == 1;
    enum result r;
    random_range(&page, &count);
    maybe_short();
    r = domain_protect(domains[domain].d, gpa_of(page), count * K4, prot);
    if (was_short(r)) {
        return;
    }
    assert_int_equal(r, refused ? ERR_READ_ONLY_IN_PARENT : OK);
    for (u32 i = page; i < page + count && !refused; i++) {
        domains[domain].page[i].prot = domains[domain].page[i].prot != 0 ? prot : 0;
    }
    flush(domain, page, count);
}

/* A page that holds a first-stage table goes away or comes back. */
static void do_table_page(u32 domain)
{
    u32 page = TABLE_PAGE + pick(4 * FIRST_STAGES);
    u64 bytes;
    if (domains[domain].page[page].prot != 0) {
        if (pick(16) != 0) {
            return;
        }
        assert_int_equal(domain_unmap(domains[domain].d, gpa_of(page), K4, &bytes), OK);
        domains[domain].page[page].prot = 0;
    } else {
        u32 frame = TABLE_FRAME + page - TABLE_PAGE;
        assert_int_equal(domain_map(domains[domain].d, gpa_of(page), (hpa_t){frame * K4}, K4,
                                    PROT_READ | PROT_WRITE, MEM_WB), OK);
        domains[domain].page[page].frame = frame;
        domains[domain].page[page].prot = PROT_READ | PROT_WRITE;
    }
    flush(domain, page, 1);
}

static void change_second_stage(void)
{
    u32 domain = pick(DOMAINS);
    switch (pick(6)) {
    case 0:
    case 1:
    case 2:
        do_map(domain);
        break;
    case 3:
        do_unmap(domain);
        break;
    case 4:
        do_protect(domain);
        break;
    default:
        do_table_page(domain);
        break;
    }
}

/* --- first stage --- */

static u64 table_gpa(u32 fs, u32 level)
{
    return gpa_of(TABLE_PAGE + 4 * fs + level).v;
}

static u64 *table_words(u32 fs, u32 level)
{
    return frame_words(TABLE_FRAME + 4 * fs + level);
}

static void build_first_stage(u32 fs)
{
    memset(first[fs], 0, sizeof(first[fs]));
    for (u32 level = 0; level < 4; level++) {
        u32 shift = 39 - 9 * level;
        memset(table_words(fs, level), 0, K4);
        if (level < 3) {
            table_words(fs, level)[IOVA_BASE >> shift & 511] =
                table_gpa(fs, level + 1) | FS_BIT_P | FS_BIT_RW | FS_BIT_US | FS_BIT_A;
        }
    }
}

/*
 * What a guest asks for and the vIOMMU passes on: PASID-based IOTLB descriptors (VT-d 6.5.2.4) under every
 * host id that stands for the guest's. Type 3:0, granularity 5:4, DID 31:16, PASID 51:32; address, hint 6, mask 5:0.
 */
static void invalidate(u32 index, u64 iova, u32 count, bool leaf, bool all)
{
    u64 differ = (iova ^ (iova + count * K4 - 1)) / K4;
    u64 mask = differ == 0 ? 0 : 64 - (u64)__builtin_clzll(differ);
    u64 what = all ? 2 << 4 : 3 << 4;
    u64 where = all ? 0 : (iova & ~((K4 << mask) - 1)) | (leaf ? 1 << 6 : 0) | mask;
    for (u32 i = 0; i < UNITS; i++) {
        u16 ids[4];
        u32 found = did_of_guest(units[i].unit, 0, nested[index].did, ids, ARRAY_LEN(ids));
        for (u32 k = 0; k < found; k++) {
            struct vtd_desc descs[PASIDS];
            for (u32 p = 0; p < PASIDS; p++) {
                u64 pasid = pasids[p] == VTD_NO_PASID ? 0 : pasids[p];
                descs[p] = (struct vtd_desc){{6 | what | (u64)ids[k] << 16 | pasid << 32, where}};
            }
            assert_int_equal(vtd_queue_post(units[i].unit, descs, PASIDS, NULL), OK);
        }
    }
}

/* A guest's unmap and map: stores, and one invalidation of what was present. */
static void change_first_stage(void)
{
    u32 fs = pick(FIRST_STAGES);
    u32 at = pick(IOVA_PAGES);
    u32 count = 1 + pick(pick(4) == 0 ? 40 : 3);
    count = count > IOVA_PAGES - at ? IOVA_PAGES - at : count;
    for (u32 i = at; i < at + count; i++) {
        first[fs][i].present = pick(8) != 0;
        first[fs][i].writable = pick(8) != 0;
        first[fs][i].page = pick(TABLE_PAGE);
        table_words(fs, 3)[i] = !first[fs][i].present ? 0
                                : gpa_of(first[fs][i].page).v | FS_BIT_P | FS_BIT_US | FS_BIT_A | FS_BIT_D |
                                      (first[fs][i].writable ? FS_BIT_RW : 0);
    }
    for (u32 i = 0; i < NESTED; i++) {
        if (nested[i].fs == fs) {
            invalidate(i, IOVA_BASE + at * K4, count, pick(2) == 0, pick(8) == 0);
        }
    }
}

/* --- attaching --- */

static void count_users(const struct place *at, s64 change)
{
    if (at->what == NEST) {
        nested[at->index].users = (u32)(nested[at->index].users + change);
    }
}

static enum result detach(u32 device, u32 pasid, const struct place *at)
{
    struct vtd_unit *unit = units[device % UNITS].unit;
    enum vtd_root root = units[device % UNITS].root;
    u16 sid = (u16)(8 * device);
    return at->what == NEST
               ? nested_detach(nested[at->index].n, unit, root, sid, pasids[pasid])
               : domain_detach(domains[at->index].d, unit, root, sid, pasids[pasid]);
}

static enum result attach_to(u32 device, u32 pasid, const struct place *at, bool replace)
{
    struct vtd_unit *unit = units[device % UNITS].unit;
    enum vtd_root root = units[device % UNITS].root;
    u16 sid = (u16)(8 * device);
    if (at->what == NEST) {
        return (replace ? nested_replace : nested_attach)(nested[at->index].n, unit, root, sid,
                                                          pasids[pasid]);
    }
    return (replace ? domain_replace : domain_attach)(domains[at->index].d, unit, root, sid,
                                                      pasids[pasid]);
}

/* Something on that unit walks the same first-stage table with the other EAFE (VT-d 6.2.3.1). */
static bool conflicts(u32 device, const struct place *to)
{
    for (u32 i = device % UNITS; i < DEVICES; i += UNITS) {
        for (u32 j = 0; to->what == NEST && j < PASIDS; j++) {
            const struct place *at = &devices[i].at[j];
            if (at->what == NEST && nested[at->index].parent == nested[to->index].parent &&
                nested[at->index].fs == nested[to->index].fs &&
                nested[at->index].eafe != nested[to->index].eafe) {
                return true;
            }
        }
    }
    return false;
}

static void change_attachment(void)
{
    u32 device = pick(DEVICES);
    u32 pasid = pick(PASIDS);
    struct place *at = &devices[device].at[pasid];
    struct place to = {NEST, pick(NESTED)};
    bool replace = pick(2) == 0;
    enum result r;
    if (!devices[device].open) {
        return;
    }
    if (pick(6) == 0) {
        r = detach(device, pasid, at->what == NOTHING ? &to : at);
        assert_int_equal(r, at->what == NOTHING ? ERR_NOT_FOUND : OK);
        count_users(at, r == OK ? -1 : 0);
        *at = (struct place){NOTHING, 0};
        return;
    }
    if (pick(3) == 0) {
        to = (struct place){DOMAIN, pick(DOMAINS)};
    }
    maybe_short();
    r = attach_to(device, pasid, &to, replace);
    if (was_short(r) || r == ERR_DID_CONFLICT) {
        return;
    }
    assert_int_equal(r, replace && at->what == NOTHING    ? ERR_NOT_FOUND
                        : !replace && at->what != NOTHING ? ERR_EXISTS
                        : conflicts(device, &to)          ? ERR_FIRST_STAGE_CONFLICT
                                                          : OK);
    eafe_conflicts += r == ERR_FIRST_STAGE_CONFLICT ? 1 : 0;
    if (r == OK) {
        count_users(at, -1);
        count_users(&to, 1);
        *at = to;
    }
}

static void open_or_close(void)
{
    u32 device = pick(DEVICES);
    u16 sid = (u16)(8 * device);
    struct vtd_unit *unit = units[device % UNITS].unit;
    enum vtd_root root = units[device % UNITS].root;
    const struct vtd_context context = {.rid_pasid = 0, .pasids = 1u << 13};
    if (!devices[device].open) {
        assert_int_equal(vtd_device_open(unit, root, sid, &context), OK);
        devices[device].open = true;
        /* In the OFF root its requests without PASID go on; tell the domains as well. */
        if (root == VTD_ROOT_OFF) {
            devices[device].at[0] = (struct place){DOMAIN, 1};
            assert_int_equal(attach_to(device, 0, &devices[device].at[0], false), OK);
        }
        return;
    }
    for (u32 pasid = 0; pasid < PASIDS; pasid++) {
        struct place *at = &devices[device].at[pasid];
        if (at->what != NOTHING) {
            assert_int_equal(detach(device, pasid, at), OK);
            count_users(at, -1);
        }
        *at = (struct place){NOTHING, 0};
    }
    assert_int_equal(vtd_device_close(unit, root, sid), OK);
    devices[device].open = false;
}

static void make_nested(u32 index)
{
    u32 parent = index % 2;
    u32 fs = pick(FIRST_STAGES);
    const struct nested_config config = {.pgtbl_addr = table_gpa(fs, 0), .addr_width = 48,
                                         .guest_did = (u16)(1 + index % 3),
                                         .flags = pick(4) == 0 ? NESTED_EAFE : 0};
    assert_int_equal(nested_create(domains[parent].d, &config, &nested[index].n), OK);
    nested[index].parent = parent;
    nested[index].fs = fs;
    nested[index].did = config.guest_did;
    nested[index].eafe = config.flags != 0;
    nested[index].users = 0;
}

static void change_nested(void)
{
    u32 index = pick(NESTED);
    enum result r = nested_destroy(nested[index].n);
    assert_int_equal(r, nested[index].users != 0 ? ERR_BUSY : OK);
    if (r == OK) {
        make_nested(index);
    }
}

/* --- rounds --- */

static void add_unit(u32 i, u32 round)
{
    const u64 cap = 0x01d2078c406f0e06ull | ((i + round) % 2 == 0 ? 0x80 : 0);
    const struct model_config config = {.ver = 0x10, .cap = cap, .ecap = 0x0003c99c84f050c3ull,
                                        .haw = 47, .erratum_772415 = round % 3 == 1};
    hpa_t base = {VTD_RIG_BASE + i * 0x10000};
    struct vtd_default def;
    units[i].model = hosted_add_unit(base, &config);
    assert_int_equal(vtd_unit_probe(base, 0, (u16)i, 47, &units[i].unit), OK);
    assert_int_equal(domain_unit_add(domains[1].d, units[i].unit, &def), OK);
    assert_int_equal(vtd_takeover(units[i].unit, &def), OK);
    units[i].root = (i + round / 2) % 2 == 0 ? VTD_ROOT_OFF : VTD_ROOT_GUEST;
    assert_int_equal(vtd_root_select(units[i].unit, units[i].root), OK);
}

static void begin(u32 round)
{
    hosted_reset();
    memset(domains, 0, sizeof(domains));
    memset(devices, 0, sizeof(devices));
    for (u32 frame = 0; frame < FRAMES; frame++) {
        frame_words(frame)[0] = frame + 1;
    }
    for (u32 i = 0; i < DOMAINS; i++) {
        const struct domain_config config = {
            .levels = 3 + (round + i) % 3, .page_sizes = K4 | 1ull << 21 | 1ull << 30, .coherent = true,
            .parent = i < 2, .dma_root = i == 0, .partition = 0};
        assert_int_equal(domain_create(&config, &domains[i].d), OK);
    }
    for (u32 i = 0; i < UNITS; i++) {
        add_unit(i, round);
    }
    for (u32 fs = 0; fs < FIRST_STAGES; fs++) {
        build_first_stage(fs);
    }
    for (u32 i = 0; i < NESTED; i++) {
        make_nested(i);
    }
    while (!devices[0].open || !devices[1].open || !devices[2].open || !devices[3].open) {
        open_or_close();
    }
    for (u32 i = 0; i < 100; i++) {
        do_map(pick(DOMAINS));
        do_table_page(pick(DOMAINS));
        change_first_stage();
        change_attachment();
    }
}

/* The whole of each second stage as software reads it. */
static void audit(void)
{
    for (u32 domain = 0; domain < DOMAINS; domain++) {
        for (u32 page = 0; page < PAGES; page++) {
            struct domain_mapping m;
            u32 prot = domains[domain].page[page].prot;
            enum result r = domain_walk(domains[domain].d, gpa_of(page), &m);
            assert_int_equal(r, prot != 0 ? OK : ERR_NOT_FOUND);
            if (r == OK) {
                assert_int_equal(m.prot, prot);
                assert_int_equal(m.hpa.v + gpa_of(page).v - m.gpa.v,
                                 domains[domain].page[page].frame * K4);
            }
        }
    }
}

static void finish(void)
{
    u32 open = DEVICES;
    while (open != 0) {
        open_or_close();
        open = 0;
        for (u32 device = 0; device < DEVICES; device++) {
            open += devices[device].open;
        }
    }
    for (u32 i = 0; i < NESTED; i++) {
        assert_int_equal(nested_destroy(nested[i].n), OK);
    }
    for (u32 i = 0; i < UNITS; i++) {
        domain_unit_remove(domains[1].d, units[i].unit);
        assert_int_equal(vtd_takeover_release(units[i].unit), OK);
        vtd_unit_destroy(units[i].unit);
    }
    for (u32 i = 0; i < DOMAINS; i++) {
        assert_int_equal(domain_destroy(domains[i].d), OK);
    }
    assert_int_equal(hosted_pages_used(), 0);
}

static void step(void)
{
    switch (pick(16)) {
    case 0:
    case 1:
    case 2:
        change_second_stage();
        break;
    case 3:
    case 4:
        change_first_stage();
        break;
    case 5:
    case 6:
        change_attachment();
        break;
    case 7:
        if (pick(40) == 0) {
            open_or_close();
        } else {
            change_nested();
        }
        break;
    default:
        random_dma();
        return;
    }
    done_ops++;
    random_dma();
}

static void test_random(void **state)
{
    u64 first_seed = pick_seed_or(20261124);
    u64 wanted = repeat_or("NESTOR_OPS", 4000000);
    (void)state;
    print_message("# seed %llu, %llu operations\n", first_seed, wanted);
    for (u32 round = 0; done_ops < wanted; round++) {
        u64 stop = done_ops + ROUND_OPS;
        seed = first_seed + round;
        begin(round);
        while (done_ops < stop) {
            step();
            if (pick(5000) == 0) {
                audit();
            }
        }
        audit();
        finish();
    }
    print_message("# seed %llu: %llu operations, %llu out of memory, %llu conflicts, "
                  "DMA %llu done, %llu refused\n", first_seed, done_ops, refused_ops, eafe_conflicts, dma_ok,
                  dma_refused);
    assert_true(dma_ok > done_ops / 5 && dma_refused > done_ops / 5);
    assert_true(eafe_conflicts > done_ops / 10000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_random)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
