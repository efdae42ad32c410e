/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Interrupt remapping of the guest's unit on the reference unit: the guest's table and commands by hand (VT-d 5.1,
 * 6.5.2.7, 9.9, 11.4.4, 11.4.10), what becomes of a device's request, and what the guest's fault records say.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "iommu/vtd/vtd.h"
#include "tests/support/guest_kit.h"

enum { SID = 0x0108, OTHER_SID = 0x0208, VECTOR = 0x51, LAST = 65535, IEC_ALL = 0x04, WAIT_VALUE = 0x77 };
#define IR_ECAP (KIT_ECAP | 1ull << 3 | 1ull << 4 | 15ull << 20)
#define EIME (1u << 11)
#define P 1ull
#define FPD 2ull
#define NMI (4ull << 5)
#define FOR_SID (1ull << 18 | SID)

static u64 iec(u32 index, u32 mask)
{
    return 0x14 | (u64)index << 32 | (u64)mask << 27;
}

/* Present, fixed, physical, 8 bits of destination. */
static u64 to(u32 cpu, u32 vector)
{
    return P | (u64)cpu << 40 | (u64)vector << 16;
}

static u64 to_wide(u32 cpu, u32 vector)
{
    return P | (u64)cpu << 32 | (u64)vector << 16;
}

static void start(struct kit *kit)
{
    const struct viommu_config shown = {.interrupts = true};
    kit_start_unit(kit, KIT_CAP, IR_ECAP, &shown);
    kit_queue_on(kit);
}

static u32 sticky(struct kit *kit)
{
    return (u32)kit_read(kit, R_GSTS, 4) & 0x96ffffffu;
}

static void command(struct kit *kit, u32 set, u32 clear)
{
    kit_write(kit, R_GCMD, 4, (sticky(kit) | set) & ~clear);
}

static void set_table(struct kit *kit, u64 irta)
{
    kit_write(kit, R_IRTA, 8, irta);
    command(kit, G_SIRTP, 0);
}

static void put(u64 table, u32 index, u64 low, u64 high)
{
    u64 *entry = kit_at((table & ~PAGE_MASK) + index * 16);
    entry[0] = low;
    entry[1] = high;
}

/* A table of 65,536 entries in use; its IRTA. */
static u64 remap(struct kit *kit, u32 eime)
{
    u64 irta = kit_pages(kit, 256) | eime | 15;
    set_table(kit, irta);
    command(kit, G_IRE, 0);
    assert_int_not_equal(kit_read(kit, R_GSTS, 4) & G_IRE, 0);
    return irta;
}

static u8 request(struct kit *kit, u16 sid, u32 index, struct model_interrupt *out)
{
    u64 addr = 0xfee00010 | (u64)(index & 0x7fff) << 5 | (u64)(index >> 15) << 2;
    (void)model_interrupt(kit->unit, sid, addr, 0, out);
    return out->reason;
}

static void expect_delivered(struct kit *kit, u32 index, u32 cpu, u32 vector)
{
    struct model_interrupt out;
    assert_int_equal(request(kit, SID, index, &out), 0);
    assert_int_equal(out.addr, 0xfee00000 | (cpu & 0xff) << 12 | (u64)(cpu & ~0xffu) << 32);
    assert_int_equal(out.data & 0xff, vector);
}

/* The request is refused, and that is what the guest's record says. */
static void expect_fault(struct kit *kit, u16 sid, u32 index, u8 reason)
{
    struct model_interrupt out;
    struct kit_fault fault;
    assert_int_not_equal(request(kit, sid, index, &out), 0);
    assert_true(kit_take_fault(kit, &fault));
    assert_int_equal(fault.reason, reason);
    assert_int_equal(fault.sid, sid);
    assert_int_equal(fault.addr, (u64)index << 48);
    assert_false(fault.has_pasid);
    assert_false(kit_take_fault(kit, &fault));
}

static void expect_silence(struct kit *kit, u32 index)
{
    struct model_interrupt out;
    struct kit_fault fault;
    assert_int_not_equal(request(kit, SID, index, &out), 0);
    assert_false(kit_take_fault(kit, &fault));
}

/* The order in which Linux does it, and what each step is seen by. */
static void a_guest_turns_it_on_and_announces_an_entry(void **state)
{
    (void)state;
    struct kit kit;
    struct model_interrupt out;
    start(&kit);
    assert_int_equal(kit_read(&kit, R_ECAP, 8) >> 3 & 3, 3);
    assert_true(model_interrupt(kit.unit, SID, 0xfee00000, VECTOR, &out)); /* as on the bare machine */
    u64 table = kit_pages(&kit, 256);
    set_table(&kit, table | EIME | 15);
    assert_int_not_equal(kit_read(&kit, R_GSTS, 4) & G_SIRTP, 0);
    assert_true(kit_submit(&kit, IEC_ALL, 0));
    command(&kit, G_IRE, 0);
    assert_int_not_equal(kit_read(&kit, R_GSTS, 4) & G_IRE, 0);
    assert_int_equal(kit_read(&kit, R_IRTA, 8), table | EIME | 15);
    put(table, LAST, to_wide(KIT_WIDE_CPU, VECTOR), FOR_SID);
    expect_fault(&kit, SID, LAST, 0x22);            /* not announced yet */
    assert_true(kit_submit(&kit, iec(LAST, 0), 0));
    expect_delivered(&kit, LAST, KIT_WIDE_CPU, VECTOR);
    expect_fault(&kit, OTHER_SID, LAST, 0x26);
    put(table, LAST, 0, 0);
    expect_delivered(&kit, LAST, KIT_WIDE_CPU, VECTOR);
    assert_true(kit_submit(&kit, iec(LAST, 0), 0));
    expect_fault(&kit, SID, LAST, 0x22);
    command(&kit, 0, G_IRE);
    assert_int_equal(kit_read(&kit, R_GSTS, 4) & G_IRE, 0);
    assert_true(model_interrupt(kit.unit, SID, 0xfee00000, VECTOR, &out));
    assert_int_equal(kit_stats(&kit).interrupt_entries, 3);
    assert_true(kit_stop(&kit));
}

/* Entries that were there before IRE need no descriptor. */
static void what_the_table_has_at_ire_counts(void **state)
{
    (void)state;
    struct kit kit;
    start(&kit);
    u64 table = kit_pages(&kit, 256);
    set_table(&kit, table | 15);
    put(table, 100, to(2, VECTOR), FOR_SID);
    u64 reads = kit.reads;
    assert_true(kit_submit(&kit, IEC_ALL, 0));
    assert_int_equal(kit.reads, reads + 1); /* the descriptor: nothing can be cached yet */
    assert_int_equal(model_counters(kit.unit)->descriptors[MODEL_DESC_IEC], 0);
    command(&kit, G_IRE, 0);
    expect_delivered(&kit, 100, 2, VECTOR);
    assert_true(kit_stop(&kit));
}

static void refused_entries_fault_as_hardware_would(void **state)
{
    (void)state;
    struct kit kit;
    start(&kit);
    u64 table = remap(&kit, 0);
    kit.shared = true;
    hosted_clear_log();
    put(table, 1, to(0, VECTOR) | NMI, FOR_SID);
    put(table, 2, to(0, VECTOR) | 1 << 15, FOR_SID);
    put(table, 3, to(0, VECTOR), 0);
    put(table, 4, to(KIT_CPUS, VECTOR), FOR_SID);
    put(table, 5, to(0, VECTOR) | NMI | FPD, FOR_SID);
    put(table, 6, FPD, 0);
    put(table, 7, to(0, 3), FOR_SID);
    assert_true(kit_submit(&kit, iec(0, 3), 0));
    expect_fault(&kit, SID, 1, 0x24);
    expect_fault(&kit, SID, 2, 0x24);
    expect_fault(&kit, SID, 3, 0x26);
    expect_fault(&kit, SID, 4, 0x24);
    expect_silence(&kit, 5);
    expect_silence(&kit, 6);
    expect_fault(&kit, SID, 7, 0x24);
    assert_int_equal(kit_stats(&kit).interrupt_refusals, 5);
    assert_non_null(strstr(hosted_log(), "entry 1 (0x0000000000510081 0x0000000000040108) refused: delivery mode"));
    assert_non_null(strstr(hosted_log(), "refused: source-ids"));
    assert_non_null(strstr(hosted_log(), "refused: destination"));
    assert_non_null(strstr(hosted_log(), "refused: vector"));
    assert_int_equal(hosted_interrupts(), 0);
    /* As often as it likes: the console has had enough. */
    for (u32 i = 0; i < 20; i++) {
        assert_true(kit_submit(&kit, iec(1, 0), 0));
    }
    assert_int_equal(kit_stats(&kit).interrupt_refusals, 25);
    assert_true(hosted_log_lines() < 25);
    assert_true(kit_stop(&kit));
}

static void an_index_beyond_the_table_or_a_table_that_is_no_memory(void **state)
{
    (void)state;
    struct kit kit;
    start(&kit);
    u64 table = kit_page(&kit);
    put(table, 31, to(1, VECTOR), FOR_SID);
    put(table, 32, to(1, VECTOR), FOR_SID);
    set_table(&kit, table | 4); /* 32 entries */
    command(&kit, G_IRE, 0);
    expect_delivered(&kit, 31, 1, VECTOR);
    expect_fault(&kit, SID, 32, 0x21);
    assert_true(kit_submit(&kit, iec(32, 0), 0));
    expect_fault(&kit, SID, 32, 0x21);
    set_table(&kit, KIT_RAM_END | 15);
    expect_fault(&kit, SID, 31, 0x23);
    set_table(&kit, (KIT_RAM_END - 0x1000) | 15); /* 256 of its entries are memory */
    put(KIT_RAM_END - 0x1000, 255, to(3, VECTOR), FOR_SID);
    assert_true(kit_submit(&kit, iec(255, 0), 0));
    expect_delivered(&kit, 255, 3, VECTOR);
    expect_fault(&kit, SID, 256, 0x23);
    set_table(&kit, HOSTED_POOL | 15); /* Nestor's own memory */
    expect_fault(&kit, SID, 0, 0x23);
    assert_true(kit_stop(&kit));
}

/* The guest makes the entry an NMI right after it was read, and an ordinary interrupt of an NMI. */
static u64 racing_table;

static void rewrite(struct kit *kit, u64 gpa, size_t len)
{
    (void)kit;
    if (gpa <= racing_table + 16 && gpa + len > racing_table + 16) {
        kit_at(racing_table + 16)[0] ^= NMI;
    }
}

static void an_entry_is_read_once(void **state)
{
    (void)state;
    struct kit kit;
    start(&kit);
    racing_table = remap(&kit, 0) & ~PAGE_MASK;
    put(racing_table, 1, to(0, VECTOR), FOR_SID);
    kit.after_read = rewrite;
    u64 reads = kit.reads;
    assert_true(kit_submit(&kit, iec(1, 0), 0));
    assert_int_equal(kit.reads, reads + 2); /* the descriptor and the entry */
    assert_int_equal(kit_at(racing_table + 16)[0] & NMI, NMI);
    expect_delivered(&kit, 1, 0, VECTOR);
    assert_true(kit_submit(&kit, iec(1, 0), 0));
    assert_int_equal(kit_at(racing_table + 16)[0] & NMI, 0);
    expect_fault(&kit, SID, 1, 0x24);
    kit.after_read = NULL;
    assert_true(kit_stop(&kit));
}

/* What stands at the index already was vetted, but for its vector: nothing else of an entry that changes is free. */
static void an_entry_that_changes_is_vetted_again(void **state)
{
    (void)state;
    static const struct { u64 low, high; u8 reason; } changes[] = {
        {P | 3ull << 40 | 15 << 16, FOR_SID, 0x24},              /* a vector below 16 */
        {P | (u64)KIT_CPUS << 40 | VECTOR << 16, FOR_SID, 0x24}, /* a CPU that is not there */
        {P | 3ull << 40 | NMI | VECTOR << 16, FOR_SID, 0x24},
        {P | 3ull << 40 | 1 << 15 | VECTOR << 16, FOR_SID, 0x24},
        {P | 3ull << 40 | 1ull << 32 | VECTOR << 16, FOR_SID, 0x24},
        {P | 3ull << 40 | VECTOR << 16, 0, 0x26},                /* anybody */
        {P | 3ull << 40 | VECTOR << 16, FOR_SID | 1ull << 20, 0x24},
        {3ull << 40 | VECTOR << 16, FOR_SID, 0x22},
    };
    struct kit kit;
    start(&kit);
    u64 table = remap(&kit, 0);
    kit.shared = true;
    for (u32 i = 0; i < ARRAY_LEN(changes); i++) {
        put(table, i, to(3, VECTOR), FOR_SID);
        assert_true(kit_submit(&kit, iec(i, 0), 0));
        put(table, i, to(3, VECTOR + 1 + i) | 7 << 8, FOR_SID); /* and bits that software may use */
        assert_true(kit_submit(&kit, iec(i, 0), 0));
        expect_delivered(&kit, i, 3, VECTOR + 1 + i);
        put(table, i, changes[i].low, changes[i].high);
        assert_true(kit_submit(&kit, iec(i, 0), 0));
        expect_fault(&kit, SID, i, changes[i].reason);
        put(table, i, to(4, VECTOR), FOR_SID);
        assert_true(kit_submit(&kit, iec(i, 0), 0));
        expect_delivered(&kit, i, 4, VECTOR);
    }
    assert_true(kit_stop(&kit));
}

/* While the guest's EIME is not the unit's, what stands there is written in another way. */
static void a_vector_changes_under_another_extended_mode(void **state)
{
    (void)state;
    struct kit kit;
    start(&kit);
    u64 table = remap(&kit, EIME);
    put(table, 1, to(5, VECTOR), FOR_SID);
    set_table(&kit, table & ~(u64)EIME);
    expect_delivered(&kit, 1, 5, VECTOR);
    put(table, 1, to_wide(5, VECTOR + 1), FOR_SID); /* as the unit has it, which the guest's form does not allow */
    assert_true(kit_submit(&kit, iec(1, 0), 0));
    expect_fault(&kit, SID, 1, 0x24);
    assert_true(kit_stop(&kit));
}

/* Neighbours are copied at once: those of one doorbell, and never as they were at the one before. */
static void entries_of_a_doorbell(void **state)
{
    (void)state;
    struct kit kit;
    start(&kit);
    u64 table = remap(&kit, 0);
    for (u32 round = 0; round < 3; round++) {
        u64 reads = kit.reads;
        u64 tail = kit_read(&kit, R_IQT, 8);
        for (u32 i = 0; i < 10; i++) {
            put(table, i, to(i, VECTOR + round), FOR_SID);
            tail = kit_queue(&kit, tail, iec(i, 0), 0);
        }
        kit_write(&kit, R_IQT, 8, tail);
        assert_int_equal(kit.reads, reads + 1 + 3); /* the descriptors, and entries 0 to 11 */
        put(table, 9, 0, 0);
        for (u32 i = 0; i < 10; i++) {
            expect_delivered(&kit, i, i, VECTOR + round);
        }
    }
    assert_true(kit_submit(&kit, iec(9, 0), 0));
    expect_fault(&kit, SID, 9, 0x22);
    assert_true(kit_stop(&kit));
}

/* Everything at once, in pieces of one exit; a wait behind it is not done before. */
static void a_global_invalidation_is_bounded_and_not_overtaken(void **state)
{
    (void)state;
    struct kit kit;
    start(&kit);
    u64 table = remap(&kit, 0);
    for (u32 i = 0; i < 65536; i++) {
        put(table, i, to(i % KIT_CPUS, 16 + i % 200), FOR_SID);
    }
    u64 status = kit_page(&kit);
    u64 tail = kit_queue(&kit, kit_read(&kit, R_IQT, 8), IEC_ALL, 0);
    tail = kit_queue(&kit, tail, 0x25 | (u64)WAIT_VALUE << 32, status);
    bool left = viommu_mmio_write(kit.v, R_IQT, 8, tail);
    u32 exits = 1;
    for (; left; exits++) {
        assert_int_equal(kit_at(status)[0], 0);
        left = kit_run(&kit, VIOMMU_BUDGET);
    }
    assert_int_equal(kit_at(status)[0], WAIT_VALUE);
    assert_true(exits > 600 && exits < 700); /* three steps an entry, and six for 64 of them */
    expect_delivered(&kit, 0, 0, 16);
    expect_delivered(&kit, LAST, LAST % KIT_CPUS, 16 + LAST % 200);
    assert_true(kit_stop(&kit));
}

static void many_entries_by_a_mask(void **state)
{
    (void)state;
    struct kit kit;
    start(&kit);
    u64 table = remap(&kit, 0);
    for (u32 i = 0; i < 512; i++) {
        put(table, i, to(1, VECTOR), FOR_SID);
    }
    assert_true(kit_submit(&kit, iec(0x123, 7), 0)); /* 100h to 17Fh */
    expect_fault(&kit, SID, 0xff, 0x22);
    expect_delivered(&kit, 0x100, 1, VECTOR);
    expect_delivered(&kit, 0x17f, 1, VECTOR);
    expect_fault(&kit, SID, 0x180, 0x22);
    assert_true(kit_submit(&kit, iec(0, 31), 0)); /* more than there are */
    expect_delivered(&kit, 0xff, 1, VECTOR);
    assert_true(kit_stop(&kit));
}

/* More than a batch of the unit's: every one of them is done, in order. */
static void more_invalidations_than_a_batch(void **state)
{
    (void)state;
    struct kit kit;
    start(&kit);
    u64 table = remap(&kit, 0);
    u64 tail = kit_read(&kit, R_IQT, 8);
    for (u32 i = 0; i < 126; i++) {
        put(table, i, to(1, VECTOR), FOR_SID);
        tail = kit_queue(&kit, tail, iec(i, 0), 0);
    }
    kit_write(&kit, R_IQT, 8, tail);
    assert_int_equal(kit_read(&kit, R_IQH, 8), tail);
    expect_delivered(&kit, 0, 1, VECTOR);
    expect_delivered(&kit, 125, 1, VECTOR);
    assert_true(kit_stop(&kit));
}

/* kexec to a kernel that copied the table: what is the same in both is delivered at each instant. */
static void a_table_is_exchanged_live(void **state)
{
    (void)state;
    struct kit kit;
    start(&kit);
    u64 old = remap(&kit, 0);
    u64 fresh = kit_pages(&kit, 256) | 15;
    put(old, 9, to(1, VECTOR), FOR_SID);
    put(old, 10, to(1, VECTOR), FOR_SID);
    assert_true(kit_submit(&kit, IEC_ALL, 0));
    put(fresh, 9, to(1, VECTOR), FOR_SID);
    put(fresh, LAST, to(2, VECTOR), FOR_SID);
    kit_write(&kit, R_IRTA, 8, fresh);
    bool left = viommu_mmio_write(kit.v, R_GCMD, 4, sticky(&kit) | G_SIRTP);
    assert_true(left);
    for (; left; left = kit_run(&kit, 40)) {
        u64 status;
        (void)viommu_mmio_read(kit.v, R_GSTS, 4, &status);
        expect_delivered(&kit, 9, 1, VECTOR);
    }
    assert_int_not_equal(kit_read(&kit, R_GSTS, 4) & G_SIRTP, 0);
    expect_delivered(&kit, 9, 1, VECTOR);
    expect_fault(&kit, SID, 10, 0x22);
    expect_delivered(&kit, LAST, 2, VECTOR);
    assert_true(kit_stop(&kit));
}

/* Another table while the first is being read: nothing of the first stays. */
static void a_table_is_exchanged_twice(void **state)
{
    (void)state;
    struct kit kit;
    start(&kit);
    (void)remap(&kit, 0);
    u64 first = kit_pages(&kit, 256) | 15, second = kit_pages(&kit, 256) | 15;
    put(first, 9, to(1, VECTOR), FOR_SID);
    put(second, 10, to(2, VECTOR), FOR_SID);
    kit_write(&kit, R_IRTA, 8, first);
    assert_true(viommu_mmio_write(kit.v, R_GCMD, 4, sticky(&kit) | G_SIRTP));
    u64 ignored;
    bool left = viommu_mmio_write(kit.v, R_IRTA, 8, second);
    assert_true(left && viommu_mmio_read(kit.v, R_GSTS, 4, &ignored));
    (void)viommu_mmio_write(kit.v, R_GCMD, 4, ((u32)ignored & 0x96ffffffu) | G_SIRTP);
    kit_finish(&kit);
    expect_fault(&kit, SID, 9, 0x22);
    expect_delivered(&kit, 10, 2, VECTOR);
    assert_true(kit_stop(&kit));
}

/* What the queue has behind a command is done behind it. */
static void a_descriptor_waits_for_the_command(void **state)
{
    (void)state;
    struct kit kit;
    start(&kit);
    u64 table = kit_pages(&kit, 256), status = kit_page(&kit);
    for (u32 i = 0; i < 65536; i += 8) {
        put(table, i, to(1, VECTOR), FOR_SID);
    }
    set_table(&kit, table | 15);
    u64 tail = kit_queue(&kit, kit_read(&kit, R_IQT, 8), 0x25 | (u64)WAIT_VALUE << 32, status);
    bool left = viommu_mmio_write(kit.v, R_GCMD, 4, sticky(&kit) | G_IRE);
    assert_true(left);
    left = viommu_mmio_write(kit.v, R_IQT, 8, tail);
    while (left) {
        assert_int_equal(kit_at(status)[0], 0);
        left = kit_run(&kit, VIOMMU_BUDGET);
    }
    assert_int_equal(kit_at(status)[0], WAIT_VALUE);
    assert_int_not_equal(model_read(kit.unit, R_GSTS, 4) & G_IRE, 0);
    assert_true(kit_stop(&kit));
}

/*
 * Linux gives a unit no time at all before its clock is calibrated: whoever reads the status is told when the table has
 * been read, however many exits that takes. Other registers do not wait for it.
 */
static void the_first_answer_is_that_of_the_end(void **state)
{
    (void)state;
    static const struct { u32 set, done; } cases[] = {{G_IRE, G_IRE}, {G_IRE | G_SIRTP, G_IRE | G_SIRTP}};
    struct kit kit;
    start(&kit);
    u64 table = kit_pages(&kit, 256);
    for (u32 i = 0; i < 65536; i += 8) {
        put(table, i, to(1, VECTOR), FOR_SID);
    }
    set_table(&kit, table | 15);
    for (u32 i = 0; i < ARRAY_LEN(cases); i++) {
        u64 value;
        put(table, LAST, to(i, VECTOR), FOR_SID);
        assert_true(viommu_mmio_write(kit.v, R_GCMD, 4, sticky(&kit) | cases[i].set));
        assert_int_equal(viommu_mmio_read(kit.v, R_IQH, 8, &value), VIOMMU_LEFT);
        assert_true(viommu_is_busy(kit.v, R_GSTS) && !viommu_is_busy(kit.v, R_FSTS));
        assert_int_equal(kit_read_once(&kit, R_GSTS & ~7u, 8, &value), VIOMMU_DONE);
        assert_int_equal(value >> 32 & cases[i].done, cases[i].done);
        expect_delivered(&kit, LAST, i, VECTOR);
    }
    assert_true(kit_stop(&kit));
}

/* The table of a crashed kernel with x2APIC, read by one without: the unit keeps its EIME (VT-d 11.4.10). */
static void another_extended_mode_while_remapping(void **state)
{
    (void)state;
    struct kit kit;
    start(&kit);
    u64 table = remap(&kit, EIME);
    put(table, 1, to_wide(5, VECTOR), FOR_SID);
    put(table, 2, to(5, VECTOR), FOR_SID);
    put(table, 3, to(0xff, VECTOR), FOR_SID);
    put(table, 4, to(1, VECTOR) | 4, FOR_SID); /* flat logical */
    assert_true(kit_submit(&kit, IEC_ALL, 0));
    expect_delivered(&kit, 1, 5, VECTOR);
    expect_fault(&kit, SID, 2, 0x24);
    set_table(&kit, table & ~(u64)EIME);
    expect_fault(&kit, SID, 1, 0x24);
    expect_delivered(&kit, 2, 5, VECTOR);
    expect_fault(&kit, SID, 3, 0x24);
    expect_fault(&kit, SID, 4, 0x24);
    assert_int_equal(kit_read(&kit, R_IRTA, 8) & EIME, 0);
    assert_int_equal(model_counters(kit.unit)->eime_changed_live, 0);
    /* Off and on again: now it is the guest's. */
    command(&kit, 0, G_IRE);
    command(&kit, G_SIRTP, 0);
    command(&kit, G_IRE, 0);
    expect_delivered(&kit, 3, 0xff, VECTOR);
    assert_int_equal(model_read(kit.unit, R_IRTA, 8) & EIME, 0);
    assert_true(kit_stop(&kit));
}

static void compatibility_requests(void **state)
{
    (void)state;
    struct kit kit;
    struct model_interrupt out;
    struct kit_fault fault;
    start(&kit);
    command(&kit, G_CFI, 0);
    assert_int_not_equal(kit_read(&kit, R_GSTS, 4) & G_CFI, 0);
    (void)remap(&kit, 0);
    assert_true(model_interrupt(kit.unit, SID, 0xfee00000, VECTOR, &out));
    command(&kit, 0, G_CFI);
    assert_int_equal(kit_read(&kit, R_GSTS, 4) & G_CFI, 0);
    assert_false(model_interrupt(kit.unit, SID, 0xfee00000, VECTOR, &out));
    assert_true(kit_take_fault(&kit, &fault));
    assert_int_equal(fault.reason, 0x25);
    command(&kit, G_CFI, 0);
    assert_int_equal(viommu_reset(kit.v), OK);
    assert_int_equal(kit_read(&kit, R_GSTS, 4) & (G_IRE | G_CFI | G_SIRTP), 0);
    assert_int_equal(model_read(kit.unit, R_GSTS, 4) & (G_IRE | G_CFI), 0);
    assert_int_equal(kit_read(&kit, R_IRTA, 8), 0);
    assert_true(model_interrupt(kit.unit, SID, 0xfee00000, VECTOR, &out));
    assert_true(kit_stop(&kit));
}

/* Faults of interrupts do not wait for translation, and those of a format have no index. */
static void a_reserved_field_of_a_request(void **state)
{
    (void)state;
    struct kit kit;
    struct model_interrupt out;
    struct kit_fault fault;
    start(&kit);
    (void)remap(&kit, 0);
    assert_false(model_interrupt(kit.unit, SID, 0xfee00018, 0x10000, &out));
    assert_true(kit_take_fault(&kit, &fault));
    assert_int_equal(fault.reason, 0x20);
    assert_int_equal(fault.sid, SID);
    assert_true(kit_stop(&kit));
}

/*
 * IRREQ: while nothing is remapped everything is blocked, and that is the guest's to see. EIMER: so it is while ids
 * are of eight bits. The guest's unit demands what the hardware's does.
 */
static void units_that_demand_it(void **state)
{
    static const struct { u64 ecap; u8 off, narrow; } cases[] = {
        {1ull << 62, 0x2b, 0}, {1ull << 61, 0, 0x2a}, {3ull << 61, 0x2b, 0x2a},
    };
    (void)state;
    for (u32 i = 0; i < ARRAY_LEN(cases); i++) {
        const struct viommu_config shown = {.interrupts = true};
        struct kit kit;
        struct kit_fault fault;
        struct model_interrupt out;
        kit_start_unit(&kit, KIT_CAP, IR_ECAP | cases[i].ecap, &shown);
        kit_queue_on(&kit);
        assert_int_equal(kit_read(&kit, R_ECAP, 8) >> 61 & 3, cases[i].ecap >> 61);
        for (u32 eime = 0; eime <= EIME; eime += EIME) {
            (void)model_interrupt(kit.unit, SID, 0xfee00000, VECTOR, &out);
            assert_int_equal(out.reason, cases[i].off);
            assert_int_equal(kit_take_fault(&kit, &fault), cases[i].off != 0);
            assert_true(cases[i].off == 0 || fault.reason == cases[i].off);
            u64 table = remap(&kit, eime);
            put(table, 7, eime != 0 ? to_wide(KIT_WIDE_CPU, VECTOR) : to(1, VECTOR), FOR_SID);
            assert_true(kit_submit(&kit, iec(7, 0), 0));
            u8 refused = eime != 0 ? 0 : cases[i].narrow;
            assert_int_equal(request(&kit, SID, 7, &out), refused);
            assert_int_equal(kit_take_fault(&kit, &fault), refused != 0);
            assert_true(refused == 0 || fault.reason == refused);
            command(&kit, 0, G_IRE);
        }
        assert_true(kit_stop(&kit));
    }
}

/* Where it is not shown there is no register, no command and no fault of it. */
static void a_unit_that_does_not_show_it(void **state)
{
    (void)state;
    static const struct { u64 ecap; bool interrupts; } cases[] = {{IR_ECAP, false}, {KIT_ECAP, true}};
    for (u32 i = 0; i < ARRAY_LEN(cases); i++) {
        struct kit kit;
        const struct viommu_config config = {.interrupts = cases[i].interrupts};
        kit_start_unit(&kit, KIT_CAP, cases[i].ecap, &config);
        kit_queue_on(&kit);
        u32 pages = hosted_pages_used();
        assert_int_equal(kit_read(&kit, R_ECAP, 8) & (15ull << 20 | 3ull << 3), 0);
        set_table(&kit, kit_page(&kit) | EIME | 15);
        command(&kit, G_IRE | G_CFI, 0);
        assert_int_equal(kit_read(&kit, R_GSTS, 4) & (G_IRE | G_CFI | G_SIRTP), 0);
        assert_int_equal(kit_read(&kit, R_IRTA, 8), 0);
        assert_true(kit_submit(&kit, IEC_ALL, 0));
        assert_true(kit_submit(&kit, iec(3, 2), 0));
        assert_int_equal(hosted_pages_used(), pages);
        assert_true(kit_stop(&kit));
    }
}

static void without_the_extended_mode_its_bit_does_not_exist(void **state)
{
    (void)state;
    struct kit kit;
    const struct viommu_config shown = {.interrupts = true};
    kit_start_unit(&kit, KIT_CAP, KIT_ECAP | 1ull << 3, &shown);
    kit_write(&kit, R_IRTA, 8, ~0ull);
    assert_int_equal(kit_read(&kit, R_IRTA, 8), ((1ull << KIT_HAW) - 0x1000) | 15);
    assert_true(kit_stop(&kit));
}

/* A queue that goes off meanwhile waits for what it was asked; a command waits for the descriptor. */
static void commands_and_descriptors_in_turn(void **state)
{
    (void)state;
    struct kit kit;
    start(&kit);
    u64 table = remap(&kit, 0);
    for (u32 i = 0; i < 65536; i += 64) {
        put(table, i, to(1, VECTOR), FOR_SID);
    }
    u64 tail = kit_queue(&kit, kit_read(&kit, R_IQT, 8), IEC_ALL, 0);
    assert_true(viommu_mmio_write(kit.v, R_IQT, 8, tail));
    assert_true(viommu_mmio_write(kit.v, R_GCMD, 4, (G_QIE | G_IRE) & ~G_QIE));
    assert_true(viommu_mmio_write(kit.v, R_GCMD, 4, 0)); /* IRE off, too */
    kit_finish(&kit);
    assert_int_equal(kit_read(&kit, R_GSTS, 4) & (G_QIE | G_IRE), 0);
    /* SIRTP and IRE, and a change of mind while the table is read. */
    kit_write(&kit, R_GCMD, 4, G_SIRTP);
    assert_true(viommu_mmio_write(kit.v, R_GCMD, 4, G_IRE));
    (void)viommu_mmio_write(kit.v, R_GCMD, 4, 0);
    kit_finish(&kit);
    assert_int_equal(kit_read(&kit, R_GSTS, 4) & G_IRE, 0);
    assert_int_equal(model_read(kit.unit, R_GSTS, 4) & G_IRE, 0);
    kit_write(&kit, R_GCMD, 4, G_IRE);
    kit_write(&kit, R_GCMD, 4, G_IRE | G_SIRTP);
    expect_delivered(&kit, 65536 - 64, 1, VECTOR);
    assert_true(kit_stop(&kit));
}

/* The unit's own events bypass remapping: they are held to the same CPUs. */
static void events_go_to_cpus_of_the_partition(void **state)
{
    (void)state;
    static const struct { u32 eime, addr, upper; bool shared, sent; } cases[] = {
        {0, 0xfee05000, 0, true, true},          {0, 0xfee05000, 0x100, false, false},
        {0, 0xfee00000 | KIT_CPUS << 12, 0, false, false},
        {0, 0xfeeff000, 0, true, false},         {0, 0xfeeff000, 0, false, true},
        {0, 0xfee01004, 0, true, false},         {0, 0xfee01004, 0, false, true},
        {EIME, 0xfee2c000, 0x100, true, true},   {EIME, 0xfee2b000, 0x100, false, false},
        {EIME, 0xfee2c000, 0x101, false, false}, {EIME, 0xfee03004, 0, true, true}, /* CPUs 0 and 1 of cluster 0 */
        {EIME, 0xfee01004, 0x10000, true, false},
        {EIME, 0xfee01010, 0, false, false},     /* remappable format: it would bypass all of it */
    };
    for (u32 i = 0; i < ARRAY_LEN(cases); i++) {
        struct kit kit;
        start(&kit);
        (void)remap(&kit, cases[i].eime);
        kit.shared = cases[i].shared;
        kit_write(&kit, R_FEDATA, 4, 0x31);
        kit_write(&kit, R_FEADDR, 4, cases[i].addr);
        kit_write(&kit, R_FEUADDR, 4, cases[i].upper);
        kit_write(&kit, R_FECTL, 4, 0);
        bool open = (model_read(kit.unit, R_FECTL, 4) & 1u << 31) == 0;
        assert_int_equal(open, cases[i].sent);
        if (open) {
            assert_int_equal(model_read(kit.unit, R_FEADDR, 4), cases[i].addr);
            assert_int_equal(model_read(kit.unit, R_FEUADDR, 4), cases[i].upper);
        }
        assert_true(kit_stop(&kit));
    }
}

/* An event for CPU 300 is one for CPU 44 to a unit without EIME: it is masked as long as that is so. */
static void an_event_is_judged_again_when_its_meaning_changes(void **state)
{
    (void)state;
    struct kit kit;
    start(&kit);
    (void)remap(&kit, EIME);
    kit_write(&kit, R_FEDATA, 4, 0x31);
    kit_write(&kit, R_FEADDR, 4, 0xfee2c000);
    kit_write(&kit, R_FEUADDR, 4, 0x100);
    kit_write(&kit, R_FECTL, 4, 0);
    assert_int_equal(model_read(kit.unit, R_FECTL, 4) >> 31, 0);
    command(&kit, 0, G_IRE);
    assert_int_equal(model_read(kit.unit, R_FECTL, 4) >> 31, 1);
    command(&kit, G_IRE, 0);
    assert_int_equal(model_read(kit.unit, R_FECTL, 4) >> 31, 0);
    assert_true(kit_stop(&kit));
}

/* --- CPUs of other partitions --- */

/* Nestor's call when another partition's CPUs are about to go; the unit as it stays from then on. */
static void isolate(struct kit *kit)
{
    kit->shared = true;
    assert_int_equal(viommu_isolate_interrupts(kit->v), OK);
}

static void expect_isolated(struct kit *kit)
{
    struct model_interrupt out;
    assert_int_equal(model_read(kit->unit, R_GSTS, 4) & (G_IRE | G_CFI), G_IRE);
    assert_int_equal(model_read(kit->unit, R_IRTA, 8) & EIME, EIME);
    assert_false(model_interrupt(kit->unit, SID, 0xfee00000, VECTOR, &out));
}

/* The unit stays as it is when its guest goes; here it goes, too. */
static void stop_isolated(struct kit *kit)
{
    expect_isolated(kit);
    viommu_destroy(kit->v);
    expect_isolated(kit);
    assert_int_equal(model_counters(kit->unit)->eime_changed_live, 0);
    assert_int_equal(vtd_irt_disable(host_unit()), OK);
    host_stop();
    assert_int_equal(hosted_pages_used(), 0);
}

static void nothing_passes_before_a_guest_remaps(void **state)
{
    (void)state;
    struct kit kit;
    start(&kit);
    command(&kit, G_CFI, 0);
    assert_int_not_equal(model_read(kit.unit, R_GSTS, 4) & G_CFI, 0);
    isolate(&kit);
    assert_int_equal(kit_read(&kit, R_GSTS, 4) & (G_IRE | G_CFI | G_SIRTP), G_CFI);
    expect_isolated(&kit);
    expect_silence(&kit, 5); /* on the guest's unit nothing is remapped, so nothing can fault */
    command(&kit, 0, G_CFI);
    assert_int_equal(kit_read(&kit, R_GSTS, 4) & G_CFI, 0);
    command(&kit, G_CFI, 0);
    assert_int_not_equal(kit_read(&kit, R_GSTS, 4) & G_CFI, 0);
    stop_isolated(&kit);
}

/* Both ways in which a guest reads destinations; what it turns off is off, and on again without a descriptor. */
static void the_guests_switches_decide_on_its_entries(void **state)
{
    (void)state;
    static const u32 modes[] = {0, EIME};
    struct kit_fault fault;
    for (u32 i = 0; i < ARRAY_LEN(modes); i++) {
        struct kit kit;
        start(&kit);
        isolate(&kit);
        u64 table = kit_pages(&kit, 256), second = kit_pages(&kit, 256);
        u64 target = modes[i] != 0 ? to_wide(2, VECTOR) : to(2, VECTOR);
        u64 foreign = modes[i] != 0 ? to_wide(KIT_CPUS, VECTOR) : to(KIT_CPUS, VECTOR);
        put(table, 5, target, FOR_SID);
        put(table, 6, foreign, FOR_SID);
        put(second, 7, target, FOR_SID);
        set_table(&kit, table | modes[i] | 15);
        expect_silence(&kit, 5);
        command(&kit, G_IRE, 0);
        assert_int_not_equal(kit_read(&kit, R_GSTS, 4) & G_IRE, 0);
        expect_delivered(&kit, 5, 2, VECTOR);
        expect_fault(&kit, SID, 6, 0x24);
        set_table(&kit, second | modes[i] | 15);
        expect_fault(&kit, SID, 5, 0x22);
        expect_delivered(&kit, 7, 2, VECTOR);
        expect_isolated(&kit);
        assert_true(kit_take_fault(&kit, &fault));
        assert_int_equal(fault.reason, 0x25);
        command(&kit, 0, G_IRE);
        assert_int_equal(kit_read(&kit, R_GSTS, 4) & G_IRE, 0);
        expect_silence(&kit, 7);
        assert_true(kit_submit(&kit, iec(7, 0), 0));
        expect_silence(&kit, 7);
        command(&kit, G_IRE, 0);
        expect_delivered(&kit, 7, 2, VECTOR);
        assert_int_equal(viommu_reset(kit.v), OK);
        expect_silence(&kit, 7);
        kit_queue_on(&kit);
        set_table(&kit, second | modes[i] | 15);
        command(&kit, G_IRE, 0);
        expect_delivered(&kit, 7, 2, VECTOR);
        stop_isolated(&kit);
    }
}

/* An entry and an event that named every CPU of the machine, as long as these were the guest's. */
static void what_is_in_use_is_judged_anew(void **state)
{
    (void)state;
    struct kit kit;
    start(&kit);
    u64 table = remap(&kit, 0);
    put(table, 5, to(0xff, VECTOR), FOR_SID);
    put(table, 6, to(2, VECTOR), FOR_SID);
    assert_true(kit_submit(&kit, iec(4, 2), 0));
    kit_write(&kit, R_FEDATA, 4, 0x31);
    kit_write(&kit, R_FEADDR, 4, 0xfeeff000);
    kit_write(&kit, R_FECTL, 4, 0);
    expect_delivered(&kit, 5, 0xff, VECTOR);
    assert_int_equal(model_read(kit.unit, R_FECTL, 4) >> 31, 0);
    isolate(&kit);
    expect_fault(&kit, SID, 5, 0x24);
    expect_delivered(&kit, 6, 2, VECTOR);
    assert_int_equal(model_read(kit.unit, R_FECTL, 4) >> 31, 1);
    assert_int_not_equal(kit_read(&kit, R_GSTS, 4) & G_IRE, 0);
    stop_isolated(&kit);
}

/* Off and on again while the first of them is still under way, and the call in the middle of either. */
static void switches_in_the_middle_of_others(void **state)
{
    (void)state;
    for (u32 i = 0; i < 4; i++) {
        struct kit kit;
        start(&kit);
        u64 table = remap(&kit, EIME);
        for (u32 k = 0; k < 65536; k += 8) {
            put(table, k, to_wide(k / 8 % KIT_CPUS, VECTOR), FOR_SID);
        }
        u32 on = sticky(&kit) | G_IRE, off = on & ~G_IRE;
        if (i < 2) {
            isolate(&kit);
            (void)viommu_mmio_write(kit.v, R_GCMD, 4, off);
        } else {
            (void)viommu_mmio_write(kit.v, R_GCMD, 4, on | G_SIRTP);
            isolate(&kit);
        }
        (void)viommu_mmio_write(kit.v, R_GCMD, 4, on);
        if ((i & 1) == 0) {
            (void)viommu_mmio_write(kit.v, R_GCMD, 4, off);
        }
        kit_finish(&kit);
        for (u32 k = 0; k < 65536; k += 1024) {
            if ((i & 1) == 0) {
                expect_silence(&kit, k);
            } else {
                expect_delivered(&kit, k, k / 8 % KIT_CPUS, VECTOR);
            }
        }
        stop_isolated(&kit);
    }
}

static void isolation_that_cannot_be_had(void **state)
{
    (void)state;
    const struct model_faults hang = {.gcmd_hang = true}, none = {0};
    const struct viommu_config shown = {.interrupts = true};
    struct kit kit;
    kit_start_unit(&kit, KIT_CAP, IR_ECAP & ~(1ull << 4), &shown);
    assert_int_equal(viommu_isolate_interrupts(kit.v), ERR_UNSUPPORTED);
    assert_true(kit_stop(&kit));
    kit_start_unit(&kit, KIT_CAP, IR_ECAP, NULL);
    assert_int_equal(viommu_isolate_interrupts(kit.v), ERR_UNSUPPORTED);
    assert_true(kit_stop(&kit));
    start(&kit);
    hosted_clock_step(10000);
    model_set_faults(kit.unit, &hang);
    assert_int_equal(viommu_isolate_interrupts(kit.v), ERR_TIMEOUT);
    model_set_faults(kit.unit, &none);
    model_kick(kit.unit);
    isolate(&kit); /* asked again, and again */
    isolate(&kit);
    stop_isolated(&kit);
}

/* --- what firmware left --- */

enum { FW_TABLE = KIT_RAM_END - 0x100000 };

static void firmware_remaps(struct model_unit *unit)
{
    put(FW_TABLE, 5, to(0, VECTOR), FOR_SID);
    put(FW_TABLE, 6, to(0, VECTOR) | NMI, FOR_SID);
    put(FW_TABLE, 16, to(0, VECTOR), FOR_SID); /* beyond S = 3 */
    model_write(unit, R_IRTA, 8, FW_TABLE | 3);
    model_write(unit, R_GCMD, 4, G_SIRTP);
    model_write(unit, R_GCMD, 4, G_CFI);
    model_write(unit, R_GCMD, 4, G_IRE | G_CFI);
}

static void firmware_that_remaps_goes_on_vetted(void **state)
{
    (void)state;
    struct kit kit;
    const struct viommu_config shown = {.interrupts = true};
    host_leave(firmware_remaps);
    kit_start_unit(&kit, KIT_CAP, IR_ECAP, &shown);
    assert_int_equal(kit_read(&kit, R_GSTS, 4), G_IRE | G_SIRTP | G_CFI);
    assert_int_equal(kit_read(&kit, R_IRTA, 8), FW_TABLE | 3);
    assert_true(hosted_is_pool(model_read(kit.unit, R_IRTA, 8) & ~PAGE_MASK));
    assert_non_null(strstr(hosted_log(), "interrupt remapping goes on, 1 of its entries refused"));
    expect_delivered(&kit, 5, 0, VECTOR);
    expect_fault(&kit, SID, 6, 0x24);
    expect_fault(&kit, SID, 16, 0x21);
    put(FW_TABLE, 5, 0, 0);
    expect_delivered(&kit, 5, 0, VECTOR);
    /* An OS of its own, as Linux does: off, another table, on. */
    kit_queue_on(&kit);
    command(&kit, 0, G_IRE);
    command(&kit, 0, G_CFI);
    u64 table = remap(&kit, EIME);
    put(table, 5, to_wide(1, VECTOR), FOR_SID);
    assert_true(kit_submit(&kit, iec(5, 0), 0));
    expect_delivered(&kit, 5, 1, VECTOR);
    assert_true(kit_stop(&kit));
}

/* The machine boots natively after all: firmware finds its table in use. */
static void firmware_gets_it_back(void **state)
{
    (void)state;
    struct kit kit;
    struct model_interrupt out;
    const struct viommu_config shown = {.interrupts = true};
    host_leave(firmware_remaps);
    kit_start_unit(&kit, KIT_CAP, IR_ECAP, &shown);
    viommu_destroy(kit.v);
    assert_int_equal(model_read(kit.unit, R_IRTA, 8), FW_TABLE | 3);
    assert_int_equal(model_read(kit.unit, R_GSTS, 4) & (G_IRE | G_CFI), G_IRE | G_CFI);
    assert_int_equal(request(&kit, SID, 6, &out), 0); /* as firmware has it */
    const struct model_faults none = {0};
    model_set_faults(kit.unit, &none);
    host_stop();
    assert_int_equal(hosted_pages_used(), 0);
}

/* --- trouble --- */

static const struct guest_ops no_ops;

static void every_allocation_fails_once(void **state)
{
    (void)state;
    struct kit kit;
    kit_start_unit(&kit, KIT_CAP, IR_ECAP, NULL);
    u32 before = hosted_pages_used();
    const struct viommu_config config = {.unit = host_unit(), .parent = host_domain(), .ops = &no_ops, .gpa_width = 48,
                                         .interrupts = true};
    struct viommu *v;
    for (u32 n = 0; n < 2; n++) {
        hosted_fail_after(n);
        assert_int_equal(viommu_create(&config, &v), ERR_NO_MEMORY);
        assert_int_equal(hosted_pages_used(), before);
    }
    hosted_fail_after(UINT32_MAX);
    assert_int_equal(viommu_create(&config, &v), OK);
    viommu_destroy(v);
    assert_true(kit_stop(&kit));
}

/* A unit that does not answer: the guest's bit does not follow, in bounded time, and a line says so. */
static void a_unit_that_does_not_answer(void **state)
{
    (void)state;
    const struct model_faults hang = {.gcmd_hang = true}, none = {0};
    struct kit kit;
    start(&kit);
    hosted_clock_step(10000);
    u64 table = remap(&kit, 0);
    put(table, 1, to(1, VECTOR), FOR_SID);
    assert_true(kit_submit(&kit, iec(1, 0), 0));
    model_set_faults(kit.unit, &hang);
    hosted_clear_log();
    command(&kit, 0, G_IRE);
    assert_int_not_equal(kit_read(&kit, R_GSTS, 4) & G_IRE, 0);
    assert_non_null(strstr(hosted_log(), "the unit did not stop remapping interrupts"));
    expect_delivered(&kit, 1, 1, VECTOR); /* as before: IRES did not fall */
    model_set_faults(kit.unit, &none);
    model_kick(kit.unit);
    command(&kit, 0, G_IRE);
    model_set_faults(kit.unit, &hang);
    command(&kit, G_IRE, 0);
    assert_int_equal(kit_read(&kit, R_GSTS, 4) & G_IRE, 0);
    assert_non_null(strstr(hosted_log(), "the unit did not remap interrupts"));
    model_set_faults(kit.unit, &none);
    model_kick(kit.unit);
    command(&kit, G_IRE, 0);
    expect_delivered(&kit, 1, 1, VECTOR);
    assert_true(kit_stop(&kit));
}

/* Whatever the guest says of it, and however: another's entry is what its owner has made it. */
static void expect_kept(struct kit *kit, u32 index, u64 refusals)
{
    struct model_interrupt out;
    assert_int_equal(request(kit, KIT_FOREIGN, index, &out), 0);
    assert_int_equal(out.data & 0xff, VECTOR);
    assert_int_not_equal(request(kit, SID, index, &out), 0);
    assert_int_equal(kit_stats(kit).interrupt_refusals, refusals);
}

static void entries_at_the_end_can_be_anothers(void **state)
{
    (void)state;
    enum { KEPT = 32, FIRST = LAST + 1 - KEPT };
    const struct viommu_config shown = {.interrupts = true, .kept_interrupts = KEPT};
    const struct irte others = {{to_wide(3, VECTOR), 1ull << 18 | KIT_FOREIGN}};
    struct kit kit;
    kit_start_unit(&kit, KIT_CAP, IR_ECAP, &shown);
    kit.shared = true;
    kit_queue_on(&kit);
    assert_int_equal(viommu_isolate_interrupts(kit.v), OK);
    vtd_irt_set(host_unit(), FIRST, &others);
    vtd_irt_set(host_unit(), LAST, &others);
    assert_int_equal(vtd_irt_invalidate(host_unit(), FIRST, KEPT), OK);
    expect_kept(&kit, FIRST, 0);
    u64 table = remap(&kit, EIME);
    expect_kept(&kit, LAST, 0);
    put(table, FIRST, to_wide(5, VECTOR + 1), FOR_SID);
    put(table, LAST, to_wide(5, VECTOR + 1), 0);
    put(table, FIRST - 1, to_wide(5, VECTOR + 1), FOR_SID);
    assert_true(kit_submit(&kit, iec(FIRST, 0), 0));
    expect_kept(&kit, FIRST, 1);
    assert_non_null(strstr(hosted_log(), "interrupt entry 65504"));
    assert_true(kit_submit(&kit, iec(FIRST - 32, 6), 0));
    expect_kept(&kit, FIRST, 3);
    expect_delivered(&kit, FIRST - 1, 5, VECTOR + 1);
    assert_true(kit_submit(&kit, IEC_ALL, 0));
    expect_kept(&kit, LAST, 5);
    set_table(&kit, table);
    expect_kept(&kit, FIRST, 7);
    put(table, FIRST, 0, 0);
    put(table, LAST, 0, 0);
    assert_true(kit_submit(&kit, IEC_ALL, 0));
    command(&kit, 0, G_IRE);
    expect_kept(&kit, FIRST, 7);
    assert_int_equal(viommu_reset(kit.v), OK);
    expect_kept(&kit, LAST, 7);
    viommu_destroy(kit.v);
    assert_int_equal(vtd_irt_disable(host_unit()), OK);
    host_stop();
    assert_int_equal(hosted_pages_used(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entries_at_the_end_can_be_anothers),
        cmocka_unit_test(a_guest_turns_it_on_and_announces_an_entry),
        cmocka_unit_test(what_the_table_has_at_ire_counts),
        cmocka_unit_test(refused_entries_fault_as_hardware_would),
        cmocka_unit_test(an_index_beyond_the_table_or_a_table_that_is_no_memory),
        cmocka_unit_test(an_entry_is_read_once),
        cmocka_unit_test(an_entry_that_changes_is_vetted_again),
        cmocka_unit_test(a_vector_changes_under_another_extended_mode),
        cmocka_unit_test(entries_of_a_doorbell),
        cmocka_unit_test(a_global_invalidation_is_bounded_and_not_overtaken),
        cmocka_unit_test(many_entries_by_a_mask),
        cmocka_unit_test(more_invalidations_than_a_batch),
        cmocka_unit_test(a_table_is_exchanged_live),
        cmocka_unit_test(a_table_is_exchanged_twice),
        cmocka_unit_test(a_descriptor_waits_for_the_command),
        cmocka_unit_test(the_first_answer_is_that_of_the_end),
        cmocka_unit_test(another_extended_mode_while_remapping),
        cmocka_unit_test(compatibility_requests),
        cmocka_unit_test(a_reserved_field_of_a_request),
        cmocka_unit_test(units_that_demand_it),
        cmocka_unit_test(a_unit_that_does_not_show_it),
        cmocka_unit_test(without_the_extended_mode_its_bit_does_not_exist),
        cmocka_unit_test(commands_and_descriptors_in_turn),
        cmocka_unit_test(events_go_to_cpus_of_the_partition),
        cmocka_unit_test(an_event_is_judged_again_when_its_meaning_changes),
        cmocka_unit_test(nothing_passes_before_a_guest_remaps),
        cmocka_unit_test(the_guests_switches_decide_on_its_entries),
        cmocka_unit_test(what_is_in_use_is_judged_anew),
        cmocka_unit_test(switches_in_the_middle_of_others),
        cmocka_unit_test(isolation_that_cannot_be_had),
        cmocka_unit_test(firmware_that_remaps_goes_on_vetted),
        cmocka_unit_test(firmware_gets_it_back),
        cmocka_unit_test(every_allocation_fails_once),
        cmocka_unit_test(a_unit_that_does_not_answer),
    };
    return cmocka_run_group_tests_name("viommu_irt", tests, NULL, NULL);
}
