/* SPDX-License-Identifier: BSD-2-Clause */
/* A map of embedded nodes. See keymap.h. */
#include "iommu/base/keymap.h"

/* One to one, so two keys differ in some of 64 bits; those of neighbours differ early. */
static u64 mix(u64 key)
{
    key *= 0x9e3779b97f4a7c15ull;
    return key ^ key >> 32;
}

/* The pointer to the node of that key, or to where it would be. */
static struct keymap_node **locate(const struct keymap *map, u64 key)
{
    struct keymap_node **link = (struct keymap_node **)&map->root;
    u64 bits = mix(key);
    while (*link != NULL && (*link)->key != key) {
        link = &(*link)->child[bits & 1];
        bits >>= 1;
    }
    return link;
}

struct keymap_node *keymap_find(const struct keymap *map, u64 key)
{
    return *locate(map, key);
}

void keymap_add(struct keymap *map, struct keymap_node *node)
{
    node->child[0] = NULL;
    node->child[1] = NULL;
    *locate(map, node->key) = node;
}

/* Any node without children below takes the place: it has the same bits up to there. */
void keymap_remove(struct keymap *map, struct keymap_node *node)
{
    struct keymap_node **link = locate(map, node->key);
    struct keymap_node **leaf = link;
    struct keymap_node *heir = node;
    while (heir->child[0] != NULL || heir->child[1] != NULL) {
        leaf = &heir->child[heir->child[0] == NULL];
        heir = *leaf;
    }
    *leaf = NULL;
    if (heir != node) {
        heir->child[0] = node->child[0];
        heir->child[1] = node->child[1];
        *link = heir;
    }
}
