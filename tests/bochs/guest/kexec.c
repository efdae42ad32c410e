/*
 * kexec KERNEL INITRD COMMAND-LINE: loads the kernel and starts it. Without a C library, so that it
 * needs nothing but the compiler. The exit status is the error number of the call that failed.
 */
enum { SYS_OPEN = 2, SYS_EXIT = 60, SYS_REBOOT = 169, SYS_KEXEC_FILE_LOAD = 320 };
enum { MAGIC1 = 0xfee1dead, MAGIC2 = 672274793, COMMAND_KEXEC = 0x45584543 };

static long call(long number, long a, long b, long c, long d, long e)
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

static _Noreturn void leave(long status)
{
    for (;;) {
        call(SYS_EXIT, status, 0, 0, 0, 0);
    }
}

static long open_file(const char *path)
{
    long fd = call(SYS_OPEN, (long)path, 0, 0, 0, 0);
    if (fd < 0) {
        leave(-fd);
    }
    return fd;
}

static long length(const char *text)
{
    long n = 0;
    while (text[n] != 0) {
        n++;
    }
    return n;
}

_Noreturn void kexec_main(const long *stack);
_Noreturn void kexec_main(const long *stack)
{
    const char *const *argv = (const char *const *)(stack + 1);
    if (stack[0] != 4) {
        leave(1);
    }
    long kernel = open_file(argv[1]);
    long initrd = open_file(argv[2]);
    long result = call(SYS_KEXEC_FILE_LOAD, kernel, initrd, length(argv[3]) + 1, (long)argv[3], 0);
    if (result < 0) {
        leave(-result);
    }
    leave(-call(SYS_REBOOT, (long)MAGIC1, MAGIC2, COMMAND_KEXEC, 0, 0));
}

__asm__(".globl _start\n_start: mov %rsp, %rdi\n and $-16, %rsp\n call kexec_main");
