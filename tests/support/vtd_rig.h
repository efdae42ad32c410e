/* SPDX-License-Identifier: BSD-2-Clause */
/* One unit of the reference model under the driver, with two small second stages. */
#ifndef NESTOR_VTD_RIG_H
#define NESTOR_VTD_RIG_H

#include "iommu/vtd/vtd.h"
#include "tests/support/hosted.h"

enum vtd_rig_kind {
    VTD_RIG_SERVER,     /* scalable mode, both stages, nesting */
    VTD_RIG_CACHING,    /* the same with caching mode */
    VTD_RIG_LEGACY,
    VTD_RIG_NO_QUEUE,   /* from here on not usable */
    VTD_RIG_NO_LEVELS,
    VTD_RIG_BAD_PAGES,
    VTD_RIG_BAD_DIDS,
    VTD_RIG_KINDS,
};

enum {
    VTD_RIG_BASE = 0x70000000,
    VTD_RIG_GPA = 0x10000,      /* mapped in root, to itself */
    VTD_RIG_OTHER = 0x20000,    /* mapped in other_root, to itself */
    VTD_RIG_HOLE = 0x30000,     /* mapped in neither */
};

struct vtd_rig {
    struct model_unit *model;
    struct vtd_unit *unit;
    struct vtd_default def;
    hpa_t root, other_root;
};

struct model_config vtd_rig_config(enum vtd_rig_kind kind);
void vtd_rig_model(struct vtd_rig *rig, enum vtd_rig_kind kind);
/* Sets up the world, the model and the second stages, and probes the unit; it is not taken over yet. */
void vtd_rig_prepare(struct vtd_rig *rig, enum vtd_rig_kind kind);
void vtd_rig_prepare_with(struct vtd_rig *rig, const struct model_config *config);
void vtd_rig_start_with(struct vtd_rig *rig, const struct model_config *config);
/* What firmware may leave: bit 0 translation with tables of its own, 1 its queue, 2 a fault. */
void vtd_rig_firmware(struct vtd_rig *rig, u32 what);
void vtd_rig_take_over(struct vtd_rig *rig);
void vtd_rig_start(struct vtd_rig *rig, enum vtd_rig_kind kind);
/* Releases and destroys the unit; every page must have been returned. */
void vtd_rig_stop(struct vtd_rig *rig);
/* Eight bytes; the fault reason, 0 when done. */
u8 vtd_rig_dma(struct vtd_rig *rig, u16 sid, u32 pasid, bool write, u64 addr);
/* Takes all faults there are; how many. */
u32 vtd_rig_take_faults(struct vtd_rig *rig);

#endif
