# SPDX-License-Identifier: BSD-2-Clause
# Benchmarks run the objects of the image, linked as the image is (tests/elf/test_image compares the code), in a world
# that is cheap and whose instructions are not counted. What is inlined differs from the image, and with it what the
# compiler believes to be uninitialized: the image's own link warns of that.
BENCH_FLAGS := $(COMMON) -g -fno-pie -mincoming-stack-boundary=3
BENCH_PROGRAMS := $(patsubst tests/bench/bench_%.c,$O/bench/bench_%,$(wildcard tests/bench/bench_*.c))
TEST_NEEDS += $O/bench/bench_tables $O/bench/bench_exit $O/bench/bench_size
BENCH_WORLD := $O/bench/tests/support/machine_map.o
BENCH_IMAGE := $(patsubst %.c,$O/hv-image/%.o,$(wildcard iommu/*/*.c) hv/partition/ept_map.c hv/partition/ept_types.c \
	hv/guest/mtrr.c hv/guest/window.c hv/machine/port.c drivers/crc32.c)

$O/bench/%.o: %.c Makefile
	@mkdir -p $(@D) && $(SAY) "CC $<"
	$(HOSTCC) $(BENCH_FLAGS) -c -o $@ $<
$O/bench/bench_%: $O/bench/tests/bench/bench_%.o $(BENCH_WORLD) $(BENCH_IMAGE)
	$(HV_LTO_LINK) -Wno-maybe-uninitialized -no-pie -Wl,--gc-sections -o $@ $(filter %.o,$^)

# The hosted part, then the exact one: the hypervisor's exits on the Bochs machine, run twice.
bench: $(BENCH_PROGRAMS) image $O/efi-tests/bench.efi $O/bochs/vtdunit.so ## what things cost: tables, obj/bench.html
	tools/setup test
	tests/bench/report $O/bench.json $(BENCH_PROGRAMS); hosted=$$?; \
		tests/bochs/bench.py $O/bench-exits.json; exits=$$?; \
		tests/bench/page $O/bench.html $O/bench.json $O/bench-exits.json && exit $$((hosted + exits))

# After a change that is meant: what `make bench` last counted is what the next run is compared with.
bench-keep: ## keep the figures of the last `make bench`, as tests/bench/figures
	tests/bench/page --keep $O/bench.json $O/bench-exits.json

# The same work on everything that a user could take instead; most of the time goes into KVM.
compare: ## Nestor beside the bare machine and KVM: instructions, exits and walks of the same work
	tools/setup test
	$(MAKE) QUIET=1 image $(RUN_NEEDS)
	tests/bench/compare
