/*
 * Domain ids of a unit, and who uses which (VT-d 6.2.3.1). Hardware tags what it caches
 * with {DID, address} for the second stage and with {DID, PASID, address} for the first, so:
 *
 *  - an id stands for one second stage only;
 *  - entries of second-stage-only and of nested kind never share one;
 *  - under a nested id, a PASID has one first-stage table. A guest's domain gets one host id
 *    a unit, and another only when a PASID would meet a second table there; DID_SPLITS at most;
 *  - a first-stage table over one second stage has one FSPM and one EAFE, whoever walks it.
 *
 * An id is invalidated as a whole before it is given to anyone else.
 */
#ifndef NESTOR_IOMMU_DOMAIN_DID_H
#define NESTOR_IOMMU_DOMAIN_DID_H

#include "iommu/domain/domain.h"
#include "iommu/base/keymap.h"
#include "iommu/base/spinlock.h"

enum { DID_SPLITS = 4, DID_UNITS = 1024 };

/* What is known of a unit here. The lock comes before those of domains. */
struct did_unit {
    struct spinlock lock;
    struct vtd_unit *unit;
    struct vtd_unit_info info;
    u32 pins;                    /* callers between did_unit_get() and did_unit_put() */
    u64 *bitmap;                 /* ids in use */
    hpa_t bitmap_at;
    u32 hint;                    /* the last id given */
    u32 ids;                     /* in use */
    struct keymap heads;         /* struct did by domain, or by guest domain */
    struct keymap tables;        /* struct did_table by (id, PASID) */
    struct keymap attachments;
};

struct did {
    struct keymap_node node;     /* in heads; only the first of a guest domain */
    struct did *next_split;
    struct did_unit *unit;
    struct domain *domain;       /* the second stage under all its entries */
    struct did *next_of_domain;
    struct did **link_of_domain;
    u32 users;
    u16 id;
};

/* A first-stage table over one second stage, on one unit. */
struct did_first_stage {
    struct keymap_node node;     /* in the domain's first_stages */
    struct domain *domain;
    u32 users;                   /* tables of PASIDs that it is */
    u16 width;
    bool eafe;
};

/* The first-stage table that a PASID has under an id. */
struct did_table {
    struct keymap_node node;
    struct did *did;
    struct did_first_stage *first_stage;
    u32 users;
};

/*
 * The record of a unit, locked; made when first asked for, gone with its last id. ERR_UNSUPPORTED
 * for a unit that cannot have one, ERR_BUSY when another one has its index.
 */
must_use enum result did_unit_get(struct vtd_unit *unit, struct did_unit **out);
void did_unit_put(struct did_unit *u);

/* The calls below are made between these two. ERR_NO_DOMAIN_ID, ERR_NO_MEMORY change nothing. */
/* The id of second-stage-only entries on d. */
must_use enum result did_take(struct did_unit *u, struct domain *d, struct did **out);
void did_give(struct did *did);

/*
 * A first-stage table of that guest domain for a PASID. ERR_DID_CONFLICT after DID_SPLITS ids,
 * ERR_FIRST_STAGE_CONFLICT when the table is in use with another width or EAFE.
 */
struct did_request {
    struct domain *parent;
    u32 partition, pasid;
    u16 guest_did;
    u64 fs_root;
    u16 fs_width;
    bool eafe;
};
must_use enum result did_take_table(struct did_unit *u, const struct did_request *request,
                                    struct did_table **out);
void did_give_table(struct did_table *table);

must_use enum result did_first_stage_take(struct did_unit *u, const struct did_request *request,
                                          struct did_first_stage **out);
void did_first_stage_give(struct did_first_stage *fs);

#endif
