/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads CPUID and the model-specific registers: SDM volume 2, "CPUID", and volume 4. */
#include "boot/cpu.h"
#include "drivers/cpuid.h"

typedef u64 (*msr_reader)(u32 msr);

enum {
    MSR_APIC_BASE = 0x1b,
    MSR_XAPIC_DISABLE_STATUS = 0xbd,
    MSR_ARCH_CAPABILITIES = 0x10a,
    MSR_TME_ACTIVATE = 0x982,
    MSR_L3_CONFIG = 0xc81,
};

static u64 read_msr(u32 msr)
{
    u32 low;
    u32 high;
    __asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr));
    return (u64)high << 32 | low;
}

static void put_register(char *to, u32 value)
{
    for (u32 i = 0; i < 4; i++) {
        to[i] = (char)(value >> (8 * i));
    }
}

static void read_names(struct cpu_facts *cpu)
{
    struct cpuid_regs r = cpuid(0, 0);
    put_register(cpu->vendor, r.ebx);
    put_register(cpu->vendor + 4, r.edx);
    put_register(cpu->vendor + 8, r.ecx);
    if (cpuid(0x80000000, 0).eax < 0x80000004) {
        return;
    }
    for (u32 i = 0; i < 3; i++) {
        r = cpuid(0x80000002 + i, 0);
        put_register(cpu->brand + 16 * i, r.eax);
        put_register(cpu->brand + 16 * i + 4, r.ebx);
        put_register(cpu->brand + 16 * i + 8, r.ecx);
        put_register(cpu->brand + 16 * i + 12, r.edx);
    }
}

static void read_versions(struct cpu_facts *cpu)
{
    struct cpuid_regs r = cpuid(1, 0);
    cpu->stepping = r.eax & 0xf;
    cpu->family = r.eax >> 8 & 0xf;
    cpu->model = r.eax >> 4 & 0xf;
    if (cpu->family == 6 || cpu->family == 15) {
        cpu->model |= r.eax >> 12 & 0xf0;
    }
    if (cpu->family == 15) {
        cpu->family += r.eax >> 20 & 0xff;
    }
    cpu->vmx = (r.ecx & 1u << 5) != 0;
    cpu->x2apic = (r.ecx & 1u << 21) != 0;
    cpu->hypervisor = (r.ecx & 1u << 31) != 0;
    cpu->no_execute = cpuid(0x80000000, 0).eax >= 0x80000001 &&
                      (cpuid(0x80000001, 0).edx & 1u << 20) != 0;
}

static void read_address_width(struct cpu_facts *cpu, msr_reader read)
{
    enum { TOTAL_MEMORY_ENCRYPTION = 1 << 13 };
    cpu->physical_bits = 36;
    if (cpuid(0x80000000, 0).eax >= 0x80000008) {
        cpu->physical_bits = cpuid(0x80000008, 0).eax & 0xff;
    }
    if (cpuid(0, 0).eax >= 7 && (cpuid(7, 0).ecx & TOTAL_MEMORY_ENCRYPTION) != 0) {
        cpu->key_id_bits = cpu_key_id_bits(read(MSR_TME_ACTIVATE));
        cpu->physical_bits -= cpu->key_id_bits;
    }
}

/* ARCH_CAPABILITIES says whether the status register exists, CPUID whether ARCH_CAPABILITIES does. */
static bool x2apic_is_locked(msr_reader read)
{
    if (cpuid(0, 0).eax < 7 || (cpuid(7, 0).edx & 1u << 29) == 0 ||
        (read(MSR_ARCH_CAPABILITIES) & 1u << 21) == 0) {
        return false;
    }
    return (read(MSR_XAPIC_DISABLE_STATUS) & 1) != 0;
}

/* Leaf 0Bh has all 32 bits of the id; without it, ids have eight. SDM volume 2, CPUID. */
static void read_apic(struct cpu_facts *cpu, msr_reader read)
{
    enum { EXTD = 1 << 10, TOPOLOGY = 0xb };
    cpu->apic_id = cpuid(1, 0).ebx >> 24;
    if (cpuid(0, 0).eax >= TOPOLOGY && cpuid(TOPOLOGY, 0).ebx != 0) {
        cpu->apic_id = cpuid(TOPOLOGY, 0).edx;
        cpu->core_shift = cpuid(TOPOLOGY, 0).eax & 0x1f;
    }
    cpu->x2apic_on = cpu->x2apic && (read(MSR_APIC_BASE) & EXTD) != 0;
    cpu->x2apic_locked = x2apic_is_locked(read);
}

/* SDM 18.19.4. Where code and data have masks of their own, the registers mean something else. */
static void read_cache(struct cpu_facts *cpu, msr_reader read)
{
    enum { ALLOCATION = 0x10, FEATURE = 1 << 15, L3 = 1, L3_BIT = 1 << 1, CODE_AND_DATA = 1 << 2 };
    if (cpuid(0, 0).eax < ALLOCATION || (cpuid(7, 0).ebx & FEATURE) == 0 || (cpuid(ALLOCATION, 0).ebx & L3_BIT) == 0) {
        return;
    }
    struct cpuid_regs r = cpuid(ALLOCATION, L3);
    if ((r.ecx & CODE_AND_DATA) == 0 || (read(MSR_L3_CONFIG) & 1) == 0) {
        cpu->cache_ways = (r.eax & 0x1f) + 1;
        cpu->cache_open = r.ebx;
        cpu->cache_classes = (r.edx & 0xffff) + 1;
    }
}

void cpu_read_by(struct cpu_facts *cpu, msr_reader read)
{
    *cpu = (struct cpu_facts){0};
    read_names(cpu);
    read_versions(cpu);
    read_address_width(cpu, read);
    read_apic(cpu, read);
    read_cache(cpu, read);
    if (cpu->vmx) {
        vmx_caps_read(&cpu->caps, read);
    }
}

void cpu_read(struct cpu_facts *cpu)
{
    cpu_read_by(cpu, read_msr);
}
