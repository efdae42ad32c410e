/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Second-stage entries of a guest's legacy tables, VT-d 3.7 and 9.8, and what they amount to on the partition's second
 * stage: the access that both give, pages as large as both have them.
 */
#include "iommu/shadow/state.h"

#include "iommu/spec/message.h"

seldom void shadow_entry_init(struct shadow_set *set)
{
    const struct shadow_config *c = &set->config;
    u64 always = (FIELD_MASK(SS_ADDR) & ~0ull << c->haw) | FIELD_MASK(SS_TM);
    set->reserved_table = always | FIELD_MASK(SS_SNP);
    for (u32 level = 1; level <= PTAB_MAX_LEVELS; level++) {
        bool large = level > 1;
        bool possible = level <= SS_LARGEST_LEAF && (!large || (c->page_sizes & shadow_span(level)) != 0);
        set->reserved[level] = always | (c->snoop ? 0 : FIELD_MASK(SS_SNP)) |
                               (possible ? 0 : FIELD_MASK(SS_PS)) |
                               (large && possible ? FIELD_MASK(SS_ADDR) & (shadow_span(level) - 1) : 0);
    }
}

void shadow_entry_begin(struct shadow_set *set)
{
    if (set->window.access == 0) {
        set->window.size = 0;
    }
}

/* Requests that end there are interrupts, and no translation leads to one (VT-d 3.14). */
static const u64 MESSAGES = (u64)MESSAGE_RANGE_VALUE << 20, MESSAGES_END = (MESSAGE_RANGE_VALUE + 1ull) << 20;

static void keep_messages_out(struct shadow_window *w, u64 gpa)
{
    u64 end = w->gpa + w->size;
    if (gpa < MESSAGES && end > MESSAGES) {
        w->size = MESSAGES - w->gpa;
    } else if (gpa >= MESSAGES_END && w->gpa < MESSAGES_END) {
        w->size = end - MESSAGES_END;
        w->gpa = MESSAGES_END;
    }
}

not_inlined void shadow_look(struct shadow_set *set, u64 gpa)
{
    struct shadow_window *w = &set->window;
    struct domain_mapping m;
    if (message_in_range(gpa)) {
        *w = (struct shadow_window){.gpa = MESSAGES, .size = MESSAGES_END - MESSAGES};
    } else if (!domain_next_dma(set->config.parent, (gpa_t){gpa}, &m)) {
        *w = (struct shadow_window){.gpa = gpa, .size = ~0ull - gpa};
    } else if (m.gpa.v > gpa) {
        *w = (struct shadow_window){.gpa = gpa, .size = m.gpa.v - gpa};
    } else {
        *w = (struct shadow_window){.gpa = m.gpa.v, .size = m.size, .offset = m.hpa.v - m.gpa.v,
                                    .access = m.prot & SHADOW_ACCESS};
        keep_messages_out(w, gpa);
    }
}

bool shadow_compose(struct shadow_set *set, u64 entry, u32 level, u64 access, u64 *out)
{
    const struct shadow_window *w = &set->window;
    u64 span = shadow_span(level);
    u64 gpa = entry & FIELD_MASK(SS_ADDR);
    if (gpa - w->gpa >= w->size) {
        shadow_look(set, gpa);
    }
    u64 both = entry & access & w->access;
    u64 flags = (entry & FIELD_MASK(SS_SNP)) | (level > 1 ? FIELD_MASK(SS_PS) : 0);
    *out = both == 0 ? 0 : (gpa + w->offset) | both | flags;
    return span <= w->size - (gpa - w->gpa) && (both == 0 || ((gpa + w->offset) & (span - 1)) == 0);
}

bool shadow_compose_one(struct shadow_set *set, u64 *entry, u32 level, u64 access)
{
    enum shadow_kind kind = shadow_kind(set, *entry, level);
    u64 leaf = 0;
    if (kind == SHADOW_TABLE || (kind == SHADOW_LEAF && !shadow_compose(set, *entry, level, access, &leaf))) {
        return false;
    }
    *entry = leaf;
    return true;
}

/* What most leaves of a run are: whole pages inside of a window that gives all access, and without anything odd. */
struct usual {
    u64 from, last;  /* addresses, from the first on */
    u64 keep, offset;
    u64 large, odd;  /* bits that each has, that none has */
    u64 access;      /* bits of which it has one */
};

static void look_for_usual(struct usual *u, const struct shadow_window *w, u64 span)
{
    bool any = w->access == SHADOW_ACCESS && w->size >= span && (w->offset & (span - 1)) == 0;
    u->from = any ? w->gpa : ~0ull;
    u->last = any ? w->size - span : 0;
    u->offset = w->offset;
}

static inline bool is_inside(const struct usual *u, u64 entry)
{
    return (entry & FIELD_MASK(SS_ADDR)) - u->from <= u->last;
}

/* Four at a time, all of them usual; else nothing. */
static inline bool compose_four(const struct usual *u, u64 *entries)
{
    u64 a = entries[0], b = entries[1], c = entries[2], d = entries[3];
    u64 all = a & b & c & d;
    if (((a | b | c | d) & u->odd) != 0 || (all & u->large) != u->large || (all & u->access) == 0 ||
        !is_inside(u, a) || !is_inside(u, b) || !is_inside(u, c) || !is_inside(u, d)) {
        return false;
    }
    entries[0] = (a & u->keep) + u->offset;
    entries[1] = (b & u->keep) + u->offset;
    entries[2] = (c & u->keep) + u->offset;
    entries[3] = (d & u->keep) + u->offset;
    return true;
}

not_inlined u32 shadow_compose_run(struct shadow_set *set, u64 *entries, u32 level, u32 count, u64 access)
{
    u64 span = shadow_span(level);
    u64 large = level > 1 ? FIELD_MASK(SS_PS) : 0;
    struct usual u = {.large = large, .odd = set->reserved[level] & ~large, .access = access,
                      .keep = FIELD_MASK(SS_ADDR) | FIELD_MASK(SS_SNP) | large | access};
    look_for_usual(&u, &set->window, span);
    for (u32 i = 0; i < count;) {
        if (count - i >= 4 && compose_four(&u, &entries[i])) {
            i += 4;
        } else if (shadow_compose_one(set, &entries[i], level, access)) {
            look_for_usual(&u, &set->window, span);
            i++;
        } else {
            return i;
        }
    }
    return count;
}

u64 shadow_piece(u64 leaf, u32 level, u32 i)
{
    u64 piece = leaf + i * shadow_span(level - 1);
    return level == 2 ? piece & ~FIELD_MASK(SS_PS) : piece;
}
