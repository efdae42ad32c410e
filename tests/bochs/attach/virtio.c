/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A virtio 1.2 block device over PCI (virtio 2, 4.1, 5.2), which stock systems drive: no legacy registers, one queue,
 * VIRTIO_F_ACCESS_PLATFORM, so that its driver maps what the device is to reach. A request is over when the write that
 * announces it is. What the unit refuses stops the device until its driver resets it. The window of 4.1.4.9, for those
 * who cannot reach a BAR, is missing.
 */
#include "tests/bochs/attach/pci.h"

#include <stdlib.h>
#include <string.h>

enum { COMMON = 0, ISR = 0x1000, CONFIG = 0x2000, NOTIFY = 0x3000, WINDOW = 0x1000, QUEUE_MAX = 128, SECTOR = 512,
       PIECE_MAX = 1 << 20, NEEDS_RESET = 0x40, NO_VECTOR = 0xffff };
#define FEATURE_SEG_MAX (1ull << 2)
#define FEATURE_FLUSH (1ull << 9)
#define FEATURE_VERSION_1 (1ull << 32)
#define FEATURE_ACCESS_PLATFORM (1ull << 33)
#define FEATURES (FEATURE_SEG_MAX | FEATURE_FLUSH | FEATURE_VERSION_1 | FEATURE_ACCESS_PLATFORM)
enum { SEGMENTS = QUEUE_MAX - 2 };

/* virtio 4.1.4.3, as it stands in the BAR. */
static struct {
    uint32_t device_feature_select, device_feature, driver_feature_select, driver_feature;
    uint16_t config_vector, queues;
    uint8_t status, generation;
    uint16_t queue_select, queue_size, queue_vector, queue_enable, queue_notify_off;
    uint64_t queue_descriptors, queue_driver, queue_device;
} __attribute__((packed)) common;
_Static_assert(sizeof(common) == 0x38, "as in virtio 4.1.4.3");

static struct {
    uint64_t driver_features;
    uint16_t seen, used;            /* indexes of both rings */
    uint8_t isr;
    uint8_t *disk;
    uint64_t sectors;
} state;
static struct pci_function function;

/* virtio 2.7.5 */
struct descriptor {
    uint64_t address;
    uint32_t length;
    uint16_t flags, next;
};
enum { DESCRIPTOR_NEXT = 1, DESCRIPTOR_WRITE = 2, AVAIL_NO_INTERRUPT = 1 };
/* virtio 5.2.6 */
struct request {
    uint32_t type, reserved;
    uint64_t sector;
};
enum { REQUEST_IN = 0, REQUEST_OUT = 1, REQUEST_FLUSH = 4, REQUEST_ID = 8, ID_BYTES = 20, OK = 0, IO_ERROR = 1,
       UNSUPPORTED = 2 };

static bool from(uint64_t addr, void *data, size_t len)
{
    return pci_dma(&function, false, addr, len, data);
}

static bool to(uint64_t addr, void *data, size_t len)
{
    return pci_dma(&function, true, addr, len, data);
}

/* Moves one piece of a request's data; false if the unit refused it. */
static bool move(const struct request *request, const struct descriptor *d, uint64_t *at, uint8_t *result)
{
    static uint8_t identity[ID_BYTES] = "nestor";
    uint64_t bytes = state.sectors * SECTOR;
    if (request->type == REQUEST_ID) {
        return to(d->address, identity, d->length < ID_BYTES ? d->length : ID_BYTES);
    }
    bool in = request->type == REQUEST_IN;
    if ((!in && request->type != REQUEST_OUT) || in != ((d->flags & DESCRIPTOR_WRITE) != 0)) {
        *result = UNSUPPORTED;
        return true;
    }
    if (d->length > PIECE_MAX || *at > bytes || d->length > bytes - *at) {
        *result = IO_ERROR;
        return true;
    }
    uint8_t *data = state.disk + *at;
    *at += d->length;
    return in ? to(d->address, data, d->length) : from(d->address, data, d->length);
}

/* A chain: header, pieces of data, a byte for the result. */
static bool perform(uint16_t head)
{
    struct descriptor d;
    struct request request = {0};
    uint8_t result = OK;
    uint64_t at = 0;
    uint32_t written = 0;
    uint16_t index = head;
    for (unsigned steps = 0; steps < QUEUE_MAX; steps++) {
        if (!from(common.queue_descriptors + index % common.queue_size * sizeof(d), &d, sizeof(d))) {
            return false;
        }
        bool last = (d.flags & DESCRIPTOR_NEXT) == 0;
        written += (d.flags & DESCRIPTOR_WRITE) != 0 ? d.length : 0;
        if (steps == 0) {
            if (!from(d.address, &request, sizeof(request))) {
                return false;
            }
            at = request.sector < state.sectors ? request.sector * SECTOR : UINT64_MAX;
        } else if (last ? !to(d.address, &result, 1) : !move(&request, &d, &at, &result)) {
            return false;
        }
        if (last) {
            break;
        }
        index = d.next;
    }
    struct { uint32_t id, length; } used = {head, written};
    uint64_t slot = common.queue_device + 4 + state.used % common.queue_size * sizeof(used);
    state.used++;
    return to(slot, &used, sizeof(used)) && to(common.queue_device + 2, &state.used, sizeof(state.used));
}

static bool serve(void)
{
    uint16_t head[2]; /* flags, index */
    if (!from(common.queue_driver, head, sizeof(head))) {
        return false;
    }
    bool any = state.seen != head[1];
    while (state.seen != head[1]) {
        uint16_t chain;
        if (!from(common.queue_driver + 4 + state.seen++ % common.queue_size * sizeof(chain), &chain, sizeof(chain)) ||
            !perform(chain)) {
            return false;
        }
    }
    if (any && (head[0] & AVAIL_NO_INTERRUPT) == 0) {
        state.isr |= 1;
        if (common.queue_vector != NO_VECTOR) {
            pci_interrupt(&function, common.queue_vector);
        }
    }
    return true;
}

static void notified(void)
{
    if (common.queue_enable == 1 && common.queue_size != 0 && (common.status & NEEDS_RESET) == 0 && !serve()) {
        common.status |= NEEDS_RESET;
        if (common.config_vector != NO_VECTOR) {
            pci_interrupt(&function, common.config_vector);
        }
    }
}

static void reset(struct pci_function *self)
{
    (void)self;
    memset(&common, 0, sizeof(common));
    common.queues = 1;
    common.device_feature = (uint32_t)FEATURES;
    common.config_vector = NO_VECTOR;
    common.queue_vector = NO_VECTOR;
    common.queue_size = QUEUE_MAX;
    state.driver_features = 0;
    state.seen = state.used = 0;
    state.isr = 0;
    errors_restart(function.device);
}

/* What the driver may write, as a range of bytes of `common`. */
static bool is_writable(uint64_t offset)
{
    return offset < 4 || (offset >= 8 && offset < 18) || offset == 20 ||
           (offset >= 22 && offset < 30) || (offset >= 32 && offset < sizeof(common));
}

static void common_written(uint64_t offset)
{
    unsigned half = common.driver_feature_select;
    if (offset == 0) {
        common.device_feature =
            common.device_feature_select < 2 ? (uint32_t)(FEATURES >> common.device_feature_select * 32) : 0;
    } else if (offset == 12 && half < 2) {
        uint64_t other = state.driver_features & ~(0xffffffffull << half * 32);
        state.driver_features = other | (uint64_t)common.driver_feature << half * 32;
    } else if (offset == 20 && common.status == 0) {
        reset(&function);
    } else if (offset == 20 && (state.driver_features & ~FEATURES) != 0) {
        common.status &= (uint8_t)~8; /* FEATURES_OK is refused */
    } else if (offset == 24 && common.queue_size > QUEUE_MAX) {
        common.queue_size = QUEUE_MAX;
    }
    common.config_vector = common.config_vector < PCI_VECTORS ? common.config_vector : NO_VECTOR;
    common.queue_vector = common.queue_vector < PCI_VECTORS ? common.queue_vector : NO_VECTOR;
}

static uint64_t common_read(uint64_t offset, unsigned len)
{
    uint64_t value = 0;
    bool of_queue = offset >= 24 && common.queue_select != 0; /* there is one queue: all others have size 0 */
    if (offset + len <= sizeof(common) && !of_queue) {
        memcpy(&value, (const uint8_t *)&common + offset, len);
    }
    return value;
}

static uint64_t read(struct pci_function *self, uint64_t offset, unsigned len)
{
    (void)self;
    uint64_t value = 0;
    struct { uint64_t capacity; uint32_t size_max, seg_max; } config = {state.sectors, 0, SEGMENTS};
    if (offset < ISR) {
        return common_read(offset, len);
    }
    if (offset < CONFIG) {
        value = state.isr;
        state.isr = 0;
    } else if (offset - CONFIG + len <= sizeof(config)) {
        memcpy(&value, (const uint8_t *)&config + (offset - CONFIG), len);
    }
    return value;
}

static void write(struct pci_function *self, uint64_t offset, unsigned len, uint64_t value)
{
    (void)self;
    if (offset >= NOTIFY && offset < NOTIFY + WINDOW) {
        notified();
    } else if (offset + len <= sizeof(common) && is_writable(offset) &&
               (offset < 24 || common.queue_select == 0)) {
        memcpy((uint8_t *)&common + offset, &value, len);
        common_written(offset);
    }
}

static struct pci_function function = {
    .device = &devices[DEV_VIRTIO],
    .name = "virtio-blk",
    .id = 0x10421af4,
    .class_revision = 0x01000001,
    .subsystem = 0x11001af4,
    .read = read,
    .write = write,
    .reset = reset,
};

/* virtio 4.1.4: where in BAR 0 each structure is. */
struct capability {
    uint8_t id, next, length, type, bar, reserved[3];
    uint32_t offset, bytes, multiplier;
};

void virtio_add(const char *path)
{
    enum { VENDOR = 9, BYTES = sizeof(struct capability) };
    static const struct { uint8_t type; uint32_t offset; } parts[] = {{1, COMMON}, {2, NOTIFY}, {3, ISR}, {4, CONFIG}};
    enum { PARTS = sizeof(parts) / sizeof(parts[0]) };
    FILE *file = fopen(path, "rb");
    if (file == NULL || fseek(file, 0, SEEK_END) != 0) {
        attach_stop("%s cannot be read", path);
    }
    state.sectors = (uint64_t)ftell(file) / SECTOR;
    state.disk = malloc(state.sectors * SECTOR);
    rewind(file);
    if (state.disk == NULL || fread(state.disk, SECTOR, state.sectors, file) != state.sectors) {
        attach_stop("%s cannot be read", path);
    }
    fclose(file);
    for (unsigned i = 0; i < PARTS; i++) {
        unsigned at = PCI_FIRST_CAPABILITY + i * BYTES;
        struct capability c = {.id = VENDOR, .next = i + 1 < PARTS ? (uint8_t)(at + BYTES) : 0, .length = BYTES,
                               .type = parts[i].type, .offset = parts[i].offset, .bytes = WINDOW};
        pci_add_capability(&function, at, &c, BYTES);
    }
    pci_add(&function);
}
