/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Root table to leaf, without nesting: presence, encodings, boundaries, access errors,
 * modes, FPD. The row of VT-d Table 30 or the section ends each name.
 */
#include "tests/model/scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define READ .request = {.op = MODEL_READ}
#define WRITE .request = {.op = MODEL_WRITE}
#define ATOMIC .request = {.op = MODEL_ATOMIC}
#define WITH_PASID(p) .request = {.op = MODEL_WRITE, .has_pasid = true, .pasid = (p)}
#define LS LEGACY_SECOND
#define LP LEGACY_PASS
#define F SCALABLE_FIRST
#define S SCALABLE_SECOND
#define P SCALABLE_PASS
#define DT (1ull << 2)
#define PT (1ull << 6)
#define SSTS (1ull << 46)
#define FSTS (1ull << 47)
#define NEST (1ull << 26)
#define RPS (1ull << 49)
#define PSS (0x1full << 35)
#define MGAW (0x3full << 16)
#define PWSNP (1u << 23)
#define PASIDE 8
#define PRE 0x10
#define DTE 4
#define EPTR 0x40

static const struct scene_case cases[] = {
    /* Legacy */
    {"legacy second stage, 3.4.2", LS, WRITE},
    {"legacy pass-through, 9.3", LP, WRITE},
    {"root entry P=0, LRT.2", LS, READ, .change = {{ROOT0, 0, 1}}, .reason = 0x01},
    {"root entry P=0 hides reserved bits, 9.1", LS, READ, .change = {{ROOT0, 0x800, 1}},
     .reason = 0x01},
    {"root table unreadable, LRT.1", LS, READ, .hole = ROOT0, .reason = 0x08},
    {"context table unreadable, LCT.1", LS, READ, .hole = CTX0, .reason = 0x09},
    {"context entry P=0, LCT.2", LS, READ, .change = {{CTX0, 0, 1}}, .reason = 0x02},
    {"context entry P=0 hides reserved bits, 9.3", LS, READ, .change = {{CTX0, 0x800, 1}},
     .reason = 0x02},
    {"context FPD with P=0, 9.3", LS, READ, .change = {{CTX0, 2, 1}}, .reason = 0x02,
     .unrecorded = true},
    {"context FPD hides reserved bits, LCT.3", LS, READ, .change = {{CTX0, 0x802, 0}},
     .reason = 0x0b, .unrecorded = true},
    {"context FPD hides a refused write, LGN.2", LS, WRITE,
     .change = {{CTX0, 2, 0}, {SS1, 0, 2}}, .reason = 0x05, .unrecorded = true},
    {"root faults are not qualified, LRT.3", LS, READ,
     .change = {{CTX0, 2, 0}, {ROOT0, 0x800, 0}}, .reason = 0x0a},
    {"TT=1 with DT, 9.3", LS, READ, .change = {{CTX0, 4, 0}}},
    {"TT=1 without DT, LCT.4.2", LS, READ, .ecap_clear = DT, .change = {{CTX0, 4, 0}},
     .reason = 0x03},
    {"TT=2 without PT, LCT.4.2", LP, READ, .ecap_clear = PT, .reason = 0x03},
    {"TT=3, LCT.4.2", LS, READ, .change = {{CTX0, 0xc, 0}}, .reason = 0x03},
    {"AW=0, LCT.4.1", LS, READ, .change = {{CTX1, 0, 7}}, .reason = 0x03},
    {"AW=4, LCT.4.1", LS, READ, .change = {{CTX1, 4, 7}}, .reason = 0x03},
    {"AW=5, LCT.4.1", LS, READ, .change = {{CTX1, 5, 7}}, .reason = 0x03},
    {"AW=6, LCT.4.1", LS, READ, .change = {{CTX1, 6, 7}}, .reason = 0x03},
    {"AW=7, LCT.4.1", LS, READ, .change = {{CTX1, 7, 7}}, .reason = 0x03},
    {"AW=1 without SAGAW bit 1, LCT.4.1", LS, READ, .options = {.ss_levels = 3},
     .cap_clear = 2u << 8, .reason = 0x03},
    {"AW=2 without SAGAW bit 2, LCT.4.1", LS, READ, .cap_clear = 4u << 8, .reason = 0x03},
    {"AW=3 without SAGAW bit 3, LCT.4.1", LS, READ, .options = {.ss_levels = 5},
     .cap_clear = 8u << 8, .reason = 0x03},
    {"3 levels, 9.3", LS, WRITE, .options = {.ss_levels = 3}},
    {"5 levels, 9.3", LS, WRITE, .options = {.ss_levels = 5, .haw = 52}},
    {"2M page, 3.7", LS, WRITE, .options = {.ss_leaf = 2}},
    {"1G page, 3.7", LS, WRITE, .options = {.ss_leaf = 3}},
    {"2M page without SSLPS, LSS.2", LS, READ, .options = {.ss_leaf = 2},
     .cap_clear = 3ull << 34, .reason = 0x0c},
    {"1G page without SSLPS, LSS.2", LS, READ, .options = {.ss_leaf = 3},
     .cap_clear = 2ull << 34, .reason = 0x0c},
    {"SSPTPTR unreadable, LCT.4.3", LS, READ, .hole = SS4, .reason = 0x03},
    {"SS-PDP table unreadable, LSS.1", LS, READ, .hole = SS3, .reason = 0x07},
    {"SS page directory unreadable, LSS.1", LS, READ, .hole = SS2, .reason = 0x07},
    {"SS page table unreadable, LSS.1", LS, READ, .hole = SS1, .reason = 0x07},
    {"SS-PML4E absent, read, LGN.3", LS, READ, .change = {{SS4, 0, 3}}, .reason = 0x06},
    {"SS-PDPE absent, write, LGN.2", LS, WRITE, .change = {{SS3, 0, 3}}, .reason = 0x05},
    {"SS-PDE absent, read, LGN.3", LS, READ, .change = {{SS2, 0, 3}}, .reason = 0x06},
    {"SS-PTE absent, write, LGN.2", LS, WRITE, .change = {{SS1, 0, 3}}, .reason = 0x05},
    {"absent entry hides reserved bits, 3.7", LS, READ, .change = {{SS1, 1ull << 50, 3}},
     .reason = 0x06},
    {"W=0 at SS-PML4E, write, LGN.2", LS, WRITE, .change = {{SS4, 0, 2}}, .reason = 0x05},
    {"W=0 at SS-PTE, write, LGN.2", LS, WRITE, .change = {{SS1, 0, 2}}, .reason = 0x05},
    {"W=0 at SS-PTE, read", LS, READ, .change = {{SS1, 0, 2}}},
    {"R=0 at SS-PDE, read, LGN.3", LS, READ, .change = {{SS2, 0, 1}}, .reason = 0x06},
    {"R=0 at SS-PTE, write", LS, WRITE, .change = {{SS1, 0, 1}}},
    {"R=0, atomic, LGN.3", LS, ATOMIC, .change = {{SS1, 0, 1}}, .reason = 0x06},
    {"W=0, atomic, LGN.2", LS, ATOMIC, .change = {{SS1, 0, 2}}, .reason = 0x05},
    {"zero-length read of a write-only page with ZLR, 3.14", LS, READ, .zero_length = true,
     .change = {{SS1, 0, 1}}},
    {"zero-length read of a write-only page, no ZLR, LGN.3", LS, READ, .zero_length = true,
     .cap_clear = 1u << 22, .change = {{SS1, 0, 1}}, .reason = 0x06},
    {"first address beyond AW, LGN.1.1", LS, READ, .options = {.ss_levels = 3},
     .addr_xor = 1ull << 39, .reason = 0x04},
    {"last bit within AW, LGN.1.1 not met", LS, READ, .options = {.ss_levels = 3},
     .addr_xor = 1ull << 38, .reason = 0x06},
    {"first address beyond MGAW, LGN.1.1", LS, READ, .cap_clear = MGAW, .cap_set = 39ull << 16,
     .addr_xor = 1ull << 40, .reason = 0x04},
    {"pass-through beyond HAW, LGN.1.3", LP, READ, .addr_xor = 1ull << 48, .reason = 0x04},
    {"output in FEEx_xxxx, LGN.4", LS, WRITE, .change = {{SS1, 0xfee00000u, 0}},
     .reason = 0x0e},
    {"just below FEEx_xxxx", LS, READ, .change = {{SS1, 0xfedff000u, 0}}, .elsewhere = true},
    {"just above FEEx_xxxx", LS, READ, .change = {{SS1, 0xfef00000u, 0}}, .elsewhere = true},
    {"request with PASID, RTA.2", LS, WITH_PASID(1), .reason = 0x31},

    /* Scalable root and context */
    {"second stage, 3.4.3", S, WRITE},
    {"first stage, 3.4.3", F, WRITE},
    {"pass-through, 3.9", P, WRITE},
    {"device 17, upper table, 9.2", P, WRITE, .options = {.sid = SCENE_SID_UPPER}},
    {"LP=0, SRT.2", P, READ, .change = {{ROOT0, 0, 1}}, .reason = 0x39},
    {"device 17: UP=0, SRT.2", P, READ, .options = {.sid = SCENE_SID_UPPER},
     .change = {{ROOT1, 0, 1}}, .reason = 0x39},
    {"LP=0 is nothing to device 17, 9.2", P, READ, .options = {.sid = SCENE_SID_UPPER},
     .change = {{ROOT0, 0, 1}}},
    {"root table unreadable, SRT.1", P, READ, .hole = ROOT0, .reason = 0x38},
    {"context table unreadable, SCT.1", P, READ, .hole = CTX0, .reason = 0x40},
    {"context P=0, SCT.2", P, READ, .change = {{CTX0, 0, 1}}, .reason = 0x41},
    {"context P=0 hides the rest, 9.4", P, READ, .change = {{CTX0, 0x180, 1}, {CTX3, 1, 0}},
     .reason = 0x41},
    {"PRE without DTE, SCT.4.1", P, READ, .change = {{CTX0, PRE, 0}}, .reason = 0x43},
    {"PRE with DTE, SCT.4.1 not met", P, READ, .change = {{CTX0, PRE | DTE, 0}}},
    {"EPTR without PASIDE, SCT.4.3", P, READ, .change = {{CTX0, EPTR, 0}}, .reason = 0x43},
    {"EPTR with PASIDE, SCT.4.3 not met", P, READ, .change = {{CTX0, EPTR | PASIDE, 0}}},
    {"PASIDE=0, SCT.6", P, WITH_PASID(3), .change = {{CTX0, 0, PASIDE}}, .reason = 0x45},

    /* RID_PASID, SCT.4.2, SCT.9, 9.4 */
    {"RID_PASID 1, 9.4", P, WRITE, .options = {.rid_pasid = 1}},
    {"RID_PASID 63, end of a table, 9.4", P, WRITE, .options = {.rid_pasid = 63}},
    {"RID_PASID 64, next directory entry, 9.4", P, WRITE, .options = {.rid_pasid = 64}},
    {"RID_PASID last of PDTS 0, SCT.4.2 not met", P, WRITE, .options = {.rid_pasid = 0x1fff}},
    {"RID_PASID first beyond PDTS 0, SCT.4.2", P, WRITE, .options = {.rid_pasid = 0x2000},
     .reason = 0x43},
    {"RID_PASID last of PDTS 3", P, WRITE, .options = {.rid_pasid = 0xffff, .pdts = 3}},
    {"RID_PASID first beyond PDTS 3, SCT.4.2", P, WRITE,
     .options = {.rid_pasid = 0x10000, .pdts = 3}, .reason = 0x43},
    {"RID_PASID FFFFFh of PDTS 7", P, WRITE, .options = {.rid_pasid = 0xfffff, .pdts = 7}},
    {"RID_PASID FFFFFh of PDTS 6, SCT.4.2", P, WRITE,
     .options = {.rid_pasid = 0xfffff, .pdts = 6}, .reason = 0x43},
    {"a request with PASID = RID_PASID, SCT.9", P, WITH_PASID(5), .options = {.rid_pasid = 5},
     .reason = 0x48},
    {"a request with PASID 0 = RID_PASID 0, SCT.9", P, WITH_PASID(0), .reason = 0x48},
    {"PASID 0 when RID_PASID is 5, 9.4", P, WITH_PASID(0), .options = {.rid_pasid = 5}},
    {"without RPS, PASID 0 is used, 9.4", P, WRITE, .ecap_clear = RPS},

    /* PASID-directory sizes: 2^(PDTS+13) PASIDs, SCT.7 */
    {"PDTS 0, last PASID", P, WITH_PASID(0x1fff)},
    {"PDTS 0, first beyond, SCT.7", P, WITH_PASID(0x2000), .reason = 0x46},
    {"PDTS 1, last PASID", P, WITH_PASID(0x3fff), .options = {.pdts = 1}},
    {"PDTS 1, first beyond, SCT.7", P, WITH_PASID(0x4000), .options = {.pdts = 1},
     .reason = 0x46},
    {"PDTS 2, last PASID", P, WITH_PASID(0x7fff), .options = {.pdts = 2}},
    {"PDTS 2, first beyond, SCT.7", P, WITH_PASID(0x8000), .options = {.pdts = 2},
     .reason = 0x46},
    {"PDTS 3, last PASID", P, WITH_PASID(0xffff), .options = {.pdts = 3}},
    {"PDTS 3, first beyond, SCT.7", P, WITH_PASID(0x10000), .options = {.pdts = 3},
     .reason = 0x46},
    {"PDTS 4, last PASID", P, WITH_PASID(0x1ffff), .options = {.pdts = 4}},
    {"PDTS 4, first beyond, SCT.7", P, WITH_PASID(0x20000), .options = {.pdts = 4},
     .reason = 0x46},
    {"PDTS 5, last PASID", P, WITH_PASID(0x3ffff), .options = {.pdts = 5}},
    {"PDTS 5, first beyond, SCT.7", P, WITH_PASID(0x40000), .options = {.pdts = 5},
     .reason = 0x46},
    {"PDTS 6, last PASID", P, WITH_PASID(0x7ffff), .options = {.pdts = 6}},
    {"PDTS 6, first beyond, SCT.7", P, WITH_PASID(0x80000), .options = {.pdts = 6},
     .reason = 0x46},
    {"PDTS 7, last PASID", P, WITH_PASID(0xfffff), .options = {.pdts = 7}},
    {"PSS 16 bits, last PASID", P, WITH_PASID(0xffff), .options = {.pdts = 7},
     .ecap_clear = PSS, .ecap_set = 15ull << 35},
    {"PSS 16 bits, first beyond, SGN.10", P, WITH_PASID(0x10000), .options = {.pdts = 7},
     .ecap_clear = PSS, .ecap_set = 15ull << 35, .reason = 0x89},

    /* Directory and PASID entry */
    {"directory unreadable, SPD.1", P, READ, .hole = DIR, .reason = 0x50},
    {"directory P=0, SPD.2", P, READ, .change = {{DIR, 0, 1}}, .reason = 0x51},
    {"directory P=0 hides reserved bits, 9.5", P, READ, .change = {{DIR, 4, 1}},
     .reason = 0x51},
    {"PASID table unreadable, SPT.1", P, READ, .hole = PE0, .reason = 0x58},
    {"PASID entry P=0, SPT.2", P, READ, .change = {{PE0, 0, 1}}, .reason = 0x59},
    {"PASID entry P=0 hides the rest, 9.6", P, READ, .change = {{PE0, 0x20, 1}, {PE7, 1, 0}},
     .reason = 0x59},
    {"PGTT 0, SPT.4.2", P, READ, .change = {{PE0, 0, 7u << 6}}, .reason = 0x5b},
    {"PGTT 5, SPT.4.2", P, READ, .change = {{PE0, 5u << 6, 7u << 6}}, .reason = 0x5b},
    {"PGTT 6, SPT.4.2", P, READ, .change = {{PE0, 6u << 6, 7u << 6}}, .reason = 0x5b},
    {"PGTT 7, SPT.4.2", P, READ, .change = {{PE0, 7u << 6, 0}}, .reason = 0x5b},
    {"PGTT 1 without FSTS, SPT.4.2", P, READ, .ecap_clear = FSTS | NEST,
     .change = {{PE0, 1u << 6, 7u << 6}}, .reason = 0x5b},
    {"PGTT 2 without SSTS, SPT.4.2", P, READ, .ecap_clear = SSTS | NEST,
     .change = {{PE0, 2u << 6, 7u << 6}}, .reason = 0x5b},
    {"PGTT 4 without PT, SPT.4.2", P, READ, .ecap_clear = PT, .reason = 0x5b},
    {"second stage, AW=0, SPT.4.1", S, READ, .change = {{PE0, 0, 7u << 2}}, .reason = 0x5b},
    {"second stage, AW=4, SPT.4.1", S, READ, .change = {{PE0, 4u << 2, 7u << 2}},
     .reason = 0x5b},
    {"second stage, AW=5, SPT.4.1", S, READ, .change = {{PE0, 5u << 2, 7u << 2}},
     .reason = 0x5b},
    {"second stage, AW=6, SPT.4.1", S, READ, .change = {{PE0, 6u << 2, 7u << 2}},
     .reason = 0x5b},
    {"second stage, AW=7, SPT.4.1", S, READ, .change = {{PE0, 7u << 2, 0}}, .reason = 0x5b},
    {"first stage, FSPM=1 without FS5LP, SPT.4.3", F, READ, .options = {.fs_levels = 5},
     .cap_clear = 1ull << 60, .reason = 0x5b},
    {"first stage, FSPM=2, SPT.4.3", F, READ, .change = {{PE2, 8, 0}}, .reason = 0x5b},
    {"pass-through, FSPM=2, SPT.4.3", P, READ, .change = {{PE2, 8, 0}}, .reason = 0x5b},

    /* FPD anywhere on the walk, 7.1.1 */
    {"FPD of the context entry, P=0, SCT.2", P, READ, .change = {{CTX0, 2, 1}}, .reason = 0x41,
     .unrecorded = true},
    {"FPD of the context entry, reserved bits, SCT.3", P, READ, .change = {{CTX0, 0x82, 0}},
     .reason = 0x42, .unrecorded = true},
    {"FPD of the context entry, directory absent, SPD.2", P, READ,
     .change = {{CTX0, 2, 0}, {DIR, 0, 1}}, .reason = 0x51, .unrecorded = true},
    {"FPD of the context entry, directory unreadable: not qualified, SPD.1", P, READ,
     .change = {{CTX0, 2, 0}}, .hole = DIR, .reason = 0x50},
    {"FPD of the context entry, PASID table unreadable: not qualified, SPT.1", P, READ,
     .change = {{CTX0, 2, 0}}, .hole = PE0, .reason = 0x58},
    {"FPD of the context entry, PASIDE=0, SCT.6", P, WITH_PASID(3),
     .change = {{CTX0, 2, PASIDE}}, .reason = 0x45, .unrecorded = true},
    {"FPD of the directory entry with P=0, 9.5", P, READ, .change = {{DIR, 2, 1}},
     .reason = 0x51, .unrecorded = true},
    {"FPD of the directory entry, PASID entry absent, SPT.2", P, READ,
     .change = {{DIR, 2, 0}, {PE0, 0, 1}}, .reason = 0x59, .unrecorded = true},
    {"FPD of the directory entry, first stage absent, SFS.2", F, READ,
     .change = {{DIR, 2, 0}, {FS1, 0, 1}}, .reason = 0x71, .unrecorded = true},
    {"FPD of the PASID entry with P=0, 9.6", P, READ, .change = {{PE0, 2, 1}}, .reason = 0x59,
     .unrecorded = true},
    {"FPD of the PASID entry, reserved bits, SPT.3", P, READ, .change = {{PE0, 0x22, 0}},
     .reason = 0x5a, .unrecorded = true},
    {"FPD of the PASID entry, second stage absent, SSS.2", S, READ,
     .change = {{PE0, 2, 0}, {SS1, 0, 3}}, .reason = 0x79, .unrecorded = true},
    {"FPD of the PASID entry comes too late for the directory, SPD.3", P, READ,
     .change = {{PE0, 2, 0}, {DIR, 4, 0}}, .reason = 0x52},
    {"FPD never hides the root, SRT.3", P, READ, .change = {{CTX0, 2, 0}, {ROOT0, 4, 0}},
     .reason = 0x3a},

    /* Second stage alone */
    {"second stage, 3 levels", S, WRITE, .options = {.ss_levels = 3}},
    {"second stage, 5 levels", S, WRITE, .options = {.ss_levels = 5, .haw = 52}},
    {"second stage, 2M", S, WRITE, .options = {.ss_leaf = 2}},
    {"second stage, 1G", S, WRITE, .options = {.ss_leaf = 3}},
    {"SS-PML5E absent, SSS.2", S, READ, .options = {.ss_levels = 5}, .change = {{SS5, 0, 3}},
     .reason = 0x79},
    {"SS-PML4E absent, SSS.2", S, READ, .change = {{SS4, 0, 3}}, .reason = 0x79},
    {"SS-PDPE absent, SSS.2", S, WRITE, .change = {{SS3, 0, 3}}, .reason = 0x79},
    {"SS-PDE absent, SSS.2", S, READ, .change = {{SS2, 0, 3}}, .reason = 0x79},
    {"SS-PTE absent, SSS.2", S, WRITE, .change = {{SS1, 0, 3}}, .reason = 0x79},
    {"no right survives the AND, SSS.2", S, READ, .change = {{SS4, 0, 1}, {SS1, 0, 2}},
     .reason = 0x79},
    {"write without W, SGN.6", S, WRITE, .change = {{SS1, 0, 2}}, .reason = 0x85},
    {"write without W above, SGN.6", S, WRITE, .change = {{SS3, 0, 2}}, .reason = 0x85},
    {"read without R, SGN.7", S, READ, .change = {{SS1, 0, 1}}, .reason = 0x86},
    {"read without R above, SGN.7", S, READ, .change = {{SS4, 0, 1}}, .reason = 0x86},
    {"SSPTPTR unreadable, SSS.4", S, READ, .hole = SS4, .reason = 0x7b},
    {"SS page table unreadable, SSS.1", S, READ, .hole = SS1, .reason = 0x78},
    {"first address beyond AW, SGN.5", S, READ, .options = {.ss_levels = 3},
     .addr_xor = 1ull << 39, .reason = 0x84},
    {"last bit within AW, SGN.5 not met", S, READ, .options = {.ss_levels = 3},
     .addr_xor = 1ull << 38, .reason = 0x79},
    {"first address beyond MGAW, SGN.5", S, READ, .cap_clear = MGAW, .cap_set = 39ull << 16,
     .addr_xor = 1ull << 40, .reason = 0x84},
    {"bit 63, SGN.5", S, READ, .addr_xor = 1ull << 63, .reason = 0x84},
    {"SSADE: A, 3.7.2", S, READ, .change = {{PE0, 0x200, 0}},
     .expect = {{SS4, 0x100, 0x200}, {SS1, 0x100, 0x200}}},
    {"SSADE: D, 3.7.2", S, WRITE, .change = {{PE0, 0x200, 0}},
     .expect = {{SS4, 0x100, 0x200}, {SS1, 0x300, 0}}},
    {"no SSADE, no A, 3.7.2", S, WRITE, .expect = {{SS4, 0, 0x300}, {SS1, 0, 0x300}}},
    {"SSADE unsnooped, SSS.5", S, READ, .change = {{PE0, 0x200, 0}, {PE1, 0, PWSNP}},
     .reason = 0x7c},
    {"SSADE, failing update, SSS.6", S, READ, .change = {{PE0, 0x200, 0}}, .no_update = SS2,
     .reason = 0x7d},
    {"output in FEEx_xxxx, SGN.8.1", S, WRITE, .change = {{SS1, 0xfee00000u, 0}},
     .reason = 0x87},

    /* First stage alone */
    {"first stage, 5 levels", F, WRITE, .options = {.fs_levels = 5}},
    {"first stage, 2M", F, WRITE, .options = {.fs_leaf = 2}},
    {"first stage, 1G", F, WRITE, .options = {.fs_leaf = 3}},
    {"1G without FS1GP, SFS.3", F, READ, .options = {.fs_leaf = 3}, .cap_clear = 1ull << 56,
     .reason = 0x72},
    {"PML5E P=0, SFS.2", F, READ, .options = {.fs_levels = 5}, .change = {{FS5, 0, 1}},
     .reason = 0x71},
    {"PML4E P=0, SFS.2", F, READ, .change = {{FS4, 0, 1}}, .reason = 0x71},
    {"PDPE P=0, SFS.2", F, READ, .change = {{FS3, 0, 1}}, .reason = 0x71},
    {"PDE P=0, SFS.2", F, READ, .change = {{FS2, 0, 1}}, .reason = 0x71},
    {"PTE P=0, SFS.2", F, READ, .change = {{FS1, 0, 1}}, .reason = 0x71},
    {"FSPTPTR unreadable, SFS.4", F, READ, .hole = FS4, .reason = 0x73},
    {"page table unreadable, SFS.1", F, READ, .hole = FS1, .reason = 0x70},
    {"U/S=0, SGN.2", F, READ, .change = {{FS2, 0, 4}}, .reason = 0x81},
    {"R/W=0, SGN.6", F, WRITE, .change = {{FS2, 0, 2}}, .reason = 0x85},
    {"unsnooped A update, SFS.9", F, READ, .change = {{PE1, 0, PWSNP}}, .reason = 0x90},
    {"unsnooped, A and D set, 3.10", F, WRITE, .options = {.ad_preset = true},
     .change = {{PE1, 0, PWSNP}}},
    {"failing update, SFS.10", F, READ, .no_update = FS1, .reason = 0x91},
    {"not canonical, SGN.1", F, READ, .addr_xor = 1ull << 47, .reason = 0x80},
    {"bits 63:48 without bit 47, SGN.1", F, READ, .addr_xor = 0xffffull << 48, .reason = 0x80},
    {"supervisor, SRE=0, SPT.6", F, .request = {.has_pasid = true, .pasid = 3, .priv = true},
     .reason = 0x5d},
    {"supervisor, pass-through too, SPT.6", P, .request = {.has_pasid = true, .pasid = 3,
     .priv = true}, .reason = 0x5d},
    {"execute requested, VER 1, SPT.5", F, .request = {.has_pasid = true, .pasid = 3,
     .exec = true}, .reason = 0x5c},
    {"execute requested, VER 8, RTA.5", F, .ver = 0x80, .request = {.has_pasid = true,
     .pasid = 3, .exec = true}, .reason = 0x34},
    {"execute requested, VER 7, SPT.5", F, .ver = 0x70, .request = {.has_pasid = true,
     .pasid = 3, .exec = true}, .reason = 0x5c},
    {"output in FEEx_xxxx, SGN.8.1", F, WRITE, .change = {{FS1, 0xfee00000u, 0}},
     .reason = 0x87},

    /* Pass-through alone */
    {"beyond HAW, SGN.4.2", P, READ, .addr_xor = 1ull << 48, .reason = 0x83},
    {"last bit of HAW, SGN.4.2 not met", P, READ, .options = {.haw = 46},
     .addr_xor = 1ull << 45, .elsewhere = true},
    {"bit 63, SGN.4.2", P, READ, .addr_xor = 1ull << 63, .reason = 0x83},
    {"with PASID, FEEx_xxxx is blocked, 3.15", P, .request = {.op = MODEL_WRITE,
     .has_pasid = true, .pasid = 3, .addr = 0xfee00000u}, .reason = 0x87},

    /* Device-TLB requests, SCT.5, SCT.10, 4.2 */
    {"translated request, DTE=0, SCT.5", P, .request = {.at = MODEL_TRANSLATED},
     .reason = 0x44},
    {"translated request, DTE=1, 4.2", S, .request = {.at = MODEL_TRANSLATED},
     .change = {{CTX0, DTE, 0}}},
    {"translated request with PASID, EPTR=0, SCT.10", P, .request = {.at = MODEL_TRANSLATED,
     .has_pasid = true, .pasid = 3}, .change = {{CTX0, DTE, 0}}, .reason = 0x49},
    {"translated request with PASID, EPTR=1", P, .request = {.at = MODEL_TRANSLATED,
     .has_pasid = true, .pasid = 3}, .change = {{CTX0, DTE | EPTR, 0}}},
    {"translated request beyond HAW, SGN.4.1", P, .request = {.at = MODEL_TRANSLATED},
     .change = {{CTX0, DTE, 0}}, .addr_xor = 1ull << 50, .reason = 0x83},
    {"translated request to FEEx_xxxx, SGN.8.3", P, .request = {.at = MODEL_TRANSLATED,
     .addr = 0xfee01000u}, .change = {{CTX0, DTE, 0}}, .reason = 0x87},
    {"legacy: translated request, TT=0, LCT.5", LS, .request = {.at = MODEL_TRANSLATED},
     .reason = 0x0d},
    {"legacy: translated request, TT=2, LCT.5", LP, .request = {.at = MODEL_TRANSLATED},
     .reason = 0x0d},
    {"legacy: translated request, TT=1", LS, .request = {.at = MODEL_TRANSLATED},
     .change = {{CTX0, 4, 0}}},
};

static void run_case(void **state)
{
    const struct scene_case *c = *state;
    const char *wrong = scene_run(c);
    if (wrong != NULL) {
        fail_msg("%s: %s", c->name, wrong);
    }
}

int main(void)
{
    enum { COUNT = sizeof(cases) / sizeof(cases[0]) };
    static struct CMUnitTest tests[COUNT];
    for (size_t i = 0; i < COUNT; i++) {
        tests[i] = (struct CMUnitTest){cases[i].name, run_case, NULL, NULL,
                                       (void *)(uintptr_t)&cases[i]};
    }
    return _cmocka_run_group_tests("walk", tests, COUNT, NULL, NULL);
}
