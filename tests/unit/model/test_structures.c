/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Every bit of every structure the unit reads, one case per bit: reserved ones refuse with
 * exactly the reason of VT-d Table 30, ignored ones change nothing. The lists are written
 * from VT-d chapter 9 (sections in the names), not from the model.
 */
#include "tests/model/scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct line {
    const char *name;
    enum scene_mode mode;
    struct scene_options options;
    enum place at;
    unsigned hi, lo;
    unsigned reason;        /* 0: ignored */
    uint64_t cap_set, cap_clear, ecap_clear;
    struct change also;
};

#define DT (1ull << 2)
#define PT (1ull << 6)
#define SC (1ull << 7)
#define MTS (1ull << 25)
#define NEST (1ull << 26)
#define PRS (1ull << 29)
#define SRS (1ull << 31)
#define EAFS (1ull << 34)
#define PASID (1ull << 40)
#define SSADS (1ull << 45)
#define SSTS (1ull << 46)
#define FSTS (1ull << 47)
#define SMPWCS (1ull << 48)
#define RPS (1ull << 49)
#define RPRIVS (1ull << 53)
#define PTRS (1ull << 56)
#define UPPER {.sid = SCENE_SID_UPPER}
#define ND_8BIT .cap_clear = 7, .cap_set = 2

static const struct line lines[] = {
    /* Legacy root entry, 9.1 */
    {"9.1 root 11:1", LEGACY_SECOND, {0}, ROOT0, 11, 1, .reason = 0x0a},
    {"9.1 root 63:HAW", LEGACY_SECOND, {0}, ROOT0, 63, 48, .reason = 0x0a},
    {"9.1 root 127:64", LEGACY_SECOND, {0}, ROOT1, 63, 0, .reason = 0x0a},
    /* Legacy context entry, 9.3 */
    {"9.3 context 11:4", LEGACY_SECOND, {0}, CTX0, 11, 4, .reason = 0x0b},
    {"9.3 context 63:HAW", LEGACY_SECOND, {0}, CTX0, 63, 48, .reason = 0x0b},
    {"9.3 context 71", LEGACY_SECOND, {0}, CTX1, 7, 7, .reason = 0x0b},
    {"9.3 context 127:88", LEGACY_SECOND, {0}, CTX1, 63, 24, .reason = 0x0b},
    {"9.3 context 70:67 ignored", LEGACY_SECOND, {0}, CTX1, 6, 3, .reason = 0},
    {"9.3 context DID above 8 bits", LEGACY_SECOND, {0}, CTX1, 23, 16, .reason = 0x0b, ND_8BIT},
    {"9.3 pass-through 11:4", LEGACY_PASS, {0}, CTX0, 11, 4, .reason = 0x0b},
    {"9.3 pass-through SSPTPTR ignored", LEGACY_PASS, {0}, CTX0, 63, 12, .reason = 0},
    {"9.3 pass-through 127:88", LEGACY_PASS, {0}, CTX1, 63, 24, .reason = 0x0b},
    /* Scalable root entry, 9.2: the half that is not present is ignored */
    {"9.2 lower 11:1", SCALABLE_PASS, {0}, ROOT0, 11, 1, .reason = 0x3a},
    {"9.2 lower 63:HAW", SCALABLE_PASS, {0}, ROOT0, 63, 48, .reason = 0x3a},
    {"9.2 upper absent, ignored", SCALABLE_PASS, {0}, ROOT1, 63, 1, .reason = 0},
    {"9.2 upper present 11:1", SCALABLE_PASS, {0}, ROOT1, 11, 1,
     .reason = 0x3a, .also = {ROOT1, 1, 0}},
    {"9.2 upper present 63:HAW", SCALABLE_PASS, {0}, ROOT1, 63, 48,
     .reason = 0x3a, .also = {ROOT1, 1, 0}},
    {"9.2 device 17: upper 11:1", SCALABLE_PASS, UPPER, ROOT1, 11, 1, .reason = 0x3a},
    {"9.2 device 17: upper 63:HAW", SCALABLE_PASS, UPPER, ROOT1, 63, 48, .reason = 0x3a},
    {"9.2 device 17: lower absent, ignored", SCALABLE_PASS, UPPER, ROOT0, 63, 1, .reason = 0},
    {"9.2 device 17: lower present 11:1", SCALABLE_PASS, UPPER, ROOT0, 11, 1, .reason = 0x3a,
     .also = {ROOT0, 1, 0}},
    {"9.2 device 17: lower present 63:HAW", SCALABLE_PASS, UPPER, ROOT0, 63, 48, .reason = 0x3a,
     .also = {ROOT0, 1, 0}},
    /* Scalable context entry, 9.4 */
    {"9.4 context 8:7", SCALABLE_PASS, {0}, CTX0, 8, 7, .reason = 0x42},
    {"9.4 context 63:HAW", SCALABLE_PASS, {0}, CTX0, 63, 48, .reason = 0x42},
    {"9.4 context 127:85", SCALABLE_PASS, {0}, CTX1, 63, 21, .reason = 0x42},
    {"9.4 context 191:128", SCALABLE_PASS, {0}, CTX2, 63, 0, .reason = 0x42},
    {"9.4 context 255:192", SCALABLE_PASS, {0}, CTX3, 63, 0, .reason = 0x42},
    {"9.4 HPTE without HPTS", SCALABLE_PASS, {0}, CTX0, 5, 5, .reason = 0x42},
    {"9.4 DTE without DT", SCALABLE_PASS, {0}, CTX0, 2, 2, .reason = 0x42, .ecap_clear = DT},
    {"9.4 PASIDE without PASID", SCALABLE_PASS, {0}, CTX0, 3, 3,
     .reason = 0x42, .ecap_clear = PASID},
    {"9.4 PRE without PRS", SCALABLE_PASS, {0}, CTX0, 4, 4, .reason = 0x42, .ecap_clear = PRS},
    {"9.4 EPTR without PTRS", SCALABLE_PASS, {0}, CTX0, 6, 6, .reason = 0x42, .ecap_clear = PTRS},
    {"9.4 RID_PASID without RPS", SCALABLE_PASS, {0}, CTX1, 19, 0,
     .reason = 0x42, .ecap_clear = RPS},
    {"9.4 RID_PRIV without RPRIVS", SCALABLE_PASS, {0}, CTX1, 20, 20, .reason = 0x42,
     .ecap_clear = RPRIVS},
    {"9.4 DTE with DT", SCALABLE_PASS, {0}, CTX0, 2, 2, .reason = 0},
    {"9.4 PASIDE is nothing to a request without PASID", SCALABLE_PASS, {0}, CTX0, 3, 3,
     .reason = 0},
    {"9.4 PDTS may grow", SCALABLE_PASS, {0}, CTX0, 11, 9, .reason = 0},
    {"9.4 device 17: context 8:7", SCALABLE_PASS, UPPER, CTX0, 8, 7, .reason = 0x42},
    /* PASID directory entry, 9.5 */
    {"9.5 directory 11:2", SCALABLE_PASS, {0}, DIR, 11, 2, .reason = 0x52},
    {"9.5 directory 63:HAW", SCALABLE_PASS, {0}, DIR, 63, 48, .reason = 0x52},
    /* PASID table entry, 9.6 */
    {"9.6 PASID entry 5", SCALABLE_NESTED, {0}, PE0, 5, 5, .reason = 0x5a},
    {"9.6 PASID entry 11:10", SCALABLE_NESTED, {0}, PE0, 11, 10, .reason = 0x5a},
    {"9.6 PASID entry 63:HAW", SCALABLE_NESTED, {0}, PE0, 63, 48, .reason = 0x5a},
    {"9.6 PASID entry 86:80", SCALABLE_NESTED, {0}, PE1, 22, 16, .reason = 0x5a},
    {"9.6 PASID entry 95:91", SCALABLE_NESTED, {0}, PE1, 31, 27, .reason = 0x5a},
    {"9.6 PASID entry 129", SCALABLE_NESTED, {0}, PE2, 1, 1, .reason = 0x5a},
    {"9.6 PASID entry 139:136", SCALABLE_NESTED, {0}, PE2, 11, 8, .reason = 0x5a},
    {"9.6 PASID entry 191:HAW+128", SCALABLE_NESTED, {0}, PE2, 63, 48, .reason = 0x5a},
    {"9.6 PASID entry 255:192", SCALABLE_NESTED, {0}, PE3, 63, 0, .reason = 0x5a},
    {"9.6 PASID entry 319:256 without HPTS", SCALABLE_NESTED, {0}, PE4, 63, 0, .reason = 0x5a},
    {"9.6 PASID entry 383:320 without HPTS", SCALABLE_NESTED, {0}, PE5, 63, 0, .reason = 0x5a},
    {"9.6 PASID entry 447:384", SCALABLE_NESTED, {0}, PE6, 63, 0, .reason = 0x5a},
    {"9.6 PASID entry 511:448", SCALABLE_NESTED, {0}, PE7, 63, 0, .reason = 0x5a},
    {"9.6 DID above 8 bits", SCALABLE_NESTED, {0}, PE1, 15, 8, .reason = 0x5a, ND_8BIT},
    {"9.6 134:133 ignored", SCALABLE_NESTED, {0}, PE2, 6, 5, .reason = 0},
    {"9.6 PAT with MTS", SCALABLE_NESTED, {0}, PE1, 63, 32, .reason = 0},
    {"9.6 CD, EMTE with MTS", SCALABLE_NESTED, {0}, PE1, 26, 25, .reason = 0},
    {"9.6 PGSNP with SC", SCALABLE_NESTED, {0}, PE1, 24, 24, .reason = 0},
    {"9.6 PGSNP without SC", SCALABLE_NESTED, {0}, PE1, 24, 24, .reason = 0x5a, .ecap_clear = SC},
    {"9.6 CD, EMTE without MTS", SCALABLE_NESTED, {0}, PE1, 26, 25,
     .reason = 0x5a, .ecap_clear = MTS},
    {"9.6 PAT without MTS", SCALABLE_NESTED, {0}, PE1, 63, 32, .reason = 0x5a, .ecap_clear = MTS},
    {"9.6 SSADE without SSADS", SCALABLE_NESTED, {0}, PE0, 9, 9,
     .reason = 0x5a, .ecap_clear = SSADS},
    {"9.6 SRE without SRS", SCALABLE_NESTED, {0}, PE2, 0, 0, .reason = 0x5a, .ecap_clear = SRS},
    {"9.6 EAFE without EAFS", SCALABLE_NESTED, {0}, PE2, 7, 7, .reason = 0x5a, .ecap_clear = EAFS},
    {"9.6 PWSNP without SMPWCS", SCALABLE_PASS, {0}, PE1, 23, 23,
     .reason = 0x5a, .ecap_clear = SMPWCS},
    {"9.6 AW without SSTS", SCALABLE_FIRST, {0}, PE0, 4, 2,
     .reason = 0x5a, .ecap_clear = SSTS | NEST},
    {"9.6 SSADE without SSTS", SCALABLE_FIRST, {0}, PE0, 9, 9,
     .reason = 0x5a, .ecap_clear = SSTS | NEST},
    {"9.6 SSPTPTR without SSTS", SCALABLE_FIRST, {0}, PE0, 47, 12, .reason = 0x5a,
     .ecap_clear = SSTS | NEST},
    {"9.6 FSPM without FSTS", SCALABLE_SECOND, {0}, PE2, 3, 2,
     .reason = 0x5a, .ecap_clear = FSTS | NEST},
    {"9.6 WPE without FSTS", SCALABLE_SECOND, {0}, PE2, 4, 4,
     .reason = 0x5a, .ecap_clear = FSTS | NEST},
    {"9.6 FSPTPTR without FSTS", SCALABLE_SECOND, {0}, PE2, 47, 12, .reason = 0x5a,
     .ecap_clear = FSTS | NEST},
    /* ... what a PGTT does not use is ignored, 9.6 */
    {"9.6 first-stage: AW ignored", SCALABLE_FIRST, {0}, PE0, 4, 2, .reason = 0},
    {"9.6 first-stage: SSADE ignored", SCALABLE_FIRST, {0}, PE0, 9, 9, .reason = 0},
    {"9.6 first-stage: SSPTPTR ignored", SCALABLE_FIRST, {0}, PE0, 47, 12, .reason = 0},
    {"9.6 first-stage: EMTE ignored", SCALABLE_FIRST, {0}, PE1, 26, 26, .reason = 0},
    {"9.6 second-stage: WPE ignored", SCALABLE_SECOND, {0}, PE2, 4, 4, .reason = 0},
    {"9.6 second-stage: EAFE ignored", SCALABLE_SECOND, {0}, PE2, 7, 7, .reason = 0},
    {"9.6 second-stage: FSPTPTR ignored", SCALABLE_SECOND, {0}, PE2, 47, 12, .reason = 0},
    {"9.6 pass-through: AW ignored", SCALABLE_PASS, {0}, PE0, 4, 2, .reason = 0},
    {"9.6 pass-through: SSADE ignored", SCALABLE_PASS, {0}, PE0, 9, 9, .reason = 0},
    {"9.6 pass-through: SSPTPTR ignored", SCALABLE_PASS, {0}, PE0, 47, 12, .reason = 0},
    {"9.6 pass-through: WPE ignored", SCALABLE_PASS, {0}, PE2, 4, 4, .reason = 0},
    {"9.6 pass-through: EAFE ignored", SCALABLE_PASS, {0}, PE2, 7, 7, .reason = 0},
    {"9.6 pass-through: FSPTPTR ignored", SCALABLE_PASS, {0}, PE2, 47, 12, .reason = 0},
    {"9.6 pass-through: EMTE ignored", SCALABLE_PASS, {0}, PE1, 26, 26, .reason = 0},
    {"9.6 pass-through: 63:HAW stays reserved", SCALABLE_PASS, {0}, PE0, 63, 48, .reason = 0x5a},
    {"9.6 pass-through: 191:HAW+128 stays reserved", SCALABLE_PASS, {0}, PE2, 63, 48,
     .reason = 0x5a},
    /* First-stage entries, 9.7 (Tables 34 to 40) */
    {"9.7 PML5E PS", SCALABLE_FIRST, {.fs_levels = 5}, FS5, 7, 7, .reason = 0x72},
    {"9.7 PML5E 51:HAW", SCALABLE_FIRST, {.fs_levels = 5}, FS5, 51, 48, .reason = 0x72},
    {"9.7 PML5E 63:52 ignored", SCALABLE_FIRST, {.fs_levels = 5}, FS5, 63, 52, .reason = 0},
    {"9.7 PML5E 4:3 ignored", SCALABLE_FIRST, {.fs_levels = 5}, FS5, 4, 3, .reason = 0},
    {"9.7 PML5E 6 ignored", SCALABLE_FIRST, {.fs_levels = 5}, FS5, 6, 6, .reason = 0},
    {"9.7 PML5E 11:8 ignored", SCALABLE_FIRST, {.fs_levels = 5}, FS5, 11, 8, .reason = 0},
    {"9.7 PML4E PS", SCALABLE_FIRST, {0}, FS4, 7, 7, .reason = 0x72},
    {"9.7 PML4E 51:HAW", SCALABLE_FIRST, {0}, FS4, 51, 48, .reason = 0x72},
    {"9.7 PML4E 63:52 ignored", SCALABLE_FIRST, {0}, FS4, 63, 52, .reason = 0},
    {"9.7 PML4E 4:3 ignored", SCALABLE_FIRST, {0}, FS4, 4, 3, .reason = 0},
    {"9.7 PML4E 6 ignored", SCALABLE_FIRST, {0}, FS4, 6, 6, .reason = 0},
    {"9.7 PML4E 11:8 ignored", SCALABLE_FIRST, {0}, FS4, 11, 8, .reason = 0},
    {"9.7 PDPE 51:HAW", SCALABLE_FIRST, {0}, FS3, 51, 48, .reason = 0x72},
    {"9.7 PDPE 63:52 ignored", SCALABLE_FIRST, {0}, FS3, 63, 52, .reason = 0},
    {"9.7 PDPE 6 ignored", SCALABLE_FIRST, {0}, FS3, 6, 6, .reason = 0},
    {"9.7 PDPE 11:8 ignored", SCALABLE_FIRST, {0}, FS3, 11, 8, .reason = 0},
    {"9.7 PDPE 1G 29:13", SCALABLE_FIRST, {.fs_leaf = 3}, FS3, 29, 13, .reason = 0x72},
    {"9.7 PDPE 1G 51:HAW", SCALABLE_FIRST, {.fs_leaf = 3}, FS3, 51, 48, .reason = 0x72},
    {"9.7 PDPE 1G PAT", SCALABLE_FIRST, {.fs_leaf = 3}, FS3, 12, 12, .reason = 0},
    {"9.7 PDPE 1G PWT PCD", SCALABLE_FIRST, {.fs_leaf = 3}, FS3, 4, 3, .reason = 0},
    {"9.7 PDPE 1G G and ignored", SCALABLE_FIRST, {.fs_leaf = 3}, FS3, 11, 8, .reason = 0},
    {"9.7 PDPE 1G 63:52 ignored", SCALABLE_FIRST, {.fs_leaf = 3}, FS3, 63, 52, .reason = 0},
    {"9.7 PDE 51:HAW", SCALABLE_FIRST, {0}, FS2, 51, 48, .reason = 0x72},
    {"9.7 PDE 63:52 ignored", SCALABLE_FIRST, {0}, FS2, 63, 52, .reason = 0},
    {"9.7 PDE 6 ignored", SCALABLE_FIRST, {0}, FS2, 6, 6, .reason = 0},
    {"9.7 PDE 11:8 ignored", SCALABLE_FIRST, {0}, FS2, 11, 8, .reason = 0},
    {"9.7 PDE 2M 20:13", SCALABLE_FIRST, {.fs_leaf = 2}, FS2, 20, 13, .reason = 0x72},
    {"9.7 PDE 2M 51:HAW", SCALABLE_FIRST, {.fs_leaf = 2}, FS2, 51, 48, .reason = 0x72},
    {"9.7 PDE 2M PAT", SCALABLE_FIRST, {.fs_leaf = 2}, FS2, 12, 12, .reason = 0},
    {"9.7 PDE 2M PWT PCD", SCALABLE_FIRST, {.fs_leaf = 2}, FS2, 4, 3, .reason = 0},
    {"9.7 PDE 2M G and ignored", SCALABLE_FIRST, {.fs_leaf = 2}, FS2, 11, 8, .reason = 0},
    {"9.7 PDE 2M 63:52 ignored", SCALABLE_FIRST, {.fs_leaf = 2}, FS2, 63, 52, .reason = 0},
    {"9.7 PTE 51:HAW", SCALABLE_FIRST, {0}, FS1, 51, 48, .reason = 0x72},
    {"9.7 PTE PWT PCD", SCALABLE_FIRST, {0}, FS1, 4, 3, .reason = 0},
    {"9.7 PTE PAT", SCALABLE_FIRST, {0}, FS1, 7, 7, .reason = 0},
    {"9.7 PTE G and ignored", SCALABLE_FIRST, {0}, FS1, 11, 8, .reason = 0},
    {"9.7 PTE 63:52 ignored, XD included", SCALABLE_FIRST, {0}, FS1, 63, 52, .reason = 0},
    {"9.7 nested PTE 51:HAW", SCALABLE_NESTED, {0}, FS1, 51, 48, .reason = 0x72},
    {"9.7 nested PML4E PS", SCALABLE_NESTED, {0}, FS4, 7, 7, .reason = 0x72},
    /* Second-stage entries, 9.8 (Tables 41 to 47), scalable */
    {"9.8 SS-PML5E PS", SCALABLE_SECOND, {.ss_levels = 5}, SS5, 7, 7, .reason = 0x7a},
    {"9.8 SS-PML5E SNP", SCALABLE_SECOND, {.ss_levels = 5}, SS5, 11, 11, .reason = 0x7a},
    {"9.8 SS-PML5E 51:HAW", SCALABLE_SECOND, {.ss_levels = 5}, SS5, 51, 48, .reason = 0x7a},
    {"9.8 SS-PML5E 62", SCALABLE_SECOND, {.ss_levels = 5}, SS5, 62, 62, .reason = 0x7a},
    {"9.8 SS-PML5E 6:2 ignored", SCALABLE_SECOND, {.ss_levels = 5}, SS5, 6, 2, .reason = 0},
    {"9.8 SS-PML5E 10:8 ignored", SCALABLE_SECOND, {.ss_levels = 5}, SS5, 10, 8, .reason = 0},
    {"9.8 SS-PML5E 61:52 ignored", SCALABLE_SECOND, {.ss_levels = 5}, SS5, 61, 52, .reason = 0},
    {"9.8 SS-PML5E 63 ignored", SCALABLE_SECOND, {.ss_levels = 5}, SS5, 63, 63, .reason = 0},
    {"9.8 SS-PML4E PS", SCALABLE_SECOND, {0}, SS4, 7, 7, .reason = 0x7a},
    {"9.8 SS-PML4E SNP", SCALABLE_SECOND, {0}, SS4, 11, 11, .reason = 0x7a},
    {"9.8 SS-PML4E 51:HAW", SCALABLE_SECOND, {0}, SS4, 51, 48, .reason = 0x7a},
    {"9.8 SS-PML4E 62", SCALABLE_SECOND, {0}, SS4, 62, 62, .reason = 0x7a},
    {"9.8 SS-PML4E 6:2 ignored", SCALABLE_SECOND, {0}, SS4, 6, 2, .reason = 0},
    {"9.8 SS-PML4E 10:8 ignored", SCALABLE_SECOND, {0}, SS4, 10, 8, .reason = 0},
    {"9.8 SS-PML4E 61:52 ignored", SCALABLE_SECOND, {0}, SS4, 61, 52, .reason = 0},
    {"9.8 SS-PDPE SNP", SCALABLE_SECOND, {0}, SS3, 11, 11, .reason = 0x7a},
    {"9.8 SS-PDPE 51:HAW", SCALABLE_SECOND, {0}, SS3, 51, 48, .reason = 0x7a},
    {"9.8 SS-PDPE 62", SCALABLE_SECOND, {0}, SS3, 62, 62, .reason = 0x7a},
    {"9.8 SS-PDPE 6:2 ignored", SCALABLE_SECOND, {0}, SS3, 6, 2, .reason = 0},
    {"9.8 SS-PDPE 10:8 ignored", SCALABLE_SECOND, {0}, SS3, 10, 8, .reason = 0},
    {"9.8 SS-PDPE 1G 29:12", SCALABLE_SECOND, {.ss_leaf = 3}, SS3, 29, 12, .reason = 0x7a},
    {"9.8 SS-PDPE 1G 51:HAW", SCALABLE_SECOND, {.ss_leaf = 3}, SS3, 51, 48, .reason = 0x7a},
    {"9.8 SS-PDPE 1G 62", SCALABLE_SECOND, {.ss_leaf = 3}, SS3, 62, 62, .reason = 0x7a},
    {"9.8 SS-PDPE 1G SNP with SC", SCALABLE_SECOND, {.ss_leaf = 3}, SS3, 11, 11, .reason = 0},
    {"9.8 SS-PDPE 1G SNP without SC", SCALABLE_SECOND, {.ss_leaf = 3}, SS3, 11, 11, .reason = 0x7a,
     .ecap_clear = SC},
    {"9.8 SS-PDPE 1G EMT IPAT", SCALABLE_SECOND, {.ss_leaf = 3}, SS3, 6, 3, .reason = 0},
    {"9.8 SS-PDE SNP", SCALABLE_SECOND, {0}, SS2, 11, 11, .reason = 0x7a},
    {"9.8 SS-PDE 51:HAW", SCALABLE_SECOND, {0}, SS2, 51, 48, .reason = 0x7a},
    {"9.8 SS-PDE 62", SCALABLE_SECOND, {0}, SS2, 62, 62, .reason = 0x7a},
    {"9.8 SS-PDE 2M 20:12", SCALABLE_SECOND, {.ss_leaf = 2}, SS2, 20, 12, .reason = 0x7a},
    {"9.8 SS-PDE 2M 51:HAW", SCALABLE_SECOND, {.ss_leaf = 2}, SS2, 51, 48, .reason = 0x7a},
    {"9.8 SS-PDE 2M 62", SCALABLE_SECOND, {.ss_leaf = 2}, SS2, 62, 62, .reason = 0x7a},
    {"9.8 SS-PDE 2M SNP with SC", SCALABLE_SECOND, {.ss_leaf = 2}, SS2, 11, 11, .reason = 0},
    {"9.8 SS-PDE 2M SNP without SC", SCALABLE_SECOND, {.ss_leaf = 2}, SS2, 11, 11, .reason = 0x7a,
     .ecap_clear = SC},
    {"9.8 SS-PTE 51:HAW", SCALABLE_SECOND, {0}, SS1, 51, 48, .reason = 0x7a},
    {"9.8 SS-PTE 62", SCALABLE_SECOND, {0}, SS1, 62, 62, .reason = 0x7a},
    {"9.8 SS-PTE SNP with SC", SCALABLE_SECOND, {0}, SS1, 11, 11, .reason = 0},
    {"9.8 SS-PTE SNP without SC", SCALABLE_SECOND, {0}, SS1, 11, 11,
     .reason = 0x7a, .ecap_clear = SC},
    {"9.8 SS-PTE 10:2 ignored, PS included", SCALABLE_SECOND, {0}, SS1, 10, 2, .reason = 0},
    {"9.8 SS-PTE 61:52 ignored", SCALABLE_SECOND, {0}, SS1, 61, 52, .reason = 0},
    {"9.8 SS-PTE 63 ignored", SCALABLE_SECOND, {0}, SS1, 63, 63, .reason = 0},
    /* ... the same under nesting, both uses of the second stage */
    {"9.8 nested, final SS-PTE 62", SCALABLE_NESTED, {0}, SS1, 62, 62, .reason = 0x7a},
    {"9.8 nested, final SS-PTE 51:HAW", SCALABLE_NESTED, {0}, SS1, 51, 48, .reason = 0x7a},
    {"9.8 nested, final SS-PDE SNP", SCALABLE_NESTED, {0}, SS2, 11, 11, .reason = 0x7a},
    {"9.8 nested, table's SS-PTE 62", SCALABLE_NESTED, {0}, SP4, 62, 62, .reason = 0x7a},
    {"9.8 nested, table's SS-PTE 51:HAW", SCALABLE_NESTED, {0}, SP2, 51, 48, .reason = 0x7a},
    {"9.8 nested, tables' SS-PML4E PS", SCALABLE_NESTED, {0}, ST4, 7, 7, .reason = 0x7a},
    {"9.8 nested, tables' SS-PDE SNP", SCALABLE_NESTED, {0}, ST2, 11, 11, .reason = 0x7a},
    /* ... and legacy */
    {"9.8 legacy SS-PML4E PS", LEGACY_SECOND, {0}, SS4, 7, 7, .reason = 0x0c},
    {"9.8 legacy SS-PML4E SNP", LEGACY_SECOND, {0}, SS4, 11, 11, .reason = 0x0c},
    {"9.8 legacy SS-PML4E 51:HAW", LEGACY_SECOND, {0}, SS4, 51, 48, .reason = 0x0c},
    {"9.8 legacy SS-PDPE 62", LEGACY_SECOND, {0}, SS3, 62, 62, .reason = 0x0c},
    {"9.8 legacy SS-PDE 2M 20:12", LEGACY_SECOND, {.ss_leaf = 2}, SS2, 20, 12, .reason = 0x0c},
    {"9.8 legacy SS-PTE 51:HAW", LEGACY_SECOND, {0}, SS1, 51, 48, .reason = 0x0c},
    {"9.8 legacy SS-PTE 62", LEGACY_SECOND, {0}, SS1, 62, 62, .reason = 0x0c},
    {"9.8 legacy SS-PTE EMT IPAT A D ignored", LEGACY_SECOND, {0}, SS1, 10, 2, .reason = 0},
};

struct bit_case {
    struct scene_case scene;
    char name[96];
};

static void run_bit(void **state)
{
    const struct bit_case *c = *state;
    const char *wrong = scene_run(&c->scene);
    if (wrong != NULL) {
        fail_msg("%s: %s", c->name, wrong);
    }
}

static struct bit_case make(const struct line *line, unsigned bit)
{
    struct bit_case c = {.scene = {
        .mode = line->mode, .options = line->options, .cap_set = line->cap_set,
        .cap_clear = line->cap_clear, .ecap_clear = line->ecap_clear, .reason = line->reason,
        .change = {{line->at, 1ull << bit, 0}, line->also},
    }};
    (void)snprintf(c.name, sizeof(c.name), "%s, bit %u", line->name, bit);
    return c;
}

int main(void)
{
    size_t count = 0;
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        count += lines[i].hi - lines[i].lo + 1;
    }
    struct bit_case *cases = calloc(count, sizeof(*cases));
    struct CMUnitTest *tests = calloc(count, sizeof(*tests));
    if (cases == NULL || tests == NULL) {
        return 1;
    }
    size_t n = 0;
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        for (unsigned bit = lines[i].lo; bit <= lines[i].hi; bit++, n++) {
            cases[n] = make(&lines[i], bit);
            tests[n] = (struct CMUnitTest){cases[n].name, run_bit, NULL, NULL, &cases[n]};
        }
    }
    int failed = _cmocka_run_group_tests("structures", tests, n, NULL, NULL);
    free(cases);
    free(tests);
    return failed;
}
