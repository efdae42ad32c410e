/* SPDX-License-Identifier: BSD-2-Clause */
/* See sleep.h. Before a sleep that passes, which is mostly the end of the run (S5), Nestor reports what it has done. */
#include "hv/exit/sleep.h"

#include "hv/exit/report.h"
#include "hv/machine/access.h"
#include "hv/partition/partition.h"
#include "iommu/port.h"

bool exit_sleep_write(struct vcpu *v, bool memory, u64 at, u32 size, u64 value)
{
    struct partition *p = v->partition;
    switch (sleep_write(&p->sleep, memory, at, size, value, &v->woken)) {
    case SLEEP_WRITE_REFUSED:
        if (limit_due(&p->refused_sleeps)) {
            port_log(LOG_WARNING, "CPU %u: the guest asked for a sleep (0x%llx to %s 0x%llx) that Nestor would not "
                     "survive, refused", v->index, value, memory ? "address" : "port", at);
        }
        return false;
    case SLEEP_WRITE_SLEEPS:
        if (limit_due(&p->sleeps)) {
            exit_report_print(p);
        }
        break;
    case SLEEP_WRITE_PASSES:
        break;
    }
    return true;
}

u64 exit_sleep_read(const struct vcpu *v, bool memory, u64 at, u32 size, u64 value)
{
    return sleep_read(&v->partition->sleep, memory, at, size, value, v->woken);
}

static u64 mapped(const struct vcpu *v, u64 gpa)
{
    return (u64)port_hpa_to_ptr(partition_hpa(v->partition, (gpa_t){gpa}));
}

u64 exit_sleep_load(const struct vcpu *v, u64 gpa, u32 width)
{
    return exit_sleep_read(v, true, gpa, width, access_read(mapped(v, gpa), width));
}

void exit_sleep_store(struct vcpu *v, u64 gpa, u32 width, u64 value)
{
    if (exit_sleep_write(v, true, gpa, width, value)) {
        access_write(mapped(v, gpa), width, value);
    }
}
