/* SPDX-License-Identifier: BSD-2-Clause */
/* See work.h. The timer counts at the rate of TSC >> n (SDM 26.5.1) and keeps its value across exits. */
#include "hv/vcpu/work.h"

#include "hv/machine/time.h"
#include "hv/machine/x86.h"
#include "hv/partition/partition.h"
#include "hv/vcpu/kick.h"
#include "hv/vcpu/life.h"
#include "hv/vcpu/nmi.h"
#include "hv/vcpu/start.h"
#include "hv/vcpu/stop.h"
#include "hv/vcpu/watchdog.h"

enum { POLL_MS = 100, WATCH_MS = 500, SOON_US = 50, FIFO_US = 1400 };   /* the last: 16 bytes at 115200 baud */

static u64 timer_ticks(u64 us)
{
    return us * time_tsc_khz() / 1000 >> (msr_read(MSR_VMX_MISC) & 31);
}

/* The control that saves the timer's value must be off without the timer (SDM 28.2.1.2). */
static not_inlined void timer_enable(struct vcpu *v, bool on)
{
    if (v->timer_on == on) {
        return;
    }
    v->timer_on = on;
    vmcs_write(VMCS_PIN_CONTROLS, v->pin_controls | (on ? PIN_PREEMPTION_TIMER : 0));
    vmcs_write(VMCS_EXIT_CONTROLS, v->exit_controls | (on ? EXIT_SAVE_TIMER : 0));
}

static void timer_start(struct vcpu *v, u64 us)
{
    vmcs_write(VMCS_PREEMPTION_TIMER, timer_ticks(us));
    timer_enable(v, true);
    v->timer_expired = false;
}

/* It does for other partitions what these do not do themselves. */
static bool is_host(const struct vcpu *v)
{
    return v->partition->shares && v->partition->config == NULL;
}

/* The partition's first CPU, the only one that never waits for a SIPI. */
static bool polls(const struct vcpu *v)
{
    return vcpu_is_first(v) && (partition_dma_needs_polling(v->partition) || is_host(v));
}

/*
 * What the root's look has found of others' is told to their first CPUs, which need no timer. It reads their tables:
 * where that memory is broken, the machine check is theirs.
 */
static void tell_others(void)
{
    for (u32 i = 0; i < cpu_count(); i++) {
        struct cpu *c = cpu_get(i);
        struct vcpu *v = c != NULL ? __atomic_load_n(&c->vcpu, __ATOMIC_SEQ_CST) : NULL;
        if (v != NULL && vcpu_is_first(v) && v->partition->config != NULL &&
            partition_sources_has_faults(v->partition)) {
            __atomic_fetch_or(&v->alert, ALERT_FAULT, __ATOMIC_SEQ_CST);
            kick_exit(c);
        }
    }
}

static void poll_faults(const struct vcpu *v)
{
    partition_dma_poll_faults(v->partition);
    if (is_host(v) && partition_sources_count() != 0) {
        tell_others();
    }
}

void work_timer_exit(struct vcpu *v)
{
    timer_enable(v, true); /* by vcpu_exit_at_once() perhaps, which does not have its value kept */
    v->timer_expired = true;
    if (watchdog_is_on(v) && watchdog_is_late(v)) {
        stop_partition(v, "its watchdog was not fed", true);
    }
    if (polls(v) && __atomic_exchange_n(&v->partition->work_left, 0, __ATOMIC_RELAXED) != 0) {
        v->work_left = true;
    }
    if (v->work_left) {
        v->work_left = partition_dma_run(v->partition);
    }
    if (polls(v) && tsc_read() - v->polled_at > POLL_MS * time_tsc_khz()) {
        v->polled_at = tsc_read();
        poll_faults(v);
    }
    if (polls(v) && is_host(v)) {
        life_poll(v->partition);
        v->drains = partition_console_drain();
    }
}

void work_left(struct vcpu *v)
{
    v->work_left = true;
    timer_start(v, SOON_US);
}

/*
 * Faults on the first CPU, and not before it runs its guest: only then has it descriptor tables for an NMI. Out of
 * line: all exits would save the registers that it needs.
 */
static not_inlined void serve_alert(struct vcpu *v)
{
    u32 what = __atomic_exchange_n(&v->alert, 0, __ATOMIC_SEQ_CST);
    if (what & (ALERT_FAULT | ALERT_NOT_SET_UP)) {
        poll_faults(v);
    }
    if (what & ALERT_STARTUP) {
        start_serve(v);
    }
    if ((what & ALERT_NOT_SET_UP) && polls(v)) {
        partition_dma_alert(v->partition, v->cpu->apic_id);
    }
    if (what & ALERT_NMI) {
        nmi_take(v);
    }
    /* Perhaps by what was just served. */
    if ((what | v->alert) & ALERT_LIFE) {
        work_hand_over(v);
        life_serve(v);
    }
}

static void check_timer(struct vcpu *v)
{
    if (v->timer_on && !v->timer_expired) {
        return;
    }
    if (v->work_left) {
        timer_start(v, SOON_US);
    } else if (polls(v)) {
        timer_start(v, v->drains ? FIFO_US : POLL_MS * 1000);
    } else if (watchdog_is_on(v)) {
        timer_start(v, WATCH_MS * 1000);
    } else {
        timer_enable(v, false);
    }
}

/* The alert last, after all that writes to the timer: one that comes later finds it as work_alert() wants it. */
void work_check(struct vcpu *v)
{
    check_timer(v);
    if (v->alert) {
        serve_alert(v);
    }
}

void work_alert(struct vcpu *v)
{
    if (v->alert & ~(u32)ALERT_NOT_SET_UP) {
        vcpu_exit_at_once(v);
    }
}

void work_hand_over(struct vcpu *v)
{
    if (v->work_left) {
        v->work_left = false;
        __atomic_store_n(&v->partition->work_left, 1, __ATOMIC_RELAXED);
    }
}
