/* SPDX-License-Identifier: BSD-2-Clause */
/* The configuration: every key, every mistake with its line, and text that is not a configuration. */
#include "boot/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static struct config config;
static struct config_error error;

/* In a block of exactly its size: the parser must not need a terminating zero. */
static enum result parse_bytes(const char *text, size_t size)
{
    char *exact = malloc(size != 0 ? size : 1);
    assert_non_null(exact);
    memcpy(exact, text, size);
    enum result r = config_parse(exact, size, &config, &error);
    free(exact);
    return r;
}

static enum result parse(const char *text)
{
    return parse_bytes(text, strlen(text));
}

static void check_defaults(void)
{
    assert_string_equal(config.next_image, "");
    assert_string_equal(config.next_arguments, "");
    assert_int_equal(config.next_entry, -1);
    assert_int_equal(config.level, LOG_INFO);
    assert_int_equal(config.serial_choice, CONFIG_SERIAL_AUTO);
    assert_int_equal(config.fatal, FATAL_HALT);
    assert_false(config.run_without_isolation);
    assert_false(config.rule_affected_only);
    assert_int_equal(config.hypervisor_bit, HYPERVISOR_BIT_AUTO);
    assert_int_equal(config.guest_iommu, GUEST_IOMMU_AUTO);
    assert_int_equal(config.shadow_mib, 0);
    assert_false(config.native_if_doubtful);
    assert_false(config.narrow_host);
    assert_int_equal(config.protect_count, 0);
}

static void nothing_means_safe_defaults(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "\n", "# a comment", "  \t\r\n#x\r\n\r\n", "[next]\n",
                                        "\xef\xbb\xbf# with a mark\n"};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        assert_int_equal(parse(texts[i]), OK);
        check_defaults();
    }
}

/* What is refused under Secure Boot, which asks for weak_line. */
static void what_gives_isolation_up(void **state)
{
    static const struct { const char *text, *key; } alone[] = {
        {"[console]\nstatus = all", "status"},
        {"[policy]\nwithout-isolation = run", "without-isolation"},
        {"[policy]\nread-only-rule = affected-cpus", "read-only-rule"},
        {"[policy]\nwithout-interrupt-isolation = run", "without-interrupt-isolation"},
        {"[partition a]\ncontrol-by = root", "control-by"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(alone); i++) {
        assert_int_equal(parse(alone[i].text), OK);
        assert_int_equal(config.weak_line, 2);
        assert_string_equal(config.weak_key, alone[i].key);
    }
    assert_int_equal(parse("[policy]\nfatal = reset\nwithout-isolation = native\nread-only-rule = always\n"), OK);
    assert_int_equal(config.weak_line, 0);
    assert_int_equal(parse("[policy]\n\nread-only-rule = affected-cpus\nwithout-isolation = run\n"), OK);
    assert_int_equal(config.weak_line, 3);
    assert_string_equal(config.weak_key, "read-only-rule");
    assert_int_equal(parse("[policy]\nwithout-isolation = run\nfatal = no\n"), ERR_MALFORMED);
    assert_int_equal(config.weak_line, 0);
}

static void every_key(void **state)
{
    (void)state;
    assert_int_equal(parse("# all of them\r\n"
                           "[next]\r\n"
                           "image = \\EFI\\debian\\grubx64.efi\r\n"
                           "arguments=root=/dev/sda2 quiet = yes \r\n"
                           "[ console ]\n"
                           "\tlevel\t=\tdebug\n"
                           "serial = mmio 0xFE034000 4\n"
                           "[policy]\n"
                           "fatal = reset\n"
                           "without-isolation = run\n"
                           "read-only-rule = affected-cpus\n"
                           "hypervisor-bit = off\ndoubtful-devices = native\nhost-paging = four-levels\n"
                           "guest-iommu = shadow\n[memory]\nshadow-memory = 64\n"
                           "protect = 0x100000-0x1fffff dma=read\n"
                           "protect = 0x200000 - 0x200fff dma=read\n"
                           "protect = 4194304-4198399 dma=read"), OK);
    assert_string_equal(config.next_image, "\\EFI\\debian\\grubx64.efi");
    assert_string_equal(config.next_arguments, "root=/dev/sda2 quiet = yes");
    assert_int_equal(config.level, LOG_DEBUG);
    assert_int_equal(config.hypervisor_bit, HYPERVISOR_BIT_OFF);
    assert_int_equal(config.guest_iommu, GUEST_IOMMU_SHADOW);
    assert_int_equal(config.shadow_mib, 64);
    assert_true(config.native_if_doubtful);
    assert_true(config.narrow_host);
    assert_int_equal(config.serial_choice, CONFIG_SERIAL_GIVEN);
    assert_int_equal(config.serial.kind, SERIAL_MMIO);
    assert_int_equal(config.serial.base, 0xfe034000);
    assert_int_equal(config.serial.stride, 4);
    assert_int_equal(config.fatal, FATAL_RESET);
    assert_true(config.run_without_isolation);
    assert_true(config.rule_affected_only);
    assert_int_equal(config.protect_count, 3);
    assert_int_equal(config.protect[0].base, 0x100000);
    assert_int_equal(config.protect[0].size, 0x100000);
    assert_true(config.protect[0].dma_read);
    assert_int_equal(config.protect[1].size, 0x1000);
    assert_int_equal(config.protect_line[0], 18);
    assert_int_equal(config.protect_line[2], 20);
    assert_int_equal(config.protect[2].base, 0x400000);
}

static void other_values(void **state)
{
    (void)state;
    assert_int_equal(parse("[next]\nentry = 00fE"), OK);
    assert_int_equal(config.next_entry, 0xfe);
    assert_int_equal(parse("[next]\nentry = Boot00fE"), OK);
    assert_int_equal(config.next_entry, 0xfe);
    assert_int_equal(parse("[console]\nserial = mmio\t0xfe034000 \t4"), OK);
    assert_int_equal(config.serial.base, 0xfe034000);
    assert_int_equal(config.serial.stride, 4);
    assert_int_equal(parse("[memory]\nprotect = 0x1000\t-\t0x1fff\tdma=read"), OK);
    assert_true(config.protect[0].dma_read);
    assert_int_equal(config.status_port, CONFIG_STATUS_PORT);
    assert_int_equal(parse("[console]\nstatus-port = 0x4000"), OK);
    assert_int_equal(config.status_port, 0x4000);
    assert_int_equal(parse("[console]\nstatus-port = none"), OK);
    assert_int_equal(config.status_port, 0);
    static const char *const no_ports[] = {"0", "0x9c4", "0x10000", "0xffff", "", "auto", "-8"};
    for (u32 n = 0; n < ARRAY_LEN(no_ports); n++) {
        char text[64];
        snprintf(text, sizeof(text), "[console]\nstatus-port = %s", no_ports[n]);
        assert_int_equal(parse(text), ERR_MALFORMED);
        assert_string_equal(error.key, "status-port");
    }
    assert_int_equal(parse("[console]\nserial = port 0x2f8\nlevel = error"), OK);
    assert_int_equal(config.serial.kind, SERIAL_PORT);
    assert_int_equal(config.serial.base, 0x2f8);
    assert_int_equal(config.serial.stride, 1);
    assert_int_equal(config.level, LOG_ERROR);
    assert_int_equal(parse("[console]\nserial = none"), OK);
    assert_int_equal(config.serial_choice, CONFIG_SERIAL_NONE);
    assert_int_equal(parse("[memory]\nprotect = 0x1000-0x1fff\nprotect = 0x3000-0x3fff dma=none"), OK);
    assert_false(config.protect[0].dma_read);
    assert_false(config.protect[1].dma_read);
    assert_int_equal(parse("[policy]\nfatal = halt\nwithout-isolation = native\n"
                           "read-only-rule = always\nhypervisor-bit = auto\nhost-paging = auto"), OK);
    check_defaults();
}

struct mistake {
    const char *text;
    u32 line;
    const char *key, *expected;   /* what the message contains */
};

static const struct mistake mistakes[] = {
    {"image = \\x", 1, "image", "[next]"},
    {"[next]\nlevel = info", 2, "level", "[console]"},
    {"[next]\nimages = \\x", 2, "images", "a key of this section"},
    {"[nxt]\n", 1, "[nxt]", "[next]"},
    {"\n\n[next\n", 3, "[next", "]"},
    {"[]\n", 1, "[]", "[next]"},
    {"[next]\nnonsense\n", 2, "nonsense", "key = value"},
    {"[next]\n= 1\n", 2, "", "a key"},
    {"[next]\nimage =\n", 2, "image", "path"},
    {"[next]\nimage = relative.efi\n", 2, "image", "path"},
    {"[next]\nimage = \\a\x01\n", 2, "image", "printable"},
    {"[next]\nimage = \\a\nimage = \\b\n", 3, "image", "once"},
    {"[next]\nimage = \\a\nentry = 0001\n", 3, "entry", "either"},
    {"[next]\nentry = 1\n", 2, "entry", "four"},
    {"[next]\nentry = 00001\n", 2, "entry", "four"},
    {"[next]\nentry = 00g1\n", 2, "entry", "four"},
    {"[next]\nentry = Boot01\n", 2, "entry", "four"},
    {"[next]\nentry = boot0001\n", 2, "entry", "four"},
    {"[next]\nentry = Boot\n", 2, "entry", "four"},
    {"[console]\nlevel = loud\n", 2, "level", "error, warning"},
    {"[console]\nlevel = Info\n", 2, "level", "error, warning"},
    {"[console]\nserial = com1\n", 2, "serial", "auto, none"},
    {"[console]\nserial = port\n", 2, "serial", "auto, none"},
    {"[console]\nserial = port 0\n", 2, "serial", "auto, none"},
    {"[console]\nserial = port 0xfff9\n", 2, "serial", "auto, none"},
    {"[console]\nserial = port 0x3f8 9600\n", 2, "serial", "auto, none"},
    {"[console]\nserial = mmio 0\n", 2, "serial", "auto, none"},
    {"[console]\nserial = mmio 0x1000 0\n", 2, "serial", "auto, none"},
    {"[console]\nserial = mmio 0x1000 3\n", 2, "serial", "auto, none"},
    {"[console]\nserial = mmio 0x1002 4\n", 2, "serial", "auto, none"},
    {"[console]\nserial = mmio 0x10000000000000\n", 2, "serial", "auto, none"},
    {"[policy]\nfatal = panic\n", 2, "fatal", "halt or reset"},
    {"[policy]\nwithout-isolation = yes\n", 2, "without-isolation", "native or run"},
    {"[policy]\nread-only-rule = never\n", 2, "read-only-rule", "always"},
    {"[policy]\ndoubtful-devices = no\n", 2, "doubtful-devices", "run or native"},
    {"[policy]\nhypervisor-bit = 1\n", 2, "hypervisor-bit", "auto, on or off"},
    {"[policy]\nguest-iommu = yes\n", 2, "guest-iommu", "auto, nested, shadow or none"},
    {"[memory]\nshadow-memory = 7\n", 2, "shadow-memory", "auto, or 8 to 65536 MiB"},
    {"[memory]\nshadow-memory = 65537\n", 2, "shadow-memory", "auto, or 8 to 65536 MiB"},
    {"[policy]\nhost-paging = off\n", 2, "host-paging", "auto or four-levels"},
    {"[memory]\nprotect = 0x1000\n", 2, "protect", "BASE-END"},
    {"[memory]\nprotect = 0x1000-0x2000\n", 2, "protect", "whole"},
    {"[memory]\nprotect = 0x1001-0x1fff\n", 2, "protect", "whole"},
    {"[memory]\nprotect = 0x2000-0x1fff\n", 2, "protect", "whole"},
    {"[memory]\nprotect = 0x3000-0x1fff\n", 2, "protect", "whole"},
    {"[memory]\nprotect = 0x1000-0x1fff dma=write\n", 2, "protect", "dma=none|read"},
    {"[memory]\nprotect = 0x1000-0xffffffffffffffff\n", 2, "protect", "BASE-END"},
    {"[memory]\nprotect = 0x1000-0x1ffffffffffffffff\n", 2, "protect", "BASE-END"},
    {"[memory]\nprotect = 0x1000-0x2fff\nprotect = 0x2000-0x3fff\n", 3, "protect", "no overlap"},
    {"[memory]\nprotect = 0x1000-0x2fff\nprotect = 0x3000-0x3fff dma=read\n", 3, "protect", "one dma"},
    {"[memory]\nprotect = 0x-0x1fff\n", 2, "protect", "BASE-END"},
};

static void every_mistake_is_named(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(mistakes); i++) {
        const struct mistake *m = &mistakes[i];
        char text[CONFIG_ERROR_TEXT];
        enum result r = parse(m->text);
        config_error_text(&error, text);
        if (r != ERR_MALFORMED || error.line != m->line || strstr(error.key, m->key) == NULL ||
            strstr(error.expected, m->expected) == NULL) {
            fail_msg("\"%s\": result %d, %s", m->text, (int)r, text);
        }
        check_defaults();
    }
}

static void message_reads_well(void **state)
{
    (void)state;
    char text[CONFIG_ERROR_TEXT];
    assert_int_equal(parse("[console]\n\nlevel = loud"), ERR_MALFORMED);
    config_error_text(&error, text);
    assert_string_equal(text, "line 3: level = loud: expected error, warning, info or debug");
    assert_int_equal(parse("a\x1b[2J"), ERR_MALFORMED);
    config_error_text(&error, text);
    assert_null(strchr(text, 0x1b));
}

static void limits(void **state)
{
    (void)state;
    static char text[CONFIG_LIMIT + 16];
    memset(text, '#', sizeof(text));
    assert_int_equal(parse_bytes(text, CONFIG_LIMIT), OK);
    assert_int_equal(parse_bytes(text, CONFIG_LIMIT + 1), ERR_MALFORMED);

    strcpy(text, "[next]\nimage = \\");
    size_t used = strlen(text);
    memset(text + used, 'x', CONFIG_IMAGE - 2);
    assert_int_equal(parse_bytes(text, used + CONFIG_IMAGE - 2), OK);
    assert_int_equal(strlen(config.next_image), CONFIG_IMAGE - 1);
    memset(text + used, 'x', CONFIG_IMAGE - 1);
    assert_int_equal(parse_bytes(text, used + CONFIG_IMAGE - 1), ERR_MALFORMED);

    used = (size_t)sprintf(text, "[memory]\n");
    for (u32 i = 0; i < HANDOVER_PROTECT; i++) {
        used += (size_t)sprintf(text + used, "protect = 0x%x000-0x%xfff\n", i + 1, i + 1);
    }
    assert_int_equal(parse(text), OK);
    assert_int_equal(config.protect_count, HANDOVER_PROTECT);
    strcat(text, "protect = 0x900000-0x900fff\n");
    assert_int_equal(parse(text), ERR_MALFORMED);
}

/* Whatever the bytes, there is an answer; if there is a mistake, the answer is the defaults. */
static void anything_at_all(void **state)
{
    (void)state;
    static const char seed[] = "[next]\nimage = \\a b\nentry=0001\n[console]\nserial = mmio 0x10 4\n"
                               "level=info\n[memory]\nprotect = 0x1000-0x1fff dma=read\n#\xff\n";
    static const char alphabet[] = "[]=#\n\r \t\\0x-9aZ\xff";
    u32 random = 1;
    for (u32 i = 0; i < 300000; i++) {
        char text[sizeof(seed)];
        size_t size = sizeof(seed) - 1 - i % 40;
        memcpy(text, seed, sizeof(seed));
        for (u32 j = 0; j < 1 + i % 5; j++) {
            random = random * 1664525 + 1013904223;
            size_t at = (random >> 8) % size;
            random = random * 1664525 + 1013904223;
            text[at] = i % 2 == 0 ? alphabet[(random >> 16) % sizeof(alphabet)]
                                  : (char)(random >> 16);
        }
        if (parse_bytes(text, size) != OK) {
            char message[CONFIG_ERROR_TEXT];
            check_defaults();
            config_error_text(&error, message);
            assert_true(strlen(message) < CONFIG_ERROR_TEXT);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_means_safe_defaults),
        cmocka_unit_test(every_key), cmocka_unit_test(what_gives_isolation_up),
        cmocka_unit_test(other_values),
        cmocka_unit_test(every_mistake_is_named),
        cmocka_unit_test(message_reads_well),
        cmocka_unit_test(limits),
        cmocka_unit_test(anything_at_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
