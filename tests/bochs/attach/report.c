/* Counters and state as text, for tests: at the end of Bochs and on command. */
#include "tests/bochs/attach/attach.h"

void report_write(void)
{
    FILE *out = attach_config.report != NULL ? fopen(attach_config.report, "w") : NULL;
    if (out == NULL) {
        return;
    }
    for (unsigned i = 0; i < attach_config.unit_count; i++) {
        fprintf(out, "unit %u base %#llx\n", i, (unsigned long long)attach_config.units[i].base);
        model_dump(units_get(i), out);
    }
    for (unsigned i = 0; i < DEVICES; i++) {
        const struct device *d = &devices[i];
        if (d->known) {
            fprintf(out, "device %s sid=%04x unit=%u reads=%llu writes=%llu refused=%llu\n", d->plugin,
                    d->sid, d->unit, (unsigned long long)d->reads, (unsigned long long)d->writes,
                    (unsigned long long)d->refused);
        }
    }
    pull_report(out);
    fclose(out);
}
