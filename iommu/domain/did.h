/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Domain ids of a unit, and who uses which (VT-d 6.2.3.1). Hardware tags what it caches
 * with {DID, address} for the second stage and with {DID, PASID, address} for the first, so:
 *
 *  - an id stands for one second stage only;
 *  - entries of second-stage-only and of nested kind never share one;
 *  - under a nested id, a PASID has one first-stage table. A guest's domain gets one host id
 *    a unit, and another only when a PASID would meet a second table there; DID_SPLITS at most;
 *  - a first-stage table over one second stage has one FSPM and one EAFE, whoever walks it (first_stage.h).
 *
 * An id is invalidated as a whole before it is given to anyone else.
 */
#ifndef NESTOR_IOMMU_DOMAIN_DID_H
#define NESTOR_IOMMU_DOMAIN_DID_H

#include "iommu/base/keymap.h"
#include "iommu/base/limit.h"
#include "iommu/base/spinlock.h"
#include "iommu/domain/first_stage.h"
#include "iommu/vtd/vtd.h"

enum { DID_SPLITS = 4, DID_UNITS = 1024 };

/* What is known of a unit here. Its lock comes before those of second stages. */
struct did_unit {
    struct spinlock lock;
    struct vtd_unit *unit;
    u32 pins;                    /* callers between did_unit_get() and did_unit_put() */
    u64 *bitmap;                 /* ids in use */
    hpa_t bitmap_at;
    u32 hint;                    /* the last id given */
    u32 ids;                     /* in use */
    struct limit exhausted, too_many_tables;
    struct keymap heads;         /* struct did by second stage, or by guest domain */
    struct keymap tables;        /* struct did_table by (id, PASID) */
    struct keymap attachments;
    struct vtd_unit_info info;
};

/* What uses a second stage; part of its domain. */
struct did_users {
    struct spinlock lock;
    u32 serial;                  /* names the second stage in keys; never used twice */
    struct did *first;           /* every (unit, id) whose entries lead to it, linked by next_user */
    struct first_stages first_stages;
};

struct did {
    struct keymap_node node;     /* in heads; only the first of a guest domain */
    struct did *next_split;
    struct did_unit *unit;
    struct did_users *users_of;  /* the second stage under all its entries */
    struct did *next_user;
    struct did **link_to_user;
    u32 users;
    u16 id;
};

/* The first-stage table that a PASID has under an id. */
struct did_table {
    struct keymap_node node;
    struct did *did;
    struct first_stage *first_stage;
    u32 users;
};

/*
 * The record of a unit, locked; made when first asked for, gone with its last id. ERR_UNSUPPORTED
 * for a unit that cannot have one, ERR_BUSY when another one has its index.
 */
must_use enum result did_unit_get(struct vtd_unit *unit, struct did_unit **out);
void did_unit_put(struct did_unit *u);

/* The calls below are made between these two. ERR_NO_DOMAIN_ID, ERR_NO_MEMORY change nothing. */
/* The id of second-stage-only entries on that second stage. */
must_use enum result did_take(struct did_unit *u, struct did_users *users, struct did **out);
void did_give(struct did *did);

/*
 * A first-stage table of that guest domain for a PASID. ERR_DID_CONFLICT after DID_SPLITS ids,
 * ERR_FIRST_STAGE_CONFLICT.
 */
struct did_request {
    struct did_users *users;
    u32 partition, pasid;
    u16 guest_did;
    struct first_stage_config first_stage;
};
must_use enum result did_take_table(struct did_unit *u, const struct did_request *request, struct did_table **out);
void did_give_table(struct did_table *table);

#endif
