/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The register file: which bits software may write (VT-d 11.4), and what happens then.
 * Everything is kept as dwords; a 64-bit write is its low dword, then its high one, which
 * is the order VT-d 11.2 asks of software that writes halves.
 */
#include "tests/model/model_internal.h"

#include <string.h>

uint32_t reg32(const struct model_unit *unit, unsigned offset)
{
    return unit->regs[offset / 4];
}

void set_reg32(struct model_unit *unit, unsigned offset, uint32_t value)
{
    unit->regs[offset / 4] = value;
}

uint64_t reg64(const struct model_unit *unit, unsigned offset)
{
    return reg32(unit, offset) | (uint64_t)reg32(unit, offset + 4) << 32;
}

void set_reg64(struct model_unit *unit, unsigned offset, uint64_t value)
{
    set_reg32(unit, offset, (uint32_t)value);
    set_reg32(unit, offset + 4, (uint32_t)(value >> 32));
}

static unsigned iva_offset(const struct model_unit *unit)
{
    return (unsigned)field(unit->config.ecap, 17, 8) * 16;
}

size_t model_register_size(const struct model_unit *unit)
{
    return unit->reg_bytes;
}

void regs_reset(struct model_unit *unit)
{
    memset(unit->regs, 0, unit->reg_bytes);
    set_reg32(unit, REG_VER, unit->config.ver);
    set_reg64(unit, REG_CAP, unit->config.cap);
    set_reg64(unit, REG_ECAP, unit->config.ecap);
    set_reg32(unit, REG_FECTL, 1u << 31); /* IM is 1 after reset */
    /* RsvdZ without the feature (VT-d 11.4.9.5, 11.4.11.5). */
    set_reg32(unit, REG_IECTL, ecap(unit, ECAP_QI) ? 1u << 31 : 0);
    set_reg32(unit, REG_PECTL, ecap(unit, ECAP_PRS) ? 1u << 31 : 0);
    if (ecap(unit, ECAP_MTS)) {
        set_reg64(unit, REG_MTRRCAP, 0x50a); /* VCNT 10, FIX, WC */
    }
}

/* --- global command --- */

static void set_status(struct model_unit *unit, unsigned bit, bool value)
{
    uint32_t status = reg32(unit, REG_GSTS) & ~(1u << bit);
    set_reg32(unit, REG_GSTS, status | (value ? 1u << bit : 0));
}

static bool status(const struct model_unit *unit, unsigned bit)
{
    return (reg32(unit, REG_GSTS) & (1u << bit)) != 0;
}

static void set_root_pointer(struct model_unit *unit)
{
    unit->root = reg64(unit, REG_RTADDR);
    set_status(unit, G_SRTP, true);
    if (cap(unit, CAP_ESRTPS)) {
        invalidate_all(unit);
    }
}

static void set_translation(struct model_unit *unit, bool on)
{
    if (status(unit, G_TE) && !on && ecap(unit, ECAP_SMTS)) {
        invalidate_all(unit); /* VT-d 11.4.4.1, TE */
    }
    set_status(unit, G_TE, on);
}

static void set_queue(struct model_unit *unit, bool on)
{
    if (!ecap(unit, ECAP_QI) || on == status(unit, G_QIE)) {
        return;
    }
    if (!on && reg64(unit, REG_IQH) != reg64(unit, REG_IQT)) {
        return; /* not quiesced: stays on, because VT-d 6.5.2 forbids the request */
    }
    set_status(unit, G_QIE, on);
    if (!on) {
        set_reg64(unit, REG_IQH, 0);
    }
    queue_run(unit); /* IQT may have been written first */
}

void gcmd_perform(struct model_unit *unit, uint32_t value)
{
    if ((value & (1u << G_SRTP)) != 0) {
        set_root_pointer(unit);
    }
    if ((value & (1u << G_SIRTP)) != 0 && ecap(unit, ECAP_IR)) {
        interrupt_table_set(unit);
        set_status(unit, G_SIRTP, true);
    }
    set_translation(unit, (value & BIT(G_TE)) != 0);
    set_queue(unit, (value & (1u << G_QIE)) != 0);
    if (ecap(unit, ECAP_IR)) {
        if (status(unit, G_IRE) && (value & (1u << G_IRE)) == 0) {
            interrupt_remapping_off(unit);
        }
        set_status(unit, G_IRE, (value & (1u << G_IRE)) != 0);
        set_status(unit, G_CFI, (value & (1u << G_CFI)) != 0);
    }
    if (!status(unit, G_TE) && !status(unit, G_IRE)) {
        unit->fault_index = 0; /* VT-d 7.2.1 */
    }
}

static void gcmd_written(struct model_unit *unit, uint32_t value)
{
    /* Writing the command clears the one-shot status. */
    if ((value & (1u << G_SRTP)) != 0) {
        set_status(unit, G_SRTP, false);
    }
    if ((value & (1u << G_SIRTP)) != 0) {
        set_status(unit, G_SIRTP, false);
    }
    if (unit->faults.gcmd_hang) {
        unit->gcmd_pending = value;
        unit->gcmd_is_pending = true;
        if ((value & (1u << G_WBF)) != 0 && cap(unit, CAP_RWBF)) {
            set_status(unit, G_WBF, true);
        }
        return;
    }
    gcmd_perform(unit, value);
}

/* --- which bits a dword write changes --- */

struct rule {
    uint16_t offset;
    uint32_t writable;
    uint32_t w1c;
};

static const struct rule rules[] = {
    {REG_RTADDR, 0xfffff000u | 3u << 10 | 1u << 7, 0}, {REG_RTADDR + 4, 0xffffffffu, 0},
    {REG_CCMD, 0xffffffffu, 0},       {REG_CCMD + 4, 0xe0000003u, 0},
    {REG_FSTS, 0, FSTS_PFO | FSTS_IQE | FSTS_ICE | FSTS_ITE},
    {REG_FECTL, 1u << 31, 0},         {REG_FECTL + 4, 0xffffu, 0},
    {REG_FECTL + 8, 0xfffffffcu, 0},  {REG_FECTL + 12, 0xffffffffu, 0},
    {REG_IQT, 0x7fff0u, 0},
    {REG_IQA, 0xfffff807u, 0},        {REG_IQA + 4, 0xffffffffu, 0},
    {REG_ICS, 0, 1},
    {REG_IECTL, 1u << 31, 0},         {REG_IECTL + 4, 0xffffu, 0},
    {REG_IECTL + 8, 0xfffffffcu, 0},  {REG_IECTL + 12, 0xffffffffu, 0},
    {REG_IRTA, 0xfffff80fu, 0},       {REG_IRTA + 4, 0xffffffffu, 0},
    {REG_PQH, 0x7ffe0u, 0},           {REG_PQT, 0x7ffe0u, 0},
    {REG_PQA, 0xfffff007u, 0},        {REG_PQA + 4, 0xffffffffu, 0},
    {REG_PRS, 0, 3},
    {REG_PECTL, 1u << 31, 0},         {REG_PECTL + 4, 0xffffu, 0},
    {REG_PECTL + 8, 0xfffffffcu, 0},  {REG_PECTL + 12, 0xffffffffu, 0},
};

/* Registers of an absent feature are RsvdZ (VT-d 11.4.9 to 11.4.12, 11.4.8). */
static bool is_offered(const struct model_unit *unit, unsigned offset)
{
    if (offset >= REG_IQH && offset < REG_IRTA) {
        return ecap(unit, ECAP_QI);
    }
    if (offset >= REG_IRTA && offset < REG_PQH) {
        return ecap(unit, ECAP_IR);
    }
    if (offset >= REG_PQH && offset < REG_MTRRCAP) {
        return ecap(unit, ECAP_PRS);
    }
    return true;
}

/* Protected regions are decoded in 1 MiB steps: bits 19:0 read as zero. */
static uint32_t region_writable(const struct model_unit *unit, unsigned offset)
{
    if ((reg32(unit, REG_PMEN) & 1) != 0) {
        return 0;
    }
    bool high = offset >= REG_PHMBASE;
    if (!cap(unit, high ? CAP_PHMR : CAP_PLMR)) {
        return 0;
    }
    if (high && (offset & 4) != 0) {
        return (uint32_t)(bits(unit->config.haw - 1, 32) >> 32);
    }
    return 0xfff00000u;
}

static void find_rule(const struct model_unit *unit, unsigned offset, uint32_t *writable,
                      uint32_t *w1c)
{
    unsigned iva = iva_offset(unit);
    unsigned frcd = fault_record_offset(unit, 0);
    *writable = 0;
    *w1c = 0;
    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        if (rules[i].offset == offset && is_offered(unit, offset)) {
            *writable = rules[i].writable;
            *w1c = rules[i].w1c;
        }
    }
    if (offset == REG_IRTA && !ecap(unit, ECAP_EIM)) {
        *writable &= ~(1u << 11); /* VT-d 11.4.10 */
    }
    if (offset == REG_RTADDR && !ecap(unit, ECAP_SSIRWS)) {
        *writable &= ~(1u << 7);
    }
    if (offset == REG_PMEN && (cap(unit, CAP_PLMR) || cap(unit, CAP_PHMR))) {
        *writable = 1u << 31;
    }
    if (offset >= REG_PLMBASE && offset < REG_IQH) {
        *writable = region_writable(unit, offset);
    }
    if (offset >= 0x108 && offset < 0x220 && ecap(unit, ECAP_MTS)) {
        *writable = 0xffffffffu;
    }
    if (offset >= iva && offset < iva + 16) { /* VT-d 11.4.6.2, 11.4.6.3 */
        static const uint32_t fields[] = {0xfffff07fu, 0xffffffffu, 0, 0xb003ffffu};
        *writable = fields[(offset - iva) / 4];
    }
    if (offset >= frcd && offset < frcd + fault_record_count(unit) * 16 &&
        (offset & 15) == 12) {
        *w1c = 1u << 31;
    }
}

static bool is_address(unsigned offset)
{
    unsigned at = offset & ~7u;
    return at == REG_RTADDR || at == REG_IQA || at == REG_PHMBASE || at == REG_PHMLIMIT;
}

static void side_effect(struct model_unit *unit, unsigned offset)
{
    unsigned frcd = fault_record_offset(unit, 0);
    if (offset >= frcd && offset < frcd + fault_record_count(unit) * 16) {
        fault_serviced(unit);
        return;
    }
    if (offset == iva_offset(unit) + 12) {
        iotlb_written(unit);
        return;
    }
    switch (offset) {
    case REG_CCMD + 4:
        ccmd_written(unit);
        break;
    case REG_FSTS:
        fault_serviced(unit);
        queue_run(unit); /* IQE or ITE may have been cleared */
        break;
    case REG_FECTL:
    case REG_IECTL:
    case REG_PECTL:
        event_unmasked(unit, offset);
        break;
    case REG_PMEN:
        set_reg32(unit, REG_PMEN, (reg32(unit, REG_PMEN) & ~1u) |
                  (reg32(unit, REG_PMEN) >> 31));
        break;
    case REG_IQT:
        queue_run(unit);
        break;
    case REG_ICS:
        if ((reg32(unit, REG_ICS) & 1) == 0) {
            event_withdraw(unit, REG_IECTL);
        }
        break;
    case REG_PRS:
        if ((reg32(unit, REG_PRS) & 3) == 0) {
            event_withdraw(unit, REG_PECTL);
        }
        break;
    default:
        break;
    }
}

static void write32(struct model_unit *unit, unsigned offset, uint32_t value)
{
    uint32_t writable;
    uint32_t w1c;
    if (offset == REG_GCMD) {
        gcmd_written(unit, value);
        return;
    }
    find_rule(unit, offset, &writable, &w1c);
    if (writable == 0 && w1c == 0) {
        return;
    }
    uint32_t old = reg32(unit, offset);
    uint32_t lost = is_address(offset) ? (uint32_t)(unit->faults.no_latch >> 8 * (offset & 4)) : 0;
    set_reg32(unit, offset, ((old & ~writable & ~(value & w1c)) | (value & writable)) & ~lost);
    side_effect(unit, offset);
}

static bool access_is_valid(const struct model_unit *unit, uint64_t offset, unsigned size)
{
    return (size == 4 || size == 8) && offset % size == 0 && offset < unit->reg_bytes &&
           unit->reg_bytes - offset >= size;
}

uint64_t model_read(struct model_unit *unit, uint64_t offset, unsigned size)
{
    if (unit->faults.gone) {
        return size == 8 ? ~0ull : 0xffffffffu;
    }
    if (!access_is_valid(unit, offset, size)) {
        return 0;
    }
    unsigned iva = iva_offset(unit);
    if (offset >= iva && offset < iva + 8) {
        return 0; /* IVA is write-only */
    }
    return size == 8 ? reg64(unit, (unsigned)offset) : reg32(unit, (unsigned)offset);
}

void model_write(struct model_unit *unit, uint64_t offset, unsigned size, uint64_t value)
{
    if (!access_is_valid(unit, offset, size) || unit->faults.gone || unit->faults.deaf) {
        return;
    }
    write32(unit, (unsigned)offset, (uint32_t)value);
    if (size == 8) {
        write32(unit, (unsigned)offset + 4, (uint32_t)(value >> 32));
    }
}

bool protected_memory(const struct model_unit *unit, uint64_t hpa, size_t len)
{
    if ((reg32(unit, REG_PMEN) & 1) == 0) {
        return false;
    }
    uint64_t last = hpa + (len == 0 ? 0 : len - 1);
    uint64_t low_base = reg32(unit, REG_PLMBASE);
    uint64_t low_limit = reg32(unit, REG_PLMLIMIT) | 0xfffffu;
    uint64_t high_base = reg64(unit, REG_PHMBASE);
    uint64_t high_limit = reg64(unit, REG_PHMLIMIT) | 0xfffffu;
    bool low = cap(unit, CAP_PLMR) && hpa <= low_limit && last >= low_base;
    bool high = cap(unit, CAP_PHMR) && hpa <= high_limit && last >= high_base;
    return low || high;
}
