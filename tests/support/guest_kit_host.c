/* SPDX-License-Identifier: BSD-2-Clause */
/* See guest_kit_host.h. */
#include "tests/support/guest_kit_host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "iommu/domain/did.h"
#include "iommu/domain/domain.h"
#include "iommu/vtd/state.h"

static struct {
    struct vtd_unit *unit;
    struct domain *domain;
    void (*firmware)(struct model_unit *unit);
} host;

static void check(bool ok, const char *what)
{
    if (!ok) {
        fprintf(stderr, "guest_kit_host: %s\n%s", what, hosted_log());
        abort();
    }
}

static void make_domain(const struct vtd_unit_info *info)
{
    const struct domain_config config = {.levels = 4, .page_sizes = info->ss_page_sizes,
                                         .coherent = info->coherent, .parent = true,
                                         .dma_root = true};
    check(domain_create(&config, &host.domain) == OK, "domain");
}

void host_leave(void (*firmware)(struct model_unit *unit))
{
    host.firmware = firmware;
}

struct model_unit *host_start(const struct model_config *config)
{
    struct model_unit *model = hosted_add_unit((hpa_t){HOST_UNIT_BASE}, config);
    struct vtd_unit_info info;
    struct vtd_default def;
    check(vtd_unit_probe((hpa_t){HOST_UNIT_BASE}, 0, 0, config->haw, &host.unit) == OK, "probe");
    vtd_unit_get_info(host.unit, &info);
    make_domain(&info);
    if (host.firmware != NULL) {
        host.firmware(model);
    }
    check(domain_unit_add(host.domain, host.unit, &def) == OK, "default entry");
    def.keep_interrupts = host.firmware != NULL;
    host.firmware = NULL;
    check(vtd_takeover(host.unit, &def) == OK, "take over");
    return model;
}

void host_stop(void)
{
    domain_unit_remove(host.domain, host.unit);
    check(vtd_takeover_release(host.unit) == OK, "release");
    vtd_unit_destroy(host.unit);
    check(domain_destroy(host.domain) == OK, "the domain is still used");
}

struct vtd_unit *host_unit(void)
{
    return host.unit;
}

struct domain *host_domain(void)
{
    return host.domain;
}

static enum result flush(u64 gpa, u64 size)
{
    enum result r;
    do {
        r = domain_flush(host.domain, (gpa_t){gpa}, size);
    } while (r == ERR_BUSY);
    return r;
}

void host_map(u64 gpa, u64 hpa, u64 size)
{
    check(domain_map(host.domain, (gpa_t){gpa}, (hpa_t){hpa}, size, PROT_READ | PROT_WRITE,
                     MEM_WB) == OK, "map");
    check(flush(gpa, size) == OK, "flush");
}

bool host_unmap(u64 gpa, u64 size)
{
    u64 unmapped;
    check(domain_unmap(host.domain, (gpa_t){gpa}, size, &unmapped) == OK, "unmap");
    return flush(gpa, size) == OK;
}

bool host_protect(u64 gpa, u64 size)
{
    check(domain_protect(host.domain, (gpa_t){gpa}, size, PROT_READ) == OK, "protect");
    return flush(gpa, size) == OK;
}

bool host_root_is_guest(void)
{
    return host.unit->active == VTD_ROOT_GUEST;
}

static const u64 *table(u64 entry)
{
    return port_hpa_to_ptr((hpa_t){entry & ~PAGE_MASK});
}

static u32 count_pasids(u64 context)
{
    u32 found = 0;
    for (u32 i = 0; i < 128u << (context >> 9 & 7); i++) {
        u64 dir = table(context)[i];
        for (u32 k = 0; (dir & 1) != 0 && k < 64; k++) {
            found += (u32)table(dir)[k * 8] & 1;
        }
    }
    return found;
}

u32 host_attached(void)
{
    const u64 *halves = table(host.unit->tables[VTD_ROOT_GUEST].root.v);
    u32 found = 0;
    for (u32 i = 0; i < 512; i++) {
        for (u32 k = 0; (halves[i] & 1) != 0 && k < 128; k++) {
            u64 context = table(halves[i])[k * 4];
            found += (context & 1) != 0 ? count_pasids(context) : 0;
        }
    }
    return found;
}

u32 host_domain_ids_used(void)
{
    struct did_unit *u;
    check(did_unit_get(host.unit, &u) == OK, "domain ids");
    u32 used = u->ids - 1;
    did_unit_put(u);
    return used;
}

u32 host_pages_kept(void)
{
    const struct vtd_root_tables *off = &host.unit->tables[VTD_ROOT_OFF];
    const u64 *halves = table(off->root.v);
    u32 kept = 0;
    for (u32 i = 0; i < 512; i++) {
        kept += (halves[i] & ~PAGE_MASK) != off->context.v;
    }
    for (u32 bus = 0; bus < 256; bus++) {
        kept += host.unit->history[bus].v != 0;
    }
    return kept + (host.unit->irt.v != 0 ? (u32)(IRTE_TABLE_MAX * sizeof(struct irte) / PAGE_SIZE) : 0);
}

void host_forgive_storms(void)
{
    for (u32 bus = 0; bus < 256; bus++) {
        if (host.unit->history[bus].v != 0) {
            memset(port_hpa_to_ptr(host.unit->history[bus]), 0, PAGE_SIZE);
        }
    }
    host.unit->watched = 0;
}

bool host_owns_status(u64 addr, size_t len)
{
    u64 status = host.unit->self.v + offsetof(struct vtd_unit, status);
    return addr >= status && addr < status + sizeof(host.unit->status) && len == 4;
}

hpa_t host_second_stage(void)
{
    return domain_unit_root(host.domain, domain_levels(host.domain));
}
