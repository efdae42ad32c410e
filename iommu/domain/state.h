/* What domain.c, attach.c and nested.c share. */
#ifndef NESTOR_IOMMU_DOMAIN_STATE_H
#define NESTOR_IOMMU_DOMAIN_STATE_H

#include "iommu/domain/did.h"
#include "iommu/domain/domain.h"
#include "iommu/ptab/ptab.h"

/* First in both objects: a nested domain handed in as a parent is told apart. */
enum domain_kind { KIND_DOMAIN = 0x646f6d, KIND_NESTED = 0x6e6573 };

struct domain {
    enum domain_kind kind;
    u32 serial;                  /* names the domain in maps; never used twice */
    struct domain_config config; /* config.parent: changes once, under tables_lock */
    struct spinlock tables_lock;
    struct ptab tables;
    struct spinlock users_lock;
    struct did *dids;            /* every (unit, id) whose entries lead here */
    struct keymap first_stages;  /* struct did_first_stage by (table, unit) */
    u32 users;                   /* attachments, units, nested domains */
};

struct nested {
    enum domain_kind kind;
    u32 users;                   /* attachments */
    struct domain *parent;
    struct nested_config config;
};

void domain_add_user(struct domain *d);
void domain_remove_user(struct domain *d);

/* What may be attached: a domain, or a nested one (then domain is its parent). */
struct attach_target {
    struct domain *domain;
    struct nested *nested;
};
enum attach_how { ATTACH_NEW, ATTACH_REPLACE };
must_use enum result attach(const struct attach_target *target, enum attach_how how,
                            struct vtd_unit *unit, enum vtd_root root, u16 sid, u32 pasid);
must_use enum result attach_remove(const struct attach_target *target, struct vtd_unit *unit,
                                   enum vtd_root root, u16 sid, u32 pasid);

#endif
