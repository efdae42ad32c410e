# SPDX-License-Identifier: BSD-2-Clause
# Fuzzers: libFuzzer with ASan and UBSan, built by clang. `make fuzz SECONDS=n` runs each for n seconds, as
# tests/fuzz/test_* do for 20; what they find on the way stays in obj/fuzz/corpus.
SECONDS ?= 600
FUZZ ?= $(notdir $(FUZZ_TARGETS))
FUZZ_FLAGS := -std=gnu11 -O2 -g -I. $(REPRO) -MMD -MP -fno-omit-frame-pointer \
	-fsanitize=address,undefined -fno-sanitize-recover=all
# Only what is under test steers the fuzzer.
FUZZ_STEER = $(if $(filter iommu/% hv/% drivers/% boot/%,$<),-fsanitize=fuzzer-no-link)
FUZZ_TARGETS := $(patsubst tests/fuzz/fuzz_%.c,$O/fuzz/%,$(wildcard tests/fuzz/fuzz_*.c))
FUZZ_SHARED := $(filter-out $(wildcard tests/fuzz/fuzz_*.c),$(wildcard tests/fuzz/*.c))
FUZZ_OBJ := $(patsubst %.c,$O/fuzz/obj/%.o,$(filter-out tools/%,$(HOSTED_C)) $(FUZZ_SHARED))
TEST_NEEDS += $(FUZZ_TARGETS)

$O/fuzz/obj/%.o: %.c Makefile tests/fuzz/fuzz.mk
	@mkdir -p $(@D) && $(SAY) "CC $<"
	$(CLANG) $(FUZZ_FLAGS) $(FUZZ_STEER) -c -o $@ $<
$O/fuzz/libfuzz.a: $(FUZZ_OBJ)
	rm -f $@ && ar rcsD $@ $^
$(FUZZ_TARGETS): $O/fuzz/%: $O/fuzz/obj/tests/fuzz/fuzz_%.o $O/fuzz/libfuzz.a
	$(CLANG) -fsanitize=fuzzer,address,undefined -o $@ $^ $(if $(findstring insn,$@),-lZydis)

fuzz: $(FUZZ_TARGETS) ## run every fuzzer for SECONDS (600)
	for t in $(FUZZ); do FUZZ_SECONDS=$(SECONDS) tests/fuzz/test_$$t || exit 1; done
