/* SPDX-License-Identifier: BSD-2-Clause */
/* The unit of this partition's: it translates and remaps for the function, refuses what is not its own, and goes on. */
#include "tests/bochs/partition/guest.h"

#define UNIT 0xfed90000u
#define MESSAGE_REMAPPABLE(index) (0xfee00010u | (index) << 5)
enum {
    UNIT_CAP = 8, UNIT_ECAP = 0x10, UNIT_GCMD = 0x18, UNIT_GSTS = 0x1c, UNIT_RTADDR = 0x20,
    UNIT_FSTS = 0x34, UNIT_IQT = 0x88, UNIT_IQA = 0x90, UNIT_TE = (int)(1u << 31), UNIT_SRTP = 1 << 30,
    UNIT_QIE = 1 << 26, UNIT_IRE = 1 << 25, UNIT_SIRTP = 1 << 24, UNIT_IRTA = 0xb8, IRTA_EIME = 1 << 11, IRTA_16 = 3,
    IQA_WIDE = 1 << 11, IQA_PAGES = 8, IQA_ORDER = 3, ROOT_SCALABLE = 1 << 10, IOVA = 0x7654000, OWN_SID = 0x40,
    ROOTS_SID = 0x09, PGTT_FIRST = 1 << 6, PASID_DID = 5, UNIT_PPF = 2, READ_WRITE_USER = 7,
};
static _Alignas(4096) u64 root_table[512], contexts[512], directory[512], pasids[512], levels[4][512],
    ring[IQA_PAGES * 512];
static _Alignas(4096) volatile u64 target[512], interrupt_table[512];
static volatile u32 wait_status;

static volatile u32 *unit(u32 offset)
{
    return (volatile u32 *)(UNIT + offset);
}

static void unit_command(u32 value, u32 mask, u32 status)
{
    *unit(UNIT_GCMD) = value;
    while ((*unit(UNIT_GSTS) & mask) != status) {
    }
}

static void queue_put(u32 *tail, u64 low, u64 high)
{
    u64 *to = &ring[*tail / 8];
    to[0] = low;
    to[1] = high;
    to[2] = to[3] = 0;
    *tail = (*tail + 32) % sizeof(ring);
}

static void queue_finish(u32 tail)
{
    wait_status = 0;
    queue_put(&tail, 0x25 | 1ull << 32, (u32)&wait_status);
    *unit(UNIT_IQT) = tail;
    while (wait_status == 0) {
    }
}

/* Contexts, PASIDs and addresses, all of them. */
static void unit_forget(void)
{
    u32 tail = *unit(UNIT_IQT);
    queue_put(&tail, 0x11, 0);
    queue_put(&tail, 0x37, 0);
    queue_put(&tail, 0x12, 0);
    queue_finish(tail);
}

static void list_function(u32 source_id)
{
    contexts[source_id * 4] = (u32)directory | 1;
}

/* One page at IOVA. */
static void fill_tables(void)
{
    root_table[0] = (u32)contexts | 1;
    directory[0] = (u32)pasids | 1;
    pasids[0] = PGTT_FIRST | 1;
    pasids[1] = PASID_DID;
    pasids[2] = (u32)levels[0];
    levels[0][0] = (u32)levels[1] | READ_WRITE_USER;
    levels[1][0] = (u32)levels[2] | READ_WRITE_USER;
    levels[2][IOVA >> 21] = (u32)levels[3] | READ_WRITE_USER;
    levels[3][IOVA >> 12 & 511] = (u32)target | READ_WRITE_USER;
}

void unit_use(void)
{
    static volatile u64 from = 0x8877665544332211;
    print_hex("unit ", (unit(UNIT_ECAP)[1] >> 11 & 1) | (unit(UNIT_ECAP)[1] >> 14 & 2) | (*unit(UNIT_ECAP) & 8));
    config_write(COMMAND, COMMAND_MEMORY_MASTER);
    fill_tables();
    *unit(UNIT_IQA) = (u32)ring | IQA_WIDE | IQA_ORDER;
    unit_command(UNIT_QIE, UNIT_QIE, UNIT_QIE);
    list_function(OWN_SID);
    list_function(ROOTS_SID);
    *unit(UNIT_RTADDR) = (u32)root_table | ROOT_SCALABLE;
    unit_command(UNIT_QIE | UNIT_SRTP, UNIT_SRTP, UNIT_SRTP);
    unit_forget();
    print(edu_dma(EDU_FROM_MEMORY, (u32)&from, 8) == 0 ? "second stage\n" : "no second stage\n");
    unit_command(UNIT_QIE | UNIT_TE, (u32)UNIT_TE, (u32)UNIT_TE);
    print(edu_dma(EDU_TO_MEMORY, IOVA + 8, 8) == 0 && target[1] == from ? "nested\n" : "not nested\n");
    u32 refused = edu_dma(EDU_FROM_MEMORY, (u32)&from, 8) & edu_dma(EDU_TO_MEMORY, IOVA + 0x1000, 8);
    print(refused != 0 ? "others refused\n" : "others passed\n");
    for (u32 looks = 1; (*unit(UNIT_FSTS) & UNIT_PPF) == 0; looks++) {
        if (looks % 0x4000 == 0) {                              /* lost where the root's faults fill the records */
            (void)edu_dma(EDU_FROM_MEMORY, (u32)&from, 8);
        }
    }
    u32 record = (*unit(UNIT_CAP) >> 24 | (unit(UNIT_CAP)[1] & 3) << 8) * 16;
    print_hex("fault ", unit(record)[2]);
    print_hex("reason ", unit(record)[3] & 0x800000ff);
    levels[3][IOVA >> 12 & 511] = HOST_MEMORY | READ_WRITE_USER;
    unit_forget();
    print(edu_dma(EDU_TO_MEMORY, IOVA, 8) != 0 ? "beyond refused\n" : "beyond passed\n");
    unit_command(UNIT_QIE, (u32)UNIT_TE, 0);
    print(edu_dma(EDU_FROM_MEMORY, (u32)&from, 8) == 0 ? "second stage\n" : "no second stage\n");
    unit_command(UNIT_QIE | UNIT_TE, (u32)UNIT_TE, (u32)UNIT_TE);
    print(edu_dma(EDU_FROM_MEMORY, (u32)&from, 8) != 0 ? "left on\n" : "left off\n");
}

/* Vectors 64 to 95 that wait in the local APIC once it has sent message 0, as bits; they are taken. */
static u32 vectors_of_message(void)
{
    *edu(EDU_RAISE) = 1;
    u32 waiting = (u32)msr_get(MSR_IRR_64);
    __asm__ volatile("sti; nop; cli");
    return waiting;
}

static void set_entry(u32 index, u32 cpu, u32 low, u32 source_id)
{
    interrupt_table[index * 2] = (u64)cpu << 32 | low | 1;
    interrupt_table[index * 2 + 1] = 1u << 18 | source_id;
}

/* Of the fault at that index, after message 0 was sent; again and again, for the root's may fill the unit's records. */
static u32 reason_at(u32 index)
{
    u32 record = (*unit(UNIT_CAP) >> 24 | (unit(UNIT_CAP)[1] & 3) << 8) * 16;
    u32 records = (unit(UNIT_CAP)[1] >> 8 & 0xff) + 1;
    for (u32 looks = 0;; looks++) {
        if (looks % 0x4000 == 0) {
            *edu(EDU_RAISE) = 1;
            *unit(UNIT_FSTS) = 1;
        }
        for (u32 i = 0; (*unit(UNIT_FSTS) & UNIT_PPF) != 0 && i < records; i++) {
            volatile u32 *at = unit(record + i * 16);
            u32 high = at[3];
            bool interrupt = (high >> 31) != 0 && (high & 0xf0) == 0x20;
            bool found = interrupt && at[1] >> 16 == index && (at[2] & 0xffff) == OWN_SID;
            at[3] = 1u << 31;
            if (found) {
                return high & 0xff;
            }
        }
    }
}

void unit_use_remapping(void)
{
    u32 self = (u32)msr_get(MSR_ID);
    u32 on = UNIT_QIE | (u32)UNIT_TE;
    print_hex("remapping ", *unit(UNIT_ECAP) & 0x18);
    config_write(CONFIG_MSI, config_read(FUNCTION, CONFIG_MSI) & ~(u32)MSI_ON);
    config_write(CONFIG_MSIX, config_read(FUNCTION, CONFIG_MSIX) | (u32)MSIX_ON);
    edu_set_message(0, self, DEVICE_VECTOR);
    set_entry(1, self, DEVICE_VECTOR << 16, OWN_SID);
    *unit(UNIT_IRTA) = (u32)interrupt_table | IRTA_EIME | IRTA_16;
    unit_command(on | UNIT_SIRTP, UNIT_SIRTP, UNIT_SIRTP);
    print_hex("as before ", vectors_of_message());
    unit_command(on | UNIT_IRE, UNIT_IRE, UNIT_IRE);
    print_hex("blocked ", vectors_of_message() | reason_at(0));
    print(edu_put_message(0, MESSAGE_REMAPPABLE(1), 0) ? "" : "reads another's\n");
    print_hex("by its entry ", vectors_of_message());
    set_entry(1, self, SECOND_VECTOR << 16, OWN_SID);
    print_hex("not announced ", vectors_of_message());
    u32 tail = *unit(UNIT_IQT);
    queue_put(&tail, 0x14 | 1ull << 32, 0);
    queue_finish(tail);
    print_hex("announced ", vectors_of_message());
    set_entry(2, 0, DEVICE_VECTOR << 16, OWN_SID);              /* for a CPU of the root's */
    set_entry(3, self, 2 << 5, OWN_SID);                        /* an SMI */
    set_entry(4, self, DEVICE_VECTOR << 16, ROOTS_SID);
    for (u32 index = 2; index <= 5; index++) {
        (void)edu_put_message(0, MESSAGE_REMAPPABLE(index), 0);
        print_hex("refused ", vectors_of_message() | reason_at(index));
    }
    (void)edu_put_message(0, MESSAGE_REMAPPABLE(1), 0);
    print_hex("again ", vectors_of_message());
}

static u32 last_tail;
static volatile bool second_is_there;

/* The exit of this does a part of the queue. */
static void ring_the_bell(void)
{
    second_is_there = true;
    *unit(UNIT_IQT) = last_tail;
    for (;;) {
    }
}

/* All that fits but for one; the last is a wait. */
static u32 fill_ring(void)
{
    u32 tail = *unit(UNIT_IQT);
    for (u32 i = 0; i < sizeof(ring) / 32 - 2; i++) {
        queue_put(&tail, 0x12, 0);
    }
    wait_status = 0;
    queue_put(&tail, 0x25 | 1ull << 32, (u32)&wait_status);
    return tail;
}

void unit_flood(void)
{
    enum { FLOODS = 4, EACH = 16 * 32, LIMIT = 50000000 };
    for (u32 i = 0; i < FLOODS; i++) {
        u32 end = fill_ring();
        for (u32 at = *unit(UNIT_IQT); (end - at) % sizeof(ring) > EACH; *unit(UNIT_IQT) = at) {
            at = (at + EACH) % sizeof(ring);
        }
        *unit(UNIT_IQT) = end;
        while (wait_status == 0) {
        }
    }
    print("flooded\n");
    last_tail = fill_ring();
    second_is_there = false;
    second_job = ring_the_bell;
    start_second();
    while (!second_is_there) {
    }
    msr_put(MSR_ICR, ICR_INIT | ICR_OTHERS);
    second_job = NULL;
    for (u64 from = read_tsc(); wait_status == 0 && read_tsc() - from < LIMIT;) {
    }
    print(wait_status != 0 ? "goes on\n" : "stands still\n");
}
