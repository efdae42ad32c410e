/* SPDX-License-Identifier: BSD-2-Clause */
/* What a partition starts: each format as it should be, each thing that can be wrong with it, and any byte changed. */
#include "boot/program.h"

#include "boot/bytes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define MIB (1ull << 20)

enum { FILE_BYTES = 0x4000, LINUX_KERNEL = 0x1000000 };

static u8 file[FILE_BYTES];
static u8 disk[0x1800];
static struct handover_partition partition;
static struct program_request request;
static struct program_start start;
static struct program_refusal why;

static void begin(u64 size)
{
    memset(file, 0, sizeof(file));
    memset(disk, 0x5a, sizeof(disk));
    partition = (struct handover_partition){.memory_base = 0x40000000, .memory_size = size};
    static const struct areas nothing;
    partition_map(&partition, &nothing);
    request = (struct program_request){.partition = &partition, .image = {file, FILE_BYTES}, .arguments = ""};
}

/* In a block of exactly the file's size, so that ASan sees a read beside it. */
static bool open_program(void)
{
    u8 *exact = malloc(request.image.size + 1);
    assert_non_null(exact);
    u8 *block = exact + 1;
    memcpy(block, file, request.image.size);
    struct program_request r = request;
    r.image.bytes = block;
    bool opened = program_open(&r, &start, &why);
    if (opened) {
        for (u32 i = 0; i < start.count; i++) {
            struct program_piece *p = &start.pieces[i];
            assert_true(p->file_size <= p->size);
            if (p->bytes >= block && p->bytes <= block + r.image.size) {
                assert_true(p->file_size <= (u64)(block + r.image.size - p->bytes));
                p->bytes = file + (p->bytes - block);
            }
        }
    }
    free(exact);
    return opened;
}

static void is_refused(const char *key, const char *expected)
{
    assert_false(open_program());
    assert_string_equal(why.key, key);
    assert_string_equal(why.expected, expected);
}

static const struct program_piece *piece_at(u64 gpa)
{
    for (u32 i = 0; i < start.count; i++) {
        if (start.pieces[i].gpa == gpa) {
            return &start.pieces[i];
        }
    }
    fail_msg("nothing at %llx", gpa);
    return NULL;
}

static void memory_of_a_partition(void **state)
{
    (void)state;
    begin(64 * MIB);
    assert_int_equal(partition.span_count, 3);
    assert_memory_equal(&partition.spans[0], (&(struct partition_span){0, 0x40000000, 0xa0000}),
                        sizeof(struct partition_span));
    assert_memory_equal(&partition.spans[1], (&(struct partition_span){0xe0000, 0x400e0000, 0x20000}),
                        sizeof(struct partition_span));
    assert_memory_equal(&partition.spans[2], (&(struct partition_span){0x100000, 0x40100000, 63 * MIB}),
                        sizeof(struct partition_span));
    begin(0xfec00000ull);
    assert_int_equal(partition.span_count, 3);
    begin(0xfec00000ull + 2 * MIB);
    assert_int_equal(partition.span_count, 4);
    assert_memory_equal(&partition.spans[3], (&(struct partition_span){1ull << 32, 0x13ec00000, 2 * MIB}),
                        sizeof(struct partition_span));
}

static void raw(void **state)
{
    (void)state;
    begin(2 * MIB);
    request.raw = true;
    request.raw_address = 0x7c01;
    assert_true(open_program());
    assert_int_equal(start.eip, 0x7c01);
    assert_int_equal(start.count, 1);
    assert_int_equal(piece_at(0x7c01)->file_size, FILE_BYTES);
    static const u64 outside[] = {0x9d000, 0xa0000, 0xe0000, 0x1fd000, 0xffffffff};
    for (u32 i = 0; i < ARRAY_LEN(outside); i++) {
        request.raw_address = outside[i];
        is_refused("image", "a file that fits the partition's memory at its address");
    }
    request.arguments = "x";
    is_refused("arguments", "none with a raw image, which is told nothing");
    request.initrd = (struct program_file){disk, sizeof(disk)};
    is_refused("initrd", "none with a raw image, which is told nothing");
    request.image.size = 0;
    is_refused("image", "a file that is not empty");
}

static void no_format(void **state)
{
    (void)state;
    begin(2 * MIB);
    is_refused("image", "a bzImage, a multiboot 1 image, an ELF file, or raw ADDRESS PATH");
    request.image.size = 1;
    is_refused("image", "a bzImage, a multiboot 1 image, an ELF file, or raw ADDRESS PATH");
    request.initrd = (struct program_file){disk, 0};
    is_refused("initrd", "a file that is not empty");
}

/* --- Linux --- */

static void build_linux(void)
{
    begin(64 * MIB);
    memset(file + 0x1000, 0xcc, FILE_BYTES - 0x1000);
    file[0x1f1] = 7;
    bytes_put(file + 0x1fe, 0xaa55, 2);
    file[0x201] = 0x6a;
    bytes_put(file + 0x202, 0x53726448, 4);
    bytes_put(file + 0x206, 0x20f, 2);
    file[0x211] = 1;
    bytes_put(file + 0x22c, 0x7fffffff, 4);
    bytes_put(file + 0x238, 2047, 4);
    bytes_put(file + 0x258, LINUX_KERNEL, 8);
    bytes_put(file + 0x260, 0x100000, 4);
}

static void a_linux_kernel(void **state)
{
    (void)state;
    build_linux();
    request.initrd = (struct program_file){disk, sizeof(disk)};
    request.arguments = "console=ttyS0";
    request.no_remapping = true;
    assert_true(open_program());
    assert_string_equal(start.format, "Linux");
    assert_int_equal(start.eip, LINUX_KERNEL);
    assert_int_equal(start.esi, 0x90000);
    assert_int_equal(start.ebx, 0);
    assert_int_equal(start.count, 3);
    const struct program_piece *kernel = piece_at(LINUX_KERNEL);
    assert_ptr_equal(kernel->bytes, file + 0x1000);
    assert_int_equal(kernel->file_size, FILE_BYTES - 0x1000);
    assert_int_equal(kernel->size, 0x100000);
    assert_ptr_equal(piece_at(64 * MIB - 0x2000)->bytes, disk);
    const u8 *page = piece_at(0x90000)->bytes;
    assert_ptr_equal(page, start.info);
    assert_int_equal(bytes_get(page, 0x70, 8), 0xe0000);
    assert_int_equal(bytes_get(page, 0x1f1, 1), 7);
    assert_int_equal(bytes_get(page, 0x206, 2), 0x20f);
    assert_int_equal(page[0x210], 0xff);
    assert_int_equal(page[0x211], 0x41);    /* loaded high; segments are flat already, and there is no GDT */
    assert_int_equal(bytes_get(page, 0x214, 4), LINUX_KERNEL);
    assert_int_equal(bytes_get(page, 0x218, 4), 64 * MIB - 0x2000);
    assert_int_equal(bytes_get(page, 0x21c, 4), sizeof(disk));
    assert_int_equal(bytes_get(page, 0x228, 4), 0x91000);
    assert_string_equal((const char *)page + 4096, "noapic console=ttyS0");
    assert_true(start.noapic_added);
    assert_int_equal(page[0x1e8], 3);
    assert_int_equal(bytes_get(page, 0x2d0, 8), 0);
    assert_int_equal(bytes_get(page, 0x2d8, 8), 0xa0000);
    assert_int_equal(bytes_get(page, 0x2e0, 4), 1);
    assert_int_equal(bytes_get(page, 0x2e4, 8), 0xe0000);
    assert_int_equal(bytes_get(page, 0x2f4, 4), 2);
    assert_int_equal(bytes_get(page, 0x2f8, 8), 0x100000);
    assert_int_equal(bytes_get(page, 0x308, 4), 1);
}

static void noapic_is_a_word(void **state)
{
    (void)state;
    static const struct { const char *given, *told; } cases[] = {
        {"", "noapic"}, {"noapic", "noapic"}, {"a noapic b", "a noapic b"}, {"xnoapic", "noapic xnoapic"},
        {"noapic=1", "noapic noapic=1"}, {"noapi", "noapic noapi"}, {"a -- single", "noapic a -- single"}};
    for (u32 i = 0; i < ARRAY_LEN(cases); i++) {
        build_linux();
        request.no_remapping = true;
        request.arguments = cases[i].given;
        assert_true(open_program());
        assert_string_equal((const char *)start.info + 4096, cases[i].told);
    }
    request.no_remapping = false;
    request.arguments = "quiet";
    assert_true(open_program());
    assert_string_equal((const char *)start.info + 4096, "quiet");
}

static void linux_that_does_not_fit(void **state)
{
    (void)state;
    static const char old[] = "a bzImage with boot protocol 2.10 or later";
    build_linux();
    bytes_put(file + 0x206, 0x209, 2);
    is_refused("image", old);
    build_linux();
    file[0x211] = 0;
    is_refused("image", old);
    build_linux();
    file[0x1f1] = 31;
    is_refused("image", old);
    build_linux();
    bytes_put(file + 0x258, 1ull << 32, 8);
    is_refused("image", old);
    build_linux();
    bytes_put(file + 0x260, 48 << 20, 4);
    assert_true(open_program());
    bytes_put(file + 0x260, (48 << 20) + 1, 4);
    is_refused("memory", "more, for this kernel to unpack itself");
    build_linux();
    request.arguments = "four";
    bytes_put(file + 0x238, 4, 4);
    assert_true(open_program());
    bytes_put(file + 0x238, 3, 4);
    is_refused("arguments", "no more than the kernel takes, with noapic in front");
    request.arguments = "";
    request.no_remapping = true;
    is_refused("arguments", "no more than the kernel takes, with noapic in front");
    bytes_put(file + 0x238, 0xffffffff, 4);
    assert_true(open_program());
    /* With a limit for the initrd, and with memory for it only below the kernel. */
    request.initrd = (struct program_file){disk, sizeof(disk)};
    bytes_put(file + 0x22c, 0xffffff, 4);
    assert_true(open_program());
    assert_ptr_equal(piece_at(LINUX_KERNEL - 0x2000)->bytes, disk);
    bytes_put(file + 0x22c, 0x1000, 4);
    is_refused("initrd", "a file that fits the partition's memory beside the image");
    bytes_put(file + 0x22c, 0x7fffffff, 4);
    bytes_put(file + 0x260, 48 << 20, 4);
    assert_true(open_program());
    assert_ptr_equal(piece_at(LINUX_KERNEL - 0x2000)->bytes, disk);
}

/* --- multiboot and ELF --- */

static void put_multiboot(u32 at, u32 flags)
{
    bytes_put(file + at, 0x1badb002, 4);
    bytes_put(file + at + 4, flags, 4);
    bytes_put(file + at + 8, 0u - 0x1badb002u - flags, 4);
}

/* Two segments: 1 MiB, entered at 1 MiB + 16 by a virtual address, and a bss alone. */
static void build_elf(bool wide)
{
    begin(4 * MIB);
    bytes_put(file, 0x464c457f, 4);
    file[4] = wide ? 2 : 1;
    bytes_put(file + 5, 0x0101, 2);
    bytes_put(file + 16, 2, 2);
    bytes_put(file + 18, wide ? 62 : 3, 2);
    u32 a = wide ? 8 : 4;
    u64 base = wide ? 0xffffffff80000000ull : 0xc0000000;
    bytes_put(file + 24, base + 0x100010, a);
    bytes_put(file + 24 + a, 0x100, a);
    bytes_put(file + (wide ? 54 : 42), wide ? 56 : 32, 2);
    bytes_put(file + (wide ? 56 : 44), 3, 2);
    for (u32 i = 0; i < 2; i++) {
        u8 *h = file + 0x100 + i * (wide ? 56 : 32);
        bytes_put(h, 1, 4);
        h += wide ? 8 : 4;
        bytes_put(h, 0x1000, a);
        bytes_put(h + a, base + 0x100000 + i * 0x3000, a);
        bytes_put(h + 2 * a, 0x100000 + i * 0x3000, a);
        bytes_put(h + 3 * a, i == 0 ? 0x2000 : 0, a);
        bytes_put(h + 4 * a, i == 0 ? 0x3000 : 0x10000, a);
    }
}

static u8 *segment(u32 index, bool wide)
{
    return file + 0x100 + index * (wide ? 56 : 32);
}

static void an_elf_file(void **state)
{
    (void)state;
    for (u32 wide = 0; wide < 2; wide++) {
        build_elf(wide != 0);
        request.arguments = "some words";
        request.initrd = (struct program_file){disk, sizeof(disk)};
        assert_true(open_program());
        assert_string_equal(start.format, "ELF");
        assert_int_equal(start.eip, 0x100010);
        assert_int_equal(start.eax, 0);
        assert_int_equal(start.ebx, 0x90000);
        assert_int_equal(start.count, 4);
        assert_ptr_equal(piece_at(0x100000)->bytes, file + 0x1000);
        assert_int_equal(piece_at(0x100000)->file_size, 0x2000);
        assert_int_equal(piece_at(0x100000)->size, 0x3000);
        assert_int_equal(piece_at(0x103000)->file_size, 0);
        const u8 *info = start.info;
        assert_int_equal(bytes_get(info, 0, 4), 1 | 4 | 8 | 0x40 | 0x200);
        assert_int_equal(bytes_get(info, 4, 4), 640);
        assert_int_equal(bytes_get(info, 8, 4), 3 << 10);
        assert_string_equal((const char *)info + bytes_get(info, 16, 4) - 0x90000, "some words");
        assert_int_equal(bytes_get(info, 20, 4), 1);
        u64 module = bytes_get(info, 24, 4) - 0x90000;
        assert_int_equal(bytes_get(info, module, 4), 4 * MIB - 0x2000);
        assert_int_equal(bytes_get(info, module + 4, 4), 4 * MIB - 0x2000 + sizeof(disk));
        assert_int_equal(bytes_get(info, 44, 4), 3 * 24);
        u64 map = bytes_get(info, 48, 4) - 0x90000;
        assert_int_equal(bytes_get(info, map, 4), 20);
        assert_int_equal(bytes_get(info, map + 24 + 4, 8), 0xe0000);
        assert_int_equal(bytes_get(info, map + 24 + 20, 4), 2);
        assert_int_equal(bytes_get(info, map + 48 + 12, 8), 3 * MIB);
        assert_int_equal(bytes_get(info, map + 48 + 20, 4), 1);
        assert_string_equal((const char *)info + bytes_get(info, 64, 4) - 0x90000, "Nestor");
    }
}

static void elf_files_that_are_wrong(void **state)
{
    (void)state;
    static const char segments[] = "an ELF file whose 1 to 16 segments fit file and memory";
    static const char kind[] = "a static ELF executable for i386 or x86-64";
    static const struct { u32 at, bytes; u64 value; const char *expected; } cases[] = {
        {4, 1, 3, kind}, {5, 1, 2, kind}, {16, 2, 3, kind}, {18, 2, 40, kind}, {18, 2, 62, kind},
        {0x140, 4, 2, kind}, {0x140, 4, 3, kind},
        {28, 4, 0xffffffff, "an ELF file whose program headers are in it"},
        {42, 2, 56, "an ELF file whose program headers are in it"},
        {44, 2, 0xffff, "an ELF file whose program headers are in it"},
        {24, 4, 0xc00fffff, "an ELF file whose entry is in one of its segments"},
        {0x104, 4, 0x3000, segments}, {0x104, 4, 0xfffff000, segments}, {0x110, 4, 0x3001, segments},
        {0x10c, 4, 0x90000000, segments}, {0x10c, 4, 0xe0000, segments}, {0x114, 4, 0x300001, segments},
        {0x10c, 4, 0x103000, segments}};
    for (u32 i = 0; i < ARRAY_LEN(cases); i++) {
        build_elf(false);
        bytes_put(file + cases[i].at, cases[i].value, cases[i].bytes);
        is_refused("image", cases[i].expected);
    }
    build_elf(true);
    bytes_put(segment(1, true) + 24, 1ull << 32, 8);
    is_refused("image", segments);
    build_elf(true);
    bytes_put(segment(1, true) + 40, ~0ull, 8);
    is_refused("image", segments);
    /* Where the loader puts its information. */
    build_elf(false);
    bytes_put(segment(1, false) + 12, 0x90000, 4);
    bytes_put(segment(1, false) + 20, 0x1000, 4);
    is_refused("image", "one that leaves 90000h to 92000h to its loader, in up to 16 pieces");
    build_elf(false);
    for (u32 i = 2; i < 19; i++) {
        memcpy(segment(i, false), segment(1, false), 32);
        bytes_put(segment(i, false) + 12, 0x110000 + 0x10000 * i, 4);
    }
    bytes_put(file + 44, 16, 2);
    request.initrd = (struct program_file){disk, sizeof(disk)};
    assert_true(open_program());
    bytes_put(file + 44, 19, 2);
    is_refused("image", segments);
}

/* As kernels have it that are linked high and enter with paging off. */
static void an_entry_that_is_a_physical_address(void **state)
{
    (void)state;
    build_elf(false);
    bytes_put(file + 24, 0x100014, 4);
    assert_true(open_program());
    assert_int_equal(start.eip, 0x100014);
    /* But as a virtual one it is in the segment behind. */
    bytes_put(segment(1, false) + 8, 0x100000, 4);
    assert_true(open_program());
    assert_int_equal(start.eip, 0x103014);
}

static void a_multiboot_elf_file(void **state)
{
    (void)state;
    build_elf(false);
    put_multiboot(0x1ff0, 3);
    assert_true(open_program());
    assert_string_equal(start.format, "multiboot");
    assert_int_equal(start.eax, 0x2badb002);
    assert_int_equal(start.eip, 0x100010);
    build_elf(false);
    put_multiboot(0x1ff0, 4);
    is_refused("image", "a multiboot image that demands no video mode");
    /* Not in the first 8 KiB, at an odd place, with a wrong sum: no header. */
    build_elf(false);
    put_multiboot(0x1ff8, 0);
    assert_true(open_program());
    assert_string_equal(start.format, "ELF");
    build_elf(false);
    put_multiboot(0x1fe2, 0);
    assert_true(open_program());
    assert_string_equal(start.format, "ELF");
    begin(2 * MIB);
    put_multiboot(0, 0);
    is_refused("image", "a multiboot image that is an ELF file or says where it belongs");
}

static void build_addressed(u32 header, u32 load, u32 load_end, u32 bss_end, u32 entry)
{
    begin(2 * MIB);
    put_multiboot(0x20, 1 << 16);
    const u32 fields[] = {header, load, load_end, bss_end, entry};
    for (u32 i = 0; i < ARRAY_LEN(fields); i++) {
        bytes_put(file + 0x2c + 4 * i, fields[i], 4);
    }
}

static void a_multiboot_image_with_addresses(void **state)
{
    (void)state;
    static const char expected[] = "a multiboot image whose header has addresses within file and memory";
    build_addressed(0x100010, 0x100000, 0x101000, 0x102000, 0x100040);
    assert_true(open_program());
    assert_int_equal(start.eip, 0x100040);
    assert_ptr_equal(piece_at(0x100000)->bytes, file + 0x10);
    assert_int_equal(piece_at(0x100000)->file_size, 0x1000);
    assert_int_equal(piece_at(0x100000)->size, 0x2000);
    build_addressed(0x100020, 0x100000, 0, 0, 0x100040);
    assert_true(open_program());
    assert_int_equal(piece_at(0x100000)->file_size, FILE_BYTES);
    assert_int_equal(piece_at(0x100000)->size, FILE_BYTES);
    static const u32 wrong[][5] = {
        {0x100021, 0x100000, 0, 0, 0x100040}, {0x0fffff, 0x100000, 0, 0, 0x100040},
        {0x100010, 0x100000, 0xfffff, 0, 0x100040}, {0x100010, 0x100000, 0x108000, 0, 0x100040},
        {0x100010, 0x100000, 0, 0x300000, 0x100040}, {0x100010, 0x100000, 0, 0, 0xfffff},
        {0x100010, 0x100000, 0x101000, 0, 0x101000}, {0xfffffff0, 0xffffffe0, 0, 0, 0xffffffe0}};
    for (u32 i = 0; i < ARRAY_LEN(wrong); i++) {
        build_addressed(wrong[i][0], wrong[i][1], wrong[i][2], wrong[i][3], wrong[i][4]);
        is_refused("image", expected);
    }
    build_addressed(0x100010, 0x100000, 0, 0, 0x100040);
    request.image.size = 0x20 + 12 + 19;
    is_refused("image", expected);
}

/* Headers with any byte changed and cut off anywhere: refused or right, and nothing is read outside. */
static void any_byte_may_be_wrong(void **state)
{
    (void)state;
    for (u32 kind = 0; kind < 4; kind++) {
        for (u32 at = 0; at < 0x300; at++) {
            static const u8 values[] = {0, 1, 0x7f, 0x80, 0xff};
            for (u32 i = 0; i < ARRAY_LEN(values); i++) {
                if (kind == 0) {
                    build_linux();
                } else if (kind == 1) {
                    build_addressed(0x100010, 0x100000, 0x101000, 0x102000, 0x100040);
                } else {
                    build_elf(kind == 3);
                }
                request.initrd = (struct program_file){disk, sizeof(disk)};
                file[at] = values[i];
                request.image.size = i == 0 ? at + 1 : FILE_BYTES;
                (void)open_program();
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_of_a_partition),
        cmocka_unit_test(raw),
        cmocka_unit_test(no_format),
        cmocka_unit_test(a_linux_kernel),
        cmocka_unit_test(noapic_is_a_word),
        cmocka_unit_test(linux_that_does_not_fit),
        cmocka_unit_test(an_elf_file),
        cmocka_unit_test(elf_files_that_are_wrong),
        cmocka_unit_test(an_entry_that_is_a_physical_address),
        cmocka_unit_test(a_multiboot_elf_file),
        cmocka_unit_test(a_multiboot_image_with_addresses),
        cmocka_unit_test(any_byte_may_be_wrong),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
