/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A hostile guest with all its devices: an input is a list of steps, each an operation
 * and its arguments. Some steps are raw (any register, any width, any word), some build
 * what a driver would, so that deep states are a few bytes away. The invariants are
 * checked after every step.
 */
#include "tests/fuzz/world.h"
#include "tests/fuzz/other.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

struct input {
    const u8 *at, *end;
};

static u64 take(struct input *in, u32 bytes)
{
    u64 value = 0;
    for (u32 i = 0; i < bytes && in->at != in->end; i++) {
        value |= i < 8 ? (u64)*in->at << 8 * i : 0;
        in->at++;
    }
    return value;
}

/* --- where things are in the guest's memory --- */

enum { PAGE_ROOT = 0, PAGE_RING = 1, PAGE_STATUS = 2, PAGE_CONTEXTS = 3, PAGE_DIRS = 9,
       PAGE_TABLES = 15, PAGE_FS = 33, PAGE_DATA = 53, MAX_STEPS = 64 };

static u64 page_gpa(u64 page)
{
    return WORLD_GPA + page % WORLD_PAGES * PAGE_SIZE;
}

/* An address: in the partition, in Nestor, in the unit's registers, in a hole, or raw. */
static u64 take_address(struct input *in)
{
    u8 kind = (u8)take(in, 1);
    switch (kind >> 5) {
    case 0:
    case 1:
    case 2:
    case 3:
        return page_gpa(kind) | (take(in, 1) << 4 & PAGE_MASK);
    case 4:
        return HOSTED_POOL + (kind & 31) * PAGE_SIZE;
    case 5:
        return WORLD_HPA + (kind & 31) * PAGE_SIZE;
    case 6:
        return (kind & 1) != 0 ? HOST_UNIT_BASE : 0xfee00000 | (u64)(kind & 30) << 12;
    default:
        return take(in, 8);
    }
}

static const u16 registers[] = {0x00, 0x08, 0x10, 0x18, 0x1c, 0x20, 0x24, 0x28, 0x2c, 0x34, 0x38,
                                0x3c, 0x40, 0x44, 0x80, 0x88, 0x90, 0x94, 0x9c, 0xa0, 0xa4, 0xa8,
                                0xac, 0xb0, 0xb8, 0xc0, 0xd0, 0xe0, 0xf0, 0xf8, 0x220, 0x22c};

static void reg_write(u32 offset, u32 size, u64 value)
{
    world.work_left |= viommu_mmio_write(world.v, offset, size, value);
}

static u64 reg_read(u32 offset, u32 size)
{
    enum { ENDLESS = 100000 };
    u64 value;
    enum viommu_outcome outcome = VIOMMU_BUSY;
    for (u32 n = 0; outcome == VIOMMU_BUSY; n++) {
        if (n == ENDLESS) {
            fprintf(stderr, "a read of register 0x%x is never answered\n", offset);
            abort();
        }
        outcome = viommu_mmio_read(world.v, offset, size, &value);
    }
    world.work_left |= outcome != VIOMMU_DONE;
    return value;
}

static u32 take_register(struct input *in)
{
    u8 index = (u8)take(in, 1);
    return index < 0xc0 ? registers[index % ARRAY_LEN(registers)] : (u32)take(in, 2) % 0x1100;
}

static void step_write(struct input *in)
{
    u32 offset = take_register(in);
    u8 shape = (u8)take(in, 1);
    u32 size = (shape & 1) != 0 ? 4 : (shape & 2) != 0 ? 8 : shape >> 2 & 15;
    reg_write(offset, size, (shape & 0x80) != 0 ? take_address(in) | (shape & 0x7c) << 8
                                                : take(in, size));
}

static void step_read(struct input *in)
{
    u32 offset = take_register(in);
    (void)reg_read(offset, (u32)take(in, 1) % 10);
}

/* GCMD as a driver writes it: one change of the switches, or a command. */
static void step_command(struct input *in)
{
    u32 now = (u32)reg_read(0x1c, 4) & 0x96ffffffu;
    switch (take(in, 1) % 7) {
    case 0:
        reg_write(0x88, 8, 0);
        reg_write(0x90, 8, page_gpa(PAGE_RING) | (world.shadowed ? 0 : 1u << 11));
        reg_write(0x18, 4, now | 1u << 26);
        return;
    case 1:
        reg_write(0x18, 4, now & ~(1u << 26));
        return;
    case 2:
        reg_write(0x20, 8, page_gpa(PAGE_ROOT) | (world.shadowed ? 0 : 1u << 10));
        reg_write(0x18, 4, now | 1u << 30);
        return;
    case 3:
        reg_write(0x20, 8, page_gpa(take(in, 1)) | (take(in, 1) & 3) << 10);
        reg_write(0x18, 4, now | 1u << 30);
        return;
    case 4:
        reg_write(0x18, 4, now | 1u << 31);
        return;
    case 5:
        reg_write(0x18, 4, now & ~(1u << 31));
        return;
    default:
        reg_write(0x34, 4, 0x71); /* goes on after a queue error */
        return;
    }
}

/* Any word of guest memory. */
static void step_store(struct input *in)
{
    u64 *page = world_at(page_gpa(take(in, 1)));
    u32 index = (u32)take(in, 2) % 512;
    u8 kind = (u8)take(in, 1);
    page[index] = (kind & 1) != 0 ? take_address(in) | (kind >> 1) : take(in, 8);
}

static void link_to(u64 *entry, u64 page, u64 flags)
{
    if ((*entry & 1) == 0) {
        *entry = page_gpa(page) | flags | 1;
    }
}

static u64 *follow(u64 entry, u32 word)
{
    u64 *page = world_at(entry & ~PAGE_MASK);
    return page == NULL ? NULL : &page[word % 512];
}

/* The tables down to a PASID entry as a driver builds them; NULL if raw stores have led astray. */
static u64 *pasid_entry(u32 s, u32 p, u64 context_bits, u64 rid_pasid)
{
    u16 sid = world_sids[s];
    u32 pasid = p == 0 ? (u32)rid_pasid : world_pasids[p - 1];
    u64 *half = &world_at(page_gpa(PAGE_ROOT))[sid >> 7];
    link_to(half, PAGE_CONTEXTS + (u64)s, 0);
    u64 *context = follow(*half, (sid & 0x7fu) * 4);
    if (context == NULL) {
        return NULL;
    }
    if ((context[0] & 1) == 0) {
        context[1] = rid_pasid;
        link_to(context, PAGE_DIRS + (u64)s, context_bits);
    }
    u64 *dir = follow(context[0], pasid >> 6);
    if (dir == NULL) {
        return NULL;
    }
    link_to(dir, PAGE_TABLES + (u64)s * 3 + pasid % 3, 0);
    return follow(*dir, (pasid & 63) * 8);
}

/* Of a shadowed unit: a table of four levels, or whatever the input says; its domain id. */
static void legacy_entry(struct input *in, u32 s)
{
    u16 sid = world_sids[s];
    u64 *root = &world_at(page_gpa(PAGE_ROOT))[(sid >> 8) * 2];
    u8 kind = (u8)take(in, 1);
    link_to(root, PAGE_CONTEXTS + (u64)s, 0);
    u64 *entry = follow(*root, (sid & 0xffu) * 2);
    world.used[s][0] = true;
    if (entry != NULL) {
        entry[1] = (take(in, 1) & 7) << 8 | ((kind & 0x40) != 0 ? kind >> 2 & 7 : 2);
        u64 flags = (kind & 0x20) != 0 ? kind >> 1 & 14 : 0;
        entry[0] = (kind & 0x80) != 0 ? 0 : page_gpa(PAGE_FS + (kind & 3)) | flags | 1;
    }
}

static void step_entry(struct input *in)
{
    u32 s = (u32)take(in, 1) % WORLD_SIDS;
    if (world.shadowed) {
        legacy_entry(in, s);
        return;
    }
    u32 p = (u32)take(in, 1) % (WORLD_PASIDS + 1);
    u8 what = (u8)take(in, 1);
    u64 context_bits = (what & 1u) << 3 | (what & 0x0eu) << 8; /* PASIDE, PDTS */
    u64 *entry = pasid_entry(s, p, context_bits, what >> 6 == 3 ? take(in, 3) & 0xfffff : 0);
    world.used[s][p] = true;
    if (entry == NULL) {
        return;
    }
    u8 kind = (u8)take(in, 1);
    static const u8 pgtt[] = {1, 1, 1, 4, 2, 3, 0, 1};
    entry[2] = page_gpa(PAGE_FS + (kind & 3)) | (what >> 4 & 1) << 2;
    entry[1] = 1u << 23 | (take(in, 1) & 7);
    entry[0] = (kind & 0x80) != 0 ? 0 : (u64)pgtt[kind >> 4 & 7] << 6 | 1;
}

/* One mapping, 4 KiB or 2 MiB, to anywhere: of a first stage, or of a second one. */
static void step_map(struct input *in)
{
    u8 where = (u8)take(in, 1);
    u64 iova = (u64)(where >> 2 & 7) << (where >> 5 & 1 ? 12 : 21);
    u64 table = page_gpa(PAGE_FS + (where & 3));
    u64 target = take_address(in);
    u64 bits = take(in, 1);
    for (u32 level = 4; level > 1; level--) {
        u64 *entry = follow(table, (u32)(iova >> (3 + 9 * level)) & 511);
        if (entry == NULL) {
            return;
        }
        if (level == 2 && (bits & 0x80) != 0) {
            *entry = target | bits;
            return;
        }
        link_to(entry, PAGE_FS + 4 + (where & 3) * 4 + level, world.shadowed ? 2 : 0x26);
        table = *entry;
    }
    u64 *leaf = follow(table, (u32)(iova >> 12) & 511);
    if (leaf != NULL) {
        *leaf = target | bits;
    }
}

static void queue(const u64 w[4])
{
    u32 bytes = world.shadowed ? 16 : 32;
    u64 tail = reg_read(0x88, 8) & PAGE_MASK & ~(bytes - 1ull);
    memcpy(&world_at(page_gpa(PAGE_RING))[tail / 8], w, bytes);
    reg_write(0x88, 8, (tail + bytes) % PAGE_SIZE);
}

/* A descriptor: the usual ones by number, any other by its words. */
static void step_descriptor(struct input *in)
{
    u8 kind = (u8)take(in, 1);
    u64 did = take(in, 1) & 7;
    u64 sid = world_sids[(kind >> 4) % WORLD_SIDS];
    u64 pasid = world_pasids[(kind >> 4) % WORLD_PASIDS];
    u64 w[4] = {0, 0, 0, 0};
    switch (kind & 15) {
    case 0: w[0] = 0x11; break;
    case 1: w[0] = 0x31 | sid << 32 | (did & 3) << 48; break;
    case 2: w[0] = 0x37; break;
    case 3: w[0] = 0x07 | did << 16; break;
    case 4: w[0] = 0x17 | did << 16 | pasid << 32; break;
    case 5: w[0] = 0x12; break;
    case 6: w[0] = 0xe2 | did << 16; break;
    case 7: w[0] = 0x32 | did << 16; w[1] = take_address(in) & ~PAGE_MASK; break;
    case 8: w[0] = 0x26 | did << 16 | pasid << 32; break;
    case 9: w[0] = 0x36 | did << 16 | pasid << 32; w[1] = take(in, 8) & ~0xf80ull; break;
    case 10: w[0] = 0x25 | take(in, 1) << 32; w[1] = page_gpa(PAGE_STATUS) + did * 8; break;
    case 11: w[0] = 0x35; w[1] = take_address(in) & ~3ull; break;
    case 12: w[0] = 0x15; break;
    case 13: w[0] = take(in, 8); w[1] = take(in, 8); break;
    default:
        w[0] = take(in, 8); w[1] = take(in, 8); w[2] = take(in, 8); w[3] = take(in, 8);
        break;
    }
    queue(w);
}

static void step_dma(struct input *in)
{
    u32 s = (u32)take(in, 1) % WORLD_SIDS;
    u8 how = (u8)take(in, 1);
    u32 p = (how >> 3) % (WORLD_PASIDS + 1);
    struct model_outcome outcome;
    u8 buf[64] = {0};
    struct model_request request = {
        .sid = world_sids[s], .has_pasid = p != 0, .pasid = p != 0 ? world_pasids[p - 1] : 0,
        .op = (how & 1) != 0 ? MODEL_WRITE : (how & 2) != 0 ? MODEL_ATOMIC : MODEL_READ,
        .len = 8, .priv = (how & 4) != 0, .exec = (how & 0x80) != 0,
        .at = (how & 0xc0) == 0x40 ? MODEL_TRANSLATED : MODEL_UNTRANSLATED,
    };
    u8 where = (u8)take(in, 1);
    request.addr = (where & 0x80) != 0 ? take_address(in)
                                       : (u64)(where >> 2 & 7) << (where >> 5 & 1 ? 12 : 21);
    world.used[s][p] = true;
    world.writer = world_has_source(request.sid) ? 0 : 1;
    if (model_dma(world.unit, &request, buf, &outcome) && outcome.kind != MODEL_KIND_INTERRUPT &&
        !world_device_may_reach(request.sid, outcome.hpa, 1)) {
        __builtin_trap(); /* a cached translation led out of the partition */
    }
    world.writer = world.turn;
}

/* Trouble of the hardware and the host; memory given back; memory that changes. */
static void step_host(struct input *in)
{
    u8 what = (u8)take(in, 1);
    switch (what & 7) {
    case 0:
        world_hang((what & 8) != 0);
        return;
    case 1:
        world_protect((u32)take(in, 1) % WORLD_PAGES);
        return;
    case 2:
        hosted_fail_after(what >> 3);
        return;
    case 3:
        hosted_fail_after(UINT32_MAX);
        return;
    case 4:
        world_give_back((u32)take(in, 1) % WORLD_PAGES);
        return;
    case 5:
        world_take((u32)take(in, 1) % WORLD_PAGES);
        return;
    case 6:
        world.flip_gpa = take_address(in);
        world.flip_xor = take(in, 8);
        world.flips = what >> 5;
        return;
    default:
        if (world.turn != 0) {
            other_reset();
        } else {
            (void)viommu_reset(world.v);
        }
        return;
    }
}

/* --- interrupts --- */

enum { PAGE_IRT = 56, IRT_ENTRIES = 1024, IRT_ALL = 65536 };

static void set_switch(u32 bit, bool on)
{
    u32 now = (u32)reg_read(0x1c, 4) & 0x96ffffffu;
    reg_write(0x18, 4, on ? now | bit : now & ~bit);
}

static u32 take_index(struct input *in)
{
    u8 index = (u8)take(in, 1);
    if (world.pair && index >= 0xe8 && index < 0xf0) {
        return OTHER_FIRST + index % 8;
    }
    return index < 0xf0 ? index : (u32)take(in, 2);
}

/* EIME, and so many entries; or all that there can be, of which the last ones are where these were. */
static u64 take_irta(struct input *in)
{
    u8 how = (u8)take(in, 1);
    u64 at = page_gpa(PAGE_IRT);
    return ((how & 2) != 0 ? (at - (IRT_ALL - IRT_ENTRIES) * 16) | 15 : at | 9) | (how & 1u) << 11;
}

/* An entry as a driver writes it but for the bits that the input turns. */
static void step_irte(struct input *in)
{
    u64 *table = world_at(page_gpa(PAGE_IRT));
    u32 index = take_index(in) % IRT_ENTRIES;
    u8 what = (u8)take(in, 1);
    static const u32 destinations[] = {0, 1, 3, 4, 17, 300, 0x10002, 0xffffffff};
    u32 destination = destinations[what >> 5];
    u64 place = (what & 1) != 0 ? (u64)destination << 32 : (u64)(destination & 0xff) << 40;
    u64 flips = (what & 8) != 0 ? take(in, 8) : 0;
    u64 sid = world_sids[take(in, 1) % WORLD_SIDS];
    table[index * 2] = (place | 0x310001 | (what & 6) << 1) ^ flips;
    table[index * 2 + 1] = (sid | 1u << 18) ^ ((what & 16) != 0 ? take(in, 3) : 0);
}

static void step_request(struct input *in, bool raw)
{
    static const u16 foreign = 0x4200;
    u8 who = (u8)take(in, 1);
    u16 sid = who >= 0xf0 ? foreign : world_sids[who % WORLD_SIDS];
    u32 index = take_index(in);
    u64 addr = 0xfee00010 | (u64)(index & 0x7fff) << 5 | (u64)(index >> 15) << 2;
    u32 data = 0;
    if (raw) {
        addr = 0xfee00000 | take(in, 3) % 0x100000;
        data = (u32)take(in, 4);
    }
    struct model_interrupt out;
    (void)model_interrupt(world.unit, sid, addr, data, &out);
    world_check_interrupt(sid, &out);
    world.messages = hosted_interrupts();
}

/* Of the other's device, by an index of its guest's table, in compatibility format, or anything. */
static void step_message(struct input *in)
{
    u8 what = (u8)take(in, 1);
    u32 index = (what & 4) != 0 ? take_index(in) : 0;
    u64 named = 0xfee00010 | (u64)(index & 0x7fff) << 5 | (u64)(index >> 15) << 2 | (what & 8);
    u64 address = (what & 4) != 0 ? named : (what & 16) != 0 ? take(in, 8) : 0xfee00000 | (u64)(what >> 5) << 12;
    other_message(what & 3, address, (u32)take(in, (what & 4) != 0 ? 1 : 2));
}

static void step_interrupts(struct input *in, u32 what)
{
    u64 w[4] = {0, 0, 0, 0};
    switch (what) {
    case 0: viommu_poll_faults(world.v); break;
    case 1: case 2: case 3: case 4: step_irte(in); break;
    case 5: case 6:
        reg_write(0xb8, 8, what == 5 ? take_irta(in) : take_address(in));
        reg_write(0x18, 4, ((u32)reg_read(0x1c, 4) & 0x96ffffffu) | 1u << 24);
        break;
    case 7: case 8: set_switch(1u << 25, what == 7 || (take(in, 1) & 3) != 0); break;
    case 9: set_switch(1u << 23, (take(in, 1) & 1) != 0); break;
    case 10: case 11:
        w[0] = 0x14 | (u64)take_index(in) << 32 | take(in, 1) << 27;
        queue(w);
        break;
    case 12: w[0] = 0x04; queue(w); break;
    case 13: step_request(in, true); break;
    default: step_request(in, false); break;
    }
}

static bool run_some(u32 budget)
{
    return viommu_run(world.v, &budget);
}

static void step(struct input *in)
{
    u8 op = (u8)take(in, 1);
    switch (op % 16) {
    case 0: step_write(in); break;
    case 1: step_read(in); break;
    case 2: case 3: step_command(in); break;
    case 4: step_store(in); break;
    case 5: case 6: step_entry(in); break;
    case 7: step_map(in); break;
    case 8: case 9: step_descriptor(in); break;
    case 10: case 11: step_dma(in); break;
    case 12: step_host(in); break;
    case 13: step_interrupts(in, op / 16); break;
    case 14: world.work_left = run_some((u32)take(in, 1)); break;
    default:
        /* A whole interrupt table takes as many; one that hangs never ends. */
        for (u32 i = 0; i < (world.may_hang ? 16 : 512) && world.work_left; i++) {
            world.work_left = run_some(VIOMMU_BUDGET);
        }
        break;
    }
}

static void run(const u8 *data, size_t size)
{
    struct input in = {data, data + size};
    world_begin();
    for (u32 i = 0; i < MAX_STEPS && in.at != in.end; i++) {
        u8 whose = world.pair ? (u8)take(&in, 1) : 0;
        if (world.pair) {
            world_take_turn(whose & 1);
        }
        (whose >= 0xe0 ? step_message : step)(&in);
        world_check();
    }
}

/* A unit that hung is never trusted again, so that a process ends with it. */
static void run_with_hangs(const u8 *data, size_t size)
{
    int status = 0;
    pid_t child = fork();
    if (child == 0) {
        world.may_hang = true;
        run(data, size);
        _exit(0);
    }
    if (child > 0 && waitpid(child, &status, 0) == child && status != 0) {
        __builtin_trap();
    }
}

/* The first byte says whether hardware may fail, what kind of unit the guest has, and whether it is alone. */
int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    world.shadowed = data[0] == 0xfe || data[0] == 0xfd;
    world.pair = data[0] == 0xfc || data[0] == 0xfb;
    if (data[0] == 0xff || data[0] == 0xfd || data[0] == 0xfb) {
        run_with_hangs(data + 1, size - 1);
    } else {
        run(data + 1, size - 1);
        world_end();
    }
    return 0;
}
