/* SPDX-License-Identifier: BSD-2-Clause */
/* What a guest's interrupt entry comes to: entries put together by hand from VT-d 9.9 and 9.10. */
#include "iommu/viommu/irte.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

enum { NONE = 0, NOT_PRESENT = 0x22, RESERVED = 0x24, SOURCE = 0x26 };

/* CPUs 0 to 17 and 300; all source-ids but those of bus 80h. */
static bool alone;

static bool has_cpus(void *ctx, u32 cluster, u32 mask)
{
    (void)ctx;
    u32 own = cluster == 0 ? 0xffff : cluster == 1 ? 3 : cluster == 300 / 16 ? 1 << 300 % 16 : 0;
    return cluster == GUEST_ALL_CPUS ? alone : (mask & ~own) == 0;
}

static bool has_sources(void *ctx, u16 first, u16 last)
{
    (void)ctx;
    return alone || last >> 8 < 0x80 || first >> 8 > 0x80;
}

static const struct guest_ops ops = {.has_cpus = has_cpus, .has_sources = has_sources};

enum mode { XAPIC, X2APIC, WIDENED, NARROWED };

static struct irte_rules rules(enum mode mode)
{
    return (struct irte_rules){.ops = &ops, .guest_eime = mode == X2APIC || mode == NARROWED,
                               .host_eime = mode == X2APIC || mode == WIDENED};
}

#define P 1ull
#define FPD 2ull
#define LOGICAL 4ull
#define RH 8ull
#define LEVEL 0x10ull
#define DLM(n) ((u64)(n) << 5)
#define V(n) ((u64)(n) << 16)
#define DST(n) ((u64)(n) << 32)
#define BYTE(n) ((u64)(n) << 40)
#define SID(n) (1ull << 18 | (n))
#define SQ(n) ((u64)(n) << 16)
#define BUSES(first, last) (2ull << 18 | (first) << 8 | (last))
#define GOOD (P | V(0x31))

struct expectation {
    enum mode mode;
    u64 low, high;
    u64 reason;          /* NONE: it stands in the hardware as: */
    u64 host_low;        /* 0: like the guest's */
    bool nestor;         /* the architecture has nothing against it */
};

static void check(const struct expectation *e)
{
    const struct irte guest = {{e->low, e->high}};
    const struct irte_rules r = rules(e->mode);
    struct irte host;
    const char *why;
    u64 reason = viommu_irte_judge(&r, &guest, &host, &why);
    if (reason != e->reason || (why != NULL) != e->nestor || viommu_irte_reason(&host) != e->reason) {
        print_error("mode %u, %llx %llx: reason %llx, %s\n", e->mode, e->low, e->high, reason, why != NULL ? why : "-");
        fail();
    }
    if (e->reason == NONE) {
        assert_int_equal(host.w[0], e->host_low != 0 ? e->host_low : e->low);
        assert_int_equal(host.w[1], e->high);
    } else {
        assert_int_equal(host.w[0] & P, 0);
        assert_int_equal(host.w[0] & FPD, e->low & FPD);
    }
}

static void check_all(const struct expectation *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        check(&list[i]);
    }
}

static void ordinary_interrupts_stand_as_they_are(void **state)
{
    (void)state;
    static const struct expectation list[] = {
        {XAPIC, GOOD, SID(0xf8), NONE, 0, false},
        {XAPIC, GOOD | RH | LEVEL | FPD | BYTE(17), SID(0xf8) | SQ(3), NONE, 0, false},
        {XAPIC, GOOD | DLM(1) | BYTE(3), BUSES(0x10, 0x7f), NONE, 0, false},
        {XAPIC, P | V(0x10), SID(0), NONE, 0, false},
        {XAPIC, GOOD | 0xf00, SID(0), NONE, GOOD, false},     /* bits for software: not kept */
        {X2APIC, GOOD | DST(300), SID(0), NONE, 0, false},
        {X2APIC, GOOD | LOGICAL | RH | DST(0xffff), SID(0), NONE, 0, false},
        {X2APIC, GOOD | LOGICAL | DST(0x10003), SID(0), NONE, 0, false}, /* CPUs 16 and 17 */
        {XAPIC, GOOD, BUSES(0x90, 0x20), NONE, 0, false},    /* admits nobody */
    };
    alone = false;
    check_all(list, ARRAY_LEN(list));
}

static void the_architecture_refuses(void **state)
{
    (void)state;
    static const struct expectation list[] = {
        {XAPIC, 0, 0, NOT_PRESENT, 0, false},
        {XAPIC, FPD, 0, NOT_PRESENT, 0, false},
        {XAPIC, ~P, ~0ull, NOT_PRESENT, 0, false},
        {XAPIC, GOOD | 1 << 12, SID(0), RESERVED, 0, false},
        {XAPIC, GOOD | 1 << 13, SID(0), RESERVED, 0, false},
        {XAPIC, GOOD | 1 << 14, SID(0), RESERVED, 0, false},   /* URG, but PI is 0 */
        {XAPIC, GOOD | 1 << 15, SID(0), RESERVED, 0, false},   /* posted, but PI is 0 */
        {XAPIC, GOOD | 1 << 24, SID(0), RESERVED, 0, false},
        {XAPIC, GOOD | FPD | 1u << 31, SID(0), RESERVED, 0, false},
        {XAPIC, GOOD | DST(1), SID(0), RESERVED, 0, false},
        {XAPIC, GOOD | DST(0x80), SID(0), RESERVED, 0, false},
        {XAPIC, GOOD | DST(0x10000), SID(0), RESERVED, 0, false},
        {XAPIC, GOOD, SID(0) | 1 << 20, RESERVED, 0, false},
        {XAPIC, GOOD, SID(0) | 1ull << 63, RESERVED, 0, false},
        {XAPIC, GOOD, 3ull << 18, RESERVED, 0, false},         /* SVT */
        {XAPIC, GOOD | DLM(3), SID(0), RESERVED, 0, false},
        {XAPIC, GOOD | DLM(6), SID(0), RESERVED, 0, false},
        {X2APIC, GOOD | 1 << 15 | DST(0x40), SID(0), RESERVED, 0, false},
    };
    alone = true;
    check_all(list, ARRAY_LEN(list));
}

static void nestor_refuses(void **state)
{
    (void)state;
    static const struct expectation list[] = {
        {XAPIC, P | DLM(2), SID(0), RESERVED, 0, true},            /* SMI */
        {XAPIC, GOOD | DLM(4), SID(0), RESERVED, 0, true},         /* NMI */
        {XAPIC, GOOD | FPD | DLM(5), SID(0), RESERVED, 0, true},   /* INIT */
        {X2APIC, GOOD | DLM(7), SID(0), RESERVED, 0, true},        /* ExtINT */
        {XAPIC, P | V(15), SID(0), RESERVED, 0, true},
        {XAPIC, P, SID(0), RESERVED, 0, true},
        {XAPIC, GOOD | BYTE(18), SID(0), RESERVED, 0, true},       /* no such CPU here */
        {XAPIC, GOOD | BYTE(0xff), SID(0), RESERVED, 0, true},     /* all CPUs, which are not all its */
        {XAPIC, GOOD | LOGICAL | BYTE(1), SID(0), RESERVED, 0, true},
        {X2APIC, GOOD | DST(299), SID(0), RESERVED, 0, true},
        {X2APIC, GOOD | DST(0x100), SID(0), RESERVED, 0, true},
        {X2APIC, GOOD | DST(0xffffffff), SID(0), RESERVED, 0, true},
        {X2APIC, GOOD | LOGICAL | DST(0xffffffff), SID(0), RESERVED, 0, true},
        {X2APIC, GOOD | LOGICAL | DST(0x10007), SID(0), RESERVED, 0, true},  /* CPU 18 among 16 and 17 */
        {X2APIC, GOOD | LOGICAL | DST(0x18000), SID(0), RESERVED, 0, true},
        {X2APIC, GOOD | LOGICAL | DST(0x10000), SID(0), RESERVED, 0, true},  /* names none */
        {XAPIC, GOOD, 0, SOURCE, 0, true},                         /* SVT 0: anybody */
        {XAPIC, GOOD, SID(0x8000), SOURCE, 0, true},
        {XAPIC, GOOD, SID(0x80ff) | SQ(3), SOURCE, 0, true},
        {XAPIC, GOOD, BUSES(0x7f, 0x80), SOURCE, 0, true},
        {XAPIC, GOOD, BUSES(0, 0xff), SOURCE, 0, true},
        {XAPIC, GOOD, BUSES(0x80, 0x90), SOURCE, 0, true},
    };
    alone = false;
    check_all(list, ARRAY_LEN(list));
}

/* A partition with every CPU and every device may name all of them. */
static void alone_on_the_machine(void **state)
{
    (void)state;
    static const struct expectation list[] = {
        {XAPIC, GOOD | BYTE(0xff), SID(0), NONE, 0, false},
        {XAPIC, GOOD | LOGICAL | RH | BYTE(0xff), SID(0), NONE, 0, false},
        {XAPIC, GOOD | LOGICAL | BYTE(3), 0, NONE, 0, false},
        {X2APIC, GOOD | DST(0xffffffff), BUSES(0, 0xff), NONE, 0, false},
        {XAPIC, GOOD | BYTE(18), SID(0), RESERVED, 0, true},
        {X2APIC, GOOD | LOGICAL | DST(0x10007), SID(0), RESERVED, 0, true},
        {XAPIC, GOOD | DLM(4), SID(0), RESERVED, 0, true},
    };
    alone = true;
    check_all(list, ARRAY_LEN(list));
}

/* A kdump kernel may ask for another EIME than the unit has to keep. Only the id of one CPU is the same in both. */
static void the_unit_reads_destinations_in_another_width(void **state)
{
    (void)state;
    static const struct expectation list[] = {
        {WIDENED, GOOD | BYTE(17), SID(0), NONE, GOOD | DST(17), false},
        {WIDENED, GOOD | DST(17), SID(0), RESERVED, 0, false},
        {WIDENED, GOOD | BYTE(0xff), SID(0), RESERVED, 0, true},
        {WIDENED, GOOD | LOGICAL | BYTE(1), SID(0), RESERVED, 0, true},
        {NARROWED, GOOD | DST(17), SID(0), NONE, GOOD | BYTE(17), false},
        {NARROWED, GOOD | DST(300), SID(0), RESERVED, 0, true},
        {NARROWED, GOOD | DST(0xffffffff), SID(0), RESERVED, 0, true},
        {NARROWED, GOOD | LOGICAL | DST(1), SID(0), RESERVED, 0, true},
        {NARROWED, GOOD | BYTE(17), SID(0), RESERVED, 0, true},
    };
    alone = true;
    check_all(list, ARRAY_LEN(list));
}

/* Function 6 of 80:1f belongs to another: SQ admits it from 2 with bit 2 ignored, and from any with all three. */
static bool has_all_but_one(void *ctx, u16 first, u16 last)
{
    (void)ctx;
    return last < 0x80fe || first > 0x80fe;
}

static void functions_that_sq_admits(void **state)
{
    (void)state;
    static const struct guest_ops but_one = {.has_cpus = has_cpus, .has_sources = has_all_but_one};
    static const u8 expected[4] = {0x40, 0x44, 0x55, 0xff}; /* by SQ: the functions from which 6 is reached */
    const struct irte_rules r = {.ops = &but_one};
    for (u32 sq = 0; sq < 4; sq++) {
        for (u32 function = 0; function < 8; function++) {
            const struct irte guest = {{GOOD, SID(0x80f8 | function) | SQ(sq)}};
            struct irte host;
            const char *why;
            u64 reason = (expected[sq] >> function & 1) != 0 ? SOURCE : NONE;
            assert_int_equal(viommu_irte_judge(&r, &guest, &host, &why), reason);
        }
    }
}

/* So does a range of buses, each of them whole. */
static void functions_of_the_buses_of_a_range(void **state)
{
    (void)state;
    static const struct guest_ops but_one = {.has_cpus = has_cpus, .has_sources = has_all_but_one};
    static const struct { u64 range, reason; } cases[] = {
        {BUSES(0x70, 0x7f), NONE}, {BUSES(0x70, 0x80), SOURCE}, {BUSES(0x80, 0x80), SOURCE}, {BUSES(0x81, 0xff), NONE}};
    const struct irte_rules r = {.ops = &but_one};
    for (u32 i = 0; i < ARRAY_LEN(cases); i++) {
        const struct irte guest = {{GOOD, cases[i].range}};
        struct irte host;
        const char *why;
        assert_int_equal(viommu_irte_judge(&r, &guest, &host, &why), cases[i].reason);
    }
}

static void a_reason_is_remembered_in_an_entry_that_is_not_there(void **state)
{
    (void)state;
    static const u8 reasons[] = {0x22, 0x23, 0x24, 0x26};
    for (u32 i = 0; i < ARRAY_LEN(reasons); i++) {
        struct irte absent = viommu_irte_absent(reasons[i]);
        assert_int_equal(absent.w[0] & (P | FPD), 0);
        assert_int_equal(viommu_irte_reason(&absent), reasons[i]);
    }
    const struct irte odd = {{0xf00, 0}};
    assert_int_equal(viommu_irte_reason(&odd), NOT_PRESENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ordinary_interrupts_stand_as_they_are),
        cmocka_unit_test(the_architecture_refuses),
        cmocka_unit_test(nestor_refuses),
        cmocka_unit_test(alone_on_the_machine),
        cmocka_unit_test(the_unit_reads_destinations_in_another_width),
        cmocka_unit_test(functions_that_sq_admits),
        cmocka_unit_test(functions_of_the_buses_of_a_range),
        cmocka_unit_test(a_reason_is_remembered_in_an_entry_that_is_not_there),
    };
    return cmocka_run_group_tests_name("viommu_irte", tests, NULL, NULL);
}
