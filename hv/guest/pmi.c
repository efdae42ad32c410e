/* SPDX-License-Identifier: BSD-2-Clause */
/* See pmi.h. */
#include "hv/guest/pmi.h"

enum { DELIVERY_SHIFT = 8, DELIVERY_MODES = 7, NMI = 4, MASKED = 1 << 16, STATUS_FROM = 2 };

bool pmi_is_unserved(u32 entry, u32 version, u64 status)
{
    bool sent = (entry & MASKED) != 0 && (entry >> DELIVERY_SHIFT & DELIVERY_MODES) == NMI;
    return version != 0 && sent && (version < STATUS_FROM || status != 0);
}
