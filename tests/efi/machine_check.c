/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A machine check while Nestor does something for its guest: the attachment raises it at Nestor's next write to the
 * unit, with the global status that the load options name. What the firmware's handler says then is the result.
 */
#include "tests/efi/bench_page.h"
#include "tests/efi/guest_unit.h"

EFI_STATUS efi_main(EFI_HANDLE self, EFI_SYSTEM_TABLE *system);
EFI_STATUS efi_main(EFI_HANDLE self, EFI_SYSTEM_TABLE *system)
{
    EFI_LOADED_IMAGE *loaded;
    efi_test_start(self, system);
    if (!EFI_ERROR(BS->HandleProtocol(self, &gEfiLoadedImageProtocolGuid, (VOID **)&loaded)) && unit_start()) {
        bench->times = (u32)xtoi(loaded->LoadOptions);
        bench->command = BENCH_MACHINE_CHECK;
        unit_put_wait();
        *unit_reg32(UNIT_IQT) = unit_tail();
        while (!unit_waited()) {
        }
    }
    efi_test_end();
}
