/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What partitions print, as it comes out of the one UART: whoever cuts another's line, be it another partition or
 * Nestor itself, ends it first, and each line begins with its speaker's name. With the log that the image has.
 */
#include "hv/partition/partition.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "drivers/serial.h"
#include "hv/machine/log.h"
#include "iommu/port.h"
#include "tests/support/pick.h"
#include "tests/support/repeat.h"

enum { COUNT = 3, ROUNDS = 100000, TEXT = 1 << 20, OUTPUT = 8 << 20 };

static const struct handover_partition configs[COUNT] = {{.name = "a"}, {.name = "bb"}, {.name = "rt"}};
static const char *const speakers[COUNT + 1] = {"a: ", "bb: ", "rt: ", "nestor: "};
static struct partition partitions[1 + COUNT];
static char rings[COUNT][PARTITION_RING];
static char log_memory[HANDOVER_LOG_BYTES + sizeof(struct handover_left)];

static char output[OUTPUT];
static u32 out;
static u32 busy;                /* so often the UART is not ready */

/* What each is to have said, and has as the output tells, without line feeds. */
static struct { char text[TEXT]; u32 length; } said[COUNT + 1], heard[COUNT + 1];

struct partition *partition_get(u32 i)
{
    return i <= COUNT ? &partitions[i] : NULL;
}

u64 port_now_us(void)
{
    return 0;
}

void *port_hpa_to_ptr(hpa_t addr)
{
    (void)addr;
    return log_memory;
}

void port_flush_lines(const void *p, size_t bytes)
{
    (void)p;
    (void)bytes;
}

void serial_write(struct serial *s, const char *text, size_t length)
{
    (void)s;
    assert_true(out + length < OUTPUT);
    memcpy(output + out, text, length);
    out += (u32)length;
}

bool serial_offer(struct serial *s, const char *text, size_t length)
{
    size_t feeds = 0;
    for (size_t i = 0; i < length; i++) {
        feeds += text[i] == '\n' ? 1 : 0;
    }
    assert_true(length > 0 && length + feeds <= SERIAL_FIFO);
    if (busy != 0) {
        busy--;
        return false;
    }
    serial_write(s, text, length);
    return true;
}

static int begin(void **state)
{
    (void)state;
    static struct handover h = {.log_level = LOG_INFO};
    log_init(&h);
    memset(partitions, 0, sizeof(partitions));
    memset(said, 0, sizeof(said));
    memset(heard, 0, sizeof(heard));
    out = busy = 0;
    for (u32 i = 0; i < COUNT; i++) {
        partitions[1 + i].config = &configs[i];
        partitions[1 + i].console.ring = rings[i];
    }
    port_log(LOG_INFO, "begins");       /* which ends what a test before this one has left */
    out = 0;
    return 0;
}

static void note(u32 who, char c)
{
    assert_true(said[who].length < TEXT);
    said[who].text[said[who].length++] = c;
}

static void type(u32 who, const char *text)
{
    for (; *text != 0; text++) {
        partition_uart_write(&partitions[1 + who], 0, (u8)*text);
        if (*text != '\n') {
            note(who, *text);
        }
    }
}

static void drain(u32 times)
{
    while (times-- > 0 && partition_console_drain()) {
    }
}

static void expect(const char *text)
{
    assert_int_equal(out, strlen(text));
    assert_memory_equal(output, text, out);
}

static void one_that_goes_on_has_its_name_again(void **state)
{
    (void)state;
    type(0, "one");
    drain(UINT32_MAX);
    type(1, "two\n");
    drain(UINT32_MAX);
    type(0, ", three");
    drain(UINT32_MAX);
    type(0, ", four");
    drain(UINT32_MAX);
    port_log(LOG_INFO, "five");
    type(0, ", six\n");
    drain(UINT32_MAX);
    expect("a: one\nbb: two\na: , three, four\nnestor: five\na: , six\n");
}

/* Nestor speaks, on another CPU, after the text was made and before it is offered. */
static void a_text_that_no_more_fits_is_not_taken(void **state)
{
    (void)state;
    assert_true(log_pass(&partitions[1], NULL, "a: one", 6));
    const void *amid = log_amid();
    assert_ptr_equal(amid, &partitions[1]);
    port_log(LOG_INFO, "two");
    assert_false(log_pass(&partitions[1], amid, "three\n", 6));
    assert_null(log_amid());
    expect("a: one\nnestor: two\n");
}

/* A line belongs to whose name it begins with; one that was cut within the name is no more than a part of that. */
static void hear(const char *line, u32 length)
{
    for (u32 who = 0; who <= COUNT; who++) {
        u32 name = (u32)strlen(speakers[who]);
        if (strncmp(line, speakers[who], length < name ? length : name) != 0) {
            continue;
        }
        for (u32 i = name; i < length; i++) {
            assert_true(line[i] != '$' || i == length - 1);
            heard[who].text[heard[who].length++] = line[i];
        }
        return;
    }
    fail_msg("nobody's line: %.*s", (int)length, line);
}

static void say_a_little(u32 who)
{
    if (who == COUNT) {
        port_log(LOG_INFO, "%u$", pick(1000));
        return;
    }
    const struct partition_output *o = &partitions[1 + who].console;
    u32 length = pick(40);
    for (u32 i = 0; i < length && o->put - o->taken < PARTITION_RING - 2; i++) {
        bool ends = pick(12) == 0;
        type(who, ends ? "$\n" : (const char[]){(char)('0' + pick(10)), 0});
    }
}

/* Each line that is meant to end has a $ there. */
static void nobody_is_taken_for_another(void **state)
{
    (void)state;
    seed = pick_seed_or(1);
    u64 rounds = repeat(ROUNDS);
    for (u64 i = 0; i < rounds; i++) {
        say_a_little(pick(20) == 0 ? COUNT : pick(COUNT));
        busy = pick(4);
        drain(pick(6));
    }
    busy = 0;
    drain(UINT32_MAX);
    port_log(LOG_INFO, "ends$");
    for (u32 at = 0; at < out;) {
        u32 length = (u32)((const char *)memchr(output + at, '\n', out - at) - (output + at));
        hear(output + at, length);
        at += length + 1;
    }
    for (u32 who = 0; who < COUNT; who++) {
        assert_true(said[who].length > rounds);
        assert_int_equal(heard[who].length, said[who].length);
        assert_memory_equal(heard[who].text, said[who].text, said[who].length);
    }
    assert_true(heard[COUNT].length > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(one_that_goes_on_has_its_name_again, begin),
        cmocka_unit_test_setup(a_text_that_no_more_fits_is_not_taken, begin),
        cmocka_unit_test_setup(nobody_is_taken_for_another, begin),
    };
    return cmocka_run_group_tests_name("hv/partition/console", tests, NULL, NULL);
}
