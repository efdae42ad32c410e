/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A guest's kernel module that has the network card, free of any other driver, access memory that
 * it must not. Its parameter `what` says which; the log has a line `attacker: ...` for each
 * attempt.
 *
 *   readonly    a page that the kernel maps for reading only
 *   region      the protected region of tests/efi/protect.h, filled by tests/efi/protect_before.c:
 *               by the CPU, by DMA, and by a first stage that continues in it
 *
 * After each attempt the contents are compared with what they were.
 */
#include <linux/dma-mapping.h>
#include <linux/io.h>
#include <linux/module.h>

#include "card.h"
#include "first_stage.h"
#include "protect.h"

enum { INTEL_82540EM = 0x100e, FILL = 0xa5, TOP_SLOT = 1, TOP_SHIFT = 39 };

static char *what = "readonly";
module_param(what, charp, 0444);

/* Memory that is watched. */
struct watched {
    u8 *now, *before;
    size_t bytes;
};

static int watch(struct watched *w, struct device *dev, void *memory, size_t bytes)
{
    *w = (struct watched){memory, devm_kmemdup(dev, memory, bytes, GFP_KERNEL), bytes};
    return w->before != NULL ? 0 : -ENOMEM;
}

/* Prints a line; the contents now are what the next attempt is compared with. */
static void tell(const struct watched *w, const char *attempt, dma_addr_t at, const char *came)
{
    bool same = memcmp(w->now, w->before, w->bytes) == 0;
    pr_info("attacker: %s at %#llx: %s, contents %s\n", attempt, at, came, same ? "same" : "CHANGED");
    memcpy(w->before, w->now, w->bytes);
}

static void tell_write(const struct watched *w, const char *attempt, struct card *card, dma_addr_t at)
{
    bool done = card_write(card, at);
    tell(w, attempt, at, done ? "done" : "refused");
}

static void tell_read(const struct watched *w, const char *attempt, struct card *card, dma_addr_t at)
{
    bool done = card_read(card, at);
    tell(w, attempt, at, done ? "done" : "refused");
}

static int try_readonly(struct pci_dev *pci, struct card *card)
{
    void *memory = (void *)devm_get_free_pages(&pci->dev, GFP_KERNEL, 0);
    struct watched w;
    dma_addr_t at;
    if (memory == NULL) {
        return -ENOMEM;
    }
    memset(memory, FILL, PAGE_SIZE);
    if (watch(&w, &pci->dev, memory, PAGE_SIZE) != 0) {
        return -ENOMEM;
    }
    at = dma_map_page(&pci->dev, virt_to_page(memory), 0, PAGE_SIZE, DMA_FROM_DEVICE);
    tell_write(&w, "write, page mapped for writing,", card, at);
    dma_unmap_page(&pci->dev, at, PAGE_SIZE, DMA_FROM_DEVICE);
    tell_write(&w, "write, page not mapped,", card, at);
    at = dma_map_page(&pci->dev, virt_to_page(memory), 0, PAGE_SIZE, DMA_TO_DEVICE);
    tell_read(&w, "read, page mapped for reading,", card, at);
    tell_write(&w, "write, page mapped for reading,", card, at);
    dma_unmap_page(&pci->dev, at, PAGE_SIZE, DMA_TO_DEVICE);
    return 0;
}

static void by_cpu(const struct watched *region)
{
    u32 *word = (u32 *)(region->now + REGION_DATA - REGION);
    WRITE_ONCE(*word, ~READ_ONCE(*word));
    tell(region, "store", REGION_DATA, "completed");
    asm volatile("lock orl $0xff00ff, %0" : "+m"(*word));
    tell(region, "locked or", REGION_DATA, "completed");
    memset(region->now, 0, PAGE_SIZE);
    tell(region, "memset", REGION, "completed");
}

static void by_dma(const struct watched *region, struct pci_dev *pci, struct card *card)
{
    dma_addr_t at = dma_map_page(&pci->dev, pfn_to_page(REGION_DATA >> PAGE_SHIFT), 0, PAGE_SIZE, DMA_BIDIRECTIONAL);
    tell_write(region, "write to the region", card, at);
    tell_read(region, "read of the region", card, at);
    dma_unmap_page(&pci->dev, at, PAGE_SIZE, DMA_BIDIRECTIONAL);
}

/*
 * A slot that the kernel does not use is made to lead to the tables in the region, which lead into the region
 * and out of it.
 */
static void by_first_stage(const struct watched *region, const struct watched *outside, struct pci_dev *pci,
                           struct card *card)
{
    const dma_addr_t base = (dma_addr_t)TOP_SLOT << TOP_SHIFT;
    u64 *top = first_stage_top(pci);
    if (top == NULL || top[TOP_SLOT] != 0) {
        pr_info("attacker: no first stage\n");
        return;
    }
    WRITE_ONCE(top[TOP_SLOT], (REGION + PAGE_SIZE) | FIRST_STAGE_LINK);
    tell_write(region, "write by tables in the region", card, base + IOVA_OUTSIDE);
    tell(outside, "the page behind them", OUTSIDE, "untouched");
    tell_read(region, "read by tables in the region", card, base + IOVA_OUTSIDE);
    tell_write(region, "write to the region by tables in it", card, base + IOVA_DATA);
    WRITE_ONCE(top[TOP_SLOT], 0);
}

static u64 hash(const struct watched *w)
{
    u64 sum = 0xcbf29ce484222325ull;
    for (size_t i = 0; i < w->bytes; i++) {
        sum = (sum ^ w->now[i]) * 0x100000001b3ull;
    }
    return sum;
}

static int try_region(struct pci_dev *pci, struct card *card)
{
    void *memory = devm_memremap(&pci->dev, REGION, REGION_BYTES, MEMREMAP_WB);
    void *page = devm_memremap(&pci->dev, OUTSIDE, PAGE_SIZE, MEMREMAP_WB);
    struct watched region, outside;
    if (IS_ERR(memory) || IS_ERR(page) || watch(&region, &pci->dev, memory, REGION_BYTES) != 0 ||
        watch(&outside, &pci->dev, page, PAGE_SIZE) != 0) {
        return -ENOMEM;
    }
    pr_info("attacker: hash %llx\n", hash(&region));
    by_cpu(&region);
    by_dma(&region, pci, card);
    by_first_stage(&region, &outside, pci, card);
    pr_info("attacker: hash %llx\n", hash(&region));
    return 0;
}

static int attack(struct pci_dev *pci, const struct pci_device_id *id)
{
    struct card *card = card_open(pci);
    int error;
    if (IS_ERR(card)) {
        return PTR_ERR(card);
    }
    error = strcmp(what, "region") == 0 ? try_region(pci, card) : try_readonly(pci, card);
    card_close(card);
    return error;
}

static const struct pci_device_id cards[] = {{PCI_DEVICE(PCI_VENDOR_ID_INTEL, INTEL_82540EM)}, {}};
static struct pci_driver attacker = {.name = "attacker", .id_table = cards, .probe = attack};
module_pci_driver(attacker);
MODULE_DESCRIPTION("Has a device access memory that it must not");
/* BSD-2-Clause like the whole project, see LICENSE; this is the kernel's name for it. */
MODULE_LICENSE("Dual BSD/GPL");
