/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a CPU's VMX can do, and what of that Nestor needs: one list for the boot program, which judges the boot CPU by
 * it before it promises anything, and for the image, which checks every CPU. Pure. SDM appendix A.
 */
#ifndef NESTOR_HV_VMX_CAPS_H
#define NESTOR_HV_VMX_CAPS_H

#include "hv/types.h"

/* The capability registers. In those of controls bits 63:32 say which may be 1. */
enum vmx_word {
    VMX_WORD_BASIC, VMX_WORD_PIN, VMX_WORD_CPU, VMX_WORD_CPU2, VMX_WORD_EXIT, VMX_WORD_ENTRY, VMX_WORD_MISC,
    VMX_WORD_EPT_VPID, VMX_WORDS
};

enum feature_control { FEATURE_LOCKED = 1 << 0, FEATURE_VMX = 1 << 2 };   /* VMX outside SMX */
enum ept_cap {
    EPT_WALK_4 = 1 << 6, EPT_WALK_5 = 1 << 7, EPT_WRITE_BACK = 1 << 14, EPT_2M = 1 << 16, EPT_1G = 1 << 17,
    EPT_INVEPT = 1 << 20, EPT_ACCESSED_DIRTY = 1 << 21, EPT_INVEPT_ALL = 1 << 26
};

struct vmx_caps {
    u64 feature_control;
    u64 word[VMX_WORDS];      /* 0 where this CPU has no such register */
};

/* `read`: RDMSR. Reads only registers that this CPU has, given that CPUID shows VMX. */
void vmx_caps_read(struct vmx_caps *caps, u64 (*read)(u32 msr));

/* All these bits are 1; in a word of controls: may be 1. */
bool vmx_caps_has(const struct vmx_caps *caps, enum vmx_word word, u64 bits);

/* What Nestor needs and this CPU lacks, in words ("no EPT"): the next one from *at on, which starts at 0; or NULL. */
const char *vmx_caps_missing(const struct vmx_caps *caps, u32 *at);

#endif
