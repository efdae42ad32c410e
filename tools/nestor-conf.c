/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * nestor-conf FILE [REPORT]: checks a configuration file with the parser of nestor.efi and prints what it
 * means. With a text that has Nestor's boot report, it is checked against that machine's CPUs, too. Whether a PCI
 * function can be given away is seen at boot alone: no report has what is above and beside it.
 * Exit status 1: there is a mistake, which is named. 2: the file cannot be read.
 * nestor-conf --reference, --manual, --sample: docs/config.md, nestor.conf(5), a file with every key as a comment.
 */
#include "boot/partition_check.h"
#include "tools/conf_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <errno.h>

static void print_serial(const struct config *c)
{
    if (c->serial_choice != CONFIG_SERIAL_GIVEN) {
        printf("serial            %s\n", c->serial_choice == CONFIG_SERIAL_AUTO ? "auto" : "none");
    } else {
        printf("serial            %s 0x%llx, %u bytes between registers\n",
               c->serial.kind == SERIAL_PORT ? "port" : "mmio", c->serial.base, c->serial.stride);
    }
}

static void print_next(const struct config *c)
{
    printf("image             %s\n", c->next_image[0] != '\0' ? c->next_image : "as the entry says");
    if (c->next_entry >= 0) {
        printf("entry             Boot%04X\n", (unsigned)c->next_entry);
    } else {
        printf("entry             %s\n", c->next_image[0] != '\0' ? "none" : "the next of the boot order");
    }
    printf("arguments         %s\n", c->next_arguments[0] != '\0' ? c->next_arguments : "as the entry says");
}

static void print_cpus(const struct config_partition *p)
{
    const char *between = "";
    printf("cpus              ");
    for (u32 i = 0; i < HANDOVER_PARTITION_CPU_WORDS * 64; i++) {
        if ((p->cpus[i / 64] >> i % 64 & 1) != 0) {
            printf("%s%u", between, i);
            between = ",";
        }
    }
    printf("\n");
}

static const char *const kinds[] = {"auto", "nested", "shadow", "none"};

static void print_partition(const struct config_partition *p)
{
    printf("[partition %s]\n", p->name);
    print_cpus(p);
    printf("memory            %lluM", p->memory_size >> 20);
    if (p->memory_placed) {
        printf(" at 0x%llx", p->memory_at);
    }
    printf("\nimage             ");
    if (p->raw) {
        printf("raw 0x%llx ", p->raw_address);
    }
    printf("%s\n", p->image);
    printf("initrd            %s\n", p->initrd[0] != '\0' ? p->initrd : "none");
    printf("arguments         %s\n", p->arguments[0] != '\0' ? p->arguments : "none");
    printf("console           %s\n", p->console == PARTITION_CONSOLE_VIRTUAL ? "virtual"
                                      : p->console == PARTITION_CONSOLE_COM2  ? "com2"
                                                                              : "none");
    printf(p->cache_ways != 0 ? "cache             0x%x\n" : "cache             as the root\n", p->cache_ways);
    if (p->restarts == 0 || p->restarts == HANDOVER_PARTITION_ALWAYS) {
        printf("restart           %s\n", p->restarts == 0 ? "never" : "always");
    } else {
        printf("restart           %u\n", p->restarts);
    }
    printf(p->watchdog_s != 0 ? "watchdog          %u\n" : "watchdog          none\n", p->watchdog_s);
    printf("start             %s\n", p->later ? "later" : "boot");
    printf("control-by        %s\n", p->root_controls ? "root" : "none");
    printf("allow-shared-core %s\n", p->shares_cores ? "yes" : "no");
    printf("guest-iommu       %s\n", kinds[p->units]);
    for (u32 i = 0; i < p->device_count; i++) {
        u32 id = p->devices[i].source_id;
        printf("device            %04x:%02x:%02x.%x%s\n", p->devices[i].segment, id >> 8, id >> 3 & 31, id & 7,
               p->devices[i].without_interrupts ? " interrupts=none" : "");
    }
    if (p->device_count == 0) {
        printf("device            none\n");
    }
}

static void print_config(const struct config *c)
{
    static const char *const bits[] = {"auto", "on", "off"};
    static const char *const levels[] = {"error", "warning", "info", "debug"};
    print_next(c);
    printf("level             %s\n", levels[c->level]);
    print_serial(c);
    if (c->status_port != 0) {
        printf("status-port       0x%x\n", c->status_port);
    } else {
        printf("status-port       none\n");
    }
    printf("status            %s\n", c->status_all ? "all" : "own");
    printf("fatal             %s\n", c->fatal == FATAL_RESET ? "reset" : "halt");
    printf("without-isolation %s\n", c->run_without_isolation ? "run" : "native");
    printf("without-interrupt-isolation %s\n", c->run_without_interrupt_isolation ? "run" : "refuse");
    printf("read-only-rule    %s\n", c->rule_affected_only ? "affected-cpus" : "always");
    printf("doubtful-devices  %s\n", c->native_if_doubtful ? "native" : "run");
    printf("hypervisor-bit    %s\n", bits[c->hypervisor_bit]);
    printf("guest-iommu       %s\n", kinds[c->guest_iommu]);
    printf("host-paging       %s\n", c->narrow_host ? "four-levels" : "auto");
    if (c->shadow_mib != 0) {
        printf("shadow-memory     %u MiB\n", c->shadow_mib);
    } else {
        printf("shadow-memory     auto\n");
    }
    for (u32 i = 0; i < c->protect_count; i++) {
        const struct protect_range *p = &c->protect[i];
        printf("protect           0x%llx-0x%llx dma=%s\n", p->base, p->base + p->size - 1,
               p->dma_read ? "read" : "none");
    }
    if (c->protect_count == 0) {
        printf("protect           nothing\n");
    }
    for (u32 i = 0; i < c->partition_count; i++) {
        print_partition(&c->partitions[i]);
    }
}

static const struct {
    const char *option;
    void (*put)(FILE *out);
} texts[] = {{"--reference", conf_text_reference}, {"--manual", conf_text_manual}, {"--sample", conf_text_sample}};

/* False: it cannot be read. */
static bool read_file(const char *name, char *text, size_t limit, size_t *size)
{
    FILE *file = fopen(name, "rb");
    if (file != NULL) {
        *size = fread(text, 1, limit, file);
    }
    bool read = file != NULL && ferror(file) == 0;
    if (!read) {
        fprintf(stderr, "%s: %s\n", name, strerror(errno));
    }
    if (file != NULL) {
        fclose(file);
    }
    return read;
}

/* By the line of the boot report that begins with "CPU: "; without one, as many as there can be. */
static u32 cpus_of(const char *report)
{
    u32 cpus = HANDOVER_PARTITION_CPU_WORDS * 64;
    const char *line = strstr(report, "CPU: ");
    const char *end = line != NULL ? strstr(line, " enabled,") : NULL;
    while (end != NULL && end > line && end[-1] >= '0' && end[-1] <= '9') {
        end--;
    }
    if (end != NULL && sscanf(end, "%u enabled,", &cpus) != 1) {
        fprintf(stderr, "the report does not say how many CPUs there are\n");
    }
    return cpus;
}

/* No report has what is above and beside a function. */
static void say_unchecked(const struct config *config)
{
    for (u32 i = 0; i < config->partition_count; i++) {
        if (config->partitions[i].device_count != 0) {
            fprintf(stderr, "partition %s: whether its functions can be given away is seen at boot alone\n",
                    config->partitions[i].name);
        }
    }
}

/* What can be known without the machine, or with its report. */
static bool is_possible(const struct config *config, const char *report, struct config_error *error)
{
    static const struct machine capable = {.cpu.x2apic = true, .dmar_usable = true, .dmar.intr_remap = true};
    const struct partition_machine facts = {.cpus = cpus_of(report),
                                            .interrupts_missing =
                                                partition_interrupts_missing(&capable, config->guest_iommu)};
    *error = config->partition_error;
    return error->line == 0 && partition_check(config, &facts, error);
}

int main(int argc, char **argv)
{
    static char text[CONFIG_LIMIT + 1];
    static char report[1 << 20];
    static struct config config;
    struct config_error error;
    char message[CONFIG_ERROR_TEXT];
    size_t size;
    size_t report_size;
    if (argc != 2 && argc != 3) {
        fprintf(stderr, "usage: nestor-conf FILE [REPORT] | --reference | --manual | --sample\n");
        return 2;
    }
    for (u32 i = 0; i < ARRAY_LEN(texts); i++) {
        if (strcmp(argv[1], texts[i].option) == 0) {
            texts[i].put(stdout);
            return 0;
        }
    }
    if (!read_file(argv[1], text, sizeof(text), &size) ||
        (argc == 3 && !read_file(argv[2], report, sizeof(report) - 1, &report_size))) {
        return 2;
    }
    if (config_parse(text, size, &config, &error) != OK || !is_possible(&config, report, &error)) {
        config_error_text(&error, message);
        fprintf(stderr, "%s, %s\n", argv[1], message);
        return 1;
    }
    print_config(&config);
    say_unchecked(&config);
    return 0;
}
