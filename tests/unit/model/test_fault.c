/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Registers, fault records and their events, and the device's side of an access: page
 * crossing, interrupt range, zero-length reads, protected memory, ATS answers.
 * VT-d 7.2, 7.3, 11.4, 3.13 to 3.15, 4.1.2, Table 30.
 */
#include "tests/model/scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum { GCMD = 0x18, GSTS = 0x1c, RTADDR = 0x20, FSTS = 0x34, FECTL = 0x38, PMEN = 0x64,
       FRCD = 0x300 };
enum { PFO = 1, PPF = 2 };

static struct scene start(enum scene_mode mode)
{
    struct model_config config = rig_default_config();
    struct scene_options options = {0};
    struct model_request request = {.op = MODEL_READ};
    struct scene s = scene_build(&config, mode, &options, &request);
    rig_enable(s.rig, s.rtaddr);
    return s;
}

static void fault_from(struct scene *s, uint16_t sid, uint64_t addr)
{
    struct model_request r = {.sid = sid, .addr = addr};
    assert_int_not_equal(rig_read(s->rig, &r, NULL), 0);
}

/* --- registers --- */

static void register_reset_values(void **state)
{
    (void)state;
    struct rig *rig = rig_create(NULL);
    struct model_unit *u = rig_unit(rig);
    assert_int_equal(model_read(u, 0x00, 4), RIG_VER);
    assert_int_equal(model_read(u, 0x08, 8), RIG_CAP);
    assert_int_equal(model_read(u, 0x10, 8), RIG_ECAP);
    assert_int_equal(model_read(u, 0x0c, 4), RIG_CAP >> 32);
    assert_int_equal(model_read(u, FECTL, 4), 0x80000000u);
    assert_int_equal(model_read(u, 0xa0, 4), 0x80000000u);
    assert_int_equal(model_read(u, 0xe0, 4), 0x80000000u);
    assert_int_equal(model_read(u, GSTS, 4), 0);
    assert_int_equal(model_register_size(u), 4096);
    rig_destroy(rig);
}

/* Writing all ones leaves exactly the writable bits, 11.4. */
static void register_masks(void **state)
{
    (void)state;
    static const struct { unsigned offset, size; uint64_t mask; const char *name; } cases[] = {
        {0x00, 4, RIG_VER, "VER"}, {0x08, 8, RIG_CAP, "CAP"}, {0x10, 8, RIG_ECAP, "ECAP"},
        {0x20, 8, 0xfffffffffffffc80ull, "RTADDR"}, {0x34, 4, 0, "FSTS"},
        {0x38, 4, 0x80000000u, "FECTL"}, {0x3c, 4, 0xffff, "FEDATA"},
        {0x40, 4, 0xfffffffcu, "FEADDR"}, {0x44, 4, 0xffffffffu, "FEUADDR"},
        {0x58, 8, 0, "AFLOG"}, {0x80, 8, 0, "IQH"}, {0x90, 8, 0xfffffffffffff807ull, "IQA"},
        {0x9c, 4, 0, "ICS"}, {0xa0, 4, 0x80000000u, "IECTL"}, {0xa4, 4, 0xffff, "IEDATA"},
        {0xa8, 4, 0xfffffffcu, "IEADDR"}, {0xac, 4, 0xffffffffu, "IEUADDR"},
        {0xb0, 8, 0, "IQERCD"}, {0xb8, 8, 0, "IRTA without IR"},
        {0xc0, 8, 0x7ffe0, "PQH"}, {0xc8, 8, 0x7ffe0, "PQT"},
        {0xd0, 8, 0xfffffffffffff007ull, "PQA"}, {0xdc, 4, 0, "PRS"},
        {0xe0, 4, 0x80000000u, "PECTL"}, {0x68, 4, 0xfff00000u, "PLMBASE"},
        {0x6c, 4, 0xfff00000u, "PLMLIMIT"}, {0x70, 8, 0xfffffff00000ull, "PHMBASE"},
        {0x78, 8, 0xfffffff00000ull, "PHMLIMIT"}, {0x500, 8, 0, "IVA reads 0"},
        {0x400, 8, 0, "ECMD without ECMDS"}, {0xe00, 8, 0, "VCMD without VCS"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct rig *rig = rig_create(NULL);
        model_write(rig_unit(rig), cases[i].offset, cases[i].size, ~0ull);
        uint64_t seen = model_read(rig_unit(rig), cases[i].offset, cases[i].size);
        if (seen != cases[i].mask) {
            fail_msg("%s reads %llx", cases[i].name, seen);
        }
        rig_destroy(rig);
    }
}

/* A 64-bit register may be written by halves, 11.2; other widths are ignored. */
static void register_widths(void **state)
{
    (void)state;
    struct rig *rig = rig_create(NULL);
    struct model_unit *u = rig_unit(rig);
    model_write(u, RTADDR, 4, 0x12345000);
    model_write(u, RTADDR + 4, 4, 0x6789);
    assert_int_equal(model_read(u, RTADDR, 8), 0x678912345000ull);
    assert_int_equal(model_read(u, RTADDR + 4, 4), 0x6789);
    model_write(u, RTADDR, 2, 0);
    model_write(u, RTADDR, 1, 0);
    model_write(u, RTADDR + 4, 8, 0);
    model_write(u, RTADDR + 2, 4, 0);
    assert_int_equal(model_read(u, RTADDR, 8), 0x678912345000ull);
    assert_int_equal(model_read(u, RTADDR, 2), 0);
    assert_int_equal(model_read(u, RTADDR + 4, 8), 0);
    assert_int_equal(model_read(u, 1u << 20, 4), 0);
    rig_destroy(rig);
}

/* One-shot commands, sticky bits; a hung unit echoes nothing. */
static void global_command(void **state)
{
    (void)state;
    struct rig *rig = rig_create(NULL);
    struct model_unit *u = rig_unit(rig);
    model_write(u, GCMD, 4, 1u << 30);
    assert_int_equal(model_read(u, GSTS, 4), 1u << 30);
    model_write(u, GCMD, 4, 1u << 31);
    assert_int_equal(model_read(u, GSTS, 4), 3u << 30);
    assert_int_equal(model_read(u, GCMD, 4), 0);
    model_write(u, GCMD, 4, 0);
    assert_int_equal(model_read(u, GSTS, 4), 1u << 30);
    model_write(u, GCMD, 4, 1u << 25 | 1u << 24); /* no IR: nothing */
    assert_int_equal(model_read(u, GSTS, 4), 1u << 30);
    model_set_faults(u, &(struct model_faults){.gcmd_hang = true});
    model_write(u, GCMD, 4, 1u << 31 | 1u << 30);
    assert_int_equal(model_read(u, GSTS, 4), 0);
    model_kick(u);
    assert_int_equal(model_read(u, GSTS, 4), 0);
    model_set_faults(u, &(struct model_faults){0});
    model_kick(u);
    assert_int_equal(model_read(u, GSTS, 4), 3u << 30);
    rig_destroy(rig);
}

static void register_size_follows_cap(void **state)
{
    (void)state;
    struct model_config config = rig_default_config();
    config.cap = (config.cap & ~(0x3ffull << 24)) | 0x100ull << 24;
    struct rig *rig = rig_create(&config);
    assert_int_equal(model_register_size(rig_unit(rig)), 8192);
    rig_destroy(rig);
}

/* --- fault records, 7.2.1 --- */

static void record_fields(void **state)
{
    (void)state;
    struct scene s = start(SCALABLE_PASS);
    struct model_request r = {.sid = 0x0277, .has_pasid = true, .pasid = 0xabcde, .priv = true,
                              .exec = true, .addr = 0x123456789abcull, .op = MODEL_READ};
    assert_int_equal(rig_read(s.rig, &r, NULL), 0x39); /* bus 2: root entry absent */
    assert_int_equal(model_read(rig_unit(s.rig), FRCD, 8), 0x123456789000ull);
    /* F 63, T1 62, AT 0, PASID 59:40, reason 39:32, PP 31, EXE 30, PRIV 29, SID */
    assert_int_equal(model_read(rig_unit(s.rig), FRCD + 8, 8), 0xcabcde39e0000277ull);
    r = (struct model_request){.sid = 0x0277, .addr = 0x1000, .op = MODEL_WRITE};
    assert_int_equal(rig_write(s.rig, &r, 0), 0x39);
    assert_int_equal(model_read(rig_unit(s.rig), FRCD + 24, 8), 0x8000003900000277ull);
    r.op = MODEL_ATOMIC;
    uint64_t value = 0;
    struct model_outcome outcome;
    r.len = 8;
    assert_false(model_dma(rig_unit(s.rig), &r, &value, &outcome));
    assert_int_equal(model_read(rig_unit(s.rig), FRCD + 40, 8), 0xc000003910000277ull);
    r = (struct model_request){.sid = 0x0277, .addr = 0x1000, .at = MODEL_TRANSLATED};
    assert_int_equal(rig_read(s.rig, &r, NULL), 0x39);
    assert_int_equal(model_read(rig_unit(s.rig), FRCD + 56, 8), 0xe000003900000277ull);
    scene_destroy(&s);
}

/* Without PASID and DT those fields are RsvdZ, 11.4.7.6. */
static void record_fields_reserved(void **state)
{
    (void)state;
    struct model_config config = rig_default_config();
    config.ecap &= ~(1ull << 40 | 1ull << 2);
    struct rig *rig = rig_create(&config);
    rig_enable(rig, rig_page(rig) | 1u << 10);
    struct model_request r = {.sid = 0x0277, .has_pasid = true, .pasid = 0xabcde, .priv = true,
                              .at = MODEL_TRANSLATED, .addr = 0x1000};
    assert_int_equal(rig_read(rig, &r, NULL), 0x39);
    assert_int_equal(model_read(rig_unit(rig), FRCD + 8, 8), 0xc000003900000277ull);
    rig_destroy(rig);
}

/* Records fill in order; FRI names the first; the ring's end is an overflow. */
static void record_ring(void **state)
{
    (void)state;
    struct scene s = start(SCALABLE_PASS);
    struct model_unit *u = rig_unit(s.rig);
    for (unsigned i = 0; i < 8; i++) {
        fault_from(&s, (uint16_t)(0x0200 + i), 0x1000 * (i + 1));
        assert_int_equal(model_read(u, FSTS, 4), PPF);
    }
    for (unsigned i = 0; i < 8; i++) {
        assert_int_equal(model_read(u, FRCD + i * 16, 8), 0x1000 * (i + 1));
    }
    fault_from(&s, 0x0300, 0x9000);
    assert_int_equal(model_read(u, FSTS, 4), PPF | PFO);
    assert_int_equal(model_read(u, FRCD, 8), 0x1000); /* nothing overwritten */
    /* 3 records cleared: PFO still stops recording. */
    for (unsigned i = 0; i < 3; i++) {
        model_write(u, FRCD + i * 16 + 12, 4, 1u << 31);
    }
    fault_from(&s, 0x0301, 0xa000);
    assert_int_equal(model_read(u, FRCD + 12, 4) >> 31, 0);
    model_write(u, FSTS, 4, PFO);
    assert_int_equal(model_read(u, FSTS, 4), PPF);
    fault_from(&s, 0x0302, 0xb000);
    assert_int_equal(model_read(u, FRCD, 8), 0xb000);
    assert_int_equal(model_counters(u)->faults_lost, 2);
    /* All cleared by 64-bit writes: PPF falls; the next record is named by FRI. */
    for (unsigned i = 0; i < 8; i++) {
        model_write(u, FRCD + i * 16 + 8, 8, 1ull << 63);
    }
    assert_int_equal(model_read(u, FSTS, 4) & 3, 0);
    fault_from(&s, 0x0303, 0xc000);
    assert_int_equal(model_read(u, FSTS, 4), PPF | 1 << 8);
    scene_destroy(&s);
}

static void record_merge(void **state)
{
    (void)state;
    struct model_config config = rig_default_config();
    config.merge_faults = true;
    struct rig *rig = rig_create(&config);
    rig_enable(rig, rig_page(rig) | 1u << 10);
    struct model_request r = {.sid = 0x0277, .addr = 0x1000};
    (void)rig_read(rig, &r, NULL);
    r.addr = 0x2000;
    (void)rig_read(rig, &r, NULL);
    r.sid = 0x0278;
    (void)rig_read(rig, &r, NULL);
    struct rig_fault fault;
    assert_true(rig_take_fault(rig, &fault));
    assert_int_equal(fault.addr, 0x1000);
    assert_true(rig_take_fault(rig, &fault));
    assert_int_equal(fault.sid, 0x0278);
    assert_false(rig_take_fault(rig, &fault));
    assert_int_equal(model_counters(rig_unit(rig))->faults_merged, 1);
    rig_destroy(rig);
}

/* The index starts again when translation (and interrupt remapping) is off. */
static void record_index_resets(void **state)
{
    (void)state;
    struct scene s = start(SCALABLE_PASS);
    struct model_unit *u = rig_unit(s.rig);
    fault_from(&s, 0x0200, 0x1000);
    model_write(u, FRCD + 12, 4, 1u << 31);
    model_write(u, GCMD, 4, 1u << 26);
    model_write(u, GCMD, 4, 1u << 26 | 1u << 31);
    fault_from(&s, 0x0200, 0x2000);
    assert_int_equal(model_read(u, FRCD, 8), 0x2000);
    assert_int_equal(model_read(u, FSTS, 4), PPF);
    scene_destroy(&s);
}

/* 7.3: one event until all is serviced; IM holds it in IP. */
static void fault_event(void **state)
{
    (void)state;
    struct scene s = start(SCALABLE_PASS);
    struct model_unit *u = rig_unit(s.rig);
    uint64_t addr;
    uint32_t data;
    model_write(u, FECTL + 4, 4, 0x4321);
    model_write(u, FECTL + 8, 4, 0xfee0a000);
    model_write(u, FECTL + 12, 4, 0x1);
    fault_from(&s, 0x0200, 0x1000);
    assert_int_equal(rig_interrupts(s.rig), 0);
    assert_int_equal(model_read(u, FECTL, 4), 0xc0000000u);
    model_write(u, FECTL, 4, 0);
    assert_int_equal(rig_interrupts(s.rig), 1);
    rig_last_interrupt(s.rig, &addr, &data);
    assert_int_equal(addr, 0x1fee0a000ull);
    assert_int_equal(data, 0x4321);
    fault_from(&s, 0x0201, 0x2000); /* PPF was set: no new event */
    assert_int_equal(rig_interrupts(s.rig), 1);
    model_write(u, FRCD + 12, 4, 1u << 31);
    fault_from(&s, 0x0202, 0x3000); /* one record is still pending */
    assert_int_equal(rig_interrupts(s.rig), 1);
    model_write(u, FRCD + 28, 4, 1u << 31);
    model_write(u, FRCD + 44, 4, 1u << 31);
    fault_from(&s, 0x0203, 0x4000);
    assert_int_equal(rig_interrupts(s.rig), 2);
    /* Serviced while masked: IP is cleared. */
    model_write(u, FRCD + 60, 4, 1u << 31);
    model_write(u, FECTL, 4, 1u << 31);
    fault_from(&s, 0x0204, 0x5000);
    assert_int_equal(model_read(u, FECTL, 4), 0xc0000000u);
    model_write(u, FRCD + 76, 4, 1u << 31);
    assert_int_equal(model_read(u, FECTL, 4), 0x80000000u);
    /* A queue error beside a pending record, and the other way round, is no new event. */
    model_write(u, FECTL, 4, 0);
    unsigned before = rig_interrupts(s.rig);
    fault_from(&s, 0x0205, 0x6000);
    assert_int_equal(rig_interrupts(s.rig), before + 1);
    assert_false(rig_submit(s.rig, 0xf, 0));
    assert_int_equal(rig_interrupts(s.rig), before + 1);
    model_write(u, FRCD + 92, 4, 1u << 31);
    fault_from(&s, 0x0206, 0x7000); /* IQE is still set */
    assert_int_equal(rig_interrupts(s.rig), before + 1);
    scene_destroy(&s);
}

/* --- the device's side --- */

/* 3.13: a request over a page border is two; what precedes the refused page is done. */
static void page_crossing(void **state)
{
    (void)state;
    struct scene s = start(SCALABLE_NESTED);
    uint8_t bytes[64];
    struct model_outcome outcome;
    struct model_request r = s.request;
    memset(bytes, 0xaa, sizeof(bytes));
    r.op = MODEL_WRITE;
    r.addr = (s.addr & ~0xfffull) + 0xfe0;
    r.len = 64;
    assert_false(model_dma(rig_unit(s.rig), &r, bytes, &outcome));
    assert_int_equal(outcome.reason, 0x71);
    assert_int_equal(outcome.done, 32);
    assert_int_equal(outcome.fault_addr, (s.addr & ~0xfffull) + 0x1000);
    assert_int_equal(rig_get(s.rig, (s.hpa & ~0xfffull) + 0xff8), 0xaaaaaaaaaaaaaaaaull);
    /* The second page elsewhere in memory: both parts arrive. */
    rig_put(s.rig, s.place[FS1] + 8, rig_get(s.rig, s.place[FS1]) + 0x1000);
    rig_put(s.rig, s.place[SS1] + 8, 0x90000000ull | 3);
    memset(bytes, 0xbb, sizeof(bytes));
    assert_true(model_dma(rig_unit(s.rig), &r, bytes, &outcome));
    assert_int_equal(outcome.done, 64);
    assert_int_equal(rig_get(s.rig, 0x90000018ull), 0xbbbbbbbbbbbbbbbbull);
    assert_int_equal(rig_get(s.rig, 0x90000020ull), 0);
    assert_int_equal(model_sid_pages(rig_unit(s.rig), SCENE_SID, MODEL_KIND_NESTED), 3);
    assert_int_equal(model_sid_faults(rig_unit(s.rig), SCENE_SID), 1);
    memset(bytes, 0, sizeof(bytes));
    r.op = MODEL_READ;
    assert_true(model_dma(rig_unit(s.rig), &r, bytes, &outcome));
    assert_int_equal(bytes[0] & bytes[63], 0xbb);
    scene_destroy(&s);
}

/* 3.15: what counts as an interrupt request, and what is refused. */
static void interrupt_range(void **state)
{
    (void)state;
    static const struct { enum model_op op; size_t len; uint64_t addr; unsigned reason;
                          unsigned interrupts; } cases[] = {
        {MODEL_WRITE, 4, 0xfee00000u, 0, 1}, {MODEL_WRITE, 4, 0xfeeffffcu, 0, 1},
        {MODEL_WRITE, 8, 0xfee00000u, 0x87, 0}, {MODEL_WRITE, 2, 0xfee00000u, 0x87, 0},
        {MODEL_READ, 4, 0xfee00000u, 0x87, 0}, {MODEL_READ, 0, 0xfee00000u, 0, 0},
        {MODEL_ATOMIC, 4, 0xfee00000u, 0x87, 0},
        {MODEL_WRITE, 4, 0xfedffffcu, 0, 0}, {MODEL_WRITE, 4, 0xfef00000u, 0, 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct scene s = start(SCALABLE_PASS);
        uint8_t bytes[8] = {0x41};
        struct model_outcome outcome;
        struct model_outcome foreseen;
        struct model_request r = {.sid = SCENE_SID, .op = cases[i].op, .len = cases[i].len,
                                  .addr = cases[i].addr};
        bool predicted = model_translate(rig_unit(s.rig), &r, &foreseen);
        bool done = model_dma(rig_unit(s.rig), &r, bytes, &outcome);
        assert_int_equal(outcome.reason, cases[i].reason);
        assert_int_equal(done, cases[i].reason == 0);
        assert_int_equal(predicted, done);
        assert_int_equal(rig_interrupts(s.rig), cases[i].interrupts);
        scene_destroy(&s);
    }
    struct scene s = start(LEGACY_PASS);
    struct model_request r = {.sid = SCENE_SID, .addr = 0xfee00000u};
    assert_int_equal(rig_read(s.rig, &r, NULL), 0x0e);
    scene_destroy(&s);
}

/* The refusal in the interrupt range is a qualified one: FPD counts. */
static void interrupt_range_fpd(void **state)
{
    (void)state;
    struct scene s = start(SCALABLE_PASS);
    struct model_request r = {.sid = SCENE_SID, .addr = 0xfee00000u};
    struct rig_fault fault;
    scene_change(&s, PE0, 2, 0);
    assert_int_equal(rig_read(s.rig, &r, NULL), 0x87);
    assert_false(rig_take_fault(s.rig, &fault));
    assert_int_equal(model_counters(rig_unit(s.rig))->faults_suppressed, 1);
    scene_destroy(&s);
}

static void atomics(void **state)
{
    (void)state;
    struct scene s = start(SCALABLE_NESTED);
    struct model_request r = s.request;
    struct model_outcome outcome;
    uint64_t operand = 5;
    uint32_t small = 0xffffffffu;
    rig_put(s.rig, s.hpa & ~7ull, 0x0000000100000002ull);
    r.op = MODEL_ATOMIC;
    r.len = 8;
    assert_true(model_dma(rig_unit(s.rig), &r, &operand, &outcome));
    assert_int_equal(operand, 0x0000000100000002ull);
    assert_int_equal(rig_get(s.rig, s.hpa & ~7ull), 0x0000000100000007ull);
    r.addr += 4;
    r.len = 4;
    assert_true(model_dma(rig_unit(s.rig), &r, &small, &outcome));
    assert_int_equal(small, 1);
    assert_int_equal(rig_get(s.rig, s.hpa & ~7ull), 7);
    scene_destroy(&s);
}

/* 11.4.8.1: protected memory is refused in silence, with or without translation. */
static void protected_memory(void **state)
{
    (void)state;
    struct scene s = start(SCALABLE_NESTED);
    struct model_unit *u = rig_unit(s.rig);
    struct rig_fault fault;
    struct model_outcome outcome;
    uint64_t value = 1;
    struct model_request r = s.request;
    r.op = MODEL_WRITE;
    r.len = 8;
    model_write(u, 0x68, 4, 0x80000000u);
    model_write(u, 0x6c, 4, 0x80000000u);
    model_write(u, PMEN, 4, 1u << 31);
    assert_int_equal(model_read(u, PMEN, 4), 0x80000001u);
    assert_false(model_dma(u, &r, &value, &outcome));
    assert_int_equal(outcome.reason, 0);
    assert_false(rig_take_fault(s.rig, &fault));
    model_write(u, 0x68, 4, 0); /* locked while enabled */
    assert_int_equal(model_read(u, 0x68, 4), 0x80000000u);
    model_write(u, PMEN, 4, 0);
    assert_true(model_dma(u, &r, &value, &outcome));
    model_write(u, 0x70, 8, 0x80000000u);
    model_write(u, 0x78, 8, 0x80000000u);
    model_write(u, PMEN, 4, 1u << 31);
    assert_false(model_dma(u, &r, &value, &outcome));
    model_write(u, GCMD, 4, 1u << 26);
    r.addr = 0x800ffff8u;
    assert_false(model_dma(u, &r, &value, &outcome));
    r.addr = 0x80100000u;
    assert_true(model_dma(u, &r, &value, &outcome));
    scene_destroy(&s);
}

/* 3.10: which final accesses are snooped. */
static void snoop(void **state)
{
    (void)state;
    struct scene s = start(SCALABLE_SECOND);
    struct model_outcome outcome;
    struct model_request r = s.request;
    r.no_snoop = true;
    assert_true(model_translate(rig_unit(s.rig), &r, &outcome));
    assert_false(outcome.snooped);
    scene_change(&s, SS1, 1u << 11, 0);
    assert_true(model_translate(rig_unit(s.rig), &r, &outcome));
    assert_true(outcome.snooped);
    scene_change(&s, SS1, 0, 1u << 11);
    scene_change(&s, PE1, 1u << 24, 0);
    assert_true(model_translate(rig_unit(s.rig), &r, &outcome));
    assert_true(outcome.snooped);
    scene_destroy(&s);
}

/* --- ATS, Table 30 columns "Translation Request" --- */

struct ats_line {
    enum scene_mode mode;
    struct change change;
    enum place hole;
    bool with_pasid, priv;
    unsigned status;            /* 0 success, 1 UR, 4 CA */
    bool recorded, read, write;
    const char *row;
};

static void ats(void **state)
{
    (void)state;
    enum { UR = 1, CA = 4 };
    static const struct ats_line lines[] = {
        {SCALABLE_NESTED, {NOWHERE, 0, 0}, NOWHERE, false, false, 0, false, true, true, "ok"},
        {SCALABLE_NESTED, {FS1, 0, 2}, NOWHERE, false, false, 0, false, true, false, "SGN.6"},
        {SCALABLE_NESTED, {SS1, 0, 2}, NOWHERE, false, false, 0, false, true, false, "SGN.6"},
        {SCALABLE_SECOND, {SS1, 0, 1}, NOWHERE, false, false, 0, false, false, true, "SGN.7"},
        {SCALABLE_NESTED, {FS1, 0, 1}, NOWHERE, false, false, 0, false, false, false, "SFS.2"},
        {SCALABLE_NESTED, {FS1, 1ull << 50, 0}, NOWHERE, false, false, 0, false, false, false,
         "SFS.3"},
        {SCALABLE_NESTED, {FS1, 0, 4}, NOWHERE, false, false, 0, false, false, false, "SGN.2"},
        {SCALABLE_NESTED, {SS1, 0, 3}, NOWHERE, false, false, 0, false, false, false, "SSS.2"},
        {SCALABLE_NESTED, {SP2, 0, 1}, NOWHERE, false, false, 0, false, false, false, "SFS.7"},
        {SCALABLE_NESTED, {PE1, 0, 1u << 23}, NOWHERE, false, false, 0, false, false, false,
         "SFS.9"},
        {SCALABLE_NESTED, {NOWHERE, 0, 0}, FS2, false, false, 0, false, false, false, "SFS.1"},
        {SCALABLE_NESTED, {SS1, 1ull << 50, 0}, NOWHERE, false, false, CA, true, false, false,
         "SSS.3"},
        {SCALABLE_NESTED, {NOWHERE, 0, 0}, SS1, false, false, CA, true, false, false, "SSS.1"},
        {SCALABLE_NESTED, {SS1, 0xfee00000u, 0}, NOWHERE, false, false, CA, true, false, false,
         "SGN.8.2"},
        {SCALABLE_PASS, {PE0, 0, 1}, NOWHERE, false, false, 0, false, false, false, "SPT.2"},
        {SCALABLE_PASS, {DIR, 0, 1}, NOWHERE, false, false, 0, false, false, false, "SPD.2"},
        {SCALABLE_PASS, {PE0, 0x20, 0}, NOWHERE, false, false, CA, true, false, false, "SPT.3"},
        {SCALABLE_PASS, {DIR, 4, 0}, NOWHERE, false, false, CA, true, false, false, "SPD.3"},
        {SCALABLE_PASS, {CTX0, 0, 1}, NOWHERE, false, false, UR, true, false, false, "SCT.2"},
        {SCALABLE_PASS, {CTX0, 0x80, 0}, NOWHERE, false, false, CA, true, false, false, "SCT.3"},
        {SCALABLE_PASS, {CTX0, 0, 4}, NOWHERE, false, false, UR, true, false, false, "SCT.5"},
        {SCALABLE_PASS, {CTX0, 0, 8}, NOWHERE, true, false, UR, true, false, false, "SCT.6"},
        {SCALABLE_PASS, {ROOT0, 0, 1}, NOWHERE, false, false, UR, true, false, false, "SRT.2"},
        {SCALABLE_PASS, {ROOT0, 2, 0}, NOWHERE, false, false, CA, true, false, false, "SRT.3"},
        {SCALABLE_NESTED, {NOWHERE, 0, 0}, NOWHERE, true, true, 0, false, false, false, "SPT.6"},
    };
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        struct model_config config = rig_default_config();
        struct scene_options options = {0};
        struct model_request request = {.has_pasid = lines[i].with_pasid,
                                        .pasid = lines[i].with_pasid ? 3 : 0,
                                        .priv = lines[i].priv};
        struct scene s = scene_build(&config, lines[i].mode, &options, &request);
        struct model_outcome outcome;
        struct rig_fault fault;
        scene_change(&s, CTX0, 4, 0); /* DTE */
        if (lines[i].change.at != NOWHERE) {
            scene_change(&s, lines[i].change.at, lines[i].change.set, lines[i].change.clear);
        }
        if (lines[i].hole != NOWHERE) {
            uint64_t page = s.place[lines[i].hole] & ~0xfffull;
            rig_hole(s.rig, page, page + 4095);
        }
        rig_enable(s.rig, s.rtaddr);
        s.request.at = MODEL_TRANSLATION;
        s.request.len = 8;
        (void)model_dma(rig_unit(s.rig), &s.request, NULL, &outcome);
        bool recorded = rig_take_fault(s.rig, &fault);
        bool read = outcome.ok && outcome.can_read;
        bool write = outcome.ok && outcome.can_write;
        if (outcome.ats_status != lines[i].status || recorded != lines[i].recorded ||
            read != lines[i].read || write != lines[i].write) {
            fail_msg("%s: status %u recorded %d R %d W %d", lines[i].row, outcome.ats_status,
                     recorded, read, write);
        }
        scene_destroy(&s);
    }
}

/* Rows S.1, S.2, and D set by an answer that grants W. */
static void ats_special(void **state)
{
    (void)state;
    struct scene s = start(SCALABLE_NESTED);
    struct model_outcome outcome;
    scene_change(&s, CTX0, 4, 0);
    struct model_request r = {.sid = SCENE_SID, .at = MODEL_TRANSLATION, .addr = 0xfee00000u};
    assert_true(model_dma(rig_unit(s.rig), &r, NULL, &outcome));
    assert_false(outcome.can_read);
    assert_true(outcome.can_write);
    r.no_write = true;
    assert_true(model_dma(rig_unit(s.rig), &r, NULL, &outcome));
    assert_false(outcome.can_write);
    r.addr = s.addr;
    assert_true(model_dma(rig_unit(s.rig), &r, NULL, &outcome));
    assert_int_equal(outcome.hpa, s.hpa);
    assert_int_equal(rig_get(s.rig, s.place[FS1]) & 0x60, 0x20);
    r.no_write = false;
    assert_true(model_dma(rig_unit(s.rig), &r, NULL, &outcome));
    assert_int_equal(rig_get(s.rig, s.place[FS1]) & 0x60, 0x60);
    scene_destroy(&s);
}

/* --- model_walk_all and the counters --- */

struct found {
    unsigned count;
    uint64_t bytes;
    struct model_mapping last;
};

static bool note(void *ctx, const struct model_mapping *mapping)
{
    struct found *found = ctx;
    found->count++;
    found->bytes += mapping->size;
    found->last = *mapping;
    return true;
}

static void walk_all(void **state)
{
    (void)state;
    struct scene s = start(SCALABLE_NESTED);
    struct found found = {0};
    assert_int_equal(model_walk_all(rig_unit(s.rig), SCENE_SID, false, 0, note, &found), 0);
    assert_int_equal(found.count, 1);
    assert_int_equal(found.last.iova, s.addr & ~0xfffull);
    assert_int_equal(found.last.hpa, s.hpa & ~0xfffull);
    assert_true(found.last.can_write);
    assert_int_equal(rig_get(s.rig, s.place[FS1]) & 0x60, 0); /* nothing was touched */
    assert_int_equal(model_walk_all(rig_unit(s.rig), 0x0200, false, 0, note, &found), 0x39);
    scene_destroy(&s);
    s = start(SCALABLE_SECOND);
    found = (struct found){0};
    assert_int_equal(model_walk_all(rig_unit(s.rig), SCENE_SID, false, 0, note, &found), 0);
    assert_int_equal(found.count, 1);
    assert_int_equal(found.last.iova, s.addr & ~0xfffull);
    scene_destroy(&s);
    s = start(SCALABLE_PASS);
    found = (struct found){0};
    assert_int_equal(model_walk_all(rig_unit(s.rig), SCENE_SID, false, 0, note, &found), 0);
    assert_int_equal(found.bytes, 1ull << 48);
    scene_destroy(&s);
}

/* A 1G first-stage page over 2M second-stage pages is what the second stage maps of it. */
static void walk_all_fractured(void **state)
{
    (void)state;
    struct model_config config = rig_default_config();
    struct scene_options options = {.fs_leaf = 3, .ss_leaf = 2};
    struct model_request request = {0};
    struct scene s = scene_build(&config, SCALABLE_NESTED, &options, &request);
    struct found found = {0};
    rig_enable(s.rig, s.rtaddr);
    assert_int_equal(model_walk_all(rig_unit(s.rig), SCENE_SID, false, 0, note, &found), 0);
    assert_int_equal(found.count, 1);
    assert_int_equal(found.bytes, 1u << 21);
    scene_destroy(&s);
}

static void dump(void **state)
{
    (void)state;
    struct scene s = start(SCALABLE_NESTED);
    char text[8192] = {0};
    assert_int_equal(rig_read(s.rig, &s.request, NULL), 0);
    FILE *out = fmemopen(text, sizeof(text) - 1, "w");
    assert_non_null(out);
    model_dump(rig_unit(s.rig), out);
    fclose(out);
    assert_non_null(strstr(text, "pages.nested 1\n"));
    assert_non_null(strstr(text, "sid 01:01.0 faults=0 nested=1\n"));
    model_counters_clear(rig_unit(s.rig));
    assert_int_equal(model_sid_pages(rig_unit(s.rig), SCENE_SID, MODEL_KIND_NESTED), 0);
    scene_destroy(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(register_reset_values), cmocka_unit_test(register_masks),
        cmocka_unit_test(register_widths), cmocka_unit_test(global_command),
        cmocka_unit_test(register_size_follows_cap), cmocka_unit_test(record_fields),
        cmocka_unit_test(record_fields_reserved), cmocka_unit_test(record_ring),
        cmocka_unit_test(record_merge), cmocka_unit_test(record_index_resets),
        cmocka_unit_test(fault_event), cmocka_unit_test(page_crossing),
        cmocka_unit_test(interrupt_range), cmocka_unit_test(interrupt_range_fpd),
        cmocka_unit_test(atomics), cmocka_unit_test(protected_memory), cmocka_unit_test(snoop),
        cmocka_unit_test(ats), cmocka_unit_test(ats_special), cmocka_unit_test(walk_all),
        cmocka_unit_test(walk_all_fractured), cmocka_unit_test(dump),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
