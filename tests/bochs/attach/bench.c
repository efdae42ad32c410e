/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The bench page, for test programs in the guest: DMA under any source-id and PASID, counters, the
 * report. Fields by offset:
 *
 *   00  ident "NBENCH01"            30  count of the kind below, for the source-id
 *   08  command (write)             38  kind (enum model_kind)   3c  times
 *   10  source-id  14  PASID        40  data, 64 bytes
 *   18  address
 *   20  length     24  1: write
 *   28  1: done    2c  fault reason
 *
 * Commands: 1 write a report; 2 DMA of at most 64 bytes; 3 clear the counters; 4 take a page away (1 in `write`: only
 * its write permission) under the source-id's next writes, as many as `times` says, of at least length bytes (0: 512;
 * see pull.c); 5 a page request for the address (done: it was queued); 6 append length bytes at the host-physical
 * address to the dump file; 7 write data to the host-physical address behind the back of CPU and unit, like memory
 * that fails; 8 take a snapshot; 9 the next `times` NMIs that a local APIC takes are lost; 10 a machine check
 * with the status `times` at the next write to a unit (machine_check.c); 11 the same at the CPU's next load from the
 * page at the address. The unit is that of the device with the source-id, else the last one.
 */
#include <string.h>

#include "tests/bochs/attach/attach.h"

enum { SECTOR = 512 };

static struct {
    char ident[8];
    uint32_t command, reserved0;
    uint32_t sid, pasid;
    uint64_t address;
    uint32_t length, write;
    uint32_t done, reason;
    uint64_t count;
    uint32_t kind, times;
    uint8_t data[64];
} page = {.ident = "NBENCH01", .pasid = NO_PASID, .times = 1};
_Static_assert(offsetof(__typeof__(page), count) == 0x30, "as listed above");
_Static_assert(sizeof(page) == 0x80, "as listed above");

static struct model_unit *unit_of_sid(void)
{
    for (unsigned i = 0; i < DEVICES; i++) {
        if (devices[i].known && devices[i].sid == page.sid) {
            return units_get(devices[i].unit);
        }
    }
    return units_get(attach_config.unit_count - 1);
}

static void dma(void)
{
    struct model_outcome outcome;
    struct model_request request = {
        .sid = (uint16_t)page.sid,
        .has_pasid = page.pasid != NO_PASID,
        .pasid = page.pasid != NO_PASID ? page.pasid : 0,
        .op = page.write != 0 ? MODEL_WRITE : MODEL_READ,
        .addr = page.address,
        .len = page.length <= sizeof(page.data) ? page.length : sizeof(page.data),
    };
    page.done = model_dma(unit_of_sid(), &request, page.data, &outcome);
    page.reason = outcome.reason;
}

static void request_page(void)
{
    struct model_page_request request = {
        .sid = (uint16_t)page.sid,
        .has_pasid = page.pasid != NO_PASID,
        .pasid = page.pasid != NO_PASID ? page.pasid : 0,
        .read = true,
        .write = page.write != 0,
        .last = true,
        .addr = page.address,
    };
    enum model_page_response response = MODEL_PAGE_SUCCESS;
    page.done = model_page_request(unit_of_sid(), &request, &response);
    page.reason = response;
}

static void perform(uint32_t command)
{
    switch (command) {
    case 1:
        report_write(false);
        break;
    case 2:
        dma();
        break;
    case 3:
        for (unsigned i = 0; i < attach_config.unit_count; i++) {
            model_counters_clear(units_get(i));
        }
        break;
    case 4:
        pull_arm((uint16_t)page.sid, page.times, page.length != 0 ? page.length : SECTOR,
                 page.write != 0);
        break;
    case 5:
        request_page();
        break;
    case 6:
        report_dump(page.address, page.length);
        break;
    case 7:
        bochs.dma_write(page.address, page.length <= sizeof(page.data) ? page.length : 0, page.data);
        break;
    case 8:
        snapshot_write();
        break;
    case 9:
        patches_lose_nmis(page.times);
        break;
    case 10:
        machine_check_arm(page.times);
        break;
    case 11:
        machine_check_poison(page.address, page.times);
        break;
    default:
        attach_log("bench: no command %u", command);
    }
}

uint64_t bench_read(uint64_t offset, unsigned len)
{
    uint64_t value = 0;
    if (page.kind < MODEL_KINDS) {
        page.count = model_sid_pages(unit_of_sid(), (uint16_t)page.sid, (enum model_kind)page.kind);
    }
    if (offset + len <= sizeof(page) && len <= 8) {
        memcpy(&value, (uint8_t *)&page + offset, len);
    }
    return value;
}

void bench_write(uint64_t offset, unsigned len, uint64_t value)
{
    if (offset >= 8 && offset + len <= sizeof(page) && len <= 8) {
        memcpy((uint8_t *)&page + offset, &value, len);
    }
    if (offset == offsetof(__typeof__(page), command)) {
        perform((uint32_t)value);
    }
}
