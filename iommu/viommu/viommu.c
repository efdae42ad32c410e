/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guest's unit as a whole: create, reset, destroy, and the entry points, each of which takes
 * the lock, gets a budget of steps and says if work is left.
 */
#include "iommu/viommu/viommu.h"

#include "iommu/port.h"
#include "iommu/spec/caps.h"
#include "iommu/viommu/bindings.h"
#include "iommu/viommu/command.h"
#include "iommu/viommu/event.h"
#include "iommu/viommu/fault.h"
#include "iommu/viommu/first_stage.h"
#include "iommu/viommu/host.h"
#include "iommu/viommu/irt.h"
#include "iommu/viommu/nested.h"
#include "iommu/viommu/queue.h"
#include "iommu/viommu/regs.h"
#include "iommu/viommu/scan.h"
#include "iommu/viommu/shadow.h"

static u32 or_default(u32 value, u32 fallback, u32 most)
{
    u32 chosen = value != 0 ? value : fallback;
    return least(chosen, most);
}

static void set_up(struct viommu *v, const struct viommu_config *config,
                   const struct host_unit *unit)
{
    v->config = *config;
    v->config.max_bindings = or_default(config->max_bindings, VIOMMU_BINDINGS_MAX, VIOMMU_BINDINGS_MAX);
    v->config.max_table_pages = or_default(config->max_table_pages, VIOMMU_TABLE_PAGES_DEFAULT,
                                           VIOMMU_TABLE_PAGES_MAX);
    v->root = config->sid_count != 0 ? VTD_ROOT_OWN_GUEST : VTD_ROOT_GUEST;
    v->wait_flags = viommu_is_owners(v) ? ~FIELD_MASK(DESC_WAIT_IF) : ~0ull;
    v->kind = config->shadows != NULL ? &viommu_shadowed : &viommu_nested;
    v->cap = viommu_caps_cap(v->kind->caps, unit->cap, config->interrupts);
    v->ecap = viommu_caps_ecap(v->kind->caps, unit->ecap, config->interrupts);
    if (viommu_is_owners(v)) { /* what the unit demands it has, whatever the guest turns on */
        v->ecap &= ~(field_mask(VTD_ECAP_EIMER) | field_mask(VTD_ECAP_IRREQ));
    }
    v->did_mask = (u16)vtd_cap_did_mask(v->cap);
    v->iotlb_offset = vtd_ecap_iotlb_offset(v->ecap);
    v->record_offset = vtd_cap_fault_offset(v->cap);
    v->record_count = vtd_cap_fault_records(v->cap);
    v->walk = (struct walk_config){.ops = config->ops, .ctx = config->ctx, .cap = v->cap,
                                   .ecap = v->ecap, .haw = unit->haw,
                                   .gpa_width = least(config->gpa_width, vtd_cap_mgaw(unit->cap))};
    v->reg[VREG_VER] = unit->ver;
}

/* What the host keeps for it is of before; its devices are blocked, so that there is no more. */
static void forget_faults(struct viommu *v)
{
    struct viommu_fault_event old;
    while (viommu_is_owners(v) && viommu_host_next_fault(v, &old)) {
    }
}

/* Everything but what set_up() filled in. */
static void power_on(struct viommu *v)
{
    viommu_regs_reset(v);
    viommu_queue_reset(v);
    viommu_host_forget_ids(v);
    viommu_fault_reset(v);
    forget_faults(v);
    viommu_irt_reset(v);
    v->command = (struct viommu_command){.set_root = false};
    v->scan = (struct viommu_scan){.kind = SCAN_IDLE};
    v->active_root = 0;
    v->as_left = false;
    v->walk.rtaddr = 0;
    v->left = false;
    viommu_event_mask_all(v);
}

/*
 * Firmware goes on as the guest, and a driver of its own would wait for ever for a queue that it has turned on and that
 * is off. So its unit looks as it was left, and does nothing until it gives a command that says what it is to do.
 */
static void show_as_left(struct viommu *v, const struct vtd_left *left)
{
    if (left->queue) {
        v->reg[VREG_IQA] = left->iqa & (FIELD_MASK(IQA_IQA) | IQA_DW | FIELD_MASK(IQA_QS));
        v->reg[VREG_IQT] = left->iqt & FIELD_MASK(IQT_QT);
        viommu_queue_enable_at(v, (u32)v->reg[VREG_IQT]);
    }
    if (left->translating) {
        v->reg[VREG_RTADDR] = left->rtaddr & (FIELD_MASK(RTADDR_RTA) | FIELD_MASK(RTADDR_TTM));
        v->active_root = v->reg[VREG_RTADDR];
        v->walk.rtaddr = v->active_root;
        v->reg[VREG_GSTS] |= GSTS_RTPS | GSTS_TES;
        v->as_left = true;
    }
}

enum result viommu_create(const struct viommu_config *config, struct viommu **out)
{
    struct host_unit unit;
    viommu_host_describe(config, &unit);
    enum result r = config->shadows == NULL ? viommu_nested_check(config, &unit) : OK;
    if (r != OK) {
        return r;
    }
    hpa_t memory;
    u32 own_pages = (u32)((sizeof(struct viommu) + PAGE_MASK) / PAGE_SIZE);
    r = port_pages_alloc(own_pages + 1, &memory);
    if (r != OK) {
        return r;
    }
    u8 *base = port_hpa_to_ptr(memory);
    struct viommu *v = (struct viommu *)(void *)base;
    v->memory = memory;
    v->memory_pages = own_pages + 1;
    v->scratch = base + (u64)own_pages * PAGE_SIZE;
    set_up(v, config, &unit);
    power_on(v);
    show_as_left(v, &unit.left);
    r = viommu_irt_create(v);
    if (r != OK) {
        port_pages_free(memory, v->memory_pages);
        return r;
    }
    if (config->shadows != NULL) {
        viommu_shadow_init(v);
    }
    *out = v;
    return OK;
}

/* Bounded by the quota on bindings: nothing of the guest's tables is read. */
static void tear_down(struct viommu *v)
{
    viommu_scan_start(v, SCAN_TEARDOWN);
    do {
        v->budget = VIOMMU_BUDGET;
    } while (!viommu_scan_run(v));
    viommu_bindings_free(v);
}

enum result viommu_reset(struct viommu *v)
{
    spin_lock(&v->lock);
    enum result r = viommu_host_select_root(v, false);
    r = r == OK ? viommu_irt_stop(v) : r;
    if (r == OK) {
        tear_down(v);
        r = viommu_host_clear(v);
        power_on(v);
    }
    spin_unlock(&v->lock);
    return r;
}

enum result viommu_isolate_interrupts(struct viommu *v)
{
    spin_lock(&v->lock);
    enum result r = viommu_irt_isolate(v);
    viommu_event_forward(v, true);
    viommu_event_forward(v, false);
    spin_unlock(&v->lock);
    return r;
}

void viommu_destroy(struct viommu *v)
{
    if (viommu_irt_end(v) != OK || viommu_reset(v) != OK) { /* the unit may still use what we would free */
        port_log(LOG_ERROR, "viommu: partition %u: the unit does not let go of its tables, which are kept",
                 v->config.partition);
        return;
    }
    if (v->config.shadows != NULL) {
        viommu_shadow_end(v);
    }
    port_pages_free(v->memory, v->memory_pages);
}

/*
 * What register writes have asked for and is not done: GCMD's commands, the scan under way, the
 * queue up to IQT. This is where a doorbell is served. Within v->budget; true if something is left.
 */
static bool run_pending(struct viommu *v)
{
    bool command_left = v->command.asked && viommu_command_run(v);
    bool queue_left = false;
    if (!v->command.scanning) {
        queue_left = viommu_queue_run(v);
        if (command_left && !v->queue.scanning) {
            command_left = viommu_command_run(v);
        }
    }
    if (v->command.queue_off && !queue_left && !v->queue.scanning) {
        v->command.queue_off = false;
        viommu_queue_disable(v);
        command_left = viommu_command_is_asked(v);
    }
    v->command.asked = command_left;
    v->left = command_left || queue_left;
    v->stats.leftovers += v->left ? 1 : 0;
    return v->left;
}

/* GSTS, CCMD or IOTLB, while what it is asked about is unfinished because the budget ended. */
static bool is_busy(const struct viommu *v, u32 offset)
{
    u32 at = offset & ~7u;
    return v->command.asked && v->budget == 0 &&
           (at == (VTD_GSTS & ~7u) || at == VTD_CCMD || at == v->iotlb_offset + VTD_IOTLB);
}

/* Out of line: reads that find nothing left are to be short. */
static not_inlined enum viommu_outcome go_on(struct viommu *v, u32 offset)
{
    v->budget = VIOMMU_BUDGET;
    if (!run_pending(v)) {
        return VIOMMU_DONE;
    }
    return is_busy(v, offset) ? VIOMMU_BUSY : VIOMMU_LEFT;
}

bool viommu_is_busy(struct viommu *v, u32 offset)
{
    spin_lock(&v->lock);
    bool busy = v->left && go_on(v, offset) == VIOMMU_BUSY;
    spin_unlock(&v->lock);
    return busy;
}

enum viommu_outcome viommu_mmio_read(struct viommu *v, u32 offset, u32 size, u64 *value)
{
    spin_lock(&v->lock);
    v->stats.exits++;
    v->stats.reads++;
    enum viommu_outcome outcome = v->left ? go_on(v, offset) : VIOMMU_DONE;
    *value = viommu_regs_read(v, offset, size);
    spin_unlock(&v->lock);
    return outcome;
}

bool viommu_mmio_write(struct viommu *v, u32 offset, u32 size, u64 value)
{
    spin_lock(&v->lock);
    v->stats.exits++;
    v->budget = VIOMMU_BUDGET;
    viommu_regs_write(v, offset, size, value);
    bool left = run_pending(v);
    spin_unlock(&v->lock);
    return left;
}

bool viommu_run(struct viommu *v, u32 *budget)
{
    spin_lock(&v->lock);
    v->budget = *budget;
    bool left = run_pending(v);
    *budget = v->budget;
    spin_unlock(&v->lock);
    return left;
}

void viommu_poll_faults(struct viommu *v)
{
    spin_lock(&v->lock);
    viommu_fault_poll(v);
    spin_unlock(&v->lock);
}

void viommu_set_alert(struct viommu *v, u64 address, u32 data)
{
    spin_lock(&v->lock);
    vtd_alert_init(v->config.unit, address, data);
    spin_unlock(&v->lock);
}

void viommu_get_registers(struct viommu *v, struct viommu_registers *out)
{
    spin_lock(&v->lock);
    *out = (struct viommu_registers){.cap = v->cap, .ecap = v->ecap, .rtaddr = v->active_root, .irta = v->irt.irta,
                                     .gsts = (u32)v->reg[VREG_GSTS], .fsts = v->faults.status};
    spin_unlock(&v->lock);
}

u32 viommu_trace(struct viommu *v, gpa_t root, bool five_levels, u64 addr, struct viommu_step steps[5], bool *readable)
{
    const struct guest_entry entry = {.present = true, .five_levels = five_levels, .fs_root = root};
    spin_lock(&v->lock);
    u32 count = viommu_first_stage_trace(&v->walk, &entry, addr, steps, readable);
    spin_unlock(&v->lock);
    return count;
}

void viommu_get_stats(const struct viommu *v, struct viommu_stats *out)
{
    *out = v->stats;
}
