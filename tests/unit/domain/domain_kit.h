/* SPDX-License-Identifier: BSD-2-Clause */
/* What tests of domains on the recording driver begin and end with: two units, and every page back in the pool. */
#ifndef NESTOR_DOMAIN_KIT_H
#define NESTOR_DOMAIN_KIT_H

#include "iommu/domain/domain.h"
#include "support/hosted.h"
#include "unit/domain/fake_vtd.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define K4 (1ull << 12)
#define M2 (1ull << 21)
#define G1 (1ull << 30)

static struct vtd_unit unit0;
static struct vtd_unit unit1;

static inline void begin(void)
{
    hosted_reset();
    fake_unit_init(&unit0, 0);
    fake_unit_init(&unit1, 1);
}

static inline struct domain_config config_of(bool parent, bool dma_root)
{
    return (struct domain_config){.levels = 4, .page_sizes = K4 | M2 | G1, .coherent = true,
                                  .parent = parent, .dma_root = dma_root, .partition = 3};
}

static inline struct domain *create(const struct domain_config *config)
{
    struct domain *d = NULL;
    assert_int_equal(domain_create(config, &d), OK);
    return d;
}

/* With one root and no nesting, alone in the world. */
static inline struct domain *plain(void)
{
    struct domain_config config = config_of(false, false);
    begin();
    return create(&config);
}

static inline void destroy(struct domain *d)
{
    assert_int_equal(domain_destroy(d), OK);
}

static inline void end(struct domain *d)
{
    destroy(d);
    assert_int_equal(hosted_pages_used(), 0);
}

#endif
