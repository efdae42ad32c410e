/* See guest_ops.h. */
#include "hv/partition/guest_ops.h"

#include "hv/machine/apic.h"
#include "hv/partition/partition.h"
#include "iommu/port.h"

static bool ops_read(void *ctx, gpa_t gpa, void *buf, size_t len)
{
    return partition_read(ctx, gpa, buf, len);
}

/* Guest physical is host physical in the root partition. */
static bool ops_ram(void *ctx, gpa_t gpa, size_t len, hpa_t *out)
{
    out->v = gpa.v;
    return partition_is_ram(ctx, gpa, len);
}

/* A store to FEExxxxxh by the CPU is no message: the vIOMMU's interrupts go through the local APIC. */
static void ops_interrupt(void *ctx, u64 addr, u32 data)
{
    (void)ctx;
    apic_send_message(addr, data);
}

const struct guest_ops guest_ops = {.read = ops_read, .ram = ops_ram, .interrupt = ops_interrupt};
