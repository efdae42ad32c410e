/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Nested domains: a guest's first stage on a nesting parent. What the guest chose is
 * checked here and at attach; everything else in the entry is the host's (VT-d 6.2.3.1).
 */
#include "iommu/base/slab.h"
#include "iommu/domain/state.h"

static struct slab nested_slab = {.size = sizeof(struct nested)};

static enum result refuse(const struct domain *parent, const char *what, u64 value)
{
    port_log(LOG_WARNING, "partition %u: nested domain with %s %llx", parent->config.partition, what, value);
    return ERR_INVALID;
}

static enum result check_config(const struct domain *parent, const struct nested_config *config)
{
    if ((config->flags & ~(u64)(NESTED_SRE | NESTED_EAFE | NESTED_WPE)) != 0) {
        return refuse(parent, "unknown flags", config->flags);
    }
    if (config->addr_width != 48 && config->addr_width != 57) {
        return refuse(parent, "address width", config->addr_width);
    }
    if ((config->pgtbl_addr & PAGE_MASK) != 0 ||
        config->pgtbl_addr >= ptab_span(parent->config.levels + 1)) {
        return refuse(parent, "first-stage table at", config->pgtbl_addr);
    }
    return OK;
}

enum result nested_create(struct domain *parent, const struct nested_config *config,
                          struct nested **out)
{
    if (parent->kind != KIND_DOMAIN) {
        port_log(LOG_WARNING, "a nested domain on a nested domain");
        return ERR_NOT_A_PARENT;
    }
    if (!parent->config.parent) {
        port_log(LOG_WARNING, "partition %u: %s", parent->config.partition,
                 result_text(ERR_NOT_A_PARENT));
        return ERR_NOT_A_PARENT;
    }
    enum result r = check_config(parent, config);
    if (r != OK) {
        return r;
    }
    struct nested *n = slab_alloc(&nested_slab);
    if (n == NULL) {
        return ERR_NO_MEMORY;
    }
    n->kind = KIND_NESTED;
    n->parent = parent;
    n->config = *config;
    domain_add_user(parent);
    *out = n;
    return OK;
}

enum result nested_destroy(struct nested *n)
{
    if (__atomic_load_n(&n->users, __ATOMIC_ACQUIRE) != 0) {
        return ERR_BUSY;
    }
    domain_remove_user(n->parent);
    slab_free(&nested_slab, n);
    return OK;
}
