# SPDX-License-Identifier: BSD-2-Clause
# Nestor without one of the things that keep partitions apart, for test_exact: what it finds, it must miss in these. Of
# each: the file, a text that is in it once (as sed -z has it), and what stands there instead.
MUTANTS := icr startup remapping kicks

# IPIs of the guest go to whichever CPUs they name, and so do its INITs, start-up IPIs and NMIs.
icr_FILE := hv/guest/icr.c
icr_TEXT := members & icr_wanted(command) : 0
icr_MADE := icr_wanted(command) : 0
startup_FILE := hv/exit/apic.c
startup_TEXT := v->partition != sender->partition ||
startup_MADE :=
# Units remap nothing until the root wants them to.
remapping_FILE := hv/vcpu/life.c
remapping_TEXT := if (root->interrupts_apart
remapping_MADE := if (root->config != NULL
# A change of one partition's second stage interrupts the CPUs of all.
kicks_FILE := hv/vcpu/kick.c
kicks_TEXT := c != self && runs(c, p)) {\n            kick_exit
kicks_MADE := c != NULL \&\& c != self \&\& c->run == RUN_GUEST) {\n            kick_exit

# Of one that tests need in each run: the second life of a partition cannot enter (SDM 28.3.1.4, bit 1 of RFLAGS).
entry_FILE := hv/vcpu/start.c
entry_TEXT := v->startup = 0;
entry_MADE := v->startup = 0u;\n    if (v->partition->life.starts == 2) {\n\
        vmcs_write(VMCS_GUEST_RFLAGS, 0);\n    }
TEST_NEEDS += $O/bochs/mutants/entry.efi

# One of them in each run of the tests, all in `make test-long`; that their texts are still there is seen in each.
TEST_NEEDS += $(MUTANTS:%=$O/bochs/mutants/%.c)
TEST_NEEDS += $(patsubst %,$O/bochs/mutants/%.efi,$(if $(filter 1,$(NESTOR_LONG)),$(MUTANTS),kicks))
define MUTANT
$O/bochs/mutants/$1.c: $($1_FILE) tests/bochs/mutants.mk
	@mkdir -p $$(@D)
	sed -z 's/$($1_TEXT)/$($1_MADE)/' $$< >$$@
	! cmp -s $$< $$@
	sed -z 's/$($1_TEXT)/$($1_MADE)/' $$@ | cmp -s - $$@
$O/bochs/mutants/$1/nestor.elf: $O/bochs/mutants/$1.o $(filter-out $O/hv-image/$($1_FILE:.c=.o),$(HV_OBJ)) linker.ld
	@mkdir -p $$(@D)
	$(HV_LINK) -o $$@ $$(filter %.o,$$^)
$O/bochs/mutants/$1.efi.so: $O/bochs/mutants/$1/image.o $(filter-out $O/efi/boot/image.o,$(BOOT_OBJ))
	$$(EFI_LINK)
endef
$(foreach m,$(MUTANTS) entry,$(eval $(call MUTANT,$m)))
$O/bochs/mutants/%.o: $O/bochs/mutants/%.c Makefile
	$(CC) $(HV_FLAGS) -c -o $@ $<
$O/bochs/mutants/%/image.o: $O/bochs/mutants/%/nestor.elf
	$(IMAGE_AS_DATA)
