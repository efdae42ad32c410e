/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How tests/efi/unmap.c asks the test's image (image.c) for something: VMCALL with UNMAP_CALL in RAX. RCX is an
 * address aligned to the size of the range, with one of these in its low bits.
 */
#ifndef NESTOR_TESTS_BOCHS_UNMAP_COMMAND_H
#define NESTOR_TESTS_BOCHS_UNMAP_COMMAND_H

#define UNMAP_CALL 0x4e455354ull
#define UNMAP_REUSED 0x5245555345445047ull     /* what every word holds once the memory belongs to somebody else */

enum unmap_command {
    UNMAP_MAP = 1,          /* mapped again */
    UNMAP_ALL = 2,          /* unmapped, by the function that makes that visible, and reused */
    UNMAP_THIS_CPU = 3,     /* the same, but the other CPUs are not told */
    UNMAP_NO_UNIT = 4,      /* the same, but the units are not told */
    UNMAP_BREAK = 5,        /* its entry of the EPT, of one page, becomes one that the CPU refuses, or is mended */
    UNMAP_COMMAND = 0xf,
    UNMAP_LARGE = 0x10,     /* 2 MiB, not one page */
};

#endif
