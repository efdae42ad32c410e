/* The machine's remapping units: probed, taken over before any guest runs, shown to a partition. */
#ifndef NESTOR_HV_MACHINE_UNITS_H
#define NESTOR_HV_MACHINE_UNITS_H

#include "hv/partition/partition.h"
#include "iommu/vtd/vtd.h"

/* Looks at all units of the DMAR table, changes nothing. The first that cannot be controlled is an error. */
must_use enum result units_probe(void);
u32 units_count(void);
struct vtd_unit *units_get(u32 i);
void units_get_info(u32 i, struct vtd_unit_info *out);

/* What one table for all of them and the CPU may look like. */
struct units_common {
    u64 page_sizes;
    u32 levels;           /* bit n: n-level second stage on all */
    bool coherent, nesting;
};
struct units_common units_get_common(void);

/* All DMA of all source-ids through the partition's second stage from now on. */
must_use enum result units_take_over(struct partition *p);
/* Undoes it. */
void units_release(struct partition *p);

/* A remapping unit of the partition's own for each, where all can nest. */
must_use enum result units_show(struct partition *p);

/* The partition's unit whose registers are at gpa, and the offset in them; NULL for anything else. */
struct viommu *units_viommu_at(const struct partition *p, u64 gpa, u32 *offset);

/* Work that vIOMMUs left over; true while something is left. */
bool units_run(struct partition *p);
bool units_need_polling(const struct partition *p);
void units_poll_faults(struct partition *p);

#endif
