/*
 * The host side of the vIOMMU for hosted tests: viommu_host.h done plainly on the
 * reference model. It builds the host's tables from words (no builder of iommu/), so
 * the vIOMMU's own logic is tested against hardware and nothing else.
 */
#ifndef NESTOR_HOST_ON_MODEL_H
#define NESTOR_HOST_ON_MODEL_H

#include "iommu/viommu.h"
#include "tests/support/hosted.h"

enum { HOST_UNIT_BASE = 0x70000000, HOST_SECOND_STAGE_DID = 1 };

/* Second stage, off root and queue of the one unit; call after hosted_add_unit(). */
void host_start(struct model_unit *unit, u32 haw);
/* Gives back what host_start() took. */
void host_stop(void);

/* Maps or unmaps one page of the second stage, with the invalidation; prot is R=1, W=2. */
void host_map(gpa_t gpa, hpa_t hpa, u32 prot);

/* ERR_BUSY from the next n posts; and an error from the next n attachments. */
void host_refuse_posts(u32 n);
void host_refuse_attaches(u32 n, enum result error);

bool host_root_is_guest(void);
u32 host_attached(void);
u32 host_domain_ids_used(void);
/* Pages that the guest root keeps for the next use. */
u32 host_pages_kept(void);
/* True for the word that the host's own wait descriptors write. */
bool host_owns_status(u64 addr, size_t len);
/* The root of the second stage that DMA goes through. */
hpa_t host_second_stage(void);

#endif
