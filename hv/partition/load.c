/* SPDX-License-Identifier: BSD-2-Clause */
/* A partition's memory at each of its starts: zeros, then what boot/ has prepared. See partition.h. */
#include "hv/partition/partition.h"
#include "iommu/port.h"

static void copy(const struct partition *p, const struct partition_load *l)
{
    for (u64 done = 0, n; done < l->size; done += n) {
        u64 to = l->gpa + done;
        u64 left_of_page = PAGE_SIZE - (to & PAGE_MASK);
        n = l->size - done < left_of_page ? l->size - done : left_of_page;
        __builtin_memcpy(port_hpa_to_ptr(partition_hpa(p, (gpa_t){to})), port_hpa_to_ptr((hpa_t){l->from + done}), n);
    }
}

void partition_load(struct partition *p)
{
    for (u32 i = 0; i < p->span_count; i++) {
        __builtin_memset(port_hpa_to_ptr((hpa_t){p->spans[i].hpa}), 0, p->spans[i].size);
    }
    for (u32 i = 0; i < p->config->load_count; i++) {
        copy(p, &p->config->loads[i]);
    }
}
