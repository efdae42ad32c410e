/* SPDX-License-Identifier: BSD-2-Clause */
/* What a domain and a nested domain are: for domain.c, attach.c and nested.c. */
#ifndef NESTOR_IOMMU_DOMAIN_STATE_H
#define NESTOR_IOMMU_DOMAIN_STATE_H

#include "iommu/domain/did.h"
#include "iommu/domain/domain.h"
#include "iommu/ptab/ptab.h"

/* First in both objects: a nested domain handed in as a parent is told apart. */
enum domain_kind { KIND_DOMAIN = 0x646f6d, KIND_NESTED = 0x6e6573 };

struct domain {
    enum domain_kind kind;
    struct domain_config config; /* config.parent: changes once, under tables_lock */
    struct spinlock tables_lock;
    struct ptab tables;
    struct did_users dids;
    u32 users;                   /* attachments, units, nested domains */
    struct spinlock followers_lock; /* comes before all others */
    struct domain_follower *followers;
    u64 told;                    /* of `changes`, what they began to follow */
    u64 changes;                 /* how often mappings were taken away or changed */
    u64 followed;                /* so many of these by all of them */
};

struct nested {
    enum domain_kind kind;
    u32 users;                   /* attachments */
    struct domain *parent;
    struct nested_config config;
};

void domain_add_user(struct domain *d);
void domain_remove_user(struct domain *d);

#endif
