/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The inside of struct viommu, for the files of this folder only: every part of it, each owned by
 * the file it is named after. One lock, taken by the public functions of viommu.c and report.c,
 * covers all of it.
 */
#ifndef NESTOR_IOMMU_VIOMMU_STATE_H
#define NESTOR_IOMMU_VIOMMU_STATE_H

#include "iommu/base/spinlock.h"
#include "iommu/shadow/shadow.h"
#include "iommu/viommu/caps.h"
#include "iommu/viommu/registers.h"
#include "iommu/viommu/viommu.h"
#include "iommu/viommu/walk.h"
#include "iommu/vtd/vtd.h"

/* What a scan reads, see scan.c; command.c and queue.c start them. */
enum scan_kind {
    SCAN_IDLE,
    SCAN_CONTEXTS,  /* every context entry; PASIDs of those that changed */
    SCAN_EVERYTHING,/* every context entry and every PASID */
    SCAN_DEVICE,    /* the contexts of one source-id and its function mask */
    SCAN_PASIDS,    /* every PASID of the devices listed so far */
    SCAN_PASID,     /* one PASID of the devices listed so far */
    SCAN_TEARDOWN,  /* unbind everything, forget all devices */
    SCAN_TABLES,    /* addresses in tables that have shadows */
};

/* --- command.c: what GCMD asked for and is not done yet; the status bit follows when it is --- */

struct viommu_command {
    bool set_root;   /* SRTP: RTPS follows */
    bool restart;    /* the root changed: a scan for an older one is void */
    bool scanning;   /* v->scan works for set_root or translate: */
    enum scan_kind scan_kind;
    u64 scan_root;   /* the active root when it began */
    bool translate;  /* TE is to become te_target */
    bool te_target;
    bool queue_off;  /* QIE 1 -> 0: waits for the descriptor under way */
    bool asked;      /* a command was written: something of all this, or of irt, may be to be done */
    bool contexts;   /* CCMD.ICC, and IOTLB.IVT: these fall when it is done */
    bool addresses;
};

struct viommu_cmd;
struct viommu_fault_event;

/* --- nested.c, shadow.c: what a nested and a shadowed unit do each in its own way --- */

struct bind_plan;
struct viommu_device;
struct viommu_kind {
    enum vtd_ttm ttm;    /* of tables that are read; with any other every request faults */
    const struct cap_contract *caps;
    enum vtd_fault_reason (*root)(const struct walk_config *w, u16 sid, gpa_t *table);
    enum vtd_fault_reason (*context)(const struct walk_config *w, gpa_t table, u16 sid, struct guest_context *out);
    /* What a plan for a guest's table says, to be attached and, attached nowhere, dropped. */
    enum result (*make)(struct viommu *v, const struct bind_plan *plan, void **host);
    enum result (*attach)(struct viommu *v, void *host, u16 sid, u32 pasid);
    enum result (*replace)(struct viommu *v, void *host, u16 sid, u32 pasid);
    enum result (*detach)(struct viommu *v, void *host, u16 sid, u32 pasid);
    void (*drop)(struct viommu *v, const struct bind_plan *plan, void *host);
    /* Binds all of a device whose context is known; false: the budget ended, and it goes on from v->scan. */
    bool (*sync)(struct viommu *v, struct viommu_device *device);
    /* Takes an IOTLB invalidation; true: v->scan is to run first. */
    bool (*announce)(struct viommu *v, const struct viommu_cmd *cmd);
    /* SCAN_TABLES; then what any scan leaves behind. False: the budget ended. */
    bool (*run_tables)(struct viommu *v);
    bool (*tidy)(struct viommu *v);
    /* What a fault of the hardware is to the guest; false: nothing. */
    bool (*fault)(struct viommu *v, const struct viommu_fault_event *event, u8 *reason);
};

/* --- bind.c: what is to stand in the hardware for a guest entry --- */

enum bind_kind { BIND_BLOCKED, BIND_NESTED, BIND_SHADOW, BIND_SECOND_STAGE };

struct bind_plan {
    enum bind_kind kind;
    u16 guest_did;   /* chooses the host's domain id, never is it */
    u32 levels;      /* of the guest's table: first stage of a nested one, second stage of a shadow */
    gpa_t table;     /* of the guest's that these are about */
    bool sre, wpe, eafe;
};

/* --- bindings.c: what does stand there --- */

struct viommu_binding {
    struct bind_plan plan;
    u32 pasid;
    u16 sid;
    u16 next;        /* index + 1: of the device's list, or of the free list */
    u16 hash_next;   /* index + 1 */
    u32 generation;  /* the pass that last found it in the guest's tables */
    void *host;      /* host.c's own */
};

/* A source-id that the guest lists: its context as announced, and what is bound. */
struct viommu_device {
    struct guest_context context;
    u16 first;       /* binding, index + 1 */
    u16 count;
    u32 pages;       /* of the host's tables; host.c's own */
    u32 pasids;      /* that its directory there has room for; host.c's own */
};

enum {
    VIOMMU_BINDINGS_MAX = 8192,
    VIOMMU_TABLE_PAGES_DEFAULT = 1024,
    VIOMMU_TABLE_PAGES_MAX = 65536,
    VIOMMU_BINDINGS_PER_PAGE = 32,
    VIOMMU_BINDING_PAGES = VIOMMU_BINDINGS_MAX / VIOMMU_BINDINGS_PER_PAGE,
    VIOMMU_HASH = 2048,
    VIOMMU_HALVES = 2 * ROOT_ENTRIES, /* half buses, the reach of one context table */
    VIOMMU_DEVICES_PER_HALF = CONTEXT_ENTRIES,
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
    u16 hash[VIOMMU_HASH];
    u16 free;        /* index + 1 */
    u16 pages;
    u16 count;
    u32 table_pages; /* what the guest's entries cost so far, against the quota: */
    u32 from_shared; /* of them from config.shared */
    u32 generation;  /* of the pass under way, see viommu_bind_start_pass() */
};

/* --- scan.c: how far the reading of guest tables has come --- */

/* Where the cursor stands within one device. */
enum scan_stage { STAGE_CONTEXT, STAGE_DROP, STAGE_PASIDS, STAGE_SWEEP, STAGE_TABLES };

struct viommu_scan {
    enum scan_kind kind;
    enum scan_stage stage;
    u32 sid, sid_end;       /* next source-id, one past the last */
    u16 sid_mask;           /* bits of the source-id that SCAN_DEVICE does not compare */
    u16 sid_match;
    u16 sweep;              /* next binding of STAGE_SWEEP, 0 for the first */
    u32 pasid;              /* next PASID of the device, or the one of SCAN_PASID */
    bool table_valid;       /* the context table of the half bus that sid is in, where */
    bool some_foreign;      /* not all source-ids are the partition's */
    enum vtd_fault_reason table_reason;
    gpa_t table;
    struct guest_context context; /* decoded, to be taken over once the old one is gone */
    u64 at;                 /* next address of the table that is read; of SCAN_TABLES, in each from `from` to `end`: */
    u64 from, end;
    u32 guest_did;          /* whose tables these are, or SHADOW_ALL */
    u32 serial;             /* of the last shadow that is done */
};

/* --- irt.c: the host's interrupt remapping table as a shadow of the guest's --- */

struct viommu_irt {
    bool shown;              /* ECAP.IR of the guest's unit; else nothing of this exists */
    u64 irta_bits;           /* bits of IRTA that exist */
    u64 irta;                /* as the last SIRTP latched it */
    u32 entries;             /* that its table has and the guest may have; from `kept` on they are others' */
    u32 kept;
    bool host_eime;          /* of the unit, while it remaps: as the guest's IRES says, */
    bool isolated;           /* or for good: then that decides on the guest's entries alone */
    u64 in_force;            /* of an owner's unit: IRTA, IRT_ON and IRT_PASS that messages are taken by; 0: none */
    u32 cursor;              /* and how far those have been that name entries from next to end */
    bool set_table;          /* SIRTP: IRTPS follows */
    bool restart;            /* the table changed: a scan of an older one is void */
    bool enable, enable_target;
    bool pass, pass_target;  /* CFI is to become pass_target */
    bool scanning;           /* the range is all, for set_table or enable: the queue waits */
    bool announced;          /* the range is a descriptor's */
    u16 first;               /* of the descriptor, with its mask: 2^mask entries */
    u8 mask;
    u32 next, end;           /* entries that are to be read yet */
};

/* Where IRTA has reserved bits: interrupts are remapped; those in compatibility format pass. */
enum { IRT_ON = 1 << 4, IRT_PASS = 1 << 5 };

/* The guest's entries around the one that was announced last. */
enum { VIOMMU_IRT_LINE = 4 };
#define VIOMMU_IRT_NEVER (~0ull)
struct viommu_irt_line {
    u32 first;
    u64 exit;                /* stats.exits when they were copied, or VIOMMU_IRT_NEVER */
    struct irte entries[VIOMMU_IRT_LINE];
};

/* --- host.c: the host domain ids of a guest domain, as of the last look --- */

enum {
    VIOMMU_HOST_DIDS = 8,    /* host domain ids that one guest domain id may have */
    VIOMMU_NO_DID = 1 << 16, /* what no guest domain id is */
};

struct viommu_host_ids {
    u32 guest_did;       /* VIOMMU_NO_DID: not looked */
    u16 host[VIOMMU_HOST_DIDS];
    u32 count;
};

/* --- queue.c and perform.c: the guest's invalidation queue --- */

enum {
    VIOMMU_BATCH = 136,      /* descriptors sent to the unit at a time: a page of the guest's, and the last one's ids */
    VIOMMU_AHEAD = 512,      /* words of guest descriptors copied at a time */
};

struct viommu_queue {
    u64 base;            /* of IQA */
    u32 bytes;           /* of the ring */
    u32 fetch;           /* byte offset of the next descriptor */
    u32 done;            /* what IQH says: all before it is done */
    u32 ahead_from, ahead_bytes; /* the part of the ring that v->ahead is a copy of */
    u32 count;           /* of v->batch */
    bool wide;
    bool scanning;       /* the descriptor at fetch waits for v->scan */
    bool broken;         /* the unit's queue failed: nothing completes any more */
};

/* --- fault.c: the guest's fault records and FSTS --- */

struct viommu_faults {
    struct fault_record record[VIOMMU_FAULT_RECORDS];
    u32 next;            /* the internal index of VT-d 7.2.1 */
    u32 first;           /* FSTS.FRI */
    u32 status;          /* PFO, IQE, ICE, ITE; PPF is computed */
    bool event_pending;  /* FECTL.IP */
};

/* --- event.c: completion events of a unit that is not the root's: the hardware's are the root's alone --- */

struct viommu_done {
    volatile u32 status; /* written by the unit behind the guest's wait, */
    u32 asked;           /* when it is this one, which */
    bool waiting;        /* the descriptor at fetch waits for */
    bool came;           /* ICS.IWC */
    bool pending;        /* IECTL.IP */
};

/* --- the unit --- */

/* What is used most comes first: the code is smaller where an offset is below 128. */
struct viommu {
    struct spinlock lock;
    u32 budget;              /* steps left in this call */
    const struct viommu_kind *kind;
    u64 active_root;         /* RTADDR as the last SRTP latched it */
    bool as_left;            /* TES is firmware's: shown, while everything goes through the second stage */
    bool left;               /* the last call ended with work left: only then does a read go on with it */
    u16 did_mask;            /* of CAP.ND */
    struct viommu_command command;
    struct viommu_queue queue;
    struct viommu_config config;
    u64 cap, ecap;           /* as the guest sees them */
    u64 reg[VREG_COUNT];
    u32 iotlb_offset;        /* 16 * ECAP.IRO */
    u32 record_offset;       /* 16 * CAP.FRO */
    u32 record_count;        /* CAP.NFR + 1 */

    struct walk_config walk; /* what the walker needs of the above */
    struct viommu_host_ids ids;
    struct viommu_scan scan;
    struct viommu_irt irt;
    struct viommu_faults faults;
    enum vtd_root root;              /* which its devices have their entries in */
    u64 wait_flags;                  /* those of a wait descriptor that reach the unit */
    struct viommu_done done;
    struct vtd_share share;          /* of the unit's queue */
    struct viommu_stats stats;
    struct shadow_set shadows;       /* of a shadowed unit */
    struct domain_follower follower; /* who tells them of the second stage */

    u8 *scratch;             /* one page: a copy of guest memory under examination */
    hpa_t memory;            /* the pages this struct and scratch live in */
    u32 memory_pages;
    u64 ahead[VIOMMU_AHEAD]; /* what is fetched of the guest's ring */
    struct viommu_irt_line irt_line;
    struct vtd_desc batch[VIOMMU_BATCH]; /* what goes to the unit's; the upper halves are 0 from the start */
    struct viommu_bindings bindings;
};

/* Takes n steps off the budget; false when nothing is left and the caller must come back. */
static inline bool viommu_spend(struct viommu *v, u32 n)
{
    u32 left = v->budget;
    v->budget = left > n ? left - n : 0;
    return left != 0;
}

/* Of a descriptor in the guest's ring, as a power of two and in bytes. */
static inline u32 viommu_desc_shift(const struct viommu_queue *q)
{
    _Static_assert(sizeof(struct vtd_desc) == 1 << 5, "the wide ones");
    return 4u + q->wide;
}

static inline u32 viommu_desc_bytes(const struct viommu_queue *q)
{
    return 1u << viommu_desc_shift(q);
}

/* It is a partition's beside the root, and its unit's registers are not its own. */
static inline bool viommu_is_owners(const struct viommu *v)
{
    return v->root == VTD_ROOT_OWN_GUEST;
}

/* The partition has all source-ids from first to last. */
static inline bool viommu_has_sources(const struct viommu *v, u16 first, u16 last)
{
    return v->config.ops->has_sources(v->config.ctx, first, last);
}

/* A command of GCMD about interrupts is not done yet. */
static inline bool viommu_irt_is_asked(const struct viommu *v)
{
    return v->irt.set_table || v->irt.enable || v->irt.pass;
}

/* Something of GCMD, or of the registers that invalidate, is not done yet. */
static inline bool viommu_command_is_asked(const struct viommu *v)
{
    const struct viommu_command *c = &v->command;
    return c->set_root || c->translate || c->contexts || c->addresses || viommu_irt_is_asked(v);
}

static inline bool viommu_remapping(const struct viommu *v)
{
    return (v->reg[VREG_GSTS] & GSTS_IRES) != 0;
}

static inline __attribute__((always_inline)) bool viommu_translating(const struct viommu *v)
{
    return (v->reg[VREG_GSTS] & GSTS_TES) != 0 && !v->as_left;
}

/* The guest's tables count: they are the kind that is read, and translation is on. */
static inline bool viommu_has_tables(const struct viommu *v)
{
    return viommu_translating(v) && vtd_rtaddr_ttm(v->active_root) == v->kind->ttm;
}

#endif
