/* SPDX-License-Identifier: BSD-2-Clause */
/* See msix_table.h. */
#include "hv/device/msix_table.h"

bool msix_table_put(struct msix_entry *e, u32 word, u32 value)
{
    static const u32 writable[] = {[MSIX_ADDRESS] = ~3u, [MSIX_UPPER] = ~0u, [MSIX_DATA] = ~0u,
                                   [MSIX_CONTROL] = MSIX_MASKED};
    e->words[word] = value & writable[word];
    return (e->words[MSIX_CONTROL] & MSIX_MASKED) == 0;
}

struct message msix_table_message(const struct msix_entry *e)
{
    return (struct message){.address = (u64)e->words[MSIX_UPPER] << 32 | e->words[MSIX_ADDRESS],
                            .data = e->words[MSIX_DATA], .count = 1};
}
