/* SPDX-License-Identifier: BSD-2-Clause */
/* See pci.h. */
#include "hv/exit/pci.h"

#include "hv/device/bar.h"
#include "hv/device/config.h"
#include "hv/exit/io.h"
#include "hv/partition/partition.h"

bool exit_pci_port(struct vcpu *v)
{
    struct partition *p = v->partition;
    const struct io_access a = io_decode(vmcs_read(VMCS_QUALIFICATION));
    if (!p->has_configuration || a.string || !config_has_port(a.port, a.size)) {
        return false;
    }
    vcpu_note_access(a.port, a.size, BREAKPOINT_PORT);
    if (a.in) {
        io_return(v->regs, a.size, config_in(p, a.port, a.size));
    } else {
        config_out(p, a.port, a.size, (u32)(v->regs->gpr[REG_RAX] & bits_of_bytes(a.size)));
    }
    vcpu_advance();
    return true;
}

bool exit_pci_is_at(const struct partition *p, u64 gpa)
{
    return p->has_configuration && (config_is_in_window(gpa) || device_at(p, gpa) != NULL);
}

u64 exit_pci_load(struct vcpu *v, u64 gpa, u32 width)
{
    struct partition *p = v->partition;
    return config_is_in_window(gpa) ? config_load(p, gpa, width) : bar_load(device_at(p, gpa), gpa, width);
}

void exit_pci_store(struct vcpu *v, u64 gpa, u32 width, u64 value)
{
    struct partition *p = v->partition;
    if (config_is_in_window(gpa)) {
        config_store(p, gpa, width, value);
    } else {
        bar_store(device_at(p, gpa), gpa, width, value);
    }
}
