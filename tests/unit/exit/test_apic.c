/* SPDX-License-Identifier: BSD-2-Clause */
/* Whom IPIs reach while a CPU leaves the partition of the sender: nobody on the other side. */
#include "hv/exit/apic.h"

#include "hv/machine/apic.h"
#include "hv/machine/checked.h"
#include "hv/machine/cpu.h"
#include "hv/partition/partition.h"
#include "hv/vcpu/life.h"
#include "hv/vcpu/start.h"
#include "iommu/port.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

enum { CPUS = 2, NMI = 0x4400, INIT = 0x4500, SIPI = 0x4608, ROUNDS = 300000, FIXED = 0x4050 };

static struct partition root, other = {.config = &(const struct handover_partition){.name = "a"}};
static struct vcpu stays, leaves, next;
static struct cpu cpus[CPUS];
static u32 reached, reached_next, sent;
static u64 last;

struct cpu *cpu_get(u32 index)
{
    return &cpus[index];
}

u32 cpu_count(void)
{
    return CPUS;
}

static void note(const struct vcpu *v)
{
    reached += v != &next ? 1 : 0;
    reached_next += v == &next ? 1 : 0;
}

void start_send_init(struct vcpu *v)
{
    note(v);
}

void start_send_sipi(struct vcpu *v, u32 vector)
{
    assert_int_equal(vector, SIPI & 0xff);
    note(v);
}

void start_send_nmi(struct vcpu *v)
{
    note(v);
}

void life_root_starts(struct partition *p)
{
    assert_ptr_equal(p, &root);
}

void apic_send(u64 command)
{
    last = command;
    sent++;
}

void apic_send_to_cluster(u32 cluster, u32 members, u32 command)
{
    last = (u64)cluster << 48 | (u64)members << 32 | command;
    sent++;
}

bool apic_is_x2apic(void)
{
    return true;
}

bool checked_msr_write(u32 msr, u64 value)
{
    (void)msr;
    (void)value;
    fail();
    return false;
}

static u16 clusters[1];

static void start(void)
{
    memset(cpus, 0, sizeof(cpus));
    clusters[0] = 3;
    root = (struct partition){.shares = true, .cpus = {clusters, 1}};
    stays = (struct vcpu){.partition = &root, .cpu = &cpus[0]};
    leaves = (struct vcpu){.partition = &root, .cpu = &cpus[1]};
    next = (struct vcpu){.partition = &other, .cpu = &cpus[1]};
    cpus[0] = (struct cpu){.vcpu = &stays, .apic_id = 0};
    cpus[1] = (struct cpu){.vcpu = &leaves, .apic_id = 1, .index = 1};
    reached = reached_next = sent = 0;
}

static void it_is_reached_until_it_leaves(void **state)
{
    static const u32 forms[] = {NMI, INIT, SIPI};
    (void)state;
    start();
    for (u32 i = 0; i < ARRAY_LEN(forms); i++) {
        assert_true(exit_apic_command(&stays, 1ull << 32 | forms[i]));
        assert_int_equal(reached, i + 1);
    }
    assert_true(exit_apic_command(&stays, 1ull << 32 | FIXED));
    assert_int_equal(sent, 1);
    clusters[0] = 1;
    cpus[1].vcpu = &next;
    for (u32 i = 0; i < ARRAY_LEN(forms); i++) {
        assert_true(exit_apic_command(&stays, 1ull << 32 | forms[i]));
        assert_true(exit_apic_command(&stays, 3 << 18 | forms[i]));
    }
    assert_true(exit_apic_command(&stays, 1ull << 32 | FIXED));
    assert_true(exit_apic_command(&stays, 3 << 18 | FIXED));
    assert_int_equal(reached, 3);
    assert_int_equal(reached_next, 0);
    assert_int_equal(sent, 1);
}

/* Moves, and is fetched back for the next round. */
static void *move(void *stop)
{
    while (!__atomic_load_n((bool *)stop, __ATOMIC_SEQ_CST)) {
        __atomic_store_n(&cpus[1].vcpu, &next, __ATOMIC_SEQ_CST);
        __atomic_store_n(&cpus[1].vcpu, &leaves, __ATOMIC_SEQ_CST);
    }
    return NULL;
}

static void while_it_leaves_it_is_one_or_the_other(void **state)
{
    (void)state;
    bool stop = false;
    pthread_t mover;
    start();
    assert_int_equal(pthread_create(&mover, NULL, move, &stop), 0);
    for (u32 i = 0; i < ROUNDS; i++) {
        assert_true(exit_apic_command(&stays, 1ull << 32 | (i % 2 != 0 ? NMI : INIT)));
    }
    __atomic_store_n(&stop, true, __ATOMIC_SEQ_CST);
    assert_int_equal(pthread_join(mover, NULL), 0);
    assert_true(reached != 0);
    assert_int_equal(reached_next, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_reached_until_it_leaves),
        cmocka_unit_test(while_it_leaves_it_is_one_or_the_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
