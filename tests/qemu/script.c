/* SPDX-License-Identifier: BSD-2-Clause */
/* See script.h. No C library: it runs in an EFI program, too. */
#include "tests/qemu/script.h"

enum {
    CAP = 0x08, ECAP = 0x10, GCMD = 0x18, GSTS = 0x1c, RTADDR = 0x20, FSTS = 0x34, FECTL = 0x38,
    IQT = 0x88, IQA = 0x90, IRTA = 0xb8, WAITS = 1000000, OFFSETS = 3,
};
#define TE 0x80000000u
#define SRTP 0x40000000u
#define QIE 0x04000000u
#define IRE 0x02000000u
#define SIRTP 0x01000000u
#define SMTS (1ull << 43)

static const uint16_t offsets[OFFSETS] = {0, 0x40, 0xff8};
static uint32_t gcmd, tail, sequence;
static bool scalable;

static bool starts(const char **at, const char *word)
{
    const char *p = *at;
    for (; *word != 0; word++, p++) {
        if (*p != *word) {
            return false;
        }
    }
    if (*p == ' ') {
        p++;
    } else if (*p != '\n') {
        return false;
    }
    *at = p;
    return true;
}

static uint64_t number(const char **at)
{
    uint64_t value = 0;
    for (;; (*at)++) {
        char c = **at;
        if (c >= '0' && c <= '9') {
            value = value << 4 | (uint64_t)(c - '0');
        } else if (c >= 'a' && c <= 'f') {
            value = value << 4 | (uint64_t)(c - 'a' + 10);
        } else {
            break;
        }
    }
    *at += **at == ' ' ? 1 : 0;
    return value;
}

static void line_of(const char *text)
{
    char out[2] = {0, 0};
    for (; *text != '\n' && *text != 0; text++) {
        out[0] = *text;
        script_print(out);
    }
    script_print("\n");
}

static void wait_status(uint32_t mask, bool set)
{
    for (uint32_t i = 0; i < WAITS && ((script_read32(GSTS) & mask) != 0) != set; i++) {
    }
}

static void command(uint32_t bit, bool on)
{
    gcmd = on ? gcmd | bit : gcmd & ~bit;
    script_write32(GCMD, gcmd);
    wait_status(bit, on);
}

static void set_root(uint64_t value)
{
    script_write64(RTADDR, value);
    script_write32(GCMD, gcmd | SRTP);
    wait_status(SRTP, true);
}

static uint32_t fault_offset(void)
{
    return (uint32_t)(script_read64(CAP) >> 24 & 0x3ff) * 16;
}

static void clear_faults(void)
{
    script_write32(fault_offset() + 12, 0x80000000);
    script_write32(FSTS, 0x7f);
}

static void put(uint64_t w0, uint64_t w1)
{
    uint32_t bytes = scalable ? 32 : 16;
    uint64_t at = SCRIPT_QUEUE + tail;
    script_store(at, w0);
    script_store(at + 8, w1);
    if (scalable) {
        script_store(at + 16, 0);
        script_store(at + 24, 0);
    }
    tail = (tail + bytes) % 4096;
}

/* Waits until the wait descriptor of that number is done; false if the unit stopped before it. */
static bool wait_done(void)
{
    for (uint32_t i = 0; i < WAITS; i++) {
        if ((uint32_t)script_load(SCRIPT_STATUS) == sequence) {
            return true;
        }
        if ((script_read32(FSTS) & 0x10) != 0) {
            return false;
        }
    }
    return false;
}

/* The descriptor with a wait behind it; if it is refused, another wait replaces it. */
static bool invalidate(uint64_t w0, uint64_t w1)
{
    uint32_t at = tail;
    sequence++;
    put(w0, w1);
    put(0x25 | (uint64_t)sequence << 32, SCRIPT_STATUS);
    script_write64(IQT, tail);
    if (wait_done()) {
        return true;
    }
    script_store(SCRIPT_QUEUE + at, 0x25 | (uint64_t)(sequence - 1) << 32);
    script_store(SCRIPT_QUEUE + at + 8, SCRIPT_STATUS);
    script_write32(FSTS, 0x10);
    /* QEMU goes on only after another write of the tail. */
    script_write64(IQT, tail);
    (void)wait_done();
    return false;
}

static void unit_off(void)
{
    gcmd = script_read32(GSTS) & (TE | QIE | IRE);
    command(TE, false);
    command(IRE, false);
    command(QIE, false);
    clear_faults();
}

static void queue_on(void)
{
    scalable = (script_read64(ECAP) & SMTS) != 0;
    script_write32(FECTL, 0x80000000);
    command(QIE, false);
    tail = 0;
    script_write64(IQT, 0);
    script_write64(IQA, SCRIPT_QUEUE | (scalable ? 0x800 : 0));
    command(QIE, true);
}

static void unit_on(uint64_t rtaddr)
{
    queue_on();
    set_root(rtaddr);
    (void)invalidate(0x11, 0);
    if ((rtaddr & 0x400) != 0) {
        (void)invalidate(0x37, 0);
    }
    (void)invalidate(0x12, 0);
    command(TE, true);
}

static void fill_arena(void)
{
    for (uint64_t at = SCRIPT_ARENA; at < SCRIPT_DATA; at += 8) {
        if (script_load(at) != 0) {
            script_store(at, 0);
        }
    }
    for (uint32_t page = 0; page < SCRIPT_DATA_PAGES; page++) {
        for (uint32_t i = 0; i < OFFSETS; i++) {
            uint64_t at = SCRIPT_DATA + page * 4096u + offsets[i];
            script_store(at, at);
        }
    }
}

static void print_fault(void)
{
    uint64_t low = script_read64(fault_offset()), high = script_read64(fault_offset() + 8);
    if (high >> 63 == 0) {
        script_print("none\n");
        return;
    }
    script_print("fault ");
    script_print_hex(high >> 32 & 0xff);
    script_print((high >> 62 & 1) != 0 ? " read " : " write ");
    script_print_hex(low & ~0xfffull);
    script_print(" ");
    script_print_hex(high & 0xffff);
    script_print("\n");
    clear_faults();
}

static void dma_write(uint64_t iova)
{
    script_dma_write(iova);
    for (uint32_t page = 0; page < SCRIPT_DATA_PAGES; page++) {
        for (uint32_t i = 0; i < OFFSETS; i++) {
            uint64_t at = SCRIPT_DATA + page * 4096u + offsets[i];
            if (script_load(at) != at) {
                script_store(at, at);
                script_print("write at ");
                script_print_hex(at);
                script_print("\n");
                return;
            }
        }
    }
    script_print("write ");
    print_fault();
}

static void dma_read(uint64_t iova)
{
    script_store(SCRIPT_SCRATCH, 0);
    script_dma_read(iova);
    if (script_read64(fault_offset() + 8) >> 63 != 0) {
        script_print("read ");
        print_fault();
        return;
    }
    command(TE, false);
    script_dma_read_back();
    script_print("read at ");
    script_print_hex(script_load(SCRIPT_SCRATCH));
    script_print("\n");
}

static void remap(uint64_t irta)
{
    queue_on();
    script_write64(IRTA, irta);
    script_write32(GCMD, gcmd | SIRTP);
    wait_status(SIRTP, true);
    (void)invalidate(0x04, 0);
    command(IRE, true);
}

/* Reasons 21h to 24h and 26h are about an entry, so that there is an index. */
static void print_interrupt(uint32_t vector)
{
    uint64_t low = script_read64(fault_offset()), high = script_read64(fault_offset() + 8);
    uint32_t reason = (uint32_t)(high >> 32) & 0xff;
    if (vector != 0) {
        script_print("vector ");
        script_print_hex(vector);
    } else if (high >> 63 == 0) {
        script_print("none");
    } else {
        script_print("fault ");
        script_print_hex(reason);
        if ((reason >= 0x21 && reason <= 0x24) || reason == 0x26) {
            script_print(" index ");
            script_print_hex(low >> 48);
        }
        script_print(" ");
        script_print_hex(high & 0xffff);
        clear_faults();
    }
    script_print("\n");
}

static void load(uint64_t addr, uint64_t mask)
{
    script_print("load ");
    script_print_hex(script_load(addr) & mask);
    script_print("\n");
}

static void perform(const char *at)
{
    if (starts(&at, "store")) {
        uint64_t addr = number(&at);
        script_store(addr, number(&at));
    } else if (starts(&at, "case")) {
        script_print("case ");
        line_of(at);
        unit_off();
        fill_arena();
    } else if (starts(&at, "on")) {
        unit_on(number(&at));
    } else if (starts(&at, "root")) {
        set_root(number(&at));
    } else if (starts(&at, "off")) {
        command(TE, false);
    } else if (starts(&at, "inv")) {
        uint64_t w0 = number(&at);
        script_print(invalidate(w0, number(&at)) ? "inv done\n" : "inv refused\n");
    } else if (starts(&at, "write")) {
        dma_write(number(&at));
    } else if (starts(&at, "read")) {
        dma_read(number(&at));
    } else if (starts(&at, "remap")) {
        remap(number(&at));
    } else if (starts(&at, "msi")) {
        uint64_t addr = number(&at);
        print_interrupt(script_msi((uint32_t)addr, (uint32_t)number(&at)));
    } else if (starts(&at, "pin")) {
        print_interrupt(script_pin(number(&at)));
    } else if (starts(&at, "load")) {
        uint64_t addr = number(&at);
        load(addr, number(&at));
    } else {
        script_print("? ");
        line_of(at);
    }
}

void script_run(const char *text)
{
    while (*text != 0) {
        perform(text);
        while (*text != 0 && *text++ != '\n') {
        }
    }
    unit_off();
    script_print("end\n");
}
