/* SPDX-License-Identifier: BSD-2-Clause */
/* See reset.h. */
#include "hv/machine/reset.h"

#include "hv/machine/cpu.h"
#include "iommu/port.h"

/* Without the bit for a power cycle: memory stays as it is, and with it what log_leave() left. */
enum { RESET_PORT = 0xcf9, RESET_WARM = 0x06, CHIPSET_US = 100000 };

_Noreturn void machine_reset(void)
{
    port_out8(RESET_PORT, RESET_WARM);
    for (u64 began = port_now_us(); port_now_us() - began < CHIPSET_US;) {
        port_relax();
    }
    const struct table_register none = {0, 0};
    __asm__ volatile("lidt %0; int3" : : "m"(none));
    cpu_park();
}
