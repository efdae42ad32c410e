/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Page tables against a plain array. The address space is cut where something changes in the shape of the tables, so
 * that a range may begin and end at each such place; the array says of each part what is mapped there. After each
 * step every part's first and last page is looked up under both roots, and now and then all leaves are enumerated.
 */
#include "iommu/ptab/second_stage.h"
#include "tests/fuzz/input.h"
#include "tests/support/hosted.h"


int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

#define M2 (1ull << 21)
#define G1 (1ull << 30)
enum { STEPS = 32, PARTS = 31, LEAVES = 512 };

/* Pages, blocks, and the ends of tables of each level; 0 is the end of the input width. */
static const u64 edges[PARTS + 1] = {
    0, PAGE_SIZE, 2 * PAGE_SIZE, M2 - PAGE_SIZE, M2, M2 + PAGE_SIZE, 2 * M2, 3 * M2 - PAGE_SIZE, 3 * M2, 511 * M2,
    G1 - PAGE_SIZE, G1, G1 + PAGE_SIZE, G1 + M2, 2 * G1 - M2, 2 * G1, 2 * G1 + 5 * M2, 3 * G1, 511 * G1, 512 * G1 - M2,
    512 * G1 - PAGE_SIZE, 0, 512 * G1, 512 * G1 + PAGE_SIZE, 512 * G1 + M2, 513 * G1, 514 * G1, 1ull << 47,
    (1ull << 48) - G1, (1ull << 48) - PAGE_SIZE, 0, 0};

struct world_of_tables {
    struct ptab pt;
    u64 edge[PARTS + 1];
    u32 parts;
    u64 leaf[PARTS];            /* output address of the part's first byte, type and rights; 0: a hole */
};

static void start(struct world_of_tables *w, u8 shape)
{
    static const u64 sizes[] = {PAGE_SIZE, PAGE_SIZE | M2, PAGE_SIZE | M2 | G1, PAGE_SIZE | M2 | G1};
    u32 levels = 3 + (shape & 3) % 3;
    u64 limit = ptab_span(levels + 1);
    w->parts = 0;
    for (u32 i = 0; i < PARTS; i++) {
        if ((i == 0 || edges[i] != 0) && edges[i] < limit) {
            w->edge[w->parts++] = edges[i];
        }
    }
    w->edge[w->parts] = limit;
    must(ptab_create(&w->pt, &second_stage_format, levels, sizes[shape >> 2 & 3], (shape & 16) != 0,
                     (shape & 32) != 0) == OK);
}

static u64 size_of(const struct world_of_tables *w, u32 part)
{
    return w->edge[part + 1] - w->edge[part];
}

static u64 leaf_bits(const struct ptab_leaf *leaf, u64 addr)
{
    return (leaf->out.v + (addr - leaf->addr)) | (leaf->entry & (SECOND_STAGE_PERMISSION | SECOND_STAGE_TYPE));
}

static void look(const struct world_of_tables *w, u64 addr, u64 wanted)
{
    bool diverges = w->pt.root.v != w->pt.second_root.v;
    struct ptab_leaf leaf;
    bool there = ptab_walk(&w->pt, w->pt.root, addr, &leaf);
    must(there == (wanted != 0));
    if (there) {
        must(leaf_bits(&leaf, addr) == wanted && addr - leaf.addr < leaf.size && leaf.addr % leaf.size == 0);
    }
    there = ptab_walk(&w->pt, w->pt.second_root, addr, &leaf);
    must(there == (wanted != 0 && (!diverges || (wanted & SECOND_STAGE_WRITE) != 0)));
    if (there) {
        must(leaf_bits(&leaf, addr) == wanted);
    }
}

/* Leaves in order, and all together as much as is mapped; the first few hundred of them. */
static void enumerate(const struct world_of_tables *w)
{
    u64 bytes = 0;
    u64 wanted = 0;
    u64 at = 0;
    u32 left = LEAVES;
    struct ptab_leaf leaf;
    for (u32 i = 0; i < w->parts; i++) {
        wanted += w->leaf[i] != 0 ? size_of(w, i) : 0;
    }
    while (left != 0 && at < w->pt.limit && ptab_next(&w->pt, w->pt.root, at, &leaf)) {
        must(leaf.addr >= at && leaf.size != 0);
        bytes += leaf.size;
        at = leaf.addr + leaf.size;
        left--;
    }
    must(left == 0 ? bytes <= wanted : bytes == wanted);
}

static void compare(const struct world_of_tables *w)
{
    for (u32 i = 0; i < w->parts; i++) {
        u64 last = size_of(w, i) - PAGE_SIZE;
        look(w, w->edge[i], w->leaf[i]);
        look(w, w->edge[i] + last, w->leaf[i] != 0 ? w->leaf[i] + last : 0);
    }
}

static enum result plain_map(struct world_of_tables *w, u32 first, u32 end, u64 out, u64 bits)
{
    for (u32 i = first; i < end; i++) {
        if (w->leaf[i] != 0) {
            return ERR_EXISTS;
        }
    }
    for (u32 i = first; i < end; i++) {
        w->leaf[i] = (out + w->edge[i] - w->edge[first]) | bits;
    }
    return OK;
}

static u64 plain_unmap(struct world_of_tables *w, u32 first, u32 end)
{
    u64 bytes = 0;
    for (u32 i = first; i < end; i++) {
        bytes += w->leaf[i] != 0 ? size_of(w, i) : 0;
        w->leaf[i] = 0;
    }
    return bytes;
}

static void plain_change(struct world_of_tables *w, u32 first, u32 end, u64 mask, u64 bits)
{
    for (u32 i = first; i < end; i++) {
        w->leaf[i] = w->leaf[i] != 0 ? (w->leaf[i] & ~mask) | bits : 0;
    }
}

/* Output addresses as aligned as the input, or less. */
static u64 out_of(const struct world_of_tables *w, u32 first, u8 how)
{
    static const u64 shifts[] = {0, PAGE_SIZE, M2, G1};
    return (1ull << 50) + w->edge[first] + shifts[how & 3];
}

/* So large a range of small pages would take all of memory. */
static bool is_cheap(const struct world_of_tables *w, u64 size, u8 how)
{
    u64 page = w->pt.leaf_level == 3 && (how & 3) % 3 == 0    ? G1
               : w->pt.leaf_level >= 2 && (how & 3) != 1 ? M2
                                                         : PAGE_SIZE;
    return size / page < 2048;
}

static void step(struct world_of_tables *w, struct input *in)
{
    u8 what = input_byte(in);
    u8 how = input_byte(in);
    u32 first = input_byte(in) % w->parts;
    u32 end = first + 1 + input_byte(in) % (w->parts - first);
    u64 size = w->edge[end] - w->edge[first];
    u64 bits = second_stage_bits((how & 4) != 0 ? PROT_READ : PROT_READ | PROT_WRITE,
                                 (how & 8) != 0 ? MEM_WB : MEM_UC);
    u64 mask = (how & 16) != 0 ? SECOND_STAGE_WRITE : SECOND_STAGE_TYPE;
    u64 bytes = 0;
    enum result r = OK;
    hosted_fail_after((what & 0x80) != 0 ? what >> 2 & 0x1f : UINT32_MAX);
    if ((what & 3) <= 1 && is_cheap(w, size, how)) {
        u64 out = out_of(w, first, how);
        r = ptab_map(&w->pt, w->edge[first], (hpa_t){out}, size, bits);
        must(r == ERR_NO_MEMORY || r == plain_map(w, first, end, out, bits));
    } else if ((what & 3) == 2) {
        r = ptab_unmap(&w->pt, w->edge[first], size, &bytes);
        must(r == ERR_NO_MEMORY || (r == OK && bytes == plain_unmap(w, first, end)));
    } else if ((what & 3) == 3) {
        r = ptab_change(&w->pt, w->edge[first], size, mask, bits & mask);
        must(r == ERR_NO_MEMORY || r == OK);
        if (r == OK) {
            plain_change(w, first, end, mask, bits & mask);
        }
    }
    hosted_fail_after(UINT32_MAX);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    static bool ready;
    struct input in = {data, size};
    struct world_of_tables w = {.parts = 0};
    u64 bytes;
    if (!ready) {
        hosted_reset();
        ready = true;
    }
    hosted_clear_log();
    start(&w, input_byte(&in));
    for (u32 i = 0; i < STEPS && in.left != 0; i++) {
        step(&w, &in);
        compare(&w);
        if (i % 8 == 7 || in.left == 0) {
            enumerate(&w);
            ptab_free_retired(ptab_take_retired(&w.pt));
            must(hosted_pages_used() == w.pt.tables);
        }
    }
    must(ptab_unmap(&w.pt, 0, w.pt.limit, &bytes) == OK);
    must(w.pt.tables == (w.pt.root.v == w.pt.second_root.v ? 1 : 2));
    ptab_destroy(&w.pt);
    must(hosted_pages_used() == 0);
    return 0;
}
