/* SPDX-License-Identifier: BSD-2-Clause */
/* The register file against hardware with the same CAP and ECAP: what every register holds after
 * reset and keeps of what is written, at every width and offset. */
#include "iommu/viommu/viommu.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#include "tests/support/guest_kit_pair.h"

static void reset_values(void **state)
{
    (void)state;
    struct pair p;
    pair_start(&p);
    pair_compare(&p);
    for (u32 offset = 0; offset < KIT_WINDOW; offset += 8) {
        (void)pair_read(&p, offset, 8);
    }
    pair_finish(&p, "reset");
}

/* Aligned or not, of every size: an access that the specification does not allow reads 0 and writes nothing. */
static void every_offset_and_width(void **state)
{
    (void)state;
    static const u64 patterns[] = {0, ~0ull, 0x5555555555555555ull, 0xaaaaaaaaaaaaaaaaull};
    for (u32 size = 1; size <= 8; size++) {
        for (size_t i = 0; i < ARRAY_LEN(patterns); i++) {
            struct pair p;
            char name[64];
            pair_start(&p);
            for (u32 offset = 0; offset < KIT_WINDOW && p.differences == 0; offset++) {
                if (offset == R_GCMD || offset + size > KIT_WINDOW) {
                    continue; /* commands have cases of their own */
                }
                pair_write(&p, offset, size, patterns[i]);
                (void)pair_read(&p, offset, size);
                (void)pair_read(&p, offset & ~3u, 4);
                (void)pair_read(&p, offset & ~7u, 8);
            }
            pair_compare(&p);
            (void)snprintf(name, sizeof(name), "size %u of %llx", size, patterns[i]);
            pair_finish(&p, name);
        }
    }
}

/* One register access after another, each compared; the seed is the name of the case. */
static void random_register_sequences(void **state)
{
    (void)state;
    static const u16 interesting[] = {R_GCMD, R_GSTS, R_RTADDR, R_RTADDR + 4, R_CCMD, R_CCMD + 4,
                                      R_FSTS, R_FECTL, R_FEDATA, R_FEADDR, R_FEUADDR, R_IQH,
                                      R_IQT, R_IQA, R_ICS, R_IECTL, R_IEDATA, R_IEADDR,
                                      R_IEUADDR, R_IQERCD, 0xf0, 0xf8, 0xfc, 0x22c, 0x228};
    for (u32 seed = 1; seed <= 60; seed++) {
        struct pair p;
        char name[64];
        u64 x = seed * 0x9e3779b97f4a7c15ull;
        pair_start(&p);
        pair_write(&p, R_FEADDR, 4, 0xfee00000);
        pair_write(&p, R_IEADDR, 4, 0xfee00000);
        pair_write(&p, R_FEDATA, 4, 0x20);
        pair_write(&p, R_IEDATA, 4, 0x20);
        for (u32 step = 0; step < 200 && p.differences == 0; step++) {
            x = x * 6364136223846793005ull + 1442695040888963407ull;
            u32 offset = interesting[(x >> 33) % ARRAY_LEN(interesting)];
            bool wide = offset == R_RTADDR || offset == R_CCMD || offset == R_IQT ||
                        offset == R_IQA;
            u32 size = (x >> 40 & 1) != 0 && wide ? 8 : 4;
            u64 value = x >> 20;
            if (offset == R_IQA) {
                value = p.kit.ring | (value & 1) << 11;
            } else if (offset == R_IQT) {
                value = value & 3 ? (value & 0x7f) << 5 : value;
            } else if (offset == R_GCMD) {
                value = (u32)(value << 23) & (G_TE | G_SRTP | G_QIE | 0x0b800000u);
            } else if (offset == R_RTADDR) {
                value = p.kit.root | (value & 1) << 10;
            } else if (offset == R_FEADDR || offset == R_IEADDR) {
                value = 0xfee00000 | (value >> 12) % KIT_CPUS << 12;
            } else if (offset == R_FEDATA || offset == R_IEDATA) {
                value = 0x20 | (value & 0x1d0);
            } else if (offset == R_RTADDR + 4) {
                value = 0;
            } else if (offset == R_FEUADDR || offset == R_IEUADDR) {
                value = 0;
            }
            pair_write(&p, offset, size, value);
            pair_compare(&p);
        }
        (void)snprintf(name, sizeof(name), "seed %u", seed);
        pair_finish(&p, name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reset_values),
        cmocka_unit_test(every_offset_and_width),
        cmocka_unit_test(random_register_sequences),
    };
    return cmocka_run_group_tests_name("viommu_regs", tests, NULL, NULL);
}
