/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * host.h on the driver (vtd.h) and the domains (domain.h): a binding is what the unit's kind makes of a guest's
 * table or the partition's second stage, attached in the unit's guest root or, for an owner's guest, in what stands for
 * it. Pages that the guest's entries cost are counted before they are taken.
 */
#include "iommu/viommu/host.h"

#include "iommu/domain/domain.h"
#include "iommu/viommu/bindings.h"

void viommu_host_describe(const struct viommu_config *config, struct host_unit *out)
{
    struct vtd_unit_info info;
    vtd_unit_get_info(config->unit, &info);
    *out = (struct host_unit){.ver = info.ver, .cap = info.cap, .ecap = info.ecap, .haw = info.haw,
                              .nesting = info.nesting, .left = config->sid_count == 0 ? info.left
                                                                                      : (struct vtd_left){false}};
}

enum result viommu_host_select_root(struct viommu *v, bool guest)
{
    if (viommu_is_owners(v)) {
        return vtd_own_select(v->config.unit, v->config.sids, v->config.sid_count, guest);
    }
    return vtd_root_select(v->config.unit, guest ? VTD_ROOT_GUEST : VTD_ROOT_OFF);
}

enum result viommu_host_clear(struct viommu *v)
{
    const struct vtd_sources own = {v->config.ops->has_sources, v->config.ctx};
    return viommu_is_owners(v) ? OK : vtd_root_clear_guest(v->config.unit, &own);
}

/* --- pages --- */

/*
 * PASIDs that the host's directory is to have room for: as far as the entry at hand needs it. A guest's may be of 32
 * pages and its entries all in the first.
 */
static not_inlined u32 reach(const struct viommu *v, const struct viommu_device *device, u32 pasid)
{
    u32 carried = viommu_walk_pasid_count(&v->walk, &device->context);
    u32 pasids = device->pages != 0 ? device->pasids : PASID_DIR_ENTRIES_PER_PAGE * PASIDS_PER_TABLE;
    while (pasid != device->context.rid_pasid && pasids <= pasid) {
        pasids *= 2;
    }
    return pasids < carried ? pasids : carried;
}

static struct vtd_context host_context(const struct guest_context *context, u32 pasids)
{
    return (struct vtd_context){.rid_pasid = context->rid_pasid, .pasids = context->paside ? pasids : 0};
}

static u32 directory_pages(const struct guest_context *context, u32 pasids)
{
    const struct vtd_context host = host_context(context, pasids);
    return vtd_device_directory_pages(&host);
}

/* What an entry costs: the first of a device a directory, a high PASID a larger one, the first of 64 PASIDs a table. */
static u32 cost(struct viommu *v, const struct viommu_device *device, u16 sid, u32 pasid)
{
    u32 there = device->pages != 0 ? directory_pages(&device->context, device->pasids) : 0;
    u32 directory = directory_pages(&device->context, reach(v, device, pasid)) - there;
    bool has_table = vtd_device_has_table(v->config.unit, v->root, sid, pasid);
    return directory + (has_table ? 0 : 1);
}

/* A context of the device's own whose directory reaches the PASID. */
static enum result open_device(struct viommu *v, struct viommu_device *device, u16 sid, u32 pasid)
{
    u32 pasids = reach(v, device, pasid);
    const struct vtd_context host = host_context(&device->context, pasids);
    enum result r = OK;
    if (device->pages == 0) {
        r = vtd_device_open(v->config.unit, v->root, sid, &host);
    } else if (pasids > device->pasids && device->context.paside) {
        r = vtd_device_grow(v->config.unit, v->root, sid, pasids);
    }
    if (r == OK) {
        device->pages += directory_pages(&device->context, pasids) -
                         (device->pages != 0 ? directory_pages(&device->context, device->pasids) : 0);
        device->pasids = pasids;
    }
    return r;
}

static enum result close_device(struct viommu *v, struct viommu_device *device, u16 sid)
{
    enum result r = vtd_device_close(v->config.unit, v->root, sid);
    viommu_bindings_refund(v, device->pages);
    device->pages = 0;
    return r;
}

/* --- domain ids --- */

void viommu_host_look_up_ids(struct viommu *v, u16 guest_did)
{
    struct viommu_host_ids *ids = &v->ids;
    ids->count = did_of_guest(v->config.unit, v->config.partition, guest_did, ids->host, VIOMMU_HOST_DIDS);
    ids->guest_did = guest_did;
}

void viommu_host_forget_ids(struct viommu *v)
{
    v->ids.guest_did = VIOMMU_NO_DID;
}

/* --- entries --- */

/* RID_PASID is the entry of requests without PASID. */
static u32 host_pasid(const struct guest_context *context, u32 pasid)
{
    return pasid == context->rid_pasid ? VTD_NO_PASID : pasid;
}

static enum result make(struct viommu *v, const struct bind_plan *plan, void **out)
{
    *out = NULL;
    return plan->kind == BIND_SECOND_STAGE ? OK : v->kind->make(v, plan, out);
}

static void drop(struct viommu *v, const struct bind_plan *plan, void *host)
{
    if (host != NULL) {
        v->kind->drop(v, plan, host);
    }
}

static enum result attach_entry(struct viommu *v, void *host, u16 sid, u32 pasid)
{
    return host != NULL ? v->kind->attach(v, host, sid, pasid)
                        : domain_attach(v->config.parent, v->config.unit, v->root, sid, pasid);
}

static enum result bind_new(struct viommu *v, const struct viommu_device *device,
                            struct viommu_binding *binding, const struct bind_plan *plan)
{
    void *host;
    enum result r = make(v, plan, &host);
    if (r != OK) {
        return r;
    }
    r = attach_entry(v, host, binding->sid, host_pasid(&device->context, binding->pasid));
    if (r != OK) {
        drop(v, plan, host);
        return r;
    }
    binding->host = host;
    return OK;
}

enum result viommu_host_attach(struct viommu *v, struct viommu_device *device,
                               struct viommu_binding *binding, const struct bind_plan *plan)
{
    u16 sid = binding->sid;
    u32 pages = cost(v, device, sid, binding->pasid);
    u32 before = device->pages;
    viommu_host_forget_ids(v);
    if (!viommu_bindings_charge(v, pages)) {
        return ERR_QUOTA;
    }
    enum result r = open_device(v, device, sid, binding->pasid);
    if (r != OK) {
        viommu_bindings_refund(v, pages);
        return r;
    }
    r = bind_new(v, device, binding, plan);
    u32 not_taken = r != OK ? cost(v, device, sid, binding->pasid) : 0;
    device->pages = before + pages - not_taken;
    viommu_bindings_refund(v, not_taken);
    if (r != OK && device->count == 0 && close_device(v, device, sid) != OK) {
        v->stats.host_errors++;
    }
    return r;
}

enum result viommu_host_replace(struct viommu *v, const struct viommu_device *device,
                                struct viommu_binding *binding, const struct bind_plan *plan)
{
    u32 pasid = host_pasid(&device->context, binding->pasid);
    void *host;
    enum result r = make(v, plan, &host);
    if (r != OK) {
        return r;
    }
    viommu_host_forget_ids(v);
    r = host != NULL ? v->kind->replace(v, host, binding->sid, pasid)
                     : domain_replace(v->config.parent, v->config.unit, v->root, binding->sid, pasid);
    if (r != OK) {
        drop(v, plan, host);
        return r;
    }
    drop(v, &binding->plan, binding->host);
    binding->host = host;
    return OK;
}

enum result viommu_host_detach(struct viommu *v, struct viommu_device *device,
                               struct viommu_binding *binding, bool last)
{
    u32 pasid = host_pasid(&device->context, binding->pasid);
    void *host = binding->host;
    viommu_host_forget_ids(v);
    enum result r = host != NULL ? v->kind->detach(v, host, binding->sid, pasid)
                                 : domain_detach(v->config.parent, v->config.unit, v->root, binding->sid, pasid);
    drop(v, &binding->plan, host);
    if (last) {
        enum result closed = close_device(v, device, binding->sid);
        r = r != OK ? r : closed;
    }
    return r;
}

void viommu_host_show_device(struct viommu *v, u16 sid)
{
    vtd_device_show(v->config.unit, v->root, sid);
}

/* --- interrupts --- */

enum result viommu_host_irt_create(struct viommu *v)
{
    return viommu_is_owners(v) ? OK : vtd_irt_create(v->config.unit);
}

const struct irte *viommu_host_irt_entries(const struct viommu *v)
{
    return vtd_irt_entries(v->config.unit);
}

void viommu_host_irt_set(struct viommu *v, u32 index, const struct irte *e)
{
    vtd_irt_set(v->config.unit, index, e);
}

enum result viommu_host_irt_on(struct viommu *v, bool eime)
{
    return viommu_is_owners(v) ? OK : vtd_irt_enable(v->config.unit, eime);
}

enum result viommu_host_irt_off(struct viommu *v)
{
    return vtd_irt_disable(v->config.unit);
}

enum result viommu_host_irt_pass(struct viommu *v, bool compatibility)
{
    return vtd_irt_pass_compatibility(v->config.unit, compatibility);
}

enum result viommu_host_irt_isolate(struct viommu *v)
{
    return vtd_irt_isolate(v->config.unit);
}

enum result viommu_host_irt_end(struct viommu *v)
{
    return vtd_irt_restore(v->config.unit);
}

bool viommu_host_irt_firmware(const struct viommu *v, u64 *irta, bool *compatibility)
{
    return !viommu_is_owners(v) && vtd_irt_get_firmware(v->config.unit, irta, compatibility);
}

/* --- queue, faults, events --- */

enum result viommu_host_post(struct viommu *v, const struct vtd_desc *descs, u32 count)
{
    return vtd_queue_post(v->config.unit, descs, count, &v->share);
}

bool viommu_host_next_fault(struct viommu *v, struct viommu_fault_event *out)
{
    struct vtd_fault f;
    bool found = !viommu_is_owners(v) && vtd_fault_next(v->config.unit, &f);
    for (u32 i = 0; !found && i < v->config.sid_count; i++) {
        found = vtd_fault_kept(v->config.unit, v->config.sids[i], &f);
    }
    if (!found) {
        return false;
    }
    *out = (struct viommu_fault_event){
        .sid = f.sid, .has_pasid = f.has_pasid, .pasid = f.pasid, .reason = f.reason,
        .addr = f.addr,
        .attributes = field_put(FRCD_T1, f.read || f.atomic) | field_put(FRCD_T2, f.atomic) |
                      field_put(FRCD_EXE, f.exec) | field_put(FRCD_PRIV, f.priv),
    };
    return true;
}

u32 viommu_host_read_event(struct viommu *v, u32 offset)
{
    return vtd_regs_event_read(v->config.unit, offset);
}

void viommu_host_write_event(struct viommu *v, u32 offset, u32 value)
{
    if (!viommu_is_owners(v)) {
        vtd_regs_event_write(v->config.unit, offset, value);
    }
}

void viommu_host_hold_alert(struct viommu *v)
{
    if (!viommu_is_owners(v)) {
        vtd_alert_hold(v->config.unit);
    }
}

void viommu_host_yield_alert(struct viommu *v)
{
    if (!viommu_is_owners(v)) {
        vtd_alert_yield(v->config.unit);
    }
}
