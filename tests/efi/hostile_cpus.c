/* SPDX-License-Identifier: BSD-2-Clause */
/* See hostile_cpus.h. */
#include "tests/efi/hostile_cpus.h"

enum { ICR_LOW = 0xfee00300, ICR_HIGH = 0xfee00310, PENDING = 1 << 12, STACK = 8192, KERNELS_WAIT = 500 /* ticks */,
       INITS = 6, SETTLE = 20000, PRINTED = 1500000 /* ticks for what Nestor has to say */,
       GATES = 32, GATE_INTERRUPT = 0x8e };

struct __attribute__((packed)) table { u16 limit; u64 base; };
struct __attribute__((packed)) gate { u16 low, selector; u8 ist, type; u16 middle; u32 high, zero; };

extern const u8 hostile_start[], hostile_start_long[], hostile_start_end[];
extern const u8 hostile_real[], hostile_real_end[];
extern const u8 hostile_start_fault[] __attribute__((visibility("hidden")));

volatile u32 cpu_faults;
volatile bool cpus_end;
static u8 stacks[OTHER_CPUS][STACK] __attribute__((aligned(16)));
static struct { void (*fn)(void *); void *arg; } calls[OTHER_CPUS];
static struct gate gates[GATES];

/* A message that the local APIC has not sent yet must not be overwritten. */
void cpu_send(u32 cpu, u32 command)
{
    while ((read_width(ICR_LOW, 4) & PENDING) != 0) {
    }
    write_width(ICR_HIGH, 4, (u64)cpu << 24);
    write_width(ICR_LOW, 4, command);
}

/* A page each, and one more for real mode, because code that a CPU may be about to run is never changed. */
static struct start_page *page_of(u32 i)
{
    return (struct start_page *)(void *)machine.start + i;
}

static void fill(struct start_page *p, const u8 *code, const u8 *end)
{
    struct table gdtr;
    __asm__ volatile("sgdt %0" : "=m"(gdtr));
    __builtin_memset(p, 0, sizeof(*p));
    __builtin_memcpy(p->code, code, (size_t)(end - code));
    p->gdt_limit = gdtr.limit;
    __builtin_memcpy(p->gdt_base, &gdtr.base, sizeof(p->gdt_base));
    p->unit = (u32)machine.unit;
}

/*
 * INIT of a CPU that is in Nestor is pending until it leaves (SDM 27.2). Bochs loses it, so several
 * are sent, at odd times. Those that come when the CPU is already waiting must have no effect.
 */
static void send_inits(u32 cpu)
{
    for (u32 i = 0; i < INITS; i++) {
        cpu_send(cpu, IPI_INIT);
        wait_ticks(700 + 333 * i);
    }
}

static void start(u32 cpu, const struct start_page *p)
{
    u32 vector = IPI_SIPI | (u32)((u64)(uintptr_t)p >> PAGE_SHIFT);
    send_inits(cpu);
    wait_ticks(SETTLE);
    cpu_send(cpu, vector);
    wait_ticks(KERNELS_WAIT);
    cpu_send(cpu, vector);
}

static void with_gates(void *index)
{
    u64 i = (u64)(uintptr_t)index;
    u64 at = (u64)(uintptr_t)hostile_start_fault;
    const struct table idtr = {sizeof(gates) - 1, (u64)(uintptr_t)gates};
    gates[VECTOR_GP] = (struct gate){.low = (u16)at, .selector = 0x08, .type = GATE_INTERRUPT,
                                     .middle = (u16)(at >> 16), .high = (u32)(at >> 32)};
    __asm__ volatile("lidt %0" : : "m"(idtr));
    calls[i].fn(calls[i].arg);
}

void cpu_start(u32 cpu, void (*fn)(void *arg), void *arg)
{
    struct start_page *p = page_of(cpu - 1);
    u64 root;
    __asm__ volatile("mov %%cr3, %0" : "=r"(root));
    calls[cpu - 1].fn = fn;
    calls[cpu - 1].arg = arg;
    fill(p, hostile_start, hostile_start_end);
    p->target = (u32)(uintptr_t)p + (u32)(hostile_start_long - hostile_start);
    p->selector = 0x08;
    p->root = root;
    p->entry = (u64)(uintptr_t)with_gates;
    p->arg = cpu - 1;
    p->stack = (u64)(uintptr_t)(stacks[cpu - 1] + STACK);
    start(cpu, p);
}

volatile struct start_page *cpu_start_real(u32 cpu)
{
    struct start_page *p = page_of(OTHER_CPUS);
    fill(p, hostile_real, hostile_real_end);
    start(cpu, p);
    return p;
}

void cpus_stop(void)
{
    cpus_end = true;
    wait_ticks(PRINTED);
    for (u32 cpu = 1; cpu <= OTHER_CPUS; cpu++) {
        send_inits(cpu);
    }
    wait_ticks(SETTLE);
    cpus_end = false;
}
