/*
 * PM1 control registers (ACPI 4.8.3.2.1): a write that enters S3 is dropped, since the machine would resume without
 * VMX and with the units off. All else goes to the port unchanged. Before any other sleep, which is mostly the end
 * of the run (S5), Nestor reports what it has done.
 */
#include "hv/exit/handlers.h"

#include "hv/exit/report.h"
#include "hv/machine/log.h"
#include "hv/machine/x86.h"
#include "hv/partition/partition.h"
#include "iommu/port.h"

enum {
    SLEEP_TYPE_SHIFT = 2,           /* bits 12:10 of the register, in its second byte */
    SLEEP_ENABLE = 1 << 5,          /* bit 13 */
    NO_SLEEP = 8,                   /* not a value of three bits */
    QUAL_IN = 1 << 3,
    QUAL_STRING = 1 << 4,
};

/* The sleep type that a write of `size` bytes enters: by the byte that goes to the register's second one. */
static u32 sleep_type(u16 control, u16 port, u32 size, u32 value)
{
    u32 at = control + 1u;
    if (control == 0 || at < port || at >= port + size) {
        return NO_SLEEP;
    }
    u32 byte = value >> 8 * (at - port) & 0xff;
    return (byte & SLEEP_ENABLE) != 0 ? byte >> SLEEP_TYPE_SHIFT & 7 : NO_SLEEP;
}

static u32 port_in(u16 port, u32 size)
{
    u32 value = 0;
    switch (size) {
    case 1:
        __asm__ volatile("inb %1, %b0" : "+a"(value) : "Nd"(port));
        break;
    case 2:
        __asm__ volatile("inw %1, %w0" : "+a"(value) : "Nd"(port));
        break;
    default:
        __asm__ volatile("inl %1, %0" : "+a"(value) : "Nd"(port));
        break;
    }
    return value;
}

static void port_out(u16 port, u32 size, u32 value)
{
    switch (size) {
    case 1:
        __asm__ volatile("outb %b0, %1" : : "a"(value), "Nd"(port));
        break;
    case 2:
        __asm__ volatile("outw %w0, %1" : : "a"(value), "Nd"(port));
        break;
    default:
        __asm__ volatile("outl %0, %1" : : "a"(value), "Nd"(port));
        break;
    }
}

static void out(struct vcpu *v, u16 port, u32 size)
{
    u32 value = (u32)v->regs->gpr[REG_RAX];
    struct partition *p = v->partition;
    u32 a = sleep_type(p->pm1a_control, port, size, value);
    u32 b = sleep_type(p->pm1b_control, port, size, value);
    if (a == p->s3_type || b == p->s3_type) {
        if (log_is_due(++p->refused_sleeps)) {
            port_log(LOG_WARNING, "CPU %u: the guest asked for S3 (suspend to RAM), refused", v->index);
        }
        return;
    }
    if ((a != NO_SLEEP || b != NO_SLEEP) && log_is_due(++p->sleeps)) {
        exit_report_print(p);
    }
    port_out(port, size, value);
}

static void in(struct vcpu *v, u16 port, u32 size)
{
    u64 keep = size == 4 ? 0 : ~0ull << 8 * size;
    u64 *rax = &v->regs->gpr[REG_RAX];
    *rax = (*rax & keep) | (port_in(port, size) & ~keep);
}

void exit_io(struct vcpu *v)
{
    u64 what = vmcs_read(VMCS_QUALIFICATION);
    u32 size = (what & 7) + 1;
    u16 port = (u16)(what >> 16);
    if (what & QUAL_STRING) {
        if (log_is_due(++v->partition->refused_sleeps)) {
            port_log(LOG_WARNING, "CPU %u: string I/O on port 0x%x refused", v->index, port);
        }
        vcpu_inject_error(VECTOR_GP, 0);
        return;
    }
    if (what & QUAL_IN) {
        in(v, port, size);
    } else {
        out(v, port, size);
    }
    vcpu_advance();
}
