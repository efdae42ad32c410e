/* Ports that exit: the power management control registers, where S3 is entered. */
#ifndef NESTOR_HV_EXIT_IO_H
#define NESTOR_HV_EXIT_IO_H

#include "hv/types.h"

/* Two pages: a bit for each port. */
void exit_io_fill_bitmaps(u8 *bitmaps);

#endif
