/* SPDX-License-Identifier: BSD-2-Clause */
/* See cpus.h. */
#include "boot/uefi.h"

#include "boot/bridge.h"
#include "boot/cpu.h"
#include "boot/cpus.h"

enum { TIMEOUT_US = 20 * 1000 * 1000, MSR_EFER = 0xc0000080, EFER_NXE = 1 << 11 };

typedef VOID(EFIAPI *ap_procedure)(VOID *argument);

enum { PROCESSOR_BOOT = 1 << 0, PROCESSOR_ENABLED = 1 << 1 };

struct processor_info {
    UINT64 apic_id;
    UINT32 flags;
    UINT32 place[3 + 6];        /* package, core and thread, in two forms */
};

/* Only the members that are used are spelt out; the others keep the layout. */
struct mp_services {
    EFI_STATUS(EFIAPI *number_of_processors)(struct mp_services *mp, UINTN *all, UINTN *enabled);
    EFI_STATUS(EFIAPI *processor_info)(struct mp_services *mp, UINTN number, struct processor_info *out);
    EFI_STATUS(EFIAPI *startup_all_aps)(struct mp_services *mp, ap_procedure procedure,
                                        BOOLEAN single_thread, EFI_EVENT wait, UINTN timeout_us,
                                        VOID *argument, UINTN **failed);
    VOID *startup_this_ap;
    VOID *switch_bsp;
    VOID *enable_disable_ap;
    EFI_STATUS(EFIAPI *who_am_i)(struct mp_services *mp, UINTN *number);
};

static EFI_GUID mp_services_guid = {0x3fdda605, 0xa76e, 0x4f46,
                                    {0xad, 0x29, 0x12, 0xf4, 0x53, 0x1b, 0x3d, 0x08}};

/* Shared by the CPUs, which enter one at a time. */
struct entering {
    const struct placement *placement;
    volatile u64 next_index;
    volatile u64 result;
};

static struct mp_services *find_mp_services(void)
{
    struct mp_services *mp;
    return EFI_ERROR(BS->LocateProtocol(&mp_services_guid, NULL, (VOID **)&mp)) ? NULL : mp;
}

static void note_facts(struct surveyed_cpu *c, const struct cpu_facts *facts)
{
    c->answered = true;
    c->x2apic_on = facts->x2apic_on;
    c->x2apic_locked = facts->x2apic_locked;
    c->missing = cpu_missing(facts);
}

struct surveying {
    struct mp_services *mp;
    struct survey *survey;
};

/* On all other CPUs at once; each writes to its own place in the list. */
static VOID EFIAPI survey_ap(VOID *argument)
{
    const struct surveying *s = argument;
    struct cpu_facts facts;
    UINTN number;
    if (!EFI_ERROR(s->mp->who_am_i(s->mp, &number)) && number < ACPI_CPUS) {
        cpu_read(&facts);
        note_facts(&s->survey->list[number], &facts);
    }
}

static void survey_boot_cpu(struct survey *out)
{
    struct cpu_facts facts;
    cpu_read(&facts);
    *out = (struct survey){.count = 1};
    out->list[0] = (struct surveyed_cpu){.apic_id = facts.apic_id, .enabled = true};
    note_facts(&out->list[0], &facts);
}

void cpus_survey(struct survey *out)
{
    struct surveying s = {find_mp_services(), out};
    struct processor_info info;
    UINTN all;
    UINTN enabled;
    UINTN *failed = NULL;
    if (s.mp == NULL || EFI_ERROR(s.mp->number_of_processors(s.mp, &all, &enabled))) {
        survey_boot_cpu(out);
        return;
    }
    *out = (struct survey){.services = true, .count = (u32)all};
    for (UINTN i = 0; i < all && i < ACPI_CPUS; i++) {
        if (!EFI_ERROR(s.mp->processor_info(s.mp, i, &info))) {
            out->list[i].apic_id = (u32)info.apic_id;
            out->list[i].enabled = (info.flags & (PROCESSOR_ENABLED | PROCESSOR_BOOT)) != 0;
        }
    }
    survey_ap(&s);
    if (enabled > 1) {
        /* A CPU that does not answer is seen by that. */
        (void)s.mp->startup_all_aps(s.mp, survey_ap, FALSE, NULL, TIMEOUT_US, &s, &failed);
    }
}

/* The image's page tables use the no-execute bit, which firmware may have left off on some CPU. */
static void enable_no_execute(void)
{
    u32 low;
    u32 high;
    __asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(MSR_EFER));
    if ((low & EFER_NXE) == 0) {
        __asm__ volatile("wrmsr" : : "a"(low | EFER_NXE), "d"(high), "c"(MSR_EFER));
    }
}

/*
 * The bridge's descriptor is on the calling CPU's own stack: the guest may be resumed from it long
 * after another CPU has used the stack that the image's calls share.
 */
static u64 call(const struct placement *p, u64 entry, u64 cpu_index)
{
    struct bridge bridge = {.entry = entry, .cpu_index = cpu_index, .page_table = p->page_table,
                            .handover = p->handover->direct_map + (u64)(uintptr_t)p->handover,
                            .stack = p->stack};
    bridge.resume_pointer = p->handover->direct_map + (u64)(uintptr_t)&bridge.resume;
    enable_no_execute();
    return bridge_call(&bridge);
}

enum result cpus_prepare(const struct placement *placement)
{
    return (enum result)call(placement, placement->entry.prepare, 0);
}

enum result cpus_abandon(const struct placement *placement)
{
    return (enum result)call(placement, placement->entry.abandon, 0);
}

static VOID EFIAPI enter_on_ap(VOID *argument)
{
    struct entering *e = argument;
    if (e->result == OK) {
        e->result = call(e->placement, e->placement->entry.enter, e->next_index++);
    }
}

enum result cpus_enter(const struct placement *placement)
{
    struct entering e = {.placement = placement, .next_index = 1, .result = OK};
    struct mp_services *mp = find_mp_services();
    if (placement->handover->cpu_count > 1) {
        UINTN *failed = NULL;
        EFI_STATUS status = mp == NULL ? EFI_UNSUPPORTED
                                       : mp->startup_all_aps(mp, enter_on_ap, TRUE, NULL,
                                                             TIMEOUT_US, &e, &failed);
        if (EFI_ERROR(status) && e.result == OK) {
            e.result = ERR_TIMEOUT;
        }
        if (e.result == OK && e.next_index != placement->handover->cpu_count) {
            e.result = ERR_TIMEOUT;
        }
    }
    if (e.result != OK) {
        return (enum result)e.result;
    }
    return (enum result)call(placement, placement->entry.enter, 0);
}
