# Fuzzers: libFuzzer with ASan and UBSan, built by clang. `make fuzz` runs each for
# FUZZ_SECONDS and keeps what it finds in obj/fuzz/corpus; tests/fuzz/test_* run the
# committed corpora as tests.
FUZZ_SECONDS ?= 600
FUZZ_FLAGS := -std=gnu11 -O2 -g -I. $(REPRO) -MMD -MP -fno-omit-frame-pointer \
	-fsanitize=address,undefined -fno-sanitize-recover=all
# Only what is under test steers the fuzzer.
FUZZ_STEER = $(if $(filter iommu/% hv/% drivers/% boot/%,$<),-fsanitize=fuzzer-no-link)
FUZZ_TARGETS := $(patsubst tests/fuzz/fuzz_%.c,$O/fuzz/%,$(wildcard tests/fuzz/fuzz_*.c))
FUZZ_SHARED := $(filter-out $(wildcard tests/fuzz/fuzz_*.c),$(wildcard tests/fuzz/*.c))
FUZZ_OBJ := $(patsubst %.c,$O/fuzz/obj/%.o,$(filter iommu/% tests/%,$(HOSTED_C)) $(FUZZ_SHARED))
TEST_NEEDS += $(FUZZ_TARGETS)

$O/fuzz/obj/%.o: %.c Makefile tests/fuzz/fuzz.mk
	@mkdir -p $(@D) && $(SAY) "CC $<"
	$(CLANG) $(FUZZ_FLAGS) $(FUZZ_STEER) -c -o $@ $<
$O/fuzz/libfuzz.a: $(FUZZ_OBJ)
	rm -f $@ && ar rcsD $@ $^
$(FUZZ_TARGETS): $O/fuzz/%: $O/fuzz/obj/tests/fuzz/fuzz_%.o $O/fuzz/libfuzz.a
	$(CLANG) -fsanitize=fuzzer,address,undefined -o $@ $^

fuzz: $(FUZZ_TARGETS) ## run every fuzzer for FUZZ_SECONDS (600)
	for t in $(notdir $(FUZZ_TARGETS)); do mkdir -p $O/fuzz/corpus/$$t; \
		$O/fuzz/$$t -max_total_time=$(FUZZ_SECONDS) -timeout=20 -max_len=512 -print_final_stats=1 \
			-artifact_prefix=$O/fuzz/ $O/fuzz/corpus/$$t tests/fuzz/corpus/$$t || exit 1; done
