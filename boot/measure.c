/* SPDX-License-Identifier: BSD-2-Clause */
/* See measure.h. Only the protocol's members that are used are spelt out; the others keep the layout. */
#include "boot/measure.h"

#include "drivers/format.h"

enum { PCR_CONFIGURATION = 12, EV_IPL = 13, EVENT_HEADER = 14, EVENT_TEXT = 32 };

struct tcg2_event {
    UINT32 size;
    UINT32 header_size;
    UINT16 header_version;
    UINT32 pcr;
    UINT32 type;
    CHAR8 text[EVENT_TEXT];
} __attribute__((packed));

struct tcg2 {
    VOID *get_capability, *get_event_log;
    EFI_STATUS(EFIAPI *hash_log_extend_event)(struct tcg2 *self, UINT64 flags, EFI_PHYSICAL_ADDRESS data, UINT64 size,
                                              struct tcg2_event *event);
};

static EFI_GUID tcg2_guid = {0x607f766c, 0x7455, 0x42be, {0x93, 0x0b, 0xe4, 0xd7, 0x6d, 0xb2, 0x72, 0x0f}};

EFI_STATUS measure_file(const UINT8 *bytes, UINTN size, const char *name)
{
    struct tcg2 *tcg2;
    struct tcg2_event event = {.header_size = EVENT_HEADER, .header_version = 1, .pcr = PCR_CONFIGURATION,
                               .type = EV_IPL};
    size_t length = format_text((char *)event.text, sizeof(event.text), "%s", name);
    event.size = (UINT32)(offsetof(struct tcg2_event, text) + (length < EVENT_TEXT ? length + 1 : EVENT_TEXT));
    if (EFI_ERROR(BS->LocateProtocol(&tcg2_guid, NULL, (VOID **)&tcg2))) {
        return EFI_UNSUPPORTED;
    }
    return tcg2->hash_log_extend_event(tcg2, 0, (EFI_PHYSICAL_ADDRESS)(UINTN)bytes, size, &event);
}
