/* SPDX-License-Identifier: BSD-2-Clause */
/* A unit's register page, touched as no driver would: each access ends in a value or in a fault. */
#include "tests/efi/hostile.h"

enum { REG_CAP = 0x08, REG_GSTS = 0x1c, REG_FEDATA = 0x3c, PAGE_END = 0x1000, STORM = 20000 };

static void expect(const char *name, void (*fn)(void *), u64 vector)
{
    u64 got = trap_call(fn, NULL);
    result(name, got == vector, "vector %llu, error 0x%llx", got, trap.error);
}

/* A function that does one thing to an address in the page. */
#define ACCESS(name, offset, ...)                                                           \
    static void name(void *unused)                                                          \
    {                                                                                       \
        u64 at = machine.unit + (offset);                                                   \
        u64 ram = (u64)(uintptr_t)machine.page;                                             \
        u64 count = 4;                                                                      \
        (void)unused;                                                                       \
        __asm__ volatile(__VA_ARGS__ : "+r"(at), "+D"(ram), "+c"(count) : : "memory", "cc", "rax", "rsi"); \
    }

ACCESS(cross_end, PAGE_END - 4, "mov (%0), %%rax")
ACCESS(cross_start, -4ull, "mov (%0), %%rax")
ACCESS(cross_write, PAGE_END - 2, "movl $1, (%0)")
ACCESS(copy_out, REG_CAP, "mov %0, %%rsi; rep movsb")
ACCESS(compare_string, REG_CAP, "mov %0, %%rsi; cmpsb")
ACCESS(scan_string, REG_CAP, "mov %0, %%rdi; scasb")
ACCESS(sse_read, 0x10, "movups (%0), %%xmm0")
ACCESS(sse_write, 0x10, "movups %%xmm0, (%0)")
ACCESS(x87_read, REG_CAP, "fldl (%0)")
ACCESS(fx_save, 0x200, "fxsave (%0)")
ACCESS(wide_exchange, 0, "lock cmpxchg8b (%0)")
ACCESS(push_from, REG_CAP, "pushq (%0); popq %%rax")
ACCESS(pop_to, REG_CAP, "pushq $0; popq (%0)")
ACCESS(call_through, REG_CAP, "call *(%0)")
ACCESS(jump_to, REG_CAP, "jmp *%0")
ACCESS(load_gdt, REG_CAP, "lgdt (%0)")
ACCESS(load_segment, REG_CAP, "mov (%0), %%fs")
ACCESS(multiply, REG_CAP, "imul (%0), %%rax")
ACCESS(bit_test, REG_CAP, "bt %%rcx, (%0)")
ACCESS(fill_none, REG_FEDATA, "mov %0, %%rdi; xor %%ecx, %%ecx; xor %%eax, %%eax; rep stosl")
ACCESS(fill_over_end, PAGE_END - 8, "mov %0, %%rdi; xor %%eax, %%eax; rep stosl")
ACCESS(flush_line, 0, "clflush (%0)")
ACCESS(prefetch, 0, "prefetcht0 (%0)")

/* The stack in the page: a push, and an event that is delivered there. */
static void stack_push(void *unused)
{
    (void)unused;
    __asm__ volatile("mov %%rsp, %%rbx; mov %0, %%rsp; push %%rax; mov %%rbx, %%rsp"
                     : : "r"(machine.unit + 0x800) : "rbx", "memory");
}

static void stack_event(void *unused)
{
    (void)unused;
    __asm__ volatile("mov %0, %%rsp; ud2" : : "r"(machine.unit + 0x800) : "memory");
}

static void stack_software_interrupt(void *unused)
{
    (void)unused;
    __asm__ volatile("mov %0, %%rsp; int3" : : "r"(machine.unit + 0x800) : "memory");
}

static void through_table(void *unused)
{
    (void)unused;
    (void)*map_page(machine.unit, MAP_TABLE);
}

static void read_narrow(void *seen)
{
    *(u32 *)seen = compat_read((u32)machine.unit + REG_CAP);
}

static u64 cap_at(u64 base, u32 width)
{
    return read_width(base + REG_CAP, width);
}

static void values(void)
{
    u64 cap = cap_at(machine.unit, 8), got = 0;
    u32 low = 0, sum = 0;
    u64 vector = trap_call(read_narrow, &low);
    result("page-compat", vector == NO_TRAP && low == (u32)cap, "0x%x", low);
    result("page-halves", cap == (cap_at(machine.unit, 4) |
           read_width(machine.unit + REG_CAP + 4, 4) << 32), "CAP 0x%llx", cap);
    result("page-narrow", cap_at(machine.unit, 1) == 0 && cap_at(machine.unit, 2) == 0, "%s", "");
    for (u32 offset = 1; offset < 16; offset++) {
        sum += offset % 4 != 0 && read_width(machine.unit + offset, 4) != 0;
    }
    result("page-misaligned", sum == 0, "%u", sum);
    result("page-alias", *(volatile u64 *)(map_page(machine.unit, MAP_PAGE) + REG_CAP) == cap, "%s", "");
    for (u32 offset = 0; offset < PAGE_END; offset += 4) {
        got += read_width(machine.unit + offset, 4) != 0;
    }
    result("page-all", got > 3, "%llu registers", got);
}

/* On a register without side effects. */
static void changes(void)
{
    volatile u32 *data = (volatile u32 *)(uintptr_t)(machine.unit + REG_FEDATA);
    u64 from = (u64)(uintptr_t)machine.page, to = machine.unit + REG_FEDATA, count = 1;
    *data = 0x41;
    __atomic_or_fetch(data, 0x02, __ATOMIC_SEQ_CST);
    result("page-or", *data == 0x43, "0x%x", *data);
    result("page-exchange", __atomic_exchange_n(data, 0x52, __ATOMIC_SEQ_CST) == 0x43 && *data == 0x52,
           "0x%x", *data);
    result("page-add", __atomic_fetch_add(data, 1, __ATOMIC_SEQ_CST) == 0x52 && *data == 0x53, "0x%x",
           *data);
    *(u32 *)(void *)machine.page = 0x64;
    __asm__ volatile("rep movsl" : "+D"(to), "+S"(from), "+c"(count) : : "memory");
    result("page-copy-in", *data == 0x64 && count == 0, "0x%x", *data);
    to = machine.unit + REG_FEDATA;
    count = 1;
    __asm__ volatile("rep stosl" : "+D"(to), "+c"(count) : "a"(0x75) : "memory");
    result("page-fill", *data == 0x75 && count == 0, "0x%x", *data);
    *(volatile u8 *)(uintptr_t)data = 1;
    result("page-write-narrow", *data == 0x75, "0x%x", *data);
    *data = 0;
}

static void stacks(void)
{
    expect("page-stack", stack_push, VECTOR_GP);
    trap_own_stack(VECTOR_UD, false);
    expect("page-stack-event", stack_event, VECTOR_GP);
    trap_own_stack(3, false);
    expect("page-stack-int3", stack_software_interrupt, VECTOR_GP);
    trap_own_stack(VECTOR_GP, false);
    expect("page-stack-twice", stack_event, VECTOR_DF);
    trap_own_stack(VECTOR_GP, true);
    trap_own_stack(VECTOR_UD, true);
    trap_own_stack(3, true);
}

static void storm(void)
{
    u64 began = read_tsc();
    u32 wrong = 0;
    for (u32 i = 0; i < STORM; i++) {
        wrong += trap_call(cross_end, NULL) != VECTOR_GP;
    }
    result("page-storm", wrong == 0, "%u refused accesses, %llu ticks each", STORM,
           (read_tsc() - began) / STORM);
}

void hostile_page(void)
{
    static const struct { const char *name; void (*fn)(void *); u64 vector; } all[] = {
        {"page-cross-end", cross_end, VECTOR_GP}, {"page-cross-start", cross_start, VECTOR_GP},
        {"page-cross-write", cross_write, VECTOR_GP}, {"page-copy-out", copy_out, VECTOR_GP},
        {"page-cmps", compare_string, VECTOR_GP}, {"page-scas", scan_string, VECTOR_GP},
        {"page-sse-read", sse_read, VECTOR_GP}, {"page-sse-write", sse_write, VECTOR_GP},
        {"page-x87", x87_read, VECTOR_GP}, {"page-fxsave", fx_save, VECTOR_GP},
        {"page-cmpxchg8b", wide_exchange, VECTOR_GP}, {"page-push", push_from, VECTOR_GP},
        {"page-pop", pop_to, VECTOR_GP}, {"page-call", call_through, VECTOR_GP},
        {"page-fetch", jump_to, VECTOR_GP}, {"page-lgdt", load_gdt, VECTOR_GP},
        {"page-segment", load_segment, VECTOR_GP}, {"page-imul", multiply, VECTOR_GP},
        {"page-bt-register", bit_test, VECTOR_GP}, {"page-table", through_table, VECTOR_GP},
        {"page-fill-none", fill_none, NO_TRAP}, {"page-fill-over-end", fill_over_end, NO_TRAP},
        {"page-prefetch", prefetch, NO_TRAP},
    };
    for (u32 i = 0; i < ARRAY_LEN(all); i++) {
        expect(all[i].name, all[i].fn, all[i].vector);
    }
    u64 got = trap_call(flush_line, NULL);
    result("page-clflush", got == NO_TRAP || got == VECTOR_GP, "vector %llu", got);
    values();
    changes();
    stacks();
    storm();
    (void)map_page((u64)(uintptr_t)machine.page, MAP_PAGE);
    result("page-alive", read_width(machine.unit + REG_CAP, 4) != 0, "%s", "");
}

void hostile_idt_in_page(void)
{
    trap_set_idt(machine.unit);
    __asm__ volatile("ud2");
}

void hostile_tables_in_page(void)
{
    __asm__ volatile("mov %0, %%cr3" : : "r"(machine.unit) : "memory");
    for (;;) {
    }
}
