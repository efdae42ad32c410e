/*
 * A partition: its CPUs, its memory with one second stage for CPU and DMA, its remapping
 * units. All that is about a guest hangs here or off struct vcpu; the machine's own state
 * is in state.h and cpu.h. The root partition is the system that was going to boot anyway.
 */
#ifndef NESTOR_HV_PARTITION_PARTITION_H
#define NESTOR_HV_PARTITION_PARTITION_H

#include "hv/machine/cpu.h"
#include "hv/vcpu/vcpu.h"
#include "iommu/domain/domain.h"
#include "iommu/viommu/viommu.h"

struct partition {
    u32 id;
    u32 gpa_width;
    struct domain *domain;
    struct ept *ept;                /* what ept.c knows of it */
    u64 eptp;
    hpa_t msr_bitmap;
    hpa_t io_bitmap;                /* two pages */
    struct viommu *viommus[VTD_DMAR_UNITS];  /* one per unit of units.h, or NULL */
    bool has_viommus;
    u32 work_left;                  /* by a CPU that stopped; see work.c */
    u32 cpuid_features;             /* enum cpuid_nestor_feature */
    u64 protected_writes;           /* by a CPU to the config's protected regions, dropped */
    u64 own_memory_hits;            /* accesses to Nestor's memory or a unit that is not shown */
    u64 refused_accesses;           /* to them and to the units' registers, that got a fault */
    u64 denied_msrs[2], foreign_msrs[2];     /* reads, writes */
    u64 refused_sleeps, sleeps;
    u64 refused_tasks;
};

/* The root partition: everything that the machine has but for Nestor's memory and the units' registers. */
must_use enum result partition_create_root(struct partition **out);
void partition_destroy(struct partition *p);

/* [gpa, gpa + len), at most a page, lies in memory of the partition that a device may write to. */
bool partition_is_ram(const struct partition *p, gpa_t gpa, u64 len);

/* Where that is to be read, for a piece within a page; NULL unless all is memory, the firmware's included. */
const volatile void *partition_memory(const struct partition *p, gpa_t gpa, size_t len);

/* Copies out of the partition's memory, the firmware's included; false unless all is memory. */
bool partition_read(const struct partition *p, gpa_t gpa, void *to, size_t len);

#endif
