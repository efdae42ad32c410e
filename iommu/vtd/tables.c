/*
 * Root, context and PASID tables of a unit: the OFF root that covers every source-id
 * with a handful of pages, the GUEST root, and the slots in them. VT-d 9.1 to 9.6.
 *
 *   OFF:  root[256 buses] -> one context table -> one directory -> one PASID table -> one entry
 *   a device with entries of its own: its half bus gets a context table of its own, a copy
 *
 * Context tables are kept until the unit goes: a few pages that no in-flight walk can miss.
 */
#include "iommu/vtd/state.h"

enum { BUSES = 256, DIR_ENTRIES_PER_PAGE = 512, PRESENT = 1 };

static bool is_scalable(const struct vtd_unit *unit)
{
    return unit->info.mode == VTD_MODE_SCALABLE;
}

/* Bytes of a context entry, and how many a table holds. */
static u32 context_words(const struct vtd_unit *unit)
{
    return is_scalable(unit) ? 4 : 2;
}

static u32 contexts(const struct vtd_unit *unit)
{
    return (u32)PAGE_SIZE / 8 / context_words(unit);
}

/* The half of the root entry (scalable mode) or its first word that leads to sid's context table. */
static u64 *root_half(const struct vtd_unit *unit, enum vtd_root root, u16 sid)
{
    u64 *table = port_hpa_to_ptr(unit->tables[root].root);
    bool upper = is_scalable(unit) && (sid & 0x80) != 0;
    return table + (size_t)(sid >> 8) * 2 + (upper ? 1 : 0);
}

u64 *vtd_context_find(const struct vtd_unit *unit, enum vtd_root root, u16 sid)
{
    if (unit->tables[root].root.v == 0) {
        return NULL;
    }
    u64 half = *root_half(unit, root, sid);
    if ((half & PRESENT) == 0) {
        return NULL;
    }
    u64 *table = port_hpa_to_ptr((hpa_t){half & ~PAGE_MASK});
    return table + (size_t)(sid & (contexts(unit) - 1)) * context_words(unit);
}

bool vtd_context_is_own(const struct vtd_unit *unit, enum vtd_root root, u16 sid)
{
    const u64 *context = vtd_context_find(unit, root, sid);
    if (context == NULL || !is_scalable(unit)) {
        return false;
    }
    u64 directory = vtd_context_directory(context).v;
    return directory != 0 && directory != unit->tables[root].directory.v;
}

void vtd_store128(u64 *to, u64 low, u64 high)
{
    u64 old_low = to[0], old_high = to[1];
    bool done = false;
    do {
        __asm__ volatile("lock cmpxchg16b %1"
                         : "=@ccz"(done), "+m"(*(u64(*)[2])to), "+a"(old_low), "+d"(old_high)
                         : "b"(low), "c"(high)
                         : "memory");
    } while (!done);
}

void vtd_context_write(struct vtd_unit *unit, u64 *context, u64 low, u64 high)
{
    vtd_store128(context, low, high);
    vtd_flush_table(unit, context, 2 * sizeof(u64));
}

enum result vtd_context_slot(struct vtd_unit *unit, enum vtd_root root, u16 sid, u64 **out)
{
    u64 *half = root_half(unit, root, sid);
    hpa_t shared = unit->tables[root].context;
    if ((*half & PRESENT) == 0 || (*half & ~PAGE_MASK) == shared.v) {
        hpa_t page;
        enum result r = port_pages_alloc(1, &page);
        if (r != OK) {
            return r;
        }
        u64 *to = port_hpa_to_ptr(page);
        const u64 *from = shared.v != 0 ? port_hpa_to_ptr(shared) : NULL;
        for (u32 i = 0; from != NULL && i < PAGE_SIZE / 8; i++) {
            to[i] = from[i];
        }
        vtd_flush_table(unit, to, PAGE_SIZE);
        /* Old and new say the same of every source-id, so nothing cached becomes wrong. */
        vtd_store64(half, page.v | PRESENT);
        vtd_flush_table(unit, half, sizeof(*half));
    }
    *out = vtd_context_find(unit, root, sid);
    return OK;
}

static enum result new_page(hpa_t *out)
{
    enum result r = port_pages_alloc(1, out);
    if (r != OK) {
        out->v = 0;
    }
    return r;
}

static void fill(const struct vtd_unit *unit, hpa_t table, const u64 *pattern, u32 words)
{
    u64 *to = port_hpa_to_ptr(table);
    for (u32 i = 0; i < PAGE_SIZE / 8; i++) {
        to[i] = pattern[i % words];
    }
    vtd_flush_table(unit, to, PAGE_SIZE);
}

/* The entry that covers everything, as the unit's mode writes it. */
static enum result fill_default(struct vtd_unit *unit, struct vtd_root_tables *t)
{
    const struct vtd_entry entry = {.pgtt = PGTT_SECOND_STAGE, .did = unit->def.did,
                                    .ss_root = unit->def.ss_root, .ss_levels = unit->def.ss_levels,
                                    .ss_ad = unit->def.ss_ad};
    u64 context[4] = {0};
    enum result r;
    if (is_scalable(unit)) {
        struct pasid_entry encoded;
        r = vtd_entry_encode(&unit->info, &entry, &encoded);
        if (r != OK) {
            return r;
        }
        *(struct pasid_entry *)port_hpa_to_ptr(t->pasids) = encoded;
        vtd_flush_table(unit, port_hpa_to_ptr(t->pasids), PAGE_SIZE);
        u64 *directory = port_hpa_to_ptr(t->directory);
        directory[0] = t->pasids.v | PRESENT;
        vtd_flush_table(unit, directory, PAGE_SIZE);
        context[0] = t->directory.v | PRESENT;
    } else {
        r = vtd_legacy_encode(&unit->info, &entry, context);
        if (r != OK) {
            return r;
        }
    }
    fill(unit, t->context, context, context_words(unit));
    u64 root[2] = {t->context.v | PRESENT, is_scalable(unit) ? t->context.v | PRESENT : 0};
    fill(unit, t->root, root, 2);
    return OK;
}

enum result vtd_tables_create(struct vtd_unit *unit)
{
    struct vtd_root_tables *off = &unit->tables[VTD_ROOT_OFF];
    enum result r = new_page(&off->root);
    r = r == OK ? new_page(&off->context) : r;
    if (is_scalable(unit)) {
        r = r == OK ? new_page(&off->directory) : r;
        r = r == OK ? new_page(&off->pasids) : r;
        r = r == OK ? new_page(&unit->tables[VTD_ROOT_GUEST].root) : r;
    }
    r = r == OK ? fill_default(unit, off) : r;
    if (r != OK) {
        vtd_tables_free(unit);
    }
    return r;
}

void vtd_directory_free(hpa_t directory, u32 pasids)
{
    const u64 *entries = port_hpa_to_ptr(directory);
    u32 count = pasids / PASIDS_PER_TABLE;
    for (u32 i = 0; i < count; i++) {
        if ((entries[i] & PRESENT) != 0) {
            port_pages_free((hpa_t){entries[i] & ~PAGE_MASK}, 1);
        }
    }
    port_pages_free(directory, (count + DIR_ENTRIES_PER_PAGE - 1) / DIR_ENTRIES_PER_PAGE);
}

static void free_context_table(struct vtd_unit *unit, enum vtd_root root, u64 half)
{
    hpa_t at = {half & ~PAGE_MASK};
    const u64 *table = port_hpa_to_ptr(at);
    for (u32 i = 0; is_scalable(unit) && i < PAGE_SIZE / 8; i += 4) {
        hpa_t directory = vtd_context_directory(&table[i]);
        if (directory.v != 0 && directory.v != unit->tables[root].directory.v) {
            vtd_directory_free(directory, vtd_context_pasids(&table[i]));
        }
    }
    port_pages_free(at, 1);
}

/* Everything below a root but what all source-ids share; the root entries are cleared. */
void vtd_root_empty(struct vtd_unit *unit, enum vtd_root root)
{
    u64 *halves = port_hpa_to_ptr(unit->tables[root].root);
    u64 shared = unit->tables[root].context.v;
    for (u32 i = 0; i < BUSES * 2; i++) {
        u64 half = halves[i];
        halves[i] = 0;
        if ((half & PRESENT) != 0 && (half & ~PAGE_MASK) != shared) {
            free_context_table(unit, root, half);
        }
    }
    vtd_flush_table(unit, halves, PAGE_SIZE);
}

void vtd_tables_free(struct vtd_unit *unit)
{
    for (u32 root = VTD_ROOT_OFF; root <= VTD_ROOT_GUEST; root++) {
        struct vtd_root_tables *t = &unit->tables[root];
        if (t->root.v != 0) {
            vtd_root_empty(unit, (enum vtd_root)root);
        }
        const hpa_t pages[] = {t->root, t->context, t->directory, t->pasids};
        for (u32 i = 0; i < ARRAY_LEN(pages); i++) {
            if (pages[i].v != 0) {
                port_pages_free(pages[i], 1);
            }
        }
        *t = (struct vtd_root_tables){{0}, {0}, {0}, {0}};
    }
}
