/* SPDX-License-Identifier: BSD-2-Clause */
/* See insn_mmio.h. */
#include "hv/guest/insn_mmio.h"

static u64 code_address(const struct insn_mmio *m)
{
    if (m->mode == INSN_64) {
        return m->state->rip;
    }
    return (m->state->segment_base[INSN_CS] + m->state->rip) & 0xffffffff;
}

/* Another CPU has taken the page out of the guest's tables since: the guest gets its page fault. */
static not_inlined enum insn_mmio_result fault_at(struct insn_mmio *m, u64 linear, enum guest_access access)
{
    gpa_t gpa;
    if (guest_walk(m->paging, linear, access, m->memory, NULL, &gpa, &m->fault_error) != GUEST_WALK_FAULT) {
        return INSN_MMIO_REFUSED;
    }
    m->fault_address = linear;
    return INSN_MMIO_FAULT;
}

static bool stays_in_page(u64 address, u32 width)
{
    return (address & PAGE_MASK) + width <= PAGE_SIZE;
}

bool insn_mmio_is_at(u64 gpa, u64 address, u32 width)
{
    return stays_in_page(address, width) && ((address ^ gpa) & PAGE_MASK) == 0;
}

/*
 * MOVS from memory to the device. The other direction is refused: the CPU has not walked to the page that it
 * stores to, so the dirty bit there may be clear.
 */
static enum insn_mmio_result copy_to_device(struct insn_mmio *m, const struct insn *in)
{
    u64 source = insn_address(in, m->state);
    if (!insn_mmio_is_at(m->gpa, insn_movs_target(in, m->state), in->width) || !stays_in_page(source, in->width)) {
        return INSN_MMIO_REFUSED;
    }
    gpa_t gpa;
    if (guest_walk(m->paging, source, GUEST_READ, m->memory, NULL, &gpa, &m->fault_error) != GUEST_WALK_OK) {
        return fault_at(m, source, GUEST_READ);
    }
    u64 value = 0;
    if (!guest_walk_read(m->memory, gpa, &value, in->width)) {
        return INSN_MMIO_REFUSED;
    }
    m->ops->store(m->ctx, m->gpa, in->width, insn_execute(in, m->state, value));
    return INSN_MMIO_DONE;
}

static enum insn_mmio_result access_device(struct insn_mmio *m, const struct insn *in)
{
    if (!insn_mmio_is_at(m->gpa, insn_address(in, m->state), in->width)) {
        return INSN_MMIO_REFUSED;
    }
    u64 value = 0;
    if (insn_reads(in)) {
        value = m->ops->load(m->ctx, m->gpa, in->width);
    }
    value = insn_execute(in, m->state, value);
    if (insn_writes(in)) {
        m->ops->store(m->ctx, m->gpa, in->width, value);
    }
    return INSN_MMIO_DONE;
}

enum insn_mmio_result insn_mmio_run(struct insn_mmio *m)
{
    const struct insn *in = &m->insn;
    u64 code = code_address(m);
    m->byte_count = (u32)guest_walk_fetch(m->paging, code, m->bytes, INSN_MAX_LENGTH, m->memory, &m->trail);
    if (!insn_decode(m->bytes, m->byte_count, m->mode, &m->insn)) {
        return m->byte_count == INSN_MAX_LENGTH ? INSN_MMIO_REFUSED
                                                : fault_at(m, code + m->byte_count, GUEST_FETCH);
    }
    if (insn_is_spent(in, m->state)) {
        insn_skip(in, m->state);
        return INSN_MMIO_DONE;
    }
    return in->op == INSN_MOVS ? copy_to_device(m, in) : access_device(m, in);
}
