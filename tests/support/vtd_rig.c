/* SPDX-License-Identifier: BSD-2-Clause */
/* See vtd_rig.h. Tables are written as plain words here, so that nothing of iommu/ that builds them is trusted. */
#include "tests/support/vtd_rig.h"

#include <stdio.h>
#include <stdlib.h>

#define SERVER_CAP 0x01d2078c406f0406ull   /* ND 6, SAGAW 48, FRO 400h, 8 records, PSI, 2M and 1G */
#define SERVER_ECAP 0x0003c99c84f050c3ull  /* QI, C, PT, SC, NEST, PASID 20 bits, SMTS, SSTS, FSTS */
#define LEGACY_ECAP 0x00000000000050c3ull
#define CAP_CM 0x80ull
#define CAP_SAGAW (0x1full << 8)
#define CAP_SSLPS (15ull << 34)

static u64 *words(hpa_t at)
{
    return port_hpa_to_ptr(at);
}

static void check(bool ok, const char *what)
{
    if (!ok) {
        fprintf(stderr, "vtd_rig: %s\n%s", what, hosted_log());
        abort();
    }
}

static hpa_t page(void)
{
    hpa_t at;
    check(port_pages_alloc(1, &at) == OK, "no page");
    return at;
}

/* Four levels that map one page to itself, readable and writable. */
static hpa_t second_stage(u64 gpa)
{
    hpa_t root = page(), at = root;
    for (u32 shift = 39; shift > 12; shift -= 9) {
        hpa_t next = page();
        words(at)[gpa >> shift & 511] = next.v | 3;
        at = next;
    }
    words(at)[gpa >> 12 & 511] = gpa | 6 << 3 | 3; /* write-back, readable, writable */
    return root;
}

static void free_second_stage(hpa_t root, u64 gpa)
{
    for (u32 shift = 39; shift >= 12; shift -= 9) {
        hpa_t next = {words(root)[gpa >> shift & 511] & ~PAGE_MASK};
        port_pages_free(root, 1);
        root = next;
    }
}

struct model_config vtd_rig_config(enum vtd_rig_kind kind)
{
    struct model_config config = {.ver = 0x10, .cap = SERVER_CAP, .ecap = SERVER_ECAP, .haw = 47};
    switch (kind) {
    case VTD_RIG_CACHING:
        config.cap |= CAP_CM;
        break;
    case VTD_RIG_LEGACY:
        config.ecap = LEGACY_ECAP;
        break;
    case VTD_RIG_NO_QUEUE:
        config.ecap = LEGACY_ECAP & ~2ull;
        break;
    case VTD_RIG_NO_LEVELS:
        config.cap &= ~CAP_SAGAW;
        break;
    case VTD_RIG_BAD_PAGES:
        config.cap = (config.cap & ~CAP_SSLPS) | 2ull << 34;
        break;
    case VTD_RIG_BAD_DIDS:
        config.cap |= 7;
        break;
    default:
        break;
    }
    return config;
}

void vtd_rig_model(struct vtd_rig *rig, enum vtd_rig_kind kind)
{
    const struct model_config config = vtd_rig_config(kind);
    rig->model = hosted_add_unit((hpa_t){VTD_RIG_BASE}, &config);
}

void vtd_rig_prepare_with(struct vtd_rig *rig, const struct model_config *config)
{
    hosted_reset();
    rig->model = hosted_add_unit((hpa_t){VTD_RIG_BASE}, config);
    rig->root = second_stage(VTD_RIG_GPA);
    rig->other_root = second_stage(VTD_RIG_OTHER);
    rig->def = (struct vtd_default){.ss_root = rig->root, .ss_levels = 4, .did = 1};
    check(vtd_unit_probe((hpa_t){VTD_RIG_BASE}, 0, 0, config->haw, &rig->unit) == OK, "probe");
}

void vtd_rig_prepare(struct vtd_rig *rig, enum vtd_rig_kind kind)
{
    const struct model_config config = vtd_rig_config(kind);
    vtd_rig_prepare_with(rig, &config);
}

void vtd_rig_start_with(struct vtd_rig *rig, const struct model_config *config)
{
    vtd_rig_prepare_with(rig, config);
    vtd_rig_take_over(rig);
}

/* Firmware's tables are below the pool and are never freed. */
enum { FW_ROOT = 0x100000, FW_CONTEXT = 0x101000, FW_QUEUE = 0x102000 };

static void fw_write(struct vtd_rig *rig, u32 offset, u32 size, u64 value)
{
    model_write(rig->model, offset, size, value);
}

void vtd_rig_firmware(struct vtd_rig *rig, u32 what)
{
    u32 gcmd = 0;
    if ((what & 1) != 0) {
        for (u32 i = 0; i < 256; i++) {
            words((hpa_t){FW_ROOT})[i * 2] = FW_CONTEXT | 1;
            words((hpa_t){FW_CONTEXT})[i * 2] = rig->other_root.v | 1;
            words((hpa_t){FW_CONTEXT})[i * 2 + 1] = 0x902;
        }
        fw_write(rig, 0x20, 8, FW_ROOT);
        fw_write(rig, 0x18, 4, 1u << 30);
        gcmd |= 1u << 31;
        fw_write(rig, 0x18, 4, gcmd);
        check(vtd_rig_dma(rig, 9, VTD_NO_PASID, true, VTD_RIG_OTHER) == 0, "firmware's own DMA");
    }
    if ((what & 2) != 0) {
        fw_write(rig, 0x88, 8, 0);
        fw_write(rig, 0x90, 8, FW_QUEUE);
        gcmd |= 1u << 26;
        fw_write(rig, 0x18, 4, gcmd);
    }
    if ((what & 5) == 5) {
        check(vtd_rig_dma(rig, 9, VTD_NO_PASID, true, VTD_RIG_HOLE) != 0, "firmware's fault");
    }
}

void vtd_rig_take_over(struct vtd_rig *rig)
{
    check(vtd_takeover(rig->unit, &rig->def) == OK, "take over");
}

void vtd_rig_start(struct vtd_rig *rig, enum vtd_rig_kind kind)
{
    vtd_rig_prepare(rig, kind);
    vtd_rig_take_over(rig);
}

void vtd_rig_stop(struct vtd_rig *rig)
{
    (void)!vtd_takeover_release(rig->unit);
    vtd_unit_destroy(rig->unit);
    free_second_stage(rig->root, VTD_RIG_GPA);
    free_second_stage(rig->other_root, VTD_RIG_OTHER);
    check(hosted_pages_used() == 0, "a page leaked");
}

u8 vtd_rig_dma(struct vtd_rig *rig, u16 sid, u32 pasid, bool write, u64 addr)
{
    u64 value = 0x1122334455667788;
    struct model_outcome outcome;
    struct model_request request = {
        .sid = sid,
        .has_pasid = pasid != VTD_NO_PASID,
        .pasid = pasid != VTD_NO_PASID ? pasid : 0,
        .op = write ? MODEL_WRITE : MODEL_READ,
        .addr = addr,
        .len = sizeof(value),
    };
    return model_dma(rig->model, &request, &value, &outcome) ? 0 : outcome.reason;
}

u32 vtd_rig_take_faults(struct vtd_rig *rig)
{
    struct vtd_fault fault;
    u32 count = 0;
    while (vtd_fault_next(rig->unit, &fault)) {
        count++;
    }
    return count;
}
