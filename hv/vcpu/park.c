/* SPDX-License-Identifier: BSD-2-Clause */
/* See park.h. */
#include "hv/vcpu/park.h"

#include "hv/machine/apic.h"
#include "hv/vmx/vmx.h"
#include "iommu/base/patience.h"
#include "iommu/port.h"

enum { LIMIT_US = 100000 };

static bool asked;

void park_if_asked(struct cpu *c)
{
    if (__atomic_load_n(&asked, __ATOMIC_SEQ_CST)) {
        vmx_off(c);
        cpu_park();
    }
}

void park_unless_first(void)
{
    static struct cpu *first;
    struct cpu *found = NULL;
    if (!__atomic_compare_exchange_n(&first, &found, cpu_current(), false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST) &&
        found != cpu_current()) {
        cpu_park();
    }
}

static bool any_in_vmx(void)
{
    for (u32 i = 0; i < cpu_count(); i++) {
        const struct cpu *c = cpu_get(i);
        if (c != NULL && __atomic_load_n(&c->in_vmx, __ATOMIC_SEQ_CST)) {
            return true;
        }
    }
    return false;
}

void park_others(void)
{
    __atomic_store_n(&asked, true, __ATOMIC_SEQ_CST);
    if (cpu_count() > 1) {
        apic_send_nmi_to_others();
    }
}

bool park_all(void)
{
    if (!any_in_vmx()) {
        return true;
    }
    struct patience patience = patience_begin(port_now_us());
    park_others();
    while (any_in_vmx()) {
        if (patience_waited(&patience, port_now_us()) > LIMIT_US) {
            port_log(LOG_ERROR, "a CPU has not left non-root mode, its memory stays reserved");
            return false;
        }
        port_relax();
    }
    return true;
}
