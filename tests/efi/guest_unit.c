/* SPDX-License-Identifier: BSD-2-Clause */
/* See guest_unit.h. */
#include "tests/efi/guest_unit.h"

enum {
    GCMD_TE = 1u << 31, GCMD_SRTP = 1u << 30, GCMD_QIE = 1u << 26, GCMD_IRE = 1u << 25, GCMD_SIRTP = 1u << 24,
    RTADDR_SCALABLE = 1 << 10, IQA_WIDE = 1 << 11, RING_ORDER = 3,
    PGTT_SHIFT = 6, PGTT_FIRST = 1, PGTT_PASS = 4, CONTEXT_PASIDE = 1 << 3,
    LEGACY_PASS = 2 << 2, LEGACY_48_BITS = 2, LEGACY_DID_SHIFT = 8, WORDS_LEGACY = 2,
    TYPE_CONTEXT = 1, TYPE_IOTLB = 2, TYPE_INTERRUPT_ENTRY = 4, TYPE_WAIT = 5, TYPE_PASID_IOTLB = 6, TYPE_PASID = 7,
    G_GLOBAL = 1 << 4, G_DOMAIN = 2 << 4, G_DEVICE = 3 << 4, G_PAGE = 3 << 4,
    G_PASID = 1 << 4, G_PASID_GLOBAL = 3 << 4, G_INDEX = 1 << 4, WAIT_SW = 1 << 5,
    ECAP_IR_EIM = 3 << 3, IRTA_EIME = 1 << 11, IRTA_256 = 7,
    IRTE_CLUSTER = 3 << 2, IRTE_FOR_SID = 1 << 18,   /* logical, one of those named; that source-id alone */
    WORDS_CONTEXT = 4, WORDS_PASID = 8, PAGES = 4096, LIMIT_US = 1000000,
};

/* Functions of bus 0: bridges, IDE, USB, power management, the slots. */
static const u16 board[] = {0x00, 0x08, 0x09, 0x0a, 0x0b, 0x10, UNIT_SID, 0x20};

static u64 *ring;
static u32 desc_words = 4;
static volatile u64 *legacy;     /* contexts of bus 0, in legacy mode */
static u64 *contexts;            /* of bus 0 */
static u64 *plain;               /* the directory of those of which nothing is tried out */
static u64 *pasids;              /* the table with UNIT_SID's PASIDs 0 to 63 */
static volatile u64 *interrupts;
static u32 tail;
static volatile u32 status;
static u32 waits;

void *unit_pages(UINTN count)
{
    EFI_PHYSICAL_ADDRESS at = 0xffffffff;
    if (EFI_ERROR(BS->AllocatePages(AllocateMaxAddress, EfiLoaderData, count, &at))) {
        say("bench: no memory\n");
        efi_test_end();
    }
    ZeroMem((void *)at, count * PAGES);
    return (void *)at;
}

/* A directory in which PASID 0, used for requests without PASID, passes through. */
static u64 *new_directory(u64 **table)
{
    u64 *directory = unit_pages(1);
    *table = unit_pages(1);
    directory[0] = (u64)*table | 1;
    (*table)[1] = UNIT_DID + 1;
    (*table)[0] = PGTT_PASS << PGTT_SHIFT | 1;
    return directory;
}

static u64 *new_root(void)
{
    u64 *root = unit_pages(1);
    u64 *others;
    contexts = unit_pages(1);
    plain = new_directory(&others);
    u64 *tried = new_directory(&pasids);
    root[0] = (u64)contexts | 1;
    for (UINTN i = 0; i < ARRAY_LEN(board); i++) {
        contexts[board[i] * WORDS_CONTEXT] = board[i] == UNIT_SID ? (u64)tried | CONTEXT_PASIDE | 1
                                                                  : (u64)plain | 1;
    }
    return root;
}

static bool command(u32 value, u32 bit)
{
    u64 end = port_now_us() + LIMIT_US;
    *unit_reg32(UNIT_GCMD) = value;
    while ((*unit_reg32(UNIT_GSTS) & bit) == 0) {
        if (port_now_us() > end) {
            say("bench: GSTS bit 0x%x does not come\n", bit);
            return false;
        }
    }
    return true;
}

static bool start(u64 iqa, u64 rtaddr)
{
    ring = unit_pages(1u << RING_ORDER);
    tail = 0;
    *unit_reg64(UNIT_IQT) = 0;
    *unit_reg64(UNIT_IQA) = (u64)ring | iqa;
    *unit_reg64(UNIT_RTADDR) = rtaddr;
    return command(GCMD_QIE, GCMD_QIE) && command(GCMD_QIE | GCMD_SRTP, GCMD_SRTP);
}

bool unit_start(void)
{
    if (!start(IQA_WIDE | RING_ORDER, (u64)new_root() | RTADDR_SCALABLE)) {
        return false;
    }
    unit_put((struct unit_desc){{TYPE_CONTEXT | G_GLOBAL}});
    unit_put((struct unit_desc){{TYPE_PASID | G_PASID_GLOBAL}});
    unit_put((struct unit_desc){{TYPE_IOTLB | G_GLOBAL}});
    return unit_rewind() && command(GCMD_QIE | GCMD_TE, GCMD_TE);
}

bool unit_start_legacy(void)
{
    u64 *root = unit_pages(1);
    legacy = unit_pages(1);
    root[0] = (u64)legacy | 1;
    for (UINTN i = 0; i < ARRAY_LEN(board); i++) {
        legacy[board[i] * WORDS_LEGACY + 1] = (UNIT_DID + 1) << LEGACY_DID_SHIFT | LEGACY_48_BITS;
        legacy[board[i] * WORDS_LEGACY] = board[i] == UNIT_SID ? 0 : LEGACY_PASS | 1;
    }
    desc_words = WORDS_LEGACY;
    if (!start(RING_ORDER - 1, (u64)root)) {
        return false;
    }
    unit_put((struct unit_desc){{TYPE_CONTEXT | G_GLOBAL}});
    unit_put((struct unit_desc){{TYPE_IOTLB | G_GLOBAL}});
    return unit_rewind() && command(GCMD_QIE | GCMD_TE, GCMD_TE);
}

bool unit_start_queue(void)
{
    desc_words = WORDS_LEGACY;
    return start(RING_ORDER - 1, (u64)unit_pages(1));
}

void unit_context(const void *root)
{
    volatile u64 *entry = &legacy[UNIT_SID * WORDS_LEGACY];
    entry[0] = 0;
    entry[1] = UNIT_DID << LEGACY_DID_SHIFT | LEGACY_48_BITS;
    entry[0] = root != NULL ? (u64)root | 1 : 0;
}

bool unit_list(u16 sid, bool there)
{
    contexts[sid * WORDS_CONTEXT] = there ? (u64)plain | 1 : 0;
    unit_put((struct unit_desc){{TYPE_CONTEXT | G_GLOBAL}});
    unit_put((struct unit_desc){{TYPE_PASID | G_PASID_GLOBAL}});
    unit_put((struct unit_desc){{TYPE_IOTLB | G_GLOBAL}});
    return unit_rewind();
}

bool unit_remap(void)
{
    if ((*unit_reg64(UNIT_ECAP) & ECAP_IR_EIM) != ECAP_IR_EIM) {
        return false;
    }
    interrupts = unit_pages(1);
    *unit_reg64(UNIT_IRTA) = (u64)interrupts | IRTA_EIME | IRTA_256;
    return command(GCMD_TE | GCMD_QIE | GCMD_SIRTP, GCMD_SIRTP) && command(GCMD_TE | GCMD_QIE | GCMD_IRE, GCMD_IRE);
}

/* The half with the present bit is written last. To the first CPU of the first cluster; FPD = 1 if quiet. */
void unit_interrupt(u32 index, u32 vector, bool quiet)
{
    interrupts[index * 2 + 1] = IRTE_FOR_SID | UNIT_SID;
    interrupts[index * 2] = 1ull << 32 | vector << 16 | IRTE_CLUSTER | (u32)quiet << 1 | 1;
}

void unit_put_interrupt_entry(u32 index)
{
    unit_put((struct unit_desc){{TYPE_INTERRUPT_ENTRY | G_INDEX | (u64)index << 32}});
}

void unit_stop(void)
{
    *unit_reg32(UNIT_GCMD) = GCMD_QIE;
}

/* The word with the present bit is written last. */
void unit_pasid(u32 pasid, const void *root)
{
    volatile u64 *entry = &pasids[pasid * WORDS_PASID];
    entry[0] = 0;
    entry[1] = UNIT_DID;
    entry[2] = (u64)root;
    entry[0] = root != NULL ? PGTT_FIRST << PGTT_SHIFT | 1 : 0;
}

void unit_put(struct unit_desc desc)
{
    CopyMem(&ring[tail * desc_words], desc.w, desc_words * sizeof(desc.w[0]));
    tail = (tail + 1) % UNIT_RING;
}

void unit_put_iotlb(u32 pasid, u64 addr)
{
    unit_put((struct unit_desc){{TYPE_PASID_IOTLB | G_PAGE | UNIT_DID << 16 | (u64)pasid << 32, addr}});
}

void unit_put_pasid_cache(u32 pasid)
{
    unit_put((struct unit_desc){{TYPE_PASID | G_PASID | UNIT_DID << 16 | (u64)pasid << 32}});
}

void unit_put_context(void)
{
    unit_put((struct unit_desc){{TYPE_CONTEXT | G_DEVICE | UNIT_DID << 16 | (u64)UNIT_SID << 32}});
}

void unit_put_iotlb_legacy(u64 addr)
{
    unit_put((struct unit_desc){{TYPE_IOTLB | G_PAGE | UNIT_DID << 16, addr}});
}

void unit_put_iotlb_domain(void)
{
    unit_put((struct unit_desc){{TYPE_IOTLB | G_DOMAIN | UNIT_DID << 16}});
}

void unit_put_wait(void)
{
    waits++;
    unit_put((struct unit_desc){{TYPE_WAIT | WAIT_SW | (u64)waits << 32, (u64)&status}});
}

u32 unit_tail(void)
{
    return tail * desc_words * (u32)sizeof(u64);
}

bool unit_waited(void)
{
    return status == waits;
}

bool unit_rewind(void)
{
    u64 end = port_now_us() + LIMIT_US;
    while (tail != UNIT_RING - 1) {
        unit_put((struct unit_desc){{TYPE_WAIT}});
        if (tail % 128 == 0) {
            *unit_reg32(UNIT_IQT) = unit_tail();
        }
    }
    unit_put_wait();
    *unit_reg32(UNIT_IQT) = unit_tail();
    while (!unit_waited()) {
        if (port_now_us() > end) {
            say("bench: the queue stands, FSTS 0x%x\n", *unit_reg32(UNIT_FSTS));
            return false;
        }
    }
    return true;
}
