/*
 * Fault records, VT-d 7.2, 11.4.7.8 and table 30: each becomes a value for the caller and, as
 * long as there are not too many, a line. What becomes of the device: iommu/vtd/storm.c.
 */
#include "iommu/vtd/state.h"

enum { SECOND_US = 1000000, LINES_PER_SECOND = 8 };

static const struct { u8 reason; const char *text; } texts[] = {
    {0x01, "root entry not present"}, {0x02, "context entry not present"},
    {0x03, "context entry invalid"}, {0x04, "address beyond the width"},
    {0x05, "write not permitted"}, {0x06, "read not permitted"},
    {0x07, "second-stage entry cannot be read"}, {0x08, "root entry cannot be read"},
    {0x09, "context entry cannot be read"}, {0x0a, "root entry has reserved bits"},
    {0x0b, "context entry has reserved bits"}, {0x0c, "second-stage entry has reserved bits"},
    {0x0d, "translation request not permitted"}, {0x0e, "output in the interrupt range"},
    {0x20, "interrupt request has reserved bits"}, {0x21, "interrupt index beyond the table"},
    {0x22, "interrupt entry not present"}, {0x23, "interrupt table cannot be read"},
    {0x24, "interrupt entry has reserved bits"}, {0x25, "compatibility interrupt blocked"},
    {0x26, "interrupt source refused"}, {0x30, "table mode invalid"},
    {0x31, "PASID in legacy mode"}, {0x32, "page request in legacy mode"},
    {0x33, "abort-DMA mode"}, {0x38, "root entry cannot be read"},
    {0x39, "root entry not present"}, {0x3a, "root entry has reserved bits"},
    {0x40, "context entry cannot be read"}, {0x41, "context entry not present"},
    {0x42, "context entry has reserved bits"}, {0x43, "context entry invalid"},
    {0x44, "device TLB not permitted"}, {0x45, "PASID not permitted"},
    {0x46, "PASID beyond the directory"}, {0x47, "page request not permitted"},
    {0x48, "PASID is RID_PASID"}, {0x50, "PASID directory cannot be read"},
    {0x51, "PASID directory entry not present"}, {0x52, "PASID directory entry has reserved bits"},
    {0x58, "PASID entry cannot be read"}, {0x59, "PASID entry not present"},
    {0x5a, "PASID entry has reserved bits"}, {0x5b, "PASID entry invalid"},
    {0x5c, "execute not permitted"}, {0x5d, "supervisor request not permitted"},
    {0x70, "first-stage entry cannot be read"}, {0x71, "first-stage entry not present"},
    {0x72, "first-stage entry has reserved bits"}, {0x73, "first-stage root cannot be read"},
    {0x74, "first-stage entry beyond the width"}, {0x75, "first-stage root denied by the second stage"},
    {0x76, "first-stage table denied by the second stage"},
    {0x77, "first-stage A/D update denied by the second stage"},
    {0x78, "second-stage entry cannot be read"}, {0x79, "second-stage entry not present"},
    {0x7a, "second-stage entry has reserved bits"}, {0x7b, "second-stage root cannot be read"},
    {0x7c, "second-stage A/D update without snoop"}, {0x7d, "second-stage A/D update failed"},
    {0x80, "address not canonical"}, {0x81, "user request to a supervisor page"},
    {0x83, "address beyond the host's width"}, {0x84, "address beyond the second stage's width"},
    {0x85, "write not permitted"}, {0x86, "read not permitted"},
    {0x87, "output in the interrupt range"}, {0x89, "PASID beyond the unit's width"},
    {0x90, "first-stage A/D update without snoop"}, {0x91, "first-stage A/D update failed"},
};

const char *vtd_fault_text(u8 reason)
{
    for (u32 i = 0; i < ARRAY_LEN(texts); i++) {
        if (texts[i].reason == reason) {
            return texts[i].text;
        }
    }
    return "reason unknown";
}

void vtd_fault_get_counts(const struct vtd_unit *unit, struct vtd_fault_counts *out)
{
    *out = unit->faults;
}

/* T1 (bit 62) and T2 (bit 28): 00 write, 10 read, 11 atomic. */
static void decode(u64 low, u64 high, struct vtd_fault *out)
{
    *out = (struct vtd_fault){
        .sid = (u16)high,
        .reason = (u8)(high >> 32),
        .has_pasid = (high >> 31 & 1) != 0,
        .read = (high >> 62 & 1) != 0 && (high >> 28 & 1) == 0,
        .atomic = (high >> 62 & 1) != 0 && (high >> 28 & 1) != 0,
        .exec = (high >> 30 & 1) != 0,
        .priv = (high >> 29 & 1) != 0,
        .pasid = (u32)(high >> 40) & 0xfffff,
        .addr = low & ~PAGE_MASK,
    };
}

static bool take_record(struct vtd_unit *unit, struct vtd_fault *out)
{
    u32 count = vtd_cap_fault_records(unit->info.cap);
    hpa_t base = {unit->info.base.v + vtd_cap_fault_offset(unit->info.cap)};
    for (u32 tried = 0; tried < count; tried++) {
        hpa_t at = {base.v + (u64)(unit->fault_next % count) * 16};
        u64 high = port_mmio_read64((hpa_t){at.v + 8});
        if ((high & FRCD_F) != 0) {
            decode(port_mmio_read64(at), high, out);
            port_mmio_write32((hpa_t){at.v + 12}, (u32)(FRCD_F >> 32));
            unit->fault_next = (unit->fault_next + 1) % count;
            return true;
        }
        unit->fault_next = (unit->fault_next + 1) % count;
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

static void say(const struct vtd_unit *unit, const struct vtd_fault *f)
{
    char pasid[16];
    const char *type = f->atomic ? "atomic" : f->read ? "read" : "write";
    pasid_text(f, pasid);
    port_log(LOG_WARNING, "unit %u: %02x:%02x.%x%s %s%s%s 0x%llx: %s (reason 0x%02x)", unit->info.index,
             f->sid >> 8, f->sid >> 3 & 31, f->sid & 7, pasid, type, f->exec ? " execute" : "",
             f->priv ? " supervisor" : "", f->addr, vtd_fault_text(f->reason), f->reason);
}

static void note_overflow(struct vtd_unit *unit, u64 now)
{
    /* Only now, with every record free (VT-d 7.2.1). At least one fault has no record. */
    unit->faults.lost++;
    if (may_say(unit, now)) {
        port_log(LOG_WARNING, "unit %u: fault records overflowed, faults were lost",
                 unit->info.index);
    }
    vtd_write32(unit, VTD_FSTS, FSTS_PFO);
}

static bool next(struct vtd_unit *unit, u64 now, struct vtd_fault *out)
{
    u32 fsts = vtd_read32(unit, VTD_FSTS);
    if ((fsts & (FSTS_IQE | FSTS_ITE | FSTS_ICE)) != 0) {
        vtd_queue_poll(unit);
    }
    if ((fsts & FSTS_PPF) != 0 && take_record(unit, out)) {
        unit->faults.seen++;
        if (may_say(unit, now)) {
            say(unit, out);
        }
        vtd_storm_count(unit, out->sid, now);
        return true;
    }
    if ((fsts & FSTS_PFO) != 0) {
        note_overflow(unit, now);
    }
    return false;
}

bool vtd_fault_next(struct vtd_unit *unit, struct vtd_fault *out)
{
    u64 now = port_now_us();
    spin_lock(&unit->lock);
    bool found = next(unit, now, out);
    vtd_storm_forgive(unit, now);
    spin_unlock(&unit->lock);
    return found;
}
