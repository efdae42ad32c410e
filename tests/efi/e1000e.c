/* SPDX-License-Identifier: BSD-2-Clause */
/* See e1000e.h. 82574 GbE controller family datasheet, chapters 3, 7 and 10. */
#include "tests/efi/e1000e.h"

#include "tests/efi/pci.h"
#include "tests/efi/port_efi.h"

enum {
    VENDOR_INTEL = 0x8086, DEVICE_82574L = 0x10d3,
    REG_CTRL = 0x0000, REG_IMC = 0x00d8, REG_RCTL = 0x0100, REG_TCTL = 0x0400,
    REG_RX = 0x2800, REG_TX = 0x3800,               /* base low, high, length, head, tail */
    RING_HIGH = 0x04, RING_LENGTH = 0x08, RING_HEAD = 0x10, RING_TAIL = 0x18,
    CTRL_RESET = 1 << 26, CTRL_LINK_UP = 1 << 6,
    RCTL_ENABLE = 1 << 1, RCTL_UNICAST = 1 << 3, RCTL_MULTICAST = 1 << 4, RCTL_LOOPBACK = 1 << 6,
    RCTL_BROADCAST = 1 << 15, RCTL_STRIP_CRC = 1 << 26,
    TCTL_ENABLE = 1 << 1, TCTL_PAD = 1 << 3,
    TX_END = 1 << 24, TX_ADD_CRC = 1 << 25, TX_REPORT = 1 << 27,
    DONE = 1,
    LIMIT_US = 300000, RESET_US = 1000,
};

static void write32(const struct e1000e *nic, u32 reg, u32 value)
{
    port_mmio_write32((hpa_t){nic->base + reg}, value);
}

static void set_ring(const struct e1000e *nic, u32 reg, u64 ring)
{
    write32(nic, reg, (u32)ring);
    write32(nic, reg + RING_HIGH, (u32)(ring >> 32));
    write32(nic, reg + RING_LENGTH, E1000E_DEPTH * 16);
    write32(nic, reg + RING_HEAD, 0);
    write32(nic, reg + RING_TAIL, 0);
}

bool e1000e_open(struct e1000e *nic, hpa_t rings)
{
    *nic = (struct e1000e){.sid = pci_find(VENDOR_INTEL, DEVICE_82574L, 0)};
    nic->base = nic->sid == PCI_NONE ? 0 : pci_open(nic->sid);
    if (nic->base == 0) {
        return false;
    }
    write32(nic, REG_IMC, ~0u);
    write32(nic, REG_CTRL, CTRL_RESET);
    BS->Stall(RESET_US);
    write32(nic, REG_IMC, ~0u);
    write32(nic, REG_CTRL, CTRL_LINK_UP);
    SetMem((VOID *)rings.v, E1000E_RING_PAGES * PAGE_SIZE, 0);
    nic->rx_ring = rings.v;
    nic->tx_ring = rings.v + PAGE_SIZE;
    set_ring(nic, REG_RX, nic->rx_ring);
    set_ring(nic, REG_TX, nic->tx_ring);
    write32(nic, REG_RCTL, RCTL_ENABLE | RCTL_UNICAST | RCTL_MULTICAST | RCTL_BROADCAST |
                               RCTL_LOOPBACK | RCTL_STRIP_CRC);
    write32(nic, REG_TCTL, TCTL_ENABLE | TCTL_PAD);
    return true;
}

void e1000e_close(const struct e1000e *nic)
{
    write32(nic, REG_CTRL, CTRL_RESET);
    BS->Stall(RESET_US);
    write32(nic, REG_IMC, ~0u);
}

static bool wait_done(volatile u64 *descriptor)
{
    u64 until = port_now_us() + LIMIT_US;
    while ((descriptor[1] >> 32 & DONE) == 0) {
        if (port_now_us() > until) {
            return false;
        }
        port_relax();
    }
    return true;
}

bool e1000e_move(struct e1000e *nic, u64 from, u64 to, u16 bytes)
{
    volatile u64 *rx = (volatile u64 *)(nic->rx_ring + nic->tail * 16ull);
    volatile u64 *tx = (volatile u64 *)(nic->tx_ring + nic->tail * 16ull);
    rx[0] = to;
    rx[1] = 0;
    tx[0] = from;
    tx[1] = bytes | TX_END | TX_ADD_CRC | TX_REPORT;
    nic->tail = (nic->tail + 1) % E1000E_DEPTH;
    write32(nic, REG_RX + RING_TAIL, nic->tail);
    write32(nic, REG_TX + RING_TAIL, nic->tail);
    return wait_done(rx);
}
