/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a walk from outside needs (tests/bochs/walk.py): all of memory, with holes where it is 0, and beside it as text
 * each unit's registers, the root tables that it has had since the machine's reset, and everything that it has cached;
 * then where the attachment's own functions are. Taken on the bench page's command 8, or by a function (edu.c).
 */
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "tests/bochs/attach/attach.h"
#include "tests/model/model_internal.h"

enum { VGA_BEGIN = 0xa0000, VGA_END = 0xc0000, ROOTS = 8 };

static uint64_t roots[UNITS_MAX][ROOTS];

void snapshot_note_root(unsigned index)
{
    uint64_t root = units_get(index)->root;
    unsigned i = 0;
    while (i < ROOTS - 1 && roots[index][i] != 0 && roots[index][i] != root) {
        i++;
    }
    roots[index][i] = root;
}

void snapshot_forget_roots(void)
{
    memset(roots, 0, sizeof(roots));
}

static void write_memory(const char *name)
{
    static const uint8_t zeros[PAGE];
    uint8_t bytes[PAGE];
    FILE *out = fopen(name, "w");
    if (out == NULL) {
        attach_stop("%s cannot be written", name);
    }
    for (uint64_t addr = 0; addr < attach_config.snapshot_bytes; addr += PAGE) {
        if (addr >= VGA_BEGIN && addr < VGA_END) { /* a device, which reading may change */
            continue;
        }
        bochs.dma_read(addr, PAGE, bytes);
        if (memcmp(bytes, zeros, PAGE) != 0) {
            fseek(out, (long)addr, SEEK_SET);
            fwrite(bytes, 1, PAGE, out);
        }
    }
    fflush(out);
    if (ftruncate(fileno(out), (off_t)attach_config.snapshot_bytes) != 0) {
        attach_stop("%s cannot be extended", name);
    }
    fclose(out);
}

typedef void write_node(const struct node *node, FILE *out);

static void write_cache(const struct cache *cache, write_node *write, FILE *out)
{
    for (size_t i = 0; i < cache->bucket_count; i++) {
        for (const struct node *node = cache->buckets[i]; node != NULL; node = node->next) {
            write(node, out);
        }
    }
}

static void write_words(const char *what, uint64_t k1, uint64_t k2, unsigned reason, const uint64_t *words,
                        unsigned count, FILE *out)
{
    fprintf(out, "%s %" PRIx64 " %" PRIx64 " %x", what, k1, k2, reason);
    for (unsigned i = 0; i < count; i++) {
        fprintf(out, " %" PRIx64, words[i]);
    }
    fputc('\n', out);
}

static void write_context(const struct node *node, FILE *out)
{
    const struct context_entry *e = (const struct context_entry *)(const void *)node;
    write_words("context", node->k1, 0, e->reason, e->w, 4, out);
}

static void write_pasid(const struct node *node, FILE *out)
{
    const struct pasid_entry *e = (const struct pasid_entry *)(const void *)node;
    write_words("pasid", node->k1, node->k2, e->reason, e->w, 8, out);
}

static void write_iotlb(const struct node *node, FILE *out)
{
    const struct iotlb_entry *e = (const struct iotlb_entry *)(const void *)node;
    const uint64_t words[] = {e->hpa & ~PAGE_OFFSET, 1ull << e->shift, e->kind, e->ss_write, e->ss_read};
    write_words("iotlb", node->k1, node->k2, e->reason, words, 5, out);
}

static void write_first_stage(const struct node *node, FILE *out)
{
    const struct fs_entry *e = (const struct fs_entry *)(const void *)node;
    write_words("first-stage", node->k1, node->k2, 0, &e->table_hpa, 1, out);
}

static void write_second_stage(const struct node *node, FILE *out)
{
    const struct ss_entry *e = (const struct ss_entry *)(const void *)node;
    write_words("second-stage", node->k1, node->k2, 0, &e->table, 1, out);
}

static void write_irte(const struct node *node, FILE *out)
{
    const struct irte *e = (const struct irte *)(const void *)node;
    write_words("interrupt", node->k1, 0, 0, e->w, 2, out);
}

static void write_unit(unsigned index, FILE *out)
{
    struct model_unit *unit = units_get(index);
    fprintf(out, "unit %#" PRIx64 " %#" PRIx64 "\n", attach_config.units[index].base, model_register_size(unit));
    fprintf(out, "registers %#" PRIx64 " %#" PRIx64 " %#" PRIx64 " %#" PRIx64 " %#" PRIx64 " %#" PRIx64 "\n",
            model_read(unit, REG_CAP, 8), model_read(unit, REG_ECAP, 8), model_read(unit, REG_GSTS, 4), unit->root,
            model_read(unit, REG_IQA, 8), unit->irta);
    fprintf(out, "roots");
    for (unsigned i = 0; i < ROOTS && roots[index][i] != 0; i++) {
        fprintf(out, " %#" PRIx64, roots[index][i]);
    }
    fputc('\n', out);
    write_cache(&unit->contexts, write_context, out);
    write_cache(&unit->pasids, write_pasid, out);
    write_cache(&unit->iotlb, write_iotlb, out);
    write_cache(&unit->fs, write_first_stage, out);
    write_cache(&unit->ss, write_second_stage, out);
    write_cache(&unit->irtes, write_irte, out);
}

void snapshot_write(void)
{
    static unsigned asked, number;
    char name[512];
    unsigned each = attach_config.snapshot_each;
    if (attach_config.snapshot == NULL || (each != 0 && ++asked % each != 0)) {
        return;
    }
    snprintf(name, sizeof(name), "%s.%u", attach_config.snapshot, ++number);
    write_memory(name);
    snprintf(name, sizeof(name), "%s.%u.txt", attach_config.snapshot, number);
    FILE *out = fopen(name, "w");
    if (out == NULL) {
        attach_stop("%s cannot be written", name);
    }
    for (unsigned i = 0; i < attach_config.unit_count; i++) {
        write_unit(i, out);
    }
    pci_write_functions(out);
    fclose(out);
}
