/* SPDX-License-Identifier: BSD-2-Clause */
/* See irt.h. VT-d 5.1, 6.7, 11.4.4, 11.4.10. */
#include "iommu/viommu/irt.h"

#include "iommu/base/limit.h"
#include "iommu/port.h"
#include "iommu/spec/caps.h"
#include "iommu/spec/message.h"
#include "iommu/viommu/host.h"

enum {
    BLOCK = 64,          /* entries copied at a time; a part of a page */
    STEPS_BLOCK = 6,     /* so many compared */
    STEPS_ENTRY = 2,     /* one judged: up to 8 source-ids looked up */
    STEPS_CHANGE = 1,    /* stored */
};
_Static_assert(PAGE_SIZE % (BLOCK * sizeof(struct irte)) == 0, "within a page");

static bool guest_eime(const struct viommu *v)
{
    return field_get(&v->irt.irta, IRTA_EIME) != 0;
}

static void latch(struct viommu_irt *t, u64 irta)
{
    t->irta = irta;
    t->entries = least(irta_entries((u32)field_get(&t->irta, IRTA_S)), t->kept);
}

/* That the guest's table has: none for a unit that remaps while the guest's does not, nor is about to. */
static u32 guest_entries(const struct viommu *v)
{
    const struct viommu_irt *t = &v->irt;
    bool idle = t->isolated && !(t->enable ? t->enable_target : viommu_remapping(v));
    return idle ? 0 : t->entries;
}

struct irte_rules viommu_irt_rules(const struct viommu *v)
{
    return (struct irte_rules){.ops = v->config.ops, .ctx = v->config.ctx, .guest_eime = guest_eime(v),
                               .host_eime = viommu_remapping(v) || v->irt.isolated ? v->irt.host_eime
                                                                                     : guest_eime(v)};
}

/* --- entries --- */

static seldom void note_refusal(struct viommu *v, u32 index, const struct irte *guest, const char *why)
{
    if (limit_due_at(++v->stats.interrupt_refusals)) {
        port_log(LOG_WARNING, "viommu: partition %u: interrupt entry %u (0x%016llx 0x%016llx) refused: %s",
                 v->config.partition, index, guest->w[0], guest->w[1], why);
    }
}

/* True: it was another. Flat, for a guest waits for it. */
static __attribute__((flatten)) bool put(struct viommu *v, u32 index, struct irte host)
{
    const struct irte *at = &viommu_host_irt_entries(v)[index];
    struct irte old = *at;
    if (old.w[0] == host.w[0] && old.w[1] == host.w[1]) {
        return false;
    }
    viommu_host_irt_set(v, index, &host);
    v->stats.remapped += (host.w[0] & FIELD_MASK(IRTE_P)) - (old.w[0] & FIELD_MASK(IRTE_P));
    return true;
}

/* The host's entry for the guest's. Apart, for most that are announced need fewer registers. */
static not_inlined struct irte judge(struct viommu *v, u32 index, const struct irte *guest)
{
    const struct irte_rules rules = viommu_irt_rules(v);
    const char *why;
    struct irte host;
    enum vtd_fault_reason reason = viommu_irte_judge(&rules, guest, &host, &why);
    if (why != NULL) {
        note_refusal(v, index, guest, why);
    } else if (reason == VTD_FAULT_IRTE_RESERVED) {
        v->stats.entry_refusals++;
    }
    return host;
}

/* Most entries of a table say nothing. */
static void sync_entry(struct viommu *v, u32 index, const struct irte *guest)
{
    struct irte host = {{0}};
    if ((guest->w[0] & (FIELD_MASK(IRTE_P) | FIELD_MASK(IRTE_FPD))) != 0) {
        host = judge(v, index, guest);
        (void)viommu_spend(v, STEPS_ENTRY);
    }
    if (put(v, index, host)) {
        (void)viommu_spend(v, STEPS_CHANGE);
    }
}

/* What the guest's table has at indexes that are others' is looked at to say so. */
static seldom void refuse_kept(struct viommu *v, u32 last)
{
    struct viommu_irt *t = &v->irt;
    const struct irte *guest = (const struct irte *)(const void *)v->scratch;
    u32 first = t->next;
    gpa_t at = {(t->irta & FIELD_MASK(IRTA_IRTA)) + first * sizeof(*guest)};
    bool there = guest_entries(v) == t->kept && last <= irta_entries((u32)field_get(&t->irta, IRTA_S)) &&
                 v->config.ops->read(v->config.ctx, at, v->scratch, (last - first) * sizeof(*guest));
    for (u32 i = 0; there && i < last - first; i++) {
        if (irte_get(&guest[i], IRTE_P) != 0) {
            note_refusal(v, first + i, &guest[i], "index");
        }
    }
    t->next = last;
}

/* Where nothing can be read, and behind the guest's table, there is nothing. */
static void sync_absent(struct viommu *v, u32 last, enum vtd_fault_reason reason)
{
    struct viommu_irt *t = &v->irt;
    const struct irte absent = viommu_irte_absent(reason);
    for (; t->next < last && v->budget != 0; t->next++) {
        if (put(v, t->next, absent)) {
            (void)viommu_spend(v, STEPS_CHANGE);
        }
    }
}

/* Up to a block, each entry copied once. */
static void sync_block(struct viommu *v)
{
    struct viommu_irt *t = &v->irt;
    const struct irte *guest = (const struct irte *)(const void *)v->scratch;
    u32 first = t->next;
    u32 last = least(t->end, (first / BLOCK + 1) * BLOCK);
    if (first >= guest_entries(v)) {
        if (first >= t->kept) {
            refuse_kept(v, last);
        } else {
            sync_absent(v, least(last, t->kept), VTD_FAULT_IRTE_NOT_PRESENT);
        }
        return;
    }
    last = least(last, guest_entries(v));
    gpa_t at = {(t->irta & FIELD_MASK(IRTA_IRTA)) + first * sizeof(*guest)};
    if (!v->config.ops->read(v->config.ctx, at, v->scratch, (last - first) * sizeof(*guest))) {
        sync_absent(v, last, VTD_FAULT_IRTE_ACCESS);
        return;
    }
    for (; t->next < last && v->budget != 0; t->next++) {
        sync_entry(v, t->next, &guest[t->next - first]);
    }
}

/* Goes on with the range; true when it is done. An owner's entries are those that messages of its functions name. */
static not_inlined bool sync_range(struct viommu *v)
{
    struct viommu_irt *t = &v->irt;
    if (viommu_is_owners(v)) {
        return v->config.ops->interrupts_changed(v->config.ctx, t->next, t->end, &t->cursor, &v->budget);
    }
    while (v->irt.next < v->irt.end) {
        if (!viommu_spend(v, STEPS_BLOCK)) {
            return false;
        }
        sync_block(v);
    }
    return true;
}

/* Whoever takes a message from now on takes it so; read by remap.c at any time. */
static void put_in_force(struct viommu *v)
{
    struct viommu_irt *t = &v->irt;
    bool on = t->enable ? t->enable_target : viommu_remapping(v);
    bool pass = t->pass ? t->pass_target : (v->reg[VREG_GSTS] & GSTS_CFIS) != 0;
    __atomic_store_n(&t->in_force, on ? t->irta | IRT_ON | (pass ? IRT_PASS : 0) : 0, __ATOMIC_SEQ_CST);
}

static void start_all(struct viommu *v)
{
    _Static_assert((int)GUEST_INTERRUPTS == (int)IRTE_TABLE_MAX, "all");
    v->irt.next = v->irt.cursor = 0;
    v->irt.end = IRTE_TABLE_MAX;
    v->irt.announced = false;
    put_in_force(v);
}

/* --- commands --- */

/* As GCMD.TE in regs.c: a switch acts on the difference to what it is, or is about to be. */
static void ask(bool *pending, bool *target, bool now, bool wanted)
{
    if (wanted != (*pending ? *target : now)) {
        *pending = true;
        *target = wanted;
    }
}

seldom void viommu_irt_command(struct viommu *v, u32 gcmd)
{
    struct viommu_irt *t = &v->irt;
    if (!t->shown) {
        return;
    }
    if ((gcmd & GCMD_SIRTP) != 0) {
        v->reg[VREG_GSTS] &= ~(u64)GSTS_IRTPS;
        latch(t, v->reg[VREG_IRTA]);
        t->set_table = true;
        t->restart = true;
    }
    ask(&t->enable, &t->enable_target, viommu_remapping(v), (gcmd & GCMD_IRE) != 0);
    ask(&t->pass, &t->pass_target, (v->reg[VREG_GSTS] & GSTS_CFIS) != 0, (gcmd & GCMD_CFI) != 0);
    t->restart |= (t->enable || t->pass) && t->isolated; /* of the table, or of none */
}

static bool is_done(struct viommu *v, enum result r, const char *what)
{
    if (r != OK && limit_due_at(++v->stats.host_errors)) {
        port_log(LOG_ERROR, "viommu: partition %u: the unit did not %s: %s", v->config.partition, what,
                 result_text(r));
    }
    return r == OK;
}

/* The whole table; true when it is done. */
static not_inlined bool sync_all(struct viommu *v)
{
    struct viommu_irt *t = &v->irt;
    if (!t->scanning || t->restart) {
        start_all(v);
        t->scanning = true;
        t->restart = false;
    }
    t->scanning = !sync_range(v);
    return !t->scanning;
}

/* While nothing is remapped the table is read at IRE. The unit keeps its EIME as long as it remaps (VT-d 11.4.10). */
static bool run_set_table(struct viommu *v)
{
    if (viommu_remapping(v)) {
        if (!sync_all(v)) {
            return false;
        }
        (void)is_done(v, viommu_host_irt_on(v, v->irt.host_eime), "take the interrupt table");
    }
    v->reg[VREG_GSTS] |= GSTS_IRTPS;
    return true;
}

static bool run_enable(struct viommu *v)
{
    if (!sync_all(v)) {
        return false;
    }
    bool eime = v->irt.isolated || guest_eime(v);
    if (is_done(v, viommu_host_irt_on(v, eime), "remap interrupts")) {
        v->irt.host_eime = eime;
        v->reg[VREG_GSTS] |= GSTS_IRES;
    }
    return true;
}

static bool run_disable(struct viommu *v)
{
    bool isolated = v->irt.isolated;
    if (isolated && !sync_all(v)) {
        return false;
    }
    v->irt.scanning = false;
    enum result r = isolated ? viommu_host_irt_on(v, true) : viommu_remapping(v) ? viommu_host_irt_off(v) : OK;
    v->reg[VREG_GSTS] &= is_done(v, r, "stop remapping interrupts") ? ~(u64)GSTS_IRES : ~0ull;
    return true;
}

static bool run_pass(struct viommu *v)
{
    bool pass = v->irt.pass_target;
    if (viommu_is_owners(v) && viommu_remapping(v) && !sync_all(v)) {
        return false;
    }
    enum result r = v->irt.isolated ? OK : viommu_host_irt_pass(v, pass);
    if (is_done(v, r, "switch compatibility-format interrupts")) {
        u64 others = v->reg[VREG_GSTS] & ~(u64)GSTS_CFIS;
        v->reg[VREG_GSTS] = others | (pass ? GSTS_CFIS : 0);
    }
    return true;
}

seldom bool viommu_irt_command_run(struct viommu *v)
{
    struct viommu_irt *t = &v->irt;
    if (t->set_table) {
        if (!run_set_table(v)) {
            return true;
        }
        t->set_table = false;
    }
    if (t->enable) {
        if (!(t->enable_target ? run_enable(v) : run_disable(v))) {
            return true;
        }
        t->enable = false;
    }
    if (t->pass) {
        if (!run_pass(v)) {
            return true;
        }
        t->pass = false;
    }
    return false;
}

/* --- descriptors --- */

/* The unit forgets what it has cached of them before the guest's wait behind says so: it is the same queue. */
static void forget(struct viommu *v, u16 first, u32 mask)
{
    bool by_index = mask <= vtd_ecap_get(v->ecap, VTD_ECAP_MHMV);
    struct vtd_desc *to = &v->batch[v->queue.count++];
    to->w[0] = by_index ? vtd_desc_interrupt_entries(first, mask).w[0] : vtd_desc_interrupt_entry_global().w[0];
    to->w[1] = 0;
}

/*
 * The guest's entry, of a line that is copied whole: what a doorbell announces is often next to each other. A copy made
 * during an exit is newer than everything that is announced by then, whose stores came before the doorbell's.
 */
static const struct irte *look(struct viommu *v, u32 index)
{
    struct viommu_irt_line *line = &v->irt_line;
    u32 first = index & ~(VIOMMU_IRT_LINE - 1u);
    if (line->exit != v->stats.exits || line->first != first) {
        gpa_t at = {(v->irt.irta & FIELD_MASK(IRTA_IRTA)) + first * sizeof(line->entries[0])};
        bool there = v->config.ops->read(v->config.ctx, at, line->entries, sizeof(line->entries));
        line->exit = there ? v->stats.exits : VIOMMU_IRT_NEVER;
        line->first = first;
        if (!there) {
            return NULL;
        }
    }
    return &line->entries[index - first];
}

/*
 * No more than another vector than what stands there, which was judged by the rules of today: those change with the
 * whole table, and every destination and source-id of it is vetted.
 */
static bool is_alike(const struct viommu *v, const struct irte *now, const struct irte *guest)
{
    u64 free = FIELD_MASK(IRTE_V) | FIELD_MASK(IRTE_AVL);
    return (now->w[0] & FIELD_MASK(IRTE_P)) != 0 && ((guest->w[0] ^ now->w[0]) & ~free) == 0 &&
           guest->w[1] == now->w[1] && irte_get(guest, IRTE_V) >= MESSAGE_VECTOR_MIN &&
           guest_eime(v) == v->irt.host_eime;
}

/* What a guest announces most: false if it is none of its table's, or has to wait. */
static bool sync_one(struct viommu *v, u32 index)
{
    if (index >= guest_entries(v) || !viommu_spend(v, STEPS_BLOCK + STEPS_ENTRY + STEPS_CHANGE)) {
        return false;
    }
    const struct irte *guest = look(v, index);
    if (guest == NULL) {
        return false;
    }
    bool alike = is_alike(v, &viommu_host_irt_entries(v)[index], guest);
    struct irte host = alike ? (struct irte){{guest->w[0] & ~FIELD_MASK(IRTE_AVL), guest->w[1]}}
                             : judge(v, index, guest);
    (void)put(v, index, host);
    forget(v, (u16)index, 0);
    return true;
}

static not_inlined void start_range(struct viommu_irt *t, u16 index, u32 mask)
{
    enum { ALL = 16 };
    t->mask = (u8)least(mask, ALL);
    t->first = (u16)(index & ~((1u << t->mask) - 1));
    t->next = t->first;
    t->cursor = 0;
    t->end = t->first + (1u << t->mask);
    t->announced = true;
}

/* Not inlined: registers that the loop around it needs for every descriptor would go to what few of them want. */
not_inlined bool viommu_irt_announce(struct viommu *v, u16 index, u32 mask)
{
    v->stats.interrupt_entries++;
    if (!viommu_remapping(v) || (mask == 0 && sync_one(v, index))) {
        return true;
    }
    start_range(&v->irt, index, mask);
    return false;
}

bool viommu_irt_run(struct viommu *v)
{
    struct viommu_irt *t = &v->irt;
    if (!t->announced) {
        return true;
    }
    if (!sync_range(v)) {
        return false;
    }
    t->announced = false;
    if (!viommu_is_owners(v)) {
        forget(v, t->first, t->mask);
    }
    return true;
}

/* --- faults --- */

static enum vtd_fault_reason absent_reason(const struct viommu *v, u32 index)
{
    enum vtd_fault_reason reason = viommu_irte_reason(&viommu_host_irt_entries(v)[index]);
    return reason != VTD_FAULT_NONE ? reason : VTD_FAULT_IRTE_NOT_PRESENT; /* it came since */
}

/* A message that no index of the host's was given to is the device's own work. */
static enum vtd_fault_reason owners_reason(const struct viommu *v, u32 *index)
{
    u32 host = *index;
    if (v->config.ops->interrupt_index(v->config.ctx, host, index)) {
        return absent_reason(v, host);
    }
    return host < irta_entries((u32)field_get(&v->irt.irta, IRTA_S)) ? VTD_FAULT_IRTE_NOT_PRESENT : VTD_FAULT_IR_INDEX;
}

seldom enum vtd_fault_reason viommu_irt_fault(const struct viommu *v, enum vtd_fault_reason hardware, u32 *index)
{
    if (!v->irt.shown || (v->irt.isolated && !viommu_remapping(v))) {
        return VTD_FAULT_NONE;
    }
    switch (hardware) {
    case VTD_FAULT_IRTE_NOT_PRESENT:
        if (viommu_is_owners(v)) {
            return owners_reason(v, index);
        }
        return *index < guest_entries(v) ? absent_reason(v, *index) : VTD_FAULT_IR_INDEX;
    case VTD_FAULT_IR_REQUEST_RESERVED:
    case VTD_FAULT_IR_INDEX:
    case VTD_FAULT_IR_COMPATIBILITY:
    case VTD_FAULT_IR_SOURCE:
    case VTD_FAULT_IR_MALFORMED:
    case VTD_FAULT_IR_EIME_REQUIRED:
    case VTD_FAULT_IR_REQUIRED:
        return hardware;
    default: /* our table cannot be read, or is wrong */
        return VTD_FAULT_NONE;
    }
}

/* --- life --- */

seldom void viommu_irt_reset(struct viommu *v)
{
    v->irt = (struct viommu_irt){.shown = v->irt.shown, .irta_bits = v->irt.irta_bits, .isolated = v->irt.isolated,
                                 .host_eime = v->irt.isolated, .kept = v->irt.kept};
    latch(&v->irt, 0);
    v->irt_line.exit = VIOMMU_IRT_NEVER;
}

/* The whole table in one go, for what happens once. */
static enum result take_all(struct viommu *v)
{
    start_all(v);
    do {
        v->budget = VIOMMU_BUDGET;
    } while (!sync_range(v));
    return viommu_host_irt_on(v, v->irt.host_eime);
}

/* Before any CPU of the guest runs. */
static enum result adopt(struct viommu *v)
{
    u64 irta;
    bool compatibility;
    if (!viommu_host_irt_firmware(v, &irta, &compatibility)) {
        return OK;
    }
    v->reg[VREG_IRTA] = irta & v->irt.irta_bits;
    latch(&v->irt, v->reg[VREG_IRTA]);
    v->irt.host_eime = guest_eime(v);
    enum result r = take_all(v);
    if (r == OK) {
        v->reg[VREG_GSTS] |= GSTS_IRES | GSTS_IRTPS | (compatibility ? GSTS_CFIS : 0);
        port_log(LOG_INFO, "viommu: partition %u: firmware's interrupt remapping goes on, %llu of its entries refused",
                 v->config.partition, v->stats.interrupt_refusals + v->stats.entry_refusals);
    }
    return r;
}

seldom enum result viommu_irt_create(struct viommu *v)
{
    struct viommu_irt *t = &v->irt;
    t->shown = vtd_ecap_get(v->ecap, VTD_ECAP_IR) != 0;
    if (!t->shown) {
        return OK;
    }
    t->kept = viommu_is_owners(v) ? 0 : IRTE_TABLE_MAX - v->config.kept_interrupts;
    t->isolated = t->host_eime = viommu_is_owners(v);
    latch(t, 0);
    t->irta_bits = FIELD_MASK(IRTA_S) | (FIELD_MASK(IRTA_IRTA) & ~(~0ull << v->walk.haw)) |
                   (vtd_ecap_get(v->ecap, VTD_ECAP_EIM) != 0 ? FIELD_MASK(IRTA_EIME) : 0);
    enum result r = viommu_host_irt_create(v);
    return r == OK ? adopt(v) : r;
}

seldom enum result viommu_irt_isolate(struct viommu *v)
{
    enum result r = v->irt.shown ? viommu_host_irt_isolate(v) : ERR_UNSUPPORTED;
    if (r != OK) {
        return r;
    }
    v->irt.isolated = v->irt.host_eime = true;
    return take_all(v);
}

seldom enum result viommu_irt_stop(struct viommu *v)
{
    if (v->irt.isolated) {
        v->irt.enable = true;
        v->irt.enable_target = false;
        return take_all(v);
    }
    enum result r = viommu_remapping(v) ? viommu_host_irt_off(v) : OK;
    bool passing = (v->reg[VREG_GSTS] & GSTS_CFIS) != 0;
    return r == OK && passing ? viommu_host_irt_pass(v, false) : r;
}

seldom enum result viommu_irt_end(struct viommu *v)
{
    u64 irta;
    bool compatibility;
    bool was_on = v->irt.shown && !v->irt.isolated && viommu_host_irt_firmware(v, &irta, &compatibility);
    enum result r = was_on ? viommu_host_irt_end(v) : viommu_irt_stop(v);
    v->reg[VREG_GSTS] &= ~(u64)(r == OK ? GSTS_IRES | GSTS_CFIS : 0);
    return r;
}
