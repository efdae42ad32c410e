/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the files of the model share: the unit, the request as it travels along the walk,
 * and one prototype per mechanism. Not for users of the model: they include model.h.
 *
 * Order of a request: model_dma.c splits it into pages and moves data; model_translate.c
 * asks the IOTLB, then model_context.c (root, context), model_pasid.c (PASID directory and
 * entry) and the walkers model_first.c and model_second.c.
 */
#ifndef NESTOR_MODEL_INTERNAL_H
#define NESTOR_MODEL_INTERNAL_H

#include "tests/model/model.h"

#define BIT(n) (1ull << (n))
#define PAGE 4096ull
#define PAGE_OFFSET (PAGE - 1)

static inline uint64_t field(uint64_t value, unsigned hi, unsigned lo)
{
    uint64_t width = hi - lo + 1;
    return (value >> lo) & (width == 64 ? ~0ull : BIT(width) - 1);
}

/* Mask of bits hi..lo, both included; empty when hi < lo. */
static inline uint64_t bits(unsigned hi, unsigned lo)
{
    if (hi < lo) {
        return 0;
    }
    return (hi == 63 ? ~0ull : BIT(hi + 1) - 1) & ~(BIT(lo) - 1);
}

/* Register offsets (VT-d 11.4). */
enum {
    REG_VER = 0x00, REG_CAP = 0x08, REG_ECAP = 0x10, REG_GCMD = 0x18, REG_GSTS = 0x1c,
    REG_RTADDR = 0x20, REG_CCMD = 0x28, REG_FSTS = 0x34, REG_FECTL = 0x38, REG_PMEN = 0x64,
    REG_PLMBASE = 0x68, REG_PLMLIMIT = 0x6c, REG_PHMBASE = 0x70, REG_PHMLIMIT = 0x78,
    REG_IQH = 0x80, REG_IQT = 0x88, REG_IQA = 0x90, REG_ICS = 0x9c, REG_IECTL = 0xa0,
    REG_IQERCD = 0xb0, REG_IRTA = 0xb8, REG_PQH = 0xc0, REG_PQT = 0xc8, REG_PQA = 0xd0,
    REG_PRS = 0xdc, REG_PECTL = 0xe0, REG_MTRRCAP = 0x100,
};

enum { /* GCMD and GSTS (VT-d 11.4.4) */
    G_TE = 31, G_SRTP = 30, G_WBF = 27, G_QIE = 26, G_IRE = 25, G_SIRTP = 24, G_CFI = 23,
};

enum { /* FSTS (VT-d 11.4.7.1) */
    FSTS_PFO = 1u << 0, FSTS_PPF = 1u << 1, FSTS_IQE = 1u << 4, FSTS_ICE = 1u << 5,
    FSTS_ITE = 1u << 6,
};

enum { TTM_LEGACY = 0, TTM_SCALABLE = 1, TTM_RESERVED = 2, TTM_ABORT = 3 };
enum { PGTT_FIRST = 1, PGTT_SECOND = 2, PGTT_NESTED = 3, PGTT_PASS_THROUGH = 4 };

/* Fault reasons by the row of VT-d Table 30 they stand for. */
enum reason {
    LRT_1 = 0x08, LRT_2 = 0x01, LRT_3 = 0x0a,
    LCT_1 = 0x09, LCT_2 = 0x02, LCT_3 = 0x0b, LCT_4 = 0x03, LCT_5 = 0x0d,
    LSS_1 = 0x07, LSS_2 = 0x0c,
    LGN_1 = 0x04, LGN_2 = 0x05, LGN_3 = 0x06, LGN_4 = 0x0e,
    RTA_1 = 0x30, RTA_2 = 0x31, RTA_3 = 0x32, RTA_4 = 0x33, RTA_5 = 0x34,
    SRT_1 = 0x38, SRT_2 = 0x39, SRT_3 = 0x3a,
    SCT_1 = 0x40, SCT_2 = 0x41, SCT_3 = 0x42, SCT_4 = 0x43, SCT_5 = 0x44, SCT_6 = 0x45,
    SCT_7 = 0x46, SCT_8 = 0x47, SCT_9 = 0x48, SCT_10 = 0x49,
    SPD_1 = 0x50, SPD_2 = 0x51, SPD_3 = 0x52,
    SPT_1 = 0x58, SPT_2 = 0x59, SPT_3 = 0x5a, SPT_4 = 0x5b, SPT_5 = 0x5c, SPT_6 = 0x5d,
    SFS_1 = 0x70, SFS_2 = 0x71, SFS_3 = 0x72, SFS_4 = 0x73, SFS_5 = 0x74, SFS_6 = 0x75,
    SFS_7 = 0x76, SFS_8 = 0x77, SFS_9 = 0x90, SFS_10 = 0x91,
    SSS_1 = 0x78, SSS_2 = 0x79, SSS_3 = 0x7a, SSS_4 = 0x7b, SSS_5 = 0x7c, SSS_6 = 0x7d,
    SGN_1 = 0x80, SGN_2 = 0x81, SGN_4 = 0x83, SGN_5 = 0x84, SGN_6 = 0x85, SGN_7 = 0x86,
    SGN_8 = 0x87, SGN_10 = 0x89,
};

/* A hash table that never drops an entry by itself. Entries begin with a node. */
struct node {
    struct node *next;
    uint64_t k1, k2;
};

struct cache {
    struct node **buckets;
    size_t bucket_count;
    size_t count;
};

struct node *cache_find(const struct cache *cache, uint64_t k1, uint64_t k2);
/* Takes ownership of a malloc'ed node; one with the same key is replaced. */
void cache_insert(struct cache *cache, struct node *node);
void cache_remove(struct cache *cache, uint64_t k1, uint64_t k2);
typedef bool cache_match(const struct node *node, const void *arg);
size_t cache_remove_if(struct cache *cache, cache_match *match, const void *arg);
void cache_clear(struct cache *cache);
void cache_free(struct cache *cache);

struct context_entry { /* k1 = source-id */
    struct node node;
    uint64_t w[4];
    uint16_t did;           /* legacy only; 0 for a faulted one (VT-d 6.2.2) */
    uint8_t reason;         /* non-zero: a cached fault (CM=1) */
    bool fpd;
};

struct pasid_entry { /* k1 = source-id, k2 = PASID */
    struct node node;
    uint64_t w[8];
    uint16_t did;           /* 0 for a faulted one (VT-d 6.2.3) */
    uint8_t reason;
    bool fpd;               /* of the directory entry or the entry */
};

struct irte { /* k1 = interrupt index; no other tag (VT-d Table 17) */
    struct node node;
    uint64_t w[2];
};

struct iotlb_entry { /* k1 = page number and size class, k2 = source-id, PASID if present */
    struct node node;
    uint64_t hpa;
    uint32_t pasid;         /* RID_PASID for an entry allocated by a request without PASID */
    uint16_t did;
    uint8_t kind;           /* enum model_kind */
    uint8_t shift;          /* 12, 21, 30 */
    uint8_t reason;         /* non-zero: a cached fault (CM=1) */
    bool fpd, sre, wpe, rid_priv;
    bool fs_write, fs_user; /* logical AND over the first stage; true when there is none */
    bool ss_read, ss_write; /* logical AND over the second stage; true when there is none */
    bool dirty;             /* a write needs no D update */
    bool force_snoop;
};

struct fs_entry { /* k1 = address prefix and level, k2 = DID, PASID */
    struct node node;
    uint64_t table_gpa;     /* as in the entry: GPA when nested, else HPA */
    uint64_t table_hpa;
    bool write, user;
};

struct ss_entry { /* k1 = address prefix and level, k2 = DID */
    struct node node;
    uint64_t table;
    bool read, write;
};

struct sid_stats {
    struct node node;       /* k1 = source-id */
    uint64_t pages[MODEL_KINDS];
    uint64_t faults;
};

struct held_interrupt {
    struct held_interrupt *next;
    uint64_t addr;
    uint32_t data, index;
    bool due;               /* its entry was invalidated: the next wait delivers the message */
};

struct model_unit {
    struct model_config config;
    struct model_ops ops;
    struct model_device_ops device_ops;
    struct model_faults faults;
    struct model_counters counters;

    uint32_t *regs;         /* the register page(s) as dwords */
    size_t reg_bytes;
    uint64_t root;          /* RTADDR as latched by SRTP */
    uint64_t irta;          /* IRTA as latched by SIRTP */
    unsigned fault_index;   /* next fault record (VT-d 7.2.1) */
    uint32_t gcmd_pending;  /* written while gcmd_hang was set */
    bool gcmd_is_pending;
    bool in_queue;          /* guards against a callback writing IQT from inside the loop */

    struct cache contexts, pasids, iotlb, fs, ss, irtes;
    struct held_interrupt *held; /* in flight, oldest first */
    struct cache sids;
};

/* Registers. */
uint32_t reg32(const struct model_unit *unit, unsigned offset);
void set_reg32(struct model_unit *unit, unsigned offset, uint32_t value);
uint64_t reg64(const struct model_unit *unit, unsigned offset);
void set_reg64(struct model_unit *unit, unsigned offset, uint64_t value);
void regs_reset(struct model_unit *unit);
void gcmd_perform(struct model_unit *unit, uint32_t value);
static inline bool cap(const struct model_unit *unit, unsigned bit)
{
    return (unit->config.cap & BIT(bit)) != 0;
}
static inline bool ecap(const struct model_unit *unit, unsigned bit)
{
    return (unit->config.ecap & BIT(bit)) != 0;
}
static inline unsigned ver_major(const struct model_unit *unit)
{
    return (unsigned)field(unit->config.ver, 7, 4);
}
static inline unsigned ttm(const struct model_unit *unit)
{
    return (unsigned)field(unit->root, 11, 10);
}
static inline unsigned did_width(const struct model_unit *unit)
{
    return 4 + 2 * (unsigned)field(unit->config.cap, 2, 0);
}

/* CAP bits */
enum { CAP_RWBF = 4, CAP_PLMR = 5, CAP_PHMR = 6, CAP_CM = 7, CAP_ZLR = 22, CAP_SS2M = 34,
       CAP_SS1G = 35, CAP_PSI = 39, CAP_FS1GP = 56, CAP_PI = 59, CAP_FS5LP = 60, CAP_ESIRTPS = 62,
       CAP_ESRTPS = 63 };
/* ECAP bits */
enum { ECAP_QI = 1, ECAP_DT = 2, ECAP_IR = 3, ECAP_EIM = 4, ECAP_PT = 6, ECAP_SC = 7,
       ECAP_MTS = 25, ECAP_NEST = 26, ECAP_PRS = 29, ECAP_ERS = 30, ECAP_SRS = 31,
       ECAP_EAFS = 34, ECAP_PASID = 40, ECAP_DIT = 41, ECAP_PDS = 42, ECAP_SMTS = 43,
       ECAP_SSADS = 45, ECAP_SSTS = 46, ECAP_FSTS = 47, ECAP_SMPWCS = 48, ECAP_RPS = 49,
       ECAP_ADMS = 52, ECAP_RPRIVS = 53, ECAP_HPTS = 55, ECAP_PTRS = 56, ECAP_SSIRWS = 57,
       ECAP_EIMER = 61, ECAP_IRREQ = 62 };

/* One page-sized piece of a request on its way. */
struct walk {
    struct model_unit *unit;
    const struct model_request *request;
    uint64_t addr;
    bool fresh;             /* no caches, no side effects: model_translate() */
    bool want_read, want_write, zero_length;
    bool page_request;

    /* What the tables said so far. */
    bool fpd, rid_priv, priv;
    uint32_t pasid;         /* effective */
    uint16_t did;
    enum model_kind kind;
    bool legacy;
    uint64_t context[4];
    uint64_t pasid_entry[8];

    /* Decoded translation parameters. */
    uint64_t fs_root, ss_root;
    unsigned fs_levels, ss_levels, ss_width;
    bool ssade, snooped_walk, sre, wpe, eafe, pgsnp;

    bool erratum;           /* 772415 took effect */
    bool cache_fault;       /* CM=1: the refusal may be cached in the IOTLB */
};

/* Result of a walk for one page. */
struct mapping {
    uint64_t hpa;           /* of the address, offset included */
    unsigned shift;         /* effective page size */
    bool fs_write, fs_user, ss_read, ss_write, dirty, force_snoop;
};

bool aw_is_supported(const struct model_unit *unit, unsigned aw);
unsigned second_stage_width(const struct model_unit *unit, unsigned aw);
void second_stage_select(struct walk *walk, uint64_t root, unsigned aw);

/* Each returns 0 or a fault reason. */
unsigned context_find(struct walk *walk);
unsigned context_check_request(struct walk *walk);
unsigned pasid_find(struct walk *walk);
unsigned first_stage_walk(struct walk *walk, struct mapping *out);

struct ss_result {
    uint64_t hpa;
    unsigned shift;
    bool read, write, dirty, snoop;
};
/* set_dirty: the access is a write and should set D if the second stage permits it. */
unsigned second_stage_walk(struct walk *walk, uint64_t gpa, bool set_dirty, struct ss_result *out);
unsigned translate_page(struct walk *walk, struct mapping *out);
unsigned mode_check(struct walk *walk);
unsigned structures_find(struct walk *walk);
unsigned walk_tables(struct walk *walk, struct mapping *out);
unsigned permission_check(const struct walk *walk, const struct mapping *m);
bool mapping_reads(const struct walk *walk, const struct mapping *m);
bool mapping_writes(const struct walk *walk, const struct mapping *m);
bool in_interrupt_range(uint64_t addr);
void walk_begin(struct walk *walk, struct model_unit *unit, const struct model_request *request,
                bool fresh);
bool ats_answer(unsigned reason, uint8_t *status);
bool reason_is_qualified(unsigned reason);

/* Memory of the tables, counted. */
bool table_read(struct walk *walk, uint64_t addr, void *buf, size_t len);
enum update { UPDATE_DONE, UPDATE_RETRY, UPDATE_FAILED };
enum update table_set_bits(struct walk *walk, uint64_t addr, uint64_t *entry, uint64_t set);

/* Invalidation (VT-d 6.5.2, Tables 23 and 24). */
void invalidate_all(struct model_unit *unit);
void invalidate_context_global(struct model_unit *unit);
void invalidate_context_domain(struct model_unit *unit, uint16_t did);
void invalidate_context_device(struct model_unit *unit, uint16_t did, uint16_t sid, unsigned fm);
void invalidate_pasid_global(struct model_unit *unit);
void invalidate_pasid_domain(struct model_unit *unit, uint16_t did);
void invalidate_pasid_one(struct model_unit *unit, uint16_t did, uint32_t pasid);
void invalidate_iotlb_global(struct model_unit *unit);
void invalidate_iotlb_domain(struct model_unit *unit, uint16_t did);
void invalidate_iotlb_page(struct model_unit *unit, uint16_t did, uint64_t addr, unsigned am,
                           bool ih);
void invalidate_piotlb_pasid(struct model_unit *unit, uint16_t did, uint32_t pasid);
void invalidate_piotlb_page(struct model_unit *unit, uint16_t did, uint32_t pasid, uint64_t addr,
                            unsigned am, bool ih);

/* Queue, register-based invalidation. */
void queue_run(struct model_unit *unit);
unsigned queue_perform(struct model_unit *unit, const uint64_t w[4], bool *timed_out,
                       bool drop_wait, bool *fence);
void ccmd_written(struct model_unit *unit);
void iotlb_written(struct model_unit *unit);

/* Faults and events. */
void fault_record(struct walk *walk, unsigned reason);
void fault_store(struct model_unit *unit, uint16_t sid, uint64_t low, uint64_t high, unsigned reason,
                 bool suppressed);
void fault_status_set(struct model_unit *unit, uint32_t status_bits);
bool fault_pending(const struct model_unit *unit);
void fault_serviced(struct model_unit *unit);
unsigned fault_record_offset(const struct model_unit *unit, unsigned index);
unsigned fault_record_count(const struct model_unit *unit);
void event_raise(struct model_unit *unit, unsigned control_offset);
void event_unmasked(struct model_unit *unit, unsigned control_offset);
void event_withdraw(struct model_unit *unit, unsigned control_offset);

/* Interrupt remapping. */
bool interrupt_is_remapped(const struct model_unit *unit);
unsigned interrupt_malformed(struct model_unit *unit, uint16_t sid, bool fresh);
void interrupt_table_set(struct model_unit *unit);
void interrupt_remapping_off(struct model_unit *unit);
void invalidate_interrupts_global(struct model_unit *unit);
void invalidate_interrupts(struct model_unit *unit, const uint64_t w[4]);
void interrupts_drain(struct model_unit *unit);
void interrupts_release(struct model_unit *unit);
void interrupts_drop(struct model_unit *unit);

struct sid_stats *sid_find(struct model_unit *unit, uint16_t sid);
bool protected_memory(const struct model_unit *unit, uint64_t hpa, size_t len);

#endif
