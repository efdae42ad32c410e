/* SPDX-License-Identifier: BSD-2-Clause */
/* See machine_check.h. */
#include "hv/guest/machine_check.h"

enum machine_check machine_check_judge(u64 mcg_status, bool guest_load)
{
    if (!(mcg_status & MCG_RIPV)) {
        return MACHINE_CHECK_FATAL;
    }
    if (!(mcg_status & MCG_EIPV)) {
        return MACHINE_CHECK_ELSEWHERE;
    }
    return guest_load ? MACHINE_CHECK_LOAD : MACHINE_CHECK_FATAL;
}
