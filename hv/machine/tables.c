/* SPDX-License-Identifier: BSD-2-Clause */
/* See tables.h. */
#include "hv/machine/tables.h"

void tables_load(const struct table_register *gdtr, const struct table_register *idtr, u64 gs_base);
void tables_load_firmware(const struct tables_firmware *saved);

/* Calls of the image come one at a time (handover.h), so one of these is enough. */
static struct cpu starting;
static u8 stacks[IST_COUNT][PAGE_SIZE] __attribute__((aligned(16)));

static void save(struct tables_firmware *out, u64 direct_map)
{
    out->gdtr = gdtr_read();
    out->gdtr_mapped = (struct table_register){out->gdtr.limit, direct_map + out->gdtr.base};
    out->idtr = idtr_read();
    out->cs = cs_read();
    out->ss = ss_read();
    out->ds = ds_read();
    out->es = es_read();
    out->fs = fs_read();
    out->gs = gs_read();
    out->tr = tr_read();
    out->fs_base = msr_read(MSR_FS_BASE);
    out->gs_base = msr_read(MSR_GS_BASE);
}

void tables_use(struct cpu *c)
{
    const struct table_register gdtr = {sizeof(c->gdt) - 1, (u64)(uintptr_t)c->gdt};
    const struct table_register idtr = cpu_idt();
    cpu_build_gdt(c);
    tables_load(&gdtr, &idtr, (u64)(uintptr_t)c);
}

void tables_enter(struct tables_firmware *saved, u32 index, u64 direct_map)
{
    save(saved, direct_map);
    starting.self = &starting;
    starting.index = index;
    for (u32 i = 0; i < IST_COUNT; i++) {
        starting.tss.ist[i] = (u64)(uintptr_t)(stacks[i] + PAGE_SIZE);
    }
    tables_use(&starting);
}

void tables_leave(const struct tables_firmware *saved)
{
    tables_load_firmware(saved);
    msr_write(MSR_FS_BASE, saved->fs_base);
    msr_write(MSR_GS_BASE, saved->gs_base);
}
