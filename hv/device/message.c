/* SPDX-License-Identifier: BSD-2-Clause */
/* See message.h. VT-d 5.1.2 and 9.9; SDM 12.11. */
#include "hv/device/message.h"

#include "iommu/spec/message.h"

enum { XAPIC_BROADCAST = 0xff };

static u32 first_vector(const struct message *m)
{
    const u64 data = m->data;
    return (u32)field_get(&data, MESSAGE_VECTOR) & ~(m->count - 1);
}

const char *message_judge(const struct message *m, u32 *apic_id)
{
    const u64 data = m->data;
    *apic_id = (u32)field_get(&m->address, MESSAGE_DESTINATION);
    if (!message_in_range(m->address) || field_get(&m->address, MESSAGE_FORMAT) != 0) {
        return "address";
    }
    if (field_get(&m->address, MESSAGE_LOGICAL) != 0 || *apic_id == XAPIC_BROADCAST) {
        return "destination";
    }
    if (field_get(&data, MESSAGE_DELIVERY) > DELIVERY_LOWEST_PRIORITY || field_get(&data, MESSAGE_LEVEL) != 0) {
        return "delivery mode";
    }
    return first_vector(m) < MESSAGE_VECTOR_MIN ? "vector" : NULL;
}

u32 message_data(const struct message *m, u32 n)
{
    return m->count > 1 ? (m->data & ~(m->count - 1)) | n : m->data;
}

struct irte message_entry(const struct message *m, u16 source_id, u32 n)
{
    const u64 data = m->data;
    struct irte e = {{0}};
    irte_set(&e, IRTE_P, 1);
    irte_set(&e, IRTE_DLM, field_get(&data, MESSAGE_DELIVERY));
    irte_set(&e, IRTE_V, first_vector(m) + n);
    irte_set(&e, IRTE_DST, field_get(&m->address, MESSAGE_DESTINATION));
    irte_set(&e, IRTE_SVT, SVT_SID);
    irte_set(&e, IRTE_SID, source_id);
    return e;
}

u64 message_address(u32 index)
{
    return field_put(MESSAGE_RANGE, MESSAGE_RANGE_VALUE) | field_put(MESSAGE_FORMAT, 1) | field_put(MESSAGE_SHV, 1) |
           field_put(MESSAGE_HANDLE, index & 0x7fff) | field_put(MESSAGE_HANDLE_HIGH, index >> 15);
}
