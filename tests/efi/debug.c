/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Debug exceptions, faults and alignment checks as a guest sees them: single steps, breakpoints, INT1, what blocks
 * them, faults of instructions that exit, accesses that Nestor completes, and #AC at CPL 3. Prints a line for each
 * exception with everything that its handler sees; tests/bochs/test_debug compares them with those of a run without
 * Nestor. With the option "loop", three CPUs: one is sent into a delivery of #DB that raises #DB for ever, one into
 * the same with #AC, and meanwhile the first changes the second stage.
 */
#include <efi.h>
#include <efilib.h>

#include "tests/efi/mp.h"
#include "tests/efi/msr.h"
#include "tests/efi/tsc.h"

enum { CODE = 0x08, DATA = 0x10, TASK = 0x28, TASK_OF_OTHER = 0x38, GDT_ENTRIES = 9, VECTORS = 256,
       DB = 1, UD = 6, GP = 13, AC = 17,
       GATE = 0x8e, IST = 8192, TABLES = 6, SIZE_2M = 1 << 21,
       CR0_AM = 1 << 18, CR4_DE = 1 << 3, CR4_SUPERVISOR = 3 << 20, NO_INTERRUPTS = 15,
       DR7_NONE = 0x400, DR7_EXECUTE0 = 1, DR7_WRITE1 = 1 << 2 | 0xd << 20, DR7_ACCESS2 = 1 << 4 | 0xf << 24,
       DR7_PORT3 = 1 << 6 | 2 << 28, DR7_GD = 1 << 13, DR7_WRITE0_LONG = 1 | 9 << 16,
       KICKS = 20, LONG = 2000000,
       APIC_ICR = 0x300, APIC_ICR_HIGH = 0x310, INIT = 0x4500, SIPI = 0x4600,
       PM1_CONTROL = 0xb004 /* of the PIIX4, as OVMF places it */, UNIT = 0xfed90000, UNIT_DATA = 0x44 };
#define APIC 0xfee00000ull
#define DR6_NONE 0xffff0ff0ull

struct __attribute__((packed)) table { UINT16 limit; UINT64 base; };
struct __attribute__((packed)) debug_tables { struct table gdtr, idtr; UINT16 cs, ds, tr; };
struct __attribute__((packed)) gate { UINT16 low, selector; UINT8 ist, type; UINT16 middle; UINT32 high, zero; };
struct debug_record { UINT64 rip, flags, dr6, dr7, error; };
/* debug_cases.asm */
struct loop_page { UINT8 code[0x800]; volatile UINT32 entered; UINT8 stack[0x7fc]; };

#define HIDDEN __attribute__((visibility("hidden")))
extern HIDDEN struct debug_record debug_records[];
extern HIDDEN volatile UINT32 debug_count;
extern HIDDEN UINT32 debug_word, debug_word2;
extern HIDDEN const UINT8 debug_ac_start[], debug_ac_end[];
extern HIDDEN const UINT8 case_execute_here[], case_control_here[], case_register_here[], case_repeated_here[];
HIDDEN void debug_load(const struct debug_tables *t);
HIDDEN void debug_db(void);
HIDDEN void debug_ac(void);
HIDDEN void debug_fault(void);
HIDDEN void debug_fault_with_code(void);
HIDDEN void debug_user(UINT64 code, UINT64 stack);
HIDDEN void debug_db_loop(volatile UINT32 *entered);
HIDDEN void case_step(void);
HIDDEN void case_step_sti(void);
HIDDEN void case_step_mov_ss(void);
HIDDEN void case_execute(void);
HIDDEN void case_execute_stepped(void);
HIDDEN void case_data(void);
HIDDEN void case_data_mov_ss(void);
HIDDEN void case_data_mov_ss_stepped(void);
HIDDEN void case_port(void);
HIDDEN void case_general_detect(void);
HIDDEN void case_fault(void);
HIDDEN void case_fault_stepped(void);
HIDDEN void case_control(void);
HIDDEN void case_register(void);
HIDDEN void case_register_stepped(void);
HIDDEN void case_repeated(void);
HIDDEN void case_repeated_stepped(void);
HIDDEN void case_control_port(void);
HIDDEN void case_int1(void);
HIDDEN void case_int1_stepped(void);
HIDDEN void case_alignment(void);
EFI_STATUS efi_main(EFI_HANDLE self, EFI_SYSTEM_TABLE *system);

static UINT64 gdt[GDT_ENTRIES] = {0, 0x00af9b000000ffff, 0x00cf93000000ffff, 0x00cff3000000ffff, 0x00affb000000ffff};
static struct gate idt[VECTORS], idt_of_other[VECTORS];
static UINT32 tss[26], tss_of_other[26];
static UINT8 stack[IST] __attribute__((aligned(16)));
static UINT8 user_stack[IST] __attribute__((aligned(16)));
static struct debug_tables firmware, own = {.cs = CODE, .ds = DATA, .tr = TASK};
static volatile UINT32 other_entered;

/* dr0, dr2: where, if not at case_execute_here and debug_word2. */
static const struct debug_case { CHAR16 *name; void (*run)(void); UINT64 dr7; const VOID *dr0, *dr2; } cases[] = {
    {L"step", case_step, 0, NULL, NULL},
    {L"step-sti", case_step_sti, 0, NULL, NULL},
    {L"step-mov-ss", case_step_mov_ss, 0, NULL, NULL},
    {L"execute", case_execute, DR7_EXECUTE0, NULL, NULL},
    {L"execute-step", case_execute_stepped, DR7_EXECUTE0, NULL, NULL},
    {L"data", case_data, DR7_WRITE1 | DR7_ACCESS2, NULL, NULL},
    {L"mov-ss", case_data_mov_ss, DR7_ACCESS2, NULL, NULL},
    {L"mov-ss-step", case_data_mov_ss_stepped, DR7_ACCESS2, NULL, NULL},
    {L"port", case_port, DR7_PORT3, NULL, NULL},
    {L"control-port", case_control_port, DR7_PORT3, NULL, NULL},
    {L"fault", case_fault, 0, NULL, NULL},
    {L"fault-step", case_fault_stepped, 0, NULL, NULL},
    {L"control", case_control, DR7_EXECUTE0, case_control_here, NULL},
    {L"register", case_register, DR7_EXECUTE0 | DR7_ACCESS2, case_register_here, (VOID *)UNIT},
    {L"register-step", case_register_stepped, 0, NULL, NULL},
    {L"repeated", case_repeated, DR7_EXECUTE0 | DR7_ACCESS2, case_repeated_here, (VOID *)(UNIT + UNIT_DATA)},
    {L"repeated-step", case_repeated_stepped, 0, NULL, NULL},
    {L"general-detect", case_general_detect, DR7_GD, NULL, NULL},
    {L"int1", case_int1, 0, NULL, NULL},
    {L"int1-step", case_int1_stepped, 0, NULL, NULL},
};

static void set_gate(struct gate *g, void (*handler)(void), UINT8 ist)
{
    UINT64 at = (UINT64)(UINTN)handler;
    *g = (struct gate){.low = (UINT16)at, .selector = CODE, .ist = ist, .type = GATE, .middle = (UINT16)(at >> 16),
                       .high = (UINT32)(at >> 32)};
}

/* SDM figure 9-11: the stacks of CPL 0 and of IST 1 are the same. */
static void set_task(UINT32 *task, UINTN selector)
{
    UINT64 base = (UINT64)(UINTN)task, top = (UINT64)(UINTN)(stack + IST);
    task[1] = task[9] = (UINT32)top;
    task[2] = task[10] = (UINT32)(top >> 32);
    task[25] = sizeof(tss) << 16;
    gdt[selector / 8] = (sizeof(tss) - 1) | (base & 0xffffff) << 16 | 0x89ull << 40 | (base >> 24 & 0xff) << 56;
    gdt[selector / 8 + 1] = base >> 32;
}

static void make_tables(void)
{
    __asm__ volatile("sgdt %0; sidt %1; mov %%cs, %2; mov %%ds, %3"
                     : "=m"(firmware.gdtr), "=m"(firmware.idtr), "=m"(firmware.cs), "=m"(firmware.ds));
    CopyMem(idt, (VOID *)(UINTN)firmware.idtr.base, sizeof(idt));
    set_gate(&idt[DB], debug_db, 0);
    set_gate(&idt[AC], debug_ac, 0);
    set_gate(&idt[UD], debug_fault, 0);
    set_gate(&idt[GP], debug_fault_with_code, 0);
    CopyMem(idt_of_other, idt, sizeof(idt));
    set_gate(&idt_of_other[DB], debug_db, 1);
    set_task(tss, TASK);
    set_task(tss_of_other, TASK_OF_OTHER);
    own.gdtr = (struct table){sizeof(gdt) - 1, (UINT64)(UINTN)gdt};
    own.idtr = (struct table){sizeof(idt) - 1, (UINT64)(UINTN)idt};
}

/* The first 4 GiB, also for CPL 3. */
static UINT64 user_tables(void)
{
    EFI_PHYSICAL_ADDRESS at = 0xffffffff;
    if (EFI_ERROR(BS->AllocatePages(AllocateMaxAddress, EfiLoaderData, TABLES, &at))) {
        return 0;
    }
    UINT64 *entries = (UINT64 *)(UINTN)at;
    SetMem(entries, TABLES * 4096, 0);
    entries[0] = (at + 4096) | 7;
    for (UINTN i = 0; i < 4; i++) {
        entries[512 + i] = (at + (2 + i) * 4096) | 7;
    }
    for (UINTN i = 0; i < 4 * 512; i++) {
        entries[1024 + i] = i * SIZE_2M | 0x87;
    }
    return at;
}

static void set_debug(const struct debug_case *c)
{
    __asm__ volatile("mov %0, %%dr7; mov %1, %%dr6" : : "r"((UINT64)DR7_NONE), "r"(DR6_NONE));
    __asm__ volatile("mov %0, %%dr0" : : "r"(c->dr0 != NULL ? c->dr0 : case_execute_here));
    __asm__ volatile("mov %0, %%dr1" : : "r"(&debug_word));
    __asm__ volatile("mov %0, %%dr2" : : "r"(c->dr2 != NULL ? c->dr2 : &debug_word2));
    __asm__ volatile("mov %0, %%dr3" : : "r"(c->run == case_control_port ? PM1_CONTROL : 0x80ull));
    __asm__ volatile("mov %0, %%dr7" : : "r"(c->dr7 | DR7_NONE));
}

static void alignment(UINT64 tables)
{
    UINT64 cr0, cr3, cr4;
    __asm__ volatile("mov %%cr0, %0; mov %%cr3, %1; mov %%cr4, %2" : "=r"(cr0), "=r"(cr3), "=r"(cr4));
    __asm__ volatile("mov %0, %%cr4; mov %1, %%cr3; mov %2, %%cr0"
                     : : "r"(cr4 & ~(UINT64)CR4_SUPERVISOR), "r"(tables), "r"(cr0 | CR0_AM) : "memory");
    debug_user((UINT64)(UINTN)case_alignment, (UINT64)(UINTN)(user_stack + IST - 64));
    __asm__ volatile("mov %0, %%cr0; mov %1, %%cr3; mov %2, %%cr4" : : "r"(cr0), "r"(cr3), "r"(cr4) : "memory");
}

static void say_records(CHAR16 *name, void (*code)(void))
{
    for (UINTN i = 0; i < debug_count; i++) {
        struct debug_record *r = &debug_records[i];
        Print(L"debug: %s %d rip %d flags %lx dr6 %lx dr7 %lx error %lx\n", name, i,
              (INT32)(r->rip - (UINT64)(UINTN)code), r->flags, r->dr6, r->dr7, r->error);
    }
    Print(L"debug: %s ends, %d\n", name, debug_count);
}

/* With descriptor tables of its own and without interrupts, so that no handler of theirs shows up in the results. */
static void run_case(const struct debug_case *c, UINT64 arg)
{
    static const struct debug_case none;
    UINT64 cr4, cr8;
    debug_count = 0;
    __asm__ volatile("cli; mov %%cr8, %0; mov %1, %%cr8" : "=&r"(cr8) : "r"((UINT64)NO_INTERRUPTS));
    __asm__ volatile("mov %%cr4, %0" : "=r"(cr4));
    __asm__ volatile("mov %0, %%cr4" : : "r"(cr4 | CR4_DE));
    debug_load(&own);
    own.tr = 0;
    set_debug(c);
    if (arg != 0) {
        alignment(arg);
    } else {
        c->run();
    }
    set_debug(&none);
    debug_load(&firmware);
    __asm__ volatile("mov %0, %%cr4" : : "r"(cr4));
    __asm__ volatile("mov %0, %%cr8; sti" : : "r"(cr8));
}

/* --- the loops --- */

static void kick(CHAR16 *name, volatile UINT32 *entered)
{
    UINT32 before = *entered;
    UINT64 began = read_tsc();
    mtrr_change(KICKS);
    Print(L"debug: %s %s before %d after %d, ticks each: %ld\n", name, before == 1 && *entered == 1 ? L"ok" : L"FAIL",
          before, *entered, (read_tsc() - began) / (2 * KICKS));
}

static VOID EFIAPI db_loop(VOID *argument)
{
    struct debug_tables t = own;
    (void)argument;
    __asm__ volatile("cli");
    t.idtr.base = (UINT64)(UINTN)idt_of_other;
    t.tr = TASK_OF_OTHER;
    debug_load(&t);
    __asm__ volatile("mov %0, %%dr0" : : "r"(stack + IST - 8));
    __asm__ volatile("mov %0, %%dr7" : : "r"((UINT64)DR7_WRITE0_LONG | DR7_NONE));
    debug_db_loop(&other_entered);
}

/* To the third CPU. */
static void send(UINT32 command)
{
    *(volatile UINT32 *)(APIC + APIC_ICR_HIGH) = 2 << 24;
    *(volatile UINT32 *)(APIC + APIC_ICR) = command;
}

static void loops(void)
{
    struct mp_services *mp;
    EFI_EVENT done;
    EFI_PHYSICAL_ADDRESS at = 0x90000;
    if (EFI_ERROR(BS->LocateProtocol(&mp_guid, NULL, (VOID **)&mp)) ||
        EFI_ERROR(BS->CreateEvent(0, 0, NULL, NULL, &done)) ||
        EFI_ERROR(BS->AllocatePages(AllocateMaxAddress, EfiLoaderData, 1, &at)) ||
        EFI_ERROR(mp->startup_all_aps(mp, db_loop, TRUE, done, 0, NULL, NULL))) {
        Print(L"debug: loops FAIL no second CPU\n");
        return;
    }
    wait_ticks(LONG);
    kick(L"loop-db", &other_entered);
    struct loop_page *page = (struct loop_page *)(UINTN)at;
    SetMem(page, sizeof(*page), 0);
    CopyMem(page->code, debug_ac_start, (UINTN)(debug_ac_end - debug_ac_start));
    send(INIT);
    wait_ticks(LONG);
    send(SIPI | (UINT32)(at >> 12));
    wait_ticks(LONG);
    kick(L"loop-ac", &page->entered);
    kick(L"loop-both", &other_entered);
}

EFI_STATUS efi_main(EFI_HANDLE self, EFI_SYSTEM_TABLE *system)
{
    EFI_LOADED_IMAGE *loaded;
    InitializeLib(self, system);
    make_tables();
    for (UINTN i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        run_case(&cases[i], 0);
        say_records(cases[i].name, cases[i].run == case_execute_stepped ? case_execute : cases[i].run);
    }
    run_case(&cases[0], user_tables());
    say_records(L"alignment", case_alignment);
    if (!EFI_ERROR(BS->HandleProtocol(self, &gEfiLoadedImageProtocolGuid, (VOID **)&loaded)) &&
        loaded->LoadOptionsSize != 0 && StrCmp(loaded->LoadOptions, L"loop") == 0) {
        loops();
    }
    Print(L"efi-test: end\n");
    RT->ResetSystem(EfiResetShutdown, EFI_SUCCESS, 0, NULL);
    return EFI_SUCCESS;
}
