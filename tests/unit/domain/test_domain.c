/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Second-stage domains: the read-only rule, flushing, and every way in which
 * each of them is refused. Each case ends with all pages back in the pool.
 */
#include "unit/domain/domain_kit.h"

#define RW (PROT_READ | PROT_WRITE)

static enum result map(struct domain *d, u64 gpa, u64 size, u32 prot)
{
    return domain_map(d, (gpa_t){gpa}, (hpa_t){gpa + G1}, size, prot, MEM_WB);
}

static void test_create_refused(void **state)
{
    struct domain_config config = config_of(true, false);
    struct domain *d;
    (void)state;
    begin();
    config.levels = 7;
    assert_int_equal(domain_create(&config, &d), ERR_INVALID);
    assert_int_equal(hosted_log_lines(), 1);
    config = config_of(false, true);
    for (u32 n = 0; n < 3; n++) {
        hosted_fail_after(n);
        assert_int_equal(domain_create(&config, &d), ERR_NO_MEMORY);
        assert_int_equal(hosted_pages_used(), 0);
    }
}

static void test_trace(void **state)
{
    struct domain *d = plain();
    struct ptab_step steps[PTAB_MAX_LEVELS];
    hpa_t root = domain_unit_root(d, 4);
    (void)state;
    assert_int_equal(map(d, 0, M2 + K4, RW), OK);
    assert_int_equal(domain_trace(d, root, 4, K4, steps), 3);
    assert_int_equal(steps[2].level, 2);
    assert_int_equal(steps[2].entry & second_stage_format.address, G1);
    assert_int_equal(domain_trace(d, root, 4, M2 + 1, steps), 4);
    for (u32 i = 0; i < 4; i++) {
        assert_int_equal(steps[i].level, 4 - i);
        assert_true(steps[i].entry == *(const u64 *)port_hpa_to_ptr(steps[i].at));
    }
    assert_int_equal(steps[3].entry & second_stage_format.address, G1 + M2);
    /* A hole; an address that is too large; somebody else's root, or with other levels. */
    assert_int_equal(domain_trace(d, root, 4, M2 + K4, steps), 4);
    assert_int_equal(steps[3].entry, 0);
    assert_int_equal(domain_trace(d, root, 4, 1ull << 48, steps), 0);
    assert_int_equal(domain_trace(d, (hpa_t){root.v + K4}, 4, 0, steps), 0);
    assert_int_equal(domain_trace(d, root, 5, 0, steps), 0);
    u64 bytes;
    assert_int_equal(domain_unmap(d, (gpa_t){0}, G1, &bytes), OK);
    end(d);
}

static void test_map_and_look(void **state)
{
    struct domain *d = plain();
    struct domain_mapping m;
    u64 bytes;
    (void)state;
    assert_int_equal(map(d, 0, M2 + K4, RW | PROT_EXEC), OK);
    assert_int_equal(domain_walk(d, (gpa_t){M2 - 1}, &m), OK);
    assert_int_equal(m.gpa.v, 0);
    assert_int_equal(m.hpa.v, G1);
    assert_int_equal(m.size, M2);
    assert_int_equal(m.prot, RW | PROT_EXEC);
    assert_int_equal(m.type, MEM_WB);
    assert_int_equal(domain_set_type(d, (gpa_t){0}, M2, MEM_UC), OK);
    assert_int_equal(domain_protect(d, (gpa_t){M2}, K4, PROT_READ), OK);
    assert_true(domain_next(d, (gpa_t){M2}, &m));
    assert_int_equal(m.prot, PROT_READ);
    assert_int_equal(m.type, MEM_WB);
    assert_true(domain_next(d, (gpa_t){0}, &m));
    assert_int_equal(m.type, MEM_UC);
    assert_false(domain_next(d, (gpa_t){M2 + K4}, &m));
    assert_int_equal(domain_walk(d, (gpa_t){M2 + K4}, &m), ERR_NOT_FOUND);
    assert_int_equal(domain_levels(d), 4);
    assert_int_equal(domain_table_pages(d), 4);
    assert_int_equal(domain_cpu_root(d).v, domain_unit_root(d, domain_levels(d)).v);
    assert_int_equal(domain_unmap(d, (gpa_t){0}, G1, &bytes), OK);
    assert_int_equal(bytes, M2 + K4);
    assert_int_equal(domain_table_pages(d), 1);
    end(d);
}

static void test_arguments_refused(void **state)
{
    struct domain *d = plain();
    u64 bytes;
    (void)state;
    assert_int_equal(map(d, 0, K4, PROT_WRITE), ERR_INVALID);
    assert_int_equal(map(d, 0, K4, 0), ERR_INVALID);
    assert_int_equal(map(d, 0, K4, RW | 8), ERR_INVALID);
    assert_int_equal(domain_map(d, (gpa_t){0}, (hpa_t){0}, K4, RW, (enum mem_type)2), ERR_INVALID);
    assert_int_equal(domain_protect(d, (gpa_t){0}, K4, 0), ERR_INVALID);
    assert_int_equal(domain_protect(d, (gpa_t){1}, K4, RW), ERR_INVALID);
    assert_int_equal(domain_set_type(d, (gpa_t){0}, K4, (enum mem_type)7), ERR_INVALID);
    assert_int_equal(domain_set_type(d, (gpa_t){0}, 0, MEM_WB), ERR_INVALID);
    assert_int_equal(domain_unmap(d, (gpa_t){0}, 5, &bytes), ERR_INVALID);
    assert_int_equal(map(d, 0, K4, RW), OK);
    assert_int_equal(map(d, 0, M2, RW), ERR_EXISTS);
    end(d);
}

/* --- the read-only rule, one root --- */

static void test_rule_parent_first(void **state)
{
    struct domain_config config = config_of(true, false);
    struct domain *d;
    struct domain_mapping m;
    (void)state;
    begin();
    d = create(&config);
    assert_int_equal(map(d, 0, G1, PROT_READ), ERR_READ_ONLY_IN_PARENT);
    assert_int_equal(map(d, 0, G1, PROT_READ | PROT_EXEC), ERR_READ_ONLY_IN_PARENT);
    assert_false(domain_next(d, (gpa_t){0}, &m));
    assert_int_equal(map(d, 0, G1, RW), OK);
    /* A part of a large page, all of it, and a range that straddles its end. */
    assert_int_equal(domain_protect(d, (gpa_t){M2 + K4}, K4, PROT_READ), ERR_READ_ONLY_IN_PARENT);
    assert_int_equal(domain_protect(d, (gpa_t){0}, G1, PROT_READ), ERR_READ_ONLY_IN_PARENT);
    assert_int_equal(domain_protect(d, (gpa_t){G1 - K4}, 2 * K4, PROT_READ),
                     ERR_READ_ONLY_IN_PARENT);
    assert_int_equal(map(d, G1 - K4, 2 * K4, PROT_READ), ERR_READ_ONLY_IN_PARENT);
    assert_int_equal(hosted_log_lines(), 6);
    assert_int_equal(domain_walk(d, (gpa_t){G1 - 1}, &m), OK);
    assert_int_equal(m.size, G1);
    assert_int_equal(m.prot, RW);
    assert_int_equal(domain_protect(d, (gpa_t){0}, G1, RW | PROT_EXEC), OK);
    end(d);
}

static void test_rule_read_only_first(void **state)
{
    struct domain *d = plain();
    u64 bytes;
    (void)state;
    assert_int_equal(map(d, 0, 2 * G1, RW), OK);
    assert_int_equal(domain_protect(d, (gpa_t){G1 + M2 + K4}, K4, PROT_READ), OK);
    assert_int_equal(domain_make_parent(d), ERR_PARENT_HAS_READ_ONLY);
    assert_int_equal(hosted_log_lines(), 1);
    /* Refused means refused: it is no parent, so read-only is still allowed. */
    assert_int_equal(map(d, 8 * G1, G1, PROT_READ), OK);
    assert_int_equal(domain_unmap(d, (gpa_t){8 * G1}, G1, &bytes), OK);
    assert_int_equal(domain_protect(d, (gpa_t){G1 + M2 + K4}, K4, RW), OK);
    assert_int_equal(domain_make_parent(d), OK);
    assert_int_equal(domain_make_parent(d), OK);
    assert_int_equal(domain_protect(d, (gpa_t){0}, K4, PROT_READ), ERR_READ_ONLY_IN_PARENT);
    end(d);
}

/* The config says that the units do not have the erratum. */
static void test_rule_lifted(void **state)
{
    struct domain_config config = config_of(true, false);
    struct domain *d;
    (void)state;
    begin();
    config.rule_lifted = true;
    d = create(&config);
    assert_int_equal(map(d, 0, G1, PROT_READ), OK);
    assert_int_equal(map(d, G1, G1, RW), OK);
    assert_int_equal(domain_protect(d, (gpa_t){G1}, K4, PROT_READ), OK);
    end(d);
    config.parent = false;
    d = create(&config);
    assert_int_equal(map(d, 0, G1, PROT_READ), OK);
    assert_int_equal(domain_make_parent(d), OK);
    end(d);
}

/* A missing permission above a leaf makes it read-only, just like one in the leaf. */
static void test_rule_non_leaf(void **state)
{
    struct domain *d = plain();
    u64 *root = port_hpa_to_ptr(domain_cpu_root(d));
    u64 *table;
    (void)state;
    assert_int_equal(map(d, 0, K4, RW), OK);
    table = port_hpa_to_ptr((hpa_t){root[0] & ~0xfffull});
    table[0] &= ~(u64)PROT_WRITE;
    assert_int_equal(domain_make_parent(d), ERR_PARENT_HAS_READ_ONLY);
    table[0] |= PROT_WRITE;
    root[0] &= ~(u64)PROT_WRITE;
    assert_int_equal(domain_make_parent(d), ERR_PARENT_HAS_READ_ONLY);
    root[0] |= PROT_WRITE;
    assert_int_equal(domain_make_parent(d), OK);
    end(d);
}

static void test_rule_diverging(void **state)
{
    struct domain_config config = config_of(false, true);
    struct domain *d;
    (void)state;
    begin();
    d = create(&config);
    assert_true(domain_cpu_root(d).v != domain_unit_root(d, domain_levels(d)).v);
    assert_int_equal(map(d, 0, G1, RW | PROT_EXEC), OK);
    assert_int_equal(domain_protect(d, (gpa_t){5 * K4}, K4, PROT_READ | PROT_EXEC), OK);
    assert_int_equal(domain_make_parent(d), OK);
    assert_int_equal(domain_protect(d, (gpa_t){M2}, M2, PROT_READ), OK);
    assert_int_equal(map(d, G1, G1, PROT_READ), OK);
    assert_int_equal(domain_make_parent(d), OK);
    end(d);
}

/* --- flush --- */

static u32 cpu_flushes;

static void cpu_flush(void *ctx)
{
    assert_ptr_equal(ctx, &cpu_flushes);
    cpu_flushes++;
}

static void test_flush(void **state)
{
    struct domain_config config = config_of(false, false);
    struct domain *d = plain();
    struct domain *f;
    u64 bytes;
    u32 pages;
    (void)state;
    config.cpu_flush = cpu_flush;
    config.ctx = &cpu_flushes;
    cpu_flushes = 0;
    f = create(&config);
    assert_int_equal(domain_attach(f, &unit0, VTD_ROOT_OFF, 1, 0), OK);
    assert_int_equal(domain_attach(f, &unit0, VTD_ROOT_OFF, 2, 0), OK);
    assert_int_equal(domain_attach(f, &unit1, VTD_ROOT_OFF, 1, 0), OK);
    assert_int_equal(domain_attach(d, &unit1, VTD_ROOT_OFF, 2, 0), OK);
    unit0.invals = 0;
    unit1.invals = 0;
    assert_int_equal(map(f, 0, K4, RW), OK);
    assert_int_equal(cpu_flushes, 0);
    assert_int_equal(domain_flush(f, (gpa_t){0}, K4), OK);
    /* One invalidation a unit, however many devices it has there, and none for the other domain. */
    assert_int_equal(cpu_flushes, 1);
    assert_int_equal(unit0.invals, 1);
    assert_int_equal(unit1.invals, 1);
    assert_int_equal(unit0.inval[0].size, K4);
    /* Tables that were taken out stay until nothing can walk them; then everything is invalidated. */
    pages = hosted_pages_used();
    assert_int_equal(domain_unmap(f, (gpa_t){0}, K4, &bytes), OK);
    assert_int_equal(hosted_pages_used(), pages);
    unit0.next_inval = ERR_TIMEOUT;
    assert_int_equal(domain_flush(f, (gpa_t){0}, K4), ERR_TIMEOUT);
    assert_int_equal(unit1.invals, 2);
    assert_int_equal(hosted_pages_used(), pages);
    assert_int_equal(domain_flush(f, (gpa_t){0}, K4), OK);
    assert_int_equal(unit0.inval[2].size, 0);
    assert_int_equal(hosted_pages_used(), pages - 3);
    assert_int_equal(domain_detach(f, &unit0, VTD_ROOT_OFF, 1, 0), OK);
    assert_int_equal(domain_detach(f, &unit0, VTD_ROOT_OFF, 2, 0), OK);
    assert_int_equal(domain_detach(f, &unit1, VTD_ROOT_OFF, 1, 0), OK);
    assert_int_equal(domain_detach(d, &unit1, VTD_ROOT_OFF, 2, 0), OK);
    destroy(f);
    end(d);
}

/* Follows in so many steps; then another is as far as it was told. */
struct slow {
    struct domain_follower follower;
    u32 work, left, begun;
};

static bool slow_changed(struct domain_follower *self, bool again, u32 *budget)
{
    struct slow *f = (struct slow *)(void *)self;
    f->begun += again;
    f->left = again ? f->work : f->left;
    u32 steps = least(f->left, *budget);
    f->left -= steps;
    *budget -= steps;
    return f->left == 0;
}

/*
 * One budget for all followers: until the last is done nothing is given back, and what is taken away meanwhile has all
 * of them begin again.
 */
static void test_followers(void **state)
{
    struct slow f[2] = {{{.changed = slow_changed}, .work = DOMAIN_FOLLOW_STEPS + 1},
                        {{.changed = slow_changed}, .work = 2 * DOMAIN_FOLLOW_STEPS}};
    struct domain *d = plain();
    u64 bytes;
    (void)state;
    domain_follow(d, &f[0].follower);
    domain_follow(d, &f[1].follower);
    assert_int_equal(map(d, 0, K4, RW), OK);
    assert_int_equal(map(d, G1, K4, RW), OK);
    assert_int_equal(domain_flush(d, (gpa_t){0}, K4), OK);
    assert_int_equal(f[0].begun + f[1].begun, 0);
    assert_int_equal(domain_unmap(d, (gpa_t){0}, K4, &bytes), OK);
    u32 pages = hosted_pages_used();
    for (u32 i = 0; i < 2; i++) {
        assert_int_equal(domain_flush(d, (gpa_t){0}, K4), ERR_BUSY);
        assert_int_equal(f[0].begun + f[1].begun, 2);
    }
    assert_int_equal(domain_unmap(d, (gpa_t){G1}, K4, &bytes), OK);
    for (u32 i = 0; i < 3; i++) {
        assert_int_equal(hosted_pages_used(), pages);
        assert_int_equal(domain_flush(d, (gpa_t){G1}, K4), ERR_BUSY);
        assert_int_equal(f[0].begun + f[1].begun, 4);
    }
    assert_int_equal(domain_flush(d, (gpa_t){G1}, K4), OK);
    assert_true(hosted_pages_used() < pages);
    assert_int_equal(domain_flush(d, (gpa_t){0}, 0), OK);
    assert_int_equal(f[0].begun + f[1].begun, 4);
    domain_unfollow(d, &f[1].follower);
    domain_unfollow(d, &f[0].follower);
    end(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_create_refused), cmocka_unit_test(test_trace), cmocka_unit_test(test_map_and_look),
        cmocka_unit_test(test_arguments_refused), cmocka_unit_test(test_rule_parent_first),
        cmocka_unit_test(test_rule_read_only_first), cmocka_unit_test(test_rule_non_leaf),
        cmocka_unit_test(test_rule_lifted), cmocka_unit_test(test_rule_diverging),
        cmocka_unit_test(test_flush), cmocka_unit_test(test_followers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
