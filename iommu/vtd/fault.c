/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fault records, VT-d 7.2, 11.4.7.8 and table 30: each becomes a value for the caller and, as
 * long as there are not too many, a line. What becomes of the device: iommu/vtd/storm.c.
 */
#include "iommu/vtd/state.h"

enum { SECOND_US = 1000000, LINES_PER_SECOND = 8, ANY_SID = 1 << 16 };

void vtd_fault_get_counts(const struct vtd_unit *unit, struct vtd_fault_counts *out)
{
    *out = unit->faults;
}

void vtd_fault_set_owners(struct vtd_unit *unit, struct vtd_owner *owners, u32 count)
{
    unit->owners = owners;
    unit->owner_count = count;
}

/* NULL: nobody's in particular. */
static struct vtd_owner *owner_of(const struct vtd_unit *unit, u16 sid)
{
    u32 i = 0;
    while (i < unit->owner_count && unit->owners[i].sid != sid) {
        i++;
    }
    return i < unit->owner_count ? &unit->owners[i] : NULL;
}

static void decode(const struct fault_record *r, struct vtd_fault *out)
{
    *out = (struct vtd_fault){
        .sid = (u16)frcd_get(r, FRCD_SID),
        .reason = (u8)frcd_get(r, FRCD_FR),
        .has_pasid = frcd_get(r, FRCD_PP) != 0,
        .read = frcd_get(r, FRCD_T1) != 0 && frcd_get(r, FRCD_T2) == 0,
        .atomic = frcd_get(r, FRCD_T1) != 0 && frcd_get(r, FRCD_T2) != 0,
        .exec = frcd_get(r, FRCD_EXE) != 0,
        .priv = frcd_get(r, FRCD_PRIV) != 0,
        .pasid = (u32)frcd_get(r, FRCD_PV),
        .addr = r->w[0] & ~PAGE_MASK,
    };
}

/* That record, if it is of that source-id or of any; it is free then. */
static bool take(const struct vtd_unit *unit, u32 index, u32 sid, struct vtd_fault *out)
{
    u64 base = unit->info.base.v + vtd_cap_fault_offset(unit->info.cap);
    hpa_t at = {base + (u64)index * sizeof(struct fault_record)};
    u64 high = port_mmio_read64((hpa_t){at.v + 8});
    if ((high & field_mask(FRCD_F)) == 0) {
        return false;
    }
    const struct fault_record record = {{port_mmio_read64(at), high}};
    decode(&record, out);
    if (sid != ANY_SID && sid != out->sid) {
        return false;
    }
    port_mmio_write32((hpa_t){at.v + 12}, (u32)(field_mask(FRCD_F) >> 32));
    return true;
}

static bool take_record(struct vtd_unit *unit, struct vtd_fault *out)
{
    u32 count = vtd_cap_fault_records(unit->info.cap);
    for (u32 tried = 0; tried < count; tried++) {
        bool taken = take(unit, unit->fault_next % count, ANY_SID, out);
        unit->fault_next = (unit->fault_next + 1) % count;
        if (taken) {
            return true;
        }
    }
    return false;
}

/* A second's first few lines; true while there is room for another. */
static bool may_say(struct vtd_unit *unit, u64 now)
{
    if (now - unit->log_since_us >= SECOND_US) {
        if (unit->log_dropped != 0) {
            port_log(LOG_WARNING, "unit %u: %u more faults in that second", unit->info.index,
                     unit->log_dropped);
        }
        unit->log_since_us = now;
        unit->log_lines = unit->log_dropped = 0;
    }
    if (unit->log_lines < LINES_PER_SECOND) {
        unit->log_lines++;
        return true;
    }
    unit->log_dropped++;
    return false;
}

/* " pasid 0x00005", or nothing. */
static void pasid_text(const struct vtd_fault *f, char text[16])
{
    static const char lead[] = " pasid 0x";
    u32 n = 0;
    for (; f->has_pasid && lead[n] != 0; n++) {
        text[n] = lead[n];
    }
    for (u32 shift = 20; f->has_pasid && shift != 0;) {
        shift -= 4;
        text[n++] = "0123456789abcdef"[f->pasid >> shift & 15];
    }
    text[n] = 0;
}

/* Table 15. Where no entry was asked for the index is undefined (VT-d 11.4.7.6); whoever reads the line has to know. */
static void say_interrupt(const struct vtd_unit *unit, const struct vtd_fault *f, const char *of, const char *name)
{
    port_log(LOG_WARNING, "unit %u: %#x interrupt, index %u: %s (reason 0x%02x)%s%s", unit->info.index, f->sid,
             (u32)field_get(&f->addr, FRCD_INDEX), vtd_fault_text(f->reason), f->reason, of, name);
}

static void say(const struct vtd_unit *unit, const struct vtd_fault *f, const struct vtd_owner *owner)
{
    const char *of = owner != NULL ? ", of partition " : "";
    const char *name = owner != NULL ? owner->name : "";
    if (vtd_fault_is_interrupt(f->reason)) {
        say_interrupt(unit, f, of, name);
        return;
    }
    char pasid[16];
    const char *type = f->atomic ? "atomic" : f->read ? "read" : "write";
    pasid_text(f, pasid);
    port_log(LOG_WARNING, "unit %u: %#x%s %s%s%s 0x%llx: %s (reason 0x%02x)%s%s",
             unit->info.index, f->sid, pasid, type, f->exec ? " execute" : "",
             f->priv ? " supervisor" : "", f->addr, vtd_fault_text(f->reason), f->reason, of, name);
}

static void note_overflow(struct vtd_unit *unit, u64 now)
{
    /* Only now, with every record free (VT-d 7.2.1). At least one fault has no record. */
    unit->faults.lost++;
    if (may_say(unit, now)) {
        port_log(LOG_WARNING, "unit %u: fault records overflowed, faults were lost",
                 unit->info.index);
    }
    vtd_regs_write32(unit, VTD_FSTS, FSTS_PFO);
    vtd_storm_overflow(unit, now);
}

/* One more than the guest's unit has records: more would only be an overflow there, too. */
static void keep(struct vtd_owner *owner, const struct vtd_fault *f)
{
    if (owner->kept < VTD_FAULTS_KEPT) {
        owner->list[(owner->first + owner->kept++) % VTD_FAULTS_KEPT] = *f;
    }
}

bool vtd_fault_kept(struct vtd_unit *unit, u16 sid, struct vtd_fault *out)
{
    spin_lock(&unit->lock);
    struct vtd_owner *owner = owner_of(unit, sid);
    bool found = owner != NULL && owner->keeper == unit && owner->kept != 0;
    if (found) {
        *out = owner->list[owner->first];
        owner->first = (owner->first + 1) % VTD_FAULTS_KEPT;
        owner->kept--;
    }
    spin_unlock(&unit->lock);
    return found;
}

static void note(struct vtd_unit *unit, const struct vtd_fault *f, u64 now)
{
    bool interrupt = vtd_fault_is_interrupt(f->reason);
    struct vtd_owner *owner = owner_of(unit, f->sid);
    unit->faults.seen++;
    if (owner != NULL) {
        __atomic_fetch_add(&owner->faults, 1, __ATOMIC_RELAXED); /* it is in the lists of all units */
    }
    if (owner != NULL && owner->keeper == unit) {
        keep(owner, f);
    }
    if (may_say(unit, now)) {
        say(unit, f, owner);
    }
    if (interrupt) {
        vtd_storm_other(unit);
    } else {
        vtd_storm_count(unit, f->sid, now);
    }
    vtd_sweep_looked(unit, interrupt ? SWEEP_FOUND_INTERRUPT : SWEEP_FOUND_DMA, f->sid, now);
}

void vtd_fault_forget(struct vtd_unit *unit, u16 sid)
{
    struct vtd_owner *owner = owner_of(unit, sid);
    struct vtd_fault f;
    if (owner == NULL) {
        return;
    }
    vtd_alert_serve(unit);
    u32 fsts = vtd_regs_read32(unit, VTD_FSTS);
    u32 count = (fsts & FSTS_PPF) != 0 ? vtd_cap_fault_records(unit->info.cap) : 0;
    for (u32 i = 0; i < count; i++) {
        if (take(unit, i, sid, &f)) {
            note(unit, &f, port_now_us());
        }
    }
    owner->kept = owner->keeper == unit ? 0 : owner->kept;
    vtd_alert_served(unit, fsts);
}

static bool next(struct vtd_unit *unit, u32 fsts, u64 now, struct vtd_fault *out)
{
    if (vtd_regs_are_gone(unit, fsts)) {
        return false;
    }
    if ((fsts & (FSTS_IQE | FSTS_ITE | FSTS_ICE)) != 0 || unit->queue_dead) {
        vtd_queue_poll(unit);
    }
    if (!vtd_sweep_may_look(unit, now)) {
        return false;
    }
    if ((fsts & FSTS_PPF) != 0 && take_record(unit, out)) {
        note(unit, out, now);
        return true;
    }
    if ((fsts & FSTS_PFO) != 0) {
        note_overflow(unit, now);
    }
    vtd_sweep_looked(unit, SWEEP_FOUND_NONE, 0, now);
    return false;
}

bool vtd_fault_next(struct vtd_unit *unit, struct vtd_fault *out)
{
    u64 now = port_now_us();
    spin_lock(&unit->lock);
    vtd_alert_serve(unit);
    u32 fsts = vtd_regs_read32(unit, VTD_FSTS);
    bool found = next(unit, fsts, now, out);
    vtd_alert_served(unit, fsts);
    vtd_storm_forgive(unit, now);
    spin_unlock(&unit->lock);
    return found;
}
