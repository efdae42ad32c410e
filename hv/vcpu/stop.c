/* SPDX-License-Identifier: BSD-2-Clause */
/* See stop.h. */
#include "hv/vcpu/stop.h"

#include "hv/device/dma.h"
#include "hv/partition/partition.h"
#include "hv/vcpu/kick.h"
#include "iommu/port.h"

/* Before a CPU is emptied: what is being sent to it for the partition's unit has arrived. */
static void tell_cpus(struct partition *p)
{
    partition_dma_wait(p);
    for (u32 i = 0; i < cpu_count(); i++) {
        struct cpu *c = cpu_get(i);
        if (c != NULL && c->vcpu->partition == p) {
            __atomic_fetch_or(&c->vcpu->alert, ALERT_LIFE, __ATOMIC_SEQ_CST);
            if (c != cpu_current()) {
                kick_exit(c);
            }
        }
    }
}

static void tell_console(const struct partition *p, const struct vcpu *v, const char *why)
{
    if (limit_due_at(p->life.ends)) {
        port_log(LOG_WARNING, "partition %s, CPU %u: %s; it %s (end %u)", p->config->name, v->index, why,
                 p->life.again ? "begins again" : "stops", p->life.ends);
    }
}

/* With the lock held, and only where it is not ending. */
static not_inlined void end(struct partition *p, const char *why, bool again)
{
    struct partition_life *life = &p->life;
    life->ending = true;
    life->arrived = 0;
    life->again = again;
    if (why != NULL) {
        life->why = why;
        life->ends++;
    }
}

void stop_partition(struct vcpu *v, const char *why, bool again)
{
    struct partition *p = v->partition;
    struct partition_life *life = &p->life;
    spin_lock(&life->lock);
    bool first = !life->ending;
    if (first) {
        end(p, why, again && life->ends - life->controlled < p->config->restarts);
    }
    spin_unlock(&life->lock);
    if (first) {
        /* Before a CPU is emptied: what a device sends to it then, its next life would find. */
        device_dma_stop_all(p);
        tell_cpus(p);
        tell_console(p, v, why);
    }
}

bool stop_controlled(struct partition *p, u32 seen, bool stops, bool starts)
{
    struct partition_life *life = &p->life;
    const char *what = !stops ? "starts" : starts ? "stops and starts" : "stops";
    spin_lock(&life->lock);
    bool can = !life->ending && life->starts + life->ends == seen &&
               life->state == (stops ? PARTITION_RUNS : PARTITION_STOPPED);
    if (can) {
        life->controlled += stops ? 1 : 0;
        end(p, stops ? "stopped by the root" : NULL, starts);
    }
    spin_unlock(&life->lock);
    if (can && stops) {
        device_dma_stop_all(p);
    }
    if (can) {
        tell_cpus(p);
    }
    if (can && limit_due_at(life->ends)) {
        port_log(LOG_WARNING, "partition %s %s, as the root wants (end %u)", p->config->name, what, life->ends);
    }
    return can;
}
