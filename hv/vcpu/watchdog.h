/* SPDX-License-Identifier: BSD-2-Clause */
/* A partition whose guest does not say for too long that it is well. */
#ifndef NESTOR_HV_VCPU_WATCHDOG_H
#define NESTOR_HV_VCPU_WATCHDOG_H

#include "hv/machine/time.h"
#include "hv/machine/x86.h"
#include "hv/partition/partition.h"
#include "hv/vcpu/vcpu.h"

/* The partition's first CPU looks after it, so that neither another's clock matters nor whether anybody else runs. */
static inline bool watchdog_is_on(const struct vcpu *v)
{
    return v->partition->config != NULL && v->partition->config->watchdog_s != 0 && vcpu_is_first(v) &&
           v->partition->life.fed_at != 0;
}

/* Its guest may write to its TSC, which is its own affair; fed by another CPU, it may be ahead of this one's. */
static inline bool watchdog_is_late(const struct vcpu *v)
{
    s64 gone = (s64)(tsc_read() - v->partition->life.fed_at);
    return gone > (s64)(v->partition->config->watchdog_s * 1000ull * time_tsc_khz());
}

#endif
