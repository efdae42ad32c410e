/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The VT-d driver as the rest of Nestor sees it: a unit is probed, taken over with everything on one
 * second stage, and then given entries of single devices. Domains (domain.h) decide what an entry says;
 * the driver only puts it there. Every function is bounded in time; an error leaves what was attached
 * isolated.
 */
#ifndef NESTOR_IOMMU_VTD_VTD_H
#define NESTOR_IOMMU_VTD_VTD_H

#include "iommu/port.h"
#include "iommu/spec/desc.h"
#include "iommu/spec/dmar.h"
#include "iommu/spec/entries.h"
#include "iommu/spec/faults.h"

struct vtd_unit;

enum vtd_mode { VTD_MODE_LEGACY, VTD_MODE_SCALABLE };

/* What firmware had on when the unit was taken over, as its registers say (VT-d 11.4); it may go on as a guest. */
struct vtd_left {
    bool translating, queue;
    u64 rtaddr, iqa, iqt;   /* the queue is empty */
};

struct vtd_unit_info {
    hpa_t base;
    u32 window_size;   /* bytes of register space, whole pages; see vtd_unit_set_window() */
    u16 segment;
    u16 index;         /* names the unit on the console: unit 0, unit 1, ... */
    u32 ver;
    u64 cap, ecap;
    u32 haw;           /* host address width, bits, from the DMAR table */
    enum vtd_mode mode;
    bool nesting;      /* scalable mode with NEST, FSTS and SSTS */
    bool coherent;     /* walks of root, context, PASID and second-stage tables snoop */
    u32 ss_levels;     /* bit n: n-level second stage */
    u32 fs_levels;     /* bit n: n-level first stage */
    u64 ss_page_sizes; /* sizes in bytes, or-ed: 4K | 2M | 1G */
    u32 domain_ids;    /* how many; ids 0..n-1, 0 is never used */
    struct vtd_left left;
};

/* Reads and checks the registers, changes nothing. ERR_UNSUPPORTED or ERR_INVALID with a line that says why. */
must_use enum result vtd_unit_probe(hpa_t base, u16 segment, u16 index, u32 haw,
                                    struct vtd_unit **out);
/*
 * How many bytes of registers the unit has, as far as the caller knows (DRHD Size, VT-d 8.3); what its capabilities
 * name is always among them. Not told, it is taken to have as many as units are known to have.
 */
void vtd_unit_set_window(struct vtd_unit *unit, u32 bytes);
/*
 * What entries of one device must not say: VTD_SCOPE_NO_NESTING, NO_PWSNP, NO_PGSNP (SIDP, VT-d chapter 8). Before the
 * unit is taken over and before a domain is made for it, as it changes `coherent`. ERR_NO_MEMORY: there are too many.
 */
must_use enum result vtd_unit_limit(struct vtd_unit *unit, u16 sid, u8 flags);
void vtd_unit_get_info(const struct vtd_unit *unit, struct vtd_unit_info *out);
/* Gives back all pages of a unit that was never taken over, or was released. */
void vtd_unit_destroy(struct vtd_unit *unit);

/* What every source-id goes through from the first instant. */
struct vtd_default {
    hpa_t ss_root;
    u32 ss_levels;     /* 4 or 5 (legacy: 3 to 5) */
    u16 did;           /* of second-stage-only entries of this partition */
    bool keep_interrupts; /* firmware's interrupt remapping stays on, see vtd_irt_get_firmware(); else it goes off */
};
/*
 * Keeps DMA away from [base, base + size), which is Nestor's memory, until the unit translates. For all units before
 * the first is taken over. ERR_UNSUPPORTED: nothing in the unit can do that, or not for that range alone; ERR_TIMEOUT.
 */
must_use enum result vtd_takeover_protect(struct vtd_unit *unit, hpa_t base, u64 size);
bool vtd_takeover_is_translating(const struct vtd_unit *unit);
/*
 * From any state that firmware left (translation on or off, queue on, faults
 * pending, PMRs set) to: root "off" active, queue on, translation on, PMRs off. What
 * was translated is never untranslated meanwhile; a window that cannot be closed is
 * said on the console. ERR_TIMEOUT: unit, register and value are on the console. After any error it is as after
 * vtd_takeover_release().
 */
must_use enum result vtd_takeover(struct vtd_unit *unit, const struct vtd_default *def);
/*
 * Translation off, queue off, Nestor's memory no longer protected, as far as any of these was done: for handing the
 * machine back before any guest ran. An error: the unit may go on reading memory of Nestor's, which has to stay.
 */
must_use enum result vtd_takeover_release(struct vtd_unit *unit);

/*
 * Two roots a unit: OFF covers every source-id by one second-stage-only
 * entry; GUEST holds what was put there and blocks the rest. Devices with entries of
 * their own in one root do not disturb the other.
 */
enum vtd_root {
    VTD_ROOT_OFF, VTD_ROOT_GUEST,
    /* No roots of the unit's, but what vtd_own_select() chooses from for a source-id that is owned. */
    VTD_ROOT_OWN_OFF, VTD_ROOT_OWN_GUEST,
    VTD_ROOTS
};
must_use enum result vtd_root_select(struct vtd_unit *unit, enum vtd_root root);
/* Whose source-ids are whose: `has` says if all from first to last are theirs that this is about. */
struct vtd_sources {
    bool (*has)(void *ctx, u16 first, u16 last);
    void *ctx;
};
/* Empties the GUEST root, but for entries of others than `own` (NULL: none are). ERR_BUSY while it is selected. */
must_use enum result vtd_root_clear_guest(struct vtd_unit *unit, const struct vtd_sources *own);

/* A PASID entry (or a legacy context entry) as a description; host-owned fields follow from the unit. */
struct vtd_entry {
    enum pgtt pgtt;
    u16 did;
    hpa_t ss_root;     /* second stage and nested */
    u32 ss_levels;
    u64 fs_root;       /* a GPA when nested, an HPA when first-stage-only */
    u32 fs_width;      /* 48 or 57 */
    bool sre, wpe, eafe;
};

/* What a context entry says besides its directory. */
struct vtd_context {
    u32 rid_pasid;     /* the PASID of requests without one */
    u32 pasids;        /* how many PASIDs requests may carry; 0: only requests without PASID */
    bool fpd;
};
enum { VTD_NO_PASID = 0xffffffff }; /* "requests without PASID" where a PASID is asked for */

/*
 * Gives a source-id a context and PASID directory of its own in that root. In the OFF
 * root its RID_PASID starts as a copy of the default entry (no window); in the GUEST
 * root it starts blocked. ERR_EXISTS when it has one with other values.
 */
must_use enum result vtd_device_open(struct vtd_unit *unit, enum vtd_root root, u16 sid,
                                     const struct vtd_context *context);
/*
 * What it was opened with, pasids rounded up to what the directory holds; ERR_NOT_FOUND when
 * the source-id has nothing of its own in that root.
 */
must_use enum result vtd_device_get(struct vtd_unit *unit, enum vtd_root root, u16 sid,
                                    struct vtd_context *out);
/* Room for at least that many PASIDs, entries and all else as they are. ERR_NOT_FOUND when it carries none. */
must_use enum result vtd_device_grow(struct vtd_unit *unit, enum vtd_root root, u16 sid, u32 pasids);
/* Pages of the directory that such a context takes; for quotas. */
u32 vtd_device_directory_pages(const struct vtd_context *context);
/*
 * Back to the root's default with all its entries gone and invalidated; no window. ERR_UNSUPPORTED: a device with
 * limits (vtd_unit_limit()) keeps its own entries in the OFF root.
 */
must_use enum result vtd_device_close(struct vtd_unit *unit, enum vtd_root root, u16 sid);
/*
 * A source-id that is owned, as a partition beside the root has it: whoever switches between the unit's roots, it goes
 * through the same in both, and that is what it has in OWN_OFF, or in OWN_GUEST. These begin without entries, and the
 * device blocked; nothing else is said of it in the other roots from now on. Before any guest runs, and for good.
 */
must_use enum result vtd_own_add(struct vtd_unit *unit, u16 sid);
/*
 * All of these go through what they have in OWN_GUEST, or in OWN_OFF. ERR_NOT_FOUND: one of them is not owned. If the
 * unit does not confirm it they have what they had before, once it has come back.
 */
must_use enum result vtd_own_select(struct vtd_unit *unit, const u16 *sids, u32 count, bool guest);
/*
 * Keeps one away, or lets it in. After OK nothing of it is under way or cached, no storm of its is held against it, and
 * where it is let in, no fault of before is kept or recorded.
 * ERR_NOT_FOUND: it is not owned; after any other error the roots say so already, and the unit may not know.
 */
must_use enum result vtd_own_block(struct vtd_unit *unit, u16 sid, bool block);
/*
 * Takes the default of the OFF root away from those of these source-ids that have no entries of their own: nothing of
 * theirs gets through until somebody opens them in that root. In the GUEST root there is nothing to take. An error: not
 * from all.
 */
must_use enum result vtd_device_close_rest(struct vtd_unit *unit, u16 first, u16 last);

/*
 * Installs or replaces the entry of (sid, pasid); replacing is atomic for DMA in flight
 * where the hardware allows it, else the device is blocked meanwhile. The invalidations
 * of VT-d table 28 are done when it returns. Each capability missing is ERR_UNSUPPORTED
 * with a line of its own.
 */
must_use enum result vtd_device_set_entry(struct vtd_unit *unit, enum vtd_root root, u16 sid, u32 pasid,
                                          const struct vtd_entry *entry);
must_use enum result vtd_device_clear_entry(struct vtd_unit *unit, enum vtd_root root, u16 sid, u32 pasid);
/* True if setting that entry needs no new page; for quotas. */
bool vtd_device_has_table(struct vtd_unit *unit, enum vtd_root root, u16 sid, u32 pasid);

/*
 * The entries that a request meets from the root table on, in the root that is in use, as they stand; in legacy mode
 * there are two. Fewer than that: the last one is not present, or there is none for that PASID.
 */
enum { VTD_PATH_STEPS = 4 };
struct vtd_path {
    bool legacy;
    bool upper;               /* of the root entry: the half of devices 16 to 31 */
    u32 pasid;                /* RID_PASID, where none was given */
    u32 count;
    struct {
        hpa_t at;
        u64 w[8];
    } steps[VTD_PATH_STEPS];  /* root, context, PASID directory, PASID entry */
};
void vtd_path_get(struct vtd_unit *unit, u16 sid, u32 pasid, struct vtd_path *out);

/* What is known of a source-id. */
struct vtd_device_state {
    u16 sid;
    u8 punishment;            /* 0: none, 1: its faults are not recorded, 2: it is blocked */
    u32 faults;
    u32 pasid;                /* of requests without one */
    u64 context[4];           /* zeros: none. Two words in legacy mode */
    struct pasid_entry entry; /* of that PASID */
};
/* What all source-ids go through that vtd_path_next() does not find. */
void vtd_path_default(struct vtd_unit *unit, struct vtd_device_state *out);
/*
 * The first source-id from *sid on that has entries of its own in the root in use, or that faulted. Looks at a bounded
 * number of them: false with *sid at the first that it has not looked at, VTD_SIDS behind the last.
 */
bool vtd_path_next(struct vtd_unit *unit, u32 *sid, struct vtd_device_state *out);
enum { VTD_SIDS = 65536 };

/* Registers that say what a unit does, and which root is in use. */
struct vtd_unit_state {
    u32 gsts, fsts;
    u64 rtaddr, irta;
    enum vtd_root root;
};
void vtd_unit_get_state(struct vtd_unit *unit, struct vtd_unit_state *out);

/* One line: what the device's requests without PASID go through in that root. */
void vtd_device_show(struct vtd_unit *unit, enum vtd_root root, u16 sid);

/*
 * Descriptors with one doorbell and nothing to wait for, as a guest's batch has its own waits. ERR_BUSY:
 * no room, nothing was put. ERR_TIMEOUT: the queue is off or hung. Where source-ids are owned the unit is shared, and
 * half of its queue is a reserve, in which each guest, by a share of its own, has one batch at a time: nobody finds no
 * room for ever, whatever the others do.
 */
struct vtd_share {
    bool used;         /* of the queue's reserve, */
    u32 end;           /* done when the queue's head has passed so many */
};
must_use enum result vtd_queue_post(struct vtd_unit *unit, const struct vtd_desc *descs, u32 count,
                                    struct vtd_share *share);

/* Second stage of did changed in [gpa, gpa + size): IOTLB of it, nested entries included. size 0: all. */
must_use enum result vtd_inval_second_stage(struct vtd_unit *unit, u16 did, u64 gpa, u64 size);
/* The descriptor that does it, for vtd_queue_post(). A unit with a write buffer (CAP.RWBF) needs the call above. */
struct vtd_desc vtd_inval_second_stage_desc(const struct vtd_unit *unit, u16 did, u64 gpa, u64 size);
/* Everything the unit has cached (Table 28, "global"): after OK it uses nothing that its tables do not name now. */
must_use enum result vtd_inval_global(struct vtd_unit *unit);

/*
 * Interrupt remapping. A table of IRTE_TABLE_MAX entries, none of them present; nothing uses it yet. ERR_UNSUPPORTED:
 * the unit has no such thing. A second call changes nothing.
 */
must_use enum result vtd_irt_create(struct vtd_unit *unit);
/*
 * One entry, in one step for hardware that reads it meanwhile. Before anybody is told that it changed, an interrupt
 * entry invalidation has to reach it (VT-d 6.5.2.7).
 */
void vtd_irt_set(struct vtd_unit *unit, u32 index, const struct irte *e);
/* So many have changed: what the unit has cached of them is gone, and used by nothing, when it returns. */
must_use enum result vtd_irt_invalidate(struct vtd_unit *unit, u32 first, u32 count);
/* All of them, as they stand. */
const struct irte *vtd_irt_entries(const struct vtd_unit *unit);
/*
 * The table is used from now on, and nothing cached before. eime: destinations have 32 bits; it must not change while
 * remapping is on (VT-d 11.4.10). In place of a table that is in use, for requests meanwhile either of them counts.
 */
must_use enum result vtd_irt_enable(struct vtd_unit *unit, bool eime);
/* Requests are no longer remapped: they pass, or are blocked where ECAP.IRREQ says so. */
must_use enum result vtd_irt_disable(struct vtd_unit *unit);
/* Compatibility-format requests pass (while EIME = 0). */
must_use enum result vtd_irt_pass_compatibility(struct vtd_unit *unit, bool pass);
/*
 * The table is made where there is none, and used with EIME = 1; no request passes. ERR_UNSUPPORTED: the unit has no
 * interrupt remapping, or none with destinations of 32 bits.
 */
must_use enum result vtd_irt_isolate(struct vtd_unit *unit);
/* What firmware left on, as the take-over found it; false: it was off, or went off since. */
bool vtd_irt_get_firmware(const struct vtd_unit *unit, u64 *irta, bool *compatibility);
/* Back to what firmware left on, and has not been off since. */
must_use enum result vtd_irt_restore(struct vtd_unit *unit);

/* One decoded fault record. */
struct vtd_fault {
    u16 sid;
    u8 reason;         /* VT-d table 30 */
    bool has_pasid, read, atomic, exec, priv; /* neither read nor atomic: a write */
    u32 pasid;
    u64 addr;
};
/* Takes the oldest fault record, false when there is none; counts, prints (rate-limited) and punishes storms. */
bool vtd_fault_next(struct vtd_unit *unit, struct vtd_fault *out);
/*
 * Whose a device is: lines about its faults say so. These are counted; the list stays the caller's. One unit keeps the
 * faults it found until their owner takes them, or there are too many.
 */
enum { VTD_FAULTS_KEPT = 9 };
struct vtd_owner {
    u16 sid;
    const char *name;
    u64 faults;
    struct vtd_unit *keeper;        /* NULL: none does */
    u32 kept, first;
    struct vtd_fault list[VTD_FAULTS_KEPT];
};
/* The oldest of that device that the unit keeps; false: there is none. Whoever takes the unit's records finds more. */
bool vtd_fault_kept(struct vtd_unit *unit, u16 sid, struct vtd_fault *out);
void vtd_fault_set_owners(struct vtd_unit *unit, struct vtd_owner *owners, u32 count);
struct vtd_fault_counts { u64 seen, lost, silenced, blocked; };
void vtd_fault_get_counts(const struct vtd_unit *unit, struct vtd_fault_counts *out);

/*
 * The host's fault event: that message is sent at the first fault from now on, while nobody else has the event
 * registers. Whoever yields them writes FECTL to FEUADDR itself, and later has the host's message held again.
 */
void vtd_alert_init(struct vtd_unit *unit, u64 address, u32 data);
void vtd_alert_hold(struct vtd_unit *unit);
void vtd_alert_yield(struct vtd_unit *unit);
/* An interrupt as of that message has come: is it the unit's? Then its faults wait. From any context. */
bool vtd_alert_came(struct vtd_unit *unit);

/* Event registers (FECTL..FEUADDR, IECTL..IEUADDR, PECTL..PEUADDR by their offsets) on behalf of the guest. */
u32 vtd_regs_event_read(struct vtd_unit *unit, u32 offset);
void vtd_regs_event_write(struct vtd_unit *unit, u32 offset, u32 value);

#endif
