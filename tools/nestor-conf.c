/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * nestor-conf FILE: checks a configuration file with the parser of nestor.efi and prints what it
 * means. Exit status 1: there is a mistake, which is named. 2: the file cannot be read.
 * nestor-conf --reference, --manual, --sample: docs/config.md, nestor.conf(5), a file with every key as a comment.
 */
#include "boot/config.h"
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
    printf("console           %s\n", p->console == PARTITION_CONSOLE_VIRTUAL ? "virtual" : "none");
    if (p->restarts == 0 || p->restarts == HANDOVER_PARTITION_ALWAYS) {
        printf("restart           %s\n", p->restarts == 0 ? "never" : "always");
    } else {
        printf("restart           %u\n", p->restarts);
    }
    printf("allow-shared-core %s\n", p->shares_cores ? "yes" : "no");
}

static void print_config(const struct config *c)
{
    static const char *const bits[] = {"auto", "on", "off"};
    static const char *const kinds[] = {"auto", "nested", "shadow", "none"};
    static const char *const levels[] = {"error", "warning", "info", "debug"};
    print_next(c);
    printf("level             %s\n", levels[c->level]);
    print_serial(c);
    if (c->status_port != 0) {
        printf("status-port       0x%x\n", c->status_port);
    } else {
        printf("status-port       none\n");
    }
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

int main(int argc, char **argv)
{
    static char text[CONFIG_LIMIT + 1];
    static struct config config;
    struct config_error error;
    char message[CONFIG_ERROR_TEXT];
    if (argc != 2) {
        fprintf(stderr, "usage: nestor-conf FILE | --reference | --manual | --sample\n");
        return 2;
    }
    for (u32 i = 0; i < ARRAY_LEN(texts); i++) {
        if (strcmp(argv[1], texts[i].option) == 0) {
            texts[i].put(stdout);
            return 0;
        }
    }
    FILE *file = fopen(argv[1], "rb");
    if (file == NULL) {
        fprintf(stderr, "%s: %s\n", argv[1], strerror(errno));
        return 2;
    }
    size_t size = fread(text, 1, sizeof(text), file);
    bool unreadable = ferror(file) != 0;
    fclose(file);
    if (unreadable) {
        fprintf(stderr, "%s: %s\n", argv[1], strerror(errno));
        return 2;
    }
    bool parsed = config_parse(text, size, &config, &error) == OK;
    if (parsed && config.partition_error.line != 0) {
        error = config.partition_error;
        parsed = false;
    }
    if (!parsed) {
        config_error_text(&error, message);
        fprintf(stderr, "%s, %s\n", argv[1], message);
        return 1;
    }
    print_config(&config);
    return 0;
}
