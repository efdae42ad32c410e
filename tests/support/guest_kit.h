/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A guest for hosted tests: one partition with RAM, one driver that writes scalable-mode tables into that RAM as an
 * operating system would, and a vIOMMU on a reference unit. Short forms of what every test does.
 */
#ifndef NESTOR_GUEST_KIT_H
#define NESTOR_GUEST_KIT_H

#include "iommu/viommu/viommu.h"
#include "tests/support/guest_kit_host.h"

struct vtd_owner;

enum {
    KIT_RAM_BASE = 0x100000,
    KIT_RAM_END = 0x1000000,
    KIT_CAP_ND = 6,
    KIT_HAW = 46,
    KIT_CPUS = 12,         /* the partition's CPUs have the ids below, and KIT_WIDE_CPU */
    KIT_WIDE_CPU = 300,
    KIT_FOREIGN = 0x8010,  /* while the partition is not alone: another's, in the middle of a bus, */
    KIT_FOREIGN_END = 0x8020, /* up to here */
    KIT_OWNER_CPU = 15,    /* the first owner's, with the one below; the next owner has the two below those */
    KIT_OWNER_BYTES = 0x200000,
    KIT_OWNER_RAM = KIT_RAM_END, /* where the first one's begins, to itself, too */
    KIT_OWNER_RAM_END = KIT_OWNER_RAM + KIT_OWNER_BYTES,
    KIT_WINDOW = 0x1000,   /* bytes of registers: a page, the last are fault records at 220h */
};

/* A unit with every feature: ND 6, MGAW 48, 4 records at 220h, no CM. */
#define KIT_CAP (1ull << 63 | 1ull << 60 | 3ull << 54 | 1ull << 56 | 18ull << 48 | 3ull << 40 | \
                 1ull << 39 | 3ull << 34 | 0x22ull << 24 | 47ull << 16 | 0xeull << 8 |          \
                 KIT_CAP_ND)
#define KIT_ECAP (1ull << 49 | 1ull << 48 | 1ull << 47 | 1ull << 46 | 1ull << 43 | 1ull << 40 | \
                  19ull << 35 | 1ull << 34 | 1ull << 31 | 1ull << 26 | 0xfull << 8 |            \
                  1ull << 7 | 1ull << 6 | 1ull << 2 | 3ull)

/* Offsets of VT-d 11.4 that tests use. */
enum { R_VER = 0x00, R_CAP = 0x08, R_ECAP = 0x10, R_GCMD = 0x18, R_GSTS = 0x1c, R_RTADDR = 0x20,
       R_CCMD = 0x28, R_FSTS = 0x34, R_FECTL = 0x38, R_FEDATA = 0x3c, R_FEADDR = 0x40,
       R_FEUADDR = 0x44, R_IQH = 0x80, R_IQT = 0x88, R_IQA = 0x90, R_ICS = 0x9c, R_IECTL = 0xa0,
       R_IEDATA = 0xa4, R_IEADDR = 0xa8, R_IEUADDR = 0xac, R_IQERCD = 0xb0,
       R_IRTA = 0xb8 };
#define G_TE (1u << 31)
#define G_SRTP (1u << 30)
#define G_QIE (1u << 26)
#define G_IRE (1u << 25)
#define G_SIRTP (1u << 24)
#define G_CFI (1u << 23)

struct kit {
    struct model_unit *unit;
    struct viommu *v;
    u64 next_page;        /* guest RAM not handed out yet */
    u64 root;             /* guest root table */
    u64 ring;             /* guest queue, one page */
    u32 pages_before;     /* the pool's use without the vIOMMU */
    u32 interrupts;       /* sent by hand, through guest_ops */
    u64 interrupt_addr;
    u32 interrupt_data;
    u64 reads;            /* guest_ops.read calls */
    u64 ram_base, ram_end; /* of the partition */
    u32 owner;            /* it is not the root's, but that of the first owner, or the second */
    u32 owners;           /* of a root: how many there are; they have CPUs, and the devices from KIT_FOREIGN on */
    bool shared;          /* so it is not alone */
    const u16 *sids;      /* of an owner */
    u32 sid_count;
    bool remaps;          /* interrupt remapping is shown to owners as well: */
    bool (*interrupts_changed)(struct kit *kit, u32 first, u32 end, u32 *next, u32 *budget);
    bool (*interrupt_index)(struct kit *kit, u32 host, u32 *index);
    /* Called after each read of guest memory: a guest that writes meanwhile. */
    void (*after_read)(struct kit *kit, u64 gpa, size_t len);
};

/* A unit with every feature, a second stage over all guest RAM, a vIOMMU in its reset state. */
void kit_start(struct kit *kit);
void kit_start_with(struct kit *kit, const struct viommu_config *quotas);
/* On a unit of these capabilities; quotas may be NULL. */
void kit_start_unit(struct kit *kit, u64 cap, u64 ecap, const struct viommu_config *quotas);
/* Destroys everything; false if a page or a domain id leaked. */
bool kit_stop(struct kit *kit);

/*
 * Another partition's guest, which has these devices behind the unit of a kit that was started and is shared, and a
 * second stage of its own; it is stopped before the other. What its messages come to is for the test to say.
 */
void kit_start_owner(struct kit *kit, struct kit *root, struct domain *memory, const u16 *sids, u32 count);
void kit_stop_owner(struct kit *kit);
/* What is needed before: the memory of owner 1 or 2, and its devices behind the unit; `owners` has a place for each. */
struct domain *kit_own(u32 owner, const u16 *sids, u32 count, struct vtd_owner *owners);
void kit_disown(struct domain *memory, const u16 *sids, u32 count);
/* Its CPUs with ids below 16, as bits. */
u32 kit_cpus(const struct kit *kit);

u64 kit_page(struct kit *kit);
u64 kit_pages(struct kit *kit, u32 count);
u64 *kit_at(u64 gpa);

/* Reads as a CPU does: again as long as the register is busy. */
enum viommu_outcome kit_read_once(struct kit *kit, u32 offset, u32 size, u64 *value);
/* Register access, with all work done before it returns. */
u64 kit_read(struct kit *kit, u32 offset, u32 size);
void kit_write(struct kit *kit, u32 offset, u32 size, u64 value);
void kit_finish(struct kit *kit);
/* One exit of the timer with so many steps; true while something is left. */
bool kit_run(struct kit *kit, u32 budget);

/* IQA and QIE; SRTP with the given TTM; TE. */
void kit_queue_on(struct kit *kit);
void kit_set_root(struct kit *kit, u32 ttm);
void kit_translate(struct kit *kit, bool on);
/* Queue, scalable root, TE. */
void kit_boot(struct kit *kit);

/* Writes a 256-bit descriptor at the tail and rings the doorbell; false if that set IQE. */
bool kit_submit(struct kit *kit, u64 w0, u64 w1);
/* Queues without ringing; returns the new tail. */
u64 kit_queue(struct kit *kit, u64 tail, u64 w0, u64 w1);
/* Context, PASID-cache and IOTLB invalidation of everything, and a wait. */
void kit_invalidate_all(struct kit *kit);

/*
 * Guest tables, created where they are missing; no invalidation. `attributes` go into words 0 and 1 of the
 * context entry.
 */
u64 *kit_context(struct kit *kit, u16 sid, u64 attributes0, u64 attributes1);
u64 *kit_pasid_entry(struct kit *kit, u16 sid, u32 pasid);
void kit_first_stage(struct kit *kit, u16 sid, u32 pasid, u16 did, u64 fs_root);
void kit_pass_through(struct kit *kit, u16 sid, u32 pasid, u16 did);
/* One 4 KiB page in four-level first-stage tables; prot: 2 writable, 4 user, 0 removes it. */
void kit_map(struct kit *kit, u64 fs_root, u64 iova, u64 gpa, u64 bits);

/*
 * A guest of a shadowed unit: legacy mode, descriptors of 128 bits. A context entry that leads to a table of so many
 * levels (0: pass-through); an entry of a table at that level, the tables above made; nothing is invalidated.
 */
void kit_boot_legacy(struct kit *kit);
bool kit_submit_legacy(struct kit *kit, u64 w0, u64 w1);
u64 *kit_legacy_context(struct kit *kit, u16 sid, u16 did, u64 table, u32 levels);
u64 *kit_second_stage(struct kit *kit, u64 table, u32 levels, u64 iova, u32 level);

/* A device with one writable page, which holds KIT_VALUE; its address, and the first stage if asked for. */
#define KIT_VALUE 0x1122334455667788ull
u64 kit_device(struct kit *kit, u16 sid, u32 pasid, u16 did, u64 iova, u64 *fs_root);
/* One device nested, one passed through under the next domain id, one whose PASID entry is not present. */
void kit_three_devices(struct kit *kit, const u16 sids[static 3], u16 did, u64 iova);

/* Eight bytes of DMA; the fault reason, 0 when done. */
u8 kit_dma(struct kit *kit, u16 sid, bool write, u64 addr, u64 *value);
u8 kit_dma_pasid(struct kit *kit, u16 sid, u32 pasid, bool write, u64 addr, u64 *value);
enum model_kind kit_kind(struct kit *kit, u16 sid, u64 addr);

struct kit_fault {
    u64 addr;
    u16 sid;
    u8 reason;
    bool has_pasid, read;
    u32 pasid;
};
/* The oldest record that the guest sees; it is cleared. */
bool kit_take_fault(struct kit *kit, struct kit_fault *out);

struct viommu_stats kit_stats(const struct kit *kit);

#endif
