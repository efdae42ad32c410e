# SPDX-License-Identifier: BSD-2-Clause
# What is said of the sources: lint, and who may use whom.
.PHONY: lint lint-tidy lint-cppcheck deps
LINT_C := $(wildcard hv/*.c hv/*/*.c iommu/*/*.c drivers/*.c)
lint: lint-tidy lint-cppcheck ## clang-tidy and cppcheck over what is linked into the hypervisor
lint-tidy: $(LINT_C:%=$O/lint/%)
$O/lint/%: % .clang-tidy $(wildcard hv/*.h hv/*/*.h iommu/*.h iommu/*/*.h drivers/*.h)
	@mkdir -p $(@D)
	clang-tidy --quiet $< -- $(filter-out -MMD -MP -fno-strict-aliasing $(HV_LTO),$(HV_FLAGS))
	@touch $@
lint-cppcheck:
	cppcheck --quiet --error-exitcode=1 --std=c11 --enable=warning,portability --inline-suppr \
		--library=tools/cppcheck.cfg --suppressions-list=tools/cppcheck.txt -I. $(LINT_C)

# Objects that show who calls whom: nothing is inlined. A link of them tells what the image has no use for; what
# boot/ calls of the files that it shares is kept.
CALLS_OBJ := $(HV_C:%.c=$O/calls/%.o) $(HV_ASM:%.asm=$O/calls/%.o)
BOOT_CALLS_OBJ := $(patsubst %.c,$O/efi/%.o,$(wildcard boot/*.c))
$O/calls/%.o: %.c Makefile
	@mkdir -p $(@D) && $(SAY) "CC $<"
	$(CC) $(filter-out -Oz -g $(HV_LTO),$(HV_FLAGS)) -w -O1 -fno-inline -c -o $@ $<
$O/calls/%.o: %.asm Makefile
	@mkdir -p $(@D) && $(SAY) "AS $<"
	$(NASM) -f elf64 -I hv/ -MD $(@:.o=.d) -o $@ $<
$O/calls/left-out: $(CALLS_OBJ) $(BOOT_CALLS_OBJ) linker.ld
	$(NM) -u -P $(BOOT_CALLS_OBJ) | awk 'NF > 1 {print "-u " $$1}' >$@.keep
	$(LD) -static -T linker.ld --gc-sections --print-gc-sections @$@.keep -o $@.elf $(CALLS_OBJ) 2>$@ || \
		{ cat $@; exit 1; }
deps: $O/calls/left-out $O/nestor-conf ## who may use whom, what nobody uses, what text says
	@tools/deps $O/calls/left-out $(CALLS_OBJ) $(BOOT_CALLS_OBJ)
	@for t in paths config figures; do \
		tests/lint/test_$$t >$O/deps.log || { grep -v "^ok" $O/deps.log; exit 1; }; done
