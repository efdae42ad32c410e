/* SPDX-License-Identifier: BSD-2-Clause */
/* See panic.h. Prints without locks: another CPU may hold them for good. */
#include "hv/vcpu/panic.h"

#include "drivers/format.h"
#include "hv/machine/checked.h"
#include "hv/machine/cpu.h"
#include "hv/machine/log.h"
#include "hv/machine/reset.h"
#include "hv/machine/symbols.h"
#include "hv/vcpu/park.h"
#include "hv/vmx/reason.h"
#include "iommu/port.h"

enum { BACKTRACE = 8 };

static struct {
    enum fatal_policy policy;
    void (*report)(void);
} settings;

void panic_init(enum fatal_policy policy, void (*report)(void))
{
    settings.policy = policy;
    settings.report = report;
}

static _Noreturn void end(void)
{
    settings.report();
    bool reset = settings.policy == FATAL_RESET;
    port_log(LOG_ERROR, reset ? "the machine resets, as configured" : "the machine halts");
    log_leave();
    if (reset) {
        machine_reset();
    }
    park_others();
    cpu_park();
}

/* An address within the call: behind a call that never returns, the next function may begin. */
static u64 caller(u64 return_address)
{
    return return_address - 1;
}

_Noreturn void panic(const char *fmt, ...)
{
    char text[160];
    va_list args;
    va_start(args, fmt);
    (void)format_text_v(text, sizeof(text), fmt, args);
    va_end(args);
    park_unless_first();
    log_force();
    char where[SYMBOL_TEXT];
    symbol_text(caller((u64)(uintptr_t)__builtin_return_address(0)), where);
    port_log(LOG_ERROR, "fatal, CPU %u, at %s: %s", cpu_current()->index, where, text);
    end();
}

/* Words on the stack that look like return addresses; there are no frame pointers to follow. */
static void show_stack(u64 rsp)
{
    const u64 *at = (const u64 *)(uintptr_t)(rsp & ~7ull);
    u64 page_end = (rsp | PAGE_MASK) + 1;
    for (u32 shown = 0; (u64)(uintptr_t)at < page_end && shown < BACKTRACE; at++) {
        if (symbol_is_code(*at)) {
            char where[SYMBOL_TEXT];
            symbol_text(caller(*at), where);
            port_log(LOG_ERROR, "  called from %s", where);
            shown++;
        }
    }
}

enum { BANK_REGISTERS = 4, BANKS_MAX = 32 };
#define BANK_VALID (1ull << 63)

/* SDM 17.3.2. */
static void show_banks(void)
{
    u32 count = (u32)msr_read(MSR_MCG_CAP) & 0xff;
    port_log(LOG_ERROR, "  machine check: global status 0x%llx", msr_read(MSR_MCG_STATUS));
    for (u32 i = 0; i < count && i < BANKS_MAX; i++) {
        u32 bank = MSR_MC0_CTL + i * BANK_REGISTERS;
        u64 found[3] = {msr_read(bank + 1), 0, 0};
        if (found[0] & BANK_VALID) {
            (void)checked_msr_read(bank + 2, &found[1]);
            (void)checked_msr_read(bank + 3, &found[2]);
            port_log(LOG_ERROR, "  bank %u: status 0x%llx, address 0x%llx, more 0x%llx", i, found[0], found[1],
                     found[2]);
        }
    }
}

_Noreturn void panic_exception(const struct exception_frame *f)
{
    park_unless_first();
    log_force();
    char where[SYMBOL_TEXT];
    symbol_text(f->rip, where);
    port_log(LOG_ERROR, "fatal, CPU %u: exception %llu, error code 0x%llx, at %s, address 0x%llx",
             cpu_current()->index, f->vector, f->error, where, cr2_read());
    if (f->vector == VECTOR_MC) {
        show_banks();
    }
    for (u32 i = 0; i < 15; i += 5) {
        port_log(LOG_ERROR, "  %016llx %016llx %016llx %016llx %016llx", f->gpr[i], f->gpr[i + 1],
                 f->gpr[i + 2], f->gpr[i + 3], f->gpr[i + 4]);
    }
    /* A double fault may be a stack overflow: RSP then points into a page that is not mapped. */
    if (f->vector != VECTOR_DF) {
        show_stack(f->rsp);
    }
    if (cpu_current()->in_vmx) {
        panic_show_guest();
    }
    end();
}

enum { SHOWN = 7 };

static const struct { const char *format; u16 fields[SHOWN]; } lines[] = {
    {"  guest: cs:rip %llx:%llx (base %llx, rights %llx) ss:rsp %llx:%llx rflags %llx",
     {VMCS_GUEST_CS, VMCS_GUEST_RIP, VMCS_GUEST_CS_BASE, VMCS_GUEST_CS_RIGHTS, VMCS_GUEST_SS,
      VMCS_GUEST_RSP, VMCS_GUEST_RFLAGS}},
    {"  guest: cr0 %llx cr3 %llx cr4 %llx efer %llx activity %llu blocking %llx pending debug %llx",
     {VMCS_GUEST_CR0, VMCS_GUEST_CR3, VMCS_GUEST_CR4, VMCS_GUEST_EFER, VMCS_GUEST_ACTIVITY,
      VMCS_GUEST_INTERRUPTIBILITY, VMCS_GUEST_PENDING_DEBUG}},
    {"  guest: gdt %llx/%llx idt %llx/%llx tr %llx (rights %llx) event %llx",
     {VMCS_GUEST_GDTR_BASE, VMCS_GUEST_GDTR_LIMIT, VMCS_GUEST_IDTR_BASE, VMCS_GUEST_IDTR_LIMIT,
      VMCS_GUEST_TR, VMCS_GUEST_TR_RIGHTS, VMCS_VECTORING}},
};

void panic_show_guest(void)
{
    park_unless_first();
    port_log(LOG_ERROR, "  last exit: %s, qualification 0x%llx, guest physical 0x%llx",
             vmx_reason_text((u32)vmcs_read(VMCS_EXIT_REASON)), vmcs_read(VMCS_QUALIFICATION),
             vmcs_read(VMCS_GUEST_PHYSICAL));
    for (u32 i = 0; i < ARRAY_LEN(lines); i++) {
        u64 v[SHOWN];
        for (u32 k = 0; k < SHOWN; k++) {
            v[k] = vmcs_read((enum vmcs_field)lines[i].fields[k]);
        }
        port_log(LOG_ERROR, lines[i].format, v[0], v[1], v[2], v[3], v[4], v[5], v[6]);
    }
}
