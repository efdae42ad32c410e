/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The instruction decoder against Zydis (tests/support/zydis.h) over generated encodings: first every opcode with
 * every ModRM in every mode, then random ones. NESTOR_ENCODINGS and NESTOR_SEED change how many and which.
 */
#include "hv/guest/insn.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tests/support/repeat.h"
#include "tests/support/zydis.h"

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

static void complain(const char *what, const u8 *bytes, size_t length, enum insn_mode mode)
{
    char text[3 * INSN_MAX_LENGTH + 1] = "";
    for (size_t i = 0; i < length; i++) {
        (void)snprintf(text + 3 * i, 4, "%02x ", bytes[i]);
    }
    fail_msg("%s: %s(%u-bit mode)", what, text, 16u << mode);
}

static void check(const u8 *bytes, size_t length, enum insn_mode mode)
{
    bool ours;
    const char *wrong = zydis_disagrees(bytes, length, mode, &ours);
    tried++;
    accepted += ours;
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
    (void)state;
    u64 wanted = repeat_or("NESTOR_ENCODINGS", 10000000);
    for (u64 i = 0; i < wanted; i++) {
        random_encoding();
    }
}

static void every_instruction_cut_off(void **state)
{
    (void)state;
    u64 wanted = repeat(100000);
    for (u64 i = 0; i < wanted; i++) {
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
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    printf("# %llu encodings compared, %llu of them accepted\n", tried, accepted);
    return failed;
}
