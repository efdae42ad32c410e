/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Domains. A second-stage domain is a tree of page tables that is the EPT at the
 * same time (design, decision 2); a nested domain puts a guest's
 * first stage on top of one. Domains know which devices of which units use them, choose
 * domain ids, keep the read-only rule (Intel 772415) and make changes visible everywhere.
 */
#ifndef NESTOR_IOMMU_DOMAIN_DOMAIN_H
#define NESTOR_IOMMU_DOMAIN_DOMAIN_H

#include "iommu/ptab/second_stage.h"
#include "iommu/vtd/vtd.h"

struct domain;
struct nested;

struct domain_config {
    u32 levels;           /* 4 or 5 (3 for legacy units) */
    u32 fewest_levels;    /* of the units that have fewer (3, 4), which then see the lowest addresses; 0: none has */
    u64 page_sizes;       /* 4K, or with 2M and 1G: what the CPU and all units can */
    bool coherent;        /* all units snoop their walks: no flushing of stores */
    bool parent;          /* a nesting parent from the start */
    bool shadow;          /* what a guest's table amounts to, see iommu/shadow: for units alone, and never a parent */
    bool dma_root;        /* diverging: a second root in which read-only pages are not present */
    bool rule_lifted;     /* no unit has Intel 772415: a parent may hold read-only mappings */
    u32 partition;
    /* INVEPT on every CPU of the partition; NULL without CPUs. Called by domain_flush() only. */
    void (*cpu_flush)(void *ctx);
    void *ctx;
};

must_use enum result domain_create(const struct domain_config *config, struct domain **out);
/* ERR_BUSY while a device or a nested domain uses it. */
must_use enum result domain_destroy(struct domain *d);

/* Roots: what the EPTP and what SSPTPTR point to. Equal unless the roots diverge, or a unit walks fewer levels. */
hpa_t domain_cpu_root(const struct domain *d);
u32 domain_levels(const struct domain *d);
/* For a unit with these (bit n: n levels): how many its walks of the domain have, 0: none; and where they begin. */
u32 domain_unit_levels(const struct domain *d, u32 ss_levels);
hpa_t domain_unit_root(const struct domain *d, u32 levels);
u32 domain_table_pages(const struct domain *d);

/*
 * Changes of the tables, 4 KiB granular, gpa and hpa aligned to 4 KiB. The largest page
 * sizes that fit are used; large pages are split where a change needs it. Not visible to
 * hardware until domain_flush(). map: ERR_EXISTS when any page of the range is mapped
 * (nothing changed then); ERR_READ_ONLY_IN_PARENT by the rule, unless roots diverge.
 * unmap: holes in the range are fine; *unmapped counts bytes. protect: only what is mapped.
 * ERR_NO_MEMORY: nothing of the range has changed.
 */
must_use enum result domain_map(struct domain *d, gpa_t gpa, hpa_t hpa, u64 size, u32 prot,
                                enum mem_type type);
must_use enum result domain_unmap(struct domain *d, gpa_t gpa, u64 size, u64 *unmapped);
must_use enum result domain_protect(struct domain *d, gpa_t gpa, u64 size, u32 prot);
must_use enum result domain_set_type(struct domain *d, gpa_t gpa, u64 size, enum mem_type type);

/*
 * Of a shadow: `count` entries of one table of that level, from gpa on, become leaves, where 0 is a hole. Each is of
 * second_stage_format with the access and snoop bits that units know; *room and *changed as by ptab_assign().
 */
must_use enum result domain_assign(struct domain *d, gpa_t gpa, u32 level, const u64 *leaves, u32 count, u32 *room,
                                 u32 *changed);
/* Tables taken out of it wait for a domain_flush(). */
bool domain_has_retired(const struct domain *d);

struct domain_mapping {
    gpa_t gpa;
    hpa_t hpa;
    u64 size;
    u32 prot;
    enum mem_type type;
};
/* ERR_NOT_FOUND for a hole; *size-aligned leaf that holds gpa otherwise. */
must_use enum result domain_walk(const struct domain *d, gpa_t gpa, struct domain_mapping *out);
/* For a unit whose entries name that root with so many levels: the entries that it meets; 0: the root is not d's. */
u32 domain_trace(const struct domain *d, hpa_t root, u32 levels, u64 gpa, struct ptab_step steps[PTAB_MAX_LEVELS]);
/* The first mapping at or after gpa, as the CPU has it, as units have it; false when there is none. */
bool domain_next(const struct domain *d, gpa_t gpa, struct domain_mapping *out);
bool domain_next_dma(const struct domain *d, gpa_t gpa, struct domain_mapping *out);

/*
 * Whoever makes tables from this domain's mappings: is told by domain_flush(), before anything is given back, that some
 * were taken away or changed. It follows within *budget steps (about 300 instructions each) and takes those off; true
 * when it is done. Until then it is called again and goes on, or, with `again`, begins anew. No lock of the domain's is
 * held; the follower takes its own, and must not change whom it follows meanwhile.
 */
struct domain_follower {
    bool (*changed)(struct domain_follower *self, bool again, u32 *budget);
    struct domain_follower *next;
};
enum { DOMAIN_FOLLOW_STEPS = 320 }; /* of one domain_flush(), all followers together */
void domain_follow(struct domain *d, struct domain_follower *f);
void domain_unfollow(struct domain *d, struct domain_follower *f);

/*
 * Makes changes in [gpa, gpa + size) visible to every CPU and every unit that uses the
 * domain, nested domains on top included; pages taken out of the tables are given back to the
 * pool only then. The only function that may. size 0: everything. The first error of a unit
 * is returned after all were tried. ERR_BUSY: followers are not done, so nothing was given back; call it again.
 */
must_use enum result domain_flush(struct domain *d, gpa_t gpa, u64 size);

/* From now on (for good) a nesting parent. ERR_PARENT_HAS_READ_ONLY; ERR_NOT_A_PARENT: a shadow can never be one. */
must_use enum result domain_make_parent(struct domain *d);

/*
 * What a unit's default entry needs (vtd_takeover()): takes a domain id of second-stage-only
 * entries on that unit and counts the unit as a user of the domain until domain_unit_remove().
 * ERR_EXISTS: it has one.
 */
must_use enum result domain_unit_add(struct domain *d, struct vtd_unit *unit,
                                     struct vtd_default *out);
void domain_unit_remove(struct domain *d, struct vtd_unit *unit);

/*
 * A device, or one PASID of it (VTD_NO_PASID: its requests without PASID), second-stage-only.
 * The source-id was opened in that root (vtd_device_open()). When the unit stops answering in the
 * middle (ERR_TIMEOUT, ERR_QUEUE) the device is left blocked; detach it then.
 */
must_use enum result domain_attach(struct domain *d, struct vtd_unit *unit, enum vtd_root root,
                                   u16 sid, u32 pasid);
must_use enum result domain_detach(struct domain *d, struct vtd_unit *unit, enum vtd_root root,
                                   u16 sid, u32 pasid);
/*
 * From whatever (sid, pasid) is attached to now (ERR_NOT_FOUND if nothing) to d, in one step. A refusal
 * (ERR_UNSUPPORTED, ERR_INVALID, ERR_NO_MEMORY, those of ids) leaves what is there. After any other error the device
 * is blocked and attached to nothing; where not even that could be had of the unit, what its entry may name stays in
 * use until a detach or attach of (sid, pasid) finds the unit answering.
 */
must_use enum result domain_replace(struct domain *d, struct vtd_unit *unit, enum vtd_root root,
                                    u16 sid, u32 pasid);

/* The data of struct iommu_hwpt_vtd_s1. */
enum { NESTED_SRE = 1, NESTED_EAFE = 2, NESTED_WPE = 4 };
struct nested_config {
    u64 flags;        /* others than the three: ERR_INVALID */
    u64 pgtbl_addr;   /* GPA of the first-stage root, 4 KiB aligned */
    u32 addr_width;   /* 48 or 57 */
    u16 guest_did;    /* the guest's name for its domain; picks the host's id, never is it */
};
/* ERR_NOT_A_PARENT (also for a parent that is not one yet), ERR_INVALID. */
must_use enum result nested_create(struct domain *parent, const struct nested_config *config,
                                   struct nested **out);
must_use enum result nested_destroy(struct nested *n);
must_use enum result nested_attach(struct nested *n, struct vtd_unit *unit, enum vtd_root root,
                                   u16 sid, u32 pasid);
must_use enum result nested_detach(struct nested *n, struct vtd_unit *unit, enum vtd_root root,
                                   u16 sid, u32 pasid);
must_use enum result nested_replace(struct nested *n, struct vtd_unit *unit, enum vtd_root root,
                                    u16 sid, u32 pasid);

/* The host domain id of second-stage-only entries of the domain on a unit; false: nothing there uses it. */
bool domain_id(const struct domain *d, const struct vtd_unit *unit, u16 *out);
/* Host domain ids that stand for a guest's on a unit; returns how many, at most max. */
u32 did_of_guest(const struct vtd_unit *unit, u32 partition, u16 guest_did, u16 *out, u32 max);

#endif
