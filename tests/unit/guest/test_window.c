/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The status window and its reader: what is proper, what is dropped, that a snapshot is whole, also while two programs
 * read on two CPUs and share sessions.
 */
#include "drivers/crc32.h"
#include "hv/guest/window.h"
#include "boot/status_client.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { PORT = 0x9c0, WORDS = 64, PARTS = 20, REPORTS = 10000 };

static struct window window;
static u8 buffers[STATUS_SESSIONS][STATUS_SNAPSHOT] __attribute__((aligned(8)));
static _Thread_local u32 select_register;
static u64 counter;
static u32 parts_in_access, most_parts;

/* Every word of a snapshot says the same number, and no two snapshots say the same. */
static bool report(void *ctx, struct window_session *s)
{
    (void)ctx;
    parts_in_access++;
    if (s->stage == 0) {
        s->position = __atomic_add_fetch(&counter, 1, __ATOMIC_RELAXED);
    }
    u64 *words = window_record(s, STATUS_VERSION, WORDS * sizeof(u64));
    if (words == NULL) {
        s->next = 7;
        return true;
    }
    for (u32 i = 0; i < WORDS; i++) {
        words[i] = s->position;
    }
    return ++s->stage == (s->report == STATUS_REPORT_LOG ? 1000 : s->report == STATUS_REPORT_EXITS ? 2 : PARTS);
}

static u64 now(void)
{
    return 42;
}

static u32 in(u16 port)
{
    parts_in_access = 0;
    u32 value = window_read(&window, &select_register, port - PORT, NULL);
    most_parts = parts_in_access > most_parts ? parts_in_access : most_parts;
    return value;
}

static void out(u16 port, u32 value)
{
    parts_in_access = 0;
    window_write(&window, &select_register, port - PORT, value, NULL);
    most_parts = parts_in_access > most_parts ? parts_in_access : most_parts;
}

static void begin(struct status_client *c)
{
    memset(&window, 0, sizeof(window));
    window.report = report;
    window.now = now;
    for (u32 i = 0; i < STATUS_SESSIONS; i++) {
        window.sessions[i].buffer = buffers[i];
    }
    *c = (struct status_client){.in = in, .out = out, .port = PORT};
}

static bool is_whole(const struct status_client *c)
{
    u64 said = 0;
    for (const struct status_record *r = NULL; (r = status_client_next(c, r)) != NULL;) {
        u64 words[WORDS];
        status_client_copy(r, words, sizeof(words));
        for (u32 i = 0; i < WORDS; i++) {
            said = said == 0 ? words[i] : said;
            if (words[i] != said) {
                return false;
            }
        }
    }
    return said != 0;
}

static void test_a_report(void **state)
{
    struct status_client c;
    (void)state;
    begin(&c);
    assert_true(status_client_take_from(&c, STATUS_REPORT_MACHINE, 0x123456789abcull));
    const struct status_header *h = status_client_header(&c);
    assert_int_equal(h->bytes, sizeof(*h) + PARTS * (sizeof(struct status_record) + WORDS * 8));
    assert_int_equal(h->tsc, 42);
    assert_int_equal(h->generation, 1);
    assert_int_equal(h->next, 0);
    assert_int_equal(window.sessions[0].asked[STATUS_ARGUMENT_HIGH], 0x1234);
    assert_true(is_whole(&c));
    assert_int_equal(c.torn, 0);
    assert_true(status_client_take_from(&c, STATUS_REPORT_MACHINE, 0));
    assert_int_equal(status_client_header(&c)->generation, 2);
    assert_true(most_parts <= WINDOW_PARTS);
}

static void test_a_report_that_does_not_fit(void **state)
{
    struct status_client c;
    (void)state;
    begin(&c);
    assert_true(status_client_take_from(&c, STATUS_REPORT_LOG, 0));
    assert_int_equal(status_client_header(&c)->next, 7);
    assert_true(status_client_header(&c)->bytes <= STATUS_SNAPSHOT);
    assert_true(is_whole(&c));
}

static u32 word(u32 session, u32 r, u32 offset)
{
    out(PORT + STATUS_SELECT, status_select(session, r, offset));
    return in(PORT + STATUS_DATA);
}

static void test_nothing_is_ones(void **state)
{
    struct status_client c;
    (void)state;
    begin(&c);
    for (u32 session = 0; session < STATUS_SESSIONS; session++) {
        for (u32 r = 0; r < 64; r++) {
            assert_int_equal(word(session, r, 0), 0xffffffff);
        }
    }
    assert_true(status_client_take_from(&c, STATUS_REPORT_EXITS, 0));
    u32 bytes = status_client_header(&c)->bytes;
    assert_int_equal(word(0, STATUS_REPORT_EXITS, bytes / 4), 0xffffffff);
    assert_int_equal(word(0, STATUS_REPORT_EXITS, 0xffffff), 0xffffffff);
    assert_int_equal(word(0, STATUS_REPORT_MACHINE, 0), 0xffffffff);
    assert_int_equal(word(1, STATUS_REPORT_EXITS, 0), 0xffffffff);
    assert_int_equal(in(PORT + STATUS_SELECT), status_select(1, STATUS_REPORT_EXITS, 0));
    /* Reports that there are none of begin nothing, arguments that there are none of change none. */
    for (u32 r = STATUS_REPORTS; r < 64; r++) {
        out(PORT + STATUS_SELECT, status_select(0, r, 0));
        out(PORT + STATUS_DATA, 1);
    }
    out(PORT + STATUS_SELECT, status_select(0, STATUS_ARGUMENT, STATUS_ARGUMENTS));
    out(PORT + STATUS_DATA, 0x77);
    assert_int_equal(word(0, STATUS_REPORT_EXITS, 2) * 1ull, bytes);
    for (u32 i = 0; i < STATUS_ARGUMENTS; i++) {
        assert_int_not_equal(window.sessions[0].argument[i], 0x77);
    }
}

/* Another CPU is at the session: nobody waits for it. */
static void test_busy_session(void **state)
{
    struct status_client c;
    (void)state;
    begin(&c);
    assert_true(status_client_take_from(&c, STATUS_REPORT_EXITS, 0));
    window.sessions[0].busy = 1;
    assert_int_equal(word(0, STATUS_REPORT_EXITS, 0), 0xffffffff);
    assert_true(status_client_take_from(&c, STATUS_REPORT_EXITS, 0));
    assert_int_not_equal(c.session, 0);
    assert_int_equal(c.torn, 1);
    window.sessions[1].busy = window.sessions[2].busy = window.sessions[3].busy = 1;
    assert_false(status_client_take_from(&c, STATUS_REPORT_EXITS, 0));
}

static void test_generation_wraps(void **state)
{
    struct status_client c;
    (void)state;
    begin(&c);
    window.sessions[0].generation = 0xfffffffd;
    for (u32 i = 0; i < 4; i++) {
        assert_true(status_client_take_from(&c, STATUS_REPORT_EXITS, 0));
        assert_int_not_equal(status_client_header(&c)->generation, STATUS_BUSY);
        assert_int_not_equal(status_client_header(&c)->generation, 0xffffffff);
    }
    assert_int_equal(c.torn, 0);
}

/* Whatever is in a snapshot, a reader stays within it. */
static void test_reader_believes_nothing(void **state)
{
    struct status_client c;
    (void)state;
    begin(&c);
    assert_true(status_client_take_from(&c, STATUS_REPORT_EXITS, 0));
    struct status_record *r = (struct status_record *)(void *)(c.snapshot + sizeof(struct status_header));
    u32 behind_end = (u32)(status_client_header(&c)->bytes - sizeof(struct status_header));
    const u32 lengths[] = {1, 0xfffffff8, STATUS_SNAPSHOT, behind_end};
    for (u32 i = 0; i < ARRAY_LEN(lengths); i++) {
        r->bytes = lengths[i];
        assert_null(status_client_next(&c, NULL));
    }
    r->bytes = 8;
    struct status_version v;
    memset(&v, 0xff, sizeof(v));
    status_client_copy(r, &v, sizeof(v));
    assert_int_equal(v.features, 0);
}

static u32 done[2], torn[2];

static void *read_many(void *ctx)
{
    u32 me = *(const u32 *)ctx;
    static _Thread_local struct status_client c;
    c = (struct status_client){.in = in, .out = out, .port = PORT};
    for (u32 i = 0; i < REPORTS; i++) {
        /* Two programs that know nothing of each other often want the same session. */
        c.session = i / 16 % 2 == 0 ? 0 : me;
        if (status_client_take_from(&c, STATUS_REPORT_EXITS, 0) && is_whole(&c)) {
            done[me]++;
        }
    }
    torn[me] = c.torn;
    return NULL;
}

static void test_two_readers(void **state)
{
    struct status_client c;
    pthread_t threads[2];
    u32 numbers[2] = {0, 1};
    (void)state;
    begin(&c);
    for (u32 i = 0; i < 2; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, read_many, &numbers[i]), 0);
    }
    for (u32 i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(done[i], REPORTS);
    }
    print_message("taken again: %u and %u\n", torn[0], torn[1]);
}

static void test_crc(void **state)
{
    (void)state;
    assert_int_equal(crc32_add(0, "123456789", 9), 0xcbf43926);
    assert_int_equal(crc32_add(crc32_add(0, "1234", 4), "56789", 5), 0xcbf43926);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_crc), cmocka_unit_test(test_a_report), cmocka_unit_test(test_a_report_that_does_not_fit),
        cmocka_unit_test(test_nothing_is_ones), cmocka_unit_test(test_busy_session),
        cmocka_unit_test(test_generation_wraps), cmocka_unit_test(test_reader_believes_nothing),
        cmocka_unit_test(test_two_readers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
