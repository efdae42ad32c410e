/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The CPUs of a guest: the firmware's MP services, INIT and SIPI as kernels send them and with as
 * little time between them as possible, NMIs, and changes of the second stage while the others run,
 * halt or wait. Prints `cpus: NAME ok|FAIL detail` for each. At the end the firmware has lost its
 * other CPUs.
 */
#include <efi.h>
#include <efilib.h>

#include "tests/efi/bench_page.h"
#include "tests/efi/cpus_apic.h"
#include "tests/efi/mp.h"
#include "tests/efi/msr.h"
#include "tests/efi/tsc.h"

enum { X2APIC_ICR = 0x830, ICR_LOW = 0x300, ICR_HIGH = 0x310,
       INIT = 0x4500, SIPI = 0x4600, NMI = 0x4400,
       CPUS = 8, CYCLES = 1000, SINGLE_CYCLES = 100, KICKS = 100, NMIS = 100,
       AS_KERNELS_WAIT = 500, /* ticks: 10 us */ INIT_LIMIT = 300, LONG = 2000000 };

/* Offsets: cpus_start.asm. */
struct page { UINT8 code[0x800]; volatile UINT32 starts, nmis, turns, halt, apic, faults; UINT8 rest[0x7e8]; };

extern const UINT8 cpus_start[], cpus_start_end[];
EFI_STATUS efi_main(EFI_HANDLE self, EFI_SYSTEM_TABLE *system);

static UINTN cpus;
static BOOLEAN x2apic;          /* read once: a read of the MSR exits, and the time between two messages counts */
static struct page *pages;      /* of CPU i: pages[i - 1] */

static void send(UINTN cpu, UINT32 command)
{
    if (x2apic) {
        msr_put(X2APIC_ICR, (UINT64)cpu << 32 | command);
    } else {
        *(volatile UINT32 *)(APIC + ICR_HIGH) = (UINT32)cpu << 24;
        *(volatile UINT32 *)(APIC + ICR_LOW) = command;
    }
}

static UINT32 vector_of(UINTN cpu)
{
    return SIPI | (UINT32)((UINTN)&pages[cpu - 1] >> 12);
}

/* True if *counter changes within a long time. */
static BOOLEAN changes(volatile UINT32 *counter, UINT32 from)
{
    for (UINT64 began = read_tsc(); read_tsc() - began < LONG;) {
        if (*counter != from) {
            return TRUE;
        }
    }
    return FALSE;
}

static void say(CHAR16 *name, BOOLEAN ok, CHAR16 *what, UINTN figure)
{
    Print(L"cpus: %s %s %s %d\n", name, ok ? L"ok" : L"FAIL", what, figure);
}

static VOID EFIAPI on_ap(VOID *argument)
{
    __sync_fetch_and_add((volatile UINT32 *)argument, 1);
}

static void firmware_services(void)
{
    struct mp_services *mp;
    UINTN enabled;
    UINT32 ran = 0, rounds = 0;
    if (EFI_ERROR(BS->LocateProtocol(&mp_guid, NULL, (VOID **)&mp)) ||
        EFI_ERROR(mp->count(mp, &cpus, &enabled))) {
        say(L"services", FALSE, L"none", 0);
        return;
    }
    while (rounds < 20 && !EFI_ERROR(mp->startup_all_aps(mp, on_ap, rounds & 1, NULL, 0, &ran, NULL))) {
        rounds++;
    }
    say(L"services", rounds == 20 && ran == 20 * (cpus - 1), L"runs on other CPUs:", ran);
}

/* INIT, at once a SIPI, and another SIPI after 10 us. */
static void cycles_as_kernels(CHAR16 *name)
{
    UINTN good = 0;
    UINT64 began = read_tsc();
    for (UINTN i = 0; i < CYCLES; i++) {
        UINTN cpu = 1 + i % (cpus - 1);
        volatile UINT32 *starts = &pages[cpu - 1].starts;
        UINT32 before = *starts;
        send(cpu, INIT);
        send(cpu, vector_of(cpu));
        wait_ticks(AS_KERNELS_WAIT);
        send(cpu, vector_of(cpu));
        good += changes(starts, before) && *starts == before + 1;
    }
    say(name, good == CYCLES, L"offline and online, ticks each:", (UINTN)(read_tsc() - began) / CYCLES);
}

static BOOLEAN one_sipi(UINTN cpu, UINTN delay)
{
    volatile UINT32 *starts = &pages[cpu - 1].starts;
    UINT32 before = *starts;
    send(cpu, INIT);
    wait_ticks(delay);
    send(cpu, vector_of(cpu));
    return changes(starts, before);
}

/* A CPU that already waits for a SIPI ignores another INIT, and one SIPI starts it. */
static void init_twice(void)
{
    UINTN good = 0;
    for (UINTN i = 0; i < SINGLE_CYCLES; i++) {
        UINTN cpu = 1 + i % (cpus - 1);
        send(cpu, INIT);
        wait_ticks(10000);
        good += one_sipi(cpu, INIT_LIMIT);
    }
    say(L"init-twice", good == SINGLE_CYCLES, L"INIT while it waits, then one SIPI, cycles:", good);
}

/* A SIPI is lost while the CPU is in root mode, so the shortest pause that loses none is the time that INIT takes. */
static void shortest_pause(void)
{
    UINTN good = 0, delay = INIT_LIMIT;
    for (UINTN i = 0; i < SINGLE_CYCLES; i++) {
        good += one_sipi(1 + i % (cpus - 1), INIT_LIMIT);
    }
    say(L"init", good == SINGLE_CYCLES, L"one SIPI, 300 instructions after INIT, cycles:", good);
    BOOLEAN lost = FALSE;
    while (delay > 8 && !lost) {
        lost = !one_sipi(1, delay - 8);
        delay -= lost ? 0 : 8;
    }
    /* A CPU that lost its SIPI waits for another one; an INIT would stay pending. */
    UINT32 before = pages[0].starts;
    send(1, vector_of(1));
    say(L"shortest", changes(&pages[0].starts, before) == lost, L"instructions from INIT to SIPI:", delay);
}

static UINT32 nmis(void)
{
    UINT32 all = 0;
    for (UINTN i = 0; i + 1 < cpus; i++) {
        all += pages[i].nmis;
    }
    return all;
}

/* Each NMI that is sent arrives once. */
static void guest_nmis(void)
{
    UINT32 before = nmis(), sent = 0;
    for (; sent < NMIS; sent++) {
        send(1 + sent % (cpus - 1), NMI);
        wait_ticks(10000);
    }
    say(L"nmis", nmis() - before == sent, L"of 100:", nmis() - before);
}

/* An NMI that comes right behind the delivery of a fault lets its handler run once. */
static BOOLEAN one_fault_a_turn(const struct page *p)
{
    UINT32 turns = p->turns, faults = p->faults;
    return faults - (turns - 1) <= p->turns - (turns - 1);
}

/* No NMI of Nestor's reaches the guest, and all CPUs go on as before. */
static void others_are(CHAR16 *name, BOOLEAN turning)
{
    UINT32 before = nmis();
    UINT64 began = read_tsc(), took;
    BOOLEAN right = TRUE;
    mtrr_change(KICKS);
    took = read_tsc() - began;
    for (UINTN i = 0; i + 1 < cpus; i++) {
        right &= changes(&pages[i].turns, pages[i].turns) == turning && one_fault_a_turn(&pages[i]);
    }
    say(name, right && nmis() == before, L"changes of the second stage, ticks each:", (UINTN)took / (2 * KICKS));
}

/* An NMI of Nestor's is lost, as if its CPU were late: that one is asked again, the others do not get a second one. */
static void late(void)
{
    UINT32 before = nmis();
    BOOLEAN right = TRUE;
    bench->times = 1;
    bench->command = BENCH_LOSE_NMIS;
    mtrr_change(1);
    wait_ticks(LONG);
    for (UINTN i = 0; i + 1 < cpus; i++) {
        right &= changes(&pages[i].turns, pages[i].turns);
    }
    say(L"kick-late", right && nmis() == before, L"NMIs that the guest got:", nmis() - before);
}

static void kicks(void)
{
    others_are(L"kick-running", TRUE);
    late();
    for (UINTN i = 0; i + 1 < cpus; i++) {
        pages[i].halt = 1;
    }
    wait_ticks(10000);
    others_are(L"kick-halted", FALSE);
    for (UINTN cpu = 1; cpu < cpus; cpu++) {
        pages[cpu - 1].halt = 0;
        send(cpu, INIT);
    }
    wait_ticks(10000);
    others_are(L"kick-waiting", FALSE);
    for (UINTN cpu = 1; cpu < cpus; cpu++) {
        send(cpu, vector_of(cpu));
    }
    wait_ticks(LONG);
    others_are(L"kick-again", TRUE);
}

/* Of all others; the boot CPU's is written by itself. */
static void write_apic_bases(UINT32 value)
{
    for (UINTN i = 0; i + 1 < cpus; i++) {
        pages[i].apic = value;
        while (pages[i].apic != 0) {
        }
    }
}

/* CPUs without a local APIC: Nestor's NMIs reach them and leave them, an INIT does not arrive. */
static void apics_off(void)
{
    UINT64 base = msr_get(APIC_BASE);
    write_apic_bases((UINT32)APIC);
    others_are(L"kick-off", TRUE);
    for (UINTN cpu = 1; cpu < cpus; cpu++) {
        send(cpu, INIT);
    }
    wait_ticks(10000);
    others_are(L"init-off", TRUE);
    msr_put(APIC_BASE, base & ~(UINT64)APIC_X2 & ~(UINT64)APIC_ON);
    others_are(L"kick-all-off", TRUE);
    msr_put(APIC_BASE, (base & ~(UINT64)APIC_X2) | APIC_ON);
    x2apic = FALSE;
    write_apic_bases((UINT32)APIC | APIC_ON);
    UINT32 before = pages[0].starts;
    send(1, INIT);
    wait_ticks(10000);
    send(1, vector_of(1));
    BOOLEAN started = changes(&pages[0].starts, before);
    say(L"on-again", started, L"starts:", pages[0].starts - before);
}

/* The sender; for the others it makes no difference. */
static void in_x2apic_mode(void)
{
    msr_put(APIC_BASE, msr_get(APIC_BASE) | APIC_X2);
    x2apic = TRUE;
    cycles_as_kernels(L"cycles-x2apic");
}

static BOOLEAN place_pages(void)
{
    EFI_PHYSICAL_ADDRESS at = 0x90000;
    if (EFI_ERROR(BS->AllocatePages(AllocateMaxAddress, EfiLoaderData, CPUS, &at))) {
        return FALSE;
    }
    pages = (struct page *)at;
    SetMem(pages, CPUS * sizeof(*pages), 0);
    for (UINTN i = 0; i < CPUS; i++) {
        CopyMem(pages[i].code, cpus_start, (UINTN)(cpus_start_end - cpus_start));
    }
    return TRUE;
}

EFI_STATUS efi_main(EFI_HANDLE self, EFI_SYSTEM_TABLE *system)
{
    InitializeLib(self, system);
    x2apic = (msr_get(APIC_BASE) & APIC_X2) != 0;
    firmware_services();
    if (cpus > 1 && cpus <= CPUS && place_pages()) {
        __asm__ volatile("cli");
        cycles_as_kernels(L"cycles");
        init_twice();
        shortest_pause();
        guest_nmis();
        kicks();
        apics_off();
        in_x2apic_mode();
        say(L"apic-modes", cpus_apic_modes(), L"", 0);
        __asm__ volatile("sti");
    }
    Print(L"efi-test: end\n");
    RT->ResetSystem(EfiResetShutdown, EFI_SUCCESS, 0, NULL);
    return EFI_SUCCESS;
}
