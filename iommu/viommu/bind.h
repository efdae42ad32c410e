/*
 * A decoded guest entry becomes a host entry: nested on the partition's second
 * stage, the second stage alone (the guest's pass-through), or nothing. Deciding is
 * pure; performing writes only what differs. Domain id, SSPTPTR, AW, snoop and
 * memory types are the host's and never come from the guest.
 */
#ifndef NESTOR_IOMMU_VIOMMU_BIND_H
#define NESTOR_IOMMU_VIOMMU_BIND_H

#include "iommu/viommu/walk.h"

enum bind_kind { BIND_BLOCKED, BIND_NESTED, BIND_SECOND_STAGE };

struct bind_plan {
    enum bind_kind kind;
    u16 guest_did;   /* chooses the host's domain id, never is it */
    u32 addr_width;  /* 48 or 57, nested only */
    gpa_t fs_root;
    bool sre, wpe, eafe;
};

struct viommu_binding {
    struct bind_plan plan;
    u32 pasid;
    u16 sid;
    u16 next;        /* of the device, index + 1; or of the free list */
    u16 hash_next;   /* index + 1 */
    u32 seen;        /* the tour of the device's PASIDs that found it in the guest's tables */
    void *host;      /* owned by iommu/viommu/host.c */
};

/* A source-id that the guest lists: its context as announced, and what is bound. */
struct viommu_device {
    struct guest_context context;
    u16 first;       /* binding index + 1 */
    u16 count;
    u32 pages;       /* of the host's tables; owned by iommu/viommu/host.c */
};

/* A guest domain id in use; invalidations of others mean nothing. */
struct viommu_did {
    u16 did;
    u16 uses;
};

enum {
    VIOMMU_BINDINGS_DEFAULT = 1024,
    VIOMMU_BINDINGS_MAX = 8192,
    VIOMMU_DIDS_DEFAULT = 256,
    VIOMMU_DIDS_MAX = 256,
    VIOMMU_TABLE_PAGES_DEFAULT = 4096,
    VIOMMU_TABLE_PAGES_MAX = 65536,
    VIOMMU_BINDINGS_PER_PAGE = 32,
    VIOMMU_BINDING_PAGES = VIOMMU_BINDINGS_MAX / VIOMMU_BINDINGS_PER_PAGE,
    VIOMMU_HASH = 512,
    VIOMMU_HALVES = 512,           /* half buses, the reach of one context table */
    VIOMMU_DEVICES_PER_HALF = 128,
    VIOMMU_SIDS = VIOMMU_HALVES * VIOMMU_DEVICES_PER_HALF,
};

/* A page of the pool: as the CPU sees it, and to give it back. */
struct viommu_page {
    void *ptr;
    hpa_t at;
};

struct viommu_bindings {
    struct viommu_page half[VIOMMU_HALVES];        /* of struct viommu_device */
    u64 known[VIOMMU_SIDS / 64];                   /* source-ids that the guest listed */
    u64 known_halves[VIOMMU_HALVES / 64];          /* halves with a page */
    struct viommu_page page[VIOMMU_BINDING_PAGES]; /* of struct viommu_binding */
    struct viommu_did dids[VIOMMU_DIDS_MAX];
    u16 hash[VIOMMU_HASH];
    u16 free;        /* index + 1 */
    u16 pages;
    u16 count;
    u32 table_pages; /* what the guest's entries cost so far, against the quota */
    u32 tour;        /* number of the tour under way, see viommu_bind_sweep() */
    bool told_quota; /* the one line has been printed */
};

/* What should be in the hardware for a guest entry. Pure. */
void viommu_bind_plan(const struct guest_entry *entry, struct bind_plan *out);
bool viommu_bind_same(const struct bind_plan *a, const struct bind_plan *b);

struct viommu;
/* NULL when the guest never listed it. */
struct viommu_device *viommu_device_find(struct viommu *v, u16 sid);
/* Finds or makes the record; NULL when the page pool is exhausted. */
struct viommu_device *viommu_device_add(struct viommu *v, u16 sid);
/* After its bindings are gone: the guest does not list it any more. */
void viommu_device_forget(struct viommu *v, u16 sid);
/* The first listed source-id at or after sid; VIOMMU_SIDS when there is none. */
u32 viommu_device_next(const struct viommu *v, u32 sid);

/* Makes the hardware's (sid, pasid) agree with the guest's entry; true if it had to change. */
bool viommu_bind_sync(struct viommu *v, struct viommu_device *device, u16 sid, u32 pasid,
                      const struct guest_entry *entry);
/* Removes one binding of the device; false when it has none. */
bool viommu_bind_drop_one(struct viommu *v, struct viommu_device *device);
/*
 * A tour looks at all PASIDs of a device: what viommu_bind_sync() saw since it began stays,
 * the sweep removes the others, so entries that are not present cost nothing. Looks at one
 * binding, *at (0 to begin with), and moves on; false when all were looked at.
 */
void viommu_bind_tour(struct viommu *v);
bool viommu_bind_sweep(struct viommu *v, struct viommu_device *device, u16 *at, bool *changed);

/* Counts an entry that stays blocked for want of room; one line per guest. */
void viommu_bind_tell_quota(struct viommu *v, u16 sid);

/* After everything was dropped: all pages back to the pool. */
void viommu_bindings_free(struct viommu *v);

#endif
