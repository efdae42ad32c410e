/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * See apic.h. INIT and SIPI are taken out of what a guest writes; all else goes to the hardware as it was written, and
 * the hardware shows the last command that it has seen. Where there are several partitions nothing goes there as it was
 * written: an interrupt is sent to those of its destinations that are the partition's, cluster by cluster.
 */
#include "hv/exit/apic.h"

#include "hv/guest/icr.h"
#include "hv/machine/apic.h"
#include "hv/machine/checked.h"
#include "hv/machine/cpu.h"
#include "hv/partition/partition.h"
#include "hv/vcpu/life.h"
#include "hv/vcpu/start.h"
#include "iommu/port.h"

/* Bits that are reserved in x2APIC mode (SDM figure 12-28): the CPU refuses a command with one of them. */
#define RESERVED 0xfff33000ull

enum { REGISTER_SIZE = 16, DATA_SIZE = 4 };

static struct icr_cpu describe(const struct vcpu *v, const struct vcpu *sender)
{
    return (struct icr_cpu){v->cpu->apic_id, v->apic_logical, v->apic_format, v == sender};
}

static void send(const struct icr *i, struct vcpu *to)
{
    if (i->mode == ICR_INIT) {
        start_send_init(to);
    } else if (i->mode == ICR_STARTUP) {
        start_send_sipi(to, i->vector);
    } else {
        start_send_nmi(to);
    }
}

/* Read once: a CPU that is leaving the root is another's from one moment to the next. */
static struct vcpu *running_on(u32 n)
{
    struct cpu *c = cpu_get(n);
    return c != NULL ? __atomic_load_n(&c->vcpu, __ATOMIC_SEQ_CST) : NULL;
}

static void deliver(const struct icr *i, struct vcpu *sender)
{
    for (u32 n = 0; n < cpu_count(); n++) {
        struct vcpu *v = running_on(n);
        if (v == NULL || v->partition != sender->partition || v->msr.apic_off) {
            continue;
        }
        const struct icr_cpu cpu = describe(v, sender);
        if (icr_reaches(i, &cpu)) {
            send(i, v);
        }
    }
}

static void refuse(struct vcpu *v, u64 command)
{
    if (limit_due(&v->partition->foreign_ipis)) {
        port_log(LOG_WARNING, "CPU %u: interrupt command 0x%llx, of a kind that is not the partition's, dropped",
                 v->index, command);
    }
}

/* One of lowest priority is for one of all that it names: those of the first cluster will do. */
static void send_to_members(const struct vcpu *v, u64 command)
{
    const struct icr_cpus *cpus = &v->partition->cpus;
    bool to_one = (command & ICR_LOWEST << ICR_MODE_SHIFT) != 0;
    u32 members = 0;
    for (u32 c = 0; c < cpus->end && !(to_one && members != 0); c++) {
        members = icr_members(command, cpus, v->cpu->apic_id, c);
        if (members != 0) {
            apic_send_to_cluster(c, members, (u32)command & (ICR_LOWEST << ICR_MODE_SHIFT | ICR_VECTOR));
        }
    }
}

/*
 * An INIT to all others is the firmware's, whose callback at the end of boot services comes after Nestor's: it parks
 * all CPUs, and waits for each without end (EDK2, MpInitLib). An OS starts one after the other.
 */
static void send_else(struct vcpu *v, u64 command)
{
    const struct icr i = icr_decode(command, true);
    if (!icr_is_allowed(&i)) {
        refuse(v, command);
    } else if (i.mode == ICR_NMI || icr_is_startup(&i)) {
        if (i.mode != ICR_NMI && i.shorthand == ICR_TO_DESTINATION && v->partition->config == NULL) {
            life_root_starts(v->partition);
        }
        deliver(&i, v);
    }
}

static not_inlined bool filter(struct vcpu *v, u64 command)
{
    if ((command & RESERVED) != 0) {
        return false;
    }
    if (icr_is_interrupt(command)) {
        send_to_members(v, command);
    } else {
        send_else(v, command);
    }
    return true;
}

bool exit_apic_command(struct vcpu *v, u64 command)
{
    if (v->partition->shares && icr_is_plain(command, &v->partition->cpus)) {
        apic_send(command);
        return true;
    }
    if (v->partition->shares) {
        return filter(v, command);
    }
    const struct icr i = icr_decode(command, true);
    if (!icr_is_startup(&i) || (command & RESERVED) != 0 || !apic_is_x2apic()) {
        return checked_msr_write(MSR_X2APIC_ICR, command);
    }
    deliver(&i, v);
    return true;
}

/* The upper half is looked at only if it matters. In x2APIC mode nothing is behind the page. */
static bool is_delivered(struct vcpu *v, u64 page, u64 low)
{
    struct icr i = icr_decode(low, false);
    if (!icr_is_startup(&i)) {
        return false;
    }
    if (!apic_is_x2apic()) {
        i = icr_decode((u64)port_mmio_read32((hpa_t){page + APIC_ICR_HIGH}) << 32 | low, false);
        deliver(&i, v);
    }
    return true;
}

/* Registers are accessed by 32 bits, at multiples of 16 bytes; all else is undefined (SDM 12.4.1) and is not there. */
static bool is_register(const struct vcpu *v, u64 gpa, u32 width)
{
    return width == DATA_SIZE && gpa % REGISTER_SIZE == 0 && !v->msr.apic_off;
}

u64 exit_apic_load(const struct vcpu *v, u64 gpa, u32 width)
{
    return is_register(v, gpa, width) ? port_mmio_read32((hpa_t){gpa}) : bits_of_bytes(width);
}

void exit_apic_store(struct vcpu *v, u64 gpa, u32 width, u64 value)
{
    u32 offset = (u32)(gpa & PAGE_MASK);
    /* The id stays: by that the CPU is found. */
    if (!is_register(v, gpa, width) || offset == APIC_ID ||
        (offset == APIC_ICR_LOW && is_delivered(v, gpa - offset, value))) {
        return;
    }
    if (offset == APIC_LOGICAL) {
        v->apic_logical = (u32)value;
    } else if (offset == APIC_FORMAT) {
        v->apic_format = (u32)value;
    }
    port_mmio_write32((hpa_t){gpa}, (u32)value);
}
