/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What Nestor makes of a DMAR table by itself: parser, coverage and verdict in one line. The machine around it is
 * made up: a CPU and units with everything, and the PCI functions that the table itself names, with the bridges on
 * their paths.
 */
#ifndef NESTOR_TOOLS_DMAR_LINE_H
#define NESTOR_TOOLS_DMAR_LINE_H

#include "hv/types.h"

enum { DMAR_LINE = 1024 };

/* True: the table is accepted. */
bool dmar_line(const u8 *table, size_t size, char text[static DMAR_LINE]);

#endif
