/* SPDX-License-Identifier: BSD-2-Clause */
/* See config.h. */
#include "hv/device/config.h"

#include "hv/device/own_rule.h"
#include "hv/device/pci.h"
#include "hv/device/root_rule.h"
#include "hv/partition/partition.h"
#include "iommu/port.h"

static u32 read_register(struct partition *p, u16 sid, u32 offset, u32 size)
{
    u32 value = (u32)bits_of_bytes(size);
    const struct device *d = device_of(p, sid);
    pci_lock();
    if (p->config == NULL) {
        value = root_rule_read(sid, offset, size);
    } else if (d != NULL) {
        value = own_rule_read(d, offset, size);
    }
    pci_unlock();
    return value;
}

static void write_register(struct partition *p, u16 sid, u32 offset, u32 size, u32 value)
{
    struct device *d = device_of(p, sid);
    pci_lock();
    bool done = p->config == NULL ? root_rule_write(sid, offset, size, value)
                                  : d != NULL && own_rule_write(d, offset, size, value);
    pci_unlock();
    if (!done && limit_due(&p->kept_configuration)) {
        port_log(LOG_WARNING, "partition %u: write of 0x%x to configuration space of %#x at 0x%x dropped or "
                 "changed (attempt %llu)", p->id, value, sid, offset, p->kept_configuration.count);
    }
}

bool config_is_in_window(u64 gpa)
{
    return pci_is_in_window(gpa);
}

/* Bit 31 of the address: the data is that of a register. What goes over its end is in none. */
static bool has_register(const struct partition *p, u16 port, u32 size)
{
    return (p->configuration_address >> 31) != 0 && port >= CONFIG_DATA && port + size <= CONFIG_END;
}

/* The hardware's address register is Nestor's: each guest has one of its own. */
u32 config_in(struct partition *p, u16 port, u32 size)
{
    u32 at = p->configuration_address;
    if (port == CONFIG_ADDRESS) {
        return at;
    }
    return has_register(p, port, size) ? read_register(p, (u16)(at >> 8), (at & 0xfc) + (port & 3), size) : ~0u;
}

void config_out(struct partition *p, u16 port, u32 size, u32 value)
{
    u32 at = p->configuration_address;
    if (port == CONFIG_ADDRESS) {
        p->configuration_address = value;
    } else if (has_register(p, port, size)) {
        write_register(p, (u16)(at >> 8), (at & 0xfc) + (port & 3), size, value);
    }
}

/* Eight bytes are two registers; what is not within one double word is in none. */
u64 config_load(struct partition *p, u64 gpa, u32 size)
{
    u32 offset = gpa & PAGE_MASK;
    u16 sid = pci_source_at(gpa);
    if (size == 8 && (gpa & 7) == 0) {
        u64 low = read_register(p, sid, offset, 4);
        return low | (u64)read_register(p, sid, offset + 4, 4) << 32;
    }
    return (offset & 3) + size <= 4 ? read_register(p, sid, offset, size) : bits_of_bytes(size);
}

void config_store(struct partition *p, u64 gpa, u32 size, u64 value)
{
    u32 offset = gpa & PAGE_MASK;
    u16 sid = pci_source_at(gpa);
    if (size == 8 && (gpa & 7) == 0) {
        write_register(p, sid, offset, 4, (u32)value);
        write_register(p, sid, offset + 4, 4, (u32)(value >> 32));
    } else if ((offset & 3) + size <= 4) {
        write_register(p, sid, offset, size, (u32)value);
    }
}
