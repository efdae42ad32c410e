/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * System calls for the guest's programs, which have no C library, so that they need nothing but the
 * compiler. A program is a function `int program(int argc, const char *const *argv)`.
 */
#ifndef NESTOR_GUEST_SYSCALL_H
#define NESTOR_GUEST_SYSCALL_H

enum { SYS_READ = 0, SYS_OPEN = 2, SYS_POLL = 7, SYS_IOCTL = 16, SYS_PREAD = 17, SYS_PWRITE = 18, SYS_NANOSLEEP = 35,
       SYS_EXIT = 60, SYS_REBOOT = 169, SYS_EVENTFD2 = 290, SYS_KEXEC_FILE_LOAD = 320 };

static inline long call(long number, long a, long b, long c, long d, long e)
{
    long result;
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8)
                     : "rcx", "r11", "memory");
    return result;
}

static inline _Noreturn void leave(long status)
{
    for (;;) {
        call(SYS_EXIT, status, 0, 0, 0, 0);
    }
}

/* Ends the program with the error's number when the call failed. */
static inline long must(long result)
{
    if (result < 0) {
        leave(-result);
    }
    return result;
}

static inline long open_file(const char *path, int flags)
{
    return must(call(SYS_OPEN, (long)path, flags, 0, 0, 0));
}

int program(int argc, const char *const *argv);
_Noreturn void start(const long *stack);
_Noreturn void start(const long *stack)
{
    leave(program((int)stack[0], (const char *const *)(stack + 1)));
}
__asm__(".globl _start\n_start: mov %rsp, %rdi\n and $-16, %rsp\n call start");

#endif
