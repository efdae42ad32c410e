/* SPDX-License-Identifier: BSD-2-Clause */
/* Locks of VTBAR: on a server with two root buses, and on machines of which nothing is known. */
#include "boot/base_registers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

struct function { u8 bus, device; u32 id, vtbar, vtgenctrl; };
struct tree { struct function list[3]; };

static u32 read(void *ctx, struct pci_function f, u32 offset)
{
    const struct tree *t = ctx;
    for (size_t i = 0; i < ARRAY_LEN(t->list); i++) {
        const struct function *at = &t->list[i];
        if (at->id != 0 && at->bus == f.bus && at->device == f.device && f.function == 0) {
            return offset == 0 ? at->id : offset == 0x180 ? at->vtbar : offset == 0x184 ? at->vtgenctrl : 0;
        }
    }
    return 0xffffffff;
}

static struct vtd_dmar dmar = {.unit_count = 2,
                               .units = {{.base = {0xfbffc000}}, {.base = {0xe0ffc000}}}};

static void expect(struct tree tree, u32 locked, u32 open, u32 unknown, const char *part)
{
    const struct pci_config config = {.read = read, .ctx = &tree, .first_bus = 0, .last_bus = 0xff};
    struct base_registers b;
    char text[BASE_REGISTERS_TEXT];
    base_registers_check(&dmar, &config, &b);
    assert_int_equal(b.locked, locked);
    assert_int_equal(b.open, open);
    assert_int_equal(b.unknown, unknown);
    base_registers_text(&b, text);
    printf("# %s\n", text);
    assert_non_null(strstr(text, part));
    assert_non_null(strstr(text, "nothing intercepts it"));
}

static void known_servers(void **state)
{
    (void)state;
    expect((struct tree){{{0, 5, 0x20248086, 0xfbffc001, 0x8600}, {0x85, 5, 0x20348086, 0xe0ffc001, 0x8000}}},
           2, 0, 0, "2 locked, 0 not locked, 0 unknown");
    expect((struct tree){{{0, 5, 0x2f288086, 0xfbffc001, 0x8000}, {0xff, 5, 0x6f288086, 0xe0ffc001, 0x7fff}}},
           1, 1, 0, "1 not locked (the first: VTBAR of ff:05.0)");
    expect((struct tree){{{0, 5, 0x20248086, 0xfbffc001, 0}, {0x85, 5, 0x20248086, 0xe0ffc001, 0}}},
           0, 2, 0, "2 not locked (the first: VTBAR of 00:05.0)");
}

/* Not enabled, another address, another device or another place: nothing can be said. */
static void what_is_not_known(void **state)
{
    (void)state;
    expect((struct tree){{{0, 5, 0x20248086, 0xfbffc000, 0x8000}, {0x85, 5, 0x20248086, 0xe1ffc001, 0x8000}}},
           0, 0, 2, "2 unknown chipset");
    expect((struct tree){{{0, 0, 0x12378086, 0, 0}, {0, 5, 0x20241022, 0xfbffc001, 0x8000}}}, 0, 0, 2, "2 unknown");
    expect((struct tree){{{0, 0, 0x20248086, 0xfbffc001, 0x8000}, {0, 5, 0x09a28086, 0xfbffc001, 0x8000}}},
           0, 0, 2, "2 unknown");
}

/* A table without the Size field (older revisions), or one that says more. */
static void eight_kib_each(void **state)
{
    struct tree tree = {{{0, 5, 0x20248086, 0xfbffc001, 0x8600}, {0x85, 5, 0x20348086, 0xe0ffc001, 0x8000}}};
    const struct pci_config config = {.read = read, .ctx = &tree, .first_bus = 0, .last_bus = 0xff};
    struct vtd_dmar told = {.unit_count = 4,
                            .units = {{.base = {0xfbffc000}, .window_size = 0x1000},
                                      {.base = {0xe0ffc000}, .window_size = 0x10000},
                                      {.base = {0xc0ffc000}, .window_size = 0x1000},
                                      {.base = {0xfbffc000}, .window_size = 0x1000, .segment = 1}}};
    (void)state;
    base_registers_widen(&told, &config);
    assert_int_equal(told.units[0].window_size, 0x2000);
    assert_int_equal(told.units[1].window_size, 0x10000);
    assert_int_equal(told.units[2].window_size, 0x1000);
    assert_int_equal(told.units[3].window_size, 0x1000);
}

static void no_way_to_look(void **state)
{
    const struct pci_config other = {.read = read, .ctx = &(struct tree){{{0, 5, 0x20248086, 0xfbffc001, 0x8000}}},
                                     .segment = 1, .last_bus = 0xff};
    struct base_registers b;
    (void)state;
    base_registers_check(&dmar, NULL, &b);
    assert_int_equal(b.unknown, 2);
    base_registers_check(&dmar, &other, &b);
    assert_int_equal(b.unknown, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_servers),
        cmocka_unit_test(what_is_not_known),
        cmocka_unit_test(eight_kib_each),
        cmocka_unit_test(no_way_to_look),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
