/* SPDX-License-Identifier: BSD-2-Clause */
/* See life.h. */
#include "hv/vcpu/life.h"

#include "hv/device/reset.h"
#include "hv/machine/apic.h"
#include "hv/machine/cache.h"
#include "hv/machine/checked.h"
#include "hv/machine/time.h"
#include "hv/partition/partition.h"
#include "hv/vcpu/kick.h"
#include "hv/vcpu/panic.h"
#include "hv/vcpu/start.h"
#include "hv/vcpu/vmcs_setup.h"
#include "hv/vcpu/watchdog.h"
#include "hv/vmx/vmx.h"
#include "iommu/base/patience.h"
#include "iommu/port.h"

enum { HAND_OVER_MS = 2000, ARRIVE_US = 10000000 };

/* Before a CPU leaves the root: from then on none of the root's devices may reach it. */
static bool can_begin(struct partition *root)
{
    if (root->interrupts_apart && (!root->has_interrupts || partition_dma_isolate_interrupts(root) != OK)) {
        port_log(LOG_ERROR, "no partition begins: devices of the root could interrupt its CPUs");
        return false;
    }
    return true;
}

void life_boot_services_end(struct partition *root)
{
    if (root->shares && can_begin(root)) {
        __atomic_store_n(&root->hand_over_at, tsc_read() + HAND_OVER_MS * time_tsc_khz(), __ATOMIC_SEQ_CST);
    }
}

void life_root_starts(struct partition *root)
{
    if (__atomic_exchange_n(&root->hand_over_at, 0, __ATOMIC_SEQ_CST) == 0) {
        return;
    }
    for (u32 i = 0; i < cpu_count(); i++) {
        struct cpu *c = cpu_get(i);
        if (c != NULL && c->next != NULL) {
            __atomic_fetch_or(&c->vcpu->alert, ALERT_LIFE, __ATOMIC_SEQ_CST);
            kick_exit(c);
        }
    }
}

void life_poll(struct partition *root)
{
    u64 at = __atomic_load_n(&root->hand_over_at, __ATOMIC_SEQ_CST);
    if (at != 0 && tsc_read() > at) {
        life_root_starts(root);
    }
}

/* Each CPU arrives twice: when it is about to be emptied, and when it is. */
static void arrive(struct partition *p)
{
    __atomic_add_fetch(&p->life.arrived, 1, __ATOMIC_SEQ_CST);
}

static void wait_for_all(const struct partition *p, u32 times)
{
    struct patience patience = patience_begin(port_now_us());
    while (__atomic_load_n(&p->life.arrived, __ATOMIC_SEQ_CST) < p->cpu_total * times) {
        if (patience_waited(&patience, port_now_us()) > ARRIVE_US) {
            panic("partition %s: %u of %u CPUs have stopped", p->config->name, p->life.arrived, p->cpu_total);
        }
        port_relax();
    }
}

/*
 * What the last life, or the root, has turned on in this CPU: detection of split locks, speculation control, faults of
 * CPUID, tiles that fault at first use, counters with what they store to linear addresses, extended states. Not every
 * CPU has all.
 */
static void turn_off(void)
{
    static const u16 msrs[] = {0x33, 0x48, 0x140, 0x1c4, 0x38d, 0x38f, 0x3f1, 0x600, 0x6a0, 0xda0};
    for (u32 i = 0; i < ARRAY_LEN(msrs); i++) {
        (void)checked_msr_write(msrs[i], 0);
    }
    (void)checked_xcr_write(0, 1);
}

/*
 * x87, vector and all other states of XCR0, which neither VM exits nor Nestor's own code touch: as after a reset (SDM
 * volume 1, 13.8: a component that XSTATE_BV does not name is initialized, MXCSR is loaded).
 */
static void forget_registers(void)
{
    enum { XSAVE = 1 << 26, STATES = 0xd, MXCSR_AT = 24 / 4, MXCSR_RESET = 0x1f80, AREA = 576 };
    static _Alignas(64) u32 area[AREA / 4] = {0x37f, [MXCSR_AT] = MXCSR_RESET};
    if ((cpuid(1, 0).ecx & XSAVE) == 0) {
        __asm__ volatile("fxrstor64 %0" : : "m"(area));
        return;
    }
    const struct cpuid_regs all = cpuid(STATES, 0);
    (void)checked_xcr_write(0, (u64)all.edx << 32 | all.eax);
    __asm__ volatile("xrstor64 %0" : : "m"(area), "a"(all.eax), "d"(all.edx));
}

/* False: an interrupt is left. What the VMCS has of the last life, PAT for one, goes with all else that it has. */
static bool empty_cpu(struct vcpu *v)
{
    bool empty = apic_empty();
    vmcs_setup_fresh(v);
    v->timer_on = false;
    forget_registers();
    turn_off();
    vcpu_reset_msrs(v);
    v->machine_check = 0;
    mtrr_write_back(&v->mtrr, v->mtrr.variable_count, v->mtrr.physical_width);
    return empty;
}

static enum result begin(struct vcpu *v)
{
    struct partition *p = v->partition;
    const struct handover_partition *config = p->config;
    const struct start_registers at = {config->eip, config->eax, config->ebx, config->esi};
    partition_load(p);
    while (!partition_ept_retype(p, &v->mtrr)) {
    }
    enum result r = reset_begin(p);
    if (r != OK) {
        port_log(LOG_ERROR, "partition %s does not begin, as its functions cannot: %s", config->name, result_text(r));
        return r;
    }
    p->configuration_address = 0;
    p->console.uart = (struct uart){.ier = 0};
    p->clock = (struct clock){.low = 0};
    p->life.fed_at = tsc_read();
    if (watchdog_is_on(v)) {
        vcpu_exit_at_once(v);   /* which starts its timer */
    }
    p->life.starts++;
    p->life.state = PARTITION_RUNS;
    start_flat(v, &at);
    return OK;
}

/*
 * None is emptied while another may still send to it: the next life would find that. The first CPU decides, when
 * nobody else runs.
 */
static void settle(struct vcpu *v)
{
    struct partition_life *life = &v->partition->life;
    arrive(v->partition);
    wait_for_all(v->partition, 1);
    if (!empty_cpu(v)) {
        __atomic_store_n(&life->left, v->index + 1, __ATOMIC_SEQ_CST);
    }
    start_wait(v);
    arrive(v->partition);
    if (!vcpu_is_first(v)) {
        return;
    }
    wait_for_all(v->partition, 2);
    u32 left = __atomic_exchange_n(&life->left, 0, __ATOMIC_SEQ_CST);
    bool units = partition_dma_reset(v->partition) == OK;
    life->fed_at = 0;
    life->ending = false;
    bool reset = reset_functions(v->partition);
    if (!units) {
        port_log(LOG_ERROR, "partition %s does not begin, as a unit of its own does not let go of its tables",
                 v->partition->config->name);
    } else if (left != 0) {
        port_log(LOG_ERROR, "partition %s: an interrupt is left in CPU %u, it does not begin",
                 v->partition->config->name, left - 1);
    } else if (reset && life->again && begin(v) == OK) {
        return;
    }
    life->state = PARTITION_STOPPED;
}

static void take_cache(const struct vcpu *v)
{
    const struct handover_partition *config = v->partition->config;
    if (config->cache_class != 0 && !cache_take(config->cache_class, config->cache_ways, config->cache_rest)) {
        port_log(LOG_ERROR, "partition %s: CPU %u does not take its ways of the L3 cache", config->name, v->index);
    }
}

/* It is on its way to its partition, or there: it sends nothing for the root any more. */
static bool has_left(const struct cpu *c)
{
    return partition_of_cpu(c->index) != NULL && __atomic_load_n(&c->next, __ATOMIC_SEQ_CST) == NULL;
}

/*
 * A CPU of the root that looked whom it may send to before this one was taken out, and has not sent yet, does so before
 * its exit ends.
 */
static void wait_for_senders(void)
{
    struct patience patience = patience_begin(port_now_us());
    for (u32 i = 0; i < cpu_count(); i++) {
        struct cpu *c = cpu_get(i);
        if (c == NULL || has_left(c)) {
            continue;
        }
        struct vcpu *v = c->vcpu;
        __atomic_fetch_or(&v->alert, ALERT_SENT, __ATOMIC_SEQ_CST);
        kick_exit(c);
        while ((__atomic_load_n(&v->alert, __ATOMIC_SEQ_CST) & ALERT_SENT) != 0 && !has_left(c) &&
               patience_waited(&patience, port_now_us()) < ARRIVE_US) {
            port_relax();
        }
    }
}

/* Nothing of the root's VMCS is used again. NMIs that come meanwhile write into one that is about to go, or to come. */
static _Noreturn void move(struct vcpu *from)
{
    struct cpu *c = from->cpu;
    struct vcpu *v = c->next;
    __atomic_store_n(&c->next, NULL, __ATOMIC_SEQ_CST);
    partition_remove_cpu(from->partition, c->apic_id);
    wait_for_senders();
    vmx_vmcs_leave(from->vmcs);
    __atomic_store_n(&c->vcpu, v, __ATOMIC_SEQ_CST);
    if (vmx_vmcs_load(v->vmcs) != OK) {
        panic("CPU %u: no VMCS for partition %s", c->index, v->partition->config->name);
    }
    kick_catch_up(c);
    take_cache(v);
    v->partition->life.again = !v->partition->config->later;
    settle(v);
    vmx_start(v->regs);
}

void life_serve(struct vcpu *v)
{
    __atomic_and_fetch(&v->alert, ~(u32)ALERT_LIFE, __ATOMIC_SEQ_CST);
    if (v->cpu->next != NULL) {
        move(v);
    }
    settle(v);
}
