/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The root of a machine with a partition on its last CPUs: has these handed over, then tries to reach them, their
 * memory and their function while they work, and turns the machine off. It prints nothing meanwhile. Its load
 * options: "long" has it try for as long as the partition of exact.c takes, "halted" sleep for so long, "slow" five
 * times so; by "all" the root is one that may see all of the others.
 */
#include <efi.h>
#include <efilib.h>

#include "tests/efi/bench_page.h"
#include "tests/efi/guest_unit.h"
#include "tests/efi/hand_over.h"
#include "tests/efi/msr.h"
#include "tests/efi/partition_attack.h"
#include "tests/efi/pci.h"
#include "tests/efi/partition_window.h"
#include "tests/efi/tsc.h"

enum {
    MSR_APIC_BASE = 0x1b, X2APIC = 1 << 10, EDU = 0x40, BLOCK = 0x48,
    KEPT = 65536 - 32,                  /* interrupt entries of the partition's function, to the end of the table */
    GCMD_TE = (int)(1u << 31), GCMD_IRE = 1 << 25, GCMD_SIRTP = 1 << 24, GCMD_QIE = 1 << 26, LIMIT = 100000,
    IRTA_EIME_ALL = 1 << 11 | 15,
    MEMORY = 0x8000000, MEMORY_SIZE = 0x400000,     /* the partition's, by the test's configuration */
    OWN_MEMORY = 0x4000000,
    ROUNDS = 20, REMAPS_FROM = 2,       /* before that round it has no interrupt remapping of its own */
    LOOKED_AT = 12,                     /* in that round all that units reach is, by the attachment (walk.py) */
    LONG = 60000000,                    /* of the TSC: exact.c takes two thirds of it */
};

EFI_STATUS efi_main(EFI_HANDLE self, EFI_SYSTEM_TABLE *system);

static void check(const CHAR16 *name, BOOLEAN ok)
{
    Print(L"partition: %s %s\n", name, ok ? L"ok" : L"FAIL");
}

static void wait_ms(unsigned long long ms)
{
    BS->Stall(ms * 1000);
}

static BOOLEAN memory_is_absent(void)
{
    BOOLEAN absent = TRUE;
    for (UINT64 at = MEMORY; at < MEMORY + MEMORY_SIZE; at += 0x1ff8) {
        volatile UINT64 *word = (UINT64 *)at;
        *word = 0;
        absent = absent && *word == ~0ull;
    }
    return absent;
}

/* VT-d 11.4.3: this machine's unit remaps interrupts, and its guest is shown that. */
static BOOLEAN remaps(void)
{
    enum { ECAP_IR = 1 << 3 };
    return (*(volatile UINT64 *)0xfed90010 & ECAP_IR) != 0;
}

/* The window of configuration space is at FE000000h there, with the functions; without them it is nothing. */
static volatile UINT32 *window(UINT32 sid, UINT32 offset)
{
    return (volatile UINT32 *)(UINTN)(0xfe000000 + (sid << 12) + offset);
}

static BOOLEAN has_window(void)
{
    return *window(BLOCK, 0) == pci_read(BLOCK, 0) && pci_read(BLOCK, 0) != ~0u;
}

/* Not a register of it, by either way; what is written is nowhere. */
static BOOLEAN function_is_absent(void)
{
    BOOLEAN absent = TRUE;
    for (UINT32 at = 0; at < 0x100; at += 4) {
        pci_write(EDU, (UINT8)at, 0);
        *window(EDU, at) = 0;
        absent = absent && pci_read(EDU, (UINT8)at) == ~0u && *window(EDU, at) == ~0u;
    }
    return absent && *window(EDU, 0x100) == ~0u;
}

enum { BAR_BYTES = 0x10000 };

/* Something else of the root's may be there, none of it larger than twice that. */
static BOOLEAN is_used(UINT32 at)
{
    for (UINT16 sid = 0; sid < 0x100; sid++) {
        for (UINT8 reg = 0x10; sid != BLOCK && reg < 0x28; reg += 4) {
            UINT32 bar = pci_read(sid, reg);
            UINT32 base = bar & ~0xfu;
            if ((bar & 1) == 0 && base != 0 && base < at + BAR_BYTES && base + 2 * BAR_BYTES > at) {
                return TRUE;
            }
        }
    }
    return FALSE;
}

/* The firmware has put the two BARs beside each other: over the other's it never is while it decodes. */
static BOOLEAN bar_stays_away(void)
{
    enum { COMMAND = 4, DECODE = 2, BAR = 0x10 };
    UINT32 bar = pci_read(BLOCK, BAR);
    UINT32 command = pci_read(BLOCK, COMMAND) & 0xffff;
    UINT32 refused = 0;
    for (INT32 way = -BAR_BYTES; way <= BAR_BYTES; way += 2 * BAR_BYTES) {
        UINT32 to = bar + (UINT32)way;
        if (is_used(to)) {
            continue;
        }
        pci_write(BLOCK, COMMAND, command | DECODE);
        pci_write(BLOCK, BAR, to);
        BOOLEAN over = pci_read(BLOCK, BAR) != to;
        pci_write(BLOCK, COMMAND, command & ~(UINT32)DECODE);
        *window(BLOCK, BAR) = to;
        *window(BLOCK, COMMAND) = command | DECODE;
        BOOLEAN decodes = (pci_read(BLOCK, COMMAND) & DECODE) != 0;
        pci_write(BLOCK, COMMAND, command & ~(UINT32)DECODE);
        pci_write(BLOCK, BAR, bar);
        pci_write(BLOCK, COMMAND, command);
        refused += over && !decodes && *(volatile UINT32 *)(UINTN)to == ~0u ? 1 : 0;
        if (over == decodes) {
            return FALSE;
        }
    }
    return refused == 1 && pci_read(BLOCK, BAR) == bar;
}

/* The host bridge is readable, and fixed. */
static BOOLEAN bridge_is_fixed(void)
{
    UINT32 before = pci_read(0, 0x58);
    pci_write(0, 0x58, ~before);
    *window(0, 0x58) = ~before;
    return pci_read(0, 0) == 0x12378086 && pci_read(0, 0x58) == before;
}

/* Of the chipset and the disk, but for status bits. */
static UINT32 configuration(void)
{
    static const UINT16 sids[] = {0, 1 << 3, 1 << 3 | 1, 1 << 3 | 3, BLOCK};
    UINT32 sum = 0;
    for (UINT32 i = 0; i < sizeof(sids) / sizeof(sids[0]); i++) {
        for (UINT32 at = 0; at < 0x100; at += 4) {
            sum = sum * 31 + (pci_read(sids[i], (UINT8)at) & (at == 4 ? 0xffff : ~0u));
        }
    }
    return sum;
}

static BOOLEAN command(UINT32 value, UINT32 mask, UINT32 expected)
{
    UINT32 left = LIMIT;
    *unit_reg32(UNIT_GCMD) = value;
    while ((*unit_reg32(UNIT_GSTS) & mask) != expected && left != 0) {
        left--;
    }
    return left != 0;
}

/* Entries for the function, to this CPU, at the indexes that its messages have. */
static BOOLEAN redirect_messages(void)
{
    volatile UINT64 *table = unit_pages(256);
    for (UINT32 i = KEPT; i < 65536; i++) {
        table[i * 2 + 1] = 1 << 18 | EDU;
        table[i * 2] = 0x41 << 16 | 1;
    }
    *unit_reg64(UNIT_IRTA) = (UINT64)table | IRTA_EIME_ALL;
    return command((UINT32)GCMD_TE | GCMD_QIE | GCMD_SIRTP, GCMD_SIRTP, GCMD_SIRTP) &&
           command((UINT32)GCMD_TE | GCMD_QIE | GCMD_IRE, GCMD_IRE, GCMD_IRE);
}

/* Listed and not listed, translated and not: by none of it the function reaches what the root has. */
static BOOLEAN dma_is_its_own(UINT64 *victim, BOOLEAN looked_at)
{
    BOOLEAN done = unit_list(EDU, TRUE);
    BOOLEAN passed = bench_dma(EDU, BENCH_NO_PASID, (u64)victim, false, 0);
    done = done && command(GCMD_QIE | GCMD_IRE, (UINT32)GCMD_TE, 0);
    passed |= bench_dma(EDU, BENCH_NO_PASID, (u64)victim, true, ~0ull);
    done = done && command((UINT32)GCMD_TE | GCMD_QIE | GCMD_IRE, (UINT32)GCMD_TE, (UINT32)GCMD_TE);
    passed |= bench_dma(EDU, BENCH_NO_PASID, (u64)victim, true, ~0ull);
    passed |= message_passes(0xfee00010 | (KEPT & 0x7fff) << 5 | KEPT >> 15 << 2, 0);
    if (looked_at) {
        bench->command = BENCH_SNAPSHOT;
    }
    return done && unit_list(EDU, FALSE) && !passed && *(volatile UINT64 *)victim == 0;
}

/* Nestor then waits for all CPUs that run this system. */
static void change_types(void)
{
    UINT32 pair = mtrr_free_pair();
    msr_put(pair, OWN_MEMORY);
    msr_put(pair + 1, mtrr_mask());
    msr_put(pair + 1, 0);
}

/* Rings full of invalidations, as fast as it can. */
static BOOLEAN flood_queue(void)
{
    BOOLEAN done = TRUE;
    for (UINT32 i = 0; i < 4; i++) {
        for (UINT32 n = 0; n < UNIT_RING / 2; n++) {
            unit_put_iotlb(0, OWN_MEMORY);
            if (n % 16 == 0) {
                *unit_reg32(UNIT_IQT) = unit_tail();
            }
        }
        done = done && unit_rewind();
    }
    return done;
}

static void sleep_until(UINT64 end)
{
    while (read_tsc() < end) {
        __asm__ volatile("sti; hlt");
    }
}

static CHAR16 first_option(EFI_HANDLE self)
{
    EFI_LOADED_IMAGE *loaded;
    return !EFI_ERROR(BS->HandleProtocol(self, &LoadedImageProtocol, (VOID **)&loaded)) &&
           loaded->LoadOptionsSize != 0 ? *(CHAR16 *)loaded->LoadOptions : 0;
}

EFI_STATUS efi_main(EFI_HANDLE self, EFI_SYSTEM_TABLE *system)
{
    InitializeLib(self, system);
    check(L"x2apic", (msr_get(MSR_APIC_BASE) & X2APIC) != 0 && msr_x2apic_is_locked());
    UINT64 ports = shared_ports();
    UINT32 registers = configuration();
    hand_over();
    CHAR16 option = first_option(self);
    BOOLEAN times = option != 0 && option != 'a';
    UINT64 end = times ? read_tsc() + (option == 's' ? 5 * LONG : LONG) : 0;
    wait_ms(5);
    BOOLEAN absent = TRUE;
    BOOLEAN refused = TRUE;
    BOOLEAN configured = TRUE;
    BOOLEAN apart = TRUE;
    UINT64 *victim = unit_pages(1);
    if (option == 'h' || option == 's') {
        sleep_until(end);
    }
    UINT32 i = 0;
    for (; i < ROUNDS || read_tsc() < end; i++) {
        if (i == REMAPS_FROM && remaps()) {
            apart = unit_start() && redirect_messages();
        }
        attack_cpus();
        refused = refused && (!remaps() || (devices_are_refused() && (i % 5 != 0 || memory_is_no_devices())));
        apart = apart && (!remaps() || i % 5 != REMAPS_FROM ||
                          (dma_is_its_own(victim, i == LOOKED_AT) && flood_queue()));
        absent = absent && memory_is_absent();
        change_types();
        if (i % 10 == 0 && has_window()) {
            configured = configured && function_is_absent() && bar_stays_away() && bridge_is_fixed();
        }
        if (!times) {
            wait_ms(5);
        }
    }
    BOOLEAN shown = window_shows(option == 'a');
    BOOLEAN controlled = !window_controls() || window_control(wait_ms);
    wait_ms(400);       /* for what is on its way to the console, which this program's own output would cut */
    Print(L"partition: %d rounds\n", i);
    check(L"memory", absent);
    check(L"devices", refused);
    check(L"function", configured);
    check(L"its DMA", apart);
    check(L"ports", shared_ports() == ports);
    check(L"registers", configuration() == registers);
    check(L"window", shown);
    check(L"control", controlled);
    Print(L"efi-test: end\n");
    RT->ResetSystem(EfiResetShutdown, EFI_SUCCESS, 0, NULL);
    return EFI_SUCCESS;
}
