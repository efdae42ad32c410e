/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A generation counts a partition's requests, one at a time; CPUs of other partitions do not notice. A CPU that runs
 * its guest is sent an NMI, after a note that it will get one: so a CPU can tell Nestor's NMIs from the guest's. A CPU
 * that waits for a SIPI takes no NMI and runs nothing, so nobody waits for it. When it runs again it first says so, and
 * then looks at the generation; whoever asks first counts up, and then looks which CPUs run. So one of the two always
 * sees the other.
 */
#include "hv/vcpu/kick.h"

#include "hv/machine/apic.h"
#include "hv/partition/partition.h"
#include "hv/vcpu/panic.h"
#include "hv/vcpu/vcpu.h"
#include "hv/vmx/vmx.h"
#include "iommu/base/patience.h"
#include "iommu/base/spinlock.h"
#include "iommu/port.h"

/* Again to the one that is late, then to all; how long a repeated NMI may be on its way; and when it is fatal. */
enum { AGAIN_US = 10000, ALL_US = 1000000, LATE_US = 1000000, LIMIT_US = 10000000 };

void kick_catch_up(struct cpu *c)
{
    u32 asked = __atomic_load_n(&c->vcpu->partition->kicks.generation, __ATOMIC_SEQ_CST);
    vmx_invept_all();
    __atomic_store_n(&c->tlb_done, asked, __ATOMIC_SEQ_CST);
}

/*
 * A CPU that was late may take the first NMI and the repeated one as two, or as one. For a while after the repetition
 * one more is taken for ours; one of the guest's in that time cannot be told from it.
 */
static bool is_repetition(struct cpu *c)
{
    u64 until = __atomic_exchange_n(&c->nmi_again_until, 0, __ATOMIC_SEQ_CST);
    return until != 0 && port_now_us() < until;
}

bool kick_answer(struct cpu *c)
{
    if (__atomic_exchange_n(&c->nmi_owed, 0, __ATOMIC_SEQ_CST) == 0 && !is_repetition(c)) {
        return false;
    }
    kick_catch_up(c);
    return true;
}

static bool runs(const struct cpu *c, const struct partition *p)
{
    return c != NULL && __atomic_load_n(&c->run, __ATOMIC_SEQ_CST) == RUN_GUEST && c->vcpu->partition == p;
}

static bool is_done(const struct cpu *c, const struct partition *p, u32 asked)
{
    return !runs(c, p) || __atomic_load_n(&c->tlb_done, __ATOMIC_SEQ_CST) == asked;
}

/* Where one is on its way already, what it is asked to look at is seen by that: two could come as one, or as two. */
void kick_exit(struct cpu *c)
{
    if (__atomic_exchange_n(&c->nmi_owed, 1, __ATOMIC_SEQ_CST) == 0) {
        apic_send_nmi(c->apic_id);
    }
}

/* Before one more NMI goes to a CPU that is late. */
static void note_repetition(struct cpu *c)
{
    __atomic_store_n(&c->nmi_again_until, port_now_us() + LATE_US, __ATOMIC_SEQ_CST);
    __atomic_store_n(&c->nmi_owed, 1, __ATOMIC_SEQ_CST);
}

/* A guest that has written another id into its local APIC, in xAPIC mode, is reached by a message to all. */
static void send_to_all(const struct partition *p, const struct cpu *self)
{
    for (u32 i = 0; i < cpu_count(); i++) {
        struct cpu *c = cpu_get(i);
        if (c != self && runs(c, p)) {
            note_repetition(c);
        }
    }
    apic_send_nmi_to_others();
}

static void wait_for(struct cpu *c, const struct partition *p, const struct cpu *self, u32 asked)
{
    struct patience patience = patience_begin(port_now_us());
    u64 next = AGAIN_US;
    while (!is_done(c, p, asked)) {
        u64 waited = patience_waited(&patience, port_now_us());
        if (waited > LIMIT_US) {
            panic("CPU %u has not invalidated its EPT translations for %u s", c->index, LIMIT_US / 1000000);
        }
        if (waited > next) {
            next = next < ALL_US ? next * 10 : LIMIT_US;
            if (waited > ALL_US && !apic_is_x2apic()) {
                send_to_all(p, self);
            } else {
                note_repetition(c);
                apic_send_nmi(c->apic_id);
            }
        }
        port_relax();
    }
}

void kick_invalidate(void *partition)
{
    struct partition *p = partition;
    if (cpu_count() == 0) {
        return;
    }
    struct cpu *self = cpu_current();
    /* NMIs are not blocked meanwhile: a CPU that waits for the lock still answers. */
    spin_lock(&p->kicks.lock);
    u32 asked = __atomic_add_fetch(&p->kicks.generation, 1, __ATOMIC_SEQ_CST);
    for (u32 i = 0; i < cpu_count(); i++) {
        struct cpu *c = cpu_get(i);
        if (c != self && runs(c, p)) {
            kick_exit(c);
        }
    }
    vmx_invept_all();
    for (u32 i = 0; i < cpu_count(); i++) {
        if (cpu_get(i) != self) {
            wait_for(cpu_get(i), p, self, asked);
        }
    }
    spin_unlock(&p->kicks.lock);
}
