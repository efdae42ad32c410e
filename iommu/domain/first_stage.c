/* SPDX-License-Identifier: BSD-2-Clause */
/* First-stage tables that entries walk. See first_stage.h. */
#include "iommu/domain/first_stage.h"

#include "iommu/base/slab.h"

static struct slab first_stage_slab = {.size = sizeof(struct first_stage)};

/* The index of a unit fits below the address of a table. */
static u64 key_of(u32 unit, const struct first_stage_config *config)
{
    return config->root | unit;
}

static enum result new_first_stage(struct first_stages *all, u32 unit, const struct first_stage_config *config,
                                   struct first_stage **out)
{
    struct first_stage *table = slab_alloc(&first_stage_slab);
    if (table == NULL) {
        return ERR_NO_MEMORY;
    }
    table->node.key = key_of(unit, config);
    table->all = all;
    table->width = config->width;
    table->eafe = config->eafe;
    keymap_add(&all->tables, &table->node);
    *out = table;
    return OK;
}

enum result first_stage_take(struct first_stages *all, u32 unit, const struct first_stage_config *config,
                             struct first_stage **out)
{
    enum result r = OK;
    spin_lock(&all->lock);
    struct first_stage *table = (struct first_stage *)keymap_find(&all->tables, key_of(unit, config));
    if (table == NULL) {
        r = new_first_stage(all, unit, config, &table);
    } else if (table->width != config->width || table->eafe != config->eafe) {
        if (limit_due(&all->conflicts)) {
            port_log(LOG_WARNING,
                     "unit %u: first-stage table at %llx is in use with another FSPM or EAFE (refusal %llu)",
                     unit, config->root, all->conflicts.count);
        }
        r = ERR_FIRST_STAGE_CONFLICT;
    }
    if (r == OK) {
        table->users++;
        *out = table;
    }
    spin_unlock(&all->lock);
    return r;
}

void first_stage_give(struct first_stage *table)
{
    struct first_stages *all = table->all;
    spin_lock(&all->lock);
    table->users--;
    if (table->users == 0) {
        keymap_remove(&all->tables, &table->node);
        slab_free(&first_stage_slab, table);
    }
    spin_unlock(&all->lock);
}
