/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reading a guest's table again: from an input address down to the entry that says what is there, then as many of its
 * neighbours as say it in the same table, which become entries of the same level of the shadow by one ptab_assign(). A
 * leaf that the partition's second stage does not map in one piece is taken apart, as if the guest had a table of its
 * pieces there. What is the same is not written.
 */
#include "iommu/shadow/state.h"
#include "iommu/spec/message.h"

enum {
    /* As tests/bench/bench_exit.c measures, in steps of about 300 instructions. */
    STEPS_WAY = 4,         /* down to an entry */
    STEPS_NEW_TABLE = 24,  /* cleared, and its lines flushed */
    STEPS_OLD_TABLE = 2,   /* taken out, and given back */
    ENTRIES_A_STEP = 8,
    LARGE_AT_ONCE = 64,    /* entries above level 1: each may be a table that goes */
};

/* Where the way down ended. */
struct place {
    u32 level;
    u64 table;      /* of the guest's, unless */
    bool in_pieces; /* leaf, of the level above, is taken apart */
    u64 leaf;
    u64 access;
    u64 entry;
};

static u64 entry_of(const struct shadow_set *set, const struct place *p, u32 i)
{
    u64 entry;
    if (p->in_pieces) {
        return shadow_piece(p->leaf, p->level + 1, i);
    }
    /* What cannot be read is not there, and faults say so. */
    return set->config.read(set->config.ctx, (gpa_t){p->table + i * sizeof(entry)}, &entry, sizeof(entry)) ? entry : 0;
}

static void go_down(struct shadow_set *set, const struct shadow *s, u64 at, struct place *p)
{
    *p = (struct place){.level = s->levels, .table = s->root.v, .access = SHADOW_ACCESS};
    for (;; p->level--) {
        u64 leaf;
        p->entry = entry_of(set, p, shadow_index(at, p->level));
        enum shadow_kind kind = shadow_kind(set, p->entry, p->level);
        if (kind == SHADOW_TABLE) {
            p->table = p->entry & FIELD_MASK(SS_ADDR);
            p->access &= p->entry;
        } else if (kind == SHADOW_LEAF && p->level > 1 && !shadow_compose(set, p->entry, p->level, p->access, &leaf)) {
            p->in_pieces = true;
            p->leaf = p->entry;
        } else {
            return;
        }
    }
}

/* The scratch page, with that many holes. */
static const u64 *holes(struct shadow_set *set, u32 count)
{
    for (u32 i = 0; i < count; i++) {
        set->config.scratch[i] = 0;
    }
    return set->config.scratch;
}

static void note(struct shadow *s, u64 from, u64 end)
{
    bool none = s->changed_from == s->changed_end;
    s->changed_from = none || from < s->changed_from ? from : s->changed_from;
    s->changed_end = none || end > s->changed_end ? end : s->changed_end;
}

/*
 * What had no room goes altogether, with as much around it as takes no new table: a translation of before would be
 * worse than none.
 */
static seldom void give_up(struct shadow_set *set, struct shadow *s, u64 at, u32 level, u32 count)
{
    const u64 *none = holes(set, count);
    u32 room = 0, changed;
    s->missing++;
    for (u64 from = at; level <= s->levels; level++, count = 1) {
        from = at & ~(shadow_span(level) - 1);
        if (domain_assign(s->domain, (gpa_t){from}, level, none, count, &room, &changed) == OK) {
            note(s, from, from + count * shadow_span(level));
            return;
        }
    }
}

static void assign(struct shadow_set *set, struct shadow *s, u64 at, u32 level, const u64 *leaves, u32 count,
                   u32 *budget)
{
    u32 changed, room = 0;
    u32 before = domain_table_pages(s->domain);
    enum result r = domain_assign(s->domain, (gpa_t){at}, level, leaves, count, &room, &changed);
    if (r == ERR_NO_MEMORY) { /* it takes a table, and without room for one nothing has changed */
        room = shadow_memory_take(set, s, s->levels);
        r = domain_assign(s->domain, (gpa_t){at}, level, leaves, count, &room, &changed);
        shadow_memory_give(set, s, room);
    }
    if (r != OK) {
        give_up(set, s, at, level, count);
    } else if (changed != 0) {
        note(s, at, at + count * shadow_span(level));
    }
    u32 after = domain_table_pages(s->domain);
    u32 steps = count / ENTRIES_A_STEP +
                (before > after ? (before - after) * STEPS_OLD_TABLE : (after - before) * STEPS_NEW_TABLE);
    shadow_spend(budget, steps);
}

/* How many entries from `entry` on lie in the table and in the range, which ends within the last. */
static u32 entries_up_to(u64 at, u64 end, u32 level)
{
    u32 left = SS_ENTRIES - shadow_index(at, level);
    u64 wanted = ((end - 1) >> ss_level_shift(level)) - (at >> ss_level_shift(level)) + 1;
    return wanted < left ? (u32)wanted : left;
}

/* The entries of a place in the scratch page. */
static void read_entries(struct shadow_set *set, const struct place *p, u32 first, u32 count)
{
    u64 *to = set->config.scratch;
    gpa_t from = {p->table + first * sizeof(u64)};
    to[0] = p->entry;
    if (count == 1) {
        return;
    }
    if (!p->in_pieces) {
        if (!set->config.read(set->config.ctx, from, to, count * sizeof(u64))) {
            for (u32 i = 0; i < count; i++) {
                to[i] = 0;
            }
        }
        return;
    }
    for (u32 i = 0; i < count; i++) {
        to[i] = shadow_piece(p->leaf, p->level + 1, first + i);
    }
}

/* A mapping and what is around it; there may be thousands of tables, and they go by and by. Returns where these end. */
static u64 take_out(struct shadow_set *set, struct shadow *s, const struct domain_mapping *m, u32 *budget)
{
    u32 level = m->size == shadow_span(SS_LARGEST_LEAF) ? SS_LARGEST_LEAF : SS_LARGEST_LEAF - 1;
    u32 count = level == SS_LARGEST_LEAF ? 1 : LARGE_AT_ONCE;
    u64 from = m->gpa.v & ~(count * shadow_span(level) - 1);
    assign(set, s, from, level, holes(set, count), count, budget);
    return from + count * shadow_span(level);
}

static u32 count_holes(const u64 *entries, u32 count)
{
    u32 n = 0;
    while (n < count && (entries[n] & SHADOW_ACCESS) == 0) {
        n++;
    }
    return n;
}

/* An entry of 1 GiB or more that leads no further. Returns how far that came. */
static u64 step_large(struct shadow_set *set, struct shadow *s, const struct place *p, u64 at, u64 end, u32 *budget)
{
    u64 span = shadow_span(p->level);
    u64 start = at & ~(span - 1), leaf = 0;
    struct domain_mapping m;
    if (shadow_kind(set, p->entry, p->level) == SHADOW_LEAF) {
        (void)shadow_compose(set, p->entry, p->level, p->access, &leaf);
    }
    if (leaf != 0) {
        assign(set, s, start, p->level, &leaf, 1, budget);
        return start + span;
    }
    bool any = domain_next(s->domain, (gpa_t){at}, &m);
    if (any && m.gpa.v < start + span) {
        return take_out(set, s, &m, budget);
    }
    u32 count = entries_up_to(at, end, p->level);
    read_entries(set, p, shadow_index(at, p->level), count);
    u32 none = count_holes(set->config.scratch, count);
    u64 stop = start + (none != 0 ? none : 1) * span;
    return any && m.gpa.v < stop ? m.gpa.v & ~(span - 1) : stop;
}

static void step(struct shadow_set *set, struct shadow *s, u64 *at, u64 end, u32 *budget)
{
    struct place p;
    go_down(set, s, *at, &p);
    if (p.level >= SS_LARGEST_LEAF) {
        *at = step_large(set, s, &p, *at, end, budget);
        return;
    }
    u64 start = *at & ~(shadow_span(p.level) - 1);
    u32 count = entries_up_to(*at, end, p.level);
    if (p.level > 1 && count > LARGE_AT_ONCE) {
        count = LARGE_AT_ONCE;
    }
    read_entries(set, &p, shadow_index(*at, p.level), count);
    if (count == 1) { /* finding out what is usual would take longer */
        count = shadow_compose_one(set, set->config.scratch, p.level, p.access) ? 1 : 0;
    } else {
        count = shadow_compose_run(set, set->config.scratch, p.level, count, p.access);
    }
    if (count != 0) {
        assign(set, s, start, p.level, set->config.scratch, count, budget);
    }
    *at = start + count * shadow_span(p.level);
}

static void tell_missing(const struct shadow_set *set, struct shadow *s)
{
    if (s->missing != 0 && !s->told) {
        s->told = true;
        port_log(LOG_WARNING, "partition %u: a table at 0x%llx (%u bits) has no room in shadow-memory: %u of %u pages, "
                 "needs %u more", set->config.partition, s->root.v, ss_level_shift(s->levels + 1), s->charged,
                 set->config.memory->pages, s->missing);
    }
}

bool shadow_sync(struct shadow_set *set, struct shadow *s, u64 *at, u64 end, u32 *budget)
{
    end = end == 0 || end > s->limit ? s->limit : end;
    shadow_entry_begin(set);
    while (*at < end) {
        if (*budget == 0) {
            return false;
        }
        shadow_spend(budget, STEPS_WAY);
        step(set, s, at, end, budget);
    }
    tell_missing(set, s);
    s->missing = 0;
    return true;
}

u64 shadow_empty(struct shadow_set *set, struct shadow *s, u64 at, u32 *budget)
{
    struct domain_mapping m;
    return domain_next(s->domain, (gpa_t){at}, &m) ? take_out(set, s, &m, budget) : s->limit;
}

seldom enum vtd_fault_reason shadow_judge(const struct shadow_set *set, gpa_t root, u32 levels, u64 addr, bool read,
                                          bool write)
{
    enum vtd_fault_reason absent = write ? VTD_FAULT_LEGACY_WRITE : VTD_FAULT_LEGACY_READ;
    u64 table = root.v, access = SHADOW_ACCESS, output;
    if (addr >> shadow_width(set, levels) != 0) {
        return VTD_FAULT_LEGACY_ADDRESS_WIDTH;
    }
    for (u32 level = levels;; level--) {
        u64 entry;
        gpa_t at = {table + shadow_index(addr, level) * sizeof(entry)};
        if (!set->config.read(set->config.ctx, at, &entry, sizeof(entry))) {
            return level == levels ? VTD_FAULT_LEGACY_CONTEXT_INVALID : VTD_FAULT_LEGACY_SS_ENTRY_ACCESS;
        }
        enum shadow_kind kind = shadow_kind(set, entry, level);
        access &= entry;
        if (kind == SHADOW_RESERVED) {
            return VTD_FAULT_LEGACY_SS_ENTRY_RESERVED;
        }
        if (kind == SHADOW_HOLE || (kind == SHADOW_LEAF && access == 0)) {
            return absent;
        }
        if (kind == SHADOW_LEAF) {
            u64 inside = shadow_span(level) - 1;
            output = (entry & FIELD_MASK(SS_ADDR) & ~inside) | (addr & inside);
            break;
        }
        table = entry & FIELD_MASK(SS_ADDR);
    }
    if (write && (access & FIELD_MASK(SS_W)) == 0) {
        return VTD_FAULT_LEGACY_WRITE;
    }
    if (read && (access & FIELD_MASK(SS_R)) == 0) {
        return VTD_FAULT_LEGACY_READ;
    }
    return message_in_range(output) ? VTD_FAULT_LEGACY_INTERRUPT_RANGE : VTD_FAULT_NONE;
}
