/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What Nestor costs its guest, in ticks of the TSC, which on the Bochs machine counts instructions:
 * each figure is one instruction of the guest that exits, up to the next instruction, so it
 * includes everything that the hypervisor did in between, the instruction itself and the entry.
 * What the measurement itself costs is subtracted.
 *
 *     bench: NAME<tab>TICKS       one line a case
 */
#include "tests/efi/bench.h"
#include "tests/efi/msr.h"

enum {
    TIMES = 8,                  /* the lowest count is taken: Nestor polls the unit now and then */
    MSR_READ = 0x3a,            /* IA32_FEATURE_CONTROL: read by Nestor, locked bits shown */
    MSR_WRITE = 0x1b,           /* IA32_APIC_BASE: its own value is written, Nestor compares */
    FIRST_PASID = 1, STORES = 512,
};

#define ECAP_SMTS (1ull << 43)

static u64 apic_base;

/* Both ends of a measurement; the operation is in between and may use eax, ecx, edx. */
#define TICKS(setup, operation, ...)                                                        \
    static u32 __VA_ARGS__(u64 argument)                                                    \
    {                                                                                       \
        u32 ticks;                                                                          \
        __asm__ volatile("cli\n\trdtsc\n\tmov %%eax, %%r8d\n\t" setup operation             \
                         "rdtsc\n\tsub %%r8d, %%eax\n\tsti"                                 \
                         : "=&a"(ticks)                                                     \
                         : "S"(argument), "D"(unit_reg32(0))                                \
                         : "rbx", "rcx", "rdx", "r8", "cc", "memory");                      \
        return ticks;                                                                       \
    }

#define SETUP_LEAF "mov %%esi, %%eax\n\txor %%ecx, %%ecx\n\t"
#define SETUP_RDMSR "mov %%esi, %%ecx\n\t"
#define SETUP_WRMSR "mov $0x1b, %%ecx\n\tmov %%rsi, %%rax\n\tmov %%rsi, %%rdx\n\tshr $32, %%rdx\n\t"

TICKS("", "", nothing)
TICKS(SETUP_LEAF, "", nothing_cpuid)
TICKS(SETUP_LEAF, "cpuid\n\t", do_cpuid)
TICKS(SETUP_RDMSR, "", nothing_rdmsr)
TICKS(SETUP_RDMSR, "rdmsr\n\t", do_rdmsr)
TICKS(SETUP_WRMSR, "", nothing_wrmsr)
TICKS(SETUP_WRMSR, "wrmsr\n\t", do_wrmsr)
TICKS("", "mov (%%rdi, %%rsi), %%eax\n\t", do_read32)
TICKS("", "mov (%%rdi, %%rsi), %%rax\n\t", do_read64)
TICKS("", "mov %%rsi, 0x20(%%rdi)\n\t", do_write64)      /* RTADDR: no effect before SRTP */
TICKS("", "mov %%esi, 0x88(%%rdi)\n\t", do_doorbell)     /* IQT */

void bench_print(const char *name, u64 ticks)
{
    say("bench: %s\t%llu\n", name, ticks);
}

typedef u32 measurement(u64 argument);

static void run(const char *name, measurement *with, measurement *without, u64 argument)
{
    u32 best = ~0u;
    for (u32 i = 0; i < TIMES; i++) {
        u32 empty = without(argument);
        u32 ticks = with(argument) - empty;
        best = ticks < best ? ticks : best;
    }
    bench_print(name, best);
}

static void run_exits(void)
{
    apic_base = msr_get(MSR_WRITE);
    run("cpuid, leaf 0", do_cpuid, nothing_cpuid, 0);
    run("cpuid, leaf 1", do_cpuid, nothing_cpuid, 1);
    run("cpuid, leaf 7", do_cpuid, nothing_cpuid, 7);
    run("cpuid, leaf 80000008h", do_cpuid, nothing_cpuid, 0x80000008);
    run("rdmsr, intercepted", do_rdmsr, nothing_rdmsr, MSR_READ);
    run("wrmsr, intercepted", do_wrmsr, nothing_wrmsr, apic_base);
}

static void run_registers(void)
{
    u32 first = do_read32(UNIT_GSTS);
    bench_print("register read, the first", first - nothing(0));
    run("register read, 32 bits", do_read32, nothing, UNIT_GSTS);
    run("register read, 64 bits", do_read64, nothing, UNIT_IQH);
    run("register read, fault status", do_read32, nothing, UNIT_FSTS);
    run("register write, 64 bits", do_write64, nothing, *unit_reg64(UNIT_RTADDR));
}

void bench_doorbell(const char *name, bench_fill *put, u32 count, bool once)
{
    u32 best = ~0u;
    bool done = true;
    for (u32 i = 0; i < (once ? 1 : TIMES); i++) {
        done = unit_rewind() && done;
        put(count);
        unit_put_wait();
        u32 empty = nothing(0);
        u32 ticks = do_doorbell(unit_tail()) - empty;
        done = unit_waited() && done;
        best = ticks < best ? ticks : best;
    }
    bench_print(name, best);
    if (!done) {
        say("bench: NOT DONE when the doorbell returned: %s\n", name);
    }
}

static void put_iotlb(u32 count)
{
    for (u32 i = 0; i < count; i++) {
        unit_put_iotlb(FIRST_PASID, i * PAGE_SIZE);
    }
}

static void put_attach(u32 pasid)
{
    unit_pasid(pasid, unit_pages(1));
    unit_put_pasid_cache(pasid);
}

static void put_detach(u32 pasid)
{
    unit_pasid(pasid, NULL);
    unit_put_pasid_cache(pasid);
    unit_put_iotlb(pasid, 0);
}

static void run_queue(void)
{
    bench_doorbell("attach, the device's first PASID", put_attach, FIRST_PASID, true);
    bench_doorbell("attach", put_attach, FIRST_PASID + 1, true);
    bench_doorbell("replace", put_attach, FIRST_PASID + 1, true);
    bench_doorbell("detach", put_detach, FIRST_PASID + 1, true);
    bench_doorbell("doorbell, 1 command", put_iotlb, 1, false);
    bench_doorbell("doorbell, 16 commands", put_iotlb, 16, false);
    bench_doorbell("doorbell, 256 commands", put_iotlb, 256, false);
}

/* The same loop on entries that a unit walks and on a page that is not a table. */
static u32 store_entries(volatile u64 *table)
{
    u64 began;
    u64 ended;
    u64 at = 0x200007;
    u64 left = STORES;
    __asm__ volatile("cli\n\trdtsc\n\tmov %%rax, %0\n"
                     "1:\tmov %2, (%1)\n\tadd $4096, %2\n\tadd $8, %1\n\tdec %3\n\tjnz 1b\n\t"
                     "rdtsc\n\tsti"
                     : "=&r"(began), "+r"(table), "+r"(at), "+r"(left), "=&a"(ended)
                     :
                     : "rdx", "cc", "memory");
    return (u32)ended - (u32)began;
}

static u32 fewest_stores(volatile u64 *table)
{
    u32 best = ~0u;
    for (u32 i = 0; i < TIMES; i++) {
        u32 ticks = store_entries(table);
        best = ticks < best ? ticks : best;
    }
    return best;
}

static void run_map(void)
{
    u64 *root = unit_pages(1);
    u64 *third = unit_pages(1);
    u64 *second = unit_pages(1);
    u64 *first = unit_pages(1);
    u64 *other = unit_pages(1);
    root[0] = (u64)third | 7;
    third[0] = (u64)second | 7;
    second[0] = (u64)first | 7;
    unit_pasid(FIRST_PASID + 2, root);
    unit_put_pasid_cache(FIRST_PASID + 2);
    unit_put_wait();
    *unit_reg32(UNIT_IQT) = unit_tail();
    u32 plain = fewest_stores(other);
    bench_print("first-stage map of 512 pages, above plain stores", fewest_stores(first) - plain);
}

/* Each entry with another vector than before, which is all that was vetted of it before; all of them are stored. */
static void put_interrupts(u32 count)
{
    static u32 vector = 0x30;
    vector ^= 1;
    for (u32 i = 0; i < count; i++) {
        unit_interrupt(i, vector, false);
        unit_put_interrupt_entry(i);
    }
}

/* Each with another FPD, so that everything in it is vetted. */
static void put_vetted_interrupts(u32 count)
{
    static bool quiet;
    quiet = !quiet;
    for (u32 i = 0; i < count; i++) {
        unit_interrupt(i, 0x30, quiet);
        unit_put_interrupt_entry(i);
    }
}

static void run_interrupts(void)
{
    bench_doorbell("interrupt entry, 1", put_interrupts, 1, false);
    bench_doorbell("interrupt entries, 17", put_interrupts, 17, false);
    bench_doorbell("interrupt entry, 1, vetted whole", put_vetted_interrupts, 1, false);
    bench_doorbell("interrupt entries, 17, vetted whole", put_vetted_interrupts, 17, false);
}

/* GiB of a shadowed unit's larger table, "partition", or none. */
static const CHAR16 *option(EFI_HANDLE self)
{
    EFI_LOADED_IMAGE *loaded;
    bool any = !EFI_ERROR(BS->HandleProtocol(self, &gEfiLoadedImageProtocolGuid, (VOID **)&loaded)) &&
               loaded->LoadOptionsSize != 0;
    return any ? loaded->LoadOptions : L"";
}

EFI_STATUS efi_main(EFI_HANDLE self, EFI_SYSTEM_TABLE *system);
EFI_STATUS efi_main(EFI_HANDLE self, EFI_SYSTEM_TABLE *system)
{
    efi_test_start(self, system);
    const CHAR16 *what = option(self);
    if (what[0] == L'p') {
        bench_partition();
        efi_test_end();
    }
    if ((*unit_reg64(UNIT_ECAP) & ECAP_SMTS) == 0) {
        bench_shadow((u32)Atoi(what));
        unit_stop();
        efi_test_end();
    }
    run_exits();
    run_registers();
    if (unit_start()) {
        run_queue();
        run_map();
        if (unit_remap()) {
            run_interrupts();
        }
    }
    unit_stop();
    efi_test_end();
}
