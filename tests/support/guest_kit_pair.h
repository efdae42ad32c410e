/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A guest's unit beside hardware that is built the way the guest sees its unit: the vIOMMU of a
 * kit, and a reference unit with the same CAP and ECAP that reaches the partition's memory and
 * nothing else. Each step is done to both and compared.
 */
#ifndef NESTOR_GUEST_KIT_PAIR_H
#define NESTOR_GUEST_KIT_PAIR_H

#include "tests/support/guest_kit.h"

struct pair {
    struct kit kit;
    struct model_unit *ref;
    u64 status;             /* a guest page for wait descriptors, compared after each write */
    u32 ref_interrupts;
    u64 ref_addr;
    u32 ref_data;
    u32 differences;
    char text[256];         /* the first difference */
};

void pair_start(struct pair *p);
void pair_start_unit(struct pair *p, u64 cap, u64 ecap, const struct viommu_config *quotas);
/* True if nothing differed and nothing leaked. */
bool pair_stop(struct pair *p);
/* Stops; the test fails, with this name, if anything differed or leaked. */
void pair_finish(struct pair *p, const char *name);

void pair_write(struct pair *p, u32 offset, u32 size, u64 value);
/* Reads both; a difference is noted. */
u64 pair_read(struct pair *p, u32 offset, u32 size);
/* Every register that a guest can read, and the interrupts sent so far. */
void pair_compare(struct pair *p);
/* Queue, scalable root, TE. */
void pair_boot(struct pair *p);
/* The same in legacy mode, with descriptors of 128 bits. */
void pair_boot_legacy(struct pair *p);
void pair_submit_legacy(struct pair *p, u64 w0, u64 w1);
/* A 256-bit descriptor at the tail of the guest's ring, and the doorbell. */
void pair_submit(struct pair *p, const u64 words[4]);
/* One access of a device; the reason that the guest's unit gives, 0 when done. */
u8 pair_dma(struct pair *p, const struct model_request *request);
/* Clears FSTS, all fault records and ICS on both. */
void pair_serve_faults(struct pair *p);

#endif
