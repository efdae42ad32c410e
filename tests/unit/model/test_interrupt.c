/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Interrupt remapping of the reference unit, VT-d chapter 5, 6.5.2.7, 9.9 to 9.11 and Table 15. One row is
 * one case and names the section that decides it. Entries are words as the figures of chapter 9 print
 * them; messages are those of 5.1.6.
 */
#include "tests/model/rig.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum { GCMD = 0x18, GSTS = 0x1c, IRTA = 0xb8, RTADDR = 0x20 };
#define GCMD_IRE (1u << 25)
#define GCMD_SIRTP (1u << 24)
#define GCMD_CFI (1u << 23)
#define EIME (1u << 11)
#define SID 0x0123u             /* 01:04.3 */
#define HOLE 0x7000000000ull

#define ECAP_IR (1ull << 3)
#define ECAP_EIM (1ull << 4)
#define ECAP_MHMV(n) ((uint64_t)(n) << 20)
#define ECAP_EIMER (1ull << 61)
#define ECAP_IRREQ (1ull << 62)
#define CAP_CM (1ull << 7)
#define CAP_PI (1ull << 59)
#define CAP_ESIRTPS (1ull << 62)

/* A remappable request with SHV=0, VT-d Table 13. */
#define MESSAGE(index) (0xfee00010u | ((index) & 0x7fffu) << 5 | ((index) >> 15 & 1u) << 2)
#define SHV 8u
/* A fixed, edge, physical entry for CPU 5 in xAPIC mode, vector 41h, source verified. */
#define ENTRY0 0x0000050000410001ull
#define ENTRY1 (1ull << 18 | SID)
#define ENTRY_MESSAGE 0xfee05000ull
#define ENTRY_DATA 0x4041u

struct bench {
    struct rig *rig;
    struct model_unit *unit;
    uint64_t table;
};

/* Table of 2^(s+1) entries; IRE as asked for. */
static struct bench bench_open(uint64_t cap, uint64_t ecap, unsigned s, uint32_t irta_bits, bool on)
{
    struct model_config config = rig_default_config();
    config.cap = (config.cap & ~(CAP_CM | CAP_PI | CAP_ESIRTPS)) | cap;
    config.ecap = (config.ecap & ~ECAP_MHMV(0xf)) | ECAP_IR | ECAP_EIM | ECAP_MHMV(15) | ecap;
    struct bench b = {.rig = rig_create(&config)};
    b.unit = rig_unit(b.rig);
    b.table = rig_pages(b.rig, 256);
    model_write(b.unit, IRTA, 8, b.table | irta_bits | s);
    model_write(b.unit, GCMD, 4, GCMD_SIRTP);
    if (on) {
        model_write(b.unit, GCMD, 4, GCMD_IRE);
    }
    return b;
}

static void put_entry(struct bench *b, unsigned index, uint64_t w0, uint64_t w1)
{
    rig_put(b->rig, b->table + index * 16ull, w0);
    rig_put(b->rig, b->table + index * 16ull + 8, w1);
}

static unsigned request(struct bench *b, uint16_t sid, uint32_t addr, uint32_t data, struct model_interrupt *out)
{
    struct model_interrupt unused;
    out = out != NULL ? out : &unused;
    return model_interrupt(b->unit, sid, addr, data, out) ? 0 : out->reason;
}

static void say(const char *name, const char *what, uint64_t seen, uint64_t expected)
{
    if (seen != expected) {
        fail_msg("%s: %s is %" PRIx64 ", not %" PRIx64, name, what, seen, expected);
    }
}

/* --- which requests are looked at how, 5.1.4 --- */

static void modes(void **state)
{
    (void)state;
    enum { OFF = 1, CFI = 2, X2 = 4, EIMER = 8, IRREQ = 16 };
    static const struct { const char *name; unsigned mode; uint32_t addr; unsigned reason; } cases[] = {
        {"5.1.4 IRES=0: compatibility passes", OFF, 0xfee05000u, 0},
        {"5.1.4 IRES=0: bit 4 is not looked at", OFF, MESSAGE(0u), 0},
        {"5.1.4 IRES=0, CFIS=0 blocks nothing", OFF, 0xfee0500cu, 0},
        {"5.1.4 IRES=0, EIMER=1 blocks nothing", OFF | EIMER, 0xfee05000u, 0},
        {"5.1.4 IRES=0, IRREQ=1: blocked", OFF | IRREQ, 0xfee05000u, 0x2b},
        {"5.1.4 IRES=0, IRREQ=1: remappable, too", OFF | IRREQ, MESSAGE(0u), 0x2b},
        {"5.1.4 IRES=0, IRREQ=1, CFI", OFF | IRREQ | CFI, 0xfee05000u, 0x2b},
        {"5.1.4 IRES=1, IRREQ=1: as usual", IRREQ, MESSAGE(0u), 0},
        {"5.1.4 IRES=1, EIMER=1, EIME=0: remappable blocked", EIMER, MESSAGE(0u), 0x2a},
        {"5.1.4 IRES=1, EIMER=1, EIME=0: compatibility blocked", EIMER | CFI, 0xfee05000u, 0x2a},
        {"5.1.4 IRES=1, EIMER=1, EIME=1", EIMER | X2, MESSAGE(1u), 0},
        {"5.1.4 IRES=1, CFIS=0: compatibility blocked", 0, 0xfee05000u, 0x25},
        {"5.1.4 IRES=1, CFIS=1: compatibility passes", CFI, 0xfee05000u, 0},
        {"5.1.4 IRES=1, CFIS=1, EIME=1: blocked all the same", CFI | X2, 0xfee05000u, 0x25},
        {"5.1.4 IRES=1, CFIS=1: remappable is remapped", CFI, MESSAGE(0u), 0},
        {"5.1.4 IRES=1, CFIS=1: an absent entry blocks", CFI, MESSAGE(7u), 0x22},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        unsigned m = cases[i].mode;
        uint64_t ecap = ((m & EIMER) != 0 ? ECAP_EIMER : 0) | ((m & IRREQ) != 0 ? ECAP_IRREQ : 0);
        struct bench b = bench_open(0, ecap, 3, (m & X2) != 0 ? EIME : 0, false);
        put_entry(&b, 0, ENTRY0, ENTRY1);
        put_entry(&b, 1, 0x0000000500410001ull, ENTRY1);
        model_write(b.unit, GCMD, 4, ((m & OFF) != 0 ? 0 : GCMD_IRE) | ((m & CFI) != 0 ? GCMD_CFI : 0));
        say(cases[i].name, "reason", request(&b, SID, cases[i].addr, 0x41, NULL), cases[i].reason);
        rig_destroy(b.rig);
    }
}

static void compatibility_is_unchanged(void **state)
{
    (void)state;
    struct bench b = bench_open(0, 0, 3, 0, false);
    uint64_t addr;
    uint32_t data;
    static const struct { uint32_t addr, data; } cases[] = {
        {0xfee05000u, 0x41}, {0xfee0f00cu, 0x8141}, {0xfeeff7e0u, 0x0400}, {0xfee00000u, 0xc7ff},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(request(&b, SID, cases[i].addr, cases[i].data, NULL), 0);
        rig_last_interrupt(b.rig, &addr, &data);
        assert_int_equal(addr, cases[i].addr);
        assert_int_equal(data, cases[i].data);
    }
    rig_destroy(b.rig);
}

/* --- the index, 5.1.2.2 and 5.1.3 --- */

static void indexes(void **state)
{
    (void)state;
    static const struct {
        const char *name; unsigned s; uint32_t addr, data; uint32_t index; unsigned reason;
    } cases[] = {
        {"5.1.3 SHV=0: handle", 15, MESSAGE(0x1234u), 0, 0x1234, 0},
        {"Table 13 handle 15 is bit 2", 15, MESSAGE(0x8000u), 0, 0x8000, 0},
        {"5.1.3 the last of 65,536", 15, MESSAGE(0xffffu), 0, 0xffff, 0},
        {"Table 13 bits 1:0 are ignored", 15, MESSAGE(0x22u) | 3, 0, 0x22, 0},
        {"Table 14 SHV=0: data is ignored", 15, MESSAGE(0x22u), 0xffffffffu, 0x22, 0},
        {"5.1.3 SHV=1: handle and subhandle 0", 15, MESSAGE(0x40u) | SHV, 0, 0x40, 0},
        {"5.1.3 SHV=1: the sum", 15, MESSAGE(0x40u) | SHV, 0x1f, 0x5f, 0},
        {"5.1.5 SHV=1: handle 0, all in the subhandle", 15, MESSAGE(0u) | SHV, 0x8123, 0x8123, 0},
        {"Table 14 SHV=1: data bit 16", 15, MESSAGE(0x40u) | SHV, 0x10000, 0, 0x20},
        {"Table 14 SHV=1: data bit 31", 15, MESSAGE(0x40u) | SHV, 0x80000000u, 0, 0x20},
        {"5.1.3 the sum is not cut to 16 bits", 15, MESSAGE(0xffffu) | SHV, 1, 0x10000, 0x21},
        {"5.1.3 the sum, far out", 15, MESSAGE(0xffffu) | SHV, 0xffff, 0x1fffe, 0x21},
        {"11.4.10 S=0: two entries, the second", 0, MESSAGE(1u), 0, 1, 0},
        {"11.4.10 S=0: a third is none", 0, MESSAGE(2u), 0, 2, 0x21},
        {"11.4.10 S=7: 256 entries, the last", 7, MESSAGE(255u), 0, 255, 0},
        {"11.4.10 S=7: one more", 7, MESSAGE(256u), 0, 256, 0x21},
        {"5.1.3 by subhandle over the end", 7, MESSAGE(255u) | SHV, 1, 256, 0x21},
        {"5.1.4 reserved data before the bounds", 0, MESSAGE(2u) | SHV, 0x10000, 0, 0x20},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct bench b = bench_open(0, 0, cases[i].s, 0, true);
        struct model_interrupt out;
        if (cases[i].index < 0x10000) {
            put_entry(&b, cases[i].index, ENTRY0, ENTRY1);
        }
        say(cases[i].name, "reason", request(&b, SID, cases[i].addr, cases[i].data, &out), cases[i].reason);
        if (cases[i].reason == 0) {
            say(cases[i].name, "index", out.index, cases[i].index);
            say(cases[i].name, "address", out.addr, ENTRY_MESSAGE);
            say(cases[i].name, "data", out.data, ENTRY_DATA);
        }
        rig_destroy(b.rig);
    }
}

static void table_access(void **state)
{
    (void)state;
    struct bench b = bench_open(0, 0, 15, 0, false);
    model_write(b.unit, IRTA, 8, HOLE | 15);
    model_write(b.unit, GCMD, 4, GCMD_SIRTP);
    model_write(b.unit, GCMD, 4, GCMD_IRE);
    rig_hole(b.rig, HOLE, HOLE + 0xfffff);
    assert_int_equal(request(&b, SID, MESSAGE(3u), 0, NULL), 0x23); /* Table 15, 23h */
    model_write(b.unit, IRTA, 8, (1ull << 48) - 4096 + 15);
    model_write(b.unit, GCMD, 4, GCMD_IRE | GCMD_SIRTP);
    rig_no_holes(b.rig);
    assert_int_equal(request(&b, SID, MESSAGE(255u), 0, NULL), 0x22);
    assert_int_equal(request(&b, SID, MESSAGE(256u), 0, NULL), 0x21); /* Table 15: over HAW */
    rig_destroy(b.rig);
}

/* --- reserved bits, 9.9 and 9.10 --- */

static void reserved_bits(void **state)
{
    (void)state;
    enum { X2 = 1, PI = 2, POSTED = 4 };
    static const struct { const char *name; unsigned mode, hi, lo, reason; } cases[] = {
        {"9.9 11:8 is software's", 0, 11, 8, 0},
        {"9.9 13:12", 0, 13, 12, 0x24},
        {"9.9 14", 0, 14, 14, 0x24},
        {"9.10 15 without PI", 0, 15, 15, 0x24},
        {"9.9 31:24", 0, 31, 24, 0x24},
        {"9.9 39:32, xAPIC", 0, 39, 32, 0x24},
        {"9.9 47:40, xAPIC: the destination", 0, 47, 40, 0},
        {"9.9 63:48, xAPIC", 0, 63, 48, 0x24},
        {"9.9 39:32, x2APIC: the destination", X2, 39, 32, 0},
        {"9.9 63:48, x2APIC: the destination", X2, 63, 48, 0},
        {"9.9 31:24, x2APIC", X2, 31, 24, 0x24},
        {"9.9 81:80 SQ without SVT", 0, 81, 80, 0},
        {"9.9 79:64 SID without SVT", 0, 79, 64, 0},
        {"9.9 127:84", 0, 127, 84, 0x24},
        {"9.9 127:84, x2APIC", X2, 127, 84, 0x24},
        {"9.9 127:84 with PI, IM=0", PI, 127, 84, 0x24},
        {"9.9 14 with PI, IM=0", PI, 14, 14, 0x24},
        {"9.10 7:2", PI | POSTED, 7, 2, 0x24},
        {"9.10 11:8 is software's", PI | POSTED, 11, 8, 0},
        {"9.10 13:12", PI | POSTED, 13, 12, 0x24},
        {"9.10 14 URG", PI | POSTED, 14, 14, 0},
        {"9.10 37:24", PI | POSTED, 37, 24, 0x24},
        {"9.10 95:84", PI | POSTED, 95, 84, 0x24},
        {"9.10 111:96 PDAH", PI | POSTED, 111, 96, 0},
        {"9.10 127:112 PDAH above HAW 48", PI | POSTED, 127, 112, 0x24},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (unsigned bit = cases[i].lo; bit <= cases[i].hi; bit++) {
            unsigned m = cases[i].mode;
            struct bench b = bench_open((m & PI) != 0 ? CAP_PI : 0, 0, 3, (m & X2) != 0 ? EIME : 0, true);
            uint64_t w[2] = {(m & POSTED) != 0 ? 0x418001ull | rig_page(b.rig) << 32 : 0x410001ull, 0};
            w[bit / 64] |= 1ull << bit % 64;
            put_entry(&b, 0, w[0], w[1]);
            say(cases[i].name, "reason", request(&b, SID, MESSAGE(0u), 0, NULL), cases[i].reason);
            put_entry(&b, 0, w[0] & ~1ull, w[1]); /* only looked at when P=1 */
            rig_submit(b.rig, 4, 0);
            say(cases[i].name, "reason with P=0", request(&b, SID, MESSAGE(0u), 0, NULL), 0x22);
            rig_destroy(b.rig);
        }
    }
}

/* --- what is sent, 9.9 --- */

static void messages(void **state)
{
    (void)state;
    static const struct {
        const char *name; bool x2; uint64_t w0; unsigned reason; uint64_t addr; uint32_t data;
    } cases[] = {
        {"DLM 000 edge", false, 0x0000050000410001ull, 0, 0xfee05000u, 0x4041},
        {"DLM 000 level", false, 0x0000050000410011ull, 0, 0xfee05000u, 0xc041},
        {"DLM 001 edge", false, 0x0000050000410021ull, 0, 0xfee05000u, 0x4141},
        {"DLM 001 level", false, 0x0000050000410031ull, 0, 0xfee05000u, 0xc141},
        {"DLM 010 SMI, vector 0", false, 0x0000050000000041ull, 0, 0xfee05000u, 0x4200},
        {"DLM 010 SMI with a vector", false, 0x0000050000410041ull, 0x24, 0, 0},
        {"DLM 010 SMI is edge whatever TM says", false, 0x0000050000000051ull, 0, 0xfee05000u, 0x4200},
        {"DLM 011 undefined", false, 0x0000050000410061ull, 0x24, 0, 0},
        {"DLM 100 NMI", false, 0x0000050000410081ull, 0, 0xfee05000u, 0x4441},
        {"DLM 100 NMI is edge", false, 0x0000050000410091ull, 0, 0xfee05000u, 0x4441},
        {"DLM 101 INIT", false, 0x00000500000000a1ull, 0, 0xfee05000u, 0x4500},
        {"DLM 101 INIT is edge", false, 0x00000500000000b1ull, 0, 0xfee05000u, 0x4500},
        {"DLM 110 undefined", false, 0x00000500004100c1ull, 0x24, 0, 0},
        {"DLM 111 ExtINT", false, 0x00000500004100e1ull, 0, 0xfee05000u, 0x4741},
        {"DLM 111 ExtINT is edge", false, 0x00000500004100f1ull, 0, 0xfee05000u, 0x4741},
        {"DM logical", false, 0x0000030000410005ull, 0, 0xfee03004u, 0x4041},
        {"RH", false, 0x0000050000410009ull, 0, 0xfee05008u, 0x4041},
        {"RH and DM", false, 0x0000ff000041000dull, 0, 0xfeeff00cu, 0x4041},
        {"vector 0 is not the unit's affair", false, 0x0000050000000001ull, 0, 0xfee05000u, 0x4000},
        {"vector FFh", false, 0x0000050000ff0001ull, 0, 0xfee05000u, 0x40ff},
        {"x2APIC physical, id 5", true, 0x0000000500410001ull, 0, 0xfee05000u, 0x4041},
        {"x2APIC physical, id 300", true, 0x0000012c00410001ull, 0, 0x00000100fee2c000ull, 0x4041},
        {"x2APIC broadcast", true, 0xffffffff00410001ull, 0, 0xffffff00feeff000ull, 0x4041},
        {"x2APIC logical, cluster 2, CPUs 0 and 3", true, 0x0002000900410005ull, 0, 0x00020000fee09004ull, 0x4041},
        {"xAPIC broadcast", false, 0x0000ff0000410001ull, 0, 0xfeeff000u, 0x4041},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct bench b = bench_open(0, 0, 3, cases[i].x2 ? EIME : 0, true);
        uint64_t addr = 0;
        uint32_t data = 0;
        put_entry(&b, 2, cases[i].w0, ENTRY1);
        say(cases[i].name, "reason", request(&b, SID, MESSAGE(2u), 0, NULL), cases[i].reason);
        say(cases[i].name, "count", rig_interrupts(b.rig), cases[i].reason == 0);
        rig_last_interrupt(b.rig, &addr, &data);
        say(cases[i].name, "address", addr, cases[i].addr);
        say(cases[i].name, "data", data, cases[i].data);
        rig_destroy(b.rig);
    }
}

/* --- who may send it, 9.9 SVT, SQ, SID --- */

static void sources(void **state)
{
    (void)state;
    static const struct { const char *name; unsigned svt, sq; uint16_t wanted, sid; unsigned reason; } cases[] = {
        {"SVT 00: anybody", 0, 0, 0x0000, 0xffff, 0},
        {"SVT 00: SQ and SID are not looked at", 0, 3, 0x1234, 0x0001, 0},
        {"SVT 01 SQ 00: itself", 1, 0, 0x0123, 0x0123, 0},
        {"SVT 01 SQ 00: function bit 0", 1, 0, 0x0123, 0x0122, 0x26},
        {"SVT 01 SQ 00: function bit 1", 1, 0, 0x0123, 0x0121, 0x26},
        {"SVT 01 SQ 00: function bit 2", 1, 0, 0x0123, 0x0127, 0x26},
        {"SVT 01 SQ 00: device", 1, 0, 0x0123, 0x012b, 0x26},
        {"SVT 01 SQ 00: bus", 1, 0, 0x0123, 0x0223, 0x26},
        {"SVT 01 SQ 01: ignores function bit 2", 1, 1, 0x0123, 0x0127, 0},
        {"SVT 01 SQ 01: not bit 1", 1, 1, 0x0123, 0x0121, 0x26},
        {"SVT 01 SQ 01: not bit 0", 1, 1, 0x0123, 0x0122, 0x26},
        {"SVT 01 SQ 10: ignores bits 2:1", 1, 2, 0x0123, 0x0125, 0},
        {"SVT 01 SQ 10: not bit 0", 1, 2, 0x0123, 0x0122, 0x26},
        {"SVT 01 SQ 11: ignores the function", 1, 3, 0x0123, 0x0124, 0},
        {"SVT 01 SQ 11: not the device", 1, 3, 0x0123, 0x012b, 0x26},
        {"SVT 01 SQ 11: not the bus", 1, 3, 0x0123, 0x8123, 0x26},
        {"SVT 10: first bus", 2, 0, 0x0305, 0x0300, 0},
        {"SVT 10: last bus", 2, 0, 0x0305, 0x05ff, 0},
        {"SVT 10: between", 2, 0, 0x0305, 0x0488, 0},
        {"SVT 10: below", 2, 0, 0x0305, 0x02ff, 0x26},
        {"SVT 10: above", 2, 0, 0x0305, 0x0600, 0x26},
        {"SVT 10: one bus", 2, 0, 0x0303, 0x0307, 0},
        {"SVT 10: start above end admits nobody", 2, 0, 0x0503, 0x0400, 0x26},
        {"SVT 10: SQ is not looked at", 2, 3, 0x0305, 0x0400, 0},
        {"SVT 11: reserved", 3, 0, 0x0123, 0x0123, 0x24},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct bench b = bench_open(0, 0, 3, 0, true);
        put_entry(&b, 0, ENTRY0, (uint64_t)cases[i].svt << 18 | (uint64_t)cases[i].sq << 16 | cases[i].wanted);
        say(cases[i].name, "reason", request(&b, cases[i].sid, MESSAGE(0u), 0, NULL), cases[i].reason);
        rig_destroy(b.rig);
    }
    struct bench b = bench_open(0, 0, 3, 0, true);
    put_entry(&b, 0, ENTRY0 | 1ull << 13, ENTRY1);
    assert_int_equal(request(&b, SID + 1, MESSAGE(0u), 0, NULL), 0x26); /* 5.1.4: the source first */
    rig_destroy(b.rig);
}

/* --- posting, 5.2.3 and 9.11 --- */

static void posting(void **state)
{
    (void)state;
    enum { X2 = 1, URG = 2, HOLED = 4, FIXED = 8 };
    static const struct {
        const char *name; unsigned mode; uint64_t d4, d5; unsigned reason; bool sent; uint64_t d4_after; uint64_t addr;
    } cases[] = {
        {"5.2.3 ON=0, SN=0: notifies", 0, 0x0000050000f20000ull, 0, 0, true, 0x0000050000f20001ull, 0xfee05000u},
        {"5.2.3 ON=1: no second notification", 0, 0x0000050000f20001ull, 0, 0, false, 0x0000050000f20001ull, 0},
        {"5.2.3 SN=1, URG=0: suppressed, ON stays 0", 0, 0x0000050000f20002ull, 0, 0, false, 0x0000050000f20002ull, 0},
        {"5.2.3 SN=1, URG=1: notifies", URG, 0x0000050000f20002ull, 0, 0, true, 0x0000050000f20003ull, 0xfee05000u},
        {"5.2.3 SN=1, ON=1, URG=1", URG, 0x0000050000f20003ull, 0, 0, false, 0x0000050000f20003ull, 0},
        {"9.11 x2APIC destination", X2, 0x0000012c00f20000ull, 0, 0, true, 0x0000012c00f20001ull,
         0x00000100fee2c000ull},
        {"9.11 271:258, the lowest", 0, 0x0000050000f20004ull, 0, 0x28, false, 0x0000050000f20004ull, 0},
        {"9.11 271:258, the highest", 0, 0x0000050000f28000ull, 0, 0x28, false, 0x0000050000f28000ull, 0},
        {"9.11 287:280", 0, 0x0000050001f20000ull, 0, 0x28, false, 0x0000050001f20000ull, 0},
        {"9.11 295:288, xAPIC", 0, 0x0000050100f20000ull, 0, 0x28, false, 0x0000050100f20000ull, 0},
        {"9.11 319:304, xAPIC", 0, 0x0001050000f20000ull, 0, 0x28, false, 0x0001050000f20000ull, 0},
        {"9.11 511:320", 0, 0x0000050000f20000ull, 1, 0x28, false, 0x0000050000f20000ull, 0},
        {"Table 15 27h: descriptor does not answer", HOLED, 0, 0, 0x27, false, 0, 0},
        {"Table 15 27h: descriptor cannot be updated", FIXED, 0x0000050000f20000ull, 0, 0x27, false,
         0x0000050000f20000ull, 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        unsigned m = cases[i].mode;
        struct bench b = bench_open(CAP_PI, 0, 3, (m & X2) != 0 ? EIME : 0, true);
        struct model_interrupt out;
        uint64_t pid = rig_page(b.rig) + 0x40;
        rig_put(b.rig, pid + 32, cases[i].d4);
        rig_put(b.rig, pid + 40, cases[i].d5);
        if ((m & HOLED) != 0) {
            rig_hole(b.rig, pid, pid + 63);
        } else if ((m & FIXED) != 0) {
            rig_no_update(b.rig, pid, pid + 63);
        }
        put_entry(&b, 0, pid << 32 | 0xa18001u | ((m & URG) != 0 ? 1u << 14 : 0), ENTRY1);
        say(cases[i].name, "reason", request(&b, SID, MESSAGE(0u), 0, &out), cases[i].reason);
        say(cases[i].name, "sent", rig_interrupts(b.rig), cases[i].sent);
        rig_no_holes(b.rig);
        say(cases[i].name, "descriptor", rig_get(b.rig, pid + 32), cases[i].d4_after);
        say(cases[i].name, "PIR", rig_get(b.rig, pid + 16), cases[i].reason == 0 ? 1ull << (0xa1 - 128) : 0);
        if (cases[i].sent) {
            say(cases[i].name, "address", out.addr, cases[i].addr);
            say(cases[i].name, "data", out.data, 0x40f2);
        }
        rig_destroy(b.rig);
    }
}

/* --- the entry cache, 6.1, 6.5.2.7, 6.5.5 --- */

static uint64_t iec(unsigned index, unsigned mask)
{
    return 4 | 1u << 4 | (uint64_t)mask << 27 | (uint64_t)index << 32;
}

static void stale_entries(void **state)
{
    (void)state;
    static const struct {
        const char *name; uint64_t cap; unsigned mhmv; uint64_t before, after; uint64_t w0; unsigned first, then;
    } cases[] = {
        {"6.1 a working entry stays without IEC", 0, 15, ENTRY0, 0, 0, 0, 0},
        {"6.1 CM=0: an absent one is fetched again", 0, 15, 0, ENTRY0, 0, 0x22, 0},
        {"6.1 CM=1: an absent one stays", CAP_CM, 15, 0, ENTRY0, 0, 0x22, 0x22},
        {"6.1 CM=1: a faulty one stays", CAP_CM, 15, ENTRY0 | 1u << 12, ENTRY0, 0, 0x24, 0x24},
        {"6.1 CM=0: a faulty one is fetched again", 0, 15, ENTRY0 | 1u << 12, ENTRY0, 0, 0x24, 0},
        {"6.5.2.7 global", CAP_CM, 15, 0, ENTRY0, 4, 0x22, 0},
        {"6.5.2.7 global takes a working one", 0, 15, ENTRY0, 0, 4, 0, 0x22},
        {"6.5.2.7 by index", 0, 15, ENTRY0, 0, 0x0000002400000014ull, 0, 0x22},
        {"6.5.2.7 by another index", 0, 15, ENTRY0, 0, 0x0000002500000014ull, 0, 0},
        {"6.5.2.7 IM 1 reaches the odd neighbour", 0, 15, ENTRY0, 0, 0x000000250800001cull & ~8ull, 0, 0x22},
        {"6.5.2.7 IM 2: low bits of IIDX are masked", 0, 15, ENTRY0, 0, 0x0000002710000014ull, 0, 0x22},
        {"6.5.2.7 IM 2: the next group", 0, 15, ENTRY0, 0, 0x0000002810000014ull, 0, 0},
        {"6.5.2.7 IM 15", 0, 15, ENTRY0, 0, 0x0000700078000014ull, 0, 0x22},
        {"11.4.3 IM above MHMV reaches 2^MHMV only", 0, 0, ENTRY0, 0, 0x0000002508000014ull, 0, 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct bench b = bench_open(cases[i].cap, 0, 15, 0, false);
        if (cases[i].mhmv == 0) {
            rig_destroy(b.rig);
            struct model_config config = rig_default_config();
            config.cap &= ~CAP_CM;
            config.ecap = (config.ecap & ~ECAP_MHMV(0xf)) | ECAP_IR | ECAP_EIM;
            b.rig = rig_create(&config);
            b.unit = rig_unit(b.rig);
            b.table = rig_pages(b.rig, 256);
            model_write(b.unit, IRTA, 8, b.table | 15);
            model_write(b.unit, GCMD, 4, GCMD_SIRTP);
        }
        model_write(b.unit, GCMD, 4, GCMD_IRE);
        put_entry(&b, 0x24, cases[i].before, ENTRY1);
        say(cases[i].name, "first", request(&b, SID, MESSAGE(0x24u), 0, NULL), cases[i].first);
        put_entry(&b, 0x24, cases[i].after, ENTRY1);
        if (cases[i].w0 != 0) {
            assert_true(rig_submit(b.rig, cases[i].w0, 0));
        }
        say(cases[i].name, "then", request(&b, SID, MESSAGE(0x24u), 0, NULL), cases[i].then);
        rig_destroy(b.rig);
    }
}

/* The cache is tagged by index alone: another source gets the same entry, but is verified by itself. */
static void cache_knows_no_source(void **state)
{
    (void)state;
    struct bench b = bench_open(0, 0, 3, 0, true);
    put_entry(&b, 0, ENTRY0, ENTRY1);
    assert_int_equal(request(&b, SID, MESSAGE(0u), 0, NULL), 0);
    put_entry(&b, 0, ENTRY0, 1ull << 18 | (SID + 1));
    assert_int_equal(request(&b, SID + 1, MESSAGE(0u), 0, NULL), 0x26);
    assert_int_equal(request(&b, SID, MESSAGE(0u), 0, NULL), 0);
    assert_int_equal(model_counters(b.unit)->irte_hits, 2);
    rig_destroy(b.rig);
}

static void a_wait_drains(void **state)
{
    (void)state;
    struct bench b = bench_open(0, 0, 3, 0, true);
    struct model_faults faults = {.interrupts_in_flight = true};
    uint64_t status = rig_page(b.rig);
    put_entry(&b, 0, ENTRY0, ENTRY1);
    put_entry(&b, 1, ENTRY0, ENTRY1);
    model_set_faults(b.unit, &faults);
    assert_int_equal(request(&b, SID, MESSAGE(0u), 0, NULL), 0);
    assert_int_equal(request(&b, SID, MESSAGE(1u), 0, NULL), 0);
    assert_int_equal(rig_interrupts(b.rig), 0);
    rig_submit(b.rig, iec(0, 0), 0);
    assert_int_equal(rig_interrupts(b.rig), 0); /* an IEC alone waits for nobody, 6.5.5 */
    rig_submit(b.rig, 1ull << 32 | 1u << 5 | 5, status);
    assert_int_equal(rig_interrupts(b.rig), 1); /* of the entry that was named */
    model_set_faults(b.unit, &(struct model_faults){0});
    assert_int_equal(rig_interrupts(b.rig), 2);
    rig_destroy(b.rig);
}

/* --- faults: Table 15, 9.9 FPD, 11.4.7.4 --- */

static void fault_records(void **state)
{
    (void)state;
    static const struct {
        const char *name; uint64_t w0, w1; uint32_t addr, data; unsigned reason; bool silenced; uint64_t information;
    } cases[] = {
        {"20h", ENTRY0, ENTRY1, MESSAGE(5u) | SHV, 0x10000, 0x20, false, 0xffff},
        {"20h is not qualified by FPD", ENTRY0 | 2, ENTRY1, MESSAGE(5u) | SHV, 0x10000, 0x20, false, 0xffff},
        {"21h tells the index", ENTRY0, ENTRY1, MESSAGE(16u), 0, 0x21, false, 16},
        {"22h tells the index", 0, 0, MESSAGE(5u), 0, 0x22, false, 5},
        {"22h: FPD counts with P=0", 2, 0, MESSAGE(5u), 0, 0x22, true, 0},
        {"24h tells the index", ENTRY0 | 1u << 12, ENTRY1, MESSAGE(5u), 0, 0x24, false, 5},
        {"24h with FPD", ENTRY0 | 2 | 1u << 12, ENTRY1, MESSAGE(5u), 0, 0x24, true, 0},
        {"25h", ENTRY0, ENTRY1, 0xfee05000u, 0x41, 0x25, false, 0xffff},
        {"26h tells the index", ENTRY0, 1ull << 18, MESSAGE(5u), 0, 0x26, false, 5},
        {"26h with FPD", ENTRY0 | 2, 1ull << 18, MESSAGE(5u), 0, 0x26, true, 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct bench b = bench_open(0, 0, 3, 0, true);
        struct rig_fault fault = {0};
        put_entry(&b, 5, cases[i].w0, cases[i].w1);
        say(cases[i].name, "reason", request(&b, SID, cases[i].addr, cases[i].data, NULL), cases[i].reason);
        say(cases[i].name, "recorded", rig_take_fault(b.rig, &fault), !cases[i].silenced);
        if (!cases[i].silenced) {
            say(cases[i].name, "source", fault.sid, SID);
            say(cases[i].name, "reason recorded", fault.reason, cases[i].reason);
            say(cases[i].name, "information", fault.addr, cases[i].information << 48);
            say(cases[i].name, "PASID", fault.has_pasid, false);
        }
        say(cases[i].name, "suppressed", model_counters(b.unit)->faults_suppressed, cases[i].silenced);
        rig_destroy(b.rig);
    }
}

static void fault_raises_the_event(void **state)
{
    (void)state;
    struct bench b = bench_open(0, 0, 3, 0, true);
    uint64_t addr = 0;
    uint32_t data = 0;
    model_write(b.unit, 0x3c, 4, 0x31);
    model_write(b.unit, 0x40, 4, 0xfee07000u);
    model_write(b.unit, 0x38, 4, 0);
    assert_int_equal(request(&b, SID, MESSAGE(5u), 0, NULL), 0x22);
    rig_last_interrupt(b.rig, &addr, &data); /* 5.1: its own events are not remapped */
    assert_int_equal(addr, 0xfee07000u);
    assert_int_equal(data, 0x31);
    rig_destroy(b.rig);
}

/* --- commands, 11.4.4 and 11.4.10 --- */

static void commands(void **state)
{
    (void)state;
    struct bench b = bench_open(0, 0, 3, 0, true);
    uint64_t other = rig_pages(b.rig, 1);
    put_entry(&b, 0, ENTRY0, ENTRY1);
    model_write(b.unit, IRTA, 8, other | 3);
    assert_int_equal(request(&b, SID, MESSAGE(0u), 0, NULL), 0); /* latched by SIRTP only */
    model_write(b.unit, GCMD, 4, GCMD_IRE | GCMD_SIRTP);
    assert_int_equal(request(&b, SID, MESSAGE(0u), 0, NULL), 0); /* ESIRTPS=0: still cached */
    rig_submit(b.rig, 4, 0);
    assert_int_equal(request(&b, SID, MESSAGE(0u), 0, NULL), 0x22);
    assert_int_equal(model_read(b.unit, GSTS, 4) & (GCMD_IRE | GCMD_SIRTP), GCMD_IRE | GCMD_SIRTP);
    assert_int_equal(model_counters(b.unit)->eime_changed_live, 0);
    model_write(b.unit, IRTA, 8, other | EIME | 3);
    model_write(b.unit, GCMD, 4, (uint32_t)model_read(b.unit, GSTS, 4) | GCMD_SIRTP);
    assert_int_equal(model_counters(b.unit)->eime_changed_live, 1);
    model_reset(b.unit);
    assert_int_equal(model_read(b.unit, GSTS, 4), 0);
    rig_destroy(b.rig);
}

static void enhanced_pointer_set(void **state)
{
    (void)state;
    struct bench b = bench_open(CAP_ESIRTPS, 0, 3, 0, true);
    put_entry(&b, 0, ENTRY0, ENTRY1);
    assert_int_equal(request(&b, SID, MESSAGE(0u), 0, NULL), 0);
    put_entry(&b, 0, 0, 0);
    assert_int_equal(request(&b, SID, MESSAGE(0u), 0, NULL), 0);
    model_write(b.unit, GCMD, 4, GCMD_IRE | GCMD_SIRTP);
    assert_int_equal(request(&b, SID, MESSAGE(0u), 0, NULL), 0x22); /* 11.4.2 ESIRTPS */
    put_entry(&b, 0, ENTRY0, ENTRY1);
    assert_int_equal(request(&b, SID, MESSAGE(0u), 0, NULL), 0);
    model_write(b.unit, GCMD, 4, 0);
    model_write(b.unit, GCMD, 4, GCMD_IRE);
    assert_int_equal(model_counters(b.unit)->irte_entries, 0); /* and when remapping goes off */
    rig_destroy(b.rig);
}

static void registers_of_what_is_absent(void **state)
{
    (void)state;
    struct model_config config = rig_default_config();
    struct rig *rig = rig_create(&config);
    model_write(rig_unit(rig), GCMD, 4, GCMD_IRE | GCMD_CFI | GCMD_SIRTP);
    assert_int_equal(model_read(rig_unit(rig), GSTS, 4), 0); /* ECAP.IR = 0 */
    rig_destroy(rig);
    config.ecap |= ECAP_IR;
    rig = rig_create(&config);
    model_write(rig_unit(rig), IRTA, 8, ~0ull);
    assert_int_equal(model_read(rig_unit(rig), IRTA, 8) & 0xfff, 0xf); /* EIM = 0: EIME is RsvdZ */
    rig_destroy(rig);
    config.ecap |= ECAP_EIM;
    rig = rig_create(&config);
    model_write(rig_unit(rig), IRTA, 8, ~0ull);
    assert_int_equal(model_read(rig_unit(rig), IRTA, 8) & 0xfff, 0x80f);
    rig_destroy(rig);
}

/* --- as a device sends it, 3.15 --- */

static unsigned device_write(struct bench *b, uint64_t addr, size_t len, bool has_pasid)
{
    struct model_request r = {.sid = SID, .op = MODEL_WRITE, .addr = addr, .len = len, .has_pasid = has_pasid};
    struct model_outcome outcome;
    uint64_t data = 0;
    return model_dma(b->unit, &r, &data, &outcome) ? 0 : outcome.reason;
}

static void devices(void **state)
{
    (void)state;
    struct bench b = bench_open(0, 0, 3, 0, true);
    put_entry(&b, 0, ENTRY0, ENTRY1);
    assert_int_equal(device_write(&b, MESSAGE(0u), 4, false), 0);
    assert_int_equal(rig_interrupts(b.rig), 1);
    assert_int_equal(device_write(&b, MESSAGE(1u), 4, false), 0x22);
    assert_int_equal(device_write(&b, 0xfee05000u, 4, false), 0x25);
    assert_int_equal(device_write(&b, MESSAGE(0u), 8, false), 0x29);     /* Table 15, 29h */
    assert_int_equal(device_write(&b, MESSAGE(0u) + 2, 4, false), 0x29);
    assert_int_equal(rig_interrupts(b.rig), 1);
    uint64_t root = rig_page(b.rig); /* with translation on, 3.15: a DMA remapping fault, of the empty table */
    rig_enable(b.rig, root | 1u << 10);
    assert_int_equal(device_write(&b, MESSAGE(0u), 4, false), 0);
    assert_int_equal(device_write(&b, MESSAGE(0u), 8, false), 0x39);
    assert_int_equal(rig_interrupts(b.rig), 2);
    rig_destroy(b.rig);
}

/* Only asking changes nothing: no cache entry, no record, no message, no bit in a descriptor. */
static void asking(void **state)
{
    (void)state;
    struct bench b = bench_open(CAP_CM | CAP_PI, 0, 3, 0, true);
    struct model_interrupt out;
    uint64_t pid = rig_page(b.rig);
    rig_put(b.rig, pid + 32, 0x0000050000f20000ull);
    put_entry(&b, 0, ENTRY0, ENTRY1);
    put_entry(&b, 1, pid << 32 | 0xa18001u, ENTRY1);
    assert_true(model_interrupt_ask(b.unit, SID, MESSAGE(0u), 0, &out));
    assert_int_equal(out.form, MODEL_FORM_REMAPPED);
    assert_true(model_interrupt_ask(b.unit, SID, MESSAGE(1u), 0, &out));
    assert_int_equal(out.form, MODEL_FORM_POSTED);
    assert_false(model_interrupt_ask(b.unit, SID, MESSAGE(2u), 0, &out));
    assert_int_equal(out.reason, 0x22);
    assert_int_equal(model_counters(b.unit)->irte_entries, 0);
    assert_int_equal(model_counters(b.unit)->faults, 0);
    assert_int_equal(rig_interrupts(b.rig), 0);
    assert_int_equal(rig_get(b.rig, pid + 32), 0x0000050000f20000ull);
    rig_destroy(b.rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(modes),
        cmocka_unit_test(compatibility_is_unchanged),
        cmocka_unit_test(indexes),
        cmocka_unit_test(table_access),
        cmocka_unit_test(reserved_bits),
        cmocka_unit_test(messages),
        cmocka_unit_test(sources),
        cmocka_unit_test(posting),
        cmocka_unit_test(stale_entries),
        cmocka_unit_test(cache_knows_no_source),
        cmocka_unit_test(a_wait_drains),
        cmocka_unit_test(fault_records),
        cmocka_unit_test(fault_raises_the_event),
        cmocka_unit_test(commands),
        cmocka_unit_test(enhanced_pointer_set),
        cmocka_unit_test(registers_of_what_is_absent),
        cmocka_unit_test(devices),
        cmocka_unit_test(asking),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
