/* Fatal errors: what, where, which CPU, the exit state in words; then the configured policy. */
#ifndef NESTOR_HV_VCPU_PANIC_H
#define NESTOR_HV_VCPU_PANIC_H

#include "hv/types.h"

struct exception_frame;

_Noreturn void panic(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* An exception in root mode. */
_Noreturn void panic_exception(const struct exception_frame *frame);
/* The same policy after lines of its own. */
_Noreturn void panic_end(void);
/* The guest's state as the VMCS has it, in words. */
void panic_show_guest(void);
/* As hardware would: the chipset's reset, then a triple fault. */
_Noreturn void machine_reset(void);

#endif
