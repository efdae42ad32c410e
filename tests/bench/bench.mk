# Benchmarks: the code of iommu/, and what builds the EPT, compiled as for the hypervisor (no vector registers), run hosted.
BENCH_FLAGS := $(COMMON) -g -mgeneral-regs-only -fno-stack-protector \
	-fcf-protection=none
BENCH_LIB := $O/bench/libiommu.a
BENCH_PROGRAMS := $(patsubst tests/bench/bench_%.c,$O/bench/bench_%,\
	$(wildcard tests/bench/bench_*.c))

BENCH_C := $(wildcard iommu/*/*.c) hv/partition/ept_map.c hv/partition/ept_types.c hv/guest/mtrr.c tests/support/machine_map.c

$(BENCH_C:%.c=$O/bench/%.o): $O/bench/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(HOSTCC) $(BENCH_FLAGS) -c -o $@ $<
$(BENCH_LIB): $(BENCH_C:%.c=$O/bench/%.o)
	rm -f $@ && ar rcsD $@ $^
# The world that the code runs in is cheap, but not part of it: compiled apart.
$O/bench/bench_%: tests/bench/bench_%.c $(BENCH_LIB) Makefile
	$(HOSTCC) $(COMMON) -g -o $@ $< $(BENCH_LIB)

# The hosted part, then the exact one: the hypervisor's exits on the Bochs machine, run twice.
bench: $(BENCH_PROGRAMS) image $O/efi-tests/bench.efi $O/bochs/vtdunit.so ## what things cost: tables, obj/bench*.json
	tools/setup test
	tests/bench/report $O/bench.json $(BENCH_PROGRAMS); hosted=$$?; \
		tests/bochs/bench.py $O/bench-exits.json && exit $$hosted
