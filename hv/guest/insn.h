/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The instructions with which a guest may touch a trapped page: decoded from a copy of their
 * bytes, then completed on its registers. Pure: fetching the bytes, finding the page and doing
 * the access are the caller's (SDM volume 2 for every encoding and meaning).
 *
 * In: MOV of general registers and immediates in every form, MOVZX, MOVSX, MOVSXD, MOVBE,
 * MOVNTI, STOS, LODS, MOVS, XCHG, ADD, OR, ADC, SBB, AND, SUB, XOR, CMP, TEST, NOT, NEG, INC,
 * DEC, BT, BTS, BTR and BTC of an immediate bit, CMPXCHG, XADD; each with an operand in memory.
 * Everything else is refused, above all what would need the FPU's state or could raise other exceptions.
 */
#ifndef NESTOR_HV_GUEST_INSN_H
#define NESTOR_HV_GUEST_INSN_H

#include "hv/types.h"

/* Default operand and address size of the code segment. */
enum insn_mode { INSN_16, INSN_32, INSN_64 };

/* The first eight are in the order of their encoding, and so are the four bit tests. */
enum insn_op {
    INSN_ADD, INSN_OR, INSN_ADC, INSN_SBB, INSN_AND, INSN_SUB, INSN_XOR, INSN_CMP,
    INSN_TEST, INSN_NOT, INSN_NEG, INSN_INC, INSN_DEC,
    INSN_BT, INSN_BTS, INSN_BTR, INSN_BTC,
    INSN_MOV, INSN_MOVZX, INSN_MOVSX, INSN_MOVBE,
    INSN_XCHG, INSN_CMPXCHG, INSN_XADD,
    INSN_STOS, INSN_LODS, INSN_MOVS,
    INSN_OP_COUNT
};

/* Segment registers as encoded: the order of the VMCS fields. */
enum insn_segment { INSN_ES, INSN_CS, INSN_SS, INSN_DS, INSN_FS, INSN_GS, INSN_SEGMENTS };

enum {
    INSN_MAX_LENGTH = 15,
    INSN_RAX = 0, INSN_RCX = 1, INSN_RSI = 6, INSN_RDI = 7,
    INSN_RIP = 16,          /* base only */
    INSN_NONE = 17,         /* no such register */
};

struct insn_memory {
    s64 displacement;
    u8 base, index;         /* 0 to 15, INSN_RIP or INSN_NONE */
    u8 scale;               /* 1, 2, 4 or 8 */
    u8 segment;             /* enum insn_segment, overrides applied */
};

/*
 * One operand is in memory, `width` bytes; the other is `reg`, or `immediate` when reg is
 * INSN_NONE. MOVS has no other operand, but two places in memory: it reads at `memory` and
 * writes at ES:rDI.
 */
struct insn {
    u64 immediate;          /* sign-extended to 64 bits */
    u64 mask, reg_mask, address_mask;   /* the bits that the three widths below hold */
    struct insn_memory memory;
    u8 op;                  /* enum insn_op */
    u8 mode;                /* enum insn_mode */
    u8 length;              /* bytes, prefixes included */
    u8 width;               /* of the operand in memory: 1, 2, 4 or 8 */
    u8 reg_width;           /* differs from width in MOVZX and MOVSX only */
    u8 address_width;       /* 2, 4 or 8 */
    u8 reg;                 /* 0 to 15, or INSN_NONE */
    bool high_byte;         /* AH, CH, DH, BH of reg 0 to 3 */
    bool memory_first;      /* the first of the two is the one in memory */
    bool to_memory;         /* and it is a destination */
    bool lock;
    bool repeat;            /* REP or REPNE on a string instruction */
};

/* What the instruction works on. In 64-bit mode segment_base is read for FS and GS only. */
struct insn_state {
    u64 *gpr;               /* sixteen, in the order of their numbers */
    u64 rip, rflags;
    u64 segment_base[INSN_SEGMENTS];
};

/* False: not one of ours, undefined, or cut off after `length` bytes. `out` is then worthless. */
must_use bool insn_decode(const u8 *bytes, size_t length, enum insn_mode mode, struct insn *out);

must_use bool insn_reads(const struct insn *in);
must_use bool insn_writes(const struct insn *in);

/* The linear address of the operand; for MOVS of the one that it reads, and of the one that it writes. */
u64 insn_address(const struct insn *in, const struct insn_state *state);
u64 insn_movs_target(const struct insn *in, const struct insn_state *state);

/* A repeated instruction whose count is 0 accesses nothing: insn_skip() completes it. */
must_use bool insn_is_spent(const struct insn *in, const struct insn_state *state);
void insn_skip(const struct insn *in, struct insn_state *state);

/*
 * Completes it. `value` is what was read, zero-extended (any value if it reads nothing);
 * returned is what must be written if it writes, in the low `width` bytes. A repeated
 * instruction does one element and leaves RIP where it is while its count lasts.
 */
u64 insn_execute(const struct insn *in, struct insn_state *state, u64 value);

#endif
