/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Invalidation descriptors: first type, mode and reserved bits are checked, then they are performed (VT-d 6.5.2.1 to
 * 6.5.2.9, 7.6.1). Also the two register commands of legacy mode (VT-d 6.5.1).
 */
#include "tests/model/model_internal.h"

enum { IQEI_TYPE = 3, IQEI_RESERVED = 4 };

/* Bits a descriptor may have set, type bits 11:9 and 3:0 included. */
struct shape {
    uint64_t w0, w1;
    bool wide_only;
};

static const struct shape shapes[MODEL_DESC_TYPES] = {
    [MODEL_DESC_CONTEXT] = {0x0003ffffffff0e3full, 0, false},
    [MODEL_DESC_IOTLB] = {0x00000000ffff0effull, 0xfffffffffffff07full, false},
    [MODEL_DESC_DTLB] = {0xfff0ffff001ffe0full, 0xfffffffffffff001ull, false},
    [MODEL_DESC_IEC] = {0x0000fffff8000e1full, 0, false},
    [MODEL_DESC_WAIT] = {0xffffffff00000effull, 0xfffffffffffffffcull, false},
    [MODEL_DESC_PASID_IOTLB] = {0x000fffffffff0e3full, 0xfffffffffffff07full, true},
    [MODEL_DESC_PASID_CACHE] = {0x000fffffffff0e3full, 0, true},
    [MODEL_DESC_PASID_DTLB] = {0xffffffffffffffffull, 0xfffffffffffff801ull, true},
    [MODEL_DESC_PAGE_RESPONSE] = {0x000ffffffffffe1full, 0x0000000000000ffcull, true},
};

static uint64_t reserved_w0(const struct model_unit *unit, unsigned type)
{
    uint64_t reserved = ~shapes[type].w0;
    if ((type == MODEL_DESC_DTLB || type == MODEL_DESC_PASID_DTLB) && !ecap(unit, ECAP_DIT)) {
        reserved |= bits(15, 12) | bits(63, 52); /* PFSID */
    }
    if (type == MODEL_DESC_WAIT && !ecap(unit, ECAP_PDS)) {
        reserved |= BIT(7);
    }
    return reserved;
}

static bool granularity_is_valid(const struct model_unit *unit, unsigned type, const uint64_t w[4])
{
    unsigned g = (unsigned)field(w[0], 5, 4);
    switch (type) {
    case MODEL_DESC_CONTEXT:
        return g != 0;
    case MODEL_DESC_IOTLB:
        if (g == 3) {
            /* MAMV binds software; VT-d 6.5.2.3 makes no error of it. QEMU refuses it as well. */
            return cap(unit, CAP_PSI) && field(w[1], 5, 0) <= field(unit->config.cap, 53, 48);
        }
        return g != 0;
    case MODEL_DESC_PASID_IOTLB:
        return g >= 2;
    case MODEL_DESC_PASID_CACHE:
        return g != 2;
    default:
        return true;
    }
}

/* VT-d Table 26 and 11.4.9.9. */
static unsigned judge(const struct model_unit *unit, unsigned type, const uint64_t w[4])
{
    bool scalable_type = type < MODEL_DESC_TYPES && shapes[type].wide_only;
    if (type == 0 || type >= MODEL_DESC_TYPES) {
        return IQEI_TYPE;
    }
    if (scalable_type && ttm(unit) == TTM_LEGACY) {
        return IQEI_TYPE;
    }
    if ((type == MODEL_DESC_DTLB || type == MODEL_DESC_PASID_DTLB) && !ecap(unit, ECAP_DT)) {
        return IQEI_TYPE;
    }
    if (type == MODEL_DESC_PAGE_RESPONSE && !ecap(unit, ECAP_PRS)) {
        return IQEI_TYPE;
    }
    if ((w[0] & reserved_w0(unit, type)) != 0 || (w[1] & ~shapes[type].w1) != 0 || w[2] != 0 ||
        w[3] != 0) {
        return IQEI_RESERVED;
    }
    return granularity_is_valid(unit, type, w) ? 0 : IQEI_RESERVED;
}

static void perform_context(struct model_unit *unit, const uint64_t w[4])
{
    uint16_t did = (uint16_t)field(w[0], 31, 16);
    switch (field(w[0], 5, 4)) {
    case 1:
        invalidate_context_global(unit);
        break;
    case 2:
        invalidate_context_domain(unit, did);
        break;
    default:
        invalidate_context_device(unit, did, (uint16_t)field(w[0], 47, 32),
                                  (unsigned)field(w[0], 49, 48));
        break;
    }
}

static void perform_iotlb(struct model_unit *unit, const uint64_t w[4])
{
    uint16_t did = (uint16_t)field(w[0], 31, 16);
    switch (field(w[0], 5, 4)) {
    case 1:
        invalidate_iotlb_global(unit);
        break;
    case 2:
        invalidate_iotlb_domain(unit, did);
        break;
    default:
        invalidate_iotlb_page(unit, did, w[1] & ~PAGE_OFFSET, (unsigned)field(w[1], 5, 0),
                              (w[1] & BIT(6)) != 0);
        break;
    }
}

static void perform_piotlb(struct model_unit *unit, const uint64_t w[4])
{
    uint16_t did = (uint16_t)field(w[0], 31, 16);
    uint32_t pasid = (uint32_t)field(w[0], 51, 32);
    if (field(w[0], 5, 4) == 2) {
        invalidate_piotlb_pasid(unit, did, pasid);
    } else {
        invalidate_piotlb_page(unit, did, pasid, w[1] & ~PAGE_OFFSET,
                               (unsigned)field(w[1], 5, 0), (w[1] & BIT(6)) != 0);
    }
}

static void perform_pasid(struct model_unit *unit, const uint64_t w[4])
{
    uint16_t did = (uint16_t)field(w[0], 31, 16);
    switch (field(w[0], 5, 4)) {
    case 0:
        invalidate_pasid_domain(unit, did);
        break;
    case 1:
        invalidate_pasid_one(unit, did, (uint32_t)field(w[0], 51, 32));
        break;
    default:
        invalidate_pasid_global(unit);
        break;
    }
}

/* The size is given by the lowest zero bit from 12 up (PCIe ATS). */
static uint64_t dtlb_size(uint64_t addr, bool s)
{
    if (!s) {
        return PAGE;
    }
    unsigned zero = 12;
    while (zero < 63 && (addr & BIT(zero)) != 0) {
        zero++;
    }
    return zero >= 62 ? UINT64_MAX : BIT(zero + 1);
}

static bool perform_dtlb(struct model_unit *unit, unsigned type, const uint64_t w[4])
{
    bool with_pasid = type == MODEL_DESC_PASID_DTLB;
    bool s = (w[1] & (with_pasid ? BIT(11) : BIT(0))) != 0;
    uint64_t addr = w[1] & ~PAGE_OFFSET;
    uint64_t size = dtlb_size(addr, s);
    struct model_device_invalidation inv = {
        .sid = (uint16_t)(with_pasid ? field(w[0], 31, 16) : field(w[0], 47, 32)),
        .pfsid = (uint16_t)(field(w[0], 15, 12) | field(w[0], 63, 52) << 4),
        .has_pasid = with_pasid,
        .global = with_pasid && (w[1] & 1) != 0,
        .pasid = with_pasid ? (uint32_t)field(w[0], 51, 32) : 0,
        .addr = size == UINT64_MAX ? 0 : addr & ~(size - 1),
        .size = size,
    };
    uint64_t record = reg64(unit, REG_IQERCD);
    if (unit->faults.ice_once) {
        unit->faults.ice_once = false;
        if ((reg32(unit, REG_FSTS) & FSTS_ICE) == 0) {
            record = (record & ~bits(63, 48)) | (uint64_t)inv.sid << 48;
            set_reg64(unit, REG_IQERCD, record);
        }
        fault_status_set(unit, FSTS_ICE);
    }
    bool answered = !unit->faults.ite_once;
    unit->faults.ite_once = false;
    if (answered && unit->device_ops.dtlb_invalidate != NULL) {
        answered = unit->device_ops.dtlb_invalidate(unit->device_ops.ctx, &inv);
    }
    if (!answered) {
        set_reg64(unit, REG_IQERCD, (record & ~bits(47, 32)) | (uint64_t)inv.sid << 32);
    }
    return answered;
}

static void perform_wait(struct model_unit *unit, const uint64_t w[4])
{
    if ((w[0] & BIT(5)) != 0) {
        uint32_t data = (uint32_t)(w[0] >> 32);
        uint64_t addr = w[1] & bits(unit->config.haw - 1, 2);
        (void)unit->ops.mem_write(unit->ops.ctx, addr, &data, sizeof(data));
    }
    if ((w[0] & BIT(4)) != 0 && (reg32(unit, REG_ICS) & 1) == 0) {
        set_reg32(unit, REG_ICS, 1);
        event_raise(unit, REG_IECTL);
    }
}

static void perform_page_response(struct model_unit *unit, const uint64_t w[4])
{
    if (unit->device_ops.page_response != NULL) {
        unit->device_ops.page_response(unit->device_ops.ctx, (uint16_t)field(w[0], 31, 16),
                                       (w[0] & BIT(4)) != 0, (uint32_t)field(w[0], 51, 32),
                                       (uint16_t)field(w[1], 11, 3),
                                       (unsigned)field(w[0], 15, 12));
    }
}

unsigned queue_perform(struct model_unit *unit, const uint64_t w[4], bool *timed_out,
                       bool drop_wait, bool *fence)
{
    unsigned type = (unsigned)(field(w[0], 11, 9) << 4 | field(w[0], 3, 0));
    unsigned error = judge(unit, type, w);
    if (error != 0) {
        return error;
    }
    unit->counters.descriptors[type]++;
    switch (type) {
    case MODEL_DESC_CONTEXT:
        perform_context(unit, w);
        break;
    case MODEL_DESC_IOTLB:
        perform_iotlb(unit, w);
        break;
    case MODEL_DESC_PASID_IOTLB:
        perform_piotlb(unit, w);
        break;
    case MODEL_DESC_PASID_CACHE:
        perform_pasid(unit, w);
        break;
    case MODEL_DESC_DTLB:
    case MODEL_DESC_PASID_DTLB:
        if (!perform_dtlb(unit, type, w)) {
            *timed_out = true;
        }
        break;
    case MODEL_DESC_WAIT:
        if (!drop_wait) {
            interrupts_drain(unit);
            perform_wait(unit, w);
        }
        *fence = drop_wait && (w[0] & BIT(6)) != 0;
        break;
    case MODEL_DESC_PAGE_RESPONSE:
        perform_page_response(unit, w);
        break;
    default: /* IEC */
        invalidate_interrupts(unit, w);
        break;
    }
    return 0;
}

/* --- registers; legacy mode only, gone from major version 6 (VT-d 6.5.1, 11.4.6) --- */

static bool registers_work(const struct model_unit *unit)
{
    return ttm(unit) == TTM_LEGACY && ver_major(unit) < 6;
}

void ccmd_written(struct model_unit *unit)
{
    uint64_t command = reg64(unit, REG_CCMD);
    if ((command & BIT(63)) == 0 || unit->faults.command_hang) {
        return;
    }
    unsigned done = registers_work(unit) ? (unsigned)field(command, 62, 61) : 0;
    uint16_t did = (uint16_t)field(command, 15, 0);
    if (done == 1) {
        invalidate_context_global(unit);
    } else if (done == 2) {
        invalidate_context_domain(unit, did);
    } else if (done == 3) {
        invalidate_context_device(unit, did, (uint16_t)field(command, 31, 16),
                                  (unsigned)field(command, 33, 32));
    }
    command &= ~(BIT(63) | bits(60, 59));
    set_reg64(unit, REG_CCMD, command | (uint64_t)done << 59);
}

void iotlb_written(struct model_unit *unit)
{
    unsigned iva = (unsigned)field(unit->config.ecap, 17, 8) * 16;
    uint64_t command = reg64(unit, iva + 8);
    uint64_t address = reg64(unit, iva);
    if ((command & BIT(63)) == 0 || unit->faults.command_hang) {
        return;
    }
    unsigned done = registers_work(unit) ? (unsigned)field(command, 61, 60) : 0;
    uint16_t did = (uint16_t)field(command, 47, 32);
    if (done == 3 && (!cap(unit, CAP_PSI) ||
                      field(address, 5, 0) > field(unit->config.cap, 53, 48))) {
        done = 2; /* coarser is allowed and reported (VT-d 6.5.1.2) */
    }
    if (done == 1) {
        invalidate_iotlb_global(unit);
    } else if (done == 2) {
        invalidate_iotlb_domain(unit, did);
    } else if (done == 3) {
        invalidate_iotlb_page(unit, did, address & ~PAGE_OFFSET, (unsigned)field(address, 5, 0),
                              (address & BIT(6)) != 0);
    }
    command &= ~(BIT(63) | bits(58, 57));
    set_reg64(unit, iva + 8, command | (uint64_t)done << 57);
}
