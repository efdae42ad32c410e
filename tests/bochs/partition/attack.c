/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What this partition tries that is not its own: memory, interrupts, ports, registers, configuration. Its root says
 * whether that had an effect there (tests/efi/partition.c).
 */
#include "tests/bochs/partition/guest.h"

enum {
    TARGET = 0x44, NMI = 2,                             /* the root has nothing for these */
    ICR_SELF = 1 << 18, ICR_ALL = 2 << 18, ICR_LOGICAL = 1 << 11,
    PM1_EVENT = 0xb000, PM1_CONTROL = 0xb004, PM1_SLEEP = 1 << 13, PM1_TYPES = 8,   /* as the firmware has them there */
    STEP = 0x200000, OWN = 0x400000, REFUSALS = 1000,
};

/* All of the 4 GiB that is not its own, a word each 2 MiB, with the addresses that its memory has in the machine. */
static u32 sweep_memory(void)
{
    u32 bar = config_read(FUNCTION, BAR) & ~(STEP - 1u);
    u32 found = ~0u;
    for (u32 at = OWN; at != 0; at += STEP) {
        volatile u32 *word = (volatile u32 *)(at != bar ? at : at + STEP / 2);
        *word = 0;
        found &= *word;
    }
    return found;
}

static void send_to_others(u32 kind)
{
    static const u32 physical[] = {0, 1, 4, 5, 0xff}, logical[] = {1, 2, 3, 0x10003, 0xffff0003};
    for (u32 i = 0; i < sizeof(physical) / sizeof(physical[0]); i++) {
        msr_put(MSR_ICR, (u64)physical[i] << 32 | kind);
        msr_put(MSR_ICR, (u64)logical[i] << 32 | ICR_LOGICAL | kind);
    }
    msr_put(MSR_ICR, ICR_OTHERS | kind);
}

/*
 * Each kind to each destination of others, and to all but for INIT, which would be its own end: the first of them to
 * its own other CPU has that wait, as it has nothing for an NMI.
 */
static void send_interrupts(void)
{
    static const u32 kinds[] = {0x4500, 0xc500, 0x8500, 0x4400, 0x4200, 0x4300 | TARGET, 0x4700, 0x4000 | TARGET,
                                0xc000 | TARGET, 0x4100 | TARGET, 0x4608};
    set_gate(TARGET, quiet_entry);
    set_gate(NMI, ignore_entry);
    for (u32 i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        send_to_others(kinds[i]);
        if ((kinds[i] & 0x700) != 0x500) {
            msr_put(MSR_ICR, ICR_SELF | kinds[i]);
            msr_put(MSR_ICR, ICR_ALL | kinds[i]);
            msr_put(MSR_ICR, 0xffffffffull << 32 | kinds[i]);
            msr_put(MSR_ICR, 0xffffffffull << 32 | ICR_LOGICAL | kinds[i]);
        }
        __asm__ volatile("sti; nop; cli");
    }
    *(volatile u32 *)0xfee00310 = 0;                    /* and as in xAPIC mode */
    *(volatile u32 *)0xfee00300 = 0x4500;
    *(volatile u32 *)0xfee00300 = 0x000c4500;
    *(volatile u32 *)0xfee01000 = 0x4000 | TARGET;      /* as a device's message */
}

static bool is_own_port(u32 port)
{
    static const struct { u16 first, last; } own[] = {
        {0x40, 0x43}, {0x60, 0x63}, {0x70, 0x73}, {UART, UART + 7}, {SLEEP, SLEEP + 3}, {STATUS_PORT, STATUS_PORT + 7},
        {0xcf8, 0xcff}};
    for (u32 i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
        if (port >= own[i].first && port <= own[i].last) {
            return true;
        }
    }
    return false;
}

static u32 write_ports(u32 first, u32 end, u32 step)
{
    u32 found = ~0u;
    for (u32 port = first; port < end; port += step) {
        if (!is_own_port(port)) {
            out32((u16)port, ~0u);
            found &= in32((u16)port);
        }
    }
    return found;
}

/* Resets of the machine by the chipset, the keyboard controller and firmware, its sleep, and all else. */
static u32 use_ports(void)
{
    out8(0x92, 1);
    out8(0x64, 0xfe);
    out8(0xb2, 1);
    out8(0x60, 0xff);
    for (u32 type = 0; type < PM1_TYPES; type++) {
        out16(PM1_CONTROL, (u16)(PM1_SLEEP | type << 10));
    }
    out16(PM1_EVENT, 0xffff);
    out16(PM1_EVENT + 2, 0xffff);
    u32 found = in8(0x92) | in8(0x64) << 8 | in16(PM1_CONTROL) << 16;
    return found & write_ports(0, 0xd00, 4) & write_ports(PM1_EVENT, PM1_EVENT + 0x100, 4) &
           write_ports(0xd00, 0x10000, 0x100);
}

/* By ports and by the window, of the chipset, of its own function's neighbours and of the root's disk. */
static void write_configuration(void)
{
    static const u32 functions[] = {0, 1 << 11, 1 << 11 | 1 << 8, 1 << 11 | 3 << 8, FUNCTION | 1 << 8, 9 << 11};
    static const u32 registers[] = {COMMAND, BAR, 0x40, 0x58, 0x80};
    for (u32 f = 0; f < sizeof(functions) / sizeof(functions[0]); f++) {
        for (u32 r = 0; r < sizeof(registers) / sizeof(registers[0]); r++) {
            out32(CONFIG_ADDRESS, 1u << 31 | functions[f] | registers[r]);
            out32(CONFIG_DATA, f % 2 != 0 ? ~0u : 0);
            *in_window(functions[f], registers[r]) = f % 2 != 0 ? ~0u : 0;
        }
    }
}

void attack(void)
{
    *(volatile u32 *)0xfed90000 = 0;
    print_hex("holes read ", sweep_memory() & *(volatile u32 *)0xb8000 & *(volatile u32 *)0xfee00020);
    send_interrupts();
    msr_put(MSR_LVT_LINT1, 0x400);
    print_hex("LINT1 ", (u32)msr_get(MSR_LVT_LINT1));
    print(msr_x2apic_is_locked() ? "x2APIC is locked\n" : "x2APIC is not locked\n");
    print_hex("ports ", use_ports());
    write_configuration();
    msr_put(0x1fc, 0);
    msr_put(0x610, 0);
    print_hex("PAT ", (u32)msr_get(MSR_PAT));           /* which the next life finds as this one did */
    msr_put(MSR_PAT, 0x0007040600070106);
    print("attacks done\n");
}

void attack_configure(void)
{
    print_hex("function ", config_read(FUNCTION, 0));
    print_hex("in the window ", *in_window(FUNCTION, 0));
    print_hex("others ", config_read(0, 0) & config_read(9 << 11, 0) & *in_window(9 << 11, 0) & *in_window(1 << 11, 0));
    print_hex("command ", config_read(FUNCTION, COMMAND));
    u32 bar = config_read(FUNCTION, BAR);
    config_write(BAR, ~0u);
    print_hex("size ", config_read(FUNCTION, BAR));
    config_write(BAR, 0xe0000000);
    *in_window(FUNCTION, BAR) = 0xe0000000;
    print(config_read(FUNCTION, BAR) == bar ? "fixed\n" : "moved\n");
    config_write(COMMAND, 0x107);
    print_hex("command ", config_read(FUNCTION, COMMAND));
    volatile u32 *registers = (volatile u32 *)bar;
    print_hex("identity ", registers[0]);
    print_hex("left ", registers[COMPLEMENT / 4]);
    registers[COMPLEMENT / 4] = 0x12345678;
    print_hex("complement ", registers[COMPLEMENT / 4]);
    print_hex("control ", registers[TABLE / 4 + 3]);
    registers[TABLE / 4 + 1] = 0xabcd;
    print_hex("address ", registers[TABLE / 4 + 1]);
    *in_window(FUNCTION, 0x48) = 0xa810;                /* FLR is not its own to ask for */
    print_hex("left ", registers[COMPLEMENT / 4]);
}

void attack_with_faults(void)
{
    volatile u32 *command = edu(EDU_COMMAND);
    (void)edu_dma(EDU_FROM_MEMORY, HOST_MEMORY, 8);
    for (u32 i = 0; i < REFUSALS; i++) {
        *command = EDU_FROM_MEMORY;
    }
    print("faults\n");
}
