/* The whole vIOMMU on a reference unit: guest tables in, DMA and faults out. */
#include "iommu/viommu/viommu.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#include "tests/support/guest_kit.h"

enum { SID = 0x0010, SID_2 = 0x0218, DID = 7, SRTP_POLL = 1 << 30 };
#define IOVA 0x7f12345000ull

/* A device with one mapped page; returns the guest address of that page. */
static u64 one_device(struct kit *kit, u64 *fs_root)
{
    u64 target = kit_page(kit);
    *fs_root = kit_page(kit);
    kit_map(kit, *fs_root, IOVA, target, 6);
    kit_first_stage(kit, SID, 0, DID, *fs_root);
    kit_at(target)[0] = 0x1122334455667788ull;
    return target;
}

static void nested_from_te_on(void **state)
{
    struct kit kit;
    u64 fs_root, value = 0;
    (void)state;
    kit_start(&kit);
    u64 target = one_device(&kit, &fs_root);
    assert_int_equal(kit_kind(&kit, SID, target), MODEL_KIND_SECOND_STAGE); /* off root */
    kit_boot(&kit);
    assert_int_equal(kit_read(&kit, R_GSTS, 4), G_TE | G_QIE | SRTP_POLL);
    assert_int_equal(kit_dma(&kit, SID, false, IOVA, &value), 0);
    assert_int_equal(value, 0x1122334455667788ull);
    assert_int_equal(kit_kind(&kit, SID, IOVA), MODEL_KIND_NESTED);
    assert_int_not_equal(kit_dma(&kit, SID_2, false, target, &value), 0); /* not listed: blocked */
    assert_true(kit_stop(&kit));
}

static void new_entry_by_invalidation(void **state)
{
    struct kit kit;
    u64 fs_root, value = 0;
    (void)state;
    kit_start(&kit);
    kit_boot(&kit);
    (void)one_device(&kit, &fs_root);
    assert_int_not_equal(kit_dma(&kit, SID, false, IOVA, &value), 0);
    assert_true(kit_submit(&kit, 0x31 | (u64)SID << 32, 0));       /* what Linux sends: DID 0 */
    assert_true(kit_submit(&kit, 0x17 | (u64)DID << 16, 0));
    assert_int_equal(kit_dma(&kit, SID, false, IOVA, &value), 0);
    /* Map costs nothing: a store, no exit, no invalidation. */
    u64 exits = kit_stats(&kit).exits;
    u64 more = kit_page(&kit);
    kit_map(&kit, fs_root, IOVA + PAGE_SIZE, more, 6);
    assert_int_equal(kit_dma(&kit, SID, true, IOVA + PAGE_SIZE, &value), 0);
    assert_int_equal(kit_stats(&kit).exits, exits);
    assert_true(kit_stop(&kit));
}

static void unmap_and_flush(void **state)
{
    struct kit kit;
    u64 fs_root, value = 0;
    (void)state;
    kit_start(&kit);
    (void)one_device(&kit, &fs_root);
    kit_boot(&kit);
    assert_int_equal(kit_dma(&kit, SID, false, IOVA, &value), 0);
    kit_map(&kit, fs_root, IOVA, 0, 0);
    assert_int_equal(kit_dma(&kit, SID, false, IOVA, &value), 0); /* the IOTLB still has it */
    assert_true(kit_submit(&kit, 0x36 | (u64)DID << 16, IOVA));
    assert_int_equal(kit_dma(&kit, SID, false, IOVA, &value), 0x71);
    struct kit_fault fault;
    assert_true(kit_take_fault(&kit, &fault));
    assert_int_equal(fault.reason, 0x71);
    assert_int_equal(fault.sid, SID);
    assert_int_equal(fault.addr, IOVA);
    assert_true(fault.read);
    assert_false(kit_take_fault(&kit, &fault));
    assert_true(kit_stop(&kit));
}

static void pasids_and_pass_through(void **state)
{
    struct kit kit;
    u64 fs_root, value = 0;
    (void)state;
    kit_start(&kit);
    u64 target = one_device(&kit, &fs_root);
    u64 other = kit_page(&kit);
    u64 fs_other = kit_page(&kit);
    kit_map(&kit, fs_other, IOVA, other, 6);
    kit_first_stage(&kit, SID, 0x155, DID, fs_other);
    kit_pass_through(&kit, SID_2, 0, 1);
    kit_boot(&kit);
    kit_at(other)[0] = 0x55;
    assert_int_equal(kit_dma_pasid(&kit, SID, 0x155, false, IOVA, &value), 0);
    assert_int_equal(value, 0x55);
    assert_int_equal(kit_dma(&kit, SID, false, IOVA, &value), 0);
    assert_int_not_equal(value, 0x55);
    assert_int_equal(kit_dma_pasid(&kit, SID, 0x156, false, IOVA, &value), 0x59);
    assert_int_equal(kit_dma(&kit, SID_2, false, target, &value), 0);
    assert_int_equal(kit_kind(&kit, SID_2, target), MODEL_KIND_SECOND_STAGE);
    /* Remove one PASID: the other stays. */
    kit_pasid_entry(&kit, SID, 0x155)[0] = 0;
    assert_true(kit_submit(&kit, 0x17 | (u64)DID << 16 | 0x155ull << 32, 0));
    assert_int_equal(kit_dma_pasid(&kit, SID, 0x155, false, IOVA, &value), 0x59);
    assert_int_equal(kit_dma(&kit, SID, false, IOVA, &value), 0);
    assert_true(kit_stop(&kit));
}

static void transitions(void **state)
{
    struct kit kit;
    u64 fs_root, value = 0;
    struct kit_fault fault;
    (void)state;
    kit_start(&kit);
    u64 target = one_device(&kit, &fs_root);
    kit_boot(&kit);
    /* Off: the second stage, at once and with nothing left behind. */
    kit_translate(&kit, false);
    assert_int_equal(kit_kind(&kit, SID, target), MODEL_KIND_SECOND_STAGE);
    assert_int_equal(host_attached(), 0);
    /* On again: read again. */
    kit_translate(&kit, true);
    assert_int_equal(kit_dma(&kit, SID, false, IOVA, &value), 0);
    /* A legacy root while on (kexec into a kernel without scalable mode): everything faults. */
    u64 legacy_root = kit_page(&kit);
    u64 scalable_root = kit.root;
    kit.root = legacy_root;
    kit_set_root(&kit, 0);
    assert_int_equal(host_attached(), 0);
    assert_true(host_root_is_guest());
    assert_int_not_equal(kit_dma(&kit, SID, false, target, &value), 0);
    assert_true(kit_take_fault(&kit, &fault));
    assert_int_equal(fault.reason, 0x01);
    kit_at(legacy_root)[0] = kit_page(&kit) | 1;
    assert_int_not_equal(kit_dma(&kit, SID, false, target, &value), 0);
    assert_true(kit_take_fault(&kit, &fault));
    assert_int_equal(fault.reason, 0x02);
    u64 *context = &kit_at(kit_at(legacy_root)[0] & ~PAGE_MASK)[SID * 2];
    context[0] = 1 | 2 << 2;
    context[1] = 2;
    assert_int_not_equal(kit_dma(&kit, SID, false, target, &value), 0);
    assert_true(kit_take_fault(&kit, &fault));
    assert_int_equal(fault.reason, 0x03);
    assert_int_not_equal(kit_dma_pasid(&kit, SID, 3, false, target, &value), 0);
    assert_true(kit_take_fault(&kit, &fault));
    assert_int_equal(fault.reason, 0x31);
    /* And back to scalable mode without ever turning translation off. */
    kit.root = scalable_root;
    kit_set_root(&kit, 1);
    assert_int_equal(kit_dma(&kit, SID, false, IOVA, &value), 0);
    /* Reset of the partition: registers, queue, tables. */
    assert_int_equal(viommu_reset(kit.v), OK);
    assert_int_equal(kit_read(&kit, R_GSTS, 4), 0);
    assert_int_equal(kit_read(&kit, R_FECTL, 4), 1u << 31);
    assert_int_equal(kit_kind(&kit, SID, target), MODEL_KIND_SECOND_STAGE);
    kit_boot(&kit);
    assert_int_equal(kit_dma(&kit, SID, false, IOVA, &value), 0);
    assert_true(kit_stop(&kit));
}

static void new_root_keeps_what_is_the_same(void **state)
{
    struct kit kit;
    u64 fs_root, value = 0;
    (void)state;
    kit_start(&kit);
    (void)one_device(&kit, &fs_root);
    kit_boot(&kit);
    u64 binds = kit_stats(&kit).binds;
    u64 copy = kit_page(&kit);
    for (u32 i = 0; i < 512; i++) {
        kit_at(copy)[i] = kit_at(kit.root)[i];
    }
    kit.root = copy;
    kit_set_root(&kit, 1);
    assert_int_equal(kit_stats(&kit).binds, binds);
    assert_int_equal(kit_stats(&kit).unbinds, 0);
    assert_int_equal(kit_dma(&kit, SID, false, IOVA, &value), 0);
    assert_true(kit_stop(&kit));
}

static void waits_and_completion_interrupt(void **state)
{
    struct kit kit;
    u64 addr;
    u32 data;
    (void)state;
    kit_start(&kit);
    kit_boot(&kit);
    u64 status = kit_page(&kit);
    kit_write(&kit, R_IEDATA, 4, 0x4041);
    kit_write(&kit, R_IEADDR, 4, 0xfee01000);
    kit_write(&kit, R_IECTL, 4, 0);
    u32 before = hosted_interrupts();
    assert_true(kit_submit(&kit, 0x35 | 2ull << 32, status + 8));
    assert_int_equal(kit_at(status)[1], 2);
    assert_int_equal(kit_read(&kit, R_ICS, 4), 1);
    assert_int_equal(hosted_interrupts(), before + 1);
    hosted_last_interrupt(&addr, &data);
    assert_int_equal(addr, 0xfee01000);
    assert_int_equal(data, 0x4041);
    assert_true(kit_submit(&kit, 0x15, 0)); /* IWC is still set: no second message */
    assert_int_equal(hosted_interrupts(), before + 1);
    kit_write(&kit, R_ICS, 4, 1);
    assert_int_equal(kit_read(&kit, R_ICS, 4), 0);
    kit_write(&kit, R_IECTL, 4, 1u << 31);
    assert_true(kit_submit(&kit, 0x15, 0));
    assert_int_equal(kit_read(&kit, R_IECTL, 4), 3u << 30);
    assert_int_equal(hosted_interrupts(), before + 1);
    kit_write(&kit, R_IECTL, 4, 0);
    assert_int_equal(hosted_interrupts(), before + 2);
    assert_true(kit_stop(&kit));
}

/* Each of these would be a DMA write by the unit itself. */
static void unsafe_targets_are_refused(void **state)
{
    struct kit kit;
    (void)state;
    kit_start(&kit);
    kit_boot(&kit);
    static const u64 bad[] = {HOSTED_POOL, HOSTED_POOL + 0x1000, HOST_UNIT_BASE, 0xfee00000,
                              0x1000, KIT_RAM_END, KIT_RAM_BASE - 4, 1ull << 45};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_false(kit_submit(&kit, 0x25 | 0xbadull << 32, bad[i]));
        assert_int_equal(kit_read(&kit, R_IQERCD, 8) & 0xf, 4);
        kit_write(&kit, R_IQT, 8, kit_read(&kit, R_IQH, 8));
        kit_write(&kit, R_FSTS, 4, 0x10);
    }
    static const struct { u64 addr, upper, data; } messages[] = {
        {0x1000, 0, 0x41}, {0xfee01000, 1, 0x41}, {0xfee01000, 0, 0x241}, {0xfee01000, 0, 0x541},
        {0xfee01000, 0, 0x8041}, {0xfee01010, 0, 0x41}, {0xfee01000, 0, 0x0f},
    };
    u32 before = hosted_interrupts();
    for (size_t i = 0; i < ARRAY_LEN(messages); i++) {
        kit_write(&kit, R_IECTL, 4, 1u << 31);
        kit_write(&kit, R_IEADDR, 4, messages[i].addr);
        kit_write(&kit, R_IEUADDR, 4, messages[i].upper);
        kit_write(&kit, R_IEDATA, 4, messages[i].data);
        kit_write(&kit, R_IECTL, 4, 0);
        assert_int_equal(kit_read(&kit, R_IEADDR, 4), messages[i].addr);
        assert_true(kit_submit(&kit, 0x15, 0));
        kit_write(&kit, R_ICS, 4, 1);
    }
    assert_int_equal(hosted_interrupts(), before);
    assert_true(kit_stop(&kit));
}

static void queue_errors_stop_and_restart(void **state)
{
    struct kit kit;
    (void)state;
    kit_start(&kit);
    kit_boot(&kit);
    u64 status = kit_page(&kit);
    kit_write(&kit, R_FEDATA, 4, 0x31);
    kit_write(&kit, R_FEADDR, 4, 0xfee00000);
    kit_write(&kit, R_FECTL, 4, 0);
    u64 tail = kit_queue(&kit, 0, 0x25 | 1ull << 32, status);
    u64 bad = tail;
    tail = kit_queue(&kit, tail, 0x03, 0);                       /* device TLB: DT is 0 */
    tail = kit_queue(&kit, tail, 0x25 | 2ull << 32, status + 8);
    kit_write(&kit, R_IQT, 8, tail);
    assert_int_equal(kit_at(status)[0], 1);                      /* what is before completes */
    assert_int_equal(kit_at(status)[1], 0);
    assert_int_equal(kit_read(&kit, R_FSTS, 4), 0x10);
    assert_int_equal(kit_read(&kit, R_IQERCD, 8), 3);
    assert_int_equal(kit_read(&kit, R_IQH, 8), bad);
    assert_int_equal(kit.interrupts, 1);
    assert_int_equal(kit.interrupt_data, 0x31);
    (void)kit_queue(&kit, bad, 0x05, 0);                         /* what Linux does: overwrite */
    kit_write(&kit, R_FSTS, 4, 0x10);
    assert_int_equal(kit_at(status)[1], 2);
    assert_int_equal(kit_read(&kit, R_IQH, 8), tail);
    assert_true(kit_stop(&kit));
}

static void guest_cannot_turn_device_tlbs_on(void **state)
{
    struct kit kit;
    u64 fs_root, value = 0;
    struct kit_fault fault;
    (void)state;
    kit_start(&kit);
    u64 target = one_device(&kit, &fs_root);
    kit_context(&kit, SID, 0, 0)[0] |= 1u << 2; /* DTE */
    kit_boot(&kit);
    assert_int_not_equal(kit_dma(&kit, SID, false, IOVA, &value), 0);
    assert_true(kit_take_fault(&kit, &fault));
    assert_int_equal(fault.reason, 0x42);
    struct model_outcome outcome;
    const struct model_request translated = {.sid = SID, .op = MODEL_READ, .at = MODEL_TRANSLATED,
                                             .addr = target, .len = 8};
    assert_false(model_dma(kit.unit, &translated, &value, &outcome));
    kit_context(&kit, SID, 0, 0)[0] &= ~4ull;
    kit_invalidate_all(&kit);
    assert_int_equal(kit_dma(&kit, SID, false, IOVA, &value), 0);
    assert_false(model_dma(kit.unit, &translated, &value, &outcome));
    assert_true(kit_stop(&kit));
}

static void bad_first_stage_faults_like_one_stage(void **state)
{
    struct kit kit;
    u64 fs_root, value = 0;
    struct kit_fault fault;
    (void)state;
    kit_start(&kit);
    (void)one_device(&kit, &fs_root);
    kit_map(&kit, fs_root, IOVA + 0x1000, HOSTED_POOL, 6);   /* Nestor's own memory */
    kit_map(&kit, fs_root, IOVA + 0x2000, kit_page(&kit), 4); /* read-only */
    kit_at(fs_root)[1] = HOSTED_POOL | 0x27;                  /* a table there */
    kit_boot(&kit);
    assert_int_equal(kit_dma(&kit, SID, true, IOVA + 0x1000, &value), 0x79);
    assert_true(kit_take_fault(&kit, &fault));
    assert_int_equal(fault.reason, 0x71);
    assert_int_equal(fault.addr, IOVA + 0x1000);
    assert_int_equal(kit_dma(&kit, SID, true, IOVA + 0x2000, &value), 0x85);
    assert_true(kit_take_fault(&kit, &fault));
    assert_int_equal(fault.reason, 0x85);
    assert_false(fault.read);
    assert_int_not_equal(kit_dma(&kit, SID, false, 1ull << 39, &value), 0);
    assert_true(kit_take_fault(&kit, &fault));
    assert_int_equal(fault.reason, 0x70);
    assert_true(kit_stop(&kit));
}

static void quotas_block_and_say_so_once(void **state)
{
    struct kit kit;
    u64 value = 0;
    const struct viommu_config quotas = {.max_bindings = 3, .max_domains = 2};
    (void)state;
    kit_start_with(&kit, &quotas);
    u64 fs_root = kit_page(&kit);
    kit_map(&kit, fs_root, IOVA, kit_page(&kit), 6);
    for (u16 i = 0; i < 8; i++) {
        kit_first_stage(&kit, (u16)(SID + i * 8), 0, DID, fs_root);
    }
    u32 lines = hosted_log_lines();
    kit_boot(&kit);
    assert_int_equal(host_attached(), 3);
    assert_int_equal(hosted_log_lines(), lines + 1);
    assert_int_equal(kit_dma(&kit, SID, false, IOVA, &value), 0);
    assert_int_not_equal(kit_dma(&kit, SID + 56, false, IOVA, &value), 0);
    /* Room again: the blocked ones are taken when the guest announces them. */
    kit_pasid_entry(&kit, SID, 0)[0] = 0;
    kit_invalidate_all(&kit);
    assert_int_equal(host_attached(), 3);
    assert_int_equal(hosted_log_lines(), lines + 2); /* the fault; no second line of the quota */
    assert_true(kit_stop(&kit));
}

static void global_invalidation_is_bounded(void **state)
{
    struct kit kit;
    (void)state;
    kit_start(&kit);
    /* Every source-id leads to one context with the largest directory, full of one empty table. */
    u64 contexts = kit_page(&kit);
    u64 directory = kit_pages(&kit, 32);
    u64 table = kit_page(&kit);
    for (u32 i = 0; i < 512; i++) {
        kit_at(kit.root)[i] = contexts | 1;
    }
    for (u32 i = 0; i < 128; i++) {
        kit_at(contexts)[i * 4] = directory | 7u << 9 | 8 | 1;
    }
    for (u32 i = 0; i < 16384; i++) {
        kit_at(directory)[i] = table | 1;
    }
    kit_queue_on(&kit);
    kit_set_root(&kit, 1);
    assert_true(viommu_mmio_write(kit.v, R_GCMD, 4, G_TE | G_QIE));
    u64 most = 0;
    for (u32 i = 0; i < 20000; i++) {
        u64 before = kit.reads;
        assert_true(viommu_run(kit.v, VIOMMU_BUDGET));
        most = kit.reads - before > most ? kit.reads - before : most;
    }
    assert_true(most <= VIOMMU_BUDGET);
    u64 status;
    (void)viommu_mmio_read(kit.v, R_GSTS, 4, &status);
    assert_int_equal(status & G_TE, 0); /* not done is not shown as done */
    assert_true(kit_stop(&kit));
}

static void head_waits_for_the_walk(void **state)
{
    struct kit kit;
    u64 fs_root, head;
    (void)state;
    kit_start(&kit);
    (void)one_device(&kit, &fs_root);
    kit_boot(&kit);
    u64 status = kit_page(&kit);
    kit_context(&kit, SID_2, 7u << 9 | 8, 0);
    u64 big = kit_pages(&kit, 32);
    kit_context(&kit, SID_2, 0, 0)[0] = big | 7u << 9 | 8 | 1;
    u64 table = kit_page(&kit);
    for (u32 i = 0; i < 2048; i++) {
        kit_at(big)[i] = table | 1;
    }
    u64 tail = kit_queue(&kit, 0, 0x11, 0);
    tail = kit_queue(&kit, tail, 0x37, 0);
    tail = kit_queue(&kit, tail, 0x25 | 5ull << 32, status);
    bool left = viommu_mmio_write(kit.v, R_IQT, 8, tail);
    assert_true(left);
    u32 calls = 0;
    while (left) {
        (void)viommu_mmio_read(kit.v, R_IQH, 8, &head);
        assert_true(head == tail || kit_at(status)[0] == 0);
        left = viommu_run(kit.v, 16);
        calls++;
    }
    assert_true(calls > 4);
    assert_int_equal(kit_at(status)[0], 5);
    assert_int_equal(kit_read(&kit, R_IQH, 8), tail);
    assert_true(kit_stop(&kit));
}

/* The unit's ring fills up behind a hang: the guest's waits stay in its own, and in order. */
static void a_full_unit_queue_delays_but_keeps_order(void **state)
{
    const struct model_faults hang = {.queue_hang = true}, well = {.queue_hang = false};
    enum { BATCH = 100 };
    struct kit kit;
    u64 fs_root, head, tail = 0;
    u32 value = 0;
    bool left = false;
    (void)state;
    kit_start(&kit);
    (void)one_device(&kit, &fs_root);
    kit_boot(&kit);
    u64 status = kit_page(&kit);
    model_set_faults(kit.unit, &hang);
    for (u32 batch = 0; batch < 10 && !left; batch++) {
        for (u32 i = 0; i < BATCH; i++) {
            tail = kit_queue(&kit, tail, 0x25 | (u64)++value << 32, status);
        }
        left = viommu_mmio_write(kit.v, R_IQT, 8, tail);
    }
    assert_true(left);
    (void)viommu_mmio_read(kit.v, R_IQH, 8, &head);
    assert_int_not_equal(head, tail);
    assert_int_equal(kit_at(status)[0], 0);
    model_set_faults(kit.unit, &well);
    model_kick(kit.unit);
    kit_finish(&kit);
    assert_int_equal(kit_at(status)[0], value);
    assert_int_equal(kit_read(&kit, R_IQH, 8), tail);
    assert_int_equal(kit_stats(&kit).waits, value);
    assert_true(kit_stop(&kit));
}

static u64 flip_at;
static void flip_after_read(struct kit *kit, u64 gpa, size_t len)
{
    (void)kit;
    if (flip_at >= gpa && flip_at < gpa + len) {
        kit_at(flip_at & ~7ull)[0] ^= HOSTED_POOL; /* the pointer now leads into Nestor */
    }
}

static void memory_that_changes_between_reads(void **state)
{
    (void)state;
    for (u32 which = 0; which < 5; which++) {
        struct kit kit;
        u64 fs_root, value = 0;
        kit_start(&kit);
        u64 target = one_device(&kit, &fs_root);
        u64 *context = kit_context(&kit, SID, 0, 0);
        const u64 at[] = {kit.root, (u64)((u8 *)context - hosted_memory()), context[0] & ~PAGE_MASK,
                          (u64)((u8 *)kit_pasid_entry(&kit, SID, 0) - hosted_memory()),
                          (u64)((u8 *)kit_pasid_entry(&kit, SID, 0) - hosted_memory()) + 16};
        flip_at = at[which];
        kit.after_read = flip_after_read;
        kit_boot(&kit);
        kit_invalidate_all(&kit);
        kit.after_read = NULL;
        (void)kit_dma(&kit, SID, true, IOVA, &value);
        (void)target;
        assert_true(kit_stop(&kit));
    }
}

static void every_failed_allocation(void **state)
{
    (void)state;
    for (u32 n = 0; n < 12; n++) {
        struct kit kit;
        u64 fs_root, value = 0;
        kit_start(&kit);
        (void)one_device(&kit, &fs_root);
        kit_first_stage(&kit, SID_2, 0x41, DID, fs_root);
        hosted_fail_after(n);
        kit_boot(&kit);
        u8 reason = kit_dma(&kit, SID, false, IOVA, &value);
        assert_true(reason == 0 || (n < 9 && reason != 0));
        hosted_fail_after(UINT32_MAX);
        kit_invalidate_all(&kit);
        assert_true(kit_stop(&kit));
    }
}

static void a_fault_storm_is_cut(void **state)
{
    struct kit kit;
    u64 fs_root, value = 0;
    struct kit_fault fault;
    u32 seen = 0;
    (void)state;
    kit_start(&kit);
    (void)one_device(&kit, &fs_root);
    kit_boot(&kit);
    for (u32 i = 0; i < 500; i++) {
        (void)kit_dma(&kit, SID, false, IOVA + 0x5000, &value);
        seen += kit_take_fault(&kit, &fault) ? 1 : 0;
    }
    assert_in_range(seen, 60, 80);
    assert_true(hosted_log_lines() < 16);
    assert_int_equal(kit_dma(&kit, SID, false, IOVA, &value), 0); /* silenced, not blocked */
    /* And its entries can still be taken away. */
    kit_translate(&kit, false);
    assert_int_equal(host_attached(), 0);
    assert_true(kit_stop(&kit));
}

static void overflow_and_recovery(void **state)
{
    struct kit kit;
    u64 fs_root, value = 0;
    struct kit_fault fault;
    (void)state;
    kit_start(&kit);
    (void)one_device(&kit, &fs_root);
    kit_boot(&kit);
    for (u32 i = 0; i < 6; i++) {
        (void)kit_dma(&kit, (u16)(0x300 + i), false, IOVA, &value);
        viommu_poll_faults(kit.v);
    }
    assert_int_equal(kit_read(&kit, R_FSTS, 4) & 3, 3); /* four records and PFO */
    for (u32 i = 0; i < 4; i++) {
        assert_true(kit_take_fault(&kit, &fault));
        assert_int_equal(fault.sid, 0x300 + i);
        assert_int_equal(fault.reason, 0x39);
    }
    kit_write(&kit, R_FSTS, 4, 1);
    assert_int_equal(kit_read(&kit, R_FSTS, 4) & 3, 0);
    (void)kit_dma(&kit, 0x309, false, IOVA, &value);
    assert_true(kit_take_fault(&kit, &fault));
    assert_int_equal(fault.sid, 0x309);
    assert_true(kit_stop(&kit));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nested_from_te_on),
        cmocka_unit_test(new_entry_by_invalidation),
        cmocka_unit_test(unmap_and_flush),
        cmocka_unit_test(pasids_and_pass_through),
        cmocka_unit_test(transitions),
        cmocka_unit_test(new_root_keeps_what_is_the_same),
        cmocka_unit_test(waits_and_completion_interrupt),
        cmocka_unit_test(unsafe_targets_are_refused),
        cmocka_unit_test(queue_errors_stop_and_restart),
        cmocka_unit_test(guest_cannot_turn_device_tlbs_on),
        cmocka_unit_test(bad_first_stage_faults_like_one_stage),
        cmocka_unit_test(quotas_block_and_say_so_once),
        cmocka_unit_test(global_invalidation_is_bounded),
        cmocka_unit_test(head_waits_for_the_walk),
        cmocka_unit_test(a_full_unit_queue_delays_but_keeps_order),
        cmocka_unit_test(memory_that_changes_between_reads),
        cmocka_unit_test(every_failed_allocation),
        cmocka_unit_test(a_fault_storm_is_cut),
        cmocka_unit_test(overflow_and_recovery),
    };
    return cmocka_run_group_tests_name("viommu", tests, NULL, NULL);
}
