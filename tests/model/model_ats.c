/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a device sees of a refusal when it asks through ATS (VT-d Table 30, columns
 * "Translation Request"), and page requests (VT-d 7.4).
 */
#include "tests/model/model_internal.h"

enum { ATS_SUCCESS = 0, ATS_UR = 1, ATS_CA = 4 };

/* Sets the completion status; true when the refusal is also recorded as a fault. */
bool ats_answer(unsigned reason, uint8_t *status)
{
    switch (reason) {
    case LRT_2: case LCT_2: case LCT_5: case RTA_2: case RTA_4: case RTA_5:
    case SRT_2: case SCT_2: case SCT_5: case SCT_6: case SCT_7: case SCT_9: case SGN_10:
        *status = ATS_UR;
        return true;
    case SFS_10:
        *status = ATS_SUCCESS; /* the one that is both */
        return true;
    case LGN_1: case LGN_2: case LGN_3:
    case SPD_2: case SPT_2: case SPT_5: case SPT_6:
    case SFS_1: case SFS_2: case SFS_3: case SFS_4: case SFS_5: case SFS_6: case SFS_7:
    case SFS_8: case SFS_9: case SSS_2:
    case SGN_1: case SGN_2: case SGN_4: case SGN_5: case SGN_6: case SGN_7:
        *status = ATS_SUCCESS; /* with R=W=U=S=0 */
        return false;
    default:
        *status = ATS_CA;
        return true;
    }
}

enum { PRS_PPR = 1, PRS_PRO = 2 };

static void raise_status(struct model_unit *unit, uint32_t bit)
{
    uint32_t status = reg32(unit, REG_PRS);
    set_reg32(unit, REG_PRS, status | bit);
    if ((status & (PRS_PPR | PRS_PRO)) == 0) {
        event_raise(unit, REG_PECTL);
    }
}

/* VT-d 6.5.3.1: stale rights of the page must not survive the request. */
static void implicit_invalidation(struct walk *walk)
{
    uint64_t page = walk->addr & ~PAGE_OFFSET;
    if (walk->kind == MODEL_KIND_FIRST_STAGE || walk->kind == MODEL_KIND_NESTED) {
        invalidate_piotlb_page(walk->unit, walk->did, walk->pasid, page, 0, false);
    } else {
        invalidate_iotlb_page(walk->unit, walk->did, page, 0, false);
    }
}

static bool queue_descriptor(struct model_unit *unit, const struct model_page_request *r)
{
    uint64_t pqa = reg64(unit, REG_PQA);
    uint64_t ring_bytes = 4096ull << field(pqa, 2, 0);
    uint64_t tail = reg64(unit, REG_PQT) % ring_bytes;
    uint64_t next = (tail + 32) % ring_bytes;
    if (next == reg64(unit, REG_PQH)) {
        raise_status(unit, PRS_PRO);
        return false;
    }
    uint64_t w[4] = {0, 0, 0, 0};
    w[0] = 1 | (uint64_t)r->sid << 16 | (r->exec ? BIT(52) : 0) | (r->priv ? BIT(53) : 0);
    if (r->has_pasid) {
        w[0] |= BIT(8) | (uint64_t)(r->pasid & 0xfffff) << 32;
    }
    w[1] = (r->read ? BIT(0) : 0) | (r->write ? BIT(1) : 0) | (r->last ? BIT(2) : 0) |
           (r->group & 0x1ffull) << 3 | (r->addr & ~PAGE_OFFSET);
    (void)unit->ops.mem_write(unit->ops.ctx, (pqa & ~PAGE_OFFSET) + tail, w, sizeof(w));
    set_reg64(unit, REG_PQT, next);
    raise_status(unit, PRS_PPR);
    return true;
}

bool model_page_request(struct model_unit *unit, const struct model_page_request *request,
                        enum model_page_response *response)
{
    struct model_request as_request = {
        .sid = request->sid, .has_pasid = request->has_pasid, .pasid = request->pasid,
        .priv = request->priv, .exec = request->exec, .addr = request->addr,
        .op = request->write ? MODEL_WRITE : MODEL_READ, .at = MODEL_UNTRANSLATED,
    };
    struct walk walk;
    walk_begin(&walk, unit, &as_request, false);
    walk.page_request = true;
    unit->counters.page_requests++;
    unsigned reason = mode_check(&walk);
    if (reason == 0) {
        reason = context_find(&walk);
    }
    if (reason == 0) {
        reason = context_check_request(&walk);
    }
    if (reason == 0) {
        reason = pasid_find(&walk);
    }
    if (reason != 0) {
        unit->counters.faults++;
        fault_record(&walk, reason);
        *response = MODEL_PAGE_INVALID;
        return false;
    }
    *response = MODEL_PAGE_SUCCESS;
    if ((reg32(unit, REG_PRS) & PRS_PRO) != 0) {
        return false; /* overflow: the device is told "success" and simply retries */
    }
    implicit_invalidation(&walk);
    return queue_descriptor(unit, request);
}
