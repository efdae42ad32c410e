/*
 * A unit's whole remapping state as text: its registers, then the walk of one address
 * from the root entry down. Reads memory and registers only.
 */
#include "iommu/vtd/state.h"

enum { P = 1, LARGE = 0x80, INDEX_BITS = 9 };

#define ADDRESS 0x000ffffffffff000ull

static const char *const root_names[] = {"off", "guest"};

static void dump_registers(struct vtd_unit *unit)
{
    char text[VTD_CAPS_TEXT];
    u32 gsts = vtd_read32(unit, VTD_GSTS), fsts = vtd_read32(unit, VTD_FSTS);
    u32 fectl = vtd_read32(unit, VTD_FECTL);
    port_log(LOG_INFO, "unit %u at 0x%llx: VER %u.%u, root \"%s\"", unit->info.index, unit->info.base.v,
             unit->info.ver >> 4 & 15, unit->info.ver & 15, root_names[unit->active]);
    vtd_cap_text(unit->info.cap, text);
    port_log(LOG_INFO, "  CAP   0x%016llx %s", unit->info.cap, text);
    vtd_ecap_text(unit->info.ecap, text);
    port_log(LOG_INFO, "  ECAP  0x%016llx %s", unit->info.ecap, text);
    port_log(LOG_INFO, "  GSTS  0x%08x%s%s%s", gsts, (gsts & GSTS_TES) != 0 ? " TES" : "",
             (gsts & GSTS_QIES) != 0 ? " QIES" : "", (gsts & GSTS_IRES) != 0 ? " IRES" : "");
    port_log(LOG_INFO, "  RTADDR 0x%llx", vtd_read64(unit, VTD_RTADDR));
    port_log(LOG_INFO, "  IQA 0x%llx IQH 0x%llx IQT 0x%llx IQERCD 0x%llx", vtd_read64(unit, VTD_IQA),
             vtd_read64(unit, VTD_IQH), vtd_read64(unit, VTD_IQT), vtd_read64(unit, VTD_IQERCD));
    port_log(LOG_INFO, "  FSTS  0x%08x%s%s%s%s FECTL 0x%08x", fsts,
             (fsts & FSTS_PPF) != 0 ? " PPF" : "", (fsts & FSTS_PFO) != 0 ? " PFO" : "",
             (fsts & FSTS_IQE) != 0 ? " IQE" : "", (fsts & FSTS_ITE) != 0 ? " ITE" : "", fectl);
    port_log(LOG_INFO, "  faults: %llu seen, %llu overflows, %llu silenced, %llu blocked", unit->faults.seen,
             unit->faults.lost, unit->faults.silenced, unit->faults.blocked);
}

/* EMT of a leaf, SDM 29.3.2: only ordinary memory is read; a device's registers are not touched. */
static bool is_memory(u64 leaf)
{
    return (leaf >> 3 & 7) == 6;
}

/* The second stage for one address; true and the leaf when it is mapped. */
static bool dump_second_stage(hpa_t root, u32 levels, u64 gpa, const char *indent, u64 *hpa,
                              u64 *leaf)
{
    u64 at = root.v;
    for (u32 level = levels; level >= 1; level--) {
        u32 shift = PAGE_SHIFT + INDEX_BITS * (level - 1);
        const u64 *table = port_hpa_to_ptr((hpa_t){at});
        u64 entry = table[gpa >> shift & 511];
        port_log(LOG_INFO, "%ssecond stage level %u at 0x%llx: 0x%016llx", indent, level, at, entry);
        if ((entry & 3) == 0) {
            return false;
        }
        if (level == 1 || (entry & LARGE) != 0) {
            u64 mask = (1ull << shift) - 1;
            *leaf = entry;
            *hpa = (entry & ADDRESS & ~mask) | (gpa & mask);
            port_log(LOG_INFO, "%sGPA 0x%llx is HPA 0x%llx%s%s", indent, gpa, *hpa,
                     (entry & 1) != 0 ? " R" : "", (entry & 2) != 0 ? " W" : "");
            return true;
        }
        at = entry & ADDRESS;
    }
    return false;
}

/* Where a first-stage table lies; false when it cannot be read. */
static bool find_table(const struct vtd_entry *e, u32 level, u64 at, u64 *hpa)
{
    u64 leaf = 0;
    *hpa = at;
    if (e->pgtt != PGTT_NESTED) {
        return true;
    }
    if (dump_second_stage(e->ss_root, e->ss_levels, at, "      ", hpa, &leaf) && is_memory(leaf)) {
        return true;
    }
    port_log(LOG_INFO, "    first stage level %u: table GPA 0x%llx is not in memory", level, at);
    return false;
}

/* The first stage: every table address goes through the second stage when nested. */
static void dump_first_stage(const struct vtd_entry *e, u64 addr)
{
    u64 at = e->fs_root, entry = 0, hpa, leaf;
    u32 shift = 0;
    for (u32 level = e->fs_width == 57 ? 5 : 4; level >= 1; level--) {
        shift = PAGE_SHIFT + INDEX_BITS * (level - 1);
        if (!find_table(e, level, at, &hpa)) {
            return;
        }
        const u64 *table = port_hpa_to_ptr((hpa_t){hpa});
        entry = table[addr >> shift & 511];
        port_log(LOG_INFO, "    first stage level %u at GPA 0x%llx HPA 0x%llx: 0x%016llx", level, at, hpa,
                 entry);
        if ((entry & P) == 0) {
            return;
        }
        at = entry & ADDRESS;
        if ((entry & LARGE) != 0) {
            break;
        }
    }
    at = (at & ~((1ull << shift) - 1)) | (addr & ((1ull << shift) - 1));
    port_log(LOG_INFO, "    address 0x%llx is GPA 0x%llx", addr, at);
    if (e->pgtt == PGTT_NESTED) {
        (void)dump_second_stage(e->ss_root, e->ss_levels, at, "      ", &hpa, &leaf);
    }
}

static const char *pgtt_text(u32 pgtt)
{
    static const char *const types[] = {"?", "first-stage", "second-stage", "nested", "pass-through"};
    return types[pgtt <= PGTT_PASS_THROUGH ? pgtt : 0];
}

static void dump_entry(const struct vtd_entry *e, u64 addr)
{
    u64 hpa, leaf;
    port_log(LOG_INFO, "  PGTT = %s DID %u second stage 0x%llx/%u first stage 0x%llx/%u%s%s%s%s%s%s",
             pgtt_text(e->pgtt), e->did, e->ss_root.v, e->ss_levels, e->fs_root, e->fs_width,
             e->sre ? " SRE" : "", e->wpe ? " WPE" : "", e->eafe ? " EAFE" : "", e->ss_ad ? " SSADE" : "",
             e->force_snoop ? " PGSNP" : "", e->fpd ? " FPD" : "");
    if (e->pgtt == PGTT_SECOND_STAGE) {
        (void)dump_second_stage(e->ss_root, e->ss_levels, addr, "    ", &hpa, &leaf);
    } else if (e->pgtt != PGTT_PASS_THROUGH) {
        dump_first_stage(e, addr);
    }
}

/* Scalable mode: directory and PASID entry as words, then what they say. */
static void dump_pasid(const struct vtd_unit *unit, const u64 *context, u32 pasid, u64 addr)
{
    struct vtd_entry entry;
    u32 at = pasid == VTD_NO_PASID ? vtd_context_rid_pasid(unit, context) : pasid;
    const struct pasid_entry *e = vtd_pasid_find(context, at);
    if (e == NULL || (e->w[0] & P) == 0) {
        port_log(LOG_INFO, "  PASID %u: %s not present", at, e == NULL ? "directory entry" : "entry");
        return;
    }
    port_log(LOG_INFO, "  PASID %u of %u: 0x%016llx 0x%016llx 0x%016llx", at, vtd_context_pasids(context),
             e->w[0], e->w[1], e->w[2]);
    vtd_entry_decode(e, &entry);
    dump_entry(&entry, addr);
}

static void dump_device(const struct vtd_unit *unit, u16 sid, u32 pasid, u64 addr)
{
    struct vtd_entry entry;
    const u64 *context = vtd_context_find(unit, unit->active, sid);
    if (context == NULL) {
        port_log(LOG_INFO, "  %02x:%02x.%x: root entry not present", sid >> 8, sid >> 3 & 31, sid & 7);
        return;
    }
    port_log(LOG_INFO, "  %02x:%02x.%x: context 0x%016llx 0x%016llx, %u faults%s", sid >> 8, sid >> 3 & 31,
             sid & 7, context[0], context[1], vtd_fault_count(unit, sid),
             (context[0] & P) == 0 ? ", not present" : "");
    if (unit->info.mode == VTD_MODE_SCALABLE) {
        dump_pasid(unit, context, pasid, addr);
        return;
    }
    vtd_legacy_decode(context, &entry);
    dump_entry(&entry, addr);
}

/* Under the lock, since what is walked must not be given back meanwhile. */
void vtd_dump(struct vtd_unit *unit, u16 sid, u32 pasid, u64 addr)
{
    spin_lock(&unit->lock);
    dump_registers(unit);
    dump_device(unit, sid, pasid, addr);
    spin_unlock(&unit->lock);
}

void vtd_dump_brief(struct vtd_unit *unit, enum vtd_root root, u16 sid)
{
    static const struct pasid_entry none = {{0}};
    spin_lock(&unit->lock);
    const u64 *context = vtd_context_find(unit, root, sid);
    const struct pasid_entry *found =
        context != NULL ? vtd_pasid_find(context, vtd_context_rid_pasid(unit, context)) : NULL;
    const struct pasid_entry e = found != NULL ? *found : none;
    spin_unlock(&unit->lock);
    port_log(LOG_INFO, "  unit %u %02x:%02x.%x: PGTT = %s DID %u second stage 0x%llx first stage 0x%llx, %u faults",
             unit->info.index, sid >> 8, sid >> 3 & 31, sid & 7,
             (e.w[0] & P) != 0 ? pgtt_text((u32)pasid_get(&e, PASID_PGTT)) : "none (blocked)",
             (u32)pasid_get(&e, PASID_DID), e.w[0] & ADDRESS, e.w[2] & ADDRESS,
             vtd_fault_count(unit, sid));
}
