/* What is about the machine and not about a guest: set once by hv_prepare(). */
#ifndef NESTOR_HV_MACHINE_STATE_H
#define NESTOR_HV_MACHINE_STATE_H

#include "hv/handover.h"

extern struct handover *handover;

#endif
