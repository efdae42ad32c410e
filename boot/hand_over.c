/* SPDX-License-Identifier: BSD-2-Clause */
/* See hand_over.h. */
#include "boot/uefi.h"

#include "boot/console.h"
#include "boot/hand_over.h"

static void hand_over_machine(const struct machine *m, const struct ranges *listed, struct handover *h)
{
    CopyMem(h->ranges, (VOID *)listed->list, sizeof(h->ranges));
    h->range_count = listed->count;
    h->physical_width = m->cpu.physical_bits;
    h->dmar_present = m->dmar_usable;
    if (m->dmar_usable) {
        CopyMem(&h->dmar, (VOID *)&m->dmar, sizeof(h->dmar));
    }
    CopyMem(h->limits, (VOID *)m->doubts.limits, sizeof(h->limits));
    h->limit_count = m->doubts.limit_count;
    h->ecam_base = m->ecam.base;
    h->ecam_first_bus = m->ecam.first_bus;
    h->ecam_last_bus = m->ecam.last_bus;
    CopyMem(h->sleep, (VOID *)m->sleep.list, sizeof(h->sleep));
    h->sleep_count = m->sleep.count;
}

static void hand_over_config(const struct config *config, struct handover *h)
{
    const struct serial *serial = console_serial();
    h->serial_kind = serial->kind;
    h->serial_base = serial->base;
    h->serial_stride = serial->stride;
    h->log_level = (u8)config->level;
    h->fatal = config->fatal;
    h->hypervisor_bit = config->hypervisor_bit;
    h->narrow_host = config->narrow_host;
    h->allow_no_isolation = config->run_without_isolation;
    h->protect_count = config->protect_count;
    CopyMem(h->protect, (VOID *)config->protect, sizeof(h->protect));
}

void hand_over(const struct machine *m, const struct config *config, const struct ranges *listed,
               const struct partitions *partitions, struct handover *h)
{
    CopyMem(h->partitions, (VOID *)partitions->list, sizeof(h->partitions));
    h->partition_count = partitions->count;
    CopyMem(h->functions, (VOID *)partitions->functions.list, sizeof(h->functions));
    h->function_count = partitions->functions.count;
    h->interrupts_apart = partitions->interrupts_missing == NULL;
    hand_over_machine(m, listed, h);
    hand_over_config(config, h);
}
