/* SPDX-License-Identifier: BSD-2-Clause */
/* The command line: what is asked, whether there is a window, and what it means when there is none. */
#include "tools/nestorctl/main.h"

#include "drivers/format.h"
#include "tools/nestorctl/words.h"

static struct ctl ctl;

static const char usage[] =
    "usage: nestorctl [--json] [-o FILE] COMMAND\n"
    "  status                    the machine, its units, partitions\n"
    "  top [--once]              exits a second, by reason\n"
    "  devices                   what each device's DMA goes through\n"
    "  exits, counters           by CPU; of the guest's units\n"
    "  dump BDF ADDRESS [--pasid N] [--html]\n"
    "                            one DMA, from the root table to host memory\n"
    "  log [-f] [--previous]     what Nestor said; what an earlier start left that failed\n"
    "  console NAME [-f]         what a partition has printed\n"
    "  start|stop|restart NAME   of a partition with control-by = root\n"
    "  type NAME TEXT            a line for its UART\n"
    "  check                     what could Nestor do on this machine? Needs no Nestor\n"
    "  report [--with-entries] [--html]\n"
    "                            all of it in one file, for a bug report\n"
    "nestorctl.efi has no top, no -f and no --html\n";

struct request {
    const char *command;
    const char *file;
    const char *operands[2];
    u32 operand_count;
    u64 pasid;
    bool json, follow, previous, once, html, with_entries;
};

static void complain(const char *text)
{
    size_t length = 0;
    while (text[length] != '\0') {
        length++;
    }
    platform_put_error(text, length);
}

static bool *flag_of(struct request *r, const char *word)
{
    const struct { const char *word; bool *flag; } flags[] = {
        {"--json", &r->json}, {"-f", &r->follow}, {"--previous", &r->previous}, {"--once", &r->once},
        {"--html", &r->html}, {"--with-entries", &r->with_entries},
    };
    for (u32 i = 0; i < ARRAY_LEN(flags); i++) {
        if (words_equal(word, flags[i].word)) {
            return flags[i].flag;
        }
    }
    return NULL;
}

/* Is it for a program of the other kind? */
static bool is_elsewhere(const struct request *r)
{
    return (words_equal(r->command, "top") && main_more.top == NULL) || (r->follow && !main_more.follows) ||
           (r->html && (main_more.page_of_dump == NULL || main_more.page_of_report == NULL));
}

static bool parse(int count, const char *const *words, struct request *r)
{
    *r = (struct request){.pasid = 0xffffffff};
    for (int i = 1; i < count; i++) {
        bool *flag = flag_of(r, words[i]);
        bool has_value = i + 1 < count;
        if (flag != NULL) {
            *flag = true;
        } else if (words_equal(words[i], "-o") && has_value) {
            r->file = words[++i];
        } else if (words_equal(words[i], "--pasid") && has_value) {
            if (!words_parse_number(words[++i], &r->pasid) || r->pasid >= 1u << 20) {
                return false;
            }
        } else if (words[i][0] == '-') {
            return false;
        } else if (r->command == NULL) {
            r->command = words[i];
        } else if (r->operand_count < ARRAY_LEN(r->operands)) {
            r->operands[r->operand_count++] = words[i];
        } else {
            return false;
        }
    }
    return r->command != NULL && !is_elsewhere(r);
}

/* Only where the signature says so are ports touched. */
static enum ctl_status find_window(u16 *port)
{
    struct cpuid_regs r = platform_cpuid(CPUID_NESTOR);
    if (r.ebx != CPUID_NESTOR_EBX || r.ecx != CPUID_NESTOR_ECX || r.edx != CPUID_NESTOR_EDX) {
        return CTL_NO_NESTOR;
    }
    r = platform_cpuid(CPUID_NESTOR_FEATURES);
    *port = (u16)r.ecx;
    if (r.ecx == 0) {
        return CTL_NO_WINDOW;
    }
    return r.edx == STATUS_PROTOCOL ? CTL_OK : CTL_OTHER_VERSION;
}

/* Why a command cannot be done, with what to do about it. */
static const char *const reasons[] = {
    [CTL_NO_NESTOR] = "nestorctl: this system does not run under Nestor (CPUID 40000000h has another signature)\n",
    [CTL_NO_WINDOW] = "nestorctl: Nestor is here but has no status window: status-port in nestor.conf is none, or the "
                      "port is used (the console says by what)\n",
    [CTL_NO_RIGHT] = "nestorctl: no right to use I/O ports: run it as root\n",
    [CTL_LOCKDOWN] = "nestorctl: the kernel is locked down, so that no program may use I/O ports: status shows what "
                     "was so at the start, and nestorctl.efi all, from the firmware's shell\n",
    [CTL_OTHER_VERSION] = "nestorctl: this Nestor speaks another protocol: use the nestorctl that came with it\n",
    [CTL_SILENT] = "nestorctl: the status window does not answer, or other programs use all its sessions\n",
    [CTL_FILE] = "nestorctl: the file cannot be written\n",
    [CTL_REFUSED] = "nestorctl: nestor.conf does not allow it: control-by = root in the partition's section does, and "
                    "status = all for reading\n",
    [CTL_NO_PARTITION] = "nestorctl: there is no partition of that name, or this one is not shown it: see status\n",
    [CTL_NOT_NOW] = "nestorctl: the partition is not in a state for that (see status), or takes no more input\n",
};

static enum ctl_status run_dump(const struct request *r)
{
    struct ctl_dump dump = {.pasid = (u32)r->pasid};
    if (r->operand_count != 2 || !words_parse_function(r->operands[0], &dump.function) ||
        !words_parse_number(r->operands[1], &dump.address)) {
        return CTL_USAGE;
    }
    return r->html ? main_more.page_of_dump(&ctl, &dump) : ctl_dump(&ctl, &dump);
}

static enum ctl_status run_report(const struct request *r)
{
    return r->html ? main_more.page_of_report(&ctl, r->with_entries) : ctl_report(&ctl, r->with_entries);
}

/* False: it is none of these. */
static bool run_partition(const struct request *r, enum ctl_status *s)
{
    static const struct { const char *word; enum status_control what; } controls[] = {
        {"start", STATUS_CONTROL_START}, {"stop", STATUS_CONTROL_STOP}, {"restart", STATUS_CONTROL_RESTART},
    };
    const char *const *operands = r->operands;
    for (u32 i = 0; i < ARRAY_LEN(controls); i++) {
        if (words_equal(r->command, controls[i].word)) {
            *s = r->operand_count == 1 ? ctl_control(&ctl, operands[0], controls[i].word, controls[i].what) : CTL_USAGE;
            return true;
        }
    }
    if (words_equal(r->command, "console")) {
        *s = r->operand_count == 1 ? ctl_console(&ctl, operands[0], r->follow) : CTL_USAGE;
        return true;
    }
    if (words_equal(r->command, "type")) {
        *s = r->operand_count == 2 ? ctl_type(&ctl, operands[0], operands[1]) : CTL_USAGE;
        return true;
    }
    return false;
}

static enum ctl_status run(const struct request *r)
{
    const char *c = r->command;
    enum ctl_status s;
    if (words_equal(c, "dump")) {
        return run_dump(r);
    }
    if (run_partition(r, &s)) {
        return s;
    }
    if (r->operand_count != 0) {
        return CTL_USAGE;
    }
    if (words_equal(c, "status")) {
        return ctl_status(&ctl);
    }
    if (words_equal(c, "devices")) {
        return ctl_devices(&ctl);
    }
    if (words_equal(c, "exits")) {
        return ctl_exits(&ctl);
    }
    if (words_equal(c, "counters")) {
        return ctl_counters(&ctl);
    }
    if (words_equal(c, "top")) {
        return main_more.top(&ctl, r->once ? 1 : 0);
    }
    if (words_equal(c, "log")) {
        return ctl_log(&ctl, r->follow, r->previous);
    }
    return words_equal(c, "report") ? run_report(r) : CTL_USAGE;
}

int ctl_main(int count, const char *const *words)
{
    struct request r;
    enum ctl_status s = CTL_USAGE;
    ctl.out = (struct out){.put = platform_put};
    ctl.client.in = platform_in;
    ctl.client.out = platform_out;
    if (parse(count, words, &r)) {
        ctl.out.json = r.json;
        s = r.file == NULL || platform_redirect(r.file) ? CTL_OK : CTL_FILE;
        if (s == CTL_OK && words_equal(r.command, "check")) {
            return (int)ctl_check(&ctl);
        }
        s = s == CTL_OK ? find_window(&ctl.client.port) : s;
        s = s == CTL_OK ? platform_open_ports(ctl.client.port, STATUS_PORT_BYTES) : s;
        s = s == CTL_OK ? run(&r) : s;
        if (s == CTL_LOCKDOWN && words_equal(r.command, "status")) {
            ctl_status_at_start(&ctl);
        }
    }
    complain(s == CTL_USAGE ? usage : s < ARRAY_LEN(reasons) && reasons[s] != NULL ? reasons[s] : "");
    return (int)s;
}
