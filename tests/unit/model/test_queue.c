/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The invalidation queue: every reserved bit of every descriptor, which types each mode
 * takes, how the queue stops and goes on, waits and their interrupts, device-TLB time-outs.
 * VT-d 6.5.2, Table 26, 11.4.9.
 */
#include "tests/model/rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { FSTS = 0x34, FECTL = 0x38, IQH = 0x80, IQT = 0x88, IQA = 0x90, ICS = 0x9c, IECTL = 0xa0,
       IQERCD = 0xb0, GCMD = 0x18, GSTS = 0x1c };
enum { IQE = 0x10, ICE = 0x20, ITE = 0x40 };

#define DIT (1ull << 41)
#define PDS (1ull << 42)

/* --- one case per reserved bit --- */

struct line {
    const char *name;
    uint64_t w0, w1;            /* a valid descriptor */
    unsigned word, hi, lo;      /* reserved bits */
    uint64_t ecap_clear;
};

static const struct line lines[] = {
    {"6.5.2.1 context-cache 8:6", 0x11, 0, 0, 8, 6, 0},
    {"6.5.2.1 context-cache 15:12", 0x11, 0, 0, 15, 12, 0},
    {"6.5.2.1 context-cache 63:50", 0x11, 0, 0, 63, 50, 0},
    {"6.5.2.1 context-cache 127:64", 0x11, 0, 1, 63, 0, 0},
    {"6.5.2.1 context-cache 191:128", 0x11, 0, 2, 63, 0, 0},
    {"6.5.2.1 context-cache 255:192", 0x11, 0, 3, 63, 0, 0},
    {"6.5.2.3 iotlb 8", 0x12, 0, 0, 8, 8, 0},
    {"6.5.2.3 iotlb 15:12", 0x12, 0, 0, 15, 12, 0},
    {"6.5.2.3 iotlb 63:32", 0x12, 0, 0, 63, 32, 0},
    {"6.5.2.3 iotlb 75:71", 0x12, 0, 1, 11, 7, 0},
    {"6.5.2.3 iotlb 255:128", 0x12, 0, 2, 63, 0, 0},
    {"6.5.2.5 device-TLB 8:4", 3, 0, 0, 8, 4, 0},
    {"6.5.2.5 device-TLB 31:21", 3, 0, 0, 31, 21, 0},
    {"6.5.2.5 device-TLB 51:48", 3, 0, 0, 51, 48, 0},
    {"6.5.2.5 device-TLB PFSID 15:12 without DIT", 3, 0, 0, 15, 12, DIT},
    {"6.5.2.5 device-TLB PFSID 63:52 without DIT", 3, 0, 0, 63, 52, DIT},
    {"6.5.2.5 device-TLB 75:65", 3, 0, 1, 11, 1, 0},
    {"6.5.2.5 device-TLB 255:128", 3, 0, 3, 63, 0, 0},
    {"6.5.2.8 IEC 8:5", 4, 0, 0, 8, 5, 0},
    {"6.5.2.8 IEC 26:12", 4, 0, 0, 26, 12, 0},
    {"6.5.2.8 IEC 63:48", 4, 0, 0, 63, 48, 0},
    {"6.5.2.8 IEC 127:64", 4, 0, 1, 63, 0, 0},
    {"6.5.2.9 wait 8", 5, 0, 0, 8, 8, 0},
    {"6.5.2.9 wait 31:12", 5, 0, 0, 31, 12, 0},
    {"6.5.2.9 wait PD without PDS", 5, 0, 0, 7, 7, PDS},
    {"6.5.2.9 wait 65:64", 5, 0, 1, 1, 0, 0},
    {"6.5.2.9 wait 255:128", 5, 0, 2, 63, 0, 0},
    {"6.5.2.4 p_iotlb 8:6", 0x26, 0, 0, 8, 6, 0},
    {"6.5.2.4 p_iotlb 15:12", 0x26, 0, 0, 15, 12, 0},
    {"6.5.2.4 p_iotlb 63:52", 0x26, 0, 0, 63, 52, 0},
    {"6.5.2.4 p_iotlb 75:71", 0x26, 0, 1, 11, 7, 0},
    {"6.5.2.4 p_iotlb 191:128", 0x26, 0, 2, 63, 0, 0},
    {"6.5.2.4 p_iotlb 255:192", 0x26, 0, 3, 63, 0, 0},
    {"6.5.2.2 PASID-cache 8:6", 0x37, 0, 0, 8, 6, 0},
    {"6.5.2.2 PASID-cache 15:12", 0x37, 0, 0, 15, 12, 0},
    {"6.5.2.2 PASID-cache 63:52", 0x37, 0, 0, 63, 52, 0},
    {"6.5.2.2 PASID-cache 127:64", 0x37, 0, 1, 63, 0, 0},
    {"6.5.2.2 PASID-cache 255:192", 0x37, 0, 3, 63, 0, 0},
    {"6.5.2.6 PASID device-TLB PFSID 15:12 without DIT", 8, 0, 0, 15, 12, DIT},
    {"6.5.2.6 PASID device-TLB PFSID 63:52 without DIT", 8, 0, 0, 63, 52, DIT},
    {"6.5.2.6 PASID device-TLB 74:65", 8, 0, 1, 10, 1, 0},
    {"6.5.2.6 PASID device-TLB 255:192", 8, 0, 3, 63, 0, 0},
    {"7.6.1 page group response 8:5", 9, 0, 0, 8, 5, 0},
    {"7.6.1 page group response 63:52", 9, 0, 0, 63, 52, 0},
    {"7.6.1 page group response 65:64", 9, 0, 1, 1, 0, 0},
    {"7.6.1 page group response 127:76", 9, 0, 1, 63, 12, 0},
};

struct bit_case {
    const struct line *line;
    unsigned bit;
    char name[96];
};

static struct rig *scalable_rig(uint64_t ecap_clear)
{
    struct model_config config = rig_default_config();
    config.ecap &= ~ecap_clear;
    struct rig *rig = rig_create(&config);
    rig_enable(rig, rig_page(rig) | 1u << 10);
    return rig;
}

static unsigned iqei(struct rig *rig)
{
    return (unsigned)model_read(rig_unit(rig), IQERCD, 8) & 0xf;
}

static void run_bit(void **state)
{
    const struct bit_case *c = *state;
    struct rig *rig = scalable_rig(c->line->ecap_clear);
    uint64_t w[4] = {c->line->w0, c->line->w1, 0, 0};
    assert_true(rig_submit4(rig, w));
    w[c->line->word] |= 1ull << c->bit;
    assert_false(rig_submit4(rig, w));
    assert_int_equal(model_read(rig_unit(rig), FSTS, 4) & IQE, IQE);
    assert_int_equal(iqei(rig), 4);
    assert_int_equal(model_read(rig_unit(rig), IQH, 8), 32);
    rig_destroy(rig);
}

/* --- which types and granularities each mode takes --- */

struct mode_line {
    const char *name;
    uint64_t rtaddr;
    bool wide;
    uint64_t ecap_clear, cap_clear;
    uint64_t w0, w1;
    unsigned error;             /* 0: taken */
};

#define LEGACY 0
#define SCALABLE (1u << 10)
#define RESERVED (2u << 10)
#define ABORT (3u << 10)
#define SMTS (1ull << 43)
#define ADMS (1ull << 52)

static const struct mode_line mode_lines[] = {
    {"legacy, narrow: context-cache, Table 26", LEGACY, false, 0, 0, 0x11, 0, 0},
    {"legacy, narrow: iotlb, Table 26", LEGACY, false, 0, 0, 0x12, 0, 0},
    {"legacy, narrow: device-TLB, Table 26", LEGACY, false, 0, 0, 3, 0, 0},
    {"legacy, narrow: IEC, Table 26", LEGACY, false, 0, 0, 4, 0, 0},
    {"legacy, narrow: wait, Table 26", LEGACY, false, 0, 0, 5, 0, 0},
    {"legacy, narrow: p_iotlb, Table 26", LEGACY, false, 0, 0, 0x26, 0, 3},
    {"legacy, narrow: PASID-cache, Table 26", LEGACY, false, 0, 0, 0x37, 0, 3},
    {"legacy, wide: context-cache, Table 26", LEGACY, true, 0, 0, 0x11, 0, 0},
    {"legacy, wide: wait, Table 26", LEGACY, true, 0, 0, 5, 0, 0},
    {"legacy, wide: p_iotlb, Table 26", LEGACY, true, 0, 0, 0x26, 0, 3},
    {"legacy, wide: PASID-cache, Table 26", LEGACY, true, 0, 0, 0x37, 0, 3},
    {"legacy, wide: PASID device-TLB, Table 26", LEGACY, true, 0, 0, 8, 0, 3},
    {"legacy, wide: page group response, Table 26", LEGACY, true, 0, 0, 9, 0, 3},
    {"legacy, wide without SMTS but ADMS, 11.4.9.9", LEGACY, true, SMTS, 0, 5, 0, 0},
    {"legacy, wide without SMTS and ADMS, 11.4.9.9", LEGACY, true, SMTS | ADMS, 0, 5, 0, 5},
    {"scalable, narrow, 11.4.9.9", SCALABLE, false, 0, 0, 5, 0, 5},
    {"scalable, wide: context-cache, Table 26", SCALABLE, true, 0, 0, 0x11, 0, 0},
    {"scalable, wide: iotlb, Table 26", SCALABLE, true, 0, 0, 0x12, 0, 0},
    {"scalable, wide: device-TLB, Table 26", SCALABLE, true, 0, 0, 3, 0, 0},
    {"scalable, wide: IEC, Table 26", SCALABLE, true, 0, 0, 4, 0, 0},
    {"scalable, wide: wait, Table 26", SCALABLE, true, 0, 0, 5, 0, 0},
    {"scalable, wide: p_iotlb, Table 26", SCALABLE, true, 0, 0, 0x26, 0, 0},
    {"scalable, wide: PASID-cache, Table 26", SCALABLE, true, 0, 0, 0x37, 0, 0},
    {"scalable, wide: PASID device-TLB, Table 26", SCALABLE, true, 0, 0, 8, 0, 0},
    {"scalable, wide: page group response, Table 26", SCALABLE, true, 0, 0, 9, 0, 0},
    {"abort, narrow, 11.4.9.9", ABORT, false, 0, 0, 5, 0, 5},
    {"abort, wide: p_iotlb, Table 26", ABORT, true, 0, 0, 0x26, 0, 0},
    {"abort, wide: wait, Table 26", ABORT, true, 0, 0, 5, 0, 0},
    {"reserved mode, narrow, 11.4.9.9", RESERVED, false, 0, 0, 5, 0, 7},
    {"reserved mode, wide, 11.4.9.9", RESERVED, true, 0, 0, 5, 0, 7},
    {"type 0, 11.4.9.9", SCALABLE, true, 0, 0, 0, 0, 3},
    {"type Ah without HPTS, 6.5.2.7", SCALABLE, true, 0, 0, 0x1a, 0, 3},
    {"type Bh, 11.4.9.9", SCALABLE, true, 0, 0, 0xb, 0, 3},
    {"type Fh, 11.4.9.9", SCALABLE, true, 0, 0, 0xf, 0, 3},
    {"type 15h (bit 9), 11.4.9.9", SCALABLE, true, 0, 0, 0x205, 0, 3},
    {"type 25h (bit 10), 11.4.9.9", SCALABLE, true, 0, 0, 0x405, 0, 3},
    {"type 45h (bit 11), 11.4.9.9", SCALABLE, true, 0, 0, 0x805, 0, 3},
    {"device-TLB without DT, 6.5.2.5", SCALABLE, true, 4, 0, 3, 0, 3},
    {"PASID device-TLB without DT, 6.5.2.6", SCALABLE, true, 4, 0, 8, 0, 3},
    {"page group response without PRS, 7.6.1", SCALABLE, true, 1u << 29, 0, 9, 0, 3},
    {"context-cache G=0, 6.5.2.1", SCALABLE, true, 0, 0, 0x01, 0, 4},
    {"iotlb G=0, 6.5.2.3", SCALABLE, true, 0, 0, 0x02, 0, 4},
    {"iotlb G=3, 6.5.2.3", SCALABLE, true, 0, 0, 0x32, 0x1000, 0},
    {"iotlb G=3 without PSI, 6.5.2.3", SCALABLE, true, 0, 1ull << 39, 0x32, 0x1000, 4},
    {"iotlb AM=MAMV, 11.4.2", SCALABLE, true, 0, 0, 0x32, 18, 0},
    {"iotlb AM above MAMV, 11.4.2", SCALABLE, true, 0, 0, 0x32, 19, 4},
    {"p_iotlb G=0, 6.5.2.4", SCALABLE, true, 0, 0, 0x06, 0, 4},
    {"p_iotlb G=1, 6.5.2.4", SCALABLE, true, 0, 0, 0x16, 0, 4},
    {"p_iotlb page without PSI, 11.4.2", SCALABLE, true, 0, 1ull << 39, 0x36, 0, 0},
    {"PASID-cache G=2, 6.5.2.2", SCALABLE, true, 0, 0, 0x27, 0, 4},
    {"wait with PD and PDS, 6.5.2.9", SCALABLE, true, 0, 0, 0x85, 0, 0},
    {"page group response, bit 66 ignored, 7.6.1", SCALABLE, true, 0, 0, 9, 4, 0},
};

static void run_mode(void **state)
{
    const struct mode_line *line = *state;
    struct model_config config = rig_default_config();
    config.ecap &= ~line->ecap_clear;
    config.cap &= ~line->cap_clear;
    struct rig *rig = rig_create(&config);
    struct model_unit *u = rig_unit(rig);
    uint64_t queue = rig_page(rig);
    model_write(u, 0x20, 8, rig_page(rig) | line->rtaddr);
    model_write(u, GCMD, 4, 1u << 30);
    model_write(u, IQA, 8, queue | (line->wide ? 1u << 11 : 0));
    model_write(u, GCMD, 4, 1u << 26);
    rig_put(rig, queue, line->w0);
    rig_put(rig, queue + 8, line->w1);
    model_write(u, IQT, 8, line->wide ? 32 : 16);
    if (line->error == 0) {
        assert_int_equal(model_read(u, FSTS, 4) & IQE, 0);
        assert_int_equal(model_read(u, IQH, 8), line->wide ? 32 : 16);
    } else {
        assert_int_equal(model_read(u, FSTS, 4) & IQE, IQE);
        assert_int_equal(iqei(rig), line->error);
        assert_int_equal(model_read(u, IQH, 8), 0);
    }
    rig_destroy(rig);
}

/* --- the ring --- */

/* 6.5.2.11: earlier descriptors complete, the head stays, repair and clear IQE resumes. */
static void error_and_repair(void **state)
{
    (void)state;
    struct rig *rig = scalable_rig(0);
    struct model_unit *u = rig_unit(rig);
    uint64_t queue = model_read(u, IQA, 8) & ~0xfffull;
    uint64_t status = rig_page(rig);
    const uint64_t wait = 5 | 1 << 5;
    rig_put(rig, queue, wait | 1ull << 32);
    rig_put(rig, queue + 8, status);
    rig_put(rig, queue + 32, 0xf);
    rig_put(rig, queue + 64, wait | 3ull << 32);
    rig_put(rig, queue + 72, status + 8);
    model_write(u, IQT, 8, 96);
    assert_int_equal(rig_get(rig, status), 1);
    assert_int_equal(rig_get(rig, status + 8), 0);
    assert_int_equal(model_read(u, IQH, 8), 32);
    model_write(u, IQT, 8, 96); /* the tail does not restart it */
    assert_int_equal(model_read(u, IQH, 8), 32);
    rig_put(rig, queue + 32, wait | 2ull << 32);
    rig_put(rig, queue + 40, status + 4);
    model_write(u, FSTS, 4, IQE);
    assert_int_equal(model_read(u, IQH, 8), 96);
    assert_int_equal(rig_get(rig, status), 1 | 2ull << 32);
    assert_int_equal(rig_get(rig, status + 8), 3);
    assert_int_equal(model_read(u, FSTS, 4), 0);
    rig_destroy(rig);
}

/* 11.4.9.9: IQEI 1, 2, 6. */
static void bad_tail_and_fetch(void **state)
{
    (void)state;
    struct rig *rig = scalable_rig(0);
    struct model_unit *u = rig_unit(rig);
    model_write(u, IQT, 8, 16);
    assert_int_equal(iqei(rig), 6);
    model_write(u, IQT, 8, 4096);
    model_write(u, FSTS, 4, IQE);
    assert_int_equal(model_read(u, FSTS, 4) & IQE, IQE);
    assert_int_equal(iqei(rig), 1);
    uint64_t queue = model_read(u, IQA, 8) & ~0xfffull;
    rig_hole(rig, queue, queue + 4095);
    model_write(u, IQT, 8, 32);
    model_write(u, FSTS, 4, IQE);
    assert_int_equal(iqei(rig), 2);
    assert_int_equal(model_read(u, IQH, 8), 0);
    rig_destroy(rig);
}

/* 6.5.2: 128 entries of 32 bytes; the head wraps. */
static void wraps(void **state)
{
    (void)state;
    struct rig *rig = scalable_rig(0);
    uint64_t status = rig_page(rig);
    for (uint64_t i = 1; i <= 300; i++) {
        assert_true(rig_submit(rig, 5 | 1 << 5 | i << 32, status));
        assert_int_equal(rig_get(rig, status), i);
    }
    rig_destroy(rig);
}

/* 6.5.2, 11.4.4.1: QIE=0 zeroes the head; not while descriptors are pending. */
static void disable(void **state)
{
    (void)state;
    struct rig *rig = scalable_rig(0);
    struct model_unit *u = rig_unit(rig);
    assert_true(rig_submit(rig, 5, 0));
    assert_int_equal(model_read(u, IQH, 8), 32);
    struct model_faults hang = {.queue_hang = true};
    model_set_faults(u, &hang);
    assert_false(rig_submit(rig, 5, 0));
    model_write(u, GCMD, 4, 1u << 31);
    assert_int_equal(model_read(u, GSTS, 4) >> 26 & 1, 1);
    model_set_faults(u, &(struct model_faults){0});
    model_kick(u);
    assert_int_equal(model_read(u, IQH, 8), 64);
    model_write(u, GCMD, 4, 1u << 31);
    assert_int_equal(model_read(u, GSTS, 4) >> 26 & 1, 0);
    assert_int_equal(model_read(u, IQH, 8), 0);
    rig_destroy(rig);
}

/* Some guests write IQT before QIE; a queue found full is processed. */
static void tail_before_enable(void **state)
{
    (void)state;
    struct rig *rig = rig_create(NULL);
    struct model_unit *u = rig_unit(rig);
    uint64_t queue = rig_page(rig);
    uint64_t status = rig_page(rig);
    rig_put(rig, queue, 5 | 1 << 5 | 9ull << 32);
    rig_put(rig, queue + 8, status);
    model_write(u, IQA, 8, queue | 1u << 11);
    model_write(u, IQT, 8, 32);
    assert_int_equal(rig_get(rig, status), 0);
    model_write(u, GCMD, 4, 1u << 26);
    assert_int_equal(rig_get(rig, status), 9);
    rig_destroy(rig);
}

/* 11.4.9: without QI the registers are not there. */
static void without_qi(void **state)
{
    (void)state;
    struct model_config config = rig_default_config();
    config.ecap &= ~2ull;
    struct rig *rig = rig_create(&config);
    struct model_unit *u = rig_unit(rig);
    model_write(u, IQA, 8, ~0ull);
    model_write(u, IQT, 8, ~0ull);
    model_write(u, GCMD, 4, 1u << 26);
    assert_int_equal(model_read(u, IQA, 8) | model_read(u, IQT, 8) | model_read(u, GSTS, 4), 0);
    rig_destroy(rig);
}

/* --- waits, 6.5.2.9, 6.5.2.10 --- */

static void wait_status(void **state)
{
    (void)state;
    struct rig *rig = scalable_rig(0);
    uint64_t status = rig_page(rig);
    rig_put(rig, status, ~0ull);
    assert_true(rig_submit(rig, 5 | 1ull << 32, status)); /* SW=0: nothing */
    assert_int_equal(rig_get(rig, status), ~0ull);
    assert_true(rig_submit(rig, 5 | 1 << 5 | 0x12345678ull << 32, status + 4)); /* one DWORD */
    assert_int_equal(rig_get(rig, status), 0x12345678ffffffffull);
    /* Address bits at and above HAW are ignored. */
    assert_true(rig_submit(rig, 5 | 1 << 5 | 7ull << 32, status | 0xffffull << 48));
    assert_int_equal(rig_get(rig, status), 0x1234567800000007ull);
    rig_destroy(rig);
}

static void wait_interrupt(void **state)
{
    (void)state;
    struct rig *rig = scalable_rig(0);
    struct model_unit *u = rig_unit(rig);
    uint64_t addr;
    uint32_t data;
    model_write(u, IECTL + 4, 4, 0x55);
    model_write(u, IECTL + 8, 4, 0xfee10000);
    model_write(u, IECTL + 12, 4, 0x3);
    /* Masked (reset value): held in IP, sent by unmasking. */
    assert_true(rig_submit(rig, 5 | 1 << 4, 0));
    assert_int_equal(rig_interrupts(rig), 0);
    assert_int_equal(model_read(u, IECTL, 4), 0xc0000000u);
    assert_int_equal(model_read(u, ICS, 4), 1);
    model_write(u, IECTL, 4, 0);
    assert_int_equal(rig_interrupts(rig), 1);
    rig_last_interrupt(rig, &addr, &data);
    assert_int_equal(addr, 0x3fee10000ull);
    assert_int_equal(data, 0x55);
    assert_int_equal(model_read(u, IECTL, 4), 0);
    /* IWC still set: no new condition. */
    assert_true(rig_submit(rig, 5 | 1 << 4, 0));
    assert_int_equal(rig_interrupts(rig), 1);
    model_write(u, ICS, 4, 1);
    assert_int_equal(model_read(u, ICS, 4), 0);
    assert_true(rig_submit(rig, 5 | 1 << 4, 0));
    assert_int_equal(rig_interrupts(rig), 2);
    /* Serviced while masked: IP goes without a message. */
    model_write(u, ICS, 4, 1);
    model_write(u, IECTL, 4, 1u << 31);
    assert_true(rig_submit(rig, 5 | 1 << 4, 0));
    assert_int_equal(model_read(u, IECTL, 4), 0xc0000000u);
    model_write(u, ICS, 4, 1);
    assert_int_equal(model_read(u, IECTL, 4), 0x80000000u);
    model_write(u, IECTL, 4, 0);
    assert_int_equal(rig_interrupts(rig), 2);
    rig_destroy(rig);
}

/* IQE raises the fault event, 7.3. */
static void queue_error_interrupt(void **state)
{
    (void)state;
    struct rig *rig = scalable_rig(0);
    model_write(rig_unit(rig), FECTL, 4, 0);
    assert_false(rig_submit(rig, 0xf, 0));
    assert_int_equal(rig_interrupts(rig), 1);
    rig_queue_recover(rig);
    assert_false(rig_submit(rig, 0xf, 0));
    assert_int_equal(rig_interrupts(rig), 2);
    rig_destroy(rig);
}

/* --- devices --- */

struct devices {
    struct model_device_invalidation last;
    unsigned count;
    bool silent;
    uint16_t response_sid, group;
    uint32_t response_pasid;
    unsigned code;
};

static bool on_dtlb(void *ctx, const struct model_device_invalidation *inv)
{
    struct devices *d = ctx;
    d->last = *inv;
    d->count++;
    return !d->silent;
}

static void on_response(void *ctx, uint16_t sid, bool has_pasid, uint32_t pasid, uint16_t group,
                        unsigned code)
{
    struct devices *d = ctx;
    d->response_sid = sid;
    d->response_pasid = has_pasid ? pasid : 0;
    d->group = group;
    d->code = code;
}

static struct rig *rig_with_devices(struct devices *d)
{
    struct rig *rig = scalable_rig(0);
    struct model_device_ops ops = {.ctx = d, .dtlb_invalidate = on_dtlb,
                                   .page_response = on_response};
    model_set_device_ops(rig_unit(rig), &ops);
    return rig;
}

/* Field positions of types 3 and 8 differ: VT-d 6.5.2.5, 6.5.2.6. */
static void device_tlb_fields(void **state)
{
    (void)state;
    struct devices d = {0};
    struct rig *rig = rig_with_devices(&d);
    /* SID 0x0123, PFSID 0x0120, one 4K page */
    assert_true(rig_submit(rig, 3 | 0x0123ull << 32 | 0x012ull << 52, 0x7000));
    assert_int_equal(d.last.sid, 0x0123);
    assert_int_equal(d.last.pfsid, 0x0120);
    assert_false(d.last.has_pasid);
    assert_int_equal(d.last.addr, 0x7000);
    assert_int_equal(d.last.size, 4096);
    assert_true(rig_submit(rig, 3 | 0x0123ull << 32, 0x6000 | 1)); /* bit 12 = 0: 8K */
    assert_int_equal(d.last.size, 8192);
    assert_true(rig_submit(rig, 3 | 0x0123ull << 32, 0x5000 | 1)); /* bit 12 = 1, 13 = 0: 16K */
    assert_int_equal(d.last.addr, 0x4000);
    assert_int_equal(d.last.size, 16384);
    assert_true(rig_submit(rig, 3 | 0x0123ull << 32, 0x7ffffffffffff001ull));
    assert_int_equal(d.last.size, UINT64_MAX);
    assert_int_equal(d.last.addr, 0);
    assert_true(rig_submit(rig, 8 | 0x0123ull << 16 | 0xabcdeull << 32, 0x8000));
    assert_int_equal(d.last.sid, 0x0123);
    assert_true(d.last.has_pasid);
    assert_int_equal(d.last.pasid, 0xabcde);
    assert_false(d.last.global);
    assert_true(rig_submit(rig, 8 | 0x0123ull << 16, 0x801)); /* S, GI: 8K at 0 of all PASIDs */
    assert_true(d.last.global);
    assert_int_equal(d.last.size, 8192);
    assert_true(rig_submit(rig, 9 | 1 << 4 | 1ull << 12 | 0x0123ull << 16 | 0x54321ull << 32,
                           0x1ffull << 3));
    assert_int_equal(d.response_sid, 0x0123);
    assert_int_equal(d.response_pasid, 0x54321);
    assert_int_equal(d.group, 0x1ff);
    assert_int_equal(d.code, 1);
    rig_destroy(rig);
}

/* 6.5.2.11: ITE names the device, drops pending waits, stops; resubmission works. */
static void time_out(void **state)
{
    (void)state;
    struct devices d = {.silent = true};
    struct rig *rig = rig_with_devices(&d);
    struct model_unit *u = rig_unit(rig);
    uint64_t queue = model_read(u, IQA, 8) & ~0xfffull;
    uint64_t status = rig_page(rig);
    rig_put(rig, queue, 3 | 0x0123ull << 32);
    rig_put(rig, queue + 32, 5 | 1 << 5 | 1ull << 32);
    rig_put(rig, queue + 40, status);
    model_write(u, IQT, 8, 64);
    assert_int_equal(model_read(u, FSTS, 4) & ITE, ITE);
    assert_int_equal(model_read(u, IQERCD, 8) >> 32 & 0xffff, 0x0123);
    assert_int_equal(rig_get(rig, status), 0);
    assert_false(rig_submit(rig, 5 | 1 << 5 | 2ull << 32, status));
    assert_int_equal(rig_get(rig, status), 0);
    d.silent = false;
    model_write(u, FSTS, 4, ITE);
    assert_int_equal(rig_get(rig, status), 2); /* only what was submitted later */
    assert_true(rig_submit(rig, 3 | 0x0123ull << 32, 0));
    assert_true(rig_submit(rig, 5 | 1 << 5 | 3ull << 32, status));
    assert_int_equal(rig_get(rig, status), 3);
    assert_int_equal(d.count, 2);
    rig_destroy(rig);
}

/* A fence holds back what follows it, 6.5.2.12: it is not fetched before the time-out. */
static void time_out_before_fence(void **state)
{
    (void)state;
    struct devices d = {.silent = true};
    struct rig *rig = rig_with_devices(&d);
    struct model_unit *u = rig_unit(rig);
    uint64_t queue = model_read(u, IQA, 8) & ~0xfffull;
    uint64_t status = rig_page(rig);
    rig_put(rig, queue, 3 | 0x0123ull << 32);
    rig_put(rig, queue + 32, 5 | 1 << 5 | 1 << 6 | 1ull << 32);
    rig_put(rig, queue + 40, status);
    rig_put(rig, queue + 64, 5 | 1 << 5 | 2ull << 32);
    rig_put(rig, queue + 72, status);
    model_write(u, IQT, 8, 96);
    assert_int_equal(model_read(u, IQH, 8), 64);
    assert_int_equal(rig_get(rig, status), 0);
    model_write(u, FSTS, 4, ITE);
    assert_int_equal(rig_get(rig, status), 2);
    rig_destroy(rig);
}

static void injected(void **state)
{
    (void)state;
    struct devices d = {0};
    struct rig *rig = rig_with_devices(&d);
    struct model_unit *u = rig_unit(rig);
    model_set_faults(u, &(struct model_faults){.ite_once = true});
    (void)rig_submit(rig, 3 | 0x0222ull << 32, 0);
    assert_int_equal(model_read(u, FSTS, 4), ITE);
    model_write(u, FSTS, 4, ITE);
    assert_true(rig_submit(rig, 3 | 0x0222ull << 32, 0));
    /* ICE: noted, and processing goes on. */
    model_set_faults(u, &(struct model_faults){.ice_once = true});
    assert_true(rig_submit(rig, 3 | 0x0333ull << 32, 0));
    assert_int_equal(model_read(u, FSTS, 4), ICE);
    assert_int_equal(model_read(u, IQERCD, 8) >> 48, 0x0333);
    assert_true(rig_submit(rig, 5, 0));
    model_write(u, FSTS, 4, ICE);
    assert_int_equal(model_read(u, FSTS, 4), 0);
    /* A hang after two more descriptors. */
    model_set_faults(u, &(struct model_faults){.hang_after = 2});
    assert_true(rig_submit(rig, 5, 0));
    assert_true(rig_submit(rig, 5, 0));
    assert_false(rig_submit(rig, 5, 0));
    rig_destroy(rig);
}

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

int main(void)
{
    const struct CMUnitTest plain[] = {
        cmocka_unit_test(error_and_repair), cmocka_unit_test(bad_tail_and_fetch),
        cmocka_unit_test(wraps), cmocka_unit_test(disable),
        cmocka_unit_test(tail_before_enable), cmocka_unit_test(without_qi),
        cmocka_unit_test(wait_status), cmocka_unit_test(wait_interrupt),
        cmocka_unit_test(queue_error_interrupt), cmocka_unit_test(device_tlb_fields),
        cmocka_unit_test(time_out), cmocka_unit_test(time_out_before_fence),
        cmocka_unit_test(injected),
    };
    size_t count = COUNT(plain) + COUNT(mode_lines);
    for (size_t i = 0; i < COUNT(lines); i++) {
        count += lines[i].hi - lines[i].lo + 1;
    }
    struct bit_case *cases = calloc(count, sizeof(*cases));
    struct CMUnitTest *tests = calloc(count, sizeof(*tests));
    if (cases == NULL || tests == NULL) {
        return 1;
    }
    memcpy(tests, plain, sizeof(plain));
    size_t n = COUNT(plain);
    for (size_t i = 0; i < COUNT(mode_lines); i++, n++) {
        tests[n] = (struct CMUnitTest){mode_lines[i].name, run_mode, NULL, NULL,
                                       (void *)(uintptr_t)&mode_lines[i]};
    }
    for (size_t i = 0; i < COUNT(lines); i++) {
        for (unsigned bit = lines[i].lo; bit <= lines[i].hi; bit++, n++) {
            cases[n].line = &lines[i];
            cases[n].bit = bit;
            (void)snprintf(cases[n].name, sizeof(cases[n].name), "%s, bit %u", lines[i].name,
                           bit);
            tests[n] = (struct CMUnitTest){cases[n].name, run_bit, NULL, NULL, &cases[n]};
        }
    }
    int failed = _cmocka_run_group_tests("queue", tests, n, NULL, NULL);
    free(cases);
    free(tests);
    return failed;
}
