/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * platform.h on Linux, without a C library, so that the program is one static file that any compiler for x86-64 makes.
 * Needs root: ioperm for ports below 400h, else iopl.
 */
#include "tools/nestorctl/linux.h"

#include "drivers/format.h"
#include "drivers/dword_port.h"
#include "tools/nestorctl/html.h"
#include "tools/nestorctl/ids.h"
#include "tools/nestorctl/main.h"
#include "tools/nestorctl/words.h"

enum { O_WRONLY_CREATE = 01 | 0100 | 01000, MODE = 0644, EPERM = 1, EACCES = 13 };

const struct main_more main_more = {.top = ctl_top, .page_of_dump = html_dump, .page_of_report = html_report,
                                    .follows = true};
static long output = 1;

long linux_call(long number, long a, long b, long c, long d, long e, long f)
{
    long result;
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;
    __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
}

/* --- output: by pages, as a line of JSON is made of many pieces --- */

static struct {
    char bytes[4096];
    size_t used;
} buffer;

static void write_all(long to, const char *text, size_t length)
{
    while (length != 0) {
        long n = linux_call(SYS_WRITE, to, (long)text, (long)length, 0, 0, 0);
        if (n <= 0) {
            return;
        }
        text += n;
        length -= (size_t)n;
    }
}

static void flush(void)
{
    write_all(output, buffer.bytes, buffer.used);
    buffer.used = 0;
}

void platform_put(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (buffer.used == sizeof(buffer.bytes)) {
            flush();
        }
        buffer.bytes[buffer.used++] = text[i];
    }
}

void platform_put_error(const char *text, size_t length)
{
    flush();
    write_all(2, text, length);
}

bool platform_redirect(const char *path)
{
    output = linux_call(SYS_OPEN, (long)path, O_WRONLY_CREATE, MODE, 0, 0, 0);
    bool possible = output >= 0;
    output = possible ? output : 1;
    return possible;
}

void platform_wait_ms(u32 ms)
{
    const long time[2] = {ms / 1000, (long)(ms % 1000) * 1000000};
    flush();
    linux_call(SYS_NANOSLEEP, (long)time, 0, 0, 0, 0, 0);
}

/* --- ports --- */

struct cpuid_regs platform_cpuid(u32 leaf)
{
    return cpuid(leaf, 0);
}

u32 platform_in(u16 port)
{
    return dword_port_in(port);
}

void platform_out(u16 port, u32 value)
{
    dword_port_out(port, value);
}

/* Stays on the CPU that it is on: SELECT is one's own, and a move in between costs another try. */
static void stay(void)
{
    u32 cpu = 0;
    u64 mask[16] = {0};
    if (linux_call(SYS_GETCPU, (long)&cpu, 0, 0, 0, 0, 0) == 0 && cpu < 64 * ARRAY_LEN(mask)) {
        mask[cpu / 64] = 1ull << cpu % 64;
        linux_call(SYS_SCHED_SETAFFINITY, 0, sizeof(mask), (long)mask, 0, 0, 0);
    }
}

/* Root may, unless the kernel is locked down: LOCKDOWN_IOPORT. */
enum ctl_status platform_open_ports(u16 first, u32 count)
{
    long r = linux_call(SYS_IOPERM, first, count, 1, 0, 0, 0);
    if (r != 0) {
        r = linux_call(SYS_IOPL, 3, 0, 0, 0, 0, 0);
    }
    stay();
    if (r == 0) {
        return CTL_OK;
    }
    char text[64];
    size_t length = linux_read_file("/sys/kernel/security/lockdown", text, sizeof(text) - 1);
    text[length] = '\0';
    bool locked = length != 0;
    for (const char *c = text; *c != '\0'; c++) {
        locked = locked && !(c[0] == '[' && c[1] == 'n');   /* "[none] integrity confidentiality" */
    }
    bool root = linux_call(SYS_GETUID, 0, 0, 0, 0, 0, 0) == 0;
    return root && (locked || length == 0) ? CTL_LOCKDOWN : CTL_NO_RIGHT;
}

/* --- files --- */

size_t linux_read_file(const char *path, void *to, size_t size)
{
    long file = linux_call(SYS_OPEN, (long)path, 0, 0, 0, 0, 0);
    size_t used = 0;
    while (file >= 0 && used < size) {
        long n = linux_call(SYS_READ, file, (long)((u8 *)to + used), (long)(size - used), 0, 0, 0);
        if (n <= 0) {
            break;
        }
        used += (size_t)n;
    }
    if (file >= 0) {
        linux_call(SYS_CLOSE, file, 0, 0, 0, 0, 0);
    }
    return used;
}

size_t platform_read_table(void *to, size_t size)
{
    return linux_read_file("/sys/firmware/acpi/tables/" STATUS_TABLE_SIGNATURE, to, size);
}

/* A number in hexadecimal, with or without 0x. */
bool linux_read_hex(const char *path, u64 *value)
{
    char text[40];
    size_t length = linux_read_file(path, text, sizeof(text) - 1);
    text[length] = '\0';
    const char *c = text[0] == '0' && text[1] == 'x' ? text + 2 : text;
    const char *first = c;
    for (*value = 0;; c++) {
        u32 digit = *c >= '0' && *c <= '9' ? (u32)(*c - '0') : *c >= 'a' && *c <= 'f' ? (u32)(*c - 'a') + 10 : 16;
        if (digit == 16) {
            return c != first;
        }
        *value = *value << 4 | digit;
    }
}

/* --- PCI functions: the names of /sys/bus/pci/devices, sorted --- */

enum { FUNCTIONS = 4096 };

static struct {
    u32 list[FUNCTIONS];
    u32 count;
    bool read;
} functions;

/* Entries of getdents64: u64 inode, u64 offset, u16 length, u8 type, name. */
static void read_functions(void)
{
    static char entries[8192];
    long folder = linux_call(SYS_OPEN, (long)"/sys/bus/pci/devices", 0200000, 0, 0, 0, 0);
    functions.read = true;
    long n = folder;
    while (n >= 0 && (n = linux_call(SYS_GETDENTS64, folder, (long)entries, sizeof(entries), 0, 0, 0)) > 0) {
        for (long at = 0; at < n; at += (u8)entries[at + 16] | (u8)entries[at + 17] << 8) {
            u32 function;
            if (words_parse_function(&entries[at + 19], &function) && functions.count < FUNCTIONS) {
                functions.list[functions.count++] = function;
            }
        }
    }
    if (folder >= 0) {
        linux_call(SYS_CLOSE, folder, 0, 0, 0, 0, 0);
    }
}

bool platform_next_function(u32 *function)
{
    bool found = false;
    u32 least = 0;
    if (!functions.read) {
        read_functions();
    }
    for (u32 i = 0; i < functions.count; i++) {
        if (functions.list[i] >= *function && (!found || functions.list[i] < least)) {
            least = functions.list[i];
            found = true;
        }
    }
    *function = found ? least : *function;
    return found;
}

static bool read_attribute(u32 function, const char *name, u64 *value)
{
    char text[16];
    char path[96];
    words_function(function, text);
    (void)format_text(path, sizeof(path), "/sys/bus/pci/devices/%s/%s", text, name);
    return linux_read_hex(path, value);
}

u64 platform_function_unit(u32 function)
{
    u64 base;
    return read_attribute(function, "iommu/intel-iommu/address", &base) ? base : 0;
}

/* --- names of PCI functions --- */

static const char *ids(size_t *size)
{
    static const char *const paths[] = {"/usr/share/misc/pci.ids", "/usr/share/hwdata/pci.ids"};
    static const char *at;
    static size_t bytes;
    for (u32 i = 0; at == NULL && i < ARRAY_LEN(paths); i++) {
        long file = linux_call(SYS_OPEN, (long)paths[i], 0, 0, 0, 0, 0);
        long end = file >= 0 ? linux_call(SYS_LSEEK, file, 0, 2, 0, 0, 0) : 0;
        long mapped = end > 0 ? linux_call(SYS_MMAP, 0, end, 1, 2, file, 0) : -1;
        if (mapped > 0) {
            at = (const char *)mapped;
            bytes = (size_t)end;
        }
    }
    *size = bytes;
    return at;
}

void platform_function_name(u32 function, char *text, size_t size)
{
    u64 vendor;
    u64 device;
    size_t bytes;
    text[0] = '\0';
    const char *file = ids(&bytes);
    if (file != NULL && read_attribute(function, "vendor", &vendor) && read_attribute(function, "device", &device)) {
        ids_name(file, bytes, (u16)vendor, (u16)device, text, size);
    }
}

/* --- the start --- */

_Noreturn void start(const long *stack);
_Noreturn void start(const long *stack)
{
    int status = ctl_main((int)stack[0], (const char *const *)(stack + 1));
    flush();
    for (;;) {
        linux_call(SYS_EXIT, status, 0, 0, 0, 0, 0);
    }
}
__asm__(".globl _start\n_start: mov %rsp, %rdi\n and $-16, %rsp\n call start");
