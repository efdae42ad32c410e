/* SPDX-License-Identifier: BSD-2-Clause */
/* Instructions of VMX, SMX, SGX and TDX: CPUID shows the guest none of these, so they are undefined. */
#include "hv/exit/handlers.h"

void exit_undefined(struct vcpu *v)
{
    (void)v;
    vcpu_inject(VECTOR_UD);
}
