/* The partition's second stage, as the CPU sees it: what is mapped at start and what on first access. */
#ifndef NESTOR_EPT_H
#define NESTOR_EPT_H

#include "hv/partition.h"

/* Creates the domain and maps all memory and the known windows, but for the holes. */
must_use enum result ept_build(struct partition *p);

/* A part of the machine's address space that no list named: device memory. Maps what is around gpa. */
must_use enum result ept_map_device(struct partition *p, u64 gpa);

/* Nestor's memory and the units' registers: in no mapping. */
bool ept_is_hole(u64 gpa);

#endif
