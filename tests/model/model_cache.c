/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The hash table under every cache of the unit. Nothing leaves it unless it is removed explicitly, so that a missing
 * invalidation shows. What is cached is decided by the walkers, what an invalidation covers by model_invalidate.c.
 */
#include "tests/model/model_internal.h"

#include <stdlib.h>

#define FIRST_BUCKETS 64u

static size_t bucket_of(const struct cache *cache, uint64_t k1, uint64_t k2)
{
    uint64_t h = k1 * 0x9e3779b97f4a7c15ull ^ (k2 + 0x7f4a7c15ull) * 0xc2b2ae3d27d4eb4full;
    return (size_t)(h >> 32) & (cache->bucket_count - 1);
}

struct node *cache_find(const struct cache *cache, uint64_t k1, uint64_t k2)
{
    if (cache->count == 0) {
        return NULL;
    }
    struct node *node = cache->buckets[bucket_of(cache, k1, k2)];
    while (node != NULL && (node->k1 != k1 || node->k2 != k2)) {
        node = node->next;
    }
    return node;
}

static void grow(struct cache *cache)
{
    struct cache bigger = {.bucket_count = cache->bucket_count ? cache->bucket_count * 4
                                                               : FIRST_BUCKETS};
    bigger.buckets = calloc(bigger.bucket_count, sizeof(*bigger.buckets));
    if (bigger.buckets == NULL) {
        abort();
    }
    for (size_t i = 0; i < cache->bucket_count; i++) {
        while (cache->buckets[i] != NULL) {
            struct node *node = cache->buckets[i];
            cache->buckets[i] = node->next;
            size_t b = bucket_of(&bigger, node->k1, node->k2);
            node->next = bigger.buckets[b];
            bigger.buckets[b] = node;
        }
    }
    free(cache->buckets);
    cache->buckets = bigger.buckets;
    cache->bucket_count = bigger.bucket_count;
}

void cache_insert(struct cache *cache, struct node *node)
{
    cache_remove(cache, node->k1, node->k2);
    if (cache->count >= cache->bucket_count) {
        grow(cache);
    }
    size_t b = bucket_of(cache, node->k1, node->k2);
    node->next = cache->buckets[b];
    cache->buckets[b] = node;
    cache->count++;
}

void cache_remove(struct cache *cache, uint64_t k1, uint64_t k2)
{
    if (cache->count == 0) {
        return;
    }
    struct node **link = &cache->buckets[bucket_of(cache, k1, k2)];
    while (*link != NULL) {
        struct node *node = *link;
        if (node->k1 == k1 && node->k2 == k2) {
            *link = node->next;
            free(node);
            cache->count--;
            return;
        }
        link = &node->next;
    }
}

size_t cache_remove_if(struct cache *cache, cache_match *match, const void *arg)
{
    size_t removed = 0;
    for (size_t i = 0; i < cache->bucket_count && removed < cache->count; i++) {
        struct node **link = &cache->buckets[i];
        while (*link != NULL) {
            struct node *node = *link;
            if (match(node, arg)) {
                *link = node->next;
                free(node);
                removed++;
            } else {
                link = &node->next;
            }
        }
    }
    cache->count -= removed;
    return removed;
}

static bool match_any(const struct node *node, const void *arg)
{
    (void)node;
    (void)arg;
    return true;
}

void cache_clear(struct cache *cache)
{
    cache_remove_if(cache, match_any, NULL);
}

void cache_free(struct cache *cache)
{
    cache_clear(cache);
    free(cache->buckets);
    cache->buckets = NULL;
    cache->bucket_count = 0;
}
