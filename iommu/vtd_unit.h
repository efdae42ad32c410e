/*
 * Inside the driver: a unit and the steps that its files share. Everyone else
 * includes vtd.h.
 */
#ifndef NESTOR_VTD_UNIT_H
#define NESTOR_VTD_UNIT_H

#include "iommu/spinlock.h"
#include "iommu/vtd.h"
#include "iommu/vtd_caps.h"
#include "iommu/vtd_regs.h"

enum {
    VTD_TIMEOUT_US = 1000000,  /* what the slowest known unit needs, many times over */
    VTD_QUEUE_ORDER = 2,       /* 2^n pages of queue */
    VTD_STORM_SLOTS = 32,
};

/* A table that every source-id of a root may share until it needs one of its own. */
struct vtd_root_tables {
    hpa_t root;       /* root table, 0: none */
    hpa_t context;    /* OFF: the context table that all buses share; GUEST: 0 */
    hpa_t directory;  /* OFF: the PASID directory of the default (scalable mode) */
    hpa_t pasids;     /* OFF: its one PASID table */
};

/* A device's recent faults; slots are reused, the oldest first. */
struct vtd_storm {
    u64 since_us;     /* start of the second that is counted, or of the silence */
    u32 faults;
    u16 sid;
    u8 strikes;       /* seconds over budget */
    bool used, silenced;
};

struct vtd_unit {
    struct vtd_unit_info info;
    struct spinlock lock;      /* tables and queue */
    bool taken;
    hpa_t self;                /* the page this struct lives in */

    /* Queue. Indexes count descriptors; the wait words live in the unit's own page. */
    hpa_t queue, status;
    u32 queue_size, desc_words, tail;
    u32 sequence;
    bool queue_dead;           /* it hung once: nothing waits for it again */

    struct vtd_default def;
    struct vtd_root_tables tables[2];
    enum vtd_root active;

    struct vtd_fault_counts faults;
    struct vtd_storm storms[VTD_STORM_SLOTS];
    u64 log_since_us;
    u32 log_lines, log_dropped;
    u32 fault_next;            /* record to look at first */
};
_Static_assert(sizeof(struct vtd_unit) <= PAGE_SIZE, "one page a unit");

/* vtd_unit.c: registers. */
u32 vtd_read32(const struct vtd_unit *unit, enum vtd_reg32 reg);
u64 vtd_read64(const struct vtd_unit *unit, enum vtd_reg64 reg);
void vtd_write32(const struct vtd_unit *unit, enum vtd_reg32 reg, u32 value);
void vtd_write64(const struct vtd_unit *unit, enum vtd_reg64 reg, u64 value);
/* Until (reg & mask) == want; ERR_TIMEOUT with a line that names unit, register and value. */
must_use enum result vtd_wait32(const struct vtd_unit *unit, enum vtd_reg32 reg, const char *name,
                                u32 mask, u32 want);
/* Changes one sticky bit of GCMD and waits for its echo. */
must_use enum result vtd_gcmd_set(struct vtd_unit *unit, enum vtd_gcmd bit, bool on);
/* SRTP or WBF: done when the status bit says so. */
must_use enum result vtd_gcmd_once(struct vtd_unit *unit, enum vtd_gcmd bit);
/* Table stores reach the hardware: lines when walks do not snoop, the write buffer when CAP.RWBF. */
void vtd_flush_table(const struct vtd_unit *unit, const void *p, size_t bytes);
void vtd_flush_buffer(struct vtd_unit *unit);

/* vtd_queue.c; the lock is held. */
must_use enum result vtd_queue_start(struct vtd_unit *unit);
must_use enum result vtd_queue_stop(struct vtd_unit *unit);
must_use enum result vtd_queue_run(struct vtd_unit *unit, const struct vtd_desc *descs, u32 count);

/* vtd_inval.c: descriptors (VT-d 6.5.2), and sequences of Table 28; the lock is held. */
enum vtd_granularity { VTD_GLOBAL = 1, VTD_DOMAIN = 2, VTD_PAGE = 3 };
struct vtd_desc vtd_desc_context_global(void);
struct vtd_desc vtd_desc_context_device(u16 did, u16 sid);
struct vtd_desc vtd_desc_iotlb_global(void);
struct vtd_desc vtd_desc_iotlb_domain(u16 did);
struct vtd_desc vtd_desc_iotlb_pages(u16 did, u64 addr, u32 order);
struct vtd_desc vtd_desc_pasid_cache_global(void);
struct vtd_desc vtd_desc_pasid_cache_domain(u16 did);
struct vtd_desc vtd_desc_pasid_cache(u16 did, u32 pasid);
struct vtd_desc vtd_desc_pasid_iotlb(u16 did, u32 pasid);
must_use enum result vtd_inval_all(struct vtd_unit *unit);
must_use enum result vtd_inval_context(struct vtd_unit *unit, u16 sid, const u16 *dids, u32 count);
must_use enum result vtd_inval_entry(struct vtd_unit *unit, u32 pasid, const struct pasid_entry *old,
                                     bool gone);
must_use enum result vtd_inval_new_entry(struct vtd_unit *unit, u32 pasid, u16 did);

/* vtd_tables.c; the lock is held. */
must_use enum result vtd_tables_create(struct vtd_unit *unit);
void vtd_tables_free(struct vtd_unit *unit);
/* The context entry that (root, sid) uses now; NULL when there is none. */
u64 *vtd_context_find(const struct vtd_unit *unit, enum vtd_root root, u16 sid);
/* Scalable mode: true when the source-id has a context of its own in that root. */
bool vtd_context_is_own(const struct vtd_unit *unit, enum vtd_root root, u16 sid);
/* Makes the source-id's context entry private to its half bus, the same in content. */
must_use enum result vtd_context_slot(struct vtd_unit *unit, enum vtd_root root, u16 sid, u64 **out);
/* A directory for that many PASIDs with its tables. */
void vtd_directory_free(hpa_t directory, u32 pasids);
void vtd_root_empty(struct vtd_unit *unit, enum vtd_root root);
struct pasid_entry *vtd_pasid_find(const struct vtd_unit *unit, const u64 *context, u32 pasid);

/* vtd_entry.c: the description that an encoded entry stands for. */
void vtd_entry_decode(const struct pasid_entry *e, struct vtd_entry *out);

/* vtd_legacy.c: context entries of legacy mode, VT-d 9.3. */
must_use enum result vtd_legacy_encode(const struct vtd_unit_info *info,
                                       const struct vtd_entry *entry, u64 out[2]);
void vtd_legacy_decode(const u64 context[2], struct vtd_entry *out);

#endif
