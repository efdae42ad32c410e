/*
 * Nested domains: a guest's first stage on a nesting parent. What the guest chose is
 * checked here and at attach; everything else in the entry is the host's (VT-d 6.2.3.1).
 */
#include "iommu/domain/state.h"
#include "iommu/base/slab.h"

static struct slab nested_slab = {.size = sizeof(struct nested)};
static struct slab use_slab = {.size = sizeof(struct nested_use)};

static enum result refuse(const struct domain *parent, const char *what, u64 value)
{
    port_log(LOG_WARNING, "partition %u: nested domain with %s %llx", parent->config.partition,
             what, (unsigned long long)value);
    return ERR_INVALID;
}

static enum result check_config(const struct domain *parent, const struct nested_config *config)
{
    if ((config->flags & ~(u64)(NESTED_SRE | NESTED_EAFE | NESTED_WPE)) != 0) {
        return refuse(parent, "unknown flags", config->flags);
    }
    if (config->addr_width != 48 && config->addr_width != 57) {
        return refuse(parent, "address width", config->addr_width);
    }
    if ((config->pgtbl_addr & PAGE_MASK) != 0 ||
        config->pgtbl_addr >= ptab_span(parent->config.levels + 1)) {
        return refuse(parent, "first-stage table at", config->pgtbl_addr);
    }
    return OK;
}

enum result nested_create(struct domain *parent, const struct nested_config *config,
                          struct nested **out)
{
    struct nested *n;
    enum result r;
    if (parent->kind != KIND_DOMAIN) {
        port_log(LOG_WARNING, "a nested domain on a nested domain");
        return ERR_NOT_A_PARENT;
    }
    if (!parent->config.parent) {
        port_log(LOG_WARNING, "partition %u: %s", parent->config.partition,
                 result_text(ERR_NOT_A_PARENT));
        return ERR_NOT_A_PARENT;
    }
    r = check_config(parent, config);
    if (r != OK) {
        return r;
    }
    n = slab_alloc(&nested_slab);
    if (n == NULL) {
        return ERR_NO_MEMORY;
    }
    n->kind = KIND_NESTED;
    n->parent = parent;
    n->config = *config;
    domain_add_user(parent);
    *out = n;
    return OK;
}

enum result nested_destroy(struct nested *n)
{
    if (n->uses.root != NULL) {
        return ERR_BUSY;
    }
    domain_remove_user(n->parent);
    slab_free(&nested_slab, n);
    return OK;
}

/* Unit 45:36, then the key of the table: id 35:20, PASID 19:0. */
static u64 use_key(const struct did_table *table)
{
    return (u64)table->did->unit->info.index << 36 | table->node.key;
}

enum result nested_use_add(struct nested *n, struct did_table *table)
{
    enum result r = OK;
    struct nested_use *use;
    spin_lock(&n->lock);
    use = (struct nested_use *)keymap_find(&n->uses, use_key(table));
    if (use == NULL) {
        use = slab_alloc(&use_slab);
        r = use == NULL ? ERR_NO_MEMORY : OK;
        if (r == OK) {
            use->node.key = use_key(table);
            use->table = table;
            keymap_add(&n->uses, &use->node);
        }
    }
    if (r == OK) {
        use->users++;
    }
    spin_unlock(&n->lock);
    return r;
}

void nested_use_remove(struct nested *n, struct did_table *table)
{
    struct nested_use *use;
    spin_lock(&n->lock);
    use = (struct nested_use *)keymap_find(&n->uses, use_key(table));
    use->users--;
    if (use->users == 0) {
        keymap_remove(&n->uses, &use->node);
        slab_free(&use_slab, use);
    }
    spin_unlock(&n->lock);
}

enum result nested_attach(struct nested *n, struct vtd_unit *unit, enum vtd_root root, u16 sid,
                          u32 pasid)
{
    const struct attach_target target = {.domain = n->parent, .nested = n};
    return attach(&target, ATTACH_NEW, unit, root, sid, pasid);
}

enum result nested_detach(struct nested *n, struct vtd_unit *unit, enum vtd_root root, u16 sid,
                          u32 pasid)
{
    const struct attach_target target = {.domain = n->parent, .nested = n};
    return attach_remove(&target, unit, root, sid, pasid);
}

enum result nested_replace(struct nested *n, struct vtd_unit *unit, enum vtd_root root, u16 sid,
                           u32 pasid)
{
    const struct attach_target target = {.domain = n->parent, .nested = n};
    return attach(&target, ATTACH_REPLACE, unit, root, sid, pasid);
}

/* Invalidations on their way to one unit. */
struct batch {
    const struct nested_inval *list;
    u32 count;
    struct vtd_unit *unit;
    enum result first_error;
    u32 filled;
    struct vtd_desc descs[16];
};

static void batch_send(struct batch *b)
{
    if (b->filled != 0) {
        enum result r = vtd_queue_submit(b->unit, b->descs, b->filled);
        if (b->first_error == OK) {
            b->first_error = r;
        }
    }
    b->filled = 0;
}

/*
 * A PASID-based IOTLB invalidation (VT-d 6.5.2.4): type 3:0, granularity 5:4, DID 31:16, PASID
 * 51:32; address 63:12, hint 6, mask 5:0. A block too large for its mask is the whole PASID.
 */
enum { DESC_PASID_IOTLB = 6, GRANULARITY_PASID = 2 << 4, GRANULARITY_PAGE = 3 << 4,
       HINT_SHIFT = 6, MASK_LIMIT = 27 };

static struct vtd_desc pasid_iotlb(u16 id, u32 pasid, const struct nested_inval *inval)
{
    u64 differ = inval->all ? ~0ull : (inval->addr ^ (inval->addr + inval->pages * PAGE_SIZE - 1))
                                          >> PAGE_SHIFT;
    u64 mask = differ == 0 ? 0 : 64 - (u64)__builtin_clzll(differ);
    struct vtd_desc desc = {{DESC_PASID_IOTLB | (u64)id << 16 | (u64)pasid << 32}};
    if (mask > MASK_LIMIT) {
        desc.w[0] |= GRANULARITY_PASID;
        return desc;
    }
    desc.w[0] |= GRANULARITY_PAGE;
    desc.w[1] = (inval->addr & ~((PAGE_SIZE << mask) - 1)) | mask |
                (inval->leaf ? 1ull << HINT_SHIFT : 0);
    return desc;
}

/* The accepted invalidations that concern one (unit, id, PASID). */
static bool add_use(void *ctx, struct keymap_node *node)
{
    struct batch *b = ctx;
    const struct nested_use *use = (const struct nested_use *)node;
    const struct did *did = use->table->did;
    u32 pasid = (u32)use->table->node.key & 0xfffff;
    if (b->unit != did->unit->unit) {
        batch_send(b);
        b->unit = did->unit->unit;
    }
    for (u32 i = 0; i < b->count; i++) {
        if (b->list[i].pasid != pasid && b->list[i].pasid != VTD_NO_PASID) {
            continue;
        }
        if (b->filled == ARRAY_LEN(b->descs)) {
            batch_send(b);
        }
        b->descs[b->filled++] = pasid_iotlb(did->id, pasid, &b->list[i]);
    }
    return true;
}

static bool inval_is_valid(const struct nested_inval *inval)
{
    u64 pages_above = (~inval->addr >> PAGE_SHIFT) + 1;
    if (inval->pasid != VTD_NO_PASID && inval->pasid >> 20 != 0) {
        return false;
    }
    return inval->all ? inval->addr == 0
                      : (inval->addr & PAGE_MASK) == 0 && inval->pages != 0 &&
                            inval->pages <= pages_above;
}

enum result nested_invalidate(struct nested *n, const struct nested_inval *list, u32 count,
                              u32 *done)
{
    struct batch b = {.list = list};
    while (b.count < count && inval_is_valid(&list[b.count])) {
        b.count++;
    }
    *done = b.count;
    spin_lock(&n->lock);
    (void)keymap_visit(&n->uses, add_use, &b);
    batch_send(&b);
    spin_unlock(&n->lock);
    if (b.first_error == OK && b.count < count) {
        (void)refuse(n->parent, "an invalidation of", list[b.count].addr);
        return ERR_INVALID;
    }
    return b.first_error;
}
