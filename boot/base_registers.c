/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Xeon E5/E7 v3 and v4, and the first two generations of Xeon Scalable: VTBAR and VTGENCTRL in the configuration
 * space of function 5.0 of each of the processor's root buses; VTGENCTRL.LOCKVTD makes VTBAR read-only until
 * reset. Later Xeons have VTBAR elsewhere, client chipsets have it behind MCHBAR; for those Nestor does not know
 * where the lock is, and for PCIEXBAR (MMCFG on servers) it does not know it on any chipset.
 */
#include "boot/base_registers.h"

#include "drivers/format.h"

enum { VENDOR_INTEL = 0x8086, VTD_DEVICE = 5, VTBAR = 0x180, VTBAR_ENABLE = 1, VTGENCTRL = 0x184, LOCKVTD = 1 << 15,
       VTBAR_BYTES = 8 << 10 };
#define VTBAR_BASE (~(u32)(VTBAR_BYTES - 1))

static bool has_vtbar(u32 id)
{
    static const u16 devices[] = {0x2f28, 0x6f28, 0x2024, 0x2034};
    for (u32 i = 0; i < ARRAY_LEN(devices); i++) {
        if (id == ((u32)devices[i] << 16 | VENDOR_INTEL)) {
            return true;
        }
    }
    return false;
}

/* The function whose VTBAR holds that address. */
static bool find(const struct pci_config *config, u64 base, struct pci_function *f)
{
    for (u32 bus = config->first_bus; bus <= config->last_bus; bus++) {
        *f = (struct pci_function){.bus = (u8)bus, .device = VTD_DEVICE};
        if (has_vtbar(config->read(config->ctx, *f, 0))) {
            u32 vtbar = config->read(config->ctx, *f, VTBAR);
            if ((vtbar & VTBAR_ENABLE) != 0 && (vtbar & VTBAR_BASE) == base) {
                return true;
            }
        }
    }
    return false;
}

void base_registers_widen(struct vtd_dmar *dmar, const struct pci_config *config)
{
    for (u32 i = 0; i < dmar->unit_count; i++) {
        struct vtd_dmar_unit *unit = &dmar->units[i];
        struct pci_function f;
        if (unit->window_size < VTBAR_BYTES && unit->segment == config->segment &&
            find(config, unit->base.v, &f)) {
            unit->window_size = VTBAR_BYTES;
        }
    }
}

void base_registers_check(const struct vtd_dmar *dmar, const struct pci_config *config,
                          struct base_registers *out)
{
    *out = (struct base_registers){.locked = 0};
    for (u32 i = 0; i < dmar->unit_count; i++) {
        struct pci_function f;
        if (config == NULL || dmar->units[i].segment != config->segment ||
            !find(config, dmar->units[i].base.v, &f)) {
            out->unknown++;
        } else if ((config->read(config->ctx, f, VTGENCTRL) & LOCKVTD) != 0) {
            out->locked++;
        } else {
            out->first_open = out->open == 0 ? f : out->first_open;
            out->open++;
        }
    }
}

void base_registers_text(const struct base_registers *b, char text[static BASE_REGISTERS_TEXT])
{
    char open[40] = "";
    if (b->open != 0) {
        (void)format_text(open, sizeof(open), " (the first: VTBAR of %02x:%02x.%x)", b->first_open.bus,
                          b->first_open.device, b->first_open.function);
    }
    (void)format_text(text, BASE_REGISTERS_TEXT,
                      "unit base registers: %u locked, %u not locked%s, %u unknown chipset; PCIEXBAR: unknown; "
                      "a hostile guest kernel could move what is not locked, nothing intercepts it",
                      b->locked, b->open, open, b->unknown);
}
