/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The host under a hosted vIOMMU: the driver and the domains on one unit of the reference
 * model, taken over, with a nesting parent as the partition's second stage.
 */
#ifndef NESTOR_GUEST_KIT_HOST_H
#define NESTOR_GUEST_KIT_HOST_H

#include "tests/support/hosted.h"

struct vtd_unit;
struct domain;

enum { HOST_UNIT_BASE = 0x70000000 };

/* After hosted_reset(): adds the unit, takes it over. */
struct model_unit *host_start(const struct model_config *config);
/* What the next host_start() finds that firmware left; its interrupt remapping is to go on. */
void host_leave(void (*firmware)(struct model_unit *unit));
/* Returns everything that host_start() took. */
void host_stop(void);
struct vtd_unit *host_unit(void);
struct domain *host_domain(void);

/*
 * The second stage, made visible: map a range read-write, take it out, make it read-only (in the
 * CPU's root: the roots diverge). The last two say false when the unit did not flush: DMA may
 * still reach the range.
 */
void host_map(u64 gpa, u64 hpa, u64 size);
bool host_unmap(u64 gpa, u64 size);
bool host_protect(u64 gpa, u64 size);

bool host_root_is_guest(void);
/* Present PASID entries in the guest root, and domain ids besides the default's. */
u32 host_attached(void);
u32 host_domain_ids_used(void);
/*
 * How many pages the driver keeps (context tables of the off root, fault histories, interrupt table), and how to
 * have it forget past storms.
 */
u32 host_pages_kept(void);
void host_forgive_storms(void);
/* True for the word that the driver's own wait descriptors write. */
bool host_owns_status(u64 addr, size_t len);
/* The root of the second stage that DMA goes through. */
hpa_t host_second_stage(void);

#endif
