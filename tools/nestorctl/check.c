/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * check: what could Nestor do on this machine, by the rules of nestor.efi itself (boot/verdict.c), as far as the system
 * tells what they ask for. What it does not tell is "unknown", never yes or no.
 */
#include "drivers/format.h"
#include "tools/nestorctl/ctl.h"

static struct machine machine;

static void answer(struct out *o, const char *question, const char *word, const char *source, const char *detail)
{
    out_begin(o, question, false);
    if (o->json) {
        out_text(o, "question", "%s", question);
    }
    out_text(o, o->json ? "answer" : "", "%s", word);
    out_text(o, "source", "%s", source);
    if (detail != NULL && detail[0] != '\0') {
        out_text(o, o->json ? "detail" : "", "%s", detail);
    }
    out_end(o);
}

static void yes_or_no(struct out *o, const char *question, bool yes, const char *source, const char *detail)
{
    answer(o, question, yes ? "yes" : "no", source, detail);
}

static void answer_cpu(struct out *o, const struct platform_sources *s)
{
    char text[CPU_VMX_TEXT] = "";
    u32 at = 0;
    const char *missing = vmx_caps_missing(&machine.cpu.caps, &at);
    yes_or_no(o, "VMX is there", machine.cpu.vmx, s->cpu, machine.cpu.vmx || !machine.cpu.hypervisor
              ? machine.cpu.brand : "a hypervisor runs below and does not offer it");
    if (s->msrs == NULL) {
        answer(o, "VMX can all that Nestor needs", machine.cpu.vmx ? "unknown" : "no", s->cpu, s->unknown_msrs);
        return;
    }
    cpu_vmx_text(&machine.cpu, text);
    yes_or_no(o, "VMX can all that Nestor needs", machine.cpu.vmx && missing == NULL, s->msrs,
              missing != NULL ? missing : text);
}

static void answer_units(struct out *o, const struct platform_sources *s)
{
    char text[MACHINE_REASON];
    if (s->table == NULL) {
        answer(o, "VT-d is there", "unknown", "nothing", s->unknown_table);
        return;
    }
    (void)format_text(text, sizeof(text), "%u units, %u reserved regions", machine.dmar.unit_count,
                      machine.dmar.region_count);
    yes_or_no(o, "VT-d is there", machine.dmar_usable, s->table, machine.dmar_usable ? text : machine.dmar_reason);
    if (!machine.dmar_usable) {
        return;
    }
    yes_or_no(o, "every device is behind a unit", machine.covered, s->devices, NULL);
    yes_or_no(o, "the platform remaps interrupts", machine.dmar.intr_remap, s->table, NULL);
    for (u32 i = 0; i < machine.dmar.unit_count; i++) {
        char question[48];
        const char *why;
        (void)format_text(question, sizeof(question), "unit %u at %llx can nest", i, machine.dmar.units[i].base.v);
        if (s->units == NULL) {
            answer(o, question, "unknown", "nothing", s->unknown_units);
        } else {
            bool nests = vtd_caps_ability(machine.units[i].cap, machine.units[i].ecap, &why) == VTD_ABILITY_NESTED;
            yes_or_no(o, question, nests, s->units, why);
        }
    }
}

/* What is not known cannot be what decides: only a no by what is known stands. */
static void assume_the_best(struct machine *m, const struct platform_sources *s)
{
    u8 *caps = (u8 *)&m->cpu.caps;
    for (u32 i = 0; s->msrs == NULL && i < sizeof(m->cpu.caps); i++) {
        caps[i] = 0xff;
    }
    for (u32 i = 0; s->units == NULL && i < m->dmar.unit_count; i++) {
        m->units[i] = (struct unit_registers){.version = 0x10, .cap = 0x1000070500380e04ull,
                                              .ecap = 0x0001c8000403ff02ull};
    }
}

enum ctl_status ctl_check(struct ctl *c)
{
    struct platform_sources s;
    struct config config;
    struct verdict verdict;
    config_defaults(&config);
    platform_read_machine(&machine, &s);
    out_begin(&c->out, "", false);
    out_begin(&c->out, c->out.json ? "answers" : "", true);
    answer_cpu(&c->out, &s);
    answer_units(&c->out, &s);
    out_end(&c->out);
    assume_the_best(&machine, &s);
    bool table_known = s.table != NULL;
    machine.dmar_usable |= !table_known;
    verdict_reach(&machine, &config, &verdict);
    bool sure = s.msrs != NULL && table_known && (s.units != NULL || !machine.dmar_usable);
    const char *word = !verdict.start && table_known ? "no" : sure ? "yes" : "unknown";
    out_begin(&c->out, c->out.json ? "verdict" : "Nestor can run here", false);
    out_text(&c->out, c->out.json ? "answer" : "", "%s", word);
    if (word[0] != 'u') {
        out_text(&c->out, c->out.json ? "ability" : "with", "%s", vtd_ability_text(verdict.ability));
        out_text(&c->out, c->out.json ? "why" : "", "%s", verdict.why);
    }
    out_end(&c->out);
    out_end(&c->out);
    return word[0] == 'y' ? CTL_OK : word[0] == 'n' ? CTL_CANNOT : CTL_UNKNOWN;
}
