/* SPDX-License-Identifier: BSD-2-Clause */
/* See guest_kit.h. */
#include "tests/support/guest_kit.h"

#include "iommu/domain/domain.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ND 6, SAGAW 39/48/57, MGAW 48, 4 records at 220h, no CM; IOTLB at F0h. */
static bool is_ram(const struct kit *kit, u64 gpa, size_t len)
{
    return gpa >= kit->ram_base && gpa < kit->ram_end && len <= kit->ram_end - gpa;
}

static bool guest_read(void *ctx, gpa_t gpa, void *buf, size_t len)
{
    struct kit *kit = ctx;
    kit->reads++;
    if (!is_ram(kit, gpa.v, len)) {
        return false;
    }
    memcpy(buf, hosted_memory() + gpa.v, len);
    if (kit->after_read != NULL) {
        kit->after_read(kit, gpa.v, len);
    }
    return true;
}

static bool guest_ram(void *ctx, gpa_t gpa, size_t len, hpa_t *out)
{
    if (!is_ram(ctx, gpa.v, len)) {
        return false;
    }
    out->v = gpa.v;
    return true;
}

static void guest_interrupt(void *ctx, u64 addr, u32 data)
{
    struct kit *kit = ctx;
    kit->interrupts++;
    kit->interrupt_addr = addr;
    kit->interrupt_data = data;
}

u32 kit_cpus(const struct kit *kit)
{
    return kit->owner == 0 ? (1u << KIT_CPUS) - 1 : 3u << (KIT_OWNER_CPU + 1 - 2 * kit->owner);
}

static bool guest_has_cpus(void *ctx, u32 cluster, u32 mask)
{
    const struct kit *kit = ctx;
    if (kit->owner != 0) {
        return cluster == 0 && mask != 0 && (mask & ~kit_cpus(kit)) == 0;
    }
    u32 own = cluster == 0 ? kit_cpus(kit) : cluster == KIT_WIDE_CPU / 16 ? 1u << KIT_WIDE_CPU % 16 : 0;
    return cluster == GUEST_ALL_CPUS ? !kit->shared : (mask & ~own) == 0;
}

static bool guest_has_sources(void *ctx, u16 first, u16 last)
{
    const struct kit *kit = ctx;
    bool found = false;
    for (u32 i = 0; i < kit->sid_count; i++) {
        found |= first == last && first == kit->sids[i];
    }
    return kit->owner != 0 ? found : !kit->shared || last < KIT_FOREIGN || first >= KIT_FOREIGN_END;
}

static bool guest_interrupts_changed(void *ctx, u32 first, u32 end, u32 *next, u32 *budget)
{
    struct kit *kit = ctx;
    return kit->interrupts_changed == NULL || kit->interrupts_changed(kit, first, end, next, budget);
}

static bool guest_interrupt_index(void *ctx, u32 host, u32 *index)
{
    struct kit *kit = ctx;
    return kit->interrupt_index != NULL && kit->interrupt_index(kit, host, index);
}

static const struct guest_ops ops = {.read = guest_read, .ram = guest_ram, .interrupt = guest_interrupt,
                                     .has_cpus = guest_has_cpus, .has_sources = guest_has_sources,
                                     .interrupts_changed = guest_interrupts_changed,
                                     .interrupt_index = guest_interrupt_index};

void kit_start_with(struct kit *kit, const struct viommu_config *quotas)
{
    kit_start_unit(kit, KIT_CAP, KIT_ECAP, quotas);
}

void kit_start_unit(struct kit *kit, u64 cap, u64 ecap, const struct viommu_config *quotas)
{
    const struct model_config config = {.ver = 0x10, .cap = cap, .ecap = ecap, .haw = KIT_HAW};
    hosted_reset();
    *kit = (struct kit){.next_page = KIT_RAM_BASE, .ram_base = KIT_RAM_BASE, .ram_end = KIT_RAM_END};
    kit->unit = host_start(&config);
    host_map(KIT_RAM_BASE, KIT_RAM_BASE, KIT_RAM_END - KIT_RAM_BASE);
    kit->pages_before = hosted_pages_used();
    kit->root = kit_page(kit);
    kit->ring = kit_page(kit);
    struct viommu_config viommu = {.unit = host_unit(), .parent = host_domain(), .ops = &ops,
                                    .ctx = kit, .gpa_width = 48};
    if (quotas != NULL) {
        viommu.max_bindings = quotas->max_bindings;
        viommu.max_table_pages = quotas->max_table_pages;
        viommu.shared = quotas->shared;
        viommu.interrupts = kit->remaps = quotas->interrupts;
        viommu.shared_unit = quotas->shared_unit;
        viommu.kept_interrupts = quotas->kept_interrupts;
        viommu.shadows = quotas->shadows;
    }
    if (viommu_create(&viommu, &kit->v) != OK) {
        abort();
    }
}

void kit_start(struct kit *kit)
{
    kit_start_with(kit, NULL);
}

void kit_start_owner(struct kit *kit, struct kit *root, struct domain *memory, const u16 *sids, u32 count)
{
    u64 ram = KIT_OWNER_RAM + (u64)root->owners++ * KIT_OWNER_BYTES;
    *kit = (struct kit){.unit = root->unit, .owner = root->owners, .next_page = ram, .ram_base = ram,
                        .ram_end = ram + KIT_OWNER_BYTES, .sids = sids, .sid_count = count};
    root->shared = true;
    kit->root = kit_page(kit);
    kit->ring = kit_page(kit);
    const struct viommu_config config = {.unit = host_unit(), .parent = memory, .ops = &ops, .ctx = kit,
                                         .partition = kit->owner, .gpa_width = 48, .sids = sids, .sid_count = count,
                                         .interrupts = root->remaps};
    if (viommu_create(&config, &kit->v) != OK) {
        abort();
    }
}

static void must_be(enum result r, const char *what)
{
    if (r != OK) {
        fprintf(stderr, "guest_kit: %s: %s\n", what, result_text(r));
        abort();
    }
}

struct domain *kit_own(u32 owner, const u16 *sids, u32 count, struct vtd_owner *owners)
{
    static const struct vtd_context plain = {.pasids = 0};
    struct domain *memory;
    struct vtd_unit_info info;
    vtd_unit_get_info(host_unit(), &info);
    const struct domain_config config = {.levels = 4, .page_sizes = info.ss_page_sizes, .coherent = info.coherent,
                                         .partition = owner};
    u64 ram = KIT_OWNER_RAM + (owner - 1ull) * KIT_OWNER_BYTES;
    must_be(domain_create(&config, &memory), "domain");
    must_be(domain_map(memory, (gpa_t){ram}, (hpa_t){ram}, KIT_OWNER_BYTES, PROT_READ | PROT_WRITE, MEM_WB), "memory");
    for (u32 i = 0; i < count; i++) {
        must_be(vtd_own_add(host_unit(), sids[i]), "source-id");
        must_be(vtd_device_open(host_unit(), VTD_ROOT_OWN_OFF, sids[i], &plain), "context");
        must_be(domain_attach(memory, host_unit(), VTD_ROOT_OWN_OFF, sids[i], VTD_NO_PASID), "device");
        must_be(vtd_own_block(host_unit(), sids[i], false), "its way");
        owners[i] = (struct vtd_owner){.sid = sids[i], .name = "a", .keeper = host_unit()};
    }
    return memory;
}

void kit_disown(struct domain *memory, const u16 *sids, u32 count)
{
    for (u32 i = 0; i < count; i++) {
        must_be(domain_detach(memory, host_unit(), VTD_ROOT_OWN_OFF, sids[i], VTD_NO_PASID), "detach");
    }
    must_be(domain_destroy(memory), "a domain is still used");
}

void kit_stop_owner(struct kit *kit)
{
    viommu_destroy(kit->v);
}

static bool is_none(const char *what, u32 count)
{
    if (count != 0) {
        fprintf(stderr, "%u %s leaked\n%s", count, what, hosted_log());
    }
    return count == 0;
}

bool kit_stop(struct kit *kit)
{
    viommu_destroy(kit->v);
    bool clean = is_none("entries", host_attached());
    clean = is_none("domain ids", host_domain_ids_used()) && clean;
    host_stop();
    return is_none("pages", hosted_pages_used()) && clean;
}

u64 kit_pages(struct kit *kit, u32 count)
{
    u64 at = kit->next_page;
    kit->next_page += count * PAGE_SIZE;
    if (kit->next_page > kit->ram_end) {
        abort();
    }
    return at;
}

u64 kit_page(struct kit *kit)
{
    return kit_pages(kit, 1);
}

u64 *kit_at(u64 gpa)
{
    return (u64 *)(void *)(hosted_memory() + gpa);
}

bool kit_run(struct kit *kit, u32 budget)
{
    return viommu_run(kit->v, &budget);
}

void kit_finish(struct kit *kit)
{
    while (kit_run(kit, VIOMMU_BUDGET)) {
    }
}

enum viommu_outcome kit_read_once(struct kit *kit, u32 offset, u32 size, u64 *value)
{
    enum viommu_outcome outcome;
    do {
        outcome = viommu_mmio_read(kit->v, offset, size, value);
    } while (outcome == VIOMMU_BUSY);
    return outcome;
}

u64 kit_read(struct kit *kit, u32 offset, u32 size)
{
    u64 value;
    if (kit_read_once(kit, offset, size, &value) != VIOMMU_DONE) {
        kit_finish(kit);
    }
    return value;
}

void kit_write(struct kit *kit, u32 offset, u32 size, u64 value)
{
    if (viommu_mmio_write(kit->v, offset, size, value)) {
        kit_finish(kit);
    }
}

static u32 sticky(struct kit *kit)
{
    return (u32)kit_read(kit, R_GSTS, 4) & 0x96ffffffu;
}

void kit_queue_on(struct kit *kit)
{
    kit_write(kit, R_IQT, 8, 0);
    kit_write(kit, R_IQA, 8, kit->ring | 1u << 11);
    kit_write(kit, R_GCMD, 4, sticky(kit) | G_QIE);
}

void kit_set_root(struct kit *kit, u32 ttm)
{
    kit_write(kit, R_RTADDR, 8, kit->root | (u64)ttm << 10);
    kit_write(kit, R_GCMD, 4, sticky(kit) | G_SRTP);
}

void kit_translate(struct kit *kit, bool on)
{
    kit_write(kit, R_GCMD, 4, on ? sticky(kit) | G_TE : sticky(kit) & ~G_TE);
}

void kit_boot(struct kit *kit)
{
    kit_queue_on(kit);
    kit_set_root(kit, 1);
    kit_translate(kit, true);
}

u64 kit_queue(struct kit *kit, u64 tail, u64 w0, u64 w1)
{
    const u64 words[4] = {w0, w1, 0, 0};
    memcpy(hosted_memory() + kit->ring + tail, words, sizeof(words));
    return (tail + sizeof(words)) % PAGE_SIZE;
}

bool kit_submit(struct kit *kit, u64 w0, u64 w1)
{
    u64 tail = kit_queue(kit, kit_read(kit, R_IQT, 8), w0, w1);
    kit_write(kit, R_IQT, 8, tail);
    return (kit_read(kit, R_FSTS, 4) & 0x10) == 0;
}

void kit_invalidate_all(struct kit *kit)
{
    (void)kit_submit(kit, 0x11, 0);
    (void)kit_submit(kit, 0x37, 0);
    (void)kit_submit(kit, 0x12, 0);
    (void)kit_submit(kit, 0x05, 0);
}

u64 *kit_context(struct kit *kit, u16 sid, u64 attributes0, u64 attributes1)
{
    u64 *half = &kit_at(kit->root)[sid >> 7];
    if (*half == 0) {
        *half = kit_page(kit) | 1;
    }
    u64 *entry = &kit_at(*half & ~PAGE_MASK)[(sid & 0x7f) * 4];
    if (entry[0] == 0) {
        entry[0] = kit_page(kit) | 1 | attributes0;
        entry[1] = attributes1;
    }
    return entry;
}

u64 *kit_pasid_entry(struct kit *kit, u16 sid, u32 pasid)
{
    u64 *context = kit_context(kit, sid, 1u << 3, 0);
    u64 *dir = &kit_at(context[0] & ~PAGE_MASK)[pasid >> 6];
    if (*dir == 0) {
        *dir = kit_page(kit) | 1;
    }
    return &kit_at(*dir & ~PAGE_MASK)[(pasid & 63) * 8];
}

/* As Linux writes them: AW 2 and PWSNP included. */
void kit_first_stage(struct kit *kit, u16 sid, u32 pasid, u16 did, u64 fs_root)
{
    u64 *entry = kit_pasid_entry(kit, sid, pasid);
    entry[2] = fs_root;
    entry[1] = 1u << 23 | did;
    entry[0] = 1 << 6 | 2 << 2 | 1;
}

void kit_pass_through(struct kit *kit, u16 sid, u32 pasid, u16 did)
{
    u64 *entry = kit_pasid_entry(kit, sid, pasid);
    entry[2] = 0;
    entry[1] = 1u << 23 | did;
    entry[0] = 4 << 6 | 2 << 2 | 1;
}

void kit_map(struct kit *kit, u64 fs_root, u64 iova, u64 gpa, u64 bits)
{
    u64 table = fs_root;
    for (u32 level = 4; level > 1; level--) {
        u64 *entry = &kit_at(table)[(iova >> (3 + 9 * level)) & 511];
        if (*entry == 0) {
            *entry = kit_page(kit) | 0x27;
        }
        table = *entry & ~PAGE_MASK;
    }
    kit_at(table)[(iova >> 12) & 511] = bits == 0 ? 0 : gpa | bits | 0x61;
}

void kit_boot_legacy(struct kit *kit)
{
    kit_write(kit, R_IQT, 8, 0);
    kit_write(kit, R_IQA, 8, kit->ring);
    kit_write(kit, R_GCMD, 4, sticky(kit) | G_QIE);
    kit_set_root(kit, 0);
    kit_translate(kit, true);
}

bool kit_submit_legacy(struct kit *kit, u64 w0, u64 w1)
{
    const u64 words[2] = {w0, w1};
    u64 tail = kit_read(kit, R_IQT, 8);
    memcpy(hosted_memory() + kit->ring + tail, words, sizeof(words));
    kit_write(kit, R_IQT, 8, (tail + sizeof(words)) % PAGE_SIZE);
    return (kit_read(kit, R_FSTS, 4) & 0x10) == 0;
}

u64 *kit_legacy_context(struct kit *kit, u16 sid, u16 did, u64 table, u32 levels)
{
    u64 *root = &kit_at(kit->root)[(sid >> 8) * 2];
    if (*root == 0) {
        *root = kit_page(kit) | 1;
    }
    u64 *entry = &kit_at(*root & ~PAGE_MASK)[(sid & 0xff) * 2];
    entry[1] = (u64)did << 8 | (levels != 0 ? levels - 2 : 2);
    entry[0] = table | (levels != 0 ? 0 : 2u << 2) | 1;
    return entry;
}

u64 *kit_second_stage(struct kit *kit, u64 table, u32 levels, u64 iova, u32 level)
{
    for (u32 n = levels; n > level; n--) {
        u64 *entry = &kit_at(table)[iova >> (3 + 9 * n) & 511];
        if ((*entry & 3) == 0 || (*entry & 0x80) != 0) {
            *entry = kit_page(kit) | 3;
        }
        table = *entry & ~PAGE_MASK & ((1ull << KIT_HAW) - 1);
    }
    return &kit_at(table)[iova >> (3 + 9 * level) & 511];
}

u64 kit_device(struct kit *kit, u16 sid, u32 pasid, u16 did, u64 iova, u64 *fs_root)
{
    u64 page = kit_page(kit);
    u64 root = kit_page(kit);
    kit_map(kit, root, iova, page, 6);
    kit_first_stage(kit, sid, pasid, did, root);
    kit_at(page)[0] = KIT_VALUE;
    if (fs_root != NULL) {
        *fs_root = root;
    }
    return page;
}

void kit_three_devices(struct kit *kit, const u16 sids[static 3], u16 did, u64 iova)
{
    u64 fs_root = kit_page(kit);
    kit_map(kit, fs_root, iova, kit_page(kit), 6);
    kit_first_stage(kit, sids[0], 0, did, fs_root);
    kit_pass_through(kit, sids[1], 0, did + 1);
    (void)kit_pasid_entry(kit, sids[2], 0);
}

static u8 dma(struct kit *kit, const struct model_request *request, u64 *value,
              struct model_outcome *outcome)
{
    return model_dma(kit->unit, request, value, outcome) ? 0 : outcome->reason;
}

u8 kit_dma(struct kit *kit, u16 sid, bool write, u64 addr, u64 *value)
{
    struct model_outcome outcome;
    const struct model_request request = {.sid = sid, .op = write ? MODEL_WRITE : MODEL_READ,
                                          .addr = addr, .len = 8};
    return dma(kit, &request, value, &outcome);
}

u8 kit_dma_pasid(struct kit *kit, u16 sid, u32 pasid, bool write, u64 addr, u64 *value)
{
    struct model_outcome outcome;
    const struct model_request request = {.sid = sid, .has_pasid = true, .pasid = pasid,
                                          .op = write ? MODEL_WRITE : MODEL_READ, .addr = addr,
                                          .len = 8};
    return dma(kit, &request, value, &outcome);
}

enum model_kind kit_kind(struct kit *kit, u16 sid, u64 addr)
{
    struct model_outcome outcome;
    const struct model_request request = {.sid = sid, .op = MODEL_READ, .addr = addr, .len = 8};
    (void)model_translate(kit->unit, &request, &outcome);
    return outcome.ok ? outcome.kind : MODEL_KIND_BLOCKED;
}

bool kit_take_fault(struct kit *kit, struct kit_fault *out)
{
    u64 status = kit_read(kit, R_FSTS, 4);
    u64 cap = kit_read(kit, R_CAP, 8);
    u32 count = (u32)((cap >> 40) & 0xff) + 1;
    u32 base = (u32)((cap >> 24) & 0x3ff) * 16;
    for (u32 i = 0; i < count && (status & 2) != 0; i++) {
        u32 offset = base + (u32)(((status >> 8) & 0xff) + i) % count * 16;
        u64 high = kit_read(kit, offset + 8, 8);
        if ((high >> 63) == 0) {
            continue;
        }
        *out = (struct kit_fault){.addr = kit_read(kit, offset, 8), .sid = (u16)high,
                                  .reason = (u8)(high >> 32), .has_pasid = (high >> 31 & 1) != 0,
                                  .pasid = (u32)(high >> 40) & 0xfffff,
                                  .read = (high >> 62 & 1) != 0};
        kit_write(kit, offset + 12, 4, 1u << 31);
        return true;
    }
    return false;
}

struct viommu_stats kit_stats(const struct kit *kit)
{
    struct viommu_stats stats;
    viommu_get_stats(kit->v, &stats);
    return stats;
}
