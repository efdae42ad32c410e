/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A VT-d remapping unit in plain C: registers, table walks, caches, invalidation
 * queue, faults. It is the hardware of the tests and shares nothing with iommu/,
 * not even a field list, so that a wrong declaration there cannot confirm itself.
 *
 * No globals, no threads, no libc beyond memory and text: the same objects are
 * the oracle of the hosted tests and the VT-d unit of the Bochs machine.
 * Section numbers are those of the VT-d specification, rev 5.10.
 */
#ifndef NESTOR_MODEL_H
#define NESTOR_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct model_unit;

/* What the unit is. A config in which only ver, cap, ecap and haw are not zero is valid. */
struct model_config {
    uint32_t ver;           /* VER register: 7:4 major, 3:0 minor */
    uint64_t cap;           /* CAP register as read by software */
    uint64_t ecap;          /* ECAP register as read by software */
    unsigned haw;           /* host address width in bits (32..52) */
    bool erratum_772415;    /* SPR17: A/D/EA set despite a read-only second stage (PWSNP=1) */
    bool no_caches;         /* every access walks, nothing is ever cached */
    /*
     * VT-d 7.2.1 lets a unit drop a fault whose source-id has a record with F=1. Off: each
     * fault takes a record of its own, as long as there is room.
     */
    bool merge_faults;
    /*
     * Two relaxations that Linux needs: AW may be set in a PASID entry though SSTS=0 (VT-d 9.6 says
     * Reserved(0)), and with CM=1 a PASID-selective PASID-cache invalidation also removes faulted
     * entries of that PASID (VT-d 6.2.3 tags them DID 0, Linux invalidates under the new DID).
     */
    bool tolerate_linux;
};

/*
 * Memory and interrupts of the machine. mem_* get host-physical addresses, never cross a 4 KiB
 * page, and return false if nothing answers there. cmpxchg64 compares an aligned qword with
 * *expected; on a mismatch it stores what it saw in *expected and sets *swapped to false.
 * interrupt() delivers one message write.
 */
struct model_ops {
    void *ctx;
    bool (*mem_read)(void *ctx, uint64_t addr, void *buf, size_t len);
    bool (*mem_write)(void *ctx, uint64_t addr, const void *buf, size_t len);
    bool (*mem_cmpxchg64)(void *ctx, uint64_t addr, uint64_t *expected, uint64_t desired,
                          bool *swapped);
    void (*interrupt)(void *ctx, uint64_t addr, uint32_t data);
};

/*
 * What interrupt() gets, remapped or not, is a message as in VT-d 5.1.6: destination 7:0 in address
 * 19:12 and 31:8 in address 63:40, redirection hint in 3, logical in 2; vector, delivery mode, level
 * in the data.
 */

struct model_unit *model_create(const struct model_config *config, const struct model_ops *ops);
void model_destroy(struct model_unit *unit);

/* Power-on state: registers, caches, pending faults; counters are kept. */
void model_reset(struct model_unit *unit);

/* Bytes of register space, whole pages: up to the last register that CAP.FRO, CAP.NFR and ECAP.IRO name. */
size_t model_register_size(const struct model_unit *unit);

/*
 * One register access at a byte offset in that space. Size 4 or 8, naturally
 * aligned; anything else reads as zero and is ignored when written (VT-d 11.2).
 */
uint64_t model_read(struct model_unit *unit, uint64_t offset, unsigned size);
void model_write(struct model_unit *unit, uint64_t offset, unsigned size, uint64_t value);

enum model_op {
    MODEL_READ,
    MODEL_WRITE,
    MODEL_ATOMIC,           /* fetch-and-add of buf on 4 or 8 bytes; buf returns the old value */
};

enum model_at {
    MODEL_UNTRANSLATED = 0,
    MODEL_TRANSLATION = 1,  /* ATS translation request: moves no data, answers in the outcome */
    MODEL_TRANSLATED = 2,   /* addr is already host physical */
};

struct model_request {
    uint16_t sid;           /* bus 15:8, device 7:3, function 2:0 */
    bool has_pasid;
    uint32_t pasid;
    bool priv;              /* supervisor; only with has_pasid (otherwise RID_PRIV decides) */
    bool exec;              /* execute requested; only with has_pasid */
    bool no_snoop;
    bool no_write;          /* ATS: the device does not ask for write permission */
    enum model_op op;
    enum model_at at;
    uint64_t addr;
    size_t len;             /* 0 is a zero-length read: the page of the first byte is checked, nothing moves */
};

/* Which translation served a request (first page of it). */
enum model_kind {
    MODEL_KIND_BLOCKED,
    MODEL_KIND_UNTRANSLATED,    /* TES=0 */
    MODEL_KIND_FIRST_STAGE,
    MODEL_KIND_SECOND_STAGE,    /* legacy or scalable */
    MODEL_KIND_NESTED,
    MODEL_KIND_PASS_THROUGH,
    MODEL_KIND_TRANSLATED,      /* AT=10b */
    MODEL_KIND_INTERRUPT,       /* a DWORD write to FEEx_xxxx */
    MODEL_KINDS
};
const char *model_kind_name(enum model_kind kind);

struct model_outcome {
    bool ok;                /* everything was done */
    size_t done;            /* bytes moved before a refusal */
    uint8_t reason;         /* fault reason (VT-d Table 30), 0 when ok */
    bool qualified;         /* reason is not logged when an FPD of the walk is set */
    bool fpd;               /* an FPD on the walk was set */
    bool recorded;          /* a fault record is due (not suppressed by FPD) */
    uint64_t fault_addr;    /* page address of the refused access */
    enum model_kind kind;
    uint64_t hpa;           /* host address of the first byte */
    uint64_t page_size;     /* of the effective mapping: the smaller of both stages */
    uint16_t did;
    uint32_t pasid;         /* effective: RID_PASID for a request without one */
    bool can_read, can_write; /* of the effective mapping, for this request's privilege */
    bool snooped;           /* the final access is snooped */
    bool erratum;           /* 772415 took effect: the walk wrote a read-only page */
    /* AT=01b only: 0 success, 1 unsupported request, 4 completer abort */
    uint8_t ats_status;
};

/* A device's access, with all the side effects of hardware. buf may be NULL if len is 0. */
bool model_dma(struct model_unit *unit, const struct model_request *request, void *buf,
               struct model_outcome *outcome);

/*
 * An interrupt request: a DWORD write to FEEx_xxxxh by a device, an I/O APIC or an HPET (VT-d 5.1).
 * model_dma() comes here by itself; an I/O APIC calls it with the source-id of its DMAR scope.
 */
enum model_form { MODEL_FORM_REFUSED, MODEL_FORM_COMPATIBILITY, MODEL_FORM_REMAPPED, MODEL_FORM_POSTED };
struct model_interrupt {
    bool ok;
    enum model_form form;
    bool sent;              /* a message left the unit; false for a posted one without notification */
    uint64_t addr;          /* of the message */
    uint32_t data;
    bool has_index;
    uint32_t index;
    uint8_t reason;         /* VT-d Table 15, 0 when ok */
    bool qualified, fpd, recorded;
};
bool model_interrupt(struct model_unit *unit, uint16_t sid, uint64_t addr, uint32_t data,
                     struct model_interrupt *out);
/* The same as if the unit had cached nothing; nothing is sent, written or recorded. */
bool model_interrupt_ask(struct model_unit *unit, uint16_t sid, uint64_t addr, uint32_t data,
                         struct model_interrupt *out);

/*
 * What a unit that has cached nothing would do with the first byte of the request,
 * without doing it: reads tables, writes nothing, records nothing, counts nothing.
 */
bool model_translate(struct model_unit *unit, const struct model_request *request,
                     struct model_outcome *outcome);

/*
 * Calls visit for every mapping that a request of this sid/pasid could reach, by a fresh walk; pass-through is one
 * mapping of 2^haw bytes. Returns the fault reason that stopped the walk before any page table, else 0. visit returns
 * false to stop.
 */
struct model_mapping {
    uint64_t iova, hpa, size;
    bool can_read, can_write, user;
    enum model_kind kind;
};
typedef bool model_visit(void *ctx, const struct model_mapping *mapping);
unsigned model_walk_all(struct model_unit *unit, uint16_t sid, bool has_pasid, uint32_t pasid,
                        model_visit *visit, void *ctx);

/* A device's page request (PRI). False: answered at once (*response), not queued. */
struct model_page_request {
    uint16_t sid;
    bool has_pasid;
    uint32_t pasid;
    bool priv, exec, read, write, last;
    uint16_t group;         /* 9 bits */
    uint64_t addr;
};
enum model_page_response {
    MODEL_PAGE_SUCCESS = 0,
    MODEL_PAGE_INVALID = 1,
    MODEL_PAGE_FAILURE = 15
};
bool model_page_request(struct model_unit *unit, const struct model_page_request *request,
                        enum model_page_response *response);

/*
 * The devices' end of the invalidation queue: what software tells them. Hooks that are not set
 * answer "completed". If dtlb_invalidate returns false, it is a time-out: ITE with that SID.
 */
struct model_device_invalidation {
    uint16_t sid, pfsid;
    bool has_pasid, global;
    uint32_t pasid;
    uint64_t addr, size;    /* size is UINT64_MAX for "everything" */
};
struct model_device_ops {
    void *ctx;
    bool (*dtlb_invalidate)(void *ctx, const struct model_device_invalidation *inv);
    void (*page_response)(void *ctx, uint16_t sid, bool has_pasid, uint32_t pasid, uint16_t group,
                          unsigned code);
};
void model_set_device_ops(struct model_unit *unit, const struct model_device_ops *ops);

/*
 * Misbehaviour on demand. Each setting stays until it is cleared, except those named *_once. While
 * queue_hang is set, descriptors are not fetched; gcmd_hang: GSTS does not echo.
 */
struct model_faults {
    bool queue_hang;        /* IQH stops */
    bool gcmd_hang;         /* GCMD commands are never completed */
    bool command_hang;      /* CCMD.ICC / IOTLB.IVT stay set */
    bool ite_once;          /* the next device-TLB invalidation times out */
    bool interrupts_in_flight; /* remapped ones arrive when a wait drains them (VT-d 6.5.5) or this is cleared */
    bool ice_once;          /* the next device-TLB invalidation also reports ICE */
    bool gone;              /* registers read all ones, writes are lost */
    bool deaf;              /* writes of registers are lost */
    bool refuses;           /* each descriptor but a wait is an error (IQE) */
    uint64_t no_latch;      /* bits that RTADDR, IQA and the bases and limits of protected regions do not hold */
    uint64_t hang_after;    /* >0: the queue hangs after that many more descriptors */
};
void model_set_faults(struct model_unit *unit, const struct model_faults *faults);
const struct model_faults *model_get_faults(const struct model_unit *unit);
/* Performs what a cleared hang left pending. Harmless at any time. */
void model_kick(struct model_unit *unit);

enum model_desc_type { /* VT-d 6.5.2, index into counters */
    MODEL_DESC_CONTEXT = 1, MODEL_DESC_IOTLB, MODEL_DESC_DTLB, MODEL_DESC_IEC, MODEL_DESC_WAIT,
    MODEL_DESC_PASID_IOTLB, MODEL_DESC_PASID_CACHE, MODEL_DESC_PASID_DTLB, MODEL_DESC_PAGE_RESPONSE,
    MODEL_DESC_TYPES
};

struct model_counters {
    uint64_t pages[MODEL_KINDS];        /* page-sized pieces of DMA by kind */
    uint64_t bytes_read, bytes_written;
    uint64_t faults;                    /* refused requests */
    uint64_t faults_suppressed;         /* by FPD */
    uint64_t faults_merged;             /* same SID as a pending record */
    uint64_t faults_lost;               /* PFO */
    uint64_t last_reason;
    uint64_t by_reason[256];
    uint64_t descriptors[MODEL_DESC_TYPES];
    uint64_t descriptors_bad;           /* IQE */
    uint64_t erratum_writes;            /* 772415 */
    uint64_t iotlb_hits, iotlb_misses;
    uint64_t context_hits, context_misses;
    uint64_t pasid_hits, pasid_misses;
    uint64_t walk_reads;                /* table entries read from memory */
    uint64_t ad_updates;                /* entries written by walks */
    uint64_t iotlb_entries, context_entries, pasid_entries, fs_entries, ss_entries; /* live now */
    uint64_t interrupts;                /* event messages sent */
    uint64_t interrupts_passed;         /* messages of devices that left the unit, of any form */
    uint64_t interrupts_compatibility, interrupts_remapped, interrupts_posted, interrupts_refused;
    uint64_t irte_hits, irte_entries;
    uint64_t eime_changed_live;         /* SIRTP with another EIME while IRES=1 */
    uint64_t page_requests;
};
const struct model_counters *model_counters(struct model_unit *unit);
void model_counters_clear(struct model_unit *unit);

/* Pieces of DMA of one source-id by kind; all zero if it was never seen. */
uint64_t model_sid_pages(const struct model_unit *unit, uint16_t sid, enum model_kind kind);
uint64_t model_sid_faults(const struct model_unit *unit, uint16_t sid);

/* "name value" lines, then one "sid BB:DD.F kind=pages ..." line per source-id seen. */
void model_dump(struct model_unit *unit, FILE *out);

#endif
