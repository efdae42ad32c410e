/* SPDX-License-Identifier: BSD-2-Clause */
/* What an exit for IN or OUT says (SDM table 29-5), and how IN ends. */
#ifndef NESTOR_HV_EXIT_IO_H
#define NESTOR_HV_EXIT_IO_H

#include "hv/vmx/entry.h"

struct io_access {
    u16 port;
    u32 size;
    bool in, string;
};

static inline struct io_access io_decode(u64 qualification)
{
    enum { IN = 1 << 3, STRING = 1 << 4 };
    return (struct io_access){.port = (u16)(qualification >> 16), .size = (qualification & 7) + 1,
                              .in = (qualification & IN) != 0, .string = (qualification & STRING) != 0};
}

/* A double word clears the upper half of the register. */
static inline void io_return(struct guest_regs *r, u32 size, u64 value)
{
    u64 keep = size == 4 ? 0 : ~bits_of_bytes(size);
    r->gpr[REG_RAX] = (r->gpr[REG_RAX] & keep) | (value & bits_of_bytes(size));
}

#endif
