/*
 * What tests/efi/unmap.c asks of the test's image (image.c): WRMSR of an index that no CPU has, the value an
 * address aligned to its size, and in the low bits one of these.
 */
#ifndef NESTOR_TESTS_BOCHS_UNMAP_COMMAND_H
#define NESTOR_TESTS_BOCHS_UNMAP_COMMAND_H

#define UNMAP_MSR 0x4e455354u
#define UNMAP_REUSED 0x5245555345445047ull     /* what every word holds once the memory is somebody else's */

enum unmap_command {
    UNMAP_MAP = 1,          /* there again */
    UNMAP_ALL = 2,          /* gone, by the function that makes it so, and reused */
    UNMAP_THIS_CPU = 3,     /* the same, but the other CPUs are not told */
    UNMAP_NO_UNIT = 4,      /* the same, but the units are not told */
    UNMAP_COMMAND = 0xf,
    UNMAP_LARGE = 0x10,     /* 2 MiB, not one page */
};

#endif
