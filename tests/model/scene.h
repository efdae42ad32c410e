/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One device, one address, one page: every structure between them built once, in the simplest valid
 * form, so that a test case is one line that changes some bits and names the fault reason. Words
 * are written as VT-d chapter 9 prints them.
 *
 * No entry serves two purposes: the final page has its own second-stage entries at every level,
 * separate from those that lead to the first-stage tables.
 */
#ifndef NESTOR_MODEL_SCENE_H
#define NESTOR_MODEL_SCENE_H

#include "tests/model/rig.h"

#define SCENE_SID 0x0108u       /* 01:01.0, lower context table */
#define SCENE_SID_UPPER 0x0188u /* 01:11.0, upper context table */
#define SCENE_DID 0x21u

enum scene_mode {
    LEGACY_SECOND, LEGACY_PASS, SCALABLE_FIRST, SCALABLE_SECOND, SCALABLE_NESTED, SCALABLE_PASS,
};

/* Where an entry is. FSn: first stage, level n; SSn: second stage of the final page; STn:
 * second stage of the first-stage tables (levels shared by all of them); SPn: the SS-PTE of
 * the first-stage table of level n. */
enum place {
    NOWHERE, ROOT0, ROOT1, CTX0, CTX1, CTX2, CTX3, DIR, PE0, PE1, PE2, PE3, PE4, PE5, PE6, PE7,
    FS1, FS2, FS3, FS4, FS5, SS1, SS2, SS3, SS4, SS5, ST2, ST3, ST4, ST5,
    SP1, SP2, SP3, SP4, SP5, PLACES
};

struct scene_options {
    unsigned fs_levels;     /* 4 when 0 */
    unsigned ss_levels;     /* 4 when 0 */
    unsigned fs_leaf;       /* level of the leaf: 1 when 0 */
    unsigned ss_leaf;       /* of the final page */
    unsigned haw;           /* 48 when 0 */
    unsigned pdts;
    uint32_t rid_pasid;     /* in the context entry */
    uint16_t sid;           /* SCENE_SID when 0 */
    bool ad_preset;         /* A and D already 1 in the first stage */
};

struct change {
    enum place at;
    uint64_t set, clear;
};

struct scene_case {
    const char *name;       /* ends with the section that decides it */
    enum scene_mode mode;
    struct scene_options options;
    uint64_t cap_set, cap_clear, ecap_set, ecap_clear;
    uint32_t ver;           /* RIG_VER when 0 */
    bool erratum;
    struct change change[12];
    struct model_request request; /* sid and addr 0: the scene's; len 0: 8 bytes */
    uint64_t addr_xor;      /* changes the address */
    bool zero_length;
    enum place hole;        /* the page that holds this entry answers no access */
    enum place no_update;   /* ... answers reads, but no atomic update */
    unsigned reason;        /* expected; 0: the access is done */
    bool elsewhere;         /* done, but at another place than the scene's page */
    bool unrecorded;        /* refused, but no record (FPD) */
    struct change expect[6]; /* afterwards: set bits are 1, clear bits are 0 */
};

struct scene {
    struct rig *rig;
    uint64_t place[PLACES]; /* host addresses; 0: not part of this scene */
    uint64_t addr;          /* what the device uses */
    uint64_t gpa;           /* after the first stage */
    uint64_t hpa;           /* the byte it reaches */
    uint64_t rtaddr;
    uint64_t fs_gpa[6];     /* of the first-stage table of each level */
    struct model_request request;
};

struct scene scene_build(const struct model_config *config, enum scene_mode mode,
                         const struct scene_options *options, const struct model_request *request);
void scene_change(struct scene *scene, enum place at, uint64_t set, uint64_t clear);
void scene_destroy(struct scene *scene);

/*
 * Runs a case: builds, changes, enables, accesses. NULL if everything is as expected, else what was not (static
 * text). Also checks that a refused access moved nothing, that the record is complete, and that
 * model_translate() predicted it.
 */
const char *scene_run(const struct scene_case *c);

#endif
