/* SPDX-License-Identifier: BSD-2-Clause */
/* See driver_test.h: set-up, verdicts, and the order of the parts. */
#include "tests/efi/driver_test.h"

#include "drivers/format.h"
#include "tests/efi/port_efi.h"

enum { TEXT = 160, RING_PAGES = NVME_RING_PAGES + E1000E_RING_PAGES };

static char name[TEXT];
static char why[TEXT];
static bool failed;
static u32 cases, failures;
static hpa_t rings;

EFI_STATUS efi_main(EFI_HANDLE self, EFI_SYSTEM_TABLE *system);

void case_begin(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    (void)format_text_v(name, sizeof(name), fmt, args);
    va_end(args);
    failed = false;
}

bool check(bool good, const char *fmt, ...)
{
    if (!good && !failed) {
        va_list args;
        va_start(args, fmt);
        (void)format_text_v(why, sizeof(why), fmt, args);
        va_end(args);
        failed = true;
    }
    return good;
}

void case_end(void)
{
    cases++;
    failures += failed;
    if (failed) {
        say("FAIL %s: %s\n", name, why);
    } else {
        say("ok %s\n", name);
    }
}

u32 case_failures(void)
{
    return failures;
}

static u64 word_at(u64 at, u64 seed)
{
    return (at & (SIZE_2M - 1)) * 0x9e3779b97f4a7c15ull ^ seed << 48 ^ seed;
}

void fill(hpa_t at, u64 seed, u64 bytes)
{
    for (u64 i = 0; i < bytes; i += 8) {
        *(volatile u64 *)(at.v + i) = word_at(i, seed);
    }
}

bool is_filled(hpa_t at, u64 seed, u64 bytes)
{
    for (u64 i = 0; i < bytes; i += 8) {
        if (*(volatile u64 *)(at.v + i) != word_at(i, seed)) {
            return false;
        }
    }
    return true;
}

bool bench_domain(const struct bench *b, u64 page_sizes, struct domain **out)
{
    struct domain_config config = {
        .levels = b->levels, .page_sizes = page_sizes, .coherent = b->info.coherent};
    return check(domain_create(&config, out) == OK, "no domain");
}

bool bench_map_rings(const struct bench *b, struct domain *d)
{
    (void)b;
    return check(domain_map(d, (gpa_t){rings.v}, rings, RING_PAGES * PAGE_SIZE,
                            PROT_READ | PROT_WRITE, MEM_WB) == OK, "rings not mapped");
}

bool bench_attach(const struct bench *b, struct domain *d, u16 sid)
{
    static const struct vtd_context context = {.rid_pasid = 0};
    enum result r = vtd_device_open(b->unit, VTD_ROOT_OFF, sid, &context);
    if (r == OK) {
        r = domain_attach(d, b->unit, VTD_ROOT_OFF, sid, VTD_NO_PASID);
    }
    return check(r == OK, "attach of %04x: %s", sid, result_text(r));
}

bool bench_detach(const struct bench *b, struct domain *d, u16 sid)
{
    enum result r = domain_detach(d, b->unit, VTD_ROOT_OFF, sid, VTD_NO_PASID);
    enum result closed = r == OK ? vtd_device_close(b->unit, VTD_ROOT_OFF, sid) : r;
    return check(closed == OK, "detach of %04x: %s", sid, result_text(closed));
}

u32 bench_drain(const struct bench *b)
{
    struct vtd_fault fault;
    u32 count = 0;
    while (vtd_fault_next(b->unit, &fault)) {
        count++;
    }
    return count;
}

static bool map_base(struct bench *b)
{
    enum result r = domain_map(b->base, (gpa_t){0}, (hpa_t){0}, MEMORY_END, PROT_READ | PROT_WRITE,
                               MEM_WB);
    if (r == OK) {
        r = domain_map(b->base, (gpa_t){IOVA_BASE}, b->window, SLOTS * PAGE_SIZE,
                       PROT_READ | PROT_WRITE, MEM_WB);
    }
    return check(r == OK, "identity map: %s", result_text(r));
}

bool bench_take(struct bench *b)
{
    struct vtd_default def;
    enum result r = vtd_unit_probe((hpa_t){UNIT_BASE}, 0, 0, HOST_WIDTH, &b->unit);
    if (!check(r == OK, "probe: %s", result_text(r))) {
        return false;
    }
    vtd_unit_get_info(b->unit, &b->info);
    b->levels = (b->info.ss_levels >> 4 & 1) != 0 ? 4 : 3;
    if (!bench_domain(b, b->info.ss_page_sizes | PAGE_SIZE, &b->base) || !map_base(b)) {
        return false;
    }
    r = domain_unit_add(b->base, b->unit, &def);
    r = r == OK ? vtd_takeover(b->unit, &def) : r;
    return check(r == OK, "take-over: %s", result_text(r));
}

void bench_release(struct bench *b)
{
    /* Giving the domain id back takes an invalidation, hence a queue; the tables stay until the end. */
    domain_unit_remove(b->base, b->unit);
    enum result r = vtd_takeover_release(b->unit);
    check(r == OK, "release: %s", result_text(r));
    vtd_unit_destroy(b->unit);
    r = domain_destroy(b->base);
    check(r == OK, "identity domain: %s", result_text(r));
    b->unit = NULL;
}

static bool open_all(struct bench *b)
{
    hpa_t raw;
    bool good = port_pages_alloc(POOL_PAGES + SIZE_2M / PAGE_SIZE, &raw) == OK &&
                port_pages_alloc(RING_PAGES, &rings) == OK &&
                port_pages_alloc(SLOTS, &b->window) == OK;
    b->pool.v = (raw.v + SIZE_2M - 1) & ~(SIZE_2M - 1);
    return check(good, "no memory") && check(edu_open(&b->edu), "no edu") &&
           check(testdev_open(&b->testdev, 0), "no iommu-testdev") &&
           check(nvme_open(&b->nvme, rings), "no NVMe") &&
           check(e1000e_open(&b->nic, (hpa_t){rings.v + NVME_RING_PAGES * PAGE_SIZE}), "no e1000e");
}

static void test_all(struct bench *b)
{
    test_leftovers(b);
    case_begin("take-over from off");
    bool taken = bench_take(b);
    case_end();
    if (!taken) {
        return;
    }
    say("unit: %s mode, %u levels, coherent %u\n",
        b->info.mode == VTD_MODE_LEGACY ? "legacy" : "scalable", b->levels, b->info.coherent);
    test_move(b);
    test_faults(b);
    test_load(b);
    case_begin("release");
    bench_release(b);
    fill(b->window, 3, EDU_BUFFER);
    check(edu_read(&b->edu, b->window.v, 0, 64) && edu_write(&b->edu, b->pool.v, 0, 64) &&
          is_filled(b->pool, 3, 64), "edu does not reach memory untranslated");
    case_end();
}

EFI_STATUS efi_main(EFI_HANDLE self, EFI_SYSTEM_TABLE *system)
{
    static struct bench bench;
    efi_test_start(self, system);
    case_begin("devices");
    bool opened = open_all(&bench);
    case_end();
    if (opened) {
        test_all(&bench);
        nvme_close(&bench.nvme);
        e1000e_close(&bench.nic);
    }
    say("driver: %u cases, %u failed\n", cases, failures);
    efi_test_end();
}
