/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Inside the driver: a unit and the steps that its files share. Everyone else
 * includes vtd.h.
 */
#ifndef NESTOR_IOMMU_VTD_STATE_H
#define NESTOR_IOMMU_VTD_STATE_H

#include "iommu/base/limit.h"
#include "iommu/base/spinlock.h"
#include "iommu/vtd/vtd.h"
#include "iommu/spec/caps.h"
#include "iommu/spec/regs.h"

enum {
    VTD_TIMEOUT_US = 10000000, /* as kernels wait: a read in flight may take its completion time-out to come back */
    VTD_AGAIN_US = 1000,       /* for a unit that let this time pass before */
    VTD_LIMITS = 32,           /* devices with limits */
    VTD_QUEUE_ORDER = 2,       /* 2^n pages of queue */
    VTD_DIDS_MAX = 5,          /* domain ids invalidated one by one; more: everything */
};

/* A table that every source-id of a root may share until it needs one of its own. */
struct vtd_root_tables {
    hpa_t root;       /* root table, 0: none */
    hpa_t context;    /* OFF: the context table that all buses share; GUEST: 0 */
    hpa_t directory;  /* OFF: the PASID directory of the default (scalable mode) */
    hpa_t pasids;     /* OFF: its one PASID table */
};

/* What is known of a source-id that faulted once; one page holds the 256 of a bus. */
enum vtd_punishment { VTD_NOT_PUNISHED, VTD_SILENCED, VTD_BLOCKED };
struct vtd_history {
    u32 since_ms;       /* start of the second that is counted, or of the punishment */
    u32 ended_ms;       /* of the last punishment */
    u32 faults;         /* ever, stops at the largest number */
    u8 recent;          /* in that second */
    u8 strikes;         /* seconds over budget that are not forgotten */
    u8 punishment;
    u8 own;             /* what the entries were before, see storm.c */
};
_Static_assert(256 * sizeof(struct vtd_history) == PAGE_SIZE, "a page a bus");

/* own.c's: a source-id that is owned. */
struct vtd_own {
    _Alignas(16) u64 context[2][2]; /* OWN_OFF, OWN_GUEST: words of its entries, to be in the unit's roots */
    u16 sid;
    bool blocked;
    bool guest;             /* it goes through context[1], else [0], */
    bool former;            /* and did so before the last choice */
};

/* What SIDP forbids a device's entries. */
struct vtd_limit {
    u16 sid;
    u8 flags;           /* enum vtd_scope_flags */
};

/* alert.c's: the host's fault event. */
enum vtd_alert_serving { ALERT_IDLE, ALERT_SERVING, ALERT_CAME_MEANWHILE };
struct vtd_alert {
    u64 address;               /* 0: there is none */
    u32 data;
    bool held;                 /* by the unit's event registers */
    bool yielded;              /* they are somebody else's */
    bool open;                 /* a condition has been seen in FSTS since all were served */
    bool came;                 /* and its message has arrived */
    u64 expected_until;        /* it was served before its message arrived */
    u32 serving;               /* enum vtd_alert_serving */
};

/* See sweep.c. */
struct vtd_sweep {
    u64 since_us;              /* the second that `recent` is of */
    u32 recent;                /* interrupt requests that were refused in it */
    bool on;                   /* records are read now and then only: */
    bool seen;                 /* there were such requests among the last ones */
    u32 left;                  /* looks that this time has left, 0: it is over, */
    u64 next_us;               /* and the next one begins then */
};

/* What is used most comes first, as in viommu/state.h. */
struct vtd_unit {
    struct spinlock lock;      /* tables and queue */
    bool taken;
    bool walked;               /* hardware may be reading our tables */
    bool region_set;           /* a protected memory region of ours is on */
    bool mute;                 /* the last command was not completed in time */

    /* Queue. Indexes count descriptors. */
    u32 queue_size, desc_words, tail; /* queue_size 0: off */
    u32 head;                         /* as last read, see vtd_ring_has_room() */
    u32 passed;                       /* so many it had passed by then, since the unit was made */
    u32 sequence;              /* of our last wait descriptor */
    u32 status[2];             /* written by wait descriptors: ours, and those that replace refused ones */
    bool queue_used;           /* hardware may be reading our ring */
    u32 reserve;               /* places of it that are shared one batch at a time, 0: the unit is not shared */
    bool queue_dead;           /* it hung: nobody waits for it until it has caught up */
    enum vtd_root active;
    hpa_t queue;
    struct vtd_unit_info info;
    hpa_t self;                /* the page this struct lives in */

    u32 limit_count;
    struct limit limit_refusals;

    hpa_t irt;                 /* our interrupt remapping table, 0: none */
    bool irt_walked;           /* hardware may be reading it */
    bool firmware_irt;         /* firmware's remapping was on and has not been off since */
    u64 firmware_irta;

    struct vtd_default def;
    struct vtd_root_tables tables[VTD_ROOTS]; /* empty for those that are none of the unit's */
    hpa_t own;                 /* a page of struct vtd_own, 0: no source-id is owned */
    u32 own_count;

    struct vtd_fault_counts faults;
    u32 watched;               /* devices that are punished, or were and it is not forgotten */
    u64 forgiven_us;           /* when we last looked whose time is over, */
    u32 forgiven_bus;          /* and at which bus */
    struct limit storms;       /* lines */
    u32 recorded;              /* faults since the last overflow, */
    u16 last_sid;              /* the last one of them, */
    bool one_sid;              /* which all of them are of */
    bool overflowed;           /* at the last overflow they were all of overflow_sid */
    struct vtd_sweep sweep;
    u16 overflow_sid;
    struct vtd_owner *owners;   /* of devices that are not everybody else's */
    u32 owner_count;
    u64 log_since_us;
    u32 log_lines, log_dropped; /* fault lines of that second: said, not said */
    struct vtd_alert alert;
    u32 fault_next;            /* record to look at first */
    struct limit mute_lines, refused_lines;
    struct vtd_limit limits[VTD_LIMITS];
    hpa_t history[256];        /* struct vtd_history by bus, 0: none of it faulted */
};
_Static_assert(sizeof(struct vtd_unit) <= PAGE_SIZE, "one page a unit");

static inline bool vtd_is_scalable(const struct vtd_unit *unit)
{
    return unit->info.mode == VTD_MODE_SCALABLE;
}

/* What follows is in the order in which the files build on each other; the lock is held from queue.c on. */

/* --- regs.c --- */

u32 vtd_regs_read32(const struct vtd_unit *unit, enum vtd_reg32 reg);
u64 vtd_regs_read64(const struct vtd_unit *unit, enum vtd_reg64 reg);
void vtd_regs_write32(const struct vtd_unit *unit, enum vtd_reg32 reg, u32 value);
void vtd_regs_write64(const struct vtd_unit *unit, enum vtd_reg64 reg, u64 value);
/* Until (reg & mask) == want; ERR_TIMEOUT with a line that names unit, register and value. */
must_use enum result vtd_regs_wait32(struct vtd_unit *unit, enum vtd_reg32 reg, const char *name, u32 mask, u32 want);
/* A status that reads all ones is none: the unit does not answer any more, and what it is asked for would seem done. */
bool vtd_regs_are_gone(struct vtd_unit *unit, u32 status);
/* Changes one sticky bit of GCMD and waits for its echo in GSTS. */
must_use enum result vtd_regs_switch(struct vtd_unit *unit, enum vtd_gcmd bit, bool on);
/* SRTP, SIRTP or WBF: done when the status bit says so. */
must_use enum result vtd_regs_command(struct vtd_unit *unit, enum vtd_gcmd bit);
/* Stores to tables leave the unit's write buffer, where it has one (CAP.RWBF, VT-d 6.8). */
must_use enum result vtd_regs_flush_buffer(struct vtd_unit *unit);

/* --- region.c --- */

bool vtd_region_is_on(const struct vtd_unit *unit);
/* Over [base, base + size) alone. ERR_UNSUPPORTED: there is none, or none as fine; ERR_TIMEOUT. */
must_use enum result vtd_region_set(struct vtd_unit *unit, u64 base, u64 size);
/* All off, firmware's too. */
must_use enum result vtd_region_end(struct vtd_unit *unit);

/* --- store.c --- */

/* Stores that hardware sees whole. */
static inline void vtd_store64(u64 *to, u64 value)
{
    __atomic_store_n(to, value, __ATOMIC_RELEASE);
}
void vtd_store128(u64 *to, u64 low, u64 high);
/* What was stored to a table reaches memory, where the unit's walks do not snoop. */
void vtd_store_flush(const struct vtd_unit *unit, const void *p, size_t bytes);

/*
 * A word that leads to a table: half a root entry, word 0 of a context entry, a PASID directory entry.
 * All have P in bit 0 and the table in 63:12 (VT-d 9.1 to 9.5).
 */
static inline bool vtd_link_is_present(u64 word)
{
    return field_get(&word, PASID_DIR_P) != 0;
}

static inline hpa_t vtd_link_table(u64 word)
{
    return (hpa_t){word & field_mask(PASID_DIR_SMPTBLPTR)};
}

static inline u64 vtd_link_to(hpa_t table)
{
    return table.v | field_mask(PASID_DIR_P);
}

/* --- alert.c; see also vtd.h --- */

/* Around what serves conditions: before FSTS is read, and when what could be served of FSTS as `before` has been. */
void vtd_alert_serve(struct vtd_unit *unit);
void vtd_alert_served(struct vtd_unit *unit, u32 before);

/* --- ring.c: of the queue, which is on --- */

/* The words of a place, and the place that the unit fetches from. */
u64 *vtd_ring_slot(const struct vtd_unit *unit, u32 index);
u32 vtd_ring_head(const struct vtd_unit *unit);
u32 vtd_ring_distance(const struct vtd_unit *unit, u32 from, u32 to);
/* Reads the head. */
void vtd_ring_look(struct vtd_unit *unit);
bool vtd_ring_has_room(struct vtd_unit *unit, u32 count);
/* There is room: */
void vtd_ring_put(struct vtd_unit *unit, const struct vtd_desc *d, u32 count);
void vtd_ring_doorbell(const struct vtd_unit *unit);
/* All three: ERR_BUSY where so many places would not be left. */
must_use enum result vtd_ring_post(struct vtd_unit *unit, const struct vtd_desc *d, u32 count, u32 spare);

/* --- queue.c --- */

must_use enum result vtd_queue_start(struct vtd_unit *unit);
must_use enum result vtd_queue_stop(struct vtd_unit *unit);
/*
 * Descriptors with one doorbell and one wait. Errors of single ones do not lose the others: ERR_QUEUE
 * after all that could be done is done; ERR_TIMEOUT.
 */
must_use enum result vtd_queue_run(struct vtd_unit *unit, const struct vtd_desc *descs, u32 count);
/* Gets a queue going again that stopped at a descriptor nobody waits for, or that hung. */
void vtd_queue_poll(struct vtd_unit *unit);
/* Invalidations of everything; how many. */
u32 vtd_queue_everything(const struct vtd_unit *unit, struct vtd_desc batch[static 3]);

/* --- inval.c: sequences of Table 28 --- */

must_use enum result vtd_inval_all(struct vtd_unit *unit);
/* A context that was not present before; one that was, with at most VTD_DIDS_MAX ids (more: all). */
must_use enum result vtd_inval_new_context(struct vtd_unit *unit, u16 sid);
must_use enum result vtd_inval_context(struct vtd_unit *unit, u16 sid, const u16 *dids, u32 count);
must_use enum result vtd_inval_entry(struct vtd_unit *unit, u32 pasid, const struct pasid_entry *old, bool gone);
must_use enum result vtd_inval_new_entry(struct vtd_unit *unit, u32 pasid, u16 did);

/* --- irt.c --- */

/* Remembers what firmware left; false: its remapping is off. */
bool vtd_irt_keep(struct vtd_unit *unit);
void vtd_irt_free(struct vtd_unit *unit);

/* --- entry.c; pure but for the console line --- */

/* Checks and encodes: a PASID entry (VT-d 9.6), a context entry of legacy mode (VT-d 9.3). */
must_use enum result vtd_entry_encode(const struct vtd_unit_info *info, const struct vtd_entry *entry,
                                      struct pasid_entry *out);
must_use enum result vtd_entry_encode_legacy(const struct vtd_unit_info *info, const struct vtd_entry *entry,
                                             u64 out[2]);

/* --- context.c --- */

/* Words of a context entry, of which the first two hold all that is not reserved. */
static inline u32 vtd_context_words(const struct vtd_unit *unit)
{
    return vtd_is_scalable(unit) ? 4 : 2;
}

/* That of a source-id that is owned, in OWN_OFF or OWN_GUEST; NULL: it is not. */
u64 *vtd_context_own(const struct vtd_unit *unit, enum vtd_root root, u16 sid);
/* The context entry that (root, sid) uses now; NULL when there is none. */
u64 *vtd_context_find(const struct vtd_unit *unit, enum vtd_root root, u16 sid);
/* Scalable mode: true when the source-id has a directory of its own in that root, blocked or not. */
bool vtd_context_is_own(const struct vtd_unit *unit, enum vtd_root root, u16 sid);
/* Makes the source-id's context entry private to its half bus, the same in content. */
must_use enum result vtd_context_slot(struct vtd_unit *unit, enum vtd_root root, u16 sid, u64 **out);
/* Words 0 and 1 at once. */
void vtd_context_write(struct vtd_unit *unit, u64 *context, u64 low, u64 high);
u32 vtd_context_rid_pasid(const struct vtd_unit *unit, const u64 *context);

static inline hpa_t vtd_context_directory(const u64 *context)
{
    return vtd_link_table(context[0]);
}

/* PASIDs that its directory has room for. */
static inline u32 vtd_context_pasids(const u64 *context)
{
    return pdts_pasids((u32)field_get(context, CONTEXT_PDTS));
}

/* --- pasid.c --- */

/* NULL when there is no table for it. */
struct pasid_entry *vtd_pasid_find(const u64 *context, u32 pasid);
/* Its table is made when missing; ERR_INVALID beyond the directory. */
must_use enum result vtd_pasid_slot(struct vtd_unit *unit, const u64 *context, u32 pasid, struct pasid_entry **out);
/* Into a slot that is not present. */
void vtd_pasid_publish(const struct vtd_unit *unit, struct pasid_entry *slot, const struct pasid_entry *e);
/* A new entry, or another for the one that is there; invalidated when it returns. */
must_use enum result vtd_pasid_set(struct vtd_unit *unit, const u64 *context, u32 pasid, const struct pasid_entry *e);
must_use enum result vtd_pasid_clear(struct vtd_unit *unit, const u64 *context, u32 pasid);
/* Pages of a directory for so many PASIDs. */
static inline u32 vtd_pasid_directory_pages(u32 pasids)
{
    u32 per_page = PASID_DIR_ENTRIES_PER_PAGE * PASIDS_PER_TABLE;
    return (pasids + per_page - 1) / per_page;
}
/* The first present entry of a directory at or after one; count when there is none. */
u32 vtd_pasid_next_table(const u64 *directory, u32 from, u32 count);
void vtd_pasid_free_directory(hpa_t directory, u32 pasids);

/* --- limit.c --- */

/* The device's snooping is limited, so the root's default is not for it. */
bool vtd_limit_is_set(const struct vtd_unit *unit, u16 sid);
/* An entry as the device may have it. ERR_UNSUPPORTED: not this entry. */
must_use enum result vtd_limit_apply(struct vtd_unit *unit, u16 sid, bool without_pasid, struct pasid_entry *e);

/* --- tables.c --- */

must_use enum result vtd_tables_create(struct vtd_unit *unit);
/* Everything below a root but what all source-ids share, and what is of others than `own` (NULL: of nobody else). */
void vtd_tables_empty(struct vtd_unit *unit, enum vtd_root root, const struct vtd_sources *own);
void vtd_tables_free(struct vtd_unit *unit);

/* --- storm.c --- */

/* Counts a fault; punishes a device over its budget. */
void vtd_storm_count(struct vtd_unit *unit, u16 sid, u64 now);
/* Faults were lost. If twice in a row all that were recorded in between are of one device, so are the lost ones. */
void vtd_storm_overflow(struct vtd_unit *unit, u64 now);
/* Ends the punishments, and the memory of them, whose time is over. */
void vtd_storm_forgive(struct vtd_unit *unit, u64 now);
/* The guest lists the device no more: nothing is held against who uses it next. Its entry is about to be written. */
void vtd_storm_taken_out(struct vtd_unit *unit, u16 sid);
/* An owned device's faults of before: counted and said, then neither recorded nor kept. */
void vtd_fault_forget(struct vtd_unit *unit, u16 sid);
/* Word 0 of a context entry that is about to be written, with the device's punishment in it. */
u64 vtd_storm_apply(struct vtd_unit *unit, enum vtd_root root, u16 sid, u64 word);
/* NULL: nothing is known of it. */
struct vtd_history *vtd_storm_find(const struct vtd_unit *unit, u16 sid);
/* Faults of a device, ever. */
u32 vtd_storm_faults(const struct vtd_unit *unit, u16 sid);
/* One that no entry of the device's silences was recorded: it counts for nothing but the overflow. */
void vtd_storm_other(struct vtd_unit *unit);
void vtd_storm_free(struct vtd_unit *unit);

/* --- own.c --- */

/* A context entry of any root, with the device's punishment in it. The unit's roots follow what is owned. */
void vtd_own_write(struct vtd_unit *unit, enum vtd_root root, u16 sid, u64 *context, u64 low, u64 high);
/* All that is owned has nothing any more. Nobody walks the unit's tables. */
void vtd_own_free(struct vtd_unit *unit);

/* iommu/vtd/sweep.c: storms of interrupt requests. Whether a record may be looked at now. */
bool vtd_sweep_may_look(struct vtd_unit *unit, u64 now);
/* It was: it is about an interrupt request, about DMA, or there is none. */
enum vtd_sweep_found { SWEEP_FOUND_INTERRUPT, SWEEP_FOUND_DMA, SWEEP_FOUND_NONE };
void vtd_sweep_looked(struct vtd_unit *unit, enum vtd_sweep_found found, u16 sid, u64 now);

/* --- device.c --- */

/* Entries of their own in the OFF root for all devices with limits. */
must_use enum result vtd_device_open_limited(struct vtd_unit *unit);

/* --- legacy.c --- */

must_use enum result vtd_legacy_set(struct vtd_unit *unit, enum vtd_root root, u16 sid, const struct vtd_entry *entry);
/* Back to what the root has for all: its default, or nothing. */
must_use enum result vtd_legacy_reset(struct vtd_unit *unit, enum vtd_root root, u16 sid);

/* --- root.c --- */

/* RTADDR.TTM of our tables. */
enum vtd_ttm vtd_root_mode(const struct vtd_unit *unit);
/* RTADDR becomes that, and the unit has taken it; ERR_INVALID if it cannot hold it. */
must_use enum result vtd_root_point(struct vtd_unit *unit, u64 rtaddr);
/* One of our roots; nothing that was cached under the one before is used any more. */
must_use enum result vtd_root_set(struct vtd_unit *unit, enum vtd_root root);

#endif
