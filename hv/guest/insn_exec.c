/* SPDX-License-Identifier: BSD-2-Clause */
/* What a decoded instruction does to the registers. See insn.h. */
#include "hv/guest/insn.h"

enum rflags {
    FLAG_CF = 1 << 0,
    FLAG_PF = 1 << 2,
    FLAG_AF = 1 << 4,
    FLAG_ZF = 1 << 6,
    FLAG_SF = 1 << 7,
    FLAG_DF = 1 << 10,
    FLAG_OF = 1 << 11,
    FLAG_STATUS = FLAG_CF | FLAG_PF | FLAG_AF | FLAG_ZF | FLAG_SF | FLAG_OF,
};

static inline u64 top_bit(const struct insn *in)
{
    return in->mask ^ in->mask >> 1;
}

bool insn_reads(const struct insn *in)
{
    bool stores = in->op == INSN_MOV || in->op == INSN_MOVBE;
    return in->op != INSN_STOS && !(stores && in->to_memory);
}

bool insn_writes(const struct insn *in)
{
    return in->to_memory;
}

static u64 get_register(const struct insn *in, const struct insn_state *state)
{
    if (in->reg == INSN_NONE) {
        return in->immediate & in->mask;
    }
    return (state->gpr[in->reg] >> (in->high_byte ? 8 : 0)) & in->reg_mask;
}

/* 8 and 16 bits leave the rest of the register alone, 32 bits clear it (SDM volume 1, 3.4.1.1). */
static void set_gpr(struct insn_state *state, u32 number, u64 mask, u64 value)
{
    u64 kept = mask >= 0xffffffff ? 0 : state->gpr[number] & ~mask;
    state->gpr[number] = kept | (value & mask);
}

static void set_register(const struct insn *in, struct insn_state *state, u64 value)
{
    if (in->high_byte) {
        set_gpr(state, in->reg, 0xff00, value << 8);
    } else {
        set_gpr(state, in->reg, in->reg_mask, value);
    }
}

static u64 linear(const struct insn *in, const struct insn_state *state, u32 segment, u64 offset)
{
    offset &= in->address_mask;
    if (in->mode != INSN_64) {
        return (u32)(state->segment_base[segment] + offset);
    }
    bool has_base = segment == INSN_FS || segment == INSN_GS;
    return offset + (has_base ? state->segment_base[segment] : 0);
}

u64 insn_address(const struct insn *in, const struct insn_state *state)
{
    const struct insn_memory *m = &in->memory;
    u64 offset = (u64)m->displacement;
    if (m->base == INSN_RIP) {
        offset += state->rip + in->length;
    } else if (m->base != INSN_NONE) {
        offset += state->gpr[m->base];
    }
    if (m->index != INSN_NONE) {
        offset += state->gpr[m->index] * m->scale;
    }
    return linear(in, state, m->segment, offset);
}

u64 insn_movs_target(const struct insn *in, const struct insn_state *state)
{
    return linear(in, state, INSN_ES, state->gpr[INSN_RDI]);
}

bool insn_is_spent(const struct insn *in, const struct insn_state *state)
{
    return in->repeat && (state->gpr[INSN_RCX] & in->address_mask) == 0;
}

void insn_skip(const struct insn *in, struct insn_state *state)
{
    state->rip = (state->rip + in->length) & (in->mode == INSN_64 ? ~0ull : 0xffffffff);
}

/* SF, ZF and PF of a result, and `others`: the flags that the operation has computed itself. */
static void set_flags(const struct insn *in, struct insn_state *state, u64 result, u64 others)
{
    u64 flags = others;
    flags |= (result & in->mask) == 0 ? FLAG_ZF : 0;
    flags |= (result & top_bit(in)) != 0 ? FLAG_SF : 0;
    flags |= __builtin_parity((u32)result & 0xff) == 0 ? FLAG_PF : 0;
    state->rflags = (state->rflags & ~(u64)FLAG_STATUS) | flags;
}

/* a + b + carry, or a - b - borrow: bit n of one word tells whether bit n has carried. */
static u64 add(const struct insn *in, struct insn_state *state, u64 a, u64 b, u64 carry)
{
    u64 sum = a + b + carry;
    u64 carries = (a & b) | ((a | b) & ~sum);
    u64 flags = (carries & top_bit(in)) != 0 ? FLAG_CF : 0;
    flags |= (carries & 8) != 0 ? FLAG_AF : 0;
    flags |= ((a ^ sum) & (b ^ sum) & top_bit(in)) != 0 ? FLAG_OF : 0;
    set_flags(in, state, sum, flags);
    return sum;
}

static u64 subtract(const struct insn *in, struct insn_state *state, u64 a, u64 b, u64 borrow)
{
    u64 difference = a - b - borrow;
    u64 borrows = (~a & b) | ((~a | b) & difference);
    u64 flags = (borrows & top_bit(in)) != 0 ? FLAG_CF : 0;
    flags |= (borrows & 8) != 0 ? FLAG_AF : 0;
    flags |= ((a ^ b) & (a ^ difference) & top_bit(in)) != 0 ? FLAG_OF : 0;
    set_flags(in, state, difference, flags);
    return difference;
}

static u64 logic(const struct insn *in, struct insn_state *state, u64 result)
{
    set_flags(in, state, result, 0);
    return result;
}

/* INC and DEC leave CF as it was. */
static u64 step(const struct insn *in, struct insn_state *state, u64 value)
{
    u64 carry = state->rflags & FLAG_CF;
    u64 result = in->op == INSN_INC ? add(in, state, value, 1, 0)
                                    : subtract(in, state, value, 1, 0);
    state->rflags = (state->rflags & ~(u64)FLAG_CF) | carry;
    return result;
}

/* One of the eight operations with two operands, or TEST; CMP and TEST change flags only. */
static u64 alu(const struct insn *in, struct insn_state *state, u64 a, u64 b)
{
    u64 carry = state->rflags & FLAG_CF;
    switch (in->op) {
    case INSN_ADD: return add(in, state, a, b, 0);
    case INSN_ADC: return add(in, state, a, b, carry);
    case INSN_SBB: return subtract(in, state, a, b, carry);
    case INSN_SUB:
    case INSN_CMP: return subtract(in, state, a, b, 0);
    case INSN_OR: return logic(in, state, a | b);
    case INSN_XOR: return logic(in, state, a ^ b);
    default: return logic(in, state, a & b);
    }
}

static u64 test_bit(const struct insn *in, struct insn_state *state, u64 value)
{
    u64 bit = 1ull << (in->immediate & (8 * (u64)in->width - 1));
    state->rflags = (state->rflags & ~(u64)FLAG_CF) | ((value & bit) != 0 ? FLAG_CF : 0);
    switch (in->op) {
    case INSN_BTS: return value | bit;
    case INSN_BTR: return value & ~bit;
    case INSN_BTC: return value ^ bit;
    default: return value;
    }
}

/* Memory is written in either case: its old value when the comparison fails. */
static u64 compare_exchange(const struct insn *in, struct insn_state *state, u64 value)
{
    u64 expected = state->gpr[INSN_RAX] & in->mask;
    u64 replacement = get_register(in, state);
    (void)subtract(in, state, expected, value, 0);
    if (expected == value) {
        return replacement;
    }
    set_gpr(state, INSN_RAX, in->mask, value);
    return value;
}

static u64 arithmetic(const struct insn *in, struct insn_state *state, u64 value)
{
    u64 other = get_register(in, state);
    switch (in->op) {
    case INSN_NOT: return ~value;
    case INSN_NEG: return subtract(in, state, 0, value, 0);
    case INSN_INC:
    case INSN_DEC: return step(in, state, value);
    case INSN_BT:
    case INSN_BTS:
    case INSN_BTR:
    case INSN_BTC: return test_bit(in, state, value);
    default: break;
    }
    if (in->memory_first) {
        return alu(in, state, value, other);
    }
    u64 result = alu(in, state, other, value);
    if (in->op != INSN_CMP) {
        set_register(in, state, result);
    }
    return result;
}

static void advance(const struct insn *in, struct insn_state *state, u32 number)
{
    u64 step_by = (state->rflags & FLAG_DF) != 0 ? 0 - (u64)in->width : in->width;
    set_gpr(state, number, in->address_mask, state->gpr[number] + step_by);
}

/* One element. */
static u64 string(const struct insn *in, struct insn_state *state, u64 value)
{
    if (in->op == INSN_LODS) {
        set_register(in, state, value);
    }
    if (in->op == INSN_STOS) {
        value = get_register(in, state);
    } else {
        advance(in, state, INSN_RSI);
    }
    if (in->op != INSN_LODS) {
        advance(in, state, INSN_RDI);
    }
    if (in->repeat) {
        set_gpr(state, INSN_RCX, in->address_mask, state->gpr[INSN_RCX] - 1);
    }
    return value;
}

static u64 move(const struct insn *in, struct insn_state *state, u64 value)
{
    u64 moved = in->to_memory ? get_register(in, state) : value;
    if (in->op == INSN_MOVSX) {
        moved = (moved ^ top_bit(in)) - top_bit(in);
    } else if (in->op == INSN_MOVBE) {
        moved = __builtin_bswap64(moved) >> (64 - 8 * in->width);
    }
    if (!in->to_memory) {
        set_register(in, state, moved);
    }
    return moved;
}

static u64 exchange(const struct insn *in, struct insn_state *state, u64 value)
{
    if (in->op == INSN_CMPXCHG) {
        return compare_exchange(in, state, value);
    }
    u64 other = get_register(in, state);
    u64 result = other;
    if (in->op == INSN_XADD) {
        result = add(in, state, value, other, 0);
    }
    set_register(in, state, value);
    return result;
}

u64 insn_execute(const struct insn *in, struct insn_state *state, u64 value)
{
    value &= in->mask;
    u64 result;
    if (in->op >= INSN_MOV && in->op <= INSN_MOVBE) { /* first: the most frequent */
        result = move(in, state, value);
    } else if (in->op <= INSN_BTC) {
        result = arithmetic(in, state, value);
    } else if (in->op <= INSN_XADD) {
        result = exchange(in, state, value);
    } else {
        result = string(in, state, value);
    }
    if (!in->repeat || insn_is_spent(in, state)) {
        insn_skip(in, state);
    }
    return result & in->mask;
}
