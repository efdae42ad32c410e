/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Devices that may not work while a unit translates for them, or that reach memory past it. Known from the DMAR table
 * (SATC, SIDP), from a list of devices, and from what configuration space says. Pure, like coverage.h.
 */
#ifndef NESTOR_BOOT_DOUBTS_H
#define NESTOR_BOOT_DOUBTS_H

#include "boot/coverage.h"
#include "hv/handover.h"

enum doubt {
    DOUBT_NEEDS_ATS,         /* ATC_REQUIRED: in scalable mode it works only with a device TLB (VT-d chapter 8) */
    DOUBT_GRAPHICS,          /* graphics that kernels do not translate for, see doubts.c */
    DOUBT_CXL_CACHE,         /* reads and writes memory by CXL.cache, which no unit sees (VT-d 11.4.8.1) */
};

enum { DOUBTS = 8 };

struct doubtful {
    u16 segment;
    struct pci_function f;
    enum doubt why;
};

struct doubts {
    u32 count;               /* all of them; the list holds the first */
    struct doubtful list[DOUBTS];
    bool cached;             /* some are of the last kind; the first: */
    struct doubtful first_cached;
    u32 limit_count;         /* more than HANDOVER_LIMITS: there is no room for all */
    struct device_limit limits[HANDOVER_LIMITS];
};

/*
 * Adds those that the table names in config's segment. scalable: for each unit of the table, whether it will be in
 * scalable mode; in legacy mode hardware does by itself what ATC_REQUIRED asks for.
 */
void doubts_listed(const struct vtd_dmar *dmar, const struct pci_config *config, const bool *scalable,
                   struct doubts *out);
/* Adds the function itself if it is one. doubts: struct doubts; this is a coverage_visit. */
void doubts_look(void *doubts, const struct pci_config *config, struct pci_function f);

/* "device 0000:00:02.0 asks for ...": what is said about such a device. */
enum { DOUBTS_TEXT = 160 };
void doubts_text(const struct doubtful *d, char text[static DOUBTS_TEXT]);

#endif
