/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guest's own tables, read as its unit would read them: root, context, PASID directory, PASID
 * entry. Pure but for the reads: guest memory in, a decoded entry or the reason of VT-d table 30
 * out. Each structure is copied once and only the copy is looked at, since the guest may write
 * while we read.
 */
#ifndef NESTOR_IOMMU_VIOMMU_WALK_H
#define NESTOR_IOMMU_VIOMMU_WALK_H

#include "iommu/viommu/viommu.h"
#include "iommu/spec/entries.h"
#include "iommu/spec/faults.h"

struct walk_config {
    const struct guest_ops *ops;
    void *ctx;
    u64 cap, ecap;  /* of the guest's unit */
    u32 haw;        /* host address width that the guest's DMAR table tells */
    u32 gpa_width;  /* what the second stage translates */
    u64 rtaddr;     /* the active root */
};

/* A guest context entry that the specification accepts, or present = false. */
struct guest_context {
    bool present : 1, fpd : 1, paside : 1;
    union {
        u8 pdts;
        u8 levels;   /* legacy mode: of the table, 0 for pass-through */
    };
    u16 did;         /* legacy mode */
    u32 rid_pasid;
    gpa_t directory; /* legacy mode: SSPTPTR */
};

/* A guest PASID entry that the specification accepts, or present = false. */
struct guest_entry {
    bool present;
    bool fpd;
    enum pgtt pgtt;      /* PGTT_FIRST_STAGE (legacy mode: PGTT_SECOND_STAGE) or PGTT_PASS_THROUGH */
    u16 did;
    bool sre, wpe, eafe;
    bool five_levels;    /* FSPM = 1 */
    gpa_t fs_root;
    u8 ss_levels;
    gpa_t ss_root;
};

struct walk_result {
    enum vtd_fault_reason reason; /* VTD_FAULT_NONE: entry is valid */
    bool fpd;                     /* an FPD on the way suppresses qualified faults */
    struct guest_entry entry;
    enum vtd_fault_reason first_stage; /* of viommu_first_stage_judge(), by who needs it */
};

/* PASIDs that the directory covers and requests can carry (ECAP.PSS): those above fault, VT-d 9.4. At least 1. */
u32 viommu_walk_pasid_count(const struct walk_config *w, const struct guest_context *context);
/* The context table of a source-id; ROOT_NOT_PRESENT and the like otherwise. */
enum vtd_fault_reason viommu_walk_root(const struct walk_config *w, u16 sid, gpa_t *table);
/* out->present is false with any reason but NONE; out->fpd is valid when the entry was read. */
enum vtd_fault_reason viommu_walk_context(const struct walk_config *w, gpa_t table, u16 sid,
                                          struct guest_context *out);
enum vtd_fault_reason viommu_walk_directory(const struct walk_config *w,
                                            const struct guest_context *context, u32 pasid,
                                            gpa_t *table, bool *fpd);
enum vtd_fault_reason viommu_walk_pasid(const struct walk_config *w,
                                        const struct guest_context *context, u32 pasid,
                                        struct guest_entry *out);

/* The same in legacy mode, where a context entry is all there is. */
enum vtd_fault_reason viommu_walk_legacy_root(const struct walk_config *w, u16 sid, gpa_t *table);
enum vtd_fault_reason viommu_walk_legacy_context(const struct walk_config *w, gpa_t table, u16 sid,
                                                 struct guest_context *out);
void viommu_walk_legacy_entry(const struct guest_context *context, struct guest_entry *out);

/* The decoders alone, for entries already copied. */
enum vtd_fault_reason viommu_walk_decode_context(const struct walk_config *w,
                                            const struct context_entry *e,
                                            struct guest_context *out);
enum vtd_fault_reason viommu_walk_decode_directory(const struct walk_config *w,
                                              const struct pasid_dir_entry *e, gpa_t *table);
enum vtd_fault_reason viommu_walk_decode_pasid(const struct walk_config *w, const struct pasid_entry *e,
                                          struct guest_entry *out);

/* What the guest's unit would say to an untranslated request, up to the PASID entry. */
void viommu_walk_request(const struct walk_config *w, u16 sid, bool has_pasid, u32 pasid,
                         struct walk_result *out);

#endif
