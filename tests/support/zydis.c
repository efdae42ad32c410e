/* SPDX-License-Identifier: BSD-2-Clause */
/* See zydis.h. */
#include "tests/support/zydis.h"

#include <stdlib.h>
#include <string.h>

#include <Zydis/Zydis.h>

static ZydisDecoder decoders[3];

/* What Zydis makes of some bytes. */
struct view {
    ZydisDecodedInstruction insn;
    ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
    bool valid;
};

static const struct name {
    ZydisMnemonic mnemonic;
    enum insn_op op;
} names[] = {
    {ZYDIS_MNEMONIC_ADD, INSN_ADD}, {ZYDIS_MNEMONIC_OR, INSN_OR}, {ZYDIS_MNEMONIC_ADC, INSN_ADC},
    {ZYDIS_MNEMONIC_SBB, INSN_SBB}, {ZYDIS_MNEMONIC_AND, INSN_AND}, {ZYDIS_MNEMONIC_SUB, INSN_SUB},
    {ZYDIS_MNEMONIC_XOR, INSN_XOR}, {ZYDIS_MNEMONIC_CMP, INSN_CMP},
    {ZYDIS_MNEMONIC_TEST, INSN_TEST}, {ZYDIS_MNEMONIC_NOT, INSN_NOT},
    {ZYDIS_MNEMONIC_NEG, INSN_NEG}, {ZYDIS_MNEMONIC_INC, INSN_INC}, {ZYDIS_MNEMONIC_DEC, INSN_DEC},
    {ZYDIS_MNEMONIC_BT, INSN_BT}, {ZYDIS_MNEMONIC_BTS, INSN_BTS}, {ZYDIS_MNEMONIC_BTR, INSN_BTR},
    {ZYDIS_MNEMONIC_BTC, INSN_BTC}, {ZYDIS_MNEMONIC_MOV, INSN_MOV},
    {ZYDIS_MNEMONIC_MOVNTI, INSN_MOV}, {ZYDIS_MNEMONIC_MOVZX, INSN_MOVZX},
    {ZYDIS_MNEMONIC_MOVSX, INSN_MOVSX}, {ZYDIS_MNEMONIC_MOVSXD, INSN_MOVSX},
    {ZYDIS_MNEMONIC_MOVBE, INSN_MOVBE}, {ZYDIS_MNEMONIC_XCHG, INSN_XCHG},
    {ZYDIS_MNEMONIC_CMPXCHG, INSN_CMPXCHG}, {ZYDIS_MNEMONIC_XADD, INSN_XADD},
    {ZYDIS_MNEMONIC_STOSB, INSN_STOS}, {ZYDIS_MNEMONIC_STOSW, INSN_STOS},
    {ZYDIS_MNEMONIC_STOSD, INSN_STOS}, {ZYDIS_MNEMONIC_STOSQ, INSN_STOS},
    {ZYDIS_MNEMONIC_LODSB, INSN_LODS}, {ZYDIS_MNEMONIC_LODSW, INSN_LODS},
    {ZYDIS_MNEMONIC_LODSD, INSN_LODS}, {ZYDIS_MNEMONIC_LODSQ, INSN_LODS},
    {ZYDIS_MNEMONIC_MOVSB, INSN_MOVS}, {ZYDIS_MNEMONIC_MOVSW, INSN_MOVS},
    {ZYDIS_MNEMONIC_MOVSD, INSN_MOVS}, {ZYDIS_MNEMONIC_MOVSQ, INSN_MOVS},
};

static u8 op_of_mnemonic[ZYDIS_MNEMONIC_MAX_VALUE + 1];

static bool is_string(enum insn_op op)
{
    return op == INSN_STOS || op == INSN_LODS || op == INSN_MOVS;
}

static bool is_gpr(ZydisRegister reg)
{
    ZydisRegisterClass class = ZydisRegisterGetClass(reg);
    return class >= ZYDIS_REGCLASS_GPR8 && class <= ZYDIS_REGCLASS_GPR64;
}

/* The operand in memory that our decoder describes, or NULL. */
static const ZydisDecodedOperand *memory_of(const struct view *v, enum insn_op op)
{
    const ZydisDecodedOperand *o = v->operands;
    u32 first = op == INSN_MOVS ? 1 : 0;
    for (u32 i = first; i < v->insn.operand_count && i < 2; i++) {
        if (o[i].type == ZYDIS_OPERAND_TYPE_MEMORY && o[i].mem.type == ZYDIS_MEMOP_TYPE_MEM) {
            return &o[i];
        }
    }
    return NULL;
}

/* The other operand is a general register or an immediate; there may be none. */
static bool other_fits(const struct view *v, const ZydisDecodedOperand *memory, enum insn_op op)
{
    const ZydisDecodedOperand *other = memory == v->operands ? memory + 1 : v->operands;
    bool bit_test = op >= INSN_BT && op <= INSN_BTC;
    if (op == INSN_NOT || op == INSN_NEG || op == INSN_MOVS) {
        return v->operands[0].type != ZYDIS_OPERAND_TYPE_REGISTER ||
               is_gpr(v->operands[0].reg.value);
    }
    if (other->type == ZYDIS_OPERAND_TYPE_REGISTER && is_gpr(other->reg.value)) {
        return !bit_test;
    }
    return other->type == ZYDIS_OPERAND_TYPE_IMMEDIATE || op == INSN_INC || op == INSN_DEC;
}

/* The family that insn.h promises, in Zydis's terms. */
static bool in_family(const struct view *v, enum insn_op *op, const ZydisDecodedOperand **memory)
{
    if (!v->valid || v->insn.encoding != ZYDIS_INSTRUCTION_ENCODING_LEGACY) {
        return false;
    }
    *op = op_of_mnemonic[v->insn.mnemonic];
    if (*op == INSN_OP_COUNT) {
        return false;
    }
    *memory = memory_of(v, *op);
    return *memory != NULL && other_fits(v, *memory, *op);
}

static u8 number_of(ZydisRegister reg)
{
    if (reg == ZYDIS_REGISTER_NONE) {
        return INSN_NONE;
    }
    if (reg == ZYDIS_REGISTER_RIP || reg == ZYDIS_REGISTER_EIP) {
        return INSN_RIP;
    }
    return (u8)ZydisRegisterGetId(reg);
}

static bool has_repeat(const struct view *v)
{
    for (u32 i = 0; i < v->insn.raw.prefix_count; i++) {
        if ((v->insn.raw.prefixes[i].value & 0xfe) == 0xf2) {
            return true;
        }
    }
    return false;
}

static const char *compare_memory(const struct insn *in, const ZydisDecodedOperand *m,
                                  const struct view *v)
{
    const struct insn_memory *ours = &in->memory;
    if (ours->base != number_of(m->mem.base) || ours->index != number_of(m->mem.index)) {
        return "base or index";
    }
    if (ours->index != INSN_NONE && ours->scale != m->mem.scale) {
        return "scale";
    }
    if (ours->displacement != m->mem.disp.value) {
        return "displacement";
    }
    /* Without effect in 64-bit mode, unless FS or GS. */
    if ((in->mode != INSN_64 || ours->segment >= INSN_FS || m->mem.segment >= ZYDIS_REGISTER_FS) &&
        ours->segment != ZydisRegisterGetId(m->mem.segment)) {
        return "segment";
    }
    if (in->address_width * 8 != v->insn.address_width) {
        return "address width";
    }
    /* MOVSXD to 16 bits reads 16 bits (SDM volume 2, "MOVSX/MOVSXD"); Zydis 4.0 says 32. */
    bool small = v->insn.mnemonic == ZYDIS_MNEMONIC_MOVSXD && v->insn.operand_width == 16;
    return in->width * 8 != (small ? 16 : m->size) ? "width" : NULL;
}

static const char *compare_register(const struct insn *in, ZydisRegister reg)
{
    u8 number = number_of(reg);
    bool high = reg >= ZYDIS_REGISTER_AH && reg <= ZYDIS_REGISTER_BH;
    /* Zydis numbers the byte registers one after the other, AH to BH between BL and SPL. */
    if (ZydisRegisterGetClass(reg) == ZYDIS_REGCLASS_GPR8) {
        number = (u8)(reg - ZYDIS_REGISTER_AL);
        number = (u8)(number < 4 ? number : number - 4);
    }
    if (in->reg != number || in->high_byte != high) {
        return "register";
    }
    return in->reg_width * 8 !=
                   ZydisRegisterGetWidth(ZYDIS_MACHINE_MODE_LONG_64, reg) ? "register width" : NULL;
}

static const char *compare_other(const struct insn *in, const ZydisDecodedOperand *memory,
                                 const struct view *v)
{
    const ZydisDecodedOperand *other = memory == v->operands ? memory + 1 : v->operands;
    if (in->op == INSN_NOT || in->op == INSN_NEG || in->op == INSN_INC || in->op == INSN_DEC ||
        in->op == INSN_MOVS) {
        return in->reg != INSN_NONE ? "a register too many" : NULL;
    }
    if (other->type == ZYDIS_OPERAND_TYPE_REGISTER) {
        return compare_register(in, other->reg.value);
    }
    /* A bit number is taken modulo the width: its sign means nothing. */
    bool bit = in->op >= INSN_BT && in->op <= INSN_BTC;
    u64 mask = bit ? 0xff : ~0ull >> (64 - 8 * in->width);
    if (in->reg != INSN_NONE || ((in->immediate ^ other->imm.value.u) & mask) != 0) {
        return "immediate";
    }
    return NULL;
}

static const char *compare_access(const struct insn *in, const ZydisDecodedOperand *memory,
                                  const struct view *v)
{
    bool reads = (memory->actions & ZYDIS_OPERAND_ACTION_MASK_READ) != 0;
    bool writes = (memory->actions & ZYDIS_OPERAND_ACTION_MASK_WRITE) != 0;
    if (in->op == INSN_MOVS) {
        return insn_reads(in) && insn_writes(in) && reads ? NULL : "access of MOVS";
    }
    if (in->lock != ((v->insn.attributes & ZYDIS_ATTRIB_HAS_LOCK) != 0)) {
        return "lock";
    }
    if (in->repeat != (is_string(in->op) && has_repeat(v))) {
        return "repeat";
    }
    return insn_reads(in) != reads || insn_writes(in) != writes ? "access" : NULL;
}

/* The linear address with arbitrary registers, the segments' bases 0. */
static u64 arbitrary(u32 n)
{
    return (n + 1) * 0x9e3779b97f4a7c15ull;
}

static const char *compare_address(const struct insn *in, const ZydisDecodedOperand *memory,
                                   const struct view *v)
{
    static ZydisRegisterContext context;
    u64 gpr[16];
    uint64_t wanted = 0;
    struct insn_state state = {.gpr = gpr, .rip = arbitrary(16) >> (in->mode == INSN_64 ? 0 : 33)};
    for (u32 i = 0; i < 16; i++) {
        gpr[i] = arbitrary(i);
        context.values[ZYDIS_REGISTER_RAX + i] = gpr[i];
        context.values[ZYDIS_REGISTER_EAX + i] = gpr[i] & 0xffffffff;
        context.values[ZYDIS_REGISTER_AX + i] = gpr[i] & 0xffff;
    }
    if (!ZYAN_SUCCESS(ZydisCalcAbsoluteAddressEx(&v->insn, memory, state.rip, &context, &wanted))) {
        return "no address";
    }
    if (in->address_width == 2) {
        wanted &= 0xffff;
    }
    return insn_address(in, &state) != wanted ? "address" : NULL;
}

static const char *compare(const struct insn *in, enum insn_op op,
                           const ZydisDecodedOperand *memory, const struct view *v)
{
    const char *wrong = NULL;
    if (in->op != op || in->length != v->insn.length) {
        return "operation or length";
    }
    wrong = compare_memory(in, memory, v);
    wrong = wrong != NULL ? wrong : compare_other(in, memory, v);
    wrong = wrong != NULL ? wrong : compare_access(in, memory, v);
    return wrong != NULL ? wrong : compare_address(in, memory, v);
}

static void decode(struct view *v, const u8 *bytes, size_t length, enum insn_mode mode)
{
    v->valid = ZYAN_SUCCESS(
        ZydisDecoderDecodeFull(&decoders[mode], bytes, length, &v->insn, v->operands));
}

/*
 * ModRM.mod 0 with SIB.base 5 means no base whatever REX.B says (SDM volume 2, table 2-5; real
 * CPUs agree: test_insn). Zydis 4.0 forgets that when there is an address-size prefix too: it
 * is shown those without REX.B.
 */
static void look(struct view *v, const u8 *bytes, size_t length, enum insn_mode mode)
{
    decode(v, bytes, length, mode);
    if (mode == INSN_64 && v->valid && v->insn.address_width == 32 && v->insn.raw.modrm.mod == 0 &&
        v->insn.raw.modrm.rm == 4 && v->insn.raw.sib.base == 5 && v->insn.raw.rex.B != 0) {
        u8 copy[INSN_MAX_LENGTH];
        memcpy(copy, bytes, length);
        copy[v->insn.raw.rex.offset] &= (u8)~1u;
        decode(v, copy, length, mode);
    }
}

static void start(void)
{
    memset(op_of_mnemonic, INSN_OP_COUNT, sizeof(op_of_mnemonic));
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        op_of_mnemonic[names[i].mnemonic] = (u8)names[i].op;
    }
    ZydisDecoderInit(&decoders[INSN_16], ZYDIS_MACHINE_MODE_LEGACY_16, ZYDIS_STACK_WIDTH_16);
    ZydisDecoderInit(&decoders[INSN_32], ZYDIS_MACHINE_MODE_LEGACY_32, ZYDIS_STACK_WIDTH_32);
    ZydisDecoderInit(&decoders[INSN_64], ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
}

const char *zydis_disagrees(const u8 *bytes, size_t length, enum insn_mode mode, bool *accepted)
{
    static struct view v;
    static bool started;
    struct insn in;
    enum insn_op op = INSN_OP_COUNT;
    const ZydisDecodedOperand *memory = NULL;
    if (!started) {
        started = true;
        start();
    }
    *accepted = insn_decode(bytes, length, mode, &in);
    look(&v, bytes, length, mode);
    if (*accepted != in_family(&v, &op, &memory)) {
        return *accepted ? "accepted, and is not in the family" : "refused, and is in the family";
    }
    return *accepted ? compare(&in, op, memory, &v) : NULL;
}
