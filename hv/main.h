/* SPDX-License-Identifier: BSD-2-Clause */
/* The image's three entry points: see struct image_entry in handover.h. */
#ifndef NESTOR_HV_MAIN_H
#define NESTOR_HV_MAIN_H

#include "hv/handover.h"

u64 hv_prepare(struct handover *h);
u64 hv_enter(struct handover *h, u64 cpu_index, const struct handover_resume *resume);
u64 hv_abandon(struct handover *h);

#endif
