/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How this machine is put to sleep: FADT's registers, and the sleep types that a write to one of
 * them enters. Sleep from which the CPU resumes without VMX and with the units off (S1 to S3) must
 * be refused, so a type passes only if it is known to be something else.
 */
#ifndef NESTOR_BOOT_ACPI_SLEEP_H
#define NESTOR_BOOT_ACPI_SLEEP_H

#include "boot/acpi.h"
#include "hv/handover.h"

/* For PM1a or PM1b control: bit n stands for SLP_TYP n. */
struct acpi_sleep_types {
    u8 harmful;                       /* an S1, S2 or S3 object has it */
    u8 harmless;                      /* an S4 or S5 object has it */
};

struct acpi_sleep {
    struct sleep_register list[HANDOVER_SLEEP];
    u32 count;
    struct acpi_sleep_types types[2]; /* of PM1a, of PM1b */
    bool s5_found;                    /* if not, types that no object has pass as well */
    bool elsewhere;                   /* FADT names a register in neither I/O nor memory space */
};
void acpi_read_sleep(const struct acpi_memory *m, const struct acpi_tables *tables, struct acpi_sleep *out);

/* "sleep types refused: 012345 at port 0x604; others are S4 or S5": for people. */
enum { ACPI_SLEEP_TEXT = 200 };
void acpi_sleep_text(const struct acpi_sleep *sleep, char text[static ACPI_SLEEP_TEXT]);

#endif
