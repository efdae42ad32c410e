/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The small language of the differential test: the same text drives QEMU's unit (from an EFI
 * program) and the reference model (hosted), so that only the units differ. One command a line,
 * numbers in hex:
 *
 *   case NAME                  unit off, arena zeroed, data pages filled with their own addresses
 *   store ADDR VALUE           eight bytes of memory
 *   on RTADDR                  queue, root, global invalidations, TE
 *   root RTADDR                another root, live
 *   off                        TE off (and on again with `on`)
 *   inv W0 W1                  a descriptor and a wait: "inv done" or "inv refused"
 *   write IOVA                 DMA write by the device at WRITER
 *   read IOVA                  DMA read by the device at READER; ends the case: TE goes off
 *   load ADDR MASK             prints eight bytes of memory
 *   remap IRTA                 that table, and interrupt remapping on
 *   msi ADDR DATA              the MSI of the device at READER
 *   pin ENTRY                  the interrupt pin of that device, by that I/O APIC entry
 *
 * DMA prints "at ADDR" (the data page it reached), "fault REASON read|write ADDR SID", "none". An interrupt prints
 * "vector VECTOR", which is to be another one each time, "fault REASON" with index and source-id where there are such,
 * or "none".
 */
#ifndef NESTOR_SCRIPT_H
#define NESTOR_SCRIPT_H

#include <stdbool.h>
#include <stdint.h>

enum {
    SCRIPT_ARENA = 0x08000000,
    SCRIPT_TABLES = 0x200000,     /* bytes of tables at the start of the arena, zeroed */
    SCRIPT_DATA = SCRIPT_ARENA + SCRIPT_TABLES,
    SCRIPT_DATA_PAGES = 8,
    SCRIPT_ARENA_BYTES = 0x400000,
    SCRIPT_QUEUE = SCRIPT_ARENA + 0x3f0000,
    SCRIPT_STATUS = SCRIPT_ARENA + 0x3f8000,
    SCRIPT_SCRATCH = SCRIPT_ARENA + 0x3f9000,
    SCRIPT_WRITER = 0x0028,       /* 00:05.0 */
    SCRIPT_READER = 0x00a0,       /* 00:14.0: the upper half of the bus */
    SCRIPT_IOAPIC = 0xff00,
};

/* What the script needs of its machine: registers, memory, devices, output. */
uint32_t script_read32(uint32_t reg);
uint64_t script_read64(uint32_t reg);
void script_write32(uint32_t reg, uint32_t value);
void script_write64(uint32_t reg, uint64_t value);
uint64_t script_load(uint64_t addr);
void script_store(uint64_t addr, uint64_t value);
/* Starts an access of eight bytes; waits until the device is done. */
void script_dma_write(uint64_t iova);
/* Reads into the device; then, with translation off, from there to SCRIPT_SCRATCH. */
void script_dma_read(uint64_t iova);
void script_dma_read_back(void);
/* The vector that arrived, 0 for none. The messages of an I/O APIC come from SCRIPT_IOAPIC. */
uint32_t script_msi(uint32_t addr, uint32_t data);
uint32_t script_pin(uint64_t entry);
void script_print(const char *text);
void script_print_hex(uint64_t value);

void script_run(const char *text);

#endif
