/* SPDX-License-Identifier: BSD-2-Clause */
/* See ept_functions.h. */
#include "hv/partition/ept_functions.h"

#include "iommu/port.h"

enum { TABLE_ENTRY = 16 };      /* of MSI-X */
#define MIB (1ull << 20)

/* The pages that a BAR of memory has a part of. */
static not_inlined u64 pages_of(const struct handover_bar *b, u64 *size)
{
    u64 base = b->base & ~PAGE_MASK;
    *size = b->size == 0 || b->port ? 0 : ((b->base + b->size + PAGE_MASK) & ~PAGE_MASK) - base;
    return base;
}

void ept_functions_hide(struct ept_map_range *list, u32 *count, const struct handover *h)
{
    for (u32 i = 0; i < h->function_count * HANDOVER_BARS; i++) {
        u64 size;
        u64 base = pages_of(&h->functions[i / HANDOVER_BARS].bars[i % HANDOVER_BARS], &size);
        ept_map_add(list, count, base, size, 0);
    }
    if (h->function_count != 0 && h->ecam_base != 0) {
        u64 first = h->ecam_first_bus * MIB;
        ept_map_add(list, count, h->ecam_base + first, (h->ecam_last_bus + 1) * MIB - first, 0);
    }
}

/* A part of [at, end), all mapped or all absent since a table of MSI-X is there: where it ends. */
static u64 piece_end(const struct handover *h, u64 at, u64 end, bool *absent)
{
    *absent = false;
    for (u32 i = 0; i < h->function_count; i++) {
        const struct handover_function *f = &h->functions[i];
        u64 table = f->msix != 0 ? f->bars[f->msix_table_bar].base + f->msix_table : ~0ull;
        u64 first = table & ~PAGE_MASK;
        u64 last = (table + (u64)TABLE_ENTRY * f->msix_vectors + PAGE_MASK) & ~PAGE_MASK;
        if (f->msix == 0 || last <= at || first >= end) {
            continue;
        }
        *absent |= first <= at;
        end = first <= at ? last < end ? last : end : first;
    }
    return end;
}

/* Where the host has them. Two of less than a page may share one. */
static enum result map_bar(const struct partition *p, const struct handover *h, const struct handover_bar *b)
{
    u64 size;
    u64 at = pages_of(b, &size);
    u64 end = at + size;
    if (end > 1ull << p->gpa_width) {
        return ERR_UNSUPPORTED;
    }
    while (at < end) {
        bool absent;
        u64 next = piece_end(h, at, end, &absent);
        enum result r = absent ? OK : domain_map(p->domain, (gpa_t){at}, (hpa_t){at}, next - at,
                                                 PROT_READ | PROT_WRITE, MEM_UC);
        if (r != OK && (r != ERR_EXISTS || b->size >= PAGE_SIZE)) {
            return r;
        }
        at = next;
    }
    return OK;
}

enum result ept_functions_map(const struct partition *p, const struct handover *h)
{
    for (u32 i = 0; i < h->function_count * HANDOVER_BARS; i++) {
        const struct handover_function *f = &h->functions[i / HANDOVER_BARS];
        enum result r = p->config == &h->partitions[f->partition] ? map_bar(p, h, &f->bars[i % HANDOVER_BARS]) : OK;
        if (r != OK) {
            port_log(LOG_ERROR, "partition %s: BAR %u of PCI function %#x cannot be mapped: %s",
                     p->config->name, i % HANDOVER_BARS, f->source_id, result_text(r));
            return r;
        }
    }
    return OK;
}
