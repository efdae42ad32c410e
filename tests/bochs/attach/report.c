/* SPDX-License-Identifier: BSD-2-Clause */
/* Counters and state as text, and memory as it is, for the tests: when Bochs ends and on command. */
#include "tests/bochs/attach/attach.h"

#include <inttypes.h>

enum { GSTS = 0x1c, RTADDR = 0x20, IQA = 0x90, FECTL = 0x38, FEDATA = 0x3c, FEADDR = 0x40, IECTL = 0xa0, PECTL = 0xe0 };

static FILE *open_report(bool at_end)
{
    static unsigned number;
    char name[512];
    if (attach_config.report == NULL) {
        return NULL;
    }
    if (at_end) {
        return fopen(attach_config.report, "w");
    }
    snprintf(name, sizeof(name), "%s.%u", attach_config.report, ++number);
    return fopen(name, "w");
}

static void report_unit(unsigned index, FILE *out)
{
    struct model_unit *unit = units_get(index);
    fprintf(out, "unit %u base %#" PRIx64 "\n", index, attach_config.units[index].base);
    fprintf(out, "registers GSTS=%#" PRIx64 " RTADDR=%#" PRIx64 " IQA=%#" PRIx64
                 " FECTL=0x%" PRIx64 " FEDATA=0x%" PRIx64 " FEADDR=0x%" PRIx64 " IECTL=0x%" PRIx64
                 " PECTL=0x%" PRIx64 "\n",
            model_read(unit, GSTS, 4), model_read(unit, RTADDR, 8), model_read(unit, IQA, 8),
            model_read(unit, FECTL, 4), model_read(unit, FEDATA, 4), model_read(unit, FEADDR, 4),
            model_read(unit, IECTL, 4), model_read(unit, PECTL, 4));
    model_dump(unit, out);
}

void report_write(bool at_end)
{
    FILE *out = open_report(at_end);
    if (out == NULL) {
        return;
    }
    for (unsigned i = 0; i < attach_config.unit_count; i++) {
        report_unit(i, out);
    }
    for (unsigned i = 0; i < DEVICES; i++) {
        const struct device *d = &devices[i];
        if (d->known) {
            fprintf(out, "device %s sid=%04x unit=%u reads=%" PRIu64 " writes=%" PRIu64
                    " refused=%" PRIu64 "\n", d->plugin, d->sid, d->unit, d->reads, d->writes, d->refused);
        }
    }
    pull_report(out);
    messages_report(out);
    patches_report(out);
    fclose(out);
}

void report_dump(uint64_t addr, uint64_t len)
{
    FILE *out = attach_config.dump != NULL ? fopen(attach_config.dump, "ab") : NULL;
    if (out == NULL) {
        return;
    }
    for (uint64_t done = 0; done < len; done += 8) {
        uint64_t word;
        bochs.dma_read(addr + done, sizeof(word), (uint8_t *)&word);
        fwrite(&word, 1, len - done < sizeof(word) ? (size_t)(len - done) : sizeof(word), out);
    }
    fclose(out);
}
