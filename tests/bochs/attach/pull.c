/*
 * Takes one page of a device's first stage away, once: before the device's next write of
 * a sector or more the leaf entry of its page is cleared, afterwards it is put back. A write
 * that the unit still had in its cache is let through and the next one is tried. What
 * stood in memory is compared, so the report can say that nothing was written.
 */
#include <string.h>

#include "tests/bochs/attach/attach.h"

enum { PULL_BYTES = 512, PRESENT = 1, LARGE = 0x80 };
#define ADDRESS 0x000ffffffffff000ull

static struct {
    bool armed, done, unchanged;
    uint16_t sid;
    uint64_t iova, hpa;
    unsigned reason;
} pull;

void pull_arm(uint16_t sid)
{
    pull.armed = true;
    pull.done = false;
    pull.sid = sid;
}

bool pull_armed(uint16_t sid)
{
    return pull.armed && pull.sid == sid;
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
    if (((word(entry) >> 6) & 7) != 1) {
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

static bool pulled_dma(struct model_unit *unit, const struct model_request *request, void *data,
                       struct model_outcome *outcome, uint64_t slot)
{
    uint8_t before[PULL_BYTES], after[PULL_BYTES];
    struct model_outcome was;
    model_translate(unit, request, &was);
    uint64_t entry = word(slot), none = 0;
    bochs.dma_read(was.hpa, PULL_BYTES, before);
    bochs.dma_write(slot, sizeof(none), (uint8_t *)&none);
    bool ok = model_dma(unit, request, data, outcome);
    bochs.dma_write(slot, sizeof(entry), (uint8_t *)&entry);
    if (!ok) {
        bochs.dma_read(was.hpa, PULL_BYTES, after);
        pull.armed = false;
        pull.done = true;
        pull.iova = request->addr;
        pull.hpa = was.hpa;
        pull.reason = outcome->reason;
        pull.unchanged = memcmp(before, after, PULL_BYTES) == 0;
    }
    return ok;
}

bool pull_dma(struct model_unit *unit, const struct model_request *request, void *data,
              struct model_outcome *outcome)
{
    uint64_t slot = request->len >= PULL_BYTES ? leaf_entry(unit, request->addr) : 0;
    return slot != 0 ? pulled_dma(unit, request, data, outcome, slot)
                     : model_dma(unit, request, data, outcome);
}

void pull_report(FILE *out)
{
    if (pull.done) {
        fprintf(out, "pull sid=%04x iova=%#llx hpa=%#llx reason=%#x memory=%s\n", pull.sid,
                (unsigned long long)pull.iova, (unsigned long long)pull.hpa, pull.reason,
                pull.unchanged ? "unchanged" : "CHANGED");
    }
}
