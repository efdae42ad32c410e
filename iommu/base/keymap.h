/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A map from 64-bit keys to nodes embedded in their owners: a digital search tree. Each level goes by one
 * bit of the mixed key, so no choice of keys makes it deeper than 64.
 */
#ifndef NESTOR_IOMMU_BASE_KEYMAP_H
#define NESTOR_IOMMU_BASE_KEYMAP_H

#include "hv/types.h"

struct keymap_node {
    u64 key;
    struct keymap_node *child[2];
};

struct keymap { struct keymap_node *root; };

struct keymap_node *keymap_find(const struct keymap *map, u64 key);
/* node->key must not be in the map. */
void keymap_add(struct keymap *map, struct keymap_node *node);
/* node must be in the map. */
void keymap_remove(struct keymap *map, struct keymap_node *node);

#endif
