/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A guest's driver for its remapping unit, as small as a measurement allows: root and context tables for the board's
 * devices, another PASID directory for what is tried out, and a queue. Fields as in VT-d 9 and 6.5.2; scalable mode and
 * 256-bit descriptors, or legacy mode and 128-bit ones.
 */
#ifndef NESTOR_TESTS_EFI_GUEST_UNIT_H
#define NESTOR_TESTS_EFI_GUEST_UNIT_H

#include "tests/efi/port_efi.h"

enum {
    UNIT_BASE = 0xfed90000,
    UNIT_ECAP = 0x10, UNIT_GCMD = 0x18, UNIT_GSTS = 0x1c, UNIT_RTADDR = 0x20, UNIT_FSTS = 0x34,
    UNIT_IQH = 0x80, UNIT_IQT = 0x88, UNIT_IQA = 0x90, UNIT_IRTA = 0xb8,
    UNIT_SID = 0x18,            /* the network card, whose PASIDs are tried out */
    UNIT_DID = 5,
    UNIT_RING = 1024,           /* descriptors */
};

struct unit_desc { u64 w[4]; };

static inline volatile u32 *unit_reg32(u32 offset)
{
    return (volatile u32 *)(UNIT_BASE + (u64)offset);
}

static inline volatile u64 *unit_reg64(u32 offset)
{
    return (volatile u64 *)(UNIT_BASE + (u64)offset);
}

/* Zeroed pages of boot services, below 4 GiB. */
void *unit_pages(UINTN count);

/* Turns scalable mode on with the board's devices in pass-through; false if the unit does not answer. */
bool unit_start(void);
/* Legacy mode in the same way; UNIT_SID has nothing. */
bool unit_start_legacy(void);
/* A queue of 128-bit descriptors and no translation; once more with another one, while the queue is off. */
bool unit_start_queue(void);
void unit_stop(void);

/* In legacy mode: UNIT_SID goes through a second stage of four levels at `root`, or has nothing for NULL. */
void unit_context(const void *root);

/* Any function of bus 0 in pass-through, or not listed; false if the unit does not answer. */
bool unit_list(u16 sid, bool there);

/* The entry of a PASID below 64 of UNIT_SID: first stage at `root`, or not present for NULL. */
void unit_pasid(u32 pasid, const void *root);

/* Turns interrupt remapping on, with a table of 256 entries for x2APIC ids; false if there is none to turn on. */
bool unit_remap(void);
/* An entry of it for UNIT_SID. */
void unit_interrupt(u32 index, u32 vector, bool quiet);

/* These add to the ring without ringing the doorbell. */
void unit_put(struct unit_desc desc);
void unit_put_iotlb(u32 pasid, u64 addr);   /* one page of UNIT_DID's */
void unit_put_pasid_cache(u32 pasid);
void unit_put_context(void);                /* of UNIT_SID, in legacy mode */
void unit_put_iotlb_legacy(u64 addr);       /* one page of UNIT_DID's */
void unit_put_iotlb_domain(void);           /* all of UNIT_DID's, in legacy mode */
void unit_put_interrupt_entry(u32 index);
void unit_put_wait(void);                   /* its status counts the waits */

/* The value of IQT with which the unit sees what was added. */
u32 unit_tail(void);
/* True once the last wait has written its status. */
bool unit_waited(void);
/* Waits until everything is done and goes on at the ring's first entry; false if there is no answer for a second. */
bool unit_rewind(void);

#endif
