/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A guest against a protected region: by its CPU, and by DMA with and without a first stage of its own
 * and with that first stage in the region. After each attempt it prints the outcome and whether the
 * region's contents are unchanged; test_protect judges.
 */
#include "tests/efi/bench_page.h"
#include "tests/efi/fault.h"
#include "tests/efi/guest_unit.h"
#include "tests/efi/protect.h"

enum { PASID = 1, LIMIT_US = 1000000, TYPE_WAIT = 5, WAIT_SW = 1 << 5 };

#define PATTERN 0x5555555555555555ull

EFI_STATUS efi_main(EFI_HANDLE self, EFI_SYSTEM_TABLE *system);

static u64 before;

static u64 hash(void)
{
    u64 sum = 0xcbf29ce484222325ull;
    for (u32 i = 0; i < REGION_BYTES; i++) {
        sum = (sum ^ ((const volatile u8 *)REGION)[i]) * 0x100000001b3ull;
    }
    return sum;
}

static void tell(const char *what, const char *came)
{
    say("protect: %s: %s, contents %s\n", what, came, hash() == before ? "same" : "CHANGED");
    before = hash();
}

static void tell_dma(const char *what, bool write, u32 pasid, u64 address)
{
    bool done = bench_dma(UNIT_SID, pasid, address, write, PATTERN);
    bool right = done && !write && bench->data[0] == *(const volatile u64 *)REGION_DATA;
    tell(what, !done ? "refused" : right ? "done, read right" : "done");
}

static void by_cpu(void)
{
    volatile u32 *word = (volatile u32 *)REGION_DATA;
    u32 value = *word;
    void *to = (void *)REGION_DATA;
    u64 count = 16;
    *word = ~value;
    tell("store", *word == value ? "dropped" : "done");
    __asm__ volatile("lock orl $0xff00ff, (%0)" : : "r"(word) : "memory");
    tell("locked or", *word == value ? "dropped" : "done");
    __asm__ volatile("rep stosb" : "+D"(to), "+c"(count) : "a"(0x55) : "memory");
    tell("rep stos", count == 0 && to == (void *)(REGION_DATA + 16) ? "completed" : "cut short");
    tell("vector store", fault_store_vector(word) ? "fault" : "done");
    tell("store over the page's end", fault_store((void *)(REGION - 4), 0) ? "fault" : "done");
}

static void set_root(const void *root)
{
    u64 end = port_now_us() + LIMIT_US;
    unit_pasid(PASID, root);
    unit_put_pasid_cache(PASID);
    for (u64 iova = IOVA_DATA; iova <= IOVA_OUTSIDE; iova += 4096) {
        unit_put_iotlb(PASID, iova);
    }
    unit_put_wait();
    *unit_reg32(UNIT_IQT) = unit_tail();
    while (!unit_waited() && port_now_us() < end) {
    }
    if (!unit_waited()) {
        say("protect: the queue stands\n");
    }
}

/* The hardware writes this status itself, through no table. */
static void wait_into_region(void)
{
    u64 end = port_now_us() + LIMIT_US;
    unit_put((struct unit_desc){{TYPE_WAIT | WAIT_SW | 0x55ull << 32, REGION_DATA}});
    *unit_reg32(UNIT_IQT) = unit_tail();
    while ((*unit_reg32(UNIT_FSTS) & 1 << 4) == 0 && port_now_us() < end) {
    }
    tell("status of a wait descriptor", (*unit_reg32(UNIT_FSTS) & 1 << 4) != 0 ? "refused" : "done");
}

static void by_nested_dma(void)
{
    unsigned long long *tables = unit_pages(4);
    region_tables(tables);
    set_root(tables);
    tell_dma("own first stage, outside", true, PASID, IOVA_OUTSIDE);
    say("protect: outside has %s\n",
        *(volatile u64 *)OUTSIDE == PATTERN ? "the data" : "NOT the data");
    tell_dma("own first stage, write", true, PASID, IOVA_DATA);
    tell_dma("own first stage, read", false, PASID, IOVA_DATA);
    set_root((void *)REGION);
    tell_dma("first stage in the region, write", true, PASID, IOVA_OUTSIDE);
    tell_dma("first stage in the region, read", false, PASID, IOVA_OUTSIDE);
    tell_dma("first stage in the region, write to it", true, PASID, IOVA_DATA);
    wait_into_region();
}

EFI_STATUS efi_main(EFI_HANDLE self, EFI_SYSTEM_TABLE *system)
{
    efi_test_start(self, system);
    fault_catch();
    before = hash();
    say("protect: hash %llx\n", before);
    by_cpu();
    tell_dma("no first stage, write", true, BENCH_NO_PASID, REGION_DATA);
    tell_dma("no first stage, read", false, BENCH_NO_PASID, REGION_DATA);
    if (*unit_reg32(0) == ~0u) {
        say("protect: no unit\n");
    } else if (unit_start()) {
        tell_dma("pass-through, write", true, BENCH_NO_PASID, REGION_DATA);
        tell_dma("pass-through, read", false, BENCH_NO_PASID, REGION_DATA);
        by_nested_dma();
    }
    say("protect: hash %llx at the end\n", hash());
    efi_test_end();
}
