/* SPDX-License-Identifier: BSD-2-Clause */
/* Addresses of the image as "function+offset". */
#ifndef NESTOR_HV_MACHINE_SYMBOLS_H
#define NESTOR_HV_MACHINE_SYMBOLS_H

#include "hv/types.h"

enum { SYMBOL_TEXT = 64 };

bool symbol_is_code(u64 address);
void symbol_text(u64 address, char text[SYMBOL_TEXT]);

#endif
