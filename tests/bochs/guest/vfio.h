/* SPDX-License-Identifier: BSD-2-Clause */
/* VFIO as the guest's programs use it, linux/vfio.h: type 1, one device, DMA of whole pages. */
#ifndef NESTOR_GUEST_VFIO_H
#define NESTOR_GUEST_VFIO_H

#include "tests/bochs/guest/syscall.h"

enum { O_RDWR = 2, PAGE = 4096, COMMAND = 4, MEMORY_AND_MASTER = 6 };
/* _IO(';', 100 + n), and a region's offset is its index << 40. */
enum { VFIO = ';' << 8 | 100, SET_IOMMU = VFIO + 2, SET_CONTAINER = VFIO + 4, GET_DEVICE = VFIO + 6,
       SET_IRQS = VFIO + 10, MAP_DMA = VFIO + 13, UNMAP_DMA = VFIO + 14, TYPE1V2 = 3, MAP_READ = 1, MAP_WRITE = 2 };
#define CONFIG_REGION (7ll << 40)

static int container, device;

static inline void map(const void *what, unsigned long iova, unsigned flags)
{
    struct { unsigned argsz, flags; unsigned long vaddr, iova, size; } m =
        {sizeof(m), flags, (unsigned long)what, iova, PAGE};
    must(call(SYS_IOCTL, container, MAP_DMA, (long)&m, 0, 0));
}

/* A register of the first BAR. */
static inline void write_register(unsigned offset, unsigned value)
{
    must(call(SYS_PWRITE, device, (long)&value, sizeof(value), offset, 0));
}

static inline void open_device(const char *group_path, const char *name)
{
    unsigned short command = MEMORY_AND_MASTER;
    container = (int)open_file("/dev/vfio/vfio", O_RDWR);
    long group = open_file(group_path, O_RDWR);
    must(call(SYS_IOCTL, group, SET_CONTAINER, (long)&container, 0, 0));
    must(call(SYS_IOCTL, container, SET_IOMMU, TYPE1V2, 0, 0));
    device = (int)must(call(SYS_IOCTL, group, GET_DEVICE, (long)name, 0, 0));
    must(call(SYS_PWRITE, device, (long)&command, sizeof(command), CONFIG_REGION + COMMAND, 0));
}

#endif
