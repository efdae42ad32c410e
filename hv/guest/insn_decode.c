/* SPDX-License-Identifier: BSD-2-Clause */
/* Bytes to struct insn. See insn.h; the tables follow SDM volume 2, appendix A. */
#include "hv/guest/insn.h"

enum form {
    FORM_MODRM = 1 << 0,
    FORM_BYTE = 1 << 1,        /* operands of one byte; else of the operand size */
    FORM_STORE = 1 << 2,       /* the operand in memory comes first */
    FORM_IMM8 = 1 << 3,        /* sign-extended byte */
    FORM_IMM = 1 << 4,         /* as wide as the operands, at most four bytes */
    FORM_GROUP = 1 << 5,       /* ModRM.reg selects; op is an enum group */
    FORM_OFFSET = 1 << 6,      /* an absolute address instead of ModRM */
    FORM_STRING = 1 << 7,
    FORM_FROM_BYTE = 1 << 8,   /* MOVZX and MOVSX */
    FORM_FROM_WORD = 1 << 9,
    FORM_NO_PREFIX = 1 << 10,  /* 66, F2, F3 would make it another instruction */
    FORM_NO_REPEAT = 1 << 11,  /* F2, F3 would */
};

enum group { GROUP_ALU, GROUP_F6, GROUP_FE, GROUP_MOV, GROUP_BT };

struct rule {
    u8 op;
    u16 form;                  /* 0: refused */
};

/* The operands of the first opcodes of each row of eight from 00 to 3F, which is one arithmetic operation. */
static const u16 alu_form[8] = {
    FORM_MODRM | FORM_STORE | FORM_BYTE, FORM_MODRM | FORM_STORE,
    FORM_MODRM | FORM_BYTE, FORM_MODRM,
};

static const struct rule one_byte[128] = {
    /* 80 to FF */
    [0x00] = {GROUP_ALU, FORM_MODRM | FORM_GROUP | FORM_STORE | FORM_IMM | FORM_BYTE},
    [0x01] = {GROUP_ALU, FORM_MODRM | FORM_GROUP | FORM_STORE | FORM_IMM},
    [0x02] = {GROUP_ALU, FORM_MODRM | FORM_GROUP | FORM_STORE | FORM_IMM | FORM_BYTE},
    [0x03] = {GROUP_ALU, FORM_MODRM | FORM_GROUP | FORM_STORE | FORM_IMM8},
    [0x04] = {INSN_TEST, FORM_MODRM | FORM_STORE | FORM_BYTE},
    [0x05] = {INSN_TEST, FORM_MODRM | FORM_STORE},
    [0x06] = {INSN_XCHG, FORM_MODRM | FORM_STORE | FORM_BYTE},
    [0x07] = {INSN_XCHG, FORM_MODRM | FORM_STORE},
    [0x08] = {INSN_MOV, FORM_MODRM | FORM_STORE | FORM_BYTE},
    [0x09] = {INSN_MOV, FORM_MODRM | FORM_STORE},
    [0x0a] = {INSN_MOV, FORM_MODRM | FORM_BYTE},
    [0x0b] = {INSN_MOV, FORM_MODRM},
    [0x20] = {INSN_MOV, FORM_OFFSET | FORM_BYTE},
    [0x21] = {INSN_MOV, FORM_OFFSET},
    [0x22] = {INSN_MOV, FORM_OFFSET | FORM_STORE | FORM_BYTE},
    [0x23] = {INSN_MOV, FORM_OFFSET | FORM_STORE},
    [0x24] = {INSN_MOVS, FORM_STRING | FORM_STORE | FORM_BYTE},
    [0x25] = {INSN_MOVS, FORM_STRING | FORM_STORE},
    [0x2a] = {INSN_STOS, FORM_STRING | FORM_STORE | FORM_BYTE},
    [0x2b] = {INSN_STOS, FORM_STRING | FORM_STORE},
    [0x2c] = {INSN_LODS, FORM_STRING | FORM_BYTE},
    [0x2d] = {INSN_LODS, FORM_STRING},
    [0x46] = {GROUP_MOV, FORM_MODRM | FORM_GROUP | FORM_STORE | FORM_IMM | FORM_BYTE},
    [0x47] = {GROUP_MOV, FORM_MODRM | FORM_GROUP | FORM_STORE | FORM_IMM},
    [0x76] = {GROUP_F6, FORM_MODRM | FORM_GROUP | FORM_STORE | FORM_IMM | FORM_BYTE},
    [0x77] = {GROUP_F6, FORM_MODRM | FORM_GROUP | FORM_STORE | FORM_IMM},
    [0x7e] = {GROUP_FE, FORM_MODRM | FORM_GROUP | FORM_STORE | FORM_BYTE},
    [0x7f] = {GROUP_FE, FORM_MODRM | FORM_GROUP | FORM_STORE},
};

/* 0F B0 to 0F CF */
static const struct rule two_byte[32] = {
    [0x00] = {INSN_CMPXCHG, FORM_MODRM | FORM_STORE | FORM_BYTE},
    [0x01] = {INSN_CMPXCHG, FORM_MODRM | FORM_STORE},
    [0x06] = {INSN_MOVZX, FORM_MODRM | FORM_FROM_BYTE},
    [0x07] = {INSN_MOVZX, FORM_MODRM | FORM_FROM_WORD},
    [0x0a] = {GROUP_BT, FORM_MODRM | FORM_GROUP | FORM_STORE | FORM_IMM8},
    [0x0e] = {INSN_MOVSX, FORM_MODRM | FORM_FROM_BYTE},
    [0x0f] = {INSN_MOVSX, FORM_MODRM | FORM_FROM_WORD},
    [0x10] = {INSN_XADD, FORM_MODRM | FORM_STORE | FORM_BYTE},
    [0x11] = {INSN_XADD, FORM_MODRM | FORM_STORE},
    [0x13] = {INSN_MOV, FORM_MODRM | FORM_STORE | FORM_NO_PREFIX},
};

static const u8 groups[][8] = {
    [GROUP_ALU] = {INSN_ADD, INSN_OR, INSN_ADC, INSN_SBB, INSN_AND, INSN_SUB, INSN_XOR, INSN_CMP},
    [GROUP_F6] = {INSN_TEST, INSN_TEST, INSN_NOT, INSN_NEG, INSN_OP_COUNT, INSN_OP_COUNT,
                  INSN_OP_COUNT, INSN_OP_COUNT},
    [GROUP_FE] = {INSN_INC, INSN_DEC, INSN_OP_COUNT, INSN_OP_COUNT, INSN_OP_COUNT, INSN_OP_COUNT,
                  INSN_OP_COUNT, INSN_OP_COUNT},
    [GROUP_MOV] = {INSN_MOV, INSN_OP_COUNT, INSN_OP_COUNT, INSN_OP_COUNT, INSN_OP_COUNT,
                   INSN_OP_COUNT, INSN_OP_COUNT, INSN_OP_COUNT},
    [GROUP_BT] = {INSN_OP_COUNT, INSN_OP_COUNT, INSN_OP_COUNT, INSN_OP_COUNT, INSN_BT, INSN_BTS,
                  INSN_BTR, INSN_BTC},
};

/* SDM volume 2, "LOCK": #UD with any other, and without a destination in memory. */
static const u32 lockable = 1u << INSN_ADD | 1u << INSN_OR | 1u << INSN_ADC | 1u << INSN_SBB |
                            1u << INSN_AND | 1u << INSN_SUB | 1u << INSN_XOR | 1u << INSN_NOT |
                            1u << INSN_NEG | 1u << INSN_INC | 1u << INSN_DEC | 1u << INSN_BTS |
                            1u << INSN_BTR | 1u << INSN_BTC | 1u << INSN_XCHG |
                            1u << INSN_CMPXCHG | 1u << INSN_XADD;

enum rex { REX_B = 1, REX_X = 2, REX_R = 4, REX_W = 8, REX = 0x40 };

/* The bytes that are not decoded yet, and what the prefixes said. */
struct cursor {
    const u8 *next, *end;
    u8 segment;                /* INSN_SEGMENTS: no override */
    u8 rex;                    /* 0: none */
    bool operand_size, address_size, repeat;
};

static inline bool take(struct cursor *c, u8 *out)
{
    if (c->next == c->end) {
        return false;
    }
    *out = *c->next++;
    return true;
}

/* A little-endian number of `size` bytes, sign-extended; 0 bytes are a 0. */
static bool take_signed(struct cursor *c, u32 size, u64 *out)
{
    u64 value = 0;
    if ((size_t)(c->end - c->next) < size) {
        return false;
    }
    for (u32 i = 0; i < size; i++) {
        value |= (u64)*c->next++ << 8 * i;
    }
    if (size > 0 && size < 8 && value >> (8 * size - 1) != 0) {
        value |= ~0ull << 8 * size;
    }
    *out = value;
    return true;
}

/* True if it was a prefix. A REX prefix counts only right before the opcode. */
static bool take_prefix(struct cursor *c, u8 byte, struct insn *out)
{
    bool wide = out->mode == INSN_64;
    switch (byte) {
    case 0x26: case 0x2e: case 0x36: case 0x3e:
        /* Ignored in 64-bit mode, where they do not cancel an earlier FS or GS either. */
        c->segment = wide ? c->segment : (byte >> 3) & 3;
        break;
    case 0x64: case 0x65:
        c->segment = INSN_FS + (byte & 1);
        break;
    case 0x66: c->operand_size = true; break;
    case 0x67: c->address_size = true; break;
    case 0xf0: out->lock = true; break;
    case 0xf2: case 0xf3: c->repeat = true; break;
    default:
        if (!wide || (byte & 0xf0) != REX) {
            return false;
        }
        c->rex = byte;
        return true;
    }
    c->rex = 0;
    return true;
}

static bool take_opcode(struct cursor *c, struct insn *out, u8 *opcode)
{
    do {
        if (!take(c, opcode)) {
            return false;
        }
    } while (take_prefix(c, *opcode, out));
    return true;
}

/* 0F 38 F0 and F1: MOVBE, or CRC32 with F2. */
static bool find_movbe(struct cursor *c, struct rule *rule)
{
    u8 opcode;
    if (!take(c, &opcode) || (opcode & 0xfe) != 0xf0) {
        return false;
    }
    rule->op = INSN_MOVBE;
    rule->form = FORM_MODRM | FORM_NO_REPEAT | ((opcode & 1) != 0 ? FORM_STORE : 0);
    return true;
}

static bool find_two_byte(struct cursor *c, struct rule *rule)
{
    u8 opcode;
    if (!take(c, &opcode)) {
        return false;
    }
    if (opcode == 0x38) {
        return find_movbe(c, rule);
    }
    if (opcode < 0xb0 || opcode > 0xcf) {
        return false;
    }
    *rule = two_byte[opcode - 0xb0];
    return rule->form != 0;
}

static bool find_rule(struct cursor *c, u8 opcode, struct insn *out, struct rule *rule)
{
    if (opcode >= 0x80) {
        *rule = one_byte[opcode - 0x80];
        /* 82 is the same as 80, and undefined in 64-bit mode. */
        return rule->form != 0 && !(opcode == 0x82 && out->mode == INSN_64);
    }
    if (opcode == 0x0f) {
        return find_two_byte(c, rule);
    }
    if (opcode == 0x63 && out->mode == INSN_64) {
        rule->op = INSN_MOVSX;
        rule->form = FORM_MODRM;
        return true;
    }
    rule->op = opcode >> 3;
    rule->form = alu_form[opcode & 7];
    return opcode < 0x40 && rule->form != 0;
}

static void size_operands(const struct cursor *c, const struct rule *rule, struct insn *out)
{
    /* MOVNTI has no 16-bit form. */
    bool small = (rule->form & FORM_NO_PREFIX) == 0 && (out->mode == INSN_16) != c->operand_size;
    u8 size = (c->rex & REX_W) != 0 ? 8 : small ? 2 : 4;
    out->reg_width = (rule->form & FORM_BYTE) != 0 ? 1 : size;
    out->width = out->reg_width;
    if ((rule->form & FORM_FROM_BYTE) != 0) {
        out->width = 1;
    } else if ((rule->form & FORM_FROM_WORD) != 0) {
        out->width = 2;
    } else if (out->op == INSN_MOVSX && size == 8) {
        out->width = 4; /* MOVSXD */
    }
    out->address_width = (u8)(out->mode == INSN_64 ? 8 >> c->address_size :
                              (out->mode == INSN_16) != c->address_size ? 2 : 4);
    out->mask = bits_of_bytes(out->width);
    out->reg_mask = bits_of_bytes(out->reg_width);
    out->address_mask = bits_of_bytes(out->address_width);
}

/* SPL to DIL with any REX prefix, AH to BH without. */
static void set_register(const struct cursor *c, u8 number, struct insn *out)
{
    out->high_byte = out->reg_width == 1 && c->rex == 0 && number >= 4;
    out->reg = out->high_byte ? number - 4 : number;
}

/* SDM volume 2, table 2-1. */
static bool take_address16(struct cursor *c, u8 modrm, struct insn_memory *m)
{
    static const u8 base[8] = {3, 3, 5, 5, 6, 7, 5, 3};
    static const u8 index[8] = {6, 7, 6, 7, INSN_NONE, INSN_NONE, INSN_NONE, INSN_NONE};
    u8 mod = modrm >> 6;
    u8 rm = modrm & 7;
    bool absolute = mod == 0 && rm == 6;
    m->base = absolute ? INSN_NONE : base[rm];
    m->index = index[rm];
    m->segment = m->base == 5 ? INSN_SS : INSN_DS;
    u64 displacement;
    if (!take_signed(c, absolute ? 2 : mod, &displacement)) {
        return false;
    }
    m->displacement = (s64)displacement;
    return true;
}

static bool take_sib(struct cursor *c, struct insn_memory *m)
{
    u8 sib;
    if (!take(c, &sib)) {
        return false;
    }
    u8 index = (sib >> 3 & 7) | ((c->rex & REX_X) != 0 ? 8 : 0);
    m->base = sib & 7;
    m->index = index == 4 ? INSN_NONE : index;
    m->scale = (u8)(index == 4 ? 1 : 1 << (sib >> 6));
    return true;
}

/* SDM volume 2, tables 2-2 and 2-3. */
static bool take_address(struct cursor *c, u8 modrm, bool wide, struct insn_memory *m)
{
    static const u8 bytes[3] = {0, 1, 4};
    u8 mod = modrm >> 6;
    u8 size = bytes[mod];
    bool has_sib = (modrm & 7) == 4;
    m->base = modrm & 7;
    m->index = INSN_NONE;
    if (has_sib && !take_sib(c, m)) {
        return false;
    }
    if (m->base == 5 && mod == 0) {
        m->base = wide && !has_sib ? INSN_RIP : INSN_NONE;
        size = 4;
    } else {
        m->base |= (c->rex & REX_B) != 0 ? 8 : 0;
    }
    m->segment = m->base == 4 || m->base == 5 ? INSN_SS : INSN_DS;
    u64 displacement;
    if (!take_signed(c, size, &displacement)) {
        return false;
    }
    m->displacement = (s64)displacement;
    return true;
}

/* Operands named by ModRM. Two registers touch no memory: refused. */
static bool take_modrm(struct cursor *c, struct rule *rule, struct insn *out)
{
    u8 modrm;
    if (!take(c, &modrm) || modrm >= 0xc0) {
        return false;
    }
    u8 reg = modrm >> 3 & 7;
    if ((rule->form & FORM_GROUP) != 0) {
        out->op = groups[rule->op][reg];
        out->reg = INSN_NONE;
        if (out->op == INSN_NOT || out->op == INSN_NEG) {
            rule->form &= (u16)~FORM_IMM; /* only TEST, in the same group, has it */
        }
    } else {
        set_register(c, reg | ((c->rex & REX_R) != 0 ? 8 : 0), out);
    }
    return out->op != INSN_OP_COUNT &&
           (out->address_width == 2 ? take_address16(c, modrm, &out->memory)
                                    : take_address(c, modrm, out->mode == INSN_64, &out->memory));
}

static bool take_operands(struct cursor *c, struct rule *rule, struct insn *out)
{
    if ((rule->form & FORM_MODRM) != 0) {
        return take_modrm(c, rule, out);
    }
    u64 displacement = 0;
    out->reg = out->op == INSN_MOVS ? INSN_NONE : INSN_RAX;
    if ((rule->form & FORM_STRING) != 0) {
        out->memory.base = out->op == INSN_STOS ? INSN_RDI : INSN_RSI;
        out->repeat = c->repeat;
    } else if (!take_signed(c, out->address_width, &displacement)) {
        return false;
    }
    out->memory.displacement = (s64)displacement;
    return true;
}

static bool take_immediate(struct cursor *c, const struct rule *rule, struct insn *out)
{
    u32 size = 0;
    if ((rule->form & FORM_IMM8) != 0) {
        size = 1;
    } else if ((rule->form & FORM_IMM) != 0) {
        size = out->width < 4 ? out->width : 4;
    }
    return take_signed(c, size, &out->immediate);
}

static bool prefixes_fit(const struct cursor *c, const struct rule *rule, const struct insn *out)
{
    if (out->lock && (!out->to_memory || (1u << out->op & lockable) == 0)) {
        return false;
    }
    if ((rule->form & FORM_NO_PREFIX) != 0) {
        return !c->operand_size && !c->repeat;
    }
    return (rule->form & FORM_NO_REPEAT) == 0 || !c->repeat;
}

/* Destinations, and segment overrides, which STOS does not take. */
static void finish(const struct cursor *c, const struct rule *rule, struct insn *out)
{
    out->memory_first = (rule->form & FORM_STORE) != 0;
    out->to_memory = out->memory_first && out->op != INSN_CMP && out->op != INSN_TEST &&
                     out->op != INSN_BT;
    if (out->op == INSN_STOS) {
        out->memory.segment = INSN_ES;
    } else if (c->segment != INSN_SEGMENTS) {
        out->memory.segment = c->segment;
    }
}

bool insn_decode(const u8 *bytes, size_t length, enum insn_mode mode, struct insn *out)
{
    struct cursor c = {.next = bytes, .segment = INSN_SEGMENTS};
    c.end = bytes + (length < INSN_MAX_LENGTH ? length : INSN_MAX_LENGTH);
    *out = (struct insn){.mode = (u8)mode};
    out->memory = (struct insn_memory){.base = INSN_NONE, .index = INSN_NONE, .scale = 1, .segment = INSN_DS};
    struct rule rule;
    u8 opcode;
    if (!take_opcode(&c, out, &opcode) || !find_rule(&c, opcode, out, &rule)) {
        return false;
    }
    out->op = rule.op;
    size_operands(&c, &rule, out);
    if (!take_operands(&c, &rule, out) || !take_immediate(&c, &rule, out)) {
        return false;
    }
    finish(&c, &rule, out);
    out->length = (u8)(c.next - bytes);
    return prefixes_fit(&c, &rule, out);
}
