/* See panic.h. Prints without locks: another CPU may hold them for good. */
#include "hv/vcpu/panic.h"

#include "drivers/format.h"
#include "hv/machine/cpu.h"
#include "hv/exit/exit.h"
#include "hv/vcpu/fault.h"
#include "hv/machine/log.h"
#include "hv/vcpu/park.h"
#include "hv/exit/report.h"
#include "hv/machine/state.h"
#include "hv/machine/symbols.h"
#include "hv/vmx/vmcs.h"
#include "iommu/port.h"

enum { RESET_PORT = 0xcf9, RESET_FULL = 0x0e, BACKTRACE = 8 };

_Noreturn void machine_reset(void)
{
    const struct table_register none = {0, 0};
    port_out8(RESET_PORT, RESET_FULL);
    for (u64 began = port_now_us(); port_now_us() - began < 100000;) {
        port_relax();
    }
    __asm__ volatile("lidt %0; int3" : : "m"(none));
    cpu_park();
}

_Noreturn void panic_end(void)
{
    report_fatal();
    if (handover->fatal == FATAL_RESET) {
        port_log(LOG_ERROR, "the machine resets, as configured");
        machine_reset();
    }
    port_log(LOG_ERROR, "the machine halts");
    park_others();
    cpu_park();
}

/* Inside the call: behind one that never returns another function may begin. */
static u64 caller(u64 return_address)
{
    return return_address - 1;
}

_Noreturn void panic(const char *fmt, ...)
{
    char text[160];
    char where[SYMBOL_TEXT];
    va_list args;
    va_start(args, fmt);
    (void)format_text_v(text, sizeof(text), fmt, args);
    va_end(args);
    park_unless_first();
    log_force();
    symbol_text(caller((u64)(uintptr_t)__builtin_return_address(0)), where);
    port_log(LOG_ERROR, "fatal, CPU %u, at %s: %s", cpu_current()->index, where, text);
    panic_end();
}

/* Words on the stack that look like return addresses; there are no frame pointers to follow. */
static void show_stack(u64 rsp)
{
    char where[SYMBOL_TEXT];
    const u64 *at = (const u64 *)(uintptr_t)(rsp & ~7ull);
    u64 page_end = (rsp | PAGE_MASK) + 1;
    for (u32 shown = 0; (u64)(uintptr_t)at < page_end && shown < BACKTRACE; at++) {
        if (symbol_is_code(*at)) {
            symbol_text(caller(*at), where);
            port_log(LOG_ERROR, "  called from %s", where);
            shown++;
        }
    }
}

_Noreturn void panic_exception(const struct exception_frame *f)
{
    char where[SYMBOL_TEXT];
    park_unless_first();
    log_force();
    symbol_text(f->rip, where);
    port_log(LOG_ERROR, "fatal, CPU %u: exception %llu, error code 0x%llx, at %s, address 0x%llx",
             cpu_current()->index, f->vector, f->error, where, cr2_read());
    for (u32 i = 0; i < 15; i += 5) {
        port_log(LOG_ERROR, "  %016llx %016llx %016llx %016llx %016llx", f->gpr[i], f->gpr[i + 1],
                 f->gpr[i + 2], f->gpr[i + 3], f->gpr[i + 4]);
    }
    /* A double fault may be an overflow: then RSP points to a page that is not there. */
    if (f->vector != 8) {
        show_stack(f->rsp);
    }
    if (cpu_current()->in_vmx) {
        panic_show_guest();
    }
    panic_end();
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
             exit_reason_text((u32)vmcs_read(VMCS_EXIT_REASON)), vmcs_read(VMCS_QUALIFICATION),
             vmcs_read(VMCS_GUEST_PHYSICAL));
    for (u32 i = 0; i < ARRAY_LEN(lines); i++) {
        unsigned long long v[SHOWN];
        for (u32 k = 0; k < SHOWN; k++) {
            v[k] = vmcs_read((enum vmcs_field)lines[i].fields[k]);
        }
        port_log(LOG_ERROR, lines[i].format, v[0], v[1], v[2], v[3], v[4], v[5], v[6]);
    }
}
