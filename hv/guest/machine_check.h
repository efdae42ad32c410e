/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a machine check in root mode means (SDM 17.3.1.2, 17.9.3.2). Pure.
 */
#ifndef NESTOR_HV_GUEST_MACHINE_CHECK_H
#define NESTOR_HV_GUEST_MACHINE_CHECK_H

#include "hv/types.h"

/* IA32_MCG_STATUS: execution can go on where it was; the error is that of the instruction there; a check is handled. */
enum mcg_status { MCG_RIPV = 1 << 0, MCG_EIPV = 1 << 1, MCG_MCIP = 1 << 2 };

enum machine_check {
    MACHINE_CHECK_FATAL,      /* the CPU cannot go on, or Nestor's own memory is lost */
    MACHINE_CHECK_ELSEWHERE,  /* Nestor goes on; the guest is to have it */
    MACHINE_CHECK_LOAD,       /* memory of the guest that Nestor has read: likewise, and the load fails */
};

/* guest_load: the CPU was at an instruction that reads memory of the guest. */
enum machine_check machine_check_judge(u64 mcg_status, bool guest_load);

#endif
