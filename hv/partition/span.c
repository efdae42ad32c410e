/* SPDX-License-Identifier: BSD-2-Clause */
/* See span.h. */
#include "hv/partition/span.h"

static const struct partition_span *find(const struct partition_span *spans, u32 count, u64 gpa)
{
    for (u32 i = 0; i < count; i++) {
        if (gpa - spans[i].gpa < spans[i].size) {
            return &spans[i];
        }
    }
    return NULL;
}

/* Two spans may follow each other, and no further than HANDOVER_PARTITION_SPANS of them. */
not_inlined bool span_holds(const struct partition_span *spans, u32 count, gpa_t gpa, u64 len)
{
    const struct partition_span *s;
    while (len != 0 && (s = find(spans, count, gpa.v)) != NULL) {
        u64 left = s->size - (gpa.v - s->gpa);
        gpa.v += left;
        len -= len < left ? len : left;
    }
    return len == 0;
}

hpa_t span_hpa(const struct partition_span *spans, u32 count, gpa_t gpa)
{
    const struct partition_span *s = find(spans, count, gpa.v);
    return (hpa_t){s != NULL ? s->hpa + (gpa.v - s->gpa) : ~0ull};
}
