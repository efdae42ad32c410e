/* SPDX-License-Identifier: BSD-2-Clause */
/* See nvme.h. */
#include "tests/efi/nvme.h"

#include "tests/efi/pci.h"
#include "tests/efi/port_efi.h"

enum {
    CLASS_NVME = 0x010802,
    REG_CAP = 0x00, REG_INTMS = 0x0c, REG_CC = 0x14, REG_CSTS = 0x1c, REG_AQA = 0x24,
    REG_ASQ = 0x28, REG_ACQ = 0x30, REG_DOORBELL = 0x1000,
    CC_ENABLE = 1 << 0, CC_SQ_SIZE_64 = 6 << 16, CC_CQ_SIZE_16 = 4 << 20,
    CSTS_READY = 1 << 0,
    ADMIN_CREATE_SQ = 0x01, ADMIN_CREATE_CQ = 0x05, CONTIGUOUS = 1,
    IO_WRITE = 0x01, IO_READ = 0x02,
    NAMESPACE = 1, SECTORS_PER_BLOCK = NVME_BLOCK / 512,
    COMMAND_WORDS = 16, ANSWER_WORDS = 4,
    LIMIT_US = 5000000,
};

static u32 read32(const struct nvme *nvme, u32 reg)
{
    return port_mmio_read32((hpa_t){nvme->base + reg});
}

static void write32(const struct nvme *nvme, u32 reg, u32 value)
{
    port_mmio_write32((hpa_t){nvme->base + reg}, value);
}

static void write64(const struct nvme *nvme, u32 reg, u64 value)
{
    write32(nvme, reg, (u32)value);
    write32(nvme, reg + 4, (u32)(value >> 32));
}

static void ring(const struct nvme *nvme, u32 index, u32 value)
{
    port_mmio_write32((hpa_t){nvme->doorbells + (u64)index * nvme->stride}, value);
}

static void put(struct nvme *nvme, struct nvme_queue *q, const u32 command[COMMAND_WORDS])
{
    volatile u32 *slot = (volatile u32 *)(q->commands + q->tail * COMMAND_WORDS * 4ull);
    for (u32 i = 0; i < COMMAND_WORDS; i++) {
        slot[i] = command[i];
    }
    q->tail = (q->tail + 1) % NVME_DEPTH;
    ring(nvme, 2 * q->id, q->tail);
}

static bool take(struct nvme *nvme, struct nvme_queue *q, u16 *tag, u16 *status)
{
    volatile u32 *slot = (volatile u32 *)(q->answers + q->head * ANSWER_WORDS * 4ull);
    u32 word = slot[3];
    if ((word >> 16 & 1) != (q->phase ? 1u : 0u)) {
        return false;
    }
    *tag = (u16)word;
    *status = (u16)(word >> 17);
    q->head = (q->head + 1) % NVME_DEPTH;
    q->phase = q->head == 0 ? !q->phase : q->phase;
    ring(nvme, 2 * q->id + 1, q->head);
    return true;
}

static bool wait_answer(struct nvme *nvme, struct nvme_queue *q, u16 *status)
{
    u16 tag;
    u64 until = port_now_us() + LIMIT_US;
    while (port_now_us() < until) {
        if (take(nvme, q, &tag, status)) {
            return true;
        }
        port_relax();
    }
    return false;
}

static bool admin(struct nvme *nvme, u32 opcode, u64 page, u32 word10, u32 word11)
{
    u32 command[COMMAND_WORDS] = {opcode, 0};
    u16 status;
    command[6] = (u32)page;
    command[7] = (u32)(page >> 32);
    command[10] = word10;
    command[11] = word11;
    put(nvme, &nvme->admin, command);
    return wait_answer(nvme, &nvme->admin, &status) && status == 0;
}

static bool set_enabled(struct nvme *nvme, bool on)
{
    u64 until = port_now_us() + LIMIT_US;
    write32(nvme, REG_CC, on ? CC_ENABLE | CC_SQ_SIZE_64 | CC_CQ_SIZE_16 : 0);
    while ((read32(nvme, REG_CSTS) & CSTS_READY) != (on ? CSTS_READY : 0u)) {
        if (port_now_us() > until) {
            return false;
        }
        port_relax();
    }
    return true;
}

bool nvme_open(struct nvme *nvme, hpa_t rings)
{
    const u32 size = NVME_DEPTH - 1;
    *nvme = (struct nvme){.sid = pci_find_class(CLASS_NVME, 0)};
    nvme->base = nvme->sid == PCI_NONE ? 0 : pci_open(nvme->sid);
    if (nvme->base == 0 || !set_enabled(nvme, false)) {
        return false;
    }
    nvme->stride = 4u << (port_mmio_read64((hpa_t){nvme->base + REG_CAP}) >> 32 & 0xf);
    nvme->doorbells = nvme->base + REG_DOORBELL;
    SetMem((VOID *)rings.v, NVME_RING_PAGES * PAGE_SIZE, 0);
    nvme->admin = (struct nvme_queue){0, 0, 0, true, rings.v, rings.v + PAGE_SIZE};
    nvme->io = (struct nvme_queue){1, 0, 0, true, rings.v + 2 * PAGE_SIZE, rings.v + 3 * PAGE_SIZE};
    write32(nvme, REG_AQA, size << 16 | size);
    write64(nvme, REG_ASQ, nvme->admin.commands);
    write64(nvme, REG_ACQ, nvme->admin.answers);
    write32(nvme, REG_INTMS, ~0u);
    return set_enabled(nvme, true) &&
           admin(nvme, ADMIN_CREATE_CQ, nvme->io.answers, size << 16 | 1, CONTIGUOUS) &&
           admin(nvme, ADMIN_CREATE_SQ, nvme->io.commands, size << 16 | 1, 1u << 16 | CONTIGUOUS);
}

void nvme_close(struct nvme *nvme)
{
    (void)set_enabled(nvme, false);
}

void nvme_submit(struct nvme *nvme, bool write, u64 block, u64 page, u16 tag)
{
    u64 sector = block * SECTORS_PER_BLOCK;
    u32 command[COMMAND_WORDS] = {(u32)(write ? IO_WRITE : IO_READ) | (u32)tag << 16, NAMESPACE};
    command[6] = (u32)page;
    command[7] = (u32)(page >> 32);
    command[10] = (u32)sector;
    command[11] = (u32)(sector >> 32);
    command[12] = SECTORS_PER_BLOCK - 1;
    put(nvme, &nvme->io, command);
}

bool nvme_poll(struct nvme *nvme, u16 *tag, u16 *status)
{
    return take(nvme, &nvme->io, tag, status);
}

bool nvme_move(struct nvme *nvme, bool write, u64 block, u64 page, u16 *status)
{
    nvme_submit(nvme, write, block, page, 0);
    return wait_answer(nvme, &nvme->io, status);
}
