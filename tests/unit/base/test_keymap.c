/* SPDX-License-Identifier: BSD-2-Clause */
/* The keymap: exactly the nodes that are in it are found, in whatever order they come and go. */
#include "iommu/base/keymap.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { NODES = 3000 };

static void test_keymap(void **state)
{
    static struct keymap_node nodes[NODES];
    struct keymap map = {0};
    (void)state;
    for (u64 i = 0; i < NODES; i++) {
        nodes[i].key = i % 3 == 0 ? i : i % 3 == 1 ? i << 37 : i * 0x100000001ull;
        assert_null(keymap_find(&map, nodes[i].key));
        keymap_add(&map, &nodes[i]);
    }
    for (u32 i = 0; i < NODES; i++) {
        assert_ptr_equal(keymap_find(&map, nodes[i].key), &nodes[i]);
    }
    for (u32 i = 0; i < NODES; i++) {
        u32 k = i * 7 % NODES;
        keymap_remove(&map, &nodes[k]);
        assert_null(keymap_find(&map, nodes[k].key));
        if (i % 100 == 0) {
            for (u32 j = i + 1; j < NODES; j++) {
                u32 m = j * 7 % NODES;
                assert_ptr_equal(keymap_find(&map, nodes[m].key), &nodes[m]);
            }
        }
    }
    assert_null(map.root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_keymap)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
