/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * kexec KERNEL INITRD COMMAND-LINE [crash]: loads the kernel and starts it or, with the fourth
 * argument, leaves it for the next crash. The exit status is the error number.
 */
#include "tests/bochs/guest/syscall.h"

enum { MAGIC1 = 0xfee1dead, MAGIC2 = 672274793, COMMAND_KEXEC = 0x45584543, ON_CRASH = 2 };

static long length(const char *text)
{
    long n = 0;
    while (text[n] != 0) {
        n++;
    }
    return n;
}

int program(int argc, const char *const *argv)
{
    if (argc < 4) {
        return 1;
    }
    long flags = argc > 4 ? ON_CRASH : 0;
    long kernel = open_file(argv[1], 0);
    long initrd = open_file(argv[2], 0);
    must(call(SYS_KEXEC_FILE_LOAD, kernel, initrd, length(argv[3]) + 1, (long)argv[3], flags));
    if (flags != 0) {
        return 0;
    }
    return (int)-call(SYS_REBOOT, (long)MAGIC1, MAGIC2, COMMAND_KEXEC, 0, 0);
}
