/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What decoded instructions do: the same bytes run on this machine's CPU and in insn_execute()
 * leave the same registers, flags and memory. What a hosted program cannot run (other modes,
 * other address sizes, segments) is compared with values worked out by hand.
 */
#include "hv/guest/insn.h"

#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <cmocka.h>

#define STATUS 0x8d5ull         /* OF SF ZF AF PF CF */
#define DIRECTION 0x400ull
enum { RBX = 3, RSP = 4, RBP = 5, SLOT = 64 };

/* All registers but RSP and RBP, then the flags. */
struct cpu {
    u64 gpr[16];
    u64 rflags;
    const void *code;
};

void run_on_cpu(struct cpu *cpu);
__asm__(
    ".globl run_on_cpu\n"
    "run_on_cpu:\n"
    "  push %rbp\n push %rbx\n push %r12\n push %r13\n push %r14\n push %r15\n push %rdi\n"
    "  mov %rdi, %rbp\n"
    "  push 128(%rbp)\n popfq\n"
    "  mov 0(%rbp), %rax\n mov 8(%rbp), %rcx\n mov 16(%rbp), %rdx\n mov 24(%rbp), %rbx\n"
    "  mov 48(%rbp), %rsi\n mov 56(%rbp), %rdi\n mov 64(%rbp), %r8\n mov 72(%rbp), %r9\n"
    "  mov 80(%rbp), %r10\n mov 88(%rbp), %r11\n mov 96(%rbp), %r12\n mov 104(%rbp), %r13\n"
    "  mov 112(%rbp), %r14\n mov 120(%rbp), %r15\n"
    "  call *136(%rbp)\n"
    "  pushfq\n pop 128(%rbp)\n"
    "  mov %rax, 0(%rbp)\n mov %rcx, 8(%rbp)\n mov %rdx, 16(%rbp)\n mov %rbx, 24(%rbp)\n"
    "  mov %rsi, 48(%rbp)\n mov %rdi, 56(%rbp)\n mov %r8, 64(%rbp)\n mov %r9, 72(%rbp)\n"
    "  mov %r10, 80(%rbp)\n mov %r11, 88(%rbp)\n mov %r12, 96(%rbp)\n mov %r13, 104(%rbp)\n"
    "  mov %r14, 112(%rbp)\n mov %r15, 120(%rbp)\n"
    "  cld\n"
    "  pop %rdi\n pop %r15\n pop %r14\n pop %r13\n pop %r12\n pop %rbx\n pop %rbp\n ret\n");

static u8 *code;                /* one page to execute */
static u8 *data;                /* two pages below 2 GiB; operands are in the middle */

static u64 seed = 0x4e6573746f720003ull;

static u64 random64(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed * 0x2545f4914f6cdd1dull;
}

/* Random, but often where carries, signs and comparisons change. */
static u64 operand(void)
{
    static const u64 edges[] = {0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fffffff,
                                0x80000000, 0xffffffff, 0x7fffffffffffffff, 0x8000000000000000,
                                ~0ull};
    u64 kind = random64() % 4;
    return kind == 0 ? random64() : kind == 1 ? random64() & 0x0101 : edges[random64() % 14];
}

static u64 load(const void *from, u32 width)
{
    u64 value = 0;
    memcpy(&value, from, width);
    return value;
}

/* The instruction in insn_execute(), on `memory`, which stands for the page `data`. */
static void run_ours(const u8 *bytes, size_t length, struct cpu *cpu, u8 *memory)
{
    struct insn in;
    struct insn_state state = {.gpr = cpu->gpr, .rip = (u64)code, .rflags = cpu->rflags};
    assert_true(insn_decode(bytes, length, INSN_64, &in));
    assert_int_equal(in.length, length);
    for (u32 guard = 0; state.rip == (u64)code; guard++) {
        assert_true(guard < 64);
        if (insn_is_spent(&in, &state)) {
            insn_skip(&in, &state);
            break;
        }
        u8 *source = memory + (insn_address(&in, &state) - (u64)data);
        u8 *target = in.op == INSN_MOVS ? memory + (insn_movs_target(&in, &state) - (u64)data)
                                        : source;
        u64 value = insn_reads(&in) ? load(source, in.width) : random64();
        u64 result = insn_execute(&in, &state, value);
        if (insn_writes(&in)) {
            memcpy(target, &result, in.width);
        }
    }
    assert_int_equal(state.rip, (u64)code + length);
    cpu->rflags = state.rflags;
}

/* AF after these is undefined, and the CPUs differ. */
static u64 defined_flags(const struct insn *in)
{
    bool logical = in->op == INSN_AND || in->op == INSN_OR || in->op == INSN_XOR ||
                   in->op == INSN_TEST;
    bool bits = in->op >= INSN_BT && in->op <= INSN_BTC;
    return bits ? 0x1 | 0x40 : logical ? STATUS & ~0x10ull : STATUS;
}

static void compare(const char *name, const u8 *bytes, size_t length, const struct cpu *start)
{
    static u8 memory[2 * PAGE_SIZE];
    struct cpu real = *start;
    struct cpu ours = *start;
    struct insn in;
    u64 flags;
    assert_true(insn_decode(bytes, length, INSN_64, &in));
    flags = defined_flags(&in);
    memcpy(memory, data, sizeof(memory));
    memcpy(code, bytes, length);
    code[length] = 0xc3;
    real.code = code;
    run_on_cpu(&real);
    run_ours(bytes, length, &ours, memory);
    if (memcmp(memory, data, sizeof(memory)) != 0) {
        fail_msg("%s: memory differs", name);
    }
    for (u32 i = 0; i < 16; i++) {
        if (real.gpr[i] != ours.gpr[i]) {
            fail_msg("%s: register %u is %#llx, on the CPU %#llx", name, i, ours.gpr[i],
                     real.gpr[i]);
        }
    }
    if (((real.rflags ^ ours.rflags) & flags) != 0) {
        fail_msg("%s: flags are %#llx, on the CPU %#llx", name, ours.rflags & STATUS,
                 real.rflags & STATUS);
    }
    if (((start->rflags ^ ours.rflags) & ~STATUS) != 0) {
        fail_msg("%s: touches flags it has no business with", name);
    }
}

/* RBX points to the operand; it and the registers are random, but for RSP and RBP. */
static struct cpu random_cpu(void)
{
    struct cpu cpu = {.rflags = 0x202 | (random64() & STATUS)};
    for (u32 i = 0; i < 16; i++) {
        cpu.gpr[i] = i == RSP || i == RBP ? 0 : operand();
    }
    cpu.gpr[RBX] = (u64)data + PAGE_SIZE;
    for (u32 i = 0; i < 2 * SLOT; i++) {
        data[PAGE_SIZE - SLOT + i] = (u8)random64();
    }
    u64 value = operand();
    memcpy(data + PAGE_SIZE, &value, sizeof(value));
    return cpu;
}

/* Opcode with its ModRM.reg (group members), and how many bytes of immediate at most. */
static const struct encoding {
    const char *name;
    u8 opcode[3];
    u8 size;
    s64 group;                  /* -1: any register */
    u8 immediate;               /* 4: two with 66 */
    bool byte;
} encodings[] = {
    {"mov m8, r8", {0x88}, 1, -1, 0, true}, {"mov m, r", {0x89}, 1, -1, 0, false},
    {"mov r8, m8", {0x8a}, 1, -1, 0, true}, {"mov r, m", {0x8b}, 1, -1, 0, false},
    {"mov m8, i", {0xc6}, 1, 0, 1, true}, {"mov m, i", {0xc7}, 1, 0, 4, false},
    {"movzx r, m8", {0x0f, 0xb6}, 2, -1, 0, false}, {"movzx r, m16", {0x0f, 0xb7}, 2, -1, 0, false},
    {"movsx r, m8", {0x0f, 0xbe}, 2, -1, 0, false}, {"movsx r, m16", {0x0f, 0xbf}, 2, -1, 0, false},
    {"movsxd r, m", {0x63}, 1, -1, 0, false}, {"movbe r, m", {0x0f, 0x38, 0xf0}, 3, -1, 0, false},
    {"movbe m, r", {0x0f, 0x38, 0xf1}, 3, -1, 0, false},
    {"xchg m8, r8", {0x86}, 1, -1, 0, true}, {"xchg m, r", {0x87}, 1, -1, 0, false},
    {"test m8, r8", {0x84}, 1, -1, 0, true}, {"test m, r", {0x85}, 1, -1, 0, false},
    {"test m8, i", {0xf6}, 1, 0, 1, true}, {"test m, i", {0xf7}, 1, 1, 4, false},
    {"not m8", {0xf6}, 1, 2, 0, true}, {"not m", {0xf7}, 1, 2, 0, false},
    {"neg m8", {0xf6}, 1, 3, 0, true}, {"neg m", {0xf7}, 1, 3, 0, false},
    {"inc m8", {0xfe}, 1, 0, 0, true}, {"inc m", {0xff}, 1, 0, 0, false},
    {"dec m8", {0xfe}, 1, 1, 0, true}, {"dec m", {0xff}, 1, 1, 0, false},
    {"bt m, i", {0x0f, 0xba}, 2, 4, 1, false}, {"bts m, i", {0x0f, 0xba}, 2, 5, 1, false},
    {"btr m, i", {0x0f, 0xba}, 2, 6, 1, false}, {"btc m, i", {0x0f, 0xba}, 2, 7, 1, false},
    {"cmpxchg m8, r8", {0x0f, 0xb0}, 2, -1, 0, true},
    {"cmpxchg m, r", {0x0f, 0xb1}, 2, -1, 0, false},
    {"xadd m8, r8", {0x0f, 0xc0}, 2, -1, 0, true}, {"xadd m, r", {0x0f, 0xc1}, 2, -1, 0, false},
};

/* A register that the stub loads and that is not the pointer. */
static u8 random_register(bool byte, bool rex)
{
    u8 reg;
    do {
        reg = (u8)(random64() % (rex ? 16 : 8));
    } while ((reg == RBX || reg == RSP || reg == RBP) && !(byte && !rex && reg != RBX));
    return reg;
}

/* Operand of 1, 2, 4 or 8 bytes: 66, REX.W; REX at random; the memory operand is [rbx]. */
static void run_encoding(const struct encoding *e, u32 width)
{
    u8 bytes[INSN_MAX_LENGTH];
    size_t n = 0;
    bool rex = width == 8 || (e->byte && random64() % 2 == 0);
    u8 reg = e->group >= 0 ? (u8)e->group : random_register(e->byte, rex);
    struct cpu cpu = random_cpu();
    if (width == 2) {
        bytes[n++] = 0x66;
    }
    if (rex) {
        bytes[n++] = (u8)(0x40 | (width == 8 ? 8 : 0) | (reg >= 8 ? 4 : 0));
    }
    memcpy(bytes + n, e->opcode, e->size);
    n += e->size;
    bytes[n++] = (u8)((reg & 7) << 3 | RBX);
    u32 immediate = e->immediate == 4 && width == 2 ? 2 : e->immediate;
    for (u32 i = 0; i < immediate; i++) {
        bytes[n++] = (u8)random64();
    }
    /* Half of the comparisons succeed. */
    if (random64() % 2 == 0) {
        cpu.gpr[INSN_RAX] = load(data + PAGE_SIZE, 8) | (width == 4 ? random64() << 32 : 0);
    }
    compare(e->name, bytes, n, &cpu);
}

static void single_operations(void **state)
{
    (void)state;
    for (u32 i = 0; i < ARRAY_LEN(encodings); i++) {
        for (u32 round = 0; round < 3000; round++) {
            const struct encoding *e = &encodings[i];
            run_encoding(e, e->byte ? 1 : 2u << random64() % 3);
        }
    }
}

static const char *const alu_names[] = {"add", "or", "adc", "sbb", "and", "sub", "xor", "cmp"};

static void arithmetic_in_all_its_forms(void **state)
{
    (void)state;
    for (u8 op = 0; op < 8; op++) {
        const struct encoding forms[] = {
            {alu_names[op], {(u8)(op << 3)}, 1, -1, 0, true},
            {alu_names[op], {(u8)(op << 3 | 1)}, 1, -1, 0, false},
            {alu_names[op], {(u8)(op << 3 | 2)}, 1, -1, 0, true},
            {alu_names[op], {(u8)(op << 3 | 3)}, 1, -1, 0, false},
            {alu_names[op], {0x80}, 1, op, 1, true},
            {alu_names[op], {0x81}, 1, op, 4, false},
            {alu_names[op], {0x83}, 1, op, 1, false},
        };
        for (u32 i = 0; i < 3000 * ARRAY_LEN(forms); i++) {
            const struct encoding *e = &forms[i % ARRAY_LEN(forms)];
            run_encoding(e, e->byte ? 1 : 2u << random64() % 3);
        }
    }
}

/* STOS, LODS, MOVS: with and without REP, both directions, both address sizes. */
static void strings(void **state)
{
    static const u8 opcodes[] = {0xa4, 0xa5, 0xaa, 0xab, 0xac, 0xad};
    (void)state;
    for (u32 i = 0; i < 6000; i++) {
        u8 bytes[8];
        size_t n = 0;
        struct cpu cpu = random_cpu();
        cpu.gpr[INSN_RSI] = (u64)data + PAGE_SIZE;
        cpu.gpr[INSN_RDI] = (u64)data + PAGE_SIZE + random64() % 16;
        cpu.rflags |= random64() % 2 == 0 ? DIRECTION : 0;
        if (random64() % 2 == 0) {
            bytes[n++] = random64() % 2 == 0 ? 0xf3 : 0xf2;
            cpu.gpr[INSN_RCX] = random64() % 6;
        }
        if (random64() % 4 == 0) {
            bytes[n++] = 0x67;
        }
        if (random64() % 2 == 0) {
            bytes[n++] = random64() % 2 == 0 ? 0x66 : 0x48;
        }
        bytes[n++] = opcodes[i % sizeof(opcodes)];
        /* With a count of 0 and prefix 67, CPUs differ in the upper halves. */
        if (cpu.gpr[INSN_RCX] != 0 || memchr(bytes, 0x67, n) == NULL) {
            compare("string", bytes, n, &cpu);
        }
    }
}

static void addresses_on_the_cpu(void **state)
{
    static const struct {
        const char *name;
        u8 bytes[12];
        u8 size;
    } cases[] = {
        {"[rbx]", {0x8b, 0x03}, 2},
        {"[rbx + 8]", {0x8b, 0x43, 0x08}, 3},
        {"[rbx - 16]", {0x8b, 0x43, 0xf0}, 3},
        {"[rbx + 16, four bytes]", {0x8b, 0x83, 0x10, 0, 0, 0}, 6},
        {"[rbx + rdx * 4]", {0x8b, 0x04, 0x93}, 3},
        {"[rbx + rdx * 8 - 8]", {0x8b, 0x44, 0xd3, 0xf8}, 4},
        {"[r13 + 0]", {0x41, 0x8b, 0x45, 0x00}, 4},
        {"[r12]", {0x41, 0x8b, 0x04, 0x24}, 4},
        {"[rbx + r12]", {0x42, 0x8b, 0x04, 0x23}, 4},
        {"[ebx], 67", {0x67, 0x8b, 0x03}, 3},
        {"[ebx + edx * 4], 67", {0x67, 0x8b, 0x04, 0x93}, 4},
        {"REX before another prefix", {0x48, 0x66, 0x8b, 0x03}, 4},
    };
    (void)state;
    for (u32 i = 0; i < ARRAY_LEN(cases); i++) {
        struct cpu cpu = random_cpu();
        cpu.gpr[2] = 2;
        cpu.gpr[12] = cpu.gpr[RBX] + 8;
        cpu.gpr[13] = cpu.gpr[RBX] + 24;
        if (i == 8) {
            cpu.gpr[12] = 8;
        }
        compare(cases[i].name, cases[i].bytes, cases[i].size, &cpu);
    }
}

/* No base with mod 0 and SIB.base 5, whatever REX.B says; absolute; relative to RIP. */
static void absolute_addresses_on_the_cpu(void **state)
{
    u32 there = (u32)(u64)data + (u32)PAGE_SIZE;
    u32 relative = there - (u32)(u64)code - 6;
    u8 sib[] = {0x41, 0x8b, 0x04, 0x25, 0, 0, 0, 0};
    u8 sib32[] = {0x67, 0x41, 0x8b, 0x04, 0x25, 0, 0, 0, 0};
    u8 rip[] = {0x8b, 0x05, 0, 0, 0, 0};
    u8 offset[] = {0xa1, 0, 0, 0, 0, 0, 0, 0, 0};
    u8 offset32[] = {0x67, 0xa2, 0, 0, 0, 0};
    struct cpu cpu = random_cpu();
    (void)state;
    cpu.gpr[13] = 8;
    memcpy(sib + 4, &there, 4);
    memcpy(sib32 + 5, &there, 4);
    memcpy(rip + 2, &relative, 4);
    memcpy(offset + 1, &there, 4);
    memcpy(offset32 + 2, &there, 4);
    compare("sib", sib, sizeof(sib), &cpu);
    compare("sib, 67", sib32, sizeof(sib32), &cpu);
    compare("rip", rip, sizeof(rip), &cpu);
    compare("moffs", offset, sizeof(offset), &cpu);
    compare("moffs, 67", offset32, sizeof(offset32), &cpu);
}

static void addresses_of_other_modes(void **state)
{
    static const struct {
        enum insn_mode mode;
        u8 bytes[8];
        u64 address;
    } cases[] = {
        /* bx = 3003, si = 6006, bp = 5005, di = 7007; segment s has base (s + 1) << 16 */
        {INSN_16, {0x8b, 0x00}, 0x49009},             /* ds:[bx + si] */
        {INSN_16, {0x8b, 0x03}, 0x3c00c},             /* ss:[bp + di] */
        {INSN_16, {0x8b, 0x46, 0xff}, 0x35004},       /* ss:[bp - 1] */
        {INSN_16, {0x8b, 0x06, 0x34, 0x12}, 0x41234}, /* ds:[1234] */
        {INSN_16, {0x8b, 0x87, 0xff, 0xff}, 0x43002}, /* ds:[bx - 1] */
        {INSN_16, {0x8b, 0x80, 0x00, 0xf0}, 0x48009}, /* wraps at 64 KiB, the base does not */
        {INSN_16, {0x26, 0x8b, 0x07}, 0x13003},       /* es:[bx] */
        {INSN_16, {0x67, 0x8b, 0x03}, 0x40003003},    /* ds:[ebx] beyond 64 KiB, as unreal mode */
        {INSN_16, {0xa0, 0x34, 0x12}, 0x41234},
        {INSN_16, {0xaa}, 0x17007},                   /* es:[di] */
        {INSN_16, {0x2e, 0xaa}, 0x17007},             /* no override of that one */
        {INSN_16, {0x2e, 0xac}, 0x26006},             /* cs:[si] */
        {INSN_32, {0x8b, 0x03}, 0x40003003},
        {INSN_32, {0x8b, 0x45, 0x00}, 0x40035005},
        {INSN_32, {0x67, 0x8b, 0x00}, 0x49009},
        {INSN_32, {0x8b, 0x05, 0, 0, 0xff, 0xff}, 0x30000}, /* wraps at 4 GiB */
        {INSN_32, {0x64, 0x8b, 0x05, 4, 0, 0, 0}, 0x50004},
        {INSN_64, {0x65, 0x8b, 0x04, 0x25, 8, 0, 0, 0}, 0x60008},
        {INSN_64, {0x2e, 0x8b, 0x04, 0x25, 8, 0, 0, 0}, 8},
    };
    u64 gpr[16] = {[3] = 0x3ffc3003, [5] = 0x40005005, [6] = 0x6006, [7] = 0x7007};
    struct insn_state s = {.gpr = gpr, .segment_base = {0x10000, 0x20000, 0x30000, 0x40000,
                                                        0x50000, 0x60000}};
    (void)state;
    for (u32 i = 0; i < ARRAY_LEN(cases); i++) {
        struct insn in;
        assert_true(insn_decode(cases[i].bytes, sizeof(cases[i].bytes), cases[i].mode, &in));
        if (insn_address(&in, &s) != cases[i].address) {
            fail_msg("case %u: %#llx, not %#llx", i, insn_address(&in, &s),
                     cases[i].address);
        }
    }
}

static void string_registers_of_16_bits_wrap(void **state)
{
    const u8 bytes[] = {0xf3, 0xa5}; /* rep movsw */
    u64 gpr[16] = {[INSN_RCX] = 0xabcd0002, [INSN_RSI] = 0x1234ffff, [INSN_RDI] = 0x5678fffe};
    struct insn_state s = {.gpr = gpr, .rip = 0x100, .segment_base = {0x10000, 0, 0, 0x40000}};
    struct insn in;
    (void)state;
    assert_true(insn_decode(bytes, sizeof(bytes), INSN_16, &in));
    assert_false(insn_is_spent(&in, &s));
    assert_int_equal(insn_address(&in, &s), 0x4ffff);
    assert_int_equal(insn_movs_target(&in, &s), 0x1fffe);
    assert_int_equal(insn_execute(&in, &s, 0xbeef), 0xbeef);
    assert_int_equal(gpr[INSN_RSI], 0x12340001);
    assert_int_equal(gpr[INSN_RDI], 0x56780000);
    assert_int_equal(gpr[INSN_RCX], 0xabcd0001);
    assert_int_equal(s.rip, 0x100);
    assert_int_equal(insn_execute(&in, &s, 0), 0);
    assert_int_equal(gpr[INSN_RCX], 0xabcd0000);
    assert_int_equal(s.rip, 0x102);
    assert_true(insn_is_spent(&in, &s));
}

static void rip_wraps_outside_64_bit_mode(void **state)
{
    const u8 bytes[] = {0x8b, 0x03};
    u64 gpr[16] = {0};
    struct insn_state s = {.gpr = gpr, .rip = 0xffffffff};
    struct insn in;
    (void)state;
    assert_true(insn_decode(bytes, sizeof(bytes), INSN_32, &in));
    insn_skip(&in, &s);
    assert_int_equal(s.rip, 1);
    s.rip = 0xffffffff;
    assert_true(insn_decode(bytes, sizeof(bytes), INSN_64, &in));
    insn_skip(&in, &s);
    assert_int_equal(s.rip, 0x100000001);
}

/* Neighbours of the family that must not slip in. */
static void refusals(void **state)
{
    static const struct {
        enum insn_mode mode;
        u8 bytes[8];
        u8 size;
    } cases[] = {
        {INSN_64, {0x0f, 0x10, 0x03}, 3},             /* movups xmm0, [rbx] */
        {INSN_64, {0x8e, 0x03}, 2},                   /* mov es, [rbx] */
        {INSN_64, {0x8c, 0x03}, 2},                   /* mov [rbx], es */
        {INSN_64, {0xf0, 0x89, 0x03}, 3},             /* lock mov: #UD */
        {INSN_64, {0xf0, 0x03, 0x03}, 3},             /* lock add eax, [rbx]: #UD */
        {INSN_64, {0xf0, 0x39, 0x03}, 3},             /* lock cmp: #UD */
        {INSN_64, {0x89, 0xc3}, 2},                   /* mov ebx, eax */
        {INSN_64, {0x0f, 0xa3, 0x03}, 3},             /* bt [rbx], eax: an address of its own */
        {INSN_64, {0xf2, 0x0f, 0x38, 0xf0, 0x03}, 5}, /* crc32 */
        {INSN_64, {0xff, 0x13}, 2},                   /* call [rbx] */
        {INSN_64, {0xff, 0x33}, 2},                   /* push [rbx] */
        {INSN_64, {0x8f, 0x03}, 2},                   /* pop [rbx] */
        {INSN_64, {0xc7, 0x0b, 0, 0, 0, 0}, 6},       /* group 11 has one member */
        {INSN_64, {0xf7, 0x23}, 2},                   /* mul [rbx] */
        {INSN_64, {0x0f, 0xc7, 0x0b}, 3},             /* cmpxchg8b */
        {INSN_64, {0x66, 0x0f, 0xc3, 0x03}, 4},
        {INSN_64, {0x82, 0x03, 0x00}, 3},
        {INSN_32, {0x63, 0x03}, 2},                   /* arpl */
        {INSN_32, {0x48, 0x89, 0x03}, 1},             /* dec eax */
        {INSN_64, {0xc5, 0xf8, 0x10, 0x03}, 4},       /* VEX */
        {INSN_64, {0x62, 0xf1, 0x7c, 0x48, 0x10, 0x03}, 6},
        {INSN_64, {0xd5, 0x00, 0x89, 0x03}, 4},       /* REX2 */
        {INSN_64, {0xa6}, 1},                         /* cmpsb */
        {INSN_64, {0xae}, 1},                         /* scasb */
        {INSN_64, {0x90}, 1},
        {INSN_64, {0}, 0},
    };
    (void)state;
    for (u32 i = 0; i < ARRAY_LEN(cases); i++) {
        struct insn in;
        if (insn_decode(cases[i].bytes, cases[i].size, cases[i].mode, &in)) {
            fail_msg("case %u was accepted", i);
        }
    }
}

static int make_pages(void **state)
{
    (void)state;
    code = mmap(NULL, PAGE_SIZE, PROT_READ | PROT_WRITE | PROT_EXEC,
                MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
    data = mmap(NULL, 2 * PAGE_SIZE, PROT_READ | PROT_WRITE,
                MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
    return code == MAP_FAILED || data == MAP_FAILED;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(single_operations),
        cmocka_unit_test(arithmetic_in_all_its_forms),
        cmocka_unit_test(strings),
        cmocka_unit_test(addresses_on_the_cpu),
        cmocka_unit_test(absolute_addresses_on_the_cpu),
        cmocka_unit_test(addresses_of_other_modes),
        cmocka_unit_test(string_registers_of_16_bits_wrap),
        cmocka_unit_test(rip_wraps_outside_64_bit_mode),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests(tests, make_pages, NULL);
}
