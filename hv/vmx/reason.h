/* SPDX-License-Identifier: BSD-2-Clause */
/* Exit reasons in words. */
#ifndef NESTOR_HV_VMX_REASON_H
#define NESTOR_HV_VMX_REASON_H

#include "hv/vmx/vmcs.h"

/* By basic exit reason; NULL for a number that the SDM does not name. */
extern const char *const vmx_reason_texts[REASON_LIMIT];
/* `reason` as the VMCS holds it; never NULL. */
const char *vmx_reason_text(u32 reason);

#endif
