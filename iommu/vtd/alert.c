/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The host's fault event (VT-d 7.3). While no guest wants the unit's fault message, the event registers hold one of the
 * host's: a CPU that does nothing learns of a fault by it. A message goes out when the first condition appears in FSTS,
 * and no other before all are served; so it is known by the conditions that it finds, or, if they were served in the
 * instant that it took, by having been expected. While somebody serves them neither can be told yet, on this CPU or
 * another: what comes then is taken for the unit's. Without locks, as the message may interrupt whoever holds them.
 */
#include "iommu/spec/message.h"
#include "iommu/vtd/state.h"

enum {
    CONDITIONS = FSTS_PPF | FSTS_W1C,
    ON_ITS_WAY_US = 1000,       /* a message takes no longer */
};

void vtd_alert_init(struct vtd_unit *unit, u64 address, u32 data)
{
    unit->alert.address = address;
    unit->alert.data = data;
    if (!unit->alert.yielded) {
        vtd_alert_hold(unit);
    }
}

/* An id of 255 or more takes the upper half, which the unit reads while its EIME is 1 (VT-d 11.4.7.5). */
static bool reaches_its_cpu(const struct vtd_unit *unit, u64 address)
{
    u64 irta = vtd_regs_read64(unit, VTD_IRTA);
    return message_has_narrow_id(address) || field_get(&irta, IRTA_EIME) != 0;
}

void vtd_alert_hold(struct vtd_unit *unit)
{
    struct vtd_alert *a = &unit->alert;
    vtd_regs_write32(unit, VTD_FECTL, EVENT_IM);
    a->yielded = false;
    if (a->address == 0 || !reaches_its_cpu(unit, a->address)) {
        return;
    }
    vtd_regs_write32(unit, VTD_FEDATA, a->data);
    vtd_regs_write32(unit, VTD_FEADDR, (u32)a->address);
    vtd_regs_write32(unit, VTD_FEUADDR, (u32)(a->address >> 32));
    __atomic_store_n(&a->held, true, __ATOMIC_SEQ_CST);
    vtd_regs_write32(unit, VTD_FECTL, 0);
}

void vtd_alert_yield(struct vtd_unit *unit)
{
    vtd_regs_write32(unit, VTD_FECTL, EVENT_IM);
    __atomic_store_n(&unit->alert.held, false, __ATOMIC_SEQ_CST);
    unit->alert.yielded = true;
}

bool vtd_alert_came(struct vtd_unit *unit)
{
    struct vtd_alert *a = &unit->alert;
    u32 serving = ALERT_SERVING;
    if (!__atomic_load_n(&a->held, __ATOMIC_SEQ_CST)) {
        return false;
    }
    bool there = (vtd_regs_read32(unit, VTD_FSTS) & CONDITIONS) != 0;
    if (__atomic_compare_exchange_n(&a->serving, &serving, ALERT_CAME_MEANWHILE, false, __ATOMIC_SEQ_CST,
                                    __ATOMIC_SEQ_CST) || serving == ALERT_CAME_MEANWHILE) {
        return true;
    }
    if (there) {
        return !__atomic_exchange_n(&a->came, true, __ATOMIC_SEQ_CST);
    }
    return __atomic_exchange_n(&a->expected_until, 0, __ATOMIC_SEQ_CST) > port_now_us();
}

void vtd_alert_serve(struct vtd_unit *unit)
{
    __atomic_store_n(&unit->alert.serving, ALERT_SERVING, __ATOMIC_SEQ_CST);
}

/* All have been served: was the message that said so ahead of it? Others clear conditions, too (queue.c). */
static void close(struct vtd_alert *a)
{
    bool came = __atomic_exchange_n(&a->came, false, __ATOMIC_SEQ_CST);
    if (a->open && !came) {
        __atomic_store_n(&a->expected_until, port_now_us() + ON_ITS_WAY_US, __ATOMIC_SEQ_CST);
    }
    a->open = false;
}

void vtd_alert_served(struct vtd_unit *unit, u32 before)
{
    struct vtd_alert *a = &unit->alert;
    bool held = __atomic_load_n(&a->held, __ATOMIC_SEQ_CST);
    a->open |= held && (before & CONDITIONS) != 0;
    if ((a->open || a->came) && (vtd_regs_read32(unit, VTD_FSTS) & CONDITIONS) == 0) {
        close(a);
    }
    if (__atomic_exchange_n(&a->serving, ALERT_IDLE, __ATOMIC_SEQ_CST) == ALERT_CAME_MEANWHILE) {
        __atomic_store_n(&a->expected_until, 0, __ATOMIC_SEQ_CST);
    }
}
