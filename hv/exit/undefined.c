/* CPUID shows the guest no VMX, SMX and SGX, nor what hypercalls need: these instructions are undefined then. */
#include "hv/exit/handlers.h"

void exit_undefined(struct vcpu *v)
{
    (void)v;
    vcpu_inject(VECTOR_UD);
}
