/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Code that is not what it was when it last touched a register from the same address: changed in place,
 * moved to another page behind the address, or with other operands. Each access must be the one that
 * the present code asks for.
 */
#include "tests/efi/hostile.h"

enum { REG_CAP = 0x08, REG_ECAP = 0x10, REG_FEDATA = 0x3c, TIMES = 3 };

/* mov rax, [rdi]; ret, with [rsi] by its third byte; mov [rdi], esi; ret */
static const u8 read_rdi[] = {0x48, 0x8b, 0x07, 0xc3};
static const u8 read_rsi[] = {0x48, 0x8b, 0x06, 0xc3};
static const u8 write_rdi[] = {0x89, 0x37, 0xc3};

static void put_code(u8 *page, const u8 *code, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        page[i] = code[i];
    }
    /* From here on the new code is fetched (SDM 9.1.3). */
    __asm__ volatile("cpuid" : : "a"(0), "c"(0) : "rbx", "rdx", "memory");
}

/* Several times, so that what Nestor remembers of the access is in use. */
static u64 run(volatile u8 *code, u64 rdi, u64 rsi)
{
    u64 value = 0;
    for (u32 i = 0; i < TIMES; i++) {
        __asm__ volatile("call *%1" : "=a"(value) : "r"(code), "D"(rdi), "S"(rsi) : "memory", "cc");
    }
    return value;
}

void hostile_code(void)
{
    u64 cap_at = machine.unit + REG_CAP, ecap_at = machine.unit + REG_ECAP;
    u64 cap = read_width(cap_at, 8), ecap = read_width(ecap_at, 8), got;
    volatile u8 *code = map_page((u64)(uintptr_t)machine.page, MAP_PAGE);
    put_code(machine.page, read_rdi, sizeof(read_rdi));
    put_code(machine.page2, read_rsi, sizeof(read_rsi));
    got = run(code, cap_at, ecap_at);
    result("code-first", got == cap && cap != ecap, "0x%llx", got);
    got = run(code, ecap_at, cap_at);
    result("code-operand", got == ecap, "0x%llx", got);
    (void)map_page((u64)(uintptr_t)machine.page2, MAP_PAGE);
    got = run(code, cap_at, ecap_at);
    result("code-moved", got == ecap, "0x%llx", got);
    put_code(machine.page2, read_rdi, sizeof(read_rdi));
    got = run(code, cap_at, ecap_at);
    result("code-changed", got == cap, "0x%llx", got);
    put_code(machine.page2, write_rdi, sizeof(write_rdi));
    (void)run(code, machine.unit + REG_FEDATA, 0x61);
    got = read_width(machine.unit + REG_FEDATA, 4);
    result("code-write", got == 0x61, "0x%llx", got);
    write_width(machine.unit + REG_FEDATA, 4, 0);
    /* The same again with RAM, which does not exit. */
    put_code(machine.page2, read_rdi, sizeof(read_rdi));
    *(volatile u64 *)(void *)(machine.page + 64) = 0x1234;
    got = run(code, (u64)(uintptr_t)machine.page + 64, cap_at);
    result("code-ram", got == 0x1234 && run(code, cap_at, ecap_at) == cap, "0x%llx", got);
}
