/* The life of the root partition. See partition.h. */
#include "hv/partition/partition.h"

#include "hv/guest/msr_policy.h"
#include "hv/partition/ept.h"
#include "hv/vmx/vmcs.h"
#include "iommu/port.h"

_Static_assert(sizeof(struct partition) <= PAGE_SIZE, "one page each");

/* A register of two bytes: both their ports exit. */
static void intercept(u8 *bitmaps, u16 port)
{
    if (port != 0) {
        for (u32 at = port; at < port + 2u; at++) {
            bitmaps[at / 8] |= (u8)(1u << at % 8);
        }
    }
}

static enum result create_bitmaps(struct partition *p)
{
    enum result r = port_pages_alloc(1, &p->msr_bitmap);
    if (r == OK) {
        r = port_pages_alloc(2, &p->io_bitmap);
    }
    if (r == OK) {
        msr_policy_fill_bitmap(port_hpa_to_ptr(p->msr_bitmap));
        intercept(port_hpa_to_ptr(p->io_bitmap), p->pm1a_control);
        intercept(port_hpa_to_ptr(p->io_bitmap), p->pm1b_control);
    }
    return r;
}

enum result partition_create_root(const struct handover *h, void (*cpu_flush)(void *ctx), struct partition **out)
{
    hpa_t page;
    enum result r = port_pages_alloc(1, &page);
    if (r != OK) {
        return r;
    }
    struct partition *p = port_hpa_to_ptr(page);
    p->hypervisor_bit = h->hypervisor_bit;
    p->boot_services = true;
    p->pm1a_control = h->pm1a_control;
    p->pm1b_control = h->pm1b_control;
    p->s3_type = h->s3_type;
    r = create_bitmaps(p);
    if (r == OK) {
        r = partition_ept_build(p, h, cpu_flush);
    }
    if (r != OK) {
        return r;
    }
    p->eptp = domain_cpu_root(p->domain).v | (u64)(domain_levels(p->domain) - 1) << EPTP_LEVELS_SHIFT |
              EPTP_WRITE_BACK;
    *out = p;
    return OK;
}

void partition_destroy(struct partition *p)
{
    if (domain_destroy(p->domain) != OK) {
        port_log(LOG_ERROR, "partition %u: its second stage is still in use", p->id);
    }
}
