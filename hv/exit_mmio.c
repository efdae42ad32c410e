/* See exit_mmio.h. Decode a copy of the bytes, look the page up, access, complete. */
#include "hv/exit_mmio.h"

#include "hv/exit.h"
#include "hv/guest_walk.h"
#include "hv/insn.h"
#include "hv/partition.h"
#include "hv/units.h"
#include "hv/work.h"
#include "hv/x86.h"
#include "iommu/port.h"

enum {
    QUALIFICATION_TRANSLATED = 1 << 8,  /* the access itself, not a walk of the guest's tables */
    RIGHTS_DPL_SHIFT = 5, RIGHTS_LONG = 1 << 13, RIGHTS_BIG = 1 << 14,
    LINES = 16,                         /* of a guest that tries and tries */
};

static bool read_guest(void *ctx, gpa_t gpa, void *to, size_t len)
{
    return partition_read(ctx, gpa, to, len);
}

/* Bytes at the guest's RIP, as many as can be read: the next page may not be there. */
static size_t fetch(struct vcpu *v, u8 bytes[INSN_MAX_LENGTH])
{
    struct guest_paging paging = {
        .cr0 = vmcs_read(VMCS_GUEST_CR0), .cr3 = vmcs_read(VMCS_GUEST_CR3),
        .cr4 = vmcs_read(VMCS_GUEST_CR4), .efer = vmcs_read(VMCS_GUEST_EFER),
        .rflags = vmcs_read(VMCS_GUEST_RFLAGS), .physical_width = v->partition->gpa_width,
        .user = (vmcs_read(VMCS_GUEST_SS_RIGHTS) >> RIGHTS_DPL_SHIFT & 3) == 3,
        .giant_pages = true};
    u64 linear = vmcs_read(VMCS_GUEST_CS_BASE) + vmcs_read(VMCS_GUEST_RIP);
    for (u32 i = 0; i < 4; i++) {
        paging.pdpte[i] = vmcs_read((enum vmcs_field)(VMCS_GUEST_PDPTE0 + 2 * i));
    }
    return guest_walk_fetch(&paging, linear, bytes, INSN_MAX_LENGTH, read_guest, v->partition);
}

static enum insn_mode mode_of_guest(void)
{
    u64 rights = vmcs_read(VMCS_GUEST_CS_RIGHTS);
    if ((vmcs_read(VMCS_GUEST_EFER) & EFER_LMA) != 0 && (rights & RIGHTS_LONG) != 0) {
        return INSN_64;
    }
    return (rights & RIGHTS_BIG) != 0 ? INSN_32 : INSN_16;
}

static bool may_say(struct partition *p)
{
    return __atomic_fetch_add(&p->own_memory_hits, 1, __ATOMIC_RELAXED) < LINES;
}

static void refuse(struct vcpu *v, u64 gpa, const u8 *bytes, size_t have, const char *why)
{
    if (may_say(v->partition)) {
        u64 first = 0;
        for (size_t i = 0; i < have && i < 8; i++) {
            first = first << 8 | bytes[i];
        }
        port_log(LOG_WARNING, "CPU %u: access to 0x%llx at rip 0x%llx refused, %s (bytes %016llx...)",
                 v->index, (unsigned long long)gpa, (unsigned long long)vmcs_read(VMCS_GUEST_RIP),
                 why, (unsigned long long)first);
    }
    vcpu_inject_error(VECTOR_GP, 0);
}

/* Nestor's memory and units that are not shown: ones, and nothing is written. */
static u64 access_nothing(struct vcpu *v, u64 gpa, bool write)
{
    if (may_say(v->partition)) {
        port_log(LOG_WARNING, "CPU %u: %s of 0x%llx, which is not the guest's, at rip 0x%llx",
                 v->index, write ? "write" : "read", (unsigned long long)gpa,
                 (unsigned long long)vmcs_read(VMCS_GUEST_RIP));
    }
    return ~0ull;
}

static u64 read_page(struct vcpu *v, struct viommu *unit, u64 gpa, u32 offset, u32 width)
{
    u64 value = 0;
    if (unit == NULL) {
        return access_nothing(v, gpa, false);
    }
    if (viommu_mmio_read(unit, offset, width, &value)) {
        work_left(v);
    }
    return value;
}

static void write_page(struct vcpu *v, struct viommu *unit, u64 gpa, u32 offset, u32 width, u64 value)
{
    if (unit == NULL) {
        (void)access_nothing(v, gpa, true);
    } else if (viommu_mmio_write(unit, offset, width, value)) {
        work_left(v);
    }
}

static struct insn_state state_of(struct vcpu *v)
{
    struct insn_state s = {.gpr = v->regs->gpr, .rip = vmcs_read(VMCS_GUEST_RIP),
                           .rflags = vmcs_read(VMCS_GUEST_RFLAGS)};
    for (u32 i = 0; i < INSN_SEGMENTS; i++) {
        s.segment_base[i] = vmcs_read((enum vmcs_field)(VMCS_GUEST_ES_BASE + 2 * i));
    }
    s.gpr[REG_RSP] = vmcs_read(VMCS_GUEST_RSP);
    return s;
}

static void complete(struct vcpu *v, const struct insn *in, u64 gpa)
{
    u32 offset = 0;
    struct viommu *unit = units_viommu_at(v->partition, gpa, &offset);
    struct insn_state s = state_of(v);
    u64 value = 0;
    if (!insn_is_spent(in, &s)) {
        if (insn_reads(in)) {
            value = read_page(v, unit, gpa, offset, in->width);
        }
        value = insn_execute(in, &s, value);
        if (insn_writes(in)) {
            write_page(v, unit, gpa, offset, in->width, value);
        }
    } else {
        insn_skip(in, &s);
    }
    if (insn_uses_flags(in)) {
        vmcs_write(VMCS_GUEST_RFLAGS, s.rflags);
    }
    vmcs_write(VMCS_GUEST_RSP, s.gpr[REG_RSP]);
    vcpu_advance_to(s.rip);
}

void exit_mmio(struct vcpu *v, u64 gpa)
{
    u8 bytes[INSN_MAX_LENGTH] = {0};
    struct insn in;
    size_t have = fetch(v, bytes);
    if ((vmcs_read(VMCS_QUALIFICATION) & QUALIFICATION_TRANSLATED) == 0) {
        refuse(v, gpa, bytes, have, "the guest's page tables point there");
    } else if (!insn_decode(bytes, have, mode_of_guest(), &in)) {
        refuse(v, gpa, bytes, have, "the instruction is none that is emulated");
    } else if (in.op == INSN_MOVS) {
        refuse(v, gpa, bytes, have, "a copy from memory to memory is not emulated");
    } else {
        complete(v, &in, gpa);
    }
}
