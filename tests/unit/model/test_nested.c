/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Nested translation, worked out by hand from VT-d 3.8, 3.8.1, 3.10, 6.2 and Table 30 (the
 * section or row ends each name). No second implementation exists to compare with, so a
 * line here is the authority, and the walker was made to agree with it.
 *
 * In an entry: first stage P=1 RW=2 US=4 A=20h D=40h EA=400h; second stage R=1 W=2 A=100h
 * D=200h.
 */
#include "tests/model/scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define N SCALABLE_NESTED
#define READ .request = {.op = MODEL_READ}
#define WRITE .request = {.op = MODEL_WRITE}
#define ATOMIC .request = {.op = MODEL_ATOMIC}
#define USER_WRITE .request = {.op = MODEL_WRITE, .has_pasid = true, .pasid = 3}
#define PRIV_READ .request = {.op = MODEL_READ, .has_pasid = true, .pasid = 3, .priv = true}
#define PRIV_WRITE .request = {.op = MODEL_WRITE, .has_pasid = true, .pasid = 3, .priv = true}
#define PRESET .options = {.ad_preset = true}
#define RW 2
#define US 4
#define A 0x20
#define D 0x40
#define EA 0x400
#define SR 1
#define SW 2
#define SA 0x100
#define SD 0x200
#define PWSNP (1u << 23)
#define SRE 1
#define WPE 0x10
#define EAFE 0x80
#define SSADE 0x200
#define ZLR (1u << 22)
#define MGAW (0x3full << 16)

static const struct scene_case cases[] = {
    /* Accessed and dirty, 3.6.2 and 3.8.1 */
    {"a read sets A at every level, no D, 3.6.2", N, READ,
     .expect = {{FS4, A, D}, {FS3, A, D}, {FS2, A, D}, {FS1, A, D}}},
    {"a write sets D at the leaf only, 3.6.2", N, WRITE,
     .expect = {{FS4, A, D}, {FS3, A, D}, {FS2, A, D}, {FS1, A | D, 0}}},
    {"an atomic sets D, 3.6.2", N, ATOMIC, .expect = {{FS1, A | D, 0}}},
    {"EA stays clear without EAFE, 3.6.2", N, READ, .expect = {{FS1, A, EA}, {FS4, A, EA}}},
    {"EAFE sets EA with A everywhere, 3.6.2", N, READ, .change = {{PE2, EAFE, 0}},
     .expect = {{FS4, A | EA, 0}, {FS3, A | EA, 0}, {FS2, A | EA, 0}, {FS1, A | EA, D}}},
    {"EAFE, write: EA, A and D at the leaf, 3.6.2", N, WRITE, .change = {{PE2, EAFE, 0}},
     .expect = {{FS1, A | EA | D, 0}}},
    {"second-stage A, D untouched without SSADE, 3.7.2", N, WRITE,
     .expect = {{SS1, 0, SA | SD}, {SS4, 0, SA | SD}, {SP1, 0, SA | SD}}},
    {"D is not set when the second stage refuses the write, 3.6.2", N, WRITE,
     .change = {{SS1, 0, SW}}, .reason = 0x85, .expect = {{FS1, 0, D}}},
    {"D is not set when R/W refuses the write, 3.6.2", N, WRITE, .change = {{FS1, 0, RW}},
     .reason = 0x85, .expect = {{FS1, 0, D}}},
    {"2M leaf carries D, 3.6.2", N, WRITE, .options = {.fs_leaf = 2},
     .expect = {{FS2, A | D, 0}, {FS3, A, D}}},
    {"1G leaf carries D, 3.6.2", N, WRITE, .options = {.fs_leaf = 3}, .expect = {{FS3, A | D, 0}}},

    /* Page sizes, 3.8: both stages choose theirs */
    {"4K over 2M, 3.8", N, WRITE, .options = {.ss_leaf = 2}},
    {"4K over 1G, 3.8", N, WRITE, .options = {.ss_leaf = 3}},
    {"2M over 4K, 3.8", N, WRITE, .options = {.fs_leaf = 2, .ss_leaf = 1}},
    {"2M over 2M, 3.8", N, WRITE, .options = {.fs_leaf = 2, .ss_leaf = 2}},
    {"2M over 1G, 3.8", N, WRITE, .options = {.fs_leaf = 2, .ss_leaf = 3}},
    {"1G over 4K, 3.8", N, WRITE, .options = {.fs_leaf = 3, .ss_leaf = 1}},
    {"1G over 2M, 3.8", N, WRITE, .options = {.fs_leaf = 3, .ss_leaf = 2}},
    {"1G over 1G, 3.8", N, WRITE, .options = {.fs_leaf = 3, .ss_leaf = 3}},
    {"1G first-stage page without FS1GP, 9.7", N, READ, .options = {.fs_leaf = 3},
     .cap_clear = 1ull << 56, .reason = 0x72},
    {"1G second-stage page without SSLPS, 9.8", N, READ, .options = {.ss_leaf = 3},
     .cap_clear = 1ull << 35, .reason = 0x7a},
    {"2M second-stage page without SSLPS, 9.8", N, READ, .options = {.ss_leaf = 2},
     .cap_clear = 3ull << 34, .reason = 0x7a},

    /* Levels, 3.6 and 3.7 */
    {"4 levels over 3, 3.8", N, WRITE, .options = {.ss_levels = 3}},
    {"4 levels over 5, 3.8", N, WRITE, .options = {.ss_levels = 5, .haw = 52}},
    {"5 levels over 3, 3.8", N, WRITE, .options = {.fs_levels = 5, .ss_levels = 3}},
    {"5 levels over 4, 3.8", N, WRITE, .options = {.fs_levels = 5}},
    {"5 levels over 5, 3.8", N, WRITE, .options = {.fs_levels = 5, .ss_levels = 5, .haw = 52}},
    {"A at the fifth level, 3.6.2", N, READ, .options = {.fs_levels = 5},
     .expect = {{FS5, A, D}, {FS1, A, D}}},

    /* First-stage rights, 3.6.1 */
    {"R/W=0 in PML5E refuses a write, SGN.6", N, WRITE, .options = {.fs_levels = 5},
     .change = {{FS5, 0, RW}}, .reason = 0x85},
    {"R/W=0 in PML4E refuses a write, SGN.6", N, WRITE, .change = {{FS4, 0, RW}}, .reason = 0x85},
    {"R/W=0 in PDPE refuses a write, SGN.6", N, WRITE, .change = {{FS3, 0, RW}}, .reason = 0x85},
    {"R/W=0 in PDE refuses a write, SGN.6", N, WRITE, .change = {{FS2, 0, RW}}, .reason = 0x85},
    {"R/W=0 in PTE refuses a write, SGN.6", N, WRITE, .change = {{FS1, 0, RW}}, .reason = 0x85},
    {"R/W=0 in PTE refuses an atomic, SGN.6", N, ATOMIC, .change = {{FS1, 0, RW}},
     .reason = 0x85},
    {"R/W=0 everywhere permits a read, 3.6.1", N, READ,
     .change = {{FS4, 0, RW}, {FS3, 0, RW}, {FS2, 0, RW}, {FS1, 0, RW}}},
    {"U/S=0 in PML5E refuses a user read, SGN.2", N, READ, .options = {.fs_levels = 5},
     .change = {{FS5, 0, US}}, .reason = 0x81},
    {"U/S=0 in PML4E refuses a user read, SGN.2", N, READ, .change = {{FS4, 0, US}},
     .reason = 0x81},
    {"U/S=0 in PDPE refuses a user read, SGN.2", N, READ, .change = {{FS3, 0, US}},
     .reason = 0x81},
    {"U/S=0 in PDE refuses a user read, SGN.2", N, READ, .change = {{FS2, 0, US}},
     .reason = 0x81},
    {"U/S=0 in PTE refuses a user read, SGN.2", N, READ, .change = {{FS1, 0, US}},
     .reason = 0x81},
    {"U/S=0 in PTE refuses a user write, SGN.2", N, WRITE, .change = {{FS1, 0, US}},
     .reason = 0x81},
    {"supervisor, SRE=0, SPT.6", N, PRIV_READ, .reason = 0x5d},
    {"supervisor ignores U/S=0, 3.6.1", N, PRIV_READ,
     .change = {{PE2, SRE, 0}, {FS4, 0, US}, {FS1, 0, US}}},
    {"supervisor write to U/S=0, 3.6.1", N, PRIV_WRITE,
     .change = {{PE2, SRE, 0}, {FS1, 0, US}}},
    {"supervisor write ignores R/W=0 with WPE=0, 3.6.1", N, PRIV_WRITE,
     .change = {{PE2, SRE, 0}, {FS4, 0, RW}, {FS1, 0, RW}}, .expect = {{FS1, A | D, 0}}},
    {"supervisor write obeys R/W=0 with WPE=1, 3.6.1", N, PRIV_WRITE,
     .change = {{PE2, SRE | WPE, 0}, {FS1, 0, RW}}, .reason = 0x85},
    {"WPE=1, R/W=0 above the leaf, 3.6.1", N, PRIV_WRITE,
     .change = {{PE2, SRE | WPE, 0}, {FS3, 0, RW}}, .reason = 0x85},
    {"WPE=1 and a writable page, 3.6.1", N, PRIV_WRITE, .change = {{PE2, SRE | WPE, 0}}},
    {"supervisor read with WPE=1 and R/W=0, 3.6.1", N, PRIV_READ,
     .change = {{PE2, SRE | WPE, 0}, {FS1, 0, RW}}},
    {"WPE=0 gives a user write nothing, 3.6.1", N, USER_WRITE,
     .change = {{PE2, SRE, 0}, {FS1, 0, RW}}, .reason = 0x85},
    {"supervisor is still under second-stage W, 3.8.1", N, PRIV_WRITE,
     .change = {{PE2, SRE, 0}, {SS1, 0, SW}}, .reason = 0x85},
    {"XD means nothing to a read", N, READ, .change = {{FS1, 1ull << 63, 0}}},
    {"RID_PRIV=1 makes untagged requests supervisor, 9.4", N, READ,
     .change = {{CTX1, 1u << 20, 0}, {PE2, SRE, 0}, {FS1, 0, US}}},
    {"RID_PRIV=1 with SRE=0, SPT.6", N, READ, .change = {{CTX1, 1u << 20, 0}}, .reason = 0x5d},

    /* First-stage presence, SFS.2 */
    {"PML4E P=0, SFS.2", N, READ, .change = {{FS4, 0, 1}}, .reason = 0x71},
    {"PDPE P=0, SFS.2", N, READ, .change = {{FS3, 0, 1}}, .reason = 0x71},
    {"PDE P=0, SFS.2", N, READ, .change = {{FS2, 0, 1}}, .reason = 0x71},
    {"PTE P=0, SFS.2", N, READ, .change = {{FS1, 0, 1}}, .reason = 0x71},
    {"P=0 hides reserved bits, 3.6", N, READ, .change = {{FS1, 1ull << 51, 1}}, .reason = 0x71},

    /* Final page: second-stage rights at each level, 3.8.1 */
    {"final SS-PTE W=0, write, SGN.6", N, WRITE, .change = {{SS1, 0, SW}}, .reason = 0x85},
    {"final SS-PDE W=0, write, SGN.6", N, WRITE, .change = {{SS2, 0, SW}}, .reason = 0x85},
    {"final SS-PDPE W=0, write, SGN.6", N, WRITE, .change = {{SS3, 0, SW}}, .reason = 0x85},
    {"final SS-PML4E W=0, write, SGN.6", N, WRITE, .change = {{SS4, 0, SW}}, .reason = 0x85},
    {"final SS-PML5E W=0, write, SGN.6", N, WRITE, .options = {.ss_levels = 5, .haw = 52},
     .change = {{SS5, 0, SW}}, .reason = 0x85},
    {"final SS-PTE W=0, read, 3.8.1", N, READ, .change = {{SS1, 0, SW}}},
    {"final SS-PML4E W=0, read, 3.8.1", N, READ, .change = {{SS4, 0, SW}}},
    {"final SS-PTE R=0, read, SGN.7", N, READ, .change = {{SS1, 0, SR}}, .reason = 0x86},
    {"final SS-PDE R=0, read, SGN.7", N, READ, .change = {{SS2, 0, SR}}, .reason = 0x86},
    {"final SS-PDPE R=0, read, SGN.7", N, READ, .change = {{SS3, 0, SR}}, .reason = 0x86},
    {"final SS-PML4E R=0, read, SGN.7", N, READ, .change = {{SS4, 0, SR}}, .reason = 0x86},
    {"final SS-PTE R=0, write, 3.8.1", N, WRITE, .change = {{SS1, 0, SR}}},
    {"final SS-PTE R=0, atomic, SGN.7", N, ATOMIC, .change = {{SS1, 0, SR}}, .reason = 0x86},
    {"final SS-PTE W=0, atomic, SGN.6", N, ATOMIC, .change = {{SS1, 0, SW}}, .reason = 0x85},
    {"zero-length read of a write-only page with ZLR, 3.14", N, READ, .zero_length = true,
     .change = {{SS1, 0, SR}}},
    {"zero-length read of a write-only page without ZLR, SGN.7", N, READ, .zero_length = true,
     .cap_clear = ZLR, .change = {{SS1, 0, SR}}, .reason = 0x86},
    {"final SS-PTE R=W=0, SSS.2", N, READ, .change = {{SS1, 0, SR | SW}}, .reason = 0x79},
    {"final SS-PDE R=W=0, SSS.2", N, READ, .change = {{SS2, 0, SR | SW}}, .reason = 0x79},
    {"final SS-PDPE R=W=0, SSS.2", N, WRITE, .change = {{SS3, 0, SR | SW}}, .reason = 0x79},
    {"final SS-PML4E R=W=0, SSS.2", N, WRITE, .change = {{SS4, 0, SR | SW}}, .reason = 0x79},
    {"no right survives the AND, SSS.2", N, READ, .change = {{SS3, 0, SW}, {SS1, 0, SR}},
     .reason = 0x79},
    {"execute-only in the EPT is absent here", N, READ,
     .change = {{SS1, 4, SR | SW}}, .reason = 0x79},

    /* First-stage tables: second-stage rights, 3.8.1, SFS.6 to SFS.8 */
    {"root table without R, SFS.6", N, READ, PRESET, .change = {{SP4, 0, SR}}, .reason = 0x75},
    {"5-level root table without R, SFS.6", N, READ,
     .options = {.fs_levels = 5, .ad_preset = true}, .change = {{SP5, 0, SR}}, .reason = 0x75},
    {"5-level: PML4 table without R is not the root, SFS.7", N, READ,
     .options = {.fs_levels = 5, .ad_preset = true}, .change = {{SP4, 0, SR}}, .reason = 0x76},
    {"PDP table without R, SFS.7", N, READ, PRESET, .change = {{SP3, 0, SR}}, .reason = 0x76},
    {"page directory without R, SFS.7", N, READ, PRESET, .change = {{SP2, 0, SR}},
     .reason = 0x76},
    {"page table without R, SFS.7", N, READ, PRESET, .change = {{SP1, 0, SR}}, .reason = 0x76},
    {"root table absent, SSS.2", N, READ, .change = {{SP4, 0, SR | SW}}, .reason = 0x79},
    {"PDP table absent, SSS.2", N, READ, .change = {{SP3, 0, SR | SW}}, .reason = 0x79},
    {"page directory absent, SSS.2", N, READ, .change = {{SP2, 0, SR | SW}}, .reason = 0x79},
    {"page table absent, SSS.2", N, READ, .change = {{SP1, 0, SR | SW}}, .reason = 0x79},
    {"read-only tables suffice when A and D are set, 3.8.1", N, WRITE, PRESET,
     .change = {{SP4, 0, SW}, {SP3, 0, SW}, {SP2, 0, SW}, {SP1, 0, SW}}},
    {"read-only by the SS-PDE above suffices as well, 3.8.1", N, READ, PRESET,
     .change = {{ST2, 0, SW}}},
    {"A update in a read-only root table, SFS.8", N, READ, .change = {{SP4, 0, SW}},
     .reason = 0x77, .expect = {{FS4, 0, A}}},
    {"A update in a read-only PDP table, SFS.8", N, READ, .change = {{SP3, 0, SW}},
     .reason = 0x77, .expect = {{FS3, 0, A}}},
    {"A update in a read-only page directory, SFS.8", N, READ, .change = {{SP2, 0, SW}},
     .reason = 0x77, .expect = {{FS2, 0, A}}},
    {"A update in a read-only page table, SFS.8", N, READ, .change = {{SP1, 0, SW}},
     .reason = 0x77, .expect = {{FS1, 0, A}}},
    {"A update refused by a non-leaf second-stage entry, SFS.8", N, READ,
     .change = {{ST3, 0, SW}}, .reason = 0x77},
    {"D update in a read-only page table, SFS.8", N, WRITE, PRESET,
     .change = {{SP1, 0, SW}, {FS1, 0, D}}, .reason = 0x77, .expect = {{FS1, A, D}}},
    {"a read needs no D update there, 3.8.1", N, READ, PRESET,
     .change = {{SP1, 0, SW}, {FS1, 0, D}}},
    {"EA update in a read-only page table, SFS.8", N, READ, PRESET,
     .change = {{SP1, 0, SW}, {PE2, EAFE, 0}, {FS4, EA, 0}, {FS3, EA, 0}, {FS2, EA, 0}},
     .reason = 0x77, .expect = {{FS1, 0, EA}}},

    /* SSADE=1: A and D of the second stage; table reads need R and W, 3.8.1, 3.7.2 */
    {"SSADE: A at each level of the final page, 3.7.2", N, READ, .change = {{PE0, SSADE, 0}},
     .expect = {{SS4, SA, SD}, {SS3, SA, SD}, {SS2, SA, SD}, {SS1, SA, SD}}},
    {"SSADE: D at the final leaf on a write, 3.7.2", N, WRITE, .change = {{PE0, SSADE, 0}},
     .expect = {{SS1, SA | SD, 0}, {SS2, SA, SD}, {SS4, SA, SD}}},
    {"SSADE: D at the 2M leaf, 3.7.2", N, WRITE, .options = {.ss_leaf = 2},
     .change = {{PE0, SSADE, 0}}, .expect = {{SS2, SA | SD, 0}, {SS3, SA, SD}}},
    {"SSADE: A where tables are read, 3.7.2", N, READ, PRESET, .change = {{PE0, SSADE, 0}},
     .expect = {{SP4, SA, SD}, {SP3, SA, SD}, {SP2, SA, SD}, {SP1, SA, SD}, {ST4, SA, SD}}},
    {"SSADE: a first-stage A update dirties the table's page, 3.7.2", N, READ,
     .change = {{PE0, SSADE, 0}}, .expect = {{SP4, SA | SD, 0}, {SP1, SA | SD, 0}}},
    {"SSADE: read-only root table, SFS.6", N, READ, PRESET,
     .change = {{PE0, SSADE, 0}, {SP4, 0, SW}}, .reason = 0x75},
    {"SSADE: read-only PDP table, SFS.7", N, READ, PRESET,
     .change = {{PE0, SSADE, 0}, {SP3, 0, SW}}, .reason = 0x76},
    {"SSADE: read-only page directory, SFS.7", N, READ, PRESET,
     .change = {{PE0, SSADE, 0}, {SP2, 0, SW}}, .reason = 0x76},
    {"SSADE: read-only page table, SFS.7", N, READ, PRESET,
     .change = {{PE0, SSADE, 0}, {SP1, 0, SW}}, .reason = 0x76},
    {"SSADE: a read-only final page is readable, 3.8.1", N, READ,
     .change = {{PE0, SSADE, 0}, {SS1, 0, SW}}},
    {"SSADE: refused write leaves second-stage D, 3.7.2", N, WRITE,
     .change = {{PE0, SSADE, 0}, {FS1, 0, RW}}, .reason = 0x85, .expect = {{SS1, 0, SD}}},
    {"SSADE: a write without W leaves D, 3.7.2", N, WRITE,
     .change = {{PE0, SSADE, 0}, {SS1, 0, SW}}, .reason = 0x85, .expect = {{SS1, SA, SD}}},
    {"SSADE: unsnooped A update, SSS.5", N, READ, PRESET,
     .change = {{PE0, SSADE, 0}, {PE1, 0, PWSNP}}, .reason = 0x7c},
    {"SSADE: unsnooped, all A set, 3.10", N, READ, PRESET,
     .change = {{PE0, SSADE, 0}, {PE1, 0, PWSNP}, {ST4, SA, 0}, {ST3, SA, 0}, {ST2, SA, 0},
                {SP4, SA, 0}, {SP3, SA, 0}, {SP2, SA, 0}, {SP1, SA, 0}, {SS4, SA, 0},
                {SS3, SA, 0}, {SS2, SA, 0}}, .reason = 0x7c /* SS1 is left */},
    {"SSADE: failing update, SSS.6", N, READ, PRESET, .change = {{PE0, SSADE, 0}},
     .no_update = SS1, .reason = 0x7d},

    /* Walks that are not snooped, 3.10, SFS.9 */
    {"unsnooped A update, SFS.9", N, READ, .change = {{PE1, 0, PWSNP}}, .reason = 0x90,
     .expect = {{FS4, 0, A}}},
    {"unsnooped, A set, 3.10", N, READ, PRESET, .change = {{PE1, 0, PWSNP}}},
    {"unsnooped, A and D set, write, 3.10", N, WRITE, PRESET, .change = {{PE1, 0, PWSNP}}},
    {"unsnooped D update, SFS.9", N, WRITE, PRESET, .change = {{PE1, 0, PWSNP}, {FS1, 0, D}},
     .reason = 0x90, .expect = {{FS1, 0, D}}},
    {"unsnooped, D clear, read, 3.10", N, READ, PRESET,
     .change = {{PE1, 0, PWSNP}, {FS1, 0, D}}},
    {"unsnooped A update at the leaf alone, SFS.9", N, READ, PRESET,
     .change = {{PE1, 0, PWSNP}, {FS1, 0, A}}, .reason = 0x90},
    {"unsnooped EA update, SFS.9", N, READ, PRESET,
     .change = {{PE1, 0, PWSNP}, {PE2, EAFE, 0}}, .reason = 0x90},
    {"SMPWCS=0 is unsnooped, SFS.9", N, READ, .ecap_clear = 1ull << 48,
     .change = {{PE1, 0, PWSNP}}, .reason = 0x90},
    {"failing A update, SFS.10", N, READ, .no_update = FS1, .reason = 0x91},
    {"failing A update in the root table, SFS.10", N, READ, .no_update = FS4, .reason = 0x91},
    {"failing D update, SFS.10", N, WRITE, PRESET, .change = {{FS1, 0, D}}, .no_update = FS1,
     .reason = 0x91},

    /* Widths, SPT.4.4, SFS.5, SGN.1 */
    {"FSPTPTR at the first address beyond 39 bits, SPT.4.4", N, READ,
     .options = {.ss_levels = 3}, .change = {{PE2, 1ull << 39, 0}}, .reason = 0x5b},
    {"FSPTPTR with the last bit of 39, SPT.4.4 not met", N, READ, .options = {.ss_levels = 3},
     .change = {{PE2, 1ull << 38, 0}}, .reason = 0x79},
    {"FSPTPTR beyond MGAW, AW larger, SPT.4.4", N, READ, .cap_clear = MGAW,
     .cap_set = 39ull << 16, .change = {{PE2, 1ull << 40, 0}}, .reason = 0x5b},
    {"FSPTPTR with the last bit of MGAW, SPT.4.4 not met", N, READ, .cap_clear = MGAW,
     .cap_set = 39ull << 16, .change = {{PE2, 1ull << 39, 0}}, .reason = 0x79},
    {"PML4E address beyond AW, SFS.5", N, READ, .options = {.ss_levels = 3},
     .change = {{FS4, 1ull << 39, 0}}, .reason = 0x74},
    {"PDPE address beyond AW, SFS.5", N, READ, .options = {.ss_levels = 3},
     .change = {{FS3, 1ull << 40, 0}}, .reason = 0x74},
    {"PDE address beyond AW, SFS.5", N, READ, .options = {.ss_levels = 3},
     .change = {{FS2, 1ull << 47, 0}}, .reason = 0x74},
    {"PTE address beyond AW, SFS.5", N, READ, .options = {.ss_levels = 3},
     .change = {{FS1, 1ull << 39, 0}}, .reason = 0x74},
    {"PTE address with the last bit of AW, SFS.5 not met", N, READ, .options = {.ss_levels = 3},
     .change = {{FS1, 1ull << 38, 0}}, .reason = 0x79},
    {"PTE address beyond MGAW, SFS.5", N, READ, .cap_clear = MGAW, .cap_set = 39ull << 16,
     .change = {{FS1, 1ull << 40, 0}}, .reason = 0x74},
    {"1G page beyond AW, SFS.5", N, READ, .options = {.fs_leaf = 3, .ss_levels = 3},
     .change = {{FS3, 1ull << 39, 0}}, .reason = 0x74},
    {"reserved bits before width, 3.6", N, READ, .options = {.ss_levels = 3},
     .change = {{FS1, 1ull << 48 | 1ull << 39, 0}}, .reason = 0x72},
    {"bit 47 without 63:48, SGN.1", N, READ, .addr_xor = 1ull << 47, .reason = 0x80},
    {"bit 63 alone, SGN.1", N, READ, .addr_xor = 1ull << 63, .reason = 0x80},
    {"upper canonical half is canonical, 3.6", N, READ, .addr_xor = 0xffff8ull << 44,
     .reason = 0x71},
    {"5 levels: bit 56 alone, SGN.1", N, READ, .options = {.fs_levels = 5},
     .addr_xor = 1ull << 56, .reason = 0x80},
    {"5 levels: bit 55 is an index, 3.6", N, READ, .options = {.fs_levels = 5},
     .addr_xor = 1ull << 55, .reason = 0x71},
    {"5 levels without FS5LP, SPT.4.3", N, READ, .options = {.fs_levels = 5},
     .cap_clear = 1ull << 60, .reason = 0x5b},

    /* Encodings of the PASID entry, SPT.4 */
    {"NEST=0, SPT.4.2", N, READ, .ecap_clear = 1u << 26, .reason = 0x5b},
    {"AW=0, SPT.4.1", N, READ, .change = {{PE0, 0, 7u << 2}}, .reason = 0x5b},
    {"AW=4, SPT.4.1", N, READ, .change = {{PE0, 4u << 2, 7u << 2}}, .reason = 0x5b},
    {"AW=7, SPT.4.1", N, READ, .change = {{PE0, 7u << 2, 0}}, .reason = 0x5b},
    {"AW=2 without SAGAW bit 2, SPT.4.1", N, READ, .cap_clear = 4u << 8, .reason = 0x5b},
    {"AW=3 without SAGAW bit 3, SPT.4.1", N, READ, .options = {.ss_levels = 5, .haw = 52},
     .cap_clear = 8u << 8, .reason = 0x5b},
    {"AW=1 without SAGAW bit 1, SPT.4.1", N, READ, .options = {.ss_levels = 3},
     .cap_clear = 2u << 8, .reason = 0x5b},
    {"FSPM=2, SPT.4.3", N, READ, .change = {{PE2, 2u << 2, 0}}, .reason = 0x5b},
    {"FSPM=3, SPT.4.3", N, READ, .change = {{PE2, 3u << 2, 0}}, .reason = 0x5b},

    /* Access errors, SFS.1, SFS.4, SSS.1, SSS.4 */
    {"root table of the first stage unreadable, SFS.4", N, READ, .hole = FS4, .reason = 0x73},
    {"PDP table unreadable, SFS.1", N, READ, .hole = FS3, .reason = 0x70},
    {"page directory unreadable, SFS.1", N, READ, .hole = FS2, .reason = 0x70},
    {"page table unreadable, SFS.1", N, READ, .hole = FS1, .reason = 0x70},
    {"root table of the second stage unreadable, SSS.4", N, READ, .hole = SS4, .reason = 0x7b},
    {"final SS-PDP table unreadable, SSS.1", N, READ, .hole = SS3, .reason = 0x78},
    {"final SS page table unreadable, SSS.1", N, READ, .hole = SS1, .reason = 0x78},
    {"tables' SS page table unreadable, SSS.1", N, READ, .hole = SP1, .reason = 0x78},

    /* Interrupt range, 3.15, SGN.8 */
    {"output in FEEx_xxxx, SGN.8.1", N, WRITE, .change = {{SS1, 0xfee00000u, 0}},
     .reason = 0x87},
    {"the last page of FEEx_xxxx, SGN.8.1", N, READ, .change = {{SS1, 0xfeeff000u, 0}},
     .reason = 0x87},
    {"a GPA in FEEx_xxxx is not yet an output, 3.15", N, READ,
     .change = {{FS1, 0xfee00000u, 0x8040201000u}}, .reason = 0x79},
    {"with PASID, FEEx_xxxx is an ordinary input, 3.15", N, .request = {
     .op = MODEL_WRITE, .has_pasid = true, .pasid = 3, .addr = 0xfee00000u}, .reason = 0x71},

    /* Other PASIDs and suppression, 9.4, 7.1.1 */
    {"PASID 3, 9.6", N, USER_WRITE},
    {"the largest PASID of PDTS 7, 9.4", N, .options = {.pdts = 7},
     .request = {.op = MODEL_WRITE, .has_pasid = true, .pasid = 0xfffff}},
    {"PASID 12345h with PDTS 4, 9.4", N, .options = {.pdts = 4},
     .request = {.op = MODEL_WRITE, .has_pasid = true, .pasid = 0x12345}},
    {"RID_PASID 5, 9.4", N, WRITE, .options = {.rid_pasid = 5}},
    {"FPD in the PASID entry hides 79h, 7.1.1", N, READ,
     .change = {{PE0, 2, 0}, {SS1, 0, SR | SW}}, .reason = 0x79, .unrecorded = true},
    {"FPD in the PASID entry hides 77h, 7.1.1", N, READ,
     .change = {{PE0, 2, 0}, {SP1, 0, SW}}, .reason = 0x77, .unrecorded = true},
    {"FPD in the context entry hides 71h, 7.1.1", N, READ,
     .change = {{CTX0, 2, 0}, {FS1, 0, 1}}, .reason = 0x71, .unrecorded = true},

    /* Erratum 772415 (SPR17): A, D, EA are set although the table's page is read-only */
    {"erratum: A in a read-only page table", N, READ, .erratum = true,
     .change = {{SP1, 0, SW}}, .expect = {{FS1, A, D}}},
    {"erratum: A in a read-only root table", N, READ, .erratum = true,
     .change = {{SP4, 0, SW}}, .expect = {{FS4, A, D}}},
    {"erratum: D in a read-only page table", N, WRITE, .erratum = true,
     .change = {{SP1, 0, SW}}, .expect = {{FS1, A | D, 0}}},
    {"erratum: EA in a read-only page table", N, READ, .erratum = true,
     .change = {{SP1, 0, SW}, {PE2, EAFE, 0}}, .expect = {{FS1, A | EA, D}}},
    {"erratum: read-only by a non-leaf entry", N, READ, .erratum = true,
     .change = {{ST2, 0, SW}}, .expect = {{FS1, A, 0}}},
    {"erratum needs PWSNP=1", N, READ, .erratum = true,
     .change = {{SP1, 0, SW}, {PE1, 0, PWSNP}}, .reason = 0x90, .expect = {{FS1, 0, A}}},
    {"erratum does not write the final page", N, WRITE, .erratum = true,
     .change = {{SS1, 0, SW}}, .reason = 0x85},
    {"erratum does not read what has no R", N, READ, .erratum = true, PRESET,
     .change = {{SP1, 0, SR}}, .reason = 0x76},
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
    return _cmocka_run_group_tests("nested", tests, COUNT, NULL, NULL);
}
