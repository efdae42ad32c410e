/* SPDX-License-Identifier: BSD-2-Clause */
/* See msi_registers.h. */
#include "hv/device/msi_registers.h"

enum {
    WORD_HEAD, WORD_ADDRESS, WORD_UPPER,
    HEAD_KEPT = 0x018effff,     /* capability id and next one, messages, 64-bit address, masking; nothing newer */
    HEAD_WRITABLE = 0x00710000, /* enable, and how many messages are */
    MESSAGES_SHIFT = 20, ADDRESS_WRITABLE = -4, DATA_WRITABLE = 0xffff,
};

struct msi_layout msi_registers_layout(const struct handover_function *f)
{
    u32 data = f->msi_wide ? 12 : 8;
    return (struct msi_layout){.data = data, .mask = f->msi_masks ? data + 4 : 0,
                               .pending = f->msi_masks ? data + 8 : 0, .size = data + (f->msi_masks ? 12 : 4)};
}

void msi_registers_reset(struct msi_registers *m, u32 head)
{
    *m = (struct msi_registers){{head & HEAD_KEPT}};
}

static u32 writable(const struct handover_function *f, u32 offset)
{
    struct msi_layout at = msi_registers_layout(f);
    if (offset == at.data) {
        return DATA_WRITABLE;
    }
    if (offset == at.mask && offset != 0) {
        return (u32)((1ull << f->msi_vectors) - 1);
    }
    switch (offset / 4) {
    case WORD_HEAD:
        return HEAD_WRITABLE;
    case WORD_ADDRESS:
        return (u32)ADDRESS_WRITABLE;
    default:
        return f->msi_wide && offset / 4 == WORD_UPPER ? ~0u : 0;
    }
}

void msi_registers_put(struct msi_registers *m, const struct handover_function *f, u32 offset, u32 size, u32 value)
{
    u32 shift = offset % 4 * 8;
    u32 bytes = (u32)((1ull << size * 8) - 1) << shift;
    u32 mask = bytes & writable(f, offset & ~3u);
    if (offset / 4 < MSI_REGISTERS) {
        u32 *word = &m->words[offset / 4];
        *word = (*word & ~mask) | (value << shift & mask);
    }
}

struct message msi_registers_message(const struct msi_registers *m, const struct handover_function *f)
{
    u32 head = m->words[WORD_HEAD];
    u64 upper = f->msi_wide ? m->words[WORD_UPPER] : 0;
    u32 count = least(1u << (head >> MESSAGES_SHIFT & 7), f->msi_vectors);
    return (struct message){.address = upper << 32 | m->words[WORD_ADDRESS],
                            .data = m->words[msi_registers_layout(f).data / 4],
                            .count = (head & MSI_ENABLE) == 0 ? 0 : count};
}
