/* SPDX-License-Identifier: BSD-2-Clause */
/* The MTRRs that a partition starts with are the CPU's (SDM 12.11.1). See partition.h. */
#include "hv/machine/checked.h"
#include "hv/machine/x86.h"
#include "hv/partition/partition.h"
#include "iommu/port.h"

enum { LEAF_ADDRESS_WIDTH = 0x80000008, CPUID_1_MTRR = 1 << 12 };

enum result partition_mtrr_load(u32 physical_width, struct mtrr *m)
{
    if (!(cpuid(1, 0).edx & CPUID_1_MTRR)) {
        mtrr_absent(m);
        m->physical_width = physical_width;
        return OK;
    }
    u64 key_ids = (1ull << (cpuid(LEAF_ADDRESS_WIDTH, 0).eax & 63)) - (1ull << physical_width);
    *m = (struct mtrr){.variable_count = (u32)msr_read(MSR_MTRR_CAP) & 0xff, .physical_width = physical_width};
    if (m->variable_count > MTRR_VARIABLE) {
        port_log(LOG_ERROR, "%u variable MTRRs, more than %u", m->variable_count, MTRR_VARIABLE);
        return ERR_UNSUPPORTED;
    }
    u32 msr;
    for (u32 n = 0; mtrr_register(m, n, &msr); n++) {
        u64 value;
        /* Firmware may have written masks that cover the key ids. */
        if (!checked_msr_read(msr, &value) ||
            !mtrr_write(m, msr, n < 2 * m->variable_count ? value & ~key_ids : value)) {
            port_log(LOG_ERROR, "MTRR 0x%x cannot be read or holds a reserved value", msr);
            return ERR_UNSUPPORTED;
        }
    }
    return OK;
}

enum result partition_mtrr_begin(const struct partition *p, struct mtrr *m)
{
    if (p->config == NULL) {
        return partition_mtrr_load(p->physical_width, m);
    }
    mtrr_write_back(m, (u32)msr_read(MSR_MTRR_CAP) & 0xff, p->physical_width);
    return OK;
}
