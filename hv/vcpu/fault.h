/* SPDX-License-Identifier: BSD-2-Clause */
/* Exceptions in root mode, one function for all vectors. */
#ifndef NESTOR_HV_VCPU_FAULT_H
#define NESTOR_HV_VCPU_FAULT_H

#include "hv/machine/exception.h"

/* Called by machine/exception.asm; returns to frame->rip. */
void fault_handle(struct exception_frame *frame);

#endif
