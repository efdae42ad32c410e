/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Six repairs of the packaged Bochs in memory. It computes 64-bit IDIV wrongly (the exported long_idiv breaks C's
 * aliasing rules); that is tried, and replaced if wrong. Linux does not boot on it with CPUID's FSRM bit; the bit can
 * be hidden; three others can be shown. A start-up IPI to a CPU that waits for it in VMX non-root mode ends in a jump
 * out of the sender's instruction, so that a broadcast reaches only the first such CPU. The jump is caught. A VM entry
 * with IF = 0 leaves external interrupts masked, even if they are to end the guest; the mask is computed again. A local
 * APIC that was turned off can be turned on again. With several CPUs, a VM exit for an event right behind the delivery
 * of an exception would save the RIP of the exception, with CS and RSP of its handler. Beside these, NMIs can be lost
 * on request.
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <string.h>
#include <sys/mman.h>

#include "tests/bochs/attach/attach.h"

static void write_code(void *at, const void *bytes, size_t len)
{
    uintptr_t page = (uintptr_t)at & ~(uintptr_t)4095;
    if (mprotect((void *)page, 8192, PROT_READ | PROT_WRITE | PROT_EXEC) != 0) {
        attach_stop("Bochs's code at %p cannot be written", at);
    }
    memcpy(at, bytes, len);
    mprotect((void *)page, 8192, PROT_READ | PROT_EXEC);
}

void *patches_needed(const char *name)
{
    void *at = bochs_find(name);
    if (at == NULL) {
        attach_stop("Bochs has no %s", name);
    }
    return at;
}

static void right_long_idiv(int64_t quotient[2], int64_t *remainder, const uint64_t dividend[2],
                            int64_t divisor)
{
    __int128 n = (__int128)((unsigned __int128)dividend[1] << 64 | dividend[0]);
    __int128 q = n / divisor;
    *remainder = (int64_t)(n % divisor);
    quotient[0] = (int64_t)q;
    quotient[1] = (int64_t)(q >> 64);
}

static bool long_idiv_is_right(void)
{
    static const struct { uint64_t dividend[2]; int64_t divisor; } cases[] = {
        {{1000, 0}, 7},
        {{(uint64_t)-1000, ~0ull}, 7},
        {{1000, 0}, -7},
        {{0x123456789abcdef0, 0x12}, 0x7fffffffffff},
        {{(uint64_t)-5, ~0ull}, -1},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int64_t want[2], got[2] = {0, 0}, want_rest, got_rest = 0;
        right_long_idiv(want, &want_rest, cases[i].dividend, cases[i].divisor);
        bochs.long_idiv(got, &got_rest, cases[i].dividend, cases[i].divisor);
        if (want[0] != got[0] || want[1] != got[1] || want_rest != got_rest) {
            return false;
        }
    }
    return true;
}

/* mov rax, with; jmp rax */
void patches_replace(void *function, void *with)
{
    uint8_t jump[12] = {0x48, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xe0};
    memcpy(jump + 2, &with, sizeof(with));
    write_code(function, jump, sizeof(jump));
}

static void replace_long_idiv(void)
{
    void (*function)(int64_t *, int64_t *, const uint64_t *, int64_t) = right_long_idiv;
    patches_replace(bochs.long_idiv, *(void **)&function);
    if (!long_idiv_is_right()) {
        attach_stop("Bochs's long_idiv could not be replaced");
    }
    attach_log("long_idiv replaced");
}

/* In these models leaf 7 begins with EDX = FSRM: mov esi, 10h. */
static void hide_fsrm(void)
{
    static const char *const functions[] = {
        "_ZNK17sapphire_rapids_t20get_std_cpuid_leaf_7EjP16cpuid_function_t",
        "_ZNK11tigerlake_t20get_std_cpuid_leaf_7EjP16cpuid_function_t",
    };
    static const uint8_t pattern[] = {0xbe, 0x10, 0, 0, 0}, zero = 0;
    for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
        uint8_t *code = bochs_find(functions[i]);
        uint8_t *at = code != NULL ? memmem(code, 0x100, pattern, sizeof(pattern)) : NULL;
        if (at == NULL) {
            attach_stop("FSRM is not where it was in %s", functions[i]);
        }
        write_code(at + 1, &zero, 1);
    }
    attach_log("FSRM hidden");
}

static void (*model_leaf)(const void *model, uint32_t leaf, uint32_t subleaf, uint32_t *regs);

static void leaf_with_more(const void *model, uint32_t leaf, uint32_t subleaf, uint32_t *regs)
{
    enum { VERSION = 1, FEATURES = 7, ECX = 2 };
    const uint32_t memory_encryption = 1 << 13, hypervisor = 1u << 31;
    model_leaf(model, leaf, subleaf, regs);
    regs[ECX] |= attach_config.show_tme && leaf == FEATURES && subleaf == 0 ? memory_encryption : 0;
    regs[ECX] |= attach_config.show_hypervisor && leaf == VERSION ? hypervisor : 0;
}

/* The entry in the table of the Skylake-X model's functions. */
static void show_more(void)
{
    enum { FUNCTIONS = 32 };
    void **table = patches_needed("_ZTV18corei7_skylake_x_t");
    void (*function)(const void *, uint32_t, uint32_t, uint32_t *) = leaf_with_more;
    *(void **)&model_leaf = patches_needed("_ZNK18corei7_skylake_x_t14get_cpuid_leafEjjP16cpuid_function_t");
    for (size_t i = 0; i < FUNCTIONS; i++) {
        void *wanted = *(void **)&model_leaf;
        if (table[i] == wanted) {
            write_code(&table[i], &function, sizeof(function));
            attach_log("CPUID shows more");
            return;
        }
    }
    attach_stop("the model's functions are not as they were");
}

/* Offsets in Bochs's local APIC and CPU: what the function that is replaced uses. */
enum { APIC_TIMER = 0x130, APIC_TIMER_ACTIVE = 0x14c, APIC_CPU = 0x158, CPU_ACTIVITY = 0x91dc, CPU_PENDING = 0x91e0,
       CPU_MASKED = 0x91e4, CPU_ASYNC = 0x91e8, TIMER_EVENT = 1 << 5, SOON = 1000 };

static void (*activate_timer)(void *system, unsigned timer, uint64_t ticks, bool continuous);
static void *timers;

static uint32_t *word(void *object, size_t offset)
{
    return (uint32_t *)(void *)((uint8_t *)object + offset);
}

/* The VMX-preemption timer has run down. As in deep C-states (SDM 27.5.1), nothing happens before the CPU is awake. */
static void timer_expired(void *apic)
{
    uint8_t *cpu = *(uint8_t **)(void *)((uint8_t *)apic + APIC_CPU);
    if (*word(cpu, CPU_ACTIVITY) != 0) {
        activate_timer(timers, *word(apic, APIC_TIMER), SOON, false);
        return;
    }
    *word(cpu, CPU_PENDING) |= TIMER_EVENT;
    if ((*word(cpu, CPU_MASKED) & TIMER_EVENT) == 0) {
        *word(cpu, CPU_ASYNC) = 1;
    }
    *((uint8_t *)apic + APIC_TIMER_ACTIVE) = 0;
}

static void hold_timer_still(void)
{
    static const uint8_t pattern[] = {0xf3, 0x0f, 0x1e, 0xfa, 0x48, 0x8b, 0x87, 0x58, 1, 0, 0, 0x83, 0x88, 0xe0, 0x91};
    uint8_t *code = patches_needed("_ZN15bx_local_apic_c28vmx_preemption_timer_expiredEPv");
    void (*function)(void *) = timer_expired;
    *(void **)&activate_timer = patches_needed("_ZN14bx_pc_system_c20activate_timer_ticksEjmb");
    timers = patches_needed("bx_pc_system");
    if (memcmp(code, pattern, sizeof(pattern)) != 0) {
        attach_stop("the end of the VMX-preemption timer is not as it was");
    }
    patches_replace(code, *(void **)&function);
    attach_log("the VMX-preemption timer stands still while a CPU sleeps");
}

static jmp_buf *main_loop;

/* VMexit() ends with a longjmp to the main loop. */
static void exit_for_sipi(void *cpu, unsigned vector)
{
    enum { VMEXIT_SIPI = 4 };
    jmp_buf saved;
    memcpy(saved, *main_loop, sizeof(saved));
    if (setjmp(*main_loop) == 0) {
        bochs.vmexit(cpu, VMEXIT_SIPI, vector);
    }
    memcpy(*main_loop, saved, sizeof(saved));
}

/* The call of VMexit() in deliver_SIPI() becomes a call of ours, followed by a return. */
static void catch_sipi_exit(void)
{
    static const uint8_t pattern[] = {0x89, 0xf2,                     /* mov edx, esi */
                                      0xbe, 4, 0, 0, 0,               /* mov esi, 4 */
                                      0x48, 0x89, 0x7c, 0x24, 8,      /* mov [rsp + 8], rdi */
                                      0xe8};                          /* call VMexit */
    uint8_t code[18] = {0x48, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0,           /* mov rax, exit_for_sipi */
                        0xff, 0xd0,                                   /* call rax */
                        0x48, 0x83, 0xc4, 0x10, 0x5b, 0xc3};          /* add rsp, 16; pop rbx; ret */
    void (*function)(void *, unsigned) = exit_for_sipi;
    uint8_t *at = memmem(bochs.deliver_sipi, 0x100, pattern, sizeof(pattern));
    main_loop = patches_needed("_ZN8BX_CPU_C11jmp_buf_envE");
    if (at == NULL) {
        attach_stop("deliver_SIPI is not as it was");
    }
    memcpy(code + 2, &function, sizeof(function));
    write_code(at, code, sizeof(code));
    attach_log("exit for SIPI caught");
}

void patches_redirect(void *function, size_t len, void *from, void *to, const char *what)
{
    uint8_t *code = function;
    for (size_t i = 0; i < len; i++) {
        int32_t distance;
        memcpy(&distance, code + i + 1, sizeof(distance));
        if ((code[i] != 0xe8 && code[i] != 0xe9) || code + i + 5 + distance != (uint8_t *)from) {
            continue;
        }
        int64_t wanted = (int64_t)((uint8_t *)to - (code + i + 5));
        distance = (int32_t)wanted;
        if (distance != wanted) {
            attach_stop("%s is too far away (%lld)", what, (long long)wanted);
        }
        write_code(code + i + 1, &distance, sizeof(distance));
        attach_log("%s", what);
        return;
    }
    attach_stop("not as it was: %s", what);
}

static void (*deliver_nmi)(void *cpu);
static unsigned lost_nmis;

void patches_lose_nmis(unsigned count)
{
    lost_nmis = count;
}

static void deliver_or_lose(void *cpu)
{
    if (lost_nmis != 0) {
        lost_nmis--;
    } else {
        deliver_nmi(cpu);
    }
}

static void catch_nmis(void)
{
    void (*function)(void *) = deliver_or_lose;
    *(void **)&deliver_nmi = patches_needed("_ZN8BX_CPU_C11deliver_NMIEv");
    patches_redirect(patches_needed("_ZN15bx_local_apic_c7deliverEhhh"), 0x200, *(void **)&deliver_nmi,
                     *(void **)&function, "NMIs that a local APIC takes");
}

static void (*set_apic_base)(void *apic, uint64_t base), (*reset_apic)(void *apic, unsigned type);

/* What is turned off is as after reset when it is turned on again. */
static void set_base_or_reset(void *apic, uint64_t base)
{
    enum { ON = 1 << 11, HARDWARE = 11 };
    if (!(base & ON)) {
        reset_apic(apic, HARDWARE);
    }
    set_apic_base(apic, base);
}

/* Bochs lets no local APIC be turned on again; the jump for one that is off becomes nothing. */
static void turn_apics_on(void)
{
    static const uint8_t pattern[] = {0xf6, 0x87, 0x29, 0x0d, 0, 0, 0x08, 0x0f, 0x84}; /* test byte [rdi+d29h], 8; je */
    static const uint8_t nothing[] = {0x66, 0x0f, 0x1f, 0x44, 0, 0};
    void (*function)(void *, uint64_t) = set_base_or_reset;
    uint8_t *code = patches_needed("_ZN8BX_CPU_C13relocate_apicEm");
    uint8_t *at = memmem(code, 0x80, pattern, sizeof(pattern));
    *(void **)&set_apic_base = patches_needed("_ZN15bx_local_apic_c8set_baseEm");
    *(void **)&reset_apic = patches_needed("_ZN15bx_local_apic_c5resetEj");
    if (at == NULL) {
        attach_stop("relocate_apic is not as it was");
    }
    write_code(at + 7, nothing, sizeof(nothing));
    patches_redirect(code, 0x100, *(void **)&set_apic_base, *(void **)&function, "local APICs can be turned on again");
}

static unsigned lost_sipis;
enum { CPU_IN_VMX = 0x8ec0 };

/* Firmware starts its CPUs as ever, until they are in VMX operation. */
static void lose_sipi(void *cpu, unsigned vector)
{
    if (((uint8_t *)cpu)[CPU_IN_VMX] == 0) {
        bochs.deliver_sipi(cpu, vector);
    } else {
        lost_sipis++;
    }
}

static void catch_sipis(void)
{
    /* cmp byte [rdi + CPU_IN_VMX], 0 */
    static const uint8_t not_in_vmx[] = {0x80, 0xbf, CPU_IN_VMX & 0xff, CPU_IN_VMX >> 8, 0, 0, 0};
    void (*function)(void *, unsigned) = lose_sipi;
    void *original;
    *(void (**)(void *, unsigned))&original = bochs.deliver_sipi;
    uint8_t *code = patches_needed("_ZN8BX_CPU_C6VMXOFFEP15bxInstruction_c");
    if (memmem(code, 0x20, not_in_vmx, sizeof(not_in_vmx)) == NULL) {
        attach_stop("VMXOFF is not as it was");
    }
    patches_redirect(patches_needed("_ZN15bx_local_apic_c7deliverEhhh"), 0x200, original, *(void **)&function,
                     "SIPIs that a local APIC takes");
}

void patches_report(FILE *out)
{
    fprintf(out, "lost-sipis %u\n", lost_sipis);
}

static void (*inject_events)(void *cpu), (*mask_change)(void *cpu);

/*
 * VMLAUNCH and VMRESUME are one function. It loads the guest's RFLAGS before it notes that the CPU is in a guest, so
 * the mask that it derives from IF is that of a CPU outside, and stays until the guest changes IF. A guest that spins
 * with IF = 0 then holds off its host's timer for good; with "external-interrupt exiting" IF must not matter.
 */
static void inject_with_mask(void *cpu)
{
    mask_change(cpu);
    inject_events(cpu);
}

/* The call of VMenterInjectEvents(), the last before the guest runs, becomes one of ours. */
static void catch_entry(void)
{
    uint8_t *code = patches_needed("_ZN8BX_CPU_C8VMLAUNCHEP15bxInstruction_c");
    void (*function)(void *) = inject_with_mask;
    *(void **)&inject_events = patches_needed("_ZN8BX_CPU_C19VMenterInjectEventsEv");
    *(void **)&mask_change = patches_needed("_ZN8BX_CPU_C25handleInterruptMaskChangeEv");
    patches_redirect(code, 0x400, *(void **)&inject_events, *(void **)&function,
                     "VM entry: the interrupt mask follows");
}

/* Where the last instruction began, to which a VM exit goes back, and RIP. */
enum { CPU_PREVIOUS = 0x120, CPU_RIP = 0xe8 };
static bool (*handle_events)(void *cpu);

/*
 * An exception ends a CPU's turn by a jump into the main loop. With one CPU the loop then notes its handler as the
 * place that a VM exit goes back to; with several it does not, until an instruction has been executed.
 */
static bool handle_at_rip(void *cpu)
{
    memcpy((uint8_t *)cpu + CPU_PREVIOUS, (uint8_t *)cpu + CPU_RIP, sizeof(uint64_t));
    return handle_events(cpu);
}

static void catch_events(void)
{
    /* add [rbx + CPU_RIP], rax: behind the instruction; sub edx, [rbx + CPU_PREVIOUS]: its length, for the VMCS */
    static const uint8_t rip[] = {0x48, 0x01, 0x83, CPU_RIP, 0, 0, 0}, previous[] = {0x2b, 0x93, 0x20, 0x01, 0, 0};
    enum { TRACE = 0x60, EXIT = 0x100 };
    uint8_t *trace = patches_needed("_ZN8BX_CPU_C13cpu_run_traceEv");
    bool (*function)(void *) = handle_at_rip;
    void *vmexit;
    memcpy(&vmexit, &bochs.vmexit, sizeof(vmexit));
    *(void **)&handle_events = patches_needed("_ZN8BX_CPU_C16handleAsyncEventEv");
    if (memmem(trace, TRACE, rip, sizeof(rip)) == NULL ||
        memmem(vmexit, EXIT, previous, sizeof(previous)) == NULL) {
        attach_stop("RIP and the one of before are not where they were");
    }
    patches_redirect(trace, TRACE, *(void **)&handle_events, *(void **)&function, "a VM exit behind an exception");
}

void patches_apply(void)
{
    catch_entry();
    catch_events();
    catch_nmis();
    catch_sipi_exit();
    turn_apics_on();
    if (!long_idiv_is_right()) {
        replace_long_idiv();
    }
    if (attach_config.hide_fsrm) {
        hide_fsrm();
    }
    if (attach_config.still_timer) {
        hold_timer_still();
    }
    if (attach_config.show_tme || attach_config.show_hypervisor) {
        show_more();
    }
    if (attach_config.lose_sipis) {
        catch_sipis();
    }
    if (attach_config.even_turns) {
        turns_make_even();
    }
}
