/* SPDX-License-Identifier: BSD-2-Clause */
/* The memory of a partition as Nestor reads it. See partition.h. */
#include "hv/machine/checked.h"
#include "hv/machine/memory_map.h"
#include "hv/partition/partition.h"
#include "iommu/port.h"

enum { KINDS_RAM = 1u << RANGE_RAM, KINDS_READABLE = 1u << RANGE_RAM | 1u << RANGE_RESERVED | 1u << RANGE_FIRMWARE };

/* Out of line, so that the root, whose doorbells wait for this, saves no registers for it. */
static not_inlined bool is_in_spans(const struct partition *p, gpa_t gpa, u64 len, hpa_t *at)
{
    *at = span_hpa(p->spans, p->span_count, gpa);
    return span_holds(p->spans, p->span_count, gpa, len);
}

static not_inlined const volatile void *at_in_spans(const struct partition *p, gpa_t gpa, u64 len)
{
    hpa_t at;
    return is_in_spans(p, gpa, len, &at) ? port_hpa_to_ptr(at) : NULL;
}

bool partition_memory_is_ram(const struct partition *p, gpa_t gpa, u64 len, hpa_t *at)
{
    if (p->spans != NULL) {
        return is_in_spans(p, gpa, len, at);
    }
    at->v = gpa.v;
    return memory_map_holds(gpa.v, len, KINDS_RAM) && !memory_map_is_protected(gpa.v, len);
}

const volatile void *partition_memory_at(const struct partition *p, gpa_t gpa, size_t len)
{
    if (p->spans != NULL) {
        return at_in_spans(p, gpa, len);
    }
    return memory_map_holds(gpa.v, len, KINDS_READABLE) ? port_hpa_to_ptr((hpa_t){gpa.v}) : NULL;
}

bool partition_memory_read(const struct partition *p, gpa_t gpa, void *to, size_t len)
{
    const volatile void *from = partition_memory_at(p, gpa, len);
    return from != NULL && checked_copy(to, from, len);
}
