/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Takes a page of a device's first stage away as the device writes: before a write of at least so
 * many bytes the leaf entry of its page is cleared, or made read-only; afterwards it is put back.
 * If the unit had the entry in its cache, the write goes through and the next one is tried. Memory
 * is compared before and after, so that the report can say that nothing was written.
 */
#include <inttypes.h>
#include <string.h>

#include "tests/bochs/attach/attach.h"

enum { COMPARED_MAX = 512, PRESENT = 1, WRITABLE = 2, LARGE = 0x80, FIRST_STAGE = 1, NESTED = 3 };
#define ADDRESS 0x000ffffffffff000ull

static struct {
    unsigned left;
    uint16_t sid;
    size_t least_bytes;
    bool read_only;
} pull;

/* The outcome, by source-id. */
static struct record {
    uint16_t sid;
    unsigned refused, changed, reason;
    uint64_t iova, hpa;
} records[DEVICES];

void pull_arm(uint16_t sid, unsigned times, size_t least_bytes, bool read_only)
{
    pull.read_only = read_only;
    pull.least_bytes = least_bytes;
    pull.left = times;
    pull.sid = sid;
}

bool pull_armed(uint16_t sid)
{
    return pull.left != 0 && pull.sid == sid;
}

static uint64_t word(uint64_t addr)
{
    uint64_t value;
    bochs.dma_read(addr, sizeof(value), (uint8_t *)&value);
    return value;
}

/* The address of the leaf entry for iova in the scalable-mode tables of the pull's device. */
static uint64_t leaf_entry(struct model_unit *unit, uint64_t iova)
{
    uint64_t root = model_read(unit, 0x20, 8) & ADDRESS;
    uint64_t half = word(root + (pull.sid >> 8) * 16u + ((pull.sid & 0x80) != 0 ? 8 : 0));
    uint64_t context = (half & ADDRESS) + (pull.sid & 0x7f) * 32u;
    uint64_t pasid = word(context + 8) & 0xfffff;
    uint64_t table = word((word(context) & ADDRESS) + (pasid >> 6) * 8) & ADDRESS;
    uint64_t entry = table + (pasid & 63) * 64;
    uint64_t pgtt = word(entry) >> 6 & 7;
    if (pgtt != FIRST_STAGE && pgtt != NESTED) { /* guest addresses are host addresses on this machine */
        return 0;
    }
    unsigned level = (word(entry + 16) >> 2 & 3) == 1 ? 5 : 4;
    uint64_t at = word(entry + 16) & ADDRESS;
    for (;; level--) {
        uint64_t slot = at + (iova >> (12 + 9 * (level - 1)) & 511) * 8;
        uint64_t value = word(slot);
        if ((value & PRESENT) == 0) {
            return 0;
        }
        if (level == 1 || (value & LARGE) != 0) {
            return slot;
        }
        at = value & ADDRESS;
    }
}

static struct record *record_of(uint16_t sid)
{
    unsigned i = 0;
    while (i < DEVICES - 1 && records[i].refused != 0 && records[i].sid != sid) {
        i++;
    }
    records[i].sid = sid;
    return &records[i];
}

static bool pulled_dma(struct model_unit *unit, const struct model_request *request, void *data,
                       struct model_outcome *outcome, uint64_t slot)
{
    uint8_t before[COMPARED_MAX], after[COMPARED_MAX];
    size_t compared = request->len < COMPARED_MAX ? request->len : COMPARED_MAX;
    struct model_outcome was;
    model_translate(unit, request, &was);
    uint64_t entry = word(slot);
    uint64_t less = pull.read_only ? entry & ~(uint64_t)WRITABLE : 0;
    bochs.dma_read(was.hpa, (unsigned)compared, before);
    bochs.dma_write(slot, sizeof(less), (uint8_t *)&less);
    bool ok = model_dma(unit, request, data, outcome);
    bochs.dma_write(slot, sizeof(entry), (uint8_t *)&entry);
    if (!ok) {
        struct record *record = record_of(request->sid);
        bochs.dma_read(was.hpa, (unsigned)compared, after);
        pull.left--;
        record->refused++;
        record->changed += memcmp(before, after, compared) != 0;
        record->reason = outcome->reason;
        record->iova = request->addr;
        record->hpa = was.hpa;
    }
    return ok;
}

bool pull_dma(struct model_unit *unit, const struct model_request *request, void *data,
              struct model_outcome *outcome)
{
    uint64_t slot = request->len >= pull.least_bytes ? leaf_entry(unit, request->addr) : 0;
    return slot != 0 ? pulled_dma(unit, request, data, outcome, slot)
                     : model_dma(unit, request, data, outcome);
}

void pull_report(FILE *out)
{
    for (const struct record *r = records; r < records + DEVICES && r->refused != 0; r++) {
        fprintf(out, "pull sid=%04x refused=%u changed=%u last-iova=%#" PRIx64 " last-hpa=%#" PRIx64 " reason=%#x\n",
                r->sid, r->refused, r->changed, r->iova, r->hpa, r->reason);
    }
}
