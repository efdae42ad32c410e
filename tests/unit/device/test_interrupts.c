/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Entries of functions in the tables of two units: of several messages at once, and to the last one gone; by what the
 * messages say, or by the table of their guest's unit.
 */
#include "hv/device/interrupts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "hv/device/dma.h"
#include "hv/device/msi.h"
#include "hv/device/msix.h"
#include "iommu/viommu/viommu.h"
#include "tests/support/device_kit.h"

enum { R_CAP = 8, R_ECAP = 0x10, R_GCMD = 0x18, R_GSTS = 0x1c, R_FSTS = 0x34, R_IQT = 0x88, R_IQA = 0x90,
       R_IRTA = 0xb8, R_RECORDS = 0x220 };
#define IRE (1u << 25)
#define SIRTP (1u << 24)
#define CFI (1u << 23)
#define QIE (1u << 26)
enum { TABLE = 0x10000, RING = 0x20000, S = 5, ENTRIES = 2 << S, EIME = 1 << 11 };

static u32 sent(u32 number)
{
    u64 address = interrupts_address(device_get(2), 0);
    return device_kit_message(DEVICE_KIT_SID_MSI, address, number);
}

static void several_messages_of_one_address(void **state)
{
    (void)state;
    struct message m = {.address = 0xfee02000, .data = 0x46, .count = 8};
    device_kit_attach();
    struct device *d = device_get(2);
    interrupts_begin(d);
    interrupts_point(d, 0, &m);
    for (u32 n = 0; n < 8; n++) {
        assert_int_equal(sent(n), 2 << 8 | (0x40 + n));
    }
    assert_int_equal(sent(8), 0);
    m.count = 2;
    m.data = 0x57;
    interrupts_point(d, 0, &m);
    assert_int_equal(sent(0), 2 << 8 | 0x56);
    assert_int_equal(sent(1), 2 << 8 | 0x57);
    interrupts_end(d);
    interrupts_point(d, 0, &m);     /* by a CPU that has not stopped yet */
    for (u32 n = 0; n < 8; n++) {
        assert_int_equal(sent(n), 0);
    }
}

/* `interrupts = none` of functions that have MSI and MSI-X: their guest writes messages all the same. */
static void a_function_without_interrupts_has_no_entry(void **state)
{
    (void)state;
    struct irte before[DEVICE_KIT_UNITS][72];       /* at the end of the table, and behind it */
    const struct irte *at[DEVICE_KIT_UNITS];
    for (u32 without = 0; without < 3; without++) {
        struct handover *h = device_kit_start();
        h->functions[without].interrupts = false;
        assert_int_equal(partition_sources_init(h), OK);
        assert_int_equal(device_dma_create(), OK);
        struct device *d = device_get(without);
        assert_int_equal(device_dma_start(d), OK);
        for (u32 i = 0; i < DEVICE_KIT_UNITS; i++) {
            at[i] = &vtd_irt_entries(device_kit_unit(i))[IRTE_TABLE_MAX - 64];
            memcpy(before[i], at[i], sizeof(before[i]));
        }
        if (d->function->msix != 0) {
            msix_write(d, 0, 4, without == 1 ? 0xfee04000 : 0xfee02000);
            msix_write(d, 8, 4, 0x51);
            msix_write(d, 12, 4, 0);
        } else {
            *device_kit_config(0x50) = 0x05;
            msi_write(d, 4, 4, 0xfee02000);
            msi_write(d, 12, 2, 0x40);
            msi_write(d, 2, 2, MSI_ENABLE >> 16 | 3 << 4);
        }
        for (u32 i = 0; i < DEVICE_KIT_UNITS; i++) {
            assert_memory_equal(before[i], at[i], sizeof(before[i]));
        }
    }
}

static void a_refusal_is_told_now_and_then(void **state)
{
    (void)state;
    const struct message m = {.address = 0xfee01000, .data = 0x41, .count = 1};
    device_kit_attach();
    hosted_clear_log();
    interrupts_begin(device_get(2));
    for (u32 n = 0; n < 1000; n++) {
        interrupts_point(device_get(2), 3, &m);
    }
    assert_non_null(strstr(hosted_log(), "partition a: message 3 of 01:00.0 (0xfee01000 0x41) refused: destination"));
    assert_in_range(hosted_log_lines(), 1, 12);
}

/* --- by the guest's table --- */

static struct viommu *unit;

static u64 *memory(u64 gpa)
{
    return (u64 *)(void *)(hosted_memory() + DEVICE_KIT_A + gpa);
}

static void finish(void)
{
    u32 budget;
    do {
        budget = VIOMMU_BUDGET;
    } while (viommu_run(unit, &budget));
}

static void write(u32 offset, u64 value)
{
    u32 size = offset == R_IQT || offset == R_IQA || offset == R_IRTA ? 8 : 4;
    if (viommu_mmio_write(unit, offset, size, value)) {
        finish();
    }
}

static u64 read(u32 offset, u32 size)
{
    u64 value;
    while (viommu_mmio_read(unit, offset, size, &value) != VIOMMU_DONE) {
        finish();
    }
    return value;
}

static void command(u32 set, u32 clear)
{
    write(R_GCMD, ((read(R_GSTS, 4) & 0x96ffffff) & ~clear) | set);
}

/* 1: fixed or what dlm says, to that CPU, from that source-id. */
static void entry(u32 index, u32 cpu, u32 vector, u32 dlm, u16 sid)
{
    memory(TABLE)[2 * index] = (u64)cpu << 32 | vector << 16 | dlm << 5 | 1;
    memory(TABLE)[2 * index + 1] = 1u << 18 | sid;
}

static void forget_from(u32 index, u32 mask, bool all)
{
    u64 tail = read(R_IQT, 8);
    memory(RING + tail)[0] = 4 | (all ? 0 : 1u << 4 | mask << 27 | (u64)index << 32);
    memory(RING + tail)[1] = 0;
    write(R_IQT, (tail + 16) % PAGE_SIZE);
    assert_int_equal(read(R_FSTS, 4) & 0x10, 0);
}

static void forget(u32 index)
{
    forget_from(index, 0, false);
}

static void start(bool on)
{
    device_kit_attach_units();
    unit = device_kit_partition(1)->viommus[0];
    memset(memory(TABLE), 0, ENTRIES * 16);
    for (u32 i = 0; device_get(i) != NULL; i++) {
        *device_kit_config(0x50) = 0x01866005;
        assert_int_equal(device_dma_start(device_get(i)), OK);
    }
    write(R_IQA, RING);
    command(QIE, 0);
    write(R_IRTA, TABLE | EIME | S);
    command(SIRTP, 0);
    command(on ? IRE : 0, 0);
    assert_int_equal(read(R_GSTS, 4), QIE | SIRTP | (on ? IRE : 0));
}

static u64 remappable(u32 index, bool shv)
{
    return 0xfee00010 | (index & 0x7fff) << 5 | (u64)shv << 3 | index >> 15 << 2;
}

/* As a driver does, the other half first. */
static void set_message(u32 number, u64 address, u32 data)
{
    struct device *d = device_get(0);
    msix_write(d, number * 16 + 12, 4, 1);
    msix_write(d, number * 16, 4, (u32)address);
    msix_write(d, number * 16 + 4, 4, (u32)(address >> 32));
    msix_write(d, number * 16 + 8, 4, data);
    msix_write(d, number * 16 + 12, 4, 0);
}

static u32 comes_to(u32 number)
{
    return device_kit_message(DEVICE_KIT_SID_A, interrupts_address(device_get(0), number), 0);
}

struct fault { u32 reason, index; u16 sid; };

/* The guest's record, of the fault that was last; index 0 where hardware has none. False: none. */
static bool take_fault(struct fault *out)
{
    struct vtd_fault host;
    hosted_advance_us(1000000);
    for (u32 i = 0; i < DEVICE_KIT_UNITS; i++) {
        while (vtd_fault_next(device_kit_unit(i), &host)) {
        }
    }
    viommu_poll_faults(unit);
    u64 status = read(R_FSTS, 4);
    u32 at = R_RECORDS + (u32)(status >> 8 & 0xff) * 16;
    u64 high = read(at + 8, 8);
    bool found = (status & 2) != 0;
    *out = (struct fault){(u8)(high >> 32), (u32)(read(at, 8) >> 48), (u16)high};
    for (u32 i = 0; i < 4; i++) {
        write(R_RECORDS + i * 16 + 12, 1u << 31);
    }
    return found;
}

static void expect_fault(u32 reason, u32 index)
{
    struct fault f;
    assert_true(take_fault(&f));
    assert_int_equal(f.reason, reason);
    assert_int_equal(f.index, index);
    assert_int_equal(f.sid, DEVICE_KIT_SID_A);
}

static void a_message_goes_by_its_entry(void **state)
{
    (void)state;
    start(true);
    assert_int_equal(read(R_ECAP, 8) & 0x18, 0x18);
    entry(7, 2, 0x45, 0, DEVICE_KIT_SID_A);
    set_message(0, remappable(7, false), 0xffffffff);
    assert_int_equal(comes_to(0), 2 << 8 | 0x45);
    set_message(1, remappable(3, true), 4);
    assert_int_equal(comes_to(1), 2 << 8 | 0x45);
    entry(7, 3, 0x46, 1, DEVICE_KIT_SID_A);
    assert_int_equal(comes_to(0), 2 << 8 | 0x45);            /* not announced */
    forget(6);
    assert_int_equal(comes_to(0), 2 << 8 | 0x45);
    forget(7);
    assert_int_equal(comes_to(0), 3 << 8 | 0x46);
    assert_int_equal(comes_to(1), 3 << 8 | 0x46);
    for (u32 how = 0; how < 3; how++) {
        entry(7, 2, 0x50 + how, 0, DEVICE_KIT_SID_A);
        forget_from(4, 2, false);
        assert_int_equal(comes_to(0), 2 << 8 | (0x50 + how));
        entry(7, 2, 0x60 + how, 0, DEVICE_KIT_SID_A);
        if (how == 0) {
            forget_from(0, 0, true);
        } else if (how == 1) {
            command(SIRTP, 0);
        } else {
            command(0, IRE);
            command(IRE, 0);
        }
        assert_int_equal(comes_to(0), 2 << 8 | (0x60 + how));
    }
    memory(TABLE)[14] = 0;
    forget(7);
    assert_int_equal(comes_to(0), 0);
    expect_fault(0x22, 7);
    entry(7, 2, 0x45, 0, DEVICE_KIT_SID_A);
    forget(7);
    assert_int_equal(comes_to(1), 2 << 8 | 0x45);
    /* Nobody else's source-id, whatever the entry admits. */
    memory(TABLE)[15] = 0;
    forget(7);
    assert_int_equal(comes_to(0), 2 << 8 | 0x45);
    for (u32 sid = 0; sid < 0x200; sid++) {
        u32 sent_by = device_kit_message((u16)sid, interrupts_address(device_get(0), 0), 0);
        assert_int_equal(sent_by != 0, sid == DEVICE_KIT_SID_A);
    }
}

static void what_is_refused_faults(void **state)
{
    static const struct { u64 w0, w1; u32 reason; const char *told; } cases[] = {
        {0, 0, 0x22, NULL},
        {4ull << 32 | 0x450001, 1u << 18 | 0x18, 0x24, "refused: destination"},         /* a CPU of b's */
        {2ull << 32 | 0x000041, 1u << 18 | 0x18, 0x24, "refused: delivery mode"},       /* SMI */
        {2ull << 32 | 0x4500e1, 1u << 18 | 0x18, 0x24, "refused: delivery mode"},       /* ExtINT */
        {2ull << 32 | 0x0f0001, 1u << 18 | 0x18, 0x24, "refused: vector"},
        {0xffffffffull << 32 | 0x450001, 1u << 18 | 0x18, 0x24, "refused: destination"},
        {0x1cull << 32 | 0x450005, 1u << 18 | 0x18, 0x24, "refused: destination"},      /* not all its own */
        {2ull << 32 | 0x451001, 1u << 18 | 0x18, 0x24, NULL},                           /* reserved */
        {2ull << 32 | 0x458001, 1u << 18 | 0x18, 0x24, NULL},                           /* posted */
        {2ull << 32 | 0x450001, 3u << 18 | 0x18, 0x24, NULL},
        {2ull << 32 | 0x450001, 1u << 18 | 0x100, 0x26, NULL},                          /* its own, another function */
        {2ull << 32 | 0x450001, 1u << 18 | 1u << 16 | 0x10, 0x26, NULL},
        {2ull << 32 | 0x450001, 2u << 18 | 0x0102, 0x26, NULL},
    };
    static const u64 allowed[] = {1u << 18 | 0x18, 1u << 18 | 1u << 16 | 0x1c, 1u << 18 | 3u << 16 | 0x1f,
                                  2u << 18 | 0x0002, 0};
    (void)state;
    start(true);
    for (u32 i = 0; i < ARRAY_LEN(cases); i++) {
        memory(TABLE)[2 * 9] = cases[i].w0;
        memory(TABLE)[2 * 9 + 1] = cases[i].w1;
        hosted_clear_log();
        set_message(2, remappable(9, false), 0);
        assert_int_equal(comes_to(2), 0);
        expect_fault(cases[i].reason, 9);
        assert_true(cases[i].told == NULL ? strstr(hosted_log(), "refused") == NULL
                                          : strstr(hosted_log(), cases[i].told) != NULL);
        entry(9, 2, 0x45, 0, DEVICE_KIT_SID_A);
        memory(TABLE)[2 * 9 + 1] = allowed[i % ARRAY_LEN(allowed)];
        forget(9);
        assert_int_equal(comes_to(2), 2 << 8 | 0x45);
    }
    memory(TABLE)[2 * 9] = 3;                               /* FPD, and a vector that is none */
    forget(9);
    struct fault f;
    assert_int_equal(comes_to(2), 0);
    assert_false(take_fault(&f));
    set_message(2, remappable(ENTRIES, false), 0);
    assert_int_equal(comes_to(2), 0);
    expect_fault(0x21, ENTRIES);
    set_message(2, remappable(0xffff, true), 0xffff);
    assert_int_equal(comes_to(2), 0);
    expect_fault(0x21, 0xfffe);
    set_message(2, remappable(0, true), 0x10009);
    assert_int_equal(comes_to(2), 0);
    expect_fault(0x20, 9);
    write(R_IRTA, DEVICE_KIT_BYTES | EIME | S);             /* not its memory */
    command(SIRTP, 0);
    set_message(2, remappable(9, false), 0);
    assert_int_equal(comes_to(2), 0);
    expect_fault(0x23, 9);
    /* An index that is no message's of its own. */
    (void)device_kit_message(DEVICE_KIT_SID_A, remappable(5, false), 0);
    expect_fault(0x22, 5);
    (void)device_kit_message(DEVICE_KIT_SID_A, remappable(ENTRIES, false), 0);
    expect_fault(0x21, ENTRIES);
}

static void compatibility_format_is_blocked(void **state)
{
    (void)state;
    struct fault f;
    start(false);
    set_message(0, 0xfee03000, 0x47);
    assert_int_equal(comes_to(0), 3 << 8 | 0x47);
    set_message(1, 0xfee04000, 0x47);
    assert_int_equal(comes_to(1), 0);
    assert_false(take_fault(&f));                           /* its unit remaps nothing */
    hosted_clear_log();
    command(IRE, 0);
    assert_int_equal(comes_to(0), 0);
    expect_fault(0x25, 0);
    command(CFI, 0);                                        /* with EIME it stays so */
    assert_int_equal(read(R_GSTS, 4) & CFI, CFI);
    assert_int_equal(comes_to(0), 0);
    expect_fault(0x25, 0);
    write(R_IRTA, TABLE | S);
    command(SIRTP, 0);
    assert_int_equal(comes_to(0), 3 << 8 | 0x47);
    assert_int_equal(comes_to(1), 0);
    command(0, CFI);
    assert_int_equal(comes_to(0), 0);
    expect_fault(0x25, 0);
    command(CFI, 0);
    assert_int_equal(comes_to(0), 3 << 8 | 0x47);
    /* Ids of 8 bits, which the unit reads as such of 32; not a mask of them. */
    memory(TABLE)[2] = 0x0300ull << 32 | 0x480001;
    memory(TABLE)[3] = 1u << 18 | DEVICE_KIT_SID_A;
    set_message(2, remappable(1, false), 0);
    assert_int_equal(comes_to(2), 3 << 8 | 0x48);
    memory(TABLE)[2] |= 4;
    forget(1);
    assert_int_equal(comes_to(2), 0);
    command(0, IRE);
    assert_int_equal(comes_to(0), 3 << 8 | 0x47);
    assert_int_equal(comes_to(2), 0);
}

static void several_go_by_as_many_entries(void **state)
{
    (void)state;
    enum { MSI = 0x50, ADDRESS = 4, UPPER = 8, DATA = 12 };
    start(true);
    struct device *d = device_get(2);
    for (u32 n = 0; n < 8; n++) {
        entry(16 + n, 2 + n % 2, 0x70 + 3 * n, 0, DEVICE_KIT_SID_MSI);
    }
    msi_write(d, ADDRESS, 4, (u32)remappable(14, true));
    msi_write(d, UPPER, 4, 0);
    msi_write(d, DATA, 2, 5);                               /* its low bits are the messages' */
    msi_write(d, 2, 2, 0x1a7);                              /* four, on */
    for (u32 n = 0; n < 8; n++) {
        assert_int_equal(sent(n), n >= 4 ? 0 : (2u + n % 2) << 8 | (0x70 + 3 * (n + 2)));
    }
    entry(20, 2, 0x33, 0, DEVICE_KIT_SID_MSI);
    forget(20);
    assert_int_equal(sent(2), 2 << 8 | 0x33);
    msi_write(d, 2, 2, 0x197);                              /* two: the others are not sent */
    forget_from(0, 0, true);
    assert_int_equal(sent(1), (2 + 1) << 8 | (0x70 + 3 * 3));
    assert_int_equal(sent(2), 0);
}

/* A guest whose functions have many messages takes more exits, and no one else's are looked at. */
static void all_of_them_take_many_exits(void **state)
{
    (void)state;
    start(true);
    for (u32 n = 0; n < 4; n++) {
        entry(n, 2, 0x45, 0, DEVICE_KIT_SID_A);
        set_message(n, remappable(n, false), 0);
        entry(n, 2, 0x46, 0, DEVICE_KIT_SID_A);
    }
    struct message others = {.address = 0xfee04000, .data = 0x41, .count = 1};
    interrupts_point(device_get(1), 0, &others);
    u64 tail = read(R_IQT, 8);
    memory(RING + tail)[0] = 4;
    u32 calls = 1, budget = 5;
    bool left = viommu_mmio_write(unit, R_IQT, 8, (tail + 16) % PAGE_SIZE);
    assert_false(left);
    for (u32 n = 0; n < 4; n++) {
        entry(n, 3, 0x47, 0, DEVICE_KIT_SID_A);
    }
    u32 next = 0;
    for (; !interrupts_changed(device_kit_partition(1), 0, GUEST_INTERRUPTS, &next, &budget); calls++) {
        assert_int_equal(budget, 0);
        budget = 5;
        assert_in_range(calls, 0, 100);
    }
    assert_true(calls > 2);
    for (u32 n = 0; n < 4; n++) {
        assert_int_equal(comes_to(n), 3 << 8 | 0x47);
    }
    assert_int_equal(device_kit_message(DEVICE_KIT_SID_B, interrupts_address(device_get(1), 0), 0), 4 << 8 | 0x41);
}

static void the_next_life_has_none(void **state)
{
    (void)state;
    start(true);
    entry(7, 2, 0x45, 0, DEVICE_KIT_SID_A);
    set_message(0, remappable(7, false), 0);
    assert_int_equal(comes_to(0), 2 << 8 | 0x45);
    device_dma_stop(device_get(0));
    assert_int_equal(comes_to(0), 0);
    assert_int_equal(viommu_reset(unit), OK);
    assert_int_equal(comes_to(0), 0);
    assert_int_equal(read(R_GSTS, 4), 0);
    assert_int_equal(read(R_IRTA, 8), 0);
    assert_null(strstr(hosted_log(), "refused"));   /* nobody has asked for it since */
    assert_int_equal(device_dma_start(device_get(0)), OK);
    assert_int_equal(comes_to(0), 0);
    set_message(0, 0xfee02000, 0x44);
    assert_int_equal(comes_to(0), 2 << 8 | 0x44);
    set_message(0, remappable(7, false), 0);
    assert_int_equal(comes_to(0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(several_messages_of_one_address),
        cmocka_unit_test(a_function_without_interrupts_has_no_entry),
        cmocka_unit_test(a_refusal_is_told_now_and_then),
        cmocka_unit_test(a_message_goes_by_its_entry),
        cmocka_unit_test(what_is_refused_faults),
        cmocka_unit_test(compatibility_format_is_blocked),
        cmocka_unit_test(several_go_by_as_many_entries),
        cmocka_unit_test(all_of_them_take_many_exits),
        cmocka_unit_test(the_next_life_has_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
