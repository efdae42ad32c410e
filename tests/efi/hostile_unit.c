/* The guest's own unit, driven with garbage and at what is not the guest's (VT-d 6.5.2, 11.4). */
#include "tests/efi/hostile.h"

enum {
    GCMD = 0x18, GSTS = 0x1c, RTADDR = 0x20, FSTS = 0x34, FECTL = 0x38, FEDATA = 0x3c, FEADDR = 0x40,
    FEUADDR = 0x44, IQH = 0x80, IQT = 0x88, IQA = 0x90, IECTL = 0xa0, IEDATA = 0xa4, IEADDR = 0xa8,
    IQERCD = 0xb0,
    IQE = 1 << 4, EVENT_MASKED = 1u << 31,
    DESC_IOTLB = 2, DESC_NOTHING = 4, DESC_WAIT = 5, WAIT_STATUS = 1 << 5,
    SLOTS = 256, STATUS = 0xbeef, TTM_SCALABLE = 1 << 10,
    SID_FREE = 0x0450,
};
#define GCMD_TE (1u << 31)
#define GCMD_SRTP (1u << 30)
#define GCMD_QIE (1u << 26)

static u64 random_state = 0x1234567;

static u64 random(void)
{
    random_state = random_state * 6364136223846793005ull + 1442695040888963407ull;
    return random_state >> 16;
}

static u32 get(u32 reg)
{
    return (u32)read_width(machine.unit + reg, 4);
}

static void set(u32 reg, u32 value)
{
    write_width(machine.unit + reg, 4, value);
}

static bool wait_for(u32 reg, u32 mask, u32 value)
{
    for (u32 i = 0; i < 200; i++) {
        if ((get(reg) & mask) == value) {
            return true;
        }
        wait_ms(1);
    }
    return false;
}

static void put(u32 slot, u64 low, u64 high)
{
    u64 *queue = (u64 *)(void *)machine.page;
    queue[2 * slot] = low;
    queue[2 * slot + 1] = high;
}

/* An empty queue of 256 descriptors of 128 bits in machine.page; false if the unit will not. */
static bool restart_queue(void)
{
    for (u32 i = 0; i < SLOTS; i++) {
        put(i, DESC_NOTHING, 0);
    }
    set(IQT, get(IQH));
    set(FSTS, IQE);
    set(GCMD, 0);
    if (!wait_for(GSTS, GCMD_QIE | GCMD_TE, 0)) {
        return false;
    }
    write_width(machine.unit + IQT, 8, 0);
    write_width(machine.unit + IQA, 8, (u64)(uintptr_t)machine.page);
    set(GCMD, GCMD_QIE);
    return wait_for(GSTS, GCMD_QIE, GCMD_QIE);
}

/* One descriptor; FSTS.IQE then, and the queue is whole again. */
static bool is_refused(u64 low, u64 high)
{
    bool refused;
    (void)restart_queue();
    put(0, low, high);
    set(IQT, 16);
    refused = wait_for(FSTS, IQE, IQE);
    (void)restart_queue();
    return refused;
}

static void statuses(void)
{
    const struct { const char *name; u64 address; } bad[] = {
        {"wait-own", machine.own_base + 0x1000}, {"wait-own-end", machine.own_base + machine.own_size - 4},
        {"wait-unit", machine.unit + RTADDR}, {"wait-lapic", 0xfee00300}, {"wait-message", 0xfee00000},
        {"wait-flash", 0xffc00000}, {"wait-beyond", 0x7ffffffff000}, {"wait-vga", 0xa0000}};
    u64 status = (u64)(uintptr_t)machine.page2;
    (void)restart_queue();
    *(volatile u32 *)(void *)machine.page2 = 0;
    put(0, DESC_WAIT | WAIT_STATUS | (u64)STATUS << 32, status);
    set(IQT, 16);
    for (u32 i = 0; i < 200 && *(volatile u32 *)(void *)machine.page2 != STATUS; i++) {
        wait_ms(1);
    }
    result("wait-ram", *(volatile u32 *)(void *)machine.page2 == STATUS, "FSTS 0x%x", get(FSTS));
    for (u32 i = 0; i < ARRAY_LEN(bad); i++) {
        bool refused = is_refused(DESC_WAIT | WAIT_STATUS | (u64)STATUS << 32, bad[i].address);
        result(bad[i].name, refused, "IQERCD 0x%x", get(IQERCD));
    }
}

static void queue_elsewhere(const char *name, u64 base)
{
    (void)restart_queue();
    set(GCMD, 0);
    (void)wait_for(GSTS, GCMD_QIE, 0);
    write_width(machine.unit + IQA, 8, base);
    set(GCMD, GCMD_QIE);
    (void)wait_for(GSTS, GCMD_QIE, GCMD_QIE);
    set(IQT, 16);
    result(name, wait_for(FSTS, IQE, IQE), "FSTS 0x%x IQERCD 0x%x", get(FSTS), get(IQERCD));
    write_width(machine.unit + IQA, 8, (u64)(uintptr_t)machine.page);
    result("queue-again", restart_queue(), "GSTS 0x%x", get(GSTS));
}

static void garbage(void)
{
    enum { ROUNDS = 3000 };
    u32 errors = 0;
    (void)restart_queue();
    for (u32 i = 0; i < ROUNDS; i++) {
        u32 slot = (u32)random() % SLOTS;
        put(slot, random() << 20 ^ random(), random() << 20 ^ random());
        set(IQT, (u32)random() & 0xfff0);
        if ((get(FSTS) & IQE) != 0) {
            errors++;
            put(get(IQH) / 16 % SLOTS, DESC_NOTHING, 0);
            set(IQT, 0);
            set(FSTS, IQE);
        }
    }
    result("queue-garbage", restart_queue(), "%u of %u in error", errors, ROUNDS);
}

static void doorbells(void)
{
    enum { ROUNDS = 20000 };
    u64 began = read_tsc();
    (void)restart_queue();
    for (u32 i = 0; i < ROUNDS; i++) {
        set(IQT, i % SLOTS * 16);
    }
    result("queue-doorbells", wait_for(IQH, ~0u, get(IQT)) && (get(FSTS) & IQE) == 0,
           "%u, %llu ticks each", ROUNDS, (unsigned long long)((read_tsc() - began) / ROUNDS));
}

static void commands(void)
{
    enum { ROUNDS = 3000 };
    for (u32 i = 0; i < ROUNDS; i++) {
        if (i % 16 == 0) {
            write_width(machine.unit + RTADDR, 8, random());
        }
        set(GCMD, (u32)random());
    }
    result("commands", restart_queue(), "GSTS 0x%x", get(GSTS));
}

/* Tables that are Nestor's, a unit's, nobody's: everything is blocked, and comes back with TE off. */
static void roots(void)
{
    const u64 bad[] = {machine.own_base, machine.unit, 0x7ffffffff000, 0xfee00000};
    u8 data[8];
    u32 through = 0;
    for (u32 i = 0; i < ARRAY_LEN(bad); i++) {
        write_width(machine.unit + RTADDR, 8, bad[i] | TTM_SCALABLE);
        set(GCMD, GCMD_SRTP);
        (void)wait_for(GSTS, GCMD_SRTP, GCMD_SRTP);
        set(GCMD, GCMD_TE);
        (void)wait_for(GSTS, GCMD_TE, GCMD_TE);
        through += bench_dma(SID_FREE, (u64)(uintptr_t)machine.page, 8, false, data);
        set(GCMD, 0);
        (void)wait_for(GSTS, GCMD_TE, 0);
    }
    result("roots", through == 0, "%u went through", through);
    result("roots-off", bench_dma(SID_FREE, (u64)(uintptr_t)machine.page, 8, false, data), "%s", "");
}

/* Event registers are DMA writes by themselves; these would hit memory, the local APIC, SMI, INIT. */
static void events(void)
{
    const struct { u64 address; u32 data; } bad[] = {
        {(u64)(uintptr_t)machine.page2, 0x41}, {machine.own_base, 0x41}, {machine.unit, 0x41},
        {0xfef00000, 0x41}, {0xfee00000, 0x200}, {0xfee00000, 0x400}, {0xfee00000, 0x500},
        {0xfee00000, 0x700}, {0xfee00000, 0x8041}, {0xfee00010, 0x41}, {0xfee00000, 0x02},
        {0x1fee00000, 0x41}};
    u8 data[8];
    *(volatile u32 *)(void *)machine.page2 = 0;
    for (u32 i = 0; i < ARRAY_LEN(bad); i++) {
        set(FEDATA, bad[i].data);
        set(FEADDR, (u32)bad[i].address);
        set(FEUADDR, (u32)(bad[i].address >> 32));
        set(FECTL, 0);
        set(IEDATA, bad[i].data);
        set(IEADDR, (u32)bad[i].address);
        set(IEADDR + 4, (u32)(bad[i].address >> 32));
        set(IECTL, 0);
        (void)bench_dma(SID_FREE, machine.own_base, 8, false, data);
        (void)is_refused(0xf, 0);
        bench_report();
        wait_ms(30);
        set(FECTL, EVENT_MASKED);
        set(IECTL, EVENT_MASKED);
    }
    result("events", *(volatile u32 *)(void *)machine.page2 == 0, "%zu addresses", ARRAY_LEN(bad));
}

void hostile_unit(void)
{
    queue_elsewhere("queue-own", machine.own_base);
    queue_elsewhere("queue-unit", machine.unit);
    queue_elsewhere("queue-beyond", 0x7ffffffff000);
    statuses();
    garbage();
    doorbells();
    commands();
    roots();
    events();
    result("unit-alive", is_refused(0xf, 0), "FSTS 0x%x", get(FSTS));
}
