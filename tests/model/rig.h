/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A machine of one reference unit and sparse memory, for tests: table pages on demand, holes that
 * answer no access, a log of interrupts, and short forms of what every test does (turn translation
 * on, submit a descriptor, access as a device, take a fault record). Entries are given as plain
 * words; a rig never builds a table entry.
 */
#ifndef NESTOR_MODEL_RIG_H
#define NESTOR_MODEL_RIG_H

#include "tests/model/model.h"

/* CAP and ECAP of a unit that can do everything the model knows (48-bit HAW, 57-bit walks). */
#define RIG_VER 0x10u
#define RIG_CAP 0xd1d2078c30780e66ull /* ND 6, SAGAW 39/48/57, MGAW 57, 8 records at 300h */
#define RIG_ECAP 0x0333ef9ea6f050c7ull /* IOTLB at 500h, no IR, no HPT, no ERS */

struct rig;

struct rig_fault {
    uint64_t addr;
    uint16_t sid;
    uint8_t reason;
    uint32_t pasid;
    bool has_pasid, priv, exec, read, t2;
    unsigned at;
};

/* config NULL: the all-capable unit, HAW 48. */
struct rig *rig_create(const struct model_config *config);
void rig_destroy(struct rig *rig);
struct model_config rig_default_config(void);
struct model_unit *rig_unit(struct rig *rig);

/* A fresh zeroed page; rig_pages: contiguous. Memory exists wherever it is touched. */
uint64_t rig_page(struct rig *rig);
uint64_t rig_pages(struct rig *rig, unsigned count);
void rig_put(struct rig *rig, uint64_t addr, uint64_t value);
uint64_t rig_get(struct rig *rig, uint64_t addr);
void rig_fill(struct rig *rig, uint64_t addr, const void *bytes, size_t len);
void rig_copy(struct rig *rig, uint64_t addr, void *bytes, size_t len);

/* [first, last] answers neither reads nor writes; read_only: reads only. One of each kind. */
void rig_hole(struct rig *rig, uint64_t first, uint64_t last);
void rig_no_update(struct rig *rig, uint64_t first, uint64_t last);
void rig_no_holes(struct rig *rig);

/* RTADDR = value (TTM and SSIRWE included), SRTP, TE. The queue is set up before. */
void rig_enable(struct rig *rig, uint64_t rtaddr);
/* 256-bit descriptor; returns true when the queue took it without error. */
bool rig_submit(struct rig *rig, uint64_t w0, uint64_t w1);
bool rig_submit4(struct rig *rig, const uint64_t w[4]);
/* After an error: clears FSTS and empties the queue. */
void rig_queue_recover(struct rig *rig);
void rig_invalidate_all(struct rig *rig);

/* Device access of 8 bytes. Returns the fault reason, 0 when done. */
unsigned rig_read(struct rig *rig, const struct model_request *request, uint64_t *value);
unsigned rig_write(struct rig *rig, const struct model_request *request, uint64_t value);

/* Oldest pending fault record, cleared by this. False when there is none. */
bool rig_take_fault(struct rig *rig, struct rig_fault *out);

unsigned rig_interrupts(const struct rig *rig);
void rig_last_interrupt(const struct rig *rig, uint64_t *addr, uint32_t *data);

#endif
