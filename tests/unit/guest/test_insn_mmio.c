/* SPDX-License-Identifier: BSD-2-Clause */
/* Whole accesses to a trapped page: fetched, decoded, done; and every way in which they are refused. */
#include "hv/guest/insn_mmio.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

enum { MEMORY = 32 << 10, DEVICE = 0x7000 /* a page of the same space */ };

static _Alignas(PAGE_SIZE) u8 memory[MEMORY];
static u64 device_value, stored;
static u32 loads, stores, last_size;
static u64 last_gpa;
static u64 gpr[16];
static struct insn_state cpu;
static struct guest_paging paging;

static const volatile void *find_memory(void *ctx, gpa_t gpa, size_t len)
{
    (void)ctx;
    return gpa.v >= DEVICE || len > DEVICE - gpa.v ? NULL : memory + gpa.v;
}

static const struct guest_memory guest = {.find = find_memory};

static u64 load(void *ctx, u64 gpa, u32 size)
{
    (void)ctx;
    loads++;
    last_gpa = gpa;
    last_size = size;
    return device_value;
}

static void store(void *ctx, u64 gpa, u32 size, u64 value)
{
    (void)ctx;
    stores++;
    last_gpa = gpa;
    last_size = size;
    stored = value;
}

static const struct insn_mmio_ops ops = {load, store};

/* Code at 1ff0 with paging off; the access goes to DEVICE + 0x88. */
static struct insn_mmio prepare(const u8 *code, size_t size)
{
    memset(memory, 0x90, sizeof(memory));
    memset(gpr, 0, sizeof(gpr));
    loads = stores = 0;
    paging = (struct guest_paging){.cr0 = 1, .physical_width = 36};
    cpu = (struct insn_state){.gpr = gpr, .rip = 0x1ff0, .rflags = 2};
    gpr[3] = DEVICE + 0x88;
    memcpy(memory + 0x1ff0, code, size);
    return (struct insn_mmio){.ops = &ops, .memory = &guest, .paging = &paging, .state = &cpu, .mode = INSN_32,
                              .gpa = DEVICE + 0x88};
}

static void a_read(void **state)
{
    const u8 code[] = {0x8b, 0x03};
    struct insn_mmio m = prepare(code, sizeof(code));
    (void)state;
    device_value = 0x12345678;
    assert_int_equal(insn_mmio_run(&m), INSN_MMIO_DONE);
    assert_int_equal(gpr[0], 0x12345678);
    assert_int_equal(cpu.rip, 0x1ff2);
    assert_int_equal(loads, 1);
    assert_int_equal(stores, 0);
    assert_int_equal(last_gpa, DEVICE + 0x88);
    assert_int_equal(last_size, 4);
}

static void a_read_modify_write(void **state)
{
    const u8 code[] = {0xf0, 0x80, 0x0b, 0x80}; /* lock or byte [ebx], 80 */
    struct insn_mmio m = prepare(code, sizeof(code));
    (void)state;
    device_value = 0x01;
    assert_int_equal(insn_mmio_run(&m), INSN_MMIO_DONE);
    assert_int_equal(stored, 0x81);
    assert_int_equal(loads + stores, 2);
    assert_int_equal(last_size, 1);
    assert_true((cpu.rflags & 0x80) != 0);
}

static void code_in_its_segment(void **state)
{
    const u8 code[] = {0x89, 0x03};
    struct insn_mmio m = prepare(code, sizeof(code));
    (void)state;
    cpu.segment_base[INSN_CS] = 0x1000;
    cpu.rip = 0xff0;
    gpr[0] = 5;
    assert_int_equal(insn_mmio_run(&m), INSN_MMIO_DONE);
    assert_int_equal(stored, 5);
    assert_int_equal(cpu.rip, 0xff2);
}

static void repeated_copy_to_the_device(void **state)
{
    const u8 code[] = {0xf3, 0xa5}; /* rep movsd */
    struct insn_mmio m = prepare(code, sizeof(code));
    (void)state;
    gpr[INSN_RCX] = 2;
    gpr[INSN_RSI] = 0x3000;
    gpr[INSN_RDI] = DEVICE + 0x88;
    memcpy(memory + 0x3000, "abcdefgh", 8);
    assert_int_equal(insn_mmio_run(&m), INSN_MMIO_DONE);
    assert_int_equal(stored, 0x64636261);
    assert_int_equal(cpu.rip, 0x1ff0);
    m.gpa += 4;
    assert_int_equal(insn_mmio_run(&m), INSN_MMIO_DONE);
    assert_int_equal(stored, 0x68676665);
    assert_int_equal(cpu.rip, 0x1ff2);
    assert_int_equal(gpr[INSN_RCX], 0);
    cpu.rip = 0x1ff0;
    assert_int_equal(insn_mmio_run(&m), INSN_MMIO_DONE);
    assert_int_equal(stores, 2);
    assert_int_equal(cpu.rip, 0x1ff2);
}

static void expect_refusal(struct insn_mmio *m)
{
    const struct insn_state before = cpu;
    u64 registers[16];
    memcpy(registers, gpr, sizeof(gpr));
    assert_int_equal(insn_mmio_run(m), INSN_MMIO_REFUSED);
    assert_int_equal(loads + stores, 0);
    assert_memory_equal(registers, gpr, sizeof(gpr));
    assert_memory_equal(&before, &cpu, sizeof(cpu));
}

static void refusals(void **state)
{
    const u8 sse[] = {0x0f, 0x10, 0x03};
    const u8 mov[] = {0x8b, 0x03};
    const u8 copy[] = {0xa5};
    struct insn_mmio m = prepare(sse, sizeof(sse));
    (void)state;
    expect_refusal(&m);
    assert_int_equal(m.byte_count, INSN_MAX_LENGTH);
    assert_memory_equal(m.bytes, sse, sizeof(sse));
    m = prepare(mov, sizeof(mov));          /* another place than the exit said */
    gpr[3] += 8;
    expect_refusal(&m);
    m = prepare(mov, sizeof(mov));          /* into the next page */
    gpr[3] = DEVICE + 0xffe;
    m.gpa = DEVICE + 0xffe;
    expect_refusal(&m);
    m = prepare(copy, sizeof(copy));        /* from the device */
    gpr[INSN_RSI] = DEVICE + 0x88;
    gpr[INSN_RDI] = 0x3000;
    expect_refusal(&m);
    m = prepare(copy, sizeof(copy));        /* from where there is no memory */
    gpr[INSN_RSI] = 0x100000;
    gpr[INSN_RDI] = DEVICE + 0x88;
    expect_refusal(&m);
    m = prepare(mov, sizeof(mov));          /* code where there is no memory */
    cpu.rip = 0x100000;
    expect_refusal(&m);
}

/* Identity-mapped 4 KiB pages by 32-bit paging: directory at 4000, table at 5000. */
static void page_faults(void **state)
{
    const u8 code[] = {0xc7, 0x83, 0, 0, 0, 0, 1, 2, 3, 4}; /* mov dword [ebx + 0], imm */
    const u8 copy[] = {0xa5};
    struct insn_mmio m = prepare(code, sizeof(code));
    (void)state;
    for (u32 pass = 0; pass < 2; pass++) {
        m = pass == 0 ? prepare(code, 0) : prepare(copy, sizeof(copy));
        memset(memory + 0x4000, 0, 0x2000);
        memcpy(memory + 0x4000, "\x07\x50\0", 4);
        for (u32 page = 0; page < 3 + pass; page++) {
            u32 entry = page << 12 | 7;
            memcpy(memory + 0x5000 + 4 * page, &entry, 4);
        }
        paging.cr0 = 0x80000001;
        paging.cr3 = 0x4000;
        if (pass == 0) {                    /* the instruction crosses into a missing page */
            cpu.rip = 0x2ffa;
            memcpy(memory + 0x2ffa, code, 6);
        } else {
            gpr[INSN_RSI] = 0x6000;
            gpr[INSN_RDI] = DEVICE + 0x88;
        }
        assert_int_equal(insn_mmio_run(&m), INSN_MMIO_FAULT);
        assert_int_equal(m.fault_address, pass == 0 ? 0x3000 : 0x6000);
        assert_int_equal(m.fault_error, 0);
        assert_int_equal(stores, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_read),
        cmocka_unit_test(a_read_modify_write),
        cmocka_unit_test(code_in_its_segment),
        cmocka_unit_test(repeated_copy_to_the_device),
        cmocka_unit_test(refusals),
        cmocka_unit_test(page_faults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
