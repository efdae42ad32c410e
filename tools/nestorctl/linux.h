/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files for Linux share: system calls by number, small files. */
#ifndef NESTOR_TOOLS_NESTORCTL_LINUX_H
#define NESTOR_TOOLS_NESTORCTL_LINUX_H

#include "tools/nestorctl/platform.h"

enum { SYS_READ = 0, SYS_WRITE = 1, SYS_OPEN = 2, SYS_CLOSE = 3, SYS_LSEEK = 8, SYS_MMAP = 9, SYS_PREAD = 17,
       SYS_NANOSLEEP = 35, SYS_GETUID = 102, SYS_IOPL = 172, SYS_IOPERM = 173,
       SYS_SCHED_SETAFFINITY = 203, SYS_GETCPU = 309, SYS_EXIT = 60, SYS_GETDENTS64 = 217 };

long linux_call(long number, long a, long b, long c, long d, long e, long f);
/* How many bytes of it; 0 also if it cannot be opened. */
size_t linux_read_file(const char *path, void *to, size_t size);
/* A number in hexadecimal, with or without 0x; false: none is there. */
bool linux_read_hex(const char *path, u64 *value);

#endif
