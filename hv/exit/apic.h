/* SPDX-License-Identifier: BSD-2-Clause */
/* The local APIC of a guest whose INIT and start-up IPIs are delivered by software (partition_starts_cpus()). */
#ifndef NESTOR_HV_EXIT_APIC_H
#define NESTOR_HV_EXIT_APIC_H

#include "hv/vcpu/vcpu.h"

/* A write to the interrupt command register in x2APIC mode; false: the CPU refuses it. */
must_use bool exit_apic_command(struct vcpu *v, u64 command);

/* Accesses to the page of xAPIC mode. */
u64 exit_apic_load(const struct vcpu *v, u64 gpa, u32 width);
void exit_apic_store(struct vcpu *v, u64 gpa, u32 width, u64 value);

#endif
