/* See host_on_model.h. Words are written as VT-d chapter 9 prints them. */
#include "tests/support/host_on_model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "iommu/viommu_host.h"
#include "iommu/viommu_state.h"

enum { MAX_CONTEXTS = 256, MAX_DIDS = 512, DID_SHARE = 8 };

struct host_context {
    bool used;
    u16 sid;
    u32 bindings, tables;   /* PASID table pages, freed with the context */
    u8 pdts;
    hpa_t directory;
    u32 directory_pages;
};

struct host_did {
    u32 uses;
    u16 guest;
};

static struct {
    struct model_unit *unit;
    u32 haw;
    hpa_t second_stage, off_root, guest_root, queue;
    hpa_t off_pages[3];
    bool guest_active;
    struct host_context contexts[MAX_CONTEXTS];
    struct host_did dids[MAX_DIDS]; /* index is the host's id; from 2 on */
    const struct viommu_binding *bound[8192];
    u32 bound_count;
    u32 refuse_posts, refuse_attaches;
    enum result refuse_error;
} host;

static u64 *words(hpa_t at)
{
    return port_hpa_to_ptr(at);
}

static hpa_t page(void)
{
    hpa_t at;
    if (port_pages_alloc(1, &at) != OK) {
        abort();
    }
    return at;
}

static void reg_write(u32 offset, u64 value)
{
    model_write(host.unit, offset, offset == 0x18 ? 4 : 8, value);
}

static void submit(u64 w0, u64 w1)
{
    u64 tail = model_read(host.unit, 0x88, 8);
    u64 *slot = words((hpa_t){host.queue.v + tail});
    slot[0] = w0;
    slot[1] = w1;
    slot[2] = 0;
    slot[3] = 0;
    reg_write(0x88, (tail + 32) % PAGE_SIZE);
    if (model_read(host.unit, 0x34, 4) & 0x10) {
        fprintf(stderr, "the host's queue refused %llx %llx\n", (unsigned long long)w0,
                (unsigned long long)w1);
        abort();
    }
}

static void flush_contexts(u16 sid) { submit(0x31 | (u64)sid << 32, 0); }
static void flush_pasid(u16 did, u32 pasid) { submit(0x17 | (u64)did << 16 | (u64)pasid << 32, 0); }
static void flush_domain(u16 did) { submit(0xe2 | (u64)did << 16, 0); }

void host_map(gpa_t gpa, hpa_t hpa, u32 prot)
{
    hpa_t table = host.second_stage;
    for (u32 level = 4; level > 1; level--) {
        u64 *entry = &words(table)[(gpa.v >> (3 + 9 * level)) & 511];
        if (*entry == 0) {
            *entry = page().v | 3;
        }
        table.v = *entry & ~PAGE_MASK;
    }
    words(table)[(gpa.v >> 12) & 511] = prot == 0 ? 0 : hpa.v | prot;
    submit(0xd2, 0);
}

static void free_second_stage(hpa_t table, u32 level)
{
    for (u32 i = 0; level > 1 && i < 512; i++) {
        if (words(table)[i] != 0) {
            free_second_stage((hpa_t){words(table)[i] & ~PAGE_MASK}, level - 1);
        }
    }
    port_pages_free(table, 1);
}

/* Off root: every source-id to one context table, one directory, one second-stage-only entry. */
static void build_off_root(void)
{
    host.off_root = page();
    for (u32 i = 0; i < 3; i++) {
        host.off_pages[i] = page();
    }
    for (u32 i = 0; i < 512; i++) {
        words(host.off_root)[i] = host.off_pages[0].v | 1;
    }
    for (u32 i = 0; i < 128; i++) {
        words(host.off_pages[0])[4 * i] = host.off_pages[1].v | 1;
    }
    words(host.off_pages[1])[0] = host.off_pages[2].v | 1;
    words(host.off_pages[2])[0] = host.second_stage.v | 2 << 6 | 2 << 2 | 1;
    words(host.off_pages[2])[1] = 1u << 23 | HOST_SECOND_STAGE_DID;
}

void host_start(struct model_unit *unit, u32 haw)
{
    memset(&host, 0, sizeof(host));
    host.unit = unit;
    host.haw = haw;
    host.queue = page();
    host.second_stage = page();
    host.guest_root = page();
    reg_write(0x90, host.queue.v | 1u << 11);
    reg_write(0x18, 1u << 26);
    build_off_root();
    reg_write(0x20, host.off_root.v | 1u << 10);
    reg_write(0x18, 1u << 26 | 1u << 30);
    reg_write(0x18, 1u << 26 | 1u << 31);
}

void host_stop(void)
{
    free_second_stage(host.second_stage, 4);
    for (u32 i = 0; i < 512; i++) {
        u64 half = words(host.guest_root)[i];
        if (half != 0) {
            port_pages_free((hpa_t){half & ~PAGE_MASK}, 1);
        }
    }
    for (u32 i = 0; i < 3; i++) {
        port_pages_free(host.off_pages[i], 1);
    }
    port_pages_free(host.off_root, 1);
    port_pages_free(host.guest_root, 1);
    port_pages_free(host.queue, 1);
}

void host_refuse_posts(u32 n) { host.refuse_posts = n; }
bool host_root_is_guest(void) { return host.guest_active; }
u32 host_attached(void) { return host.bound_count; }

void host_refuse_attaches(u32 n, enum result error)
{
    host.refuse_attaches = n;
    host.refuse_error = error;
}

u32 host_domain_ids_used(void)
{
    u32 used = 0;
    for (u32 i = 2; i < MAX_DIDS; i++) {
        used += host.dids[i].uses != 0;
    }
    return used;
}

u32 host_pages_kept(void)
{
    u32 kept = 0;
    for (u32 i = 0; i < 512; i++) {
        kept += words(host.guest_root)[i] != 0;
    }
    return kept;
}

bool host_owns_status(u64 addr, size_t len)
{
    (void)addr;
    (void)len;
    return false; /* this host never waits */
}

hpa_t host_second_stage(void)
{
    return host.second_stage;
}

enum result viommu_host_describe(const struct viommu_config *config, struct host_unit *out)
{
    (void)config;
    out->ver = (u32)model_read(host.unit, 0, 4);
    out->cap = model_read(host.unit, 8, 8);
    out->ecap = model_read(host.unit, 0x10, 8);
    out->haw = host.haw;
    return OK;
}

enum result viommu_host_select_root(struct viommu *v, bool guest)
{
    (void)v;
    host.guest_active = guest;
    reg_write(0x20, (guest ? host.guest_root.v : host.off_root.v) | 1u << 10);
    reg_write(0x18, 1u << 31 | 1u << 30 | 1u << 26);
    submit(0x11, 0);
    submit(0x37, 0);
    submit(0xd2, 0);
    return OK;
}

/* --- contexts and PASID tables of the guest root --- */

static struct host_context *find_context(u16 sid)
{
    for (u32 i = 0; i < MAX_CONTEXTS; i++) {
        if (host.contexts[i].used && host.contexts[i].sid == sid) {
            return &host.contexts[i];
        }
    }
    return NULL;
}

static u64 *context_words(u16 sid, bool make)
{
    u64 *half = &words(host.guest_root)[sid >> 7];
    if (*half == 0 && make) {
        hpa_t at;
        if (port_pages_alloc(1, &at) != OK) {
            return NULL;
        }
        *half = at.v | 1;
    }
    return *half == 0 ? NULL : &words((hpa_t){*half & ~PAGE_MASK})[(sid & 0x7f) * 4];
}

static struct host_context *make_context(u16 sid, const struct guest_context *guest)
{
    struct host_context *c = NULL;
    u64 *entry = context_words(sid, true);
    for (u32 i = 0; i < MAX_CONTEXTS && c == NULL; i++) {
        c = host.contexts[i].used ? NULL : &host.contexts[i];
    }
    u32 pages = guest->pdts < 2 ? 1 : 1u << (guest->pdts - 2);
    hpa_t directory;
    if (entry == NULL || c == NULL || port_pages_alloc(pages, &directory) != OK) {
        return NULL;
    }
    *c = (struct host_context){.used = true, .sid = sid, .pdts = guest->pdts,
                               .directory = directory, .directory_pages = pages};
    entry[1] = guest->rid_pasid;
    entry[0] = directory.v | (u64)guest->pdts << 9 | (guest->paside ? 8 : 0) | 1;
    flush_contexts(sid);
    return c;
}

static void drop_context(struct host_context *c)
{
    u64 *entry = context_words(c->sid, false);
    entry[0] = 0;
    entry[1] = 0;
    flush_contexts(c->sid);
    for (u32 i = 0; i < 1u << (c->pdts + 7); i++) {
        u64 table = words(c->directory)[i];
        if (table != 0) {
            port_pages_free((hpa_t){table & ~PAGE_MASK}, 1);
        }
    }
    port_pages_free(c->directory, c->directory_pages);
    c->used = false;
}

static u64 *pasid_words(const struct host_context *c, u32 pasid, bool make)
{
    u64 *dir = &words(c->directory)[pasid >> 6];
    if (*dir == 0 && make) {
        hpa_t at;
        if (port_pages_alloc(1, &at) != OK) {
            return NULL;
        }
        *dir = at.v | 1;
    }
    return *dir == 0 ? NULL : &words((hpa_t){*dir & ~PAGE_MASK})[(pasid & 63) * 8];
}

/* --- domain ids --- */

/* VT-d 6.2.3.1: one domain id and PASID must never mean two tables. */
static bool did_fits(u16 did, u32 pasid, const struct bind_plan *plan)
{
    for (u32 i = 0; i < host.bound_count; i++) {
        const struct viommu_binding *b = host.bound[i];
        if ((u64)(uintptr_t)b->host == did && b->pasid == pasid &&
            !viommu_bind_same(&b->plan, plan)) {
            return false;
        }
    }
    return true;
}

static u16 choose_did(u32 pasid, const struct bind_plan *plan)
{
    u32 share = 0;
    if (plan->kind == BIND_SECOND_STAGE) {
        return HOST_SECOND_STAGE_DID;
    }
    for (u32 i = 2; i < MAX_DIDS; i++) {
        if (host.dids[i].uses != 0 && host.dids[i].guest == plan->guest_did) {
            share++;
            if (did_fits((u16)i, pasid, plan)) {
                return (u16)i;
            }
        }
    }
    for (u32 i = 2; i < MAX_DIDS && share < DID_SHARE; i++) {
        if (host.dids[i].uses == 0) {
            host.dids[i].guest = plan->guest_did;
            return (u16)i;
        }
    }
    return 0;
}

enum result viommu_host_attach(struct viommu *v, const struct guest_context *context,
                               struct viommu_binding *binding, const struct bind_plan *plan)
{
    (void)v;
    if (host.refuse_attaches != 0) {
        host.refuse_attaches--;
        return host.refuse_error;
    }
    u16 did = choose_did(binding->pasid, plan);
    if (did == 0) {
        return ERR_NO_DOMAIN_ID;
    }
    struct host_context *c = find_context(binding->sid);
    if (c == NULL) {
        c = make_context(binding->sid, context);
    }
    u64 *e = c == NULL ? NULL : pasid_words(c, binding->pasid, true);
    if (e == NULL || host.bound_count == ARRAY_LEN(host.bound)) {
        if (c != NULL && c->bindings == 0) {
            drop_context(c);
        }
        return ERR_NO_MEMORY;
    }
    if (e[0] & 1) {
        abort(); /* nobody edits a live entry */
    }
    bool nested = plan->kind == BIND_NESTED;
    e[2] = nested ? plan->fs_root.v | (plan->eafe ? 0x80 : 0) | (plan->wpe ? 0x10 : 0) |
                        (plan->addr_width == 57 ? 4 : 0) | (plan->sre ? 1 : 0)
                  : 0;
    e[1] = 1u << 23 | did;
    e[0] = host.second_stage.v | (nested ? 3u : 2u) << 6 | 2 << 2 | 1;
    flush_pasid(did, binding->pasid);
    submit(0x26 | (u64)did << 16 | (u64)binding->pasid << 32, 0);
    binding->host = (void *)(uintptr_t)did;
    host.dids[did].uses++;
    host.bound[host.bound_count++] = binding;
    c->bindings++;
    return OK;
}

enum result viommu_host_detach(struct viommu *v, struct viommu_binding *binding)
{
    (void)v;
    u16 did = (u16)(uintptr_t)binding->host;
    struct host_context *c = find_context(binding->sid);
    u64 *e = pasid_words(c, binding->pasid, false);
    e[0] = 0;
    flush_pasid(did, binding->pasid);
    flush_domain(did);
    memset(e, 0, 64);
    host.dids[did].uses--;
    for (u32 i = 0; i < host.bound_count; i++) {
        if (host.bound[i] == binding) {
            host.bound[i] = host.bound[--host.bound_count];
        }
    }
    if (--c->bindings == 0) {
        drop_context(c);
    }
    return OK;
}

u32 viommu_host_domain_ids(struct viommu *v, u16 guest_did, u16 *out, u32 max)
{
    u32 count = 0;
    (void)v;
    for (u32 i = 2; i < MAX_DIDS && count < max; i++) {
        if (host.dids[i].uses != 0 && host.dids[i].guest == guest_did) {
            out[count++] = (u16)i;
        }
    }
    return count;
}

enum result viommu_host_post(struct viommu *v, const struct host_desc *descs, u32 count)
{
    (void)v;
    if (host.refuse_posts != 0) {
        host.refuse_posts--;
        return ERR_BUSY;
    }
    for (u32 i = 0; i < count; i++) {
        if (descs[i].w[2] != 0 || descs[i].w[3] != 0) {
            abort();
        }
        submit(descs[i].w[0], descs[i].w[1]);
    }
    return OK;
}

bool viommu_host_next_fault(struct viommu *v, struct viommu_fault_event *out)
{
    u64 cap = model_read(host.unit, 8, 8);
    u64 count = ((cap >> 40) & 0xff) + 1;
    u64 base = ((cap >> 24) & 0x3ff) * 16;
    u64 status = model_read(host.unit, 0x34, 4);
    (void)v;
    for (u64 i = 0; i < count && (status & 2) != 0; i++) {
        u64 offset = base + (((status >> 8) & 0xff) + i) % count * 16;
        u64 high = model_read(host.unit, offset + 8, 8);
        if ((high >> 63) == 0) {
            continue;
        }
        *out = (struct viommu_fault_event){
            .sid = (u16)high, .has_pasid = ((high >> 31) & 1) != 0,
            .pasid = (u32)(high >> 40) & 0xfffff, .reason = (u8)(high >> 32),
            .addr = model_read(host.unit, offset, 8),
            .attributes = high & (0x4000000000000000ull | 0x70000000ull),
        };
        model_write(host.unit, offset + 8, 8, 1ull << 63);
        return true;
    }
    model_write(host.unit, 0x34, 4, 1);
    return false;
}

u32 viommu_host_read_event(struct viommu *v, u32 offset)
{
    (void)v;
    return (u32)model_read(host.unit, offset, 4);
}

void viommu_host_write_event(struct viommu *v, u32 offset, u32 value)
{
    (void)v;
    model_write(host.unit, offset, 4, value);
}
