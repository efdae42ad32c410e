/*
 * The instruction decoder against Zydis, over generated encodings: whatever ours accepts, Zydis decodes to the same
 * operands; whatever Zydis places in our family, ours accepts. First every opcode with every ModRM in every mode,
 * then random ones. NESTOR_ENCODINGS and NESTOR_SEED change how many and which.
 */
#include "hv/guest/insn.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <Zydis/Zydis.h>

enum { DEFAULT_ENCODINGS = 10000000 };

static ZydisDecoder decoders[3];
static u64 seed;
static u64 tried, accepted;

static u64 random64(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed * 0x2545f4914f6cdd1dull;
}

static u32 pick(u32 n)
{
    return (u32)(random64() >> 32) % n;
}

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

/* The linear address with random registers, the segments' bases 0. */
static const char *compare_address(const struct insn *in, const ZydisDecodedOperand *memory,
                                   const struct view *v)
{
    static ZydisRegisterContext context;
    u64 gpr[16];
    uint64_t wanted = 0;
    struct insn_state state = {.gpr = gpr, .rip = random64() >> (in->mode == INSN_64 ? 0 : 33)};
    for (u32 i = 0; i < 16; i++) {
        gpr[i] = random64();
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

static void complain(const char *what, const u8 *bytes, size_t length, enum insn_mode mode)
{
    char text[3 * INSN_MAX_LENGTH + 1] = "";
    for (size_t i = 0; i < length; i++) {
        (void)snprintf(text + 3 * i, 4, "%02x ", bytes[i]);
    }
    fail_msg("%s: %s(%u-bit mode)", what, text, 16u << mode);
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

static void check(const u8 *bytes, size_t length, enum insn_mode mode)
{
    /* Exactly as many bytes as given: ASan watches the rest. */
    static struct view v;
    struct insn in;
    enum insn_op op = INSN_OP_COUNT;
    const ZydisDecodedOperand *memory = NULL;
    const char *wrong = NULL;
    bool ours = insn_decode(bytes, length, mode, &in);
    look(&v, bytes, length, mode);
    bool theirs = in_family(&v, &op, &memory);
    tried++;
    if (ours != theirs) {
        wrong = ours ? "accepted, and is not in the family" : "refused, and is in the family";
    } else if (ours) {
        accepted++;
        wrong = compare(&in, op, memory, &v);
    }
    if (wrong != NULL) {
        complain(wrong, bytes, length, mode);
    }
}

static const u8 prefixes[] = {0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0x67, 0xf0, 0xf2, 0xf3};

static void random_tail(u8 *bytes, size_t from)
{
    for (size_t i = from; i < INSN_MAX_LENGTH; i += sizeof(u64)) {
        u64 word = random64();
        size_t rest = INSN_MAX_LENGTH - i;
        memcpy(bytes + i, &word, rest < sizeof(word) ? rest : sizeof(word));
    }
}

/* Prefixes, mostly few, now and then enough to exceed 15 bytes; then REX, then an opcode. */
static size_t random_opcode(u8 *bytes, enum insn_mode mode)
{
    size_t n = 0;
    size_t count = pick(64) == 0 ? pick(13) : pick(4);
    while (n < count) {
        bytes[n++] = prefixes[pick(sizeof(prefixes))];
    }
    if (mode == INSN_64 && pick(2) == 0) {
        bytes[n++] = (u8)(0x40 | pick(16));
        if (pick(32) == 0) {
            bytes[n++] = prefixes[pick(sizeof(prefixes))];
        }
    }
    u32 map = pick(8);
    if (map >= 4) {
        bytes[n++] = 0x0f;
    }
    if (map == 7) {
        bytes[n++] = 0x38;
        bytes[n++] = pick(4) != 0 ? (u8)(0xf0 + pick(2)) : (u8)pick(256);
    }
    return n < INSN_MAX_LENGTH ? n : INSN_MAX_LENGTH - 1;
}

/* Three of four opcodes are taken from those that contain our family. */
static u8 likely_opcode(bool two_byte)
{
    static const u8 one[] = {0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8a,
                             0x8b, 0xa0, 0xa1, 0xa2, 0xa3, 0xa4, 0xa5, 0xaa, 0xab, 0xac, 0xad,
                             0xc6, 0xc7, 0xf6, 0xf7, 0xfe, 0xff, 0x63};
    static const u8 two[] = {0xb0, 0xb1, 0xb6, 0xb7, 0xba, 0xbe, 0xbf, 0xc0, 0xc1, 0xc3};
    if (pick(4) == 0) {
        return (u8)pick(256);
    }
    if (two_byte) {
        return two[pick(sizeof(two))];
    }
    return pick(2) == 0 ? (u8)pick(0x40) : one[pick(sizeof(one))];
}

static void random_encoding(void)
{
    u8 bytes[INSN_MAX_LENGTH + 8];
    enum insn_mode mode = (enum insn_mode)pick(3);
    size_t n = random_opcode(bytes, mode);
    bool two_byte = n > 0 && bytes[n - 1] == 0x0f;
    if (n < 2 || bytes[n - 2] != 0x38) {
        bytes[n++] = likely_opcode(two_byte);
    }
    random_tail(bytes, n);
    /* Register operands are refused at once, so there are fewer of them. */
    if (n < INSN_MAX_LENGTH && pick(8) != 0) {
        bytes[n] = (u8)(pick(3) << 6 | (bytes[n] & 0x3f));
    }
    check(bytes, pick(8) == 0 ? pick(INSN_MAX_LENGTH + 1) : INSN_MAX_LENGTH, mode);
}

static void every_opcode_and_modrm(void **state)
{
    static const u8 lead[][3] = {{0}, {0x66}, {0x67}, {0xf0}, {0xf2}, {0xf3}, {0x48}, {0x4f},
                                 {0x66, 0x67}, {0x66, 0xf2}, {0x66, 0xf3}};
    static const u8 maps[][2] = {{0}, {0x0f}, {0x0f, 0x38}};
    (void)state;
    for (u32 which = 0; which < ARRAY_LEN(lead) * ARRAY_LEN(maps) * 3; which++) {
        u8 bytes[INSN_MAX_LENGTH + 8] = {0};
        size_t n = 0;
        for (const u8 *p = lead[which / 9]; *p != 0; p++) {
            bytes[n++] = *p;
        }
        for (u32 i = 0; i < 2 && maps[which / 3 % 3][i] != 0; i++) {
            bytes[n++] = maps[which / 3 % 3][i];
        }
        for (u32 i = 0; i < 0x10000; i++) {
            random_tail(bytes, n);
            bytes[n] = (u8)(i >> 8);
            bytes[n + 1] = (u8)i;
            check(bytes, INSN_MAX_LENGTH, (enum insn_mode)(which % 3));
        }
    }
}

static void random_encodings(void **state)
{
    const char *count = getenv("NESTOR_ENCODINGS");
    u64 wanted = count != NULL ? strtoull(count, NULL, 0) : DEFAULT_ENCODINGS;
    (void)state;
    for (u64 i = 0; i < wanted; i++) {
        random_encoding();
    }
}

static void every_instruction_cut_off(void **state)
{
    (void)state;
    for (u32 i = 0; i < 100000; i++) {
        struct insn in;
        u8 bytes[INSN_MAX_LENGTH + 8];
        enum insn_mode mode = (enum insn_mode)pick(3);
        size_t n = random_opcode(bytes, mode);
        bytes[n] = likely_opcode(n > 0 && bytes[n - 1] == 0x0f);
        random_tail(bytes, n + 1);
        if (!insn_decode(bytes, INSN_MAX_LENGTH, mode, &in)) {
            continue;
        }
        u8 *exact = malloc(in.length);
        memcpy(exact, bytes, in.length);
        assert_true(insn_decode(exact, in.length, mode, &in));
        for (size_t length = 0; length < in.length; length++) {
            struct insn unused;
            u8 *cut = malloc(length + 1);
            memcpy(cut + 1, bytes, length);
            assert_false(insn_decode(cut + 1, length, mode, &unused));
            free(cut);
        }
        free(exact);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_opcode_and_modrm),
        cmocka_unit_test(random_encodings),
        cmocka_unit_test(every_instruction_cut_off),
    };
    const char *given = getenv("NESTOR_SEED");
    seed = given != NULL ? strtoull(given, NULL, 0) | 1 : 0x4e6573746f720001ull;
    printf("# seed 0x%llx\n", seed);
    memset(op_of_mnemonic, INSN_OP_COUNT, sizeof(op_of_mnemonic));
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        op_of_mnemonic[names[i].mnemonic] = (u8)names[i].op;
    }
    ZydisDecoderInit(&decoders[INSN_16], ZYDIS_MACHINE_MODE_LEGACY_16, ZYDIS_STACK_WIDTH_16);
    ZydisDecoderInit(&decoders[INSN_32], ZYDIS_MACHINE_MODE_LEGACY_32, ZYDIS_STACK_WIDTH_32);
    ZydisDecoderInit(&decoders[INSN_64], ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    printf("# %llu encodings compared, %llu of them accepted\n", tried, accepted);
    return failed;
}
