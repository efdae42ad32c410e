/* SPDX-License-Identifier: BSD-2-Clause */
/* See protect.h. */
#include "boot/protect.h"

#include "drivers/format.h"

/* No firmware lists the frame buffer and the ROMs below 1 MiB. */
#define LOW_END (1ull << 20)

enum { SAPPHIRE_RAPIDS = 0x8f, EMERALD_RAPIDS = 0xcf };

bool protect_cpu_is_affected(const struct cpu_facts *cpu)
{
    return cpu->family == 6 && (cpu->model == SAPPHIRE_RAPIDS || cpu->model == EMERALD_RAPIDS);
}

static const char *what_is_wrong(const struct protect_range *p, const struct protect_machine *m)
{
    if (p->base + p->size > LOW_END && !ranges_cover(m->ranges, p->base, p->size)) {
        return "memory that the firmware's map lists";
    }
    if (p->base < m->own_base + m->own_size && m->own_base < p->base + p->size) {
        return "memory that is not Nestor's own";
    }
    for (u32 i = 0; m->dmar != NULL && i < m->dmar->region_count; i++) {
        const struct vtd_dmar_region *region = &m->dmar->regions[i];
        if (region->base < p->base + p->size && p->base <= region->limit) {
            return "memory that the DMAR table reserves for no device";
        }
    }
    if (p->dma_read && m->rule) {
        return "dma=none: with nesting, units may write read-only pages (Intel 772415)";
    }
    return NULL;
}

bool protect_check(const struct config *config, const struct protect_machine *m,
                   struct config_error *error)
{
    for (u32 i = 0; i < config->protect_count; i++) {
        const struct protect_range *p = &config->protect[i];
        const char *wrong = what_is_wrong(p, m);
        if (wrong == NULL) {
            continue;
        }
        *error = (struct config_error){.line = config->protect_line[i]};
        format_text(error->key, sizeof(error->key), "protect");
        format_text(error->value, sizeof(error->value), "0x%llx-0x%llx%s", p->base, p->base + p->size - 1,
                    p->dma_read ? " dma=read" : "");
        format_text(error->expected, sizeof(error->expected), "%s", wrong);
        return false;
    }
    return true;
}
