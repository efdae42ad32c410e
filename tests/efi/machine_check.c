/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A machine check while Nestor does something for its guest. First at its load of a descriptor, as if the queue's
 * memory had failed: the load fails, which stops the guest's queue, and the guest has vector 18. Then at its next write
 * to the unit, with the global status that the load options name; what the firmware's handler says then is the result.
 */
#include "tests/efi/bench_page.h"
#include "tests/efi/checks18.h"
#include "tests/efi/guest_unit.h"

/* IA32_MCG_STATUS: the CPU can go on; the error is of the instruction at RIP; a check is handled (SDM 17.3.1.2). */
enum { RIPV = 1, EIPV = 2, MCIP = 4, FSTS_IQE = 1 << 4, WIDTHS = 0xfff };

static void a_queue_that_fails(void)
{
    checks18_catch();
    bench->address = *unit_reg64(UNIT_IQA) & ~(u64)WIDTHS;
    bench->times = RIPV | EIPV | MCIP;
    bench->command = BENCH_POISON;
    unit_put_wait();
    *unit_reg32(UNIT_IQT) = unit_tail();
    u32 came = checks18_came, fsts = *unit_reg32(UNIT_FSTS);
    bool waited = unit_waited();
    *unit_reg32(UNIT_FSTS) = FSTS_IQE;
    while (!unit_waited()) {
    }
    checks18_leave();
    bool right = came == 1 && (fsts & FSTS_IQE) && !waited;
    say("machine-check: queue %s, %u came, FSTS 0x%x\n", right ? "ok" : "FAIL", came, fsts);
}

EFI_STATUS efi_main(EFI_HANDLE self, EFI_SYSTEM_TABLE *system);
EFI_STATUS efi_main(EFI_HANDLE self, EFI_SYSTEM_TABLE *system)
{
    EFI_LOADED_IMAGE *loaded;
    efi_test_start(self, system);
    if (!EFI_ERROR(BS->HandleProtocol(self, &gEfiLoadedImageProtocolGuid, (VOID **)&loaded)) && unit_start()) {
        a_queue_that_fails();
        bench->times = (u32)xtoi(loaded->LoadOptions);
        bench->command = BENCH_MACHINE_CHECK;
        unit_put_wait();
        *unit_reg32(UNIT_IQT) = unit_tail();
        while (!unit_waited()) {
        }
    }
    efi_test_end();
}
