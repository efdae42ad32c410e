/*
 * A generation counts up with each request. A CPU that waits for a SIPI takes no NMI, so nobody
 * waits for it: it looks at the generation after it has said that it runs again, and
 * the one who asks looks at the CPU after it has counted up. One of the two sees the other.
 */
#include "hv/kick.h"

#include "hv/apic.h"
#include "hv/panic.h"
#include "hv/vcpu.h"
#include "hv/vmx.h"
#include "iommu/port.h"

enum { LIMIT_US = 1000000 };

static u32 generation;

bool kick_answer(struct cpu *c)
{
    u32 asked = __atomic_load_n(&generation, __ATOMIC_SEQ_CST);
    if (c->tlb_done == asked) {
        return false;
    }
    vmx_invept_all();
    __atomic_store_n(&c->tlb_done, asked, __ATOMIC_SEQ_CST);
    return true;
}

/* Signed difference: the generation may wrap. */
static bool is_done(const struct cpu *c, u32 asked)
{
    s64 behind = (int32_t)(asked - __atomic_load_n(&c->tlb_done, __ATOMIC_SEQ_CST));
    return behind <= 0 || __atomic_load_n(&c->vcpu->run, __ATOMIC_SEQ_CST) != VCPU_RUNNING;
}

static void wait_for(const struct cpu *c, u32 asked)
{
    u64 began = port_now_us();
    while (!is_done(c, asked)) {
        port_relax();
        if (port_now_us() - began > LIMIT_US) {
            panic("CPU %u has not invalidated its EPT translations for a second", c->index);
        }
    }
}

void kick_invalidate(void *unused)
{
    struct cpu *self;
    u32 asked;
    (void)unused;
    if (cpu_count() == 0) {
        return;
    }
    self = cpu_current();
    asked = __atomic_add_fetch(&generation, 1, __ATOMIC_SEQ_CST);
    (void)kick_answer(self);
    if (cpu_count() > 1) {
        apic_send_nmi_to_others();
    }
    for (u32 i = 0; i < cpu_count(); i++) {
        const struct cpu *c = cpu_get(i);
        if (c != NULL && c != self) {
            wait_for(c, asked);
        }
    }
}
